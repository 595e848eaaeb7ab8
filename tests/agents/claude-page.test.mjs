// Claude Code, the real one, held from the chat in the phone's page: in its terminal, and without one.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Device, launch, PHONE, quit, until } from "../browser/host.mjs";
import { Desk } from "./agent.mjs";

const FILE = "made_by_agent.txt";

/** Taps a button that stands still. */
async function tap(page, id) {
  await page.locator("[data-testid=buttons][data-steady=true]").waitFor();
  await page.getByTestId(id).click();
}

/** What both have: a page that is in a session's chat. */
class Chat {
  constructor(desk) {
    this.desk = desk;
  }

  async open() {
    this.phone = await Device.open(PHONE);
    this.page = this.phone.page;
    await this.phone.pair(await this.desk.link());
  }

  async enter(session) {
    this.session = session;
    const { page } = this;
    if (this.entered) await page.goto(this.desk.url);
    this.entered = true;
    await page
      .locator(`[data-testid=session][data-session="${session}"]`)
      .click();
    await page
      .locator("[data-testid=chat-text], [data-testid=terminal]")
      .first()
      .waitFor();
  }

  async say(text) {
    await this.page.getByTestId("chat-text").fill(text);
    await this.page.getByTestId("chat-send").click();
  }

  answer(words) {
    return this.page
      .getByTestId("said-by-agent")
      .filter({ hasText: words })
      .last()
      .waitFor();
  }

  /** Opens what waits. */
  async card() {
    const asked = await this.desk.waiting(this.session);
    await this.page.locator("[data-testid=approval]:visible").first().click();
    await this.page.getByTestId("request").waitFor();
    return asked;
  }

  async gone() {
    await this.page
      .getByTestId("approval-sheet")
      .waitFor({ state: "detached" });
  }

  doing(what) {
    return this.desk.doing(this.session, what);
  }
}

describe("Claude Code in its terminal, held from the chat", () => {
  const desk = new Desk();
  const chat = new Chat(desk);
  let page;

  before(async () => {
    await launch();
    await desk.up();
    await chat.open();
    page = chat.page;
    await begin("claude");
  });

  after(async () => {
    await quit();
    await desk.stop();
  });

  afterEach(() => {
    assert.deepEqual(chat.phone.faults, []);
    rmSync(join(desk.project, FILE), { force: true });
  });

  async function begin(...command) {
    const session = await desk.terminal(...command);
    await desk.doing(session, "idle");
    await chat.enter(session);
    await page.getByTestId("chat-tab").click();
    await page.getByTestId("chat-text").waitFor();
  }

  it("takes a prompt of several lines as it was written", async () => {
    const text = "hi 👩‍👩‍👧 Grüße\n\n  indented\tand a tab\nlast line";
    await chat.say(text);
    await desk.told(text.replace("\t", "    "));
    await chat.answer("Hello from the fake model.");
    await chat.doing("idle");
  });

  it("takes a very long prompt whole", async () => {
    const lines = Array.from({ length: 500 }, (_, n) => `line ${n} of many`);
    const text = `hi ${lines.join("\n")}`;
    await chat.say(text);
    await desk.told(text);
    await chat.doing("idle");
  });

  it("is asked about by a card, and does what is allowed there", async () => {
    await chat.say("run bash");
    const asked = await chat.card();
    assert.equal(desk.has(FILE), false);
    await tap(page, "allow");
    await chat.gone();
    await until(() => desk.has(FILE), "the file");
    await desk.became(chat.session, asked.id, "allowed");
    await chat.answer("Tool said: hello-from-tool");
    await chat.doing("idle");
  });

  it("stops where it is interrupted from the phone, and takes the next prompt", async () => {
    await chat.say("take your time");
    await chat.doing("working");
    await page.getByTestId("interrupt").click();
    await chat.doing("idle");
    await chat.say("hi again");
    await desk.told("hi again");
    await chat.doing("idle");
  });

  it("gets its plan back with remarks, and goes on with the one that is allowed", async () => {
    await begin("claude", "--permission-mode", "plan");
    await chat.say("make a plan");
    await chat.card();
    assert.match(
      await page.getByTestId("approval-sheet").innerText(),
      /Do A\s+Do B/,
    );
    await page.getByTestId("reason").fill("B comes first");
    await tap(page, "deny");
    await chat.gone();
    await chat.answer(/Plan result:.*B comes first/s);
    await chat.doing("idle");
    await chat.say("make a plan");
    const asked = await chat.card();
    await tap(page, "allow");
    await chat.gone();
    await desk.became(chat.session, asked.id, "allowed");
    await chat.answer(/Plan result:.*approved/s);
    await chat.doing("idle");
  });
});

