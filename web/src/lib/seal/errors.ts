/** Why no channel came of a handshake. */
export type HandshakeReason =
  /** Not a handshake message. */
  | "malformed"
  /** Made for another key, slot, version or pre-shared key, or changed on the way. */
  | "forged"
  /** A public key of small order. */
  | "weak_key"
  /** It opened, and is not a hello of this version. */
  | "bad_hello"
  /** The host said no: the invitation or this device is not known there, or not any more. */
  | "refused"
  /** The host said: not now. */
  | "busy"
  /** The host said no for a reason this version does not know. */
  | "refused_otherwise";

/** The handshake failed. A refusal is not authenticated: whoever carries the bytes could have written it. */
export class HandshakeError extends Error {
  readonly reason: HandshakeReason;

  constructor(reason: HandshakeReason) {
    super(`handshake failed: ${reason}`);
    this.name = "HandshakeError";
    this.reason = reason;
  }
}

/** Why a channel does not go on. */
export type ChannelReason =
  /** Not a record, or one cut short. */
  | "malformed"
  /** Replayed, reordered, or one before it was lost. */
  | "sequence"
  /** Not what the peer sealed. */
  | "forged"
  /** The peer used one key for too many records. */
  | "key_overused"
  /** The peer sealed something whose padding is wrong. */
  | "padding"
  /** The plaintext is too long for one record; nothing was sent and the channel goes on. */
  | "too_large"
  /** An hour has passed. */
  | "expired"
  /** An earlier record did not open. */
  | "closed";

/** A record was not sealed or not opened. Only `too_large` leaves the channel of use. */
export class ChannelError extends Error {
  readonly reason: ChannelReason;

  constructor(reason: ChannelReason) {
    super(`channel: ${reason}`);
    this.name = "ChannelError";
    this.reason = reason;
  }
}
