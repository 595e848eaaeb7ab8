/**
 * The connection to one host, kept for as long as it is wanted: ticket, socket, handshake, hello, heartbeat, and again
 * after whatever breaks it. What goes over it is the business of {@link Listener}.
 */

import { Backoff } from "./backoff";
import { decode, DecodeError, encode } from "./codec";
import { CallError, VERSION, type Calls, type MethodName, type Role, type ToClient, type ToHost } from "./message";
import { RoundTrip } from "./truth";

/** How a host refused a handshake. */
export type Refusal = "refused" | "busy";

/** Closed or broken, in words for a person; `final` where trying again cannot help. */
export class PathError extends Error {
  override readonly name = "PathError";
  readonly final: boolean;

  constructor(message: string, final = false) {
    super(message);
    this.final = final;
  }
}

/** One connection to a relay, at the level of frames. */
export interface Path {
  /** Sends one opaque body. */
  send(body: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

export interface PathEvents {
  data(body: Uint8Array<ArrayBuffer>): void;
  presence(online: boolean, lastSeen: number): void;
  /** Over, and not reported again. */
  closed(error: PathError): void;
}

/** The two directions of a sealed channel, after the handshake. */
export interface SealedChannel {
  /** Calls may overlap; records come out in the order of the calls. */
  seal(plain: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
  /** Calls may overlap; plaintexts come out in the order of the calls. */
  open(body: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}

/** One handshake under way. */
export interface Opening {
  readonly first: Uint8Array<ArrayBuffer>;
  /** Reads the host's answer. */
  finish(
    body: Uint8Array<ArrayBuffer>,
  ): Promise<{ channel: SealedChannel; words: readonly string[]; confirm: boolean } | { refused: Refusal }>;
}

/** What a link needs from outside. */
export interface LinkIo {
  /** Takes a ticket and opens a socket with it. Rejects with {@link PathError}. */
  dial(events: PathEvents, signal: AbortSignal): Promise<Path>;
  /** Begins a handshake. */
  handshake(): Promise<Opening>;
  /** Unix milliseconds. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** Calls back once; returns what cancels it. */
  after(ms: number, then: () => void): () => void;
  /** Whether a person looks at this page. */
  visible(): boolean;
  readonly client: string;
  readonly stream: string;
}

/** Where a link stands. */
export type Phase =
  | { at: "off" }
  | { at: "connecting" }
  /** The relay answers; the host is not there. */
  | { at: "away"; lastSeen: number }
  | { at: "handshaking" }
  /** Somebody at the host must confirm; the words are to be compared. */
  | { at: "confirming"; words: readonly string[] }
  | { at: "live"; role: Role; host: string; device: string | null }
  /** Broken; again at `until`, Unix milliseconds. */
  | { at: "waiting"; until: number; why: string }
  /** The host does not know this device, or not any more. */
  | { at: "refused" };

export interface Listener {
  phase(phase: Phase): void;
  /** Anything but what the link keeps for itself. In order. */
  message(header: ToClient, payload: Uint8Array): void;
}

/** A ping goes out this often while somebody looks. Milliseconds. */
export const PING_VISIBLE = 5_000;
/** And while nobody does. */
export const PING_HIDDEN = 15_000;
/** So many pings in a row without a word from the host: the path is dead. */
export const PINGS_MISSED = 3;
/** After waking up, the path has this long to show that it lives. */
export const PROBE = 2_500;
/** Ticket, socket and handshake, each. */
export const STEP_TIMEOUT = 10_000;
/** A person at the host has this long to confirm. */
export const CONFIRM_TIMEOUT = 120_000;
/** A channel lives an hour; a fresh one is made a little earlier. */
export const CHANNEL_LIFETIME = 55 * 60_000;
/** An unanswered call fails. */
export const CALL_TIMEOUT = 20_000;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  cancel(): void;
}

/** One attempt, from dialling to whatever ends it. Late callbacks of an old one are ignored. */
interface Attempt {
  abort: AbortController;
  path: Path | null;
  opening: Opening | null;
  channel: SealedChannel | null;
  timers: Map<string, () => void>;
  /** Pings sent since the host was last heard. */
  unanswered: number;
  /** What arrived is handled strictly in order. */
  inbound: Promise<void>;
}

export class HostLink {
  #io: LinkIo;
  #listener: Listener;
  #backoff = new Backoff();
  #phase: Phase = { at: "off" };
  #attempt: Attempt | null = null;
  #cancelRetry: (() => void) | null = null;
  #calls = new Map<number, Waiting>();
  #callId = 0;
  #trip = new RoundTrip();
  #lastHeard: number | null = null;

  constructor(io: LinkIo, listener: Listener) {
    this.#io = io;
    this.#listener = listener;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** When the host itself was last heard, Unix milliseconds. */
  get lastHeard(): number | null {
    return this.#lastHeard;
  }

  /** Smoothed round trip to the host, milliseconds. */
  get roundTrip(): number | null {
    return this.#trip.ms;
  }

  /** Connects, now, and keeps the connection. */
  start(): void {
    if (this.#attempt !== null) return;
    this.#dial();
  }

  stop(): void {
    this.#drop();
    this.#setPhase({ at: "off" });
    this.#failCalls("The connection was closed.");
  }

  /** Somebody pressed "Reconnect", the network changed, or the page woke up. */
  wake(): void {
    switch (this.#phase.at) {
      case "waiting":
        this.#backoff.reset();
        this.#dial();
        break;
      case "live":
        this.#probe();
        break;
      case "away":
        this.#dial();
        break;
      case "connecting":
      case "handshaking":
      case "confirming":
      case "off":
      case "refused":
        break;
    }
  }

  /** Sends where the channel stands; false where it does not. */
  send(header: ToHost, payload?: Uint8Array): boolean {
    const attempt = this.#attempt;
    if (attempt === null || attempt.channel === null || this.#phase.at !== "live") return false;
    this.#seal(attempt, header, payload);
    return true;
  }

  /** Asks the host. Fails with {@link CallError} where the host refuses, and with an `Error` where it is not there. */
  call<M extends MethodName>(method: M, params: Calls[M][0]): Promise<Calls[M][1]> {
    const id = (this.#callId += 1);
    return new Promise((resolve, reject) => {
      const sent = this.send({ t: "call", id, method, params } as ToHost);
      if (!sent) {
        reject(new Error("The host is not connected."));
        return;
      }
      const cancel = this.#io.after(CALL_TIMEOUT, () => {
        this.#calls.delete(id);
        reject(new Error("The host did not answer in time."));
      });
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject, cancel });
    });
  }

  #setPhase(phase: Phase): void {
    this.#phase = phase;
    this.#listener.phase(phase);
  }

  #dial(): void {
    this.#drop();
    const attempt: Attempt = {
      abort: new AbortController(),
      path: null,
      opening: null,
      channel: null,
      timers: new Map(),
      unanswered: 0,
      inbound: Promise.resolve(),
    };
    this.#attempt = attempt;
    this.#setPhase({ at: "connecting" });
    this.#deadline(attempt, "step", STEP_TIMEOUT, "The relay did not answer in time.");
    const current = () => this.#attempt === attempt;
    this.#io
      .dial(
        {
          data: (body) => {
            if (current()) this.#received(attempt, body);
          },
          presence: (online, lastSeen) => {
            if (current()) this.#presence(attempt, online, lastSeen);
          },
          closed: (error) => {
            if (current()) this.#failed(error);
          },
        },
        attempt.abort.signal,
      )
      .then((path) => {
        if (!current()) {
          path.close();
          return;
        }
        attempt.path = path;
        // The relay says first whether the host is there; until then the deadline of the step holds.
      })
      .catch((error: unknown) => {
        if (current()) this.#failed(asPathError(error));
      });
  }

  #presence(attempt: Attempt, online: boolean, lastSeen: number): void {
    if (!online) {
      attempt.opening = null;
      attempt.channel = null;
      this.#cancel(attempt, "step");
      this.#cancel(attempt, "ping");
      this.#setPhase({ at: "away", lastSeen });
      this.#failCalls("The host went away.");
      return;
    }
    if (attempt.channel !== null || attempt.opening !== null) return;
    this.#handshake(attempt);
  }

