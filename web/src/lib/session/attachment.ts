/**
 * One session as this page follows it: its log, its unsent commands, and whose size it has. Between {@link HostLink},
 * which comes and goes, and a screen, which stays.
 */

import { Acker, Follow, type FollowOut, type ScreenOp } from "./follow";
import type { Act, Event, Failure, Size, ToClient, ToHost } from "./message";
import { Outbox, type Failed, type StoredEntry } from "./outbox";

/** Bytes that may be under way to this page. Two round trips of a good mobile network, and a flood still stops soon. */
export const WINDOW = 256 * 1024;

/** Draws. Operations are done in order; `done` is called for each when it has been drawn. */
export interface Screen {
  apply(op: ScreenOp, done: () => void): void;
  /** How many lines it has above what it shows at its end. */
  readonly above: number;
}

export interface AttachmentEvents {
  /** Anything that {@link Attachment.view} shows has changed. */
  changed(): void;
  event(event: Event, at: number): void;
  /** A command that will never be applied. */
  failed(failed: Failed): void;
  /** What waits has changed and is to be kept. */
  keep(waiting: readonly StoredEntry[]): void;
}

export interface AttachmentIo {
  send(header: ToHost, payload?: Uint8Array): boolean;
  now(): number;
  after(ms: number, then: () => void): () => void;
}

/** What a screen shows around the terminal. */
export interface AttachmentView {
  /** Events flow. */
  following: boolean;
  /** The screen has every line above it that there is. */
  whole: boolean;
  /** The terminal's size now. */
  size: Size | null;
  /** This page's own screen. */
  own: Size | null;
  /** This page took the size over. */
  taken: boolean;
  /** Commands on this device, not settled yet. */
  waiting: number;
  /** Their bytes. */
  waitingBytes: number;
  /** Why the host ended this attachment, if it did. */
  ended: Failure | null;
}

export class Attachment {
  readonly session: string;
  #io: AttachmentIo;
  #events: AttachmentEvents;
  #screen: Screen | null = null;
  readonly #follow = new Follow();
  #acker = new Acker();
  #outbox: Outbox;
  #cancelAck: (() => void) | null = null;
  #live = false;
  #following = false;
  #size: Size | null = null;
  #own: Size | null = null;
  /** What the last attach said of it. */
  #said: Size | null = null;
  #taken = false;
  #ended: Failure | null = null;

  constructor(session: string, io: AttachmentIo, events: AttachmentEvents, stored: readonly StoredEntry[]) {
    this.session = session;
    this.#io = io;
    this.#events = events;
    this.#outbox = new Outbox(stored);
  }

  get view(): AttachmentView {
    return {
      following: this.#following,
      whole: this.#follow.whole,
      size: this.#size,
      own: this.#own,
      taken: this.#taken,
      waiting: this.#outbox.count,
      waitingBytes: this.#outbox.bytes,
      ended: this.#ended,
    };
  }

  /** Whether commands still wait. */
  get busy(): boolean {
    return this.#outbox.count > 0;
  }

  /** A fresh screen looks on; what it shows begins with a snapshot. */
  show(screen: Screen, own: Size): void {
    this.#screen = screen;
    this.#own = own;
    this.#follow.restart();
    this.#acker = new Acker();
    this.#ended = null;
    if (this.#live) this.#attach();
  }

  /** Brings what is above the screen, all of it: now, or as soon as that can be asked for. */
  complete(): void {
    this.#follow.want();
    this.#complete();
  }

  /** Nobody looks on any more. Commands that wait are still delivered. */
  hide(): void {
    this.#screen = null;
    this.#cancelAck?.();
    this.#cancelAck = null;
    this.#own = null;
    this.#taken = false;
    if (this.#live && !this.busy) this.#detach();
  }

  /** The channel stands. */
  online(): void {
    this.#live = true;
    this.#ended = null;
    this.#follow.cut();
    if (this.#screen !== null || this.busy) this.#attach();
  }

  /** The channel is gone. */
  offline(): void {
    this.#live = false;
    this.#following = false;
    this.#follow.cut();
    this.#outbox.detached();
    this.#events.changed();
  }

  /** One of this session's messages. */
  message(header: ToClient, payload: Uint8Array): void {
    switch (header.t) {
      case "attached": {
        const wish = this.#follow.answered();
        const goesOn = this.#following && wish?.redraw === true;
        this.#following = true;
        this.#size = header.size;
        this.#fail(this.#outbox.attached(header.applied, this.#io.now()));
        this.#outbox.screen(this.#own, this.#io.now());
        const own = this.#own;
        if (own !== null && !same(own, this.#said)) this.#command({ type: "resize", cols: own.cols, rows: own.rows });
        if (this.#taken && !goesOn) this.#command({ type: "take_size" });
        this.#flush();
        this.#kept();
        this.#complete();
        break;
      }
      case "detached":
        this.#following = false;
        this.#outbox.detached();
        this.#ended = header.why ?? null;
        if (this.#ended !== null) this.#follow.cut();
        this.#events.changed();
        break;
      case "event":
        this.#out(this.#follow.event(header.epoch, header.seq, header, payload), header.at);
        break;
      case "snapshot": {
        const { epoch, seq, cols, rows, part, last } = header;
        this.#out(this.#follow.snapshot({ epoch, seq }, { cols, rows }, part, last, payload), 0);
        break;
      }
      case "applied":
        this.#outbox.applied(header.n);
        this.#flush();
        this.#kept();
        break;
      case "refused":
        this.#fail(this.#outbox.refused(header.n, header.why));
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

  interrupt(): void {
    this.#command({ type: "interrupt" });
  }

  stop(): void {
    this.#command({ type: "stop" });
  }

  /** This page's screen has a new size. */
  resize(own: Size): void {
    if (same(own, this.#own)) return;
    this.#own = own;
    if (this.#following) this.#command({ type: "resize", cols: own.cols, rows: own.rows });
    this.#events.changed();
  }

  takeSize(): void {
    this.#taken = true;
    if (this.#following) this.#command({ type: "take_size" });
    this.#events.changed();
  }

  giveSize(): void {
    this.#taken = false;
    if (this.#following) this.#command({ type: "give_size" });
    this.#events.changed();
  }

  #command(act: Act): void {
    if (!this.#outbox.push(act, new Uint8Array(0), this.#io.now())) return;
    this.#flush();
    this.#kept();
  }

  #attach(): void {
    const { after, scrollback, redraw } = this.#follow.attach();
    // What the screen shows goes on meanwhile.
    if (!redraw) this.#following = false;
    this.#acker = new Acker();
    this.#said = this.#own;
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
    this.#outbox.detached();
    this.#io.send({ t: "detach", session: this.session });
  }

  #flush(): void {
    if (!this.#live) return;
    for (const { n, act, payload } of this.#outbox.poll(this.#io.now())) {
      this.#io.send({ t: "command", session: this.session, n, do: act }, payload);
    }
  }

  #kept(): void {
    this.#events.keep(this.#outbox.waiting);
    this.#events.changed();
    if (!this.busy && this.#screen === null && this.#following) this.#detach();
  }

  #fail(failed: readonly Failed[]): void {
    for (const one of failed) this.#events.failed(one);
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
    if (this.#taken && this.#following && (size.cols !== this.#own?.cols || size.rows !== this.#own.rows)) {
      this.#taken = this.#outbox.waiting.some(({ act }) => act.type === "take_size" || act.type === "resize");
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
