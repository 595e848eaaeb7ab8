import "fake-indexeddb/auto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { forgetHost } from "./hosts";
import { MAX_FAILED, Memory, NO_DRAFT, type KeptDraft, type KeptList } from "./memory";
import type { Summary } from "./message";
import { Store } from "./store";
import type { Stored } from "./stored";
import { Vault } from "./vault";

const SECRET = "rm -rf ~/unpublished";
const SUMMARY = { id: "s", name: "build", command: [SECRET], preview: [SECRET] } as unknown as Summary;
const LIST: KeptList = { at: 5_000, role: "owner", sessions: [SUMMARY] };
const PROMPT = { id: "p", text: SECRET, enter: true, at: 4_000, begun: false };
const PLACE = { rid: "h", session: "s", stream: "t" };
const STORED: Stored = {
  last: 7,
  entries: [
    { n: 7, act: { type: "input" }, payload: new TextEncoder().encode(SECRET), at: 4_000, prompt: "p" },
    { n: null, act: { type: "resize", cols: 80, rows: 24 }, payload: new Uint8Array(0), at: 9_000, prompt: null },
  ],
  prompts: [PROMPT],
};
const WHY = { kind: "limited", message: "Too old.", hint: "" } as const;
const LOOK = { at: 6_000, look: `\x1b[1m${SECRET}` };

async function open(name: string): Promise<[Memory, Store]> {
  const store = await Store.open(name);
  return [new Memory(store, await Vault.open(store)), store];
}

const DRAFT: KeptDraft = { text: SECRET, files: [{ file: "a1.png", label: `${SECRET}.png`, size: 5 }] };
const TABLES = ["drafts", "failed", "lists", "outbox", "screens"] as const;

async function keepAll(memory: Memory): Promise<void> {
  await memory.keepList("h", LIST);
  await memory.keepLook("h", "s", LOOK);
  await memory.keepDraft("h", "s", DRAFT);
  await memory.keepFailed("h", "s", { prompt: PROMPT, why: WHY });
  expect(await memory.keepOutbox(PLACE, STORED)).toBe(globalThis.crypto?.subtle ? "kept" : "never");
}

/** All that lies on the disk, as text. */
async function disk(store: Store): Promise<string> {
  const kept = await Promise.all(TABLES.map((table) => store.all(table)));
  const plain = (value: unknown): unknown =>
    value instanceof ArrayBuffer || ArrayBuffer.isView(value)
      ? new TextDecoder("latin1").decode(value as ArrayBuffer)
      : value;
  return JSON.stringify(kept, (_, value: unknown) => plain(value));
}

afterEach(() => vi.unstubAllGlobals());

describe("what is remembered of a host", () => {
  it("outlives the page, and lies sealed on the disk", async () => {
    const [memory, store] = await open("sealed");
    await keepAll(memory);
    expect(await disk(store)).not.toContain(SECRET);
    expect(await disk(store)).not.toContain("build");
    const [later] = await open("sealed");
    expect(await later.list("h")).toMatchObject(LIST);
    expect(await later.look("h", "s")).toMatchObject(LOOK);
    expect(await later.list("other")).toBeNull();
    expect(await later.draft("h", "s")).toMatchObject(DRAFT);
    expect(await later.failed("h", "s")).toEqual([expect.objectContaining({ prompt: PROMPT, why: WHY })]);
    expect(await later.waiting()).toEqual([PLACE]);
    // What a clock said that was wrong then does not make anything younger.
    const [first, second] = STORED.entries;
    expect(await later.outbox(PLACE, 6_000)).toEqual({ ...STORED, entries: [first, { ...second, at: 6_000 }] });
  });

  it("is nothing where nothing can be sealed", async () => {
    vi.stubGlobal("crypto", {});
    const [memory, store] = await open("open");
    await keepAll(memory);
    expect(await memory.list("h")).toBeNull();
    for (const table of TABLES) expect(await store.all(table)).toEqual([]);
  });

  it("is let go of piece by piece", async () => {
    const [memory, store] = await open("settled");
    await keepAll(memory);
    await memory.keepDraft("h", "s", NO_DRAFT);
    await memory.forgetFailed("h", "s", "p");
    expect(await memory.keepOutbox(PLACE, null)).toBe("kept");
    for (const table of ["drafts", "failed", "outbox"] as const) expect(await store.all(table)).toEqual([]);
    for (let n = 0; n < MAX_FAILED + 3; n++) {
      await memory.keepFailed("h", "s", { prompt: { ...PROMPT, id: `p${n}`, at: n }, why: WHY });
    }
    const kept = await memory.failed("h", "s");
    expect([kept.length, kept[0]?.prompt.at]).toEqual([MAX_FAILED, 3]);
  });

  it("is a draft until it is written down as sent, and not both", async () => {
    const [memory, store] = await open("sent");
    // Given one after the other, and not waited for.
    void memory.keepDraft("h", "s", DRAFT);
    const kept = memory.keepOutbox(PLACE, STORED, [], true);
    while ((await store.all("outbox")).length === 0) await memory.list("h");
    expect(await store.all("drafts")).toEqual([]);
    expect(await kept).toBe("kept");
    expect(await memory.draft("h", "s")).toEqual(NO_DRAFT);
  });

  it("goes when the host is forgotten", async () => {
    const [memory, store] = await open("forgotten");
    await keepAll(memory);
    await memory.keepList("other", LIST);
    await forgetHost(store, "h");
    expect(await memory.list("h")).toBeNull();
    for (const table of TABLES) if (table !== "lists") expect(await store.all(table)).toEqual([]);
    expect(await memory.list("other")).not.toBeNull();
  });

  it("is read as an earlier version of this page left it", async () => {
    const [memory, store] = await open("earlier");
    const prompt = { ...PROMPT, files: ["a1.png"] } as unknown as typeof PROMPT;
    await memory.keepDraft("h", "s", { draft: SECRET } as unknown as KeptDraft);
    await memory.keepDraft("h", "t", { text: SECRET, files: ["a1.png"] } as unknown as KeptDraft);
    await memory.keepFailed("h", "s", { prompt, why: WHY });
    await memory.keepOutbox(PLACE, { ...STORED, prompts: [prompt] });
    expect(await store.all("drafts")).toHaveLength(2);
    const files = [{ file: "a1.png", label: "a1.png", size: 0 }];
    expect(await memory.draft("h", "s")).toEqual({ text: SECRET, files: [] });
    expect(await memory.draft("h", "t")).toEqual({ text: SECRET, files });
    expect((await memory.failed("h", "s"))[0]?.prompt).toEqual({ ...PROMPT, files });
    expect((await memory.outbox(PLACE, 6_000))?.prompts).toEqual([{ ...PROMPT, files }]);
  });

  it("is passed over where it cannot be read", async () => {
    const [memory, store] = await open("unreadable");
    await store.put("lists", "h", { nonce: new Uint8Array(12), body: new ArrayBuffer(40) });
    expect(await memory.list("h")).toBeNull();
  });
});
