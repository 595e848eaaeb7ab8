//! A new size: lines are rewrapped as xterm.js does it, line by line of `BufferReflow.ts`, because a client that was
//! attached all along does that, and one that joins afterwards must see the same.

use super::buffer::Buffer;
use super::cell::Cell;
use super::line::Line;
use super::packed::Packed;
use std::collections::VecDeque;

impl Buffer {
    /// To a new size, and rewraps if this is the main screen.
    pub fn resize(&mut self, cols: usize, rows: usize) {
        let base = self.base();
        let mut lines: VecDeque<Line> = self.history.iter().map(Packed::unpack).collect();
        lines.append(&mut self.lines);
        let mut reflow = Reflow { buffer: self, lines, base };
        reflow.run(cols, rows);
        let Reflow { mut lines, base, .. } = reflow;
        self.lines = lines.split_off(base.min(lines.len()));
        self.history.truncate(base);
        self.history.resize_with(lines.len(), Packed::default);
        for (packed, line) in self.history.iter_mut().zip(&lines) {
            packed.pack(line);
        }
    }
}

/// A buffer that is changing its size.
struct Reflow<'a> {
    buffer: &'a mut Buffer,
    /// Those that scrolled away, then the screen's.
    lines: VecDeque<Line>,
    /// Where the screen begins.
    base: usize,
}

