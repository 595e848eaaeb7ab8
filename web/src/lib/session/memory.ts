/**
 * What can be shown before a host is heard: its list of sessions, and how their screens looked when they were left.
 * Kept only where it can be sealed: without a key, what was on a screen does not go to the disk.
 */

import { VERSION, type Role, type Summary } from "./message";
import type { Store, Table } from "./store";
import type { Sealed, Vault } from "./vault";

/** A host's sessions as they were. */
export interface KeptList {
  /** When the host was last heard. Unix milliseconds. */
  at: number;
  role: Role | null;
  sessions: readonly Summary[];
}

/** A screen as it was. */
export interface KeptLook {
  /** Unix milliseconds. */
  at: number;
  /** Bytes that draw it. */
  look: string;
}

export class Memory {
  readonly #store: Store;
  readonly #vault: Vault;

  constructor(store: Store, vault: Vault) {
    this.#store = store;
    this.#vault = vault;
  }

  async list(rid: string): Promise<KeptList | null> {
    return this.#get<KeptList>("lists", rid);
  }

  async keepList(rid: string, list: KeptList): Promise<void> {
    await this.#put("lists", rid, list);
  }

  async forgetList(rid: string): Promise<void> {
    await this.#store.delete("lists", rid);
  }

  async look(rid: string, session: string): Promise<KeptLook | null> {
    return this.#get<KeptLook>("screens", `${rid}/${session}`);
  }

  async keepLook(rid: string, session: string, look: KeptLook): Promise<void> {
    await this.#put("screens", `${rid}/${session}`, look);
  }

  async forgetLook(rid: string, session: string): Promise<void> {
    await this.#store.delete("screens", `${rid}/${session}`);
  }

  async #put(table: Table, key: string, what: object): Promise<void> {
    if (!this.#vault.guarded) return;
    const text = JSON.stringify({ ...what, version: VERSION });
    try {
      await this.#store.put(table, key, await this.#vault.seal(new TextEncoder().encode(text)));
    } catch {
      // The disk is full, or the page is being closed: what was kept before stays.
    }
  }

  /** Null also where another version of this page, or another key, kept it: the host tells it again. */
  async #get<T extends object>(table: Table, key: string): Promise<T | null> {
    if (!this.#vault.guarded) return null;
    try {
      const sealed = await this.#store.get<Sealed>(table, key);
      if (sealed === undefined) return null;
      const kept = JSON.parse(new TextDecoder().decode(await this.#vault.open(sealed))) as T & { version?: number };
      return kept.version === VERSION ? kept : null;
    } catch {
      return null;
    }
  }
}
