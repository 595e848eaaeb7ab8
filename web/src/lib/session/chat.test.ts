import { describe, expect, it } from "vitest";
import { GAP_PAGES, MAX_ITEMS, Transcript } from "./chat";
import type { Chat, Event } from "./message";
import { MAX_ITEM, type Item } from "./said";
import { bytes } from "./testing";

interface Entry {
  seq: number;
  event: Event;
  payload: Uint8Array;
}

/** A keeper that has a log, and answers `past` when it is told to. */
class Keeper {
  readonly log: Entry[] = [];
  readonly asked: number[] = [];
  readonly chat = new Transcript((before) => this.asked.push(before));
  /** How many things a page has. */
  page = 4;
  epoch = 1;
  /** What this client was told up to. */
  #told = 0;

  add(event: Event, payload: string | Uint8Array = ""): void {
    const body = typeof payload === "string" ? bytes(payload) : payload;
    this.log.push({ seq: this.log.length + 1, event, payload: body });
  }

  say(chat: Chat, pieces = 1): void {
    const all = bytes(JSON.stringify(chat));
    const length = Math.ceil(all.length / pieces);
    for (let part = 0; part < pieces; part++) {
      const last = part === pieces - 1;
      this.add({ kind: "chat", part, last }, all.subarray(part * length, (part + 1) * length));
    }
  }

  text(text: string): void {
    this.say({ type: "agent", text });
  }

  texts(count: number): void {
    for (let i = 0; i < count; i++) this.text(`text ${this.log.length + 1}`);
  }

