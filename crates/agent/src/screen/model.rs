//! What the bytes do to the screen. Behaves as xterm.js 6 does with its unicode-graphemes addon, whose input handler
//! (MIT, the xterm.js authors) this follows function by function, so that a snapshot of it is right there.

use super::buffer::{Buffer, Saved};
use super::cell::{Attr, Cell, EXTENDED, MAX_CLUSTER, Pool};
use super::charset::{Charset, Charsets};
use super::grapheme::Join;
use super::keyboard::Keyboard;
use super::modes::Modes;
use super::palette::Palette;
use crate::adapter::Said;
use std::collections::VecDeque;

/// The two screens, and everything they share.
#[derive(Debug)]
pub struct Model {
    pub cols: usize,
    pub rows: usize,
    pub main: Buffer,
    pub alt: Buffer,
    pub on_alt: bool,
    pub attr: Attr,
    /// Index of `attr.extra` in the pool, if it was asked for since it last changed.
    extra: Option<u32>,
    pub pool: Pool,
    pub charsets: Charsets,
    pub modes: Modes,
    pub keyboard: Keyboard,
    pub palette: Palette,
    pub title: String,
    pub icon: String,
    pub titles: VecDeque<String>,
    pub icons: VecDeque<String>,
    pub join: Join,
    in_run: bool,
    pub replies: Vec<u8>,
    pub said: Vec<Said>,
}

/// A text that is printed again and again.
struct Again {
    text: String,
    /// What it became the last time that it joined nothing.
    cell: Option<(Cell, Join)>,
}

/// Bytes of answers that are kept for a program that does not read them.
const MAX_REPLIES: usize = 64 * 1024;

impl Model {
    pub fn new(cols: usize, rows: usize, scrollback: usize) -> Self {
        Self {
            cols,
            rows,
            main: Buffer::new(cols, rows, Some(scrollback)),
            alt: Buffer::new(cols, rows, None),
            on_alt: false,
            attr: Attr::default(),
            extra: None,
            pool: Pool::default(),
            charsets: Charsets::default(),
            modes: Modes::default(),
            keyboard: Keyboard::default(),
            palette: Palette::default(),
            title: String::new(),
            icon: String::new(),
            titles: VecDeque::new(),
            icons: VecDeque::new(),
            join: Join::default(),
            in_run: false,
            replies: Vec::new(),
            said: Vec::new(),
        }
    }

    /// The screen in use.
    pub fn buffer(&mut self) -> &mut Buffer {
        if self.on_alt { &mut self.alt } else { &mut self.main }
    }

    /// The screen in use.
    pub fn shown(&self) -> &Buffer {
        if self.on_alt { &self.alt } else { &self.main }
    }

    /// Answers the program, unless it has left too much unread.
    pub fn reply(&mut self, text: &str) {
        if self.replies.len() + text.len() <= MAX_REPLIES {
            self.replies.extend_from_slice(text.as_bytes());
        }
    }

    /// To be called after `attr.extra` changed.
    pub fn extra_changed(&mut self) {
        self.extra = None;
    }

    /// An empty cell with all of the current look.
    fn look(&mut self) -> Cell {
        let extra = if self.attr.bg & EXTENDED == 0 {
            0
        } else {
            let value = self.attr.extra;
            *self.extra.get_or_insert_with(|| self.pool.intern_extra(value))
        };
        Cell::new(0, 1, self.attr.fg, self.attr.bg, extra)
    }

    /// An empty cell with the background that erasing leaves.
    pub fn blank(&self) -> Cell {
        Cell::blank(self.attr.erase())
    }

    /// Drops what no cell refers to any more, now and then.
    pub fn collect(&mut self) {
        if self.pool.is_due() {
            let (main, alt) = (&mut self.main, &mut self.alt);
            self.pool.collect(&mut self.attr, |keep| {
                main.for_each_cell(&mut *keep);
                alt.for_each_cell(keep);
            });
            self.extra = None;
        }
    }

    // Printing

    fn begin_run(&mut self) {
        if self.in_run {
            return;
        }
        self.in_run = true;
        let look = self.look();
        let buffer = self.buffer();
        let x = buffer.x;
        if x > 0 && buffer.here().width(x - 1) == 2 {
            buffer.here().set(x - 1, look.emptied(1));
        }
    }

    pub fn finish_run(&mut self) {
        if !self.in_run {
            return;
        }
        self.in_run = false;
        let cols = self.cols;
        let look = self.look();
        let buffer = self.buffer();
        let x = buffer.x;
        if x < cols && buffer.here().width(x) == 0 && !buffer.here().get(x).has_content() {
            buffer.here().set(x, look.emptied(1));
        }
    }

