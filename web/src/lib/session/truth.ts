/** How much of what the screen shows is known to be so: when the host was last heard. Pure. */

/** A host not heard for this long is shown in yellow. Milliseconds. */
export const STALE_AFTER = 15_000;
/** And for this long in red. */
export const LOST_AFTER = 60_000;

export type Freshness = "fresh" | "stale" | "lost";

export function freshness(lastHeard: number | null, now: number): Freshness {
  if (lastHeard === null || now - lastHeard >= LOST_AFTER) return "lost";
  return now - lastHeard >= STALE_AFTER ? "stale" : "fresh";
}

/** Round trips, smoothed as TCP does, so that the number on the screen can be read. */
export class RoundTrip {
  #smooth: number | null = null;

  sample(ms: number): void {
    if (ms < 0 || !Number.isFinite(ms)) return;
    this.#smooth = this.#smooth === null ? ms : this.#smooth * 0.7 + ms * 0.3;
  }

  /** Milliseconds. */
  get ms(): number | null {
    return this.#smooth;
  }

  reset(): void {
    this.#smooth = null;
  }
}
