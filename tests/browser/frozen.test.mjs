// A browser that the system puts to sleep, as a phone does with an app that is not looked at: none of its code runs.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Host, until } from "./host.mjs";
import { Profile } from "./profile.mjs";

/** Longer than a channel may be silent before the host gives it up. */
const ASLEEP = Number(process.env.LONGREIN_FROZEN_MS ?? 35_000);

describe("a browser that is frozen", () => {
  const host = new Host();
  const phone = new Profile();
  let shell;

  before(async () => {
    await host.up();
    shell = await host.shell("shell");
    await phone.start();
    await phone.pair(await host.link());
    await phone.enter(shell);
  });

  after(async () => {
    await phone.close();
    await host.stop();
  });

  it("is live soon after it is thawed, with all that came meanwhile, and what was typed before is done once", async () => {
    // 30 lines a second, more than the screen holds, for longer than it sleeps.
    const lines = Math.ceil((ASLEEP + 5_000) / 1000) * 30;
    await phone.type(
      `stty -echo; for n in $(seq ${lines}); do echo line-$n; sleep 0.033; done; echo all-out-$((1+1)); stty echo\n`,
    );
    await phone.shows(/line-\d+/);
    // Read once the loop has ended.
    await phone.type("echo typed-$((1+1))\n");
    phone.freeze();
    const attached = async () => (await host.json("ls")).find(({ id }) => id === shell).attached;
    const start = Date.now();
    await until(async () => (await attached()) === 0, "the host to give up the channel");
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, ASLEEP - (Date.now() - start))));
    const thawed = Date.now();
    phone.thaw();
    await until(async () => (await attached()) === 1, "the browser to come back");
    const took = Date.now() - thawed;
    await phone.shows("typed-2");
    const shown = (await phone.text()).split("\n").map((line) => line.trim());
    const numbers = shown.filter((line) => /^line-\d+$/.test(line)).map((line) => Number(line.slice(5)));
    assert.deepEqual(
      numbers,
      Array.from({ length: lines }, (_, n) => n + 1),
    );
    assert.equal(shown.filter((line) => line === "typed-2").length, 1);
    assert.equal(shown.filter((line) => line === "all-out-2").length, 1);
    assert.ok(took < 5_000, `back after ${took} ms`);
    console.log(`frozen for ${ASLEEP} ms, back after ${took} ms`);
    assert.deepEqual(phone.faults, []);
  });
});