    pub fn put_ascii(&mut self, mut text: &[u8]) {
        while self.charsets.active != Charset::Ascii || self.modes.insert || !self.join.is_plain() {
            let Some((first, rest)) = text.split_first() else { return };
            self.put(char::from(*first));
            text = rest;
        }
        if text.is_empty() {
            return;
        }
        self.begin_run();
        let look = self.look();
        let (cols, wraps) = (self.cols, self.modes.wrap);
        let bg = self.attr.erase();
        let buffer = self.buffer();
        while !text.is_empty() {
            if buffer.x >= cols {
                if wraps {
                    wrap(buffer, bg);
                    buffer.x = 0;
                } else {
                    buffer.x = cols - 1;
                }
            }
            let fits = text.len().min(cols - buffer.x);
            let x = buffer.x;
            buffer.here().set_ascii(x, &text[..fits], look);
            buffer.x += fits;
            text = &text[fits..];
        }
        self.join = Join::PLAIN;
    }

    pub fn put(&mut self, c: char) {
        self.begin_run();
        let c = match u8::try_from(c) {
            Ok(byte) if byte < 127 => self.charsets.active.map(byte),
            _ => c,
        };
        let before = self.join;
        let (join, joined) = before.next(u32::from(c));
        self.join = join;
        let width = join.width() as usize;
        let old = if joined { before.width() as usize } else { 0 };
        let look = self.look();
        let (cols, wraps, insert) = (self.cols, self.modes.wrap, self.modes.insert);
        let bg = self.attr.erase();
        let buffer = if self.on_alt { &mut self.alt } else { &mut self.main };
        if buffer.x + width - old.min(width) > cols {
            if wraps {
                move_to_next_line(buffer, old, bg, look);
            } else {
                buffer.x = cols - 1;
                if width == 2 {
                    return;
                }
            }
        }
        let x = buffer.x;
        if joined && x > 0 {
            let back = if buffer.here().width(x - 1) > 0 { 1 } else { 2 };
            let line = &mut buffer.lines[buffer.y];
            line.join(x.saturating_sub(back), c, join.width(), &mut self.pool);
            for _ in old..width {
                line.set(buffer.x, look.emptied(0));
                buffer.x += 1;
            }
            return;
        }
        let line = &mut buffer.lines[buffer.y];
        if insert {
            line.insert(x, width - old, look, cols);
            if line.width(cols - 1) == 2 {
                line.set(cols - 1, look.emptied(1));
            }
        }
        line.set(x, Cell::new(u32::from(c), join.width(), look.fg, look.bg, look.extra));
        if width == 2 {
            line.set(x + 1, look.emptied(0));
        }
        buffer.x += width;
    }

    /// Prints what stands before the cursor again.
    pub fn repeat(&mut self, times: usize) {
        if self.join.is_none() {
            return;
        }
        let width = self.join.width() as usize;
        let mut text = String::new();
        let buffer = self.shown();
        if let Some(x) = buffer.x.checked_sub(width) {
            buffer.row(buffer.y).get(x).push_text(&self.pool, &mut text);
        }
        if text.is_empty() {
            return;
        }
        let mut again = Again { text, cell: None };
        // Characters after which nothing changes any more but where the cursor is.
        let mut room = self.cols * (self.shown().max_lines() + 1) + MAX_CLUSTER;
        let mut left = times;
        while left > 0 && room > 0 {
            room = room.saturating_sub(self.put_again(&mut again));
            left -= 1;
        }
        // That goes round: it is looked for in a round that may begin later and be longer, until it is found.
        let (mut start, mut round, mut longest) = (self.place(), 0, 1);
        while left > 0 {
            self.put_again(&mut again);
            left -= 1;
            round += 1;
            if self.place() == start {
                left %= round;
            } else if round == longest {
                (start, round, longest) = (self.place(), 0, 2 * longest);
            }
        }
        self.finish_run();
    }

    /// All that decides where the same text goes next.
    fn place(&self) -> (usize, Join) {
        (self.shown().x, self.join)
    }

