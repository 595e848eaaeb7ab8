/** What waits for somebody, and texts of programs as they may be shown. Pure. */

import type { Approval, Grant, Summary } from "./message";

/** Emoji: with what only says how one is drawn, and of several that are one. */
const TONED = /\p{Extended_Pictographic}(?:[\ufe0e\ufe0f]|[\u{1f3fb}-\u{1f3ff}])?/u.source;
const EMOJI = new RegExp(`${TONED}(?:\u200d${TONED})*|[0-9#*]\ufe0f\u20e3`, "u");
/** Scripts in which a joiner behind a virama, before a letter, is seen by the letters' shapes; and their viramas. */
const CONJUNCT = ["Deva", "Beng", "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym", "Sinh"]
  .map((script) => `\\p{Script=${script}}`)
  .join("");
const VIRAMA = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca";
const CONJOINED = `(?=[\\p{L}\\p{M}])[${CONJUNCT}][${VIRAMA}][\u200c\u200d](?=(?=\\p{L})[${CONJUNCT}])`;
/**
 * Arabic letters that join the next one, and those that only join the one before: only between such letters is it seen
 * that they are kept apart. That they are joined is nothing that a joiner would have to say.
 */
const DUAL =
  "\u0620\u0626\u0628\u062a-\u062e\u0633-\u063f\u0641-\u0647\u0649\u064a\u066e\u066f\u0678-\u0687\u069a-\u06bf\u06c1\u06c2" +
  "\u06cc\u06ce\u06d0\u06d1\u06fa-\u06fc\u06ff";
const RIGHT =
  "\u0622-\u0625\u0627\u0629\u062f-\u0632\u0648\u0671-\u0673\u0675-\u0677\u0688-\u0699\u06c0\u06c3-\u06cb\u06cd\u06cf" +
  "\u06d2\u06d3\u06d5\u06ee\u06ef";
/** Marks of vowels, through which letters join. */
const VOWELS = "\u064b-\u0655\u0670";
const APART = `[${DUAL}][${VOWELS}]*\u200c(?=[${DUAL}${RIGHT}])`;
const JOINED = new RegExp(`${CONJOINED}|${APART}`, "u");
/**
 * Everything that a screen would leave out, obey or turn around, other than tabs and the ends of lines: controls, marks
 * of direction, and what has no width, also where it looks like a space.
 */
const HIDDEN = /(?!\t|\n)[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]/u;
const LOOKED_AT = new RegExp(`(${EMOJI.source}|${JOINED.source})|${HIDDEN.source}`, "gu");
/** Marks above one another, of which the later ones would be drawn over the lines around. */
const PILED = /(\p{M}{4})(\p{M}+)/gu;

/** A text in which nothing hides. */
export function visible(text: string): string {
  return text
    .replace(LOOKED_AT, (found: string, seen: string | undefined) => seen ?? nameOf(found))
    .replace(PILED, (_, few: string, more: string) => few + Array.from(more, nameOf).join(""));
}

/** What hides in a text, each by its name. */
export function hiddenIn(text: string): string[] {
  const found = [...text.matchAll(LOOKED_AT)].flatMap(([all, seen]) => (seen === undefined ? [nameOf(all)] : []));
  return [...new Set(found)];
}

function nameOf(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  return `⟨U+${code.padStart(4, "0")}⟩`;
}

/** One that waits. */
export interface Pending<Entry> {
  entry: Entry;
  summary: Summary;
  approval: Approval;
}

/** A session's approvals that wait for somebody. A program that is gone waits for nothing. */
export function pendingOf(summary: Summary): readonly Approval[] {
  if (summary.state !== "running") return [];
  return (summary.approvals ?? []).filter(({ state }) => state === "pending");
}

/** What is allowed in a session until it ends. */
export function grantsOf({ state, grants }: Summary): readonly Grant[] {
  return state === "running" ? (grants ?? []) : [];
}

/** A session's approvals that are over, as far as they are listed, the last one first. */
export function decidedOf({ approvals }: Summary): Decided[] {
  return (approvals ?? []).filter((approval): approval is Decided => approval.state !== "pending").reverse();
}

type Decided = Exclude<Approval, { state: "pending" }>;

/** All of them, the one that is denied soonest first. */
export function allPending<Entry extends { sessions: readonly Summary[] }>(
  entries: readonly Entry[],
): Pending<Entry>[] {
  return entries
    .flatMap((entry) => entry.sessions.map((summary) => ({ entry, summary })))
    .flatMap(({ entry, summary }) => pendingOf(summary).map((approval) => ({ entry, summary, approval })))
    .sort((a, b) => a.approval.expires_at - b.approval.expires_at);
}
