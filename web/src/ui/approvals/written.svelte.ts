/** What somebody has written on a sheet and not sent: it is there again when the sheet is, until the approval is over. */

import type { Approval, Summary } from "../../lib/session/message";
import type { HostEntry } from "../app.svelte";
import { perSession } from "../per-session";
import type { Picked } from "./answers";

export class Written {
  /** The word that a dangerous one wants. */
  word = $state("");
  /** An answer of one's own. */
  text = $state("");
  reason = $state("");
  picked: readonly Picked[] = $state.raw([]);
}

const all = perSession(() => new Map<string, Written>());

export function writtenOf(entry: HostEntry, { id, approvals = [] }: Summary, approval: Approval): Written {
  const of = all(entry, id);
  const pending = approvals.filter(({ state }) => state === "pending").map(keyOf);
  for (const key of of.keys()) if (!pending.includes(key)) of.delete(key);
  const written = of.get(keyOf(approval)) ?? new Written();
  of.set(keyOf(approval), written);
  return written;
}

/** Never with words that were written about something else. */
function keyOf({ id, digest }: Approval): string {
  return `${id} ${digest}`;
}
