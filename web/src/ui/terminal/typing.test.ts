import { describe, expect, it } from "vitest";
import { MAX_INPUT_BYTES } from "../../lib/session/outbox";
import { toasts } from "../toasts.svelte";
import { Typing, type Typed } from "./typing.svelte";

class Program implements Typed {
  over = false;
  modesKnown = true;
  entry: Typed["entry"] = { operates: true, role: "owner" };
  emulator = null;
  full = false;
  got = "";
  prompts: string[] = [];
  attachment: Typed["attachment"] = {
    input: (bytes) => {
      if (!this.full) this.got += new TextDecoder().decode(bytes);
      return !this.full;
    },
    prompt: (bytes, prompt) => {
      if (!this.full) this.prompts.push(prompt.text);
      return this.attachment?.input(bytes) ?? false;
    },
  };
}

describe("the composer's text", () => {
  it("goes to the program, with Enter behind it", () => {
    const program = new Program();
    expect(new Typing(program).compose("fix\nit", true)).toBeNull();
    expect(program.got).toBe("fix\rit\r");
    expect(new Typing(program).compose("", true)).toBeNull();
    expect(program.got).toBe("fix\rit\r\r");
    expect(program.prompts).toEqual(["fix\nit"]);
  });

  it("is not taken, and it is said why, where it has no place", () => {
    const program = new Program();
    const typing = new Typing(program);
    program.full = true;
    expect(typing.compose("fix it", true)).toMatch(/128 MB/);
    expect(typing.compose("", true)).toMatch(/128 MB/);
    program.full = false;
    expect(typing.compose("x".repeat(MAX_INPUT_BYTES + 1), false)).toMatch(/128 MB/);
    program.attachment = null;
    expect(typing.compose("fix it", true)).toMatch(/still opening/);
    program.entry = { operates: false, role: "viewer" };
    expect(typing.compose("fix it", true)).toMatch(/only look on/);
    program.over = true;
    expect(typing.compose("fix it", true)).toMatch(/ended/);
    expect(program.got).toBe("");
  });
});

describe("a paste before the terminal is there", () => {
  it("is not sent as if it were typed, and is told not to have been", () => {
    const program = new Program();
    program.modesKnown = false;
    const typing = new Typing(program);
    expect(typing.paste("rm\n-r x")).toMatch(/still opening/);
    expect(typing.compose("rm\n-r x", true)).toMatch(/still opening/);
    expect(program.got).toBe("");
    program.modesKnown = true;
    expect(typing.compose("rm\n-r x", true)).toBeNull();
    expect(program.got).toBe("rm\r-r x\r");
  });
});

describe("keys", () => {
  it("for which there is no room are not lost without a word", () => {
    const program = new Program();
    program.full = true;
    new Typing(program).typed("x");
    expect(toasts.list.map(({ text }) => text)).toEqual([expect.stringMatching(/^Nothing of this was sent/)]);
  });

  it("under a held Ctrl are one key's", () => {
    const program = new Program();
    const typing = new Typing(program);
    typing.held = { ctrl: true, alt: false };
    typing.typed("c");
    typing.typed("c");
    expect(program.got).toBe("\x03c");
  });
});
