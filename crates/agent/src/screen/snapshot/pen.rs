//! Writes sequences and knows what state they leave the other terminal in, so that nothing is said twice.

use crate::screen::buffer::Saved;
use crate::screen::cell::{
    Attr, BLINK, BOLD, COLOR, Cell, DIM, EXTENDED, Extra, INVERSE, INVISIBLE, ITALIC, OVERLINE, P16, P256,
    PROTECTED, Pool, RGB, STRIKE, UNDERLINE, kind,
};
use crate::screen::charset::Charset;
use crate::screen::grapheme::Join;

/// Bytes so far, and where they leave the cursor and the look.
#[derive(Debug)]
pub struct Pen<'a> {
    out: Vec<u8>,
    pool: &'a Pool,
    cols: usize,
    /// The cursor's column, where it is known; `cols` when the next character wraps.
    x: Option<usize>,
    look: Attr,
    join: Join,
    /// Nothing may be said that would show or end what [`Pen::restore`] hid.
    keep_hidden: bool,
    /// Bytes that links and clusters may still take; beyond, they are left out or cut to their first character.
    room: usize,
}

/// Bytes of links and clusters on one screen: a few kilobytes of them in every cell would be more than a client takes.
const ROOM: usize = 4 << 20;

impl<'a> Pen<'a> {
    pub fn new(pool: &'a Pool, cols: usize) -> Self {
        let (out, look, join) = (Vec::with_capacity(16 * 1024), Attr::default(), Join::default());
        Self { out, pool, cols, x: Some(0), look, join, keep_hidden: false, room: usize::MAX }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// A screen of its own begins, or what comes after all of them.
    pub fn make_room(&mut self) {
        self.room = ROOM;
    }

    pub fn cols(&self) -> usize {
        self.cols
    }

    pub fn pool(&self) -> &'a Pool {
        self.pool
    }

    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub fn esc(&mut self, rest: &str) {
        self.raw("\x1b");
        self.raw(rest);
        self.join = Join::default();
    }

    pub fn csi(&mut self, rest: &str) {
        self.raw("\x1b[");
        self.raw(rest);
        self.join = Join::default();
    }

    pub fn osc(&mut self, text: &str) {
        self.raw("\x1b]");
        self.raw(text);
        self.raw("\x1b\\");
        self.join = Join::default();
    }

    // Moving

    /// A sequence has put the cursor somewhere.
    pub fn moved(&mut self) {
        self.x = None;
    }

    pub fn go(&mut self, x: usize, y: usize) {
        match (x, y) {
            (0, 0) => self.csi("H"),
            _ => self.csi(&format!("{};{}H", y + 1, x + 1)),
        }
        self.x = Some(x);
    }

    /// To a column of the row that the cursor is in.
    pub fn column(&mut self, x: usize) {
        match self.x {
            Some(here) if here == x => return,
            Some(here) if here < x => match x - here {
                1 => self.csi("C"),
                n => self.csi(&format!("{n}C")),
            },
            _ if x == 0 => {
                self.raw("\r");
                self.join = Join::default();
            }
            _ => self.csi(&format!("{}G", x + 1)),
        }
        self.x = Some(x);
    }

    /// To the start of the next row, which is blank and continues nothing.
    pub fn next_row(&mut self) {
        self.attr(Attr::default());
        self.raw("\r\n");
        self.join = Join::default();
        self.x = Some(0);
    }

    /// The next row was reached by printing beyond this one's end.
    pub fn wrapped(&mut self) {
        self.x = Some(0);
    }

    /// Whether the next character wraps.
    pub fn is_pending(&self) -> bool {
        self.x == Some(self.cols)
    }

    // Printing

    /// Prints text of one cell.
    pub fn text(&mut self, text: &str) {
        let mut text = text;
        if let Some((second, _)) = text.char_indices().nth(1) {
            if text.len() > self.room {
                text = &text[..second];
            }
            self.room -= text.len().min(self.room);
        }
        let first = text.chars().next().map(u32::from).unwrap_or_default();
        if self.join.next(first).1 {
            // Any sequence keeps it from joining what stands before it; this one does nothing else.
            self.esc("\\");
        }
        let mut width = 0;
        for c in text.chars() {
            let (join, _) = self.join.next(u32::from(c));
            self.join = join;
            width = join.width() as usize;
        }
        self.raw(text);
        self.x = self.x.map(|x| (x + width).min(self.cols));
    }

