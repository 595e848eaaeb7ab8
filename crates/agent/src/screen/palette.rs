//! Colours that the program changed, and what it is told when it asks.

use std::collections::BTreeMap;

/// Red, green, blue.
pub type Color = [u8; 3];

/// Index of the text's, the background's and the cursor's colour, after the 256.
pub const SPECIAL: u16 = 256;

/// What a program that asks is told of colours it did not set: a dark theme.
const DEFAULTS: [Color; 3] = [[0xe4, 0xe6, 0xeb], [0x10, 0x12, 0x16], [0xe4, 0xe6, 0xeb]];

const NAMED: [Color; 16] = [
    [0x2e, 0x34, 0x36],
    [0xcc, 0x00, 0x00],
    [0x4e, 0x9a, 0x06],
    [0xc4, 0xa0, 0x00],
    [0x34, 0x65, 0xa4],
    [0x75, 0x50, 0x7b],
    [0x06, 0x98, 0x9a],
    [0xd3, 0xd7, 0xcf],
    [0x55, 0x57, 0x53],
    [0xef, 0x29, 0x29],
    [0x8a, 0xe2, 0x34],
    [0xfc, 0xe9, 0x4f],
    [0x72, 0x9f, 0xcf],
    [0xad, 0x7f, 0xa8],
    [0x34, 0xe2, 0xe2],
    [0xee, 0xee, 0xec],
];

/// Only what differs from the terminal's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    changed: BTreeMap<u16, Color>,
}

impl Palette {
    /// Every change, by index; from [`SPECIAL`] on text, background, cursor.
    pub fn changes(&self) -> impl Iterator<Item = (u16, Color)> {
        self.changed.iter().map(|(index, color)| (*index, *color))
    }

    pub fn set(&mut self, index: u16, color: Color) {
        self.changed.insert(index, color);
    }

    pub fn restore(&mut self, index: u16) {
        self.changed.remove(&index);
    }

    /// The 256; text, background and cursor stay.
    pub fn restore_all(&mut self) {
        self.changed.retain(|index, _| *index >= SPECIAL);
    }

    /// As it is in force.
    pub fn get(&self, index: u16) -> Color {
        self.changed.get(&index).copied().unwrap_or_else(|| default(index))
    }
}

fn default(index: u16) -> Color {
    let step = |n: u16| if n == 0 { 0 } else { u8::try_from(55 + 40 * n).unwrap_or(255) };
    match index {
        0..16 => NAMED[usize::from(index)],
        16..232 => {
            let n = index - 16;
            [step(n / 36), step(n / 6 % 6), step(n % 6)]
        }
        232..SPECIAL => [u8::try_from(8 + 10 * (index - 232)).unwrap_or(255); 3],
        _ => DEFAULTS[usize::from(index - SPECIAL).min(2)],
    }
}

/// `rgb:h/h/h` with one to four digits each, or `#` with 3, 6, 9 or 12.
pub fn parse(text: &str) -> Option<Color> {
    let text = text.to_ascii_lowercase();
    let hex = |part: &str| {
        let valid = !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit());
        valid.then(|| u32::from_str_radix(part, 16).ok()).flatten()
    };
    let byte = |value: u32| u8::try_from(value).unwrap_or(255);
    if let Some(parts) = text.strip_prefix("rgb:") {
        let parts: Vec<&str> = parts.split('/').collect();
        let [r, g, b] = parts[..] else { return None };
        if r.len() > 4 || r.len() != g.len() || r.len() != b.len() {
            return None;
        }
        let max = (1 << (4 * r.len())) - 1;
        // Rounded.
        let scale = |part: &str| hex(part).map(|v| byte((v * 255 * 2 + max) / (2 * max)));
        return Some([scale(r)?, scale(g)?, scale(b)?]);
    }
    let digits = text.strip_prefix('#').filter(|d| matches!(d.len(), 3 | 6 | 9 | 12))?;
    let n = digits.len() / 3;
    let part = |i: usize| {
        let value = hex(digits.get(i * n..(i + 1) * n)?)?;
        Some(byte(match n {
            1 => value << 4,
            2 => value,
            3 => value >> 4,
            _ => value >> 8,
        }))
    };
    Some([part(0)?, part(1)?, part(2)?])
}
