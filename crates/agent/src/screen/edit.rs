//! Moving the cursor, erasing, inserting and deleting.

use super::cell::{Cell, PROTECTED};
use super::model::Model;
use super::params::Params;

impl Model {
    /// Keeps the cursor on the screen, or in the region when that is its origin.
    pub fn restrict(&mut self, max_x: usize) {
        let (rows, origin) = (self.rows, self.modes.origin);
        let buffer = self.buffer();
        buffer.x = buffer.x.min(max_x);
        buffer.y = if origin { buffer.y.max(buffer.top).min(buffer.bottom) } else { buffer.y.min(rows - 1) };
    }

    /// To this place, counted from the origin.
    pub fn go(&mut self, x: usize, y: usize) {
        let origin = self.modes.origin;
        let buffer = self.buffer();
        buffer.x = x;
        buffer.y = if origin { buffer.top.saturating_add(y) } else { y };
        self.restrict(self.cols - 1);
    }

    fn step(&mut self, right: isize, down: isize) {
        self.restrict(self.cols - 1);
        let origin = self.modes.origin;
        let buffer = self.buffer();
        buffer.x = buffer.x.saturating_add_signed(right);
        // Relative moves go through the origin as well: with origin mode on, the region's top counts twice.
        let base = if origin { buffer.top } else { 0 };
        buffer.y = base.saturating_add(buffer.y).saturating_add_signed(down);
        self.restrict(self.cols - 1);
    }

    pub fn up(&mut self, n: usize) {
        let buffer = self.buffer();
        let room = buffer.y.checked_sub(buffer.top);
        self.step(0, -signed(room.map_or(n, |room| room.min(n))));
    }

    pub fn down(&mut self, n: usize) {
        let buffer = self.buffer();
        let room = buffer.bottom.checked_sub(buffer.y);
        self.step(0, signed(room.map_or(n, |room| room.min(n))));
    }

    pub fn lines_down(&mut self, n: usize) {
        self.step(0, signed(n));
    }

    pub fn right(&mut self, n: usize) {
        self.step(signed(n), 0);
    }

    pub fn left(&mut self, n: usize) {
        self.step(-signed(n), 0);
    }

    pub fn go_to_column(&mut self, x: usize) {
        let y = self.buffer().y;
        self.go(x, y);
    }

    pub fn go_to_row(&mut self, y: usize) {
        let x = self.buffer().x;
        self.go(x, y);
    }

    pub fn backspace(&mut self) {
        if !self.modes.reverse_wrap {
            self.restrict(self.cols - 1);
            let buffer = self.buffer();
            buffer.x = buffer.x.saturating_sub(1);
            return;
        }
        let cols = self.cols;
        self.restrict(cols);
        let buffer = self.buffer();
        if buffer.x > 0 {
            buffer.x -= 1;
        } else if buffer.y > buffer.top && buffer.y <= buffer.bottom && buffer.here().wrapped {
            buffer.here().wrapped = false;
            buffer.y -= 1;
            buffer.x = cols - 1;
            let last = buffer.here().get(cols - 1);
            if last.width() > 0 && !last.has_content() {
                buffer.x -= 1;
            }
        }
        self.restrict(cols - 1);
    }

    pub fn tab(&mut self) {
        self.tabs_forward(1);
    }

    pub fn tabs_forward(&mut self, n: usize) {
        let cols = self.cols;
        let buffer = self.buffer();
        if buffer.x < cols {
            (0..n.min(cols)).for_each(|_| buffer.x = buffer.next_stop(buffer.x));
        }
    }

    pub fn tabs_backward(&mut self, n: usize) {
        let cols = self.cols;
        let buffer = self.buffer();
        if buffer.x < cols {
            (0..n.min(cols)).for_each(|_| buffer.x = buffer.previous_stop(buffer.x));
        }
    }

    pub fn set_tab(&mut self) {
        let buffer = self.buffer();
        buffer.tabs.insert(buffer.x);
    }

