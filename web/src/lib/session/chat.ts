/**
 * The chat of one session: what its agent said and did, as far as this page holds it. Pure.
 *
 * What always holds: what is shown is everything between {@link Transcript.top} and the newest event that was heard,
 * except for one gap at most, which is being fetched. Live events are taken in only where they follow one another
 * without a hole; a snapshot says that some were skipped, and what they were is fetched from the end, by pages, until
 * a page reaches what is held. Older pages are fetched when they are wanted, one at a time.
 */

import type { Chat, Event, Setup, Step } from "./message";
import { Partials, type Partial } from "./partials";
import { Joiner, type Came, type Item, type What } from "./said";

/** Bytes of a page. */
export const PAGE = 64 * 1024;
/** Pages that a gap may take; where it is larger, what was before it is fetched anew when it is wanted. */
export const GAP_PAGES = 8;
/** Things that are held; above the view there are no more than half of it. */
export const MAX_ITEMS = 4_000;
/** What somebody who goes on upwards can have at once: bytes, and things. */
export const MAX_HELD = 64 * 1024 * 1024;
export const MAX_REACHED = 100_000;
/** Before every event there may be: numbers in JSON are exact up to here. */
const END = Number.MAX_SAFE_INTEGER;

export interface Plan {
  seq: number;
  steps: readonly Step[];
}

interface Page {
  before: number;
  items: Item[];
  /** In the order in which they came. */
  partials: { seq: number; item: string; add: () => void }[];
  joiner: Joiner;
}

const BEHEADED: What = { kind: "broken", why: "A part of what was said here is missing." };

function pageBefore(before: number): Page {
  return { before, items: [], partials: [], joiner: new Joiner() };
}

export class Transcript {
  readonly #send: (before: number, room: number) => void;
  #epoch: number | null = null;
  /** The newest event that was heard in its turn. */
  #live: number | null = null;
  #items: Item[] = [];
  #top = END;
  #more = true;
  /** Between what was held up to `known` and this number something may be missing. */
  #gap: { known: number; before: number; pages: number } | null = null;
  /** The page that is under way, and what came of it. */
  #asked: Page | null = null;
  #wanted = false;
  readonly #joiner = new Joiner();
  readonly #partials = new Partials();
  /** Calls by name, and results whose call is not held. */
  readonly #calls = new Map<string, number>();
  readonly #results = new Map<string, Came>();
  /** Prompts that waited and were taken, by their numbers. */
  readonly #taken = new Set<number>();
  #size = 0;
  /** What of the partials was said in full. */
  readonly #said = new Set<string>();
  /** The event at which nothing was being said: the end of the newest turn, or of the program. */
  #quiet = 0;
  #plan: Plan | null = null;
  #setup: { seq: number; setup: Setup } | null = null;
  #rows: readonly Item[] | null = null;

  constructor(send: (before: number, room: number) => void) {
    this.#send = send;
  }

  /** What is shown, oldest first. The same things are the same objects. */
  get rows(): readonly Item[] {
    this.#rows ??= this.#items.filter((item) => !this.#hidden(item));
    return this.#rows;
  }

  get partials(): readonly Partial[] {
    return this.#partials.all;
  }

  /** The newest plan that is held. */
  get plan(): Plan | null {
    return this.#plan;
  }

  /** The newest setup that is held. */
  get setup(): Setup | null {
    return this.#setup?.setup ?? null;
  }

  /** Everything from this event on is held, or being fetched. */
  get top(): number {
    return this.#top;
  }

  /** There is more above. */
  get more(): boolean {
    return this.#more;
  }

  /** More is above than a page may hold. */
  get full(): boolean {
    return this.#more && (this.#size >= MAX_HELD || this.#items.length >= MAX_REACHED);
  }

  /** A page is under way, or will be as soon as it can be asked for. */
  get loading(): boolean {
    return this.#asked !== null || this.#wanted || this.#gap !== null;
  }

  /** Nothing was heard of the session yet. */
  get blank(): boolean {
    return this.#live === null;
  }

