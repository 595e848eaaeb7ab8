// Asks as an agent's hook does: of the session's own keeper, with whatever a request can have.
import { createConnection } from "node:net";
import { join } from "node:path";
import { PATIENCE } from "./host.mjs";

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
  #heard = [];
  #wanted = [];

  /** Resolves once the request waits, or was allowed without anybody being asked. */
  static async ask(host, session, request) {
    const asker = new Asker();
    asker.#socket = createConnection(join(host.home, "run", "k", `${session}.sock`));
    let rest = Buffer.alloc(0);
    asker.#socket.on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
        const length = rest.readUInt32BE(0);
        asker.#hear(JSON.parse(rest.subarray(8, 8 + rest.readUInt32BE(4))));
        rest = rest.subarray(4 + length);
      }
    });
    // What ends too early is missed by whoever waits for it.
    asker.#socket.on("error", () => undefined);
    asker.#socket.write(packed({ t: "hello", client: "test", version: 1, features: [], stream: "streamstreamstre" })());
    const bytes = Buffer.from(JSON.stringify(request));
    for (let from = 0; from < bytes.length; from += PIECE) {
      const last = from + PIECE >= bytes.length;
      asker.#socket.write(packed({ t: "ask", session, last })(bytes.subarray(from, from + PIECE)));
    }
    const { approval, why } = await asker.#next(({ t }) => t === "asked");
    if (approval === undefined) throw new Error(why.message);
    asker.approval = approval;
    return asker;
  }

  /** What became of it. */
  decided() {
    return this.#next(({ t, approval }) => t === "decided" && approval === this.approval.id);
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
