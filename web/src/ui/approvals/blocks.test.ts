import { describe, expect, it } from "vitest";
import { blocks, lines } from "./blocks";

describe("a long text", () => {
  it.each([
    "",
    "short",
    "\n",
    "x".repeat(10_000),
    `${"x".repeat(10_000)}\n\n\nend\n`,
    `${"x\n".repeat(1_000)}\n${"y\n".repeat(5_000)}\n\n`,
    Array.from({ length: 5000 }, (_, n) => `line ${n}`).join("\n"),
    "\n".repeat(9_000),
  ])("is whole in its blocks, which end where lines do", (text) => {
    const cut = blocks(text);
    expect(cut.join("\n")).toBe(text);
    for (const block of cut.slice(0, -1)) expect(block).toMatch(/[^\n]$/);
    expect(cut.reduce((sum, block) => sum + lines(block), 0)).toBe(text.split("\n").length);
  });

  it("is in blocks of about a screen", () => {
    const cut = blocks("0123456789\n".repeat(20_000));
    expect(Math.max(...cut.map(({ length }) => length))).toBeLessThan(2_100);
  });
});
