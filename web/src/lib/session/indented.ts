/** JSON as people read it. Pure. */

/** Levels that stand on lines of their own; what is deeper stands in one line, as it would be sent. */
export const MAX_LEVELS = 8;

/** Null where it is nested so deeply that it cannot be written at all. However it is made, it takes a moment only. */
export function indented(value: unknown): string | null {
  let json: string;
  try {
    json = JSON.stringify(value) ?? "null";
  } catch {
    return null;
  }
  const parts: string[] = [];
  let level = 0;
  let from = 0;
  const line = (at: number) => {
    parts.push(json.slice(from, at), "\n", "  ".repeat(level));
    from = at;
  };
  for (let at = 0; at < json.length; at++) {
    switch (json.charCodeAt(at)) {
      case QUOTE:
        at = endOf(json, at);
        break;
      case OPEN:
      case BRACKET:
        level += 1;
        // An empty one stays together.
        if (level <= MAX_LEVELS && json.charCodeAt(at + 1) !== json.charCodeAt(at) + 2) line(at + 1);
        break;
      case CLOSE:
      case BRACKET_CLOSE:
        level -= 1;
        if (level < MAX_LEVELS && json.charCodeAt(at - 1) !== json.charCodeAt(at) - 2) line(at);
        break;
      case COMMA:
        if (level <= MAX_LEVELS) line(at + 1);
        break;
      case COLON:
        if (level > MAX_LEVELS) break;
        parts.push(json.slice(from, at + 1), " ");
        from = at + 1;
        break;
    }
  }
  parts.push(json.slice(from));
  return parts.join("");
}

const [QUOTE, COMMA, COLON, BACKSLASH] = [0x22, 0x2c, 0x3a, 0x5c];
const [OPEN, CLOSE, BRACKET, BRACKET_CLOSE] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Where the string ends that begins here. */
function endOf(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === BACKSLASH) at += 1;
    else if (code === QUOTE) return at;
  }
  return json.length;
}