  #handshake(attempt: Attempt): void {
    this.#setPhase({ at: "handshaking" });
    this.#deadline(attempt, "step", STEP_TIMEOUT, "The host did not answer in time.");
    this.#io
      .handshake()
      .then((opening) => {
        if (this.#attempt !== attempt || attempt.path === null) return;
        attempt.opening = opening;
        attempt.path.send(opening.first);
      })
      .catch((error: unknown) => {
        if (this.#attempt === attempt) this.#failed(asPathError(error));
      });
  }

  #received(attempt: Attempt, body: Uint8Array<ArrayBuffer>): void {
    const opened = attempt.channel?.open(body);
    opened?.catch(() => undefined);
    attempt.inbound = attempt.inbound
      .then(async () => {
        if (this.#attempt !== attempt) return;
        if (opened === undefined) {
          await this.#answered(attempt, body);
          return;
        }
        const plain = await opened;
        if (this.#attempt === attempt) this.#message(attempt, plain);
      })
      .catch((error: unknown) => {
        if (this.#attempt === attempt) this.#failed(asPathError(error));
      });
  }

  async #answered(attempt: Attempt, body: Uint8Array<ArrayBuffer>): Promise<void> {
    const opening = attempt.opening;
    if (opening === null) throw new PathError("The host spoke before it was asked.");
    const answer = await opening.finish(body);
    if (this.#attempt !== attempt || attempt.opening !== opening) return;
    if ("refused" in answer) {
      if (answer.refused === "busy") throw new PathError("The host is busy.");
      this.#drop();
      this.#failCalls("The host refused this device.");
      this.#setPhase({ at: "refused" });
      return;
    }
    attempt.opening = null;
    attempt.channel = answer.channel;
    this.#lastHeard = this.#io.now();
    if (answer.confirm) {
      this.#setPhase({ at: "confirming", words: answer.words });
      this.#deadline(attempt, "step", CONFIRM_TIMEOUT, "Nobody confirmed at the host in time.");
    }
    const { client, stream } = this.#io;
    this.#seal(attempt, { t: "hello", client, version: VERSION, features: [], stream });
  }

  #message(attempt: Attempt, plain: Uint8Array): void {
    this.#lastHeard = this.#io.now();
    attempt.unanswered = 0;
    this.#cancel(attempt, "probe");
    const message = decode(plain);
    if (message === null) return;
    const { header, payload } = message;
    switch (header.t) {
      case "welcome":
        this.#backoff.reset();
        this.#trip.reset();
        this.#cancel(attempt, "step");
        this.#setPhase({ at: "live", role: header.role, host: header.host, device: header.device ?? null });
        this.#ping(attempt);
        this.#timer(attempt, "renew", CHANNEL_LIFETIME, () => this.#dial());
        break;
      case "ping":
        this.#seal(attempt, { t: "pong", sent: header.sent });
        return;
      case "pong":
        this.#trip.sample(this.#io.now() - header.sent);
        break;
      case "reply": {
        const waiting = this.#calls.get(header.id);
        this.#calls.delete(header.id);
        waiting?.cancel();
        if (header.error) waiting?.reject(new CallError(header.error));
        else waiting?.resolve(header.ok);
        return;
      }
      default:
        break;
    }
    this.#listener.message(header, payload);
  }

  #seal(attempt: Attempt, header: ToHost, payload?: Uint8Array): void {
    const { channel, path } = attempt;
    if (channel === null || path === null) return;
    channel
      .seal(encode(header, payload))
      .then((body) => {
        if (this.#attempt === attempt && attempt.channel === channel) path.send(body);
      })
      .catch((error: unknown) => {
        if (this.#attempt === attempt) this.#failed(asPathError(error));
      });
  }

  #ping(attempt: Attempt): void {
    if (attempt.unanswered >= PINGS_MISSED) {
      this.#failed(new PathError("The host was not heard any more."));
      return;
    }
    attempt.unanswered += 1;
    this.#seal(attempt, { t: "ping", sent: this.#io.now() });
    const every = this.#io.visible() ? PING_VISIBLE : PING_HIDDEN;
    this.#timer(attempt, "ping", every * (0.9 + this.#io.random() / 5), () => this.#ping(attempt));
  }

  #probe(): void {
    const attempt = this.#attempt;
    if (attempt === null || attempt.timers.has("probe")) return;
    this.#deadline(attempt, "probe", PROBE, "The host was not heard any more.");
    attempt.unanswered = 0;
    this.#ping(attempt);
  }

  #failed(error: PathError): void {
    this.#drop();
    this.#failCalls(error.message);
    if (error.final) {
      this.#setPhase({ at: "refused" });
      return;
    }
    const wait = this.#backoff.next(this.#io.random());
    this.#cancelRetry = this.#io.after(wait, () => this.#dial());
    this.#setPhase({ at: "waiting", until: this.#io.now() + wait, why: error.message });
  }

