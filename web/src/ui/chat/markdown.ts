/**
 * Markdown as a tree of what a screen draws, and of nothing else: there is no node for HTML, for a picture from
 * somewhere, or for a link to anything but a page or an address. What is one of these in the text is shown as text. Pure.
 */

import { Lexer, type Token, type Tokens } from "marked";
import { visible } from "../../lib/session/pending";

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "strong" | "em" | "del"; inside: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "link"; href: string; inside: Inline[] }
  | { kind: "break" };

export type Block =
  | { kind: "paragraph"; inside: Inline[] }
  | { kind: "heading"; depth: number; inside: Inline[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "quote"; inside: Block[] }
  | { kind: "list"; start: number | null; items: { done: boolean | null; inside: Block[] }[] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" }
  | { kind: "plain"; text: string };

/** What is longer is shown as it came. Characters. */
export const MAX_MARKDOWN = 100_000;
/** What may be the end of something that began before, and so many of them in a paragraph. */
const MARKS = new Set("*_~[]<`");
const MAX_MARKS = 1000;
/** Lists and quotes within one another; what is deeper is shown as it came. */
const MAX_DEPTH = 12;

export function blocks(text: string): Block[] {
  const shown = visible(text);
  if (shown.length > MAX_MARKDOWN || isTangled(shown)) return [{ kind: "plain", text: shown }];
  try {
    return all(new Lexer({ gfm: true, breaks: true }).lex(shown), 0);
  } catch {
    return [{ kind: "plain", text: shown }];
  }
}

/** What a screen draws of a line's beginning as what it is: of a quote, a heading, or a list without numbers. */
const BEGINNING = /^[ \t>]*(?:(?:#{1,6}|[-*+])(?=[ \t]))?/gm;

/**
 * Whether what is drawn of the text is anything else than its characters in their order, other than spaces, marks of
 * quotes and headings, and those of lists, whose numbers are those that are drawn.
 */
export function leavesOut(text: string, drawn: readonly Block[]): boolean {
  const written = visible(text);
  const seen = textOf(drawn).replace(/\s/gu, "");
  return [written, written.replace(BEGINNING, "")].every((all) => all.replace(/\s/gu, "") !== seen);
}

function textOf(node: unknown): string {
  if (typeof node === "string") return node;
  if (typeof node !== "object" || node === null) return "";
  const { kind, href, start, items, ...rest } = node as Record<string, unknown>;
  void [kind, href];
  if (Array.isArray(items) && typeof start === "number")
    return items.map((item, place) => `${start + place}.${textOf(item)}`).join(" ");
  return Object.values({ ...rest, items })
    .map(textOf)
    .join(" ");
}

/** Whether a paragraph has so many marks that matching them would take long. Code has as many as it likes. */
function isTangled(text: string): boolean {
  let marks = 0;
  let fenced = false;
  for (const line of text.split("\n")) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    if (fenced || line.trim() === "") marks = 0;
    else for (const char of line) if (MARKS.has(char)) marks += 1;
    if (marks > MAX_MARKS) return true;
  }
  return false;
}

/** Where a link may lead; null for everything else. */
export function address(href: string): string | null {
  let url: URL;
  try {
    url = new URL(decoded(href));
  } catch {
    return null;
  }
  return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
}

function all(tokens: readonly Token[], depth: number): Block[] {
  if (depth > MAX_DEPTH) return [{ kind: "plain", text: tokens.map(({ raw }) => raw).join("") }];
  return tokens.flatMap((token) => block(token, depth));
}

function block(token: Token, depth: number): Block[] {
  switch (token.type) {
    case "space":
    case "def":
    case "checkbox":
      return [];
    case "hr":
      return [{ kind: "rule" }];
    case "heading": {
      const { depth: level, tokens } = token as Tokens.Heading;
      return [{ kind: "heading", depth: level, inside: inline(tokens) }];
    }
    case "paragraph":
    case "text": {
      const { tokens, text } = token as Tokens.Paragraph | Tokens.Text;
      return [{ kind: "paragraph", inside: tokens ? inline(tokens) : [{ kind: "text", text: decoded(text) }] }];
    }
    case "code": {
      const { lang, text } = token as Tokens.Code;
      return [{ kind: "code", language: /^\S*/.exec(lang ?? "")?.[0] ?? "", text }];
    }
    case "blockquote":
      return [{ kind: "quote", inside: all((token as Tokens.Blockquote).tokens, depth + 1) }];
    case "list": {
      const { items, ordered, start } = token as Tokens.List;
      const entries = items.map(({ task, checked, tokens }) => {
        return { done: task ? checked === true : null, inside: all(tokens, depth + 1) };
      });
      return [{ kind: "list", start: ordered ? Number(start) || 0 : null, items: entries }];
    }
    case "table": {
      const { header, rows } = token as Tokens.Table;
      const cells = (row: readonly Tokens.TableCell[]) => row.map(({ tokens }) => inline(tokens));
      return [{ kind: "table", head: cells(header), rows: rows.map(cells) }];
    }
    default:
      return token.raw.trim() === "" ? [] : [{ kind: "plain", text: token.raw.replace(/\n+$/, "") }];
  }
}

function inline(tokens: readonly Token[], depth = 0): Inline[] {
  return tokens.map((token): Inline => {
    const inside = () => {
      const { tokens, raw } = token as Tokens.Strong;
      return depth < MAX_DEPTH ? inline(tokens, depth + 1) : [{ kind: "text" as const, text: raw }];
    };
    switch (token.type) {
      case "strong":
      case "em":
      case "del":
        return { kind: token.type, inside: inside() };
      case "codespan":
        return { kind: "code", text: (token as Tokens.Codespan).text };
      case "br":
        return { kind: "break" };
      case "escape":
        return { kind: "text", text: (token as Tokens.Escape).text };
      case "text": {
        const { tokens, text } = token as Tokens.Text;
        return { kind: "text", text: decoded(tokens ? tokens.map(({ raw }) => raw).join("") : text) };
      }
      case "link": {
        const href = address((token as Tokens.Link).href);
        return href === null ? { kind: "text", text: token.raw } : { kind: "link", href, inside: inside() };
      }
      case "image": {
        // Nothing is fetched: whoever made the text would learn that it was read, and where.
        const { href, text } = token as Tokens.Image;
        const to = address(href);
        if (to === null) return { kind: "text", text: token.raw };
        const words = `${decoded(text) || "picture"} (${new URL(to).host})`;
        return { kind: "link", href: to, inside: [{ kind: "text", text: words }] };
      }
      default:
        return { kind: "text", text: token.raw };
    }
  });
}

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  copy: "©",
};

/** Characters that are written by name or number. */
function decoded(text: string): string {
  const read = text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,6}));/gi, (raw, decimal, hex, name) => {
    if (name !== undefined) return NAMED[String(name)] ?? raw;
    const code = decimal === undefined ? parseInt(String(hex), 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : raw;
  });
  return visible(read);
}
