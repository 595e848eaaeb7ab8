// Codex, the real one: the desk and a phone share its app server, and nothing runs without an answer of one of them.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { until } from "../browser/host.mjs";
import { Desk } from "./agent.mjs";
import { FILE, pressing, RUNS, structured, terminal } from "./contract.mjs";
import { below } from "./processes.mjs";

// Its plan mode ends with a plan that is said, and nothing is asked: what comes next is another prompt in another mode.
const PLAN = "Codex asks nobody whether to go on with a plan";
const OPTIONS = [
  // So that it asks not only while it plans.
  ["-c", "features.default_mode_request_user_input=true"],
  // Of a model that it does not know it offers the list to none by itself.
  ["-c", "tools.update_plan.enabled=true"],
].flat();

terminal("Codex", {
  command: ["codex", ...OPTIONS],
  ready: ({ phone }) => phone.shows("/project"),
  dialog: "Would you like to run the following command?",
  atDesk: pressing("y"),
  // It changes files below its folder without asking.
  denied: RUNS,
  plan: PLAN,
  more(chat) {
    it("is spoken to through its app server", async () => {
      const { keeper_pid: keeper } = await chat.desk.summary(chat.session);
      assert.ok(below(keeper).some(({ args }) => args.includes("app-server")));
    });
  },
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

describe("Codex that is heard late", () => {
  const desk = new Desk();
  const stopped = 3;

  before(() => desk.up());
  after(() => desk.stop());

  /** A Codex whose keeper stands still while its terminal interface comes up. */
  function late(...said) {
    const folder = join(desk.home, "late");
    mkdirSync(folder, { recursive: true });
    const codex = join(folder, "codex");
    const stops = `kill -STOP $PPID; (sleep ${stopped}; kill -CONT $PPID) &`;
    const script = `[ "$1" = --remote ] && { ${stops} }`;
    writeFileSync(
      codex,
      `#!/bin/sh\n${script}\nexec ${desk.home}/bin/codex "$@"\n`,
    );
    chmodSync(codex, 0o755);
    return desk.terminal(codex, ...said);
  }

  it("takes what is said to it, also when it is started again", async () => {
    const session = await late();
    await desk.doing(session, "idle");
    await desk.prompt(session, "hi");
    await desk.told("hi");
    const over = async () => {
      const { turns, doing } = (await desk.summary(session)).agent;
      return turns > 0 && doing === "idle";
    };
    await until(over, "its turn to be over");
    const out = await desk.cli("restart", session, "--stop", "--detach");
    const again = /[a-z2-7]{16}/.exec(out)[0];
    await desk.doing(again, "idle");
    await desk.prompt(again, "hi again");
    await desk.told("hi again");
  });

  it("asks on every device what it was told to do as it was started", async () => {
    const session = await late("run bash");
    const asked = await desk.waiting(session);
    assert.equal(desk.has(FILE), false);
    await desk.cli("approve", asked.id);
    await until(() => desk.has(FILE), "the file");
    await desk.became(session, asked.id, "allowed");
  });
});

structured("Codex", {
  start: ["codex", "--", ...OPTIONS],
  denied: RUNS,
  plan: PLAN,
});
