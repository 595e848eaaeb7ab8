/** Why a connection or a link was closed: the value in a CLOSE frame, and in a WebSocket close as 4000 + the value. */
export const CLOSE_CODES = {
  normal: 0,
  replaced: 1,
  overflow: 2,
  malformed: 3,
  timeout: 4,
  hostOffline: 5,
  refused: 6,
  limited: 7,
  restarting: 8,
} as const;

/** The name of a reason; a number where this version knows none. */
export type CloseCode = keyof typeof CLOSE_CODES | number;

const NAMES = new Map(
  Object.entries(CLOSE_CODES).map(([name, code]) => [code, name as keyof typeof CLOSE_CODES] as const),
);

/** The reason for a number from the wire. */
export function closeCodeOf(code: number): CloseCode {
  return NAMES.get(code as 0) ?? code;
}

/** The number on the wire. */
export function closeNumber(code: CloseCode): number {
  return typeof code === "number" ? code : CLOSE_CODES[code];
}

/** The reason in a WebSocket's close event; undefined where the event carries none of ours. */
export function closeCodeOfWebSocket(code: number): CloseCode | undefined {
  return code >= 4000 && code <= 4999 ? closeCodeOf(code - 4000) : undefined;
}
