import { fromBase64url, type Bytes } from "../wire";
import { HandshakeError } from "./errors";

/** Longest name a device may give itself, in characters. */
export const MAX_LABEL = 64;

/** What a client says in the first message. */
export type ClientHello =
  | {
      kind: "pair";
      /** {@link tokenId} of the invitation's token. */
      token: string;
      /** 1 to {@link MAX_LABEL} characters, none of them a control character. */
      label: string;
      /** SHA-256 of the web app, as lower-case hex. */
      bundle?: string;
    }
  | { kind: "resume" };

/** What a host says in the second. */
export interface HostHello {
  /** The versions of the session messages that it speaks. */
  versions: number[];
  /** Its clock, Unix milliseconds. */
  time: number;
  /** Names of optional abilities. */
  features: string[];
  /** This device's id. When pairing only. */
  device?: string;
  /** The pre-shared key of every later handshake. When pairing only. */
  secret?: Bytes;
  /** A person must confirm at the host, comparing the words, before the channel is of use. */
  confirm: boolean;
}

/** Whether a device may call itself so. */
export function isLabel(text: string): boolean {
  const characters = [...text];
  return characters.length >= 1 && characters.length <= MAX_LABEL && !/\p{Cc}/u.test(text);
}

/** The payload of the first message; its fields stand in the order in which the host writes them. */
export function helloText(hello: ClientHello): string {
  if (hello.kind === "resume") return JSON.stringify({ kind: hello.kind });
  const { kind, token, label, bundle } = hello;
  if (!isLabel(label)) throw new HandshakeError("bad_hello");
  return JSON.stringify({ kind, token, label, bundle });
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isInteger(item));
}

/** Reads the payload of the second message. */
export function parseHostHello(payload: Bytes): HostHello {
  const bad = new HandshakeError("bad_hello");
  let read: unknown;
  try {
    read = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    throw bad;
  }
  if (typeof read !== "object" || read === null) throw bad;
  const { versions, time, features = [], device, secret, confirm = false } = read as Record<string, unknown>;
  if (!isNumbers(versions) || typeof time !== "number" || !isStrings(features) || typeof confirm !== "boolean")
    throw bad;
  const hello: HostHello = { versions, time, features, confirm };
  if (device !== undefined && device !== null) {
    if (typeof device !== "string") throw bad;
    hello.device = device;
  }
  if (secret !== undefined && secret !== null) {
    const bytes = typeof secret === "string" ? fromBase64url(secret) : undefined;
    if (bytes?.length !== 32) throw bad;
    hello.secret = bytes;
  }
  return hello;
}
