import { describe, expect, it } from "vitest";
import { Attachment } from "./attachment";
import type { ToClient } from "./message";
import { ANSWER_WITHIN, claimStream, type Air, type Tab } from "./stream";

const bytes = (text: string) => new TextEncoder().encode(text);

class Memory {
  kept = new Map<string, string>();
  getItem(key: string): string | null {
    return this.kept.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.kept.set(key, value);
  }
  removeItem(key: string): void {
    this.kept.delete(key);
  }
}

class Channel implements Air {
  onmessage: Air["onmessage"] = null;
  heard: unknown[] = [];
  frozen = false;
  readonly browser: Browser;

  constructor(browser: Browser) {
    this.browser = browser;
    browser.channels.push(this);
  }

  postMessage(message: unknown): void {
    this.browser.said.push({ by: this, message: structuredClone(message) });
  }
}

/** One page of one tab, plain-http: it has no locks. */
class Page implements Tab {
  readonly locks = null;
  readonly browser: Browser;
  readonly storage: Memory;
  left = false;
  #channel: Channel | null = null;

  constructor(browser: Browser, storage = new Memory()) {
    this.browser = browser;
    this.storage = storage;
  }

  readonly channel = () => (this.#channel = new Channel(this.browser));

  after(ms: number, then: () => void): void {
    expect(ms).toBe(ANSWER_WITHIN);
    this.browser.timers.push(then);
  }

  lost(): void {
    this.left = true;
  }

  set frozen(frozen: boolean) {
    if (this.#channel !== null) this.#channel.frozen = frozen;
  }

  /** The same tab with a new page. */
  reload(): Page {
    const { channels } = this.browser;
    this.browser.channels = channels.filter((channel) => channel !== this.#channel);
    return new Page(this.browser, this.storage);
  }

  duplicate(): Page {
    const storage = new Memory();
    storage.kept = new Map(this.storage.kept);
    return new Page(this.browser, storage);
  }
}

/** One browser, whose clock moves when nothing is left to be heard. */
class Browser {
  channels: Channel[] = [];
  said: { by: Channel; message: unknown }[] = [];
  timers: (() => void)[] = [];

  page(): Page {
    return new Page(this);
  }

  /** Everything that was said is heard. */
  hear(): void {
    for (;;) {
      for (const { by, message } of this.said.splice(0))
        for (const other of this.channels) if (other !== by) other.heard.push(message);
      const channel = this.channels.find(({ heard, frozen }) => heard.length > 0 && !frozen);
      if (channel === undefined) return;
      channel.onmessage?.({ data: channel.heard.shift() } as MessageEvent<unknown>);
    }
  }

  /** Everything that was said is heard, and then nobody waits any longer. */
  async pass<T>(claim: Promise<T>): Promise<T> {
    this.hear();
    for (const then of this.timers.splice(0)) then();
    const claimed = await claim;
    this.hear();
    return claimed;
  }

  claim(page: Page, orphans: string[] = []): Promise<string> {
    return this.pass(claimStream(orphans, page));
  }
}

/** A keeper, as far as commands go: each number of each stream once, in order. */
class Keeper {
  #last = new Map<string, number>();
  typed = "";

  follow(stream: string): Attachment {
    const said: ToClient[] = [];
    const attachment = new Attachment(
      "s",
      {
        send: (header, payload = new Uint8Array(0)) => {
          const last = this.#last.get(stream) ?? 0;
          if (header.t === "attach") {
            const head = { epoch: 1, seq: 0 };
            said.push({ t: "attached", session: "s", head, size: { cols: 80, rows: 24 }, applied: last });
          } else if (header.t === "command") {
            if (header.n > last) {
              this.#last.set(stream, header.n);
              this.typed += new TextDecoder().decode(payload);
            }
            said.push({ t: "applied", session: "s", n: header.n });
          }
          return true;
        },
        now: () => 0,
        after: () => () => undefined,
      },
      { changed: () => undefined, event: () => undefined, failed: () => undefined, keep: () => undefined },
      [],
    );
    const hear = () => {
      for (let message = said.shift(); message !== undefined; message = said.shift())
        attachment.message(message, new Uint8Array(0));
    };
    const input = attachment.input.bind(attachment);
    attachment.input = (typed) => {
      const taken = input(typed);
      hear();
      return taken;
    };
    attachment.show({ apply: (_, done) => done(), above: 0 }, { cols: 80, rows: 24 });
    attachment.online();
    hear();
    return attachment;
  }
}

describe("a tab's stream, without locks", () => {
  it("is kept over a reload", async () => {
    const browser = new Browser();
    const page = browser.page();
    const stream = await browser.claim(page);
    expect(await browser.claim(page.reload())).toBe(stream);
  });

  it("is not a duplicated tab's as well, and what is typed in either arrives", async () => {
    const browser = new Browser();
    const keeper = new Keeper();
    const page = browser.page();
    const stream = await browser.claim(page);
    const copy = page.duplicate();
    const other = await browser.claim(copy);
    expect(other).not.toBe(stream);
    expect(copy.storage.getItem("longrein.stream")).toBe(other);
    const one = keeper.follow(stream);
    const two = keeper.follow(other);
    one.input(bytes("a"));
    two.input(bytes("b"));
    one.input(bytes("c"));
    expect(keeper.typed).toBe("abc");
    expect(page.left || copy.left).toBe(false);
  });

  it("is a closed tab's, where commands wait with it, and never a live one's", async () => {
    const browser = new Browser();
    const live = await browser.claim(browser.page());
    expect(await browser.claim(browser.page(), [live, "closed"])).toBe("closed");
    expect([live, "closed"]).not.toContain(await browser.claim(browser.page(), [live, "closed"]));
  });

  it("goes to one of several tabs that want it at once, whether they heard each other or not", async () => {
    for (let round = 0; round < 20; round++) {
      const browser = new Browser();
      const claims = [claimStream(["closed"], browser.page()), claimStream(["closed"], browser.page())];
      if (round % 2 === 0) {
        browser.hear();
        // This one has missed what the others asked.
        claims.push(claimStream(["closed"], browser.page()));
      }
      const streams = await browser.pass(Promise.all(claims));
      expect(new Set(streams).size).toBe(claims.length);
      expect(streams).toContain("closed");
    }
  });

  it("is left by a tab that was frozen while it was asked", async () => {
    const browser = new Browser();
    const frozen = browser.page();
    const stream = await browser.claim(frozen);
    frozen.frozen = true;
    const awake = browser.page();
    expect(await browser.claim(awake, [stream])).toBe(stream);
    frozen.frozen = false;
    browser.hear();
    expect(frozen.left).toBe(true);
    expect(awake.left).toBe(false);
    expect(await browser.claim(frozen.reload(), [stream])).not.toBe(stream);
  });

  it("is fresh on each page where the tabs cannot ask one another", async () => {
    const page: Tab = {
      storage: new Memory(),
      locks: null,
      channel: null,
      after: () => undefined,
      lost: () => undefined,
    };
    const stream = await claimStream(["closed"], page);
    expect(stream).toMatch(/^[a-z2-7]{16}$/);
    expect(await claimStream(["closed"], page)).not.toBe(stream);
  });
});

describe("a tab's stream, with locks", () => {
  it("is the first that no other tab has locked", async () => {
    const held = new Set<string>();
    const locks = {
      request: (name: string, _: unknown, then: (lock: unknown) => unknown) => {
        then(held.has(name) ? null : { name });
        held.add(name);
        return new Promise(() => undefined);
      },
    } as unknown as LockManager;
    const page = (): Tab => ({
      storage: new Memory(),
      locks,
      channel: null,
      after: () => undefined,
      lost: () => undefined,
    });
    expect(await claimStream(["closed"], page())).toBe("closed");
    expect(await claimStream(["closed"], page())).not.toBe("closed");
  });
});
