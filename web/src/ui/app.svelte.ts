/** What the whole page works with: the hosts this browser is paired with, and what is kept for them. */

import type { Attachment } from "../lib/session/attachment";
import { Dialer, type Invitation } from "../lib/session/dial";
import { Enrolment } from "../lib/session/enrolment";
import { Host } from "../lib/session/host";
import { forgetHost, loadHosts, type HostRecord } from "../lib/session/hosts";
import type { LinkIo } from "../lib/session/io";
import type { Phase } from "../lib/session/link";
import type { Decisions, DecidingViews } from "../lib/session/decisions";
import {
  isEmpty,
  Memory,
  NO_DRAFT,
  type KeptDraft,
  type KeptList,
  type KeptLook,
  type Place,
} from "../lib/session/memory";
import type { Event, Role, Summary } from "../lib/session/message";
import { NOTHING_LEFT, type Failed, type Stored } from "../lib/session/stored";
import { Store } from "../lib/session/store";
import { claimStreams, heldStreams, inherit } from "../lib/session/stream";
import { Vault } from "../lib/session/vault";
import type { AttachmentEvents, AttachmentView } from "../lib/session/view";
import { Failures } from "./failures.svelte";
import { router } from "./route.svelte";
import { toasts } from "./toasts.svelte";
import { inWords, missed, needsYou } from "./words";

/** A host, as the screens show it. */
export class HostEntry {
  readonly host: Host;
  readonly enrolment: Enrolment;
  record: HostRecord | null = $state.raw(null);
  phase: Phase = $state.raw({ at: "off" });
  sessions: Summary[] = $state.raw([]);
  known = $state(false);
  role: Role | null = $state(null);
  lastHeard: number | null = $state(null);
  roundTrip: number | null = $state(null);
  name = $state("");
  #ahead = $state(0);
  /** When {@link sessions} was so, where that is not now. Unix milliseconds. */
  asOf: number | null = $state(null);
  /** Decisions of this page, by "session/approval". */
  deciding: DecidingViews = $state.raw({});
  /** Made by the first of them, and as little loaded before. */
  decisions: Decisions | null = null;
  #kept: number | null = null;

  constructor(enrolment: Enrolment, io: LinkIo) {
    this.enrolment = enrolment;
    this.record = enrolment.record;
    this.name = this.record?.name ?? "";
    this.host = new Host(io, {
      changed: () => this.#changed(),
      notice: (notice) => {
        if (notice.notice === "paired") toasts.say(`${notice.device.label} was paired with ${this.name}.`);
        if (notice.notice === "confirm_pairing") toasts.say(`${notice.label} asks to be paired: confirm at the host.`);
        if (notice.notice === "revoked") toasts.say(`${notice.label} was removed from ${this.name}.`);
        if (notice.notice === "invitation_reused") toasts.say("A used pairing link was tried again, and refused.");
      },
      named: (name, device) => {
        this.name = name;
        app.welcomed(this, device);
      },
    });
  }

  get rid(): string {
    return this.enrolment.rid;
  }

  get live(): boolean {
    return this.phase.at === "live";
  }

  /** A time of the host's, by this device's clock. Unix milliseconds. */
  here(time: number): number {
    return time - this.#ahead;
  }

  /** Whether this device may type and start sessions here. */
  get operates(): boolean {
    return this.role === "operator" || this.role === "owner";
  }

  /** Whether this device may decide what is asked here. */
  get decides(): boolean {
    return this.role === "approver" || this.operates;
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
    const { link, sessions, known, ahead } = this.host;
    this.#ahead = ahead;
    this.record = this.enrolment.record;
    this.phase = link.phase;
    this.lastHeard = link.lastHeard;
    this.roundTrip = link.roundTrip;
    this.known = known;
    if (link.phase.at === "live") this.role = link.phase.role;
    this.asOf = known && this.live ? null : known ? link.lastHeard : this.#kept;
    this.sessions = [...sessions.values()].sort(
      (a, b) =>
        needsYou(b) - needsYou(a) ||
        Number(b.state === "running") - Number(a.state === "running") ||
        b.started_at - a.started_at,
    );
    this.decisions?.look(sessions.values());
    app.changed(this);
  }

  /** Reads the link's clocks; called once a second while somebody looks. */
  tick(): void {
    this.lastHeard = this.host.link.lastHeard;
    this.roundTrip = this.host.link.roundTrip;
  }
}

