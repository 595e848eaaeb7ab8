/** What keys send. Pure. */

export type Arrow = "up" | "down" | "left" | "right";

/** Modifiers of the key bar: each holds for one key. */
export interface Held {
  ctrl: boolean;
  alt: boolean;
}

const ARROWS: Record<Arrow, string> = { up: "A", down: "B", right: "C", left: "D" };

/** An arrow key. `application` is the mode that full-screen programs set (DECCKM). */
export function arrow(key: Arrow, held: Held, application: boolean): string {
  const modifier = 1 + (held.alt ? 2 : 0) + (held.ctrl ? 4 : 0);
  if (modifier > 1) return `\x1b[1;${modifier}${ARROWS[key]}`;
  return `\x1b${application ? "O" : "["}${ARROWS[key]}`;
}

/** Home and End, which follow the arrows' mode; anything else as it is. */
export function inMode(data: string, application: boolean): string {
  return application && (data === "\x1b[H" || data === "\x1b[F") ? data.replace("[", "O") : data;
}

/** A typed character under Ctrl, as terminals have always sent it; null where there is none for it. */
export function control(char: string): string | null {
  if (char.length !== 1) return null;
  const upper = char.toUpperCase();
  if (upper >= "@" && upper <= "_") return String.fromCharCode(upper.charCodeAt(0) & 0x1f);
  switch (char) {
    case " ":
    case "2":
      return "\0";
    case "3":
      return "\x1b";
    case "4":
      return "\x1c";
    case "5":
      return "\x1d";
    case "6":
      return "\x1e";
    case "7":
    case "/":
    case "-":
      return "\x1f";
    case "8":
    case "?":
      return "\x7f";
    default:
      return null;
  }
}

/** What was typed, with the held modifiers. */
export function modified(data: string, held: Held): string {
  let out = data;
  if (held.ctrl) out = control(data) ?? data;
  if (held.alt && !out.startsWith("\x1b")) out = `\x1b${out}`;
  return out;
}

/** Text as a paste: lines end as a terminal's Enter does, and the brackets cannot be forged from inside. */
export function pasted(text: string, bracketed: boolean): string {
  const lines = text.replace(/\r?\n/g, "\r");
  return bracketed ? `\x1b[200~${lines.replaceAll("\x1b[201~", "").replaceAll("\x1b", "\u241b")}\x1b[201~` : lines;
}
