import { describe, expect, test } from "vitest";
import handshakes from "../../../../vectors/handshakes.json";
import invitations from "../../../../vectors/invitations.json";
import noise from "../../../../vectors/noise.json";
import records from "../../../../vectors/records.json";
import words from "../../../../vectors/words.json";
import fronts from "../../../../vectors/words.txt?fronts";
import list from "../../../../vectors/words.txt?raw";
import { concat, toBase64url, utf8, type Bytes } from "../wire";
import { backend, type Backend, type DeviceKey } from "./backend";
import { Channel, REKEY_RECORDS } from "./channel";
import { ChannelError, HandshakeError } from "./errors";
import { Initiator } from "./handshake";
import type { ClientHello } from "./hello";
import { Invitation, InvitationError, tokenId, tokenPsk } from "./invitation";
import { NoiseInitiator } from "./noise";
import { PLAIN, plainKey } from "./plain";
import { WEBCRYPTO } from "./webcrypto";
import { read, wordsOf } from "./words";

const keys = handshakes.keys;
const [paired, resumed] = handshakes.valid;
if (paired === undefined || resumed === undefined) throw new Error("vectors/handshakes.json has lost its handshakes");

/** Records under way at once, where a vector has very many. */
const BATCH = 1024;

function hex(text: string): Bytes {
  return new Uint8Array((text.match(/../g) ?? []).map((pair) => parseInt(pair, 16)));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A key of known bytes. WebCrypto takes them as PKCS 8 (RFC 8410) only. */
async function keyOf(by: Backend, secret: Bytes): Promise<DeviceKey> {
  const plain = plainKey(secret);
  if (by.kind === "plain") return plain;
  const pkcs8 = concat(hex("302e020100300506032b656e04220420"), secret);
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, "X25519", false, ["deriveBits"]);
  return { kind: "webcrypto", publicKey: plain.publicKey, privateKey };
}

/** The same back end, whose next fresh key is a known one. */
async function fixed(by: Backend, ephemeral: string): Promise<Backend> {
  const key = await keyOf(by, hex(ephemeral));
  return { ...by, generate: () => Promise.resolve(key) };
}

async function begin(by: Backend, psk: string, hello: ClientHello) {
  const start = { device: await keyOf(by, hex(keys.device_secret)), host: hex(keys.host_public), rid: hex(keys.rid) };
  return Initiator.start({ ...start, psk: hex(psk), hello }, await fixed(by, keys.client_ephemeral));
}

async function resume(by: Backend, now = 0): Promise<Channel> {
  const { initiator } = await begin(by, resumed?.psk ?? "", { kind: "resume" });
  return (await initiator.finish(hex(resumed?.message2 ?? ""), now)).channel;
}

/** The host's end of the resumed channel: the same keys, the other way around. */
async function hostEnd(by: Backend): Promise<Channel> {
  const { up, down } = await splitOf(by);
  return new Channel(by, await by.aead(down), await by.aead(up), new Uint8Array(32), 0);
}

async function splitOf(by: Backend) {
  const prologue = concat(utf8("longrein/1"), new Uint8Array([1]), hex(keys.rid));
  const device = await keyOf(by, hex(keys.device_secret));
  const [initiator] = await NoiseInitiator.start(
    await fixed(by, keys.client_ephemeral),
    prologue,
    device,
    hex(keys.host_public),
    hex(resumed?.psk ?? ""),
    utf8('{"kind":"resume"}'.padEnd(512)),
  );
  return (await initiator.finish(hex(resumed?.message2 ?? "").subarray(1)))[0];
}

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof HandshakeError || error instanceof ChannelError) return error.reason;
    throw error;
  }
  return "none";
}

function pattern(length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => i % 251);
}

