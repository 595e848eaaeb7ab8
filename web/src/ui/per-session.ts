/** What there is one of for each session of a host: the same for whoever asks, and as long as the page lives. */

import type { HostEntry } from "./app.svelte";

export function perSession<T>(make: (entry: HostEntry, session: string) => T): typeof make {
  const made = new WeakMap<HostEntry, Map<string, T>>();
  return (entry, session) => {
    const of = made.get(entry) ?? new Map<string, T>();
    made.set(entry, of);
    const one = of.get(session) ?? make(entry, session);
    of.set(session, one);
    return one;
  };
}