impl Reflow<'_> {
    fn run(&mut self, cols: usize, rows: usize) {
        let reflows = self.buffer.scrollback.is_some();
        let old_cols = self.buffer.cols;
        let max = rows + self.buffer.scrollback.unwrap_or(0);
        if !self.lines.is_empty() {
            self.resize_rows(cols, rows, max);
        }
        self.buffer.bottom = rows - 1;
        // From here on the new height counts for how many lines are kept.
        self.buffer.rows = rows;
        if reflows && cols > old_cols {
            self.widen(old_cols, cols);
        } else if reflows && cols < old_cols {
            self.narrow(old_cols, cols);
        }
        if cols < old_cols {
            self.lines.iter_mut().for_each(|line| line.cut(cols));
        }
        self.buffer.cols = cols;
        self.buffer.extend_tabs();
        // Not so in xterm.js, which would fail later; here the screen is always whole.
        while !self.lines.is_empty() && self.lines.len() < self.base + rows {
            self.lines.push_back(Line::default());
        }
    }

    fn resize_rows(&mut self, cols: usize, rows: usize, max: usize) {
        let mut add_to_y = 0;
        for _ in self.buffer.rows..rows {
            if self.lines.len() < rows + self.base {
                if self.base > 0 && self.lines.len() <= self.base + self.buffer.y + add_to_y + 1 {
                    // There is nothing below the cursor: lines come back from the scrollback.
                    self.base -= 1;
                    add_to_y += 1;
                } else {
                    self.lines.push_back(Line::default());
                }
            }
        }
        for _ in rows..self.buffer.rows {
            if self.lines.len() > rows + self.base {
                if self.lines.len() > self.base + self.buffer.y + 1 {
                    self.lines.pop_back();
                } else {
                    self.base += 1;
                }
            }
        }
        if self.lines.len() > max {
            let gone = self.lines.len() - max;
            self.lines.drain(..gone);
            self.base = self.base.saturating_sub(gone);
            self.buffer.dropped += gone as u64;
            self.buffer.saved.y = self.buffer.saved.y.saturating_sub(gone);
        }
        self.buffer.x = self.buffer.x.min(cols - 1);
        self.buffer.y = self.buffer.y.min(rows - 1) + add_to_y;
        self.buffer.saved.x = self.buffer.saved.x.min(cols - 1);
        self.buffer.top = 0;
    }

    fn widen(&mut self, old_cols: usize, cols: usize) {
        let cursor = self.base + self.buffer.y;
        let mut keep = vec![true; self.lines.len()];
        let mut y = 0;
        while y + 1 < self.lines.len() {
            let mut end = y + 1;
            while end < self.lines.len() && self.lines[end].wrapped {
                end += 1;
            }
            // The line that the cursor is in is the program's to redraw.
            if end > y + 1 && !(y..end).contains(&cursor) {
                let removed = join_lines(&mut self.lines, y, end, old_cols, cols);
                keep[end - removed..end].fill(false);
            }
            y = end;
        }
        let mut kept = keep.iter().copied();
        self.lines.retain(|_| kept.next().unwrap_or(true));
        let removed = keep.iter().filter(|kept| !**kept).count();
        for _ in 0..removed {
            if self.base > 0 {
                self.base -= 1;
                continue;
            }
            self.buffer.y = self.buffer.y.saturating_sub(1);
            if self.lines.len() < self.buffer.rows {
                self.lines.push_back(Line::default());
            }
        }
        if removed > 0 {
            self.buffer.saved.y = self.buffer.saved.y.saturating_sub(removed);
        }
    }

    fn narrow(&mut self, old_cols: usize, cols: usize) {
        let max = self.buffer.max_lines();
        let rows = self.buffer.rows;
        // (where, how many) blank lines to put in, last first; and what is to go into them is there already.
        let mut inserts: Vec<(usize, Vec<Line>)> = Vec::new();
        let mut inserted = 0;
        // Room for longer lines may be made by dropping lines from the end, even such as are still to be rewrapped:
        // they go, but what they are continued on stays.
        let mut lines: Vec<Line> = std::mem::take(&mut self.lines).into();
        let mut kept = lines.len();
        let mut y = lines.len();
        while y > 0 {
            y -= 1;
            if !lines[y].wrapped && lines[y].trimmed() <= cols {
                continue;
            }
            let end = y + 1;
            while y > 0 && lines[y].wrapped {
                y -= 1;
            }
            if (y..end).contains(&(self.base + self.buffer.y)) {
                continue;
            }
            let count = end - y;
            let mut new = split_lines(lines[y..end].iter_mut().map(std::mem::take).collect(), old_cols, cols);
            let added = new.len() - count;
            let trimmed = if self.base == 0 && self.buffer.y + 1 != kept {
                (self.buffer.y + added).saturating_sub(max)
            } else {
                (kept + added).saturating_sub(max)
            };
            let extra = new.split_off(count);
            for (slot, line) in lines[y..end].iter_mut().zip(new) {
                *slot = line;
            }
            if !extra.is_empty() {
                inserts.push((end, extra));
                inserted += added;
            }
            for _ in trimmed..added {
                if self.base > 0 {
                    if self.base < max.min(kept + inserted).saturating_sub(rows) {
                        self.base += 1;
                    }
                } else if self.buffer.y + 1 < rows {
                    self.buffer.y += 1;
                    kept = kept.saturating_sub(1);
                } else {
                    self.base += 1;
                }
            }
            self.buffer.saved.y = (self.buffer.saved.y + added).min(self.base + rows - 1);
        }
        lines.truncate(kept);
        let mut out = VecDeque::with_capacity(lines.len() + inserted);
        for (at, line) in lines.into_iter().enumerate() {
            while inserts.last().is_some_and(|(before, _)| *before <= at) {
                out.extend(inserts.pop().into_iter().flat_map(|(_, lines)| lines));
            }
            out.push_back(line);
        }
        out.extend(inserts.into_iter().rev().flat_map(|(_, lines)| lines));
        let gone = out.len().saturating_sub(max);
        out.drain(..gone);
        self.buffer.dropped += gone as u64;
        self.lines = out;
    }
}

/// How many cells of a wrapped line count: a wide character that did not fit leaves the last one empty.
fn length(lines: &[&Line], at: usize, cols: usize) -> usize {
    if at + 1 == lines.len() {
        return lines[at].trimmed();
    }
    let last = lines[at].get(cols - 1);
    let gap = !last.has_content() && last.width() == 1 && lines[at + 1].width(0) == 2;
    if gap { cols - 1 } else { cols }
}

