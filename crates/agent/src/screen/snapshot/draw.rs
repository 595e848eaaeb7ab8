//! Draws one screen with its scrollback, line by line from the top.

use super::pen::{Pen, plain};
use crate::screen::buffer::{Buffer, Saved};
use crate::screen::cell::{Attr, COLOR, Cell, Pool};
use crate::screen::charset::Charset;
use crate::screen::line::Line;
use std::borrow::Cow;

/// A character two columns wide that every terminal knows.
const WIDE: &str = "一";

/// Draws it on a blank screen with the cursor at its top left, and saves the cursor where it was saved.
/// The cursor ends somewhere on the screen. `open` is the link that is open now. Lines before `first` are left out, and,
/// once there is too much, all up to the screen: see [`super::write`].
pub fn screen(pen: &mut Pen, buffer: &Buffer, first: usize, open: u32) {
    let total = buffer.base() + buffer.lines.len().min(buffer.rows);
    let saved = (buffer.saved != Saved::default()).then_some(buffer.saved.y);
    if saved.is_some_and(|y| y >= total) && buffer.scrollback.is_some() {
        save_below(pen, buffer, first, open);
    }
    let saved =
        saved.filter(|y| *y < total || buffer.scrollback.is_none()).map(|y| y.clamp(first, total - 1));
    let mut last = Cow::Owned(Line::default());
    for at in first..total {
        if at < buffer.base() && pen.len() > super::MAX {
            continue;
        }
        if at == buffer.base() {
            pen.make_room();
        }
        let line = buffer.line(at);
        let mut continues = false;
        if at == first && line.wrapped && buffer.rows > 1 {
            first_line_wrapped(pen);
        } else if at > first && line.wrapped {
            continues = wrap(pen, &last, &line, saved == Some(at));
        } else if at > first {
            pen.next_row();
        }
        if saved == Some(at) {
            super::save(pen, &buffer.saved, open);
        }
        draw(pen, &line, continues);
        last = line;
    }
}

/// The first line from which on all of them fit behind what there is already. The screen's own always do.
pub fn first_that_fits(mut pen: Pen, buffer: &Buffer) -> usize {
    let total = buffer.base() + buffer.lines.len().min(buffer.rows);
    let fits = |at: &usize| {
        draw(&mut pen, &buffer.line(*at), false);
        pen.next_row();
        pen.len() <= super::MAX
    };
    total - (0..total).rev().take_while(fits).count().max(total - buffer.base())
}

/// The cursor was saved on a line that is not there any more, below all that is kept. Saves it that far down and then
/// drops the lines that took it there.
fn save_below(pen: &mut Pen, buffer: &Buffer, first: usize, open: u32) {
    pen.go(0, buffer.rows - 1);
    for _ in buffer.rows..=buffer.saved.y - first {
        pen.next_row();
    }
    super::save(pen, &buffer.saved, open);
    pen.attr(Attr::default());
    pen.go(0, 0);
    pen.csi("2J");
    pen.csi("3J");
}

/// The line that the first one continues has scrolled away: it is made and taken out again.
fn first_line_wrapped(pen: &mut Pen) {
    pen.column(pen.cols() - 1);
    pen.text("x");
    pen.text("x");
    pen.csi("H");
    pen.csi("M");
    pen.wrapped();
    pen.erase(1);
}

/// Goes to the next row by printing beyond this one's end. True if the printing is left to what comes next.
fn wrap(pen: &mut Pen, last: &Line, next: &Line, saves: bool) -> bool {
    let cols = pen.cols();
    let end = last.get(cols - 1);
    let first = next.get(0);
    if end.width() == 1 && !end.has_content() {
        // As when a wide character does not fit: the last cell stays empty, with the look of that character.
        pen.column(cols - 1);
        let look = pen.look_of(end);
        pen.attr(look);
        pen.text(WIDE);
        pen.attr(Attr::default());
        pen.moved();
        pen.column(0);
        pen.erase(if look.erase() == 0 { 2 } else { cols });
        return false;
    }
    if !pen.is_pending() {
        // A half of a wide character: nothing that printing could have left.
        pen.column(cols - 1);
        pen.text(" ");
    }
    if !saves && first.has_content() && first.bg & COLOR == 0 && empty_with_look(pen, next).is_empty() {
        pen.wrapped();
        return true;
    }
    pen.attr(Attr::default());
    pen.text(" ");
    pen.moved();
    pen.column(0);
    pen.erase(1);
    false
}

