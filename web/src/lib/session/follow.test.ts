import { describe, expect, it } from "vitest";
import { ACK_BYTES, ACK_DELAY, Acker, FIRST_ABOVE, Follow, type ScreenOp } from "./follow";
import type { Event } from "./message";
import { TOGETHER } from "./pieces";
import { bytes } from "./testing";

const OUTPUT: Event = { kind: "output" };
const SIZE = { cols: 80, rows: 24 };

/** What a reader sees: the bytes since the last reset. */
function draw(ops: readonly ScreenOp[], on = ""): string {
  let text = on;
  for (const op of ops) {
    if (op.op === "reset") text = "";
    if (op.op === "write") text += new TextDecoder().decode(op.bytes);
  }
  return text;
}

describe("following a log", () => {
  it("begins with a snapshot and goes on behind it", () => {
    const follow = new Follow();
    let text = draw(follow.snapshot({ epoch: 1, seq: 7 }, SIZE, 0, false, bytes("ab")).ops);
    expect(follow.after).toBeNull();
    text = draw(follow.snapshot({ epoch: 1, seq: 7 }, SIZE, 1, true, bytes("cd")).ops, text);
    text = draw(follow.event(1, 8, OUTPUT, bytes("ef")).ops, text);
    expect(text).toBe("abcdef");
    expect(follow.after).toEqual({ epoch: 1, seq: 8 });
  });

  it("begins with the first event where there was nothing before", () => {
    expect(draw(new Follow().event(1, 1, OUTPUT, bytes("x")).ops)).toBe("x");
  });

  it("applies nothing twice", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    expect(follow.event(1, 4, OUTPUT, bytes("old")).ops).toEqual([]);
    expect(follow.event(1, 5, OUTPUT, bytes("new")).ops).toHaveLength(1);
    expect(follow.event(1, 5, OUTPUT, bytes("new")).ops).toEqual([]);
  });

  it("attaches again at a gap, behind what it has", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    const out = follow.event(1, 6, OUTPUT, bytes("x"));
    expect(out.ops).toEqual([]);
    expect(out.reattach).toBe(true);
    expect(follow.attach().after).toEqual({ epoch: 1, seq: 4 });
  });

  it("does not join another epoch to what it has", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    expect(follow.event(2, 5, OUTPUT, bytes("x")).reattach).toBeDefined();
    expect(draw(follow.snapshot({ epoch: 2, seq: 5 }, SIZE, 0, true, bytes("y")).ops)).toBe("y");
  });

  it("takes what only a newer version knows, ahead of a snapshot that skips, for no hole", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    const newer = { kind: "approval", id: "x" } as unknown as Event;
    expect(follow.event(1, 9, newer, bytes("")).reattach).toBeUndefined();
    expect(draw(follow.snapshot({ epoch: 1, seq: 12 }, SIZE, 0, true, bytes("whole")).ops)).toBe("whole");
    expect(follow.after).toEqual({ epoch: 1, seq: 12 });
  });

  it("shows structured events ahead of a snapshot that skips, once", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    const exit: Event = { kind: "exit", exit: 3 };
    expect(follow.event(1, 90, exit, bytes("")).event).toEqual(exit);
    expect(follow.after).toEqual({ epoch: 1, seq: 4 });
    follow.snapshot({ epoch: 1, seq: 89 }, SIZE, 0, true, bytes("s"));
    const again = follow.event(1, 90, exit, bytes(""));
    expect(again.event).toBeUndefined();
    expect(follow.after).toEqual({ epoch: 1, seq: 90 });
  });

  it("keeps what it has until a snapshot is whole", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    expect(draw(follow.snapshot({ epoch: 1, seq: 9 }, SIZE, 0, false, bytes("half")).ops, "kept")).toBe("kept");
    expect(follow.attach().after).toEqual({ epoch: 1, seq: 4 });
    follow.answered();
    expect(draw(follow.event(1, 5, OUTPUT, bytes("+")).ops, "kept")).toBe("kept+");
  });

  it("holds nothing after a snapshot of which a part was given out", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    const at = { epoch: 1, seq: 9 };
    expect(follow.snapshot(at, SIZE, 0, false, new Uint8Array(TOGETHER)).ops.map(({ op }) => op)).toEqual([
      "reset",
      "write",
    ]);
    expect(follow.snapshot(at, SIZE, 1, false, bytes("b")).ops).toMatchObject([{ op: "skip" }]);
    expect(follow.attach().after).toBeNull();
  });

  it("takes pieces in order only", () => {
    const follow = new Follow();
    follow.snapshot({ epoch: 1, seq: 9 }, SIZE, 0, false, bytes("a"));
    expect(follow.snapshot({ epoch: 1, seq: 9 }, SIZE, 2, true, bytes("c")).reattach).toBe(true);
    expect(follow.attach().after).toBeNull();
  });

  it("drops what an earlier attach still sends", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    expect(follow.event(1, 6, OUTPUT, bytes("x")).reattach).toBe(true);
    follow.attach();
    expect(follow.event(1, 7, OUTPUT, bytes("y"))).toEqual({ ops: [] });
    follow.answered();
    expect(draw(follow.event(1, 5, OUTPUT, bytes("z")).ops)).toBe("z");
  });

  it("counts kinds of event that it does not know", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    follow.event(1, 5, { kind: "approval" } as unknown as Event, bytes(""));
    expect(follow.after).toEqual({ epoch: 1, seq: 5 });
  });

  it("passes over what is asked and decided, and counts its bytes", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    const asked = { kind: "asked", part: 0, last: true } as unknown as Event;
    expect(follow.event(1, 5, asked, bytes("{...}"))).toEqual({
      ops: [{ op: "skip", bytes: 5, place: { epoch: 1, seq: 5 } }],
    });
    const decided = { kind: "decided", approval: "a", state: "expired", decided_at: 1 } as const;
    expect(follow.event(1, 6, decided, bytes("")).ops).toHaveLength(1);
    expect(draw(follow.event(1, 7, OUTPUT, bytes("z")).ops)).toBe("z");
  });
});

