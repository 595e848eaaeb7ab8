/** The primitives in script, for pages to which the browser does not give WebCrypto. */

import { gcm } from "@noble/ciphers/aes.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { hmac as hmacOf } from "@noble/hashes/hmac.js";
import { sha256 as sha256Of } from "@noble/hashes/sha2.js";
import type { Bytes } from "../wire";
import { allZero, nonceOf, type Aead, type Backend, type DeviceKey } from "./backend";

/** The key pair of a secret that was stored. */
export function plainKey(secret: Bytes): DeviceKey {
  return { kind: "plain", publicKey: new Uint8Array(x25519.getPublicKey(secret)), secret };
}

async function agree(key: DeviceKey, remote: Bytes): Promise<Bytes | undefined> {
  if (key.kind !== "plain") throw new Error("a WebCrypto key in the script's hands");
  try {
    const shared = new Uint8Array(x25519.getSharedSecret(key.secret, remote));
    return allZero(shared) ? undefined : shared;
  } catch {
    // It throws for exactly this.
    return undefined;
  }
}

async function aead(key: Bytes): Promise<Aead> {
  // The caller may wipe its copy.
  const kept = key.slice();
  return {
    async seal(counter, ad, text) {
      return new Uint8Array(gcm(kept, nonceOf(counter), ad).encrypt(text));
    },
    async open(counter, ad, text) {
      try {
        return new Uint8Array(gcm(kept, nonceOf(counter), ad).decrypt(text));
      } catch {
        return undefined;
      }
    },
  };
}

/** See the module. */
export const PLAIN: Backend = {
  kind: "plain",
  // getRandomValues is there without a secure context too.
  generate: async () => plainKey(crypto.getRandomValues(new Uint8Array(32))),
  agree,
  sha256: async (data) => new Uint8Array(sha256Of(data)),
  hmac: async (key, data) => new Uint8Array(hmacOf(sha256Of, key, data)),
  aead,
};
