#!/usr/bin/env node
// Stands in for Claude Code without a terminal: JSON lines on its standard input and output, and no model behind it.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const say = (json) => process.stdout.write(`${JSON.stringify(json)}\n`);
let said = 0;

function text(words) {
  said += 1;
  const id = `msg_${said}`;
  const stream = (event) => say({ type: "stream_event", event, parent_tool_use_id: null });
  stream({ type: "message_start", message: { id } });
  stream({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } });
  for (const word of words.match(/[^ ]* ?/g))
    stream({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: word } });
  say({ type: "assistant", message: { id, content: [{ type: "text", text: words }] }, parent_tool_use_id: null });
}

function over() {
  say({
    type: "result",
    subtype: "success",
    is_error: false,
    duration_ms: 1200,
    total_cost_usd: 0.02 * said,
    usage: { input_tokens: 1000, output_tokens: 20 },
  });
}

const INPUT = { command: "echo done > made", description: "Make a file" };

const does = {
  hello: () => text("Hello, **you**. <img src=x onerror=alert(1)>"),
  many: () => {
    for (let n = 1; n <= 400; n++) text(`line ${n} ${"of many ".repeat(60)}`);
  },
  file: (prompt) => {
    const path = prompt.trim().split("\n").at(-1);
    text(`It has ${readFileSync(path).length} bytes.`);
  },
  run: () => {
    const content = [{ type: "tool_use", id: "call_1", name: "Bash", input: INPUT }];
    say({ type: "assistant", message: { id: "msg_run", content }, parent_tool_use_id: null });
    const request = { subtype: "can_use_tool", tool_name: "Bash", tool_use_id: "call_1", input: INPUT };
    say({ type: "control_request", request_id: "ask-1", request });
    return true;
  },
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const heard = JSON.parse(line);
  if (heard.type === "control_request") {
    const answers = {
      initialize: {
        commands: [
          { name: "compact", description: "Shorten it" },
          { name: "cost", description: "" },
        ],
      },
      set_permission_mode: { mode: heard.request.mode },
    };
    const response = answers[heard.request.subtype] ?? {};
    say({ type: "control_response", response: { subtype: "success", request_id: heard.request_id, response } });
  } else if (heard.type === "control_response") {
    const allowed = heard.response.response.behavior === "allow";
    const content = allowed ? "\u001b[32mmade\u001b[0m" : "denied";
    say({
      type: "user",
      message: { content: [{ type: "tool_result", tool_use_id: "call_1", content, is_error: !allowed }] },
      parent_tool_use_id: null,
    });
    text(allowed ? "It is made." : "It was not allowed.");
    over();
  } else if (heard.type === "user") {
    const prompt = heard.message.content[0].text;
    say({ type: "system", subtype: "init", session_id: "s", model: "none", permissionMode: "default" });
    const waits = (does[prompt.split(/\s/)[0]] ?? (() => text(`You said: ${prompt}`)))(prompt);
    if (!waits) over();
  }
});
