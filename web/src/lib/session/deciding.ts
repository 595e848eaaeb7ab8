/**
 * A decision on its way. It is sent again, the same in everything, for as long as nobody knows what became of it: the
 * host answers a repetition by the same device as the first time. Pure.
 */

import { CallError, type Approval, type Calls, type Decision } from "./message";

/** A link that stands and did not bring an answer is tried again after this. Milliseconds. */
export const AGAIN = 2_000;
/** Nothing fires late: after this it is not sent any more. Milliseconds. */
export const LATEST = 10 * 60_000;

export type DecidingView = { decision: Decision } & (
  | { at: "sent" }
  /** The connection broke before the answer. */
  | { at: "cut" }
  /** The host has it. */
  | { at: "taken" }
  | { at: "failed"; why: string }
);

export interface DecidingIo {
  decide(params: Calls["approval.decide"][0]): Promise<unknown>;
  /** Whether the host is there. */
  live(): boolean;
  /** Unix milliseconds. */
  now(): number;
  /** Calls back once; returns what cancels it. */
  after(ms: number, then: () => void): () => void;
  changed(): void;
}

export class Deciding {
  readonly #io: DecidingIo;
  readonly #params: Calls["approval.decide"][0];
  readonly #until: number;
  #cancel: (() => void) | null = null;
  #over = false;
  #view: DecidingView;

  constructor(io: DecidingIo, session: string, { id, digest }: Approval, decision: Decision) {
    this.#io = io;
    this.#params = { session, approval: id, digest, ...decision };
    this.#until = io.now() + LATEST;
    this.#view = { decision, at: "sent" };
    this.#send();
  }

  get view(): DecidingView {
    return this.#view;
  }

  /** Whether it is on its way still. */
  get busy(): boolean {
    return !this.#over && (this.#view.at === "sent" || this.#view.at === "cut");
  }

  /** The host is there again, or something else is known of it. */
  look(): void {
    if (this.#over || this.#view.at !== "cut") return;
    if (this.#io.now() >= this.#until) {
      this.#end({ at: "failed", why: "The host did not answer for ten minutes. Whether it was decided is not known." });
    } else if (this.#io.live()) {
      this.#send();
    } else {
      this.#lookAgain();
    }
  }

  /** The summary says what became of the approval: there is nothing left to send. */
  over(): void {
    this.#over = true;
    this.#cancel?.();
    this.#cancel = null;
  }

  #lookAgain(): void {
    this.#cancel?.();
    this.#cancel = this.#io.after(AGAIN, () => this.look());
  }

  #send(): void {
    this.#cancel?.();
    this.#become({ at: "sent" });
    this.#io.decide(this.#params).then(
      () => this.#end({ at: "taken" }),
      (error: unknown) => {
        if (error instanceof CallError) {
          this.#end({ at: "failed", why: `${sentence(error.message)} ${sentence(error.hint)}`.trim() });
          return;
        }
        if (this.#over) return;
        this.#become({ at: "cut" });
        this.#lookAgain();
      },
    );
  }

  #end(end: { at: "taken" } | { at: "failed"; why: string }): void {
    this.over();
    this.#become(end);
  }

  #become(next: { at: "sent" | "cut" | "taken" } | { at: "failed"; why: string }): void {
    this.#view = { decision: this.#view.decision, ...next };
    this.#io.changed();
  }
}

/** Whether what became of an approval is what this decision wanted. */
export function cameTrue(approval: Approval, decision: Decision): boolean {
  const { verdict, text = null } = decision;
  if (verdict === "deny") return approval.state === "denied" && (approval.text ?? null) === text;
  if (approval.state !== "allowed" || (approval.text ?? null) !== text) return false;
  if ((approval.for_session ?? false) !== (decision.for_session ?? false) || approval.granted) return false;
  // A list does not have the answers: what is not seen is not said to be so.
  if (JSON.stringify(approval.answers ?? []) !== JSON.stringify(decision.answers ?? [])) return false;
  return (approval.choice ?? null) === (decision.choice ?? null);
}

function sentence(text: string): string {
  if (text === "") return "";
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
