// The processes of a session.
import { execFileSync } from "node:child_process";
import process from "node:process";

/** The processes below one, as `ps` shows them. */
export function below(keeper) {
  const shown = execFileSync("ps", ["-eo", "pid=,ppid=,args="], {
    encoding: "utf8",
  });
  const all = shown
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((found) => found !== null)
    .map(([, pid, parent, args]) => ({ pid: +pid, parent: +parent, args }));
  const found = new Set([keeper]);
  for (let known = 0; known < found.size;) {
    known = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => pid !== keeper && found.has(pid));
}

/** The hooks among them that wait for an answer. */
export function hooks(keeper) {
  return below(keeper)
    .filter(({ args }) => /^\S*longrein hook$/.test(args))
    .map(({ pid }) => pid);
}

export function runs(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
