//! A line that scrolled away: kept as runs of cells that look alike, which is a tenth of their memory. What is kept of
//! a long session is mostly such lines, and going through all of their cells again and again would cost every program
//! on the machine its cache.

use super::cell::Cell;
use super::line::Line;

/// A [`Line`] at rest.
#[derive(Clone, Debug, Default)]
pub struct Packed {
    /// Runs, each a look, a length and that many contents; see [`Packed::pack`].
    bytes: Vec<u8>,
    /// It continues the line above.
    pub wrapped: bool,
    /// A cell of it is more than a character and colours.
    refers: bool,
}

/// The contents of a run are one byte each.
const SHORT: u16 = 0x8000;
/// Bytes before a run's contents: text colour, background, extra, length.
const HEADER: usize = 14;

impl Packed {
    /// Becomes this line, keeping its own memory.
    pub fn pack(&mut self, line: &Line) {
        self.bytes.clear();
        self.refers = false;
        self.wrapped = line.wrapped;
        let mut rest = line.cells();
        while let Some(first) = rest.first() {
            let alike = rest.iter().position(|cell| !cell.looks_like(*first)).unwrap_or(rest.len());
            // A line has at most 4096 columns.
            let (run, behind) = rest.split_at(alike.min(usize::from(SHORT) - 1));
            let short = Cell::are_short(run);
            let length = u16::try_from(run.len()).unwrap_or(0) | if short { SHORT } else { 0 };
            for word in [first.fg, first.bg, first.extra] {
                self.bytes.extend_from_slice(&word.to_le_bytes());
            }
            self.bytes.extend_from_slice(&length.to_le_bytes());
            if short {
                self.bytes.extend(run.iter().map(|cell| cell.short()));
            } else {
                self.bytes.extend(run.iter().flat_map(|cell| cell.content().to_le_bytes()));
            }
            self.refers |= first.extra != 0 || !short;
            rest = behind;
        }
    }

    /// The line again.
    pub fn unpack(&self) -> Line {
        let mut cells = Vec::new();
        let mut rest = self.bytes.as_slice();
        while let Some((header, behind)) = rest.split_first_chunk::<HEADER>() {
            let word =
                |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            let look = Cell::new(0, 0, word(0), word(4), word(8));
            let length = u16::from_le_bytes([header[12], header[13]]);
            let count = usize::from(length & !SHORT);
            let (contents, next) = behind.split_at(if length & SHORT == 0 { 4 * count } else { count });
            if length & SHORT == 0 {
                let words = contents.as_chunks::<4>().0.iter();
                cells.extend(words.map(|content| look.with_content(u32::from_le_bytes(*content))));
            } else {
                cells.extend(contents.iter().map(|code| look.with_short(*code)));
            }
            rest = next;
        }
        Line::of(cells, self.wrapped)
    }

    /// Whether a cell of it may refer to the [`super::cell::Pool`].
    pub fn refers(&self) -> bool {
        self.refers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::cell::Pool;

    #[test]
    fn every_line_comes_back_as_it_was() {
        let mut pool = Pool::default();
        let mut joined = Cell::new(u32::from('e'), 1, 7, 0, 0);
        joined.join('\u{301}', 0, &mut pool);
        let plain = |c: char| Cell::new(u32::from(c), 1, 0x0100_0003, 0, 0);
        let wide = Cell::new(u32::from('一'), 2, 0, 5, 0);
        let cases: [&[Cell]; 7] = [
            &[],
            &[Cell::EMPTY],
            &[plain('a'), plain('b'), Cell::EMPTY, plain('c')],
            &[wide, wide.emptied(0), plain('x')],
            &[joined, Cell::blank(9), Cell::new(u32::from('u'), 1, 0, 0, 3)],
            &[Cell::new(0x7f, 1, 0, 0, 0), Cell::new(0x80, 1, 0, 0, 0), Cell::new(0xff, 1, 0, 0, 0)],
            &vec![plain('z'); 4096],
        ];
        let mut packed = Packed::default();
        for cells in cases {
            for wrapped in [false, true] {
                packed.pack(&Line::of(cells.to_vec(), wrapped));
                let line = packed.unpack();
                assert_eq!((line.cells(), line.wrapped), (cells, wrapped));
                assert!(packed.refers() || cells.iter().all(|c| c.extra == 0 && *c != joined));
            }
        }
    }
}
