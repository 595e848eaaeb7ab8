// A program asks, and somebody decides: on a phone, on two devices at once, after the browser was killed.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { BIN, DESKTOP, Device, Host, launch, PHONE, quit, until } from "./host.mjs";
import { Network, Profile } from "./profile.mjs";

describe("approvals", () => {
  const host = new Host();
  let shell;
  let open = [];

  before(async () => {
    await launch();
    await host.up();
    shell = await host.shell("deploy");
    await host.start("newer", "cat");
  });

  after(async () => {
    await quit();
    await host.stop();
  });

  afterEach(async () => {
    for (const device of open) {
      assert.deepEqual(device.faults, []);
      await device.close();
    }
    open = [];
    // What a test that failed has left would be the next one's.
    for (const { id, state } of await host.json("approvals")) if (state === "pending") await host.cli("deny", id);
  });

  async function device(options = PHONE) {
    const made = await Device.open(options);
    open.push(made);
    await made.pair(await host.link());
    await made.page.locator(`[data-testid=session][data-session="${shell}"]`).waitFor();
    return made;
  }

  /** Has the shell ask, from a page of its own, and tell what it was answered. */
  async function ask(typist, ...words) {
    await typist.type(`clear; ${BIN} ask ${words.join(" ")}; echo exit-$?\n`);
  }

  async function typist() {
    const made = await device(DESKTOP);
    await made.enter(shell);
    return made;
  }

  /** Opens the sheet of the only approval that waits. */
  async function sheet({ page }) {
    await page.locator("[data-testid=approval]:visible").first().click();
    await page.getByTestId("request").waitFor();
    // In blocks of whole lines.
    return (await page.getByTestId("request").locator("span").allTextContents()).join("\n");
  }

  /** Taps a button that stands still, as one that has just moved takes no tap. */
  async function tap(button) {
    await button.scrollIntoViewIfNeeded();
    // What the buttons say of themselves is as old as the last frame.
    await button.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    await button.page().locator("[data-testid=buttons][data-steady=true]").waitFor();
    await button.click();
  }

  /** What the host sends to a page that is not open yet comes so many milliseconds late, in order. */
  async function slow(page, ms) {
    await page.routeWebSocket(/\/v1\/connect\//, (socket) => {
      const late = [];
      socket.connectToServer().onMessage((message) => {
        late.push(message);
        setTimeout(() => socket.send(late.shift()), ms);
      });
    });
  }

  it("are allowed on the phone, and whoever asked goes on", async () => {
    const [desk, phone] = [await typist(), await device()];
    assert.equal(await phone.page.title(), "Longrein");
    assert.notEqual(await phone.page.getByTestId("session").first().getAttribute("data-session"), shell);
    await ask(desk, '"Deploy to production?"');
    await phone.page.getByTestId("approval").waitFor();
    assert.match(await phone.page.getByTestId("approval").innerText(), /Deploy to production\?[^]*deploy[^]*denied in/);
    await phone.page.getByTestId("needs-you").waitFor();
    // Before those that were started later.
    assert.equal(await phone.page.getByTestId("session").first().getAttribute("data-session"), shell);
    assert.equal(await phone.page.title(), "(1) Longrein");
    assert.equal(await sheet(phone), "Deploy to production?");
    await tap(phone.page.getByTestId("allow"));
    await phone.page.locator("[data-testid=outcome][data-state=allowed]").waitFor();
    assert.match(await phone.page.getByTestId("outcome").innerText(), /You allowed it on this device/);
    await desk.shows(/yes\s+exit-0/);
    // It closes by itself, and nothing is left of it.
    await phone.page.getByTestId("approval-sheet").waitFor({ state: "detached" });
    assert.equal(await phone.page.getByTestId("approval").count(), 0);
    await until(async () => (await phone.page.title()) === "Longrein", "the title to say that nothing waits");
  });

  it("take no tap for a moment after they came", async () => {
    const [desk, phone] = [await typist(), await device()];
    await ask(desk, '"Deploy to production?"');
    await phone.page.getByTestId("approval").click();
    // Where the finger may be already, as soon as there is something under it.
    const early = await phone.page.evaluate(
      () =>
        new Promise((resolve) => {
          const look = () => {
            const button = document.querySelector("[data-testid=allow]:not(:disabled)");
            if (button === null) return requestAnimationFrame(look);
            button.click();
            resolve(button.getAttribute("aria-disabled"));
          };
          look();
        }),
    );
    assert.equal(early, "true");
    await phone.page.locator("[data-testid=buttons][data-steady=true]").waitFor();
    assert.equal(await phone.page.getByTestId("hint").count(), 0);
    assert.equal(await phone.page.getByTestId("outcome").count(), 0);
    await tap(phone.page.getByTestId("deny"));
    await desk.shows(/no\s+exit-1/);
  });

  it("give one of the choices", async () => {
    const [desk, phone] = [await typist(), await device()];
    await ask(desk, '"Where to?"', "--choices staging,production");
    await sheet(phone);
    assert.deepEqual(await phone.page.getByTestId("choice").allInnerTexts(), ["staging", "production"]);
    await tap(phone.page.getByTestId("choice").getByText("production"));
    await desk.shows(/production\s+exit-1/);
  });

  it("want a word typed where they are dangerous", async () => {
    const [desk, phone] = [await typist(), await device()];
    const { page } = phone;
    await ask(desk, '"Drop the database?"', "--danger");
    await sheet(phone);
    assert.match(await page.getByTestId("reasons").innerText(), /dangerous/);
    await page.locator("[data-testid=buttons][data-steady=true]").waitFor();
    assert.equal(await page.getByTestId("allow").isEnabled(), false);
    const word = /type “(\S+)”/.exec(await page.getByTestId("hint").innerText())[1];
    await page.getByTestId("word").fill(`${word}x`);
    assert.equal(await page.getByTestId("allow").isDisabled(), true);
    await page.getByTestId("word").fill(word);
    await tap(page.getByTestId("allow"));
    await desk.shows(/yes\s+exit-0/);
  });

  it("are denied with a reason that reaches whoever asked", async () => {
    const [desk, phone] = [await typist(), await device()];
    await ask(desk, '"Deploy on a Friday?"');
    await sheet(phone);
    await phone.page.getByTestId("reason").fill("Not before Monday.");
    await tap(phone.page.getByTestId("deny"));
    await phone.page.locator("[data-testid=outcome][data-state=denied]").waitFor();
    await desk.shows(/no\s+Not before Monday\.\s+exit-1/);
  });

  it("take a text of one's own where they want one", async () => {
    const [desk, phone] = [await typist(), await device()];
    await ask(desk, '"Which port?"', "--text");
    await sheet(phone);
    await phone.page.getByTestId("answer").fill("8080");
    await tap(phone.page.getByTestId("allow"));
    await desk.shows(/yes\s+8080\s+exit-0/);
  });

  it("show all that is asked, and everything that would hide in it", async () => {
    const [desk, phone] = [await typist(), await device()];
    await ask(desk, `"$(seq 1 3000)"$'\\n\\tlast\\u202e \\e[31mline'`);
    const request = await sheet(phone);
    assert.equal(
      request,
      `${Array.from({ length: 3000 }, (_, n) => n + 1).join("\n")}\n\tlast⟨U+202E⟩ ⟨U+001B⟩[31mline`,
    );
    await tap(phone.page.getByTestId("deny"));
    await desk.shows(/no\s+exit-1/);
  });

  it("are fetched whole over a slow network, whatever else their session does meanwhile", async () => {
    const busy = await host.start(
      "busy",
      "bash",
      "-c",
      `(n=0; while sleep 0.1; do n=$((n+1)); printf '\\033]2;title %s\\007' $n; done) &
       ${BIN} ask "$(seq 1 18000)" --timeout 10m; kill $!`,
    );
    const phone = await Device.open(PHONE);
    open.push(phone);
    const { page } = phone;
    await slow(page, 200);
    await phone.pair(await host.link());
    await page.locator(`[data-testid=session][data-session="${busy}"]`).waitFor();
    const request = await sheet(phone);
    assert.equal(request, Array.from({ length: 18_000 }, (_, n) => n + 1).join("\n"));
    // Only what is looked at is laid out.
    const drawn = async () => (await page.getByTestId("request").innerText()).endsWith("18000");
    assert.equal(await drawn(), false);
    await page.getByTestId("request").locator("span").last().scrollIntoViewIfNeeded();
    await until(drawn, "the end to be drawn");
    await tap(page.getByTestId("deny"));
    await page.locator("[data-testid=outcome][data-state=denied]").waitFor();
  });

  it("can be read and answered on a small screen, however many choices there are", async () => {
    const viewport = { width: 390, height: 440 };
    const [desk, phone] = [await typist(), await device({ ...PHONE, viewport })];
    const { page } = phone;
    const choices = Array.from({ length: 16 }, (_, n) => `number-${n}-${"of-many-".repeat(n % 4)}`);
    await ask(desk, '"Which?"', "--choices", choices.join(","));
    await sheet(phone);
    const { y, height } = await page.getByTestId("request").boundingBox();
    assert.ok(y > 0 && y + height < viewport.height, "what is asked is in front of one first");
    await tap(page.getByTestId("choice").last());
    await desk.shows(/number-15-\S+\s+exit-15/);
  });

  it("are decided once: the second device is told who was first", async () => {
    const [desk, first, second] = [await typist(), await device(), await device(DESKTOP)];
    await ask(desk, '"Deploy to production?"');
    await sheet(first);
    await sheet(second);
    await tap(first.page.getByTestId("deny"));
    await second.page.locator("[data-testid=outcome][data-state=denied]").waitFor();
    assert.match(await second.page.getByTestId("outcome").innerText(), /Chrome on Android phone denied it/);
    assert.equal(await second.page.getByTestId("allow").count(), 0);
    await desk.shows(/no\s+exit-1/);
  });

  it("are decided once: the second page of one device is told that it was another answer", async () => {
    const [desk, phone] = [await typist(), await device()];
    await ask(desk, '"Where to?"', "--choices staging,production");
    await phone.page.getByTestId("approval").waitFor();
    const second = await phone.tab();
    await slow(second, 500);
    await second.goto(host.url);
    await sheet({ page: second });
    await sheet(phone);
    await second.locator("[data-testid=buttons][data-steady=true]").waitFor();
    await tap(phone.page.getByTestId("choice").getByText("staging"));
    await phone.page.locator("[data-testid=outcome][data-state=allowed]").waitFor();
    // It has not heard of that.
    await second
      .getByTestId("choice")
      .getByText("production")
      .evaluate((button) => button.click());
    await second.locator("[data-testid=outcome][data-state=allowed]").waitFor();
    assert.match(await second.getByTestId("outcome").innerText(), /on this device\s+staging/);
    await second.getByTestId("failed").waitFor();
    await desk.shows(/staging\s+exit-0/);
    // The other page closes by itself; this one has something to say.
    await phone.page.getByTestId("approval-sheet").waitFor({ state: "detached" });
    assert.equal(await second.getByTestId("failed").isVisible(), true);
  });

  it("say until when they wait by the phone's own clock, however wrong it is", async () => {
    const desk = await typist();
    for (const hours of [-2, 2]) {
      const phone = await Device.open(PHONE);
      open.push(phone);
      await phone.page.addInitScript((ms) => {
        const now = Date.now;
        Date.now = () => now() + ms;
      }, hours * 3_600_000);
      await phone.pair(await host.link());
      await ask(desk, '"Deploy to production?"', "--timeout 30m");
      await phone.page.getByTestId("approval").waitFor();
      assert.match(await phone.page.getByTestId("approval").innerText(), /denied in (30|29) min/);
      await sheet(phone);
      assert.match(await phone.page.getByTestId("approval-sheet").innerText(), /· in (30|29) min, and is denied then/);
      await tap(phone.page.getByTestId("deny"));
      assert.match(await phone.page.getByTestId("outcome").innerText(), /· now/);
      await desk.shows(/no\s+exit-1/);
    }
  });

  it("are not gone without a word when they are over for long", async () => {
    const many = `for n in $(seq 10); do ${BIN} ask "Number $n?"; done; exec cat`;
    const asks = await host.start("asks", "bash", "-c", many);
    const next = () =>
      until(
        async () => (await host.json("approvals")).find(({ session }) => session === asks)?.id,
        "the next one to be asked",
      );
    const phone = await device();
    const first = await next();
    assert.equal(await sheet(phone), "Number 1?");
    await host.cli("deny", first);
    await phone.page.locator("[data-testid=outcome][data-state=denied]").waitFor();
    // A summary has the last eight that are over.
    for (let n = 0; n < 8; n++) await host.cli("deny", await next());
    await phone.page.getByText("not listed any more").waitFor();
    assert.equal(await phone.page.getByTestId("approval-sheet").count(), 0);
    await host.cli("deny", await next());
  });

  it("wait for a browser that was killed, and for a network that went away while they were decided", async () => {
    const network = new Network();
    await network.start();
    const remote = new Host();
    const phone = new Profile();
    try {
      await remote.up("--origin", network.url.slice(0, -1));
      network.to = Number(remote.address.split(":").at(-1));
      await remote.start(
        "asks",
        "sh",
        "-c",
        `${BIN} ask 'Deploy to production?' --timeout 10m; echo exit-$?; exec cat`,
      );
      await phone.start();
      await phone.pair((await remote.link()).replace(remote.url, network.url));
      await phone.page.getByTestId("approval").waitFor();
      await phone.kill();
      await phone.start();
      await phone.page.goto(network.url);
      await sheet(phone);
      await phone.page.locator("[data-testid=buttons][data-steady=true]").waitFor();
      // Nothing comes through any more, and nobody has noticed yet.
      network.freeze();
      await tap(phone.page.getByTestId("allow"));
      await phone.page.getByTestId("hint").getByText("Allowing").waitFor();
      network.cut();
      await phone.page.getByTestId("hint").getByText("not connected").waitFor();
      assert.equal(await phone.page.getByTestId("allow").isDisabled(), true);
      network.mend();
      await phone.page.locator("[data-testid=outcome][data-state=allowed]").waitFor();
      assert.match(await phone.page.getByTestId("outcome").innerText(), /You allowed it/);
      const [{ id }] = await remote.json("ls");
      await until(async () => /yes\s+exit-0/.test(await remote.cli("logs", id)), "the program to be told");
      assert.deepEqual(phone.faults, []);
    } finally {
      await phone.close();
      network.stop();
      await remote.stop();
    }
  });

  for (const [kind, options] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    for (const colorScheme of ["dark", "light"]) {
      it(`looks: ${kind}, ${colorScheme}`, async () => {
        const [desk, looks] = [await typist(), await device({ ...options, colorScheme })];
        const { page } = looks;
        const shot = (name) => looks.shot(`${kind}-${colorScheme}-${name}`);
        await ask(desk, '"Deploy to production?"', "--choices staging,production,nowhere");
        await page.getByTestId("approval").waitFor();
        await shot("30-needs-you");
        await sheet(looks);
        await page.locator("[data-testid=buttons][data-steady=true]").waitFor();
        await shot("31-choices");
        await tap(page.getByTestId("choice").first());
        await page.getByTestId("outcome").waitFor();
        await shot("32-allowed");
        await page.getByTestId("done").click();
        await desk.shows(/staging\s+exit-0/);
        await ask(desk, `"Drop the database?"$'\\n\\nDROP TABLE users;\\u202e -- harmless'`, "--danger");
        await looks.enter(shell);
        await page.locator("[data-testid=approval]:visible").first().waitFor();
        await shot("33-terminal");
        await sheet(looks);
        await page.locator("[data-testid=buttons][data-steady=true]").waitFor();
        await shot("34-dangerous");
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, "the page is wider than the screen");
        for (const id of ["allow", "deny"]) {
          const { height } = await page.getByTestId(id).boundingBox();
          assert.ok(height >= 48, `${id} is ${height} high`);
        }
        await tap(page.getByTestId("deny"));
        await page.getByTestId("outcome").waitFor();
        await desk.shows(/no\s+exit-1/);
      });
    }
  }
});
