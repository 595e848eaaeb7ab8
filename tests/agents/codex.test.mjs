// Codex, the real one: the desk and a phone share its app server, and nothing runs without an answer of one of them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Device, launch, PHONE, quit, until } from "../browser/host.mjs";
import { Desk } from "./agent.mjs";

const FILE = "made_by_agent.txt";
const DIALOG = "Would you like to run the following command?";

/** The processes below one, with their arguments. */
function below(process) {
  const all = execFileSync("ps", ["-eo", "pid=,ppid=,args="], {
    encoding: "utf8",
  })
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((found) => found !== null)
    .map(([, pid, parent, args]) => ({ pid: +pid, parent: +parent, args }));
  const found = new Set([process]);
  for (let known = 0; known < found.size;) {
    known = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => found.has(pid));
}

function runs(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** So that it asks not only while it plans. */
const ASKS = ["-c", "features.default_mode_request_user_input=true"];

/** Says something in the chat. */
async function tell({ page }, text) {
  const tab = page.getByTestId("chat-tab");
  if ((await tab.count()) > 0) await tab.click();
  await page.getByTestId("chat-text").fill(text);
  await page.getByTestId("chat-send").click();
}

/** Opens the card of what waits, answers it, and sees it go. */
async function decide({ page }, button, fill = () => undefined) {
  await page
    .locator(
      "[data-testid=approval]:visible, [data-testid=approval-line].waits",
    )
    .first()
    .click();
  await page.locator("[data-testid=buttons][data-steady=true]").waitFor();
  await fill();
  await page.getByTestId(button).click();
  await page.getByTestId("approval-sheet").waitFor({ state: "detached" });
}

describe("Codex in its terminal", () => {
  const desk = new Desk();
  let phone;
  let session;

  before(async () => {
    await launch();
    await desk.up();
    session = await desk.terminal("codex", ...ASKS);
    phone = await Device.open(PHONE);
    await phone.pair(await desk.link());
    await phone.enter(session);
    await phone.shows("/project");
  });

  after(async () => {
    await quit();
    await desk.stop();
  });

  afterEach(() => {
    assert.deepEqual(phone.faults, []);
    rmSync(join(desk.project, FILE), { force: true });
  });

  const say = (text) => tell(phone, text);
  const allow = () => decide(phone, "allow");

  async function terminal() {
    await phone.page.getByRole("button", { name: "Terminal" }).click();
  }

  it("does what is said and allowed on the phone", async () => {
    await say("run bash");
    const asked = await desk.waiting(session);
    assert.match(asked.title, /touch made_by_agent\.txt/);
    assert.equal(desk.has(FILE), false);
    await allow();
    await until(() => desk.has(FILE), "the file");
    await desk.became(session, asked.id, "allowed");
    await desk.doing(session, "idle");
    const chat = await phone.page.getByTestId("chat-list").innerText();
    assert.match(chat, /run bash[^]*I will run a command\.[^]*hello-from-tool/);
  });

  it("is told why where it is denied, and the desk sees that", async () => {
    await say("run bash");
    const asked = await desk.waiting(session);
    await desk.cli("deny", asked.id, "--reason", "use notes.md instead");
    await desk.became(session, asked.id, "denied");
    await desk.doing(session, "idle");
    assert.equal(desk.has(FILE), false);
    assert.match(desk.heard(), /because: use notes\.md instead/);
    await terminal();
    await phone.shows("use notes.md instead");
  });

  it("is asked at the desk at the same time, and closes the card where that answers", async () => {
    await say("run bash");
    const asked = await desk.waiting(session);
    await terminal();
    await phone.shows(DIALOG);
    // A dialog that has just come takes no key for a moment.
    const done = async () => {
      await phone.press("y");
      await new Promise((resolve) => setTimeout(resolve, 500));
      return desk.has(FILE);
    };
    await until(done, "the file");
    await desk.became(session, asked.id, "withdrawn");
    await desk.doing(session, "idle");
  });

  it("says in the chat what is said at the desk", async () => {
    await terminal();
    // What the desk's dialog did not take is in the composer of Codex.
    await phone.press("Control+u");
    await phone.type("hi there");
    await phone.shows("hi there");
    await phone.press("Enter");
    await phone.page.getByTestId("chat-tab").click();
    await phone.page
      .getByTestId("said-by-person")
      .filter({ hasText: "hi there" })
      .waitFor();
    await phone.page
      .getByTestId("said-by-agent")
      .filter({ hasText: "Hello from the fake model." })
      .first()
      .waitFor();
    await desk.doing(session, "idle");
  });

  it("is asked for still after the daemon was killed", async () => {
    await say("run bash");
    const asked = await desk.waiting(session);
    await desk.kill();
    await desk.up();
    assert.equal((await desk.waiting(session)).id, asked.id);
    assert.equal(desk.has(FILE), false);
    await allow();
    await until(() => desk.has(FILE), "the file");
    await desk.became(session, asked.id, "allowed");
    await desk.doing(session, "idle");
  });

  it("puts its question on the phone, and goes on with the answer", async () => {
    await say("ask me");
    const asked = await desk.waiting(session);
    assert.equal(asked.title, "Which colour?");
    await decide(phone, "allow", () =>
      phone.page.getByTestId("pick").filter({ hasText: "Blue" }).click(),
    );
    await desk.became(session, asked.id, "allowed");
    await phone.page
      .getByTestId("said-by-agent")
      .filter({ hasText: /You said: .*Blue/ })
      .waitFor();
    await desk.doing(session, "idle");
  });

  it("is stopped from the chat", async () => {
    await say("run bash");
    const asked = await desk.waiting(session);
    await phone.page.getByTestId("interrupt").click();
    await desk.became(session, asked.id, "withdrawn");
    await desk.doing(session, "idle");
    assert.equal(desk.has(FILE), false);
    // It is still there, and not told to quit.
    await say("hi again");
    await until(() => /hi again/.test(desk.heard()), "it to be told");
    await desk.doing(session, "idle");
  });

  it("does nothing where its keeper is killed, and leaves no process", async () => {
    await say("run bash");
    await desk.waiting(session);
    const { keeper_pid: keeper } = await desk.summary(session);
    const all = below(keeper);
    assert.ok(all.some(({ args }) => args.includes("app-server")));
    process.kill(keeper, "SIGKILL");
    await until(
      () => all.every(({ pid }) => !runs(pid)),
      () =>
        `all to end; there are ${JSON.stringify(all.filter(({ pid }) => runs(pid)))}`,
    );
    await until(
      async () => (await desk.summary(session))?.state === "lost",
      "the session to be lost",
    );
    assert.equal(desk.has(FILE), false);
  });
});

describe("Codex that keeps to itself", () => {
  const desk = new Desk();

  before(() => desk.up());
  after(() => desk.stop());

  it("is asked through its hooks where its options are for itself alone", async () => {
    const more = join(desk.home, "more");
    mkdirSync(more);
    const session = await desk.terminal("codex", "--add-dir", more, "run bash");
    const asked = await desk.waiting(session);
    await desk.cli("approve", asked.id);
    await until(() => desk.has(FILE), "the file");
    await desk.became(session, asked.id, "allowed");
  });

  it("runs with its hooks where its app server does not come up", async () => {
    rmSync(join(desk.project, FILE), { force: true });
    const old = join(desk.home, "old");
    mkdirSync(old);
    const codex = join(old, "codex");
    const refuses = '[ "$1" = app-server ] && exit 2';
    writeFileSync(
      codex,
      `#!/bin/sh\n${refuses}\nexec ${desk.home}/bin/codex "$@"\n`,
    );
    chmodSync(codex, 0o755);
    const session = await desk.terminal(codex, "run bash");
    const asked = await desk.waiting(session);
    await desk.cli("deny", asked.id);
    await desk.became(session, asked.id, "denied");
    assert.equal(desk.has(FILE), false);
  });
});

describe("Codex without a terminal", () => {
  const desk = new Desk();
  let phone;
  let session;

  before(async () => {
    await launch();
    await desk.up();
    session = await desk.chat("codex", "--", ...ASKS);
    phone = await Device.open(PHONE);
    await phone.pair(await desk.link());
    await phone.page
      .locator(`[data-testid=session][data-session="${session}"]`)
      .click();
  });

  after(async () => {
    await quit();
    await desk.stop();
  });

  it("answers", async () => {
    assert.match(
      await desk.say(session, "hi"),
      /Hello from the fake model\.[^]*\[done/,
    );
  });

  it("does what is allowed, and is told why something is not", async () => {
    const allowed = desk.say(session, "run bash");
    let asked = await desk.waiting(session);
    assert.equal(desk.has(FILE), false);
    await desk.cli("approve", asked.id);
    assert.match(await allowed, /hello-from-tool/);
    assert.equal(desk.has(FILE), true);
    rmSync(join(desk.project, FILE));
    const denied = desk.say(session, "run bash");
    asked = await desk.waiting(session);
    await desk.cli("deny", asked.id, "--reason", "not today");
    await denied;
    assert.match(desk.heard(), /because: not today/);
    assert.equal(desk.has(FILE), false);
  });

  it("puts its question on the phone, and goes on with the answer", async () => {
    await tell(phone, "ask me");
    const asked = await desk.waiting(session);
    await decide(phone, "allow", () =>
      phone.page.getByTestId("pick").filter({ hasText: "Red" }).click(),
    );
    await desk.became(session, asked.id, "allowed");
    await phone.page
      .getByTestId("said-by-agent")
      .filter({ hasText: /You said: .*Red/ })
      .waitFor();
    await desk.doing(session, "idle");
  });

  it("is interrupted, and what it asked goes away", async () => {
    await tell(phone, "run bash");
    const asked = await desk.waiting(session);
    await phone.page.getByTestId("interrupt").click();
    await desk.became(session, asked.id, "withdrawn");
    await desk.doing(session, "idle");
    assert.equal(desk.has(FILE), false);
  });

  it("goes on with its conversation after it was stopped", async () => {
    const { agent } = await desk.summary(session);
    session = /[a-z2-7]{16}/.exec(
      await desk.cli("restart", session, "--stop", "--detach"),
    )[0];
    assert.match(await desk.say(session, "hi"), /Hello from the fake model/);
    assert.equal(
      (await desk.summary(session)).agent.conversation,
      agent.conversation,
    );
  });

  it("refuses the tool where its keeper is gone", async () => {
    const talking = desk.say(session, "run bash").catch((error) => error);
    await desk.waiting(session);
    process.kill((await desk.summary(session)).keeper_pid, "SIGKILL");
    await talking;
    await until(
      async () => (await desk.summary(session))?.state === "lost",
      "the session to be lost",
    );
    assert.equal(desk.has(FILE), false);
  });
});
