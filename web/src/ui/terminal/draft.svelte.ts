/**
 * What is written in the composer of one session and was not sent, and the files that go with it. It outlives its
 * screen, and the page.
 */

import { isEmpty, NO_DRAFT, type KeptDraft } from "../../lib/session/memory";
import type { Prompt } from "../../lib/session/stored";
import type { There } from "../../lib/session/upload";
import { app, type HostEntry } from "../app.svelte";
import { perSession } from "../per-session";

export class Draft {
  #held: KeptDraft = $state.raw(NO_DRAFT);
  readonly #entry: HostEntry;
  readonly #session: string;
  /** What is written down is older than what is held. */
  #changed = false;
  #keeping = false;
  /** Failed prompts that it was made from, and that lie on the disk still. */
  #instead: string[] = [];

  constructor(entry: HostEntry, session: string) {
    this.#entry = entry;
    this.#session = session;
  }

  get text(): string {
    return this.#held.text;
  }

  set text(text: string) {
    this.#become({ ...this.#held, text });
  }

  /** They are with the session already. */
  get files(): readonly There[] {
    return this.#held.files;
  }

  set files(files: readonly There[]) {
    this.#become({ ...this.#held, files });
  }

  /** All of it was sent. */
  clear(): void {
    this.#become(NO_DRAFT);
  }

  /** A failed prompt is to be written anew: behind what is being written, which nobody wants to lose either. */
  add({ id, text, files = [] }: Prompt): void {
    this.#instead.push(id);
    app.failures.hide(this.#entry.rid, this.#session, id);
    this.#become({ text: this.#with(text), files: [...this.files, ...files] });
  }

  append(text: string): void {
    this.text = this.#with(text);
  }

  /** Takes up what was left; gives whether there is anything written. */
  async restore(): Promise<boolean> {
    const kept = await app.draft(this.#entry, this.#session);
    // What is written by now is newer.
    if (!this.#changed && isEmpty(this.#held)) this.#held = kept;
    return this.text !== "";
  }

  #with(text: string): string {
    return this.text === "" ? text : `${this.text}\n${text}`;
  }

  #become(held: KeptDraft): void {
    this.#held = held;
    this.#changed = true;
    app.noteDraft(this.#entry, this.#session, held);
    if (!this.#keeping) void this.#keep();
  }

  /** At once, and as often as the disk can: a page that is killed is not asked before. */
  async #keep(): Promise<void> {
    this.#keeping = true;
    while (this.#changed) {
      this.#changed = false;
      const instead = this.#instead;
      const kept = await app.keepDraft(this.#entry, this.#session, this.#held, instead);
      if (kept) this.#instead = this.#instead.slice(instead.length);
    }
    this.#keeping = false;
  }
}

/** That of this session, the same for whoever writes or sends it. */
export const draftOf = perSession((entry, session) => new Draft(entry, session));
