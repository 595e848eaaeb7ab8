// What the page does when a part of it, or a text that is written in it, does not get through.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { BIN, DESKTOP, Device, Host, launch, PHONE, quit, until } from "./host.mjs";

/** Bytes of input that may wait in a page. */
const ROOM = 128 * 1024 * 1024;

describe("a page that does not get everything through", () => {
  const host = new Host();
  let shell;
  let device;

  before(async () => {
    await launch();
    await host.up();
    shell = await host.shell("shell");
  });

  after(async () => {
    await quit();
    await host.stop();
  });

  afterEach(async () => {
    assert.deepEqual(device.faults, []);
    await device.close();
  });

  /** A page without a worker that would have its parts, and a network that does not have them either. */
  async function open(options, parts) {
    device = await Device.open({ ...options, serviceWorkers: "block" });
    // From the beginning: what will be wanted next is fetched ahead.
    await device.page.route(parts, (route) => route.abort());
    await device.pair(await host.link());
    await device.page.locator(`[data-testid=session][data-session="${shell}"]`).waitFor();
    return device.page;
  }

  it("keeps a text in the composer that nobody can take, and says why", async () => {
    const sink = await host.start("sink", "cat");
    device = await Device.open(PHONE);
    const { page } = device;
    await device.pair(await host.link());
    await device.enter(sink);
    await page.getByTestId("compose").click();
    await page.getByTestId("composer").waitFor();
    await host.kill();
    await page.evaluate((bytes) => {
      const data = new DataTransfer();
      data.setData("text/plain", "x".repeat(bytes));
      const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
      document.querySelector(".xterm-helper-textarea").dispatchEvent(paste);
    }, ROOM - 8);
    await page.getByTestId("waiting").waitFor();
    await page.getByTestId("composer").fill("Please look at the failing test\nand fix it.");
    await page.getByTestId("send").click();
    await page.getByTestId("not-sent").waitFor();
    await device.shot("phone-light-16-not-sent");
    assert.match(await page.getByTestId("not-sent").innerText(), /128 MB/);
    assert.equal(await page.getByTestId("composer").inputValue(), "Please look at the failing test\nand fix it.");
    await page.getByTestId("composer").fill("fits");
    await page.getByTestId("not-sent").waitFor({ state: "detached" });
    await page.getByTestId("send").click();
    await until(async () => (await page.getByTestId("composer").inputValue()) === "", "the composer to be empty");
    await host.up();
  });

  it("sends a text as a paste, also where it was written before there was a terminal", async () => {
    const wants = await host.start("wants", "sh", "-c", "printf '\\033[?2004h'; exec cat -v");
    const page = await open(PHONE, /\/assets\/emulator-.*\.js/);
    await page.locator(`[data-testid=session][data-session="${wants}"]`).click();
    await page.getByTestId("not-loaded").waitFor();
    await page.getByTestId("compose").click();
    await page.getByTestId("composer").fill("first\nsecond");
    await page.getByTestId("send").click();
    await page.getByTestId("held").waitFor();
    await device.shot("phone-light-27-held");
    await page.unroute(/\/assets\/emulator-.*\.js/);
    await page.getByTestId("not-loaded").getByRole("button", { name: "Try again" }).click();
    await device.shows(/\[200~first[^]*second\^\[\[201~/);
    await until(async () => (await page.getByTestId("composer").inputValue()) === "", "the composer to be empty");
  });

  it("says that what is asked could not be loaded, and shows it when asked again", async () => {
    const parts = /\/assets\/(Inbox|ApprovalSheet)-/;
    const asks = await host.start("asks", "bash", "-c", `${BIN} ask 'Deploy?' --timeout 10m; exec cat`);
    const page = await open(PHONE, parts);
    const missing = page.getByTestId("not-loaded");
    const again = missing.getByRole("button", { name: "Try again" });
    await missing.waitFor();
    await page.unroute(parts);
    await page.route(/\/assets\/ApprovalSheet-.*\.js/, (route) => route.abort());
    await again.click();
    await page.getByTestId("approval").click();
    await missing.waitFor();
    await again.click();
    await missing.waitFor();
    await page.unroute(/\/assets\/ApprovalSheet-.*\.js/);
    await again.click();
    await page.getByTestId("request").getByText("Deploy?").waitFor();
    await host.cli("kill", asks);
  });

  for (const [kind, options] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    for (const colorScheme of ["dark", "light"]) {
      it(`says that a part could not be loaded, and loads it when asked again: ${kind}, ${colorScheme}`, async () => {
        const page = await open({ ...options, colorScheme }, /\/assets\/(Settings|SessionScreen|emulator)-/);
        const missing = page.getByTestId("not-loaded");
        await page.getByTestId("settings").click();
        await missing.waitFor();
        await device.shot(`${kind}-${colorScheme}-13-part-missing`);
        await missing.getByRole("button", { name: "Try again" }).click();
        await missing.waitFor();
        await missing.getByRole("button", { name: "Close" }).click();
        await missing.waitFor({ state: "detached" });

        await page.unroute(/\/assets\/(Settings|SessionScreen|emulator)-/);
        await page.route(/\/assets\/(SessionScreen|emulator)-.*\.js/, (route) => route.abort());
        await page.getByTestId("settings").click();
        const rows = page.locator("dialog .rows").first();
        await rows.waitFor();
        // With its style sheet, which was missing too.
        assert.equal(await rows.evaluate((element) => getComputedStyle(element).display), "grid");
        await page.getByRole("button", { name: "Close" }).click();

        await page.locator(`[data-testid=session][data-session="${shell}"]`).click();
        await missing.waitFor();
        await device.shot(`${kind}-${colorScheme}-14-screen-missing`);
        await page.unroute(/\/assets\/(SessionScreen|emulator)-.*\.js/);
        await page.route(/\/assets\/emulator-/, (route) => route.abort());
        await missing.getByRole("button", { name: "Try again" }).click();
        await page.getByTestId("terminal").waitFor();
        await missing.waitFor();
        await device.shot(`${kind}-${colorScheme}-15-terminal-missing`);
        await page.unroute(/\/assets\/emulator-/);
        await missing.getByRole("button", { name: "Try again" }).click();
        await device.following();
        await device.type("clear; echo $((6*7))-answer\n");
        await device.shows("42-answer");
      });
    }
  }
});