  /** Tells what is new. */
  tell(): void {
    for (const { seq, event, payload } of this.log.slice(this.#told)) {
      this.chat.event(this.epoch, seq, 0, event, payload);
    }
    this.#told = this.log.length;
  }

  /** Skips what is new. */
  snapshot(): void {
    this.#told = this.log.length;
    this.chat.snapshot(this.epoch, this.#told);
  }

  /** Answers the oldest that was asked; false where nothing was. */
  answer(upTo = Infinity): boolean {
    const before = this.asked.shift();
    if (before === undefined) return false;
    const past = this.log.filter(({ seq, event }) => seq < before && event.kind === "chat");
    let from = past.length;
    for (let things = 0; from > 0 && things < this.page; things++) {
      do from -= 1;
      while (from > 0 && !isFirst(past[from]));
    }
    const page = past.slice(from);
    for (const { seq, event, payload } of page.slice(0, upTo)) this.chat.past(seq, 0, event, payload);
    if (upTo === Infinity) this.chat.pastEnd(before, from > 0);
    return true;
  }

  answerAll(): void {
    while (this.answer());
  }
}

function isFirst(entry: Entry | undefined): boolean {
  return entry?.event.kind === "chat" && entry.event.part === 0;
}

function texts(rows: readonly Item[]): string[] {
  return rows.map(({ what }) => {
    if (what.kind === "broken") return what.why;
    if (what.kind !== "chat") return what.kind;
    return "text" in what.chat ? what.chat.text : what.chat.type;
  });
}

describe("a chat", () => {
  it("begins with its last page, and goes upwards when that is wanted", () => {
    const keeper = new Keeper();
    keeper.texts(10);
    keeper.snapshot();
    expect(keeper.asked).toEqual([11]);
    expect(keeper.chat.loading).toBe(true);
    keeper.answer();
    expect(texts(keeper.chat.rows)).toEqual(["text 7", "text 8", "text 9", "text 10"]);
    expect(keeper.chat).toMatchObject({ more: true, loading: false, top: 7 });
    keeper.chat.older();
    keeper.chat.older();
    expect(keeper.asked).toEqual([7]);
    keeper.answer();
    keeper.text("live");
    keeper.tell();
    keeper.chat.older();
    keeper.answer();
    expect(texts(keeper.chat.rows)).toEqual([...Array.from({ length: 10 }, (_, i) => `text ${i + 1}`), "live"]);
    expect(keeper.chat.more).toBe(false);
    keeper.chat.older();
    expect(keeper.asked).toEqual([]);
  });

  it("of a session that was followed from its beginning asks for nothing", () => {
    const keeper = new Keeper();
    keeper.add({ kind: "output" }, "…");
    keeper.texts(3);
    keeper.tell();
    expect(texts(keeper.chat.rows)).toHaveLength(3);
    expect(keeper.chat).toMatchObject({ more: false, loading: false });
    expect(keeper.asked).toEqual([]);
  });

  it("shows what waits for the agent until that has it, whichever of them a page has", () => {
    const keeper = new Keeper();
    keeper.say({ type: "queued", text: "first", by: "phone" }, 2);
    const first = keeper.log.length;
    keeper.say({ type: "queued", text: "second", by: "phone" });
    keeper.snapshot();
    keeper.answerAll();
    expect(texts(keeper.chat.rows)).toEqual(["first", "second"]);
    keeper.say({ type: "user", text: "first", by: "phone" });
    keeper.say({ type: "taken", queued: first });
    keeper.tell();
    expect(texts(keeper.chat.rows)).toEqual(["second", "first"]);

    const later = new Keeper();
    later.page = 2;
    later.log.push(...keeper.log);
    later.snapshot();
    later.answer();
    expect(texts(later.chat.rows)).toEqual(["first"]);
    later.chat.older();
    later.answer();
    expect(texts(later.chat.rows)).toEqual(["second", "first"]);
  });

  it("has nothing twice and misses nothing where a snapshot skips what it had not heard", () => {
    const keeper = new Keeper();
    keeper.texts(6);
    keeper.snapshot();
    keeper.answerAll();
    keeper.texts(9);
    keeper.snapshot();
    keeper.text("live");
    keeper.tell();
    expect(keeper.chat.loading).toBe(true);
    keeper.answerAll();
    expect(texts(keeper.chat.rows)).toEqual([...Array.from({ length: 13 }, (_, i) => `text ${i + 3}`), "live"]);
    expect(keeper.chat).toMatchObject({ more: true, loading: false, top: 3 });
  });

  it("begins anew where what it missed is more than it fetches at once", () => {
    const keeper = new Keeper();
    keeper.texts(6);
    keeper.snapshot();
    keeper.answerAll();
    keeper.texts(100);
    keeper.snapshot();
    keeper.answerAll();
    const held = GAP_PAGES * keeper.page;
    expect(texts(keeper.chat.rows)).toEqual(Array.from({ length: held }, (_, i) => `text ${106 - held + 1 + i}`));
    expect(keeper.chat).toMatchObject({ more: true, loading: false, top: 106 - held + 1 });
  });

  it("asks again for a page that a broken connection cut off", () => {
    const keeper = new Keeper();
    keeper.texts(6);
    keeper.snapshot();
    keeper.answer(2);
    keeper.chat.cut();
    keeper.chat.attached();
    expect(keeper.asked).toEqual([7]);
    keeper.answer();
    expect(texts(keeper.chat.rows)).toEqual(["text 3", "text 4", "text 5", "text 6"]);
    keeper.chat.older();
    keeper.answer(1);
    keeper.chat.cut();
    keeper.chat.attached();
    keeper.answer();
    expect(texts(keeper.chat.rows)).toHaveLength(6);
  });

  it("does not take an earlier page's answer for the one that it waits for", () => {
    const keeper = new Keeper();
    keeper.texts(6);
    keeper.snapshot();
    keeper.texts(20);
    keeper.snapshot();
    expect(keeper.asked).toEqual([7, 27]);
    keeper.answerAll();
    expect(texts(keeper.chat.rows)).toEqual(["text 23", "text 24", "text 25", "text 26"]);
    expect(keeper.chat.top).toBe(23);
  });

  it("does not go on behind a hole", () => {
    const keeper = new Keeper();
    keeper.texts(2);
    keeper.tell();
    keeper.chat.event(1, 9, 0, { kind: "chat", part: 0, last: true }, bytes('{"type":"note","text":"far"}'));
    expect(texts(keeper.chat.rows)).toEqual(["text 1", "text 2"]);
    keeper.texts(1);
    keeper.tell();
    expect(texts(keeper.chat.rows)).toEqual(["text 1", "text 2", "text 3"]);
  });

  it("forgets what it had where the log has a new epoch", () => {
    const keeper = new Keeper();
    keeper.texts(3);
    keeper.tell();
    keeper.epoch = 2;
    keeper.log.splice(1);
    keeper.text("another");
    keeper.snapshot();
    expect(keeper.chat.rows).toEqual([]);
    keeper.answerAll();
    expect(texts(keeper.chat.rows)).toEqual(["text 1", "another"]);
  });

  it("joins pieces, also across a reconnect, and over a snapshot that comes between them", () => {
    const keeper = new Keeper();
    keeper.say({ type: "agent", text: "ä".repeat(100) }, 7);
    const [head, tail] = [keeper.log.slice(0, 3), keeper.log.slice(3)];
    for (const { seq, event, payload } of head) keeper.chat.event(1, seq, 0, event, payload);
    keeper.chat.cut();
    keeper.chat.attached();
    for (const { seq, event, payload } of [...head, ...tail]) keeper.chat.event(1, seq, 0, event, payload);
    expect(texts(keeper.chat.rows)).toEqual(["ä".repeat(100)]);

    const late = new Keeper();
    late.text("before");
    late.say({ type: "agent", text: "whole" }, 3);
    late.chat.snapshot(1, 2);
    late.answerAll();
    for (const { seq, event, payload } of late.log.slice(2)) late.chat.event(1, seq, 0, event, payload);
    late.answerAll();
    expect(texts(late.chat.rows)).toEqual(["before", "whole"]);
  });

  it("shows what does not read, what is too large and what a later version says, each as such", () => {
    const keeper = new Keeper();
    keeper.add({ kind: "chat", part: 0, last: true }, "{]");
    keeper.say({ type: "agent", text: "x".repeat(MAX_ITEM) }, 40);
    keeper.add({ kind: "chat", part: 0, last: true }, '{"type":"hologram","depth":3}');
    keeper.add({ kind: "chat", part: 0, last: true }, '{"type":"plan","steps":"none"}');
    keeper.add({ kind: "chat", part: 0, last: true }, '{"type":"call","call":"c","tool":{"name":"X","changes":[{}]}}');
    keeper.add({ kind: "chat", part: 0, last: true }, "null");
    keeper.text("goes on");
    keeper.tell();
    expect(texts(keeper.chat.rows)).toEqual([
      "Something was said here that cannot be read.",
      "Something that was said here is larger than one mebibyte, and is not shown.",
      ...Array.from({ length: 4 }, () => "unknown"),
      "goes on",
    ]);
  });

  it("joins a result to its call, whichever page it comes with", () => {
    const keeper = new Keeper();
    const call = (call: string): Chat => ({ type: "call", call, tool: { name: "Bash", kind: "run", input: null } });
    const result = (call: string): Chat => ({ type: "result", call, outcome: "done", text: `of ${call}` });
    keeper.page = 2;
    keeper.say(call("a"));
    keeper.say(call("b"));
    keeper.say(result("a"));
    keeper.say(result("b"));
    keeper.snapshot();
    keeper.answer();
    expect(texts(keeper.chat.rows)).toEqual(["of a", "of b"]);
    keeper.chat.older();
    keeper.answer();
    expect(keeper.chat.rows.map(({ result }) => result?.text)).toEqual(["of a", "of b"]);
    keeper.say(call("c"));
    keeper.tell();
    const waiting = keeper.chat.rows.at(-1);
    expect(waiting?.result).toBeUndefined();
    keeper.say(result("c"));
    keeper.tell();
    expect(keeper.chat.rows).toHaveLength(3);
    expect(keeper.chat.rows.at(-1)).toMatchObject({ seq: waiting?.seq, result: { text: "of c" } });
  });

  it("knows the newest plan and setup, and keeps the setup out of what is shown", () => {
    const keeper = new Keeper();
    keeper.say({ type: "setup", model: "old" });
    keeper.say({ type: "plan", steps: [{ text: "one", state: "open" }] });
    keeper.say({ type: "setup", model: "new" });
    keeper.say({ type: "plan", steps: [{ text: "one", state: "done" }] });
    keeper.page = 2;
    keeper.snapshot();
    keeper.answer();
    keeper.chat.older();
    keeper.answer();
    expect(keeper.chat.setup?.model).toBe("new");
    expect(keeper.chat.plan?.steps[0]?.state).toBe("done");
    expect(texts(keeper.chat.rows)).toEqual(["plan", "plan"]);
  });

  it("has what was asked, decided and taken back between what was said", () => {
    const keeper = new Keeper();
    const approval = {
      id: "a",
      digest: "d",
      length: 1,
      source: "ask",
      title: "Deploy?",
      risk: "normal" as const,
      asked_at: 0,
      expires_at: 1,
      state: "pending" as const,
    };
    keeper.text("one");
    keeper.add({ kind: "asked", approval, part: 0, last: false }, "{");
    keeper.add({ kind: "asked", approval, part: 1, last: true }, "}");
    keeper.add({ kind: "decided", approval: "a", state: "expired", decided_at: 2 });
    keeper.add({ kind: "revoked", grant: "a", by: { label: "local" } });
    keeper.tell();
    expect(texts(keeper.chat.rows)).toEqual(["one", "asked", "decided", "revoked"]);
    expect(keeper.chat.rows[1]).toMatchObject({ from: 2, seq: 2 });
    expect(keeper.chat.rows[2]?.what).toMatchObject({ approval: "a", state: { state: "expired" } });
  });

  it("drops what is far above what is looked at, and fetches it again", () => {
    const keeper = new Keeper();
    keeper.page = 1_000;
    keeper.texts(MAX_ITEMS + 500);
    keeper.tell();
    keeper.chat.trim(MAX_ITEMS + 400);
    expect(keeper.chat.rows).toHaveLength(MAX_ITEMS);
    expect(keeper.chat).toMatchObject({ more: true, top: 501 });
    // Somebody who reads the beginning keeps it.
    keeper.texts(1_000);
    keeper.tell();
    keeper.chat.trim(501);
    expect(keeper.chat.top).toBe(501);
    keeper.chat.older();
    keeper.answer();
    expect(keeper.chat).toMatchObject({ more: false, top: 1 });
    expect(keeper.chat.rows).toHaveLength(MAX_ITEMS + 1_500);
  });
});

describe("what is said just now", () => {
  const partial = (item: string, from: number): Event => ({ kind: "partial", item, from });

  it("grows, and gives way to the whole of it", () => {
    const keeper = new Keeper();
    const text = bytes("grüße");
    keeper.add(partial("m", 0), text.subarray(0, 3));
    keeper.tell();
    expect(keeper.chat.partials).toMatchObject([{ text: "gr", cut: false }]);
    keeper.add(partial("m", 3), text.subarray(3));
    keeper.tell();
    expect(keeper.chat.partials).toMatchObject([{ text: "grüße", cut: false }]);
    keeper.say({ type: "agent", item: "m", text: "grüße!" });
    keeper.tell();
    expect(keeper.chat.partials).toEqual([]);
    expect(texts(keeper.chat.rows)).toEqual(["grüße!"]);
  });

  it("says where its beginning is missing, until more of it comes", () => {
    const keeper = new Keeper();
    keeper.text("before");
    keeper.add(partial("m", 0), "one ");
    keeper.snapshot();
    keeper.add(partial("m", 5), bytes("é two").subarray(1));
    keeper.tell();
    expect(keeper.chat.partials).toMatchObject([{ text: " two", cut: true }]);
    // The page that reaches to the head has the newest of it.
    keeper.chat.past(2, 0, partial("m", 0), bytes("one é two"));
    keeper.answer();
    expect(keeper.chat.partials).toMatchObject([{ text: "one é two", cut: false }]);
    keeper.add(partial("m", 10), " three");
    keeper.tell();
    expect(keeper.chat.partials).toMatchObject([{ text: "one é two three", cut: false }]);
  });

  it("is gone when the turn is over", () => {
    const keeper = new Keeper();
    keeper.add(partial("m", 0), "never said");
    keeper.say({ type: "turn", outcome: "interrupted" });
    keeper.tell();
    expect(keeper.chat.partials).toEqual([]);
  });

  it("is gone when the end of its turn comes with a page", () => {
    const keeper = new Keeper();
    keeper.text("before");
    keeper.add(partial("m", 0), "never said");
    keeper.tell();
    keeper.say({ type: "turn", outcome: "interrupted" });
    keeper.snapshot();
    expect(keeper.chat.partials).toHaveLength(1);
    keeper.answerAll();
    expect(texts(keeper.chat.rows)).toEqual(["before", "turn"]);
    expect(keeper.chat.partials).toEqual([]);
  });

  it("does not come back with a page, where it was said or its turn is over", () => {
    const keeper = new Keeper();
    keeper.text("before");
    keeper.snapshot();
    keeper.answerAll();
    keeper.add(partial("m", 0), "said");
    keeper.say({ type: "agent", item: "m", text: "said!" });
    keeper.add(partial("n", 0), "never said");
    keeper.say({ type: "turn", outcome: "interrupted" });
    keeper.add(partial("o", 0), "said now");
    keeper.snapshot();
    for (const { seq, event, payload } of keeper.log.slice(1)) keeper.chat.past(seq, 0, event, payload);
    keeper.chat.pastEnd(keeper.asked.shift() ?? 0, true);
    expect(keeper.chat.partials).toMatchObject([{ item: "o", text: "said now" }]);
  });
});
