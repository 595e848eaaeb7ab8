// A browser that can be killed, with all that it keeps in a folder of its own; and a network that can be taken away.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { ARGUMENTS, CHROMIUM, Device, PATIENCE, until } from "./host.mjs";

/** A device whose browser is a process of its own. */
export class Profile extends Device {
  #folder = mkdtempSync(join(tmpdir(), "longrein-profile-"));
  #process = null;
  #browser = null;

  /** Starts the browser, with one tab. */
  async start() {
    const args = [...ARGUMENTS, "--remote-debugging-port=0", `--user-data-dir=${this.#folder}`, "about:blank"];
    // A group of its own: all of its processes are killed with it.
    const child = spawn(CHROMIUM, args, { detached: true, stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    let said = "";
    child.stderr.on("data", (text) => (said += text));
    const address = () => /DevTools listening on (ws:\S+)/.exec(said)?.[1];
    this.#browser = await chromium.connectOverCDP(await until(address, () => `the browser to start: ${said}`));
    [this.context] = this.#browser.contexts();
    this.context.setDefaultTimeout(PATIENCE);
    // As on a phone, which this browser is not.
    await this.context.addInitScript(() => {
      if (location.protocol === "http:") localStorage.setItem("longrein.settings", '{"keyBar":"on","fontSize":12}');
    });
    this.page = await this.tab();
  }

  async tab() {
    const page = await super.tab();
    await page.setViewportSize({ width: 390, height: 780 });
    return page;
  }

  /** Ends the process of the tab, as a phone does that needs its memory. The tab is then closed. */
  async killTab() {
    const { page } = this;
    const session = await this.context.newCDPSession(page);
    const crashed = page.waitForEvent("crash");
    session.send("Page.crash").catch(() => undefined);
    await crashed;
    const next = await this.tab();
    await page.close();
    this.page = next;
  }

  /** Ends all of the browser at once. */
  async kill() {
    const gone = new Promise((resolve) => this.#process.once("exit", resolve));
    process.kill(-this.#process.pid, "SIGKILL");
    await gone;
    this.#process = null;
  }

  /** Stops all of the browser, as a phone does with an app that is not looked at; and lets it go on. */
  freeze() {
    process.kill(-this.#process.pid, "SIGSTOP");
  }
  thaw() {
    process.kill(-this.#process.pid, "SIGCONT");
  }

  async close() {
    if (this.#process !== null) await this.kill();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** What lies between a browser and a relay. */
export class Network {
  /** The relay's port. */
  to = 0;
  port = 0;
  /** Bytes a second, to the browser; 0 for as many as there are. */
  pace = 0;
  #server = null;
  #pairs = new Set();
  #up = true;

  async start() {
    this.#server = createServer((near) => this.#join(near));
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.port = this.#server.address().port;
  }

  get url() {
    return `http://localhost:${this.port}/`;
  }

  /** Every connection ends, and no new one comes to anything. */
  cut() {
    this.#up = false;
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** Connections that stand stay open, and nothing comes through them any more; nor through new ones, until {@link mend}. */
  freeze() {
    this.#up = false;
    for (const pair of this.#pairs) pair.frozen = true;
  }

  /** New connections work. */
  mend() {
    this.#up = true;
  }

  stop() {
    this.cut();
    this.#server.close();
  }

  #join(near) {
    const far = connect(this.to, "127.0.0.1");
    const pair = { near, far, frozen: !this.#up };
    this.#pairs.add(pair);
    for (const [from, to, paced] of [
      [near, far, false],
      [far, near, true],
    ]) {
      from.on("data", (bytes) => {
        if (pair.frozen) return;
        if (!paced || this.pace === 0) {
          to.write(bytes);
          return;
        }
        from.pause();
        const arrive = () => {
          to.write(bytes);
          from.resume();
        };
        setTimeout(arrive, (bytes.length / this.pace) * 1000);
      });
      from.on("error", () => undefined);
      // What is frozen does not even hear that the other side has gone.
      from.on("close", () => {
        if (pair.frozen) return;
        this.#pairs.delete(pair);
        to.destroy();
      });
    }
  }
}
