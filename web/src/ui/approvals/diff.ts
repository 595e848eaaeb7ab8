/** What changes in a text, line by line. Pure. */

import { diffArrays } from "diff";
import type { Change } from "../../lib/session/message";

/** Lines that stay, go, or come. */
export interface Run {
  kind: "same" | "old" | "new";
  lines: readonly string[];
}

/** Of a change that is larger, whose comparison would be slow and no help, nothing is said but what was and what is to be. */
const MOST_EDITS = 1_000;
const MOST_LINES = 100_000;
/** What comparing may cost for all that is shown together: squares of edits. */
const WORK = 2 * MOST_EDITS ** 2;
/** Lines around a change that are shown of what stays. */
const AROUND = 3;

/**
 * For each, from what was to what is to be: what goes before what comes, between what stays, and each line of either in
 * it once. Null where that is too much, alone or with those before it.
 */
export function diffs(changes: readonly Change[]): (Run[] | null)[] {
  let left = WORK;
  return changes.map(({ old, new: now }) => {
    const [before, after] = lines(old ?? "", now ?? "");
    if (before.length + after.length > MOST_LINES) return null;
    const most = Math.min(MOST_EDITS, Math.floor(Math.sqrt(left)));
    const runs = compared(before, after, most);
    left -= (runs === null ? most : edits(runs)) ** 2;
    return runs;
  });
}

/** How many lines come and go; null where that is not known. */
export function counts(all: readonly (readonly Run[] | null)[]): { added: number; removed: number } | null {
  let [added, removed] = [0, 0];
  for (const runs of all) {
    if (runs === null) return null;
    for (const { kind, lines } of runs) {
      if (kind === "new") added += lines.length;
      if (kind === "old") removed += lines.length;
    }
  }
  return { added, removed };
}

function compared(before: string[], after: string[], most: number): Run[] | null {
  // All of one, and nothing of the other, is no work.
  if (before.length === 0 || after.length === 0) {
    const runs: Run[] = [
      { kind: "old", lines: before },
      { kind: "new", lines: after },
    ];
    return runs.filter(({ lines }) => lines.length > 0);
  }
  const parts = diffArrays(before, after, { maxEditLength: most });
  return (
    parts?.map(({ added, removed, value }) => ({ kind: added ? "new" : removed ? "old" : "same", lines: value })) ??
    null
  );
}

function edits(runs: readonly Run[]): number {
  if (runs.length < 2) return 0;
  return runs.reduce((sum, { kind, lines }) => (kind === "same" ? sum : sum + lines.length), 0);
}

export interface Part extends Run {
  /** Stays, and far from what changes. */
  folded: boolean;
}

/** With what stays in parts, of which those that are far from any change need not be seen at once. */
export function fold(runs: readonly Run[]): Part[] {
  return runs.flatMap(({ kind, lines }, n): Part[] => {
    const head = n > 0 ? AROUND : 0;
    const tail = n < runs.length - 1 ? AROUND : 0;
    if (kind !== "same" || lines.length - head - tail < 2) return [{ kind, lines, folded: false }];
    const parts = [
      { kind, lines: lines.slice(0, head), folded: false },
      { kind, lines: lines.slice(head, lines.length - tail), folded: true },
      { kind, lines: lines.slice(lines.length - tail), folded: false },
    ];
    return parts.filter(({ lines }) => lines.length > 0);
  });
}

/** The lines of two texts. An end of the last line is none of its own, where both have one. */
function lines(old: string, now: string): [string[], string[]] {
  const [a, b] = [old, now].map((text) => (text === "" ? [] : text.split("\n"))) as [string[], string[]];
  const ended = (all: string[]) => all.length === 0 || all.at(-1) === "";
  if (ended(a) && ended(b)) for (const all of [a, b]) all.pop();
  return [a, b];
}
