/** A long text in blocks, of which a browser lays out only those that are looked at. Pure. */

/** Characters, more or less: a screen or two. */
const BLOCK = 2_000;

/**
 * Cuts a text at ends of lines. Joined by "\n", the blocks are the text. None but the last ends with an end of a line,
 * of which a browser would show nothing.
 */
export function blocks(text: string): string[] {
  const all: string[] = [];
  let from = 0;
  for (let end = text.indexOf("\n", BLOCK); end !== -1 && end + 1 < text.length;) {
    const cut = text[end - 1] !== "\n";
    if (cut) {
      all.push(text.slice(from, end));
      from = end + 1;
    }
    end = text.indexOf("\n", cut ? from + BLOCK : end + 1);
  }
  all.push(text.slice(from));
  return all;
}

/** Lines of a block, where none is too long for the screen. */
export function lines(block: string): number {
  let count = 1;
  for (let at = block.indexOf("\n"); at !== -1; at = block.indexOf("\n", at + 1)) count += 1;
  return count;
}