/** A clock that jumps by so much was stopped: the machine slept. Milliseconds. */
const SLEPT = 5_000;
/** A page that is loaded anew is there again within this, and goes on with what it has left. Milliseconds. */
const LOADED_WITHIN = 5_000;
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
  readonly failures = new Failures();
  #store: Store | null = null;
  #vault: Vault | null = null;
  #memory: Memory | null = null;
  #dialer: Dialer | null = null;
  #stream = "";
  #listeners = new Map<string, (event: Event) => void>();
  /** What an earlier page left in this page's stream, by "host/session". */
  #left = new Map<string, Stored>();
  /** Hosts again, each to deliver what a page that is gone has left in its stream. */
  #delivering: { entry: HostEntry; host: Host }[] = [];
  #keeps = false;
  /** It was another page's. */
  #inherited = false;
  /** What is taken from the disk once all of a session's prompts are settled, by "host/session". */
  readonly #owed = new Map<string, (() => Promise<unknown>)[]>();
  /** Also where nothing can be kept on the disk. */
  readonly #drafts = new Map<string, KeptDraft>();
  #listTimer: ReturnType<typeof setTimeout> | null = null;

  async start(): Promise<void> {
    try {
      this.#store = await Store.open();
      this.#vault = await Vault.open(this.#store);
      this.#memory = new Memory(this.#store, this.#vault);
      this.guarded = this.#vault.guarded;
      this.failures.keepIn(this.#memory);
      const locks = "locks" in navigator ? navigator.locks : null;
      this.#keeps = locks !== null && this.guarded;
      const waiting = await this.#memory.waiting();
      const streams = waiting.map(({ stream }) => stream);
      const { stream, inherited, others } = await claimStreams(streams, { storage: sessionStorage, locks });
      this.#stream = stream;
      this.#inherited = inherited;
      const left = await this.#leftIn(waiting, this.#keeps ? [stream, ...others] : streams);
      for (const [{ rid, session, stream: of }, stored] of left) {
        if (of === stream) this.#left.set(`${rid}/${session}`, stored);
      }
      this.#dialer = new Dialer(this.#vault);
      this.hosts = await this.#loadHosts(this.#store, this.#vault);
      await Promise.all(this.hosts.map((entry) => this.#restore(entry)));
      for (const entry of this.hosts) entry.host.link.start();
      for (const place of this.#left.keys()) {
        const [rid = "", session = ""] = place.split("/");
        const entry = this.host(rid);
        if (entry !== undefined) this.attachment(entry, session);
      }
      for (const other of others) this.#deliver(left.filter(([{ stream }]) => stream === other));
      if (locks !== null && this.#keeps) void this.#followPages(locks).catch(() => undefined);
      void navigator.storage?.persist?.();
    } catch (error) {
      this.failure = `This browser does not let Longrein keep anything: ${inWords(error)}`;
    }
    this.ready = true;
    const links = () => [...this.hosts, ...this.#delivering].map(({ host }) => host.link);
    const now = () => {
      for (const link of links()) link.wake();
    };
    const wake = () => {
      if (document.visibilityState === "visible") now();
    };
    let ticked = Date.now();
    setInterval(() => {
      if (Date.now() - ticked >= SLEPT) wake();
      ticked = Date.now();
      for (const entry of this.hosts) entry.tick();
    }, 1000);
    const leave = () => {
      for (const { host } of [...this.hosts, ...this.#delivering]) void host.leave();
      void this.#keepLists();
    };
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") now();
      else {
        leave();
        for (const link of links()) link.rest();
      }
    });
    for (const event of ["pageshow", "focus"]) addEventListener(event, wake);
    document.addEventListener("resume", wake);
    // Also where nobody looks: a page in the background is to be right when it is looked at. What can still be reached
    // after "offline" (a host on this machine) answers the probe; the rest is known to be gone at once.
    for (const event of ["online", "offline"]) addEventListener(event, now);
    const network = (navigator as { connection?: EventTarget & { type?: string } }).connection;
    let type = network?.type;
    network?.addEventListener("change", () => {
      // It also tells of every new estimate of its speed, which is no reason to connect anew.
      if (network.type !== type) now();
      type = network.type;
    });
    addEventListener("pagehide", leave);
  }

  host(rid: string): HostEntry | undefined {
    return this.hosts.find((entry) => entry.rid === rid);
  }

  /** Begins to pair. The entry joins {@link hosts} once the host has welcomed this device. */
  async pair(invitation: Invitation, label: string): Promise<HostEntry> {
    const [store, vault, dialer] = [this.#store, this.#vault, this.#dialer];
    if (store === null || vault === null || dialer === null)
      throw new Error(this.failure ?? "This page is not ready yet.");
    const invited = { invitation: { ...invitation, label }, kept: await dialer.newKey() };
    const entry = this.#entry(Enrolment.invited(store, vault, invited));
    entry.host.link.start();
    return entry;
  }

  /** The host welcomed this device, and told its name. */
  welcomed(entry: HostEntry, device: string | null): void {
    // What could not be written lies there as not yet welcomed, and is tried again.
    void entry.enrolment.welcomed(device, entry.name).catch(() => undefined);
    if (this.hosts.includes(entry)) return;
    const older = this.host(entry.rid);
    older?.host.link.stop();
    this.hosts = [...this.hosts.filter((other) => other !== older), entry];
  }

  /** A pairing that came to nothing leaves nothing. */
  async abandon(entry: HostEntry): Promise<void> {
    entry.host.link.stop();
    if (!this.hosts.includes(entry)) await entry.enrolment.discard();
  }

  async forget(entry: HostEntry): Promise<void> {
    entry.host.link.stop();
    this.hosts = this.hosts.filter((other) => other !== entry);
    for (const delivery of this.#delivering) if (delivery.entry === entry) delivery.host.link.stop();
    this.#delivering = this.#delivering.filter((delivery) => delivery.entry !== entry);
    if (this.#store !== null) await forgetHost(this.#store, entry.rid);
  }

  /** The session as this page follows it. */
  attachment(entry: HostEntry, session: string): Attachment {
    const place = `${entry.rid}/${session}`;
    const attachment = this.#attach(
      entry,
      entry.host,
      { rid: entry.rid, session, stream: this.#stream },
      {
        event: (event) => this.#listeners.get(place)?.(event),
        left: this.#left.get(place) ?? (this.#inherited ? NOTHING_LEFT : null),
      },
    );
    this.#left.delete(place);
    return attachment;
  }

  /** What waits of the composer's texts, and was taken just now, in whichever stream. */
  prompts(entry: HostEntry, session: string): AttachmentView["prompts"] {
    const views = Object.entries(this.views).filter(([key]) => key.startsWith(`${entry.rid}/${session}`));
    return views.flatMap(([, view]) => view.prompts).sort((a, b) => a.prompt.at - b.prompt.at);
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
    if (entry.phase.at === "refused" && this.hosts.includes(entry)) void this.#memory?.forgetList(entry.rid);
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

  /** What the composer held when it was last left. */
  async draft(entry: HostEntry, session: string): Promise<KeptDraft> {
    const known = this.#drafts.get(`${entry.rid}/${session}`);
    return known ?? (await this.#memory?.draft(entry.rid, session)) ?? NO_DRAFT;
  }

  /** What the composer holds now; it is not written down by this. */
  noteDraft(entry: HostEntry, session: string, draft: KeptDraft): void {
    this.#drafts.set(`${entry.rid}/${session}`, draft);
  }

  /** In one step with taking away the failed prompts that it was made from. Whether it is so now. */
  async keepDraft(
    entry: HostEntry,
    session: string,
    draft: KeptDraft,
    instead: readonly string[] = [],
  ): Promise<boolean> {
    const place = `${entry.rid}/${session}`;
    const keep = async () => {
      if (!this.hosts.includes(entry)) return true;
      // Where it is late, what was written meanwhile stays.
      const now = this.#drafts.get(place) ?? draft;
      return (await this.#memory?.keepDraft(entry.rid, session, now, instead)) ?? true;
    };
    if (!isEmpty(draft)) return keep();
    // What was sent is written down as sent before it is gone from here.
    await this.#onceSafe(entry, session, keep);
    return true;
  }

  /** A failed prompt was given to its session again: its copy goes once that is written down. */
  async sentAgain(entry: HostEntry, session: string, id: string): Promise<void> {
    this.failures.again(entry.rid, session, id);
    await this.#onceSafe(entry, session, () => this.failures.gone(entry.rid, session, [id]));
  }

  /** Does this once what waits for the session is written down, or, where it cannot be, is settled. */
  async #onceSafe(entry: HostEntry, session: string, then: () => Promise<unknown>): Promise<void> {
    const place = `${entry.rid}/${session}`;
    if (await entry.host.settle(session)) await then();
    else this.#owed.set(place, [...(this.#owed.get(place) ?? []), then]);
  }

  /** A prompt of the session was settled. */
  #settled(entry: HostEntry, session: string): void {
    const place = `${entry.rid}/${session}`;
    const owed = this.#owed.get(place) ?? [];
    this.#owed.delete(place);
    for (const then of owed) void this.#onceSafe(entry, session, then);
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

  async #loadHosts(store: Store, vault: Vault): Promise<HostEntry[]> {
    return (await loadHosts(store)).map((host) => this.#entry(Enrolment.kept(store, vault, host)));
  }

  #entry(enrolment: Enrolment): HostEntry {
    return new HostEntry(enrolment, this.#io(enrolment, this.#stream));
  }

  #io(enrolment: Enrolment, stream: string): LinkIo {
    if (this.#dialer === null) throw new Error("not started");
    return this.#dialer.io(enrolment, stream);
  }

  /** What lies there of these streams. */
  async #leftIn(waiting: readonly Place[], streams: readonly string[]): Promise<[Place, Stored][]> {
    const left: [Place, Stored][] = [];
    for (const place of waiting) {
      if (!streams.includes(place.stream)) continue;
      const stored = await this.#memory?.outbox(place, Date.now());
      if (stored) left.push([place, stored]);
    }
    return left;
  }

  /** Takes over what waits in other pages that are there now, or will be, once they are gone. */
  async #followPages(locks: LockManager): Promise<void> {
    const pause = () => new Promise<void>((resolve) => setTimeout(resolve, LOADED_WITHIN));
    const follow = async (stream: string) => {
      await inherit(stream, locks, pause);
      const waiting = (await this.#memory?.waiting()) ?? [];
      this.#deliver(await this.#leftIn(waiting, [stream]));
    };
    const pages = new BroadcastChannel("longrein.pages");
    pages.onmessage = ({ data }: MessageEvent<string>) => void follow(data);
    pages.postMessage(this.#stream);
    for (const stream of await heldStreams(locks)) if (stream !== this.#stream) void follow(stream);
  }

  /** Delivers what a page that is gone has left in its stream, over a link that ends once that is settled. */
  #deliver(left: readonly [Place, Stored][]): void {
    for (const rid of new Set(left.map(([{ rid }]) => rid))) {
      const entry = this.host(rid);
      const places = left.filter(([place]) => place.rid === rid);
      const [first] = places;
      if (entry === undefined || first === undefined) continue;
      const nothing = () => undefined;
      const host = new Host(this.#io(entry.enrolment, first[0].stream), {
        changed: () => {
          if (!this.#delivering.some((delivery) => delivery.host === host) || host.busy) return;
          this.#delivering = this.#delivering.filter((delivery) => delivery.host !== host);
          host.link.stop();
        },
        notice: nothing,
        named: nothing,
      });
      for (const [place, stored] of places) this.#attach(entry, host, place, { event: nothing, left: stored });
      if (!host.busy) continue;
      this.#delivering.push({ entry, host });
      host.link.start();
    }
  }

  #attach(
    entry: HostEntry,
    host: Host,
    { rid, session, stream }: Place,
    { event, left }: { event: AttachmentEvents["event"]; left: Stored | null },
  ): Attachment {
    const key = stream === this.#stream ? `${rid}/${session}` : `${rid}/${session}/${stream}`;
    // Not at once: it is called also while a screen is being taken down.
    const changed = () => queueMicrotask(() => (this.views = { ...this.views, [key]: attachment.view }));
    const attachment = host.attachment(
      session,
      {
        changed,
        event,
        failed: (failed) => this.#failed(entry, session, failed),
        taken: (prompts) => {
          for (const { id } of prompts) void this.failures.remove(rid, session, id);
          this.#settled(entry, session);
        },
        keep: async (stored) => {
          if (!this.#keeps || this.#memory === null || !this.hosts.includes(entry)) return "never";
          const place = { rid, session, stream };
          if (stored === null || stream !== this.#stream) return this.#memory.keepOutbox(place, stored);
          // What was sent is not left in the composer for the next page to send a second time.
          const draft = this.#drafts.get(`${rid}/${session}`);
          const draftSent = draft !== undefined && isEmpty(draft);
          return this.#memory.keepOutbox(place, stored, this.failures.sentAgain(rid, session), draftSent);
        },
      },
      left,
    );
    changed();
    return attachment;
  }

  #failed(entry: HostEntry, session: string, failed: Failed): void {
    const { prompt, why } = failed;
    const { route } = router;
    // The session's own screen shows it, also when it is opened later.
    const shown = route.at === "session" && route.host === entry.rid && route.session === session;
    const name = entry.sessions.find(({ id }) => id === session)?.name ?? "a session";
    if (prompt === null) {
      const words = missed(failed);
      this.failures.miss(entry.rid, session, words);
      if (!shown) toasts.warn(`${name}: ${words}`);
      return;
    }
    void this.failures.add(entry.rid, session, { prompt, why });
    this.#settled(entry, session);
    if (!shown) toasts.warn(`A prompt for ${name} failed. ${`${why.message} ${why.hint}`.trim()}`);
  }
}

export const app = new App();
