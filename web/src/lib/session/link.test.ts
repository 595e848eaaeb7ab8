import { beforeEach, describe, expect, it, vi, afterEach } from "vitest";
import { FOREGROUND, HEARTBEAT } from "../wire";
import { encode } from "./codec";
import { PathError, type LinkIo, type Opening, type PathEvents } from "./io";
import { HostLink, PROBE, PROBE_LEAST, STEP_TIMEOUT, type Phase, REFUSED_AGAIN } from "./link";
import type { ToClient, ToHost } from "./message";

/** A relay and a host, as far as a link can tell. Sealing is the identity. */
class Network {
  events: PathEvents | null = null;
  dials = 0;
  sent: ToHost[] = [];
  handshakes = 0;
  hellos = 0;
  /** Ends each handshake's making that is under way, where they do not end at once. */
  making: (() => void)[] | null = null;
  answer: Awaited<ReturnType<Opening["finish"]>> = {
    channel: { seal: (plain) => Promise.resolve(new Uint8Array(plain)), open: (body) => Promise.resolve(body) },
    words: ["a", "b", "c", "d"],
    confirm: false,
  };
  reachable = true;
  visible = true;

  io(): LinkIo {
    return {
      dial: (events) => {
        this.dials += 1;
        if (!this.reachable) return Promise.reject(new PathError("The relay cannot be reached."));
        this.events = events;
        return Promise.resolve({ send: (body) => this.#take(body), close: () => (this.events = null) });
      },
      handshake: () => {
        this.handshakes += 1;
        const opening = { first: new Uint8Array([1]), finish: () => Promise.resolve(this.answer) };
        return new Promise((resolve) => {
          if (this.making === null) resolve(opening);
          else this.making.push(() => resolve(opening));
        });
      },
      now: () => Date.now(),
      random: () => 0.5,
      after: (ms, then) => {
        const timer = setTimeout(then, ms);
        return () => clearTimeout(timer);
      },
      visible: () => this.visible,
      client: "test",
      stream: "aaaaaaaaaaaaaaaa",
    };
  }

  #take(body: Uint8Array): void {
    if (body.length === 1) {
      this.hellos += 1;
      return;
    }
    const length = new DataView(body.buffer).getUint32(0);
    this.sent.push(JSON.parse(new TextDecoder().decode(body.subarray(4, 4 + length))) as ToHost);
  }

  say(header: ToClient): void {
    this.events?.data(encode(header as unknown as ToHost));
  }
}

const WELCOME: ToClient = {
  t: "welcome",
  host: "desk",
  program: "longrein/0",
  version: 1,
  role: "owner",
  features: [],
  time: 0,
};

let network: Network;
let link: HostLink;
let heard: ToClient[];
let phases: Phase["at"][];
const settle = () => vi.advanceTimersByTimeAsync(0);

/** A handshake that the host answers with these bytes. */
async function shakeHands(...answer: number[]): Promise<void> {
  link.start();
  await settle();
  network.events?.presence(true, 0);
  await settle();
  network.events?.data(new Uint8Array(answer));
  await settle();
}

async function connect(): Promise<void> {
  await shakeHands(2);
  network.say(WELCOME);
  await settle();
}

beforeEach(() => {
  vi.useFakeTimers();
  network = new Network();
  heard = [];
  phases = [];
  link = new HostLink(network.io(), {
    phase: (phase) => phases.push(phase.at),
    message: (header) => heard.push(header),
  });
});

afterEach(() => {
  link.stop();
  vi.useRealTimers();
});

describe("a link to a host", () => {
  it("says hello first, and is live when welcomed", async () => {
    await connect();
    expect(phases).toEqual(["connecting", "handshaking", "live"]);
    expect(network.sent[0]?.t).toBe("hello");
    expect(heard.map(({ t }) => t)).toEqual(["welcome"]);
  });

  it("waits on the same path for a host that is away, and again when it goes", async () => {
    link.start();
    await settle();
    network.events?.presence(false, 1234);
    expect(link.phase).toEqual({ at: "away", lastSeen: 1234 });
    await vi.advanceTimersByTimeAsync(STEP_TIMEOUT * 3);
    expect(link.phase.at).toBe("away");
    network.events?.presence(true, 0);
    await settle();
    network.events?.data(new Uint8Array([2]));
    await settle();
    network.say(WELCOME);
    await settle();
    expect(link.phase.at).toBe("live");
    network.events?.presence(false, 5678);
    expect(link.phase.at).toBe("away");
    network.events?.presence(true, 0);
    await settle();
    expect(network.handshakes).toBe(2);
    expect(network.dials).toBe(1);
  });

  it.each([
    ["after", 0],
    ["before", 1],
  ])("goes on at once with a host that went, and came back %s the handshake was made", async (_, before) => {
    network.making = [];
    link.start();
    await settle();
    network.events?.presence(true, 0);
    network.events?.presence(false, 1234);
    if (before) network.events?.presence(true, 0);
    for (const made of network.making) made();
    network.making = null;
    await settle();
    if (!before) {
      expect([link.phase.at, network.hellos]).toEqual(["away", 0]);
      network.events?.presence(true, 0);
      await settle();
    }
    expect(network.hellos).toBe(1);
    network.events?.data(new Uint8Array([2]));
    await settle();
    network.say(WELCOME);
    await settle();
    expect(link.phase.at).toBe("live");
    expect(network.dials).toBe(1);
  });

  it("comes back by itself, later and later", async () => {
    network.reachable = false;
    link.start();
    await settle();
    expect(link.phase.at).toBe("waiting");
    await vi.advanceTimersByTimeAsync(10_000);
    const first = network.dials;
    expect(first).toBeGreaterThan(3);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(network.dials - first).toBeLessThan(6);
    network.reachable = true;
    link.wake();
    await settle();
    expect(link.phase.at).toBe("connecting");
  });

  it("pings, knows the round trip, and answers pings", async () => {
    await connect();
    const ping = network.sent.find(({ t }) => t === "ping");
    expect(ping).toBeDefined();
    await vi.advanceTimersByTimeAsync(40);
    network.say({ t: "pong", sent: Date.now() - 40 });
    await settle();
    expect(link.roundTrip).toBe(40);
    network.say({ t: "ping", sent: 77 });
    await settle();
    expect(network.sent.at(-1)).toEqual({ t: "pong", sent: 77 });
    await vi.advanceTimersByTimeAsync(FOREGROUND * 1.2);
    expect(network.sent.filter(({ t }) => t === "ping").length).toBeGreaterThan(1);
  });

  it.each([
    [true, 20_000],
    [false, 45_000],
  ])("gives up a path on which the host is not heard (seen: %s)", async (seen, within) => {
    network.visible = seen;
    await connect();
    network.say({ t: "pong", sent: 0 });
    await settle();
    const pace = seen ? FOREGROUND : HEARTBEAT;
    await vi.advanceTimersByTimeAsync(pace * 2.9);
    expect(phases).not.toContain("waiting");
    await vi.advanceTimersByTimeAsync(within - pace * 2.9 - 1);
    expect(phases).toContain("waiting");
  });

  it("does not give up a path on which anything is heard", async () => {
    await connect();
    for (let i = 0; i < 6; i += 1) {
      await vi.advanceTimersByTimeAsync(FOREGROUND * 2);
      network.say({ t: "ping", sent: i });
      await settle();
    }
    expect(link.phase.at).toBe("live");
  });

  it("tells the host how often to ask, and that nobody looks any more", async () => {
    await connect();
    const pace = () => network.sent.findLast(({ t }) => t === "ping");
    expect(pace()).toMatchObject({ every: FOREGROUND });
    network.visible = false;
    link.rest();
    await settle();
    expect(pace()).toMatchObject({ every: HEARTBEAT });
    network.visible = true;
    link.wake();
    await settle();
    expect(pace()).toMatchObject({ every: FOREGROUND });
  });

  it("knows what the host has of what was sent", async () => {
    await connect();
    const first = link.sent;
    link.send({ t: "watch" });
    network.say({ t: "pong", sent: Date.now() });
    await settle();
    expect(link.arrived).toBeLessThanOrEqual(first);
    await vi.advanceTimersByTimeAsync(5);
    const { sent } = link;
    link.ask();
    expect(link.arrived).toBeLessThan(sent);
    network.say({ t: "pong", sent: Date.now() });
    await settle();
    expect(link.arrived).toBe(sent);
  });

  it("checks at once after waking up", async () => {
    await connect();
    link.wake();
    await vi.advanceTimersByTimeAsync(PROBE + 10);
    expect(phases).toContain("waiting");
  });

  it("goes on after waking up where the host answers", async () => {
    await connect();
    link.wake();
    await settle();
    network.say({ t: "pong", sent: Date.now() });
    await vi.advanceTimersByTimeAsync(PROBE + 10);
    expect(link.phase.at).toBe("live");
  });

  it("is checked sooner the shorter its round trip is", async () => {
    await connect();
    network.say({ t: "pong", sent: Date.now() });
    await settle();
    link.wake();
    await vi.advanceTimersByTimeAsync(PROBE_LEAST + 10);
    expect(phases).toContain("waiting");
  });

  it("does not wait for what was begun before a sleep", async () => {
    link.start();
    await settle();
    link.wake();
    await settle();
    expect(network.dials).toBe(1);
    vi.setSystemTime(Date.now() + 60_000);
    link.wake();
    await settle();
    expect(network.dials).toBe(2);
  });

  it("stays away from a relay that restarts for as long as it says, and a little longer", async () => {
    await connect();
    network.events?.closed(new PathError("The relay is restarting.", false, 4_000));
    expect(link.phase).toMatchObject({ at: "waiting", until: Date.now() + 6_000 });
    await vi.advanceTimersByTimeAsync(5_900);
    expect(network.dials).toBe(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(network.dials).toBe(2);
  });

  it("ends where the host refuses an invitation", async () => {
    network.answer = { refused: "refused" };
    await shakeHands(4, 1);
    expect(link.phase.at).toBe("refused");
    link.wake();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(network.dials).toBe(1);
  });

  it("asks again, in silence, where a host that knew the device refuses it: anybody could have said so", async () => {
    const { answer } = network;
    network.answer = { refused: "unknown" };
    await shakeHands(4, 1);
    expect(link.phase.at).toBe("refused");
    phases = [];
    await vi.advanceTimersByTimeAsync(REFUSED_AGAIN);
    expect(network.dials).toBe(2);
    network.events?.closed(new PathError("The connection broke."));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(network.dials).toBeGreaterThan(2);
    expect([...new Set(phases)]).toEqual(["refused"]);
    network.answer = answer;
    await connect();
    expect(link.phase.at).toBe("live");
  });

  it("asks a host that refused it at once when it is looked at", async () => {
    network.answer = { refused: "unknown" };
    await shakeHands(4, 1);
    link.wake();
    expect(network.dials).toBe(2);
  });

  it("tries again where the host is busy", async () => {
    network.answer = { refused: "busy" };
    await shakeHands(4, 2);
    expect(link.phase.at).toBe("waiting");
  });

  it("shows the words while somebody has to confirm", async () => {
    if ("confirm" in network.answer) network.answer.confirm = true;
    await shakeHands(2);
    expect(link.phase).toEqual({ at: "confirming", words: ["a", "b", "c", "d"] });
    network.say(WELCOME);
    await settle();
    expect(link.phase.at).toBe("live");
  });

  it("gives calls their answers, and fails them when the path breaks", async () => {
    await connect();
    const good = link.call("session.list", {});
    const bad = link.call("host.status", {});
    const cut = link.call("device.list", {});
    network.say({ t: "reply", id: 1, ok: [] });
    network.say({ t: "reply", id: 2, error: { kind: "forbidden", message: "No.", hint: "" } });
    await expect(good).resolves.toEqual([]);
    await expect(bad).rejects.toThrow("No.");
    network.events?.closed(new PathError("The connection broke."));
    await expect(cut).rejects.toThrow("The connection broke.");
  });

  it("does not break by what is not a message", async () => {
    await connect();
    network.events?.data(new Uint8Array([0, 0, 0, 9, 1]));
    await settle();
    expect(link.phase.at).toBe("waiting");
  });
});
