/** What is written in the composer of one session and was not sent. It outlives its screen, and the page. */

import { app, type HostEntry } from "../app.svelte";

export class Draft {
  #text = $state("");
  readonly #entry: HostEntry;
  readonly #session: string;
  /** What is written down is older than the text. */
  #changed = false;
  #keeping = false;

  constructor(entry: HostEntry, session: string) {
    this.#entry = entry;
    this.#session = session;
  }

  get text(): string {
    return this.#text;
  }

  set text(text: string) {
    this.#text = text;
    this.#changed = true;
    if (!this.#keeping) void this.#keep();
  }

  /** Takes up what was left; gives whether there was anything. */
  async restore(): Promise<boolean> {
    const text = await app.draft(this.#entry, this.#session);
    // What is written by now is newer.
    if (text === "" || this.#changed || this.#text !== "") return false;
    this.#text = text;
    return true;
  }

  /** At once, and as often as the disk can: a page that is killed is not asked before. */
  async #keep(): Promise<void> {
    this.#keeping = true;
    while (this.#changed) {
      this.#changed = false;
      await app.keepDraft(this.#entry, this.#session, this.#text);
    }
    this.#keeping = false;
  }
}
