import { describe, expect, it } from "vitest";
import { Attachment } from "./attachment";
import { FIRST_ABOVE, type ScreenOp } from "./follow";
import { MAX_PAYLOAD, type Act, type Failure, type ToClient, type ToHost } from "./message";
import { COMMAND_LIFETIME, MAX_INPUT_BYTES, MAX_UNSETTLED_BYTES } from "./outbox";
import type { Failed, Kept } from "./stored";
import { bytes, quietEvents, quietIo, ticks, Timers } from "./testing";

const SIZE = { cols: 80, rows: 24 };
const NOTHING = new Uint8Array(0);
const MIB = 1024 * 1024;

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
  typed: Uint8Array[] = [];
  acts: string[] = [];
  columns: number[] = [];
  failed: Failed[] = [];
  most = 0;
  attaches = 0;
  keeps: Kept = "kept";
  readonly attachment: Attachment;
  readonly #timers = new Timers();
  #last = 0;
  #under: { n: number; act: Act; payload: Uint8Array }[] = [];

  constructor() {
    this.attachment = new Attachment(
      "s",
      quietIo({
        send: (header, payload = NOTHING) => {
          if (header.t === "attach") this.attaches += 1;
          if (header.t === "command") this.#under.push({ n: header.n, act: header.do, payload });
          const under = this.#under.reduce((sum, command) => sum + command.payload.length, 0);
          this.most = Math.max(this.most, under);
          return true;
        },
        now: () => this.#timers.now,
        after: this.#timers.after,
      }),
      quietEvents({
        failed: (failed) => void this.failed.push(failed),
        keep: () => Promise.resolve(this.keeps),
      }),
    );
    this.attachment.show({ apply: (_, done) => done(), above: 0 }, SIZE);
  }

  online(answers = true): void {
    this.attachment.online();
    if (answers) this.attached();
  }

  attached(): void {
    this.#hear({ t: "attached", session: "s", head: { epoch: 1, seq: 0 }, size: SIZE, applied: this.#last });
  }

  detached(why: Failure): void {
    this.#hear({ t: "detached", session: "s", why });
  }

  pass(ms: number): void {
    this.#timers.pass(ms);
  }

  get now(): number {
    return this.#timers.now;
  }

  /** Without a timer that runs. */
  set now(now: number) {
    this.#timers.now = now;
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

describe("an attach that the host refuses", () => {
  const why = (kind: Failure["kind"]) => ({ kind, message: "the session's keeper is gone", hint: "attach again" });
  const prompt = { id: "p", text: "fix it", enter: true, at: 0, begun: false };

  it.each(["limited", "environment", "internal"] as const)("is tried again where that passes: %s", (kind) => {
    const slow = new Slow();
    slow.online();
    slow.detached(why(kind));
    expect(slow.attachment.prompt(bytes("fix it\r"), prompt)).toBe(true);
    expect(slow.attachment.view).toMatchObject({ following: false, ended: { kind, again: true } });
    expect(slow.attaches).toBe(1);
    slow.pass(1_000);
    expect(slow.attaches).toBe(2);
    slow.detached(why(kind));
    slow.pass(1_000);
    expect(slow.attaches).toBe(2);
    slow.pass(1_000);
    expect(slow.attaches).toBe(3);
    slow.attached();
    expect(slow.attachment.view).toMatchObject({ following: true, ended: null });
  });

  it("says why what waited too long behind it was not sent", () => {
    const slow = new Slow();
    slow.online();
    slow.detached(why("environment"));
    slow.attachment.prompt(bytes("fix it\r"), { ...prompt, at: slow.now });
    slow.pass(COMMAND_LIFETIME);
    expect(slow.failed.map(({ why }) => why.message)).toEqual([expect.stringMatching(/keeper is gone/)]);
    expect(slow.attachment.view.prompts).toEqual([]);
  });

  it.each(["not_found", "forbidden", "ended", "invalid"] as const)(
    "fails what waits and what is given then, where it does not pass: %s",
    (kind) => {
      const slow = new Slow();
      slow.attachment.prompt(bytes("fix it\r"), prompt);
      slow.online(false);
      slow.detached(why(kind));
      expect(slow.failed).toMatchObject([{ prompt: { id: "p" }, why: { kind } }]);
      slow.attachment.prompt(bytes("again\r"), { ...prompt, id: "q" });
      expect(slow.failed).toMatchObject([{}, { prompt: { id: "q" }, why: { kind } }]);
      expect(slow.attachment.view).toMatchObject({ prompts: [], ended: { kind, again: false } });
    },
  );
});

describe("what cannot be written down", () => {
  it.each(["failed", "never"] as const)(
    "goes out all the same, and it is said that it is in memory only: %s",
    async (kept) => {
      const slow = new Slow();
      slow.keeps = kept;
      const prompt = { id: "p", text: "fix it", enter: true, at: 0, begun: false };
      slow.online();
      expect(slow.attachment.view.kept).toBe(true);
      slow.attachment.prompt(bytes("fix it\r"), prompt);
      slow.settleAll();
      expect(slow.text.toString()).toBe("");
      // Both that it is not there, and that nothing older is.
      await ticks();
      slow.settleAll();
      expect(slow.attachment.view.kept).toBe(false);
      // Where it cannot even be taken away, what may lie there is not sent as something else.
      expect(slow.text.toString()).toBe("fix it\r");
      expect(await slow.attachment.leave()).toBe(true);
    },
  );
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

const ROWS = 24;

/** A keeper of lines, one event each, over a network that delays and cuts; and a terminal that draws late. */
class Lines {
  readonly attachment: Attachment;
  /** What the terminal shows; numbers of lines. */
  shown: number[] = [];
  asked: Extract<ToHost, { t: "attach" }>[] = [];
  head = 0;
  now = 0;
  live = false;
  #under: { header: ToClient; payload: Uint8Array }[] = [];
  #undrawn: (() => void)[] = [];
  #at = 0;
  #above: number | null = null;
  #attached = false;
  #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
    this.attachment = new Attachment(
      "s",
      quietIo({
        send: (header) => {
          if (this.live && header.t === "attach") this.#attach(header);
          return this.live;
        },
        now: () => this.now,
        after: () => () => undefined,
      }),
      quietEvents(),
    );
    const above = () => Math.max(0, this.shown.length - ROWS);
    const screen = {
      apply: (op: ScreenOp, done: () => void) => void this.#undrawn.push(() => this.#draw(op, done)),
      get above() {
        return above();
      },
    };
    this.attachment.show(screen, SIZE);
  }

  online(): void {
    this.live = true;
    this.attachment.online();
  }

  cut(): void {
    this.live = false;
    this.#attached = false;
    this.#under = [];
    this.attachment.offline();
  }

  print(): void {
    this.head += 1;
    if (this.#attached) this.#line(this.head);
  }

  /** It was too slow: a snapshot comes instead of what was not sent. */
  skip(): void {
    if (!this.#attached) return;
    this.head += 40;
    this.#snapshot();
  }

  hear(): boolean {
    const next = this.#under.shift();
    if (next !== undefined) this.attachment.message(next.header, next.payload);
    return next !== undefined;
  }

  draw(): boolean {
    const next = this.#undrawn.shift();
    next?.();
    return next !== undefined;
  }

  settle(): void {
    while (this.hear() || this.draw());
  }

  /** What it shows ends where the log does, or did, and has no hole. */
  check(): void {
    const first = this.shown[0] ?? 1;
    expect(this.shown).toEqual(Array.from({ length: this.shown.length }, (_, i) => first + i));
  }

  #draw(op: ScreenOp, done: () => void): void {
    if (op.op === "reset") this.shown = [];
    if (op.op === "write") {
      const text = new TextDecoder().decode(op.bytes);
      for (const line of text.split("\n").filter(Boolean)) this.shown.push(Number(line));
    }
    done();
  }

  #say(header: ToClient, text = ""): void {
    this.#under.push({ header, payload: bytes(text) });
  }

  #attach(header: Extract<ToHost, { t: "attach" }>): void {
    this.asked.push(header);
    this.#attached = true;
    this.#above = header.scrollback ?? null;
    this.#say({ t: "attached", session: "s", head: { epoch: 1, seq: this.head }, size: SIZE, applied: 0 });
    const after = header.after?.seq ?? null;
    if (after === null || header.redraw === true || this.#random() < 0.1) {
      this.#snapshot();
      return;
    }
    this.#at = after;
    while (this.#at < this.head) this.#line(this.#at + 1);
  }

  #line(n: number): void {
    this.#at = n;
    this.#say({ t: "event", session: "s", epoch: 1, seq: n, at: 0, kind: "output" }, `${n}\n`);
  }

  #snapshot(): void {
    this.#at = this.head;
    const lines = Array.from({ length: this.head }, (_, i) => i + 1);
    const some = this.#above === null ? lines : lines.slice(-(this.#above + ROWS));
    const text = some.map((n) => `${n}\n`).join("");
    const pieces = text.match(/[^]{1,500}/g) ?? [""];
    for (const [part, piece] of pieces.entries()) {
      const last = part === pieces.length - 1;
      this.#say({ t: "snapshot", session: "s", epoch: 1, seq: this.head, ...SIZE, part, last }, piece);
    }
  }
}

