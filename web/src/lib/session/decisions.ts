/** What this page decides on one host, until it is known to be over. Pure. */

import { Deciding, type DecidingIo, type DecidingView } from "./deciding";
import type { Approval, Decision, Summary } from "./message";

/** By "session/approval". */
export type DecidingViews = Readonly<Record<string, DecidingView>>;

/** What is remembered of those that are not on their way any more; the oldest goes first. */
const REMEMBERED = 32;

export class Decisions {
  readonly #io: Omit<DecidingIo, "changed"> & { changed(views: DecidingViews): void };
  readonly #all = new Map<string, Deciding>();

  constructor(io: Omit<DecidingIo, "changed"> & { changed(views: DecidingViews): void }) {
    this.#io = io;
  }

  /** Sends a decision, unless one on the same is on its way. */
  decide(session: string, approval: Approval, decision: Decision): void {
    const place = `${session}/${approval.id}`;
    if (this.#all.get(place)?.busy === true) return;
    this.#all.delete(place);
    // The first change comes before it has its place.
    let placed: Deciding | null = null;
    const changed = () => {
      if (placed !== null) this.#changed();
    };
    const { decide, live, now, after } = this.#io;
    placed = new Deciding({ decide, live, now, after, changed }, session, approval, decision);
    this.#all.set(place, placed);
    for (const [old, { busy }] of this.#all) if (this.#all.size > REMEMBERED && !busy) this.#all.delete(old);
    this.#changed();
  }

  /** The link, or what is known of the sessions, has changed. */
  look(sessions: Iterable<Summary>): void {
    if (![...this.#all.values()].some(({ busy }) => busy)) return;
    for (const { id, approvals } of sessions) {
      for (const approval of approvals ?? []) {
        if (approval.state !== "pending") this.#all.get(`${id}/${approval.id}`)?.over();
      }
    }
    for (const deciding of this.#all.values()) deciding.look();
  }

  #changed(): void {
    this.#io.changed(Object.fromEntries([...this.#all].map(([place, { view }]) => [place, view])));
  }
}
