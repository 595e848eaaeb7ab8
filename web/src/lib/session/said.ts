/** One thing in a chat, read from the pieces that it came in. Pure. */

import type { Approval, ApprovalState, Chat, Decider, Event } from "./message";

/** Bytes of one thing at most. */
export const MAX_ITEM = 1024 * 1024;

/** What a chat shows. */
export type What =
  | { kind: "chat"; chat: Chat }
  | { kind: "asked"; approval: Approval }
  | { kind: "decided"; approval: string; state: ApprovalState }
  | { kind: "revoked"; grant: string; by: Decider }
  /** Something that could not be read, and why. */
  | { kind: "broken"; why: string };

/** What came of a call. */
export type Came = Extract<Chat, { type: "result" }>;

export interface Item {
  /** The number of its first event. */
  readonly from: number;
  /** And of its last, which names it. */
  readonly seq: number;
  /** Unix milliseconds. */
  readonly at: number;
  /** Bytes that it takes. */
  readonly size: number;
  readonly what: What;
  /** What came of it, where it is a call. */
  readonly result?: Came;
}

const TYPES: ReadonlySet<string> = new Set<Chat["type"]>([
  "user",
  "agent",
  "thinking",
  "call",
  "result",
  "plan",
  "turn",
  "setup",
  "note",
  "unknown",
]);

/** Puts the pieces of things together, one after the other. */
export class Joiner {
  #parts: Uint8Array[] = [];
  #size = 0;
  #next = 0;
  /** Why what is under way cannot be shown. */
  #broken: string | null = null;

  reset(): void {
    this.#parts = [];
    this.#size = 0;
    this.#next = 0;
    this.#broken = null;
  }

  /** Takes in one event; what it completes, if it does. `headless` where its beginning is missing. */
  add(seq: number, at: number, event: Event, payload: Uint8Array): Item | "headless" | null {
    switch (event.kind) {
      case "asked": {
        // What exactly is asked is fetched where it is decided.
        if (event.part !== 0) return null;
        return { from: seq, seq, at, size: 512, what: { kind: "asked", approval: event.approval } };
      }
      case "decided": {
        const { approval, ...state } = event;
        return { from: seq, seq, at, size: 512, what: { kind: "decided", approval, state } };
      }
      case "revoked":
        return { from: seq, seq, at, size: 256, what: { kind: "revoked", grant: event.grant, by: event.by } };
      case "chat":
        return this.#piece(seq, at, event.part, event.last, payload);
      default:
        return null;
    }
  }

  #piece(seq: number, at: number, part: number, last: boolean, payload: Uint8Array): Item | "headless" | null {
    if (part === 0) this.reset();
    else if (this.#next === 0) return last ? "headless" : null;
    if (part !== this.#next) this.#fail("A part of what was said here is missing.");
    this.#next = part + 1;
    this.#size += payload.length;
    if (this.#size > MAX_ITEM)
      this.#fail("Something that was said here is larger than one mebibyte, and is not shown.");
    if (this.#broken === null) this.#parts.push(payload.slice());
    if (!last) return null;
    const [parts, size, broken] = [this.#parts, this.#size, this.#broken];
    this.reset();
    const whole = { from: seq - part, seq, at };
    if (broken !== null) return { ...whole, size: 256, what: { kind: "broken", why: broken } };
    return { ...whole, size, what: read(parts) };
  }

  #fail(why: string): void {
    this.#broken ??= why;
    this.#parts = [];
  }
}

function read(parts: readonly Uint8Array[]): What {
  let text = "";
  const pieces = new TextDecoder();
  for (const part of parts) text += pieces.decode(part, { stream: true });
  text += pieces.decode();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { kind: "broken", why: "Something was said here that cannot be read." };
  }
  const chat = sound(json);
  return chat === null ? { kind: "chat", chat: { type: "unknown", json } } : { kind: "chat", chat };
}

type Fields = Record<string, unknown>;

/** The thing, where all that a screen relies on is there; null where it is not, or a later version's. */
function sound(json: unknown): Chat | null {
  if (!isFields(json) || typeof json["type"] !== "string" || !TYPES.has(json["type"])) return null;
  const chat = json as Fields & Chat;
  switch (chat.type) {
    case "user":
      return isText(chat.text) && (chat.files ?? []).every(isText) ? chat : null;
    case "agent":
    case "thinking":
    case "note":
      return isText(chat.text) ? chat : null;
    case "call":
      return isText(chat.call) && isFields(chat.tool) && isText(chat.tool.name) && areChanges(chat.tool.changes)
        ? chat
        : null;
    case "result":
      return isText(chat.call) && areChanges(chat.changes) && areImages(chat.images)
        ? { ...chat, text: isText(chat.text) ? chat.text : "" }
        : null;
    case "plan":
      return Array.isArray(chat.steps) && chat.steps.every((step) => isFields(step) && isText(step.text)) ? chat : null;
    case "setup":
      return [chat.models, chat.modes, chat.commands].every(areChoices) ? chat : null;
    case "turn":
      return isText(chat.outcome) ? chat : null;
    case "unknown":
      return chat;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function areAll(value: unknown, each: (one: Fields) => boolean): boolean {
  return value === undefined || (Array.isArray(value) && value.every((one) => isFields(one) && each(one)));
}

function areChanges(value: unknown): boolean {
  return areAll(value, ({ path, old, new: now }) => isText(path) && isText(old ?? "") && isText(now ?? ""));
}

function areImages(value: unknown): boolean {
  return areAll(value, ({ media, data }) => isText(media) && isText(data));
}

function areChoices(value: unknown): boolean {
  return areAll(value, ({ id }) => isText(id));
}
