/** Keeps a finger that was on its way to something else from deciding: what has just come, or moved, takes no tap. */

/** Milliseconds. */
export const STEADY_AFTER = 400;

export class Steady {
  readonly #changed: (steady: boolean) => void;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #steady = false;

  constructor(changed: (steady: boolean) => void) {
    this.#changed = changed;
    this.moved();
  }

  /** Whether a tap is meant for what is there. */
  get steady(): boolean {
    return this.#steady;
  }

  /** Something came, moved, or is another now. */
  moved(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#become(true), STEADY_AFTER);
    this.#become(false);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #become(steady: boolean): void {
    if (this.#steady === steady) return;
    this.#steady = steady;
    this.#changed(steady);
  }
}

/** Calls back whenever an element's place or size on the screen is another, and when the page is looked at again. */
export function watchPlace(element: HTMLElement, moved: () => void): () => void {
  let was = "";
  let frame = 0;
  const look = () => {
    const { x, y, width, height } = element.getBoundingClientRect();
    const now = [x, y, width, height].map(Math.round).join();
    if (now !== was) moved();
    was = now;
    frame = requestAnimationFrame(look);
  };
  look();
  document.addEventListener("visibilitychange", moved);
  return () => {
    cancelAnimationFrame(frame);
    document.removeEventListener("visibilitychange", moved);
  };
}
