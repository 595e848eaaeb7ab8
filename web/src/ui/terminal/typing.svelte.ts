/** What a person types, taps and pastes, on its way into the program. */

import { MAX_INPUT_BYTES } from "../../lib/session/outbox";
import { toasts } from "../toasts.svelte";
import { arrow, inMode, modified, pasted, type Arrow, type Held } from "./keys";
import type { Viewing } from "./viewing.svelte";

const NONE: Held = { ctrl: false, alt: false };

export class Typing {
  /** What the key bar holds for the next key. */
  held: Held = $state.raw(NONE);
  readonly #viewing: Viewing;

  constructor(viewing: Viewing) {
    this.#viewing = viewing;
  }

  /** All of it, or nothing and false. */
  send(data: string): boolean {
    const { attachment, entry, over } = this.#viewing;
    if (data === "" || attachment === null) return true;
    if (!entry.operates && entry.role !== null) return true;
    if (over) return true;
    // Text has at least as many bytes as characters.
    const taken = data.length <= MAX_INPUT_BYTES && attachment.input(new TextEncoder().encode(data));
    if (!taken) {
      toasts.warn(`Nothing of this was sent: at most ${MAX_INPUT_BYTES / 1024 / 1024} MB of input can wait here.`);
    }
    return taken;
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

  paste(plain: string, enter = false): void {
    const text = plain === "" ? "" : pasted(plain, this.#modes?.bracketedPasteMode ?? false);
    if (this.send(text) && enter) this.send("\r");
  }

  get #modes() {
    return this.#viewing.emulator?.terminal.modes;
  }
}
