/** The messages between client, host and keeper. The types are made from the Rust ones and re-exported here. */

import type {
  Asked,
  Before,
  Create,
  Decision,
  Decisions,
  Device,
  ErrorKind,
  Event,
  Failure,
  Method,
  Notice,
  Restart,
  Retimed,
  Status,
  Summary,
  Ttl,
} from "./generated/messages";

export * from "./generated/messages";

/** What each host-level method takes and gives. */
export interface Calls {
  "session.create": [Create, { session: string }];
  "session.list": [{ after?: string }, Summary[]];
  "session.remove": [{ session: string }, unknown];
  "session.stop": [{ session: string }, unknown];
  "session.ttl": [{ session: string } & Ttl, Retimed];
  "session.restart": [Restart, { session: string }];
  "approval.request": [{ session: string; approval: string; from: number }, Asked];
  "approval.history": [{ before?: Before }, Decisions];
  "approval.decide": [{ session: string; approval: string; digest: string } & Decision, unknown];
  "host.status": [Record<string, never>, Status];
  "pair.create": [{ confirm: boolean }, { url: string; expires_in: number; invitation: string }];
  "device.list": [{ after?: string }, Device[]];
  "device.revoke": [{ device: string }, unknown];
  "device.rename": [{ device: string; label: string }, unknown];
}

/** Every method is known to the Rust side. */
export type MethodName = Method["method"] & keyof Calls;

/** A failure as an exception. */
export class CallError extends Error {
  readonly kind: ErrorKind;
  readonly hint: string;

  constructor(failure: Failure) {
    super(failure.message);
    this.name = "CallError";
    this.kind = failure.kind;
    this.hint = failure.hint;
  }
}

export type { Event, Notice, Summary };
