/** Choices of this browser. None of them is secret. */

export type Theme = "system" | "dark" | "light";

export const FONT_MIN = 8;
export const FONT_MAX = 28;

interface Stored {
  theme: Theme;
  fontSize: number;
  keyBar: "auto" | "on" | "off";
}

const KEY = "longrein.settings";

function load(): Stored {
  const touch = matchMedia("(pointer: coarse)").matches;
  const stored: Stored = { theme: "system", fontSize: touch ? 12 : 14, keyBar: "auto" };
  try {
    Object.assign(stored, JSON.parse(localStorage.getItem(KEY) ?? "{}"));
  } catch {
    // What is there is not ours; the defaults hold.
  }
  stored.fontSize = Math.min(FONT_MAX, Math.max(FONT_MIN, Number(stored.fontSize) || 14));
  return stored;
}

class Settings {
  #stored = $state(load());
  #systemDark = $state(matchMedia("(prefers-color-scheme: dark)").matches);
  #touch = $state(matchMedia("(pointer: coarse)").matches);

  constructor() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
      this.#systemDark = event.matches;
      this.#show();
    });
    matchMedia("(pointer: coarse)").addEventListener("change", (event) => (this.#touch = event.matches));
    this.#show();
  }

  get theme(): Theme {
    return this.#stored.theme;
  }

  set theme(theme: Theme) {
    this.#stored.theme = theme;
    this.#save();
    this.#show();
  }

  get dark(): boolean {
    return this.#stored.theme === "system" ? this.#systemDark : this.#stored.theme === "dark";
  }

  get fontSize(): number {
    return this.#stored.fontSize;
  }

  set fontSize(size: number) {
    this.#stored.fontSize = Math.min(FONT_MAX, Math.max(FONT_MIN, Math.round(size)));
    this.#save();
  }

  get keyBar(): boolean {
    return this.#stored.keyBar === "auto" ? this.#touch : this.#stored.keyBar === "on";
  }

  set keyBar(on: boolean) {
    this.#stored.keyBar = on === this.#touch ? "auto" : on ? "on" : "off";
    this.#save();
  }

  get touch(): boolean {
    return this.#touch;
  }

  #save(): void {
    localStorage.setItem(KEY, JSON.stringify(this.#stored));
  }

  #show(): void {
    document.documentElement.dataset["theme"] = this.dark ? "dark" : "light";
  }
}

export const settings = new Settings();