describe("Claude Code without a terminal, held from the chat", () => {
  const desk = new Desk();
  const chat = new Chat(desk);
  let page;

  before(async () => {
    await launch();
    await desk.up();
    await chat.open();
    page = chat.page;
    await chat.enter(await desk.chat("claude"));
    await page.getByTestId("mode").waitFor();
  });

  after(async () => {
    await quit();
    await desk.stop();
  });

  afterEach(() => {
    assert.deepEqual(chat.phone.faults, []);
    rmSync(join(desk.project, FILE), { force: true });
  });

  it("asks its question, and is told the answer", async () => {
    await chat.say("ask me");
    await chat.card();
    await page.getByTestId("pick").filter({ hasText: "Blue" }).click();
    await tap(page, "allow");
    await chat.gone();
    await chat.answer(/You said: .*Blue/s);
    await chat.doing("idle");
  });

  it("changes its mode, and goes by it", async () => {
    const picked = async (mode) => {
      await page.getByTestId("mode").selectOption(mode);
      await until(
        async () => (await page.getByTestId("mode").inputValue()) === mode,
        `the mode to be ${mode}`,
      );
    };
    await picked("plan");
    await chat.say("make a plan");
    await chat.card();
    await page.getByTestId("reason").fill("B comes first");
    await tap(page, "deny");
    await chat.gone();
    await chat.answer(/Plan result:.*B comes first/s);
    await chat.doing("idle");
    await chat.say("make a plan");
    await chat.card();
    await tap(page, "allow");
    await chat.gone();
    await chat.answer(/Plan result:.*approved/s);
    await chat.doing("idle");
    // It left that mode by itself.
    await until(
      async () => (await page.getByTestId("mode").inputValue()) !== "plan",
      "the mode to change",
    );
    await picked("acceptEdits");
    await chat.say("write a file");
    await until(() => desk.has("note.txt"), "the file");
    await chat.doing("idle");
    rmSync(join(desk.project, "note.txt"));
    await picked("default");
    await chat.say("write a file");
    const asked = await desk.waiting(chat.session);
    assert.equal(desk.has("note.txt"), false);
    await desk.cli("deny", asked.id);
    await chat.doing("idle");
  });

  it("changes its model", async () => {
    const model = page.getByTestId("model");
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
    await chat.doing("idle");
  });

  it("does one of the commands that it lists", async () => {
    await page.getByTestId("chat-text").fill("/contex");
    await page.getByTestId("commands").getByText("/context").first().click();
    await page.getByTestId("chat-send").click();
    await chat.answer(/Context Usage|tokens/i);
    await chat.doing("idle");
  });

  it("stops where it is interrupted, does what was said meanwhile after it, and goes on", async () => {
    await chat.say("take your time");
    await chat.doing("working");
    await chat.say("run bash");
    await page.getByTestId("queued").waitFor();
    assert.equal(desk.has(FILE), false);
    await page.getByTestId("interrupt").click();
    const asked = await desk.waiting(chat.session);
    await desk.cli("approve", asked.id);
    await until(() => desk.has(FILE), "the file");
    await chat.doing("idle");
  });

  it("goes on with its conversation where it has ended, once it is spoken to", async () => {
    const { agent } = await desk.summary(chat.session);
    await desk.cli("kill", chat.session);
    await page.getByTestId("ended").waitFor();
    await page.getByTestId("chat-text").fill("hi once more");
    await page.getByTestId("chat-send").click();
    await desk.told("hi once more");
    let next;
    const goesOn = async () => {
      next = (await desk.json("ls")).find(
        ({ continues }) => continues === chat.session,
      );
      return next?.agent?.conversation === agent.conversation;
    };
    await until(goesOn, "the same conversation in another session");
    await page
      .locator(`[data-testid=terminal][data-session="${next.id}"]`)
      .waitFor();
    await chat.answer("Hello from the fake model.");
  });
});
