//! The main or the alternate screen: its lines and all that belongs to it alone.

use super::cell::Cell;
use super::charset::Charset;
use super::line::Line;
use super::packed::Packed;
use std::borrow::Cow;
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
    /// Lines that scrolled away and are kept.
    pub history: VecDeque<Packed>,
    /// The screen's; none for an alternate screen that is not in use.
    pub lines: VecDeque<Line>,
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
            history: VecDeque::new(),
            lines: VecDeque::new(),
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

    /// The screen's first line, counted from the first that is kept.
    pub fn base(&self) -> usize {
        self.history.len()
    }

    /// How many lines have scrolled away, kept or not.
    pub fn scrolled(&self) -> u64 {
        self.dropped + self.base() as u64
    }

    /// A line, counted from the first that is kept.
    pub fn line(&self, at: usize) -> Cow<'_, Line> {
        match at.checked_sub(self.base()) {
            None => Cow::Owned(self.history[at].unpack()),
            Some(y) => Cow::Borrowed(&self.lines[y]),
        }
    }

    /// This line, counted from the first that is kept, continues none.
    pub fn set_unwrapped(&mut self, at: usize) {
        match at.checked_sub(self.base()) {
            None => self.history[at].wrapped = false,
            Some(y) => self.lines.get_mut(y).into_iter().for_each(|line| line.wrapped = false),
        }
    }

    /// Forgets what scrolled away.
    pub fn clear_history(&mut self) {
        let below = self.lines.len() - self.rows.min(self.lines.len());
        self.lines.drain(..below);
        self.dropped += (self.history.len() + below) as u64;
        self.history.clear();
    }

    /// A line of the screen.
    pub fn row(&self, y: usize) -> &Line {
        &self.lines[y]
    }

    /// A line of the screen.
    pub fn row_mut(&mut self, y: usize) -> &mut Line {
        &mut self.lines[y]
    }

    /// The cursor's line.
    pub fn here(&mut self) -> &mut Line {
        &mut self.lines[self.y]
    }

    /// Moves the region up by one line; at the screen's top the line goes into the scrollback.
    pub fn scroll(&mut self, bg: u32, wrapped: bool) {
        let mut line = self.lines.remove(self.top).unwrap_or_default();
        if self.top == 0 {
            self.keep(&line);
        }
        line.make_blank(self.cols, bg, wrapped);
        self.lines.insert(self.bottom, line);
    }

    /// A line scrolled away; the oldest that did goes where there is no room.
    fn keep(&mut self, line: &Line) {
        // The line itself was one of them.
        let full = self.history.len() + self.lines.len() + 1 >= self.max_lines();
        self.dropped += u64::from(full);
        let room = if full { self.history.pop_front() } else { Some(Packed::default()) };
        if let Some(mut packed) = room {
            packed.pack(line);
            self.history.push_back(packed);
        }
    }

    /// Takes `n` lines out at `from` and puts blank ones in at `to`, both rows of the screen.
    pub fn rotate(&mut self, from: usize, to: usize, n: usize, bg: u32) {
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

    /// Calls `change` with every cell that may refer to the [`super::cell::Pool`].
    pub fn for_each_cell(&mut self, mut change: impl FnMut(&mut Cell)) {
        for packed in self.history.iter_mut().filter(|packed| packed.refers()) {
            let mut line = packed.unpack();
            line.cells_mut().for_each(&mut change);
            packed.pack(&line);
        }
        self.lines.iter_mut().flat_map(Line::cells_mut).for_each(change);
    }
}
