// Runs every *.test.mjs of this folder, or of the agents that $AGENTS names (such as claude,codex), one after another, and
// ends with one line that says how it went.
import process from "node:process";
import { runFolder } from "../browser/run.mjs";

const only = process.env.AGENTS?.split(",");
await runFolder(new URL(".", import.meta.url).pathname, "agents", only);
