// Writes a .br and a .gz beside every text file of the build, so that nothing is compressed while serving.
import { readdirSync, readFileSync, renameSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = new URL("../dist/", import.meta.url).pathname;
const TEXT = new Set([".html", ".js", ".css", ".svg", ".webmanifest", ".json", ".txt"]);

// The bundler's manifest is for `npm run size`, not for the web.
mkdirSync(join(dist, "../node_modules/.cache"), { recursive: true });
renameSync(join(dist, ".vite/manifest.json"), join(dist, "../node_modules/.cache/longrein-manifest.json"));
rmSync(join(dist, ".vite"), { recursive: true });

for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const file = join(entry.parentPath, entry.name);
  if (!entry.isFile() || !TEXT.has(extname(file))) continue;
  const body = readFileSync(file);
  writeFileSync(`${file}.gz`, gzipSync(body, { level: 9 }));
  writeFileSync(
    `${file}.br`,
    brotliCompressSync(body, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
    }),
  );
}
