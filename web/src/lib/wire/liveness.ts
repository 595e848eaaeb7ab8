/**
 * Whether the other end of a link is still there: when to ask, and when to give up. As `liveness.rs` does.
 *
 * Anything heard counts, so that a busy link carries no questions. A link is dead when nothing was heard for three
 * intervals and at least one question went unanswered; the second condition spares a link whose own page was asleep.
 * Pure: time and randomness are arguments. Milliseconds.
 */

/** Silence after which one asks, less up to a quarter as jitter. */
export const HEARTBEAT = 10_000;
/** The same while a person looks. */
export const FOREGROUND = 4_000;
/** Intervals of silence after which a link is dead. */
const PATIENCE = 3;

export class Liveness {
  #interval: number;
  #delay: number;
  #heard: number;
  /** When the last question went out, if nothing was heard since. */
  #asked: number | null = null;
  /** Not before this, however long the silence. */
  #deadAt: number;

  /** A link that was opened now. `random` is in [0, 1). */
  constructor(interval: number, now: number, random: number) {
    this.#interval = interval;
    this.#heard = now;
    this.#deadAt = now + interval * PATIENCE;
    this.#delay = spread(interval, random);
  }

  /** Another interval. Patience begins anew: what was silent until now was silent at another pace. */
  setInterval(interval: number, now: number, random: number): void {
    if (interval === this.#interval) return;
    this.#interval = interval;
    this.#deadAt = now + interval * PATIENCE;
    this.#delay = spread(interval, random);
  }

  /** Anything arrived. */
  heard(now: number): void {
    this.#heard = now;
    this.#asked = null;
    this.#deadAt = now + this.#interval * PATIENCE;
  }

  /** When to {@link poll}; hearing something only moves it later. */
  get deadline(): number {
    return Math.min(this.#askAt, this.#deadAt);
  }

  /** What the passing of time asks for, if anything. */
  poll(now: number, random: number): "ask" | "dead" | null {
    if (now >= this.#deadAt) {
      if (this.#asked !== null) return "dead";
      this.#deadAt = now + this.#interval;
    } else if (now < this.#askAt) {
      return null;
    }
    this.#asked = now;
    this.#delay = spread(this.#interval, random);
    return "ask";
  }

  get #askAt(): number {
    return (this.#asked ?? this.#heard) + this.#delay;
  }
}

function spread(interval: number, random: number): number {
  return interval - (interval / 4) * random;
}
