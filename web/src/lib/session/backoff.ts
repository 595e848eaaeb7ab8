/** How long to wait before the next attempt: 250 ms, doubling to 30 s, with jitter. Pure. */

const FIRST = 250;
const LONGEST = 30_000;

export class Backoff {
  #failures = 0;

  /** Milliseconds to wait after one more failure. `random` is in [0, 1). */
  next(random: number): number {
    const full = Math.min(LONGEST, FIRST * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    // Between half and all of it, so that many clients of one host do not come back as one.
    return Math.round(full * (0.5 + random / 2));
  }

  /** It worked. */
  reset(): void {
    this.#failures = 0;
  }
}
