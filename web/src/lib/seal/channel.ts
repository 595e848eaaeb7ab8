/**
 * The sealed stream: records that open once, in order. The mirror of `crates/seal/src/channel.rs`.
 *
 * WebCrypto answers whenever it likes, so numbers are given out when a call is made, the work of several calls
 * overlaps, and results come out in the order of the calls.
 */

import { MAX_DATA, type Bytes } from "../wire";
import type { Aead, Backend } from "./backend";
import { ChannelError } from "./errors";
import { wordsOf } from "./words";

const RECORD = 0x03;
const REKEYED_RECORD = 0x05;
const HEAD = 1 + 8;
const LENGTH = 2;
const TAG = 16;
const PADDED = [64, 256, 1024];

/** Records under one key of one direction. */
export const REKEY_RECORDS = 2 ** 16;
/** Age of a direction's key at which the next record is sent under a new one, in milliseconds. */
export const REKEY_AFTER = 10 * 60_000;
/** How long a channel is of use, in milliseconds. */
export const LIFETIME = 60 * 60_000;
/** When to start the handshake of the next channel, in milliseconds. */
export const RENEW_AFTER = 55 * 60_000;
/** Largest plaintext of one record, in bytes. */
export const MAX_PLAINTEXT = MAX_DATA - HEAD - LENGTH - TAG;

interface Direction {
  key: Promise<Aead>;
  seq: number;
  keyedAtSeq: number;
  keyedAt: number;
  /** What was called for before. */
  last: Promise<unknown>;
}

function direction(key: Aead, now: number): Direction {
  return { key: Promise.resolve(key), seq: 0, keyedAtSeq: 0, keyedAt: now, last: Promise.resolve() };
}

function padded(length: number): number {
  return PADDED.find((size) => length <= size) ?? length;
}

/** Both directions of a channel. Ends for good at the first record that does not open. */
export class Channel {
  readonly #by: Backend;
  readonly #sending: Direction;
  readonly #receiving: Direction;
  readonly #hash: Bytes;
  readonly #started: number;
  #closed = false;
  #broken = false;

  /** Made by {@link Initiator.finish}. */
  constructor(by: Backend, sending: Aead, receiving: Aead, hash: Bytes, now: number) {
    this.#by = by;
    this.#sending = direction(sending, now);
    this.#receiving = direction(receiving, now);
    this.#hash = hash;
    this.#started = now;
  }

  /** Whether a record did not open, which ended the channel. */
  get closed(): boolean {
    return this.#closed;
  }

  /** When to start the next channel, on the clock of `performance.now()`. */
  get renewAt(): number {
    return this.#started + RENEW_AFTER;
  }

  /** When this one stops to work, on the same clock. */
  get expiresAt(): number {
    return this.#started + LIFETIME;
  }

