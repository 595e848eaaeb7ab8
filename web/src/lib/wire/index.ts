/** What a relay sees of a client: frames, limits, close codes. The mirror of `crates/wire`. */
export { concat, fromBase64url, toBase64url, utf8, type Bytes } from "./bytes";
export { CLOSE_CODES, closeCodeOf, closeCodeOfWebSocket, closeNumber, type CloseCode } from "./close";
export {
  DecodeError,
  MAX_DATA,
  MAX_FRAME,
  SUBPROTOCOL,
  TICKET_PREFIX,
  decodeFrame,
  encodeFrame,
  type ClientFrame,
  type DecodeReason,
} from "./frame";
export { FOREGROUND, HEARTBEAT, Liveness } from "./liveness";
