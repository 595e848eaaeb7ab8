import "fake-indexeddb/auto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Memory } from "./memory";
import { Store } from "./store";
import { Vault } from "./vault";

/** There is no room: what was asked for succeeds, and is taken back at the end, as browsers do. */
function fillDisk(): void {
  const { put } = IDBObjectStore.prototype;
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (this: IDBObjectStore, value, key) {
    const request = put.call(this, value, key);
    request.addEventListener("success", () => request.transaction?.abort());
    return request;
  });
}

afterEach(() => vi.restoreAllMocks());

describe("what is written down", () => {
  it("is told to be so only once it is not taken back any more", async () => {
    const store = await Store.open("full");
    fillDisk();
    await expect(store.put("drafts", "a", { draft: "x" })).rejects.toThrow();
    expect(await store.get("drafts", "a")).toBeUndefined();
  });

  it("is there in one step with what it stands for being gone, or neither is so", async () => {
    const store = await Store.open("steps");
    const memory = new Memory(store, await Vault.open(store));
    const prompt = { id: "p", text: "fix it", enter: true, at: 1, begun: false };
    const place = { rid: "h", session: "s", stream: "t" };
    const stored = { last: 1, entries: [], prompts: [prompt] };
    await memory.keepFailed("h", "s", { prompt, why: { kind: "limited", message: "Too old.", hint: "" } });
    fillDisk();
    expect(await memory.keepDraft("h", "s", { text: "fix it", files: [] }, ["p"])).toBe(false);
    expect(await memory.keepOutbox(place, stored, ["p"])).toBe("failed");
    expect(await memory.failed("h", "s")).toHaveLength(1);
    vi.restoreAllMocks();
    expect(await memory.keepOutbox(place, stored, ["p"])).toBe("kept");
    expect(await memory.failed("h", "s")).toEqual([]);
    expect(await memory.outbox(place, 1)).toMatchObject({ last: 1 });
  });
});
