/** What an attachment works with, and what it shows. */

import type { Older, ScreenOp } from "./follow";
import type { Event, Failure, Size, ToClient, ToHost } from "./message";
import type { Failed, Kept, Prompt, Stored } from "./stored";

/** Draws. Operations are done in order; `done` is called for each when it has been drawn. */
export interface Screen {
  apply(op: ScreenOp, done: () => void): void;
  /** How many lines it has above what it shows at its end. */
  readonly above: number;
}

/** What else follows a session: its chat. */
export interface Tap {
  message(header: ToClient, payload: Uint8Array): void;
  /** Nothing that was asked for comes any more. */
  cut(): void;
}

/** What sends more as what was sent before is settled, whether or not anybody looks on: files. */
export interface Carrier {
  /** What waits may have moved on. */
  changed(): void;
  /** A command that will never be applied; true where that is shown. */
  failed(failed: Failed): boolean;
}

export interface AttachmentEvents {
  /** Anything that {@link AttachmentView} shows has changed. */
  changed(): void;
  event(event: Event, at: number): void;
  /** A command that will never be applied. */
  failed(failed: Failed): void;
  /** Prompts that the keeper took, also where one of them was told to have failed. */
  taken(prompts: readonly Prompt[]): void;
  /** Puts what waits where a later page finds it, or takes it away. Ends in good time. */
  keep(stored: Stored | null): Promise<Kept>;
}

export interface AttachmentIo {
  send(header: ToHost, payload?: Uint8Array): boolean;
  now(): number;
  after(ms: number, then: () => void): () => void;
  /** Counts what was sent. */
  readonly sent: number;
  /** Up to where of it the host is known to have it. */
  readonly heard: number;
  /** Asks the host, so that {@link heard} moves on. */
  ask(): void;
  /** The round trip to it, where that is known. Milliseconds. */
  readonly roundTrip: number | null;
}

/** Where a prompt is: on this device, with the host, or with the program. */
export type Whereabouts = "waiting" | "at_host" | "taken";

export interface PromptView {
  prompt: Prompt;
  at: Whereabouts;
}

/** What a screen shows around the terminal. */
export interface AttachmentView {
  /** Events flow. */
  following: boolean;
  /** Whether the screen has every line above it that there is. */
  older: Older;
  /** The terminal's size now. */
  size: Size | null;
  /** This page's own screen. */
  own: Size | null;
  /** This page took the size over. */
  taken: boolean;
  /** What the composer gave and is not settled, and what was taken a moment ago; oldest first. */
  prompts: readonly PromptView[];
  /** Commands on this device, not settled yet, except for prompts. */
  waiting: number;
  /** Their bytes. */
  waitingBytes: number;
  /** What waits is on the disk, or soon will be: it outlives this page. */
  kept: boolean;
  /** Why the host ended this attachment, if it did; and whether it is tried again. */
  ended: (Failure & { again: boolean }) | null;
}
