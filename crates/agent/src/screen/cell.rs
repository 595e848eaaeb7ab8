//! One cell of the screen, and what gives it its look.
//!
//! A cell knows more than what it shows: an *empty* cell (never written, or erased) is not a written space. Reflow,
//! trimming and copying tell them apart, so the model does too.

use std::collections::HashMap;

/// Colour of the text or of the background: the two high bits of the low 26 say how to read the rest.
pub const COLOR: u32 = 0x03ff_ffff;
const KIND: u32 = 0x0300_0000;
/// One of the 16 named colours.
pub const P16: u32 = 0x0100_0000;
/// One of the 256 indexed colours.
pub const P256: u32 = 0x0200_0000;
/// 24-bit colour.
pub const RGB: u32 = 0x0300_0000;

// Flags beside the text's colour.
pub const INVERSE: u32 = 0x0400_0000;
pub const BOLD: u32 = 0x0800_0000;
pub const UNDERLINE: u32 = 0x1000_0000;
pub const BLINK: u32 = 0x2000_0000;
pub const INVISIBLE: u32 = 0x4000_0000;
pub const STRIKE: u32 = 0x8000_0000;

// Flags beside the background's colour.
pub const ITALIC: u32 = 0x0400_0000;
pub const DIM: u32 = 0x0800_0000;
/// The cell has an [`Extra`]. Kept as a flag of its own because DECSC saves the flag without what it stands for.
pub const EXTENDED: u32 = 0x1000_0000;
pub const PROTECTED: u32 = 0x2000_0000;
pub const OVERLINE: u32 = 0x4000_0000;

const CODE: u32 = 0x001f_ffff;
const COMBINED: u32 = 0x0020_0000;
const CONTENT: u32 = CODE | COMBINED;
const WIDTH_SHIFT: u32 = 22;

/// How a colour is to be read.
pub fn kind(color: u32) -> u32 {
    color & KIND
}

/// Underline style and colour, and the hyperlink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extra {
    /// 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed.
    pub style: u8,
    /// As the other colours; 0 is the text's own.
    pub color: u32,
    /// Index into [`Pool`]'s links; 0 is none.
    pub link: u32,
}

impl Extra {
    pub fn is_empty(self) -> bool {
        self.style == 0 && self.link == 0
    }
}

/// What the next printed cell looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attr {
    /// Colour and flags of the text.
    pub fg: u32,
    /// Colour and flags of the background.
    pub bg: u32,
    /// Counts only where `bg` has [`EXTENDED`].
    pub extra: Extra,
}

impl Attr {
    /// Brings [`EXTENDED`] into line with what there is.
    pub fn update_extended(&mut self) {
        if self.extra.is_empty() { self.bg &= !EXTENDED } else { self.bg |= EXTENDED }
    }

    /// The background that erasing leaves.
    pub fn erase(self) -> u32 {
        self.bg & COLOR
    }
}

/// 16 bytes; the default is an empty cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    content: u32,
    pub fg: u32,
    pub bg: u32,
    /// Index into [`Pool`]'s extras; 0 is none.
    pub extra: u32,
}

impl Default for Cell {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Cell {
    pub const EMPTY: Self = Self { content: 1 << WIDTH_SHIFT, fg: 0, bg: 0, extra: 0 };

    pub fn new(code: u32, width: u32, fg: u32, bg: u32, extra: u32) -> Self {
        Self { content: code & CODE | width << WIDTH_SHIFT, fg, bg, extra }
    }

    /// An empty cell with a background.
    pub fn blank(bg: u32) -> Self {
        Self { bg, ..Self::EMPTY }
    }

    /// The same look without the character.
    pub fn emptied(self, width: u32) -> Self {
        Self { content: width << WIDTH_SHIFT, ..self }
    }

    /// Character, or what stands for several, and width.
    pub fn content(self) -> u32 {
        self.content
    }

    /// The same look with another [`Cell::content`].
    pub fn with_content(self, content: u32) -> Self {
        Self { content, ..self }
    }

