// Runs every *.test.mjs of this folder, one after another, and ends with one line that says how it went.
import { runFolder } from "../browser/run.mjs";

await runFolder(new URL(".", import.meta.url).pathname, "agents");
