import { describe, expect, it } from "vitest";
import { Pace } from "./pace";

/** What is thought of a link of so many bytes a second after a first snapshot of this size. */
function judged(rate: number, trip: number, bytes: number, busy = 0): boolean {
  const pace = new Pace();
  pace.asked(1_000);
  const took = trip + busy + (bytes / rate) * 1_000;
  pace.piece(bytes / 2, false, 1_000 + took / 2, trip);
  pace.piece(bytes / 2, true, 1_000 + took, trip);
  return pace.slow;
}

describe("a link", () => {
  it("is slow where the first snapshot was", () => {
    expect(judged(125_000, 80, 10_000)).toBe(true);
    expect(judged(50_000, 300, 6_000)).toBe(true);
    expect(judged(10_000_000, 500, 500)).toBe(true);
  });

  it("is not where the snapshot came soon, or was too small to tell, or its host was busy for a moment", () => {
    expect(judged(10_000_000, 80, 10_000)).toBe(false);
    expect(judged(1_000_000, 80, 10_000, 40)).toBe(false);
    expect(judged(125_000, 80, 1_000, 200)).toBe(false);
    expect(judged(100_000_000, 1, 10_000, 30)).toBe(false);
  });

  it("is judged by what was asked for last", () => {
    const pace = new Pace();
    pace.asked(0);
    pace.piece(10_000, true, 1_000, 10);
    expect(pace.slow).toBe(true);
    pace.piece(10_000, true, 5_000, 10);
    expect(pace.slow).toBe(true);
    pace.asked(6_000);
    pace.piece(10_000, true, 6_020, 10);
    expect(pace.slow).toBe(false);
  });
});
