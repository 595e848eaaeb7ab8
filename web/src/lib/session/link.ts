/**
 * The connection to one host, kept for as long as it is wanted: ticket, socket, handshake, hello, heartbeat, and again
 * after whatever breaks it. What goes over it is the business of {@link Listener}.
 */

import { FOREGROUND, HEARTBEAT, Liveness } from "../wire";
import { Backoff } from "./backoff";
import { decode, DecodeError, encode } from "./codec";
import { PathError, type LinkIo, type Opening, type Path, type SealedChannel } from "./io";
import { CallError, VERSION, type Calls, type MethodName, type Role, type ToClient, type ToHost } from "./message";
import { RoundTrip } from "./truth";

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

/** Nobody signs a refusal, and a relay can say one: a host that knew this device once is asked again. Milliseconds. */
export const REFUSED_AGAIN = 60_000;
/** After waking up, the path has four round trips to show that it lives, and so long at least. Milliseconds. */
export const PROBE_LEAST = 700;
/** And so long at most. */
export const PROBE = 2_500;
/** Ticket, socket and handshake, each. */
export const STEP_TIMEOUT = 10_000;
/** A person at the host has this long to confirm. */
export const CONFIRM_TIMEOUT = 120_000;
/** A channel lives an hour; a fresh one is made a little earlier. */
export const CHANNEL_LIFETIME = 55 * 60_000;
/** A relay that restarts can ask for so much patience. */
export const LONGEST_AWAY = 5 * 60_000;
/** An unanswered call fails. */
export const CALL_TIMEOUT = 20_000;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  cancel(): void;
}

/** Pings whose answers are waited for. The host answers all of them in order; of more the oldest are of no interest. */
const MAX_ASKED = 64;

/** One attempt, from dialling to whatever ends it. Late callbacks of an old one are ignored. */
interface Attempt {
  abort: AbortController;
  path: Path | null;
  opening: Opening | null;
  /** How often the relay has said whether the host is there; a handshake that was begun before that is not gone on with. */
  presences: number;
  channel: SealedChannel | null;
  timers: Map<string, () => void>;
  /** When it began, Unix milliseconds. */
  began: number;
  /** Of the channel, once it stands. */
  liveness: Liveness | null;
  /** Pings without an answer, oldest first: when they were sent, and what was sent before them. */
  asked: { sent: number; before: number }[];
  /** What arrived is handled strictly in order. */
  inbound: Promise<void>;
}

export class HostLink {
  #io: LinkIo;
  #listener: Listener;
  #backoff = new Backoff();
  #phase: Phase = { at: "off" };
  /** The host refused, and is asked again in silence. */
  #refused = false;
  #attempt: Attempt | null = null;
  #cancelRetry: (() => void) | null = null;
  #calls = new Map<number, Waiting>();
  #callId = 0;
  #trip = new RoundTrip();
  #lastHeard: number | null = null;
  #sent = 0;
  #arrived = 0;

  constructor(io: LinkIo, listener: Listener) {
    this.#io = io;
    this.#listener = listener;
  }

  get phase(): Phase {
    return this.#refused ? { at: "refused" } : this.#phase;
  }

  /** When the host itself was last heard, Unix milliseconds. */
  get lastHeard(): number | null {
    return this.#lastHeard;
  }

  /** Smoothed round trip to the host, milliseconds. */
  get roundTrip(): number | null {
    return this.#trip.ms;
  }

  /** Counts the messages that were sent, on all channels together. */
  get sent(): number {
    return this.#sent;
  }

  /** Up to here of them, what was sent on the channel that stands is known to be at the host. */
  get arrived(): number {
    return this.#arrived;
  }

