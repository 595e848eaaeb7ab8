// opencode, the real one: in its terminal, where desk and phone are asked at once, and without one.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Device, launch, PHONE, quit, until } from "../browser/host.mjs";
import { Desk } from "./agent.mjs";

const FILE = "made_by_agent.txt";
const DIALOG = "Permission required";

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

/** The processes below a keeper, as `ps` shows them. */
function below(keeper) {
  const shown = execFileSync("ps", ["-eo", "pid=,ppid=,args="], {
    encoding: "utf8",
  });
  const all = shown
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line));
  const processes = all
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
  return processes.filter(({ pid }) => found.has(pid));
}

describe("opencode in its terminal", () => {
  const desk = new Desk();
  let phone;
  let page;
  let session;

  before(async () => {
    await launch();
    await desk.up();
    phone = await Device.open(PHONE);
    page = phone.page;
    await phone.pair(await desk.link());
    await begin();
  });

  after(async () => {
    await quit();
    await desk.stop();
  });

  afterEach(() => {
    assert.deepEqual(phone.faults, []);
    rmSync(join(desk.project, FILE), { force: true });
  });

  async function begin() {
    session = await desk.terminal("opencode");
    await phone.enter(session);
    await desk.doing(session, "idle");
  }

  /** Says it in the chat, and goes back to the terminal. */
  async function say(text) {
    await page.getByTestId("chat-tab").click();
    await page.getByTestId("chat-text").fill(text);
    await page.getByTestId("chat-send").click();
    await said("person", text);
  }

  const said = (whom, words) =>
    page
      .getByTestId(`said-by-${whom}`)
      .filter({ hasText: words })
      .last()
      .waitFor();

  async function terminal() {
    await page.getByRole("button", { name: "Terminal", exact: true }).click();
  }

  async function allow() {
    await tap(page, "allow");
    await page.getByTestId("approval-sheet").waitFor({ state: "detached" });
  }

  it("asks on the phone while it asks at the desk, and does it once that is allowed", async () => {
    await say("run bash");
    const asked = await desk.waiting(session);
    await terminal();
    await phone.shows(DIALOG);
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
    await page.getByTestId("chat-tab").click();
    await said("agent", "Tool said: hello-from-tool");
    await page.getByTestId("turn").last().waitFor();
  });

  it("is told why where it is denied", async () => {
    await say("write a file");
    const asked = await desk.waiting(session);
    assert.match(await card(phone), /note\.txt[^]*one[^]*two/);
    await desk.cli("deny", asked.id, "--reason", "use notes.md instead");
    await page.getByTestId("done").click();
    await said("agent", "use notes.md instead");
    assert.equal(desk.has("note.txt"), false);
    await desk.doing(session, "idle");
  });

  it("closes the card where it was answered at the desk", async () => {
    await say("run bash");
    const asked = await desk.waiting(session);
    await terminal();
    await phone.shows(DIALOG);
    // A dialog that has just come may take no key for a moment.
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

  it("puts its question on the phone, and is answered there", async () => {
    await say("ask me");
    const asked = await desk.waiting(session);
    assert.equal(asked.title, "Which colour?");
    await card(phone);
    await page.getByTestId("pick").filter({ hasText: "Blue" }).click();
    await allow();
    await said("agent", "Blue");
    await desk.doing(session, "idle");
  });

  it("shows its plan in the chat", async () => {
    await say("todo list");
    await page.getByTestId("plan").last().waitFor();
    await desk.doing(session, "idle");
  });

  it("stops where the phone says so, and what it asked is over at the desk, too", async () => {
    await say("run bash");
    const asked = await desk.waiting(session);
    await page.getByTestId("interrupt").click();
    await desk.became(session, asked.id, "withdrawn");
    await desk.doing(session, "idle");
    assert.equal(desk.has(FILE), false);
    // A dialog that stayed would take what is said next.
    await say("hi");
    await said("agent", "Hello from the fake model.");
    await desk.doing(session, "idle");
  });

  it("lets nobody in who does not know its password", async () => {
    const { keeper_pid: keeper } = await desk.summary(session);
    const { args } = below(keeper).find(({ args }) =>
      / --port \d+ /.test(args),
    );
    const port = / --port (\d+) /.exec(args)[1];
    for (const path of ["/permission", "/event", "/session", "/doc"]) {
      const { status } = await fetch(`http://127.0.0.1:${port}${path}`);
      assert.equal(status, 401, path);
    }
  });

  it("does nothing where its keeper is killed", async () => {
    await say("run bash");
    await desk.waiting(session);
    const { keeper_pid: keeper } = await desk.summary(session);
    const agents = below(keeper).filter(({ pid }) => pid !== keeper);
    assert.ok(agents.length > 0);
    process.kill(keeper, "SIGKILL");
    await until(
      async () => (await desk.summary(session))?.state === "lost",
      "the session to be lost",
    );
    const gone = ({ pid }) => !below(pid).some((other) => other.pid === pid);
    await until(() => agents.every(gone), "opencode to be gone");
    assert.equal(desk.has(FILE), false);
  });
});

describe("opencode without a terminal", () => {
  const desk = new Desk();
  let session;

  before(async () => {
    await desk.up();
    session = await desk.chat("opencode");
  });

  after(() => desk.stop());

  const say = (...lines) => desk.say(session, ...lines);

  it("answers", async () => {
    assert.match(await say("hi"), /Hello from the fake model\.[^]*\[done/);
  });

  it("does what is allowed, and is told why something is not", async () => {
    const allowed = say("run bash");
    let asked = await desk.waiting(session);
    assert.equal(desk.has(FILE), false);
    await desk.cli("approve", asked.id);
    assert.match(await allowed, /hello-from-tool/);
    assert.equal(desk.has(FILE), true);
    const denied = say("write a file");
    asked = await desk.waiting(session);
    await desk.cli("deny", asked.id, "--reason", "not today");
    await denied;
    assert.equal(desk.has("note.txt"), false);
    // The protocol has no words with a no: they are said after it.
    assert.match(await say("what did I say?"), /Fake answer|not today/);
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

  it("does nothing where its keeper is gone", async () => {
    rmSync(join(desk.project, FILE), { force: true });
    const talking = say("run bash").catch((error) => error);
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
