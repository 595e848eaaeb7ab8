import { describe, expect, it } from "vitest";
import { AGAIN, cameTrue, Deciding, LATEST } from "./deciding";
import { Decisions, type DecidingViews } from "./decisions";
import { CallError, type Approval, type Calls, type Decision, type Summary } from "./message";
import { ticks, Timers } from "./testing";

const APPROVAL: Approval = {
  id: "approvalapproval",
  digest: "d1",
  length: 10,
  source: "ask",
  title: "Deploy?",
  risk: "normal",
  asked_at: 0,
  expires_at: 3_600_000,
  state: "pending",
};
const ALLOW: Decision = { verdict: "allow", choice: "blue", text: "soon", word: "deploy" };
const PARAMS = { session: "s", approval: APPROVAL.id, digest: "d1", ...ALLOW };

/** A host, and a link to it that breaks. */
class World {
  readonly timers = new Timers();
  readonly sent: Calls["approval.decide"][0][] = [];
  live = true;
  answer: ((error?: Error) => void) | null = null;
  readonly deciding: Deciding;

  constructor() {
    this.deciding = new Deciding(
      {
        decide: (params) => {
          this.sent.push(params);
          return new Promise((resolve, reject) => {
            this.answer = (error) => {
              if (error === undefined) resolve(null);
              else reject(error);
            };
          });
        },
        live: () => this.live,
        now: () => this.timers.now,
        after: this.timers.after,
        changed: () => undefined,
      },
      "s",
      APPROVAL,
      ALLOW,
    );
  }

  async answered(error?: Error): Promise<void> {
    this.answer?.(error);
    await ticks();
  }
}

describe("a decision on its way", () => {
  it("names the digest of what was shown, and ends when the host has it", async () => {
    const world = new World();
    expect(world.deciding.view).toEqual({ decision: ALLOW, at: "sent" });
    expect(world.deciding.busy).toBe(true);
    await world.answered();
    expect(world.deciding.view.at).toBe("taken");
    expect(world.deciding.busy).toBe(false);
    expect(world.sent).toEqual([PARAMS]);
  });

  it("is sent again, the same in everything, when the link is there again", async () => {
    const world = new World();
    world.live = false;
    await world.answered(new Error("The host went away."));
    expect(world.deciding.view.at).toBe("cut");
    world.timers.pass(AGAIN);
    world.timers.pass(AGAIN);
    expect(world.sent).toHaveLength(1);
    world.live = true;
    world.deciding.look();
    expect(world.deciding.view.at).toBe("sent");
    expect(world.sent).toEqual([PARAMS, PARAMS]);
    world.timers.pass(AGAIN);
    expect(world.sent).toHaveLength(2);
    await world.answered();
    expect(world.deciding.view.at).toBe("taken");
  });

  it("is sent again after a while where the link stands and brought no answer", async () => {
    const world = new World();
    await world.answered(new Error("The host did not answer in time."));
    world.timers.pass(AGAIN);
    expect(world.sent).toHaveLength(2);
  });

  it("is not sent again once it is known what became of the approval", async () => {
    const world = new World();
    world.live = false;
    await world.answered(new Error("The host went away."));
    world.deciding.over();
    world.live = true;
    world.deciding.look();
    world.timers.pass(AGAIN);
    expect(world.sent).toHaveLength(1);
  });

  it("says what the host says against it, and is not sent again", async () => {
    const world = new World();
    await world.answered(new CallError({ kind: "ended", message: "Ada’s phone has denied it already", hint: "" }));
    expect(world.deciding.view).toMatchObject({ at: "failed", why: "Ada’s phone has denied it already." });
    world.deciding.look();
    world.timers.pass(AGAIN);
    expect(world.sent).toHaveLength(1);
  });

  it("is not sent any more after ten minutes, and says that it is not known", async () => {
    const world = new World();
    world.live = false;
    await world.answered(new Error("The host went away."));
    world.timers.now += LATEST;
    world.live = true;
    world.timers.pass(AGAIN);
    expect(world.sent).toHaveLength(1);
    expect(world.deciding.view).toMatchObject({ at: "failed", why: expect.stringContaining("not known") as string });
  });
});

describe("the decisions of a page", () => {
  it("are sent once while they are on their way, and not again once the summary says that it is over", async () => {
    const timers = new Timers();
    const sent: unknown[] = [];
    let fail: (error: Error) => void = () => undefined;
    let live = true;
    let views: DecidingViews = {};
    const decisions = new Decisions({
      decide: (params) => {
        sent.push(params);
        return new Promise((_, reject) => (fail = reject));
      },
      live: () => live,
      now: () => timers.now,
      after: timers.after,
      changed: (next) => (views = next),
    });
    decisions.decide("s", APPROVAL, ALLOW);
    decisions.decide("s", APPROVAL, { verdict: "deny" });
    expect(sent).toEqual([PARAMS]);
    expect(views).toEqual({ "s/approvalapproval": { decision: ALLOW, at: "sent" } });
    live = false;
    fail(new Error("The host went away."));
    await ticks();
    expect(views["s/approvalapproval"]?.at).toBe("cut");
    live = true;
    decisions.look([{ id: "s", approvals: [APPROVAL] } as Summary]);
    expect(sent).toEqual([PARAMS, PARAMS]);
    fail(new Error("The host went away."));
    await ticks();
    const over = { ...APPROVAL, state: "expired", decided_at: 5 } as const;
    decisions.look([{ id: "s", approvals: [over] } as unknown as Summary]);
    timers.pass(AGAIN);
    expect(sent).toHaveLength(2);
  });
});

describe("what became of an approval", () => {
  const over = (more: object) => ({ ...APPROVAL, by: { label: "Phone" }, decided_at: 1, ...more }) as Approval;

  it.each([
    [{ state: "allowed", choice: "blue", text: "soon" }, ALLOW, true],
    [{ state: "allowed", choice: "red", text: "soon" }, ALLOW, false],
    [{ state: "allowed", choice: "blue" }, ALLOW, false],
    [{ state: "denied" }, ALLOW, false],
    [{ state: "expired" }, ALLOW, false],
    [{ state: "allowed" }, { verdict: "allow" } as const, true],
    [{ state: "denied" }, { verdict: "deny" } as const, true],
    [{ state: "denied", text: "no" }, { verdict: "deny" } as const, false],
    [{ state: "allowed" }, { verdict: "deny" } as const, false],
    [{ state: "allowed", for_session: true }, { verdict: "allow", for_session: true } as const, true],
    [{ state: "allowed", for_session: true }, { verdict: "allow" } as const, false],
    [{ state: "allowed" }, { verdict: "allow", for_session: true } as const, false],
    [{ state: "allowed", for_session: true, granted: "a" }, { verdict: "allow", for_session: true } as const, false],
    [{ state: "allowed" }, { verdict: "allow" as const, answers: [["Red"]] }, false],
    [{ state: "allowed", answers: [["Red"]] }, { verdict: "allow" as const, answers: [["Red"]] }, true],
  ])("is what was wanted, or not: %j, %j", (state, decision, is) => {
    expect(cameTrue(over(state), decision)).toBe(is);
  });
});
