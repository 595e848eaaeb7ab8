import { describe, expect, it } from "vitest";
import { Attachment } from "./attachment";
import { MAX_PAYLOAD, type Act, type Failure, type ToClient } from "./message";
import { COMMAND_LIFETIME, MAX_INPUT_BYTES, MAX_UNSETTLED_BYTES, type Failed, type StoredEntry } from "./outbox";

const SIZE = { cols: 80, rows: 24 };
const NOTHING = new Uint8Array(0);
const MIB = 1024 * 1024;
const bytes = (text: string) => new TextEncoder().encode(text);

/** A text in which every place looks different from its neighbours. */
function long(length: number): Uint8Array<ArrayBuffer> {
  const made = new Uint8Array(length);
  for (let i = 0, x = 1; i < length; i++) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    made[i] = x >>> 24;
  }
  return made;
}

/** A link to a keeper that settles one command whenever it is told to. */
class Slow {
  now = 0;
  typed: Uint8Array[] = [];
  acts: string[] = [];
  columns: number[] = [];
  failed: Failed[] = [];
  kept: readonly StoredEntry[] = [];
  most = 0;
  readonly attachment: Attachment;
  #last = 0;
  #under: { n: number; act: Act; payload: Uint8Array }[] = [];

  constructor() {
    this.attachment = new Attachment(
      "s",
      {
        send: (header, payload = NOTHING) => {
          if (header.t === "command") this.#under.push({ n: header.n, act: header.do, payload });
          const under = this.#under.reduce((sum, command) => sum + command.payload.length, 0);
          this.most = Math.max(this.most, under);
          return true;
        },
        now: () => this.now,
        after: () => () => undefined,
      },
      {
        changed: () => undefined,
        event: () => undefined,
        failed: (failed) => void this.failed.push(failed),
        keep: (waiting) => (this.kept = waiting),
      },
      [],
    );
    this.attachment.show({ apply: (_, done) => done() }, SIZE);
  }

  online(): void {
    this.attachment.online();
    this.#hear({ t: "attached", session: "s", head: { epoch: 1, seq: 0 }, size: SIZE, applied: this.#last });
  }

  /** The channel breaks; of what is under way nothing arrives. */
  offline(): void {
    this.#under = [];
    this.attachment.offline();
  }

  /** Settles the oldest command; false where there is none. */
  settle(why?: Failure): boolean {
    const command = this.#under.shift();
    if (command === undefined) return false;
    this.now += 50;
    if (command.n <= this.#last) throw new Error(`number ${command.n} after ${this.#last}`);
    this.#last = command.n;
    if (why === undefined) {
      this.typed.push(command.payload);
      this.acts.push(command.act.type);
      if (command.act.type === "resize") this.columns.push(command.act.cols);
      this.#hear({ t: "applied", session: "s", n: command.n });
    } else {
      this.#hear({ t: "refused", session: "s", n: command.n, why });
    }
    return true;
  }

  settleAll(): void {
    while (this.settle());
  }

  get text(): Buffer {
    return Buffer.concat(this.typed);
  }

  #hear(message: ToClient): void {
    this.attachment.message(message, NOTHING);
  }
}

