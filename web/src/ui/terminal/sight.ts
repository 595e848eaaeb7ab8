/** Keeps the cursor in sight where the screen is larger than this one; a person who pans is left alone. */

import type { Emulator } from "./emulator";

export class Sight {
  readonly #area: HTMLElement;
  readonly #emulator: Emulator;
  #cursor = { x: -1, y: -1 };

  constructor(area: HTMLElement, emulator: Emulator) {
    this.#area = area;
    this.#emulator = emulator;
  }

  /** To be told of everything that is drawn. */
  drawn(): void {
    const { active } = this.#emulator.terminal.buffer;
    const now = { x: active.cursorX, y: active.cursorY };
    if (now.x === this.#cursor.x && now.y === this.#cursor.y) return;
    this.#cursor = now;
    this.show();
  }

  show(): void {
    const { cell } = this.#emulator;
    if (!cell) return;
    const area = this.#area;
    const top = this.#cursor.y * cell.height;
    const left = this.#cursor.x * cell.width;
    if (area.scrollHeight > area.clientHeight + 1) {
      if (top < area.scrollTop) area.scrollTop = top;
      else if (top + cell.height * 2 > area.scrollTop + area.clientHeight)
        area.scrollTop = top + cell.height * 2 - area.clientHeight;
    }
    if (area.scrollWidth > area.clientWidth + 1) {
      if (left < area.scrollLeft) area.scrollLeft = Math.max(0, left - area.clientWidth / 3);
      else if (left + cell.width > area.scrollLeft + area.clientWidth)
        area.scrollLeft = left - (area.clientWidth * 2) / 3;
    }
  }
}
