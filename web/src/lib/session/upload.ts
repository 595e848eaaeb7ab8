/**
 * Files on their way to a session. Each goes in pieces, a few at a time, among its other commands, so that an interrupt
 * waits behind little. What was not uploaded when the page ends is gone; a prompt names files that are there. Pure.
 */

import { MAX_PAYLOAD, type Act, type Failure } from "./message";

/** Bytes of one file at most. */
export const MAX_FILE = 20 * 1024 * 1024;
/** Files that go with one prompt. */
export const MAX_FILES = 10;
/** Pieces of a file that are under way. */
const UNDER_WAY = 4;
/** Of an ending, so many characters. */
const ENDING = 16;

/** A file that is with the session. */
export interface There {
  /** What the session calls it. */
  file: string;
  /** What the person calls it. */
  label: string;
  size: number;
}

export interface UploadIo {
  /** False where there is no room for it now. */
  send(act: Act, payload: Uint8Array): boolean;
  /** Pieces of the file that are not settled. */
  waiting(file: string): number;
  changed(): void;
}

export interface UploadView extends There {
  /** From 0 to 1. */
  progress: number;
  at: "under_way" | "there" | "failed";
  /** Why it failed. */
  why: string;
}

interface Upload {
  readonly file: string;
  readonly label: string;
  readonly bytes: Uint8Array;
  /** Given out up to here. */
  given: number;
  whole: boolean;
  why: string | null;
}

export class Uploads {
  readonly #io: UploadIo;
  #list: Upload[] = [];
  #pumping = false;

  constructor(io: UploadIo) {
    this.#io = io;
  }

  get views(): UploadView[] {
    return this.#list.map((upload): UploadView => {
      const { file, label, bytes, given, whole, why } = upload;
      const waiting = this.#io.waiting(file);
      const settled = Math.max(0, given - waiting * MAX_PAYLOAD);
      const there = whole && waiting === 0;
      const progress = there ? 1 : settled / Math.max(1, bytes.length);
      const at = why !== null ? "failed" : there ? "there" : "under_way";
      return { file, label, size: bytes.length, progress, at, why: why ?? "" };
    });
  }

  /** Gives out those that are there. */
  take(): There[] {
    const there = this.views.filter(({ at }) => at === "there");
    this.#list = this.#list.filter(({ file }) => there.every((one) => one.file !== file));
    return there.map(({ file, label, size }) => ({ file, label, size }));
  }

  /** Begins; or says why not. `file` is a name of this client's own; so many others go with the same message. */
  add(file: string, label: string, bytes: Uint8Array, others = 0): string | null {
    if (bytes.length > MAX_FILE) return `${label} is larger than ${MAX_FILE / 1024 / 1024} MB.`;
    if (this.#list.length + others >= MAX_FILES) return `At most ${MAX_FILES} files go with one message.`;
    this.#list.push({ file, label, bytes, given: 0, whole: false, why: null });
    this.pump();
    this.#io.changed();
    return null;
  }

  /** It is not wanted any more. What lies at the session's host of it is named by nobody. */
  remove(file: string): void {
    this.#list = this.#list.filter((upload) => upload.file !== file);
    this.#io.changed();
  }

  /** Something was settled: there may be room for more. */
  pump(): void {
    // What is given out is told of at once.
    if (this.#pumping) return;
    this.#pumping = true;
    this.#giveOut();
    this.#pumping = false;
  }

  #giveOut(): void {
    for (const upload of this.#list) {
      while (upload.why === null && !upload.whole && this.#io.waiting(upload.file) < UNDER_WAY) {
        const { file, given: from, bytes } = upload;
        const piece = bytes.subarray(from, from + MAX_PAYLOAD);
        const last = from + piece.length === bytes.length;
        if (!this.#io.send({ type: "upload", file, from, last }, piece)) return;
        upload.given += piece.length;
        upload.whole = last;
      }
      // One after the other: the first is there soonest.
      if (upload.why === null && !upload.whole) return;
    }
  }

  /**
   * A piece was refused, or waited too long. Whether it is one of these. Nothing else is done yet: of several files that
   * failed at once, none is taken for one that is there because it was not told of so far.
   */
  failed(act: Act, { message, hint }: Failure): boolean {
    if (act.type !== "upload") return false;
    const upload = this.#list.find(({ file }) => file === act.file);
    if (upload !== undefined) upload.why ??= `${message} ${hint}`.trim();
    return true;
  }
}

/** A name that nobody else has, from random letters and how the file's own ends. */
export function nameOf(random: string, label: string): string {
  const ending = /\.([A-Za-z0-9]+)$/.exec(label)?.[1] ?? "";
  return ending === "" || ending.length > ENDING ? random : `${random}.${ending.toLowerCase()}`;
}
