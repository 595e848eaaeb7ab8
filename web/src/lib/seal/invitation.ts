import { concat, fromBase64url, toBase64url, utf8, type Bytes } from "../wire";
import type { Backend } from "./backend";

const VERSION = 1;
const LENGTH = 1 + 16 + 32 + 32;
const MAX_LINK = 2048;

/** What is wrong with a link. */
export type InvitationReason = "not_a_link" | "missing" | "damaged" | "version";

/** The link does not carry an invitation that this version can use. */
export class InvitationError extends Error {
  readonly reason: InvitationReason;

  constructor(reason: InvitationReason) {
    super(`invitation: ${reason}`);
    this.name = "InvitationError";
    this.reason = reason;
  }
}

/** Everything a device needs to enrol at a host: `i=<base64url(1 | rid | host key | token)>[&r=<relay origin>]`. */
export class Invitation {
  /** The host's slot, 16 bytes. */
  readonly rid: Bytes;
  /** The host's key, which the device pins. */
  readonly host: Bytes;
  /** The one-time secret. */
  readonly token: Bytes;
  /** Origin of the relay; undefined means that of the page. */
  readonly relay: string | undefined;

  private constructor(rid: Bytes, host: Bytes, token: Bytes, relay: string | undefined) {
    this.rid = rid;
    this.host = host;
    this.token = token;
    this.relay = relay;
  }

  /** Whether a page's fragment has an invitation in it, good or not. */
  static isIn(fragment: string): boolean {
    return fieldsOf(fragment).some(([name]) => name === "i");
  }

  /** Reads a link. The relay is always known afterwards: the one it names, or the link's own origin. */
  static parse(link: string): Invitation {
    const url = link.trim();
    const hash = url.indexOf("#");
    const page = originOf(hash < 0 ? url : url.slice(0, hash));
    if (page === undefined) throw new InvitationError("not_a_link");
    if (url.length > MAX_LINK) throw new InvitationError("damaged");
    const read = Invitation.fromFragment(hash < 0 ? "" : url.slice(hash));
    return new Invitation(read.rid, read.host, read.token, read.relay ?? page);
  }

  /** Reads a fragment, with or without its `#`. */
  static fromFragment(fragment: string): Invitation {
    let code: string | undefined;
    let named: string | undefined;
    for (const [name, value] of fieldsOf(fragment)) {
      if (name === "i") {
        if (code !== undefined) throw new InvitationError("damaged");
        code = value;
      } else if (name === "r") {
        if (named !== undefined) throw new InvitationError("damaged");
        named = value;
      }
    }
    if (code === undefined) throw new InvitationError("missing");
    const bytes = fromBase64url(code);
    if (bytes === undefined || bytes.length === 0) throw new InvitationError("damaged");
    if (bytes[0] !== VERSION) throw new InvitationError("version");
    if (bytes.length !== LENGTH) throw new InvitationError("damaged");
    const relay = named === undefined ? undefined : relayOf(named);
    return new Invitation(bytes.slice(1, 17), bytes.slice(17, 49), bytes.slice(49), relay);
  }
}

function fieldsOf(fragment: string): [string, string][] {
  const text = fragment.startsWith("#") ? fragment.slice(1) : fragment;
  return text.split("&").flatMap((field): [string, string][] => {
    const at = field.indexOf("=");
    return at < 0 ? [] : [[field.slice(0, at), field.slice(at + 1)]];
  });
}

function relayOf(encoded: string): string {
  let text: string;
  try {
    text = decodeURIComponent(encoded);
  } catch {
    throw new InvitationError("damaged");
  }
  if (originOf(text) !== text) throw new InvitationError("damaged");
  return text;
}

/**
 * The origin of an http, https, ws or wss URL as `http(s)://host[:port]`: lower case, without the scheme's default
 * port. Undefined where the URL is none of these, or carries a user name.
 */
export function originOf(url: string): string | undefined {
  const parts = /^(https?|wss?):\/\/([a-z0-9._-]+|\[[0-9a-f.]*:[0-9a-f:.]*\])(?::([0-9]+))?(?:[/?#]|$)/i.exec(url);
  if (parts === null) return undefined;
  const [, scheme = "", host = "", port] = parts;
  if (host.length > 255) return undefined;
  const secure = /^(https|wss)$/i.test(scheme);
  const start = `${secure ? "https" : "http"}://${host.toLowerCase()}`;
  if (port === undefined) return start;
  const number = Number(port);
  if (number > 65_535) return undefined;
  return number === (secure ? 443 : 80) ? start : `${start}:${number}`;
}

/** What a client calls a token by: base64url of `SHA-256("longrein/1 token" || token)[..16]`. */
export async function tokenId(token: Bytes, by: Backend): Promise<string> {
  return toBase64url((await by.sha256(concat(utf8("longrein/1 token"), token))).subarray(0, 16));
}

/** The pre-shared key of the pairing handshake: HKDF-SHA256 (RFC 5869) without salt, info `longrein/1 pair`. */
export async function tokenPsk(token: Bytes, by: Backend): Promise<Bytes> {
  const extracted = await by.hmac(new Uint8Array(32), token);
  return by.hmac(extracted, concat(utf8("longrein/1 pair"), new Uint8Array([1])));
}
