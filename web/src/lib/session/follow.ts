/**
 * Following one session's log. Pure: messages in, screen operations out.
 *
 * What always holds: the operations that were given out are a prefix of the log, or a snapshot and what follows it.
 * Never a gap, never twice.
 *
 * The first snapshot brings the screen and {@link FIRST_ABOVE} lines, so that there is something to see at once. Once
 * all of them are wanted (at once on a quick link, and on a slow one when somebody looks for them), a second snapshot brings them; what was given out before stays good until then.
 */

import type { Cursor, Event, Size } from "./message";
import { Pieces } from "./pieces";

/** So many of the lines above the screen come first: what a person may scroll back to before the rest is there. */
export const FIRST_ABOVE = 100;

/** A place that can be acked: an event, or, in the middle of a snapshot, its piece. */
export interface Place extends Cursor {
  part?: number;
}

/** Something to do with the terminal. `place` is what has been applied once the operation is done. */
export type ScreenOp =
  /** What the next write brings, all of it or, where its place is a piece, its beginning, is instead of the screen. */
  | { op: "reset"; size: Size }
  | { op: "write"; bytes: Uint8Array; place: Place }
  | { op: "resize"; size: Size; place: Place }
  /** Nothing to draw; the cursor moves, behind so many bytes that are kept for later. */
  | { op: "skip"; bytes: number; place: Place };

/** What came of one message. */
export interface FollowOut {
  ops: ScreenOp[];
  /** A structured event to show, given out once. */
  event?: Event;
  /** The last operation ends a snapshot: once it is done, {@link Follow.drawn} wants to know. */
  snapshot?: { whole: boolean };
  /** The log has a hole here: attach again. */
  reattach?: true;
}

/** What to attach with. */
export interface Wish {
  /** Where to continue; null where nothing is held yet. */
  after: Cursor | null;
  /** How many lines above the screen a snapshot is to bring; null for all. */
  scrollback: number | null;
  /** A snapshot is to come in any case. */
  redraw: boolean;
}

/** Whether what is above the screen is there. */
export type Older = "here" | "wanted" | "missing";

const NOTHING: FollowOut = { ops: [] };

export class Follow {
  /** The last event given out; null before the first. */
  #cursor: Cursor | null;
  /** The snapshot that is under way: its place, its size, and the piece that comes next. */
  #snapshot: { at: Cursor; size: Size; next: number; begun: boolean } | null = null;
  readonly #pieces = new Pieces();
  /** Structured events come ahead of a snapshot that skips; the newest that was given out that way. */
  #ahead: Cursor | null = null;
  /** Attaches that were not answered yet, oldest first. */
  #asked: { wish: Wish; goesOn: boolean }[] = [];
  /** Something is missing behind the cursor. */
  #gap = false;
  /** A snapshot that comes now brings all lines above the screen. */
  #all = false;
  #whole = false;
  #wanted = false;

  constructor(cursor: Cursor | null = null) {
    this.#cursor = cursor;
  }

  /** Where to continue; null where nothing is held yet, or a snapshot was given out in part. */
  get after(): Cursor | null {
    return this.#snapshot?.begun === true ? null : this.#cursor;
  }

  /** The screen has every line above it that there is. */
  get whole(): boolean {
    return this.#whole;
  }

  /** Attaching again would bring what is {@link want}ed. */
  get due(): boolean {
    const still = this.#snapshot === null && this.#asked.length === 0;
    return this.#wanted && !this.#whole && !this.#all && still && this.#cursor !== null;
  }

  /** Another screen: it holds nothing yet. */
  restart(): void {
    this.#drop();
    this.#cursor = null;
    this.#gap = false;
    this.#ahead = null;
    this.#whole = false;
    this.#wanted = false;
  }

  /** Everything above the screen is wanted from now on. */
  want(): void {
    this.#wanted = true;
  }

  /** It is not fetched any more, unless it is wanted again. */
  leave(): void {
    this.#wanted = false;
  }

  /** Everything above the screen is there, is being fetched, or is not, and nobody has asked for it. */
  get older(): Older {
    return this.#whole ? "here" : this.#wanted ? "wanted" : "missing";
  }

