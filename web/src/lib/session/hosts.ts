/** What this browser knows of each paired host, as it lies in the store. */

import type { DeviceKey } from "../seal";
import type { Bytes } from "../wire";
import type { Sealed } from "./vault";
import type { Store } from "./store";

/** The device's key: one the browser does not let out, or, on plain-http pages, its bytes. */
export type KeptKey =
  | Extract<DeviceKey, { kind: "webcrypto" }>
  | { readonly kind: "plain"; readonly publicKey: Bytes; readonly secret: Sealed };

export interface HostRecord {
  /** Its slot, base64url; also the record's key. */
  rid: string;
  /** Its public key, base64url. Pinned when pairing. */
  key: string;
  /** Where its relay is: an origin, such as `https://example.org`. */
  relay: string;
  /** Its name for itself. */
  name: string;
  /** This device's name there. */
  label: string;
  /** This device's id there. */
  device: string;
  deviceKey: KeptKey;
  /** The secret that every later handshake mixes in. */
  secret: Sealed;
  /** The four words of the pairing. */
  words: readonly string[];
  /** Unix milliseconds. */
  addedAt: number;
}

export async function loadHosts(store: Store): Promise<HostRecord[]> {
  const records = await store.all<HostRecord>("hosts");
  return records.map(([, record]) => record).sort((a, b) => a.addedAt - b.addedAt);
}

export async function saveHost(store: Store, record: HostRecord): Promise<void> {
  await store.put("hosts", record.rid, record);
}

/** Everything of this host: its key and secret, what waits for it, and what was seen of its sessions. */
export async function forgetHost(store: Store, rid: string): Promise<void> {
  await store.delete("hosts", rid);
  await store.delete("lists", rid);
  for (const table of ["drafts", "failed", "outbox", "screens"] as const) await store.deletePrefix(table, `${rid}/`);
}
