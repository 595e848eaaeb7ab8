/**
 * Which numbering of commands this tab uses. A reload keeps it (its queue is numbered with it); a duplicated tab gets
 * one of its own; and a new tab takes over one that a closed tab left with commands waiting.
 *
 * No two tabs may use one stream: the keeper would take the second tab's commands for the first one's, and say that
 * they were applied. Web Locks see to that. Plain-http pages have none; there the tabs ask one another.
 */

import type { StreamId } from "./message";

const KEY = "longrein.stream";
/** How long another tab has to say that it holds a stream. Milliseconds. */
export const ANSWER_WITHIN = 150;
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** Ten random bytes as 16 characters, as the Rust side writes ids. */
export function idFromRandom(bytes: Uint8Array): string {
  let number = 0n;
  for (const byte of bytes.subarray(0, 10)) number = (number << 8n) | BigInt(byte);
  let text = "";
  for (let i = 0; i < 16; i++) {
    text += ALPHABET.charAt(Number(number & 31n));
    number >>= 5n;
  }
  return text;
}

/** What a tab settles its stream with. */
export interface Tab {
  /** Lives as long as the tab, and is copied when the tab is duplicated. */
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  locks: Pick<LockManager, "request"> | null;
  /** Reaches the other tabs of this site. */
  channel: (() => Air) | null;
  after(ms: number, then: () => void): void;
  /** Another tab has this one's stream: nothing may be sent with it any more. */
  lost(): void;
}

/** As much of a BroadcastChannel as is needed. */
export interface Air {
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
  postMessage(message: unknown): void;
}

/** What tabs say to one another about a stream. */
interface Said {
  /** "wants": is it free? "has": it is not. "takes": from now on it is not. */
  say: "wants" | "has" | "takes";
  stream: StreamId;
  /** Who says so. */
  tab: string;
}

/** This tab's stream. `orphans` are streams that have commands waiting. */
export async function claimStream(orphans: readonly StreamId[], tab: Tab = thisTab()): Promise<StreamId> {
  const mine = tab.storage.getItem(KEY);
  const known = mine === null ? orphans : [mine, ...orphans];
  const stream = tab.locks === null ? await agree(known, tab) : await lock(known, tab.locks);
  tab.storage.setItem(KEY, stream);
  return stream;
}

function thisTab(): Tab {
  return {
    storage: sessionStorage,
    locks: "locks" in navigator ? navigator.locks : null,
    channel: "BroadcastChannel" in globalThis ? () => new BroadcastChannel(KEY) : null,
    after: (ms, then) => void setTimeout(then, ms),
    lost: () => location.reload(),
  };
}

function fresh(): StreamId {
  return idFromRandom(crypto.getRandomValues(new Uint8Array(10)));
}

/** The first stream that no other tab has locked; the lock stays for as long as this page lives. */
async function lock(known: readonly StreamId[], locks: Pick<LockManager, "request">): Promise<StreamId> {
  const hold = (stream: StreamId) =>
    new Promise<boolean>((resolve) => {
      void locks.request(`longrein-stream-${stream}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise<never>(() => undefined);
      });
    });
  for (const stream of known) if (await hold(stream)) return stream;
  const stream = fresh();
  await hold(stream);
  return stream;
}

/** Channels live as long as the page: whoever asks later is answered. */
const channels: Air[] = [];

/** The first stream that no other tab says it has. Without a way to ask, always a fresh one. */
async function agree(known: readonly StreamId[], tab: Tab): Promise<StreamId> {
  if (tab.channel === null) return fresh();
  const air = tab.channel();
  channels.push(air);
  const me = fresh();
  const free = new Set(known);
  let held: StreamId | null = null;
  let settle: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => (settle = resolve));
  const tell = (say: Said["say"], stream: StreamId) => air.postMessage({ say, stream, tab: me } satisfies Said);

  air.onmessage = ({ data }) => {
    if (!isSaid(data) || data.tab === me) return;
    const { stream } = data;
    if (held !== null) {
      if (stream !== held) return;
      if (data.say === "wants") tell("has", stream);
      if (data.say === "takes") {
        // This tab was frozen, or too busy to answer, and has no claim any more: a new stream for a new page.
        tab.storage.removeItem(KEY);
        tab.lost();
      }
      return;
    }
    if (!free.has(stream)) return;
    // Of two that want it at once, the lower name goes first, however much each has heard of the other.
    if (data.say === "wants" && me < data.tab) tell("has", stream);
    else free.delete(stream);
    if (free.size === 0) settle();
  };
  if (free.size === 0) settle();
  for (const stream of free) tell("wants", stream);
  tab.after(ANSWER_WITHIN, settle);
  await settled;

  const [stream = fresh()] = free;
  held = stream;
  tell("takes", stream);
  return stream;
}

function isSaid(data: unknown): data is Said {
  if (typeof data !== "object" || data === null) return false;
  const { say, stream, tab } = data as Record<string, unknown>;
  return (say === "wants" || say === "has" || say === "takes") && typeof stream === "string" && typeof tab === "string";
}