    /// Prints characters of ASCII, a cell each.
    pub fn ascii(&mut self, text: &[u8]) {
        // What the first follows may be anything. Behind it all are alike: none joins the one before.
        for c in text.iter().take(2) {
            self.text(char::from(*c).encode_utf8(&mut [0; 4]));
        }
        let rest = text.get(2..).unwrap_or_default();
        self.out.extend_from_slice(rest);
        self.x = self.x.map(|x| (x + rest.len()).min(self.cols));
    }

    /// Makes `n` cells from here on blank, in the current background.
    pub fn erase(&mut self, n: usize) {
        match n {
            1 => self.csi("X"),
            _ => self.csi(&format!("{n}X")),
        }
    }

    // Character sets

    pub fn load(&mut self, slot: usize, set: Charset) {
        let slot = ['(', ')', '*', '+'][slot.min(3)];
        self.esc(&format!("{slot}{}", char::from(set.final_byte())));
    }

    pub fn shift(&mut self, level: usize) {
        match level {
            0 => self.raw("\x0f"),
            1 => self.raw("\x0e"),
            2 => self.esc("n"),
            _ => self.esc("o"),
        }
        self.join = Join::default();
    }

    /// Does something with a set in use, which is plain ASCII before and after.
    pub fn in_charset(&mut self, set: Charset, act: impl FnOnce(&mut Self)) {
        if set == Charset::Ascii {
            act(self);
        } else {
            self.load(0, set);
            act(self);
            self.load(0, Charset::Ascii);
        }
    }

    // Looks

    /// What a cell looks like.
    pub fn look_of(&self, cell: Cell) -> Attr {
        let mut extra = if cell.bg & EXTENDED == 0 { Extra::default() } else { self.pool.extra(cell.extra) };
        if cell.fg & UNDERLINE == 0 {
            extra.color = 0;
        }
        Attr { fg: cell.fg, bg: cell.bg, extra }
    }

    /// Restores the saved cursor for what comes with it. `hidden` is left in force but not shown: what was saved has
    /// no underline and no link.
    pub fn restore(&mut self, saved: &Saved, hidden: Option<Extra>) {
        if let Some(extra) = hidden {
            self.attr(Attr::default());
            self.link(extra.link);
            if extra.style != 0 {
                self.csi(&format!("4:{}m", extra.style));
            }
            self.keep_hidden = true;
        }
        let link = if saved.bg & EXTENDED == 0 { 0 } else { self.look.extra.link };
        let color = self.look.extra.color;
        self.esc("8");
        self.moved();
        self.look = plain(Attr { fg: saved.fg, bg: saved.bg, extra: Extra { link, color, style: 0 } });
    }

