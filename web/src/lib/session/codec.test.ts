import { describe, expect, it } from "vitest";
import { decode, DecodeError, encode } from "./codec";
import { MAX_MESSAGE } from "./message";

function message(header: unknown, payload = new Uint8Array(0)): Uint8Array {
  const head = new TextEncoder().encode(JSON.stringify(header));
  const out = new Uint8Array(4 + head.length + payload.length);
  new DataView(out.buffer).setUint32(0, head.length);
  out.set(head, 4);
  out.set(payload, 4 + head.length);
  return out;
}

describe("messages as bytes", () => {
  it("have their header's length, the header, and the payload", () => {
    const bytes = encode({ t: "ping", sent: 5 }, new Uint8Array([1, 2]));
    expect(bytes).toEqual(message({ t: "ping", sent: 5 }, new Uint8Array([1, 2])));
  });

  it("are read back", () => {
    const read = decode(message({ t: "pong", sent: 9 }, new Uint8Array([7])));
    expect(read?.header).toEqual({ t: "pong", sent: 9 });
    expect([...(read?.payload ?? [])]).toEqual([7]);
  });

  it("of a later version's type are skipped", () => {
    expect(decode(message({ t: "hologram" }))).toBeNull();
  });

  it("that are none are refused", () => {
    const whole = message({ t: "ping", sent: 5 });
    for (let end = 0; end < whole.length; end++) expect(() => decode(whole.subarray(0, end))).toThrow(DecodeError);
    expect(() => decode(new Uint8Array([255, 255, 255, 255, 0]))).toThrow(DecodeError);
    expect(() => decode(message([1]))).toThrow(DecodeError);
    expect(() => decode(message(null))).toThrow(DecodeError);
    expect(() => decode(new Uint8Array(MAX_MESSAGE + 1))).toThrow(DecodeError);
    expect(() => encode({ t: "ping", sent: 1 }, new Uint8Array(MAX_MESSAGE))).toThrow(RangeError);
  });
});
