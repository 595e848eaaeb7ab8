//! Which part of the screen is shown.

use super::Viewport;
use crate::screen::buffer::Buffer;

impl Viewport {
    /// Follows the cursor and gives the screen's cell at the terminal's top left.
    ///
    /// Sideways the left edge is shown whenever the cursor is near enough to it, because lines are read from there.
    /// Up and down nothing moves as long as the cursor stays in sight. Where it leaves at the top, the screen's top is
    /// shown if that has the cursor in it; at the bottom, the end of what stands on the screen, because programs say
    /// below the cursor what to answer. Otherwise what is next to the cursor comes into sight, row by row, and after a
    /// long way up what stands above it.
    pub(super) fn aim(&mut self, buffer: &Buffer, cols: usize, rows: usize) -> (usize, usize) {
        let wide = usize::from(buffer.row(buffer.y).width(buffer.x) == 2 && self.cols > 1);
        let (x, y) = (buffer.x.min(cols - 1), buffer.y);
        let (width, height) = (self.cols.min(cols), self.rows.min(rows));
        let left = match self.origin {
            _ if x + wide < width => 0,
            Some((left, _)) if x < left => x,
            Some((left, _)) if x + wide < left + width => left,
            _ => x + wide + 1 - width,
        };
        let last = (0..rows).rev().find(|row| *row == y || buffer.row(*row).used() > 0).unwrap_or(y);
        let end = (last + 1).saturating_sub(height);
        let top = match self.origin {
            Some((_, top)) if y >= height && y < top && top - y < height => y,
            Some((_, top)) if y < top => (y + 1).saturating_sub(height),
            Some((_, top)) if y < top + height => top,
            _ if y >= end => end,
            _ => (y + 1).saturating_sub(height),
        };
        let origin = (left.min(cols - width), top.min(rows - height));
        self.origin = Some(origin);
        origin
    }
}
