//! The screen as escape sequences.
//!
//! Only sequences that every terminal knows, and none that asks for an answer. The order matters: lines are drawn from
//! the oldest down, so that they scroll away as they did; what a line's drawing would disturb comes after it; and the
//! last thing is the character printed last, because a combining mark may follow it.

mod draw;
pub mod pen;

use super::buffer::{Buffer, Saved};
use super::cell::{Attr, COLOR, Cell, EXTENDED, Extra, UNDERLINE};
use super::charset::Charset;
use super::grapheme::Join;
use super::keyboard::Stack;
use super::model::Model;
use super::palette::SPECIAL;
use pen::Pen;

/// Bytes of a snapshot, more or less. The oldest lines are left out of one that would be longer; the screen is whole.
/// Clients take four times as much.
pub const MAX: usize = 16 << 20;

/// See [`super::Screen::snapshot`]; without the oldest `skipped` of the lines that scrolled away.
pub fn write(model: &Model, skipped: usize, unfinished: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut bytes = all(model, skipped);
    if bytes.len() > MAX {
        drop(bytes);
        let mut other = Pen::new(&model.pool, model.cols);
        if model.on_alt {
            draw::screen(&mut other, &model.alt, 0, 0);
        }
        bytes = all(model, draw::first_that_fits(other, &model.main).max(skipped));
    }
    bytes.extend(unfinished);
    bytes
}

fn all(model: &Model, skipped: usize) -> Vec<u8> {
    let mut pen = Pen::new(&model.pool, model.cols);
    titles(&mut pen, model);
    for (index, [r, g, b]) in model.palette.changes() {
        let name = if index < SPECIAL { format!("4;{index}") } else { (index - SPECIAL + 10).to_string() };
        pen.osc(&format!("{name};rgb:{r:02x}/{g:02x}/{b:02x}"));
    }
    let link = model.attr.extra.link;
    let (shown, other) = (&model.keyboard.shown, &model.keyboard.other);
    let (main_keys, alt_keys) = if model.on_alt { (other, shown) } else { (shown, other) };
    if !model.on_alt {
        idle_alt(&mut pen, &model.alt, alt_keys, link);
    }
    draw::screen(&mut pen, &model.main, skipped, link);
    keys(&mut pen, main_keys);
    if model.on_alt {
        settle(&mut pen, &model.main);
        enter_alt(&mut pen, &model.main, link);
        pen.go(0, 0);
        draw::screen(&mut pen, &model.alt, 0, link);
        keys(&mut pen, alt_keys);
    }
    settle(&mut pen, model.shown());
    modes(&mut pen, model);
    pen.make_room();
    finish(&mut pen, model);
    pen.into_bytes()
}

/// To the alternate screen, with the main screen's cursor left where it is.
fn enter_alt(pen: &mut Pen, main: &Buffer, link: u32) {
    let x = main.x.min(main.cols - 1);
    pen.go(x, main.y);
    let saved = main.saved;
    if (saved.x, saved.y) == (x, main.base() + main.y)
        && saved.charset == Charset::Ascii
        && saved.bg & COLOR == 0
    {
        // As programs do it, which saves the cursor: here, as it was saved. Some terminals know no other way.
        let extra = Extra { link, ..Extra::default() };
        pen.attr(Attr { fg: saved.fg, bg: saved.bg, extra });
        pen.csi("?1049h");
        pen.attr(Attr::default());
    } else {
        pen.attr(Attr::default());
        pen.csi("?1047h");
    }
}

/// Saves the cursor as it was saved, on the row that the cursor is in.
fn save(pen: &mut Pen, saved: &Saved, link: u32) {
    let last = pen.cols() - 1;
    pen.column(saved.x.min(last));
    // Whether there was a link is saved, but not which.
    let extra = Extra { link, ..Extra::default() };
    pen.attr(Attr { fg: saved.fg, bg: saved.bg, extra });
    if saved.x > last {
        pen.text(" ");
    }
    pen.in_charset(saved.charset, |pen| pen.esc("7"));
    pen.attr(Attr::default());
    if saved.x > last {
        pen.moved();
        pen.column(last);
        pen.erase(1);
    }
    pen.column(0);
}

fn titles(pen: &mut Pen, model: &Model) {
    for (stack, code, which) in [(&model.titles, 2, 2), (&model.icons, 1, 1)] {
        for title in stack {
            pen.osc(&format!("{code};{title}"));
            pen.csi(&format!("22;{which}t"));
        }
    }
    if model.title == model.icon {
        if !model.title.is_empty() || !model.titles.is_empty() {
            pen.osc(&format!("0;{}", model.title));
        }
    } else {
        pen.osc(&format!("2;{}", model.title));
        pen.osc(&format!("1;{}", model.icon));
    }
}

fn keys(pen: &mut Pen, stack: &Stack) {
    let mut all = stack.below.iter().copied().chain([stack.flags]);
    if let Some(first) = all.next().filter(|flags| *flags != 0) {
        pen.csi(&format!("={first};1u"));
    }
    for flags in all {
        pen.csi(&format!(">{flags}u"));
    }
}

/// What an alternate screen keeps while it is not in use.
fn idle_alt(pen: &mut Pen, alt: &Buffer, stack: &Stack, link: u32) {
    if alt.saved == Saved::default() && *stack == Stack::default() {
        return;
    }
    pen.csi("?1047h");
    keys(pen, stack);
    pen.go(0, alt.saved.y.min(alt.rows - 1));
    save(pen, &alt.saved, link);
    pen.csi("?1047l");
    pen.go(0, 0);
}

