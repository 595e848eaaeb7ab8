// Asks the session's own keeper: as any program does, with whatever its request can have, or as an agent's hook.
import { createConnection } from "node:net";
import { join } from "node:path";
import { PATIENCE, until } from "./host.mjs";

function packed(header) {
  const json = Buffer.from(JSON.stringify(header));
  return (payload = Buffer.alloc(0)) => {
    const message = Buffer.alloc(8 + json.length + payload.length);
    message.writeUInt32BE(4 + json.length + payload.length, 0);
    message.writeUInt32BE(json.length, 4);
    json.copy(message, 8);
    payload.copy(message, 8 + json.length);
    return message;
  };
}

/** Bytes of a request in one message. */
const PIECE = 16 * 1024;

export class Asker {
  #socket;
  #session;
  #decided = () => this.#next(({ t, approval }) => t === "decided" && approval === this.approval.id);
  #heard = [];
  #wanted = [];

  /** Resolves once the request waits. What a program asks is allowed for once only, so it has no scope. */
  static async ask(host, session, request) {
    const asker = new Asker(host, session);
    asker.#tell("ask", request);
    const { approval, why } = await asker.#next(({ t }) => t === "asked");
    if (approval === undefined) throw new Error(why.message);
    asker.approval = approval;
    return asker;
  }

  /** As Claude before it calls a tool, in a session of its own; also where it is allowed without anybody being asked. */
  static async hook(host, session, name, input) {
    const approvals = async () => (await host.json("approvals", "--all")).filter((one) => one.session === session);
    const before = (await approvals()).map(({ id }) => id);
    const asker = new Asker(host, session);
    const call = { session_id: "conversation", cwd: host.home, tool_name: name, tool_input: input };
    asker.#tell("hook", { hook_event_name: "PermissionRequest", ...call });
    const asked = async () => (await approvals()).find(({ id }) => !before.includes(id));
    asker.approval = await until(asked, "what was asked by a hook");
    asker.#decided = async () => {
      await asker.#next(({ t }) => t === "hooked");
      return (await approvals()).find(({ id }) => id === asker.approval.id);
    };
    return asker;
  }

  constructor(host, session) {
    this.#session = session;
    this.#socket = createConnection(join(host.home, "run", "k", `${session}.sock`));
    let rest = Buffer.alloc(0);
    this.#socket.on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
        const length = rest.readUInt32BE(0);
        this.#hear(JSON.parse(rest.subarray(8, 8 + rest.readUInt32BE(4))));
        rest = rest.subarray(4 + length);
      }
    });
    // What ends too early is missed by whoever waits for it.
    this.#socket.on("error", () => undefined);
    this.#socket.write(packed({ t: "hello", client: "test", version: 1, features: [], stream: "streamstreamstre" })());
  }

  #tell(t, what) {
    const bytes = Buffer.from(JSON.stringify(what));
    for (let from = 0; from < bytes.length; from += PIECE) {
      const last = from + PIECE >= bytes.length;
      this.#socket.write(packed({ t, session: this.#session, last })(bytes.subarray(from, from + PIECE)));
    }
  }

  /** What became of it. */
  decided() {
    return this.#decided();
  }

  /** It is withdrawn, where it waits still. */
  close() {
    this.#socket.destroy();
  }

  #next(wanted) {
    const already = this.#heard.find(wanted);
    if (already !== undefined) return Promise.resolve(already);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("the keeper did not answer")), PATIENCE);
      this.#wanted.push((message) => {
        if (!wanted(message)) return;
        clearTimeout(timer);
        resolve(message);
      });
    });
  }

  #hear(message) {
    this.#heard.push(message);
    for (const hear of this.#wanted) hear(message);
  }
}
