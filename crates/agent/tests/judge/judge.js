// Compares terminals: xterm.js is the judge of what a stream of bytes shows.
//
// One JSON case per line on standard input:
//   {"id": n, "scrollback": n, "runs": [{"cols": n, "rows": n, "ops": [{"w": base64} | {"r": [cols, rows]} | {"c": name}]}]}
// Each run gets a fresh terminal. "c" takes down the whole state under a name; states of the same name must be equal
// in all runs. One answer per line: {"id": n, "diff": null | text}.
'use strict';
// The addon takes its table's header from the start of the memory that Node.js lends to small buffers, which is somebody
// else's there and its own in a browser: without a pool the two agree, on every character beyond U+FFFF.
Buffer.poolSize = 0;
const readline = require('node:readline');
const { Terminal } = require('@xterm/headless');
const { UnicodeGraphemesAddon } = require('@xterm/addon-unicode-graphemes');

const FG = { inverse: 0x4000000, bold: 0x8000000, blink: 0x20000000, invisible: 0x40000000, strike: 0x80000000 };
const BG = { italic: 0x4000000, dim: 0x8000000, protected: 0x20000000, overline: 0x40000000 };

function color(value) {
  switch (value & 0x3000000) {
    case 0: return '-';
    case 0x1000000: return `p${value & 0xff}`;
    case 0x2000000: return `i${value & 0xff}`;
    default: return '#' + (value & 0xffffff).toString(16).padStart(6, '0');
  }
}

// What can be seen of a look: colour bits that do not count in their mode are left out.
function look(core, a) {
  let out = `${color(a.fg)}/${color(a.bg)}`;
  for (const name in FG) if (a.fg & FG[name]) out += ' ' + name;
  for (const name in BG) if (a.bg & BG[name]) out += ' ' + name;
  const extended = a.bg & 0x10000000 ? a.extended : undefined;
  const style = extended ? (extended._ext & 0x1c000000) >>> 26 : 0;
  // DECRC brings back that there is an underline, but not which: style and flag may disagree.
  const underline = a.fg & 0x10000000 ? style || 1 : 0;
  if (underline) out += ` u${underline}`;
  if (underline && extended) out += color(extended._ext);
  if (extended && extended.urlId) {
    const link = core._oscLinkService.getLinkData(extended.urlId);
    out += ` <${link ? `${link.id ?? ''};${link.uri}` : 'gone'}>`;
  }
  return out;
}

function lineText(core, line, cols, blankEdge) {
  const cells = [];
  const cell = core._cell;
  let used = 0;
  let before = '-/-';
  for (let x = 0; x < Math.min(cols, line.length); x++) {
    line.loadCell(x, cell);
    // Half a wide character, the rest of it beyond the edge: nothing that could be drawn again.
    const cut = x === cols - 1 && cell.getWidth() === 2;
    // The second half of a wide character without its first shows nothing.
    const orphan = cell.getWidth() === 0 && cell.getChars() === '' && !(x > 0 && line.getWidth(x - 1) === 2);
    const how = orphan ? '-/-' : look(core, cell);
    const width = cut || orphan ? 1 : cell.getWidth();
    // On the alternate screen the cursor gets beyond the edge only by leaving a space there, where nothing was.
    const edge = blankEdge && x === cols - 1 && cell.getChars() === ' ';
    const text = cut || edge ? '' : cell.getChars();
    cells.push((how === before ? '' : `{${how}}`) + (text === '' ? (width === 1 ? '␀' : '') : text) + (width === 2 ? '⁲' : ''));
    before = how;
    if (how !== '-/-' || text !== '' || width !== 1) used = x + 1;
  }
  return (line.isWrapped ? '↪' : '') + cells.slice(0, used).join('');
}

function charset(set) {
  return set === undefined ? 'B' : JSON.stringify(set);
}

function saved(core, buffer, cols) {
  const a = { fg: buffer.savedCurAttrData.fg & ~0x10000000, bg: buffer.savedCurAttrData.bg & ~0x10000000, extended: {} };
  const underline = buffer.savedCurAttrData.fg & 0x10000000 ? ' u' : '';
  return `${Math.min(buffer.savedX, cols - 1)},${buffer.savedY} ${look(core, a)}${underline} ${charset(buffer.savedCharset)}`;
}

