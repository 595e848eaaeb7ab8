/**
 * What is on its way to a session's agent: files that go up, and a message that waits for them. It belongs to the
 * session, and goes on whatever is on the screen.
 */

import { SvelteMap } from "svelte/reactivity";
import type { KeptFailure } from "../../lib/session/memory";
import { MAX_PAYLOAD } from "../../lib/session/message";
import type { Failed } from "../../lib/session/stored";
import { freshId } from "../../lib/session/stream";
import { nameOf, Uploads, type There, type UploadView } from "../../lib/session/upload";
import type { Carrier } from "../../lib/session/view";
import { app, type HostEntry } from "../app.svelte";
import { perSession } from "../per-session";
import { router } from "../route.svelte";
import { draftOf, type Draft } from "../terminal/draft.svelte";
import { toasts } from "../toasts.svelte";
import { inWords } from "../words";

/** Bytes of a text that goes to the agent as such. */
export const MAX_TEXT = 32_000;

export class Sending implements Carrier {
  readonly draft: Draft;
  /** The message is to be sent as soon as its files are there. */
  held = $state(false);
  /** The agent is being started again with what was written. */
  goingOn = $state(false);
  /** Why it is not sent. */
  problem: string | null = $state(null);
  readonly #entry: HostEntry;
  readonly #session: string;
  readonly #uploads: Uploads;
  /** What was attached since the page was opened, by what the session calls it: it can be uploaded once more. */
  readonly #attached = new SvelteMap<string, File>();
  #underWay: readonly UploadView[] = $state.raw([]);