describe("a screen", () => {
  function seeded(seed: number): () => number {
    let x = seed;
    return () => (x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  }

  it("comes first, and what is above it once it is wanted", () => {
    const lines = new Lines(() => 1);
    lines.head = 10_000;
    lines.online();
    lines.settle();
    expect(lines.shown).toHaveLength(FIRST_ABOVE + ROWS);
    expect(lines.attachment.view).toMatchObject({ following: true, older: "missing" });
    lines.attachment.complete();
    expect(lines.attachment.view).toMatchObject({ following: true, older: "wanted" });
    lines.settle();
    expect(lines.shown).toHaveLength(10_000);
    expect(lines.attachment.view).toMatchObject({ following: true, older: "here" });
    expect(lines.asked.map(({ scrollback, redraw }) => [scrollback, redraw])).toEqual([
      [FIRST_ABOVE, undefined],
      [undefined, true],
    ]);
    lines.cut();
    lines.print();
    lines.online();
    lines.settle();
    expect(lines.asked[2]).toMatchObject({ after: { epoch: 1, seq: 10_000 } });
    expect(lines.shown).toHaveLength(10_001);
  });

  it("whose older lines were on a slow link does not fetch them anew with every channel", () => {
    const lines = new Lines(() => 1);
    lines.head = 10_000;
    lines.online();
    lines.settle();
    lines.attachment.complete();
    for (let piece = 0; piece < 5; piece++) lines.hear();
    lines.now += 5_000;
    lines.cut();
    expect(lines.attachment.view.older).toBe("missing");
    lines.print();
    lines.online();
    lines.settle();
    expect(lines.asked.at(-1)).toMatchObject({ after: { epoch: 1, seq: 10_000 } });
    expect(lines.asked.map(({ redraw }) => redraw)).toEqual([undefined, true, undefined]);
    expect(lines.shown.at(-1)).toBe(10_001);
    // Until somebody wants them again.
    lines.attachment.complete();
    lines.settle();
    expect(lines.shown).toHaveLength(10_001);
  });

  it("that has everything asks for nothing", () => {
    const lines = new Lines(() => 1);
    lines.head = 50;
    lines.online();
    lines.settle();
    lines.attachment.complete();
    expect(lines.attachment.view.older).toBe("here");
    expect(lines.asked).toHaveLength(1);
  });

  it.each(Array.from({ length: 60 }, (_, i) => i + 1))(
    "has all lines in the end, none twice, whatever the network does (%i)",
    (seed) => {
      const random = seeded(seed);
      const lines = new Lines(random);
      lines.head = Math.floor(random() * 1500);
      for (let step = 0; step < 400; step++) {
        const what = random();
        if (what < 0.35) lines.hear();
        else if (what < 0.65) lines.draw();
        else if (what < 0.9) lines.print();
        else if (what < 0.92) lines.skip();
        else if (what < 0.94) lines.attachment.complete();
        else if (lines.live && what < 0.95) lines.cut();
        else if (!lines.live) lines.online();
        lines.check();
      }
      if (lines.live) lines.cut();
      lines.online();
      lines.attachment.complete();
      lines.settle();
      lines.check();
      expect(lines.shown.at(-1)).toBe(lines.head === 0 ? undefined : lines.head);
      expect(lines.shown).toHaveLength(lines.head);
      expect(lines.attachment.view.older).toBe("here");
    },
  );
});

describe("a message to the agent", () => {
  const FILE = { file: "a.png", label: "A.png", size: 1 };
  const prompt = { id: "p", text: "Fix it", enter: true, files: [FILE], at: 0, begun: false };
  const act: Act = { type: "prompt", files: ["a.png"] };

  it("is written down before it is sent, and is told to have been taken", async () => {
    const slow = new Slow();
    slow.online();
    slow.attachment.prompt(bytes("Fix it"), prompt, act);
    expect(slow.attachment.waiting).toMatchObject([{ act, prompt: "p" }]);
    expect(slow.settle()).toBe(false);
    await ticks();
    expect(slow.attachment.view.prompts).toMatchObject([{ prompt: { id: "p" }, at: "at_host" }]);
    slow.settleAll();
    expect(slow.acts).toEqual(["prompt"]);
    expect(slow.text.toString()).toBe("Fix it");
    expect(slow.attachment.view.prompts).toMatchObject([{ prompt: { id: "p" }, at: "taken" }]);
  });

  it("does not overtake a paste that waits behind the commands", () => {
    const slow = new Slow();
    slow.online();
    slow.attachment.input(long(8 * MIB));
    expect(slow.attachment.prompt(bytes("Fix it"), prompt, act)).toBe(false);
  });

  it("fails with its words and files where the host refuses it", async () => {
    const slow = new Slow();
    slow.online();
    slow.attachment.prompt(bytes("Fix it"), prompt, act);
    await ticks();
    slow.settle({ kind: "invalid", message: "there is no such file", hint: "" });
    expect(slow.failed).toMatchObject([{ prompt: { text: "Fix it", files: [FILE] }, unsure: false }]);
  });
});

describe("who else listens", () => {
  it("hears what comes, is told of a cut, and keeps what it shows itself from being told twice", () => {
    const slow = new Slow();
    const heard: string[] = [];
    slow.attachment.tap = {
      message: ({ t }) => void heard.push(t),
      cut: () => void heard.push("cut"),
    };
    slow.attachment.carrier = { changed: () => undefined, failed: ({ entry }) => entry.act.type === "upload" };
    slow.online();
    slow.attachment.message({ t: "past_end", session: "s", before: 1, more: false }, NOTHING);
    slow.attachment.command({ type: "upload", file: "f", from: 0, last: true }, bytes("x"));
    slow.attachment.interrupt();
    slow.settle({ kind: "environment", message: "The disk is full.", hint: "" });
    slow.settle({ kind: "ended", message: "It has ended.", hint: "" });
    slow.offline();
    expect(heard).toEqual(["attached", "past_end", "refused", "refused", "cut"]);
    expect(slow.failed.map(({ entry }) => entry.act.type)).toEqual(["interrupt"]);
  });
});

describe("a file that goes up", () => {
  it("goes on to its end where nobody looks on any more, and then nobody does", () => {
    const slow = new Slow();
    slow.online();
    let left = 3;
    const piece = () =>
      slow.attachment.command({ type: "upload", file: "f", from: 3 - left, last: left === 1 }, bytes("x"));
    slow.attachment.carrier = {
      changed: () => {
        const under = slow.attachment.waiting.length;
        if (under > 0 || left === 0) return;
        left -= 1;
        piece();
      },
      failed: () => false,
    };
    piece();
    slow.attachment.hide();
    slow.settleAll();
    expect(slow.acts.filter((type) => type === "upload")).toHaveLength(4);
    expect(slow.attachment.view.following).toBe(false);
  });
});

describe("a grant", () => {
  it("is taken back where nobody looks on, and then nobody does", () => {
    const slow = new Slow();
    slow.attachment.hide();
    slow.online(false);
    expect(slow.attaches).toBe(0);
    slow.attachment.revoke("approvalapproval");
    slow.attachment.revoke("otherotherothero");
    expect(slow.attaches).toBe(1);
    slow.attached();
    expect(slow.attachment.view.following).toBe(true);
    slow.settleAll();
    expect(slow.acts).toEqual(["revoke", "revoke"]);
    expect(slow.attachment.busy).toBe(false);
    expect(slow.attachment.view.following).toBe(false);
  });

  it("is taken back where somebody does", () => {
    const slow = new Slow();
    slow.online();
    const { attaches } = slow;
    slow.attachment.revoke("approvalapproval");
    slow.settleAll();
    expect([slow.acts, slow.attaches]).toEqual([["revoke"], attaches]);
    expect(slow.attachment.view.following).toBe(true);
  });
});
