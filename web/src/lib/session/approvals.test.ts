import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { bytes } from "./testing";
import { fetchRequest, MAX_PIECES, MAX_REQUEST, NotShown, type FetchPiece } from "./approvals";
import { CallError, type Approval, type Asked, type Summary } from "./message";
import { allPending, decidedOf, grantsOf, hiddenIn, visible } from "./pending";

const REQUEST = {
  source: "ask",
  question: "Deploy to production? ä € 🦓",
  choices: [],
  free_text: false,
  risk: "normal",
};

function approvalOf(text: string, more: Partial<Approval> = {}): Approval {
  return {
    id: "approvalapproval",
    digest: createHash("sha256").update(text).digest("hex"),
    length: bytes(text).length,
    source: "ask",
    title: "Deploy?",
    risk: "normal",
    asked_at: 0,
    expires_at: 1000,
    state: "pending",
    ...more,
  } as Approval;
}

/** Gives `text` in pieces of at most so many bytes, as a host does. */
function hostOf(text: string, most = 16): FetchPiece & { asked: number[] } {
  const all = bytes(text);
  const asked: number[] = [];
  const fetch = ({ from }: { from: number }): Promise<Asked> => {
    asked.push(from);
    let end = Math.min(from + most, all.length);
    // Not within a character.
    while (((all[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    const piece = new TextDecoder().decode(all.subarray(from, end));
    const next = end < all.length ? { next: end } : {};
    return Promise.resolve({ approval: approvalOf(""), text: piece, ...next });
  };
  return Object.assign(fetch, { asked });
}

/** What is shown of these bytes. */
function show(text: string, from = text) {
  return fetchRequest(hostOf(from, 8192), "s", approvalOf(text));
}

describe("what is asked", () => {
  it("is fetched piece by piece, each from the byte that the last one ended at", async () => {
    const text = JSON.stringify({ ...REQUEST, reasons: ["touches production"], cwd: "/srv" });
    const host = hostOf(text);
    const { request, more } = await fetchRequest(host, "s", approvalOf(text));
    expect(request).toMatchObject({ question: REQUEST.question, reasons: ["touches production"], cwd: "/srv" });
    expect(more).toBeNull();
    expect(host.asked.length).toBe(10);
    expect(host.asked).toEqual([...new Set(host.asked)].sort((a, b) => a - b));
  });

  it("may be as large as a request gets", async () => {
    const rest = bytes(JSON.stringify({ ...REQUEST, question: "" })).length;
    const question = "x".repeat(MAX_REQUEST - rest);
    expect((await show(JSON.stringify({ ...REQUEST, question }))).request.question).toHaveLength(question.length);
    await expect(show(JSON.stringify({ ...REQUEST, question: `${question}x` }))).rejects.toThrow(/larger/);
  });

  it("takes what is left out for what it stands for", async () => {
    const { request } = await show('{"source":"ask","question":"?"}');
    expect(request).toEqual({
      source: "ask",
      question: "?",
      choices: [],
      free_text: false,
      risk: "normal",
      reasons: [],
      cwd: null,
      expires_in: null,
      tool: null,
      plan: null,
      questions: [],
      scope: null,
    });
  });

  it("is not shown where its digest is another, or its length", async () => {
    const text = JSON.stringify(REQUEST);
    await expect(show(text, text.replace("production", "productioN"))).rejects.toThrow(/digest is another/);
    const shorter = fetchRequest(hostOf(text), "s", approvalOf(text, { length: bytes(text).length + 1 }));
    await expect(shorter).rejects.toThrow(NotShown);
    const longer = fetchRequest(hostOf(text), "s", approvalOf(text, { length: bytes(text).length - 1 }));
    await expect(longer).rejects.toThrow(/more than what is asked/);
    const upper = fetchRequest(hostOf(text), "s", approvalOf(text, { digest: approvalOf(text).digest.toUpperCase() }));
    await expect(upper).rejects.toThrow(NotShown);
  });

  it.each([
    ["nothing", ""],
    ["no JSON", "Deploy?"],
    ["half of it", '{"source":"ask","question":"?"'],
    ["no object", "[1]"],
    ["null", "null"],
    ["no question", '{"source":"ask"}'],
    ["a blank question", '{"source":"ask","question":" \\n"}'],
    ["a question that is no text", '{"source":"ask","question":["?"]}'],
    ["no source", '{"question":"?"}'],
    ["choices that are none", '{"source":"ask","question":"?","choices":"yes"}'],
    ["a choice that is no text", '{"source":"ask","question":"?","choices":["a",{"b":1}]}'],
    ["reasons that are none", '{"source":"ask","question":"?","reasons":[1]}'],
    ["a risk of a later version", '{"source":"ask","question":"?","risk":"deadly"}'],
    ["a folder that is no text", '{"source":"ask","question":"?","cwd":7}'],
    ["a time that is no number", '{"source":"ask","question":"?","expires_in":"1h"}'],
    ["a yes or no that is neither", '{"source":"ask","question":"?","free_text":"yes"}'],
  ])("is not shown where it is %s", async (_, text) => {
    await expect(show(text)).rejects.toThrow(NotShown);
  });

  it.each([0, -1, 1.5, NaN, MAX_REQUEST + 1])("is not fetched where it is said to have %s bytes", async (length) => {
    const host = hostOf(JSON.stringify(REQUEST));
    await expect(fetchRequest(host, "s", approvalOf("x", { length }))).rejects.toThrow(NotShown);
    expect(host.asked.length).toBeLessThanOrEqual(length === 1.5 ? 1 : 0);
  });

  it("is given up where a piece does not advance", async () => {
    let asked = 0;
    const text = "x".repeat(5000);
    for (const next of [0, 1, 5, 9, 4_294_967_295]) {
      asked = 0;
      const stuck: FetchPiece = () => {
        asked += 1;
        return Promise.resolve({ approval: approvalOf(text), text: asked === 1 ? "xxxxx" : "", next });
      };
      await expect(fetchRequest(stuck, "s", approvalOf(text))).rejects.toThrow(/does not come to an end/);
      expect(asked).toBeLessThanOrEqual(2);
    }
  });

  it("is given up where it comes in too many pieces, or for ever", async () => {
    const text = "x".repeat(5000);
    const host = hostOf(text, 1);
    await expect(fetchRequest(host, "s", approvalOf(text))).rejects.toThrow(/too many pieces/);
    expect(host.asked).toHaveLength(MAX_PIECES);
    let have = 0;
    const endless: FetchPiece = () => Promise.resolve({ approval: approvalOf(text), text: "xxxx", next: (have += 4) });
    await expect(fetchRequest(endless, "s", approvalOf("x".repeat(100)))).rejects.toThrow(/more than what is asked/);
    expect(have).toBe(104);
  });

  it("is not shown where the host sends no text, or refuses", async () => {
    const text = JSON.stringify(REQUEST);
    const number = () => Promise.resolve({ approval: approvalOf(text), text: 7 } as unknown as Asked);
    await expect(fetchRequest(number, "s", approvalOf(text))).rejects.toThrow(NotShown);
    const gone = new CallError({ kind: "not_found", message: "what was asked is not there any more", hint: "" });
    await expect(fetchRequest(() => Promise.reject(gone), "s", approvalOf(text))).rejects.toThrow(
      /does not give what is asked: what was asked is not there/,
    );
  });

  it("is to be fetched again where the connection broke", async () => {
    const cut = fetchRequest(() => Promise.reject(new Error("The host went away.")), "s", approvalOf("x"));
    await expect(cut).rejects.not.toThrow(NotShown);
    await expect(cut).rejects.toThrow("The host went away.");
  });

  it("has shown also what this version does not know", async () => {
    const { more, verbatim } = await show('{"source":"a","question":"?","env":{"A":["1"]},"__proto__":{"b":2}}');
    expect(more).toContain('"env": {\n    "A": [\n      "1"\n    ]\n  }');
    expect(more).toContain('"__proto__": {\n    "b": 2\n  }');
    expect(verbatim).toBeNull();
  });

  it.each([
    '{"source":"a","question":"?","n":12345678901234567890}',
    '{"source":"a","question":"?","x":{"cmd":"rm -rf /","cmd":"ls"}}',
  ])("has shown as it came what cannot be shown otherwise: %s", async (text) => {
    expect((await show(text)).verbatim).toBe(text);
  });
});

describe("a text that is shown", () => {
  it.each([
    ["a\u202eb", "a⟨U+202E⟩b"],
    ["\u2066\u2069\u200e\u200f\u061c", "⟨U+2066⟩⟨U+2069⟩⟨U+200E⟩⟨U+200F⟩⟨U+061C⟩"],
    ["\u202a\u202b\u202c\u202d", "⟨U+202A⟩⟨U+202B⟩⟨U+202C⟩⟨U+202D⟩"],
    ["\x1b[31m\0\r\x7f\x9b", "⟨U+001B⟩[31m⟨U+0000⟩⟨U+000D⟩⟨U+007F⟩⟨U+009B⟩"],
    ["rm\u200b\u00ad\ufeff\u2060x", "rm⟨U+200B⟩⟨U+00AD⟩⟨U+FEFF⟩⟨U+2060⟩x"],
    ["\u2028\u2029\u3164\u{e0041}", "⟨U+2028⟩⟨U+2029⟩⟨U+3164⟩⟨U+E0041⟩"],
    ["\ud800", "⟨U+D800⟩"],
    ["rm\ufe0f /data1\ufe0f ⚠\ufe0f\ufe0f", "rm⟨U+FE0F⟩ /data1⟨U+FE0F⟩ ⚠\ufe0f⟨U+FE0F⟩"],
    ["a\u2800b", "a⟨U+2800⟩b"],
    ["rm\u200dx 1\u200c2 🦓\u200dx \u200d🦓 ی\u200c", "rm⟨U+200D⟩x 1⟨U+200C⟩2 🦓⟨U+200D⟩x ⟨U+200D⟩🦓 ی⟨U+200C⟩"],
    // Between digits and signs, where nothing is joined, behind letters that do not join the next, and twice.
    ["٢\u200c٣ ۔\u200cب १\u200d२", "٢⟨U+200C⟩٣ ۔⟨U+200C⟩ب १⟨U+200D⟩२"],
    ["د\u200cب ا\u200cم ء\u200cب", "د⟨U+200C⟩ب ا⟨U+200C⟩م ء⟨U+200C⟩ب"],
    ["ب\u200dب ب\u200cء می\u200c\u200cخ", "ب⟨U+200D⟩ب ب⟨U+200C⟩ء می⟨U+200C⟩⟨U+200C⟩خ"],
    ["क\u200dष क\u200cष क्\u200d १ x\u094d\u200dक", "क⟨U+200D⟩ष क⟨U+200C⟩ष क्⟨U+200D⟩ १ x\u094d⟨U+200D⟩क"],
    [`e${"\u0301".repeat(6)}`, `e${"\u0301".repeat(4)}⟨U+0301⟩⟨U+0301⟩`],
  ])("hides nothing: %j", (text, shown) => {
    expect(visible(text)).toBe(shown);
  });

  it("tells what hides in it", () => {
    expect(hiddenIn("a\u202eb\u202e\x1b c")).toEqual(["⟨U+202E⟩", "⟨U+001B⟩"]);
    expect(hiddenIn("two\n\tlines ⚠️")).toEqual([]);
  });

  it("is otherwise as it was", () => {
    const text =
      "می\u200cخواهم هِ\u200cای कार्य क्\u200dष क्\u200cष ක්\u200dය 👩🏽\u200d🚀 🏳️\u200d🌈 👨\u200d👩\u200d👧 two\n\tlines, a b  c ⚠️ 1️⃣ 🦓 日本語 שָׁל֑וֹם a\u0308 ä";
    expect(visible(text)).toBe(text);
  });
});

describe("what waits", () => {
  const summary = (id: string, state: string, approvals: Approval[]) =>
    ({ id, state, approvals }) as unknown as Summary;
  const one = (id: string, expires_at: number, state = "pending") =>
    approvalOf("x", { id, expires_at, state } as Partial<Approval>);

  it("is listed over all hosts, what is denied soonest first", () => {
    const hosts = [
      { name: "a", sessions: [summary("s1", "running", [one("late", 30), one("over", 5, "allowed")])] },
      {
        name: "b",
        sessions: [
          summary("s2", "running", [one("soon", 10), one("next", 20)]),
          { id: "s3", state: "running" } as Summary,
          summary("s4", "lost", [one("nobody", 1)]),
        ],
      },
    ];
    const listed = allPending(hosts).map(({ entry, summary, approval }) => [entry.name, summary.id, approval.id]);
    expect(listed).toEqual([
      ["b", "s2", "soon"],
      ["b", "s2", "next"],
      ["a", "s1", "late"],
    ]);
  });

  it("is not what is over, nor allowed in a session that has ended", () => {
    const all = [one("a", 1, "denied"), one("b", 2), one("c", 3, "allowed")];
    expect(decidedOf(summary("s", "running", all)).map(({ id }) => id)).toEqual(["c", "a"]);
    expect(decidedOf({ id: "s", state: "running" } as Summary)).toEqual([]);
    const grants = [{ id: "a", words: "run `ls`", by: { label: "local" }, since: 1 }];
    expect(grantsOf({ state: "running", grants } as unknown as Summary)).toEqual(grants);
    expect(grantsOf({ state: "running" } as Summary)).toEqual([]);
    expect(grantsOf({ state: "lost", grants } as unknown as Summary)).toEqual([]);
  });
});