  /** The page above is wanted. */
  older(): void {
    if (!this.#more || this.full) return;
    this.#wanted = true;
    this.#ask();
  }

  /** The session is followed from here on: what was under way is asked for again. */
  attached(): void {
    this.#ask();
  }

  /** Nothing that was asked for comes any more. */
  cut(): void {
    this.#asked = null;
  }

  /** The terminal is given as of this event: of those before it, what was not heard yet is not told. */
  snapshot(epoch: number, seq: number): void {
    if (this.#epoch === epoch && this.#live !== null && seq <= this.#live) return;
    if (this.#epoch !== epoch) this.#clear();
    this.#epoch = epoch;
    const known = this.#live;
    this.#live = seq;
    this.#joiner.reset();
    this.#skipTo(seq, known);
  }

  /** One event, as it happens. */
  event(epoch: number, seq: number, at: number, event: Event, payload: Uint8Array): void {
    if (this.#live === null && seq === 1) {
      this.#epoch = epoch;
      this.#live = 0;
      this.#top = 1;
      this.#more = false;
    }
    if (epoch !== this.#epoch || this.#live === null || seq !== this.#live + 1) return;
    const known = this.#live;
    this.#live = seq;
    if (event.kind === "partial") {
      this.#partials.add(event.item, event.from, event.thinking ?? false, payload, at, seq);
      return;
    }
    const item = this.#joiner.add(seq, at, event, payload);
    if (item === "headless") this.#skipTo(seq, known);
    else if (item !== null) this.#put([item]);
    if (event.kind === "exit") this.#over(seq);
  }

  /** One event of a page. */
  past(seq: number, at: number, event: Event, payload: Uint8Array): void {
    const asked = this.#asked;
    if (asked === null) return;
    if (event.kind === "partial") {
      const { item, from, thinking } = event;
      const bytes = payload.slice();
      const add = () => this.#partials.add(item, from, thinking ?? false, bytes, at, seq);
      asked.partials.push({ seq, item, add });
      return;
    }
    if (event.kind === "exit") this.#over(seq);
    const item = asked.joiner.add(seq, at, event, payload);
    if (item === "headless") asked.items.push({ from: seq, seq, at, size: 64, what: BEHEADED });
    else if (item !== null) asked.items.push(item);
  }

  /** The page is whole. */
  pastEnd(before: number, more: boolean): void {
    const asked = this.#asked;
    if (asked === null) return;
    if (asked.before !== before) {
      // It was an earlier one, which nobody waits for any more.
      this.#asked = pageBefore(asked.before);
      return;
    }
    this.#asked = null;
    const first = asked.items[0]?.from;
    this.#put(asked.items);
    // What was said in full since then, or never will be, is not being said.
    for (const { seq, item, add } of asked.partials) if (seq > this.#quiet && !this.#said.has(item)) add();
    const reaches = !more || first === undefined;
    const gap = this.#gap;
    if (gap === null) {
      this.#wanted = false;
      this.#top = first ?? before;
      this.#more = !reaches;
    } else if (reaches || first <= gap.known) this.#gap = null;
    else if (gap.pages >= GAP_PAGES) {
      this.#gap = null;
      this.#dropBefore(first);
    } else this.#gap = { ...gap, before: first, pages: gap.pages + 1 };
    this.#ask();
  }

  /** The page did not come: it is asked for again. */
  again(): void {
    this.#asked = null;
    this.#ask();
  }

  /** Of what stands far above this one, which is the first to be seen, only so much is held. Whether any of it went. */
  trim(seq: number): boolean {
    if (this.#items.length <= MAX_ITEMS || this.loading) return false;
    const above = this.#items.findIndex((item) => item.seq >= seq);
    const spare = Math.min(above - MAX_ITEMS / 2, this.#items.length - MAX_ITEMS);
    const first = this.#items[spare];
    if (spare <= 0 || first === undefined) return false;
    this.#dropBefore(first.seq);
    return true;
  }

  #clear(): void {
    this.#items = [];
    this.#rows = null;
    this.#size = 0;
    this.#top = END;
    this.#more = true;
    this.#gap = null;
    this.#asked = null;
    this.#wanted = false;
    this.#live = null;
    this.#plan = null;
    this.#setup = null;
    this.#calls.clear();
    this.#results.clear();
    this.#taken.clear();
    this.#said.clear();
    this.#quiet = 0;
    this.#partials.clear();
  }

  /** What lies before `seq`, and is not held, is to be fetched. */
  #skipTo(seq: number, known: number | null): void {
    const before = seq + 1;
    // A page that is under way does not reach there; what it was asked for is wanted still.
    this.#asked = null;
    if (known === null || this.#items.length === 0) {
      this.#top = before;
      this.#wanted = true;
      this.#more = true;
    } else this.#gap = { known: this.#gap?.known ?? known, before, pages: 1 };
    this.#ask();
  }

  #ask(): void {
    if (this.#asked !== null || (this.#gap === null && !this.#wanted) || this.#live === null) return;
    const before = this.#gap?.before ?? this.#top;
    this.#asked = pageBefore(before);
    this.#send(before, PAGE);
  }

  /** Takes in things, wherever they belong; those that are held already are left as they are. */
  #put(items: readonly Item[]): void {
    let added: Item[] = [];
    for (const item of items) if (this.#at(item.seq) === null) added.push(item);
    added = added.map((item) => this.#know(item));
    if (added.length === 0) return;
    const last = this.#items.at(-1)?.seq ?? 0;
    if ((added[0]?.seq ?? 0) > last) this.#items = [...this.#items, ...added];
    else this.#items = [...this.#items, ...added].sort((a, b) => a.seq - b.seq);
    this.#rows = null;
    for (const { size } of added) this.#size += size;
    for (const { what } of added) if (what.kind === "chat" && what.chat.type === "result") this.#join(what.chat);
  }

  /** What it says of the session, and of others; the thing as it is to be held. */
  #know(item: Item): Item {
    if (item.what.kind !== "chat") return item;
    const { chat } = item.what;
    switch (chat.type) {
      case "agent":
      case "thinking":
        if (chat.item) this.#partials.drop(chat.item);
        if (chat.item) this.#said.add(chat.item);
        break;
      case "turn":
        this.#over(item.seq);
        break;
      case "plan":
        if (item.seq > (this.#plan?.seq ?? 0)) this.#plan = { seq: item.seq, steps: chat.steps };
        break;
      case "setup":
        if (item.seq > (this.#setup?.seq ?? 0)) this.#setup = { seq: item.seq, setup: chat };
        break;
      case "call": {
        this.#calls.set(chat.call, item.seq);
        const result = this.#results.get(chat.call);
        return result === undefined ? item : { ...item, result };
      }
      case "result":
        this.#results.set(chat.call, chat);
        break;
      case "taken":
        this.#taken.add(chat.queued);
        break;
      default:
        break;
    }
    return item;
  }

  /** What was being said before this event never will be. */
  #over(seq: number): void {
    this.#quiet = Math.max(this.#quiet, seq);
    this.#partials.dropBefore(seq);
  }

  #join(result: Came): void {
    const seq = this.#calls.get(result.call);
    const at = seq === undefined ? null : this.#at(seq);
    const call = at === null ? undefined : this.#items[at];
    if (at !== null && call !== undefined && call.result !== result) this.#items[at] = { ...call, result };
  }

  /** Where the thing with this number is, if it is held. */
  #at(seq: number): number | null {
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#items[middle]?.seq ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return this.#items[low]?.seq === seq ? low : null;
  }

  /** A result is shown with its call, a setup around the chat, and what waited as it was taken. */
  #hidden({ seq, what }: Item): boolean {
    if (what.kind !== "chat") return false;
    switch (what.chat.type) {
      case "setup":
      case "taken":
        return true;
      case "queued":
        return this.#taken.has(seq);
      case "result":
        return this.#calls.has(what.chat.call);
      default:
        return false;
    }
  }

  #dropBefore(seq: number): void {
    const gone = this.#items.filter((item) => item.seq < seq);
    this.#items = this.#items.slice(gone.length);
    this.#rows = null;
    this.#top = this.#items[0]?.from ?? seq;
    this.#more = true;
    for (const { size, what } of gone) {
      this.#size -= size;
      if (what.kind !== "chat") continue;
      if (what.chat.type === "result") this.#results.delete(what.chat.call);
      if (what.chat.type === "taken") this.#taken.delete(what.chat.queued);
      if ("item" in what.chat && what.chat.item) this.#said.delete(what.chat.item);
    }
  }
}

/** A thing that was said or done, where the row is one. */
export function chatOf({ what }: Item): Chat | null {
  return what.kind === "chat" ? what.chat : null;
}
