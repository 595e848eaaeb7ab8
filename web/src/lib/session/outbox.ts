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
 *
 * **On the disk.** What waits is written down as a whole, by {@link Outbox.snapshot}, and a later page goes on from
 * there under the same numbers. So that a page that is killed at any point leaves nothing that could be done twice or
 * be lost, {@link Outbox.poll} says when that must happen before anything is sent:
 * - a prompt lies there with its number, so that it is never lost and never gets another one;
 * - so does what lies there without one, since the next page would give it the next number.
 *
 * Keys go out at once, and never more than {@link RESERVE} numbers ahead of what the next page will know of, from the
 * disk or from the keeper. That page leaves out so many: each may have gone out, and its copy may be the one that
 * arrives. It does so in each session of a stream that it has from another page, also where nothing of it lies there.
 *
 * Where nothing can be written down, prompts go out as keys do.
 */

import { MAX_PAYLOAD, type Act, type Failure, type Size } from "./message";
import { tooOld, unconfirmed, type Failed, type Prompt, type Stored, type StoredEntry } from "./stored";

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

/** Numbers that may be given out behind the last one that is stored or settled. */
export const RESERVE = 32;

/** Whether an entry is on the disk, and whether with its number. */
type OnDisk = "no" | "unnumbered" | "numbered";

export interface Entry extends StoredEntry {
  /** Sent on the channel that stands now. */
  sent: boolean;
  /** A piece of the input that waited behind the commands. */
  piece: boolean;
  onDisk: OnDisk;
  /** The prompt that this was until it was too old, where its own copy may still be the one that is applied. */
  was: Prompt | null;
}

/** What an attach has told. */
export interface Answered {
  failed: Failed[];
  taken: Prompt[];
}

/** What to write down. */
export interface Snapshot {
  /** Null where nothing is to lie there. */
  stored: Stored | null;
  /** For {@link Outbox.stored}. */
  numbered: readonly Entry[];
}

/** What to send now. */
export interface Outgoing {
  commands: Numbered[];
  /** A snapshot must lie on the disk before. */
  store: boolean;
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
const EMPTY = new Uint8Array(0);
const AWAY = "the host could not be reached";

export class Outbox {
  #entries: Entry[];
  /** The last number that was given out or settled. */
  #last: number;
  /** Prompts that are not settled, oldest first. */
  #prompts = new Map<string, Prompt>();
  /** Input that waits behind the commands, oldest first. */
  #behind: { bytes: Uint8Array<ArrayBuffer>; at: number; prompt: string | null }[] = [];
  #behindBytes = 0;
  /** When the input behind the commands began to wait, or last moved on. It is as old as this. */
  #movedAt = 0;
  /** Commands go out only while attached, because the keeper's answer to attach says where it stands. */
  #attached = false;
  /** The keeper has settled everything up to here. */
  #settled = 0;
  /** Whatever lies on the disk says that numbers were given out up to here. */
  #written = 0;
  /** Something may lie on the disk. */
  #onDisk = false;
  /** Numbers are to be left out that another page may have given out. */
  #leavesOut = false;

  /** Takes back what a page left behind. */
  constructor(left: Stored | null = null) {
    const entries = left?.entries ?? [];
    this.#entries = entries.map((entry) => entryOf(entry, entry.n === null ? "unnumbered" : "numbered"));
    this.#last = left?.last ?? 0;
    for (const prompt of left?.prompts ?? []) this.#prompts.set(prompt.id, { ...prompt });
    if (left === null) return;
    this.#written = left.last;
    this.#onDisk = entries.length > 0;
    this.#leavesOut = true;
  }

  /** Commands that are not settled yet, oldest first. */
  get waiting(): readonly Entry[] {
    return this.#entries;
  }

  /** How many commands and inputs are not settled yet. */
  get count(): number {
    let count = this.#behind.length;
    for (const entry of this.#entries) if (!isNothing(entry)) count += 1;
    return count;
  }

  /** Prompts that are not settled, oldest first, and whether all of one was sent on the channel that stands. */
  get prompts(): { prompt: Prompt; sent: boolean }[] {
    return [...this.#prompts.values()].map((prompt) => {
      const waits = (of: { prompt: string | null }) => of.prompt === prompt.id;
      const sent = this.#entries.every((entry) => !waits(entry) || entry.sent) && !this.#behind.some(waits);
      return { prompt, sent };
    });
  }

  /** The bytes of all that is not settled yet. */
  get bytes(): number {
    return this.#bytes(() => true) + this.#behindBytes;
  }

