/** Prompts that were not done, by the session that they were for, until somebody does something about them. */

import { MAX_FAILED, type KeptFailure, type Memory } from "../lib/session/memory";

export class Failures {
  /** Oldest first, by "host/session". */
  #lists: Readonly<Record<string, readonly KeptFailure[]>> = $state.raw({});
  #memory: Memory | null = null;

  /** From here on they outlive the page. */
  keepIn(memory: Memory): void {
    this.#memory = memory;
  }

  of(rid: string, session: string): readonly KeptFailure[] {
    return this.#lists[`${rid}/${session}`] ?? [];
  }

  /** Those that an earlier page has left. */
  async restore(rid: string, session: string): Promise<void> {
    const kept = (await this.#memory?.failed(rid, session)) ?? [];
    const known = this.of(rid, session);
    const left = kept.filter(({ prompt }) => known.every((other) => other.prompt.id !== prompt.id));
    if (left.length > 0) this.#set(rid, session, [...left, ...known]);
  }

  async add(rid: string, session: string, failure: KeptFailure): Promise<void> {
    const others = this.of(rid, session).filter(({ prompt }) => prompt.id !== failure.prompt.id);
    this.#set(rid, session, [...others, failure]);
    await this.#memory?.keepFailed(rid, session, failure);
  }

  /** It was done after all, is sent again, or nobody wants it any more. */
  async remove(rid: string, session: string, id: string): Promise<void> {
    const others = this.of(rid, session).filter(({ prompt }) => prompt.id !== id);
    this.#set(rid, session, others);
    await this.#memory?.forgetFailed(rid, session, id);
  }

  #set(rid: string, session: string, list: readonly KeptFailure[]): void {
    this.#lists = { ...this.#lists, [`${rid}/${session}`]: list.slice(-MAX_FAILED) };
  }
}
