import { describe, expect, it } from "vitest";
import { answers, pick, unused, write, type Picked } from "./answers";
import type { Question } from "../../lib/session/message";

const question = (more: Partial<Question> = {}): Question => ({
  text: "Which?",
  choices: ["red", "green", "blue"].map((id) => ({ id, about: "" })),
  several: false,
  free_text: false,
  ...more,
});
const NOTHING: Picked = { chosen: [], own: "" };

describe("answers", () => {
  it("are one of the choices, the last one that was taken", () => {
    const one = question();
    const picked = pick(one, pick(one, NOTHING, "red"), "blue");
    expect(answers([one], [picked])).toEqual([["blue"]]);
  });

  it("are several where that is asked, in the order of the choices, and none twice", () => {
    const several = question({ several: true });
    let picked = pick(several, pick(several, NOTHING, "blue"), "red");
    expect(answers([several], [picked])).toEqual([["red", "blue"]]);
    picked = pick(several, picked, "blue");
    expect(answers([several], [picked])).toEqual([["red"]]);
    const free = question({ several: true, free_text: true });
    expect(answers([free], [{ chosen: ["red"], own: " pink\n" }])).toEqual([["red", "pink"]]);
    expect(answers([free], [{ chosen: ["red"], own: "red" }])).toEqual([["red"]]);
  });

  it("are one's own words where those are taken: whichever was touched last", () => {
    const free = question({ free_text: true });
    let picked = write(free, pick(free, NOTHING, "red"), "pink");
    expect(answers([free], [picked])).toEqual([["pink"]]);
    expect(unused(free, picked)).toBe(false);
    picked = pick(free, picked, "green");
    expect(answers([free], [picked])).toEqual([["green"]]);
    expect(unused(free, picked)).toBe(true);
    expect(write(free, picked, " ").chosen).toEqual(["green"]);
    expect(answers([question()], [{ chosen: [], own: "pink" }])).toBe("The question is not answered yet.");
  });

  it("are sent when there is one for each question, and not what is no choice", () => {
    const both = [question(), question({ choices: [], free_text: true })];
    expect(answers([], [])).toEqual([]);
    expect(answers(both, [])).toBe("2 of 2 questions are not answered yet.");
    expect(answers(both, [{ chosen: ["red"], own: "" }])).toBe("1 of 2 questions is not answered yet.");
    const own = { chosen: [], own: "x" };
    expect(answers(both, [{ chosen: ["purple"], own: "" }, own])).toBe("1 of 2 questions is not answered yet.");
    expect(answers(both, [{ chosen: ["red"], own: "" }, own])).toEqual([["red"], ["x"]]);
  });

  it("are no longer than a keeper takes", () => {
    const free = question({ choices: [], free_text: true });
    expect(answers([free], [{ chosen: [], own: "ä".repeat(2_000) }])).toHaveLength(1);
    expect(answers([free], [{ chosen: [], own: "ä".repeat(2_001) }])).toBe("The answers are too long to be sent.");
  });
});