  /** Input of any length: all of it, or, where too much waits, nothing and false. */
  input(bytes: Uint8Array, now: number, prompt: string | null = null): boolean {
    if (this.bytes + bytes.length > MAX_INPUT_BYTES) return false;
    if (this.#behind.length > 0 || !this.#fits(bytes.length)) return this.#queue(bytes, now, prompt);
    for (let start = 0; start < bytes.length; start += MAX_PAYLOAD) {
      this.push(INPUT, bytes.subarray(start, start + MAX_PAYLOAD), now, prompt);
    }
    return true;
  }

  /** A prompt, and the bytes that it is to the program, or, with an act, to its agent. As {@link input}. */
  prompt(bytes: Uint8Array, prompt: Prompt, act: Act | null = null): boolean {
    const { at, id } = prompt;
    const took = act === null ? this.input(bytes, at, id) : !this.#behind.length && this.push(act, bytes, at, id);
    if (!took) return false;
    this.#prompts.set(prompt.id, { ...prompt });
    return true;
  }

  /** A new command; false where the queue is full. Payloads are at most {@link MAX_PAYLOAD} bytes. */
  push(act: Act, payload: Uint8Array, now: number, prompt: string | null = null): boolean {
    if (payload.length > MAX_PAYLOAD) throw new RangeError("payload is larger than it may be");
    if (this.#bytes(() => true) + payload.length > MAX_WAITING_BYTES) return false;
    const tail = this.#entries.at(-1);
    // Keys that were not sent yet join, while both are fresh: a command is as old as its first byte.
    const keys = act.type === "input" && tail?.act.type === "input" && prompt === null && tail.prompt === null;
    if (keys && tail.n === null && now - tail.at < JOINED_WITHIN) {
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
    this.#entries.push(entryOf({ n: null, act, payload: payload.slice(), at: now, prompt }));
    return true;
  }

  /** The channel is gone: whatever was sent may or may not have arrived. */
  detached(): void {
    this.#attached = false;
    for (const entry of this.#entries) entry.sent = false;
  }

  /** The keeper answered an attach and has settled everything up to `applied`. Gives out what is too old by now. */
  attached(applied: number, now: number, obstacle = AWAY): Answered {
    this.#attached = true;
    const taken = this.applied(applied);
    const failed = this.expire(now, obstacle);
    const first = this.#entries.find(({ n }) => n !== null)?.n ?? null;
    const forgotten = first === null ? applied < this.#last : first !== applied + 1;
    this.#last = Math.max(applied, this.#last);
    if (forgotten) {
      // The keeper has forgotten this stream, which takes it a day: nothing of then is under way any more.
      this.#last = applied;
      this.#settled = applied;
      this.#written = 0;
      for (const entry of this.#entries) {
        if (entry.n !== null) entry.n = this.#last += 1;
        if (entry.onDisk === "numbered") entry.onDisk = "unnumbered";
      }
    }
    if (this.#leavesOut) this.#leaveOut();
    return { failed, taken };
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
    this.#entries.push(entryOf({ n: null, act, payload: EMPTY, at: now, prompt: null }));
  }

  /**
   * What to send now, marked as sent. What is too old is expired before, see {@link expire}. Where nothing can be kept
   * on the disk, nothing waits for that.
   */
  poll(now: number, keeps = true): Outgoing {
    const commands: Numbered[] = [];
    let store = false;
    if (!this.#attached) return { commands, store };
    this.#advance(now);
    let unsettled = this.#bytes(({ sent }) => sent);
    let room = MAX_UNSETTLED - this.#entries.filter(({ sent }) => sent).length;
    for (const entry of this.#entries) {
      if (entry.sent) continue;
      if (room <= 0) break;
      room -= 1;
      if (unsettled > 0 && unsettled + entry.payload.length > MAX_UNSETTLED_BYTES) break;
      const kept = entry.onDisk !== "numbered" && (entry.prompt !== null || entry.onDisk === "unnumbered");
      // What lies there without a number would be sent a second time by the next page.
      if (!keeps && entry.onDisk === "unnumbered") break;
      store ||= keeps && kept;
      // A snapshot brings the next page up to here; without one, what is under way is waited for.
      const known = Math.max(this.#settled, this.#written);
      if (!store && (entry.n ?? this.#last + 1) > known + RESERVE) break;
      unsettled += entry.payload.length;
      entry.n ??= this.#last += 1;
      entry.sent = true;
      // From now on this one may be what is applied.
      if (isNothing(entry)) entry.was = null;
      commands.push({ n: entry.n, act: entry.act, payload: entry.payload });
    }
    return { commands, store };
  }

  /** These were to be sent, and were not: the disk did not take them. */
  held(commands: readonly Numbered[]): void {
    for (const entry of this.#entries) if (commands.some(({ n }) => n === entry.n)) entry.sent = false;
  }

  /** Applied, and so was every one before it. Gives out the prompts that this completes. */
  applied(n: number): Prompt[] {
    this.#settled = Math.max(this.#settled, n);
    const settled = (entry: Entry) => entry.n !== null && entry.n <= n;
    const done = this.#entries.filter(settled);
    this.#entries = this.#entries.filter((entry) => !settled(entry));
    const taken: Prompt[] = [];
    for (const { prompt: id, was } of done) {
      if (was !== null) taken.push(was);
      const prompt = id === null ? undefined : this.#prompts.get(id);
      if (id === null || prompt === undefined) continue;
      prompt.begun = true;
      if ([...this.#entries, ...this.#behind].some(({ prompt }) => prompt === id)) continue;
      this.#prompts.delete(id);
      taken.push(prompt);
    }
    return taken;
  }

  /** Not applied. What waits behind a piece of a longer input fails with it: a hole would change what it says. */
  refused(n: number, why: Failure): Failed[] {
    this.#settled = Math.max(this.#settled, n);
    // Of what does nothing nobody wants to know.
    const gone = this.#entries.filter((entry) => entry.n === n && !isNothing(entry));
    this.#entries = this.#entries.filter((entry) => entry.n !== n);
    if (gone.some(({ piece }) => piece)) {
      gone.push(...this.#entries.filter((entry) => entry.piece && entry.n === null), ...this.#dropBehind());
      this.#entries = this.#entries.filter((entry) => !gone.includes(entry));
    }
    return this.#failed(gone, why, "refused");
  }

  /**
   * Fails what is too old; `obstacle` says what it waited for. A number that was given out is not skipped: its command becomes empty input, because an
   * earlier copy may still arrive.
   */
  expire(now: number, obstacle = AWAY): Failed[] {
    const old = (entry: Entry) => !entry.sent && now - entry.at >= COMMAND_LIFETIME;
    return this.#void(old, tooOld(obstacle), "expired", now);
  }

  /** Fails all that waits: nobody is there who could take it. */
  abandon(why: Failure, now: number): Failed[] {
    this.#movedAt = -Infinity;
    // Nor is anybody there who could take one for another.
    this.#settled = this.#last;
    this.#leavesOut = false;
    return this.#void(() => true, why, "abandoned", now);
  }

  /** When the next command will be too old, Unix milliseconds; null where none waits. */
  get deadline(): number | null {
    const since = this.#entries.filter((entry) => !entry.sent && !isNothing(entry)).map(({ at }) => at);
    if (this.#behind.length > 0) since.push(this.#movedAt);
    return since.length === 0 ? null : Math.min(...since) + COMMAND_LIFETIME;
  }

  /** What is to lie on the disk, and what {@link stored} is told once it does. */
  snapshot(): Snapshot {
    // Pieces of what is too large to be kept are not, but their numbers are.
    const kept = this.#entries.filter((entry) => !(entry.piece && entry.n === null));
    const entries = kept.map(({ n, act, payload, at, prompt, piece }): StoredEntry => {
      return piece ? { ...nothing(n ?? 0), at } : { n, act, payload, at, prompt };
    });
    for (const entry of kept) if (entry.n === null) entry.onDisk = "unnumbered";
    const numbered = kept.filter(({ n }) => n !== null);
    if (entries.every(isNothing) && this.forgettable) {
      this.forgetting();
      return { stored: null, numbered };
    }
    this.#onDisk = true;
    const ids = new Set(entries.map(({ prompt }) => prompt));
    const prompts = [...this.#prompts.values()].filter(({ id }) => ids.has(id));
    return { stored: { last: this.#last, entries, prompts }, numbered };
  }

  /** That snapshot lies on the disk, and no earlier one any more. */
  stored({ stored, numbered }: Snapshot): void {
    this.#onDisk = stored !== null;
    this.#written = stored?.last ?? 0;
    for (const entry of numbered) entry.onDisk = stored === null ? "no" : "numbered";
  }

  /** The next page would leave out enough without it. */
  get forgettable(): boolean {
    return !this.#leavesOut && this.#last <= this.#settled + RESERVE;
  }

  /** What lies on the disk is being taken away. */
  forgetting(): void {
    this.#written = 0;
  }

  /** Nothing lies on the disk any more. */
  forgotten(): void {
    this.forgetting();
    this.#onDisk = false;
    for (const entry of this.#entries) entry.onDisk = "no";
  }

  /** Whether anything may lie on the disk. */
  get onDisk(): boolean {
    return this.#onDisk;
  }

  /** Behind what has a number: what another page may have sent as these is not to be taken for what is sent here. */
  #leaveOut(): void {
    this.#leavesOut = false;
    const unnumbered = this.#entries.filter(({ n }) => n === null);
    this.#entries = this.#entries.filter(({ n }) => n !== null);
    for (let i = 0; i < RESERVE; i++) this.#entries.push(nothing((this.#last += 1)));
    this.#entries.push(...unnumbered);
  }

  /** Fails these, and, where it is time, what waits behind. Those with a number stay, and do nothing. */
  #void(which: (entry: Entry) => boolean, why: Failure, end: "expired" | "abandoned", now: number): Failed[] {
    const old = this.#entries.filter((entry) => which(entry) && !isNothing(entry));
    const gone = old.map((entry) => ({ ...entry }));
    if (now - this.#movedAt >= COMMAND_LIFETIME) gone.push(...this.#dropBehind());
    this.#entries = this.#entries.filter((entry) => entry.n !== null || !old.includes(entry));
    for (const entry of old) Object.assign(entry, { act: INPUT, payload: EMPTY });
    return this.#failed(gone, why, end);
  }

  /** Each command with its reason, a prompt once. What waits of a prompt of which a piece failed waits no more. */
  #failed(gone: readonly Entry[], why: Failure, end: "expired" | "abandoned" | "refused"): Failed[] {
    const failed: Failed[] = [];
    for (const entry of gone) {
      const { prompt: id } = entry;
      const prompt = id === null ? null : this.#prompts.get(id);
      if (prompt === undefined) continue;
      const unsure = end !== "refused" && entry.n !== null;
      failed.push({ entry, prompt, why: unsure ? unconfirmed(why, end === "expired") : why, unsure });
      if (prompt === null) continue;
      this.#prompts.delete(prompt.id);
      this.#behind = this.#behind.filter((other) => other.prompt !== id);
      this.#behindBytes = this.#behind.reduce((sum, { bytes }) => sum + bytes.length, 0);
      const rest = this.#entries.filter((other) => other.prompt === id);
      this.#entries = this.#entries.filter((other) => other.n !== null || !rest.includes(other));
      const whole = rest.length === 1 && rest[0]?.n !== null;
      for (const other of rest) {
        other.prompt = null;
        other.was = whole ? prompt : null;
        if (!other.sent) Object.assign(other, { act: INPUT, payload: EMPTY });
      }
    }
    return failed;
  }

  /** Whether so many bytes can wait as commands. */
  #fits(bytes: number): boolean {
    const entries = Math.ceil(bytes / MAX_PAYLOAD);
    return this.#bytes(() => true) + bytes <= MAX_WAITING_BYTES && this.#entries.length + entries <= MAX_WAITING;
  }

  /** Takes input in behind the commands. */
  #queue(bytes: Uint8Array, now: number, prompt: string | null): boolean {
    if (bytes.length === 0) return true;
    const tail = this.#behind.at(-1);
    const joins = tail?.prompt === null && prompt === null && tail.bytes.length + bytes.length <= MAX_PAYLOAD;
    if (joins && now - tail.at < JOINED_WITHIN) tail.bytes = joined(tail.bytes, bytes);
    else if (this.#behind.length < MAX_WAITING) this.#behind.push({ bytes: bytes.slice(), at: now, prompt });
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
      const { prompt } = head;
      const entry = entryOf({ n: null, act: INPUT, payload: piece.slice(), at: now, prompt });
      this.#entries.push({ ...entry, piece: true });
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
    const gone = this.#behind.map(({ bytes, at, prompt }): Entry => {
      return { ...entryOf({ n: null, act: INPUT, payload: bytes, at, prompt }), piece: true };
    });
    this.#behind = [];
    this.#behindBytes = 0;
    return gone;
  }

  #bytes(which: (entry: Entry) => boolean): number {
    return this.#entries.reduce((sum, entry) => (which(entry) ? sum + entry.payload.length : sum), 0);
  }
}

function entryOf(entry: StoredEntry, onDisk: OnDisk = "no"): Entry {
  const { n, act, payload, at, prompt } = entry;
  return { n, act, payload, at, prompt, sent: false, piece: false, onDisk, was: null };
}

/** A command with this number that does nothing. */
function nothing(n: number): Entry {
  return entryOf({ n, act: INPUT, payload: EMPTY, at: 0, prompt: null });
}

function isNothing({ act, payload }: StoredEntry): boolean {
  return act.type === "input" && payload.length === 0;
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(head.length + tail.length);
  bytes.set(head);
  bytes.set(tail, head.length);
  return bytes;
}
