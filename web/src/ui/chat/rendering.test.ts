import { render } from "svelte/server";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Chat, Event } from "../../lib/session/message";
import { Joiner, type Item } from "../../lib/session/said";
import type { Whereabouts } from "../../lib/session/view";

const CHANGE = { path: "/a", old: "x\ny", new: "x\nz" };
const CHATS: readonly Chat[] = [
  { type: "user", text: "hello", by: "d", files: ["/a/b.png"] },
  { type: "agent", item: "i", text: "*hello*\n\n```sh\nls\n```", within: "c" },
  { type: "thinking", text: "hm" },
  {
    type: "call",
    call: "c",
    tool: { name: "T", kind: "run", title: "t", command: "ls", paths: ["/a"], changes: [CHANGE], input: { a: [1] } },
  },
  { type: "call", call: "c", tool: { name: "T", kind: "other", input: { a: 1 } } },
  {
    type: "result",
    call: "c",
    outcome: "failed",
    text: "\x1b[31mno",
    left_out: 3,
    changes: [CHANGE],
    images: [{ media: "image/png", data: "AAAA" }],
  },
  { type: "plan", steps: [{ text: "one", state: "done" }] },
  { type: "turn", outcome: "done", error: "e", cost: 1, total: 2, tokens: [1, 2], took: 3 },
  { type: "note", text: "note" },
  { type: "queued", text: "and then", by: "d", files: ["/a/b.png"] },
  { type: "unknown", json: { a: 1 } },
];
const BY = { device: "d", label: "phone" };
const EVENTS = [
  { kind: "asked", approval: { id: "a", title: "Run it", state: "pending" }, part: 0, last: true },
  { kind: "decided", approval: "a", state: "allowed", by: BY, choice: "yes", text: "t", decided_at: 5 },
  { kind: "decided", approval: "a", state: "denied", by: BY, text: "t", decided_at: 5 },
  { kind: "revoked", grant: "a", by: BY },
];
const NEST = JSON.parse(`${"[".repeat(120)}1${"]".repeat(120)}`) as unknown;
const ANYTHING: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  "",
  "\u202e\ud800",
  [],
  [null],
  {},
  { length: 1 },
  NEST,
];

/** The value with each of its members, at any depth, in turn replaced by anything, or left out. */
function* spoilt(value: unknown): Generator<unknown> {
  for (const other of ANYTHING) yield other;
  if (typeof value !== "object" || value === null) return;
  for (const [name, inside] of Object.entries(value)) {
    for (const other of spoilt(inside)) {
      if (Array.isArray(value)) yield Object.assign([...(value as unknown[])], { [name]: other });
      else yield { ...value, [name]: other };
    }
    const { [name]: _, ...rest } = value as Record<string, unknown>;
    if (!Array.isArray(value)) yield rest;
  }
}

function itemOf(event: unknown, json?: unknown, at = 5): Item {
  const item = new Joiner().add(1, at, event as Event, new TextEncoder().encode(JSON.stringify(json)));
  if (item === null || item === "headless") throw new Error("no item");
  return item;
}

const piece = { kind: "chat", part: 0, last: true };

beforeAll(() => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined }));
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
  vi.stubGlobal("location", { hash: "" });
  vi.stubGlobal("history", {});
  vi.stubGlobal("document", { documentElement: { dataset: {} } });
  vi.stubGlobal("addEventListener", () => undefined);
});

describe("a row", () => {
  const viewing = { summary: { approvals: [] }, over: false, entry: { rid: "r" }, session: "s" };
  let html: (row: Item, result?: Item) => string;

  beforeAll(async () => {
    const { default: Row } = await import("./Row.svelte");
    const chatting = { open: new Map([[1, true]]), plan: null, viewing };
    html = (row) => render(Row, { props: { chatting: chatting as never, row, found: false } }).body;
  });

  it("is drawn, whatever there is in the place of anything that a host says", () => {
    let count = 0;
    for (const chat of CHATS) {
      if (chat.type !== "unknown") expect(html(itemOf(piece, chat))).not.toContain("does not know");
      for (const json of spoilt(chat)) {
        const item = itemOf(piece, json);
        if (item.what.kind === "chat" && item.what.chat.type === "result")
          html({ ...itemOf(piece, CHATS[3]), result: item.what.chat });
        expect(html(item)).not.toBe("");
        count += 1;
      }
    }
    expect(count).toBeGreaterThan(500);
  });

  it("says of what waits whether it may still be told", () => {
    const queued = itemOf(piece, { type: "queued", text: "and then", by: "d" });
    expect(html(queued)).toContain("Waits until the agent is done");
    viewing.over = true;
    expect(html(queued)).toContain("The agent was not told this");
    viewing.over = false;
  });

  it("is drawn, whatever is said to be asked or decided, and whenever", () => {
    for (const event of EVENTS) {
      expect(html(itemOf(event))).not.toContain("cannot be read");
      for (const [name, value] of Object.entries(event)) {
        if (name === "kind" || name === "part") continue;
        for (const other of spoilt(value)) expect(html(itemOf({ ...event, [name]: other }))).not.toBe("");
      }
    }
    for (const at of [1e300, NaN, -1e300]) expect(html(itemOf(piece, CHATS[0], at))).toContain("hello");
  });
});

describe("the composer", () => {
  it("says that a text was taken where no row says that it waits", async () => {
    const { default: Composer } = await import("./Composer.svelte");
    const html = (rows: readonly Item[], at: Whereabouts) => {
      const sending = { draft: { text: "" }, problem: null, files: [], stays: [], empty: true };
      const chatting = { viewing: { over: false, summary: {} }, sending, setup: null, rows };
      const last = { prompt: { text: "and then" }, at };
      return render(Composer, { props: { chatting: chatting as never, last: last as never } }).body;
    };
    const shown = 'data-testid="whereabouts"';
    const queued = itemOf(piece, { type: "queued", text: "and then", by: "d" });
    const another = itemOf(piece, { type: "queued", text: "first", by: "d" });
    expect(html([queued], "taken")).not.toContain(shown);
    expect(html([another], "taken")).toContain(shown);
    // Somebody else's, in the same words.
    expect(html([queued], "at_host")).toContain(shown);
  });
});
