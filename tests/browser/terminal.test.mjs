import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Device, Host, launch, PHONE, quit, until } from "./host.mjs";

describe("a phone and a terminal", () => {
  const host = new Host();
  const open = [];
  let phone;
  let shell;

  async function device(options) {
    const one = await Device.open(options);
    open.push(one);
    return one;
  }

  before(async () => {
    await launch();
    await host.up();
    shell = await host.shell("shell");
    phone = await device(PHONE);
  });

  after(async () => {
    for (const one of open) await one.close();
    await quit();
    await host.stop();
  });

  afterEach(async () => {
    await phone.context.setOffline(false);
    for (const one of open) assert.deepEqual(one.faults, [], "errors on the page");
  });

  it("pairs, and keeps nothing of the link in the address bar", async () => {
    const link = await host.link();
    await phone.page.goto(link);
    assert.equal(await phone.page.evaluate(() => location.href), host.url);
    assert.match(await phone.page.locator("input[name=label]").inputValue(), /Chrome on Android phone/);
    await phone.page.getByTestId("pair").click();
    await phone.page.getByTestId("paired").waitFor();
    const words = (await phone.page.getByTestId("words").innerText()).split(/\s+/).filter(Boolean);
    assert.equal(words.length, 4);
    const [enrolled] = await host.json("devices");
    assert.deepEqual(enrolled.words.split(/[\s-]+/), words);
    assert.equal(await phone.page.evaluate(() => history.length), 2);
    await phone.page.getByTestId("open").click();

    const other = await device();
    await other.page.goto(link);
    await other.page.getByTestId("pair").click();
    await other.page.getByTestId("refused").waitFor();
    assert.match(await other.page.locator("main").innerText(), /longrein pair/);
  });

  it("lists the session, with what it shows", async () => {
    const card = phone.page.locator(`[data-testid=session][data-session="${shell}"]`);
    assert.match(await card.innerText(), /shell/);
    assert.match(await card.innerText(), /bash --norc/);
    await phone.page.locator('[data-testid=truth][data-level="fresh"]:visible').first().waitFor();
  });

  it("types, and shows what comes back", async () => {
    await phone.enter(shell);
    await phone.type("echo $((6*7))-answer\n");
    await phone.shows("42-answer");
  });

  it("has keys that phones lack", async () => {
    const bar = phone.page.getByTestId("keybar");
    await phone.type("cat");
    await phone.press("Enter");
    // Said by the terminal and once more by the program, which is then there to be interrupted.
    await phone.type("purr\n");
    await phone.shows(/^purr\npurr$/m);
    await bar.getByRole("button", { name: "Ctrl-C" }).click();
    await phone.type("clear; echo once\n");
    await phone.shows(/^once$/m);
    await bar.getByRole("button", { name: "Arrow up" }).click();
    await phone.shows(/\$ clear; echo once$/m);
    const ctrl = bar.getByRole("button", { name: "Ctrl", exact: true });
    await ctrl.click();
    await phone.type("u");
    await until(async () => !(await phone.screen()).join("\n").includes("clear"), "Ctrl-U to clear the line");
    assert.equal(await ctrl.getAttribute("aria-pressed"), "false");
  });

  it("writes long text in the composer", async () => {
    await phone.page.getByTestId("compose").click();
    await phone.page.getByTestId("composer").fill("echo compo''sed text");
    await phone.page.getByTestId("send").click();
    await phone.shows("composed text");
    await phone.page.getByTestId("compose").click();
  });

  it("runs vim", async () => {
    await phone.type("vim -u NONE -n /dev/null\n");
    await phone.shows(/^~/m);
    await phone.type("ihello from vim");
    await phone.shows("hello from vim");
    await phone.press("Escape");
    await phone.type(":q!\n");
    await until(async () => !(await phone.screen()).join("\n").includes("hello from vim"), "vim to leave");
  });

  it("runs htop", async () => {
    await phone.type("htop\n");
    await phone.shows("F5Tree");
    await phone.type("q");
    await phone.shows(/\$ $|\$$/m);
  });

  it("shows the same screen after a reload", async () => {
    await phone.type("clear; printf '\\033[1;31mred\\033[0m %s\\n' remembered\n");
    await phone.shows(/^red remembered\n\$$/m);
    const before = await phone.screen();
    await phone.page.reload();
    await phone.following();
    await phone.shows("red remembered");
    await until(async () => (await phone.screen()).join() === before.join(), "the same lines");
  });

  it("shares the session with a second browser, both typing", async () => {
    const desk = await device();
    await desk.pair(await host.link());
    await desk.enter(shell);
    await desk.shows("red remembered");
    await desk.type("echo from-the-desk\n");
    await phone.shows(/^from-the-desk/m);
    await phone.type("echo from-the-phone\n");
    await desk.shows(/^from-the-phone/m);
  });

  it("keeps the desk's size until one tap takes it over, and gives it back", async () => {
    const strip = phone.page.getByTestId("foreign");
    await strip.waitFor();
    let asked = 0;
    const width = async () => {
      const name = `w${(asked += 1)}`;
      await phone.type(`clear; echo ${name}-$(tput cols)\n`);
      const shown = new RegExp(`^${name}-(\\d+)$`, "m");
      return until(async () => shown.exec((await phone.screen()).join("\n"))?.[1], "a width");
    };
    const wide = Number(await width());
    assert.ok(wide > 100, `the desk's ${wide} columns`);
    await phone.page.getByTestId("fit").click();
    await phone.page.getByTestId("give-back").waitFor();
    await strip.waitFor({ state: "detached" });
    const narrow = Number(await width());
    assert.ok(narrow < 80, `the phone's ${narrow} columns`);
    await phone.page.getByTestId("give-back").click();
    await strip.waitFor();
    assert.equal(Number(await width()), wide);
  });

  it("finds text", async () => {
    const desk = open[2];
    await desk.type("clear; seq 1 300 | sed s/^/needle-/\n");
    await desk.shows("needle-300");
    await desk.page.getByTestId("menu").click();
    await desk.page.getByTestId("search").click();
    await desk.page.getByTestId("find").fill("needle-42");
    await until(async () => /\d+ \/ \d+/.test(await desk.page.getByTestId("found").innerText()), "a match");
    await desk.shows("needle-42");
    await desk.page.keyboard.press("Escape");
  });

  it("shows a long session's screen first, and what is above it without moving the screen", async () => {
    const long = await host.start("long", "sh", "-c", "seq -f above-%05g 3000; echo the-end; exec cat");
    await until(async () => (await host.cli("logs", long)).includes("the-end"), "all lines");
    const desk = await device();
    // Nothing is asked for before the person is where they want to be.
    await desk.page.addInitScript(() => (window.requestIdleCallback = () => 0));
    await desk.pair(await host.link());
    await desk.enter(long);
    await desk.shows("the-end");
    await desk.page.locator("[data-testid=terminal][data-whole=false]").waitFor();
    await desk.page.locator(".xterm-screen").hover();
    await desk.page.mouse.wheel(0, -600);
    await until(async () => !(await desk.screen()).join("\n").includes("the-end"), "the screen to scroll");
    const screen = await desk.screen();
    await desk.page.evaluate(() => {
      const rows = document.querySelector(".xterm-rows");
      window.seen = new Set();
      // Sizes are told of once a frame, behind everything that draws and before it is painted.
      const pulse = document.createElement("div");
      pulse.style.cssText = "position: fixed; height: 1px; width: 1px; opacity: 0";
      document.body.append(pulse);
      new ResizeObserver(() => {
        window.seen.add(rows.textContent);
        requestAnimationFrame(() => (pulse.style.width = pulse.offsetWidth === 1 ? "2px" : "1px"));
      }).observe(pulse);
    });
    const text = (await desk.text()).split("\n");
    await desk.page.locator("[data-testid=terminal][data-whole=true]").waitFor();
    const lines = Array.from({ length: 3000 }, (_, n) => `above-${String(n + 1).padStart(5, "0")}`);
    assert.deepEqual(text.slice(0, 3001), [...lines, "the-end"]);
    assert.deepEqual(await desk.screen(), screen);
    assert.equal(await desk.page.evaluate(() => window.seen.size), 1, "it showed something else meanwhile");

    const patient = await device();
    await patient.pair(await host.link());
    await patient.enter(long);
    await patient.page.locator("[data-testid=terminal][data-whole=true]").waitFor();
    assert.equal((await patient.text()).split("\n")[0], "above-00001");
  });

  it("says so while the network is away, keeps what is typed, and delivers it once", async () => {
    await phone.type("clear\n");
    await phone.context.setOffline(true);
    // An emulated outage leaves open sockets alone, even their end: the page has to find out that nobody answers.
    await host.kill();
    await phone.page.locator('[data-testid=truth][data-level="lost"]:visible').first().waitFor();
    await phone.type("echo typed-offline\n");
    await phone.page.getByTestId("waiting").waitFor();
    await host.up();
    await phone.context.setOffline(false);
    await phone.shows(/^typed-offline$/m);
    const lines = (await phone.text()).split("\n").filter((line) => line === "typed-offline");
    assert.equal(lines.length, 1);
  });

  it("loses no line of a flood when the daemon is killed in it", async () => {
    // Goes on until it is told to end, and slowly enough that the terminal holds all of it.
    await phone.type(
      "clear; i=0; until [ -e over ]; do echo line-$((i += 1)); ((i % 20)) || sleep 0.05; done; echo all-''done-$i-\n",
    );
    await phone.shows(/^line-\d\d\d$/m);
    await host.kill();
    await host.up();
    await phone.following();
    writeFileSync(join(host.home, "over"), "");
    await phone.shows(/^all-done-\d+-$/m);
    const text = await phone.text();
    const last = Number(/^all-done-(\d+)-$/m.exec(text)[1]);
    const numbers = [...text.matchAll(/^line-(\d+)$/gm)].map(([, number]) => Number(number));
    assert.deepEqual(
      numbers,
      Array.from({ length: last }, (_, i) => i + 1),
    );
  });

  it("starts a session, and ends it when asked twice", async () => {
    await phone.page.getByTestId("back").click();
    await phone.page.getByTestId("new-session").click();
    await phone.page.locator("input[name=command]").fill("no-such-program-anywhere");
    await phone.page.getByTestId("start").click();
    await phone.page.locator("dialog [role=alert]").waitFor();
    await phone.page.locator("input[name=command]").fill('sh -c "echo started; exec cat"');
    await phone.page.locator("input[name=name]").fill("from the phone");
    await phone.page.getByTestId("start").click();
    await phone.following();
    await phone.shows("started");
    await phone.page.getByTestId("menu").click();
    await phone.page.getByTestId("stop").click();
    await phone.page.getByTestId("stop-confirm").click();
    await phone.page.getByTestId("ended").waitFor();
    await phone.page.getByTestId("back").click();
  });

  it("opens without a network, from what it has", async () => {
    await phone.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await until(() => phone.page.evaluate(() => caches.keys().then((keys) => keys.length > 0)), "the shell to be kept");
    await phone.context.setOffline(true);
    await phone.page.reload();
    await phone.page.getByTestId("settings").waitFor();
    await phone.context.setOffline(false);
    await phone.page.locator('[data-testid=truth][data-level="fresh"]:visible').first().waitFor();
  });

  it("is closed within a second when it is revoked, and for good", async () => {
    await phone.page.locator('[data-testid=truth][data-level="fresh"]:visible').first().waitFor();
    const { id } = (await host.json("devices")).find(({ label }) => label.includes("phone"));
    // Measured in the page, in short sleeps: a machine that keeps everybody waiting keeps them waiting too.
    await phone.page.evaluate(() => {
      window.closed = new Promise((resolve) => {
        let asked = false;
        let slept = 0;
        window.asked = () => (asked = true);
        const look = () => {
          const fresh = [...document.querySelectorAll("[data-level=fresh]")].some((shown) => shown.checkVisibility());
          if (!fresh) return resolve(slept);
          if (asked) slept += 1;
          setTimeout(look, 20);
        };
        look();
      });
    });
    await host.cli("revoke", id);
    const slept = await phone.page.evaluate(() => {
      window.asked();
      return window.closed;
    });
    assert.ok(slept < 48, `${slept} fiftieths of a second`);
    await phone.page.getByText("does not know this device any more").waitFor();
    await phone.page.reload();
    await phone.page.getByText("does not know this device any more").waitFor();
  });
});
