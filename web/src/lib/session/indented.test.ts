import { describe, expect, it } from "vitest";
import { indented, MAX_LEVELS } from "./indented";

function nested(levels: number, inside: unknown): unknown {
  let value = inside;
  for (let n = 0; n < levels; n++) value = n % 2 === 0 ? [value] : { a: value };
  return value;
}

describe("JSON for people", () => {
  it("is what everybody's formatter makes, as far as it is not deep", () => {
    const odd = ["", "a", 'quote " and \\', "\\", "line\nline", "{[,:]}", "é\u202e", null, true, 1.5, {}, []];
    for (const value of [...odd, odd, { a: odd, b: { c: {} }, "": [] }, nested(MAX_LEVELS, 1)]) {
      expect(indented(value)).toBe(JSON.stringify(value, null, 2));
    }
  });

  it("has what is deep in one line, and nothing is lost", () => {
    const deep = nested(MAX_LEVELS, { b: [1, { c: 2 }], d: "x" });
    expect(
      indented(deep)
        ?.split("\n")
        .map((line) => line.trim()),
    ).toContain('{"b":[1,{"c":2}],"d":"x"}');
    expect(JSON.parse(indented(deep) ?? "")).toEqual(deep);
  });

  it("takes a moment only, however it is nested", () => {
    const began = performance.now();
    for (const levels of [2, 60, 127]) {
      const value = nested(levels, new Array<number>((1024 * 1024) / 2).fill(1));
      expect(indented(value)?.length).toBeLessThan(16 * 1024 * 1024);
    }
    expect(indented(nested(400_000, 1))).toBeNull();
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
