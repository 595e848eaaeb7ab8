/** What an agent wants to do, in words. Pure. */

import { indented } from "../../lib/session/indented";
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
  /** Null where it can be shown only as it was sent. */
  json: string | null;
}

/** What is said of it besides what stands on the sheet anyway. */
export function titleOf({ title, command, paths, changes }: Tool, { question }: Request): string {
  const shown = [command, question, ...(paths ?? []), ...(changes ?? []).map(({ path }) => path)];
  return title === undefined || shown.includes(title) ? "" : title;
}

/**
 * Null where all of it is shown. A text that is shown is left out once: another member of the same text says something
 * else by its name.
 */
export function restOf(tool: Tool, request: Request): Rest | null {
  const { command, paths, changes, input } = tool;
  if (input === null || input === undefined) return null;
  if (typeof input !== "object" || Array.isArray(input)) return { names: [], json: indented(input) };
  const shown = [
    command,
    request.plan,
    titleOf(tool, request),
    ...(paths ?? []),
    ...(changes ?? []).flatMap((one) => [one.old, one.new]),
  ];
  const times = new Map<unknown, number>();
  for (const text of shown) times.set(text, (times.get(text) ?? 0) + 1);
  const left = Object.entries(input).filter(([, value]) => {
    const left = typeof value === "string" ? (times.get(value) ?? 0) : 0;
    if (left > 0) times.set(value, left - 1);
    return left === 0;
  });
  if (left.length === 0) return null;
  return { names: left.map(([name]) => name), json: indented(Object.fromEntries(left)) };
}

/** Paths that are not those of its changes, which say them themselves. */
export function otherPaths({ paths, changes }: Tool): string[] {
  return (paths ?? []).filter((path) => !(changes ?? []).some((change) => change.path === path));
}
