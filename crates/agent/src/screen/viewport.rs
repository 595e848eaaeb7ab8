//! A screen in a terminal of another size: the part of it that the cursor is in.
//!
//! The terminal gets what it takes to show that part: rows that changed, each drawn whole from its left edge, the
//! cursor, colours that the program changed, and the modes that decide what keys and the mouse send. It shows nothing
//! else meanwhile, on its alternate screen, so what stood there before comes back by leaving that. Whoever ends the
//! showing undoes the modes; every one is set by a sequence that was handed out.

mod aim;
mod asked;
mod mouse;
#[cfg(test)]
mod tests;

use super::Screen;
use super::cell::{Attr, Cell, PROTECTED};
use super::grapheme::Join;
use super::line::Line;
use super::palette::{Palette, SPECIAL};
use super::snapshot::pen::Pen;
use asked::Asked;

/// To a blank alternate screen on which nothing wraps.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[0m\x1b[?7l\x1b[2J\x1b[H";
/// So that a terminal which knows how shows all of a drawing at once.
const BEGIN: &[u8] = b"\x1b[?2026h\x1b[?25l";
const END: &[u8] = b"\x1b[?2026l";

/// A terminal that shows a part of a [`Screen`], or all of it with a margin.
#[derive(Debug)]
pub struct Viewport {
    cols: usize,
    rows: usize,
    /// The screen's cell that is at the terminal's top left; `None` before the first drawing.
    origin: Option<(usize, usize)>,
    /// What each row was drawn with; `None` where it has to be drawn whatever it shows.
    drawn: Vec<Option<Vec<u8>>>,
    palette: Palette,
    asked: Asked,
    /// Where the cursor stands, if it is shown.
    cursor: Option<(usize, usize)>,
    entered: bool,
}

impl Viewport {
    /// For a terminal of this size, which is as new in every other respect.
    pub fn new(cols: u16, rows: u16) -> Self {
        let (cols, rows) = (usize::from(cols.max(1)), usize::from(rows.max(1)));
        Self {
            cols,
            rows,
            origin: None,
            drawn: vec![None; rows],
            palette: Palette::default(),
            asked: Asked::default(),
            cursor: None,
            entered: false,
        }
    }

    /// The terminal has a new size, and shows nobody knows what.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        (self.cols, self.rows) = (usize::from(cols.max(1)), usize::from(rows.max(1)));
        self.drawn = vec![None; self.rows];
    }

    /// Somebody else had the terminal, and has left it as new.
    pub fn restart(&mut self) {
        let cols = u16::try_from(self.cols).unwrap_or(u16::MAX);
        let rows = u16::try_from(self.rows).unwrap_or(u16::MAX);
        *self = Self { origin: self.origin, ..Self::new(cols, rows) };
    }

    /// The bytes that make the terminal show the screen as it is now; none where it does.
    pub fn draw(&mut self, screen: &Screen) -> Vec<u8> {
        let model = &screen.model;
        let (left, top) = self.aim(model.shown(), model.cols, model.rows);
        let mut rows = Vec::new();
        for y in 0..self.rows {
            let line = (top + y < model.rows).then(|| model.shown().row(top + y));
            let row = line.map_or_else(|| b"\x1b[K".to_vec(), |line| self.row(screen, line, left));
            if self.drawn[y].as_ref() != Some(&row) {
                rows.extend_from_slice(format!("\x1b[{};1H", y + 1).as_bytes());
                rows.extend_from_slice(&row);
                self.drawn[y] = Some(row);
            }
        }
        let mut bytes = Vec::new();
        if !self.entered {
            self.entered = true;
            bytes.extend_from_slice(ENTER);
        }
        self.colors(&model.palette, &mut bytes);
        self.asked.change(Asked::by(model), &mut bytes);
        let buffer = model.shown();
        let place = (buffer.x.min(model.cols - 1) - left, buffer.y - top);
        let cursor = (!model.modes.hidden).then_some(place);
        if rows.is_empty() && bytes.is_empty() && cursor == self.cursor {
            return Vec::new();
        }
        self.cursor = cursor;
        let place = format!(
            "\x1b[{};{}H{}",
            place.1 + 1,
            place.0 + 1,
            if cursor.is_some() { "\x1b[?25h" } else { "" }
        );
        [BEGIN, &bytes, &rows, place.as_bytes(), END].concat()
    }

    /// One row of the terminal, from its left edge, ending in the plain look.
    fn row(&self, screen: &Screen, line: &Line, left: usize) -> Vec<u8> {
        let pool = &screen.model.pool;
        let mut pen = Pen::new(pool, self.cols);
        let end = (left + self.cols).min(screen.model.cols);
        let mut col = left;
        // What follows is blank, and erased.
        let used = (left..end).rev().find(|col| line.get(*col) != Cell::EMPTY).map_or(left, |col| col + 1);
        let (mut text, mut run) = (String::new(), Vec::new());
        while col < used {
            let cell = line.get(col);
            let look = pen.look_of(cell);
            pen.column(col - left);
            pen.attr(Attr { bg: look.bg & !PROTECTED, ..look });
            run.clear();
            let same = (col..used).map(|at| line.get(at)).take_while(|next| next.looks_like(cell));
            run.extend(same.map_while(Cell::ascii));
            if !run.is_empty() {
                pen.ascii(&run);
                col += run.len();
                continue;
            }
            let whole = col + 1 < end && line.width(col + 1) == 0;
            text.clear();
            if cell.width() == 1 || cell.width() == 2 && whole {
                cell.push_text(pool, &mut text);
            }
            // A half of a wide character at the edge is as blank as an empty cell.
            let wide = if text.is_empty() { 1 } else { cell.width() as usize };
            let alone = text.chars().nth(1).is_none();
            let printed = text.chars().fold(Join::default(), |join, c| join.next(u32::from(c)).0).width();
            if printed < cell.width() && !text.is_empty() {
                // It was wider once, by what is not there any more.
                pen.text(" ");
                pen.text(" ");
                pen.moved();
                pen.column(col - left);
            }
            pen.text(if text.is_empty() { " " } else { &text });
            if wide > 1 || !alone {
                // Terminals disagree on how wide some of these are; what follows keeps its place.
                pen.moved();
            }
            col += wide;
        }
        pen.attr(Attr::default());
        if used < left + self.cols {
            pen.column(used - left);
            pen.csi("K");
        }
        pen.into_bytes()
    }

    /// Gives the terminal the program's colours.
    fn colors(&mut self, wanted: &Palette, out: &mut Vec<u8>) {
        if *wanted == self.palette {
            return;
        }
        let name = |index: u16, set: &str, special: u16| match index {
            ..SPECIAL => format!("{set}4;{index}"),
            _ => (index - SPECIAL + special).to_string(),
        };
        for (index, _) in self.palette.changes() {
            if !wanted.changes().any(|(other, _)| other == index) {
                out.extend_from_slice(format!("\x1b]{}\x1b\\", name(index, "10", 110)).as_bytes());
            }
        }
        for (index, [r, g, b]) in wanted.changes() {
            if self.palette.get(index) != [r, g, b]
                || !self.palette.changes().any(|(other, _)| other == index)
            {
                let name = name(index, "", 10);
                out.extend_from_slice(format!("\x1b]{name};rgb:{r:02x}/{g:02x}/{b:02x}\x1b\\").as_bytes());
            }
        }
        self.palette = wanted.clone();
    }
}
