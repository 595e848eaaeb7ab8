/** What changes in a text, line by line (E. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986). Pure. */

/** Lines that stay, go, or come. */
export interface Run {
  kind: "same" | "old" | "new";
  lines: readonly string[];
}

/** Of a change that is larger, whose comparison would be slow and no help, nothing is said but what was and what is to be. */
const MOST_EDITS = 2_000;
const MOST_LINES = 100_000;
/** Lines around a change that are shown of what stays. */
const AROUND = 3;

/**
 * From one text to another: what goes before what comes, between what stays. Null where that is too much. Each line of
 * either text is in it once.
 */
export function diff(old: string, now: string): Run[] | null {
  const [a, b] = lines(old, now);
  if (a.length + b.length > MOST_LINES) return null;
  const most = Math.min(a.length, b.length);
  let head = 0;
  while (head < most && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < most - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const [from, to] = [a.slice(head, a.length - tail), b.slice(head, b.length - tail)];
  const stay = common(from, to);
  if (stay === null) return null;
  const runs: { kind: Run["kind"]; lines: string[] }[] = [];
  const add = (kind: Run["kind"], lines: readonly string[]) => {
    const last = runs.at(-1);
    if (lines.length === 0) return;
    if (last?.kind === kind) for (const line of lines) last.lines.push(line);
    else runs.push({ kind, lines: [...lines] });
  };
  let [x, y] = [0, 0];
  add("same", a.slice(0, head));
  for (const [i, j] of [...stay, [from.length, to.length] as const]) {
    add("old", from.slice(x, i));
    add("new", to.slice(y, j));
    add("same", from.slice(i, i + 1));
    [x, y] = [i + 1, j + 1];
  }
  add("same", a.slice(a.length - tail));
  return runs;
}

export interface Part extends Run {
  /** Stays, and far from what changes. */
  folded: boolean;
}

/** With what stays in parts, of which those that are far from any change need not be seen at once. */
export function fold(runs: readonly Run[]): Part[] {
  return runs.flatMap(({ kind, lines }, n): Part[] => {
    const head = n > 0 ? AROUND : 0;
    const tail = n < runs.length - 1 ? AROUND : 0;
    if (kind !== "same" || lines.length - head - tail < 2) return [{ kind, lines, folded: false }];
    const parts = [
      { kind, lines: lines.slice(0, head), folded: false },
      { kind, lines: lines.slice(head, lines.length - tail), folded: true },
      { kind, lines: lines.slice(lines.length - tail), folded: false },
    ];
    return parts.filter(({ lines }) => lines.length > 0);
  });
}

/** The lines of two texts. An end of the last line is none of its own, where both have one. */
function lines(old: string, now: string): [string[], string[]] {
  const [a, b] = [old, now].map((text) => (text === "" ? [] : text.split("\n"))) as [string[], string[]];
  const ended = (all: string[]) => all.length === 0 || all.at(-1) === "";
  if (ended(a) && ended(b)) for (const all of [a, b]) all.pop();
  return [a, b];
}

/** Pairs of places at which both have the same line, ascending, as many as can be; null where that takes too long. */
function common(a: readonly string[], b: readonly string[]): [number, number][] | null {
  const most = Math.min(a.length + b.length, MOST_EDITS);
  const zero = most + 1;
  /** By diagonal, x - y: how far x comes. */
  const far = new Int32Array(2 * most + 3);
  const at = (of: Int32Array, place: number) => of[place] ?? 0;
  const trace: Int32Array[] = [];
  const down = (of: Int32Array, middle: number, k: number, d: number) =>
    k === -d || (k !== d && at(of, middle + k - 1) < at(of, middle + k + 1));
  for (let d = 0; d <= most; d++) {
    for (let k = -d; k <= d; k += 2) {
      let x = down(far, zero, k, d) ? at(far, zero + k + 1) : at(far, zero + k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      far[zero + k] = x;
      if (x >= a.length && x - k >= b.length) return back(d);
    }
    trace.push(far.slice(zero - d, zero + d + 1));
  }
  return null;

  function back(edits: number): [number, number][] {
    const pairs: [number, number][] = [];
    let [x, y] = [a.length, b.length];
    for (let d = edits; d > 0; d--) {
      const before = trace[d - 1] ?? far;
      const k = x - y;
      const comes = down(before, d - 1, k, d);
      const startX = at(before, d - 1 + (comes ? k + 1 : k - 1));
      const startY = startX - (comes ? k + 1 : k - 1);
      const after = comes ? startX : startX + 1;
      while (x > after) pairs.push([(x -= 1), (y -= 1)]);
      [x, y] = [startX, startY];
    }
    while (x > 0 && y > 0) pairs.push([(x -= 1), (y -= 1)]);
    return pairs.reverse();
  }
}
