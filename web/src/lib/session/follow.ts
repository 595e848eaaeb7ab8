/**
 * Following one session's log. Pure: messages in, screen operations out.
 *
 * What always holds: the operations that were given out are a prefix of the log, or a snapshot and what follows it.
 * Never a gap, never twice.
 */

import type { Cursor, Event, Size } from "./message";

/** A place that can be acked: an event, or, in the middle of a snapshot, its piece. */
export interface Place extends Cursor {
  part?: number;
}

/** Something to do with the terminal. `place` is what has been applied once the operation is done. */
export type ScreenOp =
  /** Forget the screen and take this size; a snapshot's bytes follow. */
  | { op: "reset"; size: Size }
  | { op: "write"; bytes: Uint8Array; place: Place }
  | { op: "resize"; size: Size; place: Place }
  /** Nothing to draw; the cursor moves. */
  | { op: "skip"; place: Place };

/** What came of one message. */
export interface FollowOut {
  ops: ScreenOp[];
  /** A structured event to show, given out once. */
  event?: Event;
  /** The log has a hole here: attach again, behind `after` where it is set. */
  reattach?: { after: Cursor | null };
}

const NOTHING: FollowOut = { ops: [] };

export class Follow {
  /** The last event given out; null before the first. */
  #cursor: Cursor | null;
  /** The snapshot that is under way: its place, and the piece that comes next. */
  #snapshot: { at: Cursor; next: number } | null = null;
  /** Structured events come ahead of a snapshot that skips; the newest that was given out that way. */
  #ahead: Cursor | null = null;

  constructor(cursor: Cursor | null = null) {
    this.#cursor = cursor;
  }

  /** Where to continue; null where nothing is held yet, or a snapshot was cut off half way. */
  get after(): Cursor | null {
    return this.#snapshot === null ? this.#cursor : null;
  }

  /** A new channel: what was under way on the old one is gone. */
  attach(): Cursor | null {
    const after = this.after;
    this.#cursor = after;
    this.#snapshot = null;
    return after;
  }

  event(epoch: number, seq: number, event: Event, payload: Uint8Array): FollowOut {
    if (this.#snapshot !== null) return this.#broken();
    const cursor = this.#cursor;
    const known = cursor !== null && epoch === cursor.epoch;
    if (known && seq <= cursor.seq) return NOTHING;
    const next = known ? seq === cursor.seq + 1 : cursor === null && seq === 1;
    const trimmable = event.kind !== "exit" && event.kind !== "banner";
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
        return { ops: [{ op: "skip", place: at }], event };
      case "exit":
      case "banner":
        return this.#structured(at, event, [{ op: "skip", place: at }]);
      default:
        // A kind of a later version: counted, so that the log has no hole, and not shown.
        return { ops: [{ op: "skip", place: at }] };
    }
  }

  snapshot(at: Cursor, size: Size, part: number, last: boolean, payload: Uint8Array): FollowOut {
    const ops: ScreenOp[] = [];
    if (part === 0) {
      this.#snapshot = { at, next: 0 };
      ops.push({ op: "reset", size });
    }
    const current = this.#snapshot;
    if (current === null || current.next !== part || current.at.epoch !== at.epoch || current.at.seq !== at.seq) {
      return this.#broken();
    }
    current.next += 1;
    ops.push({ op: "write", bytes: payload, place: last ? at : { ...at, part } });
    if (last) {
      this.#snapshot = null;
      this.#cursor = at;
    }
    return { ops };
  }

  #structured(at: Cursor, event: Event, ops: ScreenOp[]): FollowOut {
    const ahead = this.#ahead;
    if (ahead !== null && ahead.epoch === at.epoch && at.seq <= ahead.seq) return { ops };
    this.#ahead = at;
    return { ops, event };
  }

  #broken(): FollowOut {
    return { ops: [], reattach: { after: this.attach() } };
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
