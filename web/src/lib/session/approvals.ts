/**
 * What is asked of a person, whole: fetched piece by piece, and shown only once its bytes are those that a decision
 * names. Nothing that a host says here is believed before that. Pure.
 */

import { backend } from "../seal";
import { utf8 } from "../wire";
import { CallError, type Approval, type Asked, type Calls } from "./message";
import { NotShown, readRequest, type Shown } from "./request";

export { NotShown, type Shown };

/** Bytes of a request. */
export const MAX_REQUEST = 1024 * 1024;
/** Answers that it may come in. */
export const MAX_PIECES = 256;

/** Asks the host for one piece. */
export type FetchPiece = (params: Calls["approval.request"][0]) => Promise<Asked>;

/**
 * All of what `approval` asks. Rejects with {@link NotShown} where it is not what a decision would name, or cannot be
 * read; and with what `fetch` rejected with where the connection broke, which says nothing about it.
 */
export async function fetchRequest(fetch: FetchPiece, session: string, approval: Approval): Promise<Shown> {
  return readRequest(await fetchText(fetch, session, approval));
}

async function fetchText(fetch: FetchPiece, session: string, { id, length, digest }: Approval): Promise<string> {
  if (!(length > 0 && length <= MAX_REQUEST)) throw new NotShown("What is asked is larger than can be shown.");
  const texts: string[] = [];
  let have = 0;
  for (let piece = 0; piece < MAX_PIECES; piece++) {
    const { text, next } = await fetchPiece(fetch, { session, approval: id, from: have });
    if (typeof text !== "string") throw new NotShown("The host does not send what is asked as text.");
    have += utf8(text).length;
    texts.push(text);
    if (have > length) throw new NotShown("The host sends more than what is asked.");
    if (next === undefined || next === null) return checked(texts.join(""), length, digest);
    // A piece of nothing would go on for ever.
    if (text === "" || next !== have) throw new NotShown("The host does not come to an end with what is asked.");
  }
  throw new NotShown("The host sends what is asked in too many pieces.");
}

async function fetchPiece(fetch: FetchPiece, params: Calls["approval.request"][0]): Promise<Asked> {
  try {
    return await fetch(params);
  } catch (error) {
    if (error instanceof CallError) throw new NotShown(`The host does not give what is asked: ${error.message}.`);
    throw error;
  }
}

async function checked(text: string, length: number, digest: string): Promise<string> {
  const bytes = utf8(text);
  const sum = await (await backend()).sha256(bytes);
  const hex = Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (bytes.length !== length || hex !== digest)
    throw new NotShown("What the host sends is not what waits for a decision: its digest is another.");
  return text;
}
