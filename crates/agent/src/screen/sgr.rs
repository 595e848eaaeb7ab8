//! SGR: the look of what is printed next.

use super::cell::{
    Attr, BLINK, BOLD, COLOR, DIM, Extra, INVERSE, INVISIBLE, ITALIC, OVERLINE, P16, P256, RGB, STRIKE,
    UNDERLINE,
};
use super::model::Model;
use super::params::Params;

impl Model {
    pub fn character_attributes(&mut self, params: &Params) {
        let mut at = 0;
        while at < params.len() {
            at += apply(&mut self.attr, params, at);
            at += 1;
        }
        self.extra_changed();
    }
}

/// Applies one parameter; gives back how many of those behind it it took.
fn apply(attr: &mut Attr, params: &Params, at: usize) -> usize {
    let value = params.get(at);
    let small = u32::try_from(value).unwrap_or(u32::MAX);
    match value {
        0 => {
            // A link stays open through a reset of everything else.
            *attr = Attr { fg: 0, bg: 0, extra: Extra { link: attr.extra.link, ..Extra::default() } };
            attr.update_extended();
        }
        1 => attr.fg |= BOLD,
        2 => attr.bg |= DIM,
        3 => attr.bg |= ITALIC,
        4 => underline(attr, params.subs(at).first().copied().unwrap_or(1)),
        5 => attr.fg |= BLINK,
        7 => attr.fg |= INVERSE,
        8 => attr.fg |= INVISIBLE,
        9 => attr.fg |= STRIKE,
        21 => underline(attr, 2),
        22 => {
            attr.fg &= !BOLD;
            attr.bg &= !DIM;
        }
        23 => attr.bg &= !ITALIC,
        24 => underline(attr, 0),
        25 => attr.fg &= !BLINK,
        27 => attr.fg &= !INVERSE,
        28 => attr.fg &= !INVISIBLE,
        29 => attr.fg &= !STRIKE,
        30..=37 => paint(&mut attr.fg, P16 | (small - 30)),
        39 => paint(&mut attr.fg, 0),
        40..=47 => paint(&mut attr.bg, P16 | (small - 40)),
        49 => paint(&mut attr.bg, 0),
        53 => attr.bg |= OVERLINE,
        55 => attr.bg &= !OVERLINE,
        59 => {
            // Not "the text's own" but white: so it is in xterm.js.
            attr.extra.color = COLOR;
            attr.update_extended();
        }
        90..=97 => paint(&mut attr.fg, P16 | (small - 90) | 8),
        100..=107 => paint(&mut attr.bg, P16 | (small - 100) | 8),
        38 | 48 | 58 => return extended_color(attr, params, at),
        _ => {}
    }
    0
}

fn paint(slot: &mut u32, color: u32) {
    *slot = *slot & !COLOR | color;
}

fn underline(attr: &mut Attr, style: i32) {
    attr.extra.style = match style {
        0..=5 => u8::try_from(style).unwrap_or(1),
        _ => 1,
    };
    if attr.extra.style == 0 {
        attr.fg &= !UNDERLINE;
    } else {
        attr.fg |= UNDERLINE;
    }
    attr.update_extended();
}

/// 38, 48, 58 with `5;n`, `2;r;g;b`, and the same with colons, with or without a colour space.
fn extended_color(attr: &mut Attr, params: &Params, at: usize) -> usize {
    // target, kind, colour space, r or index, g, b
    let mut found = [0, 0, -1, 0, 0, 0];
    let mut space = 0;
    let mut advance = 0;
    loop {
        found[advance + space] = params.get(at + advance);
        let subs = params.subs(at + advance);
        if !subs.is_empty() {
            for (i, value) in subs.iter().enumerate() {
                if i > 0 && i + advance + 1 + space >= found.len() {
                    break;
                }
                if found[1] == 5 {
                    space = 1;
                }
                if let Some(slot) = found.get_mut(advance + i + 1 + space) {
                    *slot = *value;
                }
            }
            break;
        }
        if found[1] == 5 && advance + space >= 2 || found[1] == 2 && advance + space >= 5 {
            break;
        }
        if found[1] != 0 {
            space = 1;
        }
        advance += 1;
        if advance + at >= params.len() || advance + space >= found.len() {
            break;
        }
    }
    found.iter_mut().skip(2).filter(|value| **value == -1).for_each(|value| *value = 0);
    let byte = |value: i32| u32::try_from(value & 0xff).unwrap_or(0);
    let color = match found[1] {
        2 => Some(RGB | byte(found[3]) << 16 | byte(found[4]) << 8 | byte(found[5])),
        5 => Some(P256 | byte(found[3])),
        _ => None,
    };
    if let Some(color) = color {
        match found[0] {
            38 => paint(&mut attr.fg, color),
            48 => paint(&mut attr.bg, color),
            // Does not count until an underline is set.
            _ => attr.extra.color = color,
        }
    }
    advance
}
