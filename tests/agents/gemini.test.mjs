// Gemini CLI, the real one: what it asks in its dialog arrives on a phone, and what is decided there is a key in exactly
// that dialog.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { it } from "node:test";
import { until } from "../browser/host.mjs";
import { FILE, structured, terminal } from "./contract.mjs";
import { hooks } from "./processes.mjs";

// Gemini takes no settings from below a folder that everybody may write to.
process.env.TMPDIR = join(homedir(), ".cache/longrein-tests");
mkdirSync(process.env.TMPDIR, { recursive: true, mode: 0o700 });

const SECOND = "made_too.txt";
const MODEL = ["-m", "gemini-2.5-flash"];
const minute = () => new Date().getUTCMinutes();
let begun;

terminal("Gemini", {
  command: ["gemini", ...MODEL],
  dialog: "Allow once",
  async atDesk(chat, asked) {
    const { phone, desk } = chat;
    // A key that moves in the dialog is somebody at the desk already.
    await phone.press("ArrowDown");
    await chat.became(asked, "withdrawn");
    await phone.press("ArrowUp");
    assert.equal(desk.has(FILE), false);
    await phone.press("Enter");
  },
  // The dialogs of these have keys of their own, and its hooks say little of them: they are answered at the desk alone,
  // and the list says that it needs somebody.
  question: "Gemini's questions are at the desk alone",
  plan: "Gemini's plans are at the desk alone",
  list: "Gemini's hooks say nothing of its list",
  async gate(chat) {
    const { desk } = chat;
    await chat.say("run both");
    const asked = await chat.waiting();
    const { keeper_pid: keeper } = await desk.summary(chat.session);
    // The one of the next dialog is held until this one is decided.
    const [held] = await until(
      () => [hooks(keeper)].find(({ length }) => length > 0),
      "the hook that is held",
    );
    process.kill(held, "SIGKILL");
    await chat.became(asked, "withdrawn");
    await chat.doing("needs_you");
  },
  more(chat) {
    const { desk } = chat;

    it("asks about one thing after the other", async () => {
      await chat.say("run both");
      const first = await chat.waiting();
      const { approvals } = await desk.summary(chat.session);
      const pending = approvals.filter(({ state }) => state === "pending");
      assert.deepEqual(
        pending.map(({ id }) => id),
        [first.id],
      );
      await desk.cli("approve", first.id);
      await chat.became(first, "allowed");
      const second = await chat.waiting();
      assert.notEqual(second.title, first.title);
      assert.equal(desk.has(SECOND), false);
      await desk.cli("approve", second.id);
      await until(() => desk.has(FILE) && desk.has(SECOND), "both files");
      const { agent } = await chat.over();
      assert.equal(agent.turns, chat.turns + 1);
    });

    it("takes a prompt of several lines from the chat as it was written", async () => {
      const text = "hi 👩‍👩‍👧 Grüße\n\n  indented\nlast line";
      await chat.say(text);
      await desk.told(text);
      await chat.over();
    });

    it("says that it needs somebody where it asks a question", async () => {
      await chat.say("ask me");
      await chat.doing("needs_you");
      const { approvals = [] } = await desk.summary(chat.session);
      assert.ok(approvals.every(({ state }) => state !== "pending"));
      await chat.terminal();
      await chat.phone.shows("Which colour?");
      const left = async () => {
        await chat.phone.press("Escape");
        return (await chat.agent()).doing === "idle";
      };
      await until(left, "the question to be left");
    });

    it("is told nothing where it asks something of its own, and all of it behind that", async () => {
      const unknown = join(desk.home, "unknown");
      mkdirSync(unknown);
      await chat.look(await desk.terminalIn(unknown, "gemini", ...MODEL));
      // It has no chat to say it in before that.
      await chat.phone.shows("Do you trust the files in this folder?");
      await desk.prompt(chat.session, "hi from afar");
      await chat.doing("needs_you");
      await chat.phone.shows("Do you trust the files in this folder?");
      assert.equal(/hi from afar/.test(desk.heard()), false);
      await chat.phone.press("Enter");
      await desk.told("hi from afar");
      await chat.chat();
      await chat.said("person", "hi from afar");
      await chat.answer("Hello from the fake model.");
      await chat.doing("idle");
    });
  },
});

structured("Gemini", {
  start: ["gemini", "--", ...MODEL],
  async ready(chat) {
    await chat.doing("idle");
    begun = minute();
  },
  // It leaves its question tool out where it is spoken to over the protocol.
  question: "Gemini asks no questions over the Agent Client Protocol",
  // That a call changed it is said, and not what it is now.
  list: "Gemini does not tell its list over the Agent Client Protocol",
  plan: {
    begin: (chat) => chat.mode("plan"),
    over: (chat) => chat.isIn((mode) => mode === "default"),
  },
  async beforeResume() {
    // Gemini writes over a conversation that began in the minute in which it is gone on with.
    await until(() => minute() !== begun, "the minute to be over", 90_000);
  },
});