  /** Ends the attempt that stands, without a word to the listener. */
  #drop(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    const attempt = this.#attempt;
    if (attempt === null) return;
    this.#attempt = null;
    for (const cancel of attempt.timers.values()) cancel();
    attempt.abort.abort();
    attempt.path?.close();
  }

  #failCalls(why: string): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const waiting of calls) {
      waiting.cancel();
      waiting.reject(new Error(why));
    }
  }

  #deadline(attempt: Attempt, name: string, ms: number, why: string): void {
    this.#timer(attempt, name, ms, () => this.#failed(new PathError(why)));
  }

  #timer(attempt: Attempt, name: string, ms: number, then: () => void): void {
    this.#cancel(attempt, name);
    attempt.timers.set(
      name,
      this.#io.after(ms, () => {
        attempt.timers.delete(name);
        if (this.#attempt === attempt) then();
      }),
    );
  }

  #cancel(attempt: Attempt, name: string): void {
    attempt.timers.get(name)?.();
    attempt.timers.delete(name);
  }
}

function asPathError(error: unknown): PathError {
  if (error instanceof PathError) return error;
  if (error instanceof DecodeError)
    return new PathError(`The host sent something else than expected: ${error.message}.`);
  return new PathError(error instanceof Error ? error.message : "The connection broke.");
}
