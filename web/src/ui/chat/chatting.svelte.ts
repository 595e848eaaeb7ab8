/** One session's chat while its screen is open: what is held of it, what is going on, and what is sent. */

import { SvelteMap } from "svelte/reactivity";
import { tick } from "svelte";
import { Transcript, type Plan } from "../../lib/session/chat";
import type { Attachment } from "../../lib/session/attachment";
import type { Setup, ToClient } from "../../lib/session/message";
import type { Partial } from "../../lib/session/partials";
import type { Item } from "../../lib/session/said";
import type { Tap } from "../../lib/session/view";
import { app } from "../app.svelte";
import type { Viewing } from "../terminal/viewing.svelte";
import { sendingOf, type Sending } from "./sending.svelte";
import { textOf } from "./words";

/** What is new is drawn at most this often. Milliseconds. */
const DRAWN_EVERY = 40;
/** A page that does not come within this is said to be missing. Milliseconds. */
const PAGE_WITHIN = 20_000;
/** Pages that are looked through for what the agent can be told. */
const SETUP_PAGES = 6;

/** A row of the list: something that was said, or that is being said. */
export type Row = Item | Partial;

export class Chatting implements Tap {
  readonly viewing: Viewing;
  readonly sending: Sending;
  rows: readonly Item[] = $state.raw([]);
  partials: readonly Partial[] = $state.raw([]);
  /** The rows changed at their beginning. */
  shift = $state(false);
  more = $state(true);
  full = $state(false);
  loading = $state(true);
  /** A page was asked for, and does not come. */
  late = $state(false);
  plan: Plan | null = $state.raw(null);
  setup: Setup | null = $state.raw(null);
  /** Cards that were opened or closed by hand, by their number. */
  readonly open = new SvelteMap<number, boolean>();
  /** A text is being looked for above what is held. */
  seeking: string | null = $state(null);
  /** What that came upon last. */
  reached: number | null = $state(null);
  /** It is looked for above this one. */
  #above = 0;
  readonly #chat: Transcript;
  #attachment: Attachment | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #late: ReturnType<typeof setTimeout> | null = null;
  #drawing = false;
  #pages = 0;
  /** The first row that is seen. */
  #seen = Infinity;

  constructor(viewing: Viewing) {
    this.viewing = viewing;
    const { entry, session } = viewing;
    this.#chat = new Transcript((before, room) => {
      entry.host.link.send({ t: "past", session, before, room });
      this.late = false;
      clearTimeout(this.#late ?? undefined);
      this.#late = setTimeout(() => (this.late = this.#chat.loading && entry.live), PAGE_WITHIN);
      this.#draw();
    });
    this.sending = sendingOf(entry, session);
  }

  /** Follows the session from here on; gives what ends that. */
  begin(): () => void {
    const { entry, session } = this.viewing;
    const attachment = app.attachment(entry, session);
    this.#attachment = attachment;
    this.viewing.attachment = attachment;
    const deaf = app.listen(entry, session, (event) => this.viewing.hear(event));
    attachment.tap = this;
    // The terminal is not drawn here, and keeps whatever size it has.
    attachment.show({ apply: (_, done) => done(), above: 0 }, null);
    this.sending.changed();
    return () => {
      deaf();
      attachment.tap = null;
      this.viewing.hide();
      clearTimeout(this.#timer ?? undefined);
      clearTimeout(this.#late ?? undefined);
    };
  }

  message(header: ToClient, payload: Uint8Array): void {
    switch (header.t) {
      case "attached":
        this.#chat.attached();
        break;
      case "detached":
        this.#chat.cut();
        break;
      case "snapshot":
        if (header.part === 0) this.#chat.snapshot(header.epoch, header.seq);
        break;
      case "event":
        this.#chat.event(header.epoch, header.seq, header.at, header, payload);
        break;
      case "past":
        this.#chat.past(header.seq, header.at, header, payload);
        return;
      case "past_end":
        this.#chat.pastEnd(header.before, header.more);
        this.#pages += 1;
        break;
      default:
        return;
    }
    this.#draw();
  }

  cut(): void {
    this.#chat.cut();
    this.#draw();
  }

  older(): void {
    if (!this.#chat.loading) this.#chat.older();
  }

  /** The page that did not come. */
  again(): void {
    this.#chat.again();
  }

  /** The first row that is seen, as the list is scrolled. */
  see(seq: number): void {
    this.#seen = seq;
    if (this.seeking === null && this.#chat.trim(seq)) this.#draw();
  }

  /** Goes upwards until a text is found, or there is no more. */
  seek(text: string): void {
    this.seeking = text;
    this.reached = null;
    this.#above = this.rows[0]?.seq ?? 0;
    this.older();
  }

  /** Rows that have the text, by their numbers. */
  find(text: string): number[] {
    const wanted = text.toLowerCase();
    return this.rows.filter((row) => has(row, wanted)).map(({ seq }) => seq);
  }

  interrupt(): void {
    this.#attachment?.interrupt();
  }

  configure(what: { mode: string } | { model: string }): void {
    this.#attachment?.command({ type: "configure", ...what });
  }

  #draw(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      void this.#drawNow();
    }, DRAWN_EVERY);
  }

  async #drawNow(): Promise<void> {
    if (this.#drawing) {
      this.#draw();
      return;
    }
    this.#drawing = true;
    // What is being looked through is needed.
    if (this.#seen !== Infinity && this.seeking === null) this.#chat.trim(this.#seen);
    const [next, was] = [this.#chat.rows, this.rows];
    const last = was.at(-1)?.seq ?? 0;
    this.more = this.#chat.more;
    this.full = this.#chat.full;
    this.loading = this.#chat.loading;
    if (!this.loading) this.late = false;
    this.plan = this.#chat.plan;
    this.setup = this.#chat.setup;
    if (was.length > 0 && next[0]?.seq !== was[0]?.seq && next.some(({ seq }) => seq <= last)) {
      // What changed above is told apart from what came below, so that nothing moves that is being read.
      this.shift = true;
      this.rows = next.filter(({ seq }) => seq <= last);
      await tick();
      this.shift = false;
    }
    this.rows = next;
    this.partials = this.#chat.partials;
    this.#drawing = false;
    this.#seekOn();
    const { structured } = this.viewing.summary?.agent ?? {};
    if (structured && this.setup === null && this.#pages > 0 && this.#pages < SETUP_PAGES) this.older();
  }

  #seekOn(): void {
    if (this.seeking === null || this.loading) return;
    const hit = this.find(this.seeking).findLast((seq) => seq < this.#above);
    if (hit === undefined && this.more && !this.full) {
      this.older();
      return;
    }
    this.seeking = null;
    if (hit !== undefined) this.#seen = hit;
    this.reached = hit ?? null;
  }
}

function has({ what, result }: Item, wanted: string): boolean {
  if (what.kind === "asked") return what.approval.title.toLowerCase().includes(wanted);
  if (what.kind !== "chat") return false;
  const text = textOf(what.chat).toLowerCase();
  return text.includes(wanted) || (result !== undefined && result.text.toLowerCase().includes(wanted));
}
