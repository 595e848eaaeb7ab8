// What holds for every agent: each test of it is run with the real program, held from a phone's page. What an agent
// cannot do is named where its tests are, with the reason.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, afterEach, before, describe, it } from "node:test";
import { launch, quit, until } from "../browser/host.mjs";
import { Desk } from "./agent.mjs";
import { Chat } from "./chat.mjs";
import { below, runs } from "./processes.mjs";

export const FILE = "made_by_agent.txt";
const FILES = [FILE, "made_too.txt", "note.txt"];

/** What is said so that it is to be denied, and what its card shows then. */
const WRITES = { says: "write a file", shows: /note\.txt[^]*one[^]*two/ };
export const RUNS = {
  says: "run bash",
  shows: /touch made_by_agent\.txt && echo hello-from-tool/,
};

/**
 * An agent in its own terminal.
 *
 * - `command`: how it is started
 * - `ready(chat)`: waits until it can be talked to; without it, that is when it is idle
 * - `dialog`: what its dialog says at the desk; `atDesk(chat, asked)` allows what it asks there; without it, that is Enter
 * - `denied`: what it asks for that is denied
 * - `gate(chat, asked)`: kills what asks for it, where that is another process than its keeper, and leaves the dialog
 * - `question`, `list`: asks questions, shows what it means to do as a list; or why it cannot
 * - `plan`: `begin(chat)` brings it to plan, and `over(chat)` is called once its plan was allowed; or why it asks for none
 * - `more(chat)`: tests of this agent's alone
 */
export function terminal(name, agent) {
  const { command, ready, dialog, denied = WRITES, more } = agent;
  describe(`${name} in its terminal`, () => {
    const chat = held((desk) => desk.terminal(...command), ready);
    const { desk } = chat;
    const allowedAtDesk = agent.atDesk ?? pressing("Enter");

    decides(chat, denied);

    it("says in the chat what is said at the desk", async () => {
      await chat.terminal();
      // What was said to it from the phone is there, too.
      await chat.phone.shows("use notes.md instead");
      await chat.phone.type("hi there");
      await chat.phone.shows("hi there");
      await chat.phone.press("Enter");
      await chat.chat();
      await chat.said("person", "hi there");
      await chat.answer("Hello from the fake model.");
      await chat.doing("idle");
    });

    it("is asked at the desk at the same time, and closes the card where that answers", async () => {
      await chat.say("run bash");
      const asked = await chat.waiting();
      await chat.terminal();
      await chat.phone.shows(dialog);
      assert.equal(desk.has(FILE), false);
      await allowedAtDesk(chat, asked);
      await until(() => desk.has(FILE), "the file");
      await chat.became(asked, "withdrawn");
      await chat.noCard();
      await chat.over();
    });

    outlives(chat);
    asks(chat, agent.question);
    lists(chat, agent.list);
    interrupted(chat);
    plans(chat, agent.plan);
    it("goes on with its conversation after it was started again", async () => {
      await chat.say("hi");
      await chat.over();
      await resumed(chat);
    });

    more?.(chat);

    if (agent.gate) {
      it("does nothing where the gate is killed: the desk is asked alone", async () => {
        await agent.gate(chat);
        await chat.noCard();
        assert.equal(desk.has(FILE), false);
        await chat.terminal();
        await chat.phone.press("Escape");
        await chat.doing("idle");
        assert.deepEqual(
          FILES.filter((file) => desk.has(file)),
          [],
        );
      });
    }

    keeperKilled(chat);
  });
}

/**
 * An agent without a terminal.
 *
 * - `start`: the agent's name and what else `longrein chat` is given
 * - `beforeResume(chat)`: waits until it can be gone on with
 * - the others are as in its terminal
 */
