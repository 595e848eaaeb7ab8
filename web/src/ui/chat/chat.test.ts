import { describe, expect, it } from "vitest";
import { coloured, MAX_SPANS, plain } from "./ansi";
import { address, blocks, leavesOut, MAX_MARKDOWN, type Block, type Inline } from "./markdown";
import { bytes, money, short, took, turn } from "./words";

describe("markdown", () => {
  const kinds = (text: string) => blocks(text).map(({ kind }) => kind);
  /** Every node in a tree. */
  function nodes(tree: readonly (Block | Inline)[]): (Block | Inline)[] {
    const found: (Block | Inline)[] = [];
    const walk = (value: unknown) => {
      if (Array.isArray(value)) value.forEach(walk);
      else if (typeof value === "object" && value !== null) {
        if ("kind" in value) found.push(value as Block | Inline);
        Object.values(value).forEach(walk);
      }
    };
    walk(tree);
    return found;
  }

  it("is what agents write", () => {
    const text =
      "# Title\n\nHello **you**, `a < b`\n\n```rust\nfn main() {}\n```\n\n> quoted\n\n1. one\n2. two\n\n- [x] done\n- [ ] open\n\n| a | b |\n|---|---|\n| 1 | **2** |\n\n---\n";
    expect(kinds(text)).toEqual(["heading", "paragraph", "code", "quote", "list", "list", "table", "rule"]);
    const [, paragraph, code, , ordered, tasks] = blocks(text);
    expect(paragraph).toMatchObject({
      inside: [{ text: "Hello " }, { kind: "strong" }, { text: ", " }, { kind: "code", text: "a < b" }],
    });
    expect(code).toEqual({ kind: "code", language: "rust", text: "fn main() {}" });
    expect(ordered).toMatchObject({ start: 1, items: [{ done: null }, { done: null }] });
    expect(tasks).toMatchObject({ start: null, items: [{ done: true }, { done: false }] });
  });

  it("has no HTML, no pictures from anywhere and no links to anything but pages and addresses", () => {
    const text = [
      "<script>alert(1)</script>",
      "<img src=x onerror=alert(1)> and <b>bold</b>",
      "[a](javascript:alert(1)) [b](&#106;avascript:alert(1)) [c](data:text/html,x) [d](vbscript:x) [e](//evil.example)",
      "[f](JaVaScRiPt:alert(1)) [g](\tjavascript:x) [h](file:///etc/passwd) <javascript:alert(1)> [i](blob:x)",
      "![secret](https://evil.example/pixel.png?x=1) ![](http://u:p@evil.example/) ![x](data:image/svg+xml,y)",
      "[ok](https://example.org/a) [mail](mailto:a@example.org) https://auto.example/",
    ].join("\n\n");
    const found = nodes(blocks(text));
    const links = found.filter((node) => node.kind === "link");
    expect(links.map((link) => link.href)).toEqual([
      "https://evil.example/pixel.png?x=1",
      "http://u:p@evil.example/",
      "https://example.org/a",
      "mailto:a@example.org",
      "https://auto.example/",
    ]);
    expect(links[0]).toMatchObject({ inside: [{ text: "secret (evil.example)" }] });
    const allowed = ["paragraph", "plain", "text", "link", "code", "strong", "em", "del", "break"];
    expect(found.filter(({ kind }) => !allowed.includes(kind))).toEqual([]);
    expect(found).toContainEqual({ kind: "plain", text: "<script>alert(1)</script>" });
  });

  it("shows what would hide", () => {
    expect(blocks("a\u202eb\u0000")).toEqual([
      { kind: "paragraph", inside: [{ kind: "text", text: "a⟨U+202E⟩b⟨U+0000⟩" }] },
    ]);
    expect(blocks("x &#x202e; y &lt;z&gt;")).toMatchObject([{ inside: [{ text: "x ⟨U+202E⟩ y <z>" }] }]);
  });

  it("that is too long or too deep is shown as it came, and in good time", () => {
    expect(kinds("x ".repeat(MAX_MARKDOWN))).toEqual(["plain"]);
    const began = performance.now();
    for (const text of [
      ">".repeat(20_000),
      "- ".repeat(5_000),
      "[".repeat(30_000),
      "*".repeat(30_000),
      "`".repeat(30_000),
    ])
      expect(blocks(text).length).toBeGreaterThan(0);
    // Each of these would be looked through for its end.
    expect(kinds(`${"*a ".repeat(33_000)}a*`)).toEqual(["plain"]);
    expect(kinds("```\n" + "a[0] * b[1]\n".repeat(1000) + "```")).toEqual(["code"]);
    expect(nodes(blocks(">".repeat(500) + " deep")).filter(({ kind }) => kind === "quote").length).toBeLessThan(20);
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it("leads where a link says", () => {
    expect(address("https://example.org/?a=1&amp;b=2")).toBe("https://example.org/?a=1&b=2");
    expect(address("nowhere")).toBeNull();
  });
});

describe("a terminal's colours", () => {
  it("are runs of one style", () => {
    expect(coloured("a\x1b[1;31mred\x1b[0m b\x1b[38;5;208mc\x1b[48;2;1;2;3md\x1b[39me")).toEqual([
      { text: "a" },
      { text: "red", bold: true, fore: 1 },
      { text: " b" },
      { text: "c", fore: "rgb(255 135 0)" },
      { text: "d", fore: "rgb(255 135 0)", back: "rgb(1 2 3)" },
      { text: "e", back: "rgb(1 2 3)" },
    ]);
    expect(coloured("\x1b[97mx\x1b[38;5;9my\x1b[38;5;255mz")).toEqual([
      { text: "x", fore: 15 },
      { text: "y", fore: 9 },
      { text: "z", fore: "rgb(238 238 238)" },
    ]);
  });

  it("are all that an escape sequence does, and the others are seen", () => {
    expect(plain("a\x1b[2Jb\x1b]0;title\x07c\x1b[?25ld\x1bMe\x1b")).toBe("a⟨ESC⟩b⟨ESC⟩c⟨ESC⟩d⟨ESC⟩e⟨ESC⟩");
    expect(plain("50%\r100%\r\nbell\x07 \x08")).toBe("50%\n100%\nbell⟨U+0007⟩ ⟨U+0008⟩");
    expect(plain("cut off\x1b[38;5")).toBe("cut off⟨ESC⟩[38;5");
  });

  it("stop where there are too many, and no text is lost", () => {
    const text = Array.from({ length: MAX_SPANS * 2 }, (_, i) => `\x1b[3${i % 8}mx`).join("");
    const spans = coloured(text);
    expect(spans.length).toBeLessThanOrEqual(MAX_SPANS + 1);
    expect(spans.map((span) => span.text).join("")).toBe("x".repeat(MAX_SPANS * 2));
  });
});

describe("what is drawn of a text", () => {
  const partly = (text: string) => leavesOut(text, blocks(text));

  it("is all of it", () => {
    expect(
      partly("# Plan\n\n1. Move the tests\n2. a_b & <b>c</b>\n   - so\n   - and so\n\n> 10. quote\n> 11. more"),
    ).toBe(false);
    expect(partly("- x ".repeat(MAX_MARKDOWN))).toBe(false);
    expect(partly("see https://example.com/x")).toBe(false);
  });

  it("is told where it has not", () => {
    expect(partly("[here](https://example.com)")).toBe(true);
    expect(partly("text\n\n[//]: # (hidden words)")).toBe(true);
    expect(partly("| a |\n|---|\n| 1 | hidden |\n")).toBe(true);
    expect(partly("```sh hidden\nls\n```")).toBe(true);
  });

  it("is told where it is drawn as something else", () => {
    expect(partly("Empty src/__init__.py")).toBe(true);
    expect(partly("rm build/*.o logs/*.log")).toBe(true);
    expect(partly("rm -rf `a b`")).toBe(true);
    expect(partly("1. first\n3. third\n2. second")).toBe(true);
    expect(partly("3. third\n4. fourth")).toBe(false);
    expect(partly("b a\n\n[//]: # (b)")).toBe(true);
  });
});

describe("numbers", () => {
  it("are as people read them", () => {
    expect([0, 1_600, 12_345, 1_234_567].map(money)).toEqual(["$0", "$0.0016", "$0.01", "$1.23"]);
    expect([950, 1_000, 12_340, 3_400_000].map(short)).toEqual(["950", "1k", "12.3k", "3.4M"]);
    expect([900, 61_000, 3_700_000].map(took)).toEqual(["900 ms", "1 min 1 s", "1 h 1 min"]);
    expect([10, 2_048, 5_242_880].map(bytes)).toEqual(["10 bytes", "2 KB", "5.0 MB"]);
    expect(turn({ type: "turn", outcome: "done", cost: 20_000, total: 50_000, tokens: [1200, 30], took: 2_500 })).toBe(
      "Turn done · 2.5 s · $0.02 · $0.05 in all · 1.2k tokens read, 30 written",
    );
    expect(turn({ type: "turn", outcome: "interrupted" })).toBe("Turn interrupted");
  });
});
