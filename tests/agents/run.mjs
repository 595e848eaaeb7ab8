// Runs every *.test.mjs of this folder, or of the agents that $AGENTS names (such as claude,codex), one after another, and
// ends with one line that says how it went.
import process from "node:process";
import { runFolder } from "../browser/run.mjs";

// Agents take their time where a machine is busy.
process.env.LONGREIN_TEST_PATIENCE ??= "180000";
const only = process.env.AGENTS?.split(",");
await runFolder(new URL(".", import.meta.url).pathname, "agents", only);
