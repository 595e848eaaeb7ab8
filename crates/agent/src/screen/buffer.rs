//! The main or the alternate screen: its lines and all that belongs to it alone.

use super::cell::Cell;
use super::charset::Charset;
use super::line::Line;
use std::collections::{BTreeSet, VecDeque};

/// What DECSC saved. The extras are not in it: only the flag that there were some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    pub x: usize,
    /// Counted from the first line that is kept, so it moves up as lines scroll away.
    pub y: usize,
    pub fg: u32,
    pub bg: u32,
    pub charset: Charset,
}

/// One of the two screens.
#[derive(Debug)]
pub struct Buffer {
    /// Lines that scrolled away, then the screen's; none for an alternate screen that is not in use.
    pub lines: VecDeque<Line>,
    /// How many lines scrolled away.
    pub base: usize,
    /// How many that had scrolled away are not kept any more.
    pub dropped: u64,
    /// Cursor column; the number of columns when the next character wraps.
    pub x: usize,
    /// Cursor row on the screen.
    pub y: usize,
    pub top: usize,
    pub bottom: usize,
    pub tabs: BTreeSet<usize>,
    pub saved: Saved,
    pub cols: usize,
    pub rows: usize,
    /// Lines kept above the screen; the alternate screen keeps none.
    pub scrollback: Option<usize>,
}

/// Columns from one default tab stop to the next.
const TAB: usize = 8;

impl Buffer {
    /// The main screen, or, without scrollback, the alternate one.
    pub fn new(cols: usize, rows: usize, scrollback: Option<usize>) -> Self {
        let mut buffer = Self {
            lines: VecDeque::new(),
            base: 0,
            dropped: 0,
            x: 0,
            y: 0,
            top: 0,
            bottom: rows - 1,
            tabs: BTreeSet::new(),
            saved: Saved::default(),
            cols,
            rows,
            scrollback,
        };
        buffer.default_tabs();
        if scrollback.is_some() {
            buffer.fill(0);
        }
        buffer
    }

    /// Gives an unused alternate screen its lines.
    pub fn fill(&mut self, bg: u32) {
        if self.lines.is_empty() {
            self.lines.extend((0..self.rows).map(|_| Line::blank(self.cols, bg, false)));
        }
    }

    /// Everything but what was saved.
    pub fn clear(&mut self) {
        let saved = self.saved;
        *self = Self { saved, ..Self::new(self.cols, self.rows, self.scrollback) };
    }

    pub fn max_lines(&self) -> usize {
        self.rows + self.scrollback.unwrap_or(0)
    }

    /// How many lines have scrolled away, kept or not.
    pub fn scrolled(&self) -> u64 {
        self.dropped + self.base as u64
    }

    /// A line of the screen.
    pub fn row(&self, y: usize) -> &Line {
        &self.lines[self.base + y]
    }

    /// A line of the screen.
    pub fn row_mut(&mut self, y: usize) -> &mut Line {
        &mut self.lines[self.base + y]
    }

    /// The cursor's line.
    pub fn here(&mut self) -> &mut Line {
        let at = self.base + self.y;
        &mut self.lines[at]
    }

    /// Moves the region up by one line; at the screen's top the line goes into the scrollback.
    pub fn scroll(&mut self, bg: u32, wrapped: bool) {
        let (top, bottom) = (self.base + self.top, self.base + self.bottom);
        if self.top > 0 {
            let mut line = self.lines.remove(top).unwrap_or_default();
            line.make_blank(self.cols, bg, wrapped);
            self.lines.insert(bottom, line);
            return;
        }
        let full = self.lines.len() >= self.max_lines();
        let mut line = if full { self.lines.pop_front().unwrap_or_default() } else { Line::default() };
        line.make_blank(self.cols, bg, wrapped);
        self.lines.insert(bottom + usize::from(!full), line);
        if full {
            self.dropped += 1;
        } else {
            self.base += 1;
        }
    }

    /// Takes `n` lines out at `from` and puts blank ones in at `to`, both rows of the screen.
    pub fn rotate(&mut self, from: usize, to: usize, n: usize, bg: u32) {
        let (from, to) = (self.base + from, self.base + to);
        for _ in 0..n {
            let mut line = self.lines.remove(from).unwrap_or_default();
            line.make_blank(self.cols, bg, false);
            self.lines.insert(to, line);
        }
    }

    pub fn default_tabs(&mut self) {
        self.tabs = (0..self.cols).step_by(TAB).collect();
    }

    /// Default stops from the last one that there is on.
    pub fn extend_tabs(&mut self) {
        let from = if self.tabs.contains(&self.cols) { self.cols } else { self.previous_stop(self.cols) };
        self.tabs.extend((from..self.cols).step_by(TAB));
    }

    pub fn next_stop(&self, x: usize) -> usize {
        self.tabs.range(x + 1..).next().copied().unwrap_or(self.cols).min(self.cols - 1)
    }

    pub fn previous_stop(&self, x: usize) -> usize {
        self.tabs.range(..x).next_back().copied().unwrap_or(0).min(self.cols - 1)
    }

    /// Every cell that is stored.
    pub fn cells_mut(&mut self) -> impl Iterator<Item = &mut Cell> {
        self.lines.iter_mut().flat_map(Line::cells_mut)
    }
}
