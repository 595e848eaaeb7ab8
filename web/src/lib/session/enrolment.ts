/**
 * What this browser can show to one host. Only the host knows what it has enrolled: it hands out a device's secret
 * before it enrols the device, which may wait for a person's yes, and the connection may break anywhere between. So what
 * a pairing came to is kept beside what is there already, and nothing is given up before the host has welcomed one of
 * them.
 */

import type { Enrolled, Invitation } from "./dial";
import type { HostRecord, KeptHost, KeptKey } from "./hosts";
import { pendingKey, pendingKeys } from "./hosts";
import { PathError } from "./io";
import type { Change, Store } from "./store";
import type { Vault } from "./vault";

/** An invitation, and the key that is to be enrolled with it. */
export interface Invited {
  invitation: Invitation;
  kept: KeptKey;
}

export class Enrolment {
  readonly rid: string;
  readonly #store: Store;
  readonly #vault: Vault;
  #welcomed: HostRecord | null;
  /** Newest first. */
  #pending: readonly HostRecord[];
  #invited: Invited | null = null;
  /** Which of the records is shown next; behind the last of them comes the invitation. */
  #at = 0;
  #discarded = false;

  private constructor(store: Store, vault: Vault, rid: string, { welcomed, pending }: Omit<KeptHost, "rid">) {
    this.#store = store;
    this.#vault = vault;
    this.rid = rid;
    this.#welcomed = welcomed;
    this.#pending = pending;
  }

  /** Of a host that was found in the store. */
  static kept(store: Store, vault: Vault, host: KeptHost): Enrolment {
    return new Enrolment(store, vault, host.rid, host);
  }

  /** Of a device that is to be paired. */
  static invited(store: Store, vault: Vault, invited: Invited): Enrolment {
    const enrolment = new Enrolment(store, vault, invited.invitation.rid, { welcomed: null, pending: [] });
    enrolment.#invited = invited;
    return enrolment;
  }

  /** What is shown next; without one, {@link invited}. */
  get record(): HostRecord | null {
    return this.#records[this.#at] ?? null;
  }

  get invited(): Invited | null {
    return this.#invited;
  }

  /** The host gave this, and counts the device as enrolled some time after this has ended. */
  async enrolled({ invitation, kept, device, secret, words }: Enrolled): Promise<void> {
    const record: HostRecord = {
      rid: this.rid,
      key: invitation.key,
      relay: invitation.relay,
      // Until the host tells its name.
      name: new URL(invitation.relay).host,
      label: invitation.label,
      device,
      deviceKey: kept,
      secret: await this.#vault.seal(secret),
      words,
      addedAt: Date.now(),
    };
    await this.#store.put("hosts", pendingKey(record), record);
    this.#pending = [record, ...this.#pending];
    this.#at = 0;
    if (this.#discarded) {
      await this.discard();
      throw new PathError("This pairing was given up.", true);
    }
  }

  /**
   * The host does not take this record, or, with null, not the invitation. Whether there is something else to show; it
   * begins anew where there is not.
   */
  refused(record: HostRecord | null): boolean {
    if (record !== this.record) return true;
    this.#at = (this.#at + 1) % (this.#records.length + (this.#invited === null ? 0 : 1));
    return this.#at !== 0;
  }

  /** The host welcomed this device, and told its name: this one's record stays, the others go. */
  async welcomed(device: string | null, name: string): Promise<void> {
    const record = this.#records.find((record) => record.device === device) ?? this.record;
    if (record === null) return;
    const named = record.name === name ? record : { ...record, name };
    const changes: Change[] = [];
    if (named !== this.#welcomed) changes.push({ table: "hosts", key: this.rid, value: named });
    if (this.#pending.length > 0) changes.push({ table: "hosts", key: pendingKeys(this.rid) });
    this.#welcomed = named;
    this.#pending = [];
    this.#invited = null;
    this.#at = 0;
    if (changes.length > 0) await this.#store.write(changes);
  }

  /** A pairing that came to nothing leaves nothing. */
  async discard(): Promise<void> {
    this.#discarded = true;
    if (this.#pending.length === 0) return;
    await this.#store.write(this.#pending.map((record) => ({ table: "hosts", key: pendingKey(record) })));
  }

  get #records(): readonly HostRecord[] {
    return this.#welcomed === null ? this.#pending : [this.#welcomed, ...this.#pending];
  }
}
