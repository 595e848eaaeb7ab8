/** What tests of this folder share. */

import type { AttachmentEvents, AttachmentIo } from "./view";

export const bytes = (text: string) => new TextEncoder().encode(text);

/** What was promised and is due is done. */
export async function ticks(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** Time that passes when it is told to. */
export class Timers {
  now: number;
  #due: { at: number; then: () => void }[] = [];

  constructor(now = 0) {
    this.now = now;
  }

  readonly after = (ms: number, then: () => void): (() => void) => {
    const timer = { at: this.now + ms, then };
    this.#due.push(timer);
    return () => (this.#due = this.#due.filter((other) => other !== timer));
  };

  pass(ms: number): void {
    this.now += ms;
    const due = this.#due.filter(({ at }) => at <= this.now);
    this.#due = this.#due.filter(({ at }) => at > this.now);
    for (const { then } of due) then();
  }
}

/** A link of which nothing is known but what goes out on it. */
export function quietIo(io: Pick<AttachmentIo, "send" | "now" | "after">): AttachmentIo {
  return { ...io, sent: 0, heard: 0, roundTrip: null, ask: () => undefined };
}

/** What nobody hears, except for these. */
export function quietEvents(events: Partial<AttachmentEvents> = {}): AttachmentEvents {
  const nothing = () => undefined;
  const keep = () => Promise.resolve("kept" as const);
  return { changed: nothing, event: nothing, failed: nothing, taken: nothing, keep, ...events };
}