export function structured(name, agent) {
  const { start, ready, denied = WRITES, more } = agent;
  describe(`${name} without a terminal`, () => {
    const chat = held((desk) => desk.chat(...start), ready);
    const { desk } = chat;

    it("answers", async () => {
      await chat.say("hi");
      await chat.answer("Hello from the fake model.");
      await chat.over();
      await chat.page.getByTestId("turn").last().waitFor();
    });

    decides(chat, denied);

    it("closes the card where the desk answers, and is spoken to there", async () => {
      const talking = desk.say(chat.session, "run bash");
      const asked = await chat.card();
      assert.equal(desk.has(FILE), false);
      await desk.cli("approve", asked.id);
      await chat.became(asked, "allowed");
      await chat.page.getByTestId("outcome").waitFor();
      await chat.close();
      await chat.noCard();
      assert.match(await talking, /hello-from-tool[^]*\[done/);
      assert.equal(desk.has(FILE), true);
      await chat.answer("hello-from-tool");
    });

    outlives(chat);
    asks(chat, agent.question);
    lists(chat, agent.list);
    plans(chat, agent.plan);
    interrupted(chat);
    more?.(chat);

    it("goes on with its conversation after it was stopped", async () => {
      await agent.beforeResume?.(chat);
      await resumed(chat);
    });

    keeperKilled(chat, true);
  });
}

/** A host with the agent, and a phone that is in its session. */
function held(start, ready = (chat) => chat.doing("idle")) {
  const desk = new Desk();
  const chat = new Chat(desk);

  before(async () => {
    await launch();
    await desk.up();
    await chat.open();
    chat.begin = async (how = start) => {
      await chat.enter(await how(desk));
      await ready(chat);
    };
    await chat.begin();
  });

  after(async () => {
    await quit();
    await desk.stop();
  });

  afterEach(() => {
    chat.faultless();
    for (const file of FILES) rmSync(join(desk.project, file), { force: true });
  });

  return chat;
}

/** Presses a key until it was taken: a dialog that has just come takes none for a moment. */
export function pressing(key) {
  return async ({ phone, desk, session }, asked) => {
    const decided = async () => {
      await phone.press(key);
      const { approvals = [] } = await desk.summary(session);
      return approvals.every(
        ({ id, state }) => id !== asked.id || state !== "pending",
      );
    };
    await until(decided, "the key to be taken");
  };
}

function decides(chat, denied) {
  const { desk } = chat;

  it("asks on the phone, and does it once that is allowed there", async () => {
    await chat.say("run bash");
    const asked = await chat.card();
    assert.match(await chat.sheet(), RUNS.shows);
    assert.equal(desk.has(FILE), false);
    await chat.tap("allow");
    await until(() => desk.has(FILE), "the file");
    await chat.became(asked, "allowed");
    await chat.goes();
    await chat.answer("hello-from-tool");
    await chat.over();
  });

  it("is told why where it is denied, and does not do it", async () => {
    await chat.say(denied.says);
    const asked = await chat.card();
    assert.match(await chat.sheet(), denied.shows);
    await chat.deny(asked, "use notes.md instead");
    await until(
      () => /use notes\.md instead/.test(desk.heard()),
      "the model to be told why",
    );
    await chat.over();
    assert.deepEqual(
      FILES.filter((file) => desk.has(file)),
      [],
    );
  });
}

function outlives(chat) {
  const { desk } = chat;

  it("is asked for still after the daemon was killed", async () => {
    await chat.say("run bash");
    const { id } = await chat.card();
    await desk.kill();
    await desk.up();
    const asked = await chat.waiting();
    assert.equal(asked.id, id);
    assert.equal(desk.has(FILE), false);
    await chat.allow(asked);
    await until(() => desk.has(FILE), "the file");
    await chat.over();
  });
}

function asks(chat, cannot) {
  it(
    "puts its question on the phone, and goes on with the answer",
    skip(cannot),
    async () => {
      await chat.say("ask me");
      const asked = await chat.card();
      assert.equal(asked.title, "Which colour?");
      await chat.pick("Blue");
      await chat.allow(asked);
      await chat.answer(/You said: .*Blue/s);
      await chat.over();
    },
  );
}

function lists(chat, list) {
  it(
    "shows what it means to do",
    skip(list?.say ? undefined : list),
    async () => {
      await chat.say(list?.say ?? "todo list");
      const whole = { hasText: /Do A[^]*Do B/ };
      await chat.page.getByTestId("plan").filter(whole).last().waitFor();
      await chat.over();
    },
  );
}

function plans(chat, plan) {
  const asked = async () => {
    await chat.say("make a plan");
    const asked = await chat.card();
    assert.match(
      await chat.page
        .locator("[data-testid=approval-sheet] [data-testid=plan]")
        .innerText(),
      /Do A\s+Do B/,
    );
    return asked;
  };

  it(
    "gets its plan back with remarks, and goes on with the one that is allowed",
    skip(plan?.begin ? undefined : plan),
    async () => {
      await plan.begin(chat);
      await chat.deny(await asked(), "B comes first");
      await until(
        () => /B comes first/.test(chat.desk.heard()),
        "the model to be told",
      );
      await chat.over();
      await chat.doing("idle");
      await chat.allow(await asked());
      await chat.answer(/Plan result:.*approved/is);
      await chat.over();
      await plan.over?.(chat);
    },
  );
}

function interrupted(chat) {
  const { desk } = chat;

  it("stops where it is interrupted, and what it asks goes away", async () => {
    await chat.say("take a long time");
    await desk.told("take a long time");
    await chat.doing("working");
    await chat.interrupt();
    await chat.doing("idle");
    await chat.say("run bash");
    const asked = await chat.waiting();
    await chat.interrupt();
    await chat.became(asked, "withdrawn");
    await chat.noCard();
    await chat.doing("idle");
    assert.equal(desk.has(FILE), false);
    // A dialog that stayed would take what is said next.
    await chat.say("hi again");
    await desk.told("hi again");
    await chat.over();
  });
}

async function resumed(chat) {
  const { desk } = chat;
  const { conversation } = await chat.agent();
  assert.ok(conversation);
  const out = await desk.cli("restart", chat.session, "--stop", "--detach");
  await chat.enter(/[a-z2-7]{16}/.exec(out)[0]);
  await chat.doing("idle");
  await chat.say("hi once more");
  await desk.told("hi once more");
  await chat.answer("Hello from the fake model.");
  await chat.over();
  assert.equal((await chat.agent()).conversation, conversation);
}

/** `attached` where whoever said it at the desk is still there. */
function keeperKilled(chat, attached = false) {
  const { desk } = chat;

  it("does nothing where its keeper is killed, and leaves no process", async () => {
    const talking = attached
      ? desk.say(chat.session, "run bash").catch(({ message }) => message)
      : chat.say("run bash");
    await chat.waiting();
    const { keeper_pid: keeper } = await desk.summary(chat.session);
    const all = below(keeper);
    assert.ok(all.length > 0);
    process.kill(keeper, "SIGKILL");
    const left = () => all.filter(({ pid }) => runs(pid));
    // Without its terminal an agent may take a minute to end, but does nothing.
    await until(
      () => left().length === 0,
      () => `all to end; there are ${JSON.stringify(left())}`,
      90_000,
    );
    await until(
      async () => (await desk.summary(chat.session))?.state === "lost",
      "the session to be lost",
    );
    assert.equal(desk.has(FILE), false);
    const shown = await talking;
    if (attached) assert.match(shown, /exit 125[^]*The agent has ended/);
  });
}

/** Leaves a test out where an agent cannot do that, and says why. */
function skip(cannot) {
  return cannot === undefined ? {} : { skip: cannot };
}
