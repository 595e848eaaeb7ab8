import { describe, expect, it } from "vitest";
import { MAX_PAYLOAD, type Act, type Size } from "./message";
import {
  COMMAND_LIFETIME,
  MAX_UNSETTLED,
  MAX_UNSETTLED_BYTES,
  MAX_WAITING,
  MAX_WAITING_BYTES,
  Outbox,
  RESERVE,
  type Outgoing,
} from "./outbox";
import { NOTHING_LEFT, type Stored } from "./stored";
import { bytes } from "./testing";

const INPUT: Act = { type: "input" };
const texts = ({ commands }: Outgoing) => commands.map(({ n, payload }) => `${n}:${new TextDecoder().decode(payload)}`);

/** What a page leaves that is killed once this was written down. */
function left(outbox: Outbox): Stored | null {
  const snapshot = outbox.snapshot();
  outbox.stored(snapshot);
  return structuredClone(snapshot.stored);
}

/** A keeper, as far as commands go: each number once, in order. */
class Keeper {
  last = 0;
  typed = "";

  take({ commands }: { commands: readonly Outgoing["commands"][number][] }): void {
    for (const { n, payload } of commands) {
      if (n === this.last + 1) {
        this.last = n;
        this.typed += new TextDecoder().decode(payload);
      } else if (n > this.last) {
        throw new Error(`number ${n} after ${this.last}`);
      }
    }
  }
}