  /** The four words that the host shows too, unless somebody stands in between. */
  words(): Promise<readonly string[]> {
    return wordsOf(this.#hash, this.#by);
  }

  /** One record, for a DATA frame. Records come out in the order of the calls, and must be sent in it. */
  seal(plaintext: Uint8Array, now = performance.now()): Promise<Bytes> {
    if (plaintext.length > MAX_PLAINTEXT) return Promise.reject(new ChannelError("too_large"));
    if (this.#closed) return Promise.reject(new ChannelError("closed"));
    if (now >= this.expiresAt) return Promise.reject(new ChannelError("expired"));
    const way = this.#sending;
    const rekey = now - way.keyedAt >= REKEY_AFTER || way.seq - way.keyedAtSeq >= REKEY_RECORDS;
    if (rekey) this.#rekey(way, this.#next(way.key), now);
    const kind = rekey ? REKEYED_RECORD : RECORD;
    const seq = way.seq++;
    const text = new Uint8Array(padded(LENGTH + plaintext.length));
    new DataView(text.buffer).setUint16(0, plaintext.length);
    text.set(plaintext, LENGTH);
    return this.#inOrder(way, this.#sealed(way.key, kind, seq, text));
  }

  async #sealed(key: Promise<Aead>, kind: number, seq: number, text: Bytes): Promise<Bytes> {
    try {
      const sealed = await (await key).seal(BigInt(seq), new Uint8Array([kind]), text);
      const body = new Uint8Array(HEAD + sealed.length);
      const view = new DataView(body.buffer);
      view.setUint8(0, kind);
      view.setBigUint64(1, BigInt(seq), true);
      body.set(sealed, HEAD);
      return body;
    } catch (error) {
      // The number is gone, so nothing after it could be opened.
      this.#closed = true;
      throw error;
    }
  }

  /** Opens the one record that is due. Plaintexts come out in the order of the calls. */
  open(body: Bytes, now = performance.now()): Promise<Bytes> {
    if (this.#closed) return Promise.reject(new ChannelError("closed"));
    const way = this.#receiving;
    let opened: Promise<Bytes>;
    try {
      opened = this.#opened(way, body, now);
    } catch (error) {
      this.#closed = true;
      opened = Promise.reject(error);
    }
    return this.#inOrder(way, opened, true);
  }

  /** Checks at once what can be, and takes the number. */
  #opened(way: Direction, body: Bytes, now: number): Promise<Bytes> {
    if (now >= this.expiresAt) throw new ChannelError("expired");
    if (body.length < HEAD + LENGTH + TAG || body.length > MAX_DATA) throw new ChannelError("malformed");
    const view = new DataView(body.buffer, body.byteOffset, body.length);
    const kind = view.getUint8(0);
    if (kind !== RECORD && kind !== REKEYED_RECORD) throw new ChannelError("malformed");
    if (view.getBigUint64(1, true) !== BigInt(way.seq)) throw new ChannelError("sequence");
    const rekey = kind === REKEYED_RECORD;
    if (!rekey && way.seq - way.keyedAtSeq >= REKEY_RECORDS) throw new ChannelError("key_overused");
    if (rekey) this.#rekey(way, this.#next(way.key), now);
    return this.#plain(way.key, kind, way.seq++, body.subarray(HEAD));
  }

  async #plain(key: Promise<Aead>, kind: number, seq: number, sealed: Bytes): Promise<Bytes> {
    const text = await (await key).open(BigInt(seq), new Uint8Array([kind]), sealed);
    if (text === undefined) throw new ChannelError("forged");
    const length = new DataView(text.buffer, text.byteOffset).getUint16(0);
    const end = LENGTH + length;
    if (end > text.length || text.subarray(end).some((byte) => byte !== 0)) throw new ChannelError("padding");
    return text.subarray(LENGTH, end);
  }

  /** Gives a result when those before it are out; after one that did not open there are none. */
  #inOrder(way: Direction, result: Promise<Bytes>, opening = false): Promise<Bytes> {
    // Awaited below, maybe only after it failed.
    result.catch(() => undefined);
    const turn = way.last.then(async () => {
      if (opening && this.#broken) throw new ChannelError("closed");
      try {
        return await result;
      } catch (error) {
        if (opening) {
          this.#closed = true;
          this.#broken = true;
        }
        throw error;
      }
    });
    way.last = turn.catch(() => undefined);
    return turn;
  }

  #rekey(way: Direction, key: Promise<Aead>, now: number): void {
    way.key = key;
    way.keyedAt = now;
    way.keyedAtSeq = way.seq;
  }

  /** Noise's REKEY: `ENCRYPT(key, 2^64 - 1, "", zeros[32])[..32]`. */
  async #next(key: Promise<Aead>): Promise<Aead> {
    const sealed = await (await key).seal(2n ** 64n - 1n, new Uint8Array(0), new Uint8Array(32));
    const next = await this.#by.aead(sealed.slice(0, 32));
    sealed.fill(0);
    return next;
  }
}
