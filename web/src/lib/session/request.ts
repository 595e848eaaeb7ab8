/** A request's bytes as what is shown of them: what is not read here is shown as it is. Pure. */

import { indented } from "./indented";
import type { Change, Choice, Question, Request, Scope, Tool, ToolKind } from "./message";

/** What a person is shown. */
export interface Shown {
  request: Request;
  /** What this version of the app does not know, as formatted JSON; null where there is nothing. */
  more: string | null;
  /** The bytes as they came, where what is shown of them could be something else: a name twice, or a number of many digits. */
  verbatim: string | null;
}

/** It is not shown, and so cannot be allowed: why, in a sentence. */
export class NotShown extends Error {
  override readonly name = "NotShown";
}

const KINDS: readonly ToolKind[] = ["read", "edit", "run", "search", "fetch", "delegate", "other"];

export function readRequest(text: string): Shown {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new NotShown("What is asked cannot be read: it is not JSON.");
  }
  const all = new Members("the request", json);
  const [tool, questions, scope] = ["tool", "questions", "scope"].map((name) => all.peek(name));
  /** Members that have something in them that is not known. */
  const strange = new Map<string, unknown>();
  const within = (name: string, value: unknown) => ({
    is: (place: string, one: unknown) => new Members(place, one, () => strange.set(name, value)),
  });
  const request: Request = {
    source: all.text("source"),
    question: all.text("question"),
    choices: all.texts("choices"),
    free_text: all.flag("free_text"),
    risk: riskOf(all.take("risk")),
    reasons: all.texts("reasons"),
    cwd: all.maybe("cwd"),
    expires_in: numberOf(all.take("expires_in")),
    tool: all.has("tool") ? toolOf(within("tool", tool).is, all.take("tool")) : null,
    plan: all.maybe("plan"),
    questions: all.list("questions", (one, place) => questionOf(within("questions", questions).is, one, place)),
    scope: all.has("scope") ? scopeOf(within("scope", scope).is, all.take("scope")) : null,
  };
  if (request.question.trim() === "") throw unreadable("question");
  const unknown = { ...all.rest, ...Object.fromEntries(strange) };
  const more = Object.keys(unknown).length > 0 ? indented(unknown) : null;
  // What was passed to a tool is shown as JSON, too.
  const reshaped = more !== null || request.tool !== null;
  return { request, more, verbatim: reshaped && !isSame(json, text) ? text : null };
}

/** What is nested too deeply to be written again is shown as it came. */
function isSame(json: unknown, text: string): boolean {
  try {
    return JSON.stringify(json) === text;
  } catch {
    return false;
  }
}

type Open = (place: string, value: unknown) => Members;

function toolOf(open: Open, value: unknown): Tool {
  const tool = open("tool", value);
  const kind = tool.text("kind", "other");
  const read: Tool = {
    name: tool.text("name"),
    kind: KINDS.find((known) => known === kind) ?? "other",
    title: tool.text("title", ""),
    command: tool.maybe("command"),
    paths: tool.texts("paths"),
    changes: tool.list("changes", (one, place) => changeOf(open(place, one))),
    input: tool.take("input") ?? null,
  };
  tool.end();
  return read;
}

function changeOf(change: Members): Change {
  const read: Change = { path: change.text("path"), old: change.maybe("old"), new: change.maybe("new") };
  change.end();
  return read;
}

function questionOf(open: Open, value: unknown, place: string): Question {
  const question = open(place, value);
  const read: Question = {
    text: question.text("text"),
    choices: question.list("choices", (one, place) => choiceOf(open(place, one))),
    several: question.flag("several"),
    free_text: question.flag("free_text"),
  };
  question.end();
  return read;
}

function choiceOf(choice: Members): Choice {
  const read: Choice = { id: choice.text("id"), about: choice.text("about", "") };
  choice.end();
  return read;
}

function scopeOf(open: Open, value: unknown): Scope {
  const scope = open("scope", value);
  const read: Scope = { tool: scope.text("tool"), pattern: scope.text("pattern"), words: scope.text("words") };
  scope.end();
  return read;
}

/** An object, taken apart member by member. */
class Members {
  readonly #rest: Map<string, unknown>;
  readonly #strange: () => void;

  /** Tells, at its end, whether something was left. */
  constructor(place: string, value: unknown, strange: () => void = () => undefined) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw unreadable(place);
    this.#rest = new Map(Object.entries(value));
    this.#strange = strange;
  }

  get rest(): Record<string, unknown> {
    return Object.fromEntries(this.#rest);
  }

  end(): void {
    if (this.#rest.size > 0) this.#strange();
  }

  peek(name: string): unknown {
    return this.#rest.get(name);
  }

  take(name: string): unknown {
    const value = this.#rest.get(name);
    this.#rest.delete(name);
    return value;
  }

  /** Whether there is such a member; one that is null is not. */
  has(name: string): boolean {
    if (!isAbsent(this.#rest.get(name))) return true;
    this.#rest.delete(name);
    return false;
  }

  text(name: string, absent?: string): string {
    const value = this.take(name) ?? absent;
    if (typeof value !== "string") throw unreadable(name);
    return value;
  }

  maybe(name: string): string | null {
    return this.has(name) ? this.text(name) : null;
  }

  flag(name: string): boolean {
    const value = this.take(name) ?? false;
    if (typeof value !== "boolean") throw unreadable(name);
    return value;
  }

  list<T>(name: string, each: (one: unknown, place: string) => T): T[] {
    const value = this.take(name) ?? [];
    if (!Array.isArray(value)) throw unreadable(name);
    return value.map((one) => each(one, name));
  }

  texts(name: string): string[] {
    return this.list(name, (one) => {
      if (typeof one !== "string") throw unreadable(name);
      return one;
    });
  }
}

function riskOf(value: unknown): Request["risk"] {
  if (value === undefined) return "normal";
  if (value === "normal" || value === "careful" || value === "dangerous") return value;
  throw unreadable("risk");
}

function numberOf(value: unknown): number | null {
  if (isAbsent(value)) return null;
  if (typeof value !== "number") throw unreadable("expires_in");
  return value;
}

function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

function unreadable(what: string): NotShown {
  return new NotShown(`What is asked cannot be read: "${what}" is not what this version of the app knows.`);
}
