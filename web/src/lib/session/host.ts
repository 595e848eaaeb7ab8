/** One paired host as this page knows it: its link, its sessions, and those that are followed. */

import { Attachment } from "./attachment";
import type { LinkIo } from "./io";
import { HostLink, type Phase } from "./link";
import type { Notice, Summary, ToClient } from "./message";
import type { Stored } from "./stored";
import type { AttachmentEvents } from "./view";

export interface HostEvents {
  /** Phase or sessions changed. */
  changed(): void;
  notice(notice: Notice): void;
  /** The host told its name, and as which device this page is there. */
  named(name: string, device: string | null): void;
}

/** A welcome takes no longer than this, nor is another clock worth a word within it. Milliseconds. */
const ON_THE_WAY = 5_000;

export class Host {
  readonly link: HostLink;
  readonly sessions = new Map<string, Summary>();
  readonly #io: LinkIo;
  readonly #events: HostEvents;
  readonly #attachments = new Map<string, Attachment>();
  #known = false;
  #ahead = 0;

  constructor(io: LinkIo, events: HostEvents) {
    this.#io = io;
    this.#events = events;
    this.link = new HostLink(io, {
      phase: (phase) => this.#phase(phase),
      message: (header, payload) => this.#message(header, payload),
    });
  }

  /** Whether the list of sessions was heard at least once. */
  get known(): boolean {
    return this.#known;
  }

  /** How far the host's clock is ahead of this device's, where that is more than the way here explains. Milliseconds. */
  get ahead(): number {
    return this.#ahead;
  }

  /** Begins with the list that an earlier page has seen; {@link known} only says what this one has heard. */
  restore(sessions: readonly Summary[]): void {
    if (this.#known) return;
    for (const summary of sessions) this.sessions.set(summary.id, summary);
    this.#events.changed();
  }

  /** Commands wait for somebody. */
  get busy(): boolean {
    return [...this.#attachments.values()].some(({ busy }) => busy);
  }

  /** The page may end at any moment: what waits is written down. */
  async leave(): Promise<void> {
    await Promise.all([...this.#attachments.keys()].map((session) => this.settle(session)));
  }

  /** What waits for this session is written down. Whether none of it can be lost. */
  async settle(session: string): Promise<boolean> {
    return (await this.#attachments.get(session)?.leave()) ?? true;
  }

  /** Ready to follow a session; with what an earlier page left unsent. */
  attachment(session: string, events: AttachmentEvents, left: Stored | null = null): Attachment {
    const kept = this.#attachments.get(session);
    if (kept !== undefined) return kept;
    const { link } = this;
    const attachment = new Attachment(
      session,
      {
        send: (header, payload) => link.send(header, payload),
        now: () => this.#io.now(),
        after: (ms, then) => this.#io.after(ms, then),
        ask: () => link.ask(),
        get sent() {
          return link.sent;
        },
        get heard() {
          return link.arrived;
        },
        get roundTrip() {
          return link.roundTrip;
        },
      },
      events,
      left,
    );
    this.#attachments.set(session, attachment);
    attachment.begin();
    if (this.link.phase.at === "live") attachment.online();
    return attachment;
  }

  #phase(phase: Phase): void {
    if (phase.at === "live") {
      this.#events.named(phase.host, phase.device);
      this.link.send({ t: "watch" });
      for (const attachment of this.#attachments.values()) attachment.online();
    } else {
      for (const attachment of this.#attachments.values()) attachment.offline();
    }
    this.#events.changed();
  }

  #message(header: ToClient, payload: Uint8Array): void {
    switch (header.t) {
      case "state": {
        this.#known = true;
        const named = new Set(header.sessions);
        for (const id of this.sessions.keys()) if (!named.has(id)) this.sessions.delete(id);
        this.#events.changed();
        break;
      }
      case "changed":
        this.sessions.set(header.summary.id, header.summary);
        this.#events.changed();
        break;
      case "removed":
        this.sessions.delete(header.session);
        this.#events.changed();
        break;
      case "notice":
        this.#events.notice(header);
        break;
      case "attached":
      case "detached":
      case "event":
      case "snapshot":
      case "past":
      case "past_end":
      case "applied":
      case "refused":
        this.#attachments.get(header.session)?.message(header, payload);
        break;
      case "pong":
        for (const attachment of this.#attachments.values()) attachment.heard();
        this.#events.changed();
        break;
      case "welcome": {
        const ahead = header.time - this.#io.now();
        this.#ahead = Math.abs(ahead) < ON_THE_WAY ? 0 : ahead;
        this.#events.changed();
        break;
      }
      case "ping":
      case "reply":
        break;
    }
  }
}
