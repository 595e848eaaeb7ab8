//! Which characters share a cell, and how wide they are.
//!
//! The rules and the data are those of xterm.js's unicode-graphemes addon (Unicode 15 grapheme clusters, emoji
//! presentation), because that is what clients show.

#[rustfmt::skip]
mod data;

use data::RANGES;

const PREPEND: u32 = 1;
const EXTEND: u32 = 2;
const REGIONAL: u32 = 3;
const SPACING: u32 = 4;
const HANGUL_L: u32 = 5;
const HANGUL_V: u32 = 6;
const HANGUL_T: u32 = 7;
const HANGUL_LV: u32 = 8;
const HANGUL_LVT: u32 = 9;
const ZWJ: u32 = 10;
const PICTOGRAPH: u32 = 11;
/// The state after two regional indicators: a third one starts anew.
const SAW_PAIR: u32 = 32;

/// What was printed last, as far as it decides whether the next character joins it. The default is: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Join {
    /// Break kind, or [`SAW_PAIR`].
    state: u32,
    width: u32,
}

impl Join {
    /// After a plain one-column character.
    pub const PLAIN: Self = Self { state: 0, width: 1 };

    /// Nothing was printed just before.
    pub fn is_none(self) -> bool {
        self.width == 0
    }

    /// No ASCII character can join what was printed last.
    pub fn is_plain(self) -> bool {
        self.state == 0
    }

    /// Columns of the cluster so far.
    pub fn width(self) -> u32 {
        self.width
    }

    /// The state after `code`, and whether `code` joins the cluster.
    pub fn next(self, code: u32) -> (Self, bool) {
        if (32..127).contains(&code) && self.state == 0 {
            return (Self::PLAIN, false);
        }
        let info = info(code);
        let kind = info & 0xf;
        let mut width = if info >> 4 == 3 || code == 0xfe0f { 2 } else { 1 };
        if self.is_none() || !joins(self.state & 0xf, kind) {
            return (Self { state: kind, width }, false);
        }
        let pair = kind == REGIONAL;
        if self.width > width {
            width = self.width;
        } else if pair {
            width = 2;
        }
        (Self { state: if pair { SAW_PAIR } else { kind }, width }, true)
    }
}

/// Low four bits: break kind; the two above: width class (3 is wide).
fn info(code: u32) -> u32 {
    let at = RANGES.partition_point(|(start, _)| *start <= code);
    at.checked_sub(1).map_or(0, |i| u32::from(RANGES[i].1))
}

fn joins(before: u32, after: u32) -> bool {
    let hangul = match before {
        HANGUL_L => matches!(after, HANGUL_L | HANGUL_V | HANGUL_LV | HANGUL_LVT),
        HANGUL_LV | HANGUL_V => matches!(after, HANGUL_V | HANGUL_T),
        HANGUL_LVT | HANGUL_T => after == HANGUL_T,
        _ => false,
    };
    hangul
        || matches!(after, EXTEND | ZWJ | SPACING)
        || before == PREPEND
        || before == ZWJ && after == PICTOGRAPH
        || before == REGIONAL && after == REGIONAL
}
