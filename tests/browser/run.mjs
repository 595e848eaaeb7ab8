// Runs every *.test.mjs of a folder, one after another, and ends with one line that says how it went.
import { readdirSync } from "node:fs";
import { spec as Spec } from "node:test/reporters";
import { run } from "node:test";
import process from "node:process";

export async function runFolder(folder, name, only = [""]) {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".test.mjs"))
    .filter((name) => only.some((begin) => name.startsWith(begin)))
    .sort()
    .map((name) => folder + name);
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  const stream = run({ files, concurrency: 1, timeout: 900_000 });
  stream.on("test:pass", (event) => {
    if (event.details.type === "suite" || event.nesting === 0) return;
    // A reason stands there where one was given.
    if (event.skip === undefined) passed += 1;
    else skipped += 1;
  });
  stream.on("test:fail", (event) => {
    if (event.details.type !== "suite") failed += 1;
  });
  stream.compose(new Spec()).pipe(process.stdout);
  await new Promise((resolve) => stream.once("end", resolve));
  process.on("exit", () => console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped`));
  if (failed > 0 || passed === 0) process.exitCode = 1;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  await runFolder(new URL(".", import.meta.url).pathname, "browser");
}
