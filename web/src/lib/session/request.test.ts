import { describe, expect, it } from "vitest";
import { NotShown, readRequest } from "./request";

const BARE = { source: "claude", question: "Edit a file" };
const TOOL = {
  name: "Edit",
  kind: "edit",
  title: "Fix it",
  command: "make",
  paths: ["/srv/a"],
  changes: [{ path: "/srv/a", old: "x", new: "y" }, { path: "/srv/b" }],
  input: { file_path: "/srv/a", nested: { any: [1, null] } },
};
const FULL = {
  ...BARE,
  risk: "careful",
  reasons: ["writes outside of the project"],
  tool: TOOL,
  plan: "# Plan",
  questions: [{ text: "Which?", choices: [{ id: "Red", about: "warm" }], several: true, free_text: true }],
  scope: { tool: "Edit", pattern: "/srv/a", words: "any change to /srv/a" },
};

const read = (value: unknown) => readRequest(JSON.stringify(value));

describe("a request of an agent", () => {
  it("is read whole", () => {
    const { request, more, verbatim } = read(FULL);
    expect(request).toMatchObject({
      ...FULL,
      tool: { ...TOOL, changes: [TOOL.changes[0], { path: "/srv/b", old: null, new: null }] },
    });
    expect([more, verbatim]).toEqual([null, null]);
  });

  it("takes what is left out for what it stands for", () => {
    const { request, more } = read({
      ...BARE,
      tool: { name: "X" },
      questions: [{ text: "?" }],
      plan: null,
      scope: null,
    });
    expect(request.tool).toEqual({
      name: "X",
      kind: "other",
      title: "",
      command: null,
      paths: [],
      changes: [],
      input: null,
    });
    expect(request.questions).toEqual([{ text: "?", choices: [], several: false, free_text: false }]);
    expect([request.plan, request.scope, more]).toEqual([null, null, null]);
    expect(read({ ...BARE, tool: { name: "X", kind: "teleport" } }).request.tool?.kind).toBe("other");
  });

  it.each([
    ["tool", { ...TOOL, sandbox: false }],
    ["tool", { ...TOOL, changes: [{ path: "/srv/a", mode: "0777" }] }],
    ["questions", [{ text: "?", secret: "hidden" }]],
    ["questions", [{ text: "?", choices: [{ id: "Yes", does: "deletes all" }] }]],
    ["scope", { ...FULL.scope, also: "everything" }],
  ])("has nothing in it that is not shown, however deep: %s %j", (name, value) => {
    const { more } = read({ ...BARE, [name]: value });
    expect(JSON.parse(more ?? "{}")).toEqual({ [name]: value });
  });

  it("is shown as it came where what is passed to a tool could be something else than what is seen of it", () => {
    const text =
      '{"source":"a","question":"?","tool":{"name":"X","input":{"n":12345678901234567890,"c":"rm","c":"ls"}}}';
    expect(readRequest(text)).toMatchObject({ more: null, verbatim: text });
  });

  it.each([
    ["a tool that is none", { tool: "Bash" }],
    ["a tool without a name", { tool: { kind: "run" } }],
    ["a command that is no text", { tool: { ...TOOL, command: ["rm"] } }],
    ["paths that are none", { tool: { ...TOOL, paths: [1] } }],
    ["a change that is none", { tool: { ...TOOL, changes: ["x"] } }],
    ["a change to no text", { tool: { ...TOOL, changes: [{ path: "a", new: 7 }] } }],
    ["a plan that is no text", { plan: ["# Plan"] }],
    ["questions that are none", { questions: { text: "?" } }],
    ["a question without a text", { questions: [{}] }],
    ["a choice that is none", { questions: [{ text: "?", choices: ["Red"] }] }],
    ["several that is neither", { questions: [{ text: "?", several: 1 }] }],
    ["a scope without its words", { scope: { tool: "Bash", pattern: "ls" } }],
  ])("is not shown where it has %s", (_, more) => {
    expect(() => read({ ...BARE, ...more })).toThrow(NotShown);
  });
});
