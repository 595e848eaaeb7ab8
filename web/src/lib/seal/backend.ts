import type { Bytes } from "../wire";

/**
 * A device's key, as it may be kept in IndexedDB (structured clone keeps a CryptoKey without giving its bytes to
 * anybody). Where the page has no WebCrypto the secret is plain bytes, which a script on the page could read.
 */
export type DeviceKey =
  | { readonly kind: "webcrypto"; readonly publicKey: Bytes; readonly privateKey: CryptoKey }
  | { readonly kind: "plain"; readonly publicKey: Bytes; readonly secret: Bytes };

/** An AES-256-GCM key under Noise's numbering: the nonce is 32 zero bits and the counter. */
export interface Aead {
  /** Ciphertext and tag. */
  seal(counter: bigint, ad: Bytes, text: Bytes): Promise<Bytes>;
  /** The plaintext; undefined where the bytes are not what was sealed. */
  open(counter: bigint, ad: Bytes, text: Bytes): Promise<Bytes | undefined>;
}

/** The primitives, by the browser or by script. */
export interface Backend {
  readonly kind: DeviceKey["kind"];
  /** A fresh X25519 key. */
  generate(): Promise<DeviceKey>;
  /** X25519; undefined where the result is all zeros, because the other key is of small order. */
  agree(key: DeviceKey, remote: Bytes): Promise<Bytes | undefined>;
  sha256(data: Bytes): Promise<Bytes>;
  /** HMAC-SHA256. */
  hmac(key: Bytes, data: Bytes): Promise<Bytes>;
  aead(key: Bytes): Promise<Aead>;
}

/** Noise's nonce for AES-GCM. */
export function nonceOf(counter: bigint): Bytes {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, counter);
  return nonce;
}

/** Whether a Diffie-Hellman result means nothing. */
export function allZero(bytes: Uint8Array): boolean {
  return bytes.reduce((seen, byte) => seen | byte, 0) === 0;
}

let preferred: Promise<Backend> | undefined;

/**
 * The back end to use: the one that made `key`, or, for a new device, WebCrypto where the page has it with X25519
 * and the scripted one elsewhere (a plain-http page on a LAN, or a browser without the curve). Each is loaded when
 * it is first asked for.
 */
export function backend(key?: DeviceKey): Promise<Backend> {
  if (key !== undefined) return key.kind === "webcrypto" ? webcrypto() : plain();
  preferred ??= prefer();
  return preferred;
}

async function prefer(): Promise<Backend> {
  // The DOM's types say it is always there; on a plain-http page it is not.
  const subtle: SubtleCrypto | undefined = globalThis.crypto.subtle;
  if (subtle === undefined) return plain();
  try {
    await subtle.generateKey("X25519", false, ["deriveBits"]);
    return await webcrypto();
  } catch {
    return plain();
  }
}

async function webcrypto(): Promise<Backend> {
  return (await import("./webcrypto")).WEBCRYPTO;
}

async function plain(): Promise<Backend> {
  return (await import("./plain")).PLAIN;
}
