/** What waits for somebody, and texts of programs as they may be shown. Pure. */

import type { Approval, Summary } from "./message";

/**
 * Everything that a screen would leave out, obey or turn around, other than tabs and the ends of lines: controls, marks
 * of direction, and what has no width. What only says how an emoji is drawn stays.
 */
const HIDDEN = /(?!\t|\n|\ufe0e|\ufe0f)[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;

/** A text in which nothing hides. */
export function visible(text: string): string {
  return text.replace(HIDDEN, (hidden) => {
    const code = (hidden.codePointAt(0) ?? 0).toString(16).toUpperCase();
    return `⟨U+${code.padStart(4, "0")}⟩`;
  });
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

/** All of them, the one that is denied soonest first. */
export function allPending<Entry extends { sessions: readonly Summary[] }>(
  entries: readonly Entry[],
): Pending<Entry>[] {
  return entries
    .flatMap((entry) => entry.sessions.map((summary) => ({ entry, summary })))
    .flatMap(({ entry, summary }) => pendingOf(summary).map((approval) => ({ entry, summary, approval })))
    .sort((a, b) => a.approval.expires_at - b.approval.expires_at);
}
