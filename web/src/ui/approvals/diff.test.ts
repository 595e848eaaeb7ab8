import { describe, expect, it } from "vitest";
import { counts, diffs, fold, type Run } from "./diff";

function diff(old: string, now: string): Run[] | null {
  return diffs([{ path: "a", old, new: now }])[0] ?? null;
}

/** The same numbers every time. */
function random(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((x / 2 ** 32) * below);
  };
}

function sides(runs: readonly Run[]): [string[], string[]] {
  const of = (other: Run["kind"]) => runs.filter(({ kind }) => kind !== other).flatMap(({ lines }) => lines);
  return [of("new"), of("old")];
}

/** How many lines two texts can have in common, found in another way. */
function longest(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const line of a) {
    const next = [0];
    b.forEach((other, n) => {
      next.push(line === other ? (row[n] ?? 0) + 1 : Math.max(row[n + 1] ?? 0, next[n] ?? 0));
    });
    row = next;
  }
  return row.at(-1) ?? 0;
}

const shape = (runs: readonly Run[] | null) => runs?.map(({ kind, lines }) => `${kind} ${lines.join("|")}`);

describe("a change, line by line", () => {
  it("has each line of both texts once, in order, and keeps as many as can be", () => {
    const next = random(7);
    for (let n = 0; n < 2_000; n++) {
      const text = () => Array.from({ length: next(14) }, () => "abcd".charAt(next(1 + next(4))));
      const [a, b] = [text(), text()];
      const runs = diff(a.join("\n"), b.join("\n")) ?? [];
      const [old, now] = sides(runs);
      expect([old.join("\n"), now.join("\n")]).toEqual([a.join("\n"), b.join("\n")]);
      const stay = runs.filter(({ kind }) => kind === "same").flatMap(({ lines }) => lines);
      expect(stay).toHaveLength(longest(old, now));
      // What goes is in front of what comes, and no two of a kind follow one another.
      runs.forEach(({ kind, lines }, n) => {
        expect(lines.length).toBeGreaterThan(0);
        expect(runs[n + 1]?.kind).not.toBe(kind);
        if (kind === "new") expect(runs[n + 1]?.kind).not.toBe("old");
      });
    }
  });

  it("is told of what is put in, taken out and changed", () => {
    expect(shape(diff("a\nb\nc\n", "a\nx\ny\nc\n"))).toEqual(["same a", "old b", "new x|y", "same c"]);
    expect(shape(diff("", "a\nb\n"))).toEqual(["new a|b"]);
    expect(shape(diff("a\nb", ""))).toEqual(["old a|b"]);
    expect(shape(diff("same\n", "same\n"))).toEqual(["same same"]);
    expect(diff("", "")).toEqual([]);
  });

  it("hides no end of a line that comes or goes", () => {
    expect(shape(diff("a", "a\n"))).toEqual(["same a", "new "]);
    expect(shape(diff("a\r\n", "a\n"))).toEqual(["old a\r", "new a"]);
  });

  it("is given up where it would take long, however it is made", () => {
    const many = (from: number, count: number) => Array.from({ length: count }, (_, n) => `${from + n}`).join("\n");
    const began = performance.now();
    expect(diff(many(0, 4_000), many(10_000, 4_000))).toBeNull();
    expect(diff(many(0, 60_000), many(0, 60_000))).toBeNull();
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(diff(many(0, 40_000), `${many(0, 20_000)}\nx\n${many(20_000, 20_000)}`)).toHaveLength(3);
  });

  it("has one bound for all that is shown together", () => {
    const text = (salt: string) => Array.from({ length: 900 }, (_, n) => `${salt}${n}`).join("\n");
    const hard = { path: "a", old: text("a"), new: text("b") };
    const easy = { path: "a", old: "a", new: "a" };
    const began = performance.now();
    const all = diffs([...Array.from({ length: 200 }, () => hard), easy]);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(all.slice(0, 200).filter((runs) => runs !== null)).toEqual([]);
    expect(all.at(-1)).toEqual([{ kind: "same", lines: ["a"] }]);
    expect(counts(all)).toBeNull();
    expect(
      counts(
        diffs([
          { path: "a", old: "a\nb", new: "a\nc\nd" },
          { path: "b", new: "x\n" },
        ]),
      ),
    ).toEqual({
      added: 3,
      removed: 1,
    });
  });

  it("folds what stays far from what changes, and shows three lines around that", () => {
    const lines = Array.from({ length: 30 }, (_, n) => `${n}`);
    const now = lines.map((line) => (line === "15" ? "x" : line));
    const parts = fold(diff(lines.join("\n"), now.join("\n")) ?? []);
    expect(parts.map(({ kind, folded, lines }) => [kind, folded, lines.length])).toEqual([
      ["same", true, 12],
      ["same", false, 3],
      ["old", false, 1],
      ["new", false, 1],
      ["same", false, 3],
      ["same", true, 11],
    ]);
    expect(parts.filter(({ kind }) => kind !== "old").flatMap(({ lines }) => lines)).toEqual(now);
    // A fold of one line is no shorter than the line.
    expect(fold(diff("1\n2\n3\n4\na", "1\n2\n3\n4\nb") ?? []).some(({ folded }) => folded)).toBe(false);
  });
});