    /// Prints it once more; gives back how many characters that was.
    fn put_again(&mut self, again: &mut Again) -> usize {
        let first = again.text.chars().next().map_or(0, u32::from);
        let joins = self.join.next(first).1;
        let grown = |join: Join| join.width() != Join::default().next(first).0.width();
        let insert = self.modes.insert;
        let usual = self.modes.wrap && self.shown().max_lines() > 1 && !joins;
        let (cols, bg, look) = (self.cols, self.attr.erase(), self.look());
        if let Some((cell, join)) = again.cell.filter(|(_, join)| usual && !(insert && grown(*join))) {
            // All at once what its characters did one by one the last time.
            let width = join.width() as usize;
            self.join = join;
            let buffer = self.buffer();
            if buffer.x + width > cols {
                move_to_next_line(buffer, 0, bg, look);
            }
            let x = buffer.x;
            if insert {
                buffer.here().insert(x, width, look, cols);
            }
            buffer.here().set(x, cell);
            if width == 2 {
                buffer.here().set(x + 1, look.emptied(0));
            }
            buffer.x += width;
            return 1;
        }
        again.text.chars().for_each(|c| self.put(c));
        let buffer = self.shown();
        let first = buffer.x.checked_sub(self.join.width() as usize).filter(|_| !joins);
        again.cell = first.map(|x| (buffer.row(buffer.y).get(x), self.join));
        again.text.chars().count()
    }

    // The two screens

    pub fn use_alt(&mut self) {
        if !self.on_alt {
            self.alt.fill(self.attr.erase());
            (self.alt.x, self.alt.y) = (self.main.x, self.main.y);
            self.on_alt = true;
            self.keyboard.use_alt(true);
        }
    }

    pub fn use_main(&mut self) {
        if self.on_alt {
            (self.main.x, self.main.y) = (self.alt.x, self.alt.y);
            self.alt.clear();
            self.on_alt = false;
            self.keyboard.use_alt(false);
        }
    }

    pub fn save_cursor(&mut self) {
        let (attr, charset) = (self.attr, self.charsets.active);
        let buffer = self.buffer();
        buffer.saved = Saved { x: buffer.x, y: buffer.base() + buffer.y, fg: attr.fg, bg: attr.bg, charset };
    }

    pub fn restore_cursor(&mut self) {
        let buffer = self.buffer();
        let saved = buffer.saved;
        buffer.x = saved.x;
        buffer.y = saved.y.saturating_sub(buffer.base());
        self.attr.fg = saved.fg;
        self.attr.bg = saved.bg;
        self.charsets.active = saved.charset;
        self.restrict(self.cols - 1);
    }

    /// ESC c: everything as it was at the start, but for what xterm.js leaves: the title, the colours, whether the
    /// cursor is shown and blinks, and newline mode.
    pub fn reset(&mut self) {
        let scrollback = self.main.scrollback.unwrap_or(0);
        let dropped = self.main.scrolled();
        self.main = Buffer { dropped, ..Buffer::new(self.cols, self.rows, Some(scrollback)) };
        self.alt = Buffer::new(self.cols, self.rows, None);
        self.on_alt = false;
        self.attr = Attr::default();
        self.extra_changed();
        self.charsets = Charsets::default();
        self.modes.reset(true);
        self.keyboard = Keyboard::default();
    }

    /// DECSTR.
    pub fn soft_reset(&mut self) {
        let rows = self.rows;
        self.attr = Attr::default();
        self.extra_changed();
        self.modes.hidden = false;
        self.modes.reset(false);
        self.charsets = Charsets::default();
        let buffer = self.buffer();
        (buffer.top, buffer.bottom) = (0, rows - 1);
        buffer.saved = Saved { y: buffer.base(), ..Saved::default() };
    }
}

/// To the first column of the next line, which continues this one.
fn wrap(buffer: &mut Buffer, bg: u32) {
    buffer.y += 1;
    if buffer.y == buffer.bottom + 1 {
        buffer.y -= 1;
        buffer.scroll(bg, true);
    } else {
        buffer.y = buffer.y.min(buffer.rows - 1);
        buffer.here().wrapped = true;
    }
}

/// Wraps and takes along the `old` columns of a cluster that has just grown too wide for the line.
fn move_to_next_line(buffer: &mut Buffer, old: usize, bg: u32, look: Cell) {
    let start = buffer.x.saturating_sub(old);
    let moved: Vec<Cell> = (start..start + old).map(|col| buffer.here().get(col)).collect();
    let leave = |line: &mut super::line::Line, cols: usize| {
        (start..cols).for_each(|col| line.set(col, look.emptied(1)));
    };
    let cols = buffer.cols;
    if buffer.max_lines() == 1 {
        // There is no other line: xterm.js moves the cluster from the line it has just made blank.
        wrap(buffer, bg);
        leave(buffer.here(), cols);
        buffer.x = old;
        return;
    }
    leave(buffer.here(), cols);
    wrap(buffer, bg);
    buffer.x = old;
    for (col, cell) in moved.into_iter().enumerate() {
        buffer.here().set(col, cell);
    }
}
