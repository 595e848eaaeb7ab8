// A model that answers by a script, for tests of real agents without a network. No dependencies; loopback only.
//   node model.mjs [--port 8787] [--script script.json] [--log log.jsonl]
// Speaks Anthropic Messages, OpenAI Responses, OpenAI Chat Completions and Gemini generateContent, streaming and not.
// It keeps no state: of each request the newest text of a person chooses a rule (a regular expression), and the number of
// tool results behind it the rule's step, so that a request that is made again is answered the same.
import http from "node:http";
import fs from "node:fs";
const arg = (n, d) => {
  const i = process.argv.indexOf("--" + n);
  return i > 0 ? process.argv[i + 1] : d;
};
const PORT = +arg("port", 8787),
  SCRIPT = arg("script", new URL("./script.json", import.meta.url).pathname),
  LOG = arg("log", "");
const log = (o) => LOG && fs.appendFileSync(LOG, JSON.stringify(o) + "\n");
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const rules = () => JSON.parse(fs.readFileSync(SCRIPT, "utf8")); // re-read on each request: editable live
// strip harness-injected context so that rules see what the human typed
const clean = (s) =>
  s
    .replace(
      /<(system-reminder|environment_context|session_context|user_instructions|permissions instructions|INSTRUCTIONS)[\s\S]*?<\/\1>/g,
      "",
    )
    .trim();

function pick(human, results, tools) {
  for (const r of rules()) {
    if (r.when_no_tools && tools.length) continue;
    if (!new RegExp(r.match, "is").test(human)) continue;
    const step = r.steps[Math.min(results.length, r.steps.length - 1)];
    const last = results.length
      ? String(results[results.length - 1]).slice(0, 200)
      : "";
    return (Array.isArray(step) ? step : [step]).map((s, i) => ({
      ...s,
      text: s.text?.replaceAll("{{last_result}}", last),
      id: `${results.length}_${i}`,
    }));
  }
  return [{ text: "FAKE: no rule for: " + human.slice(0, 80), id: "0_0" }];
}
// find the newest human text + tool results after it, in a neutral list [{human}|{result}]
function locate(items) {
  let h = -1;
  items.forEach((x, i) => {
    if (x.human && clean(x.human)) h = i;
  });
  return [
    h < 0 ? "" : clean(items[h].human),
    items
      .slice(h + 1)
      .filter((x) => "result" in x)
      .map((x) => x.result),
  ];
}
const flat = (c) =>
  typeof c === "string"
    ? c
    : Array.isArray(c)
      ? c.map((b) => b.text ?? b.content ?? "").join("")
      : JSON.stringify(c ?? "");
const toolName = (s, tools) =>
  (Array.isArray(s.tool) ? s.tool.find((t) => tools.includes(t)) : s.tool) ??
  s.tool[0];
