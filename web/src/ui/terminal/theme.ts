/** The terminal's colours, in both themes. */

import type { ITheme } from "@xterm/xterm";

export const DARK: ITheme = {
  background: "#0d0c0b",
  foreground: "#e9e4de",
  cursor: "#e8a15c",
  cursorAccent: "#0d0c0b",
  selectionBackground: "#5a4631",
  black: "#1f1c1a",
  red: "#f0776b",
  green: "#7fc98f",
  yellow: "#e6bd52",
  blue: "#7aa9ea",
  magenta: "#c996dd",
  cyan: "#66c4c4",
  white: "#cfc8c0",
  brightBlack: "#7d756d",
  brightRed: "#ff9b90",
  brightGreen: "#a1e0ae",
  brightYellow: "#f5d67d",
  brightBlue: "#a2c5f5",
  brightMagenta: "#deb6ee",
  brightCyan: "#92dede",
  brightWhite: "#faf7f3",
};

export const LIGHT: ITheme = {
  background: "#fdfcfa",
  foreground: "#2a2622",
  cursor: "#a9591a",
  cursorAccent: "#fdfcfa",
  selectionBackground: "#f0d8bf",
  black: "#2a2622",
  red: "#b5322a",
  green: "#2d7a3f",
  yellow: "#8a6100",
  blue: "#2c5fb3",
  magenta: "#8a3fa0",
  cyan: "#1c7478",
  white: "#77706a",
  brightBlack: "#8d857c",
  brightRed: "#cf4238",
  brightGreen: "#37924c",
  brightYellow: "#a37400",
  brightBlue: "#3c75d1",
  brightMagenta: "#a254ba",
  brightCyan: "#258b90",
  brightWhite: "#4a4540",
};

export const MONO =
  'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", "Roboto Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace';
