import { concat, utf8, type Bytes } from "../wire";
import type { Backend } from "./backend";

/** The words of a handshake hash: the first 44 bits of `SHA-256("longrein/1 words" || hash)`, eleven bits a word. */
export async function wordsOf(hash: Bytes, by: Backend): Promise<readonly string[]> {
  const digest = await by.sha256(concat(utf8("longrein/1 words"), hash));
  // Only pairing shows words, so that only pairing loads the list.
  const list = read((await import("../../../../vectors/words.txt?fronts")).default);
  const bits = digest.slice(0, 6).reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
  return [37n, 26n, 15n, 4n].map((shift) => list[Number((bits >> shift) & 0x7ffn)] ?? "");
}

/** Each word begins with so many letters of the one before it, and goes on with its own. */
export function read(fronts: string): string[] {
  let word = "";
  return Array.from(fronts.matchAll(/(\d)([a-z]*)/g), ([, same, rest = ""]) => {
    word = word.slice(0, Number(same)) + rest;
    return word;
  });
}
