// Gemini CLI, the real one: what it asks in its dialog arrives on a phone, and what is decided there is a key in exactly
// that dialog.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { Device, launch, PHONE, quit, until } from "../browser/host.mjs";
import { Desk } from "./agent.mjs";

// Gemini takes no settings from below a folder that everybody may write to.
process.env.TMPDIR = join(homedir(), ".cache/longrein-tests");
mkdirSync(process.env.TMPDIR, { recursive: true, mode: 0o700 });

const FILE = "made_by_agent.txt";
const SECOND = "made_too.txt";
const GEMINI = ["gemini", "-m", "gemini-2.5-flash"];

describe("Gemini in its terminal", () => {
  const desk = new Desk();
  let phone;
  let session;

  before(async () => {
    await launch();
    await desk.up();
    session = await desk.terminal(...GEMINI);
    phone = await Device.open(PHONE);
    await phone.pair(await desk.link());
    await phone.enter(session);
    await desk.doing(session, "idle");
    await phone.shows("Type your message");
  });

  after(async () => {
    await quit();
    await desk.stop();
  });

  afterEach(() => {
    assert.deepEqual(phone.faults, []);
    for (const file of [FILE, SECOND])
      rmSync(join(desk.project, file), { force: true });
  });

  async function say(text) {
    await desk.doing(session, "idle");
    await phone.type(text);
    await phone.shows(text);
    await phone.press("Enter");
  }

  /** The commands that were asked about and are allowed or wait. */
  async function asked(state) {
    const { approvals = [] } = await desk.summary(session);
    return approvals
      .filter((approval) => approval.state === state)
      .map(({ title }) => title);
  }

  it("asks on the phone while it asks at the desk, and does it once that is allowed there", async () => {
    await say("run bash");
    const { id } = await desk.waiting(session);
    await phone.shows("Allow once");
    await phone.page.locator("[data-testid=approval]:visible").first().click();
    await phone.page.getByTestId("request").waitFor();
    assert.match(
      await phone.page.getByTestId("approval-sheet").innerText(),
      /touch made_by_agent\.txt && echo hello-from-tool/,
    );
    assert.equal(desk.has(FILE), false);
    await phone.page
      .locator("[data-testid=buttons][data-steady=true]")
      .waitFor();
    await phone.page.getByTestId("allow").click();
    await phone.page
      .getByTestId("approval-sheet")
      .waitFor({ state: "detached" });
    await until(() => desk.has(FILE), "the file");
    await desk.became(session, id, "allowed");
    await phone.shows("Done. Tool said:");
    await desk.doing(session, "idle");
    const { agent } = await desk.summary(session);
    assert.match(agent.last, /hello-from-tool/);
    assert.equal(agent.turns, 1);
  });

  it("does not do what is denied, and is told why", async () => {
    await say("write a file");
    const { id, title } = await desk.waiting(session);
    assert.match(title, /note\.txt/);
    await desk.cli("deny", id, "--reason", "use notes.md instead");
    await desk.told("Not allowed: use notes.md instead");
    assert.equal(desk.has("note.txt"), false);
    await desk.doing(session, "idle");
  });

  it("closes the card where somebody types at the desk", async () => {
    const { turns } = (await desk.summary(session)).agent;
    await say("run bash");
    const { id } = await desk.waiting(session);
    await phone.shows("Allow once");
    await phone.press("ArrowDown");
    await desk.became(session, id, "withdrawn");
    await phone.press("ArrowUp");
    assert.equal(desk.has(FILE), false);
    await phone.press("Enter");
    await until(() => desk.has(FILE), "the file");
    const over = async () => (await desk.summary(session)).agent.turns > turns;
    await until(over, "the end of its turn");
    await desk.doing(session, "idle");
  });

  it("asks about one thing after the other", async () => {
    await say("run both");
    const first = await desk.waiting(session);
    assert.deepEqual(await asked("pending"), [first.title]);
    await desk.cli("approve", first.id);
    await desk.became(session, first.id, "allowed");
    const second = await desk.waiting(session);
    assert.notEqual(second.title, first.title);
    assert.equal(desk.has(SECOND), false);
    await desk.cli("approve", second.id);
    await until(() => desk.has(FILE) && desk.has(SECOND), "both files");
    await desk.doing(session, "idle");
  });

  it("asks at the desk alone where the hook of the next one is killed", async () => {
    await say("run both");
    const { id } = await desk.waiting(session);
    const held = await until(() => hook(), "the hook that is held");
    process.kill(held, "SIGKILL");
    await desk.became(session, id, "withdrawn");
    assert.deepEqual([desk.has(FILE), desk.has(SECOND)], [false, false]);
    await desk.doing(session, "needs_you");
    await phone.press("Escape");
    await desk.doing(session, "idle");
    assert.deepEqual([desk.has(FILE), desk.has(SECOND)], [false, false]);
  });

  /** The hook of this session's that waits. */
  function hook() {
    const all = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" });
    const found = all
      .split("\n")
      .map((line) => /^\s*(\d+)\s+(\S*longrein) hook$/.exec(line))
      .filter((line) => line !== null)
      .map(([, pid]) => Number(pid))
      .find((pid) =>
        execFileSync("cat", [`/proc/${pid}/environ`], {
          encoding: "utf8",
        }).includes(`LONGREIN_SESSION=${session}`),
      );
    return found;
  }

  it("is asked for still after the daemon was killed", async () => {
    await say("run bash");
    const { id } = await desk.waiting(session);
    await desk.kill();
    await desk.up();
    await desk.waiting(session);
    assert.equal(desk.has(FILE), false);
    await desk.cli("approve", id);
    await until(() => desk.has(FILE), "the file");
    await desk.doing(session, "idle");
  });

  it("takes a prompt of several lines from the chat as it was written", async () => {
    const { page } = phone;
    await page.getByTestId("chat-tab").click();
    const text = "hi 👩‍👩‍👧 Grüße\n\n  indented\nlast line";
    await page.getByTestId("chat-text").fill(text);
    await page.getByTestId("chat-send").click();
    await desk.told(text);
    await page
      .getByTestId("said-by-agent")
      .filter({ hasText: "Hello from the fake model." })
      .waitFor();
    await desk.doing(session, "idle");
  });

  it("stops where it is interrupted", async () => {
    await phone.page.getByTestId("chat-text").fill("take a long time");
    await phone.page.getByTestId("chat-send").click();
    await desk.told("take a long time");
    await desk.doing(session, "working");
    await phone.page.getByTestId("interrupt").click();
    await desk.doing(session, "idle");
  });
});

