import { describe, expect, it } from "vitest";
import { claimStreams, type Page } from "./stream";

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

  page(storage: Page["storage"] = new Kept()): Page {
    const page: Page = {
      storage,
      locks: {
        request: (name: string, _: unknown, then: (lock: unknown) => unknown) => {
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