function state(term) {
  const core = term._core;
  const cols = term.cols;
  const { normal, alt } = core.buffers;
  const active = core.buffers.active;
  const out = {};
  for (const [name, buffer] of [['main', normal], ['alt', alt]]) {
    out[`${name} saved`] = saved(core, buffer, cols);
    if (buffer === alt && active !== alt) continue;
    out[`${name} region`] = `${buffer.scrollTop}-${buffer.scrollBottom}`;
    out[`${name} tabs`] = Object.keys(buffer.tabs).map(Number).filter((x) => buffer.tabs[x] && x < cols).join(' ');
    out[`${name} base`] = buffer.ybase;
    for (let i = 0; i < buffer.ybase + term.rows; i++) {
      const line = buffer.lines.get(i);
      const text = line ? lineText(core, line, cols, name === 'alt') : 'missing';
      // On a terminal of one row no sequence makes the first line the continuation of one that is gone.
      out[`${name} line ${i}`] = i === 0 && term.rows === 1 ? text.replace(/^↪/, '') : text;
    }
  }
  if (active === alt) out['main y'] = normal.y;
  const input = core._inputHandler;
  const parser = input._parser;
  out.active = active === alt ? 'alt' : 'main';
  out.cursor = `${active.x},${active.y}`;
  out.size = `${cols}x${term.rows}`;
  out.look = look(core, input._curAttrData);
  out.modes = JSON.stringify([core.coreService.modes, core.coreService.decPrivateModes]);
  out.hidden = core.coreService.isCursorHidden;
  out.mouse = `${core.coreMouseService.activeProtocol} ${core.coreMouseService.activeEncoding}`;
  out.options = `${core.optionsService.rawOptions.convertEol} ${core.optionsService.rawOptions.cursorBlink}`;
  const sets = core._charsetService;
  out.charset = [sets.glevel, charset(sets.charset), ...[0, 1, 2, 3].map((g) => charset(sets._charsets[g]))].join(' ');
  out.title = JSON.stringify([input._windowTitle, input._iconName]);
  out.palette = JSON.stringify([...core._palette].sort());
  out.parser = parser.currentState === 0 ? 'ground' : `${parser.currentState} ${parser._collect}`;
  return out;
}

// xterm.js loses a character whose bytes are split between two writes if one of them is 0x80.
function wholeCharacters(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 && byte < 0xf8 ? 4 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xc0 && byte < 0xe0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

// Narrowing the line that the cursor is in can cut a wide character in half; xterm.js goes on with the first half, and
// no sequence does that.
function halvesCut(buffer, cols) {
  for (let i = 0; i < buffer.lines.length; i++) {
    if (buffer.lines.get(i).getWidth(cols - 1) === 2) throw new Error('a wide character was cut in half');
  }
}

function run(spec, scrollback) {
  const term = new Terminal({
    cols: spec.cols, rows: spec.rows, scrollback, allowProposedApi: true, logLevel: 'off',
    windowOptions: { pushTitle: true, popTitle: true },
  });
  term.loadAddon(new UnicodeGraphemesAddon());
  const core = term._core;
  core._cell = new (core.buffer.getNullCell().constructor)();
  core._palette = new Map();
  core._inputHandler.onColor((events) => {
    for (const event of events) {
      if (event.type === 1) core._palette.set(event.index, event.color.join(','));
      else if (event.type === 2 && event.index === undefined) for (let i = 0; i < 256; i++) core._palette.delete(i);
      else if (event.type === 2) core._palette.delete(event.index);
    }
  });
  const states = {};
  let held = Buffer.alloc(0);
  for (const op of spec.ops) {
    if (op.w !== undefined) {
      const bytes = Buffer.concat([held, Buffer.from(op.w, 'base64')]);
      const whole = wholeCharacters(bytes);
      held = bytes.subarray(whole);
      core._inputHandler.parse(new Uint8Array(bytes.subarray(0, whole)));
    } else if (op.r) {
      term.resize(op.r[0], op.r[1]);
      // xterm.js forgets this where the alternate screen is not in use, and it would have a scrollback next time.
      const { alt } = core.buffers;
      if (alt.lines.length === 0) alt.lines.maxLength = term.rows;
      // On the alternate screen xterm.js keeps what is right of the edge, and shows it when that moves out again.
      for (let i = 0; i < alt.lines.length; i++) alt.lines.get(i).resize(term.cols, alt.getNullCell());
      halvesCut(core.buffers.normal, term.cols);
      halvesCut(alt, term.cols);
    } else {
      states[op.c] = state(term);
    }
  }
  term.dispose();
  return states;
}

// xterm.js forgets a link, even an open one, with the line it was opened on.
function forgottenLink(a, b) {
  if (typeof a !== 'string' || typeof b !== 'string' || !(a + b).includes('<gone>')) return false;
  const plain = (text) => text.replace(/ <[^>]*>/g, '').replace(/\{[^}]*\}/g, '');
  return plain(a) === plain(b);
}

function compare(first, other) {
  const out = [];
  for (const name in other) {
    const [a, b] = [first[name], other[name]];
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (a[key] !== b[key] && !forgottenLink(a[key], b[key])) out.push(`at ${name}: ${key}\n   is   ${b[key]}\n   not  ${a[key]}`);
      if (out.length > 12) return out.join('\n');
    }
  }
  return out.length ? out.join('\n') : null;
}

const lines = readline.createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on('line', (line) => {
  const job = JSON.parse(line);
  let diff = null;
  let first;
  let at = 0;
  try {
    for (const spec of job.runs) {
      const states = run(spec, job.scrollback);
      if (first === undefined) first = states;
      else diff ??= compare(first, states);
      at++;
    }
  } catch (error) {
    // What makes xterm.js itself fail has no right answer.
    diff = at === 0 || /setting 'isWrapped'/.test(error.message) ? 'unjudged' : `run ${at} fails: ${error.stack}`;
  }
  process.stdout.write(JSON.stringify({ id: job.id, diff }) + '\n');
});
