/**
 * Makes a terminal that nobody sees, draws in it, and takes it away again: the browser has then compiled what draws,
 * and it is known how large a cell is. The first real one is there in a third of the time.
 */

import { settings } from "../settings.svelte";
import { Emulator } from "./emulator";
import { FIRST_SIZE } from "./layout";
import { keepCell, keepParts } from "./ready";
import { handleTouch } from "./touch";
import { canAccelerate } from "./webgl";

const LINES = 200;

export async function prepare(): Promise<void> {
  const webgl = await canAccelerate(document.body);
  keepParts({ Emulator, handleTouch, webgl });
  const { fontSize, dark } = settings;
  const place = document.createElement("div");
  place.inert = true;
  place.style.cssText = "position: fixed; inset: 0; z-index: -1; opacity: 0; contain: strict";
  document.body.append(place);
  const none = () => undefined;
  const made = new Emulator(
    place,
    FIRST_SIZE,
    { fontSize, dark, webgl },
    { input: none, binary: none, drawn: none, bell: none },
  );
  if (made.cell !== null) keepCell(fontSize, made.cell);
  const line = (_: unknown, n: number) => `\x1b[3${n % 8}m${n}\x1b[0m ${"longrein ".repeat(8)}\r\n`;
  const bytes = new TextEncoder().encode(Array.from({ length: LINES }, line).join(""));
  made.apply({ op: "reset", size: FIRST_SIZE }, none);
  made.apply({ op: "write", bytes, place: { epoch: 0, seq: 0 } }, () =>
    requestAnimationFrame(() => {
      made.dispose();
      place.remove();
    }),
  );
}
