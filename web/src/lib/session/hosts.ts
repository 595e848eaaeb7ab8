/** What this browser knows of each paired host, as it lies in the store. */

import type { DeviceKey } from "../seal";
import type { Bytes } from "../wire";
import type { Sealed } from "./vault";
import { startingWith, type Store } from "./store";

/** The device's key: one the browser does not let out, or, on plain-http pages, its bytes. */
export type KeptKey =
  | Extract<DeviceKey, { kind: "webcrypto" }>
  | { readonly kind: "plain"; readonly publicKey: Bytes; readonly secret: Sealed };

export interface HostRecord {
  /** Its slot, base64url; also the record's key, once the host has welcomed it. */
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

/** What lies in the store of one host. */
export interface KeptHost {
  rid: string;
  /** What the host has welcomed. */
  welcomed: HostRecord | null;
  /** What it has given and not welcomed: it may have enrolled it or not. Newest first. */
  pending: readonly HostRecord[];
}

/** Under which key a record lies that the host has not welcomed. */
export function pendingKey({ rid, device }: HostRecord): string {
  return `${rid}/${device}`;
}

/** All of them of one host. */
export function pendingKeys(rid: string): IDBKeyRange {
  return startingWith(`${rid}/`);
}

export async function loadHosts(store: Store): Promise<KeptHost[]> {
  const records = await store.all<HostRecord>("hosts");
  const byAge = records.sort(([, a], [, b]) => a.addedAt - b.addedAt);
  return [...new Set(byAge.map(([, { rid }]) => rid))].map((rid) => {
    const of = byAge.filter(([, record]) => record.rid === rid);
    const [, welcomed = null] = of.find(([key]) => key === rid) ?? [];
    return { rid, welcomed, pending: of.flatMap(([key, record]) => (key === rid ? [] : [record])).reverse() };
  });
}

/** Everything of this host: its keys and secrets, what waits for it, and what was seen of its sessions. */
export async function forgetHost(store: Store, rid: string): Promise<void> {
  await store.delete("hosts", rid);
  await store.delete("lists", rid);
  for (const table of ["drafts", "failed", "hosts", "outbox", "screens"] as const) {
    await store.deletePrefix(table, `${rid}/`);
  }
}