    /// Whether each is one column of ASCII, or empty.
    pub fn are_short(cells: &[Self]) -> bool {
        // No way out in the midst of it, so that several are looked at in one step.
        cells.iter().fold(0, |odd, cell| odd | cell.content ^ Self::EMPTY.content) & !0x7f == 0
    }

    /// The content in a byte, for one of which [`Self::are_short`] is true.
    pub fn short(self) -> u8 {
        self.content.to_le_bytes()[0]
    }

    /// The same look with what [`Self::short`] gave.
    pub fn with_short(self, code: u8) -> Self {
        self.with_content(u32::from(code) | Self::EMPTY.content)
    }

    pub fn width(self) -> u32 {
        self.content >> WIDTH_SHIFT
    }

    pub fn has_content(self) -> bool {
        self.content & CONTENT != 0
    }

    /// The character, where it is a printable one of ASCII and nothing more.
    pub fn ascii(self) -> Option<u8> {
        let alone = self.content & COMBINED == 0 && self.width() == 1;
        u8::try_from(self.content & CODE).ok().filter(|code| alone && matches!(code, 0x20..=0x7e))
    }

    /// Whether both look the same, whatever they show.
    pub fn looks_like(self, other: Self) -> bool {
        (self.fg ^ other.fg) | (self.bg ^ other.bg) | (self.extra ^ other.extra) == 0
    }

    pub fn is_protected(self) -> bool {
        self.bg & PROTECTED != 0
    }

    /// Appends the characters, if there are any.
    pub fn push_text(self, pool: &Pool, out: &mut String) {
        if self.content & COMBINED != 0 {
            out.push_str(pool.text(self.content & CODE));
        } else if let Some(c) = char::from_u32(self.content & CODE).filter(|c| *c != '\0') {
            out.push(c);
        }
    }

    /// Joins `code` to the character that is here; `width` 0 leaves the width alone.
    pub fn join(&mut self, code: char, width: u32, pool: &mut Pool) {
        let own = self.content & CODE;
        if self.content & COMBINED != 0 {
            let mut text = pool.text(own).to_owned();
            if text.len() < MAX_CLUSTER {
                text.push(code);
                self.content = self.content & !CODE | pool.intern_text(text).unwrap_or(own);
            }
        } else if let Some(first) = char::from_u32(own).filter(|c| *c != '\0') {
            if let Some(index) = pool.intern_text([first, code].iter().collect()) {
                self.content = self.content & !CODE | COMBINED | index;
            }
        } else {
            self.content = u32::from(code) | 1 << WIDTH_SHIFT;
        }
        if width > 0 {
            self.content = self.content & CONTENT | width << WIDTH_SHIFT;
        }
    }
}

/// Bytes of one cell's text; what is joined beyond is dropped, so that a flood of combining marks stays cheap.
pub const MAX_CLUSTER: usize = 1024;

/// A hyperlink of OSC 8.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    pub id: Option<String>,
    pub uri: String,
}

impl Link {
    /// Bytes of address and id.
    pub fn size(&self) -> usize {
        self.uri.len() + self.id.as_ref().map_or(0, String::len)
    }
}

/// What entries of a [`Pool`] take, roughly, in bytes.
fn size_of_text(text: &str) -> usize {
    64 + 2 * text.len()
}
const SIZE_OF_EXTRA: usize = 48;
fn size_of_link(link: &Link) -> usize {
    96 + link.size()
}

/// Texts of more than one character, extras and links: what does not fit into a [`Cell`], each stored once.
/// Entries that nothing refers to any more are dropped by [`Pool::collect`]; what there is no room for is left out: a
/// cluster keeps its first characters, text loses its link or its underline's style and colour.
#[derive(Debug)]
pub struct Pool {
    texts: Vec<Box<str>>,
    text_index: HashMap<Box<str>, u32>,
    extras: Vec<Extra>,
    extra_index: HashMap<Extra, u32>,
    links: Vec<Link>,
    /// Bytes of all entries.
    size: usize,
    /// Bytes of those that were new, or found no room, since unused ones were last looked for.
    added: usize,
}

