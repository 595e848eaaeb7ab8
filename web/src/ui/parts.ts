/** The parts of this page that are loaded on use. */

import { whenIdle } from "./idle";

/** Style sheets that did not arrive. The bundler's own loader asks for each of them once, and never again. */
const missing = new Set<string>();

addEventListener(
  "error",
  ({ target }) => {
    if (!(target instanceof HTMLLinkElement) || target.rel !== "stylesheet") return;
    target.remove();
    missing.add(target.href);
  },
  { capture: true },
);

/** Loads a part, also one that could not be had before. */
export async function fetchPart<Part>(load: () => Promise<Part>): Promise<Part> {
  await Promise.all([...missing].map(fetchSheet));
  return load();
}

/** Loads parts that are likely to be wanted next, once there is nothing better to do. */
export function fetchAhead(load: () => Promise<unknown>): void {
  // Whoever wants it asks again, and is told.
  whenIdle(() => void fetchPart(load).catch(() => undefined));
}

function fetchSheet(href: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = href;
    link.onload = () => {
      missing.delete(href);
      resolve();
    };
    link.onerror = () => reject(new Error(`${href} could not be loaded`));
    document.head.append(link);
  });
}
