// Claude Code, the real one: what it asks arrives on a phone, counts once, and nothing runs without it.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { until } from "../browser/host.mjs";
import { Desk } from "./agent.mjs";
import { FILE, structured, terminal } from "./contract.mjs";
import { below, hooks } from "./processes.mjs";

// It notes them one by one.
const LIST = { say: "note your tasks" };

terminal("Claude Code", {
  command: ["claude"],
  dialog: "Do you want to proceed?",
  list: LIST,
  plan: {
    begin: (chat) =>
      chat.begin((desk) =>
        desk.terminal("claude", "--permission-mode", "plan"),
      ),
    over: (chat) => chat.begin(),
  },
  async gate(chat) {
    await chat.say("run bash");
    const asked = await chat.waiting();
    const { keeper_pid: keeper } = await chat.desk.summary(chat.session);
    const found = hooks(keeper);
    assert.ok(found.length > 0, "a hook waits");
    for (const pid of found) process.kill(pid, "SIGKILL");
    await chat.became(asked, "withdrawn");
    await chat.terminal();
    await chat.phone.shows("Do you want to proceed?");
  },
  more(chat) {
    const { desk } = chat;

    it("takes a prompt of several lines as it was written", async () => {
      const text = "hi 👩‍👩‍👧 Grüße\n\n  indented\tand a tab\nlast line";
      await chat.say(text);
      await desk.told(text.replace("\t", "    "));
      await chat.over();
    });

    it("takes a very long prompt whole", async () => {
      const lines = Array.from({ length: 500 }, (_, n) => `line ${n} of many`);
      const text = `hi ${lines.join("\n")}`;
      await chat.say(text);
      await desk.told(text);
      await chat.over();
    });

    it("stops in the middle of what it says", async () => {
      await chat.say("take your time");
      await chat.doing("working");
      await chat.interrupt();
      await chat.doing("idle");
    });

    it("takes its question back where the desk does not answer it", async () => {
      await chat.say("ask me");
      const asked = await chat.waiting();
      await chat.terminal();
      await chat.phone.shows("Which colour?");
      await chat.phone.press("Escape");
      await chat.became(asked, "withdrawn");
      await chat.doing("idle");
    });
  },
});

structured("Claude Code", {
  start: ["claude"],
  list: LIST,
  plan: {
    begin: (chat) => chat.mode("plan"),
    // It leaves that mode by itself.
    over: (chat) => chat.isIn((mode) => mode !== "plan"),
  },
  more(chat) {
    const { desk } = chat;

    it("changes its mode, and goes by it", async () => {
      await chat.mode("acceptEdits");
      await chat.say("write a file");
      await until(() => desk.has("note.txt"), "the file");
      await chat.over();
      rmSync(join(desk.project, "note.txt"));
      await chat.mode("default");
      await chat.say("write a file");
      const asked = await chat.waiting();
      assert.equal(desk.has("note.txt"), false);
      await desk.cli("deny", asked.id);
      await chat.over();
    });

    it("changes its model", async () => {
      const model = chat.page.getByTestId("model");
      const before = await model.inputValue();
      const offered = await model
        .locator("option")
        .evaluateAll((all) => all.map(({ value }) => value));
      const other = offered.find((id) => id === "haiku");
      await model.selectOption(other);
      await until(
        async () => (await model.inputValue()) !== before,
        `the model to be ${other}`,
      );
      await chat.say("hi");
      await chat.over();
    });

    it("does one of the commands that it lists", async () => {
      const { page } = chat;
      await page.getByTestId("chat-text").fill("/contex");
      await page.getByTestId("commands").getByText("/context").first().click();
      await page.getByTestId("chat-send").click();
      await chat.answer(/Context Usage|tokens/i);
      await chat.doing("idle");
    });

    it("does what was said meanwhile after what is interrupted", async () => {
      await chat.say("take your time");
      await chat.doing("working");
      await chat.say("run bash");
      await chat.page.getByTestId("queued").waitFor();
      assert.equal(desk.has(FILE), false);
      await chat.interrupt();
      const asked = await chat.waiting();
      await desk.cli("approve", asked.id);
      await until(() => desk.has(FILE), "the file");
      await chat.doing("idle");
    });

    it("is held from another terminal, which is told what it costs", async () => {
      assert.match(
        await desk.say(chat.session, "hi"),
        /Hello from the fake model\.[^]*\[done, \$0\.0008/,
      );
      const denied = desk.say(chat.session, "write a file");
      const asked = await chat.waiting();
      await desk.cli("deny", asked.id, "--reason", "not today");
      assert.match(await denied, /File written: not today/);
      assert.equal(desk.has("note.txt"), false);
    });

    it("goes on with its conversation where it has ended, once it is spoken to", async () => {
      const { page, session } = chat;
      const { conversation } = await chat.agent();
      await desk.cli("kill", session);
      await page.getByTestId("ended").waitFor();
      await page.getByTestId("chat-text").fill("hi from the end");
      await page.getByTestId("chat-send").click();
      await desk.told("hi from the end");
      let next;
      const goesOn = async () => {
        next = (await desk.json("ls")).find(
          ({ continues }) => continues === session,
        );
        return next?.agent?.conversation === conversation;
      };
      await until(goesOn, "the same conversation in another session");
      await page
        .locator(`[data-testid=terminal][data-session="${next.id}"]`)
        .waitFor();
      await chat.answer("Hello from the fake model.");
      chat.session = next.id;
      await chat.doing("idle");
    });

    it("goes on with a conversation by its name", async () => {
      const { conversation } = await chat.agent();
      const other = await desk.chat("claude", "--resume", conversation);
      assert.match(await desk.say(other, "hi"), /Hello from the fake model/);
      const { agent } = await desk.summary(other);
      assert.equal(agent.conversation, conversation);
      await desk.cli("kill", other);
    });

    it("says what it is where claude itself is killed, and asks nothing any more", async () => {
      const other = await desk.chat("claude");
      const talking = desk.say(other, "run bash").catch((error) => error);
      const asked = await desk.waiting(other);
      const { keeper_pid: keeper } = await desk.summary(other);
      const claude = below(keeper).find(({ parent }) => parent === keeper);
      process.kill(claude.pid, "SIGKILL");
      await desk.became(other, asked.id, "withdrawn");
      assert.match(
        String(await talking),
        /claude has ended with exit status 137/,
      );
      const { state, exit, agent } = await desk.summary(other);
      assert.deepEqual([state, exit, agent.doing], ["ended", 137, "unknown"]);
      assert.equal(desk.has(FILE), false);
      const again = /[a-z2-7]{16}/.exec(
        await desk.cli("restart", other, "--detach"),
      )[0];
      assert.match(await desk.say(again, "hi"), /Hello from the fake model/);
      await desk.cli("kill", again);
    });
  },
});

describe("Claude Code that nobody has logged in", () => {
  const desk = new Desk();

  before(async () => {
    await desk.up();
    delete desk.env.ANTHROPIC_API_KEY;
  });

  after(() => desk.stop());

  it("says so without a terminal", async () => {
    const session = await desk.chat("claude");
    // In a script that is a failure.
    const said = await desk.say(session, "hi").catch(String);
    assert.match(said, /Not logged in[^]*Not all of it was done/);
    await desk.doing(session, "idle");
  });

  it("says so in its terminal", async () => {
    const session = await desk.terminal("claude", "hi");
    await until(
      async () => /Not logged in/.test(await desk.cli("export", session)),
      "its own words",
    );
  });
});
