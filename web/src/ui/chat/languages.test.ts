import { describe, expect, it } from "vitest";
import { diffs, fold } from "../approvals/diff";
import { coloured, languageOf } from "./languages";

const text = (lines: readonly (readonly { text: string }[])[] | null | undefined) =>
  lines?.map((line) => line.map(({ text }) => text).join(""));

describe("a comparison's colours", () => {
  const [runs] = diffs([
    { path: "a.py", old: 'x = """one\ntwo"""\nreturn 1\n', new: 'x = """one\ntwo"""\n# three\nreturn 2\n' },
  ]);
  const parts = fold(runs ?? []);

  it("are those of the whole text, and change none of it", () => {
    const found = coloured(parts, languageOf("/home/dev/a.py"));
    expect(found.map(text)).toEqual(parts.map(({ lines }) => lines));
    // The second line is a string only for who has seen the first.
    expect(found[0]?.[1]?.map(({ name }) => name)).toEqual(["string"]);
    const names = found.flatMap((lines) => lines ?? []).flatMap((line) => line.map(({ name }) => name));
    expect(names).toEqual(expect.arrayContaining(["comment", "keyword", "number"]));
  });

  it("are none where the language is not known", () => {
    expect(coloured(parts, languageOf("/home/dev/notes"))).toEqual(parts.map(() => null));
    expect(coloured(parts, languageOf("Makefile"))).toEqual(parts.map(() => null));
  });

  it("hide nothing of what would not be seen", () => {
    const [runs] = diffs([{ path: "a.py", new: "a = 1 # \u202e\nb\u0000\n" }]);
    const [found] = coloured(fold(runs ?? []), "py");
    expect(text(found)).toEqual(["a = 1 # ⟨U+202E⟩", "b⟨U+0000⟩"]);
  });
});
