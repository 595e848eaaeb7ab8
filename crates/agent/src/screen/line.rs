//! One line of cells. Empty cells at its end are not stored.

use super::cell::{Cell, Pool};

/// A line; every operation is told how many columns the screen has.
#[derive(Clone, Debug, Default)]
pub struct Line {
    cells: Vec<Cell>,
    /// It continues the line above, which was too long for the screen.
    pub wrapped: bool,
}

impl Line {
    /// A line of these cells.
    pub fn of(cells: Vec<Cell>, wrapped: bool) -> Self {
        Self { cells, wrapped }
    }

    /// A line of empty cells with this background.
    pub fn blank(cols: usize, bg: u32, wrapped: bool) -> Self {
        let mut line = Self { cells: Vec::new(), wrapped };
        line.make_blank(cols, bg, wrapped);
        line
    }

    /// Becomes [`Line::blank`], keeping its memory.
    pub fn make_blank(&mut self, cols: usize, bg: u32, wrapped: bool) {
        self.cells.clear();
        if bg != 0 {
            self.cells.resize(cols, Cell::blank(bg));
        }
        self.wrapped = wrapped;
    }

    pub fn get(&self, col: usize) -> Cell {
        self.cells.get(col).copied().unwrap_or_default()
    }

    pub fn width(&self, col: usize) -> u32 {
        self.get(col).width()
    }

    pub fn set(&mut self, col: usize, cell: Cell) {
        if col >= self.cells.len() {
            if cell == Cell::EMPTY {
                return;
            }
            self.cells.resize(col + 1, Cell::EMPTY);
        }
        self.cells[col] = cell;
    }

    /// Writes one-column characters from `col` on; they must fit.
    pub fn set_ascii(&mut self, col: usize, text: &[u8], look: Cell) {
        let cell = |byte: &u8| Cell::new(u32::from(*byte), 1, look.fg, look.bg, look.extra);
        if col > self.cells.len() {
            self.cells.resize(col, Cell::EMPTY);
        }
        let (over, behind) = text.split_at(text.len().min(self.cells.len() - col));
        for (old, byte) in self.cells[col..].iter_mut().zip(over) {
            *old = cell(byte);
        }
        if !behind.is_empty() {
            self.cells.reserve_exact(behind.len());
            self.cells.extend(behind.iter().map(cell));
        }
    }

    /// Joins a character to the one at `col`.
    pub fn join(&mut self, col: usize, code: char, width: u32, pool: &mut Pool) {
        let mut cell = self.get(col);
        cell.join(code, width, pool);
        self.set(col, cell);
    }

    /// Shifts what stands from `pos` on to the right by `n`.
    pub fn insert(&mut self, pos: usize, n: usize, fill: Cell, cols: usize) {
        let pos = pos % cols;
        if pos > 0 && self.width(pos - 1) == 2 {
            self.set(pos - 1, fill.emptied(1));
        }
        if n < cols - pos {
            for i in (0..cols - pos - n).rev() {
                let cell = self.get(pos + i);
                self.set(pos + n + i, cell);
            }
            (pos..pos + n).for_each(|i| self.set(i, fill));
        } else {
            (pos..cols).for_each(|i| self.set(i, fill));
        }
        if self.width(cols - 1) == 2 {
            self.set(cols - 1, fill.emptied(1));
        }
    }

    /// Removes `n` cells at `pos`; what follows moves left.
    pub fn delete(&mut self, pos: usize, n: usize, fill: Cell, cols: usize) {
        let pos = pos % cols;
        if n < cols - pos {
            for i in 0..cols - pos - n {
                let cell = self.get(pos + n + i);
                self.set(pos + i, cell);
            }
            (cols - n..cols).for_each(|i| self.set(i, fill));
        } else {
            (pos..cols).for_each(|i| self.set(i, fill));
        }
        if pos > 0 && self.width(pos - 1) == 2 {
            self.set(pos - 1, fill.emptied(1));
        }
        if self.width(pos) == 0 && !self.get(pos).has_content() {
            self.set(pos, fill.emptied(1));
        }
    }

    /// Erases `start..end`, and the halves of wide characters that it cuts.
    pub fn replace(&mut self, start: usize, end: usize, fill: Cell, keep_protected: bool, cols: usize) {
        let spared = |line: &Self, col: usize| keep_protected && line.get(col).is_protected();
        if start > 0 && self.width(start - 1) == 2 && !spared(self, start - 1) {
            self.set(start - 1, fill.emptied(1));
        }
        if end > 0 && end < cols && self.width(end - 1) == 2 && !spared(self, end) {
            self.set(end, fill.emptied(1));
        }
        let end = end.min(cols);
        if !keep_protected && end >= self.cells.len() && fill == Cell::EMPTY {
            self.cells.truncate(start);
            return;
        }
        for col in start..end {
            if !spared(self, col) {
                self.set(col, fill);
            }
        }
    }

    /// Erases all of it; whether it continues another line is left as it is.
    pub fn fill(&mut self, fill: Cell, keep_protected: bool, cols: usize) {
        if keep_protected {
            for col in 0..cols {
                if !self.get(col).is_protected() {
                    self.set(col, fill);
                }
            }
        } else {
            self.cells.clear();
            if fill != Cell::EMPTY {
                self.cells.resize(cols, fill);
            }
        }
    }

    /// Columns up to the last one that holds a character.
    pub fn trimmed(&self) -> usize {
        let last = self.cells.iter().rposition(|cell| cell.has_content());
        last.map_or(0, |col| col + self.cells[col].width() as usize)
    }

    /// Columns up to the last one that is not simply empty.
    pub fn used(&self) -> usize {
        self.cells.iter().rposition(|cell| *cell != Cell::EMPTY).map_or(0, |col| col + 1)
    }

    /// Copies `n` cells from `src`; within one line use [`Line::copy_within`].
    pub fn copy_from(&mut self, src: &Self, from: usize, to: usize, n: usize) {
        for i in 0..n {
            self.set(to + i, src.get(from + i));
        }
    }

    /// Copies `n` cells to the left or, if `backwards`, to the right.
    pub fn copy_within(&mut self, from: usize, to: usize, n: usize, backwards: bool) {
        let mut step = |i: usize| {
            let cell = self.get(from + i);
            self.set(to + i, cell);
        };
        if backwards { (0..n).rev().for_each(&mut step) } else { (0..n).for_each(&mut step) }
    }

    /// Drops what is right of the screen's edge; half a wide character goes with it.
    pub fn cut(&mut self, cols: usize) {
        self.cells.truncate(cols);
        if self.cells.len() == cols && cols > 0 && self.width(cols - 1) == 2 {
            let cell = self.cells[cols - 1];
            self.cells[cols - 1] = cell.emptied(1);
        }
    }

    /// Every stored cell.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Every stored cell.
    pub fn cells_mut(&mut self) -> impl Iterator<Item = &mut Cell> {
        self.cells.iter_mut()
    }

    /// Its text, without empty cells at the end.
    pub fn push_text(&self, pool: &Pool, out: &mut String) {
        self.push_text_to(self.trimmed().min(self.cells.len()), pool, out);
    }

    /// The text of its first cells, with all that are empty.
    pub fn push_text_to(&self, cols: usize, pool: &Pool, out: &mut String) {
        for cell in (0..cols).map(|col| self.get(col)) {
            if cell.has_content() {
                cell.push_text(pool, out);
            } else if cell.width() > 0 {
                out.push(' ');
            }
        }
    }
}
