import { readFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Writes the list of this build's files into the service worker, so that it can cache the shell. */
function shellList(): Plugin {
  return {
    name: "longrein-shell-list",
    apply: "build",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const worker = bundle["sw.js"];
        if (worker?.type !== "chunk") return;
        const files = Object.keys(bundle)
          .filter((name) => name !== "sw.js" && !name.startsWith("."))
          .sort()
          .map((name) => (name === "index.html" ? "/" : `/${name}`));
        if (!files.includes("/")) files.unshift("/");
        worker.code = worker.code.replace(/["'`]__SHELL_FILES__["'`]/, JSON.stringify(files));
      },
    },
  };
}

/** A list of words, each as how many letters it begins with of the one before it, and the rest: a quarter less to load. */
function fronts(): Plugin {
  const query = "?fronts";
  return {
    name: "longrein-fronts",
    enforce: "pre",
    load(id) {
      if (!id.endsWith(query)) return null;
      const words = readFileSync(id.slice(0, -query.length), "utf8").trim().split("\n");
      const coded = words.map((word, n) => {
        const before = words[n - 1] ?? "";
        let same = 0;
        while (same < word.length && word[same] === before[same]) same += 1;
        return `${same}${word.slice(same)}`;
      });
      return { code: `export default ${JSON.stringify(coded.join(""))};`, moduleType: "js" };
    },
  };
}

const { version } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")) as { version: string };

export default defineConfig({
  define: { __VERSION__: JSON.stringify(version) },
  plugins: [svelte(), shellList(), fronts()],
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    manifest: true,
    // The content security policy allows files of our own only: nothing may become a data: URL.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: "index.html", sw: "src/sw.ts" },
      output: {
        entryFileNames: (chunk) => (chunk.name === "sw" ? "sw.js" : "assets/[name]-[hash].js"),
      },
    },
  },
  test: {
    include: ["src/**/*.test.ts"],
    environment: "node",
  },
});
