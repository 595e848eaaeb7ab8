import { describe, expect, it } from "vitest";
import type { Before, Decided, Decisions } from "../../lib/session/message";
import { History, type Teller } from "./history.svelte";

/** A host that tells so many on a page. */
class Telling implements Teller {
  there = true;
  broken = false;
  asked = 0;
  readonly rid: string;
  readonly times: readonly number[];
  readonly size: number;
  readonly ahead: number;

  constructor(rid: string, times: readonly number[], size: number, ahead = 0) {
    [this.rid, this.times, this.size, this.ahead] = [rid, times, size, ahead];
  }

  get name(): string {
    return `host ${this.rid}`;
  }

  live(): boolean {
    return this.there;
  }

  here(time: number): number {
    return time - this.ahead;
  }

  page(before: Before | null): Promise<Decisions> {
    this.asked += 1;
    if (this.broken) return Promise.reject(new Error("It broke."));
    const rest = this.times.filter((at) => at < (before?.at ?? Infinity));
    const decided = rest.slice(0, this.size).map((at) => {
      const approval = { id: `${this.rid}${at}`, state: "denied", decided_at: at };
      return { session: "s", name: "n", approval } as unknown as Decided;
    });
    const last = decided.at(-1);
    if (rest.length <= this.size || last === undefined) return Promise.resolve({ decided });
    return Promise.resolve({ decided, next: { at: rest[this.size - 1] ?? 0, approval: last.approval.id } });
  }
}

const ids = (history: History<Telling>) => history.rows.map(({ approval }) => approval.id);

describe("what was decided", () => {
  it("comes from all hosts, the last first, and nothing comes between what is shown already", async () => {
    const hosts = [new Telling("a", [90, 80, 70, 60], 2), new Telling("b", [1085, 1020, 1010], 2, 1000)];
    const history = new History(hosts);
    await history.begin();
    expect(ids(history)).toEqual(["a90", "b1085", "a80"]);
    const seen = [ids(history)];
    while (history.more) {
      await history.older();
      seen.push(ids(history));
    }
    const all = ["a90", "b1085", "a80", "a70", "a60", "b1020", "b1010"];
    expect(seen.at(-1)).toEqual(all);
    for (const some of seen) expect(all.slice(0, some.length)).toEqual(some);
  });

  it("says of which host it has not all", async () => {
    const [here, away, broken] = [1, 2, 3].map((n) => new Telling(`${n}`, [n], 2)) as [Telling, Telling, Telling];
    away.there = false;
    broken.broken = true;
    const history = new History([here, away, broken]);
    await history.begin();
    expect(ids(history)).toEqual(["11"]);
    expect(away.asked).toBe(0);
    expect(history.missing).toEqual([
      { rid: "2", name: "host 2", why: "it is not connected" },
      { rid: "3", name: "host 3", why: "It broke." },
    ]);
    // They are asked again.
    expect(history.more).toBe(true);
    broken.broken = false;
    away.there = true;
    await history.older();
    expect(ids(history)).toEqual(["33", "22", "11"]);
    expect([history.missing, history.more, here.asked]).toEqual([[], false, 1]);
  });

  it("goes on where a host stopped to tell it", async () => {
    const host = new Telling("a", [90, 80, 70, 60], 2);
    const history = new History([host]);
    await history.begin();
    host.broken = true;
    await history.older();
    expect([ids(history), history.missing.length, history.more]).toEqual([["a90", "a80"], 1, true]);
    host.broken = false;
    await history.older();
    expect([ids(history), history.missing, history.more]).toEqual([["a90", "a80", "a70", "a60"], [], false]);
  });

  it.each<[string, unknown[]]>([
    ["a time that is none", [{ id: "x", decided_at: NaN }]],
    ["a time that is a text", [{ id: "x", decided_at: "5" }]],
    ["a time in the far future", [{ id: "x", decided_at: 8e15 }]],
    [
      "times that rise",
      [
        { id: "x", decided_at: 5 },
        { id: "y", decided_at: 6 },
      ],
    ],
    ["a name that is none", [{ id: {}, decided_at: 5 }]],
  ])("of one host is not hidden by another that tells %s", async (_, approvals) => {
    const decided = approvals.map((one) => {
      return { session: "s", name: "n", approval: { state: "denied", ...(one as object) } } as unknown as Decided;
    });
    const wrong = new Telling("b", [], 2);
    wrong.page = () => Promise.resolve({ decided, next: { at: 1, approval: "x" } });
    const history = new History([new Telling("a", [90, 80], 2), wrong]);
    await history.begin();
    expect(ids(history)).toEqual(["a90", "a80"]);
    expect(history.missing).toMatchObject([{ rid: "b", why: "it tells what cannot be so" }]);
  });
});
