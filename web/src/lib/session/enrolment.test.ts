import "fake-indexeddb/auto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { HandshakeError, type HostHello, type Start } from "../seal";
import { toBase64url } from "../wire";
import { Dialer } from "./dial";
import { Enrolment } from "./enrolment";
import { forgetHost, loadHosts } from "./hosts";
import { VERSION } from "./message";
import { Store } from "./store";
import { Vault } from "./vault";

/** A host, as far as handshakes can tell: it enrols what it gave out only when it is let. */
class DoorKeeper {
  versions = [VERSION];
  spent = false;
  asked: string[] = [];
  #enrolled = new Map<string, string>();
  #given = 0;
  /** What it gave last, and would enrol once the first record came and a person said yes. */
  #last: { key: string; device: string } | null = null;

  answer({ device, psk, hello }: Start): HostHello {
    this.asked.push(hello.kind);
    const key = toBase64url(device.publicKey);
    const said = { versions: this.versions, time: 0, features: [], confirm: false };
    if (hello.kind === "resume") {
      const known = this.#enrolled.get(key);
      if (known === undefined) throw new HandshakeError("refused");
      if (known !== secretOf(psk)) throw new HandshakeError("forged");
      return said;
    }
    if (this.spent) throw new HandshakeError("refused");
    this.#given += 1;
    this.#last = { key, device: `device${this.#given}` };
    return { ...said, device: this.#last.device, secret: new Uint8Array(32).fill(this.#given) };
  }

  /** The first record came: enrols what was given. */
  enrol(): string {
    if (this.#last === null) throw new Error("nothing was given");
    const { key, device } = this.#last;
    this.spent = true;
    this.#enrolled.set(key, device);
    return device;
  }

  revokeAll(): void {
    this.#enrolled.clear();
  }
}

/** Secrets are the device's number, 32 times. */
const secretOf = (psk: Uint8Array) => `device${psk[0] ?? 0}`;

const keeper = vi.hoisted(() => ({ at: null as DoorKeeper | null }));

vi.mock("../seal", async (original) => ({
  ...(await original<typeof import("../seal")>()),
  Initiator: {
    start: (start: Start) =>
      Promise.resolve({
        body: new Uint8Array([1]),
        initiator: {
          finish: () =>
            Promise.resolve().then(() => ({
              channel: { words: () => Promise.resolve(["a", "b", "c", "d"]) },
              hello: keeper.at?.answer(start),
            })),
        },
      }),
  },
}));

const RID = toBase64url(new Uint8Array(16).fill(7));
const INVITATION = {
  rid: RID,
  key: toBase64url(new Uint8Array(32).fill(9)),
  token: new Uint8Array(32).fill(3),
  relay: "https://relay.example",
  label: "phone",
};

let door: DoorKeeper;
let store: Store;
let vault: Vault;
let stores = 0;

beforeEach(async () => {
  door = keeper.at = new DoorKeeper();
  stores += 1;
  store = await Store.open(`enrolment ${stores}`);
  vault = await Vault.open(store);
});

/** A new link was opened. */
async function invited(): Promise<Enrolment> {
  return Enrolment.invited(store, vault, { invitation: INVITATION, kept: await new Dialer(vault).newKey() });
}

/** The page was loaded anew. */
async function reloaded(): Promise<Enrolment> {
  const [host] = await loadHosts(store);
  if (host === undefined) throw new Error("nothing was kept");
  return Enrolment.kept(store, vault, host);
}

/** One connection, up to the answer of the host. */
async function shake(enrolment: Enrolment): Promise<"channel" | "refused" | "again"> {
  const opening = await new Dialer(vault).io(enrolment, "s").handshake();
  const answer = await opening.finish(new Uint8Array([2])).catch(() => null);
  return answer === null ? "again" : "refused" in answer ? "refused" : "channel";
}

/** Connections until one stands or the host has refused all there is; then the welcome. */
async function connect(enrolment: Enrolment): Promise<boolean> {
  let answer = await shake(enrolment);
  while (answer === "again") answer = await shake(enrolment);
  if (answer === "refused") return false;
  await enrolment.welcomed(enrolment.record?.device ?? null, "desk");
  return true;
}

async function paired(): Promise<string> {
  const enrolment = await invited();
  await shake(enrolment);
  const device = door.enrol();
  await enrolment.welcomed(device, "desk");
  door.spent = false;
  return device;
}

describe("pairing", () => {
  it("keeps what the host welcomed, under the name that it told", async () => {
    const device = await paired();
    expect(await loadHosts(store)).toMatchObject([{ rid: RID, welcomed: { device, name: "desk" }, pending: [] }]);
    const later = await reloaded();
    expect(await connect(later)).toBe(true);
  });

  it("again, cut before the host has enrolled the new key, leaves the older one working", async () => {
    const device = await paired();
    await shake(await invited());
    const later = await reloaded();
    expect(await connect(later)).toBe(true);
    expect(await loadHosts(store)).toMatchObject([{ welcomed: { device }, pending: [] }]);
  });

  it("again after being revoked, cut between being enrolled and the welcome, leaves the new key working", async () => {
    await paired();
    door.revokeAll();
    await shake(await invited());
    const device = door.enrol();
    const later = await reloaded();
    expect(await connect(later)).toBe(true);
    expect(await loadHosts(store)).toMatchObject([{ welcomed: { device }, pending: [] }]);
  });

  it("again and again, cut each time, leaves whichever of the keys was enrolled working", async () => {
    await shake(await invited());
    const device = door.enrol();
    door.spent = false;
    await shake(await invited());
    expect(await connect(await reloaded())).toBe(true);
    expect(await loadHosts(store)).toMatchObject([{ welcomed: { device }, pending: [] }]);
  });

  it("goes on with its link where it was cut before the link was spent", async () => {
    const enrolment = await invited();
    expect(await shake(enrolment)).toBe("channel");
    const key = enrolment.record?.deviceKey.publicKey;
    expect(await shake(enrolment)).toBe("again");
    expect(await shake(enrolment)).toBe("channel");
    expect(door.asked).toEqual(["pair", "resume", "pair"]);
    expect(enrolment.record?.deviceKey.publicKey).toEqual(key);
    await enrolment.welcomed(door.enrol(), "desk");
    expect(await connect(await reloaded())).toBe(true);
  });

  it("that was cut after the link was spent is done, and does not use the link again", async () => {
    const enrolment = await invited();
    await shake(enrolment);
    door.enrol();
    expect(await connect(enrolment)).toBe(true);
    door.revokeAll();
    expect(await shake(enrolment)).toBe("refused");
    expect(door.asked).toEqual(["pair", "resume", "resume"]);
  });

  it("ends where the link is not good any more, and loses nothing by it", async () => {
    const enrolment = await invited();
    await shake(enrolment);
    door.spent = true;
    expect(await connect(enrolment)).toBe(false);
    expect(await loadHosts(store)).toMatchObject([{ welcomed: null, pending: [{ device: "device1" }] }]);
  });

  it("finds the key that was enrolled where the answer to another attempt came late", async () => {
    const enrolment = await invited();
    const io = new Dialer(vault).io(enrolment, "s");
    const [first, second] = [await io.handshake(), await io.handshake()];
    await first.finish(new Uint8Array([2]));
    const device = door.enrol();
    door.spent = false;
    await second.finish(new Uint8Array([2]));
    expect(enrolment.record?.device).not.toBe(device);
    expect(await connect(await reloaded())).toBe(true);
    await enrolment.welcomed(device, "desk");
    expect(await loadHosts(store)).toMatchObject([{ welcomed: { device }, pending: [] }]);
    expect(door.asked).toEqual(["pair", "pair", "resume", "resume"]);
  });

  it("with a host of another version says so, and keeps nothing", async () => {
    door.versions = [VERSION + 1];
    const opening = await new Dialer(vault).io(await invited(), "s").handshake();
    await expect(opening.finish(new Uint8Array([2]))).rejects.toThrow("The host speaks another version of Longrein");
    expect(await loadHosts(store)).toEqual([]);
  });

  it("that was given up leaves nothing of its own, and all that was there", async () => {
    const device = await paired();
    const enrolment = await invited();
    await shake(enrolment);
    await enrolment.discard();
    expect(await loadHosts(store)).toMatchObject([{ welcomed: { device }, pending: [] }]);
    const late = await invited();
    await late.discard();
    expect(await shake(late)).toBe("again");
    expect(await loadHosts(store)).toMatchObject([{ welcomed: { device }, pending: [] }]);
  });

  it("leaves nothing of a host that is forgotten", async () => {
    await paired();
    await shake(await invited());
    await forgetHost(store, RID);
    expect(await loadHosts(store)).toEqual([]);
  });
});
