import { describe, expect, it } from "vitest";
import type { Summary } from "../lib/session/message";
import type { Failed } from "../lib/session/stored";
import { doing, ending, failed, left, missed, needed, seconds } from "./words";

function summary(run: object): Summary {
  return { ...run } as Summary;
}

describe("how a session ended", () => {
  it("is told apart by who ended it", () => {
    const cases: [object, string | null, boolean][] = [
      [{ state: "running" }, null, false],
      [{ state: "ended", exit: 0, at: 1 }, "done", false],
      [{ state: "ended", exit: 101, at: 1 }, "exit 101", true],
      [{ state: "ended", exit: 129, at: 1, by: "person" }, "ended by hand", false],
      [{ state: "ended", exit: 129, at: 1, by: "time" }, "time over", false],
      [{ state: "ended", exit: 129, at: 1, by: "machine" }, "ended with the machine", false],
      [{ state: "lost", at: 1, by: "machine" }, "ended with the machine", true],
      [{ state: "lost", at: 1, by: "keeper" }, "lost its keeper", true],
      // As an earlier version wrote it down.
      [{ state: "lost", at: 1 }, "lost its keeper", true],
    ];
    for (const [run, words, bad] of cases) {
      expect(ending(summary(run))).toBe(words);
      expect(failed(summary(run))).toBe(bad);
    }
  });
});

describe("keys that nobody confirmed", () => {
  const entry = { n: 1, act: { type: "input" }, payload: new Uint8Array(1), at: 0, prompt: null } as const;
  const why = { kind: "limited", message: "Why.", hint: "" } as const;
  const words = (failed: Partial<Failed>) => missed({ entry, prompt: null, why, unsure: false, ...failed });

  it("are not said to have done nothing", () => {
    expect(words({ unsure: true })).toBe("What you typed may or may not have arrived.");
    expect(words({})).toBe("What you typed was not applied. Why.");
    expect(words({ entry: { ...entry, act: { type: "interrupt" } } })).toMatch(/^A command was not/);
  });
});

describe("a time limit", () => {
  it("is read as the program reads it", () => {
    expect(["45m", "2h", "1h 30m", " 1D ", "90s"].map(seconds)).toEqual([2_700, 7_200, 5_400, 86_400, 90]);
    for (const wrong of ["", "2", "h", "1x", "0m", "366d", "-1h", "1h later", "1.5h", "30m 1h"])
      expect(seconds(wrong)).toBeNull();
  });
});

describe("how long until then", () => {
  it("has two units at most, and nothing once it has come", () => {
    const second = 1000;
    const cases: [number, string | null][] = [
      [-1, null],
      [0, null],
      [1, "1 s"],
      [59 * second, "59 s"],
      [60 * second, "1 min"],
      [61 * second, "1 min"],
      [301 * second, "5 min"],
      [3599 * second, "1 h"],
      [1800 * second, "30 min"],
      [3600 * second, "1 h"],
      [5400 * second, "1 h 30 min"],
      [90_000 * second, "1 day 1 h"],
      [172_800 * second, "2 days"],
    ];
    for (const [ms, words] of cases) expect(left(1_790_000_000_000 + ms, 1_790_000_000_000)).toBe(words);
  });
});

describe("what an agent does", () => {
  it("is that it needs you where it says so or something waits to be decided, while its program runs", () => {
    const agent = (does: string) => ({ agent: { name: "claude", doing: does, turns: 0, chat: 0 } });
    const waits = { approvals: [{ state: "pending" }] };
    const cases: [object, string | null][] = [
      [{ state: "running" }, null],
      [{ state: "running", ...agent("unknown") }, null],
      [{ state: "running", ...agent("idle") }, "idle"],
      [{ state: "running", ...agent("working") }, "working"],
      [{ state: "running", ...agent("needs_you") }, "needs you"],
      [{ state: "running", ...agent("working"), ...waits }, "needs you"],
      [{ state: "running", ...waits }, "needs you"],
      [{ state: "running", approvals: [{ state: "denied" }] }, null],
      [{ state: "ended", exit: 0, at: 1, ...agent("needs_you"), ...waits }, null],
    ];
    for (const [run, does] of cases) expect(doing(summary(run))).toBe(does);
  });

  it("that needs somebody stands before all others, of whichever host", () => {
    const at = (id: string, last_activity: number, doing: string) =>
      summary({ id, last_activity, state: "running", agent: { name: "", doing } });
    const one = { sessions: [at("a", 1, "needs_you"), at("b", 9, "working")] };
    const other = { sessions: [at("c", 5, "needs_you"), at("d", 7, "idle")] };
    expect(needed([one, other]).map(({ entry, summary }) => [entry, summary.id])).toEqual([
      [other, "c"],
      [one, "a"],
    ]);
    // In the list of one host they are the first.
    expect(needed([one])).toEqual([]);
  });
});
