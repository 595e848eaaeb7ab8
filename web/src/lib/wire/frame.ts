import { concat, type Bytes } from "./bytes";
import { closeCodeOf, closeNumber, type CloseCode } from "./close";

/** Largest frame, in bytes. */
export const MAX_FRAME = 65_535;
/** Largest DATA body, in bytes. */
export const MAX_DATA = MAX_FRAME - 5;
/** The WebSocket subprotocol of both sides of a relay. */
export const SUBPROTOCOL = "longrein.1";
/** Prefix of the second subprotocol that a client offers; the rest is its base64url ticket. */
export const TICKET_PREFIX = "ticket.";

const DATA = 0x11;
const CLOSE = 0x12;
const PING = 0x20;
const PONG = 0x21;
const RESTARTING = 0x22;
const PRESENCE = 0x30;

/** A frame on the link between a client and a relay: `type u8 | body`. One WebSocket message is one frame. */
export type ClientFrame =
  /** Both ways: opaque bytes, at most {@link MAX_DATA}, never empty. */
  | { type: "data"; body: Bytes }
  /** Both ways: the connection is over. */
  | { type: "close"; code: CloseCode }
  /** Both ways; answered by a pong with the same eight bytes. */
  | { type: "ping"; id: Bytes }
  | { type: "pong"; id: Bytes }
  /** From the relay: going away; come back after so many milliseconds. */
  | { type: "restarting"; ms: number }
  /** From the relay: whether a host holds the slot, and when one last did (Unix milliseconds, 0 for never). */
  | { type: "presence"; online: boolean; lastSeen: number };

/** Why bytes are not a frame. */
export type DecodeReason = "truncated" | "too_large" | "unknown_type" | "bad_body";

/** Bytes that are not a frame. Always the sender's fault. */
export class DecodeError extends Error {
  readonly reason: DecodeReason;

  constructor(reason: DecodeReason) {
    super(`not a frame: ${reason}`);
    this.name = "DecodeError";
    this.reason = reason;
  }
}

function sized(body: Bytes, length: number): DataView {
  if (body.length !== length) throw new DecodeError("bad_body");
  return new DataView(body.buffer, body.byteOffset, body.length);
}

/** Reads one WebSocket message. The body of data shares `bytes`. */
export function decodeFrame(bytes: Bytes): ClientFrame {
  if (bytes.length > MAX_FRAME) throw new DecodeError("too_large");
  const kind = bytes[0];
  if (kind === undefined) throw new DecodeError("truncated");
  const body = bytes.subarray(1);
  switch (kind) {
    case DATA:
      if (body.length === 0 || body.length > MAX_DATA) throw new DecodeError("bad_body");
      return { type: "data", body };
    case CLOSE:
      return { type: "close", code: closeCodeOf(sized(body, 2).getUint16(0)) };
    case PING:
      sized(body, 8);
      return { type: "ping", id: body.slice() };
    case PONG:
      sized(body, 8);
      return { type: "pong", id: body.slice() };
    case RESTARTING:
      return { type: "restarting", ms: sized(body, 4).getUint32(0) };
    case PRESENCE: {
      const view = sized(body, 9);
      const online = view.getUint8(0);
      if (online > 1) throw new DecodeError("bad_body");
      return { type: "presence", online: online === 1, lastSeen: Number(view.getBigUint64(1)) };
    }
    default:
      throw new DecodeError("unknown_type");
  }
}

/** The bytes of a frame. The caller keeps bodies within their bounds. */
export function encodeFrame(frame: ClientFrame): Bytes {
  switch (frame.type) {
    case "data":
      return concat(new Uint8Array([DATA]), frame.body);
    case "close": {
      const bytes = new Uint8Array([CLOSE, 0, 0]);
      new DataView(bytes.buffer).setUint16(1, closeNumber(frame.code));
      return bytes;
    }
    case "ping":
      return concat(new Uint8Array([PING]), frame.id);
    case "pong":
      return concat(new Uint8Array([PONG]), frame.id);
    case "restarting": {
      const bytes = new Uint8Array([RESTARTING, 0, 0, 0, 0]);
      new DataView(bytes.buffer).setUint32(1, frame.ms);
      return bytes;
    }
    case "presence": {
      const bytes = new Uint8Array(10);
      const view = new DataView(bytes.buffer);
      view.setUint8(0, PRESENCE);
      view.setUint8(1, frame.online ? 1 : 0);
      view.setBigUint64(2, BigInt(frame.lastSeen));
      return bytes;
    }
  }
}
