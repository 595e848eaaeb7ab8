/**
 * What this browser keeps, in IndexedDB: the hosts it is paired with, their keys, unsent commands, failed prompts,
 * drafts, and what was last seen of sessions. All of it leaves with "forget host" or with the site's data.
 */

const NAME = "longrein";
const VERSION = 3;

/** Where one kind of record is. */
export type Table = "drafts" | "failed" | "hosts" | "keys" | "lists" | "outbox" | "screens";

const TABLES: readonly Table[] = ["drafts", "failed", "hosts", "keys", "lists", "outbox", "screens"];

/** One record to be written, or, without a value, to be deleted. */
export type Change =
  { table: Table; key: string; value: object } | { table: Table; key: string | IDBKeyRange; value?: undefined };

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's storage failed"));
  });
}

/** All keys that start so. */
export function startingWith(prefix: string): IDBKeyRange {
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
    return (await done(this.#table(table).get(key))) as T | undefined;
  }

  async all<T>(table: Table): Promise<[string, T][]> {
    const store = this.#table(table);
    const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
    return keys.map((key, i) => [String(key), values[i] as T]);
  }

  /** The keys of all records, or of those whose key starts so. */
  async keys(table: Table, prefix = ""): Promise<string[]> {
    const keys = await done(this.#table(table).getAllKeys(startingWith(prefix)));
    return keys.map(String);
  }

  async put(table: Table, key: string, value: object): Promise<void> {
    await this.write([{ table, key, value }]);
  }

  async delete(table: Table, key: string): Promise<void> {
    await this.write([{ table, key }]);
  }

  /** Deletes every record whose key starts so. */
  async deletePrefix(table: Table, prefix: string): Promise<void> {
    await this.write([{ table, key: startingWith(prefix) }]);
  }

  /**
   * All of it or nothing; one without a value is deleted. Ends when it is on the disk, and with `strict` so that also
   * a machine that loses its power finds it there.
   */
  async write(changes: readonly Change[], durability: IDBTransactionDurability = "default"): Promise<void> {
    const tables = new Set(changes.map(({ table }) => table));
    const transaction = this.#db.transaction([...tables], "readwrite", { durability });
    // A request that has succeeded may still be taken back: where there is no room that is found out at the end.
    const complete = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("the browser's storage failed"));
    });
    for (const change of changes) {
      const store = transaction.objectStore(change.table);
      if (change.value === undefined) store.delete(change.key);
      else store.put(change.value, change.key);
    }
    await complete;
  }

  #table(table: Table): IDBObjectStore {
    return this.#db.transaction(table).objectStore(table);
  }
}