// Node 20 has X25519 in WebCrypto, so both run here; a browser test covers Chromium's.
describe.each([
  ["webcrypto", WEBCRYPTO],
  ["plain", PLAIN],
])("%s", (_name, by) => {
  test("the published Noise vectors", async () => {
    expect(noise.vectors).toHaveLength(1);
    for (const vector of noise.vectors) {
      const [first, second, ...rest] = vector.messages;
      if (first === undefined || second === undefined) throw new Error("no messages");
      const [initiator, message] = await NoiseInitiator.start(
        await fixed(by, vector.init_ephemeral),
        hex(vector.init_prologue),
        await keyOf(by, hex(vector.init_static)),
        hex(vector.init_remote_static),
        hex(vector.init_psks[0] ?? ""),
        hex(first.payload),
      );
      expect(toHex(message)).toBe(first.ciphertext);
      const [split, payload] = await initiator.finish(hex(second.ciphertext));
      expect(toHex(payload)).toBe(second.payload);
      expect(toHex(split.hash)).toBe(vector.handshake_hash);
      const [up, down] = [await by.aead(split.up), await by.aead(split.down)];
      for (const [n, sent] of rest.entries()) {
        const key = n % 2 === 0 ? up : down;
        const counter = BigInt(Math.floor(n / 2));
        const sealed = await key.seal(counter, new Uint8Array(0), hex(sent.payload));
        expect(toHex(sealed)).toBe(sent.ciphertext);
        expect(toHex((await key.open(counter, new Uint8Array(0), sealed)) ?? hex(""))).toBe(sent.payload);
      }
    }
  });

  test("handshakes: the same bytes as the host's side", async () => {
    expect(toHex((await keyOf(by, hex(keys.device_secret))).publicKey)).toBe(keys.device_public);
    expect(await tokenId(hex(keys.token), by)).toBe(toBase64url(hex(keys.token_id)));
    expect(toHex(await tokenPsk(hex(keys.token), by))).toBe(keys.token_psk);
    for (const vector of handshakes.valid) {
      const { initiator, body } = await begin(by, vector.psk, vector.hello as ClientHello);
      expect(toHex(body)).toBe(vector.message1);
      const { channel, hello } = await initiator.finish(hex(vector.message2));
      const { secret, ...rest } = hello;
      expect({ ...rest, ...(secret && { secret: toBase64url(secret) }) }).toEqual(vector.reply);
      expect(await channel.words()).toEqual(vector.words);
    }
  });

  test("handshakes: what the client must refuse", async () => {
    const cases = handshakes.must_fail_with_the_keys_of_resume.filter(({ side }) => side === "client");
    expect(cases.length).toBeGreaterThan(5);
    for (const { name, body, error } of cases) {
      const { initiator } = await begin(by, resumed.psk, { kind: "resume" });
      expect(await reasonOf(initiator.finish(hex(body))), name).toBe(error);
    }
    const wrongPsk = await begin(by, keys.token_psk, { kind: "resume" });
    expect(await reasonOf(wrongPsk.initiator.finish(hex(resumed.message2)))).toBe("forged");
    const wrongKind = begin(by, resumed.psk, { kind: "pair", token: "", label: "a\u001bb" });
    expect(await reasonOf(wrongKind)).toBe("bad_hello");
  });

  test("a host key of small order is refused", async () => {
    const device = await by.generate();
    const start = { device, host: new Uint8Array(32), rid: hex(keys.rid), psk: hex(resumed.psk) };
    expect(await reasonOf(Initiator.start({ ...start, hello: { kind: "resume" } }))).toBe("weak_key");
  });

  test("records: the same bytes as the host's side", { timeout: 60_000 }, async () => {
    const [client, host] = [await resume(by), await hostEnd(by)];
    for (const vector of records.valid) {
      const [from, to] = vector.from === "client" ? [client, host] : [host, client];
      const plaintext = pattern(vector.length);
      let body: Bytes = new Uint8Array(0);
      for (let n = 0; n < vector.repeat; n += BATCH) {
        const batch = Array.from({ length: Math.min(BATCH, vector.repeat - n) });
        const bodies = await Promise.all(batch.map(() => from.seal(plaintext, vector.at)));
        const opened = await Promise.all(bodies.map((sealed) => to.open(sealed, vector.at)));
        expect(toHex(opened.at(-1) ?? hex("ff"))).toBe(toHex(plaintext));
        body = bodies.at(-1) ?? body;
      }
      if (vector.body === undefined) expect(toHex(await by.sha256(body))).toBe(vector.sha256);
      else expect(toHex(body)).toBe(vector.body);
    }
  });

  test("records: what must not open, and ends the channel", async () => {
    for (const { name, before, body, error } of records.must_fail_at_the_client) {
      const channel = await resume(by);
      for (const good of before) expect(new TextDecoder().decode(await channel.open(hex(good), 0))).toBe("fine");
      expect(await reasonOf(channel.open(hex(body), 0)), name).toBe(error);
      expect(channel.closed).toBe(true);
      expect(await reasonOf(channel.open(hex(body), 0)), name).toBe("closed");
      expect(await reasonOf(channel.seal(hex("00"), 0)), name).toBe("closed");
    }
  });

  test("calls that overlap come out in order, and a bad one ends all that follow", async () => {
    const [client, host] = [await resume(by), await hostEnd(by)];
    const sizes = [60_000, 1, 30_000, 2, 3];
    const order: number[] = [];
    const seal = async (size: number) => {
      const body = await client.seal(pattern(size), 0);
      order.push(size);
      return body;
    };
    const bodies = await Promise.all(sizes.map(seal));
    expect(order).toEqual(sizes);
    const broken = bodies.map((body) => body.slice());
    broken[2]?.fill(0xff, 100, 101);
    const results = await Promise.allSettled(broken.map((body) => host.open(body, 0)));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "rejected", "rejected"]);
    expect(host.closed).toBe(true);
  });

  test("an hour is enough", async () => {
    const client = await resume(by, 1000);
    expect(client.expiresAt).toBe(3_601_000);
    await client.seal(pattern(3), 3_600_999);
    expect(await reasonOf(client.seal(pattern(3), 3_601_000))).toBe("expired");
    expect(await reasonOf(client.open(hex(records.must_fail_at_the_client[6]?.body ?? ""), 3_601_000))).toBe("expired");
  });

  test("words", async () => {
    for (const { hash, words: expected } of words.valid) expect(await wordsOf(hex(hash), by)).toEqual(expected);
  });
});

