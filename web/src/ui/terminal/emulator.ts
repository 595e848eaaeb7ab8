/** xterm.js, as the rest of this app uses it: draws a session's operations in order, and gives out what a person does. */

import { ClipboardAddon } from "./clipboard";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import type { Screen } from "../../lib/session/view";
import type { ScreenOp } from "../../lib/session/follow";
import type { Size } from "../../lib/session/message";
import { WholeCharacters } from "./characters";
import { GraphemesAddon } from "./graphemes";
import { isReport, swallowQueries } from "./silence";
import { allowTerminalStyles } from "./styles";
import { DARK, LIGHT, MONO } from "./theme";

export const SCROLLBACK = 10_000;

export interface EmulatorEvents {
  /** A person typed, pasted, or moved the mouse where the program asked for it. */
  input(data: string): void;
  binary(data: string): void;
  /** The cursor moved, or the text did. */
  drawn(): void;
  bell(): void;
}

/** One cell, in CSS pixels. */
export interface Cell {
  width: number;
  height: number;
}

/** Forgets the screen, and a sequence that was begun. */
const RESET = "\x18\x1bc";
/** Shows nothing of what follows (synchronized output), until {@link Emulator} does. */
const HOLD = "\x1b[?2026h";

export class Emulator implements Screen {
  readonly terminal: Terminal;
  #queue: { op: ScreenOp; done: () => void }[] = [];
  #writing = 0;
  #disposed = false;
  #webgl: boolean;
  /** What is written next: a snapshot, the rest of one, or what comes behind the last. */
  #snapshot: "due" | "begun" | "none" = "none";
  /** Where the person was when it began. */
  #place: Place | null = null;
  readonly #whole = new WholeCharacters();

  constructor(
    parent: HTMLElement,
    size: Size,
    { fontSize, dark, webgl }: { fontSize: number; dark: boolean; webgl: boolean },
    events: EmulatorEvents,
  ) {
    allowTerminalStyles();
    this.#webgl = webgl;
    const terminal = new Terminal({
      ...size,
      allowProposedApi: true,
      fontFamily: MONO,
      fontSize,
      lineHeight: 1.15,
      theme: dark ? DARK : LIGHT,
      minimumContrastRatio: dark ? 1 : 4.5,
      scrollback: SCROLLBACK,
      scrollOnUserInput: true,
      cursorBlink: false,
      macOptionIsMeta: true,
      rightClickSelectsWord: false,
      // Only what a person can see is a link to follow; the address is shown before it opens.
      linkHandler: { activate: (_event, uri) => openLink(uri) },
    });
    this.terminal = terminal;
    terminal.loadAddon(new GraphemesAddon());
    terminal.loadAddon(new ClipboardAddon());
    swallowQueries(terminal);
    terminal.open(parent);
    terminal.onData((data) => {
      if (!isReport(data)) events.input(data);
    });
    terminal.onBinary((data) => events.binary(data));
    terminal.onRender(() => events.drawn());
    terminal.onBell(() => events.bell());
    const { textarea } = terminal;
    if (textarea !== undefined) {
      // Words are completed and corrected in the composer; here every key counts as it is.
      textarea.setAttribute("autocapitalize", "none");
      textarea.setAttribute("autocorrect", "off");
      textarea.setAttribute("autocomplete", "off");
      textarea.setAttribute("enterkeyhint", "enter");
    }
  }

  /**
   * Draws with WebGL where there is one; without it, or when it is lost, with elements. Called once there is something
   * to see, because it is a fifth of everything this page loads and nothing waits for it.
   */
  async accelerate(): Promise<void> {
    if (!this.#webgl) return;
    try {
      const { WebglAddon } = await import("@xterm/addon-webgl");
      if (this.#disposed) return;
      const webgl = new WebglAddon();
      webgl.onContextLoss(() => {
        this.#webgl = false;
        webgl.dispose();
      });
      this.terminal.loadAddon(webgl);
    } catch {
      // It said there was one, and there is not. Elements draw on.
      this.#webgl = false;
    }
  }

  /** Makes links of the addresses in the text. Called as late as {@link accelerate}, and for the same reason. */
  async findLinks(): Promise<void> {
    const { WebLinksAddon } = await import("@xterm/addon-web-links");
    if (!this.#disposed) this.terminal.loadAddon(new WebLinksAddon((_event, uri) => openLink(uri)));
  }

  apply(op: ScreenOp, done: () => void): void {
    this.#queue.push({ op, done });
    this.#pump();
  }

  #pump(): void {
    for (let head = this.#queue[0]; head !== undefined && !this.#disposed; head = this.#queue[0]) {
      const { op, done } = head;
      if (op.op === "write") {
        this.#queue.shift();
        this.#draw(op.bytes, op.place.part === undefined, done);
        continue;
      }
      // Sizes change between bytes: everything before must be drawn first.
      if (this.#writing > 0) return;
      this.#queue.shift();
      if (op.op === "reset") this.#snapshot = "due";
      if (op.op !== "skip") this.terminal.resize(op.size.cols, op.size.rows);
      done();
    }
  }

  /** `end` is false for a snapshot's bytes behind which more of them come. */
  #draw(bytes: Uint8Array, end: boolean, done: () => void): void {
    const before = this.#snapshot;
    if (before === "none") {
      this.#write(this.#whole.next(bytes), done);
      return;
    }
    this.#snapshot = end ? "none" : "begun";
    if (before === "due") {
      this.#whole.reset();
      this.#write("", () => (this.#place = placeIn(this.terminal)));
    }
    const next = this.#whole.next(bytes);
    // In one write, which is one task: what was there stays on the screen until all of this is.
    const head = before === "begun" ? "" : end ? RESET : RESET + HOLD;
    this.#write(behind(head, next), () => {
      if (end) this.#show();
      done();
    });
  }

