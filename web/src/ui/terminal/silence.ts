/**
 * The keeper answers what a program asks of its terminal; every screen that answered too would give the program several
 * answers. So questions are swallowed here, and only what a person does goes to the program.
 */

import type { Terminal } from "@xterm/xterm";

const SWALLOW = () => true;

/** Whether an OSC colour sequence asks (also) for a colour. */
function asks(data: string): boolean {
  return data.split(";").includes("?");
}

export function swallowQueries({ parser }: Pick<Terminal, "parser">): void {
  // Device attributes, three kinds.
  parser.registerCsiHandler({ final: "c" }, SWALLOW);
  parser.registerCsiHandler({ prefix: ">", final: "c" }, SWALLOW);
  parser.registerCsiHandler({ prefix: "=", final: "c" }, SWALLOW);
  // Status and cursor position; colour scheme.
  parser.registerCsiHandler({ final: "n" }, SWALLOW);
  parser.registerCsiHandler({ prefix: "?", final: "n" }, SWALLOW);
  // Modes (DECRQM), settings (DECRQSS, XTGETTCAP), name and version, keyboard flags, terminal parameters.
  parser.registerCsiHandler({ intermediates: "$", final: "p" }, SWALLOW);
  parser.registerCsiHandler({ prefix: "?", intermediates: "$", final: "p" }, SWALLOW);
  parser.registerDcsHandler({ intermediates: "$", final: "q" }, SWALLOW);
  parser.registerDcsHandler({ intermediates: "+", final: "q" }, SWALLOW);
  parser.registerCsiHandler({ prefix: ">", final: "q" }, SWALLOW);
  parser.registerCsiHandler({ prefix: "?", final: "u" }, SWALLOW);
  parser.registerCsiHandler({ final: "x" }, SWALLOW);
  // Window reports are numbers from 11; below are window operations, which xterm.js does not do.
  parser.registerCsiHandler({ final: "t" }, (params) => {
    const [first] = params;
    return typeof first === "number" && first >= 11 && first <= 21;
  });
  for (const colour of [4, 5, 10, 11, 12, 13, 14, 17, 19]) parser.registerOscHandler(colour, asks);
  // The clipboard of whoever looks on is not the program's to read.
  parser.registerOscHandler(52, asks);
}

/** Reports that xterm.js sends of its own accord, not because of a person. */
export function isReport(data: string): boolean {
  return /^\x1b\](?:4|1[0-2]);/.test(data) || /^\x1b\[\?997;[12]n$/.test(data);
}
