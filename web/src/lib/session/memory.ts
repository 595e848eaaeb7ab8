/**
 * What outlives the page: a host's list of sessions, how their screens looked when they were left, the composer's
 * drafts, and commands that are not settled. Kept only where it can be sealed: without a key, what was on a screen or
 * typed does not go to the disk.
 */

import { fromBase64url, toBase64url } from "../wire";
import { VERSION, type Failure, type Role, type Summary } from "./message";
import type { Prompt, Stored, StoredEntry } from "./outbox";
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

/** A prompt that was not done, and why. */
export interface KeptFailure {
  prompt: Prompt;
  why: Failure;
}

/** Where commands wait. */
export interface Place {
  rid: string;
  session: string;
  stream: string;
}

/** A disk that does not answer for so long is not waited for. Milliseconds. */
const DISK_WITHIN = 2_000;
/** Failed prompts that are kept of one session; the oldest goes first. */
export const MAX_FAILED = 20;

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

  async draft(rid: string, session: string): Promise<string> {
    return (await this.#get<{ draft: string }>("drafts", `${rid}/${session}`))?.draft ?? "";
  }

  async keepDraft(rid: string, session: string, draft: string): Promise<void> {
    if (draft === "") await this.#delete("drafts", `${rid}/${session}`);
    else await this.#put("drafts", `${rid}/${session}`, { draft });
  }

  /** Oldest first. */
  async failed(rid: string, session: string): Promise<KeptFailure[]> {
    const keys = await this.#store.keys("failed", `${rid}/${session}/`);
    const kept = await Promise.all(keys.map((key) => this.#get<KeptFailure>("failed", key)));
    return kept.filter((one) => one !== null).sort((a, b) => a.prompt.at - b.prompt.at);
  }

  async keepFailed(rid: string, session: string, failure: KeptFailure): Promise<void> {
    await this.#put("failed", `${rid}/${session}/${failure.prompt.id}`, failure);
    for (const { prompt } of (await this.failed(rid, session)).slice(0, -MAX_FAILED)) {
      await this.forgetFailed(rid, session, prompt.id);
    }
  }

  async forgetFailed(rid: string, session: string, prompt: string): Promise<void> {
    await this.#delete("failed", `${rid}/${session}/${prompt}`);
  }

  /** Where commands wait. */
  async waiting(): Promise<Place[]> {
    const keys = await this.#store.keys("outbox");
    return keys.map((key) => {
      const [rid = "", session = "", stream = ""] = key.split("/");
      return { rid, session, stream };
    });
  }

  /** What waits there; `now` is the latest that it can be from, whatever the clock was then. */
  async outbox({ rid, session, stream }: Place, now: number): Promise<Stored | null> {
    const key = `${rid}/${session}/${stream}`;
    const kept = await this.#get<Frozen>("outbox", key);
    // What cannot be read now may be read another time, or by another version: it is not ours to delete.
    if (kept === null) return null;
    const { last, prompts } = kept;
    const entries = kept.entries.map(({ bytes, at, ...entry }): StoredEntry => {
      return { ...entry, at: Math.min(at, now), payload: fromBase64url(bytes) ?? new Uint8Array(0) };
    });
    return { last, entries, prompts };
  }

  /** Whether it is so now. Where nothing can be kept, nothing is, which is no failure. */
  async keepOutbox({ rid, session, stream }: Place, stored: Stored | null): Promise<boolean> {
    const key = `${rid}/${session}/${stream}`;
    const written = stored === null ? this.#delete("outbox", key) : this.#put("outbox", key, frozen(stored));
    const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), DISK_WITHIN));
    return Promise.race([written, late]);
  }

  /** Whether it is so now. */
  async #put(table: Table, key: string, what: object): Promise<boolean> {
    if (!this.#vault.guarded) return true;
    const text = JSON.stringify({ ...what, version: VERSION });
    try {
      await this.#store.put(table, key, await this.#vault.seal(new TextEncoder().encode(text)));
      return true;
    } catch {
      // The disk is full, or the page is being closed: what was kept before stays.
      return false;
    }
  }

  async #delete(table: Table, key: string): Promise<boolean> {
    try {
      await this.#store.delete(table, key);
      return true;
    } catch {
      return false;
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

/** {@link Stored} as text can hold it. */
interface Frozen extends Omit<Stored, "entries"> {
  entries: (Omit<StoredEntry, "payload"> & { bytes: string })[];
}

function frozen({ last, entries, prompts }: Stored): Frozen {
  const plain = entries.map(({ payload, ...entry }) => ({ ...entry, bytes: toBase64url(payload) }));
  return { last, entries: plain, prompts };
}
