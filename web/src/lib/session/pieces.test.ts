import { describe, expect, it } from "vitest";
import { Pieces, TOGETHER } from "./pieces";

describe("a snapshot's pieces", () => {
  it("come out as one, in order, and the next snapshot begins anew", () => {
    const pieces = new Pieces();
    expect(pieces.add(new Uint8Array([1, 2]))).toBeNull();
    expect(pieces.add(new Uint8Array([3]))).toBeNull();
    expect([...pieces.end(new Uint8Array([4, 5]))]).toEqual([1, 2, 3, 4, 5]);
    pieces.add(new Uint8Array([6]));
    pieces.reset();
    expect([...pieces.end(new Uint8Array([7]))]).toEqual([7]);
  });

  it("are not held beyond the bound, and none is lost there", () => {
    const pieces = new Pieces();
    expect(pieces.add(new Uint8Array(TOGETHER - 1))).toBeNull();
    expect(pieces.add(new Uint8Array([8, 9]))?.subarray(-2)).toEqual(new Uint8Array([8, 9]));
    expect([...pieces.end(new Uint8Array([10]))]).toEqual([10]);
  });
});
