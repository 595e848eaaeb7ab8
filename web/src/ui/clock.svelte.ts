/** The time, to the second, for everything on the screen that counts. */

class Clock {
  #now = $state(Date.now());

  constructor() {
    setInterval(() => (this.#now = Date.now()), 1000);
    document.addEventListener("visibilitychange", () => (this.#now = Date.now()));
  }

  get now(): number {
    return this.#now;
  }
}

export const clock = new Clock();
