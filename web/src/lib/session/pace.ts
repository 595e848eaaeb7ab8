/**
 * Whether a link is too slow to bring what nobody has asked for: all that is above a screen can be a megabyte, which
 * holds up what the program prints. Judged by the first snapshot, which is small. Pure; milliseconds.
 */

/** Bytes a second. At less, a snapshot of a megabyte takes longer than four seconds. */
const SLOW_BYTES = 250_000;
/** A snapshot that took less than this beyond the round trip tells nothing: the host may have been busy. */
const TELLING = 60;
/** And so does one of fewer bytes. */
const LEAST_BYTES = 4_096;
/** A snapshot that takes longer is a slow one. */
const LONG = 4_000;
/** With such a round trip everything else is slow, too. */
const SLOW_TRIP = 400;

export class Pace {
  #askedAt: number | null = null;
  #bytes = 0;
  #slow = false;

  /** A snapshot was asked for. */
  asked(now: number): void {
    this.#askedAt = now;
    this.#bytes = 0;
  }

  /** A piece of it came; `trip` is the round trip, where that is known. */
  piece(bytes: number, last: boolean, now: number, trip: number | null): void {
    this.#bytes += bytes;
    if (!last || this.#askedAt === null) return;
    const took = now - this.#askedAt - (trip ?? 0);
    this.#askedAt = null;
    const few = took >= TELLING && this.#bytes / took < SLOW_BYTES / 1_000;
    this.#slow = (trip !== null && trip >= SLOW_TRIP) || (few && this.#bytes >= LEAST_BYTES);
  }

  /** The channel broke. What has come for so long and is not there by now would only begin again. */
  cut(now: number): void {
    const since = this.#askedAt;
    this.#askedAt = null;
    if (since !== null && this.#bytes > 0 && now - since >= LONG) this.#slow = true;
  }

  get slow(): boolean {
    return this.#slow;
  }
}
