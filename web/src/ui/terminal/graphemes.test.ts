import type { IUnicodeVersionProvider, Terminal } from "@xterm/xterm";
import { describe, expect, it, vi } from "vitest";
import { GraphemesAddon } from "./graphemes";
import { TABLE } from "./graphemes-table";

// With a Buffer, the addon reads its table at the wrong place.
vi.stubGlobal("Buffer", undefined);
const { UnicodeGraphemesAddon } = await import("@xterm/addon-unicode-graphemes");
vi.unstubAllGlobals();

/** The last code point, and one more. */
const END = 0x110000;
/** Width, and whether it joined. */
const SEEN = 7;

/** The provider that an addon makes a terminal use. */
function providerOf(addon: { activate(terminal: Terminal): void }): IUnicodeVersionProvider {
  const all = new Map<string, IUnicodeVersionProvider>();
  const unicode = {
    activeVersion: "6",
    register: (provider: IUnicodeVersionProvider) => all.set(provider.version, provider),
  };
  addon.activate({ unicode } as unknown as Terminal);
  const active = all.get(unicode.activeVersion);
  if (active === undefined) throw new Error("none was made the active one");
  return active;
}

const own = providerOf(new GraphemesAddon());
const model = providerOf(new UnicodeGraphemesAddon());

/** The break kind that the addon gives a character, with every Hangul syllable as one with a last consonant. */
function kindOf(code: number): number {
  const kind = (model.charProperties(code, 0) >> 3) & 0xf;
  return kind === 8 ? 9 : kind;
}

/** Where a run of characters begins that are alike by themselves. */
const runs: { at: number; letter: string }[] = [];
for (let code = 0; code < END; code++) {
  // U+FE0F is wide by a rule of its own.
  const wide = code !== 0xfe0f && ((model.charProperties(code, 0) >> 1) & 3) === 2;
  const letter = String.fromCharCode(65 + kindOf(code) * 2 + Number(wide));
  if (runs.at(-1)?.letter !== letter) runs.push({ at: code, letter });
}

describe("what shares a cell is what xterm.js's own addon says", () => {
  it("by a table that is made from it", () => {
    const text = runs.map(({ at, letter }, n) => `${(at - (runs[n - 1]?.at ?? 0)).toString(36)}${letter}`).join("");
    expect(TABLE).toBe(text);
  });

  it("for every character by itself", () => {
    const other: number[] = [];
    for (let code = 0; code < END; code++) {
      const same =
        (own.charProperties(code, 0) & SEEN) === (model.charProperties(code, 0) & SEEN) &&
        own.wcwidth(code) === model.wcwidth(code);
      if (!same) other.push(code);
    }
    expect(other).toEqual([]);
  });

  it("for characters behind one another", () => {
    // Repeatable, and of every kind there is: plain ones alone would meet one another and nothing else.
    let seed = 1;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    const letters = [...new Set(runs.map(({ letter }) => letter))];
    const alike = letters.map((of) => runs.filter(({ letter }) => letter === of));
    const draw = () => {
      const of = alike[random(alike.length)] ?? [];
      return (of[random(of.length)]?.at ?? 0) + random(3);
    };
    let [mine, its] = [0, 0];
    for (let n = 0; n < 300_000; n++) {
      const code = random(8) === 0 ? 0xfe0f : draw();
      if (random(20) === 0) [mine, its] = [0, 0];
      mine = own.charProperties(code, mine);
      its = model.charProperties(code, its);
      if ((mine & SEEN) !== (its & SEEN)) throw new Error(`U+${code.toString(16)}, number ${n}, is another`);
    }
  });
});
