// What a page leaves behind that is killed, and what becomes of it; and how soon the next one, or the same, is live.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { Host, until } from "./host.mjs";
import { Network, Profile } from "./profile.mjs";

const TEN_MINUTES = 10 * 60_000;

describe("a page that is killed", () => {
  const host = new Host();
  const network = new Network();
  let phone;
  let shell;
  let place;

  before(async () => {
    await network.start();
    await host.up("--origin", network.url.slice(0, -1));
    network.to = Number(host.address.split(":").at(-1));
    shell = await host.shell("shell");
    phone = new Profile();
    await phone.start();
    const link = await host.link();
    await phone.pair(link.replace(host.url, network.url));
    await phone.enter(shell);
    place = phone.page.url();
    await until(async () => (await phone.kept("lists")) !== "", "the list to be kept");
    await phone.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await until(() => phone.page.evaluate(() => caches.keys().then((keys) => keys.length > 0)), "the shell to be kept");
  });

  after(async () => {
    await phone.close();
    network.stop();
    await host.stop();
  });

  afterEach(() => {
    network.mend();
    assert.deepEqual(phone.faults, []);
  });

  async function compose(text) {
    const { page } = phone;
    if (!(await page.getByTestId("composer").isVisible())) await page.getByTestId("compose").click();
    await page.getByTestId("composer").fill(text);
    await page.getByTestId("send").click();
  }

  /** How often the program was given this line, as it says itself. */
  async function times(line) {
    // Without what the shell tells the terminal.
    const text = (await host.cli("logs", shell)).replaceAll(/\x1b\[[?\d;]*[A-Za-z]|\r/g, "");
    return text.split("\n").filter((shown) => shown === line).length;
  }

  /** Waits until this is written down. */
  async function write(text) {
    const before = await phone.kept("drafts");
    await phone.page.getByTestId("composer").fill(text);
    await until(async () => (await phone.kept("drafts")) !== before, "the draft to be written down");
  }

  const live = () => phone.page.locator("[data-testid=truth][data-level=fresh]:visible").first().waitFor();
  /** Gives a text that waits, and waits until it is written down as that. */
  async function leave(text) {
    const before = await phone.kept("outbox");
    await compose(text);
    await whereabouts("waiting");
    const written = async () => ![before, ""].includes(await phone.kept("outbox"));
    await until(written, "the text to be written down");
  }

  const whereabouts = (at) =>
    phone.page.locator(`[data-testid=whereabouts][data-at="${at}"]:visible`).first().waitFor();

  it("says where a text is, from this device to the program", async () => {
    await compose("echo step-$((1+1))");
    await whereabouts("taken");
    await phone.shows("step-2");
    network.cut();
    await compose("echo step-$((1+2))");
    await whereabouts("waiting");
    network.mend();
    await whereabouts("taken");
    await phone.shows("step-3");
    assert.equal(await times("step-3"), 1);
  });

  it("leaves a text that waits, and the next page delivers it once, in order with what is sent then", async () => {
    await phone.type("clear\n");
    await phone.type("echo seen-before\n");
    await phone.shows(/^seen-before$/m);
    await phone.page.evaluate(() => (location.hash = "#/"));
    await phone.page.goto(place);
    await phone.following();
    network.cut();
    await leave("echo kept-$((6*7))");
    await phone.killTab();
    // Nothing answers; the shell, the screen as it was and the text are there all the same.
    await phone.page.goto(place);
    await phone.shows("seen-before");
    await phone.page.getByTestId("prompt-waiting").waitFor();
    await phone.kill();
    await phone.start();
    await phone.page.goto(place);
    await phone.shows("seen-before");
    await phone.page.getByTestId("prompt-waiting").waitFor();
    await compose("echo kept-$((6*7+1))");
    network.mend();
    await phone.shows(/^kept-42\n(.*\n)?kept-43$/m);
    await whereabouts("taken");
    await phone.page.getByTestId("prompt-waiting").waitFor({ state: "detached" });
    assert.deepEqual([await times("kept-42"), await times("kept-43")], [1, 1]);
  });

  it("neither loses a text nor sends it twice, however soon after it was given it is killed", async () => {
    for (let n = 1; n <= 6; n += 1) {
      // Somebody who writes takes longer than the disk does to keep it; what counts here is the sending.
      if (!(await phone.page.getByTestId("composer").isVisible())) await phone.page.getByTestId("compose").click();
      await write(`echo at-once-$((100+${n}))`);
      await phone.page.getByTestId("send").click();
      if (n % 2 === 0) await new Promise((resolve) => setTimeout(resolve, n * 3));
      await phone.killTab();
      await phone.page.goto(place);
      await phone.following();
      const composer = phone.page.getByTestId("composer");
      const arrived = async () => {
        // Killed before the text was written down as sent: then, and only then, it is still being written.
        const draft = (await composer.isVisible()) ? await composer.inputValue() : "";
        if (draft !== "") await phone.page.getByTestId("send").click();
        return (await times(`at-once-${100 + n}`)) > 0;
      };
      await until(arrived, `text ${n}`);
    }
    await compose("echo the-last-$((1+1))");
    await phone.shows("the-last-2");
    for (let n = 1; n <= 6; n += 1) assert.equal(await times(`at-once-${100 + n}`), 1, `text ${n}`);
  });

  it("is taken over by another tab that lives, which sends what waits in it", async () => {
    const { page } = phone;
    network.cut();
    await leave("echo from-$((1+1))-tabs");
    const other = await phone.tab();
    await other.goto(place);
    await other.getByTestId("terminal").waitFor();
    await page.close();
    phone.page = other;
    network.mend();
    await phone.shows(/^from-2-tabs$/m);
    await phone.page.getByTestId("prompt-waiting").waitFor({ state: "detached" });
    assert.equal(await times("from-2-tabs"), 1);
  });

  it("says that what waits is in this page only where the browser has no room for it, and sends it all the same", async () => {
    await phone.page.evaluate(() => {
      const { put } = IDBObjectStore.prototype;
      IDBObjectStore.prototype.put = function (...args) {
        if (this.name === "outbox") throw new DOMException("no room", "QuotaExceededError");
        return put.apply(this, args);
      };
    });
    network.cut();
    await compose("echo without-$((1+1))-room");
    await whereabouts("waiting");
    await phone.page.getByTestId("not-kept").waitFor();
    await phone.shot("phone-light-23-not-kept");
    network.mend();
    await phone.shows(/^without-2-room$/m);
    await phone.page.getByTestId("not-kept").waitFor({ state: "detached" });
    assert.equal(await times("without-2-room"), 1);
    await phone.page.reload();
    await phone.following();
    assert.equal(await phone.page.getByTestId("composer").count(), 0);
  });

  it("keeps, where keys were not confirmed for ten minutes, a line that does not say they did nothing", async () => {
    network.freeze();
    await phone.type("x");
    network.cut();
    const later = (ms) => {
      const { now } = Date;
      Date.now = () => now() + ms;
      for (const event of ["focus", "online"]) dispatchEvent(new Event(event));
    };
    await phone.page.getByTestId("waiting").waitFor();
    await phone.page.evaluate(later, TEN_MINUTES);
    network.mend();
    const line = phone.page.getByTestId("missed");
    await line.waitFor();
    assert.match(await line.innerText(), /may or may not have arrived/);
    await phone.shot("phone-light-24-missed");
    await line.getByTestId("seen").click();
    await line.waitFor({ state: "detached" });
    await phone.page.reload();
    await phone.following();
    await phone.press("Backspace");
  });

  it("fails a text that waited for ten minutes, and never sends it then", async () => {
    network.cut();
    await leave("echo too-$((1+1))-late");
    await phone.kill();
    await phone.start();
    const later = (ms) => {
      const { now } = Date;
      Date.now = () => now() + ms;
    };
    await phone.page.addInitScript(later, TEN_MINUTES);
    await phone.page.goto(place);
    const failed = phone.page.getByTestId("prompt-failed");
    await failed.waitFor();
    assert.match(await failed.innerText(), /failed:.*ten minutes/s);
    await phone.shot("phone-dark-19-failed");
    network.mend();
    await phone.following();
    await phone.type("echo in-between\n");
    await phone.shows(/^in-between$/m);
    assert.equal(await times("too-2-late"), 0);
    // It stays until somebody does something about it.
    await phone.page.reload();
    await phone.following();
    await failed.getByTestId("prompt-again").click();
    await phone.shows(/^too-2-late$/m);
    await failed.waitFor({ state: "detached" });
    assert.equal(await times("too-2-late"), 1);
    await phone.killTab();
    await phone.page.goto(place);
    await phone.following();
  });

  it("keeps what is being written", async () => {
    const composer = phone.page.getByTestId("composer");
    await phone.page.getByTestId("compose").click();
    await composer.fill("Please look at the failing test");
    await phone.page.getByTestId("back").click();
    await phone.enter(shell);
    assert.equal(await composer.inputValue(), "Please look at the failing test");
    await write("Please look at the failing test\nand fix it.");
    await phone.page.reload();
    assert.equal(await composer.inputValue(), "Please look at the failing test\nand fix it.");
    await write("echo written");
    await phone.killTab();
    await phone.page.goto(place);
    assert.equal(await phone.page.getByTestId("composer").inputValue(), "echo written");
    await phone.page.getByTestId("send").click();
    await phone.shows(/^written$/m);
    await phone.page.reload();
    await phone.following();
    assert.equal(await phone.page.getByTestId("composer").count(), 0);
  });

  it("opens where it was, as an installed app that is started anew", async () => {
    await phone.killTab();
    await phone.page.addInitScript(() => {
      const { matchMedia } = window;
      window.matchMedia = (query) => {
        const list = matchMedia.call(window, query);
        return query.includes("standalone") ? Object.defineProperty(list, "matches", { value: true }) : list;
      };
    });
    await phone.page.goto(network.url);
    await phone.following();
    assert.equal(await phone.page.getByTestId("terminal").getAttribute("data-session"), shell);
    await phone.killTab();
  });

  it("notices a network that swallows everything within twenty seconds, and comes back by itself", async () => {
    await phone.page.goto(place);
    await phone.following();
    await live();
    network.freeze();
    const start = Date.now();
    await phone.page.locator("[data-testid=terminal][data-following=false]").waitFor();
    const took = Date.now() - start;
    assert.ok(took < 20_000, `noticed after ${took} ms`);
    network.mend();
    await phone.following();
    await live();
  });

  it("is live within a second of its network being back", async () => {
    await phone.page.context().setOffline(true);
    network.cut();
    await phone.page.locator("[data-testid=terminal][data-following=false]").waitFor();
    network.mend();
    await phone.page.evaluate(() => {
      // In short sleeps: a machine that keeps everybody waiting keeps this waiting, too.
      window.back = new Promise((resolve) => {
        addEventListener("online", () => {
          let slept = 0;
          const look = () => {
            if (document.querySelector("[data-testid=terminal][data-following=true]") !== null) return resolve(slept);
            slept += 1;
            setTimeout(look, 20);
          };
          look();
        });
      });
    });
    await phone.page.context().setOffline(false);
    const slept = await phone.page.evaluate(() => window.back);
    assert.ok(slept < 48, `${slept} fiftieths of a second`);
  });

  it("leaves what is above the screen where it is on a slow link, until somebody looks for it", async () => {
    const long = await host.start("long", "sh", "-c", "seq -f %080g 2000; echo the-end; exec cat");
    await until(async () => (await host.cli("logs", long)).includes("the-end"), "all lines");
    await phone.page.getByTestId("back").click();
    await live();
    network.pace = 60_000;
    await phone.enter(long);
    await phone.shows("the-end");
    // Long enough for the page to have had nothing better to do.
    await phone.page.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve)));
    await phone.type("said-meanwhile\n");
    await phone.shows(/said-meanwhile\nsaid-meanwhile/);
    const terminal = phone.page.getByTestId("terminal");
    assert.equal(await terminal.getAttribute("data-whole"), "false");
    await phone.page.locator(".xterm-screen").hover();
    await phone.page.mouse.wheel(0, -600);
    network.pace = 0;
    await phone.page.locator("[data-testid=terminal][data-whole=true]").waitFor();
    await phone.page.goto(place);
    await phone.following();
  });

  it("says of a terminal's text that older lines are still coming, and takes them in", async () => {
    const long = await host.start("longer", "sh", "-c", "seq -f %080g 2000; echo the-end; exec cat");
    await until(async () => (await host.cli("logs", long)).includes("the-end"), "all lines");
    await phone.page.getByTestId("back").click();
    await live();
    network.pace = 25_000;
    await phone.enter(long);
    await phone.shows("the-end");
    await phone.page.getByTestId("menu").click();
    await phone.page.getByTestId("text").click();
    const text = phone.page.getByTestId("terminal-text");
    await text.waitFor();
    await phone.page.locator("dialog [data-testid=older][data-older=coming]").waitFor();
    await until(() => text.evaluate((pre) => pre.parentElement.scrollTop > 0), "its end to be in sight");
    await phone.shot("phone-light-26-older");
    assert.doesNotMatch(await text.textContent(), /^0+1$/m);
    network.pace = 0;
    await phone.page.locator("dialog [data-testid=older][data-older=here]").waitFor({ state: "attached" });
    await until(async () => /^0+1$/m.test(await text.textContent()), "the first line");
    await phone.page.getByRole("button", { name: "Close" }).click();
    await phone.page.goto(place);
    await phone.following();
  });

  it("is live at once when it is looked at again, whatever became of its network meanwhile", async () => {
    const look = (state) =>
      phone.page.evaluate((state) => {
        Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
        document.dispatchEvent(new Event("visibilitychange"));
      }, state);
    await live();
    await look("hidden");
    network.freeze();
    await host.kill();
    await host.up();
    network.to = Number(host.address.split(":").at(-1));
    network.mend();
    const start = Date.now();
    await look("visible");
    await phone.type("echo awake-$((1+1))\n");
    await phone.shows("awake-2");
    const took = Date.now() - start;
    assert.ok(took < 6_000, `live after ${took} ms`);
    assert.equal(await times("awake-2"), 1);
  });
});
