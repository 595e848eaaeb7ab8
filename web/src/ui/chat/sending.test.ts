import { beforeEach, describe, expect, it, vi } from "vitest";
import { Uploads } from "../../lib/session/upload";
import type { HostEntry } from "../app.svelte";
import { sendingOf, type Sending } from "./sending.svelte";

/** What went to the agents, by session. */
let sent: string[] = [];

vi.mock("../app.svelte", () => ({
  app: {
    attachment: (_: unknown, session: string) => ({
      waiting: [],
      command: () => true,
      prompt: (bytes: Uint8Array) => sent.push(`${session}: ${new TextDecoder().decode(bytes)}`) > 0,
    }),
    draft: () => Promise.resolve({ text: "", files: [] }),
    keepDraft: () => Promise.resolve(true),
    noteDraft: () => undefined,
  },
}));
vi.mock("../route.svelte", () => ({ router: { route: { at: "hosts" }, go: () => undefined } }));
vi.mock("../toasts.svelte", () => ({ toasts: { warn: () => undefined } }));

describe("going on with a conversation that has ended", () => {
  let entry: HostEntry;
  let restarted: (session: string) => void;
  let calls = 0;
  let old: Sending;
  let next: Sending;

  beforeEach(() => {
    [sent, calls] = [[], 0];
    const call = () => {
      calls += 1;
      return new Promise((resolve) => (restarted = (session) => resolve({ session })));
    };
    entry = { rid: "h", operates: true, role: "owner", sessions: [], host: { link: { call } } } as never;
    [old, next] = [sendingOf(entry, "old"), sendingOf(entry, "next")];
  });

  it("says there what was written, once", async () => {
    old.write("Go on");
    const going = old.goOn();
    await old.goOn();
    expect([calls, old.goingOn]).toEqual([1, true]);
    restarted("next");
    await going;
    expect(sent).toEqual(["next: Go on"]);
    expect([old.draft.text, next.draft.text, old.goingOn]).toEqual(["", "", false]);
  });

  it("takes along what is written meanwhile, and does not send it unfinished", async () => {
    old.write("Go on");
    const going = old.goOn();
    old.write("Go on, and the");
    await old.goOn();
    restarted("next");
    await going;
    expect([calls, sent.length]).toEqual([1, 0]);
    expect([old.draft.text, next.draft.text]).toEqual(["", "Go on, and the"]);
  });

  it("goes to the session where it goes on already, and sends nothing that is written there", async () => {
    old.write("One more thing");
    await old.goOn("next");
    expect([calls, sent, old.draft.text]).toEqual([0, ["next: One more thing"], ""]);
    next.write("Half of");
    old.write("Another");
    await old.goOn("next");
    expect([sent.length, next.draft.text, old.draft.text]).toEqual([1, "Half of\nAnother", ""]);
  });

  it("takes along what was attached, also where that was uploaded to the one that has ended", async () => {
    const added = vi.spyOn(Uploads.prototype, "add");
    await old.attach([new File(["x"], "x.txt"), new File(["y"], "y.txt")]);
    expect([old.files.length, old.stays.length]).toEqual([2, 0]);
    old.write("Look at these");
    const going = old.goOn();
    restarted("next");
    await going;
    expect([calls, old.problem, old.empty]).toEqual([1, null, true]);
    expect(added.mock.calls.slice(2).map(([, label, bytes]) => [label, [...bytes]])).toEqual([
      ["x.txt", [0x78]],
      ["y.txt", [0x79]],
    ]);
    await vi.waitFor(() => expect(sent).toEqual(["next: Look at these"]));
    vi.restoreAllMocks();
  });

  it("attaches all that was picked, though the page empties its list at once", async () => {
    const picked = [new File(["x"], "x.txt"), new File(["y"], "y.txt")];
    const attaching = old.attach(picked);
    picked.length = 0;
    await attaching;
    expect(old.files.map(({ label }) => label)).toEqual(["x.txt", "y.txt"]);
  });

  it("says what cannot go along, and starts nothing before it is taken away", async () => {
    old.draft.files = [{ file: "abc.txt", label: "Notes.txt", size: 3 }];
    old.write("Go on");
    expect(old.stays.map(({ label }) => label)).toEqual(["Notes.txt"]);
    await old.goOn();
    expect([calls, old.problem]).toEqual([0, expect.stringContaining("cannot go along")]);
    old.detach("abc.txt");
    const going = old.goOn();
    restarted("next");
    await going;
    expect(sent).toEqual(["next: Go on"]);
  });
});
