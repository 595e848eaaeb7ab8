/** What an agent wants to do, in words. Pure. */

import type { Request, Tool, ToolKind } from "../../lib/session/message";

export const KINDS: Readonly<Record<ToolKind, string>> = {
  read: "Reads",
  edit: "Changes files",
  run: "Runs a command",
  search: "Searches",
  fetch: "Asks the network",
  delegate: "Starts an agent of its own",
  other: "Uses a tool",
};

/** What is passed to a tool and stands nowhere else on the sheet. */
export interface Rest {
  names: readonly string[];
  json: string;
}

/**
 * Null where all of it is shown. A text that is shown is left out once: another member of the same text says something
 * else by its name.
 */
export function restOf({ command, paths, changes, title, input }: Tool, { plan }: Request): Rest | null {
  if (input === null || input === undefined) return null;
  if (typeof input !== "object" || Array.isArray(input)) return { names: [], json: JSON.stringify(input, null, 2) };
  const shown = [command, plan, title, ...(paths ?? []), ...(changes ?? []).flatMap((one) => [one.old, one.new])];
  const left = Object.entries(input).filter(([, value]) => {
    const place = typeof value === "string" ? shown.indexOf(value) : -1;
    if (place !== -1) shown.splice(place, 1);
    return place === -1;
  });
  if (left.length === 0) return null;
  return { names: left.map(([name]) => name), json: JSON.stringify(Object.fromEntries(left), null, 2) };
}

/** Paths that are not those of its changes, which say them themselves. */
export function otherPaths({ paths, changes }: Tool): string[] {
  return (paths ?? []).filter((path) => !(changes ?? []).some((change) => change.path === path));
}
