/** What the whole page works with: the hosts this browser is paired with, and what is kept for them. */

import type { Attachment, AttachmentView } from "../lib/session/attachment";
import { Dialer, type Enrolled, type Invitation } from "../lib/session/dial";
import { Host } from "../lib/session/host";
import { forgetHost, loadHosts, saveHost, type HostRecord, type KeptKey } from "../lib/session/hosts";
import type { Phase } from "../lib/session/link";
import { Memory, type KeptList, type KeptLook } from "../lib/session/memory";
import type { Event, Role, Summary } from "../lib/session/message";
import type { StoredEntry } from "../lib/session/outbox";
import { Store } from "../lib/session/store";
import { claimStream } from "../lib/session/stream";
import { Vault, type Sealed } from "../lib/session/vault";
import { toasts } from "./toasts.svelte";
import { inWords } from "./words";

/** A host, as the screens show it. */
export class HostEntry {
  readonly host: Host;
  record: HostRecord | null = $state.raw(null);
  phase: Phase = $state.raw({ at: "off" });
  sessions: Summary[] = $state.raw([]);
  known = $state(false);
  role: Role | null = $state(null);
  lastHeard: number | null = $state(null);
  roundTrip: number | null = $state(null);
  name = $state("");
  /** When {@link sessions} was so, where that is not now. Unix milliseconds. */
  asOf: number | null = $state(null);
  #kept: number | null = null;

  constructor(record: HostRecord | null, dialer: Dialer, invitation: Invitation | null, kept: KeptKey | null) {
    this.record = record;
    this.name = record?.name ?? "";
    const io = dialer.io({
      record: () => this.record,
      invitation,
      kept,
      enrolled: (enrolled) => app.enrolled(this, enrolled),
    });
    this.host = new Host(io, {
      changed: () => this.#changed(),
      notice: (notice) => {
        if (notice.notice === "paired") toasts.say(`${notice.device.label} was paired with ${this.name}.`);
        if (notice.notice === "confirm_pairing") toasts.say(`${notice.label} asks to be paired: confirm at the host.`);
        if (notice.notice === "revoked") toasts.say(`${notice.label} was removed from ${this.name}.`);
        if (notice.notice === "invitation_reused") toasts.say("A used pairing link was tried again, and refused.");
      },
      named: (name) => {
        this.name = name;
        app.named(this, name);
      },
    });
  }

  get rid(): string {
    return this.record?.rid ?? "";
  }

  get live(): boolean {
    return this.phase.at === "live";
  }

  /** Whether this device may type and start sessions here. */
  get operates(): boolean {
    return this.role === "operator" || this.role === "owner";
  }

  /** Shows what an earlier page has seen, until the host tells. */
  restore(kept: KeptList): void {
    this.#kept = kept.at;
    this.role = kept.role;
    this.host.restore(kept.sessions);
  }

  /** The list as this page has last heard it; null where it has not. */
  get heard(): KeptList | null {
    const { known, sessions, link } = this.host;
    if (!known || link.lastHeard === null || link.phase.at === "refused") return null;
    return { at: link.lastHeard, role: this.role, sessions: [...sessions.values()] };
  }

  #changed(): void {
    const { link, sessions, known } = this.host;
    this.phase = link.phase;
    this.lastHeard = link.lastHeard;
    this.roundTrip = link.roundTrip;
    this.known = known;
    if (link.phase.at === "live") this.role = link.phase.role;
    this.asOf = known && this.live ? null : known ? link.lastHeard : this.#kept;
    this.sessions = [...sessions.values()].sort(
      (a, b) => Number(b.state === "running") - Number(a.state === "running") || b.started_at - a.started_at,
    );
    app.changed(this);
  }

  /** Reads the link's clocks; called once a second while somebody looks. */
  tick(): void {
    this.lastHeard = this.host.link.lastHeard;
    this.roundTrip = this.host.link.roundTrip;
  }
}

/** A list that goes on changing is written down this often. Milliseconds. */
const LISTS_KEPT_EVERY = 3_000;

class App {
  ready = $state(false);
  /** Whether keys are in the browser's keeping, out of reach for scripts. */
  guarded = $state(true);
  failure: string | null = $state(null);
  hosts: HostEntry[] = $state.raw([]);
  /** How each followed session stands, by "host/session". */
  views: Readonly<Record<string, AttachmentView>> = $state.raw({});
  #store: Store | null = null;
  #vault: Vault | null = null;
  #memory: Memory | null = null;
  #dialer: Dialer | null = null;
  #stream = "";
  #listeners = new Map<string, (event: Event) => void>();
  #stored = new Map<string, StoredEntry[]>();
  #keeping = new Map<string, readonly StoredEntry[]>();
  #keepTimer: ReturnType<typeof setTimeout> | null = null;
  #listTimer: ReturnType<typeof setTimeout> | null = null;