impl Default for Pool {
    fn default() -> Self {
        let link = Link { id: None, uri: String::new() };
        Self {
            texts: vec!["".into()],
            text_index: HashMap::new(),
            extras: vec![Extra::default()],
            extra_index: HashMap::new(),
            links: vec![link],
            size: 0,
            added: 0,
        }
    }
}

fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX) & CODE
}

impl Pool {
    /// Bytes of new entries after which unused ones are looked for.
    const COLLECT_AFTER: usize = 4 << 20;
    /// Bytes of all entries.
    const MAX: usize = 16 << 20;

    pub fn text(&self, index: u32) -> &str {
        self.texts.get(index as usize).map_or("", |t| t)
    }

    /// Whether there is room for a new entry of so many bytes.
    fn takes(&mut self, size: usize) -> bool {
        self.added += size;
        let fits = self.size + size <= Self::MAX;
        self.size += if fits { size } else { 0 };
        fits
    }

    fn intern_text(&mut self, text: String) -> Option<u32> {
        if let Some(index) = self.text_index.get(text.as_str()) {
            return Some(*index);
        }
        if !self.takes(size_of_text(&text)) {
            return None;
        }
        let new = index(self.texts.len());
        let text = text.into_boxed_str();
        self.texts.push(text.clone());
        self.text_index.insert(text, new);
        Some(new)
    }

    pub fn extra(&self, index: u32) -> Extra {
        self.extras.get(index as usize).copied().unwrap_or_default()
    }

    /// The index for an extra; 0 where there is no room.
    pub fn intern_extra(&mut self, extra: Extra) -> u32 {
        if let Some(index) = self.extra_index.get(&extra) {
            return *index;
        }
        if !self.takes(SIZE_OF_EXTRA) {
            return 0;
        }
        let new = index(self.extras.len());
        self.extras.push(extra);
        self.extra_index.insert(extra, new);
        new
    }

    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.get(index as usize).filter(|_| index != 0)
    }

    /// The index for a link; 0 where there is no room.
    pub fn intern_link(&mut self, link: Link) -> u32 {
        // Only the newest are searched: a program that makes thousands of links is not slowed down by them.
        if let Some(back) = self.links.iter().rev().take(256).position(|other| *other == link) {
            return index(self.links.len() - 1 - back);
        }
        if !self.takes(size_of_link(&link)) {
            return 0;
        }
        self.links.push(link);
        index(self.links.len() - 1)
    }

    /// Whether it is time for [`Pool::collect`].
    pub fn is_due(&self) -> bool {
        self.added > Self::COLLECT_AFTER
    }

    /// Drops what neither `attr` uses nor any cell, and renumbers what they use. `each` is called with what is to be
    /// called with every cell.
    pub fn collect(&mut self, attr: &mut Attr, each: impl FnOnce(&mut dyn FnMut(&mut Cell))) {
        // All that is kept found room before.
        let old = std::mem::take(self);
        let mut links: HashMap<u32, u32> = HashMap::new();
        let mut keep = |new: &mut Self, mut extra: Extra| {
            if extra.link != 0 {
                extra.link = *links.entry(extra.link).or_insert_with(|| {
                    let link = &old.links[extra.link as usize];
                    new.takes(size_of_link(link));
                    new.links.push(link.clone());
                    index(new.links.len() - 1)
                });
            }
            extra
        };
        each(&mut |cell| {
            if cell.content & COMBINED != 0 {
                let text = old.text(cell.content & CODE).to_owned();
                cell.content = cell.content & !CODE | self.intern_text(text).unwrap_or_default();
            }
            if cell.extra != 0 {
                let extra = keep(self, old.extra(cell.extra));
                cell.extra = self.intern_extra(extra);
            }
        });
        attr.extra = keep(self, attr.extra);
        self.added = 0;
    }
}
