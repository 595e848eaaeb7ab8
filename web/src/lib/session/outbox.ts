/**
 * The commands of one session that are not settled yet. Pure.
 *
 * Each gets a number when it is first sent; a keeper applies each number once, in order. What is here is sent again on
 * every new channel, until the keeper says what became of it, or until it is too old to be meant still.
 *
 * A resize says what the screen is, not what was once done to it. So one that was not sent yet is replaced by a newer
 * one, in its place; and of those that were sent, which keep their numbers and come again, none has the last word over
 * the size that the attach said.
 *
 * Input that is too large to wait as commands stays behind them, in memory only, and becomes commands as those before
 * it settle. It and what is typed after it keep their order, and are taken, or fail, as a whole.
 */

import { MAX_PAYLOAD, type Act, type Failure, type Size } from "./message";

/** A command that waited longer than this for its host fails; it never fires late. Milliseconds. */
export const COMMAND_LIFETIME = 10 * 60_000;
/** Bytes that may wait as commands, which outlive the page. */
export const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** Commands that may wait, and one more where {@link Outbox.screen} adds it. */
export const MAX_WAITING = 4_000;
/** Bytes of input that may wait in all. More is refused at once, and the person is told. */
export const MAX_INPUT_BYTES = 128 * 1024 * 1024;
/** Bytes that may be sent and not settled. */
export const MAX_UNSETTLED_BYTES = 256 * 1024;
/**
 * Commands that may be sent and not settled, however small; the rest waits here until one is. A socket in a browser
 * never blocks, so what is sent at once lies in its memory and then in the relay's, and a keeper drops a client that
 * lets 1024 refusals pile up.
 */
export const MAX_UNSETTLED = 512;

export interface StoredEntry {
  /** Null until first sent. */
  n: number | null;
  act: Act;
  payload: Uint8Array<ArrayBuffer>;
  /** Unix milliseconds. */
  at: number;
}

export interface Entry extends StoredEntry {
  /** Sent on the channel that stands now. */
  sent: boolean;
  /** A piece of the input that waited behind the commands. */
  piece: boolean;
}

/** A command that will not be applied, to be shown. */
export interface Failed {
  entry: StoredEntry;
  why: Failure;
}

/** A command as it is sent. */
export interface Numbered {
  n: number;
  act: Act;
  payload: Uint8Array<ArrayBuffer>;
}

/** Input typed within this of the one before it becomes one command with it. Milliseconds. */
const JOINED_WITHIN = 1_000;
const INPUT: Act = { type: "input" };
const TOO_OLD: Failure = {
  kind: "limited",
  message: "Not sent: the host was away for more than ten minutes.",
  hint: "Type it again.",
};
const EMPTY = new Uint8Array(0);

export class Outbox {
  #entries: Entry[];
  /** The last number that was given out or settled. */
  #last: number;
  /** Input that waits behind the commands, oldest first. */
  #behind: { bytes: Uint8Array<ArrayBuffer>; at: number }[] = [];
  #behindBytes = 0;
  /** When the input behind the commands began to wait, or last moved on. It is as old as this. */
  #movedAt = 0;
  /** Commands go out only while attached, because the keeper's answer to attach says where it stands. */
  #attached = false;

  /** Takes back what a page left behind. */
  constructor(stored: readonly StoredEntry[] = []) {
    this.#entries = stored.map((entry) => ({ ...entry, sent: false, piece: false }));
    this.#last = this.#entries.reduce((last, { n }) => Math.max(last, n ?? 0), 0);
  }

  /** Commands that are not settled yet, oldest first. */
  get waiting(): readonly Entry[] {
    return this.#entries;
  }

  /** How many commands and inputs are not settled yet. */
  get count(): number {
    return this.#entries.length + this.#behind.length;
  }

  /** The bytes of all that is not settled yet. */
  get bytes(): number {
    return this.#bytes(() => true) + this.#behindBytes;
  }