/// Rewraps the lines `y..end`, which are one, to more columns; gives back how many of them, at the end, are not needed.
fn join_lines(lines: &mut VecDeque<Line>, y: usize, end: usize, old_cols: usize, cols: usize) -> usize {
    let length_of = |lines: &VecDeque<Line>, at: usize| {
        let pair: Vec<&Line> = lines.range(y + at..(y + at + 2).min(end)).collect();
        length(&pair, 0, old_cols)
    };
    let count = end - y;
    let (mut to, mut to_col) = (0, length_of(lines, 0));
    let (mut from, mut from_col) = (1, 0);
    while from < count {
        let trimmed = length_of(lines, from);
        let n = (trimmed.saturating_sub(from_col)).min(cols - to_col);
        if to == from {
            lines[y + to].copy_within(from_col, to_col, n, false);
        } else {
            let source = std::mem::take(&mut lines[y + from]);
            lines[y + to].copy_from(&source, from_col, to_col, n);
            lines[y + from] = source;
        }
        to_col += n;
        if to_col == cols {
            to += 1;
            to_col = 0;
        }
        from_col += n;
        if from_col >= trimmed {
            from += 1;
            from_col = 0;
        }
        // A wide character must not be cut: its first half moves on.
        if to_col == 0 && to != 0 && lines[y + to - 1].width(cols - 1) == 2 {
            let half = lines[y + to - 1].get(cols - 1);
            lines[y + to].set(0, half);
            to_col = 1;
            lines[y + to - 1].set(cols - 1, Cell::EMPTY);
        }
    }
    if to < count {
        lines[y + to].replace(to_col, cols, Cell::EMPTY, false, cols);
    }
    (1..count).rev().take_while(|at| *at > to || lines[y + at].trimmed() == 0).count()
}

/// Where lines that are one break when there are fewer columns.
fn new_lengths(lines: &[&Line], old_cols: usize, cols: usize) -> Vec<usize> {
    let needed: usize = (0..lines.len()).map(|at| length(lines, at, old_cols)).sum();
    let mut lengths = Vec::new();
    let (mut col, mut line, mut available) = (0, 0, 0);
    while available < needed {
        if needed - available < cols {
            lengths.push(needed - available);
            break;
        }
        col += cols;
        let old = length(lines, line, old_cols);
        if col > old {
            col -= old;
            line += 1;
        }
        let wide = lines.get(line).is_some_and(|l| col > 0 && l.width(col - 1) == 2);
        if wide {
            col -= 1;
        }
        let length = if wide { cols - 1 } else { cols };
        lengths.push(length);
        available += length;
    }
    lengths
}

/// Rewraps lines that are one to fewer columns; there may be more of them afterwards, never fewer.
fn split_lines(mut lines: Vec<Line>, old_cols: usize, cols: usize) -> Vec<Line> {
    let refs: Vec<&Line> = lines.iter().collect();
    let lengths = new_lengths(&refs, old_cols, cols);
    let count = lines.len();
    let last = lines[count - 1].trimmed();
    while lines.len() < lengths.len() {
        lines.push(Line::blank(cols, 0, true));
    }
    let mut to = lengths.len();
    let mut to_col = 0;
    let next = |to: &mut usize| {
        while *to > 0 {
            *to -= 1;
            if lengths[*to] > 0 {
                return Some(lengths[*to]);
            }
        }
        None
    };
    let mut target = next(&mut to).inspect(|n| to_col = *n);
    let mut from = count;
    while from > 0 && target.is_some() {
        from -= 1;
        // Asked for only now: the line behind it may hold other characters already.
        let mut from_col =
            if from + 1 == count { last } else { length(&[&lines[from], &lines[from + 1]], 0, old_cols) };
        while from_col > 0 && target.is_some() {
            let n = from_col.min(to_col);
            if to == from {
                lines[to].copy_within(from_col - n, to_col - n, n, true);
            } else {
                let source = std::mem::take(&mut lines[from]);
                lines[to].copy_from(&source, from_col - n, to_col - n, n);
                lines[from] = source;
            }
            to_col -= n;
            from_col -= n;
            if to_col == 0 {
                target = next(&mut to).inspect(|n| to_col = *n);
            }
        }
    }
    for (line, length) in lines.iter_mut().zip(&lengths) {
        if *length < cols {
            line.set(*length, Cell::EMPTY);
        }
    }
    lines
}
