/** How many cells fit, and how large text is where a screen must be shrunk. Pure. */

import type { Size } from "../../lib/session/message";

/** In CSS pixels. */
export interface Box {
  width: number;
  height: number;
}

/** One cell at the person's own text size, in CSS pixels. */
export type Cell = Box;

/** Of a terminal of which it is not known yet what fits. */
export const FIRST_SIZE: Size = { cols: 80, rows: 24 };

/** Text smaller than this is only texture, and still shows where things are. */
const SMALLEST = 4;

/** A cell's size is a quotient itself: what fits exactly must not be lost to its last digit. */
const ROUNDING = 1e-6;

/** The terminal that fits. */
export function ownSize(box: Box, cell: Cell): Size {
  return {
    cols: Math.min(1000, Math.max(2, Math.floor(box.width / cell.width + ROUNDING))),
    rows: Math.min(500, Math.max(1, Math.floor(box.height / cell.height + ROUNDING))),
  };
}

/** The text size at which a terminal of `size` is as wide as the box, and never larger than the person's own. */
export function fitting(box: Box, cell: Cell, size: Size, fontSize: number): number {
  const scale = Math.min(1, box.width / (size.cols * cell.width));
  return Math.max(SMALLEST, Math.floor(fontSize * scale * 4) / 4);
}
