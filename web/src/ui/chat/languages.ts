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
const MAX = 20_000;

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
