// What becomes of commands when pages are killed at any point and networks deliver late.
import { describe, expect, it } from "vitest";
import { Attachment, DISK_AGAIN, KEPT_AFTER } from "./attachment";
import type { ToClient, ToHost } from "./message";
import { COMMAND_LIFETIME } from "./outbox";
import { NOTHING_LEFT, type Failed, type Kept, type Prompt, type Stored } from "./stored";
import { bytes, quietEvents, quietIo, ticks, Timers } from "./testing";

const NOTHING = new Uint8Array(0);
const SIZE = { cols: 80, rows: 24 };

function seeded(seed: number): () => number {
  let x = seed * 7919;
  return () => {
    x = (x + 0x6d2b79f5) | 0;
    let t = Math.imul(x ^ (x >>> 15), 1 | x);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One connection: what was sent on it arrives in order, or, once it is cut, in part. */
interface Wire {
  stream: string;
  page: Page | null;
  up: { header: ToHost; payload: Uint8Array }[];
  down: ToClient[];
}

/** One life of a page. */
class Page {
  readonly attachment: Attachment;
  readonly stream: string;
  wire: Wire | null = null;
  readonly timers: Timers;
  writes: { stored: Stored | null; done: (kept: Kept) => void }[] = [];
  readonly world: World;

  constructor(world: World, stream: string, left: Stored | null) {
    this.world = world;
    this.stream = stream;
    this.timers = new Timers(world.now);
    this.attachment = new Attachment(
      "s",
      quietIo({
        send: (header, payload = NOTHING) => {
          this.wire?.up.push({ header, payload });
          return this.wire !== null;
        },
        now: () => this.timers.now,
        after: this.timers.after,
      }),
      quietEvents({
        failed: (failed) => world.failed.push(failed),
        taken: (prompts) => world.taken.push(...prompts),
        keep: (stored) => new Promise((done) => this.writes.push({ stored: structuredClone(stored), done })),
      }),
      left,
    );
    this.attachment.begin();
    this.attachment.show({ apply: (_, done) => done(), above: 0 }, SIZE);
  }
}

class World {
  now = 1_000;
  failed: Failed[] = [];
  taken: Prompt[] = [];
  /** What the program got, in order. */
  typed: string[] = [];
  disk: { stream: string; stored: Stored } | null = null;
  wires: Wire[] = [];
  page: Page;
  #last = new Map<string, number>();
  #streams = 0;
  #count = 0;
  /** Its stream goes on although nothing of this session lies there: something of another one does. */
  shared = false;
  /** Whether the disk fails now; what it was given may lie there all the same. */
  fails: () => boolean = () => false;

  constructor() {
    this.page = new Page(this, this.#fresh(), null);
  }

  #fresh(): string {
    return `stream-${(this.#streams += 1)}`;
  }

  key(): string {
    const text = `k${(this.#count += 1)}`;
    expect(this.page.attachment.input(bytes(`${text} `))).toBe(true);
    return text;
  }

  prompt(): string {
    const text = `P${(this.#count += 1)}`;
    const prompt = { id: text, text, enter: true, at: this.now, begun: false };
    expect(this.page.attachment.prompt(bytes(`${text} `), prompt)).toBe(true);
    return text;
  }

  connect(): void {
    if (this.page.wire !== null) return;
    this.page.wire = { stream: this.page.stream, page: this.page, up: [], down: [] };
    this.wires.push(this.page.wire);
    this.page.attachment.online();
  }

  cut(): void {
    if (this.page.wire === null) return;
    this.page.wire.page = null;
    this.page.wire = null;
    this.page.attachment.offline();
  }

  /** One message of one connection arrives, in one direction or the other. */
  deliver(random: () => number): boolean {
    const ready = this.wires.filter(({ up, down, page }) => up.length > 0 || (page !== null && down.length > 0));
    const wire = ready[Math.floor(random() * ready.length)];
    if (wire === undefined) return false;
    const answer = wire.page !== null && (wire.up.length === 0 || random() < 0.5) ? wire.down.shift() : undefined;
    if (answer !== undefined) {
      wire.page?.attachment.message(answer, NOTHING);
      return true;
    }
    const message = wire.up.shift();
    if (message !== undefined) this.#take(wire, message);
    return true;
  }

  #take(wire: Wire, { header, payload }: Wire["up"][number]): void {
    const last = this.#last.get(wire.stream) ?? 0;
    if (header.t === "attach") {
      wire.down.push({ t: "attached", session: "s", head: { epoch: 1, seq: 0 }, size: SIZE, applied: last });
    } else if (header.t === "command") {
      expect(header.n, "a number was left out").toBeLessThanOrEqual(last + 1);
      if (header.n > last) {
        this.#last.set(wire.stream, header.n);
        this.typed.push(...new TextDecoder().decode(payload).split(" ").filter(Boolean));
      }
      wire.down.push({ t: "applied", session: "s", n: header.n });
    }
  }

  /** One write ends. */
  async write(): Promise<boolean> {
    await ticks();
    const write = this.page.writes.shift();
    if (write === undefined) return false;
    const { stored } = write;
    const fails = this.fails();
    if (!fails || this.fails()) this.disk = stored === null ? null : { stream: this.page.stream, stored };
    write.done(fails ? "failed" : "kept");
    await ticks();
    return true;
  }

  async pass(ms: number): Promise<void> {
    this.now += ms;
    this.page.timers.pass(this.now - this.page.timers.now);
    await ticks();
  }

  /** The page is gone from one moment to the next; what it has sent may arrive still. A new one takes its place. */
  async kill(random: () => number): Promise<void> {
    // What was being written is on the disk, or is not.
    if (random() < 0.5) await this.write();
    if (this.page.wire !== null) this.page.wire.page = null;
    const { disk } = this;
    const stream = disk?.stream ?? (this.shared ? this.page.stream : this.#fresh());
    this.page = new Page(this, stream, structuredClone(disk?.stored ?? (this.shared ? NOTHING_LEFT : null)));
    await this.pass(0);
  }

  /** What would not be lost if the page were killed now. */
  get safe(): string[] {
    return this.disk?.stored.prompts.map(({ text }) => text) ?? [];
  }

  async settle(random: () => number): Promise<void> {
    this.connect();
    this.fails = () => false;
    for (let idle = 0; idle < 3;) {
      if (this.deliver(random) || (await this.write())) idle = 0;
      else idle += 1;
      await this.pass(idle === 0 || this.page.attachment.view.kept ? KEPT_AFTER / 2 : DISK_AGAIN);
    }
  }
}

const times = (typed: readonly string[], text: string) => typed.filter((one) => one === text).length;

describe("what is typed", () => {
  it.each(Array.from({ length: 400 }, (_, i) => i + 1))(
    "arrives once and in order, whenever its page is killed and whatever the network does (%i)",
    async (seed) => {
      const random = seeded(seed);
      const world = new World();
      world.shared = seed % 2 === 0;
      const brittle = seed % 3 === 0;
      if (brittle) world.fails = () => random() < 0.4;
      const prompts: string[] = [];
      const safe = new Set<string>();
      const keys: string[] = [];
      let now: string[] = [];
      const busy = 100 + Math.floor(random() * 200);
      for (let step = 0; step < busy; step++) {
        const what = random();
        if (what < 0.2) now.push(world.key());
        else if (what < 0.27) {
          const prompt = world.prompt();
          prompts.push(prompt);
          now.push(prompt);
        } else if (what < 0.65) world.deliver(random);
        else if (what < 0.78) await world.write();
        else if (what < 0.88) await world.pass(Math.floor(random() * 1.2 * KEPT_AFTER));
        else if (what < 0.92) world.cut();
        else if (what < 0.97) world.connect();
        else {
          await world.kill(random);
          keys.push(...now);
          now = [];
        }
        if (!brittle) for (const prompt of world.safe) safe.add(prompt);
      }
      await world.settle(random);
      for (const text of [...keys, ...now, ...prompts]) expect(times(world.typed, text), text).toBeLessThanOrEqual(1);
      for (const prompt of safe) expect(times(world.typed, prompt), `${prompt} was lost`).toBe(1);
      expect(world.typed.filter((text) => now.includes(text))).toEqual(now);
      expect(world.typed.filter((text) => safe.has(text))).toEqual(prompts.filter((prompt) => safe.has(prompt)));
      expect(world.failed).toEqual([]);
      expect(world.disk).toBeNull();
    },
  );

  it.each([true, false])(
    "fails after ten minutes without the host and is never sent then (page closed: %s)",
    async (closed) => {
      const world = new World();
      world.prompt();
      world.key();
      while (await world.write());
      await world.pass(KEPT_AFTER);
      while (await world.write());
      if (closed) {
        world.now += COMMAND_LIFETIME;
        await world.kill(() => 1);
      } else {
        await world.pass(COMMAND_LIFETIME - KEPT_AFTER - 100);
        expect(world.failed).toEqual([]);
        await world.pass(200);
      }
      expect(world.failed.map(({ prompt, why }) => [prompt?.text, why.kind])).toEqual([
        ["P1", "limited"],
        [undefined, "limited"],
      ]);
      expect(world.page.attachment.view).toMatchObject({ waiting: 0, prompts: [] });
      const later = world.prompt();
      await world.settle(() => 0.5);
      expect(world.typed).toEqual([later]);
      expect(world.disk).toBeNull();
    },
  );

  it("is told to have been taken where only the answer was lost for ten minutes", async () => {
    const world = new World();
    world.connect();
    world.deliver(() => 0);
    world.deliver(() => 0);
    world.prompt();
    while (await world.write());
    while (world.wires.some(({ up }) => up.length > 0)) world.deliver(() => 0.9);
    expect(world.typed).toEqual(["P1"]);
    world.cut();
    await world.pass(COMMAND_LIFETIME);
    expect(world.failed.map(({ why }) => why.message)).toEqual([expect.stringMatching(/may have been taken/)]);
    expect(world.taken).toEqual([]);
    await world.settle(() => 0.5);
    expect(world.typed).toEqual(["P1"]);
    expect(world.taken.map(({ text }) => text)).toEqual(["P1"]);
  });

  it("is on the disk with its number before it is sent, if it is a prompt, and keys wait for nothing", async () => {
    const world = new World();
    world.connect();
    const deliver = () => {
      for (let i = 0; i < 10; i++) world.deliver(() => 0);
    };
    deliver();
    world.key();
    deliver();
    expect(world.typed).toEqual(["k1"]);
    world.prompt();
    world.key();
    deliver();
    expect(world.typed).toEqual(["k1"]);
    await world.write();
    expect(world.disk?.stored.entries.map(({ n, prompt }) => [n, prompt])).toContainEqual([2, "P2"]);
    while (await world.write());
    deliver();
    expect(world.typed).toEqual(["k1", "P2", "k3"]);
  });
});
