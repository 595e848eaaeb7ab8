import { describe, expect, it } from "vitest";
import type { ScreenOp } from "../../lib/session/follow";
import { ago, asOf, deviceName, folder, program, splitCommand } from "../words";
import { WholeCharacters } from "./characters";
import { arrow, control, modified, pasted } from "./keys";
import { fitting, ownSize } from "./layout";
import { isReport } from "./silence";
import { Standin } from "./standin";

const NONE = { ctrl: false, alt: false };

describe("keys", () => {
  it("follow the cursor key mode", () => {
    expect(arrow("up", NONE, false)).toBe("\x1b[A");
    expect(arrow("up", NONE, true)).toBe("\x1bOA");
    expect(arrow("left", { ctrl: true, alt: false }, true)).toBe("\x1b[1;5D");
  });

  it("under Ctrl are what terminals send", () => {
    expect(control("c")).toBe("\x03");
    expect(control("C")).toBe("\x03");
    expect(control("[")).toBe("\x1b");
    expect(control(" ")).toBe("\0");
    expect(control("é")).toBeNull();
    expect(modified("x", { ctrl: false, alt: true })).toBe("\x1bx");
    expect(modified("word", { ctrl: true, alt: false })).toBe("word");
  });

  it("paste in brackets that the text cannot close", () => {
    expect(pasted("a\nb\r\nc", false)).toBe("a\rb\rc");
    const forged = pasted("a\x1b[201~rm", true);
    expect(forged.startsWith("\x1b[200~")).toBe(true);
    expect(forged.indexOf("\x1b[201~")).toBe(forged.length - 6);
  });
});

describe("bytes", () => {
  it("are cut at the ends of characters, at every place", () => {
    const text = "a—é😀z\u0000b";
    const bytes = new TextEncoder().encode(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const whole = new WholeCharacters();
      const decoder = () => new TextDecoder("utf-8", { fatal: true });
      const first = decoder().decode(whole.next(bytes.subarray(0, cut)));
      const second = decoder().decode(whole.next(bytes.subarray(cut)));
      expect(first + second).toBe(text);
    }
  });

  it("that are not UTF-8 are not held", () => {
    const whole = new WholeCharacters();
    const junk = new Uint8Array([0xff, 0xfe, 0x80, 0x80, 0x80, 0x80]);
    expect([...whole.next(junk)]).toEqual([...junk]);
  });
});

describe("layout", () => {
  it("fits whole cells, at least a few", () => {
    expect(ownSize({ width: 390, height: 600 }, { width: 7.2, height: 16 })).toEqual({ cols: 54, rows: 37 });
    expect(ownSize({ width: 0, height: 0 }, { width: 7.2, height: 16 })).toEqual({ cols: 2, rows: 1 });
    for (let cols = 40; cols < 300; cols++) {
      const cell = { width: 1062 / cols, height: 16 };
      expect(ownSize({ width: 1062, height: 160 }, cell)).toEqual({ cols, rows: 10 });
    }
  });

  it("shrinks a wide screen to the width, and enlarges none", () => {
    const size = { cols: 120, rows: 40 };
    const font = fitting({ width: 390, height: 600 }, { width: 7.2, height: 16 }, size, 12);
    expect(font).toBeLessThan(6);
    expect((font / 12) * 7.2 * 120).toBeLessThanOrEqual(390);
    expect(fitting({ width: 2000, height: 600 }, { width: 7.2, height: 16 }, size, 12)).toBe(12);
  });
});

describe("reports", () => {
  it("are told from what a person types", () => {
    expect(isReport("\x1b]11;rgb:0d0d/0c0c/0b0b\x1b\\")).toBe(true);
    expect(isReport("\x1b[?997;1n")).toBe(true);
    for (const typed of ["a", "\x1b[A", "\x1b[1;2R", "\x1b[I", "\x1b[<0;1;1M"]) expect(isReport(typed)).toBe(false);
  });
});

describe("words", () => {
  it("say how long ago, where, and what", () => {
    expect(ago(0, 5_000)).toBe("now");
    expect(ago(0, 59_000)).toBe("59 s ago");
    expect(ago(0, 3_600_000)).toBe("1 h ago");
    expect(folder("/home/eva/src/app")).toBe("~/src/app");
    expect(folder("/root")).toBe("~");
    expect(folder("/a/b/c/d/e/f")).toBe("…/d/e/f");
    expect(program(["/usr/bin/claude", "--resume"])).toBe("claude --resume");
  });

  it("say when something was so, and how long ago that is", () => {
    const noon = new Date(2026, 4, 20, 12, 0).getTime();
    expect(asOf(noon, noon + 2_000)).toMatch(/^as of 12[^ ]*00( [AP]M)?$/);
    expect(asOf(noon, noon + 1_200_000)).toMatch(/^as of 12[^ ]*00( [AP]M)? · 20 min ago$/);
    expect(asOf(noon, noon + 86_400_000)).toMatch(/20.* · yesterday$/);
  });

  it("name this device", () => {
    const pixel =
      "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36";
    expect(deviceName(pixel, true)).toBe("Chrome on Android phone");
  });

  it("split a command as a shell does", () => {
    expect(splitCommand(`claude --resume "a b" 'c d' e\\ f ''`)).toEqual([
      "claude",
      "--resume",
      "a b",
      "c d",
      "e f",
      "",
    ]);
    expect(splitCommand(`echo "open`)).toBeNull();
    expect(splitCommand("  ")).toEqual([]);
  });
});

describe("a screen before there is one", () => {
  it("holds what it is to do, and the real one does it in order", () => {
    const standin = new Standin();
    const done: string[] = [];
    const skip = (seq: number): ScreenOp => ({ op: "skip", bytes: 0, place: { epoch: 1, seq } });
    standin.apply(skip(1), () => done.push("1"));
    standin.apply(skip(2), () => done.push("2"));
    expect(done).toEqual([]);
    expect(standin.above).toBe(0);
    const drawn: ScreenOp[] = [];
    standin.become({
      apply: (op, then) => {
        drawn.push(op);
        then();
      },
      above: 7,
    });
    standin.apply(skip(3), () => done.push("3"));
    expect(drawn).toEqual([skip(1), skip(2), skip(3)]);
    expect(done).toEqual(["1", "2", "3"]);
    expect(standin.above).toBe(7);
  });
});