  constructor(entry: HostEntry, session: string) {
    this.#entry = entry;
    this.#session = session;
    this.draft = draftOf(entry, session);
    this.#uploads = new Uploads({
      send: (act, payload) => this.#attachment.command(act, payload),
      waiting: (file) =>
        this.#attachment.waiting.filter(({ act }) => act.type === "upload" && act.file === file).length,
      changed: () => this.#look(),
    });
  }

  get #attachment() {
    const attachment = app.attachment(this.#entry, this.#session);
    attachment.carrier = this;
    return attachment;
  }

  get files(): readonly UploadView[] {
    const there = this.draft.files.map((file): UploadView => ({ ...file, progress: 1, at: "there", why: "" }));
    return [...there, ...this.#underWay];
  }

  get uploading(): boolean {
    return this.#underWay.some(({ at }) => at === "under_way");
  }

  get empty(): boolean {
    return this.draft.text.trim() === "" && this.files.length === 0;
  }

  /** What cannot go along to another session, because only the one that has ended has it. */
  get stays(): readonly UploadView[] {
    return this.files.filter(({ file }) => !this.#attached.has(file));
  }

  changed(): void {
    this.#uploads.pump();
    this.#look();
  }

  failed({ entry, why }: Failed): boolean {
    return this.#uploads.failed(entry.act, why);
  }

  write(text: string): void {
    this.problem = null;
    this.held = false;
    this.draft.text = text;
  }

  /** Files are to come with the next message. */
  async attach(files: Iterable<File>): Promise<void> {
    // A list that the page holds is emptied meanwhile.
    for (const file of [...files]) this.problem = (await this.#attach(file)) ?? this.problem;
  }

  detach(file: string): void {
    this.draft.files = this.draft.files.filter((one) => one.file !== file);
    this.#attached.delete(file);
    this.#uploads.remove(file);
  }

  /** What was written, with its files; at once, or once they are there. */
  async send(): Promise<void> {
    this.held = false;
    if (this.empty) return;
    const failed = this.#underWay.find(({ at }) => at === "failed");
    if (failed !== undefined) {
      this.problem = `${failed.label} could not be uploaded. Take it away, and attach it again.`;
      return;
    }
    const { text, files } = this.draft;
    if (new TextEncoder().encode(text).length > MAX_TEXT) {
      this.problem = await this.#attach(new File([text], "message.txt"));
      if (this.problem !== null) return;
      this.write("");
      this.problem = "It is long, and goes as a file. Send it with a few words.";
      return;
    }
    if (this.uploading) {
      this.held = true;
      return;
    }
    this.problem = this.#say(text, files);
    // Words that nobody took are not thrown away.
    if (this.problem !== null) return;
    this.draft.clear();
    this.#attached.clear();
  }

  /**
   * Starts the agent again with its conversation, in a session of its own, and says there what was written. Where it goes
   * on in a session already, it is said there, or, where something else is written there, stands behind that. What was
   * attached is uploaded there, too.
   */
  async goOn(continuation?: string): Promise<void> {
    const { text } = this.draft;
    if (this.goingOn || this.empty) return;
    this.problem = this.stays.length > 0 ? "Take away first what cannot go along." : null;
    if (this.problem !== null) return;
    this.goingOn = true;
    const { link } = this.#entry.host;
    try {
      const session = continuation ?? (await link.call("session.restart", { session: this.#session })).session;
      const next = sendingOf(this.#entry, session);
      await next.draft.restore();
      const untouched = next.empty;
      // What was written meanwhile goes along, and is sent by whoever is still writing it.
      const now = this.draft.text;
      next.draft.append(now);
      this.draft.text = "";
      await next.attach(this.#handOver());
      if (now === text && untouched && next.problem === null) void next.send();
      if (this.#shown) router.go({ at: "session", host: this.#entry.rid, session });
    } catch (error) {
      this.problem = `Not sent. ${inWords(error)}`;
    }
    this.goingOn = false;
  }

  /** A message that failed, once more. */
  again({ prompt: { id, text, files = [] } }: KeptFailure): void {
    const why = this.#say(text, files);
    if (why === null) void app.sentAgain(this.#entry, this.#session, id);
    else toasts.warn(`Not sent. ${why}`);
  }

  /** What was attached is another session's from here on. */
  #handOver(): File[] {
    const files = [...this.#attached.values()];
    for (const file of [...this.#attached.keys()]) this.detach(file);
    return files;
  }

  async #attach(file: File): Promise<string | null> {
    try {
      const bytes = new Uint8Array(await file.arrayBuffer());
      const name = nameOf(freshId(), file.name);
      this.#attached.set(name, file);
      const why = this.#uploads.add(name, file.name || "file", bytes, this.draft.files.length);
      if (why !== null) this.#attached.delete(name);
      return why;
    } catch (error) {
      return `${file.name} cannot be read: ${inWords(error)}`;
    }
  }

  /** Or why not. */
  #say(text: string, files: readonly There[]): string | null {
    const { operates, role, sessions } = this.#entry;
    const summary = sessions.find(({ id }) => id === this.#session);
    if (summary !== undefined && summary.state !== "running") return "The program has ended.";
    if (!operates && role !== null) return "This device may only look on.";
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > MAX_PAYLOAD) return "This is too long for one message.";
    const prompt = { id: freshId(), text, enter: true, files, at: Date.now(), begun: false };
    const names = files.map(({ file }) => file);
    const act = { type: "prompt", ...(names.length === 0 ? {} : { files: names }) } as const;
    return this.#attachment.prompt(bytes, prompt, act) ? null : "Too much waits to be sent already.";
  }

  /** Something of what goes up has changed. */
  #look(): void {
    const there = this.#uploads.take();
    if (there.length > 0) this.draft.files = [...this.draft.files, ...there];
    this.#underWay = this.#uploads.views;
    if (!this.held || this.uploading) return;
    void this.send().then(() => {
      if (this.problem !== null && !this.#shown)
        toasts.warn(`A message for ${this.#name} was not sent. ${this.problem}`);
    });
  }

  get #shown(): boolean {
    const { route } = router;
    return route.at === "session" && route.host === this.#entry.rid && route.session === this.#session;
  }

  get #name(): string {
    return this.#entry.sessions.find(({ id }) => id === this.#session)?.name ?? "a session";
  }
}

/** That of this session. */
export const sendingOf = perSession((entry, session) => new Sending(entry, session));
