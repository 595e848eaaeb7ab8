/**
 * A message's bytes: `u32be header length | JSON header | payload`. Inside a sealed record one message is the whole
 * plaintext.
 */

import { MAX_MESSAGE, type ToClient, type ToHost } from "./message";

/** Bytes that are not a message; always the sender's fault. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const EMPTY = new Uint8Array(0);

/** One message as bytes. */
export function encode(header: ToHost, payload: Uint8Array = EMPTY): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(JSON.stringify(header));
  const out = new Uint8Array(4 + head.length + payload.length);
  new DataView(out.buffer).setUint32(0, head.length);
  out.set(head, 4);
  out.set(payload, 4 + head.length);
  if (out.length > MAX_MESSAGE) throw new RangeError("message is larger than it may be");
  return out;
}

/** Types of message that this client knows; others are skipped, so that a newer host can say more. */
const KNOWN: ReadonlySet<string> = new Set<ToClient["t"]>([
  "welcome",
  "state",
  "changed",
  "removed",
  "attached",
  "detached",
  "event",
  "snapshot",
  "past",
  "past_end",
  "applied",
  "refused",
  "reply",
  "notice",
  "ping",
  "pong",
]);

/** Reads one message. The payload shares `bytes`. Null where the type is one of a later version. */
export function decode(bytes: Uint8Array): { header: ToClient; payload: Uint8Array } | null {
  if (bytes.length > MAX_MESSAGE) throw new DecodeError("message is larger than it may be");
  if (bytes.length < 4) throw new DecodeError("message is cut short");
  const length = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  if (length > bytes.length - 4) throw new DecodeError("message is cut short");
  let header: unknown;
  try {
    header = JSON.parse(decoder.decode(bytes.subarray(4, 4 + length)));
  } catch {
    throw new DecodeError("message header does not parse");
  }
  if (typeof header !== "object" || header === null || !("t" in header) || typeof header.t !== "string") {
    throw new DecodeError("message header has no type");
  }
  if (!KNOWN.has(header.t)) return null;
  return { header: header as ToClient, payload: bytes.subarray(4 + length) };
}
