// What an agent without a terminal says and does, in the app's chat, and what is said to it from there.
import assert from "node:assert/strict";
import { copyFileSync, chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Device, Host, launch, PHONE, quit, until } from "./host.mjs";

describe("a chat", () => {
  const host = new Host();
  let device;
  let page;
  let session;

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
    assert.deepEqual(device.faults, []);
    await device.close();
  });

  /** A session of its own, open on a device of its own. */
  async function open(options = PHONE) {
    const out = await host.cli("chat", "--agent", "claude", "--detach");
    session = /[a-z2-7]{16}/.exec(out)[0];
    device = await Device.open(options);
    page = device.page;
    await device.pair(await host.link());
    await enter();
  }

  async function enter() {
    await page.locator(`[data-testid=session][data-session="${session}"]`).click();
    await page.getByTestId("chat-text").waitFor();
  }

  async function leave() {
    await page.getByTestId("back").click();
    await page.getByTestId("terminal").waitFor({ state: "detached" });
  }

  async function say(text) {
    await page.getByTestId("chat-text").fill(text);
    await page.getByTestId("chat-send").click();
  }

  const says = (words) => page.getByTestId("said-by-agent").filter({ hasText: words });
  const list = () => page.getByTestId("chat-list");

  it("has what was said to the agent, what it answers, and what that cost", async () => {
    await open();
    assert.equal(await page.locator(".xterm").count(), 0);
    await say("hello");
    await page.getByTestId("turn").waitFor();
    assert.equal(await page.getByTestId("chat-text").inputValue(), "");
    assert.match(await page.getByTestId("said-by-person").innerText(), /^hello/);
    const answer = page.getByTestId("said-by-agent");
    assert.equal(await answer.locator("strong").innerText(), "you");
    assert.match(await answer.innerText(), /<img src=x onerror=alert\(1\)>/);
    assert.equal(await answer.locator("img").count(), 0);
    assert.match(await page.getByTestId("turn").innerText(), /Turn done · 1\.2 s · .*1k tokens read, 20 written/);
    assert.equal(await page.getByTestId("saying").count(), 0);
    await device.shot("phone-light-40-chat");
  });

  it("offers the agent's commands, and tells it its mode", async () => {
    await open({});
    await page.getByTestId("mode").waitFor();
    await page.getByTestId("chat-text").fill("/co");
    await page.getByTestId("commands").getByText("/compact").waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.equal(await page.getByTestId("chat-text").inputValue(), "/cost ");
    await page.keyboard.type("now");
    await page.keyboard.press("Enter");
    await says("You said: /cost now").waitFor();
    await page.getByTestId("mode").selectOption("plan");
    await until(async () => (await page.getByTestId("mode").inputValue()) === "plan", "the mode to be told");
  });

  it("takes a file along", async () => {
    await open();
    const buffer = Buffer.alloc(100_000, "x");
    await page.getByTestId("attach-input").setInputFiles([{ name: "Notes.txt", mimeType: "text/plain", buffer }]);
    await page.locator("[data-testid=upload][data-at=there]").waitFor();
    await say("file");
    await says("It has 100000 bytes.").waitFor();
    assert.equal(await page.getByTestId("upload").count(), 0);
    assert.match(await page.getByTestId("said-by-person").innerText(), /[a-z0-9]+\.txt/);
  });

  it("opens what waits to be decided, and shows what came of it", async () => {
    await open();
    await say("run");
    await page.getByTestId("approval-line").click();
    await page.locator("[data-testid=buttons][data-steady=true]").waitFor();
    await page.getByTestId("allow").click();
    await says("It is made.").waitFor();
    await page.locator("[data-testid=tool][data-outcome=done]").waitFor();
    assert.match(await list().innerText(), /Asked:[^]*allowed it/);
  });

  it("misses nothing and has nothing twice where the daemon is killed, and goes up to its beginning", async () => {
    await open();
    await say("hello");
    await page.getByTestId("turn").waitFor();
    await host.kill();
    await say("many");
    await host.up();
    await says("line 400 ").waitFor();
    // Every row that is drawn on the way to the beginning, by its number.
    const seen = await list().evaluate(async (list) => {
      const seen = new Map();
      const drawn = () => new Promise((resolve) => requestAnimationFrame(resolve));
      const atBeginning = () => list.scrollTop === 0 && list.innerText.includes("The beginning");
      for (let still = 0; still < 5; still = atBeginning() ? still + 1 : 0) {
        list.scrollTop -= list.clientHeight / 4;
        await drawn();
        for (const row of list.querySelectorAll("[data-testid=chat-row]")) {
          seen.set(Number(row.dataset.seq), row.innerText);
        }
      }
      return [...seen];
    });
    const lines = seen.sort(([a], [b]) => a - b).flatMap(([, text]) => /^line (\d+) /.exec(text)?.[1] ?? []);
    assert.deepEqual(
      lines.map(Number),
      Array.from({ length: 400 }, (_, n) => n + 1),
    );
    for (const prompt of ["hello", "many"]) {
      assert.equal(seen.filter(([, text]) => text.startsWith(prompt)).length, 1);
    }
  });

  it("keeps a message and its files where the chat is left while they go up, and sends them", async () => {
    await open();
    await host.kill();
    const buffer = Buffer.alloc(300_000, "x");
    await page.getByTestId("attach-input").setInputFiles([{ name: "Notes.txt", mimeType: "text/plain", buffer }]);
    await say("file");
    await page.getByTestId("held").waitFor();
    await leave();
    await enter();
    await page.getByTestId("held").waitFor();
    assert.equal(await page.getByTestId("chat-text").inputValue(), "file");
    assert.equal(await page.locator("[data-testid=upload][data-at=under_way]").count(), 1);
    await leave();
    await host.up();
    await page.getByTestId("session").filter({ hasText: "It has 300000 bytes." }).waitFor();
    await enter();
    await says("It has 300000 bytes.").waitFor();
    assert.equal(await page.getByTestId("chat-text").inputValue(), "");
    assert.equal(await page.getByTestId("upload").count(), 0);
  });

  it("keeps files that are there for a message that is written later, on a page that is loaded anew, too", async () => {
    await open();
    const buffer = Buffer.alloc(1000, "x");
    await page.getByTestId("attach-input").setInputFiles([{ name: "Notes.txt", mimeType: "text/plain", buffer }]);
    await page.locator("[data-testid=upload][data-at=there]").waitFor();
    await until(async () => (await device.kept("drafts")) !== "", "the draft to be written down");
    await page.reload();
    await page.locator("[data-testid=upload][data-at=there]").waitFor();
    assert.match(await page.getByTestId("upload").innerText(), /Notes\.txt\s+1000 bytes/);
    await say("file");
    await says("It has 1000 bytes.").waitFor();
  });

  it("gives back a message that failed with its files", async () => {
    await open();
    const buffer = Buffer.alloc(1000, "x");
    await page.getByTestId("attach-input").setInputFiles([{ name: "Notes.txt", mimeType: "text/plain", buffer }]);
    await page.locator("[data-testid=upload][data-at=there]").waitFor();
    const { keeper_pid: keeper } = (await host.json("ls")).find(({ id }) => id === session);
    await host.kill();
    await say("file");
    await page.locator("[data-testid=whereabouts][data-at=waiting]:visible").first().waitFor();
    process.kill(keeper, "SIGKILL");
    await host.up();
    const failed = page.getByTestId("prompt-failed");
    await failed.waitFor();
    assert.match(await failed.innerText(), /file \(1 file\)/);
    await failed.getByRole("button", { name: "Edit" }).click();
    assert.equal(await page.getByTestId("chat-text").inputValue(), "file");
    assert.match(await page.getByTestId("upload").innerText(), /Notes\.txt/);
  });

  it("goes on with the conversation of an agent that has ended, with what is written there", async () => {
    await open();
    await say("hello");
    await page.getByTestId("turn").waitFor();
    await host.cli("kill", session);
    await page.getByTestId("chat-text").waitFor();
    await page.getByText("Go on", { exact: true }).waitFor();
    await device.shot("phone-light-41-chat-ended");
    await say("what was it");
    await says("You said: what was it").waitFor();
    assert.notEqual(await page.getByTestId("terminal").getAttribute("data-session"), session);
    assert.equal(await page.getByTestId("chat-text").inputValue(), "");
    // From each of the two there is a way to the other.
    const next = await page.getByTestId("terminal").getAttribute("data-session");
    await page.getByTestId("before").click();
    await page.locator(`[data-testid=terminal][data-session="${session}"]`).waitFor();
    await says("Hello, you.").waitFor();
    await page.getByTestId("continuation").click();
    await page.locator(`[data-testid=terminal][data-session="${next}"]`).waitFor();
    await leave();
    await page.locator(`[data-session="${session}"]`).getByTestId("goes-on").waitFor();
    assert.equal(await page.locator(`[data-session="${next}"]`).getByTestId("goes-on").count(), 0);
  });

  it("takes along what was attached when the agent ended, and says before what cannot go", async () => {
    await open();
    const buffer = Buffer.alloc(50_000, "x");
    const attach = async (name) => {
      await page.getByTestId("attach-input").setInputFiles([{ name, mimeType: "text/plain", buffer }]);
      await page.locator("[data-testid=upload][data-at=there]").filter({ hasText: name }).waitFor();
    };
    await attach("Earlier.txt");
    await page.reload();
    await page.locator("[data-testid=upload][data-at=there]").waitFor();
    await attach("Notes.txt");
    await host.cli("kill", session);
    await page.getByTestId("stays").getByText("Earlier.txt cannot go along").waitFor();
    await page.getByLabel("Take Earlier.txt away").click();
    await page.getByTestId("stays").waitFor({ state: "detached" });
    await say("file");
    await says("It has 50000 bytes.").waitFor();
    assert.notEqual(await page.getByTestId("terminal").getAttribute("data-session"), session);
  });
});
