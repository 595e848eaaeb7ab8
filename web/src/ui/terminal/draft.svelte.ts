/** What is written in the composer of one session and was not sent. It outlives its screen, and the page. */

import type { Prompt } from "../../lib/session/stored";
import { app, type HostEntry } from "../app.svelte";

export class Draft {
  #text = $state("");
  readonly #entry: HostEntry;
  readonly #session: string;
  /** What is written down is older than the text. */
  #changed = false;
  #keeping = false;
  /** Failed prompts that it was made from, and that lie on the disk still. */
  #instead: string[] = [];

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
    app.noteDraft(this.#entry, this.#session, text);
    if (!this.#keeping) void this.#keep();
  }

  /** A failed prompt is to be written anew: behind what is being written, which nobody wants to lose either. */
  add({ id, text }: Prompt): void {
    this.#instead.push(id);
    app.failures.hide(this.#entry.rid, this.#session, id);
    this.append(text);
  }

  append(text: string): void {
    this.text = this.#text === "" ? text : `${this.#text}\n${text}`;
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
      const instead = this.#instead;
      const kept = await app.keepDraft(this.#entry, this.#session, this.#text, instead);
      if (kept) this.#instead = this.#instead.slice(instead.length);
    }
    this.#keeping = false;
  }
}
