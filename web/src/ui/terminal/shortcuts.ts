/** The keys that are this page's and not the program's. */

import type { Terminal } from "@xterm/xterm";

/** Whether a key is the program's. */
export function isProgramKey(event: KeyboardEvent, terminal: Terminal, find: () => void): boolean {
  if (event.type !== "keydown") return true;
  if (event.ctrlKey && event.shiftKey && event.code === "KeyC" && terminal.hasSelection()) {
    void navigator.clipboard?.writeText(terminal.getSelection());
    event.preventDefault();
    return false;
  }
  if (event.ctrlKey && event.shiftKey && event.code === "KeyF") {
    find();
    event.preventDefault();
    return false;
  }
  // The browser's own paste: xterm.js hears of it by the paste event.
  if ((event.ctrlKey && event.shiftKey && event.code === "KeyV") || (event.metaKey && event.code === "KeyV"))
    return false;
  return true;
}
