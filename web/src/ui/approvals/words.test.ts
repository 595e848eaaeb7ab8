import { describe, expect, it } from "vitest";
import type { Approval, ApprovalState } from "../../lib/session/message";
import { decided, deniedIn } from "./words";

describe("an approval in words", () => {
  const approval = (state: ApprovalState) => state as unknown as Approval;
  const by = { device: "phonephonephonep", label: "Ada’s phone" };

  it.each([
    [{ state: "allowed", by, decided_at: 1 } as const, "phonephonephonep", "You allowed it on this device"],
    [{ state: "denied", by, decided_at: 1 } as const, "otherotherothero", "Ada’s phone denied it"],
    [{ state: "denied", by: { label: "a terminal" }, decided_at: 1 } as const, null, "a terminal denied it"],
    [
      { state: "allowed", by, decided_at: 1, for_session: true } as const,
      null,
      "Ada’s phone allowed it until the session ends",
    ],
    [
      { state: "allowed", by, decided_at: 1, for_session: true } as const,
      "phonephonephonep",
      "You allowed it until the session ends",
    ],
    [
      { state: "allowed", by, decided_at: 1, for_session: true, granted: "approvalapproval" } as const,
      null,
      "Allowed without asking, as Ada’s phone had allowed it until the session ends",
    ],
    [{ state: "expired", decided_at: 1 } as const, null, "Denied: nobody decided in time"],
    [{ state: "withdrawn", decided_at: 1 } as const, null, "Withdrawn: whoever asked does not wait any more"],
  ])("says what became of it: %o", (state, device, words) => {
    expect(decided(approval(state), device)).toBe(words);
  });

  it("says when it is denied by itself", () => {
    expect(deniedIn(30 * 60_000, 0)).toBe("denied in 30 min unless you decide");
    expect(deniedIn(10, 20)).toBe("its time is over");
  });
});
