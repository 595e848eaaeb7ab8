/**
 * Cuts bytes at the ends of UTF-8 characters. xterm.js takes a character apart when a write ends inside it and one of
 * its later bytes is 0x80, so what is incomplete waits here for its rest. Pure.
 */
export class WholeCharacters {
  #held = new Uint8Array(0);

  reset(): void {
    this.#held = new Uint8Array(0);
  }

  /** The bytes before, if any were held, and these, without a character that is cut off at the end. */
  next(bytes: Uint8Array): Uint8Array {
    let all = bytes;
    if (this.#held.length > 0) {
      all = new Uint8Array(this.#held.length + bytes.length);
      all.set(this.#held);
      all.set(bytes, this.#held.length);
    }
    const cut = all.length - unfinished(all);
    this.#held = all.slice(cut);
    return all.subarray(0, cut);
  }
}

/** How many bytes at the end begin a character and do not end it: 0 to 3. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 && byte < 0xf8 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return byte < 0xf8 && length > back ? back : 0;
  }
  return 0;
}
