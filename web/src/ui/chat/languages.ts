/** Colours of code, for the languages that agents write most. Loaded with the first code that is shown. */

import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";
import { visible } from "../../lib/session/pending";
import type { Part } from "../approvals/diff";

const lowlight = createLowlight({
  bash,
  c,
  cpp,
  css,
  diff,
  go,
  ini,
  java,
  json,
  python,
  rust,
  sql,
  typescript,
  xml,
  yaml,
});
lowlight.registerAlias({ typescript: ["javascript", "js", "jsx", "mjs", "tsx"], xml: ["svelte", "vue"] });

/** What is longer has one colour. Characters. */
const MAX = 50_000;

/** A run of code, and which of highlight.js' names it has. */
export interface Run {
  text: string;
  name: string;
}

/** Null where the language is not one of these. */
export function runs(text: string, language: string): Run[] | null {
  const name = language.toLowerCase();
  if (text.length > MAX || !lowlight.registered(name)) return null;
  const found: Run[] = [];
  const walk = (nodes: readonly unknown[], name: string) => {
    for (const node of nodes) {
      const { type, value, properties, children } = node as {
        type: string;
        value?: string;
        properties?: { className?: readonly string[] };
        children?: readonly unknown[];
      };
      if (type === "text") found.push({ text: value ?? "", name });
      else walk(children ?? [], properties?.className?.[0]?.replace("hljs-", "") ?? name);
    }
  };
  walk(lowlight.highlight(name, text).children, "");
  return found;
}

/** Of a file by its path: what comes last in its name, which is what most languages are called by. */
export function languageOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name === "Makefile" ? "" : name.slice(name.lastIndexOf(".") + 1);
}

/**
 * Each of the texts' lines in runs, in the order in which they stand in the parts of a comparison; null where a text has no
 * colours. What stays has those of the text that is to be.
 */
export function coloured(parts: readonly Part[], language: string): (readonly (readonly Run[])[] | null)[] {
  const text = (kinds: readonly Part["kind"][]) =>
    parts.flatMap(({ kind, lines }) => (kinds.includes(kind) ? lines : [])).join("\n");
  const [before, after] = [text(["same", "old"]), text(["same", "new"])].map((text) => byLine(text, language));
  let [old, now] = [0, 0];
  return parts.map(({ kind, lines: { length } }) => {
    const found = kind === "old" ? before?.slice(old, old + length) : after?.slice(now, now + length);
    if (kind !== "new") old += length;
    if (kind !== "old") now += length;
    return found ?? null;
  });
}

function byLine(text: string, language: string): Run[][] | null {
  const lines: Run[][] = [[]];
  const found = runs(visible(text), language);
  for (const { text, name } of found ?? []) {
    for (const [n, part] of text.split("\n").entries()) {
      if (n > 0) lines.push([]);
      if (part !== "") lines.at(-1)?.push({ text: part, name });
    }
  }
  return found === null || lines.length !== text.split("\n").length ? null : lines;
}