  /** What a new attach is to say. What was under way from the one before does not come any more. */
  attach(): Wish {
    this.#drop();
    const after = this.#cursor;
    const all = this.#whole || this.#wanted;
    const wish = { after, scrollback: all ? null : FIRST_ABOVE, redraw: all && !this.#whole && after !== null };
    this.#asked.push({ wish, goesOn: wish.redraw && !this.#gap });
    this.#gap = false;
    return wish;
  }

  /** An attach was answered; what it said. */
  answered(): Wish | null {
    const wish = this.#asked.shift()?.wish ?? null;
    if (wish !== null) this.#all = wish.scrollback === null;
    this.#drop();
    return wish;
  }

  /** No answer comes any more. */
  cut(): void {
    this.#asked = [];
  }

  /** A snapshot is on the screen, with so many lines above it. */
  drawn({ whole }: { whole: boolean }, above: number): void {
    // One that was to bring fewer and brought as many was cut off there.
    this.#whole = whole || above !== FIRST_ABOVE;
  }

  event(epoch: number, seq: number, event: Event, payload: Uint8Array): FollowOut {
    if (this.#stale) return NOTHING;
    if (this.#snapshot !== null) return this.#broken();
    const cursor = this.#cursor;
    const known = cursor !== null && epoch === cursor.epoch;
    if (known && seq <= cursor.seq) return NOTHING;
    const next = known ? seq === cursor.seq + 1 : cursor === null && seq === 1;
    // A kind that only a newer version knows is structured: what is trimmed is what a terminal shows, and that is known.
    const trimmable = event.kind === "output" || event.kind === "resize" || event.kind === "title";
    if (!next) {
      // A snapshot that skips what lies between must come now; only structured events may come before it.
      if (trimmable) return this.#broken();
      return this.#structured({ epoch, seq }, event, []);
    }
    const at = { epoch, seq };
    this.#cursor = at;
    switch (event.kind) {
      case "output":
        return { ops: [{ op: "write", bytes: payload, place: at }] };
      case "resize":
        return { ops: [{ op: "resize", size: { cols: event.cols, rows: event.rows }, place: at }] };
      case "title":
        return { ops: [{ op: "skip", bytes: 0, place: at }], event };
      case "exit":
      case "banner":
      case "ending":
        return this.#structured(at, event, [{ op: "skip", bytes: 0, place: at }]);
      default:
        // What was asked and decided, of which the list of sessions tells, or a kind of a later version: counted, so
        // that the log has no hole, and not shown.
        return { ops: [{ op: "skip", bytes: payload.length, place: at }] };
    }
  }

  snapshot(at: Cursor, size: Size, part: number, last: boolean, payload: Uint8Array): FollowOut {
    if (this.#stale) return NOTHING;
    if (part === 0) {
      this.#drop();
      this.#snapshot = { at, size, next: 0, begun: false };
    }
    const current = this.#snapshot;
    if (current === null || current.next !== part || current.at.epoch !== at.epoch || current.at.seq !== at.seq) {
      return this.#broken();
    }
    current.next += 1;
    const place = last ? at : { ...at, part };
    const bytes = last ? this.#pieces.end(payload) : this.#pieces.add(payload);
    if (bytes === null) return { ops: [{ op: "skip", bytes: payload.length, place }] };
    const ops: ScreenOp[] = current.begun ? [] : [{ op: "reset", size }];
    ops.push({ op: "write", bytes, place });
    current.begun = true;
    if (!last) return { ops };
    this.#snapshot = null;
    this.#cursor = at;
    return { ops, snapshot: { whole: this.#all } };
  }

  /** What comes now is still an earlier attach's, and the newest one does not go on with it. */
  get #stale(): boolean {
    return this.#asked.some(({ goesOn }) => !goesOn);
  }

  /** Forgets the snapshot that is under way; where a part of it was given out, nothing is held any more. */
  #drop(): void {
    this.#cursor = this.after;
    this.#snapshot = null;
    this.#pieces.reset();
  }

  #structured(at: Cursor, event: Event, ops: ScreenOp[]): FollowOut {
    const ahead = this.#ahead;
    if (ahead !== null && ahead.epoch === at.epoch && at.seq <= ahead.seq) return { ops };
    this.#ahead = at;
    return { ops, event };
  }

  #broken(): FollowOut {
    this.#drop();
    this.#gap = true;
    return { ops: [], reattach: true };
  }
}

/** Acks once this many bytes were applied since the last. */
export const ACK_BYTES = 32 * 1024;
/** Or this long after something was applied, in milliseconds. */
export const ACK_DELAY = 60;
/** What an event or a piece counts beside its payload. */
export const EVENT_COST = 64;

/** When to say how far the terminal is. Pure. */
export class Acker {
  #applied: Place | null = null;
  #bytes = 0;
  #since: number | null = null;

  /** The terminal has drawn up to here. */
  applied(place: Place, bytes: number, now: number): void {
    this.#bytes += bytes + EVENT_COST;
    this.#applied = place;
    this.#since ??= now;
  }

  /** The ack to send now, if one is due. */
  poll(now: number): Place | null {
    if (this.#since === null || this.#applied === null) return null;
    if (this.#bytes < ACK_BYTES && now < this.#since + ACK_DELAY) return null;
    this.#bytes = 0;
    this.#since = null;
    return this.#applied;
  }

  /** When to poll again, in the caller's milliseconds. */
  deadline(): number | null {
    return this.#since === null ? null : this.#since + ACK_DELAY;
  }
}
