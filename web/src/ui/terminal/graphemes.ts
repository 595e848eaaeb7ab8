/**
 * Which characters share a cell, and how wide they are: what xterm.js's own unicode-graphemes addon does (Unicode 15
 * clusters, emoji presentation), in a sixth of its size. `crates/agent` has the same in `screen/grapheme.rs`.
 */

import type { ITerminalAddon, IUnicodeVersionProvider, Terminal } from "@xterm/xterm";
import { TABLE } from "./graphemes-table";

const PREPEND = 1;
const EXTEND = 2;
const REGIONAL = 3;
const SPACING = 4;
const HANGUL_L = 5;
const HANGUL_V = 6;
const HANGUL_T = 7;
const HANGUL_LV = 8;
const HANGUL_LVT = 9;
const ZWJ = 10;
const PICTOGRAPH = 11;
/** The state after two regional indicators: a third one starts anew. */
const SAW_PAIR = 32;

/** A syllable of {@link HANGUL_LVT} that has no last consonant: every 28th. */
const SYLLABLES = { first: 0xac00, step: 28 };

/** Of each code point: break kind, times two, and one more where it is wide. */
let infos: Uint8Array | null = null;

function infoOf(code: number): number {
  infos ??= read();
  const info = infos[code] ?? 0;
  const { first, step } = SYLLABLES;
  return info >> 1 === HANGUL_LVT && (code - first) % step === 0 ? (HANGUL_LV << 1) | (info & 1) : info;
}

function read(): Uint8Array {
  const infos = new Uint8Array(0x110000);
  let at = 0;
  for (const [, distance = "", letter = ""] of TABLE.matchAll(/([0-9a-z]+)([A-Z])/g)) {
    at += parseInt(distance, 36);
    infos.fill(letter.charCodeAt(0) - 65, at);
  }
  return infos;
}

/** What is known behind a character: how the next one joins it, its width, and whether it joined. */
function properties(state: number, width: number, joined: boolean): number {
  return (state << 3) | (width << 1) | Number(joined);
}

const PLAIN = properties(0, 1, false);

const PROVIDER: IUnicodeVersionProvider = {
  version: "15-graphemes",

  wcwidth(code) {
    const info = infoOf(code);
    const kind = info >> 1;
    return kind === EXTEND || kind === PREPEND ? 0 : info & 1 ? 2 : 1;
  },

  charProperties(code, preceding) {
    if (code >= 32 && code < 127 && preceding >> 3 === 0) return PLAIN;
    const info = infoOf(code);
    const kind = info >> 1;
    const width = info & 1 || code === 0xfe0f ? 2 : 1;
    if (preceding === 0 || !joins((preceding >> 3) & 0xf, kind)) return properties(kind, width, false);
    const pair = kind === REGIONAL;
    return properties(pair ? SAW_PAIR : kind, pair ? 2 : Math.max((preceding >> 1) & 3, width), true);
  },
};

function joins(before: number, after: number): boolean {
  return (
    joinsSyllable(before, after) ||
    after === EXTEND ||
    after === ZWJ ||
    after === SPACING ||
    before === PREPEND ||
    (before === ZWJ && after === PICTOGRAPH) ||
    (before === REGIONAL && after === REGIONAL)
  );
}

function joinsSyllable(before: number, after: number): boolean {
  switch (before) {
    case HANGUL_L:
      return after === HANGUL_L || after === HANGUL_V || after === HANGUL_LV || after === HANGUL_LVT;
    case HANGUL_LV:
    case HANGUL_V:
      return after === HANGUL_V || after === HANGUL_T;
    case HANGUL_LVT:
    case HANGUL_T:
      return after === HANGUL_T;
    default:
      return false;
  }
}

export class GraphemesAddon implements ITerminalAddon {
  activate(terminal: Terminal): void {
    terminal.unicode.register(PROVIDER);
    terminal.unicode.activeVersion = PROVIDER.version;
  }

  dispose(): void {
    // It goes with its terminal.
  }
}
