// Claude Code, the real one: what it asks arrives on a phone, counts once, and nothing runs without it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Device, launch, PHONE, quit, until } from "../browser/host.mjs";
import { Desk } from "./agent.mjs";

const FILE = "made_by_agent.txt";

/** Opens the card of what waits, and gives its sheet's text. */
async function card({ page }) {
  await page.locator("[data-testid=approval]:visible").first().click();
  await page.getByTestId("request").waitFor();
  return page.getByTestId("approval-sheet").innerText();
}

/** Taps a button that stands still. */
async function tap(page, id) {
  await page.locator("[data-testid=buttons][data-steady=true]").waitFor();
  await page.getByTestId(id).click();
}

describe("Claude Code in its terminal", () => {
  const desk = new Desk();
  let phone;
  let session;

  before(async () => {
    await launch();
    await desk.up();
    session = await desk.terminal("claude");
    phone = await Device.open(PHONE);
    await phone.pair(await desk.link());
    await phone.enter(session);
    await desk.doing(session, "idle");
  });

  after(async () => {
    await quit();
    await desk.stop();
  });

  afterEach(() => {
    assert.deepEqual(phone.faults, []);
    rmSync(join(desk.project, FILE), { force: true });
  });

  async function say(text) {
    await phone.type(text);
    await phone.shows(text);
    await phone.press("Enter");
  }

  /** Allows what the sheet shows; it goes by itself. */
  async function allow() {
    await tap(phone.page, "allow");
    await phone.page
      .getByTestId("approval-sheet")
      .waitFor({ state: "detached" });
  }

  it("asks on the phone, and does it once that is allowed there", async () => {
    await say("run bash");
    const asked = await desk.waiting(session);
    // The dialog is at the desk at the same time.
    await phone.shows("Do you want to proceed?");
    assert.match(
      await card(phone),
      /touch made_by_agent\.txt && echo hello-from-tool/,
    );
    assert.equal(desk.has(FILE), false);
    await allow();
    await until(() => desk.has(FILE), "the file");
    await desk.became(session, asked.id, "allowed");
    await phone.shows("Tool said: hello-from-tool");
    await desk.doing(session, "idle");
  });

  it("is told why where it is denied", async () => {
    await say("write a file");
    const asked = await desk.waiting(session);
    await desk.cli("deny", asked.id, "--reason", "use notes.md instead");
    await phone.shows("File written: use notes.md instead");
    assert.equal(desk.has("note.txt"), false);
    await desk.doing(session, "idle");
  });

  it("closes the card where it was answered at the desk", async () => {
    await say("run bash");
    const asked = await desk.waiting(session);
    await phone.shows("Do you want to proceed?");
    // A dialog that has just come takes no key for a moment.
    const done = async () => {
      await phone.press("Enter");
      await new Promise((resolve) => setTimeout(resolve, 500));
      return desk.has(FILE);
    };
    await until(done, "the file");
    await desk.became(session, asked.id, "withdrawn");
    await desk.doing(session, "idle");
  });

  it("is asked for still after the daemon was killed", async () => {
    await say("run bash");
    const asked = await desk.waiting(session);
    await desk.kill();
    await desk.up();
    await desk.waiting(session);
    assert.equal(desk.has(FILE), false);
    await card(phone);
    await allow();
    await until(() => desk.has(FILE), "the file");
    await desk.became(session, asked.id, "allowed");
    await desk.doing(session, "idle");
  });

  it("does nothing where the gate is killed: the desk is asked alone", async () => {
    await say("run bash");
    const asked = await desk.waiting(session);
    const { keeper_pid: keeper } = await desk.summary(session);
    for (const pid of hooks(keeper)) process.kill(pid, "SIGKILL");
    await desk.became(session, asked.id, "withdrawn");
    await phone.shows("Do you want to proceed?");
    assert.equal(desk.has(FILE), false);
    await phone.press("Escape");
    await desk.doing(session, "idle");
    assert.equal(desk.has(FILE), false);
  });

  it("puts its question on the phone", async () => {
    await say("ask me");
    const asked = await desk.waiting(session);
    assert.equal(asked.title, "Which colour?");
    await phone.press("Escape");
    await desk.became(session, asked.id, "withdrawn");
    await desk.doing(session, "idle");
  });

  it("is in the chat as well", async () => {
    const { agent } = await desk.summary(session);
    assert.equal(agent.name, "claude");
    assert.ok(agent.chat > 0);
    assert.ok(agent.turns > 0);
  });
});