    pub fn clear_tabs(&mut self, which: i32) {
        let buffer = self.buffer();
        match which {
            0 => {
                buffer.tabs.remove(&buffer.x);
            }
            3 => buffer.tabs.clear(),
            _ => {}
        }
    }

    pub fn line_feed(&mut self) {
        let (cols, bg) = (self.cols, self.attr.erase());
        let newline = self.modes.newline;
        let buffer = self.buffer();
        if newline {
            buffer.x = 0;
        }
        buffer.y += 1;
        if buffer.y == buffer.bottom + 1 {
            buffer.y -= 1;
            buffer.scroll(bg, false);
        } else if buffer.y >= buffer.rows {
            buffer.y = buffer.rows - 1;
        } else {
            buffer.here().wrapped = false;
        }
        if buffer.x >= cols {
            buffer.x -= 1;
        }
    }

    pub fn index(&mut self) {
        let bg = self.attr.erase();
        self.restrict(self.cols - 1);
        let buffer = self.buffer();
        buffer.y += 1;
        if buffer.y == buffer.bottom + 1 {
            buffer.y -= 1;
            buffer.scroll(bg, false);
        }
        self.restrict(self.cols - 1);
    }

    pub fn next_line(&mut self) {
        self.buffer().x = 0;
        self.index();
    }

    pub fn reverse_index(&mut self) {
        let bg = self.attr.erase();
        self.restrict(self.cols - 1);
        let buffer = self.buffer();
        if buffer.y == buffer.top {
            let (top, bottom) = (buffer.top, buffer.bottom);
            buffer.rotate(bottom, top, 1, bg);
        } else {
            buffer.y = buffer.y.saturating_sub(1);
            self.restrict(self.cols - 1);
        }
    }

    pub fn erase_display(&mut self, what: i32, keep_protected: bool) {
        let (cols, rows, blank) = (self.cols, self.rows, self.blank());
        self.restrict(cols);
        let buffer = self.buffer();
        let (x, y) = (buffer.x, buffer.y);
        let mut whole = |row: usize| {
            let line = &mut buffer.lines[row];
            line.fill(blank, keep_protected, cols);
            line.wrapped = false;
        };
        match what {
            0 => {
                (y + 1..rows).for_each(&mut whole);
                let line = buffer.here();
                line.replace(x, cols, blank, keep_protected, cols);
                line.wrapped &= x != 0;
            }
            1 => {
                (0..y).for_each(&mut whole);
                let line = buffer.here();
                line.replace(0, x + 1, blank, keep_protected, cols);
                line.wrapped = false;
                // Which line that is, xterm.js counts from the first kept line, not from the screen's first.
                if x + 1 >= cols {
                    buffer.set_unwrapped(y + 1);
                }
            }
            2 => (0..rows).for_each(&mut whole),
            3 => buffer.clear_history(),
            _ => {}
        }
    }

    pub fn erase_line(&mut self, what: i32, keep_protected: bool) {
        let (cols, blank) = (self.cols, self.blank());
        self.restrict(cols);
        let buffer = self.buffer();
        let x = buffer.x;
        let line = buffer.here();
        match what {
            0 => {
                line.replace(x, cols, blank, keep_protected, cols);
                line.wrapped &= x != 0;
            }
            1 => line.replace(0, x + 1, blank, keep_protected, cols),
            2 => {
                line.replace(0, cols, blank, keep_protected, cols);
                line.wrapped = false;
            }
            _ => {}
        }
    }

    pub fn erase_chars(&mut self, n: usize) {
        let (cols, blank) = (self.cols, self.blank());
        self.restrict(cols - 1);
        let buffer = self.buffer();
        let x = buffer.x;
        buffer.here().replace(x, x.saturating_add(n), blank, false, cols);
    }

