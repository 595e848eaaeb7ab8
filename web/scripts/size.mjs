// Fails if the first load, everything that is fetched before a terminal shows, is over its limit.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const LIMIT = 180_000;
// Loaded on use, or (WebGL, links) once a terminal shows: reached from the app by import(), and nothing waits for it.
const LATER = [
  /seal\/plain/,
  /addon-webgl/,
  /addon-web-links/,
  /addon-search/,
  /addon-serialize/,
  /(Search|Settings|NewSession|Menu|Sheet|Composer|Sent|sending|Inbox|Chat)\.svelte/,
];

const dist = new URL("../dist/", import.meta.url).pathname;
const manifestFile = new URL("../node_modules/.cache/longrein-manifest.json", import.meta.url).pathname;
if (!existsSync(manifestFile)) {
  console.error("There is no build to measure. Run `npm run build` first.");
  process.exit(1);
}
const manifest = JSON.parse(readFileSync(manifestFile, "utf8"));

const files = new Set(["index.html", "manifest.webmanifest", "icon.svg"]);
const seen = new Set();
function follow(key) {
  if (seen.has(key)) return;
  seen.add(key);
  const chunk = manifest[key];
  files.add(chunk.file);
  for (const css of chunk.css ?? []) files.add(css);
  for (const next of chunk.imports ?? []) follow(next);
  for (const next of chunk.dynamicImports ?? []) if (!LATER.some((later) => later.test(next))) follow(next);
}
follow("index.html");

let total = 0;
for (const file of [...files].sort()) {
  const packed = join(dist, `${file}.gz`);
  const bytes = statSync(existsSync(packed) ? packed : join(dist, file)).size;
  total += bytes;
  console.log(`${String(bytes).padStart(8)}  ${file}`);
}
console.log(`${String(total).padStart(8)}  first load, gzipped (limit ${LIMIT})`);
if (total > LIMIT) {
  console.error("The first load is over its limit.");
  process.exit(1);
}
