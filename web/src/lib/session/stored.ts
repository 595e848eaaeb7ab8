/** What a page leaves behind of its commands, and what it tells a person of them. */

import type { Act, Failure } from "./message";
import type { There } from "./upload";

/** A text that the composer gave: done once and as a whole, or told to have failed. */
export interface Prompt {
  id: string;
  text: string;
  /** With Enter behind it. */
  enter: boolean;
  /** It is said to the agent, with these of the session's files. */
  files?: readonly There[];
  /** Unix milliseconds. */
  at: number;
  /** A part of it was applied. */
  begun: boolean;
}

export interface StoredEntry {
  /** Null until first sent. */
  n: number | null;
  act: Act;
  payload: Uint8Array<ArrayBuffer>;
  /** Unix milliseconds. */
  at: number;
  /** The prompt that this is, or is a piece of. */
  prompt: string | null;
}

/** What a page leaves behind of one session's commands. */
export interface Stored {
  /** The last number that was given out or settled. */
  last: number;
  entries: readonly StoredEntry[];
  /** Those that are not settled. */
  prompts: readonly Prompt[];
}

/** What is left of a session in a stream of another page, where nothing of it was written down. */
export const NOTHING_LEFT: Stored = { last: 0, entries: [], prompts: [] };

/** What became of writing it down: it is so now, it may or may not be, or this page never keeps anything. */
export type Kept = "kept" | "failed" | "never";

/** A command, or a prompt, that will not be applied, to be shown. */
export interface Failed {
  entry: StoredEntry;
  prompt: Prompt | null;
  why: Failure;
  /** It went out, and nobody said what became of it. */
  unsure: boolean;
}

/** What waited too long; `obstacle` is what it waited for. */
export function tooOld(obstacle: string): Failure {
  const message = `Not sent within ten minutes: ${obstacle}.`;
  return { kind: "limited", message, hint: "Send it again if it is still meant." };
}

/** Of what went out only its host knows more. */
export function unconfirmed({ kind, message }: Failure, expired: boolean): Failure {
  const why = expired
    ? "Nobody confirmed it within ten minutes"
    : `Nobody confirmed it. ${message.replace(/\.?$/, "")}`;
  return { kind, message: `${why}: it may have been taken.`, hint: "Look at the terminal before you send it again." };
}