/// Tab stops and scroll region. Moves the cursor.
fn settle(pen: &mut Pen, buffer: &Buffer) {
    let shown: Vec<usize> = buffer.tabs.range(..buffer.cols).copied().collect();
    if !shown.iter().copied().eq((0..buffer.cols).step_by(8)) {
        pen.csi("3g");
        for column in shown {
            pen.column(column);
            pen.esc("H");
        }
    }
    if (buffer.top, buffer.bottom) != (0, buffer.rows - 1) {
        pen.csi(&format!("{};{}r", buffer.top + 1, buffer.bottom + 1));
        pen.moved();
    }
}

fn modes(pen: &mut Pen, model: &Model) {
    let all = &model.modes;
    let mut switch = |mode: u16, on: bool| pen.csi(&format!("?{mode}{}", if on { 'h' } else { 'l' }));
    if let Some(mode) = all.mouse.mode() {
        switch(mode, true);
    }
    if all.mouse_encoding != 0 {
        switch(all.mouse_encoding, true);
    }
    for (mode, on) in [
        (1, all.app_cursor),
        (45, all.reverse_wrap),
        (1004, all.focus),
        (2004, all.bracketed_paste),
        (2026, all.synchronized),
    ] {
        if on {
            switch(mode, true);
        }
    }
    if let Some(blink) = all.blink {
        switch(12, blink);
    }
    for (mode, on) in &all.others {
        switch(*mode, *on);
    }
    if all.hidden {
        switch(25, false);
    }
    if !all.wrap {
        switch(7, false);
    }
    if all.app_keypad {
        pen.esc("=");
    }
    if all.newline {
        pen.csi("20h");
    }
    match (all.cursor_shape, all.cursor_blink) {
        (0, None) => {}
        (0, Some(blink)) => pen.csi(if blink { "7 q" } else { "8 q" }),
        (shape, blink) => pen.csi(&format!("{} q", shape * 2 - u8::from(blink.unwrap_or(false)))),
    }
}

/// Character sets, the cursor's place and look, and the character printed last.
fn finish(pen: &mut Pen, model: &Model) {
    let buffer = model.shown();
    for (slot, set) in model.charsets.sets.iter().enumerate() {
        if *set != Charset::Ascii {
            pen.load(slot, *set);
        }
    }
    if model.charsets.level != 0 {
        pen.shift(model.charsets.level);
    }
    let unloaded = model.charsets.active != model.charsets.sets[model.charsets.level]
        && model.charsets.active == buffer.saved.charset;
    let latent =
        model.attr.bg & EXTENDED == 0 && !model.attr.extra.is_empty() && buffer.saved.bg & EXTENDED == 0;
    if unloaded || latent {
        // The one way to have a set in use that is not loaded, or a link or underline that is hidden and not gone.
        pen.restore(&buffer.saved, latent.then_some(model.attr.extra));
    }
    if latent && !unloaded {
        // Restoring has brought a set along, too.
        pen.shift(model.charsets.level);
    }
    if model.modes.origin {
        pen.csi("?6h");
    }
    let top = if model.modes.origin { buffer.top } else { 0 };
    let row = buffer.y.saturating_sub(top);
    if let Some((col, text)) = last_printed(pen, model) {
        if model.modes.insert {
            pen.go(col, row);
            pen.attr(Attr::default());
            // As much as the first character inserts again; growing does not insert.
            let first = text.chars().next().map_or(1, |c| Join::default().next(u32::from(c)).0.width());
            pen.csi(&format!("{first}P"));
            pen.csi("4h");
        }
        pen.go(col, row);
        pen.attr(model.attr);
        pen.text(&text);
        return;
    }
    if buffer.x >= model.cols {
        beyond_the_edge(pen, model, row);
    } else {
        pen.go(buffer.x, row);
    }
    if model.modes.insert {
        pen.csi("4h");
    }
    pen.attr(model.attr);
}

/// Brings the cursor beyond the last column, where only printing brings it, without changing what is there.
fn beyond_the_edge(pen: &mut Pen, model: &Model, row: usize) {
    let buffer = model.shown();
    let line = buffer.row(buffer.y);
    if !model.on_alt {
        // Leaving the alternate screen takes its cursor along.
        pen.csi("?1047h");
        pen.go(model.cols - 1, buffer.y);
        pen.text(" ");
        pen.csi("?1047l");
        return;
    }
    let col = model.cols - if line.width(model.cols - 1) == 0 { 2 } else { 1 };
    let cell = line.get(col);
    let text = draw::typed(pen.pool(), cell, model.charsets.active);
    pen.go(col, row);
    pen.attr(pen.look_of(cell));
    pen.text(text.as_deref().unwrap_or(" "));
    pen.esc("\\");
    let blank = Cell::blank(cell.bg & COLOR);
    if text.is_none() && (0..model.cols).all(|col| line.get(col) == blank) {
        // Erasing up to the cursor leaves it where it is.
        pen.csi("1K");
    }
}

/// The cell that was printed last and may be joined yet, and what to type for it; if the last thing was a print.
fn last_printed(pen: &Pen, model: &Model) -> Option<(usize, String)> {
    let buffer = model.shown();
    if model.join.is_none() {
        return None;
    }
    let col = buffer.x.checked_sub(model.join.width() as usize)?;
    let cell = buffer.row(buffer.y).get(col);
    let text = draw::typed(pen.pool(), cell, model.charsets.active)?;
    let mut shown = String::new();
    cell.push_text(pen.pool(), &mut shown);
    let join = shown.chars().fold(Join::default(), |join, c| join.next(u32::from(c)).0);
    let mut look = model.attr;
    if look.bg & EXTENDED == 0 {
        look.extra = Extra::default();
    }
    if look.fg & UNDERLINE == 0 {
        look.extra.color = 0;
    }
    (join == model.join && pen::plain(pen.look_of(cell)) == pen::plain(look)).then_some((col, text))
}
