/** One session's terminal while its screen is open: what draws it, whose size it has, and how it stands. */

import type { Attachment } from "../../lib/session/attachment";
import type { Event } from "../../lib/session/message";
import { app, type HostEntry } from "../app.svelte";
import { router } from "../route.svelte";
import { FONT_MIN, settings } from "../settings.svelte";
import { toasts } from "../toasts.svelte";
import { inWords } from "../words";
import type { Emulator } from "./emulator";
import { fitting, ownSize, type Box, type Cell } from "./layout";

/** The text of a screen that is larger than this one can be pinched to between these. */
const ZOOM_MIN = 4;
const ZOOM_MAX = 40;

/** What is above the screen is waited for so long. Milliseconds. */
const ABOVE_WITHIN = 3_000;

export class Viewing {
  readonly entry: HostEntry;
  readonly session: string;
  emulator: Emulator | null = $state.raw(null);
  attachment: Attachment | null = $state.raw(null);
  /** The room there is, and one cell at the person's own text size. */
  box: Box = $state.raw({ width: 0, height: 0 });
  cell: Cell | null = $state.raw(null);
  /** The text size that a pinch chose, for a screen whose size is another's. */
  zoom: number | null = $state(null);
  /** Nothing of the session itself is on the screen yet. */
  loading = $state(true);
  /** When the screen looked as it was remembered, where it was. Unix milliseconds. */
  lookAt: number | null = $state(null);
  banner: string | null = $state(null);
  exit: number | null = $state(null);
  /** When the session ends by itself, as far as it has said so: soon. Unix milliseconds. */
  endsAt: number | null = $state(null);
  /** It is being started again. */
  restarting = $state(false);

  readonly summary = $derived.by(() => this.entry.sessions.find((one) => one.id === this.session));
  readonly view = $derived.by(() => app.views[`${this.entry.rid}/${this.session}`]);
  /** The session that this one was started again as. */
  readonly continuation = $derived.by(() => this.entry.sessions.find((one) => one.continues === this.session));
  /** The session that this one goes on from, as long as it is there. */
  readonly before = $derived.by(() => this.entry.sessions.find((one) => one.id === this.summary?.continues));
  /** A host does not start from afar what somebody else's file says. */
  readonly mayRestart = $derived.by(() => this.entry.operates && this.summary?.imported !== true);
  readonly title = $derived(this.summary?.name ?? "Session");
  /** The program has ended. */
  readonly over = $derived(this.exit !== null || (this.summary !== undefined && this.summary.state !== "running"));
  /** The host does not have this session. */
  readonly gone = $derived.by(() => this.entry.known && this.entry.live && this.summary === undefined);
  /** This device may type here. */
  readonly may = $derived.by(() => this.entry.operates && !this.over);
  /** It is known what the program asked of its terminal, or did when it was last seen here. */
  readonly modesKnown = $derived(this.emulator !== null && (!this.loading || this.lookAt !== null));
  /** The terminal that would fit here. */
  readonly own = $derived(this.cell === null ? null : ownSize(this.box, this.cell));
  /** The terminal as it is. */
  readonly size = $derived(this.view?.size ?? null);
  /** Whether everything above the screen is on it. */
  readonly older = $derived.by((): "here" | "coming" | "missing" => {
    if (this.view?.older === "here") return "here";
    return this.view?.older === "wanted" && this.view.following ? "coming" : "missing";
  });
  /** Its size was set elsewhere. */
  readonly foreign = $derived(
    this.own !== null &&
      this.size !== null &&
      (this.size.cols !== this.own.cols || this.size.rows !== this.own.rows) &&
      this.view?.following === true,
  );
  readonly #fit = $derived(
    this.size === null || this.cell === null ? null : fitting(this.box, this.cell, this.size, settings.fontSize),
  );
  readonly fontSize = $derived(this.foreign ? (this.zoom ?? this.#fit ?? settings.fontSize) : settings.fontSize);

  constructor(entry: HostEntry, session: string) {
    this.entry = entry;
    this.session = session;
  }

  /** One of the session's structured events. */
  hear(event: Event): void {
    if (event.kind === "exit") this.exit = event.exit;
    if (event.kind === "banner") this.banner = event.text;
    if (event.kind === "ending") this.endsAt = event.ends_at ?? null;
  }

  /** The terminal is not looked at any more. */
  hide(): void {
    this.attachment?.hide();
    this.attachment = null;
    this.emulator = null;
    this.loading = true;
    this.lookAt = null;
  }

  /** Text of this size from now on, as far as that goes. */
  pinched(size: number): void {
    if (this.foreign) this.zoom = Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, size));
    else settings.fontSize = Math.max(FONT_MIN, size);
  }

  /** Brings all that is above the screen, and ends when it is there, or cannot be had. */
  async complete(): Promise<void> {
    this.attachment?.complete();
    let done = (): void => undefined;
    const there = new Promise<void>((resolve) => (done = resolve));
    const timer = setTimeout(done, ABOVE_WITHIN);
    const stop = $effect.root(() => {
      $effect(() => {
        if (this.older !== "coming") done();
      });
    });
    await there;
    clearTimeout(timer);
    stop();
  }

  /** Ends the program. */
  async stop(): Promise<void> {
    try {
      await this.entry.host.link.call("session.stop", { session: this.session });
    } catch (error) {
      toasts.warn(inWords(error));
    }
  }

  /** So many seconds more for the session; none at all takes its end away. */
  async give(seconds: number | null): Promise<void> {
    const ttl = seconds === null ? ({ ttl: "off" } as const) : ({ ttl: "more", seconds } as const);
    try {
      await this.entry.host.link.call("session.ttl", { session: this.session, ...ttl });
    } catch (error) {
      toasts.warn(inWords(error));
    }
  }

  /** The same program once more, in a session of its own, which is then shown. */
  async restart(): Promise<void> {
    if (this.restarting) return;
    this.restarting = true;
    const size = this.own === null ? {} : { size: this.own };
    try {
      const { session } = await this.entry.host.link.call("session.restart", { session: this.session, ...size });
      router.go({ at: "session", host: this.entry.rid, session });
    } catch (error) {
      const hint = error instanceof Error && "hint" in error ? String(error.hint) : "";
      toasts.warn(`${inWords(error)} ${hint}`.trim());
    }
    this.restarting = false;
  }

  /** Forgets the session, here and at its host. */
  async remove(): Promise<void> {
    try {
      await this.entry.host.link.call("session.remove", { session: this.session });
      await app.forgetLook(this.entry, this.session);
      router.home();
    } catch (error) {
      toasts.warn(inWords(error));
    }
  }
}
