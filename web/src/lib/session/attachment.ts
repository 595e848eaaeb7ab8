/**
 * One session as this page follows it: its log, its unsent commands, and whose size it has. Between {@link HostLink},
 * which comes and goes, and a screen, which stays.
 */

import { Acker, Follow, type FollowOut } from "./follow";
import type { Act, ErrorKind, Failure, Size, ToClient } from "./message";
import { Pace } from "./pace";
import { Outbox, type Numbered } from "./outbox";
import type { Failed, Prompt, Stored, StoredEntry } from "./stored";
import type { AttachmentEvents, AttachmentIo, AttachmentView, Carrier, PromptView, Screen, Tap } from "./view";

/** Bytes that may be under way to this page. Two round trips of a good mobile network, and a flood still stops soon. */
export const WINDOW = 256 * 1024;

/**
 * Keys that are not settled within this are written down. Most are settled within a round trip, and what somebody types
 * into a password's prompt is then never on the disk. Milliseconds.
 */
export const KEPT_AFTER = 1_000;
/** A disk that failed is tried again after this. Milliseconds. */
export const DISK_AGAIN = 20_000;
/** A session that could not be attached to is tried again after this, then after twice as long, and so on. Milliseconds. */
const AGAIN_FIRST = 1_000;
const AGAIN_LAST = 30_000;
/** What of the host's reasons passes. */
const PASSING: readonly ErrorKind[] = ["limited", "environment", "internal"];
/** A prompt that was taken is shown for so long. Milliseconds. */
export const TAKEN_SHOWN = 4_000;
const NOTHING = new Uint8Array(0);

export class Attachment {
  readonly session: string;
  /** Hears the session's messages as well. */
  tap: Tap | null = null;
  carrier: Carrier | null = null;
  #io: AttachmentIo;
  #events: AttachmentEvents;
  #screen: Screen | null = null;
  readonly #follow = new Follow();
  #acker = new Acker();
  readonly #pace = new Pace();
  #outbox: Outbox;
  #cancelAck: (() => void) | null = null;
  #live = false;
  #following = false;
  #size: Size | null = null;
  #own: Size | null = null;
  /** What the last attach said of it. */
  #said: Size | null = null;
  /** This page took the size over. */
  #sizeTaken = false;
  #ended: AttachmentView["ended"] = null;
  /** What keeps commands from their keeper, or did last. */
  #obstacle: string | undefined;
  #again = AGAIN_FIRST;
  #cancelAgain: (() => void) | null = null;
  /** Prompts as of which count of what was sent they were on their way. */
  #sentAs = new Map<string, number>();
  /** Prompts that were taken a moment ago. */
  #taken: Prompt[] = [];
  /** Counts channels: what was to go out on an earlier one is not sent. */
  #channel = 0;
  /** What is to be sent waits for the disk. */
  #storing = false;
  #writing: Promise<void> = Promise.resolve();
  /** Nothing can be written down, and when that is tried again. */
  #unkept: { until: number } | null = null;
  #cancelKeep: (() => void) | null = null;
  #cancelExpiry: (() => void) | null = null;

  /** With what an earlier page has left; {@link begin} tells what of it is too old. */
  constructor(session: string, io: AttachmentIo, events: AttachmentEvents, left: Stored | null = null) {
    this.session = session;
    this.#io = io;
    this.#events = events;
    this.#outbox = new Outbox(left);
  }

  /** From here on events are told. */
  begin(): void {
    if (this.busy) this.#expire();
  }

  get view(): AttachmentView {
    return {
      following: this.#following,
      older: this.#follow.older,
      size: this.#size,
      own: this.#own,
      taken: this.#sizeTaken,
      prompts: this.#prompts,
      waiting: this.#outbox.count - this.#outbox.prompts.length,
      waitingBytes: this.#outbox.bytes,
      kept: this.#unkept === null,
      ended: this.#ended,
    };
  }

  /** Whether commands still wait, or what they have left on the disk. */
  get busy(): boolean {
    return this.#outbox.count > 0 || this.#outbox.onDisk;
  }

  /** Commands that are not settled. */
  get waiting(): readonly StoredEntry[] {
    return this.#outbox.waiting;
  }

