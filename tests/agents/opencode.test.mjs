// opencode, the real one: in its terminal, where desk and phone are asked at once, and without one.
import assert from "node:assert/strict";
import { it } from "node:test";
import { structured, terminal } from "./contract.mjs";
import { below } from "./processes.mjs";

const PLAN =
  "opencode has no plan that is to be allowed; it shows what it means to do";

terminal("opencode", {
  command: ["opencode"],
  dialog: "Permission required",
  plan: PLAN,
  more(chat) {
    const { desk } = chat;

    it("lets nobody in who does not know its password", async () => {
      const { keeper_pid: keeper } = await desk.summary(chat.session);
      const { args } = below(keeper).find(({ args }) =>
        / --port \d+ /.test(args),
      );
      const port = / --port (\d+) /.exec(args)[1];
      for (const path of ["/permission", "/event", "/session", "/doc"]) {
        const { status } = await fetch(`http://127.0.0.1:${port}${path}`);
        assert.equal(status, 401, path);
      }
    });
  },
});

structured("opencode", {
  start: ["opencode"],
  // Its question tool is for its own interfaces: where it is spoken to over the protocol, it offers its model none, and
  // with OPENCODE_ENABLE_QUESTION_TOOL it asks, but tells nobody so.
  question: "opencode asks no questions over the Agent Client Protocol",
  plan: PLAN,
});
