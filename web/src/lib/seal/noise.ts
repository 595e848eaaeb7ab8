/**
 * The initiator's half of Noise_IKpsk2_25519_AESGCM_SHA256 (Noise, revision 34), over either back end.
 *
 * Message 1: e, es, s, ss. Message 2: e, ee, se, psk.
 */

import { concat, utf8, type Bytes } from "../wire";
import type { Aead, Backend, DeviceKey } from "./backend";
import { HandshakeError } from "./errors";

const PATTERN = "Noise_IKpsk2_25519_AESGCM_SHA256";
const EMPTY: Bytes = new Uint8Array(0);
const KEY = 32;
const TAG = 16;

/** What a finished handshake leaves. */
export interface Split {
  /** Client to host. */
  up: Bytes;
  /** Host to client. */
  down: Bytes;
  hash: Bytes;
}

/** HKDF as Noise has it: `count` outputs of 32 bytes. */
export async function hkdf(by: Backend, chaining: Bytes, material: Bytes, count: 2 | 3): Promise<Bytes[]> {
  const temporary = await by.hmac(chaining, material);
  const outputs: Bytes[] = [];
  let last = EMPTY;
  for (let n = 1; n <= count; n++) {
    last = await by.hmac(temporary, concat(last, new Uint8Array([n])));
    outputs.push(last);
  }
  return outputs;
}

/** Noise's SymmetricState. */
class Symmetric {
  readonly #by: Backend;
  #chaining: Bytes;
  #hash: Bytes;
  #key: Aead | undefined;
  #counter = 0n;

  constructor(by: Backend, start: Bytes) {
    this.#by = by;
    this.#chaining = start;
    this.#hash = start;
  }

  get hash(): Bytes {
    return this.#hash;
  }

  async mixHash(data: Bytes): Promise<void> {
    this.#hash = await this.#by.sha256(concat(this.#hash, data));
  }

  async mixKey(material: Bytes): Promise<void> {
    const [chaining = EMPTY, key = EMPTY] = await hkdf(this.#by, this.#chaining, material, 2);
    this.#chaining = chaining;
    await this.#setKey(key);
  }

  async mixKeyAndHash(material: Bytes): Promise<void> {
    const [chaining = EMPTY, hash = EMPTY, key = EMPTY] = await hkdf(this.#by, this.#chaining, material, 3);
    this.#chaining = chaining;
    await this.mixHash(hash);
    await this.#setKey(key);
  }

  async mixAgreement(key: DeviceKey, remote: Bytes): Promise<void> {
    const shared = await this.#by.agree(key, remote);
    if (shared === undefined) throw new HandshakeError("weak_key");
    await this.mixKey(shared);
  }

  async encrypt(text: Bytes): Promise<Bytes> {
    if (this.#key === undefined) throw new Error("no key yet");
    const sealed = await this.#key.seal(this.#counter++, this.#hash, text);
    await this.mixHash(sealed);
    return sealed;
  }

  async decrypt(sealed: Bytes): Promise<Bytes> {
    if (this.#key === undefined) throw new Error("no key yet");
    const text = await this.#key.open(this.#counter++, this.#hash, sealed);
    if (text === undefined) throw new HandshakeError("forged");
    await this.mixHash(sealed);
    return text;
  }

  async split(): Promise<Split> {
    const [up = EMPTY, down = EMPTY] = await hkdf(this.#by, this.#chaining, EMPTY, 2);
    return { up, down, hash: this.#hash };
  }

  async #setKey(key: Bytes): Promise<void> {
    this.#key = await this.#by.aead(key);
    this.#counter = 0n;
  }
}

/** One handshake, from the side that begins it. */
export class NoiseInitiator {
  readonly #state: Symmetric;
  readonly #device: DeviceKey;
  readonly #ephemeral: DeviceKey;
  readonly #psk: Bytes;

  private constructor(state: Symmetric, device: DeviceKey, ephemeral: DeviceKey, psk: Bytes) {
    this.#state = state;
    this.#device = device;
    this.#ephemeral = ephemeral;
    this.#psk = psk;
  }

  /** Makes message 1. */
  static async start(
    by: Backend,
    prologue: Bytes,
    device: DeviceKey,
    host: Bytes,
    psk: Bytes,
    payload: Bytes,
  ): Promise<[NoiseInitiator, Bytes]> {
    // The pattern's name is exactly one hash long, so it stands for itself.
    const state = new Symmetric(by, utf8(PATTERN));
    await state.mixHash(prologue);
    await state.mixHash(host);
    const ephemeral = await by.generate();
    await state.mixHash(ephemeral.publicKey);
    await state.mixKey(ephemeral.publicKey);
    await state.mixAgreement(ephemeral, host);
    const sealedKey = await state.encrypt(device.publicKey);
    await state.mixAgreement(device, host);
    const sealedPayload = await state.encrypt(payload);
    const message = concat(ephemeral.publicKey, sealedKey, sealedPayload);
    return [new NoiseInitiator(state, device, ephemeral, psk), message];
  }

  /** Reads message 2. Once. */
  async finish(message: Bytes): Promise<[Split, Bytes]> {
    if (message.length < KEY + TAG) throw new HandshakeError("malformed");
    const remote = message.slice(0, KEY);
    await this.#state.mixHash(remote);
    await this.#state.mixKey(remote);
    await this.#state.mixAgreement(this.#ephemeral, remote);
    await this.#state.mixAgreement(this.#device, remote);
    await this.#state.mixKeyAndHash(this.#psk);
    const payload = await this.#state.decrypt(message.slice(KEY));
    return [await this.#state.split(), payload];
  }
}
