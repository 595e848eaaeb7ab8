/** A terminal's colours in a text that is no terminal. Everything else that an escape sequence could do is shown. Pure. */

import { visible } from "../../lib/session/pending";

export interface Span {
  text: string;
  /** One of sixteen, by number; or a colour as styles have it. */
  fore?: number | string;
  back?: number | string;
  bold?: boolean;
  faint?: boolean;
  italic?: boolean;
  underline?: boolean;
  struck?: boolean;
  inverse?: boolean;
}

/** Spans of one text; where there are more, the rest is one without colours. */
export const MAX_SPANS = 4_000;

/** What is seen of an escape sequence that does something else. */
const ESC = "⟨ESC⟩";

/** What begins with an escape, or is another control that a text may have. */
const ESCAPE = /\x1b\[([0-9:;<=>?]*)[ -/]*([@-~])|\x1b\](?:[^\x07\x1b]*)(?:\x07|\x1b\\)|\x1b[^[\]]|\x1b/g;

type Style = Omit<Span, "text">;

/** The text in runs of one style. Lines end in `\n` alone. */
export function coloured(text: string): Span[] {
  const spans: Span[] = [];
  let style: Style = {};
  let at = 0;
  const push = (raw: string) => {
    if (raw === "") return;
    const shown = visible(raw.replaceAll("\r\n", "\n").replaceAll("\r", "\n"));
    spans.push({ text: shown, ...style });
  };
  for (const match of text.matchAll(ESCAPE)) {
    if (spans.length >= MAX_SPANS) break;
    push(text.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] === "m" && !/[<=>?]/.test(match[1] ?? "")) style = styled(style, match[1] ?? "");
    else spans.push({ text: ESC, faint: true });
  }
  push(text.slice(at).replace(ESCAPE, (escape) => (escape.endsWith("m") ? "" : ESC)));
  return spans;
}

/** The text without any of it. */
export function plain(text: string): string {
  return coloured(text)
    .map((span) => span.text)
    .join("");
}

function styled(from: Style, parameters: string): Style {
  let style = { ...from };
  const codes = parameters.split(/[;:]/).map(Number);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) style = {};
    else if (code === 1) style.bold = true;
    else if (code === 2) style.faint = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 7) style.inverse = true;
    else if (code === 9) style.struck = true;
    else if (code === 22) {
      delete style.bold;
      delete style.faint;
    } else if (code === 23) delete style.italic;
    else if (code === 24) delete style.underline;
    else if (code === 27) delete style.inverse;
    else if (code === 29) delete style.struck;
    else if (code >= 30 && code <= 37) style.fore = code - 30;
    else if (code >= 90 && code <= 97) style.fore = code - 82;
    else if (code >= 40 && code <= 47) style.back = code - 40;
    else if (code >= 100 && code <= 107) style.back = code - 92;
    else if (code === 39) delete style.fore;
    else if (code === 49) delete style.back;
    else if (code === 38 || code === 48) {
      const { colour, length } = extended(codes.slice(i + 1));
      i += length;
      if (colour === null) continue;
      if (code === 38) style.fore = colour;
      else style.back = colour;
    }
  }
  return style;
}

function extended([how, ...rest]: number[]): { colour: number | string | null; length: number } {
  const byte = (value: number | undefined) => Math.min(255, Math.max(0, Math.floor(value || 0)));
  if (how === 5) {
    const n = byte(rest[0]);
    return { colour: n < 16 ? n : cube(n), length: 2 };
  }
  if (how === 2) return { colour: `rgb(${byte(rest[0])} ${byte(rest[1])} ${byte(rest[2])})`, length: 4 };
  return { colour: null, length: 1 };
}

/** One of the 256 behind the first sixteen: a cube of colours, and greys. */
function cube(n: number): string {
  if (n >= 232) {
    const grey = 8 + (n - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const step = (part: number) => (part === 0 ? 0 : 55 + part * 40);
  const at = n - 16;
  return `rgb(${step(Math.floor(at / 36))} ${step(Math.floor(at / 6) % 6)} ${step(at % 6)})`;
}
