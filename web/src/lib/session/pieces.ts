/** Bytes that are put together at most. A snapshot of 10,000 usual lines has one million. */
export const TOGETHER = 8 * 1024 * 1024;

/**
 * Puts a snapshot's pieces together, because xterm.js would draw frames between them that show nothing. Of a snapshot
 * larger than {@link TOGETHER} it gives out what it has and goes on, so that it never holds more. Pure.
 */
export class Pieces {
  #parts: Uint8Array[] = [];
  #length = 0;

  reset(): void {
    this.#parts = [];
    this.#length = 0;
  }

  /** One more; what is to be written now, where no more is held. */
  add(bytes: Uint8Array): Uint8Array | null {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this.#length >= TOGETHER ? this.#whole() : null;
  }

  /** The last one: everything that is left to write. */
  end(bytes: Uint8Array): Uint8Array {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this.#whole();
  }

  #whole(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    this.reset();
    return whole;
  }
}
