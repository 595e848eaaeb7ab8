// What the page shows of a host that cannot be reached, after it was loaded anew.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { DESKTOP, Device, Host, launch, PHONE, quit, until } from "./host.mjs";

describe("a host that is away", () => {
  const host = new Host();
  let shell;

  before(async () => {
    await launch();
    await host.up();
    shell = await host.start("claude", "bash", "--norc", "--noprofile");
    await host.start("build", "sh", "-c", "echo 'error: could not compile'; exit 101");
  });

  after(async () => {
    await quit();
    await host.stop();
  });

  for (const [kind, options] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    for (const colorScheme of ["dark", "light"]) {
      it(`is shown as it was, and as of when: ${kind}, ${colorScheme}`, async () => {
        const device = await Device.open({ ...options, colorScheme });
        const { page } = device;
        const shot = (name) => device.shot(`${kind}-${colorScheme}-${name}`);
        const card = page.locator(`[data-testid=session][data-session="${shell}"]`);
        const asOf = page.getByTestId("as-of");
        await device.pair(await host.link());
        await device.enter(shell);
        await device.type(`clear; echo seen-on-${kind}-${colorScheme}; git --version\n`);
        await device.shows("git version");
        await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
        await until(() => page.evaluate(() => caches.keys().then((keys) => keys.length > 0)), "the shell to be kept");
        const look = await device.kept("screens");
        await page.evaluate(() => (location.hash = "#/"));
        await until(async () => (await device.kept("screens")) !== look, "the screen to be kept");
        await until(async () => (await card.innerText()).includes(`seen-on-${kind}-${colorScheme}`), "the preview");
        await page.locator("[data-level=fresh]:visible").first().waitFor();
        assert.equal(await asOf.count(), 0);
        const list = await device.kept("lists");
        await until(async () => (await device.kept("lists")) !== list, "the list to be kept");

        await device.context.setOffline(true);
        await host.kill();
        await page.reload();
        await card.waitFor();
        assert.match(await card.innerText(), new RegExp(`seen-on-${kind}-${colorScheme}`));
        await asOf.waitFor();
        assert.match(await asOf.innerText(), /as of \d/);
        await shot("17-away-sessions");
        await card.click();
        await device.shows(`seen-on-${kind}-${colorScheme}`);
        await page.getByTestId("look-as-of").waitFor();
        await shot("18-away-terminal");

        await host.up();
        await device.context.setOffline(false);
        await device.following();
        await page.getByTestId("look-as-of").waitFor({ state: "detached" });
        assert.equal(await asOf.count(), 0);
        assert.deepEqual(device.faults, []);
        await device.close();
      });
    }
  }
});
