/** What waits for somebody, and texts of programs as they may be shown. Pure. */

import type { Approval, Grant, Summary } from "./message";

/** Emoji: with what only says how one is drawn, and of several that are one. */
const TONED = /\p{Extended_Pictographic}(?:[\ufe0e\ufe0f]|[\u{1f3fb}-\u{1f3ff}])?/u.source;
const EMOJI = new RegExp(`${TONED}(?:\u200d${TONED})*|[0-9#*]\ufe0f\u20e3`, "u");
/** Scripts in which a joiner between two letters is how they are written, and is seen by their shapes. */
const SHAPED = ["Arab", "Deva", "Beng", "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym", "Sinh"]
  .map((script) => `\\p{Script=${script}}`)
  .join("");
const JOINED = new RegExp(`[${SHAPED}][\u200c\u200d](?=[${SHAPED}])`, "u");
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