    /// Sets the look of what is printed next.
    pub fn attr(&mut self, wanted: Attr) {
        let mut wanted = plain(wanted);
        let link = self.pool.link(wanted.extra.link).filter(|_| wanted.extra.link != self.look.extra.link);
        if link.is_some_and(|link| link.size() > self.room) {
            wanted.extra.link = 0;
        }
        if wanted == self.look {
            return;
        }
        self.link(wanted.extra.link);
        if wanted.bg & PROTECTED == 0 {
            self.protect(false);
        }
        let others = |look: Attr| {
            let extra = Extra { link: 0, ..look.extra };
            Attr { extra, bg: look.bg & !PROTECTED, ..look }
        };
        let none = Attr::default();
        // The underline's own colour can only be given up with everything else.
        let colored = wanted.extra.color == 0 && self.look.extra.color != 0;
        if !self.keep_hidden && (colored || others(wanted) == none && others(self.look) != none) {
            self.csi("m");
            // xterm.js ends protection with it.
            self.look = Attr { extra: Extra { link: self.look.extra.link, ..Extra::default() }, ..none };
        }
        self.protect(wanted.bg & PROTECTED != 0);
        let mut codes = Vec::new();
        let (old, new) = (self.look, wanted);
        let off = |old: u32, new: u32, flag: u32| old & !new & flag != 0;
        let on = |old: u32, new: u32, flag: u32| !old & new & flag != 0;
        // One code ends both.
        let unweight = off(old.fg, new.fg, BOLD) || off(old.bg, new.bg, DIM);
        if unweight {
            codes.push("22".to_owned());
        }
        for (flag, old, new, code) in [(BOLD, old.fg, new.fg, "1"), (DIM, old.bg, new.bg, "2")] {
            if new & flag != 0 && (unweight || old & flag == 0) {
                codes.push(code.to_owned());
            }
        }
        for (flag, old, new, set, clear) in [
            (ITALIC, old.bg, new.bg, "3", "23"),
            (BLINK, old.fg, new.fg, "5", "25"),
            (INVERSE, old.fg, new.fg, "7", "27"),
            (INVISIBLE, old.fg, new.fg, "8", "28"),
            (STRIKE, old.fg, new.fg, "9", "29"),
            (OVERLINE, old.bg, new.bg, "53", "55"),
        ] {
            if on(old, new, flag) {
                codes.push(set.to_owned());
            } else if off(old, new, flag) {
                codes.push(clear.to_owned());
            }
        }
        if old.extra.color != new.extra.color {
            codes.push(underline_color(new.extra.color));
        }
        if old.extra.style != new.extra.style {
            codes.push(match new.extra.style {
                0 => "24".to_owned(),
                1 => "4".to_owned(),
                style => format!("4:{style}"),
            });
        }
        for (old, new, base) in [(old.fg, new.fg, 30), (old.bg, new.bg, 40)] {
            if old & COLOR != new & COLOR {
                codes.push(color(new & COLOR, base));
            }
        }
        if !codes.is_empty() {
            self.csi(&format!("{}m", codes.join(";")));
        }
        self.look = wanted;
    }

    fn protect(&mut self, on: bool) {
        if on != (self.look.bg & PROTECTED != 0) {
            self.csi(if on { "1\"q" } else { "0\"q" });
            self.look.bg = self.look.bg & !PROTECTED | if on { PROTECTED } else { 0 };
        }
    }

    fn link(&mut self, link: u32) {
        if link == self.look.extra.link {
            return;
        }
        match self.pool.link(link) {
            None => self.osc("8;;"),
            Some(link) => {
                self.room = self.room.saturating_sub(link.size());
                let id = link.id.as_ref().map_or(String::new(), |id| format!("id={id}"));
                self.osc(&format!("8;{id};{}", link.uri));
            }
        }
        self.look.extra.link = link;
    }
}

/// A look as it can be asked for: the underline's flag and style agree, and what does not count is not there.
pub fn plain(look: Attr) -> Attr {
    let Attr { fg, bg, mut extra } = look;
    if bg & EXTENDED == 0 {
        extra.style = 0;
        extra.link = 0;
        // A colour that does not count is kept, but not where underlining would make it count.
        extra.color = if fg & UNDERLINE == 0 { extra.color } else { 0 };
    }
    // The flag decides whether there is an underline, the style which.
    extra.style = if fg & UNDERLINE == 0 { 0 } else { extra.style.max(1) };
    Attr { fg, bg: bg & !EXTENDED, extra }
}

fn color(color: u32, base: u32) -> String {
    let value = color & 0x00ff_ffff;
    match kind(color) {
        P16 if value < 8 => (base + value).to_string(),
        P16 => (base + 60 + (value & 7)).to_string(),
        P256 => format!("{};5;{value}", base + 8),
        RGB => format!("{};2;{};{};{}", base + 8, value >> 16, value >> 8 & 0xff, value & 0xff),
        _ => (base + 9).to_string(),
    }
}

fn underline_color(color: u32) -> String {
    let value = color & 0x00ff_ffff;
    match kind(color) {
        RGB => format!("58:2::{}:{}:{}", value >> 16, value >> 8 & 0xff, value & 0xff),
        _ => format!("58:5:{}", value & 0xff),
    }
}
