// Sessions that end by themselves, and ended sessions that are started again.
import assert from "node:assert/strict";
import { kill } from "node:process";
import { after, afterEach, before, describe, it } from "node:test";
import { DESKTOP, Device, Host, launch, PHONE, quit, until } from "./host.mjs";

describe("the end of a session", () => {
  const host = new Host();
  let device;

  before(async () => {
    await launch();
    await host.up();
  });

  after(async () => {
    await quit();
    await host.stop();
  });

  afterEach(async () => {
    assert.deepEqual(device.faults, []);
    await device.close();
  });

  const card = (session) => device.page.locator(`[data-testid=session][data-session="${session}"]`);

  async function listed(session) {
    return (await host.json("ls")).find(({ id }) => id === session);
  }

  it("is warned of on the phone, and put off there", async () => {
    const limited = await host.start("limited", "sh", "-c", "echo begun; exec cat");
    await host.cli("ttl", limited, "2h");
    device = await Device.open(PHONE);
    const { page } = device;
    await device.pair(await host.link());
    await card(limited).getByTestId("time-left").waitFor();
    assert.match(await card(limited).getByTestId("time-left").innerText(), /^(2 h|1 h 59 min)$/);
    await device.enter(limited);
    assert.match(await page.getByTestId("header-time").innerText(), /^(2 h|1 h 59 min)$/);
    assert.equal(await page.getByTestId("ends-soon").count(), 0);
    await host.cli("ttl", limited, "5m");
    await page.getByTestId("ends-soon").waitFor();
    assert.match(await page.getByTestId("ends-soon").innerText(), /Ends by itself in 5 min/);
    await device.shot("phone-light-20-ends-soon");
    // Who comes later is warned as well.
    await page.reload();
    await device.following();
    await page.getByTestId("ends-soon").waitFor();
    await page.getByTestId("more-time").click();
    await page.getByTestId("ends-soon").waitFor({ state: "detached" });
    await page
      .getByTestId("header-time")
      .getByText(/3[45] min/)
      .waitFor();
    await page.getByTestId("header-time").click();
    await page.getByTestId("time-30").waitFor();
    await device.shot("phone-light-21-time");
    await page.getByTestId("time-off").click();
    await page.getByText("for as long as its program does").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByTestId("header-time").waitFor({ state: "detached" });
    await page.getByTestId("menu").click();
    await page.getByTestId("time").click();
    await page.getByTestId("time-120").click();
    await until(async () => (await listed(limited)).ends_at !== null, "the host to know of it");
    await page.getByRole("button", { name: "Close" }).click();
    await host.cli("ttl", limited, "1s");
    await page.getByTestId("ended").getByText("Time over").waitFor();
    assert.equal((await listed(limited)).by, "time");
    await device.shot("phone-light-22-time-over");
  });

  for (const [kind, options] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    it(`is chosen where a session is started (${kind})`, async () => {
      device = await Device.open({ ...options, colorScheme: kind === "phone" ? "dark" : "light" });
      const { page } = device;
      await device.pair(await host.link());
      await page.getByTestId("new-session").click();
      await page.locator("[name=command]").fill("cat");
      await page.getByTestId("limit-own").click();
      await page.locator("[name=limit]").fill("soon");
      await page.getByText("Write a time as").waitFor();
      assert.ok(await page.getByTestId("start").isDisabled());
      await device.shot(`${kind}-25-limit`);
      await page.locator("[name=limit]").fill("1h 30m");
      await page.getByTestId("start").click();
      await device.following();
      assert.match(await page.getByTestId("header-time").innerText(), /^1 h (30|29) min$/);
      const session = await page.getByTestId("terminal").getAttribute("data-session");
      const left = (await listed(session)).ends_at - Date.now();
      assert.ok(left > 80 * 60_000 && left <= 90 * 60_000, `${left} ms`);
    });

    it(`is not the end of its program's work: it is started again (${kind})`, async () => {
      const first = await host.start(`build ${kind}`, "sh", "-c", "echo could not compile; exit 101");
      device = await Device.open({ ...options, colorScheme: "dark" });
      const { page } = device;
      await device.pair(await host.link());
      await card(first).getByText("exit 101", { exact: true }).waitFor();
      await device.enter(first);
      await page.getByTestId("ended").getByText("Ended with status 101").waitFor();
      await device.shows("could not compile");
      await device.shot(`${kind}-dark-23-ended`);
      await page.getByTestId("again").click();
      await page.locator(`[data-testid=terminal]:not([data-session="${first}"])`).waitFor();
      await device.following();
      await device.shows("could not compile");
      const second = await page.getByTestId("terminal").getAttribute("data-session");
      const entry = await listed(second);
      assert.deepEqual([entry.continues, entry.name], [first, `build ${kind}`]);
      await page.goBack();
      await page.locator(`[data-testid=terminal][data-session="${first}"]`).waitFor();
      await page.getByTestId("continuation").waitFor();
      await device.shot(`${kind}-dark-24-started-again`);
      await page.getByTestId("continuation").click();
      await page.locator(`[data-testid=terminal][data-session="${second}"]`).waitFor();
    });
  }

  it("is named where it was not the program's own, and its last screen stays", async () => {
    const lost = await host.start("lost", "sh", "-c", "echo last words; exec cat");
    await until(async () => (await host.cli("logs", lost)).includes("last words"), "its output");
    kill((await listed(lost)).keeper_pid, "SIGKILL");
    device = await Device.open(DESKTOP);
    const { page } = device;
    await device.pair(await host.link());
    await card(lost).getByText("lost its keeper").waitFor();
    await device.enter(lost);
    await device.shows("last words");
    await page.getByTestId("ended").getByText("Lost its keeper").waitFor();
    await device.shot("desktop-light-25-lost");
    await page.getByTestId("again").click();
    await page.locator(`[data-testid=terminal]:not([data-session="${lost}"])`).waitFor();
    await device.following();
    await device.shows("last words");
    assert.equal((await listed(await page.getByTestId("terminal").getAttribute("data-session"))).state, "running");
  });
});