  #write(data: string | Uint8Array, done: () => void): void {
    this.#writing += 1;
    this.terminal.write(data, () => {
      this.#writing -= 1;
      done();
      this.#pump();
    });
  }

  /**
   * Shows a snapshot at the place that the person was looking at. What held it back is not ended by writing the
   * sequence for it: a snapshot may end in the middle of one that the program has begun.
   */
  #show(): void {
    const { _core: core } = this.terminal as unknown as {
      _core?: { coreService?: { decPrivateModes?: { synchronizedOutput: boolean } } };
    };
    const modes = core?.coreService?.decPrivateModes;
    // Without it, xterm.js shows what it holds back after a second.
    if (modes !== undefined) modes.synchronizedOutput = false;
    this.terminal.refresh(0, this.terminal.rows - 1);
    if (this.#place !== null) returnTo(this.terminal, this.#place);
    this.#place = null;
  }

  /** Shows a remembered look, until the real screen arrives. */
  remember(look: string, done: () => void): void {
    this.#write(look, done);
  }

  set fontSize(size: number) {
    if (this.terminal.options.fontSize !== size) this.terminal.options.fontSize = size;
  }

  get fontSize(): number {
    return this.terminal.options.fontSize ?? 0;
  }

  set dark(dark: boolean) {
    this.terminal.options.theme = dark ? DARK : LIGHT;
    this.terminal.options.minimumContrastRatio = dark ? 1 : 4.5;
  }

  /** As drawn now, and, where WebGL is to come, as it will draw; null before anything is. */
  get cell(): Cell | null {
    const screen = this.terminal.element?.querySelector<HTMLElement>(".xterm-screen");
    if (!screen || screen.offsetWidth === 0) return null;
    const box = screen.getBoundingClientRect();
    const width = box.width / this.terminal.cols;
    const density = window.devicePixelRatio;
    return {
      // WebGL draws in whole device pixels. Knowing it before spares the program a second size.
      width: this.#webgl ? Math.floor(width * density + 0.01) / density : width,
      height: box.height / this.terminal.rows,
    };
  }

  get above(): number {
    return this.terminal.buffer.normal.baseY;
  }

  /** Somebody looks at what is above the screen. */
  get scrolledUp(): boolean {
    const { type, viewportY, baseY } = this.terminal.buffer.active;
    return type === "normal" && viewportY < baseY;
  }

  /** Everything that is kept, as text: scrollback and screen, wrapped lines joined. */
  text(): string {
    const { active } = this.terminal.buffer;
    const lines: string[] = [];
    for (let y = 0; y < active.length; y++) {
      const line = active.getLine(y);
      if (line === undefined) continue;
      const text = line.translateToString(!(active.getLine(y + 1)?.isWrapped ?? false));
      if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
      else lines.push(text);
    }
    while (lines.length > 0 && lines.at(-1) === "") lines.pop();
    return lines.join("\n");
  }

  /** How the screen looks, as bytes to {@link remember}. */
  async look(): Promise<string> {
    const { SerializeAddon } = await import("@xterm/addon-serialize");
    if (this.#disposed) return "";
    const addon = new SerializeAddon();
    this.terminal.loadAddon(addon);
    const look = addon.serialize({ scrollback: 0, excludeModes: true });
    addon.dispose();
    // What is written over a remembered screen is for the program that was on it: several lines are one text to it.
    return this.terminal.modes.bracketedPasteMode ? `${look}\x1b[?2004h` : look;
  }

  dispose(): void {
    this.#disposed = true;
    this.#queue = [];
    this.terminal.dispose();
  }
}

function openLink(uri: string): void {
  // Programs can print any address; only what a browser page can be is opened, and it learns nothing of this one.
  if (/^(https?|mailto):/i.test(uri)) window.open(uri, "_blank", "noopener,noreferrer");
}

/** Where a person is in a terminal, counted from its end: lines come and go at its beginning. */
interface Place {
  back: number;
  selected: { column: number; back: number; length: number } | null;
}

function placeIn(terminal: Terminal): Place {
  const { baseY, viewportY } = terminal.buffer.active;
  const range = terminal.getSelectionPosition();
  const selected = range && {
    column: range.start.x,
    back: baseY - range.start.y,
    length: (range.end.y - range.start.y) * terminal.cols + range.end.x - range.start.x,
  };
  return { back: baseY - viewportY, selected: selected ?? null };
}

function returnTo(terminal: Terminal, { back, selected }: Place): void {
  const { baseY } = terminal.buffer.active;
  if (back > 0) terminal.scrollToLine(Math.max(0, baseY - back));
  if (selected !== null && selected.back <= baseY) {
    terminal.select(selected.column, baseY - selected.back, selected.length);
  }
}

function behind(head: string, bytes: Uint8Array): Uint8Array {
  const all = new Uint8Array(head.length + bytes.length);
  all.set(new TextEncoder().encode(head));
  all.set(bytes, head.length);
  return all;
}