  /** Input of any length: all of it, or, where too much waits, nothing and false. */
  input(bytes: Uint8Array, now: number): boolean {
    if (this.bytes + bytes.length > MAX_INPUT_BYTES) return false;
    if (this.#behind.length > 0 || !this.#fits(bytes.length)) return this.#queue(bytes, now);
    for (let start = 0; start < bytes.length; start += MAX_PAYLOAD) {
      this.push(INPUT, bytes.subarray(start, start + MAX_PAYLOAD), now);
    }
    return true;
  }

  /** A new command; false where the queue is full. Payloads are at most {@link MAX_PAYLOAD} bytes. */
  push(act: Act, payload: Uint8Array, now: number): boolean {
    if (payload.length > MAX_PAYLOAD) throw new RangeError("payload is larger than it may be");
    if (this.#bytes(() => true) + payload.length > MAX_WAITING_BYTES) return false;
    const tail = this.#entries.at(-1);
    // Input that was not sent yet joins, while both are fresh: a command is as old as its first byte.
    if (act.type === "input" && tail?.act.type === "input" && tail.n === null && now - tail.at < JOINED_WITHIN) {
      if (tail.payload.length + payload.length <= MAX_PAYLOAD) {
        tail.payload = joined(tail.payload, payload);
        return true;
      }
    }
    const replaced =
      act.type === "resize" ? this.#entries.find(({ n, act }) => n === null && act.type === "resize") : null;
    if (replaced) {
      replaced.act = act;
      replaced.at = now;
      return true;
    }
    if (this.#entries.length >= MAX_WAITING) return false;
    this.#entries.push({ n: null, act, payload: payload.slice(), at: now, sent: false, piece: false });
    return true;
  }

  /** The channel is gone: whatever was sent may or may not have arrived. */
  detached(): void {
    this.#attached = false;
    for (const entry of this.#entries) entry.sent = false;
  }

  /** The keeper answered an attach and has settled everything up to `applied`. Gives out what is too old by now. */
  attached(applied: number, now: number): Failed[] {
    this.#attached = true;
    this.applied(applied);
    const failed = this.expire(now);
    const first = this.#entries.find(({ n }) => n !== null)?.n ?? null;
    this.#last = Math.max(applied, this.#last);
    if (first !== null && first !== applied + 1) {
      // The keeper has forgotten this stream, which takes it a day: nothing of then is under way any more.
      this.#last = applied;
      for (const entry of this.#entries) if (entry.n !== null) entry.n = this.#last += 1;
    } else if (first === null) {
      this.#last = applied;
    }
    return failed;
  }

  /**
   * The attach said this size, or none where nobody looks on, and resizes from before it may wait still: one that was
   * not sent yet becomes this one, or goes; behind one that was sent, and so may be applied only now, this one is said
   * again. Where none waits there is nothing to do.
   */
  screen(size: Size | null, now: number): void {
    const unsent = ({ n, act }: Entry) => n === null && act.type === "resize";
    if (size === null) {
      this.#entries = this.#entries.filter((entry) => !unsent(entry));
      return;
    }
    const act: Act = { type: "resize", cols: size.cols, rows: size.rows };
    for (const entry of this.#entries) if (unsent(entry)) entry.act = act;
    const last = this.#entries.findLast(({ act }) => act.type === "resize")?.act;
    if (last?.type !== "resize" || (last.cols === size.cols && last.rows === size.rows)) return;
    this.#entries.push({ n: null, act, payload: EMPTY, at: now, sent: false, piece: false });
  }

  /** What to send now, marked as sent. */
  poll(now: number): Numbered[] {
    if (!this.#attached) return [];
    this.#advance(now);
    const out: Numbered[] = [];
    let unsettled = this.#bytes(({ sent }) => sent);
    let room = MAX_UNSETTLED - this.#entries.filter(({ sent }) => sent).length;
    for (const entry of this.#entries) {
      if (entry.sent) continue;
      if (room <= 0) break;
      room -= 1;
      if (unsettled > 0 && unsettled + entry.payload.length > MAX_UNSETTLED_BYTES) break;
      unsettled += entry.payload.length;
      entry.n ??= this.#last += 1;
      entry.sent = true;
      out.push({ n: entry.n, act: entry.act, payload: entry.payload });
    }
    return out;
  }

  /** Applied, and so was every one before it. */
  applied(n: number): void {
    this.#entries = this.#entries.filter((entry) => entry.n === null || entry.n > n);
  }

  /** Not applied. What waits behind a piece of a longer input fails with it: a hole would change what it says. */
  refused(n: number, why: Failure): Failed[] {
    const gone = this.#entries.filter((entry) => entry.n === n);
    this.#entries = this.#entries.filter((entry) => entry.n !== n);
    if (gone.some(({ piece }) => piece)) {
      gone.push(...this.#entries.filter((entry) => entry.piece && entry.n === null), ...this.#dropBehind());
      this.#entries = this.#entries.filter((entry) => !gone.includes(entry));
    }
    return gone.map((entry) => ({ entry, why }));
  }

  /**
   * Fails what is too old. A number that was given out is not skipped: its command becomes empty input, because an
   * earlier copy may still arrive.
   */
  expire(now: number): Failed[] {
    const old = (entry: Entry) => !entry.sent && now - entry.at >= COMMAND_LIFETIME;
    const gone = this.#entries
      .filter((entry) => old(entry) && !(entry.act.type === "input" && entry.payload.length === 0))
      .map((entry) => ({ ...entry }));
    if (now - this.#movedAt >= COMMAND_LIFETIME) gone.push(...this.#dropBehind());
    this.#entries = this.#entries.filter((entry) => entry.n !== null || !old(entry));
    for (const entry of this.#entries) {
      if (!old(entry)) continue;
      entry.act = { type: "input" };
      entry.payload = EMPTY;
    }
    return gone.map((entry) => ({ entry, why: TOO_OLD }));
  }

  /** Whether so many bytes can wait as commands. */
  #fits(bytes: number): boolean {
    const entries = Math.ceil(bytes / MAX_PAYLOAD);
    return this.#bytes(() => true) + bytes <= MAX_WAITING_BYTES && this.#entries.length + entries <= MAX_WAITING;
  }

  /** Takes input in behind the commands. */
  #queue(bytes: Uint8Array, now: number): boolean {
    if (bytes.length === 0) return true;
    const tail = this.#behind.at(-1);
    const joins = tail !== undefined && tail.bytes.length + bytes.length <= MAX_PAYLOAD;
    if (joins && now - tail.at < JOINED_WITHIN) tail.bytes = joined(tail.bytes, bytes);
    else if (this.#behind.length < MAX_WAITING) this.#behind.push({ bytes: bytes.slice(), at: now });
    else return false;
    if (this.#behindBytes === 0) this.#movedAt = now;
    this.#behindBytes += bytes.length;
    return true;
  }

  /** Makes commands of the input behind them, as many as may be under way. */
  #advance(now: number): void {
    const before = this.#behindBytes;
    for (let head = this.#behind[0]; head !== undefined; head = this.#behind[0]) {
      const piece = head.bytes.subarray(0, MAX_PAYLOAD);
      const full = this.#entries.length >= MAX_WAITING;
      if (full || this.#bytes(() => true) + piece.length > MAX_UNSETTLED_BYTES) break;
      this.#entries.push({ n: null, act: INPUT, payload: piece.slice(), at: now, sent: false, piece: true });
      this.#behindBytes -= piece.length;
      head.bytes = head.bytes.subarray(piece.length);
      if (head.bytes.length === 0) this.#behind.shift();
    }
    if (this.#behindBytes === before) return;
    // All of its pieces have one age: none of them may become too old while those behind it are still meant.
    this.#movedAt = now;
    for (const entry of this.#entries) if (entry.piece) entry.at = now;
  }

  /** Empties what waits behind the commands, and gives it out. */
  #dropBehind(): Entry[] {
    const gone = this.#behind.map(({ bytes, at }): Entry => {
      return { n: null, act: INPUT, payload: bytes, at, sent: false, piece: true };
    });
    this.#behind = [];
    this.#behindBytes = 0;
    return gone;
  }

  #bytes(which: (entry: Entry) => boolean): number {
    return this.#entries.reduce((sum, entry) => (which(entry) ? sum + entry.payload.length : sum), 0);
  }
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}
