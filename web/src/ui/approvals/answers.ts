/** The answers to questions, as a decision has them. Pure. */

import type { Question } from "../../lib/session/message";
import { utf8 } from "../../lib/wire";

/** What somebody has picked and written so far as an answer to one question. */
export interface Picked {
  chosen: readonly string[];
  own: string;
}

/** Bytes of all answers together. */
const MAX_BYTES = 4_000;

/** One that is picked: with others, or in the place of what was. */
export function pick({ several }: Question, { chosen, own }: Picked, id: string): Picked {
  if (!several) return { chosen: [id], own };
  return { chosen: chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id], own };
}

/** Something is written: where there is one answer only, it is the one that counts now. */
export function write({ several }: Question, { chosen }: Picked, own: string): Picked {
  return { chosen: several || own.trim() === "" ? chosen : [], own };
}

/** Something is written that does not count, since one was chosen after it. */
export function unused({ several }: Question, { chosen, own }: Picked): boolean {
  return !several && chosen.length > 0 && own.trim() !== "";
}

function answerOf(question: Question, picked: Picked | undefined): string[] {
  if (picked === undefined) return [];
  // In the order in which they are shown.
  const ids = new Set(question.choices.map(({ id }) => id));
  const chosen = [...ids].filter((id) => picked.chosen.includes(id));
  const own = picked.own.trim();
  const counts = question.free_text && own !== "" && !chosen.includes(own) && (question.several || chosen.length === 0);
  return counts ? [...chosen, own] : chosen;
}

/** All of them, a list for each; or why they cannot be sent yet. */
export function answers(questions: readonly Question[], picked: readonly Picked[]): string[][] | string {
  const all = questions.map((question, n) => answerOf(question, picked[n]));
  const open = all.filter(({ length }) => length === 0).length;
  if (open > 0 && questions.length === 1) return "The question is not answered yet.";
  if (open > 0) return `${open} of ${questions.length} questions ${open === 1 ? "is" : "are"} not answered yet.`;
  const bytes = all.flat().reduce((sum, answer) => sum + utf8(answer).length, 0);
  return bytes > MAX_BYTES ? "The answers are too long to be sent." : all;
}
