// An agent asks before it does something: what it is, whole, and what may be answered.
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { Asker } from "./asker.mjs";
import { Device, Host, launch, PHONE, quit, until } from "./host.mjs";

const LAPTOP = { viewport: { width: 1280, height: 800 } };
const LINES = Array.from({ length: 60 }, (_, n) => `line ${n}`);
const COMMAND = {
  source: "claude",
  question: "Run a command",
  cwd: "/srv/site",
  tool: {
    name: "Bash",
    kind: "run",
    title: "Run the tests",
    command: `npm test -- ${"--long ".repeat(40)}\u202e && echo done`,
    input: { description: "Run the tests", timeout: 120000, dangerouslyDisableSandbox: true },
  },
};
const EDIT = {
  source: "claude",
  question: "Edit a file",
  tool: {
    name: "Edit",
    kind: "edit",
    paths: ["/srv/site/src/app.ts", "/srv/site/other.ts"],
    changes: [
      {
        path: "/srv/site/src/app.ts",
        old: LINES.join("\n"),
        new: LINES.map((line) => (line === "line 30" ? "\tline <b>thirty</b>\u200b" : line)).join("\n"),
      },
      { path: "/srv/site/new.ts", new: "export {};\n" },
    ],
    input: { file_path: "/srv/site/src/app.ts", replace_all: true },
  },
};
const PLAN = {
  source: "claude",
  question: "Go on with this plan",
  plan: `# Plan\n\n1. Move **the tests**\n2. <img src="https://example.com/x.png" onerror="alert(1)">\n\n![seen](https://example.com/y.png)\n${"A long line of what is to be done. ".repeat(8)}`,
};
const QUESTIONS = {
  source: "claude",
  question: "3 questions",
  tool: { name: "AskUserQuestion", kind: "other", input: { preview: "+---+" } },
  questions: [
    {
      text: "Which database?",
      choices: [
        { id: "SQLite", about: "A file, and nothing to run beside it" },
        { id: "PostgreSQL", about: "A server of its own" },
      ],
      free_text: true,
    },
    { text: "Which checks?", choices: [{ id: "Types" }, { id: "Tests" }, { id: "Format" }], several: true },
    { text: "What is it called?", free_text: true },
  ],
};
/** Of tools that an agent of the session's own asks for: these can be allowed until it ends. */
const TEST = { command: "npm test", description: "Run the tests" };
const CAREFUL = { command: `curl https://example.com/${"long/".repeat(40)}`, description: "Fetch it" };
const DANGEROUS = { ...COMMAND, risk: "dangerous", reasons: ["deletes everything below /srv"] };

