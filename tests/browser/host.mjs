// A host of its own for a test: the real program in a folder of its own, and the real browser in front of it.
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url).pathname;
export const BIN = process.env.LONGREIN_BIN ?? join(root, "target/debug/longrein");
export const OUTPUT = new URL("output/", import.meta.url).pathname;
mkdirSync(OUTPUT, { recursive: true });

export const PHONE = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  userAgent:
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
};
export const DESKTOP = { viewport: { width: 1440, height: 900 } };

/** Any wait for the program or the page. Long, because a test machine may be busy; never slept through. */
export const PATIENCE = Number(process.env.LONGREIN_TEST_PATIENCE ?? 60_000);

/** Tries again until `what` gives something, or the patience ends. */
export async function until(what, why, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const result = await what();
    if (result) return result;
    if (Date.now() > end) throw new Error(`waited too long: ${typeof why === "function" ? await why() : why}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export class Host {
  #home = mkdtempSync(join(tmpdir(), "longrein-browser-"));
  env = {
    ...process.env,
    LONGREIN_HOME: this.#home,
    SHELL: "/bin/bash",
    HOME: this.#home,
    // Whatever the machine's own is: without UTF-8, a shell writes characters as something else.
    LC_ALL: "C.UTF-8",
    PS1: "$ ",
  };
  address = "";

  get home() {
    return this.#home;
  }

  async cli(...args) {
    const { stdout } = await run(BIN, args, {
      env: this.env,
      cwd: this.#home,
      timeout: PATIENCE,
    });
    return stdout;
  }

  async json(...args) {
    return JSON.parse(await this.cli(...args, "--json"));
  }

  /** Starts the daemon; the second time on the address that it had. */
  async up(...more) {
    await this.cli("up", "--bind", this.address || "127.0.0.1:0", ...more);
    this.address = (await this.json("status")).address;
  }

  /** Starts a program in a session. Gives its id. */
  async start(name, ...command) {
    const out = await this.cli("run", "--detach", "--name", name, "--", ...command);
    return /[a-z2-7]{16}/.exec(out)[0];
  }

  async shell(name) {
    return this.start(name, "bash", "--norc", "--noprofile");
  }

  /** A fresh link, by the name that browsers take for secure. */
  async link() {
    const { url } = await this.json("pair");
    return url.replace("//127.0.0.1:", "//localhost:");
  }

  get url() {
    return `http://localhost:${this.address.split(":").at(-1)}/`;
  }

  /** As a crash would. */
  async kill() {
    const { pid } = await this.json("status");
    process.kill(pid, "SIGKILL");
    await until(
      async () => !(await this.json("status").catch(() => ({ running: false }))).running,
      "the daemon to die",
    );
  }

  async stop() {
    const sessions = await this.json("ls").catch(() => []);
    for (const { keeper_pid: pid } of sessions) {
      try {
        if (pid) process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await this.cli("down").catch(() => undefined);
    rmSync(this.#home, { recursive: true, force: true, maxRetries: 5 });
  }
}

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  // An emulated phone's pixels and WebGL's do not agree; elements draw the terminal here.
  "--disable-3d-apis",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let browser = null;

export async function launch() {
  browser ??= await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  return browser;
}

export async function quit() {
  await browser?.close();
  browser = null;
}

/** One browser profile, as one device has it. */
export class Device {
  faults = [];

  static async open(options = {}) {
    const device = new Device();
    device.context = await (await launch()).newContext({ ...DESKTOP, reducedMotion: "reduce", ...options });
    device.context.setDefaultTimeout(PATIENCE);
    device.page = await device.tab();
    return device;
  }

  async tab() {
    const page = await this.context.newPage();
    page.on("pageerror", (error) => this.faults.push(`${error.message}`));
    page.on("console", (message) => {
      // What the network refuses while a test takes it away is not a fault of the page.
      if (message.type() === "error" && !/net::ERR|status of (4|5)\d\d|WebSocket connection/.test(message.text()))
        this.faults.push(message.text());
    });
    return page;
  }

  /** Opens a pairing link, and everything up to the list of sessions. */
  async pair(link) {
    await this.page.goto(link);
    await this.page.getByTestId("pair").click();
    await this.page.getByTestId("paired").waitFor();
    const words = await this.page.getByTestId("words").innerText();
    await this.page.getByTestId("open").click();
    return words.split(/\s+/).filter(Boolean);
  }

  async enter(session) {
    await this.page.locator(`[data-testid=session][data-session="${session}"]`).click();
    await this.following();
  }

  async following() {
    await this.page.locator("[data-testid=terminal][data-following=true]").waitFor();
  }

  /** What the terminal shows now, line by line. */
  async screen() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll(".xterm-rows > div")].map((row) =>
        row.textContent.replaceAll("\u00a0", " ").trimEnd(),
      ),
    );
  }

  async shows(what) {
    const found = async () => {
      const text = (await this.screen()).join("\n");
      return typeof what === "string" ? text.includes(what) : what.test(text);
    };
    await until(found, async () => `the screen to show ${what}; it shows\n${(await this.screen()).join("\n")}`);
  }

  async type(text) {
    await this.page.locator(".xterm-helper-textarea").focus();
    await this.page.keyboard.type(text);
  }

  async press(key) {
    await this.page.locator(".xterm-helper-textarea").focus();
    await this.page.keyboard.press(key);
  }

  /** Everything in the terminal, scrollback included, as the page offers it for copying. */
  async text() {
    await this.page.getByTestId("menu").click();
    await this.page.getByTestId("text").click();
    const text = await this.page.getByTestId("terminal-text").textContent();
    await this.page.getByRole("button", { name: "Close" }).click();
    return text;
  }

  /** What lies on the disk in one place, as something that is another whenever it was written again. */
  kept(table) {
    return this.page.evaluate(async (table) => {
      const done = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
      const db = await done(indexedDB.open("longrein"));
      const all = await done(db.transaction(table).objectStore(table).getAll());
      db.close();
      return all.map(({ nonce }) => nonce.join()).join();
    }, table);
  }

  async shot(name) {
    await this.page.screenshot({ path: `${OUTPUT}${name}.png` });
  }

  async close() {
    await this.context.close();
  }
}