/** The processes below a keeper. */
function below(keeper) {
  const processes = execFileSync("ps", ["-eo", "pid=,ppid=,args="], {
    encoding: "utf8",
  })
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((found) => found !== null)
    .map(([, pid, parent, args]) => ({
      pid: Number(pid),
      parent: Number(parent),
      args,
    }));
  const found = new Set([keeper]);
  for (let known = 0; known < found.size;) {
    known = found.size;
    for (const { pid, parent } of processes)
      if (found.has(parent)) found.add(pid);
  }
  return processes.filter(({ pid }) => pid !== keeper && found.has(pid));
}

/** The hooks among them. */
function hooks(keeper) {
  const found = below(keeper).filter(({ args }) => / hook$/.test(args));
  assert.ok(found.length > 0, "a hook waits");
  return found.map(({ pid }) => pid);
}

/** The program that a keeper owns. */
function claude({ keeper_pid: keeper }) {
  return below(keeper).find(({ parent }) => parent === keeper).pid;
}

describe("Claude Code without a terminal", () => {
  const desk = new Desk();
  let session;

  before(async () => {
    await desk.up();
    session = await desk.chat("claude");
  });

  after(() => desk.stop());

  /** Says a line in a conversation of its own, and gives what is shown of it. */
  async function say(...lines) {
    return desk.say(session, ...lines);
  }

  it("answers, and says what it cost", async () => {
    assert.match(
      await say("hi"),
      /Hello from the fake model\.[^]*\[done, \$0\.0008/,
    );
  });

  it("does what is allowed, and is told why something is not", async () => {
    const allowed = say("run bash");
    let asked = await desk.waiting(session);
    await desk.cli("approve", asked.id);
    assert.match(await allowed, /hello-from-tool/);
    assert.equal(desk.has(FILE), true);
    const denied = say("write a file");
    asked = await desk.waiting(session);
    await desk.cli("deny", asked.id, "--reason", "not today");
    assert.match(await denied, /File written: not today/);
    assert.equal(desk.has("note.txt"), false);
  });

  it("goes on with its conversation after it was stopped", async () => {
    const { agent } = await desk.summary(session);
    session = /[a-z2-7]{16}/.exec(
      await desk.cli("restart", session, "--stop", "--detach"),
    )[0];
    assert.match(await say("hi"), /Hello from the fake model/);
    assert.equal(
      (await desk.summary(session)).agent.conversation,
      agent.conversation,
    );
  });

  it("goes on with a conversation by its name", async () => {
    const { agent } = await desk.summary(session);
    const other = await desk.chat("claude", "--resume", agent.conversation);
    assert.match(await desk.say(other, "hi"), /Hello from the fake model/);
    assert.equal(
      (await desk.summary(other)).agent.conversation,
      agent.conversation,
    );
    await desk.cli("kill", other);
  });

  it("says what it is where claude itself is killed, and asks nothing any more", async () => {
    const other = await desk.chat("claude");
    const talking = desk.say(other, "run bash").catch((error) => error);
    const asked = await desk.waiting(other);
    rmSync(join(desk.project, FILE), { force: true });
    process.kill(claude(await desk.summary(other)), "SIGKILL");
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

  it("refuses the tool where its keeper is gone", async () => {
    const talking = say("run bash").catch((error) => error);
    await desk.waiting(session);
    rmSync(join(desk.project, FILE), { force: true });
    process.kill((await desk.summary(session)).keeper_pid, "SIGKILL");
    await talking;
    await until(
      async () => (await desk.summary(session))?.state === "lost",
      "the session to be lost",
    );
    assert.equal(desk.has(FILE), false);
  });
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
    assert.match(await desk.say(session, "hi"), /Not logged in/);
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
