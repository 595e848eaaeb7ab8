import { describe, expect, it } from "vitest";
import { ACK_BYTES, ACK_DELAY, Acker, Follow, type ScreenOp } from "./follow";
import type { Event } from "./message";

const OUTPUT: Event = { kind: "output" };
const SIZE = { cols: 80, rows: 24 };
const bytes = (text: string) => new TextEncoder().encode(text);

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
    expect(out.reattach).toEqual({ after: { epoch: 1, seq: 4 } });
  });

  it("does not join another epoch to what it has", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    expect(follow.event(2, 5, OUTPUT, bytes("x")).reattach).toBeDefined();
    expect(draw(follow.snapshot({ epoch: 2, seq: 5 }, SIZE, 0, true, bytes("y")).ops)).toBe("y");
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

  it("holds nothing after a snapshot that was cut off", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    follow.snapshot({ epoch: 1, seq: 9 }, SIZE, 0, false, bytes("half"));
    expect(follow.attach()).toBeNull();
  });

  it("takes pieces in order only", () => {
    const follow = new Follow();
    follow.snapshot({ epoch: 1, seq: 9 }, SIZE, 0, false, bytes("a"));
    expect(follow.snapshot({ epoch: 1, seq: 9 }, SIZE, 2, true, bytes("c")).reattach).toEqual({ after: null });
  });

  it("counts kinds of event that it does not know", () => {
    const follow = new Follow({ epoch: 1, seq: 4 });
    follow.event(1, 5, { kind: "approval" } as unknown as Event, bytes(""));
    expect(follow.after).toEqual({ epoch: 1, seq: 5 });
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
    expect(out.ops[1]).toMatchObject({ place: { epoch: 1, seq: 9, part: 0 } });
  });
});
