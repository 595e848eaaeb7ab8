/** How this page reaches its hosts: keys and secrets from the store, handshakes by seal, sockets by path. */

import {
  backend,
  HandshakeError,
  Initiator,
  Invitation as SealInvitation,
  InvitationError,
  tokenId,
  tokenPsk,
  type DeviceKey,
  type HostHello,
  type InvitationReason,
} from "../seal";
import { fromBase64url, toBase64url, type Bytes } from "../wire";
import type { Enrolment } from "./enrolment";
import type { KeptKey } from "./hosts";
import { PathError, type LinkIo, type Opening } from "./io";
import { VERSION } from "./message";
import { dial } from "./path";
import type { Vault } from "./vault";

declare const __VERSION__: string;

/** What a link that pairs says, and under which name this device wants to be known. */
export interface Invitation {
  /** The host's slot, base64url. */
  rid: string;
  /** The host's public key, base64url. */
  key: string;
  token: Bytes;
  /** Origin of the relay. */
  relay: string;
  label: string;
}

/** What the host gave for this device to be enrolled with. */
export interface Enrolled {
  invitation: Invitation;
  kept: KeptKey;
  device: string;
  secret: Bytes;
  words: readonly string[];
}

const WRONG: Record<InvitationReason, string> = {
  version: "This link is for a newer version of Longrein. Reload this page, or update the host.",
  damaged: "This link is damaged: a part of it is missing. Copy all of it, or scan it again.",
  missing: "This is not a pairing link. It starts with https:// or http:// and has #i= in it.",
  not_a_link: "This is not a pairing link. It starts with https:// or http:// and has #i= in it.",
};

const OTHER_VERSION =
  "The host speaks another version of Longrein than this page. Update the host, or reload this page.";

/** Reads a link. Throws an `Error` that says in words what is wrong with it. */
export function readInvitation(link: string, pageOrigin: string): Invitation {
  try {
    const { rid, host, token, relay } = SealInvitation.parse(link.trim());
    return { rid: toBase64url(rid), key: toBase64url(host), token, relay: relay ?? pageOrigin, label: "" };
  } catch (error) {
    if (!(error instanceof InvitationError)) throw error;
    throw new Error(WRONG[error.reason], { cause: error });
  }
}

function known(text: string): Bytes {
  const bytes = fromBase64url(text);
  if (bytes === undefined) throw new PathError("What this browser kept of the host is damaged. Pair again.", true);
  return bytes;
}

export class Dialer {
  readonly #vault: Vault;

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  /** A key for one host. */
  async newKey(): Promise<KeptKey> {
    const key = await (await backend()).generate();
    if (key.kind === "webcrypto") return key;
    return { kind: "plain", publicKey: key.publicKey, secret: await this.#vault.seal(key.secret) };
  }

  /** For a link whose commands are numbered in this stream. */
  io(enrolment: Enrolment, stream: string): LinkIo {
    return {
      client: `longrein-web/${__VERSION__}`,
      stream,
      dial: (events, signal) => {
        const to = enrolment.record ?? enrolment.invited?.invitation;
        if (to === undefined) return Promise.reject(new PathError("This host is not known.", true));
        return dial(to.relay, to.rid, events, signal);
      },
      handshake: () => this.#handshake(enrolment),
      now: () => Date.now(),
      random: () => Math.random(),
      after: (ms, then) => {
        const timer = setTimeout(then, ms);
        return () => clearTimeout(timer);
      },
      visible: () => document.visibilityState === "visible",
    };
  }

  async #handshake(enrolment: Enrolment): Promise<Opening> {
    const { record, invited } = enrolment;
    const refused = () => enrolment.refused(record);
    if (record !== null) {
      const { initiator, body } = await Initiator.start({
        device: await this.#key(record.deviceKey),
        host: known(record.key),
        rid: known(record.rid),
        psk: await this.#vault.open(record.secret),
        hello: { kind: "resume" },
      });
      return { first: body, finish: (reply) => finish(initiator, reply, { refused }) };
    }
    if (invited === null) throw new PathError("This host is not known.", true);
    const { invitation, kept } = invited;
    const device = await this.#key(kept);
    const by = await backend(device);
    const { initiator, body } = await Initiator.start({
      device,
      host: known(invitation.key),
      rid: known(invitation.rid),
      psk: await tokenPsk(invitation.token, by),
      hello: { kind: "pair", token: await tokenId(invitation.token, by), label: invitation.label },
    });
    const enrolled = async ({ device, secret }: HostHello, words: readonly string[]) => {
      if (device === undefined || secret === undefined) throw new PathError("The host did not enrol this device.");
      await enrolment.enrolled({ invitation, kept, device, secret, words });
    };
    return { first: body, finish: (reply) => finish(initiator, reply, { refused, enrolled }) };
  }

  async #key(kept: KeptKey): Promise<DeviceKey> {
    if (kept.kind === "webcrypto") return kept;
    return { kind: "plain", publicKey: kept.publicKey, secret: await this.#vault.open(kept.secret) };
  }
}

interface Outcome {
  /** The host does not take what was shown to it. Whether there is something else to show. */
  refused(): boolean;
  enrolled?(hello: HostHello, words: readonly string[]): Promise<void>;
}

async function finish(initiator: Initiator, reply: Uint8Array, outcome: Outcome): ReturnType<Opening["finish"]> {
  try {
    const { channel, hello } = await initiator.finish(reply as Bytes);
    if (!hello.versions.includes(VERSION)) throw new PathError(OTHER_VERSION);
    const words = outcome.enrolled === undefined ? [] : await channel.words();
    await outcome.enrolled?.(hello, words);
    return { channel, words, confirm: hello.confirm };
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    switch (error.reason) {
      case "refused":
      case "refused_otherwise":
        if (outcome.refused()) throw new PathError("The host does not know this key of the device.");
        return { refused: outcome.enrolled === undefined ? "unknown" : "refused" };
      case "busy":
        return { refused: "busy" };
      case "forged":
        // So it is also where the host has enrolled the same key with another secret.
        outcome.refused();
        break;
      case "malformed":
      case "weak_key":
      case "bad_hello":
        break;
    }
    throw new PathError("What answers there is not the host that this device was paired with.");
  }
}