    pub fn insert_chars(&mut self, n: usize) {
        let (cols, blank) = (self.cols, self.blank());
        self.restrict(cols - 1);
        let buffer = self.buffer();
        let x = buffer.x;
        buffer.here().insert(x, n, blank, cols);
    }

    pub fn delete_chars(&mut self, n: usize) {
        let (cols, blank) = (self.cols, self.blank());
        self.restrict(cols - 1);
        let buffer = self.buffer();
        let x = buffer.x;
        buffer.here().delete(x, n, blank, cols);
    }

    /// The cursor's row if it is in the region.
    fn row_in_region(&mut self) -> Option<usize> {
        let buffer = self.buffer();
        (buffer.top..=buffer.bottom).contains(&buffer.y).then_some(buffer.y)
    }

    pub fn insert_lines(&mut self, n: usize) {
        self.restrict(self.cols - 1);
        let bg = self.attr.erase();
        if let Some(y) = self.row_in_region() {
            let buffer = self.buffer();
            let bottom = buffer.bottom;
            buffer.rotate(bottom, y, n.min(bottom - y + 1), bg);
            buffer.x = 0;
        }
    }

    pub fn delete_lines(&mut self, n: usize) {
        self.restrict(self.cols - 1);
        let bg = self.attr.erase();
        if let Some(y) = self.row_in_region() {
            let buffer = self.buffer();
            let bottom = buffer.bottom;
            buffer.rotate(y, bottom, n.min(bottom - y + 1), bg);
            buffer.x = 0;
        }
    }

    pub fn scroll_up(&mut self, n: usize) {
        let bg = self.attr.erase();
        let buffer = self.buffer();
        let (top, bottom) = (buffer.top, buffer.bottom);
        buffer.rotate(top, bottom, n.min(bottom - top + 1), bg);
    }

    pub fn scroll_down(&mut self, n: usize) {
        let buffer = self.buffer();
        let (top, bottom) = (buffer.top, buffer.bottom);
        // Without the current background, unlike its siblings.
        buffer.rotate(bottom, top, n.min(bottom - top + 1), 0);
    }

    /// Inserts or deletes columns in every line of the region, at a column or at the cursor's.
    pub fn shift_columns(&mut self, at: Option<usize>, n: usize, insert: bool) {
        let (cols, blank) = (self.cols, self.blank());
        if self.row_in_region().is_none() {
            return;
        }
        let buffer = self.buffer();
        let x = at.unwrap_or(buffer.x);
        for y in buffer.top..=buffer.bottom {
            let line = buffer.row_mut(y);
            if insert {
                line.insert(x, n, blank, cols);
            } else {
                line.delete(x, n, blank, cols);
            }
            line.wrapped = false;
        }
    }

    pub fn set_region(&mut self, params: &Params) {
        let rows = self.rows;
        let top = params.count(0);
        let bottom = usize::try_from(params.get(1)).unwrap_or(0);
        let bottom = if bottom == 0 || bottom > rows { rows } else { bottom };
        if bottom > top {
            let buffer = self.buffer();
            (buffer.top, buffer.bottom) = (top - 1, bottom - 1);
            self.go(0, 0);
        }
    }

    pub fn protect(&mut self, how: i32) {
        match how {
            1 => self.attr.bg |= PROTECTED,
            0 | 2 => self.attr.bg &= !PROTECTED,
            _ => {}
        }
    }

    /// DECALN: the screen full of E.
    pub fn alignment_test(&mut self) {
        let cols = self.cols;
        let cell = Cell::new(u32::from('E'), 1, self.attr.fg, self.attr.bg, 0);
        self.go(0, 0);
        let buffer = self.buffer();
        let first = buffer.y;
        for line in buffer.lines.iter_mut().skip(first) {
            line.fill(cell, false, cols);
            line.wrapped = false;
        }
        self.go(0, 0);
    }
}

fn signed(n: usize) -> isize {
    isize::try_from(n).unwrap_or(isize::MAX / 4).min(isize::MAX / 4)
}
