/** A program may put something on the clipboard (OSC 52). It may never read it. */

import type { ITerminalAddon, Terminal } from "@xterm/xterm";

/** Larger is not taken: nobody copies that much by a terminal's escape sequence. */
const MAX = 1024 * 1024;

export class ClipboardAddon implements ITerminalAddon {
  #handler: { dispose(): void } | null = null;

  activate(terminal: Terminal): void {
    this.#handler = terminal.parser.registerOscHandler(52, (data) => {
      const body = data.slice(data.indexOf(";") + 1);
      if (body === "?" || body.length > MAX) return true;
      try {
        const text = new TextDecoder().decode(Uint8Array.from(atob(body), (char) => char.charCodeAt(0)));
        // Browsers allow it only while this page is looked at, and may ask.
        if (document.hasFocus()) void navigator.clipboard?.writeText(text).catch(() => undefined);
      } catch {
        // Not base64: the program's mistake, without effect.
      }
      return true;
    });
  }

  dispose(): void {
    this.#handler?.dispose();
  }
}
