/** Short notes at the bottom of the screen. At most three; the oldest goes first. */

export interface Toast {
  id: number;
  text: string;
  kind: "note" | "warning";
}

const SHOWN = 3;
const NOTE_FOR = 5_000;
const WARNING_FOR = 12_000;

class Toasts {
  list: Toast[] = $state.raw([]);
  #id = 0;

  say(text: string): void {
    this.#add(text, "note", NOTE_FOR);
  }

  warn(text: string): void {
    this.#add(text, "warning", WARNING_FOR);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  #add(text: string, kind: Toast["kind"], ms: number): void {
    const id = (this.#id += 1);
    this.list = [...this.list.filter((toast) => toast.text !== text), { id, text, kind }].slice(-SHOWN);
    setTimeout(() => this.dismiss(id), ms);
  }
}

export const toasts = new Toasts();