test("every word is there in the form that is loaded", () => {
  expect(read(fronts)).toHaveLength(2048);
  expect(read(fronts)).toEqual(list.trim().split("\n"));
});

test("a key that has sealed too much is not accepted", { timeout: 60_000 }, async () => {
  const host = await hostEnd(PLAIN);
  const key = await PLAIN.aead((await splitOf(PLAIN)).up);
  const text = new Uint8Array(64);
  for (let seq = 0; seq <= REKEY_RECORDS; seq++) {
    const head = new Uint8Array(9);
    head[0] = 3;
    new DataView(head.buffer).setBigUint64(1, BigInt(seq), true);
    const opened = host.open(concat(head, await key.seal(BigInt(seq), new Uint8Array([3]), text)), 0);
    if (seq === REKEY_RECORDS) expect(await reasonOf(opened)).toBe("key_overused");
    else await opened;
  }
});

describe("keys", () => {
  test("a device's private key cannot be read where the browser keeps it", async () => {
    const key = await WEBCRYPTO.generate();
    if (key.kind !== "webcrypto") throw new Error("not WebCrypto's");
    expect(key.privateKey.extractable).toBe(false);
    await expect(crypto.subtle.exportKey("pkcs8", key.privateKey)).rejects.toThrow();
    expect(await backend(key)).toBe(WEBCRYPTO);
  });

  test("a key survives a structured clone", async () => {
    for (const by of [WEBCRYPTO, PLAIN]) {
      const key = await by.generate();
      const shared = await by.agree(structuredClone(key), hex(keys.host_public));
      expect(shared).toEqual(await by.agree(key, hex(keys.host_public)));
    }
  });

  test("WebCrypto is preferred where it is", async () => {
    expect((await backend()).kind).toBe("webcrypto");
    expect((await backend(await PLAIN.generate())).kind).toBe("plain");
  });
});

describe("invitations", () => {
  test.each(invitations.valid)("$name", (vector) => {
    const read = Invitation.parse(vector.url);
    expect(toHex(read.rid)).toBe(vector.rid);
    expect(toHex(read.host)).toBe(vector.host);
    expect(toHex(read.token)).toBe(vector.token);
    expect(read.relay).toBe(vector.relay);
    expect(Invitation.isIn(vector.url.slice(vector.url.indexOf("#")))).toBe(true);
  });

  test.each(invitations.must_fail)("must fail: $name", ({ url, error }) => {
    let reason = "none";
    try {
      Invitation.parse(url);
    } catch (thrown) {
      if (!(thrown instanceof InvitationError)) throw thrown;
      reason = thrown.reason;
    }
    expect(reason).toBe(error);
  });

  test("a fragment alone leaves the relay open", () => {
    const url = invitations.valid[0]?.url ?? "";
    expect(Invitation.fromFragment(url.slice(url.indexOf("#"))).relay).toBeUndefined();
    expect(Invitation.isIn("#settings")).toBe(false);
  });
});
