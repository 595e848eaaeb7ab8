import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Steady, STEADY_AFTER } from "./steady";

describe("buttons under a finger that was on its way elsewhere", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it("do nothing for 400 ms after they came", () => {
    const steady = new Steady(() => undefined);
    expect(STEADY_AFTER).toBe(400);
    expect(steady.steady).toBe(false);
    vi.advanceTimersByTime(399);
    expect(steady.steady).toBe(false);
    vi.advanceTimersByTime(1);
    expect(steady.steady).toBe(true);
  });

  it("do nothing for 400 ms after they moved last", () => {
    const told: boolean[] = [];
    const steady = new Steady((now) => told.push(now));
    vi.advanceTimersByTime(1000);
    steady.moved();
    expect(steady.steady).toBe(false);
    vi.advanceTimersByTime(300);
    steady.moved();
    vi.advanceTimersByTime(399);
    expect(steady.steady).toBe(false);
    vi.advanceTimersByTime(1);
    expect(steady.steady).toBe(true);
    expect(told).toEqual([true, false, true]);
  });

  it("tell nothing once they are gone", () => {
    const told: boolean[] = [];
    new Steady((now) => told.push(now)).stop();
    vi.advanceTimersByTime(1000);
    expect(told).toEqual([]);
  });
});