describe("approvals of agents", () => {
  const host = new Host();
  let session;
  /** Starts an agent in a session of this name. */
  let agent;
  let open = [];
  let askers = [];

  before(async () => {
    await launch();
    await host.up();
    const claude = join(host.home, "claude");
    writeFileSync(claude, "#!/bin/sh\nexec cat\n");
    chmodSync(claude, 0o755);
    agent = (name) => host.start(name, claude);
  });

  // Programs in one session may ask a few times a minute alone.
  beforeEach(async () => {
    session = await host.start("claude", "cat");
  });

  after(async () => {
    await quit();
    await host.stop();
  });

  afterEach(async () => {
    for (const asker of askers) asker.close();
    askers = [];
    for (const device of open) {
      assert.deepEqual(device.faults, []);
      await device.close();
    }
    open = [];
    const waits = async () => (await host.json("approvals")).some(({ state }) => state === "pending");
    await until(async () => !(await waits()), "what was asked to be withdrawn");
  });

  async function ask(request, where = session) {
    const asker = await Asker.ask(host, where, request);
    askers.push(asker);
    return asker;
  }

  async function hook(input, where) {
    const asker = await Asker.hook(host, where, "Bash", input);
    askers.push(asker);
    return asker;
  }

  async function device(options = PHONE) {
    const made = await Device.open(options);
    open.push(made);
    await made.pair(await host.link());
    await made.page.locator(`[data-testid=session][data-session="${session}"]`).waitFor();
    return made.page;
  }

  async function sheet(page) {
    await page.locator("[data-testid=approval]:visible").first().click();
    await page.getByTestId("request").waitFor();
  }

  /** A long text, also where nobody has looked at it yet: it is laid out only then. */
  async function textOf(box) {
    return (await box.locator("span:not(.hidden, span span)").allTextContents()).join("\n");
  }

  /** Taps a button that stands still, as one that has just moved takes no tap. */
  async function tap(button, box = "buttons") {
    await button.scrollIntoViewIfNeeded();
    await button.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    await button.page().locator(`[data-testid=${box}][data-steady=true]`).waitFor();
    await button.click();
  }

  it("show a command whole, with what hides in it, and what else is passed", async () => {
    const asker = await ask(COMMAND);
    const page = await device();
    await sheet(page);
    const shown = COMMAND.tool.command.replace("\u202e", "⟨U+202E⟩");
    assert.equal(await textOf(page.getByTestId("command")), shown);
    assert.match(await page.getByTestId("tool").innerText(), /Runs a command\s+Bash\s+Run the tests/);
    assert.match(await page.getByTestId("input").innerText(), /Also passed to it: timeout, dangerouslyDisableSandbox/);
    // For many tools that is all there is to see.
    assert.equal(await page.getByTestId("input-json").isVisible(), true);
    const json = JSON.parse(await textOf(page.getByTestId("input-json")));
    assert.deepEqual(json, { timeout: 120000, dangerouslyDisableSandbox: true });
    assert.equal(await page.getByTestId("more").count(), 0);
    await tap(page.getByTestId("allow"));
    const { state, for_session = false } = await asker.decided();
    assert.deepEqual([state, for_session], ["allowed", false]);
  });

  it("show what changes in a file, line by line, and nothing of it as HTML", async () => {
    const asker = await ask(EDIT);
    const page = await device();
    await sheet(page);
    const [change, created] = await page.getByTestId("change").all();
    assert.match(await change.innerText(), /\/srv\/site\/src\/app\.ts \+1 −1/);
    assert.equal(await textOf(change.getByTestId("old")), "− line 30");
    assert.equal(await textOf(change.getByTestId("new")), "+ \tline <b>thirty</b>⟨U+200B⟩");
    await created.locator(".keyword").filter({ hasText: "export" }).waitFor();
    // For those who do not see colours.
    assert.match(await change.getByTestId("old").textContent(), /^Goes:/);
    assert.match(await created.innerText(), /\/srv\/site\/new\.ts written whole, over what may stand there · \+1/);
    assert.equal(await textOf(created.getByTestId("new")), "+ export {};");
    const folded = change.getByTestId("folded").first();
    assert.equal(await folded.locator("summary").innerText(), "27 lines stay as they are");
    await folded.locator("summary").click();
    assert.match(await textOf(folded), /^ {2}line 0\n[^]*\n {2}line 26$/);
    assert.equal(await page.getByTestId("paths").innerText(), "/srv/site/other.ts");
    await tap(page.getByTestId("deny"));
    assert.equal((await asker.decided()).state, "denied");
  });

  it("show a plan as it reads and as it was written, fetch nothing for it, and send it back with remarks", async () => {
    const asker = await ask(PLAN);
    const page = await device();
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    await sheet(page);
    const plan = page.getByTestId("plan");
    assert.equal(await plan.getByRole("heading").innerText(), "Plan");
    assert.equal(await plan.locator("li strong").innerText(), "the tests");
    assert.match(await plan.innerText(), /<img src="https:\/\/example\.com\/x\.png" onerror="alert\(1\)">/);
    // Where a link leads is seen only as it was written.
    assert.equal(await page.getByTestId("plan-text").isVisible(), true);
    assert.equal(await textOf(page.getByTestId("plan-text")), PLAN.plan);
    assert.equal(await page.getByTestId("approval-sheet").locator("img").count(), 0);
    assert.equal(await page.getByTestId("allow").innerText(), "Allow the plan");
    await page.getByTestId("reason").fill("Keep the tests where they are.");
    assert.equal(await page.getByTestId("deny").innerText(), "Send back with remarks");
    await tap(page.getByTestId("deny"));
    const { state, text } = await asker.decided();
    assert.deepEqual([state, text], ["denied", "Keep the tests where they are."]);
    assert.deepEqual(
      asked.filter((url) => url.includes("example.com")),
      [],
    );
  });

  it("show what is passed to a tool at once, however much it is and however deeply nested", async () => {
    const [deep, many] = ["[".repeat(110), "]".repeat(110)];
    const input = JSON.parse(`{"first":1,"deep":${deep}${"1,".repeat(400_000)}1${many}}`);
    const asker = await ask({ ...COMMAND, tool: { name: "Odd", kind: "other", input } });
    const page = await device();
    await page.locator("[data-testid=approval]:visible").first().click();
    await page.getByTestId("input-json").waitFor();
    // Through all of it, as it is laid out on the way.
    const longest = await page.evaluate(async () => {
      const body = document.querySelector("[data-testid=approval-sheet]").parentElement;
      let longest = 0;
      for (const part of [0.1, 0.5, 0.9, 1]) {
        const began = performance.now();
        body.scrollTop = part * body.scrollHeight;
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        longest = Math.max(longest, performance.now() - began);
      }
      return longest;
    });
    assert.ok(longest < 5_000, `it stands still for ${longest} ms`);
    await open[0].shot("phone-light-49-deep");
    assert.match(await textOf(page.getByTestId("input-json")), /"first": 1,\n {2}"deep": \[/);
    await tap(page.getByTestId("deny"));
    assert.equal((await asker.decided()).state, "denied");
  });

  it("take an answer to each question, and none before", async () => {
    const asker = await ask(QUESTIONS);
    const page = await device();
    await sheet(page);
    const hint = page.getByTestId("hint");
    const [first, second, third] = await page.getByTestId("question").all();
    assert.equal(await hint.innerText(), "3 of 3 questions are not answered yet.");
    assert.match(await first.innerText(), /SQLite\s+A file, and nothing to run beside it/);
    const box = await first.getByTestId("pick").first().boundingBox();
    assert.ok(box.height >= 48, `a choice is ${box.height} high`);
    // What the questions do not say is behind them, and folded.
    assert.match(await page.getByTestId("tool").innerText(), /AskUserQuestion\s+Also passed to it: preview$/);
    await page.getByTestId("input").locator("summary").click();
    assert.match(await textOf(page.getByTestId("input-json")), /"preview": "\+---\+"/);
    await first.getByTestId("own").fill("MySQL");
    await first.getByRole("radio", { name: "SQLite" }).check();
    await first.getByText("Not sent").waitFor();
    await second.getByRole("checkbox", { name: "Format" }).check();
    await second.getByRole("checkbox", { name: "Types" }).check();
    assert.equal(await hint.innerText(), "1 of 3 questions is not answered yet.");
    assert.equal(await page.getByTestId("allow").isDisabled(), true);
    await third.getByTestId("own").fill("site");
    assert.equal(await hint.count(), 0);
    assert.equal(await page.getByTestId("allow").innerText(), "Answer");
    await tap(page.getByTestId("allow"));
    const { answers } = await asker.decided();
    assert.deepEqual(answers, [["SQLite"], ["Types", "Format"], ["site"]]);
    await page.getByTestId("outcome").getByText("Types, Format").waitFor();
  });

  it("keep what was written on their sheet while it is closed, and while another is decided", async () => {
    const asker = await ask(PLAN);
    const page = await device();
    await sheet(page);
    await page.getByTestId("reason").fill("Keep the tests where they are.");
    await page.keyboard.press("Escape");
    await page.getByTestId("approval-sheet").waitFor({ state: "detached" });
    const other = await ask({ ...QUESTIONS, expires_in: 60 });
    await page.locator(`[data-approval="${other.approval.id}"]:visible`).click();
    await page.getByTestId("question").first().getByTestId("own").fill("MySQL");
    await page.mouse.click(5, 5);
    await page.getByTestId("approval-sheet").waitFor({ state: "detached" });
    await page.locator(`[data-approval="${asker.approval.id}"]:visible`).click();
    assert.equal(await page.getByTestId("reason").inputValue(), "Keep the tests where they are.");
    await tap(page.getByTestId("deny"));
    assert.equal((await asker.decided()).text, "Keep the tests where they are.");
    await page.getByTestId("done").click();
    await page.locator(`[data-approval="${other.approval.id}"]:visible`).click();
    assert.equal(await page.getByTestId("question").first().getByTestId("own").inputValue(), "MySQL");
    assert.equal(await page.getByTestId("reason").inputValue(), "");
  });

  it("are allowed until the session ends, listed as that, and taken back", async () => {
    const other = await agent("other");
    const asker = await hook(TEST, other);
    const page = await device();
    await sheet(page);
    assert.equal(await textOf(page.getByTestId("scope-words")), "Bash, exactly this command: npm test");
    // What has just come under the finger takes no tap.
    const early = await page.getByTestId("approval-sheet").evaluate(
      (sheet) =>
        new Promise((resolve) => {
          sheet.querySelector("h3").after(document.createElement("br"));
          requestAnimationFrame(() =>
            requestAnimationFrame(() => {
              const button = sheet.querySelector("[data-testid=allow-for-session]");
              const said = button.getAttribute("aria-disabled");
              button.click();
              resolve([button.disabled, said]);
            }),
          );
        }),
    );
    assert.deepEqual(early, [false, "true"]);
    assert.equal(await page.getByTestId("hint").count(), 0);
    await tap(page.getByTestId("allow-for-session"), "for-session");
    const { state, for_session } = await asker.decided();
    assert.deepEqual([state, for_session], ["allowed", true]);
    assert.match(await page.getByTestId("outcome").innerText(), /You allowed it until the session ends/);
    assert.match(
      await page.getByTestId("approval-sheet").getByTestId("grant").innerText(),
      /npm test[^]*this device · since/,
    );
    await page.getByTestId("done").click();

    // The same once more is not asked, and said to be so.
    const again = await hook(TEST, other);
    assert.equal((await again.decided()).granted, asker.approval.id);

    // Beside what waits, by its session.
    await ask(EDIT);
    await page.getByTestId("inbox").getByTestId("grant").waitFor();
    assert.match(await page.getByTestId("grants").innerText(), /^other · /);

    await page.locator(`[data-testid=session][data-session="${other}"]`).click();
    await page.getByTestId("menu").click();
    assert.match(await page.getByTestId("approvals").innerText(), /1 until it ends/);
    await page.getByTestId("approvals").click();
    const decided = page.getByTestId("decided");
    await decided.first().waitFor();
    assert.match(await decided.first().innerText(), /Allowed without asking, as you had allowed it/);
    assert.match(await decided.last().innerText(), /You allowed it until the session ends/);
    await page.getByTestId("approvals-sheet").getByRole("button", { name: "Take back: Bash, exactly this" }).click();
    await page.getByText("Nothing is allowed until the session ends.").waitFor();
    const [row] = (await host.json("ls")).filter(({ id }) => id === other);
    assert.deepEqual(row.grants ?? [], []);

    const third = await hook(TEST, other);
    assert.equal(third.approval.state, "pending");
  });

  it("are taken back from the list, where their session is not open", async () => {
    const other = await agent("third");
    const asker = await hook(TEST, other);
    const page = await device();
    await sheet(page);
    await tap(page.getByTestId("allow-for-session"), "for-session");
    await asker.decided();
    await page.getByTestId("done").click();
    await ask(EDIT);
    await page.getByTestId("inbox").getByTestId("take-back").click();
    await page.getByTestId("inbox").getByTestId("grant").waitFor({ state: "detached" });
    const again = await hook(TEST, other);
    assert.equal(again.approval.state, "pending");
  });

  it("are found again when they are decided, of all sessions, the last one first", async () => {
    const other = await host.start("fourth", "cat");
    const page = await device();
    const asked = [];
    for (const [name, where] of [
      ["Question in a session that ends", other],
      ["Question with an answer", session],
    ]) {
      const asker = await ask({ source: "ask", question: name, choices: ["one", "two"] }, where);
      asked.push(asker);
      await sheet(page);
      await page.getByTestId("reason").fill(`Not ${name}`);
      await tap(name.endsWith("ends") ? page.getByTestId("deny") : page.getByTestId("choice").nth(1));
      await asker.decided();
      await page.getByTestId("done").click();
    }
    const { keeper_pid: keeper } = (await host.json("ls")).find(({ id }) => id === other);
    process.kill(keeper, "SIGKILL");
    const lost = page.locator(`[data-testid=session][data-session="${other}"]`).filter({ hasText: "lost its keeper" });
    await lost.waitFor();
    await page.getByTestId("open-history").click();
    const [last, first] = [page.getByTestId("decision").nth(0), page.getByTestId("decision").nth(1)];
    await first.waitFor();
    assert.match(await last.innerText(), /Question with an answer\s+You allowed it on this device\s+two\s+claude · /);
    assert.match(await first.innerText(), /that ends\s+You denied it on this device\s+Not Question[^]*fourth · /);
    await open[0].shot("phone-light-50-history");
    await last.click();
    await page.getByTestId("request").waitFor();
    assert.equal(await textOf(page.getByTestId("request")), "Question with an answer");
    assert.equal(await page.getByTestId("outcome").getAttribute("data-state"), "allowed");
    await page.getByTestId("done").click();
    await first.click();
    // Its keeper is gone, and its log has it.
    await page.getByTestId("request").waitFor();
    assert.equal(await textOf(page.getByTestId("request")), "Question in a session that ends");
    assert.match(await page.getByTestId("outcome").innerText(), /You denied it[^]*Not Question in a session that ends/);
    await open[0].shot("phone-light-51-history");
  });

  it("are never allowed until the session ends where they are dangerous", async () => {
    await ask(DANGEROUS);
    const page = await device();
    await sheet(page);
    assert.match(await page.getByTestId("risk").innerText(), /Dangerous[^]*deletes everything below/);
    await page.getByTestId("word").waitFor();
    assert.equal(await page.getByTestId("scope").count(), 0);
    assert.equal(await page.getByTestId("allow").isDisabled(), true);
  });

  for (const [kind, options] of Object.entries({ phone: PHONE, laptop: LAPTOP })) {
    for (const colorScheme of ["dark", "light"]) {
      it(`looks: ${kind}, ${colorScheme}`, async () => {
        const asking = await agent(`looks ${kind} ${colorScheme}`);
        const page = await device({ ...options, colorScheme });
        const shot = (name) => open[0].shot(`${kind}-${colorScheme}-4${name}`);
        const all = {
          command: COMMAND,
          diff: EDIT,
          plan: PLAN,
          questions: QUESTIONS,
          careful: CAREFUL,
          dangerous: DANGEROUS,
        };
        for (const [name, request] of Object.entries(all)) {
          const asker = name === "careful" ? await hook(request, asking) : await ask(request);
          await page.locator("[data-testid=approval]:visible").waitFor();
          await shot(`-${name}-0`);
          await sheet(page);
          await page.locator("[data-testid=buttons][data-steady=true]").waitFor();
          await shot(`-${name}-1`);
          const wide = await page.evaluate(() =>
            Math.max(
              document.documentElement.scrollWidth - innerWidth,
              ...[...document.querySelectorAll("dialog .body")].map((one) => one.scrollWidth - one.clientWidth),
            ),
          );
          assert.ok(wide <= 0, `${name} is wider than the screen`);
          await page.getByTestId("reason").scrollIntoViewIfNeeded();
          await shot(`-${name}-2`);
          const { height } = await page.getByTestId("allow").boundingBox();
          assert.ok(height >= 48, `it is ${height} high`);
          if (name === "careful") {
            await tap(page.getByTestId("allow-for-session"), "for-session");
            await page.getByTestId("outcome").waitFor();
            await shot("-grants-0");
          } else {
            await tap(page.getByTestId("deny"));
            await page.getByTestId("outcome").waitFor();
          }
          await asker.decided();
          await page.getByTestId("done").click();
        }
        const asker = await ask(EDIT);
        await page.getByTestId("inbox").getByTestId("grant").waitFor();
        await shot("-grants-1");
        asker.close();
        await page.locator(`[data-testid=session][data-session="${asking}"]`).click();
        await page.getByTestId("menu").click();
        await page.getByTestId("approvals").click();
        await page.getByTestId("decided").first().waitFor();
        await shot("-grants-2");
        await page.getByTestId("approvals-sheet").getByTestId("take-back").click();
        await page.getByTestId("approvals-sheet").getByTestId("grant").waitFor({ state: "detached" });
      });
    }
  }
});
