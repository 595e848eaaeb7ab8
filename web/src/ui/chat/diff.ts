/** What a change does, line by line. Pure. */

import { diffArrays } from "diff";
import type { Change } from "../../lib/session/message";

export interface Line {
  kind: "same" | "added" | "removed" | "skipped";
  text: string;
}

/** Lines around a change that stay to be seen. */
const AROUND = 3;
/** A comparison that takes longer is not worth it: everything old is shown, and then everything new. Milliseconds. */
const WITHIN = 100;
/** Lines that are shown; the rest is told by its number. */
export const MAX_LINES = 2_000;

export function lines({ old, new: now }: Change): Line[] {
  const [before, after] = [split(old), split(now)];
  const parts = diffArrays(before, after, { timeout: WITHIN }) ?? [
    { removed: true, added: false, value: before },
    { removed: false, added: true, value: after },
  ];
  const all = parts.flatMap(({ added, removed, value }, place): Line[] => {
    if (added || removed) return value.map((text) => ({ kind: added ? "added" : "removed", text }));
    return around(value, place > 0, place < parts.length - 1);
  });
  if (all.length <= MAX_LINES) return all;
  return [...all.slice(0, MAX_LINES), { kind: "skipped", text: `${all.length - MAX_LINES} more lines` }];
}

/** How many lines come and go. */
export function counts(changes: readonly Change[]): { added: number; removed: number } {
  let [added, removed] = [0, 0];
  for (const change of changes) {
    for (const { kind } of lines(change)) {
      if (kind === "added") added += 1;
      if (kind === "removed") removed += 1;
    }
  }
  return { added, removed };
}

function split(text: string | null | undefined): string[] {
  if (text === undefined || text === null || text === "") return [];
  const all = text.split("\n");
  if (all.at(-1) === "") all.pop();
  return all;
}

function around(value: readonly string[], before: boolean, after: boolean): Line[] {
  const head = before ? AROUND : 0;
  const tail = after ? AROUND : 0;
  const same = (text: string): Line => ({ kind: "same", text });
  const skipped = value.length - head - tail;
  if (skipped <= 1) return value.map(same);
  const words = skipped === 1 ? "1 line" : `${skipped} lines`;
  return [
    ...value.slice(0, head).map(same),
    { kind: "skipped", text: words },
    ...value.slice(value.length - tail).map(same),
  ];
}
