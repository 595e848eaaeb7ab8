import { concat, utf8, type Bytes } from "../wire";
import { backend, type Backend, type DeviceKey } from "./backend";
import { Channel } from "./channel";
import { HandshakeError } from "./errors";
import { helloText, parseHostHello, type ClientHello, type HostHello } from "./hello";
import { NoiseInitiator } from "./noise";

const VERSION = 1;
const HELLO = 0x01;
const HELLO_REPLY = 0x02;
const REFUSED = 0x04;
/** Largest handshake body. */
const MAX_BODY = 4096;
/** Hellos are padded with spaces to a multiple of so many bytes, so that their length tells nothing. */
const PADDED = 512;

function padded(text: string): Bytes {
  const bytes = utf8(text);
  const out = new Uint8Array(Math.ceil(bytes.length / PADDED) * PADDED).fill(0x20);
  out.set(bytes);
  return out;
}

/** What a handshake needs to know. */
export interface Start {
  device: DeviceKey;
  /** The host's pinned public key. */
  host: Bytes;
  /** The host's slot. */
  rid: Bytes;
  /** {@link tokenPsk} when pairing, the device's secret afterwards. */
  psk: Bytes;
  hello: ClientHello;
}

/** A client that has made its hello and waits for the reply. */
export class Initiator {
  readonly #by: Backend;
  readonly #noise: NoiseInitiator;

  private constructor(by: Backend, noise: NoiseInitiator) {
    this.#by = by;
    this.#noise = noise;
  }

  /** Makes the DATA body that opens a connection. */
  static async start(start: Start, by?: Backend): Promise<{ initiator: Initiator; body: Bytes }> {
    const chosen = by ?? (await backend(start.device));
    const prologue = concat(utf8("longrein/1"), new Uint8Array([VERSION]), start.rid);
    const payload = padded(helloText(start.hello));
    const [noise, message] = await NoiseInitiator.start(chosen, prologue, start.device, start.host, start.psk, payload);
    return { initiator: new Initiator(chosen, noise), body: concat(new Uint8Array([HELLO]), message) };
  }

  /** Reads the reply, once. After this the host is known to be the pinned one and to know the pre-shared key. */
  async finish(body: Bytes, now = performance.now()): Promise<{ channel: Channel; hello: HostHello }> {
    if (body[0] === REFUSED && body.length === 2) {
      throw new HandshakeError(body[1] === 1 ? "refused" : body[1] === 2 ? "busy" : "refused_otherwise");
    }
    if (body[0] !== HELLO_REPLY || body.length > MAX_BODY) throw new HandshakeError("malformed");
    const [split, payload] = await this.#noise.finish(body.subarray(1));
    const hello = parseHostHello(payload);
    const [sending, receiving] = await Promise.all([this.#by.aead(split.up), this.#by.aead(split.down)]);
    split.up.fill(0);
    split.down.fill(0);
    return { channel: new Channel(this.#by, sending, receiving, split.hash, now), hello };
  }
}
