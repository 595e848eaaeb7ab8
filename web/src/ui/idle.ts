/** A page that is always busy gets to it after so long. Milliseconds. */
const AT_LAST = 2_000;
/** Where a browser does not tell that it is idle. Milliseconds. */
const SOON = 200;

/** Calls back once what has changed is on the screen and there is nothing better to do. Gives what prevents that. */
export function whenIdle(then: () => void): () => void {
  let cancel = () => cancelAnimationFrame(frame);
  const frame = requestAnimationFrame(() => {
    if (typeof requestIdleCallback === "function") {
      const idle = requestIdleCallback(then, { timeout: AT_LAST });
      cancel = () => cancelIdleCallback(idle);
    } else {
      const timer = setTimeout(then, SOON);
      cancel = () => clearTimeout(timer);
    }
  });
  return () => cancel();
}
