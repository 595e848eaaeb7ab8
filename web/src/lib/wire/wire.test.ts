import { describe, expect, test } from "vitest";
import frames from "../../../../vectors/frames.json";
import {
  CLOSE_CODES,
  DecodeError,
  closeCodeOf,
  closeCodeOfWebSocket,
  closeNumber,
  concat,
  decodeFrame,
  encodeFrame,
  fromBase64url,
  toBase64url,
  type Bytes,
  type ClientFrame,
} from ".";

function hex(text: string): Bytes {
  return new Uint8Array((text.match(/../g) ?? []).map((pair) => parseInt(pair, 16)));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** As the vectors write it. */
function fieldsOf(frame: ClientFrame): Record<string, unknown> {
  switch (frame.type) {
    case "data":
      return { type: frame.type, body: toHex(frame.body) };
    case "close":
      return { type: frame.type, code: closeNumber(frame.code) };
    case "ping":
    case "pong":
      return { type: frame.type, id: toHex(frame.id) };
    case "restarting":
      return { ...frame };
    case "presence":
      return { type: frame.type, online: frame.online, last_seen: frame.lastSeen };
  }
}

describe("frames", () => {
  test.each(frames.client)("$fields.type $frame", ({ frame, fields }) => {
    const decoded = decodeFrame(hex(frame));
    expect(fieldsOf(decoded)).toEqual(fields);
    expect(toHex(encodeFrame(decoded))).toBe(frame);
  });

  test.each(frames.must_fail.filter(({ side }) => side === "client"))("must fail: $name", (vector) => {
    const bytes = concat(hex(vector.frame), new Uint8Array(vector.then_x).fill("x".charCodeAt(0)));
    let reason = "none";
    try {
      decodeFrame(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      reason = error.reason;
    }
    expect(reason).toBe(vector.error);
  });
});

test("close codes", () => {
  for (const [name, number] of Object.entries(CLOSE_CODES)) {
    expect(closeCodeOf(number)).toBe(name);
    expect(closeCodeOfWebSocket(4000 + number)).toBe(name);
  }
  expect(closeCodeOf(999)).toBe(999);
  expect(closeCodeOfWebSocket(1006)).toBeUndefined();
});

describe("base64url", () => {
  test("survives every length", () => {
    for (let length = 0; length < 40; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 255);
      expect(toBase64url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
      expect(fromBase64url(toBase64url(bytes))).toEqual(bytes);
    }
  });

  test.each(["A", "AA==", "AB", "AAB", "AA A", "A+AA", "A/AA", "é"])("refuses %s", (text) => {
    expect(fromBase64url(text)).toBeUndefined();
  });
});