  async start(): Promise<void> {
    try {
      this.#store = await Store.open();
      this.#vault = await Vault.open(this.#store);
      this.#memory = new Memory(this.#store, this.#vault);
      this.guarded = this.#vault.guarded;
      const waiting = await this.#store.all<Sealed>("outbox");
      // Keys are "host/session/stream".
      this.#stream = await claimStream([...new Set(waiting.map(([key]) => key.split("/")[2] ?? ""))]);
      for (const [key, sealed] of waiting) {
        if (!key.endsWith(`/${this.#stream}`)) continue;
        this.#stored.set(key, thaw(await this.#vault.open(sealed)));
      }
      this.#dialer = new Dialer(this.#vault, this.#stream);
      this.hosts = (await loadHosts(this.#store)).map((record) => this.#entry(record));
      await Promise.all(this.hosts.map((entry) => this.#restore(entry)));
      for (const entry of this.hosts) entry.host.link.start();
      for (const key of this.#stored.keys()) {
        const [rid = "", session = ""] = key.split("/");
        const entry = this.host(rid);
        if (entry !== undefined) this.attachment(entry, session);
      }
      void navigator.storage?.persist?.();
    } catch (error) {
      this.failure = `This browser does not let Longrein keep anything: ${inWords(error)}`;
    }
    this.ready = true;
    setInterval(() => {
      for (const entry of this.hosts) entry.tick();
    }, 1000);
    const wake = () => {
      if (document.visibilityState === "visible") for (const entry of this.hosts) entry.host.link.wake();
      else leave();
    };
    const leave = () => {
      void this.#keepNow();
      void this.#keepLists();
    };
    document.addEventListener("visibilitychange", wake);
    addEventListener("online", wake);
    // What can still be reached (a host on this machine) answers the probe; the rest is known to be gone at once.
    addEventListener("offline", wake);
    addEventListener("pageshow", wake);
    addEventListener("pagehide", leave);
    (navigator as { connection?: EventTarget }).connection?.addEventListener("change", wake);
  }

  host(rid: string): HostEntry | undefined {
    return this.hosts.find((entry) => entry.rid === rid);
  }

  /** Begins to pair. The entry joins {@link hosts} once the host has welcomed this device. */
  async pair(invitation: Invitation, label: string): Promise<HostEntry> {
    const dialer = this.#dialer;
    if (dialer === null) throw new Error(this.failure ?? "This page is not ready yet.");
    const kept = await dialer.newKey();
    const entry = new HostEntry(null, dialer, { ...invitation, label }, kept);
    entry.host.link.start();
    return entry;
  }

  /** The host enrolled this device: kept before anything else, so that nothing can lose it. */
  async enrolled(entry: HostEntry, enrolled: Enrolled): Promise<void> {
    const { invitation, kept, device, secret, words } = enrolled;
    const vault = this.#vault;
    if (vault === null || this.#store === null) return;
    entry.record = {
      rid: invitation.rid,
      key: invitation.key,
      relay: invitation.relay,
      name: entry.name,
      label: invitation.label,
      device,
      deviceKey: kept,
      secret: await vault.seal(secret),
      words,
      addedAt: Date.now(),
    };
    await saveHost(this.#store, entry.record);
  }

  /** The host welcomed this device, and told its name. */
  named(entry: HostEntry, name: string): void {
    if (entry.record === null) return;
    if (entry.record.name !== name) {
      entry.record = { ...entry.record, name };
      if (this.#store !== null) void saveHost(this.#store, entry.record);
    }
    if (this.hosts.includes(entry)) return;
    const older = this.host(entry.rid);
    older?.host.link.stop();
    this.hosts = [...this.hosts.filter((other) => other !== older), entry];
  }

  /** A pairing that came to nothing leaves nothing. */
  async abandon(entry: HostEntry): Promise<void> {
    entry.host.link.stop();
    if (this.hosts.includes(entry) || entry.record === null) return;
    const older = this.host(entry.record.rid);
    if (this.#store === null) return;
    if (older?.record) await saveHost(this.#store, older.record);
    else await forgetHost(this.#store, entry.record.rid);
  }

  async forget(entry: HostEntry): Promise<void> {
    entry.host.link.stop();
    this.hosts = this.hosts.filter((other) => other !== entry);
    if (this.#store !== null) await forgetHost(this.#store, entry.rid);
  }

  /** The session as this page follows it. */
  attachment(entry: HostEntry, session: string): Attachment {
    const key = `${entry.rid}/${session}/${this.#stream}`;
    const place = `${entry.rid}/${session}`;
    const attachment = entry.host.attachment(
      session,
      {
        changed: () => {
          // Not at once: it is called also while a screen is being taken down.
          queueMicrotask(() => (this.views = { ...this.views, [place]: attachment.view }));
        },
        event: (event) => this.#listeners.get(place)?.(event),
        failed: ({ entry: { act }, why }) => {
          const typed = act.type === "input" ? "What you typed" : "A command";
          toasts.warn(`${typed} was not applied. ${why.message} ${why.hint}`.trim());
        },
        keep: (waiting) => this.#keep(key, waiting),
      },
      this.#stored.get(key) ?? [],
    );
    this.#stored.delete(key);
    queueMicrotask(() => (this.views = { ...this.views, [place]: attachment.view }));
    return attachment;
  }

  /** Hears a session's structured events for as long as its screen is open. */
  listen(entry: HostEntry, session: string, to: (event: Event) => void): () => void {
    const place = `${entry.rid}/${session}`;
    this.#listeners.set(place, to);
    return () => this.#listeners.delete(place);
  }

  /** Something of a host has changed: its list is kept, soon. */
  changed(entry: HostEntry): void {
    // What a device saw that has no right to it any more is not shown again.
    if (entry.phase.at === "refused") void this.#memory?.forgetList(entry.rid);
    this.#listTimer ??= setTimeout(() => void this.#keepLists(), LISTS_KEPT_EVERY);
  }

  /** How a screen looked when it was last left. */
  async lastLook(entry: HostEntry, session: string): Promise<KeptLook | null> {
    return (await this.#memory?.look(entry.rid, session)) ?? null;
  }

  async keepLook(entry: HostEntry, session: string, look: string): Promise<void> {
    if (!this.hosts.includes(entry)) return;
    const at = entry.host.link.lastHeard ?? Date.now();
    await this.#memory?.keepLook(entry.rid, session, { at, look });
  }

  async forgetLook(entry: HostEntry, session: string): Promise<void> {
    await this.#memory?.forgetLook(entry.rid, session);
  }

  async #restore(entry: HostEntry): Promise<void> {
    const kept = await this.#memory?.list(entry.rid);
    if (kept) entry.restore(kept);
  }

  async #keepLists(): Promise<void> {
    if (this.#listTimer !== null) clearTimeout(this.#listTimer);
    this.#listTimer = null;
    for (const { rid, heard } of this.hosts) if (heard !== null) await this.#memory?.keepList(rid, heard);
  }

  #entry(record: HostRecord): HostEntry {
    if (this.#dialer === null) throw new Error("not started");
    return new HostEntry(record, this.#dialer, null, null);
  }

  /** Keeps what waits; soon rather than at once, because most commands are settled within a round trip. */
  #keep(key: string, waiting: readonly StoredEntry[]): void {
    this.#keeping.set(key, waiting);
    this.#keepTimer ??= setTimeout(() => void this.#keepNow(), 60);
  }

  readonly #onDisk = new Set<string>();

  async #keepNow(): Promise<void> {
    if (this.#keepTimer !== null) clearTimeout(this.#keepTimer);
    this.#keepTimer = null;
    const keeping = [...this.#keeping];
    this.#keeping.clear();
    if (this.#store === null || this.#vault === null) return;
    for (const [key, waiting] of keeping) {
      if (waiting.length === 0) {
        await this.#store.delete("outbox", key);
        this.#onDisk.delete(key);
      } else {
        this.#onDisk.add(key);
        await this.#store.put("outbox", key, await this.#vault.seal(freeze(waiting)));
      }
    }
  }
}

/** Commands as bytes, to be sealed. */
function freeze(entries: readonly StoredEntry[]): Uint8Array {
  const plain = entries.map(({ n, act, payload, at }) => ({ n, act, at, bytes: [...payload] }));
  return new TextEncoder().encode(JSON.stringify(plain));
}

function thaw(bytes: Uint8Array): StoredEntry[] {
  const plain = JSON.parse(new TextDecoder().decode(bytes)) as (Omit<StoredEntry, "payload"> & { bytes: number[] })[];
  return plain.map(({ n, act, at, bytes: payload }) => ({ n, act, at, payload: new Uint8Array(payload) }));
}

export const app = new App();
