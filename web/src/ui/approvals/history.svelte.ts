/** What was asked and decided on all hosts, the last decision first, fetched by pages as far as somebody looks. */

import type { Approval, Before, Decided as Row, Decisions } from "../../lib/session/message";
import { isTime } from "../words";

/** A host's clock may be ahead of this device's by so much more than is known. Milliseconds. */
const AHEAD = 24 * 60 * 60 * 1000;

/** A host, as far as it matters here. */
export interface Teller {
  readonly rid: string;
  readonly name: string;
  /** Whether it is connected now. */
  live(): boolean;
  /** A time of the host's, by this device's clock. Unix milliseconds. */
  here(time: number): number;
  page(before: Before | null): Promise<Decisions>;
}

export interface Decided<T extends Teller = Teller> extends Row {
  approval: Exclude<Approval, { state: "pending" }>;
  from: T;
  /** By this device's clock. Unix milliseconds. */
  at: number;
}

interface Told<T extends Teller> {
  from: T;
  rows: Decided<T>[];
  /** There may be another page, */
  more: boolean;
  /** which begins here; null for the first. */
  next: Before | null;
  /** Why it did not tell that. */
  why: string | null;
}

export class History<T extends Teller> {
  rows: readonly Decided<T>[] = $state.raw([]);
  more = $state(false);
  loading = $state(false);
  /** Of which hosts not all is here, and why. */
  missing: readonly { rid: string; name: string; why: string }[] = $state.raw([]);
  #told: Told<T>[];

  constructor(hosts: readonly T[]) {
    this.#told = hosts.map((from) => ({ from, rows: [], more: true, next: null, why: null }));
  }

  /** The first page of each. */
  async begin(): Promise<void> {
    await this.#fetch(this.#told);
  }

  /** The next page of whichever is needed next, and of those that did not tell theirs. */
  async older(): Promise<void> {
    if (this.loading) return;
    const bound = this.#bound();
    await this.#fetch(this.#told.filter((told) => told.more && (told.why !== null || lastOf(told) === bound)));
  }

  async #fetch(all: readonly Told<T>[]): Promise<void> {
    this.loading = true;
    await Promise.all(
      all.map(async (told) => {
        const { from } = told;
        if (!from.live()) {
          told.why = "it is not connected";
          return;
        }
        try {
          const { decided, next = null } = await from.page(told.next);
          const rows = checked(decided, told);
          told.rows.push(...rows);
          // A page of nothing new would go on for ever.
          told.more = rows.length > 0 && next !== null;
          told.next = next;
          told.why = null;
        } catch (error) {
          told.why = error instanceof Error ? error.message : String(error);
        }
      }),
    );
    const bound = this.#bound();
    // What another host has not told yet may belong between what is older.
    this.rows = this.#told
      .flatMap(({ rows }) => rows)
      .filter(({ at }) => at >= bound)
      .sort((a, b) => b.at - a.at);
    this.more = this.#told.some(({ more }) => more);
    this.missing = this.#told.flatMap(({ from, why }) =>
      why === null ? [] : [{ rid: from.rid, name: from.name, why }],
    );
    this.loading = false;
  }

  /** Everything from this time on is here, other than of those that tell nothing: they hold up no other. */
  #bound(): number {
    return Math.max(-Infinity, ...this.#told.filter(({ more, why }) => more && why === null).map(lastOf));
  }
}

/** What is new of a page, or an error where it is none: what one host says is not to spoil what the others do. */
function checked<T extends Teller>(page: readonly Row[], { from, rows }: Told<T>): Decided<T>[] {
  let last = rows.at(-1)?.approval.decided_at ?? Infinity;
  const fresh: Decided<T>[] = [];
  for (const row of page) {
    const { session, name, approval } = row;
    if (approval.state === "pending") continue;
    const { id, decided_at: decided } = approval;
    const at = from.here(decided);
    const isRead = [session, name, id].every((text) => typeof text === "string") && typeof decided === "number";
    if (!isRead || !isTime(decided) || decided > last || at > Date.now() + AHEAD)
      throw new Error("it tells what cannot be so");
    last = decided;
    if ([...rows, ...fresh].some(({ approval }) => approval.id === id)) continue;
    fresh.push({ ...row, approval, from, at });
  }
  return fresh;
}

function lastOf({ rows }: Told<Teller>): number {
  return rows.at(-1)?.at ?? Infinity;
}
