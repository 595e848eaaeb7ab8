/** One WebSocket to a relay, as a {@link Path}: ticket, subprotocols, frames, and the relay's own heartbeat. */

import {
  closeCodeOfWebSocket,
  decodeFrame,
  DecodeError,
  encodeFrame,
  FOREGROUND,
  HEARTBEAT,
  Liveness,
  SUBPROTOCOL,
  TICKET_PREFIX,
  type Bytes,
  type CloseCode,
} from "../wire";
import { PathError, type Path, type PathEvents } from "./io";

/** Silence after which the relay is asked: more of it while nobody looks. */
function pace(): number {
  return document.visibilityState === "visible" ? FOREGROUND : HEARTBEAT;
}

function why(code: CloseCode | undefined): string {
  switch (code) {
    case "refused":
      return "The relay refused this page.";
    case "limited":
      return "Too many connections at once.";
    case "restarting":
      return "The relay is restarting.";
    case "overflow":
      return "This device was too slow to keep up.";
    case "hostOffline":
      return "The host is not there.";
    case "timeout":
      return "The relay waited too long for this device.";
    default:
      return "The connection broke.";
  }
}

/** A ticket that is not there by then is asked for once more, beside. Milliseconds. */
const ASK_AGAIN = 1_200;
/** Requests for one ticket at once. */
const MAX_ASKED = 4;

/**
 * The first ticket that comes of several requests. After an outage the browser still has connections that swallow
 * everything, and sends the first requests over those; each further one takes another.
 */
async function firstTicket(relay: string, rid: string, signal: AbortSignal): Promise<string> {
  const done = new AbortController();
  const stop = () => done.abort();
  signal.addEventListener("abort", stop);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise<string>((resolve, reject) => {
      let asked = 0;
      const ask = () => {
        asked += 1;
        ticket(relay, rid, done.signal).then(resolve, reject);
        if (asked < MAX_ASKED) timer = setTimeout(ask, ASK_AGAIN);
      };
      ask();
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    done.abort();
  }
}

/** Asks the relay for a ticket to this slot. */
async function ticket(relay: string, rid: string, signal: AbortSignal): Promise<string> {
  let response: Response;
  try {
    response = await fetch(`${relay}/v1/ticket`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ rid }),
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal,
    });
  } catch {
    throw new PathError(navigator.onLine ? "The relay cannot be reached." : "This device is offline.");
  }
  if (response.status === 429) throw new PathError("The relay is busy.");
  if (!response.ok) throw new PathError(`The relay answered with status ${response.status}.`);
  const answer: unknown = await response.json().catch(() => null);
  const text = typeof answer === "object" && answer !== null && "ticket" in answer ? answer.ticket : null;
  if (typeof text !== "string" || !/^[\w-]{43}$/.test(text)) throw new PathError("What answers there is not a relay.");
  return text;
}

/** Opens a path to the slot `rid` on the relay at this origin. */
export async function dial(relay: string, rid: string, events: PathEvents, signal: AbortSignal): Promise<Path> {
  const right = await firstTicket(relay, rid, signal);
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${relay.replace(/^http/, "ws")}/v1/connect/${rid}`, [
      SUBPROTOCOL,
      `${TICKET_PREFIX}${right}`,
    ]);
    socket.binaryType = "arraybuffer";
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const liveness = new Liveness(pace(), Date.now(), Math.random());
    const end = (error: PathError) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      socket.close();
      reject(error);
      events.closed(error);
    };
    const beat = () => {
      clearTimeout(timer);
      const now = Date.now();
      liveness.setInterval(pace(), now, Math.random());
      const due = liveness.poll(now, Math.random());
      if (due === "dead") {
        end(new PathError("The relay was not heard any more."));
        return;
      }
      if (due === "ask" && socket.readyState === WebSocket.OPEN) {
        socket.send(encodeFrame({ type: "ping", id: crypto.getRandomValues(new Uint8Array(8)) }));
      }
      timer = setTimeout(beat, Math.max(0, liveness.deadline - now));
    };
    const received = (bytes: Bytes) => {
      const frame = decodeFrame(bytes);
      switch (frame.type) {
        case "data":
          events.data(frame.body);
          break;
        case "presence":
          events.presence(frame.online, frame.lastSeen);
          break;
        case "ping":
          socket.send(encodeFrame({ type: "pong", id: frame.id }));
          beat();
          break;
        case "close":
          end(new PathError(why(frame.code)));
          break;
        case "restarting":
          end(new PathError(why("restarting"), false, frame.ms));
          break;
        case "pong":
          beat();
          break;
      }
    };
    signal.addEventListener("abort", () => {
      over = true;
      clearTimeout(timer);
      socket.close();
    });
    socket.onopen = () => {
      beat();
      resolve({
        send: (body) => {
          if (socket.readyState === WebSocket.OPEN) socket.send(encodeFrame({ type: "data", body }));
        },
        close: () => {
          over = true;
          clearTimeout(timer);
          socket.close(1000);
        },
      });
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (over) return;
      liveness.heard(Date.now());
      try {
        if (!(data instanceof ArrayBuffer)) throw new DecodeError("unknown_type");
        received(new Uint8Array(data));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        end(new PathError("What answers there is not a relay."));
      }
    };
    socket.onclose = ({ code }) => end(new PathError(why(closeCodeOfWebSocket(code))));
  });
}
