/** What was asked and decided on all hosts, the last decision first, fetched by pages as far as somebody looks. */

import type { Before, Decided as Row, Decisions } from "../../lib/session/message";

/** A host, as far as it matters here. */
export interface Teller {
  readonly rid: string;
  readonly name: string;
  readonly live: boolean;
  /** A time of the host's, by this device's clock. Unix milliseconds. */
  here(time: number): number;
  page(before: Before | null): Promise<Decisions>;
}

export interface Decided<T extends Teller = Teller> extends Row {
  from: T;
  /** By this device's clock. Unix milliseconds. */
  at: number;
}

interface Told<T extends Teller> {
  from: T;
  rows: Decided<T>[];
  /** Where its next page begins; null where there is none. */
  next: Before | null;
  /** Why it told no more. */
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
    this.#told = hosts.map((from) => ({ from, rows: [], next: null, why: null }));
  }

  /** The first page of each. */
  async begin(): Promise<void> {
    await this.#fetch(this.#told, true);
  }

  /** The next page of whichever is needed next. */
  async older(): Promise<void> {
    if (this.loading) return;
    const bound = this.#bound();
    await this.#fetch(this.#told.filter((told) => told.next !== null && lastOf(told) === bound));
  }

  async #fetch(all: readonly Told<T>[], first = false): Promise<void> {
    this.loading = true;
    await Promise.all(
      all.map(async (told) => {
        const { from } = told;
        if (!from.live) {
          told.why = "it is not connected";
          told.next = null;
          return;
        }
        try {
          const { decided, next } = await from.page(first ? null : told.next);
          for (const row of decided) {
            const { state } = row.approval;
            const known = told.rows.some(({ approval }) => approval.id === row.approval.id);
            if (state !== "pending" && !known) told.rows.push({ ...row, from, at: from.here(row.approval.decided_at) });
          }
          // A page of nothing would go on for ever.
          told.next = decided.length === 0 ? null : (next ?? null);
        } catch (error) {
          told.why = error instanceof Error ? error.message : String(error);
          told.next = null;
        }
      }),
    );
    const bound = this.#bound();
    // What another host has not told yet may belong between what is older.
    this.rows = this.#told
      .flatMap(({ rows }) => rows)
      .filter(({ at }) => at >= bound)
      .sort((a, b) => b.at - a.at);
    this.more = this.#told.some(({ next }) => next !== null);
    this.missing = this.#told.flatMap(({ from, why }) =>
      why === null ? [] : [{ rid: from.rid, name: from.name, why }],
    );
    this.loading = false;
  }

  /** Everything from this time on is here. */
  #bound(): number {
    return Math.max(-Infinity, ...this.#told.filter(({ next }) => next !== null).map(lastOf));
  }
}

function lastOf({ rows }: Told<Teller>): number {
  return rows.at(-1)?.at ?? Infinity;
}
