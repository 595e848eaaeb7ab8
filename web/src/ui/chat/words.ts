/** Numbers of a chat as people read them. Pure. */

import { indented } from "../../lib/session/indented";
import type { Chat, Outcome, Step, Tool, ToolKind } from "../../lib/session/message";
import type { IconName } from "../parts/Icon.svelte";
import { isTime, milliseconds } from "../words";

export const TOO_DEEP = "It is nested too deeply to be shown.";

/** Millionths of a dollar, to the cent, and less than that to what can be told apart. */
export function money(millionths: number): string {
  const dollars = millionths / 1_000_000;
  if (dollars === 0) return "$0";
  if (dollars < 0.01) return `$${dollars.toFixed(4).replace(/0+$/, "")}`;
  return `$${dollars.toFixed(2)}`;
}

/** Such as 950, 1.2k, 3.4M. */
export function short(count: number): string {
  if (count < 1000) return String(count);
  if (count < 999_950) return `${(count / 1000).toFixed(1).replace(".0", "")}k`;
  return `${(count / 1_000_000).toFixed(1).replace(".0", "")}M`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });

/** The time of day, and the day where it is not today's. */
export function time(then: number): string {
  if (!isTime(then)) return "";
  return (new Date(then).toDateString() === new Date().toDateString() ? CLOCK : DAY).format(then);
}

/** How long something took. */
export function took(ms: number): string {
  if (ms < 60_000) return milliseconds(ms);
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** How large a file is. */
export function bytes(count: number): string {
  if (count < 1024) return `${count} bytes`;
  if (count < 1024 * 1024) return `${Math.round(count / 1024)} KB`;
  return `${(count / 1024 / 1024).toFixed(1)} MB`;
}

export function outcome(outcome: Outcome): string {
  const words: Readonly<Record<Outcome, string>> = {
    done: "done",
    failed: "failed",
    denied: "not allowed",
    interrupted: "interrupted",
  };
  return words[outcome] ?? outcome;
}

/** What a turn came to, in one line. */
export function turn({ outcome: how, cost, total, tokens, took: ms }: Extract<Chat, { type: "turn" }>): string {
  const said: Record<Outcome, string> = {
    done: "Turn done",
    failed: "Turn failed",
    denied: "Turn not allowed",
    interrupted: "Turn interrupted",
  };
  const parts = [said[how] ?? how];
  if (typeof ms === "number") parts.push(took(ms));
  if (typeof cost === "number") parts.push(money(cost));
  if (typeof total === "number" && total !== cost) parts.push(`${money(total)} in all`);
  if (Array.isArray(tokens)) parts.push(`${short(tokens[0])} tokens read, ${short(tokens[1])} written`);
  return parts.join(" · ");
}

/** Such as "2 of 5". */
export function plan(steps: readonly Step[]): string {
  return `${steps.filter(({ state }) => state === "done").length} of ${steps.length}`;
}

export function icon(kind: ToolKind | undefined): IconName {
  const icons: Readonly<Record<ToolKind, IconName>> = {
    read: "text",
    edit: "compose",
    run: "keyboard",
    search: "search",
    fetch: "link",
    delegate: "branch",
    other: "settings",
  };
  return icons[kind ?? "other"] ?? "settings";
}

/** A call in one line: what a folded card says. */
export function call({ title, command, paths }: Tool): string {
  return title || command?.split("\n")[0] || paths?.join(", ") || "";
}

/** What of a thing can be copied or found. */
export function textOf(chat: Chat): string {
  switch (chat.type) {
    case "user":
    case "queued":
    case "agent":
    case "thinking":
    case "note":
    case "result":
      return chat.text;
    case "call":
      return [chat.tool.name, chat.tool.title, chat.tool.command, ...(chat.tool.paths ?? [])]
        .filter(Boolean)
        .join("\n");
    case "plan":
      return chat.steps.map(({ text, state }) => `- [${state === "done" ? "x" : " "}] ${text}`).join("\n");
    case "turn":
      return chat.error ?? "";
    case "setup":
    case "taken":
      return "";
    case "unknown":
      return indented(chat.json) ?? TOO_DEEP;
  }
}
