import { describe, expect, it } from "vitest";
import type { Request, Tool } from "../../lib/session/message";
import { otherPaths, restOf, titleOf } from "./tool";

const REQUEST = { source: "claude", question: "Run a command" } as Request;

describe("what is passed to a tool", () => {
  const tool = (more: Partial<Tool>): Tool => ({ name: "Bash", kind: "run", input: null, ...more }) as Tool;

  it("is shown as far as it stands nowhere else", () => {
    const input = { command: "npm test", timeout: 1000, dangerouslyDisableSandbox: true };
    const rest = restOf(tool({ command: "npm test", input }), REQUEST);
    expect(rest?.names).toEqual(["timeout", "dangerouslyDisableSandbox"]);
    expect(JSON.parse(rest?.json ?? "")).toEqual({ timeout: 1000, dangerouslyDisableSandbox: true });
    const change = { path: "/a", old: "x", new: "y" };
    const edit = tool({
      paths: ["/a"],
      changes: [change],
      input: { file_path: "/a", old_string: "x", new_string: "y" },
    });
    expect(restOf(edit, REQUEST)).toBeNull();
    expect(restOf(tool({ input: { plan: "# Plan" } }), { ...REQUEST, plan: "# Plan" })).toBeNull();
  });

  it("is not left out for being the same as something else", () => {
    expect(restOf(tool({ command: "ls", input: { command: "ls", then: "ls" } }), REQUEST)?.names).toEqual(["then"]);
    expect(restOf(tool({ command: "ls", input: { command: ["ls"] } }), REQUEST)?.names).toEqual(["command"]);
  });

  it("is shown also where it has no names", () => {
    expect(restOf(tool({ input: ["a"] }), REQUEST)?.json).toBe('[\n  "a"\n]');
    expect(restOf(tool({ input: "" }), REQUEST)?.json).toBe('""');
    expect(restOf(tool({ input: {} }), REQUEST)).toBeNull();
    expect(restOf(tool({}), REQUEST)).toBeNull();
  });

  it("is not left out for being the same as a title that is not shown", () => {
    const edit = tool({ title: "/a", paths: ["/a"], input: { file_path: "/a", also: "/a" } });
    expect(titleOf(edit, REQUEST)).toBe("");
    expect(restOf(edit, REQUEST)?.names).toEqual(["also"]);
    expect(titleOf(tool({ title: "Say it", command: "ls" }), REQUEST)).toBe("Say it");
  });

  it("does not repeat the files whose changes are shown", () => {
    const change = { path: "/a", old: "x", new: "y" };
    expect(otherPaths(tool({ paths: ["/a", "/b"], changes: [change] }))).toEqual(["/b"]);
  });
});
