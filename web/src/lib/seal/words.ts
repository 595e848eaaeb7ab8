import { concat, utf8, type Bytes } from "../wire";
import type { Backend } from "./backend";

/** The words of a handshake hash: the first 44 bits of `SHA-256("longrein/1 words" || hash)`, eleven bits a word. */
export async function wordsOf(hash: Bytes, by: Backend): Promise<readonly string[]> {
  const digest = await by.sha256(concat(utf8("longrein/1 words"), hash));
  // Only pairing shows words, so that only pairing loads the list.
  const list = (await import("../../../../vectors/words.txt?raw")).default.trim().split("\n");
  const bits = digest.slice(0, 6).reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
  return [37n, 26n, 15n, 4n].map((shift) => list[Number((bits >> shift) & 0x7ffn)] ?? "");
}
