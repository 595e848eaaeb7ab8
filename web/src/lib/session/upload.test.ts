import { describe, expect, it } from "vitest";
import { MAX_PAYLOAD, type Act } from "./message";
import { MAX_FILE, MAX_FILES, nameOf, Uploads, type There } from "./upload";

/** A session that settles pieces when it is told to. */
class Slow {
  sent: { act: Extract<Act, { type: "upload" }>; payload: Uint8Array }[] = [];
  waiting: string[] = [];
  room = true;
  /** What was taken as soon as it was there; null where it is left. */
  taken: There[] | null = null;
  readonly uploads: Uploads = new Uploads({
    send: (act, payload) => {
      if (!this.room || act.type !== "upload") return false;
      this.sent.push({ act, payload });
      this.waiting.push(act.file);
      // As an attachment does it.
      this.uploads.pump();
      return true;
    },
    waiting: (file) => this.waiting.filter((one) => one === file).length,
    changed: () => {
      if (this.taken !== null) this.taken = [...this.taken, ...this.uploads.take()];
    },
  });

  settle(): boolean {
    const any = this.waiting.shift() !== undefined;
    this.uploads.pump();
    return any;
  }
}

const file = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);

describe("a file", () => {
  it("goes in pieces that follow one another, a few at a time, and is then there", () => {
    const slow = new Slow();
    const bytes = file(10 * MAX_PAYLOAD + 5);
    expect(slow.uploads.add("abc.png", "Screen.png", bytes)).toBeNull();
    expect(slow.sent).toHaveLength(4);
    expect(slow.uploads.views).toMatchObject([{ at: "under_way", progress: 0, label: "Screen.png" }]);
    let most = 0;
    let progress = 0;
    while (slow.settle()) {
      most = Math.max(most, slow.waiting.length);
      const now = slow.uploads.views[0]?.progress ?? 0;
      expect(now).toBeGreaterThan(progress);
      progress = now;
    }
    expect(most).toBeLessThanOrEqual(4);
    expect(Buffer.concat(slow.sent.map(({ payload }) => payload)).equals(bytes)).toBe(true);
    expect(slow.sent.map(({ act }) => act.from)).toEqual(slow.sent.map((_, i) => i * MAX_PAYLOAD));
    expect(slow.sent.map(({ act }) => act.last)).toEqual(slow.sent.map((_, i) => i === 10));
    expect(slow.uploads.take()).toEqual([{ file: "abc.png", label: "Screen.png", size: bytes.length }]);
    expect(slow.uploads.views).toEqual([]);
  });

  it("that is empty is one piece", () => {
    const slow = new Slow();
    slow.uploads.add("a", "empty", file(0));
    expect(slow.sent).toMatchObject([{ act: { from: 0, last: true } }]);
    slow.settle();
    expect(slow.uploads.views).toMatchObject([{ at: "there", progress: 1 }]);
  });

  it("is not begun where it is too large, or one of too many", () => {
    const slow = new Slow();
    expect(slow.uploads.add("a", "big", new Uint8Array(MAX_FILE + 1))).toContain("larger");
    for (let i = 0; i < MAX_FILES; i++) expect(slow.uploads.add(`a${i}`, "one", file(1))).toBeNull();
    expect(slow.uploads.add("b", "one more", file(1))).toContain("At most");
  });

  it("that was refused stops, says why, and holds up no other", () => {
    const slow = new Slow();
    slow.uploads.add("a", "first", file(20 * MAX_PAYLOAD));
    slow.uploads.add("b", "second", file(3));
    const act = slow.sent[0]?.act as Act;
    expect(slow.uploads.failed(act, { kind: "environment", message: "The disk is full.", hint: "" })).toBe(true);
    while (slow.settle());
    expect(slow.uploads.views).toMatchObject([{ at: "failed", why: "The disk is full." }, { at: "there" }]);
    expect(slow.sent.filter(({ act }) => act.file === "a")).toHaveLength(4);
    expect(slow.uploads.failed({ type: "interrupt" }, { kind: "ended", message: "", hint: "" })).toBe(false);
  });

  it("is not there because another failed first, where both did", () => {
    const slow = new Slow();
    slow.uploads.add("a", "first", file(3));
    slow.uploads.add("b", "second", file(3));
    const why = { kind: "limited", message: "Not sent within ten minutes.", hint: "" } as const;
    // Their pieces are gone before any of it is told.
    slow.waiting = [];
    slow.taken = [];
    for (const { act } of slow.sent) slow.uploads.failed(act, why);
    expect([...slow.taken, ...slow.uploads.take()]).toEqual([]);
    expect(slow.uploads.views).toMatchObject([{ at: "failed" }, { at: "failed" }]);
  });

  it("that is taken away is not gone on with", () => {
    const slow = new Slow();
    slow.uploads.add("a", "first", file(20 * MAX_PAYLOAD));
    slow.uploads.remove("a");
    while (slow.settle());
    expect(slow.sent).toHaveLength(4);
    expect(slow.uploads.views).toEqual([]);
  });

  it("waits where there is no room", () => {
    const slow = new Slow();
    slow.room = false;
    slow.uploads.add("a", "first", file(3));
    expect(slow.sent).toEqual([]);
    expect(slow.uploads.take()).toEqual([]);
    slow.room = true;
    slow.uploads.pump();
    slow.settle();
    expect(slow.uploads.take()).toHaveLength(1);
  });

  it("has a name of its own, of which nothing but the ending is the person's", () => {
    expect(nameOf("r4nd0m", "Screen Shot.PNG")).toBe("r4nd0m.png");
    expect(nameOf("r4nd0m", "../../etc/passwd")).toBe("r4nd0m");
    expect(nameOf("r4nd0m", "x.p/../n")).toBe("r4nd0m");
    expect(nameOf("r4nd0m", `x.${"a".repeat(99)}`)).toBe("r4nd0m");
    expect(nameOf("r4nd0m", "archive.tar.gz")).toBe("r4nd0m.gz");
  });
});