  /** Asks the host now, so that {@link arrived} and {@link roundTrip} are as new as can be. */
  ask(): void {
    if (this.#attempt !== null && this.#phase.at === "live") this.#ping(this.#attempt);
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

  /** Somebody pressed "Reconnect", the network changed, or the page woke up or is looked at again. */
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
        // What was begun before a sleep, or on another network, is not waited for.
        if (this.#io.now() - (this.#attempt?.began ?? 0) >= PROBE) this.#dial();
        break;
      case "refused":
        if (this.#refused) this.#dial();
        break;
      case "confirming":
      case "off":
        break;
    }
  }

  /** Nobody looks any more: both ends ask less often. */
  rest(): void {
    this.ask();
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
    if (phase.at === "live" || phase.at === "confirming" || phase.at === "off") this.#refused = false;
    this.#listener.phase(this.phase);
  }

  #dial(): void {
    this.#drop();
    const attempt: Attempt = {
      abort: new AbortController(),
      path: null,
      opening: null,
      presences: 0,
      channel: null,
      timers: new Map(),
      began: this.#io.now(),
      liveness: null,
      asked: [],
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
    attempt.presences += 1;
    if (!online) {
      attempt.opening = null;
      attempt.channel = null;
      attempt.liveness = null;
      attempt.asked = [];
      this.#cancel(attempt, "step");
      this.#cancel(attempt, "probe");
      this.#cancel(attempt, "beat");
      this.#setPhase({ at: "away", lastSeen });
      this.#failCalls("The host went away.");
      return;
    }
    if (attempt.channel !== null || attempt.opening !== null) return;
    this.#handshake(attempt);
  }

  #handshake(attempt: Attempt): void {
    const { presences } = attempt;
    const current = () => this.#attempt === attempt && attempt.presences === presences;
    this.#setPhase({ at: "handshaking" });
    this.#deadline(attempt, "step", STEP_TIMEOUT, "The host did not answer in time.");
    this.#io
      .handshake()
      .then((opening) => {
        if (!current() || attempt.path === null) return;
        attempt.opening = opening;
        attempt.path.send(opening.first);
      })
      .catch((error: unknown) => {
        if (current()) this.#failed(asPathError(error));
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
      this.#refused = answer.refused === "unknown";
      if (this.#refused) this.#cancelRetry = this.#io.after(REFUSED_AGAIN, () => this.#dial());
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
    attempt.liveness?.heard(this.#lastHeard);
    this.#cancel(attempt, "probe");
    const message = decode(plain);
    if (message === null) return;
    const { header, payload } = message;
    switch (header.t) {
      case "welcome":
        this.#backoff.reset();
        this.#trip.reset();
        this.#cancel(attempt, "step");
        attempt.liveness = new Liveness(this.#pace, this.#io.now(), this.#io.random());
        this.#setPhase({ at: "live", role: header.role, host: header.host, device: header.device ?? null });
        this.#ping(attempt);
        this.#beat(attempt);
        this.#timer(attempt, "renew", CHANNEL_LIFETIME, () => this.#dial());
        break;
      case "ping":
        this.#seal(attempt, { t: "pong", sent: header.sent });
        this.#beat(attempt);
        return;
      case "pong":
        this.#answeredPing(attempt, header.sent);
        // Armed anew by what was heard: browsers let timers that only arm one another fire once a minute.
        this.#beat(attempt);
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
    this.#sent += 1;
    channel
      .seal(encode(header, payload))
      .then((body) => {
        if (this.#attempt === attempt && attempt.channel === channel) path.send(body);
      })
      .catch((error: unknown) => {
        if (this.#attempt === attempt) this.#failed(asPathError(error));
      });
  }

  /** Silence after which one asks: more of it while nobody looks. */
  get #pace(): number {
    return this.#io.visible() ? FOREGROUND : HEARTBEAT;
  }

  #ping(attempt: Attempt): void {
    const sent = this.#io.now();
    if (attempt.asked.length >= MAX_ASKED) attempt.asked.shift();
    attempt.asked.push({ sent, before: this.#sent });
    attempt.liveness?.setInterval(this.#pace, sent, this.#io.random());
    this.#seal(attempt, { t: "ping", sent, every: this.#pace });
  }

  /** The host has this ping, and so everything that was sent before it. */
  #answeredPing(attempt: Attempt, sent: number): void {
    const now = this.#io.now();
    this.#trip.sample(now - sent);
    const at = attempt.asked.findIndex((ping) => ping.sent === sent);
    const [ping] = attempt.asked.splice(0, at + 1).slice(-1);
    if (ping !== undefined) this.#arrived = Math.max(this.#arrived, ping.before);
  }

  #beat(attempt: Attempt): void {
    const { liveness } = attempt;
    if (liveness === null) return;
    const now = this.#io.now();
    switch (liveness.poll(now, this.#io.random())) {
      case "dead":
        this.#failed(new PathError("The host was not heard any more."));
        return;
      case "ask":
        this.#ping(attempt);
        break;
      case null:
        break;
    }
    this.#timer(attempt, "beat", Math.max(0, liveness.deadline - now), () => this.#beat(attempt));
  }

  #probe(): void {
    const attempt = this.#attempt;
    if (attempt === null || attempt.timers.has("probe")) return;
    const within = Math.min(PROBE, Math.max(PROBE_LEAST, 4 * (this.#trip.ms ?? PROBE)));
    this.#deadline(attempt, "probe", within, "The host was not heard any more.");
    this.#ping(attempt);
    this.#beat(attempt);
  }

  #failed(error: PathError): void {
    this.#drop();
    this.#failCalls(error.message);
    if (error.final) {
      this.#setPhase({ at: "refused" });
      return;
    }
    const random = this.#io.random();
    // All clients of a relay that restarts were told the same, and should not come back as one.
    const wait = error.comeBack === null ? this.#backoff.next(random) : smeared(error.comeBack, random);
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

/** After so long, and up to twice as long, but not more than half a minute later. Milliseconds. */
function smeared(ms: number, random: number): number {
  const after = Math.min(ms, LONGEST_AWAY);
  return Math.round(after + random * Math.min(Math.max(after, 1_000), 30_000));
}

function asPathError(error: unknown): PathError {
  if (error instanceof PathError) return error;
  if (error instanceof DecodeError)
    return new PathError(`The host sent something else than expected: ${error.message}.`);
  return new PathError(error instanceof Error ? error.message : "The connection broke.");
}
