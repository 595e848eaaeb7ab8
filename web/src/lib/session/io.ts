/** What a link works with: paths, handshakes, time, and chance. */

/** How a host refused a handshake: an invitation, a device that it knew once, or anybody for now. */
export type Refusal = "refused" | "unknown" | "busy";

/** Closed or broken, in words for a person; `final` where trying again cannot help. */
export class PathError extends Error {
  override readonly name = "PathError";
  readonly final: boolean;
  /** The relay asked to come back after so many milliseconds. */
  readonly comeBack: number | null;

  constructor(message: string, final = false, comeBack: number | null = null) {
    super(message);
    this.final = final;
    this.comeBack = comeBack;
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
