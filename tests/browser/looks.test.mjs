// Pictures of every screen, phone and desktop, dark and light, for somebody to look at; and what can be told without looking.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { DESKTOP, Device, Host, launch, PHONE, quit } from "./host.mjs";

describe("looks", () => {
  const host = new Host();
  let sessions;

  before(async () => {
    await launch();
    await host.up();
    sessions = {
      shell: await host.start("claude", "bash", "--norc", "--noprofile"),
      vim: await host.start("notes", "vim", "-n", "/etc/services"),
      ended: await host.start("build", "sh", "-c", "echo 'error: could not compile'; exit 101"),
    };
  });

  after(async () => {
    await quit();
    await host.stop();
  });

  for (const [kind, options] of Object.entries({
    phone: PHONE,
    desktop: DESKTOP,
  })) {
    for (const colorScheme of ["dark", "light"]) {
      it(`${kind}, ${colorScheme}`, async () => {
        const device = await Device.open({ ...options, colorScheme });
        const { page } = device;
        const shot = (name) => device.shot(`${kind}-${colorScheme}-${name}`);
        await page.goto(host.url);
        await page.getByText("paste its link").waitFor();
        await shot("1-empty");
        await page.goto("about:blank");
        await page.goto(await host.link());
        await page.getByTestId("pair").waitFor();
        await shot("2-pair");
        await page.getByTestId("pair").click();
        await page.getByTestId("words").waitFor();
        await shot("3-paired");
        await page.getByTestId("open").click();
        await page.locator(`[data-testid=session][data-session="${sessions.ended}"]`).waitFor();
        await page.locator("[data-level=fresh]:visible").first().waitFor();
        await shot("4-sessions");
        await page.getByTestId("new-session").click();
        await page.getByTestId("start").waitFor();
        await shot("5-new");
        await page.getByRole("button", { name: "Close" }).click();
        await page.getByTestId("settings").click();
        await page.locator("dialog .who").click();
        await page.getByText("Forget this host").waitFor();
        await shot("6-settings");
        await page.getByRole("button", { name: "Close" }).click();
        await device.enter(sessions.shell);
        await device.type("clear; ls -la --color=always /; git --version\n");
        await device.shows("git version");
        await shot("7-terminal");
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, "the page is wider than the screen");
        const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        assert.equal(background, colorScheme === "dark" ? "rgb(18, 17, 16)" : "rgb(250, 248, 245)");
        await page.getByTestId("menu").click();
        await page.getByTestId("text").waitFor();
        await shot("8-menu");
        await page.getByTestId("text").click();
        await page.getByTestId("terminal-text").waitFor();
        await shot("9-text");
        await page.getByRole("button", { name: "Close" }).click();
        if (kind === "phone") {
          await page.getByTestId("compose").click();
          await page.getByTestId("composer").fill("Please look at the failing test\nand fix it.");
          await shot("10-compose");
          await page.setViewportSize({ width: 844, height: 390 });
          await shot("11-rotated");
          await page.setViewportSize(PHONE.viewport);
          await page.getByTestId("send").click();
          await page.locator("[data-testid=whereabouts][data-at=taken]").waitFor();
          await shot("20-taken");
          await device.context.setOffline(true);
          await page
            .getByTestId("composer")
            .fill("And then run all of the others, in the order in which they are listed.");
          await page.getByTestId("send").click();
          await page.getByTestId("composer").fill("make test");
          await page.getByTestId("send").click();
          await page.getByTestId("compose").click();
          await page.getByTestId("prompt-waiting").first().waitFor();
          await shot("21-waiting");
          await device.context.setOffline(false);
          await page.getByTestId("back").click();
        }
        await device.enter(sessions.vim);
        await device.shows("services");
        await shot("12-vim");
        assert.deepEqual(device.faults, []);
        await device.close();
      });
    }
  }
});
