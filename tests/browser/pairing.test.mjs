// A pairing that is cut short: what the browser had before still works, and what it may use next.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { BIN, Device, Host, launch, quit, until } from "./host.mjs";

describe("a pairing that is cut short", () => {
  const host = new Host();
  let device;

  before(async () => {
    await launch();
    await host.up();
    await host.shell("shell");
    device = await Device.open();
  });

  after(async () => {
    await quit();
    await host.stop();
  });

  it("while somebody is asked leaves a paired browser as it was", async () => {
    await device.pair(await host.link());
    const asking = spawn(BIN, ["pair", "--confirm"], { env: host.env, cwd: host.home });
    try {
      let said = "";
      asking.stdout.on("data", (text) => (said += text));
      const link = await until(() => /http\S+#i=\S+/.exec(said)?.[0], "a link");
      await device.page.goto(link.replace("//127.0.0.1:", "//localhost:"));
      await device.page.getByTestId("pair").click();
      await until(() => said.includes("Let it in?"), "the question at the host");
      // As if killed: the page does not leave its screen.
      await device.page.close();
    } finally {
      asking.kill("SIGKILL");
    }
    device.page = await device.tab();
    await device.page.goto(host.url);
    await device.page.locator("[data-level=fresh]:visible").first().waitFor();
    assert.equal((await host.json("devices")).length, 1);
    assert.deepEqual(device.faults, []);
  });
});