describe("what is above the screen", () => {
  const AT = { epoch: 1, seq: 9 };

  /** One that has the screen, with so many lines above it. */
  function begun(above = FIRST_ABOVE): Follow {
    const follow = new Follow();
    expect(follow.attach()).toEqual({ after: null, scrollback: FIRST_ABOVE, redraw: false });
    follow.answered();
    const { snapshot } = follow.snapshot(AT, SIZE, 0, true, bytes("screen"));
    expect(snapshot).toEqual({ whole: false });
    if (snapshot !== undefined) follow.drawn(snapshot, above);
    return follow;
  }

  it("comes when it is wanted, in place of what is there", () => {
    const follow = begun();
    expect(follow.due).toBe(false);
    follow.want();
    expect(follow.due).toBe(true);
    expect(follow.attach()).toEqual({ after: AT, scrollback: null, redraw: true });
    expect(follow.due).toBe(false);
    // What the attach before still sends is shown.
    expect(draw(follow.event(1, 10, OUTPUT, bytes("+")).ops, "screen")).toBe("screen+");
    follow.answered();
    const { ops, snapshot } = follow.snapshot({ epoch: 1, seq: 10 }, SIZE, 0, true, bytes("above\nscreen+"));
    expect(draw(ops, "screen+")).toBe("above\nscreen+");
    expect(snapshot).toEqual({ whole: true });
    expect(follow.whole).toBe(false);
    if (snapshot !== undefined) follow.drawn(snapshot, 9000);
    expect(follow.whole).toBe(true);
    expect(follow.attach()).toEqual({ after: { epoch: 1, seq: 10 }, scrollback: null, redraw: false });
  });

  it("may be of a place before an event that changed no screen, which is shown once", () => {
    const follow = begun();
    const banner: Event = { kind: "banner", text: "the disk is full" };
    expect(follow.event(1, 10, banner, bytes("")).event).toEqual(banner);
    follow.want();
    follow.attach();
    follow.answered();
    expect(follow.snapshot(AT, SIZE, 0, true, bytes("all")).ops).toHaveLength(2);
    expect(follow.event(1, 10, banner, bytes(""))).toEqual({
      ops: [{ op: "skip", bytes: 0, place: { epoch: 1, seq: 10 } }],
    });
    expect(draw(follow.event(1, 11, OUTPUT, bytes("+")).ops)).toBe("+");
  });

  it("is not asked for where there is no more of it", () => {
    const follow = begun(FIRST_ABOVE - 1);
    follow.want();
    expect(follow.whole).toBe(true);
    expect(follow.due).toBe(false);
  });

  it("came already from a host that always brings all of it", () => {
    expect(begun(FIRST_ABOVE + 1).whole).toBe(true);
  });

  it("is asked for again on the next channel, and the screen stays until it is there", () => {
    const follow = begun();
    follow.want();
    follow.attach();
    follow.answered();
    expect(draw(follow.snapshot({ epoch: 1, seq: 12 }, SIZE, 0, false, bytes("abo")).ops, "screen")).toBe("screen");
    follow.cut();
    expect(follow.attach()).toEqual({ after: AT, scrollback: null, redraw: true });
  });

  it("comes at once where it is wanted before anything is there", () => {
    const follow = new Follow();
    follow.want();
    expect(follow.attach()).toEqual({ after: null, scrollback: null, redraw: false });
  });

  it("comes again where a snapshot that skips ahead has not brought it", () => {
    const follow = begun(0);
    follow.want();
    const { snapshot } = follow.snapshot({ epoch: 1, seq: 5000 }, SIZE, 0, true, bytes("later"));
    if (snapshot !== undefined) follow.drawn(snapshot, FIRST_ABOVE);
    expect(follow.whole).toBe(false);
    expect(follow.due).toBe(true);
  });
});

describe("acks", () => {
  it("come at once for many bytes, and soon for few", () => {
    const acker = new Acker();
    acker.applied({ epoch: 1, seq: 1 }, 10, 1000);
    expect(acker.poll(1000)).toBeNull();
    expect(acker.deadline()).toBe(1000 + ACK_DELAY);
    expect(acker.poll(1000 + ACK_DELAY)).toEqual({ epoch: 1, seq: 1 });
    acker.applied({ epoch: 1, seq: 2 }, ACK_BYTES, 2000);
    expect(acker.poll(2000)).toEqual({ epoch: 1, seq: 2 });
    expect(acker.poll(9000)).toBeNull();
  });

  it("name the piece of a snapshot that is under way", () => {
    const follow = new Follow();
    const out = follow.snapshot({ epoch: 1, seq: 9 }, SIZE, 0, false, bytes("a"));
    expect(out.ops).toEqual([{ op: "skip", bytes: 1, place: { epoch: 1, seq: 9, part: 0 } }]);
  });
});
