/**
 * Fingers on the terminal: one scrolls (the scrollback, the program, or a screen that is larger than this one), with
 * momentum; two change the size of the text; one that rests asks for the text.
 */

import type { Terminal } from "@xterm/xterm";

export interface TouchEvents {
  /** A pinch, as a factor of the size it began with. */
  pinch(factor: number, ended: boolean): void;
  /** A finger rested. */
  hold(): void;
  tap(): void;
}

const HOLD = 480;
const SLOP = 8;
/** Momentum's decay for each millisecond. */
const FRICTION = 0.996;
const SLOWEST = 0.03;

export function handleTouch(
  area: HTMLElement,
  terminal: Terminal,
  rowHeight: () => number,
  events: TouchEvents,
): () => void {
  let last = { x: 0, y: 0, at: 0 };
  let start = { x: 0, y: 0 };
  let speed = { x: 0, y: 0 };
  let moved = false;
  let pinchFrom: number | null = null;
  let factor = 1;
  let hold: ReturnType<typeof setTimeout> | undefined;
  let frame = 0;
  let rest = 0;

  /** Moves what is seen by so many pixels: first this page's window on the screen, then the terminal itself. */
  function move(dx: number, dy: number): void {
    area.scrollLeft -= dx;
    const before = area.scrollTop;
    area.scrollTop -= dy;
    const left = dy + (area.scrollTop - before);
    if (Math.abs(left) < 0.5) return;
    rest += left;
    const lines = Math.trunc(rest / rowHeight());
    if (lines === 0) return;
    rest -= lines * rowHeight();
    scroll(-lines);
  }

  function scroll(lines: number): void {
    const { modes, buffer } = terminal;
    const wheel = modes.mouseTrackingMode !== "none" && modes.mouseTrackingMode !== "x10";
    if (!wheel && buffer.active.type === "normal") {
      terminal.scrollLines(lines);
      return;
    }
    // The program scrolls: by its mouse protocol, or by arrow keys, as xterm.js decides for a wheel.
    const target = terminal.element?.querySelector(".xterm-screen");
    const box = target?.getBoundingClientRect();
    if (!target || !box) return;
    for (let i = 0; i < Math.min(Math.abs(lines), 12); i++) {
      target.dispatchEvent(
        new WheelEvent("wheel", {
          deltaY: Math.sign(lines) * rowHeight(),
          deltaMode: WheelEvent.DOM_DELTA_PIXEL,
          clientX: Math.min(box.right - 2, Math.max(box.left + 2, last.x)),
          clientY: Math.min(box.bottom - 2, Math.max(box.top + 2, last.y)),
          bubbles: true,
          cancelable: true,
        }),
      );
    }
  }

  function glide(): void {
    let before = performance.now();
    const step = (now: number) => {
      const ms = Math.min(40, now - before);
      before = now;
      move(speed.x * ms, speed.y * ms);
      const decay = FRICTION ** ms;
      speed = { x: speed.x * decay, y: speed.y * decay };
      if (Math.hypot(speed.x, speed.y) > SLOWEST) frame = requestAnimationFrame(step);
    };
    frame = requestAnimationFrame(step);
  }

  function distance(touches: TouchList): number {
    const [a, b] = [touches[0], touches[1]];
    return a && b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : 0;
  }

  function begin(event: TouchEvent): void {
    cancelAnimationFrame(frame);
    clearTimeout(hold);
    if (event.touches.length === 2) {
      event.preventDefault();
      pinchFrom = distance(event.touches);
      factor = 1;
      return;
    }
    const touch = event.touches[0];
    if (touch === undefined) return;
    last = { x: touch.clientX, y: touch.clientY, at: event.timeStamp };
    start = { x: touch.clientX, y: touch.clientY };
    speed = { x: 0, y: 0 };
    rest = 0;
    moved = false;
    hold = setTimeout(() => {
      moved = true;
      events.hold();
    }, HOLD);
  }

  function drag(event: TouchEvent): void {
    event.preventDefault();
    if (pinchFrom !== null) {
      factor = distance(event.touches) / pinchFrom;
      if (event.touches.length === 2 && factor > 0) events.pinch(factor, false);
      return;
    }
    const touch = event.touches[0];
    if (touch === undefined) return;
    if (!moved && Math.hypot(touch.clientX - start.x, touch.clientY - start.y) < SLOP) return;
    moved = true;
    clearTimeout(hold);
    const [dx, dy] = [touch.clientX - last.x, touch.clientY - last.y];
    const ms = Math.max(1, event.timeStamp - last.at);
    speed = { x: speed.x * 0.6 + (dx / ms) * 0.4, y: speed.y * 0.6 + (dy / ms) * 0.4 };
    last = { x: touch.clientX, y: touch.clientY, at: event.timeStamp };
    move(dx, dy);
  }

  function end(event: TouchEvent): void {
    clearTimeout(hold);
    if (pinchFrom !== null) {
      if (event.touches.length === 0) {
        pinchFrom = null;
        moved = true;
        events.pinch(factor, true);
      }
      event.preventDefault();
      return;
    }
    if (!moved) {
      events.tap();
      return;
    }
    // A drag is not a click.
    event.preventDefault();
    if (event.timeStamp - last.at < 60 && Math.hypot(speed.x, speed.y) > SLOWEST * 4) glide();
  }

  function cancelled(): void {
    clearTimeout(hold);
    pinchFrom = null;
  }

  area.addEventListener("touchstart", begin, { passive: false });
  area.addEventListener("touchmove", drag, { passive: false });
  area.addEventListener("touchend", end, { passive: false });
  area.addEventListener("touchcancel", cancelled);
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(hold);
    area.removeEventListener("touchstart", begin);
    area.removeEventListener("touchmove", drag);
    area.removeEventListener("touchend", end);
    area.removeEventListener("touchcancel", cancelled);
  };
}