describe("input", () => {
  it("of 10 MB arrives whole and in order, and what is typed meanwhile comes behind it", () => {
    const slow = new Slow();
    slow.online();
    const paste = long(10_000_000);
    expect(slow.attachment.input(paste)).toBe(true);
    expect(slow.attachment.view.waitingBytes).toBe(10_000_000);
    for (const key of "make") {
      for (let i = 0; i < 20; i++) slow.settle();
      expect(slow.attachment.input(bytes(key))).toBe(true);
      expect(slow.kept.reduce((sum, { payload }) => sum + payload.length, 0)).toBeLessThanOrEqual(MAX_UNSETTLED_BYTES);
    }
    slow.attachment.takeSize();
    expect(slow.text.length).toBeLessThan(paste.length);
    slow.settleAll();
    expect(slow.text.equals(Buffer.concat([paste, bytes("make")]))).toBe(true);
    expect(slow.most).toBeLessThanOrEqual(MAX_UNSETTLED_BYTES);
    expect(slow.attachment.view).toMatchObject({ waiting: 0, waitingBytes: 0 });
    expect(slow.attachment.busy).toBe(false);
    // The size does not wait for the end of a paste.
    expect(slow.acts.indexOf("take_size")).toBeLessThan(slow.acts.length - 10);
    expect(slow.failed).toEqual([]);
  });

  it("of 10 MB arrives whole although the channel breaks, and although nobody looks on", () => {
    const slow = new Slow();
    const paste = long(10_000_000);
    expect(slow.attachment.input(paste)).toBe(true);
    slow.online();
    for (let i = 0; i < 60; i++) slow.settle();
    slow.offline();
    slow.attachment.input(bytes("\r"));
    slow.attachment.hide();
    expect(slow.attachment.busy).toBe(true);
    slow.online();
    slow.settleAll();
    expect(slow.text.equals(Buffer.concat([paste, bytes("\r")]))).toBe(true);
    expect(slow.failed).toEqual([]);
  });

  it("that is too much is refused before any of it is taken", () => {
    const slow = new Slow();
    slow.online();
    expect(slow.attachment.input(new Uint8Array(MAX_INPUT_BYTES + 1))).toBe(false);
    expect(slow.attachment.view).toMatchObject({ waiting: 0, waitingBytes: 0 });
    slow.attachment.input(bytes("ls"));
    slow.settleAll();
    expect(slow.text.toString()).toBe("ls");
  });

  it("is refused whole where it is too much with what waits already", () => {
    const slow = new Slow();
    slow.online();
    expect(slow.attachment.input(new Uint8Array(MAX_INPUT_BYTES - MIB))).toBe(true);
    expect(slow.attachment.input(new Uint8Array(2 * MIB))).toBe(false);
    expect(slow.attachment.input(new Uint8Array(MIB))).toBe(true);
    expect(slow.attachment.input(bytes("x"))).toBe(false);
    expect(slow.attachment.view.waitingBytes).toBe(MAX_INPUT_BYTES);
  });

  it("that waited too long for its host fails whole, and never from its middle on", () => {
    const slow = new Slow();
    slow.attachment.input(long(10_000_000));
    slow.now = COMMAND_LIFETIME / 2;
    slow.attachment.input(bytes("\r"));
    slow.now = COMMAND_LIFETIME;
    slow.online();
    slow.settleAll();
    expect(slow.text.length).toBe(0);
    expect(slow.failed.map(({ entry }) => entry.payload.length)).toEqual([10_000_000, 1]);
    slow.attachment.input(bytes("ls"));
    slow.settleAll();
    expect(slow.text.toString()).toBe("ls");
  });

  it("is not too old for as long as it moves on", () => {
    const slow = new Slow();
    slow.online();
    const paste = long(6 * MIB);
    slow.attachment.input(paste);
    slow.attachment.input(bytes("\r"));
    for (let i = 0; i < 100; i++) {
      slow.now += COMMAND_LIFETIME / 10;
      slow.settle();
    }
    slow.offline();
    slow.now += COMMAND_LIFETIME / 2;
    slow.online();
    slow.settleAll();
    expect(slow.text.equals(Buffer.concat([paste, bytes("\r")]))).toBe(true);
    expect(slow.failed).toEqual([]);
  });

  it("of which a piece is refused goes no further", () => {
    const slow = new Slow();
    slow.online();
    slow.attachment.input(long(10_000_000));
    slow.settle();
    slow.settle({ kind: "ended", message: "the session has ended", hint: "" });
    slow.settleAll();
    expect(slow.text.length).toBeLessThanOrEqual(MAX_UNSETTLED_BYTES + MAX_PAYLOAD);
    expect(slow.attachment.busy).toBe(false);
    expect(slow.failed.length).toBeGreaterThan(0);
  });
});

describe("a screen's size", () => {
  it("that is old and sent again does not override a newer one", () => {
    const slow = new Slow();
    slow.online();
    slow.attachment.resize({ cols: 100, rows: 50 });
    slow.offline();
    slow.attachment.resize({ cols: 132, rows: 50 });
    slow.online();
    slow.settleAll();
    expect(slow.columns).toEqual([100, 132]);
  });
});
