// The smallest phone there is, and what people and agents write at their worst.
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Asker } from "./asker.mjs";
import { Device, Host, launch, PHONE, quit, until } from "./host.mjs";

const NARROW = { ...PHONE, viewport: { width: 320, height: 568 } };
const ODD =
  "日本語のとても長い一行で、どこにも空白がありません。これは折り返されなければなりません。 שלום עולם! مرحبا بالعالم، می‌خواهم 👨‍👩‍👧 🏳️‍🌈 " +
  "averyveryverylongwordwithoutanyspaceinitthatgoesonandonandonandonandon /srv/a/very/long/path/to/a/file/that/nobody/reads.ts";

describe("a narrow phone", () => {
  const host = new Host();
  let device;
  let page;
  let askers = [];

  before(async () => {
    await launch();
    const bin = join(host.home, "bin");
    mkdirSync(bin);
    copyFileSync(new URL("claude.mjs", import.meta.url), join(bin, "claude"));
    chmodSync(join(bin, "claude"), 0o755);
    host.env.PATH = `${bin}:${process.env.PATH}`;
    await host.up();
  });

  after(async () => {
    await quit();
    await host.stop();
  });

  afterEach(async () => {
    for (const asker of askers) asker.close();
    askers = [];
    assert.deepEqual(device.faults, []);
    await device.close();
  });

  async function open() {
    device = await Device.open(NARROW);
    page = device.page;
    await device.pair(await host.link());
  }

  /** How far anything that does not scroll by itself is wider than the screen, or than what it is in. */
  async function tooWide() {
    return page.evaluate(() => {
      const scrolls = "main, .list, dialog .body, [data-testid=chat-list]";
      const beside = [...document.querySelectorAll(scrolls)].filter((one) => one.scrollWidth > one.clientWidth + 1);
      const outside = [...document.querySelectorAll("body *")]
        .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1)
        .filter((one) => {
          for (let up = one; up !== null; up = up.parentElement)
            if (/auto|scroll|hidden|clip/.test(getComputedStyle(up).overflowX)) return false;
          return true;
        });
      return [...beside, ...outside].map((one) => `${one.tagName}.${one.className} ${one.textContent.slice(0, 40)}`);
    });
  }

  it("shows words of every script in its chat, whole", async () => {
    const out = await host.cli("chat", "--agent", "claude", "--detach", "--name", ODD.slice(0, 60));
    const session = /[a-z2-7]{16}/.exec(out)[0];
    await open();
    await page.locator(`[data-testid=session][data-session="${session}"]`).click();
    await page.getByTestId("chat-text").fill(ODD);
    await page.getByTestId("chat-send").click();
    await page.getByTestId("turn").waitFor();
    assert.ok((await page.getByTestId("said-by-agent").innerText()).includes("👨‍👩‍👧 🏳️‍🌈"));
    assert.deepEqual(await tooWide(), []);
    await device.shot("narrow-1-chat");
    await page.getByTestId("chat-text").fill("run");
    await page.getByTestId("chat-send").click();
    await page.getByTestId("approval-line").waitFor();
    await page.getByTestId("interrupt").waitFor();
    await device.shot("narrow-2-works");
    assert.deepEqual(await tooWide(), []);
    await page.getByTestId("back").click();
    await page.locator("[data-testid=approval]:visible").waitFor();
    await device.shot("narrow-3-list");
    assert.deepEqual(await tooWide(), []);
  });

  it("shows a command of ten thousand lines, and one in every script", async () => {
    const session = await host.start("shell", "cat");
    const lines = Array.from({ length: 10_000 }, (_, n) => `echo ${n} ${ODD.slice(n % 60, (n % 60) + 20)}`);
    const tool = { name: "Bash", kind: "run", title: ODD, command: lines.join("\n"), input: {} };
    askers.push(await Asker.ask(host, session, { source: "claude", question: ODD, cwd: ODD, tool }));
    await open();
    await page.locator("[data-testid=approval]:visible").last().click();
    await page.getByTestId("command").waitFor();
    await page.locator("[data-testid=buttons][data-steady=true]").waitFor();
    assert.deepEqual(await tooWide(), []);
    await device.shot("narrow-4-sheet");
    await page.getByTestId("reason").scrollIntoViewIfNeeded();
    await device.shot("narrow-5-sheet");
    assert.deepEqual(await tooWide(), []);
    const { height } = await page.getByTestId("allow").boundingBox();
    assert.ok(height >= 48, `it is ${height} high`);
  });

  it("lists two hundred that wait, and takes one away as soon as it is decided", async () => {
    for (let n = 0; askers.length < 200; n++) {
      const session = await host.start(`many ${n}`, "cat");
      const asks = Array.from({ length: Math.min(8, 200 - askers.length) }, (_, m) =>
        Asker.ask(host, session, { source: "ask", question: `Question ${n}.${m}: ${ODD}` }),
      );
      askers.push(...(await Promise.all(asks)));
    }
    await open();
    const cards = page.locator("[data-testid=approval]:visible").filter({ hasText: "Question" });
    await until(
      async () => (await cards.count()) === 200,
      async () => `200 cards; there are ${await cards.count()}`,
    );
    await device.shot("narrow-6-many");
    assert.deepEqual(await tooWide(), []);
    const began = Date.now();
    await cards.nth(150).click();
    await page.locator("[data-testid=buttons][data-steady=true]").waitFor();
    await page.getByTestId("deny").click();
    await page.getByTestId("done").click();
    await until(async () => (await cards.count()) === 199, "the card to go");
    assert.ok(Date.now() - began < 15_000, `it took ${Date.now() - began} ms`);
  });
});