describe("commands", () => {
  it("wait until attached, and then go in order", () => {
    const outbox = new Outbox();
    outbox.push(INPUT, bytes("a"), 0);
    outbox.push({ type: "interrupt" }, bytes(""), 0);
    expect(outbox.poll(0).commands).toEqual([]);
    outbox.attached(0, 0);
    expect(texts(outbox.poll(0))).toEqual(["1:a", "2:"]);
    expect(outbox.poll(0).commands).toEqual([]);
    outbox.applied(2);
    expect(outbox.waiting).toEqual([]);
  });

  it("join while they wait", () => {
    const outbox = new Outbox();
    outbox.push(INPUT, bytes("a"), 0);
    outbox.push(INPUT, bytes("b"), 10);
    outbox.attached(0, 20);
    expect(texts(outbox.poll(0))).toEqual(["1:ab"]);
  });

  it("are applied once, whatever was lost: the command, or only the answer", () => {
    for (const arrived of [0, 1, 2]) {
      const keeper = new Keeper();
      const outbox = new Outbox();
      outbox.attached(0, 0);
      outbox.push(INPUT, bytes("a"), 0);
      const first = outbox.poll(0);
      outbox.push(INPUT, bytes("b"), 0);
      const second = outbox.poll(0);
      keeper.take({ commands: [...first.commands, ...second.commands].slice(0, arrived) });
      outbox.detached();
      outbox.push(INPUT, bytes("c"), 1);
      outbox.attached(keeper.last, 2);
      keeper.take(outbox.poll(0));
      expect(keeper.typed).toBe("abc");
    }
  });

  it("outlive the page", () => {
    const keeper = new Keeper();
    const outbox = new Outbox();
    outbox.attached(0, 0);
    outbox.push(INPUT, bytes("a"), 0);
    keeper.take(outbox.poll(0));
    outbox.push(INPUT, bytes("b"), 0);
    const later = new Outbox(left(outbox));
    later.attached(keeper.last, 5);
    keeper.take(later.poll(0));
    expect(keeper.typed).toBe("ab");
  });

  it("are not taken for what another page had under way, in a session of which that page wrote nothing down", () => {
    const keeper = new Keeper();
    const earlier = new Outbox();
    earlier.attached(0, 0);
    for (const key of "abc") earlier.push(INPUT, bytes(key), 0);
    const late = earlier.poll(0);
    const page = new Outbox(NOTHING_LEFT);
    page.push(INPUT, bytes("x"), 1);
    page.attached(keeper.last, 1);
    keeper.take(late);
    for (let i = 0; i < 2; i++) {
      keeper.take(page.poll(1));
      page.applied(keeper.last);
    }
    expect(keeper.typed).toBe("abcx");
  });

  it("are never further ahead of what the next page knows than that page leaves out", () => {
    const outbox = new Outbox();
    outbox.attached(0, 0);
    const sent: number[] = [];
    const press = () => {
      outbox.push({ type: "interrupt" }, bytes(""), 0);
      const { commands, store } = outbox.poll(0);
      expect(store).toBe(false);
      sent.push(...commands.map(({ n }) => n));
    };
    for (let i = 0; i < 3 * RESERVE; i++) press();
    expect(sent.at(-1)).toBe(RESERVE);
    outbox.applied(5);
    press();
    expect(sent.at(-1)).toBe(RESERVE + 5);
  });

  it("that nobody can write down go out as long as no later page sends them again", () => {
    const outbox = new Outbox();
    outbox.prompt(bytes("p"), { id: "p", text: "p", enter: true, at: 0, begun: false });
    const snapshot = outbox.snapshot();
    expect(snapshot.stored).not.toBeNull();
    outbox.attached(0, 0);
    // It may lie there without a number.
    expect(outbox.poll(0, false).commands).toEqual([]);
    outbox.forgotten();
    expect(outbox.poll(0, false)).toMatchObject({ commands: [{ n: 1 }], store: false });
  });

  it("that were sent and not confirmed are not said to have done nothing", () => {
    const why = { kind: "not_found", message: "No such session.", hint: "" } as const;
    for (const end of [
      (outbox: Outbox) => outbox.abandon(why, 1),
      (outbox: Outbox) => outbox.expire(COMMAND_LIFETIME),
    ]) {
      const outbox = new Outbox();
      outbox.attached(0, 0);
      outbox.push(INPUT, bytes("sent"), 0);
      outbox.poll(0);
      outbox.detached();
      outbox.push({ type: "interrupt" }, bytes(""), 0);
      const failed = end(outbox);
      expect(failed.map(({ unsure, why }) => [unsure, /may have been taken/.test(why.message)])).toEqual([
        [true, true],
        [false, false],
      ]);
    }
    const outbox = new Outbox();
    outbox.attached(0, 0);
    outbox.push(INPUT, bytes("x"), 0);
    outbox.poll(0);
    expect(outbox.refused(1, why)).toMatchObject([{ unsure: false, why }]);
  });

  it("fail visibly when too old, and never fire late; a number that was given out is not skipped", () => {
    const keeper = new Keeper();
    const outbox = new Outbox();
    outbox.attached(0, 0);
    outbox.push(INPUT, bytes("rm -r x"), 0);
    outbox.poll(0);
    outbox.detached();
    outbox.push(INPUT, bytes("\r"), 5);
    const { failed } = outbox.attached(0, COMMAND_LIFETIME + 5);
    expect(failed.map(({ entry }) => new TextDecoder().decode(entry.payload))).toEqual(["rm -r x", "\r"]);
    outbox.push(INPUT, bytes("ls"), COMMAND_LIFETIME + 6);
    keeper.take(outbox.poll(0));
    expect(keeper.typed).toBe("ls");
    expect(keeper.last).toBe(2);
  });

  it("are numbered anew where the keeper has forgotten the stream", () => {
    const outbox = new Outbox({
      last: 57,
      entries: [{ n: 57, act: INPUT, payload: bytes("x"), at: 0, prompt: null }],
      prompts: [],
    });
    outbox.attached(0, 1);
    expect(texts(outbox.poll(0))[0]).toBe("1:x");
  });

  it("are bounded", () => {
    const outbox = new Outbox();
    const piece = new Uint8Array(32_768);
    let taken = 0;
    while (outbox.push(INPUT, piece, 0)) taken += piece.length;
    expect(taken).toBe(MAX_WAITING_BYTES);
    outbox.attached(0, 0);
    const sent = outbox.poll(0).commands.reduce((sum, { payload }) => sum + payload.length, 0);
    expect(sent).toBe(MAX_UNSETTLED_BYTES);
    outbox.applied(1);
    expect(outbox.poll(0).commands).toHaveLength(1);
  });

  it("that are small are sent a few hundred at a time", () => {
    const keeper = new Keeper();
    const outbox = new Outbox();
    while (outbox.push({ type: "interrupt" }, bytes(""), 0));
    expect(outbox.count).toBe(MAX_WAITING);
    outbox.attached(0, 0);
    let underWay = 0;
    while (outbox.count > 0) {
      const out = outbox.poll(0);
      underWay += out.commands.length;
      expect(underWay).toBeLessThanOrEqual(MAX_UNSETTLED);
      keeper.take(out);
      outbox.applied(outbox.waiting[0]?.n ?? 0);
      underWay -= 1;
    }
    expect(keeper.last).toBe(MAX_WAITING);
  });

  const resize = (cols: number): Act => ({ type: "resize", cols, rows: 24 });
  const acts = ({ commands }: Outgoing) =>
    commands
      .filter(({ act, payload }) => act.type !== "input" || payload.length > 0)
      .map(({ n, act }) => [n, act.type === "resize" ? act.cols : act.type]);

  it("that resize and were not sent yet are replaced by a newer one", () => {
    const outbox = new Outbox();
    outbox.push(resize(80), bytes(""), 0);
    outbox.push({ type: "take_size" }, bytes(""), 0);
    for (let cols = 81; cols <= 120; cols++) expect(outbox.push(resize(cols), bytes(""), 0)).toBe(true);
    outbox.attached(0, 0);
    expect(acts(outbox.poll(0))).toEqual([
      [1, 120],
      [2, "take_size"],
    ]);
  });

  it("that resize and were sent stay what they are, and have not the last word over the size of the attach", () => {
    const outbox = new Outbox();
    outbox.attached(0, 0);
    outbox.push(resize(80), bytes(""), 0);
    outbox.poll(0);
    const again = (size: Size | null) => {
      outbox.detached();
      outbox.attached(0, 1);
      outbox.screen(size, 1);
      return acts(outbox.poll(1));
    };
    expect(again({ cols: 80, rows: 24 })).toEqual([[1, 80]]);
    const behind = [
      [1, 80],
      [2, 100],
    ];
    expect(again({ cols: 100, rows: 24 })).toEqual(behind);
    expect(again({ cols: 100, rows: 24 })).toEqual(behind);
    expect(again({ cols: 120, rows: 24 })).toEqual([...behind, [3, 120]]);
    outbox.applied(3);
    outbox.screen({ cols: 90, rows: 24 }, 2);
    expect(outbox.count).toBe(0);
  });

  it("that resize a screen which is gone are not sent any more", () => {
    const outbox = new Outbox();
    outbox.push(INPUT, bytes("a"), 0);
    outbox.push(resize(80), bytes(""), 0);
    const later = new Outbox(left(outbox));
    later.attached(0, 1);
    later.screen(null, 1);
    expect(acts(later.poll(1))).toEqual([[RESERVE + 1, "input"]]);
    const wider = new Outbox(left(outbox));
    wider.attached(0, 1);
    wider.screen({ cols: 100, rows: 24 }, 1);
    expect(acts(wider.poll(1))).toEqual([
      [RESERVE + 1, "input"],
      [RESERVE + 2, 100],
    ]);
  });

  it("that are one prompt fail as one, and it is said whether a part was taken", () => {
    const outbox = new Outbox();
    outbox.attached(0, 0);
    const prompt = { id: "p", text: "long", enter: true, at: 0, begun: false };
    outbox.prompt(new Uint8Array(MAX_PAYLOAD * 3), prompt);
    outbox.push(INPUT, bytes("x"), 0);
    expect(outbox.prompts).toEqual([{ prompt, sent: false }]);
    expect(outbox.poll(0)).toMatchObject({ commands: { length: 4 }, store: true });
    expect(outbox.prompts).toEqual([{ prompt, sent: true }]);
    expect(outbox.applied(1)).toEqual([]);
    const why = { kind: "ended", message: "The session has ended.", hint: "" } as const;
    expect(outbox.refused(2, why)).toMatchObject([{ prompt: { id: "p", begun: true }, why }]);
    expect(outbox.prompts).toEqual([]);
    expect(outbox.refused(3, why)).toMatchObject([{ prompt: null }]);
    expect(outbox.applied(4)).toEqual([]);
    expect(outbox.count).toBe(0);
  });

  it("that are only left out are nobody's to be told of, also where they are refused", () => {
    const outbox = new Outbox({
      last: 3,
      entries: [{ n: 3, act: INPUT, payload: bytes("x"), at: 0, prompt: null }],
      prompts: [],
    });
    outbox.attached(2, 1);
    outbox.poll(1);
    const why = { kind: "ended", message: "The session has ended.", hint: "" } as const;
    expect(outbox.refused(3, why)).toHaveLength(1);
    expect(outbox.refused(4, why)).toEqual([]);
    expect(outbox.count).toBe(0);
  });

  it("that are a prompt join nothing, and are told to be taken as a whole", () => {
    const outbox = new Outbox();
    outbox.push(INPUT, bytes("a"), 0);
    const prompt = { id: "p", text: "b", enter: false, at: 1, begun: false };
    outbox.prompt(bytes("b"), prompt);
    outbox.push(INPUT, bytes("c"), 2);
    outbox.attached(0, 3);
    expect(texts(outbox.poll(3))).toEqual(["1:a", "2:b", "3:c"]);
    expect(outbox.applied(3)).toMatchObject([{ id: "p" }]);
  });

  it("that are refused are named, and the rest goes on", () => {
    const outbox = new Outbox();
    outbox.attached(0, 0);
    outbox.push(INPUT, bytes("a"), 0);
    outbox.poll(0);
    const why = { kind: "ended", message: "The session has ended.", hint: "" } as const;
    expect(outbox.refused(1, why)).toHaveLength(1);
    expect(outbox.waiting).toEqual([]);
  });
});
