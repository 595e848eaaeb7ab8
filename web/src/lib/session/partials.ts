/** What an agent is saying just now, put together from where each piece of it begins. Pure. */

/** Of a text that is being said, so many characters are held; the beginning goes. */
export const MAX_PARTIAL = 256 * 1024;
/** Texts that may be under way at once; the oldest goes. */
export const MAX_PARTIALS = 32;

export interface Partial {
  readonly item: string;
  readonly thinking: boolean;
  readonly text: string;
  /** What stands before it is not here, and comes with the whole. */
  readonly cut: boolean;
  /** Unix milliseconds. */
  readonly at: number;
}

interface Held extends Partial {
  /** The newest event of it. */
  seq: number;
  /** The bytes that it stands for. */
  from: number;
  end: number;
  decoder: TextDecoder;
}

export class Partials {
  readonly #held = new Map<string, Held>();

  #all: readonly Partial[] | null = [];

  /** In the order they began. The same, as long as nothing changes. */
  get all(): readonly Partial[] {
    this.#all ??= [...this.#held.values()];
    return this.#all;
  }

  add(item: string, from: number, thinking: boolean, payload: Uint8Array, at: number, seq: number): void {
    const held = this.#held.get(item);
    const end = from + payload.length;
    if (held === undefined || from > held.end || (from < held.from && end >= held.end)) {
      this.#begin(item, from, thinking, payload, at, seq);
      return;
    }
    held.seq = Math.max(held.seq, seq);
    // What was there already came once more.
    if (end <= held.end) return;
    this.#all = null;
    const more = held.decoder.decode(payload.subarray(held.end - from), { stream: true });
    const { text, cut } = bounded(held.text + more, held.cut);
    this.#held.set(item, { ...held, text, cut, end });
  }

  /** It was said in full, or never will be. */
  drop(item: string): void {
    if (this.#held.delete(item)) this.#all = null;
  }

  clear(): void {
    if (this.#held.size > 0) this.#all = [];
    this.#held.clear();
  }

  /** What was last heard of before this event never will be said. */
  dropBefore(seq: number): void {
    for (const [item, held] of this.#held) if (held.seq < seq) this.drop(item);
  }

  #begin(item: string, from: number, thinking: boolean, payload: Uint8Array, at: number, seq: number): void {
    this.#all = null;
    let start = 0;
    // The rest of a character that began before.
    if (from > 0) while (((payload[start] ?? 0) & 0xc0) === 0x80) start += 1;
    const decoder = new TextDecoder();
    const { text, cut } = bounded(decoder.decode(payload.subarray(start), { stream: true }), from > 0);
    const oldest = this.#held.keys().next().value;
    if (!this.#held.has(item) && this.#held.size >= MAX_PARTIALS && oldest !== undefined) this.#held.delete(oldest);
    this.#held.set(item, { item, thinking, text, cut, at, seq, from, end: from + payload.length, decoder });
  }
}

function bounded(text: string, cut: boolean): { text: string; cut: boolean } {
  return text.length <= MAX_PARTIAL ? { text, cut } : { text: text.slice(-MAX_PARTIAL / 2), cut: true };
}
