/** One thing in a chat, read from the pieces that it came in. Pure. */

import type {
  Approval,
  ApprovalState,
  Change,
  Chat,
  Choice,
  Decider,
  Event,
  Image,
  Outcome,
  Step,
  StepState,
  Tool,
  ToolKind,
} from "./message";

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
        return { from: seq, seq, at, size: 512, what: asked(event.approval) };
      }
      case "decided": {
        const { approval, ...state } = event;
        return { from: seq, seq, at, size: 512, what: decided(approval, state) };
      }
      case "revoked":
        return { from: seq, seq, at, size: 256, what: revoked(event.grant, event.by) };
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

function asked(approval: Approval): What {
  return readable(() => {
    const { id, title } = fields(approval);
    for (const one of [id, title]) text(one);
    return { kind: "asked", approval };
  });
}

function decided(approval: string, state: ApprovalState): What {
  return readable(() => {
    const { state: name, by, choice, text: said } = fields(state);
    for (const one of [approval, name]) text(one);
    for (const one of [choice, said]) maybe(text, one);
    if (name === "allowed" || name === "denied") text(fields(by)["label"]);
    return { kind: "decided", approval, state };
  });
}

function revoked(grant: string, by: Decider): What {
  return readable(() => {
    for (const one of [grant, fields(by)["label"]]) text(one);
    return { kind: "revoked", grant, by };
  });
}

function readable(what: () => What): What {
  try {
    return what();
  } catch {
    return { kind: "broken", why: "Something was asked or decided here that cannot be read." };
  }
}

/** The thing, where it is one of those that a screen can show; null where it is not, or a later version's. */
function sound(json: unknown): Chat | null {
  try {
    return chatOf(json);
  } catch {
    return null;
  }
}

/** With what is known of it alone: what else there is in it is of a later version. Throws where a part is another. */
function chatOf(json: unknown): Chat {
  const all = fields(json);
  const { type } = all;
  const within = maybe(text, all["within"]);
  switch (type) {
    case "user":
      return { type, text: text(all["text"]), by: maybe(text, all["by"]), files: list(text, all["files"]) };
    case "queued":
      return { type, text: text(all["text"]), by: text(all["by"]), files: list(text, all["files"]) };
    case "taken":
      return { type, queued: number(all["queued"]) };
    case "agent":
    case "thinking":
      return { type, item: maybe(text, all["item"]), text: text(all["text"]), within };
    case "note":
      return { type, text: text(all["text"]) };
    case "call":
      return { type, call: text(all["call"]), tool: toolOf(fields(all["tool"])), within };
    case "result":
      return {
        type,
        call: text(all["call"]),
        outcome: text(all["outcome"]) as Outcome,
        text: maybe(text, all["text"]) ?? "",
        left_out: maybe(number, all["left_out"]) ?? 0,
        changes: list(changeOf, all["changes"]),
        images: list(imageOf, all["images"]),
      };
    case "plan":
      return { type, steps: list(stepOf, all["steps"]) };
    case "turn":
      return {
        type,
        outcome: text(all["outcome"]) as Outcome,
        error: maybe(text, all["error"]),
        cost: maybe(number, all["cost"]),
        total: maybe(number, all["total"]),
        tokens: maybe(pair, all["tokens"]),
        took: maybe(number, all["took"]),
      };
    case "setup":
      return {
        type,
        version: maybe(text, all["version"]),
        conversation: maybe(text, all["conversation"]),
        model: maybe(text, all["model"]),
        models: list(choiceOf, all["models"]),
        mode: maybe(text, all["mode"]),
        modes: list(choiceOf, all["modes"]),
        commands: list(choiceOf, all["commands"]),
      };
    case "unknown":
      return { type, json: all["json"] };
    default:
      throw new TypeError();
  }
}

function toolOf(tool: Fields): Tool {
  return {
    name: text(tool["name"]),
    kind: (maybe(text, tool["kind"]) ?? "other") as ToolKind,
    title: maybe(text, tool["title"]) ?? "",
    command: maybe(text, tool["command"]),
    paths: list(text, tool["paths"]),
    changes: list(changeOf, tool["changes"]),
    input: tool["input"] ?? null,
  };
}

function changeOf(json: unknown): Change {
  const { path, old, new: now } = fields(json);
  return { path: text(path), old: maybe(text, old), new: maybe(text, now) };
}

function imageOf(json: unknown): Image {
  const { media, data } = fields(json);
  return { media: text(media), data: text(data) };
}

function stepOf(json: unknown): Step {
  const step = fields(json);
  return { text: text(step["text"]), state: (maybe(text, step["state"]) ?? "open") as StepState };
}

function choiceOf(json: unknown): Choice {
  const { id, about } = fields(json);
  return { id: text(id), about: maybe(text, about) ?? "" };
}

type Fields = Record<string, unknown>;

function fields(json: unknown): Fields {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new TypeError();
  return json as Fields;
}

function text(json: unknown): string {
  if (typeof json !== "string") throw new TypeError();
  return json;
}

function number(json: unknown): number {
  if (typeof json !== "number") throw new TypeError();
  return json;
}

function pair(json: unknown): [number, number] {
  const [first, second] = list(number, json);
  return [number(first), number(second)];
}

function maybe<T>(read: (json: unknown) => T, json: unknown): T | null {
  return json === undefined || json === null ? null : read(json);
}

/** Nothing is a list of nothing. */
function list<T>(read: (json: unknown) => T, json: unknown): T[] {
  if (json === undefined || json === null) return [];
  if (!Array.isArray(json)) throw new TypeError();
  return json.map(read);
}
