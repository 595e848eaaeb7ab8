/** What this page has for its next terminal, so that it need not be waited for. */

import type { Cell } from "./layout";

/** What makes one, and whether WebGL will draw it. */
export interface Parts {
  Emulator: typeof import("./emulator").Emulator;
  handleTouch: typeof import("./touch").handleTouch;
  webgl: boolean;
}

let parts: Parts | null = null;
/** One cell, by text size and device pixels. */
const cells = new Map<string, Cell>();

export function readyParts(): Parts | null {
  return parts;
}

export function keepParts(loaded: Parts): void {
  parts = loaded;
}

/** One cell at this text size, where a terminal has told. */
export function knownCell(fontSize: number): Cell | null {
  return cells.get(key(fontSize)) ?? null;
}

export function keepCell(fontSize: number, cell: Cell): void {
  cells.set(key(fontSize), cell);
}

function key(fontSize: number): string {
  return `${fontSize}/${window.devicePixelRatio}`;
}
