import "fake-indexeddb/auto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { forgetHost } from "./hosts";
import { Memory, type KeptList } from "./memory";
import type { Summary } from "./message";
import { Store } from "./store";
import { Vault } from "./vault";

const SECRET = "rm -rf ~/unpublished";
const SUMMARY = { id: "s", name: "build", command: [SECRET], preview: [SECRET] } as unknown as Summary;
const LIST: KeptList = { at: 5_000, role: "owner", sessions: [SUMMARY] };
const LOOK = { at: 6_000, look: `\x1b[1m${SECRET}` };

async function open(name: string): Promise<[Memory, Store]> {
  const store = await Store.open(name);
  return [new Memory(store, await Vault.open(store)), store];
}

/** All that lies on the disk, as text. */
async function disk(store: Store): Promise<string> {
  const kept = [...(await store.all("lists")), ...(await store.all("screens"))];
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
    await memory.keepList("h", LIST);
    await memory.keepLook("h", "s", LOOK);
    expect(await disk(store)).not.toContain(SECRET);
    expect(await disk(store)).not.toContain("build");
    const [later] = await open("sealed");
    expect(await later.list("h")).toMatchObject(LIST);
    expect(await later.look("h", "s")).toMatchObject(LOOK);
    expect(await later.list("other")).toBeNull();
  });

  it("is nothing where nothing can be sealed", async () => {
    vi.stubGlobal("crypto", {});
    const [memory, store] = await open("open");
    await memory.keepList("h", LIST);
    await memory.keepLook("h", "s", LOOK);
    expect(await memory.list("h")).toBeNull();
    expect(await store.all("lists")).toEqual([]);
    expect(await store.all("screens")).toEqual([]);
  });

  it("goes when the host is forgotten", async () => {
    const [memory, store] = await open("forgotten");
    await memory.keepList("h", LIST);
    await memory.keepLook("h", "s", LOOK);
    await memory.keepList("other", LIST);
    await forgetHost(store, "h");
    expect(await memory.list("h")).toBeNull();
    expect(await memory.look("h", "s")).toBeNull();
    expect(await memory.list("other")).not.toBeNull();
  });

  it("is passed over where it cannot be read", async () => {
    const [memory, store] = await open("unreadable");
    await store.put("lists", "h", { nonce: new Uint8Array(12), body: new ArrayBuffer(40) });
    expect(await memory.list("h")).toBeNull();
  });
});
