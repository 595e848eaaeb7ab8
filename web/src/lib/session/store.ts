/**
 * What this browser keeps, in IndexedDB: the hosts it is paired with, their keys, unsent commands, failed prompts,
 * drafts, and what was last seen of sessions. All of it leaves with "forget host" or with the site's data.
 */

const NAME = "longrein";
const VERSION = 3;

/** Where one kind of record is. */
export type Table = "drafts" | "failed" | "hosts" | "keys" | "lists" | "outbox" | "screens";

const TABLES: readonly Table[] = ["drafts", "failed", "hosts", "keys", "lists", "outbox", "screens"];

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's storage failed"));
  });
}

function startingWith(prefix: string): IDBKeyRange {
  return IDBKeyRange.bound(prefix, `${prefix}\uffff`);
}

export class Store {
  readonly #db: IDBDatabase;

  private constructor(db: IDBDatabase) {
    this.#db = db;
  }

  static async open(name = NAME): Promise<Store> {
    const request = indexedDB.open(name, VERSION);
    request.onupgradeneeded = () => {
      const { result: db } = request;
      for (const table of TABLES) if (!db.objectStoreNames.contains(table)) db.createObjectStore(table);
    };
    const db = await done(request);
    // A newer version of the page, in another tab, must not wait for this one.
    db.onversionchange = () => db.close();
    return new Store(db);
  }

  async get<T>(table: Table, key: string): Promise<T | undefined> {
    return (await done(this.#table(table, "readonly").get(key))) as T | undefined;
  }

  async all<T>(table: Table): Promise<[string, T][]> {
    const store = this.#table(table, "readonly");
    const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
    return keys.map((key, i) => [String(key), values[i] as T]);
  }

  /** The keys of all records, or of those whose key starts so. */
  async keys(table: Table, prefix = ""): Promise<string[]> {
    const keys = await done(this.#table(table, "readonly").getAllKeys(startingWith(prefix)));
    return keys.map(String);
  }

  async put(table: Table, key: string, value: unknown): Promise<void> {
    await done(this.#table(table, "readwrite").put(value, key));
  }

  async delete(table: Table, key: string): Promise<void> {
    await done(this.#table(table, "readwrite").delete(key));
  }

  /** Deletes every record whose key starts so. */
  async deletePrefix(table: Table, prefix: string): Promise<void> {
    await done(this.#table(table, "readwrite").delete(startingWith(prefix)));
  }

  #table(table: Table, mode: IDBTransactionMode): IDBObjectStore {
    return this.#db.transaction(table, mode).objectStore(table);
  }
}
