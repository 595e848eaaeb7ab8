/**
 * Whether WebGL can draw a terminal here. xterm.js sizes its canvas by what the browser says of device pixels, and
 * where that is not what the page is told of them (an emulated phone, for one) it would draw an empty screen.
 */

/** A page that nobody looks at is not laid out, and hears nothing. Milliseconds. */
const PATIENCE = 400;
/** Device pixels that rounding explains. */
const ROUNDING = 2;

let answer: Promise<boolean> | undefined;

/** Asked once for each page; `element` is any that is on the screen. */
export function canAccelerate(element: Element): Promise<boolean> {
  answer ??= hasWebgl() ? agrees(element) : Promise.resolve(false);
  return answer;
}

function hasWebgl(): boolean {
  const context = document.createElement("canvas").getContext("webgl2");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}

function agrees(element: Element): Promise<boolean> {
  return new Promise((resolve) => {
    const observer = new ResizeObserver(([entry]) => {
      const device = entry?.devicePixelContentBoxSize?.[0]?.inlineSize;
      const css = entry?.contentRect.width ?? 0;
      settle(device === undefined || Math.abs(device - css * window.devicePixelRatio) <= ROUNDING);
    });
    const timer = setTimeout(() => settle(true), PATIENCE);
    function settle(agreed: boolean): void {
      clearTimeout(timer);
      observer.disconnect();
      resolve(agreed);
    }
    try {
      observer.observe(element, { box: "device-pixel-content-box" });
    } catch {
      // A browser that does not tell leaves xterm.js to calculate, as this page does.
      settle(true);
    }
  });
}
