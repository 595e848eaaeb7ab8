/** Numbers and names as people read them. Pure. */

import type { Phase } from "../lib/session/link";
import type { Summary } from "../lib/session/message";
import { pendingOf } from "../lib/session/pending";
import type { Failed } from "../lib/session/stored";

/** How long ago, in one unit. */
export function ago(then: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - then) / 1000));
  if (seconds < 10) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  const days = Math.floor(hours / 24);
  return days === 1 ? "yesterday" : `${days} days ago`;
}

/** Whether a calendar has it. */
export function isTime(then: number): boolean {
  return Math.abs(then) <= 8.64e15;
}

/** The time of day, and the day where it is not today's. */
export function timeOf(then: number, now: number): string {
  if (!isTime(then)) return "at no time";
  const today = new Date(then).toDateString() === new Date(now).toDateString();
  const day = today ? {} : ({ day: "numeric", month: "short" } as const);
  return new Intl.DateTimeFormat(undefined, { ...day, hour: "numeric", minute: "2-digit" }).format(then);
}

/** When something was so that may not be so any more. The time of day, and the day where it is not today's. */
export function asOf(then: number, now: number): string {
  const time = timeOf(then, now);
  const passed = ago(then, now);
  return passed === "now" ? `as of ${time}` : `as of ${time} · ${passed}`;
}

/** A folder without the home folder's own path, and from the left no longer than is useful. */
export function folder(path: string): string {
  const short = path.replace(/^\/(home|Users)\/[^/]+(?=\/|$)/, "~").replace(/^\/root(?=\/|$)/, "~");
  const parts = short.split("/");
  return parts.length <= 4 ? short : `…/${parts.slice(-3).join("/")}`;
}

/** Program and arguments, the program without its folder. */
export function program(command: readonly string[]): string {
  const [first = "", ...rest] = command;
  return [first.split("/").at(-1) ?? first, ...rest].join(" ");
}

/** What became of a session's program. */
export function ending(summary: Summary): string | null {
  switch (summary.state) {
    case "running":
      return null;
    case "ended":
      switch (summary.by) {
        case "time":
          return "time over";
        case "person":
          return "ended by hand";
        case "machine":
          return WITH_MACHINE;
        default:
          return summary.exit === 0 ? "done" : `exit ${summary.exit}`;
      }
    case "lost":
      return summary.by === "machine" ? WITH_MACHINE : "lost its keeper";
  }
}

const WITH_MACHINE = "ended with the machine";

/** What a running session's agent does; null where nobody knows, or it runs no more. */
export function doing(summary: Summary): "needs you" | "working" | "idle" | null {
  if (summary.state !== "running") return null;
  const agent = summary.agent?.doing;
  if (agent === "needs_you" || pendingOf(summary).length > 0) return "needs you";
  return agent === "working" || agent === "idle" ? agent : null;
}

/** Whether it waits for a person: 1, or 0. */
export function needsYou(summary: Summary): number {
  return Number(doing(summary) === "needs you");
}

/** Of several hosts, what needs somebody, the newest first: it is not to be looked for in each. */
export function needed<Entry extends { sessions: readonly Summary[] }>(
  entries: readonly Entry[],
): { entry: Entry; summary: Summary }[] {
  if (entries.length < 2) return [];
  return entries
    .flatMap((entry) => entry.sessions.filter(needsYou).map((summary) => ({ entry, summary })))
    .sort((a, b) => b.summary.last_activity - a.summary.last_activity);
}

/** Whether a session came to another end than somebody meant. */
export function failed(summary: Summary): boolean {
  if (summary.state === "lost") return true;
  return summary.state === "ended" && (summary.by ?? "itself") === "itself" && summary.exit !== 0;
}

/** How long until then, to the nearest minute, and at the end to the second; null where it has come. */
export function left(until: number, now: number): string | null {
  const seconds = Math.ceil((until - now) / 1000);
  if (seconds <= 0) return null;
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  const name = days === 1 ? "day" : "days";
  return hours % 24 === 0 ? `${days} ${name}` : `${days} ${name} ${hours % 24} h`;
}

/** A session is given no more than a year. Seconds. */
const LONGEST = 365 * 24 * 60 * 60;

/** A time as `longrein run --ttl` reads it, such as "2h" or "1h 30m", in seconds; null where it is none. */
export function seconds(time: string): number | null {
  const parts = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(time.toLowerCase().replaceAll(/\s/g, ""));
  if (parts === null) return null;
  const [days, hours, minutes, rest] = parts.slice(1).map((part) => Number(part ?? 0));
  const sum = (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (rest ?? 0);
  return sum >= 1 && sum <= LONGEST ? sum : null;
}

/** A session says so long before that it ends by itself, and a clock may be off by some of it. Milliseconds. */
const NEAR = 11 * 60_000;

/** Whether that is soon. */
export function near(until: number, now: number): boolean {
  return until - now <= NEAR;
}

/** A name for this device that its owner will know. */
export function deviceName(agent: string, mobile: boolean): string {
  const system = /iPhone/.test(agent)
    ? "iPhone"
    : /iPad/.test(agent)
      ? "iPad"
      : /Android/.test(agent)
        ? /Mobile/.test(agent)
          ? "Android phone"
          : "Android tablet"
        : /CrOS/.test(agent)
          ? "Chromebook"
          : /Mac OS X/.test(agent)
            ? "Mac"
            : /Windows/.test(agent)
              ? "Windows PC"
              : /Linux/.test(agent)
                ? "Linux PC"
                : mobile
                  ? "phone"
                  : "computer";
  const browser = /Firefox|FxiOS/.test(agent)
    ? "Firefox"
    : /Edg/.test(agent)
      ? "Edge"
      : /OPR/.test(agent)
        ? "Opera"
        : /Chrome|CriOS/.test(agent)
          ? "Chrome"
          : /Safari/.test(agent)
            ? "Safari"
            : "browser";
  return `${browser} on ${system}`;
}

/** What is to be said of keys that nobody confirmed, or of another command of which no more is seen. */
export function missed({ entry: { act }, why, unsure }: Failed): string {
  const what = act.type === "input" ? "What you typed" : "A command";
  if (unsure) return `${what} may or may not have arrived. ${why.hint}`.trim();
  return `${what} was not applied. ${why.message} ${why.hint}`.trim();
}

/** Whether a host is there, for those who do not see it; nothing while that is being found out. */
export function standing(host: string, phase: Phase): string {
  switch (phase.at) {
    case "live":
      return `${host} is connected.`;
    case "away":
      return `${host} is away.`;
    case "waiting":
      return `${host} cannot be reached.`;
    case "refused":
      return `The pairing with ${host} has ended.`;
    case "off":
    case "connecting":
    case "handshaking":
    case "confirming":
      return "";
  }
}

/** What went wrong. */
export function inWords(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Milliseconds, rounded as far as they mean something. */
export function milliseconds(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A command line as a shell would split it, quotes and backslashes included; null where a quote is left open. */
export function splitCommand(line: string): string[] | null {
  const words: string[] = [];
  let word = "";
  let open = false;
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    const char = line.charAt(i);
    if (quote !== "") {
      if (char === quote) quote = "";
      else if (char === "\\" && quote === '"' && i + 1 < line.length) word += line.charAt((i += 1));
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      open = true;
    } else if (char === "\\" && i + 1 < line.length) {
      word += line.charAt((i += 1));
      open = true;
    } else if (/\s/.test(char)) {
      if (open) words.push(word);
      word = "";
      open = false;
    } else {
      word += char;
      open = true;
    }
  }
  if (quote !== "") return null;
  if (open) words.push(word);
  return words;
}
