//! The screen model: what a terminal shows after the bytes so far, and the bytes that show it again.
//!
//! It exists for one promise: a client that gets [`Screen::snapshot`] and then every later byte shows exactly what one
//! shows that got every byte from the start, wherever the cut is. Clients show sessions with xterm.js, so the model
//! behaves as xterm.js 6 with its unicode-graphemes addon does, oddities included: where lines wrap and rewrap, how
//! wide an emoji is, what counts as empty. `DIFFERENCES.md` beside this crate lists what is known to differ.
//!
//! It is not a renderer and does no IO. Nothing that is fed to it makes it panic or grow without bound.

mod actions;
mod buffer;
mod cell;
mod charset;
mod edit;
mod grapheme;
mod keyboard;
mod line;
mod model;
mod modes;
mod packed;
mod palette;
mod params;
mod parser;
mod report;
mod resize;
mod said;
mod sgr;
mod snapshot;
#[cfg(test)]
mod tests;
mod viewport;

use crate::adapter::Said;
use model::Model;
use parser::Parser;

pub use viewport::Viewport;

/// Where a terminal's cursor is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// What stands before it in its line.
    pub before: String,
    /// The lines of the screen above that one.
    pub above: Vec<String>,
    /// The program asked to be told when somebody looks at the terminal (mode 1004).
    pub hears_focus: bool,
}

/// A terminal without a window.
#[derive(Debug)]
pub struct Screen {
    parser: Parser,
    model: Model,
}

/// Smallest and largest number of columns; narrower terminals are treated as two columns wide, as xterm.js does.
const COLS: std::ops::RangeInclusive<usize> = 2..=4096;
/// Smallest and largest number of rows.
const ROWS: std::ops::RangeInclusive<usize> = 1..=4096;

fn clamp(value: u16, to: &std::ops::RangeInclusive<usize>) -> usize {
    usize::from(value).clamp(*to.start(), *to.end())
}

/// Bytes between two looks at whether the pool wants collecting.
const PIECE: usize = 64 * 1024;

impl Screen {
    /// An empty screen that keeps this many lines after they scrolled away. Clients should keep the same number.
    pub fn new(cols: u16, rows: u16, scrollback_lines: usize) -> Self {
        let model = Model::new(clamp(cols, &COLS), clamp(rows, &ROWS), scrollback_lines);
        Self { parser: Parser::default(), model }
    }

    /// Takes in what the program wrote.
    pub fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE) {
            self.parser.feed(piece, &mut self.model);
            self.model.collect();
        }
    }

    /// The terminal has a new size.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        let (cols, rows) = (clamp(cols, &COLS), clamp(rows, &ROWS));
        if (cols, rows) == (self.model.cols, self.model.rows) {
            return;
        }
        (self.model.cols, self.model.rows) = (cols, rows);
        self.model.main.resize(cols, rows);
        self.model.alt.resize(cols, rows);
    }

    /// The bytes that, written to a fresh terminal of this size, show what is shown now and leave it in the same state,
    /// in the midst of an escape sequence if need be. Lines that scrolled away are left out, the oldest first, where it
    /// would be longer than some 16 MiB.
    pub fn snapshot(&self) -> Vec<u8> {
        self.snapshot_with(usize::MAX)
    }

    /// How many lines have scrolled away so far. It goes back where a larger size brings lines back.
    pub fn scrolled(&self) -> u64 {
        self.model.main.scrolled()
    }

    /// As [`Screen::snapshot`], with at most the newest `lines` of those that scrolled away.
    pub fn snapshot_with(&self, lines: usize) -> Vec<u8> {
        let skipped = self.model.main.base().saturating_sub(lines);
        snapshot::write(&self.model, skipped, self.parser.unfinished())
    }

    /// As [`Screen::snapshot`], for a terminal that has the first `known` of all lines that scrolled away already.
    pub fn snapshot_after(&self, known: u64) -> Vec<u8> {
        let new = self.model.main.scrolled().saturating_sub(known);
        self.snapshot_with(usize::try_from(new).unwrap_or(usize::MAX))
    }

    /// Whether the program is in the midst of changing the screen, and said so.
    pub fn is_synchronized(&self) -> bool {
        self.model.modes.synchronized
    }

    /// Whether the bytes so far end in the midst of an escape sequence or a character.
    pub fn is_unfinished(&self) -> bool {
        self.parser.unfinished().next().is_some()
    }

    /// What the program asked the terminal and is to be told, as input. Taken out: asking again gives what came since.
    pub fn replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.model.replies)
    }

    /// What the program said of itself. Taken out, in the same way.
    pub fn said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.model.said)
    }

    /// Whether the program asked to be told what is pasted (mode 2004).
    pub fn pastes(&self) -> bool {
        self.model.modes.bracketed_paste
    }

    /// Where the cursor is; nowhere in the midst of a change of the screen.
    pub fn cursor(&self) -> Cursor {
        if self.is_synchronized() || self.is_unfinished() {
            return Cursor::default();
        }
        let buffer = self.model.shown();
        let line = |y: usize, cols: Option<usize>| {
            let (row, mut text) = (buffer.row(y), String::new());
            match cols {
                Some(cols) => row.push_text_to(cols, &self.model.pool, &mut text),
                None => row.push_text(&self.model.pool, &mut text),
            }
            text
        };
        let above = (0..buffer.y).map(|y| line(y, None)).collect();
        Cursor { before: line(buffer.y, Some(buffer.x)), above, hears_focus: self.model.modes.focus }
    }

    /// Its lines, without the blanks at their ends; none in the midst of a change of the screen.
    pub fn lines(&self) -> Vec<String> {
        if self.is_synchronized() || self.is_unfinished() {
            return Vec::new();
        }
        let buffer = self.model.shown();
        let line = |y| {
            let mut text = String::new();
            buffer.row(y).push_text(&self.model.pool, &mut text);
            text.truncate(text.trim_end().len());
            text
        };
        (0..usize::from(self.rows())).map(line).collect()
    }

    /// The window title, if the program set one.
    pub fn title(&self) -> Option<&str> {
        Some(self.model.title.as_str()).filter(|title| !title.is_empty())
    }

    /// Columns.
    pub fn cols(&self) -> u16 {
        u16::try_from(self.model.cols).unwrap_or(u16::MAX)
    }

    /// Rows.
    pub fn rows(&self) -> u16 {
        u16::try_from(self.model.rows).unwrap_or(u16::MAX)
    }

    /// The last lines of the screen that are not blank, at most `lines` of them with at most `width` characters each,
    /// without colour.
    pub fn preview(&self, lines: usize, width: usize) -> Vec<String> {
        let buffer = self.model.shown();
        let mut found: Vec<String> = (0..self.model.rows)
            .rev()
            .map(|y| {
                let mut text = String::new();
                buffer.row(y).push_text(&self.model.pool, &mut text);
                let text = text.trim_end();
                text.char_indices().nth(width).map_or(text, |(end, _)| &text[..end]).to_owned()
            })
            .filter(|text| !text.trim().is_empty())
            .take(lines)
            .collect();
        found.reverse();
        found
    }
}
