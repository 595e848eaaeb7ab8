// A real agent in a home of its own, with a model that answers by a script.
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { BIN, Host, until } from "../browser/host.mjs";

const here = new URL(".", import.meta.url).pathname;
const KEY = "sk-ant-fake-0123456789abcdefghij";

/** A port that nobody listens on. */
async function port() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The program of an agent, as npm installed it; opencode comes for some systems alone. */
function program(name) {
  const places = {
    claude: `@anthropic-ai/claude-code-${process.platform}-${process.arch}/claude`,
    codex: ".bin/codex",
    gemini: ".bin/gemini",
    opencode: `opencode-${process.platform}-${process.arch}/bin/opencode`,
  };
  const path = join(here, "node_modules", places[name]);
  if (existsSync(path)) return path;
  if (name === "opencode") return undefined;
  throw new Error(`${name} is not installed: run npm ci in tests/agents`);
}

/** A host whose sessions find the agents, a folder for them to work in, and their model. */
export class Desk extends Host {
  project = join(this.home, "project");
  #model = null;
  #heard = join(this.home, "model.jsonl");

  async up(...more) {
    if (this.#model === null) await this.#begin();
    await super.up(...more);
  }

  async #begin() {
    const at = await port();
    const model = spawn(
      process.execPath,
      [join(here, "model.mjs"), "--port", at, "--log", this.#heard],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await new Promise((resolve) => model.stdout.once("data", resolve));
    this.#model = model;
    writeFileSync(this.#heard, "");
    const bin = join(this.home, "bin");
    const opencode = join(this.home, ".config/opencode");
    for (const folder of [
      bin,
      this.project,
      opencode,
      ...[".codex", ".gemini"].map((name) => join(this.home, name)),
    ])
      mkdirSync(folder, { recursive: true });
    for (const name of ["claude", "codex", "gemini", "opencode"]) {
      const path = program(name);
      if (path !== undefined) symlinkSync(path, join(bin, name));
    }
    const url = `http://127.0.0.1:${at}`;
    Object.assign(this.env, {
      PATH: `${bin}:${this.env.PATH}`,
      TERM: "xterm-256color",
      // Nothing of the machine's own may be met, and no other network.
      CLAUDE_CONFIG_DIR: "",
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: KEY,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      // Of a model that it does not know it offers them to none.
      CLAUDE_CODE_ENABLE_TODO_TOOLS: "1",
      CODEX_HOME: join(this.home, ".codex"),
      FAKE_KEY: "fake",
      GEMINI_API_KEY: "fake",
      GOOGLE_GEMINI_BASE_URL: url,
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      OPENCODE_DISABLE_MODELS_FETCH: "1",
      OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
      // It would fetch what its plugins need.
      npm_config_registry: "http://127.0.0.1:9",
    });
    for (const name of [
      "XDG_CONFIG_HOME",
      "XDG_DATA_HOME",
      "XDG_STATE_HOME",
      "XDG_CACHE_HOME",
      "OPENCODE_PERMISSION",
    ])
      delete this.env[name];
    delete this.env.CLAUDE_CONFIG_DIR;
    delete this.env.LONGREIN_SESSION;
    writeFileSync(
      join(this.home, ".claude.json"),
      JSON.stringify({
        hasCompletedOnboarding: true,
        lastOnboardingVersion: "2.1.329",
        theme: "dark",
        customApiKeyResponses: { approved: [KEY.slice(-20)], rejected: [] },
        projects: { [this.project]: { hasTrustDialogAccepted: true } },
      }),
    );
    writeFileSync(
      join(this.home, ".gemini/settings.json"),
      JSON.stringify({
        security: { auth: { selectedType: "gemini-api-key" } },
        general: {
          enableAutoUpdate: false,
          enableAutoUpdateNotification: false,
        },
        privacy: { usageStatisticsEnabled: false },
        telemetry: { enabled: false },
      }),
    );
    writeFileSync(
      join(this.home, ".gemini/trustedFolders.json"),
      JSON.stringify({ [this.project]: "TRUST_FOLDER" }),
    );
    writeFileSync(
      join(this.home, ".codex/config.toml"),
      `model = "fake-model"
model_provider = "fake"
[model_providers.fake]
name = "fake"
base_url = "${url}/v1"
wire_api = "responses"
env_key = "FAKE_KEY"
[projects."${this.project}"]
trust_level = "trusted"
`,
    );
    writeFileSync(
      join(opencode, "opencode.json"),
      JSON.stringify({
        autoupdate: false,
        share: "disabled",
        model: "fake/model",
        small_model: "fake/model",
        provider: {
          fake: {
            npm: "@ai-sdk/openai-compatible",
            name: "Fake",
            options: { baseURL: `${url}/v1`, apiKey: "fake" },
            models: { model: { name: "Fake", cost: { input: 1, output: 2 } } },
          },
        },
      }),
    );
  }

  /** An agent in its own terminal. Gives the session. */
  terminal(...command) {
    return this.terminalIn(this.project, ...command);
  }

  async terminalIn(folder, ...command) {
    const out = await this.cli(
      "run",
      "--detach",
      "--size",
      "100x40",
      "--cwd",
      folder,
      "--",
      ...command,
    );
    return /[a-z2-7]{16}/.exec(out)[0];
  }

  /** An agent without a terminal. Gives the session. */
  async chat(agent, ...more) {
    const out = await this.cli(
      "chat",
      "--detach",
      "--agent",
      agent,
      "--cwd",
      this.project,
      ...more,
    );
    return /[a-z2-7]{16}/.exec(out)[0];
  }

  /** Says lines to an agent without a terminal, and gives what is shown until it has answered. */
  say(session, ...lines) {
    return new Promise((resolve, reject) => {
      const talk = spawn(BIN, ["attach", session], {
        env: this.env,
        stdio: ["pipe", "pipe", "pipe"],
      });
      let shown = "";
      for (const stream of [talk.stdout, talk.stderr])
        stream.on("data", (data) => (shown += data));
      talk.on("close", (status) =>
        status === 0
          ? resolve(shown)
          : reject(new Error(`exit ${status}: ${shown}`)),
      );
      talk.stdin.end(lines.map((line) => `${line}\n`).join(""));
    });
  }

  /** Says something to an agent as a script does. */
  async prompt(session, text) {
    const token = await this.cli(
      ...["token", "create", "--scope", "prompt", "--ttl", "1h"],
    );
    const answer = await fetch(
      new URL(`/api/sessions/${session}/prompt`, this.url),
      {
        method: "POST",
        headers: {
          Authorization: `Bearer ${token.trim()}`,
          "Content-Type": "application/json",
        },
        body: JSON.stringify({ text }),
      },
    );
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** Waits until the model was told exactly this by a person. */
  async told(text) {
    let last = [];
    const is = () => {
      last = readFileSync(this.#heard, "utf8")
        .split("\n")
        .filter(Boolean)
        .flatMap((line) => JSON.parse(line).human ?? []);
      return last.includes(text);
    };
    await until(
      is,
      () =>
        `the model to be told; it was told ${JSON.stringify(last.map((said) => said.slice(0, 300)))}`,
    );
  }

  async summary(session) {
    return (await this.json("ls")).find(({ id }) => id === session);
  }

  /** Waits until the agent does that. */
  async doing(session, what) {
    let last;
    const is = async () =>
      (last = (await this.summary(session))?.agent)?.doing === what;
    await until(
      is,
      () => `the agent to be ${what}; it is ${JSON.stringify(last)}`,
    );
  }

  /** The approval of the session that waits. */
  async waiting(session) {
    let last;
    const one = async () => {
      last = (await this.summary(session))?.approvals ?? [];
      return last.find(({ state }) => state === "pending");
    };
    return until(
      one,
      () => `an approval to wait; there are ${JSON.stringify(last)}`,
    );
  }

  /** What became of it. */
  async became(session, approval, what) {
    let last;
    const is = async () => {
      last = (await this.summary(session))?.approvals?.find(
        ({ id }) => id === approval,
      );
      return last?.state === what;
    };
    await until(is, () => `it to be ${what}; it is ${JSON.stringify(last)}`);
    return last;
  }

  /** All that the model was told, the newest last. */
  heard() {
    return readFileSync(this.#heard, "utf8");
  }

  has(file) {
    return existsSync(join(this.project, file));
  }

  async stop() {
    // What an agent still writes would be in the way of removing its home.
    for (const { id, state } of await this.json("ls").catch(() => [])) {
      if (state === "running")
        await this.cli("kill", id).catch(() => undefined);
    }
    const ended = async () =>
      (await this.json("ls").catch(() => [])).every(
        ({ state }) => state !== "running",
      );
    await until(ended, "the agents to end");
    this.#model?.kill("SIGKILL");
    await super.stop();
  }
}
