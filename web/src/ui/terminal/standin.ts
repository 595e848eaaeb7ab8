/**
 * A screen before there is one. The host is asked while what draws is being made, and what it says waits here: at most
 * as much as may be under way without an ack.
 */

import type { Screen } from "../../lib/session/view";
import type { ScreenOp } from "../../lib/session/follow";

export class Standin implements Screen {
  #real: Screen | null = null;
  #waiting: { op: ScreenOp; done: () => void }[] = [];

  apply(op: ScreenOp, done: () => void): void {
    if (this.#real === null) this.#waiting.push({ op, done });
    else this.#real.apply(op, done);
  }

  get above(): number {
    return this.#real?.above ?? 0;
  }

  /** This one draws from now on. */
  become(real: Screen): void {
    this.#real = real;
    for (const { op, done } of this.#waiting) real.apply(op, done);
    this.#waiting = [];
  }
}
