/** Prompts and keys that were not done, by the session that they were for, until somebody does something about them. */

import { MAX_FAILED, type KeptFailure, type Memory } from "../lib/session/memory";

export class Failures {
  /** Oldest first, by "host/session". */
  #lists: Readonly<Record<string, readonly KeptFailure[]>> = $state.raw({});
  /** What became of keys, by the same; nothing else tells of them. */
  #missed: Readonly<Record<string, string>> = $state.raw({});
  #memory: Memory | null = null;
  /** Those that are sent again and lie on the disk still, by "host/session". */
  #again: Readonly<Record<string, readonly string[]>> = {};

  /** From here on they outlive the page. */
  keepIn(memory: Memory): void {
    this.#memory = memory;
  }

  of(rid: string, session: string): readonly KeptFailure[] {
    return this.#lists[`${rid}/${session}`] ?? [];
  }

  /** Keys of which it is not known that they did anything, until somebody has seen it. */
  missed(rid: string, session: string): string | null {
    return this.#missed[`${rid}/${session}`] ?? null;
  }

  miss(rid: string, session: string, words: string): void {
    this.#missed = { ...this.#missed, [`${rid}/${session}`]: words };
  }

  /** Somebody has seen it. */
  seen(rid: string, session: string): void {
    const { [`${rid}/${session}`]: _, ...others } = this.#missed;
    this.#missed = others;
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

  /** It was done after all, or nobody wants it any more. */
  async remove(rid: string, session: string, id: string): Promise<void> {
    this.hide(rid, session, id);
    await this.#memory?.forgetFailed(rid, session, id);
  }

  /** It is not shown any more. What lies on the disk goes with what is written down instead. */
  hide(rid: string, session: string, id: string): void {
    const others = this.of(rid, session).filter(({ prompt }) => prompt.id !== id);
    this.#set(rid, session, others);
  }

  /** It is sent again. */
  again(rid: string, session: string, id: string): void {
    const place = `${rid}/${session}`;
    this.hide(rid, session, id);
    this.#again = { ...this.#again, [place]: [...(this.#again[place] ?? []), id] };
  }

  /** Those that go with what is written down of the commands now. */
  sentAgain(rid: string, session: string): readonly string[] {
    return this.#again[`${rid}/${session}`] ?? [];
  }

  /** What was sent instead of these is written down, or needs not be any more. */
  async gone(rid: string, session: string, ids: readonly string[]): Promise<void> {
    for (const id of ids) await this.#memory?.forgetFailed(rid, session, id);
    const place = `${rid}/${session}`;
    const left = (this.#again[place] ?? []).filter((id) => !ids.includes(id));
    this.#again = { ...this.#again, [place]: left };
  }

  #set(rid: string, session: string, list: readonly KeptFailure[]): void {
    this.#lists = { ...this.#lists, [`${rid}/${session}`]: list.slice(-MAX_FAILED) };
  }
}
