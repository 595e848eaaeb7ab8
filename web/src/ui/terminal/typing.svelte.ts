/** What a person types, taps and pastes, on its way into the program. */

import type { Terminal } from "@xterm/xterm";
import type { Attachment } from "../../lib/session/attachment";
import { MAX_INPUT_BYTES } from "../../lib/session/outbox";
import { freshId } from "../../lib/session/stream";
import { toasts } from "../toasts.svelte";
import { arrow, inMode, modified, pasted, type Arrow, type Held } from "./keys";
import type { Viewing } from "./viewing.svelte";

/** What of a screen its typing needs. */
export type Typed = Pick<Viewing, "over" | "modesKnown"> & {
  readonly entry: Pick<Viewing["entry"], "operates" | "role">;
  readonly attachment: Pick<Attachment, "input" | "prompt"> | null;
  readonly emulator: { readonly terminal: Pick<Terminal, "modes" | "scrollToBottom"> } | null;
};

const NONE: Held = { ctrl: false, alt: false };
const OPENING = "The terminal is still opening.";
const FULL = `At most ${MAX_INPUT_BYTES / 1024 / 1024} MB of input can wait here.`;

export class Typing {
  /** What the key bar holds for the next key. */
  held: Held = $state.raw(NONE);
  readonly #viewing: Typed;

  constructor(viewing: Typed) {
    this.#viewing = viewing;
  }

  /** Takes all of it, or nothing: then it says why. */
  give(data: string): string | null {
    return this.#give(data, (attachment, bytes) => attachment.input(bytes));
  }

  /** Without a word where no key would do anything; where there is no room for it, the person is told. */
  send(data: string): void {
    if (this.give(data) === FULL) toasts.warn(`Nothing of this was sent. ${FULL}`);
  }

  /** From the keyboard: with what the key bar holds. */
  typed(data: string): void {
    const { ctrl, alt } = this.held;
    if (ctrl || alt) this.held = NONE;
    this.send(ctrl || alt ? modified(data, { ctrl, alt }) : data);
  }

  binary(data: string): void {
    const { attachment, over } = this.#viewing;
    if (attachment === null || over) return;
    attachment.input(Uint8Array.from(data, (char) => char.charCodeAt(0) & 0xff));
  }

  press(key: Arrow): void {
    this.send(arrow(key, this.held, this.#modes?.applicationCursorKeysMode ?? false));
    this.held = NONE;
  }

  key(data: string): void {
    this.typed(inMode(data, this.#modes?.applicationCursorKeysMode ?? false));
    this.#viewing.emulator?.terminal.scrollToBottom();
  }

  /** As {@link give}; not while it is not known whether the program wants to be told that this is a paste. */
  paste(plain: string): string | null {
    return this.#viewing.modesKnown ? this.give(pasted(plain, this.#bracketed)) : OPENING;
  }

  /**
   * What was written in the composer, and Enter behind it where it is to be sent off. As {@link paste}; and it outlives
   * the page, and is told to have been taken or to have failed.
   */
  compose(text: string, enter: boolean, taken: () => void = () => undefined): string | null {
    // Enter alone is a key.
    if (text === "") return enter ? this.give("\r") : null;
    if (!this.#viewing.modesKnown && this.#viewing.attachment !== null && !this.#viewing.over) return OPENING;
    const prompt = { id: freshId(), text, enter, at: Date.now(), begun: false };
    const data = pasted(text, this.#bracketed) + (enter ? "\r" : "");
    return this.#give(data, (attachment, bytes) => {
      const took = attachment.prompt(bytes, prompt);
      if (took) taken();
      return took;
    });
  }

  #give(
    data: string,
    take: (attachment: NonNullable<Typed["attachment"]>, bytes: Uint8Array) => boolean,
  ): string | null {
    const { attachment, entry, over } = this.#viewing;
    if (data === "") return null;
    if (over) return "The program has ended.";
    if (!entry.operates && entry.role !== null) return "This device may only look on.";
    if (attachment === null) return OPENING;
    // Text has at least as many bytes as characters.
    if (data.length <= MAX_INPUT_BYTES && take(attachment, new TextEncoder().encode(data))) return null;
    return FULL;
  }

  get #bracketed(): boolean {
    return this.#modes?.bracketedPasteMode ?? false;
  }

  get #modes() {
    return this.#viewing.emulator?.terminal.modes;
  }
}