/// Columns that are empty and yet have a look beyond a background: what is left of a wide character that was
/// overwritten by half.
fn empty_with_look(pen: &Pen, line: &Line) -> Vec<usize> {
    let has_look = |col: &usize| {
        let cell = line.get(*col);
        let cut = *col > 0 && line.width(*col - 1) == 2;
        !cell.has_content() && cell.width() == 1 && !cut && !is_blank(pen, cell)
    };
    (0..line.used().min(pen.cols())).filter(has_look).collect()
}

/// Empty, and nothing but a background.
fn is_blank(pen: &Pen, cell: Cell) -> bool {
    let look = plain(pen.look_of(cell));
    !cell.has_content() && cell.width() == 1 && look == Attr { bg: cell.bg & COLOR, ..Attr::default() }
}

fn draw(pen: &mut Pen, line: &Line, continues: bool) {
    let cols = pen.cols();
    if !continues {
        halves(pen, line);
    }
    let used = line.used().min(cols);
    let (mut text, mut run) = (String::new(), Vec::new());
    let mut col = 0;
    while col < used {
        let cell = line.get(col);
        // Most of what is on screens; a snapshot with all its scrollback is wanted at once.
        let same = (col..used).map(|at| line.get(at)).take_while(|next| next.looks_like(cell));
        run.clear();
        run.extend(same.map_while(Cell::ascii));
        if !run.is_empty() {
            pen.column(col);
            pen.attr(pen.look_of(cell));
            pen.ascii(&run);
            col += run.len();
            continue;
        }
        if cell.has_content() && cell.width() > 0 {
            pen.column(col);
            pen.attr(pen.look_of(cell));
            text.clear();
            cell.push_text(pen.pool(), &mut text);
            pen.text(&text);
            col += 1;
            continue;
        }
        if cell.has_content()
            || cell.width() != 1
            || cell != Cell::blank(cell.bg & COLOR)
            || cell == Cell::EMPTY
        {
            col += 1;
            continue;
        }
        let run = (col..used).take_while(|at| line.get(*at) == cell).count();
        pen.column(col);
        pen.attr(pen.look_of(cell));
        pen.erase(run);
        col += run;
    }
    let last = line.get(cols - 1);
    if line.width(cols - 2) == 2 && last.width() == 1 && !last.has_content() {
        // The second half is gone though the first is there: so it is when, without wrapping, another wide character
        // did not fit behind it.
        pen.csi("?7l");
        pen.column(cols - 1);
        pen.attr(pen.look_of(last));
        pen.text(WIDE);
        pen.csi("?7h");
        pen.moved();
        pen.column(cols - 1);
    }
}

/// Leaves empty cells with a look, by overwriting half of a wide character with it.
fn halves(pen: &mut Pen, line: &Line) {
    let cols = pen.cols();
    let marked = empty_with_look(pen, line);
    if marked.is_empty() {
        return;
    }
    // Each needs a neighbour that is drawn or blanked afterwards; a column without a look parts those that use the
    // one to their right from those that use the one to their left.
    let part = (0..cols).rev().find(|col| !marked.contains(col)).unwrap_or(cols - 1);
    for col in marked.iter().rev().copied().filter(|col| *col > part) {
        let look = pen.look_of(line.get(col));
        pen.attr(Attr::default());
        pen.column(col - 1);
        pen.text(WIDE);
        pen.attr(look);
        pen.moved();
        pen.column(col - 1);
        pen.text(" ");
        clean(pen, col - 1);
    }
    for col in marked.iter().copied().filter(|col| *col < part) {
        let look = pen.look_of(line.get(col));
        pen.attr(Attr::default());
        pen.column(col);
        pen.text(WIDE);
        pen.attr(look);
        pen.moved();
        pen.column(col + 1);
        pen.text(" ");
        clean(pen, col + 1);
    }
    if marked.len() == cols {
        // No column is free: without wrapping, a wide character that does not fit empties both halves of another.
        pen.attr(Attr::default());
        pen.column(cols - 2);
        pen.text(WIDE);
        pen.csi("?7l");
        pen.moved();
        pen.column(cols - 1);
        pen.attr(pen.look_of(line.get(cols - 1)));
        pen.text(WIDE);
        pen.csi("?7h");
        pen.moved();
    }
}

fn clean(pen: &mut Pen, col: usize) {
    pen.attr(Attr::default());
    pen.moved();
    pen.column(col);
    pen.erase(1);
}

/// What to type, in this character set, for a cell's text; none if it has none.
pub fn typed(pool: &Pool, cell: Cell, set: Charset) -> Option<String> {
    if cell.width() == 0 || !cell.has_content() {
        return None;
    }
    let mut text = String::new();
    cell.push_text(pool, &mut text);
    text.chars().map(|c| set.unmap(c)).collect()
}
