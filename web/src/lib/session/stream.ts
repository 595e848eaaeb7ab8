/**
 * Which numbering of commands this tab uses.
 *
 * No two tabs may use one stream: the keeper would take the second tab's commands for the first one's, and say that
 * they were applied. So each page has a fresh one, except where commands wait that an earlier page has left: those keep
 * their numbers, and a page goes on with their stream so that what is typed next comes behind them. Web Locks see to it
 * that only one page does. Streams of further pages that are gone are taken, too, to deliver what waits in them and for
 * nothing else, also of those that end while this page lives.
 *
 * A page without locks (plain http) keeps no commands, and so has no use for another's stream.
 */

import type { StreamId } from "./message";

const KEY = "longrein.stream";
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

/** A random id: of a stream, or of what has one on this device only. */
export function freshId(): string {
  return idFromRandom(crypto.getRandomValues(new Uint8Array(10)));
}

export interface Claimed {
  /** This page's. What waits in it goes first. */
  stream: StreamId;
  /** It was another page's. */
  inherited: boolean;
  /** Of pages that are gone, with commands that wait. */
  others: readonly StreamId[];
}

/** What a page settles its stream with. */
export interface Page {
  /** Lives as long as the tab: of several streams in which commands wait, a page goes on with its own tab's. */
  storage: Pick<Storage, "getItem" | "setItem">;
  locks: Pick<LockManager, "request" | "query"> | null;
}

const LOCK = "longrein-stream-";

/**
 * This page's stream, and others in which commands wait and that no page has any more. What waits is to be read after
 * this: until now another page may have written.
 */
export async function claimStreams(waiting: readonly StreamId[], { storage, locks }: Page): Promise<Claimed> {
  const mine = storage.getItem(KEY);
  const free: StreamId[] = [];
  const wanted = locks === null ? [] : [...new Set(waiting)].sort((a, b) => Number(b === mine) - Number(a === mine));
  for (const stream of wanted) if (locks !== null && (await lock(stream, locks))) free.push(stream);
  const [stream = freshId(), ...others] = free;
  if (locks !== null && free.length === 0) await lock(stream, locks);
  storage.setItem(KEY, stream);
  return { stream, inherited: free.length > 0, others };
}

/** Streams that pages have now. */
export async function heldStreams(locks: Pick<LockManager, "query">): Promise<StreamId[]> {
  const names = ((await locks.query()).held ?? []).map(({ name }) => name ?? "");
  return names.filter((name) => name.startsWith(LOCK)).map((name) => name.slice(LOCK.length));
}

/** Ends when the page that has this stream is gone for good, and it is this one's. `pause` lets others go first. */
export async function inherit(
  stream: StreamId,
  locks: Pick<LockManager, "request">,
  pause: () => Promise<void>,
): Promise<void> {
  do {
    // Its turn comes when nobody has it.
    await locks.request(LOCK + stream, () => undefined);
    // A page that was only loaded anew goes on with its own.
    await pause();
  } while (!(await lock(stream, locks)));
}

/** Whether no other page has it. The lock stays for as long as this page lives. */
function lock(stream: StreamId, locks: Pick<LockManager, "request">): Promise<boolean> {
  return new Promise((resolve) => {
    const held = locks.request(LOCK + stream, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock === null ? undefined : new Promise<never>(() => undefined);
    });
    held.catch(() => resolve(false));
  });
}
