/**
 * Serves the app itself when the network does not. It holds this build's own files and nothing else: no answer of a
 * relay, nothing that came through a channel.
 */

declare const self: ServiceWorkerGlobalScope;
export {};

// The build puts the list in the place of this text; it changes with every build, and so does this file.
const FILES = "__SHELL_FILES__" as unknown as readonly string[];
const PREFIX = "longrein-shell-";

async function name(): Promise<string> {
  return (
    PREFIX +
    FILES.join("|")
      .split("")
      .reduce((sum, char) => (Math.imul(sum, 31) + char.charCodeAt(0)) >>> 0, 7)
  );
}

/** The newest page has so long to come; a network that says neither yes nor no takes longer. Milliseconds. */
const NEWEST_WITHIN = 1_000;

/** The newest page while the network is there; the shell of this build where it is not. */
async function page(request: Request): Promise<Response> {
  const kept = await caches.match("/", { ignoreSearch: true });
  if (kept === undefined) return fetch(request);
  const late = new Promise<Response>((resolve) => setTimeout(() => resolve(kept), NEWEST_WITHIN));
  // Before a relay that restarts, its proxy answers with a page of its own.
  const newest = fetch(request).then((found) => (found.status >= 500 ? kept : found));
  return Promise.race([newest.catch(() => kept), late]);
}

self.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const cache = await caches.open(await name());
      await cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" })));
      await self.skipWaiting();
    })(),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const current = await name();
      const old = (await caches.keys()).filter((key) => key.startsWith(PREFIX) && key !== current);
      await Promise.all(old.map((key) => caches.delete(key)));
      await self.clients.claim();
    })(),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    event.respondWith(page(request));
  } else if (url.pathname.startsWith("/assets/")) {
    // Named by content: what is cached is what it would fetch.
    event.respondWith(caches.match(request).then((hit) => hit ?? fetch(request)));
  } else if (FILES.includes(url.pathname)) {
    event.respondWith(fetch(request).catch(async () => (await caches.match(url.pathname)) ?? Response.error()));
  }
});