const toolInput = (s, name) => s.inputs?.[name] ?? s.input ?? {};
// the file that an agent wants its plan in, or a file in the folder that it wants it in, as it tells its model
const withPlanFile = (input, body) =>
  input.file_path === "{{plan_file}}"
    ? {
        ...input,
        file_path: /[^\s"`\\]+\/plans\/(?:[^\s"`\\]+\.md)?/
          .exec(JSON.stringify(body))?.[0]
          .replace(/\/$/, "/plan.md"),
      }
    : input;
const chunks = (t, n = 12) =>
  t.match(new RegExp(`[\\s\\S]{1,${n}}`, "g")) ?? [""];

const api = {
  async anthropic(b, send, end) {
    const items = [];
    for (const m of b.messages)
      for (const c of typeof m.content === "string"
        ? [{ type: "text", text: m.content }]
        : m.content) {
        if (m.role !== "user") continue;
        if (c.type === "tool_result") items.push({ result: flat(c.content) });
        else if (c.type === "text") items.push({ human: c.text });
      }
    const tools = (b.tools ?? []).map((t) => t.name),
      [human, results] = locate(items),
      steps = pick(human, results, tools);
    log({
      api: "anthropic",
      model: b.model,
      stream: !!b.stream,
      n: b.messages.length,
      tools: tools.length,
      human,
      results: results.map((r) => r.slice(0, 300)),
      steps,
    });
    const content = [],
      id = "msg_fake_" + b.messages.length;
    let delay = 0,
      err;
    for (const s of steps) {
      delay += s.delay_ms ?? 0;
      err ??= s.error;
      if (s.thinking)
        content.push({
          type: "thinking",
          thinking: s.thinking,
          signature: "ZmFrZQ==",
        });
      if (s.text != null) content.push({ type: "text", text: s.text });
      if (s.tool) {
        const name = toolName(s, tools);
        content.push({
          type: "tool_use",
          id: `toolu_fake_${b.messages.length}_${s.id}`,
          name,
          input: withPlanFile(toolInput(s, name), b),
        });
      }
    }
    if (err)
      return end(err.status ?? 529, {
        type: "error",
        error: {
          type: err.type ?? "overloaded_error",
          message: err.message ?? "fake error",
        },
      });
    await sleep(delay);
    const stop = content.some((c) => c.type === "tool_use")
      ? "tool_use"
      : "end_turn";
    const usage = {
      input_tokens: 100,
      output_tokens: 20,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
    };
    const msg = {
      id,
      type: "message",
      role: "assistant",
      model: b.model,
      content,
      stop_reason: stop,
      stop_sequence: null,
      usage,
    };
    if (!b.stream) return end(200, msg);
    const ev = (d) => send(`event: ${d.type}\ndata: ${JSON.stringify(d)}\n\n`);
    ev({
      type: "message_start",
      message: {
        ...msg,
        content: [],
        stop_reason: null,
        usage: { ...usage, output_tokens: 1 },
      },
    });
    for (const [index, c] of content.entries()) {
      const start =
        c.type === "text"
          ? { type: "text", text: "" }
          : c.type === "thinking"
            ? { type: "thinking", thinking: "", signature: "" }
            : { ...c, input: {} };
      ev({ type: "content_block_start", index, content_block: start });
      if (c.type === "text")
        for (const t of chunks(c.text)) {
          ev({
            type: "content_block_delta",
            index,
            delta: { type: "text_delta", text: t },
          });
          await sleep(steps[0].chunk_ms ?? 5);
        }
      if (c.type === "thinking") {
        ev({
          type: "content_block_delta",
          index,
          delta: { type: "thinking_delta", thinking: c.thinking },
        });
        ev({
          type: "content_block_delta",
          index,
          delta: { type: "signature_delta", signature: c.signature },
        });
      }
      if (c.type === "tool_use")
        for (const t of chunks(JSON.stringify(c.input), 30))
          ev({
            type: "content_block_delta",
            index,
            delta: { type: "input_json_delta", partial_json: t },
          });
      ev({ type: "content_block_stop", index });
    }
    ev({
      type: "message_delta",
      delta: { stop_reason: stop, stop_sequence: null },
      usage: { output_tokens: 20 },
    });
    ev({ type: "message_stop" });
    end();
  },

  async responses(b, send, end) {
    const items = [];
    for (const it of typeof b.input === "string"
      ? [{ role: "user", content: b.input }]
      : b.input) {
      if (/_output$/.test(it.type ?? ""))
        items.push({ result: flat(it.output) });
      else if (it.role === "user")
        for (const c of typeof it.content === "string"
          ? [{ text: it.content }]
          : it.content)
          if (c.text && !/^\s*(# AGENTS\.md|<[a-z_ ]+>)/.test(c.text))
            items.push({ human: c.text });
    }
    const tools = (b.tools ?? []).map((t) => t.name ?? t.type),
      [human, results] = locate(items),
      steps = pick(human, results, tools);
    log({
      api: "responses",
      model: b.model,
      stream: !!b.stream,
      tools,
      human,
      results: results.map((r) => r.slice(0, 300)),
      steps,
    });
    const rid = "resp_fake_" + b.input.length,
      out = [];
    let delay = 0;
    for (const s of steps) {
      delay += s.delay_ms ?? 0;
      if (s.text != null)
        out.push({
          type: "message",
          id: "msg_" + s.id,
          status: "completed",
          role: "assistant",
          content: [{ type: "output_text", text: s.text, annotations: [] }],
        });
      if (s.tool) {
        const name = toolName(s, tools),
          input = toolInput(s, name),
          call_id = `call_${b.input.length}_${s.id}`;
        out.push(
          typeof input === "string"
            ? {
                type: "custom_tool_call",
                id: "ctc_" + s.id,
                call_id,
                name,
                input,
                status: "completed",
              }
            : {
                type: "function_call",
                id: "fc_" + s.id,
                call_id,
                name,
                arguments: JSON.stringify(input),
                status: "completed",
              },
        );
      }
    }
    await sleep(delay);
    const usage = {
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 20,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 120,
    };
    const done = {
      id: rid,
      object: "response",
      created_at: 1,
      status: "completed",
      model: b.model,
      output: out,
      usage,
    };
    if (!b.stream) return end(200, done);
    let seq = 0;
    const ev = (d) =>
      send(
        `event: ${d.type}\ndata: ${JSON.stringify({ ...d, sequence_number: seq++ })}\n\n`,
      );
    ev({
      type: "response.created",
      response: { ...done, status: "in_progress", output: [] },
    });
    for (const [output_index, item] of out.entries()) {
      ev({
        type: "response.output_item.added",
        output_index,
        item:
          item.type === "message"
            ? { ...item, content: [], status: "in_progress" }
            : item,
      });
      if (item.type === "message")
        for (const t of chunks(item.content[0].text)) {
          ev({
            type: "response.output_text.delta",
            item_id: item.id,
            output_index,
            content_index: 0,
            delta: t,
          });
          await sleep(5);
        }
      ev({ type: "response.output_item.done", output_index, item });
    }
    ev({ type: "response.completed", response: done });
    end();
  },

  async chat(b, send, end) {
    const items = [];
    for (const m of b.messages) {
      if (m.role === "user") items.push({ human: flat(m.content) });
      if (m.role === "tool") items.push({ result: flat(m.content) });
    }
    const tools = (b.tools ?? []).map((t) => t.function.name),
      [human, results] = locate(items),
      steps = pick(human, results, tools);
    log({
      api: "chat",
      model: b.model,
      stream: !!b.stream,
      tools,
      human,
      results: results.map((r) => r.slice(0, 300)),
      steps,
    });
    const text = steps
      .filter((s) => s.text != null)
      .map((s) => s.text)
      .join("");
    const tool_calls = steps
      .filter((s) => s.tool)
      .map((s, index) => {
        const name = toolName(s, tools);
        return {
          index,
          id: `call_${b.messages.length}_${s.id}`,
          type: "function",
          function: { name, arguments: JSON.stringify(toolInput(s, name)) },
        };
      });
    const finish_reason = tool_calls.length ? "tool_calls" : "stop",
      usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
    const base = { id: "chatcmpl-fake", created: 1, model: b.model };
    await sleep(steps.reduce((a, s) => a + (s.delay_ms ?? 0), 0));
    if (!b.stream)
      return end(200, {
        ...base,
        object: "chat.completion",
        usage,
        choices: [
          {
            index: 0,
            finish_reason,
            message: {
              role: "assistant",
              content: text,
              ...(tool_calls.length && { tool_calls }),
            },
          },
        ],
      });
    const ev = (delta, fr = null, extra = {}) =>
      send(
        `data: ${JSON.stringify({ ...base, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: fr }], ...extra })}\n\n`,
      );
    ev({ role: "assistant", content: "" });
    if (text)
      for (const t of chunks(text)) {
        ev({ content: t });
        await sleep(5);
      }
    if (tool_calls.length) ev({ tool_calls });
    ev({}, finish_reason, { usage });
    send("data: [DONE]\n\n");
    end();
  },

  async gemini(b, send, end, url) {
    const items = [];
    for (const c of b.contents ?? [])
      if (c.role !== "model")
        for (const p of c.parts ?? []) {
          if (p.functionResponse)
            items.push({ result: JSON.stringify(p.functionResponse.response) });
          else if (p.text) items.push({ human: p.text });
        }
    const tools = (b.tools ?? []).flatMap((t) =>
        (t.functionDeclarations ?? []).map((f) => f.name),
      ),
      [human, results] = locate(items);
    const steps = pick(human, results, tools);
    log({
      api: "gemini",
      url,
      tools,
      human,
      results: results.map((r) => r.slice(0, 300)),
      steps,
    });
    await sleep(steps.reduce((a, s) => a + (s.delay_ms ?? 0), 0));
    const parts = steps.flatMap((s) => [
      ...(s.text != null ? [{ text: s.text }] : []),
      ...(s.tool
        ? [
            (() => {
              const name = toolName(s, tools);
              const args = withPlanFile(toolInput(s, name), b);
              return { functionCall: { name, args } };
            })(),
          ]
        : []),
    ]);
    const r = {
      candidates: [
        { content: { role: "model", parts }, finishReason: "STOP", index: 0 },
      ],
      usageMetadata: {
        promptTokenCount: 100,
        candidatesTokenCount: 20,
        totalTokenCount: 120,
      },
      modelVersion: "fake",
    };
    if (/stream/.test(url)) {
      send(`data: ${JSON.stringify(r)}\n\n`);
      return end();
    }
    end(200, r);
  },
};

http
  .createServer((req, res) => {
    let body = "";
    req.on("data", (d) => (body += d));
    req.on("end", async () => {
      let b = {};
      try {
        b = JSON.parse(body || "{}");
      } catch {}
      const p = req.url.split("?")[0];
      const json = (code, o) => {
        res.writeHead(code, { "content-type": "application/json" });
        res.end(JSON.stringify(o));
      };
      const send = (s) => {
        if (!res.headersSent)
          res.writeHead(200, {
            "content-type": "text/event-stream",
            "cache-control": "no-cache",
          });
        res.write(s);
      };
      const end = (code, o) => (o ? json(code, o) : res.end());
      try {
        if (p.endsWith("/messages/count_tokens"))
          return json(200, { input_tokens: 100 });
        if (p.endsWith("/messages")) return await api.anthropic(b, send, end);
        if (p.endsWith("/responses")) return await api.responses(b, send, end);
        if (p.endsWith("/chat/completions"))
          return await api.chat(b, send, end);
        if (/[gG]enerateContent$/.test(p))
          return await api.gemini(b, send, end, req.url);
        if (/countTokens$/.test(p)) return json(200, { totalTokens: 100 });
        log({
          api: "other",
          method: req.method,
          url: req.url,
          body: body.slice(0, 300),
        });
        if (p.endsWith("/models"))
          return json(200, {
            object: "list",
            data: [{ id: "fake-model", object: "model", type: "model" }],
            models: [],
          });
        json(req.method === "HEAD" ? 200 : 404, {
          type: "error",
          error: { type: "not_found_error", message: "fake: " + p },
        });
      } catch (e) {
        log({ api: "error", error: String(e.stack) });
        if (!res.headersSent) json(500, { error: String(e) });
        else res.end();
      }
    });
  })
  .listen(PORT, "127.0.0.1", () => console.log("listening"));
