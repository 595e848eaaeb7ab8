/**
 * Seals what is kept on disk (device secrets, unsent input, the last screen) under a key that the browser does not let
 * out. Without WebCrypto (a plain-http page that is not localhost) there is no such key, and things lie open in the
 * browser's storage; the page says so.
 */

import type { Store } from "./store";

/** A value as it lies in the store. */
export type Sealed = { nonce: Uint8Array<ArrayBuffer>; body: ArrayBuffer } | { open: Uint8Array<ArrayBuffer> };

const KEY = "vault";

export class Vault {
  readonly #key: CryptoKey | null;

  private constructor(key: CryptoKey | null) {
    this.#key = key;
  }

  static async open(store: Store, subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle): Promise<Vault> {
    if (subtle === undefined) return new Vault(null);
    const kept = await store.get<CryptoKey>("keys", KEY);
    if (kept !== undefined) return new Vault(kept);
    const key = await subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    await store.put("keys", KEY, key);
    return new Vault(key);
  }

  /** Whether the key is one that no script can read. */
  get guarded(): boolean {
    return this.#key !== null;
  }

  async seal(plain: Uint8Array): Promise<Sealed> {
    const bytes = new Uint8Array(plain);
    if (this.#key === null) return { open: bytes };
    const nonce = crypto.getRandomValues(new Uint8Array(12));
    return { nonce, body: await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, this.#key, bytes) };
  }

  async open(sealed: Sealed): Promise<Uint8Array<ArrayBuffer>> {
    if ("open" in sealed) return sealed.open;
    if (this.#key === null) throw new Error("this page cannot open what a secure page has stored");
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.nonce }, this.#key, sealed.body));
  }
}
