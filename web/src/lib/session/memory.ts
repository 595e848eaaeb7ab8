/**
 * What outlives the page: a host's list of sessions, how their screens looked when they were left, the composer's
 * drafts, and commands that are not settled. Kept only where it can be sealed: without a key, what was on a screen or
 * typed does not go to the disk.
 */

import { fromBase64url, toBase64url } from "../wire";
import { VERSION, type Failure, type Role, type Summary } from "./message";
import type { Change, Store, Table } from "./store";
import type { Kept, Prompt, Stored, StoredEntry } from "./stored";
import type { There } from "./upload";
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

/** What is to be sent from the composer. */
export interface KeptDraft {
  text: string;
  /** Those that are with the session already. */
  files: readonly There[];
}

export const NO_DRAFT: KeptDraft = { text: "", files: [] };

export function isEmpty({ text, files }: KeptDraft): boolean {
  return text === "" && files.length === 0;
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
  /** What is being written of texts and commands: what is given later also lies there later, however long each takes. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(store: Store, vault: Vault) {
    this.#store = store;
    this.#vault = vault;
  }

  async list(rid: string): Promise<KeptList | null> {
    return this.#get<KeptList>("lists", rid);
  }

  async keepList(rid: string, list: KeptList): Promise<void> {
    await this.#write("lists", rid, list);
  }

  async forgetList(rid: string): Promise<void> {
    await this.#store.delete("lists", rid);
  }

  async look(rid: string, session: string): Promise<KeptLook | null> {
    return this.#get<KeptLook>("screens", `${rid}/${session}`);
  }

  async keepLook(rid: string, session: string, look: KeptLook): Promise<void> {
    await this.#write("screens", `${rid}/${session}`, look);
  }

  async forgetLook(rid: string, session: string): Promise<void> {
    await this.#store.delete("screens", `${rid}/${session}`);
  }

  async draft(rid: string, session: string): Promise<KeptDraft> {
    const kept = await this.#get<OldDraft>("drafts", `${rid}/${session}`);
    return { text: kept?.text ?? kept?.draft ?? "", files: filesOf(kept?.files) };
  }

  /** In one step with taking away the failed prompts that it was made from. Whether it is so now. */
  async keepDraft(rid: string, session: string, draft: KeptDraft, instead: readonly string[] = []): Promise<boolean> {
    const key = `${rid}/${session}`;
    return this.#inTurn(() => this.#write("drafts", key, isEmpty(draft) ? null : draft, failedKeys(key, instead)));
  }

  /** Oldest first. */
  async failed(rid: string, session: string): Promise<KeptFailure[]> {
    const keys = await this.#store.keys("failed", `${rid}/${session}/`);
    const kept = await Promise.all(keys.map((key) => this.#get<KeptFailure>("failed", key)));
    return kept
      .filter((one) => one !== null)
      .map((one) => ({ ...one, prompt: promptOf(one.prompt) }))
      .sort((a, b) => a.prompt.at - b.prompt.at);
  }

  async keepFailed(rid: string, session: string, failure: KeptFailure): Promise<void> {
    // What waits is written down without it only after this.
    await this.#inTurn(() => this.#write("failed", `${rid}/${session}/${failure.prompt.id}`, failure));
    for (const { prompt } of (await this.failed(rid, session)).slice(0, -MAX_FAILED)) {
      await this.forgetFailed(rid, session, prompt.id);
    }
  }

  async forgetFailed(rid: string, session: string, prompt: string): Promise<void> {
    await this.#write("failed", `${rid}/${session}/${prompt}`, null);
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
    return { last, entries, prompts: prompts.map(promptOf) };
  }

  /** In one step with taking away the failed prompts that are sent again in it, and the draft, where that was sent. */
  async keepOutbox(
    place: Place,
    stored: Stored | null,
    instead: readonly string[] = [],
    draftSent = false,
  ): Promise<Kept> {
    if (!this.#vault.guarded) return "never";
    const { rid, session, stream } = place;
    const also = failedKeys(`${rid}/${session}`, instead);
    if (draftSent) also.push({ table: "drafts", key: `${rid}/${session}` });
    const what = stored === null ? null : frozen(stored);
    const written = this.#inTurn(() => this.#write("outbox", `${rid}/${session}/${stream}`, what, also));
    const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), DISK_WITHIN));
    return (await Promise.race([written, late])) ? "kept" : "failed";
  }

  #inTurn<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#writing.then(write);
    this.#writing = written;
    return written;
  }

  /** Writes or, where it is null, deletes this, and deletes those. Whether it is so now. */
  async #write(table: Table, key: string, what: object | null, gone: readonly Change[] = []): Promise<boolean> {
    if (what !== null && !this.#vault.guarded) return true;
    try {
      const text = JSON.stringify({ ...what, version: VERSION });
      const value = what === null ? undefined : await this.#vault.seal(new TextEncoder().encode(text));
      const change = value === undefined ? { table, key } : { table, key, value };
      // A number that was given out must not be free again after a power cut; all else can be written once more.
      await this.#store.write([change, ...gone], table === "outbox" && what !== null ? "strict" : "default");
      return true;
    } catch {
      // The disk is full, or the page is being closed: what was kept before stays.
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

function failedKeys(place: string, prompts: readonly string[]): Change[] {
  return prompts.map((prompt) => ({ table: "failed", key: `${place}/${prompt}` }));
}

/** {@link KeptDraft} as earlier versions of this page may have kept it. */
interface OldDraft {
  text?: string;
  draft?: string;
  files?: OldFiles;
}

/** Earlier, what the session calls them was all that was kept. */
type OldFiles = readonly (There | string)[];

function filesOf(files: OldFiles = []): There[] {
  return files.map((file) => (typeof file === "string" ? { file, label: file, size: 0 } : file));
}

function promptOf(prompt: Prompt): Prompt {
  return prompt.files === undefined ? prompt : { ...prompt, files: filesOf(prompt.files) };
}

/** {@link Stored} as text can hold it. */
interface Frozen extends Omit<Stored, "entries"> {
  entries: (Omit<StoredEntry, "payload"> & { bytes: string })[];
}

function frozen({ last, entries, prompts }: Stored): Frozen {
  const plain = entries.map(({ payload, ...entry }) => ({ ...entry, bytes: toBase64url(payload) }));
  return { last, entries: plain, prompts };
}
