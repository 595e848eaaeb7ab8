import { describe, expect, it } from "vitest";
import { claimStreams, heldStreams, inherit, type Page } from "./stream";
import { ticks } from "./testing";

class Kept {
  readonly #kept = new Map<string, string>();
  getItem(key: string): string | null {
    return this.#kept.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.#kept.set(key, value);
  }
}

/** One browser's locks, as its pages see them. */
class Browser {
  readonly #held = new Map<string, Page>();
  #queue: { name: string; take: () => void }[] = [];

  page(storage: Page["storage"] = new Kept()): Page & { locks: LockManager } {
    const page = {
      storage,
      locks: {
        query: () => Promise.resolve({ held: [...this.#held.keys()].map((name) => ({ name })) }),
        request: (name: string, options: unknown, then: (lock: unknown) => unknown) => {
          if (typeof options === "function") {
            // All that waits in line here gives it back at once.
            return new Promise<void>((resolve) => {
              this.#queue.push({ name, take: resolve });
              this.#turn();
            });
          }
          const free = !this.#held.has(name);
          if (free) this.#held.set(name, page);
          then(free ? { name } : null);
          return new Promise(() => undefined);
        },
      } as unknown as LockManager,
    };
    return page;
  }

  /** As when its process is killed. */
  kill(page: Page): void {
    for (const [name, by] of this.#held) if (by === page) this.#held.delete(name);
    this.#turn();
  }

  #turn(): void {
    const ready = this.#queue.filter(({ name }) => !this.#held.has(name));
    this.#queue = this.#queue.filter((one) => !ready.includes(one));
    for (const { take } of ready) take();
  }
}

describe("a page's stream", () => {
  it("is a fresh one where nothing waits, also after a reload", async () => {
    const browser = new Browser();
    const page = browser.page();
    const { stream } = await claimStreams([], page);
    expect(stream).toMatch(/^[a-z2-7]{16}$/);
    browser.kill(page);
    expect((await claimStreams([], browser.page(page.storage))).stream).not.toBe(stream);
  });

  it("is that of a page that is gone where commands wait in it, and never a live one's", async () => {
    const browser = new Browser();
    const page = browser.page();
    const { stream } = await claimStreams([], page);
    const other = await claimStreams([stream], browser.page());
    expect(other.stream).not.toBe(stream);
    expect(other.others).toEqual([]);
    browser.kill(page);
    expect(await claimStreams([stream, stream], browser.page())).toEqual({ stream, inherited: true, others: [] });
  });

  it("is its own tab's before another's, whose commands it delivers as well", async () => {
    const browser = new Browser();
    const pages = [browser.page(), browser.page()];
    const streams: string[] = [];
    for (const page of pages) streams.push((await claimStreams([], page)).stream);
    for (const page of pages) browser.kill(page);
    const again = browser.page(pages[1]?.storage);
    expect(await claimStreams(streams, again)).toEqual({
      stream: streams[1],
      inherited: true,
      others: [streams[0]],
    });
    expect((await claimStreams(streams, browser.page())).others).toEqual([]);
  });

  it("is taken over by one of those that live when its own page is gone", async () => {
    const browser = new Browser();
    const [gone, one, other] = [browser.page(), browser.page(), browser.page()];
    const { stream } = await claimStreams([], gone);
    expect(await heldStreams(one.locks)).toEqual([stream]);
    const taken: string[] = [];
    const now = () => Promise.resolve();
    void inherit(stream, one.locks, now).then(() => taken.push("one"));
    void inherit(stream, other.locks, now).then(() => taken.push("other"));
    await ticks();
    expect(taken).toEqual([]);
    browser.kill(gone);
    await ticks();
    expect(taken).toEqual(["one"]);
    browser.kill(one);
    await ticks();
    expect(taken).toEqual(["one", "other"]);
  });

  it("stays its own tab's where that is only loaded anew", async () => {
    const browser = new Browser();
    const page = browser.page();
    const { stream } = await claimStreams([], page);
    const pauses: (() => void)[] = [];
    const pause = () => new Promise<void>((resolve) => pauses.push(resolve));
    const taken: string[] = [];
    const next = () => pauses.shift()?.();
    void inherit(stream, browser.page().locks, pause).then(() => taken.push("other"));
    browser.kill(page);
    await ticks();
    const again = browser.page(page.storage);
    expect((await claimStreams([stream], again)).stream).toBe(stream);
    next();
    await ticks();
    expect([taken, pauses.length]).toEqual([[], 0]);
    browser.kill(again);
    await ticks();
    next();
    await ticks();
    expect(taken).toEqual(["other"]);
  });

  it("goes to one of several pages that want it at once", async () => {
    const browser = new Browser();
    const claims = [1, 2, 3].map(() => claimStreams(["closed", "gone"], browser.page()));
    const claimed = (await Promise.all(claims)).flatMap(({ stream, others }) => [stream, ...others]);
    expect(new Set(claimed).size).toBe(claimed.length);
    expect(claimed).toEqual(expect.arrayContaining(["closed", "gone"]));
  });

  it("is nobody else's where there are no locks", async () => {
    const page: Page = { storage: new Kept(), locks: null };
    const { stream, others } = await claimStreams(["closed"], page);
    expect(stream).not.toBe("closed");
    expect(others).toEqual([]);
  });
});