  /** A fresh screen looks on; what it shows begins with a snapshot. One without a size leaves the terminal's as it is. */
  show(screen: Screen, own: Size | null): void {
    this.#screen = screen;
    this.#own = own;
    this.#follow.restart();
    this.#acker = new Acker();
    this.#again = AGAIN_FIRST;
    if (this.#live) this.#attach();
  }

  /** As {@link complete}, unless the link is so slow that this is better left until somebody wants it. */
  completeIfQuick(): void {
    if (!this.#pace.slow) this.complete();
  }

  /** Brings what is above the screen, all of it: now, or as soon as that can be asked for. */
  complete(): void {
    this.#follow.want();
    this.#complete();
    this.#events.changed();
  }

  /** Nobody looks on any more. Commands that wait are still delivered. */
  hide(): void {
    this.#screen = null;
    this.#cancelAck?.();
    this.#cancelAck = null;
    this.#own = null;
    this.#sizeTaken = false;
    if (this.#live && !this.busy) this.#detach();
  }

  /** The channel stands. */
  online(): void {
    this.#live = true;
    this.#again = AGAIN_FIRST;
    this.#follow.cut();
    if (this.#screen !== null || this.busy) this.#attach();
  }

  /** The channel is gone. */
  offline(): void {
    this.#live = false;
    this.#following = false;
    this.#ended = null;
    this.#obstacle = undefined;
    this.#cancelAgain?.();
    this.#follow.cut();
    this.#pace.cut(this.#io.now());
    // What was being fetched would begin anew with every channel, and hold up what the program prints.
    if (this.#pace.slow) this.#follow.leave();
    this.#detached();
    this.tap?.cut();
    this.#events.changed();
  }

  /** One of this session's messages. */
  message(header: ToClient, payload: Uint8Array): void {
    this.#message(header, payload);
    this.tap?.message(header, payload);
  }

  #message(header: ToClient, payload: Uint8Array): void {
    switch (header.t) {
      case "attached": {
        const wish = this.#follow.answered();
        const goesOn = this.#following && wish?.redraw === true;
        this.#following = true;
        this.#size = header.size;
        this.#ended = null;
        this.#again = AGAIN_FIRST;
        const { failed, taken } = this.#outbox.attached(header.applied, this.#io.now(), this.#obstacle);
        this.#obstacle = undefined;
        this.#tell(failed, taken);
        this.#outbox.screen(this.#own, this.#io.now());
        const own = this.#own;
        if (own !== null && !same(own, this.#said)) this.command({ type: "resize", cols: own.cols, rows: own.rows });
        if (this.#sizeTaken && !goesOn) this.command({ type: "take_size" });
        this.#flush();
        this.#kept();
        this.#complete();
        break;
      }
      case "detached":
        this.#following = false;
        this.#detached();
        if (header.why) this.#refused(header.why);
        this.#events.changed();
        break;
      case "event":
        this.#out(this.#follow.event(header.epoch, header.seq, header, payload), header.at);
        break;
      case "snapshot": {
        const { epoch, seq, cols, rows, part, last } = header;
        this.#pace.piece(payload.length, last, this.#io.now(), this.#io.roundTrip);
        this.#out(this.#follow.snapshot({ epoch, seq }, { cols, rows }, part, last, payload), 0);
        break;
      }
      case "applied":
        this.#tell([], this.#outbox.applied(header.n));
        this.#flush();
        this.#kept();
        break;
      case "refused":
        this.#tell(this.#outbox.refused(header.n, header.why));
        this.#flush();
        this.#kept();
        break;
      default:
        break;
    }
  }

  /** What the person typed or pasted: all of it, or, where too much waits already, nothing and false. */
  input(bytes: Uint8Array): boolean {
    if (!this.#outbox.input(bytes, this.#io.now())) return false;
    this.#flush();
    this.#kept();
    return true;
  }

  /** What the composer gives, and the bytes that it is to the program, or, with an act, its agent. As {@link input}. */
  prompt(bytes: Uint8Array, prompt: Prompt, act: Act | null = null): boolean {
    if (!this.#outbox.prompt(bytes, prompt, act)) return false;
    this.#flush();
    // On the disk before anything else can happen to this page; where it was just sent it is there already.
    if (!this.#storing) this.#storeNow();
    this.#kept();
    return true;
  }

  /** The host was heard: a prompt may have come further than was known. */
  heard(): void {
    if (this.#sentAs.size > 0) this.#events.changed();
  }

  /** The page may end at any moment: what waits is written down now. Gives whether nothing of it can be lost. */
  async leave(): Promise<boolean> {
    if (this.#cancelKeep !== null) this.#storeNow();
    await this.#writing;
    return this.#unkept === null || this.#outbox.count === 0;
  }

  interrupt(): void {
    this.command({ type: "interrupt" });
  }

  stop(): void {
    this.command({ type: "stop" });
  }

  /** What was allowed until the session ends is so no longer, whether or not anybody looks on here. */
  revoke(grant: string): void {
    const idle = this.#screen === null && !this.busy;
    this.command({ type: "revoke", grant });
    if (idle && this.#live && !this.#following) this.#attach();
  }

  /** This page's screen has a new size. */
  resize(own: Size): void {
    if (same(own, this.#own)) return;
    this.#own = own;
    if (this.#following) this.command({ type: "resize", cols: own.cols, rows: own.rows });
    this.#events.changed();
  }

  takeSize(): void {
    this.#sizeTaken = true;
    if (this.#following) this.command({ type: "take_size" });
    this.#events.changed();
  }

  giveSize(): void {
    this.#sizeTaken = false;
    if (this.#following) this.command({ type: "give_size" });
    this.#events.changed();
  }

  /** Something else to be done. As {@link input}. */
  command(act: Act, payload: Uint8Array = NOTHING): boolean {
    if (!this.#outbox.push(act, payload, this.#io.now())) return false;
    this.#flush();
    this.#kept();
    return true;
  }

  /** The host does not attach this one: it is asked again, or nobody is there who could take what waits. */
  #refused(why: Failure): void {
    const again = PASSING.includes(why.kind);
    this.#ended = { ...why, again };
    this.#obstacle = why.message;
    this.#follow.cut();
    this.#cancelAgain?.();
    if (again) {
      this.#cancelAgain = this.#io.after(this.#again, () => {
        if (this.#live && !this.#following && (this.#screen !== null || this.busy)) this.#attach();
      });
      this.#again = Math.min(AGAIN_LAST, this.#again * 2);
    } else {
      this.#flush();
      this.#kept();
    }
  }

  #attach(): void {
    this.#cancelAgain?.();
    const { after, scrollback, redraw } = this.#follow.attach();
    // What the screen shows goes on meanwhile.
    if (!redraw) this.#following = false;
    this.#acker = new Acker();
    this.#said = this.#own;
    this.#pace.asked(this.#io.now());
    this.#io.send({
      t: "attach",
      session: this.session,
      ...(after === null ? {} : { after }),
      ...(this.#own === null ? {} : { size: this.#own }),
      window: this.#screen === null ? 1 : WINDOW,
      ...(scrollback === null ? {} : { scrollback }),
      ...(redraw ? { redraw } : {}),
    });
    this.#events.changed();
  }

  #complete(): void {
    if (this.#live && this.#screen !== null && this.#follow.due) this.#attach();
  }

  #detach(): void {
    this.#following = false;
    this.#detached();
    this.#io.send({ t: "detach", session: this.session });
  }

  #flush(): void {
    if (this.#ended?.again === false) this.#tell(this.#outbox.abandon(this.#ended, this.#io.now()));
    if (!this.#live || this.#storing) return;
    // Nothing fires late, however long this page was asleep.
    this.#tell(this.#outbox.expire(this.#io.now(), this.#obstacle));
    const { commands, store } = this.#outbox.poll(this.#io.now(), !this.#resigned);
    if (!store) {
      this.#sendAll(commands);
      return;
    }
    const channel = this.#channel;
    this.#storing = true;
    this.#storeNow();
    void this.#writing.then(() => {
      this.#storing = false;
      // Where it is not written down, less may go out, and the rest of it when that is settled.
      if (this.#unkept !== null) this.#outbox.held(commands);
      else if (channel === this.#channel) this.#sendAll(commands);
      this.#flush();
      this.#kept();
    });
  }

  #sendAll(commands: readonly Numbered[]): void {
    for (const { n, act, payload } of commands) {
      this.#io.send({ t: "command", session: this.session, n, do: act }, payload);
    }
    let asked = false;
    for (const { prompt, sent } of this.#outbox.prompts) {
      if (!sent || this.#storing || this.#sentAs.has(prompt.id)) continue;
      this.#sentAs.set(prompt.id, this.#io.sent);
      asked = true;
    }
    if (asked) this.#io.ask();
  }

  #detached(): void {
    this.#channel += 1;
    this.#sentAs.clear();
    this.#outbox.detached();
    this.#patience();
  }

  /** What waits has changed. */
  #kept(): void {
    this.#keepSoon();
    this.#patience();
    this.carrier?.changed();
    this.#events.changed();
    if (!this.busy && this.#screen === null && this.#following) this.#detach();
  }

  /** What waits is told to have failed as soon as it is too old. */
  #patience(): void {
    this.#cancelExpiry?.();
    const { deadline } = this.#outbox;
    const left = Math.max(0, (deadline ?? 0) - this.#io.now());
    this.#cancelExpiry = deadline === null ? null : this.#io.after(left, () => this.#expire());
  }

  #expire(): void {
    this.#tell(this.#outbox.expire(this.#io.now(), this.#obstacle));
    this.#kept();
  }

  #keepSoon(): void {
    if (!this.busy) return;
    const wait = Math.max(KEPT_AFTER, (this.#unkept?.until ?? 0) - this.#io.now());
    this.#cancelKeep ??= this.#io.after(wait, () => this.#storeNow());
  }

  /** The disk has just failed: that it does again is not waited for. */
  get #resigned(): boolean {
    return this.#unkept !== null && this.#io.now() < this.#unkept.until;
  }

  /** Writes down what waits, behind what is being written. At most one waits behind another, and the newest counts. */
  #storeNow(): void {
    this.#cancelKeep?.();
    this.#cancelKeep = null;
    this.#writing = this.#writing.then(async () => {
      if (this.#resigned) this.#keepSoon();
      if (this.#resigned || !this.busy) return;
      const snapshot = this.#outbox.snapshot();
      const kept = await this.#events.keep(snapshot.stored);
      const was = this.#unkept;
      if (kept === "kept") {
        this.#outbox.stored(snapshot);
        this.#unkept = null;
      } else {
        // What lies there is old, and holds up what is new.
        if (kept === "never") this.#outbox.forgotten();
        else if (this.#outbox.forgettable) {
          this.#outbox.forgetting();
          if ((await this.#events.keep(null)) === "kept") this.#outbox.forgotten();
        }
        this.#unkept = { until: this.#io.now() + DISK_AGAIN };
      }
      if (was === null && this.#unkept === null && this.busy) return;
      this.#flush();
      this.#kept();
    });
  }

  #tell(failed: readonly Failed[], taken: readonly Prompt[] = []): void {
    for (const one of failed) if (!this.carrier?.failed(one)) this.#events.failed(one);
    for (const { id } of taken) this.#sentAs.delete(id);
    for (const { prompt } of failed) if (prompt !== null) this.#sentAs.delete(prompt.id);
    if (taken.length === 0) return;
    this.#events.taken(taken);
    this.#taken.push(...taken);
    this.#io.after(TAKEN_SHOWN, () => {
      this.#taken = this.#taken.filter((prompt) => !taken.includes(prompt));
      this.#events.changed();
    });
  }

  get #prompts(): PromptView[] {
    const taken = this.#taken.map((prompt): PromptView => ({ prompt, at: "taken" }));
    const waiting = this.#outbox.prompts.map(({ prompt }): PromptView => {
      const as = this.#sentAs.get(prompt.id);
      return { prompt, at: as !== undefined && as <= this.#io.heard ? "at_host" : "waiting" };
    });
    return [...taken, ...waiting];
  }

  #out(out: FollowOut, at: number): void {
    const screen = this.#screen;
    if (screen === null) return;
    for (const op of out.ops) {
      if (op.op === "reset" || op.op === "resize") this.#resized(op.size);
      const bytes = op.op === "write" ? op.bytes.length : op.op === "skip" ? op.bytes : 0;
      const snapshot = op === out.ops.at(-1) ? out.snapshot : undefined;
      const acker = this.#acker;
      screen.apply(op, () => {
        if (snapshot !== undefined && this.#screen === screen) {
          this.#follow.drawn(snapshot, screen.above);
          this.#complete();
          this.#events.changed();
        }
        // What an earlier channel or an earlier screen was given is not this one's to ack.
        if (op.op === "reset" || this.#screen !== screen || this.#acker !== acker) return;
        acker.applied(op.place, bytes, this.#io.now());
        this.#ack();
      });
    }
    if (out.event !== undefined) this.#events.event(out.event, at);
    if (out.reattach !== undefined && this.#live) this.#attach();
  }

  #resized(size: Size): void {
    this.#size = size;
    // Somebody else set another size: what was taken is gone.
    if (this.#sizeTaken && this.#following && (size.cols !== this.#own?.cols || size.rows !== this.#own.rows)) {
      this.#sizeTaken = this.#outbox.waiting.some(({ act }) => act.type === "take_size" || act.type === "resize");
    }
    this.#events.changed();
  }

  #ack(): void {
    const place = this.#acker.poll(this.#io.now());
    if (place !== null) this.#io.send({ t: "ack", session: this.session, ...place });
    const deadline = this.#acker.deadline();
    if (deadline === null || this.#cancelAck !== null) return;
    this.#cancelAck = this.#io.after(Math.max(0, deadline - this.#io.now()), () => {
      this.#cancelAck = null;
      this.#ack();
    });
  }
}

function same(a: Size, b: Size | null): boolean {
  return a.cols === b?.cols && a.rows === b.rows;
}