describe("Gemini without a terminal", () => {
  const desk = new Desk();
  const minute = () => new Date().getUTCMinutes();
  let session;
  let begun;

  before(async () => {
    await desk.up();
    session = await desk.chat("gemini", "--", "-m", "gemini-2.5-flash");
    await desk.doing(session, "idle");
    begun = minute();
  });

  after(() => desk.stop());

  it("does what is allowed, and not what is denied", async () => {
    const allowed = desk.say(session, "run bash");
    let { id } = await desk.waiting(session);
    assert.equal(desk.has(FILE), false);
    await desk.cli("approve", id);
    assert.match(await allowed, /hello-from-tool/);
    assert.equal(desk.has(FILE), true);
    const denied = desk.say(session, "write a file");
    ({ id } = await desk.waiting(session));
    await desk.cli("deny", id);
    await denied;
    assert.equal(desk.has("note.txt"), false);
  });

  it("stops where it is interrupted, and goes on", async () => {
    const page = await interrupter();
    const talking = desk.say(session, "take a long time");
    await desk.doing(session, "working");
    await page.getByTestId("interrupt").click();
    assert.match(await talking, /interrupted/);
    assert.match(await desk.say(session, "hi"), /Hello from the fake model/);
    await quit();
  });

  async function interrupter() {
    await launch();
    const { page, ...phone } = await Device.open(PHONE);
    await Device.prototype.pair.call({ page, ...phone }, await desk.link());
    await page
      .locator(`[data-testid=session][data-session="${session}"]`)
      .click();
    await page.getByTestId("chat-text").waitFor();
    return page;
  }

  it("goes on with its conversation after it was stopped", async () => {
    const { agent } = await desk.summary(session);
    // Gemini writes over a conversation that began in the minute in which it is gone on with.
    const past = () => minute() !== begun;
    await until(past, "the minute to be over", 90_000);
    session = /[a-z2-7]{16}/.exec(
      await desk.cli("restart", session, "--stop", "--detach"),
    )[0];
    assert.match(await desk.say(session, "hi"), /Hello from the fake model/);
    assert.equal(
      (await desk.summary(session)).agent.conversation,
      agent.conversation,
    );
  });
});
