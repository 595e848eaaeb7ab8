/** The primitives by WebCrypto: fast, and with a private key that no script can read. */

import type { Bytes } from "../wire";
import { allZero, nonceOf, type Aead, type Backend, type DeviceKey } from "./backend";

async function generate(): Promise<DeviceKey> {
  const pair = (await crypto.subtle.generateKey("X25519", false, ["deriveBits"])) as CryptoKeyPair;
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { kind: "webcrypto", publicKey, privateKey: pair.privateKey };
}

async function agree(key: DeviceKey, remote: Bytes): Promise<Bytes | undefined> {
  if (key.kind !== "webcrypto") throw new Error("a plain key in WebCrypto's hands");
  const imported = await crypto.subtle.importKey("raw", remote, "X25519", true, []);
  try {
    const bits = await crypto.subtle.deriveBits({ name: "X25519", public: imported }, key.privateKey, 256);
    const shared = new Uint8Array(bits);
    return allZero(shared) ? undefined : shared;
  } catch (error) {
    // What the standard asks for when the result is all zeros. Older engines return the zeros.
    if (error instanceof DOMException && error.name === "OperationError") return undefined;
    throw error;
  }
}

async function sha256(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

async function aead(key: Bytes): Promise<Aead> {
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
  const parameters = (counter: bigint, ad: Bytes) => ({ name: "AES-GCM", iv: nonceOf(counter), additionalData: ad });
  return {
    async seal(counter, ad, text) {
      return new Uint8Array(await crypto.subtle.encrypt(parameters(counter, ad), imported, text));
    },
    async open(counter, ad, text) {
      try {
        return new Uint8Array(await crypto.subtle.decrypt(parameters(counter, ad), imported, text));
      } catch (error) {
        if (error instanceof DOMException && error.name === "OperationError") return undefined;
        throw error;
      }
    },
  };
}

/** See the module. */
export const WEBCRYPTO: Backend = { kind: "webcrypto", generate, agree, sha256, hmac, aead };
