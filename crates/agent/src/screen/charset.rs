//! The character sets that ESC ( and its kin choose.

/// One of them, by its final character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// As it is.
    #[default]
    Ascii,
    /// Line drawing (`0`) or a national set.
    Other(u8),
}

#[rustfmt::skip]
fn table(set: u8) -> Option<&'static [(u8, char)]> {
    Some(match set {
        b'0' => &[
            (b'`', '◆'), (b'a', '▒'), (b'b', '␉'), (b'c', '␌'), (b'd', '␍'), (b'e', '␊'), (b'f', '°'),
            (b'g', '±'), (b'h', '␤'), (b'i', '␋'), (b'j', '┘'), (b'k', '┐'), (b'l', '┌'), (b'm', '└'),
            (b'n', '┼'), (b'o', '⎺'), (b'p', '⎻'), (b'q', '─'), (b'r', '⎼'), (b's', '⎽'), (b't', '├'),
            (b'u', '┤'), (b'v', '┴'), (b'w', '┬'), (b'x', '│'), (b'y', '≤'), (b'z', '≥'), (b'{', 'π'),
            (b'|', '≠'), (b'}', '£'), (b'~', '·'),
        ],
        b'4' => &[
            (b'#', '£'), (b'@', '¾'), (b'[', 'i'), (b'\\', '½'), (b']', '|'), (b'{', '¨'), (b'|', 'f'),
            (b'}', '¼'), (b'~', '´'),
        ],
        b'5' | b'C' => &[
            (b'[', 'Ä'), (b'\\', 'Ö'), (b']', 'Å'), (b'^', 'Ü'), (b'`', 'é'), (b'{', 'ä'), (b'|', 'ö'),
            (b'}', 'å'), (b'~', 'ü'),
        ],
        b'6' | b'E' => &[
            (b'@', 'Ä'), (b'[', 'Æ'), (b'\\', 'Ø'), (b']', 'Å'), (b'^', 'Ü'), (b'`', 'ä'), (b'{', 'æ'),
            (b'|', 'ø'), (b'}', 'å'), (b'~', 'ü'),
        ],
        b'7' | b'H' => &[
            (b'@', 'É'), (b'[', 'Ä'), (b'\\', 'Ö'), (b']', 'Å'), (b'^', 'Ü'), (b'`', 'é'), (b'{', 'ä'),
            (b'|', 'ö'), (b'}', 'å'), (b'~', 'ü'),
        ],
        b'A' => &[
            (b'#', '£'),
        ],
        b'R' => &[
            (b'#', '£'), (b'@', 'à'), (b'[', '°'), (b'\\', 'ç'), (b']', '§'), (b'{', 'é'), (b'|', 'ù'),
            (b'}', 'è'), (b'~', '¨'),
        ],
        b'Q' => &[
            (b'@', 'à'), (b'[', 'â'), (b'\\', 'ç'), (b']', 'ê'), (b'^', 'î'), (b'`', 'ô'), (b'{', 'é'),
            (b'|', 'ù'), (b'}', 'è'), (b'~', 'û'),
        ],
        b'K' => &[
            (b'@', '§'), (b'[', 'Ä'), (b'\\', 'Ö'), (b']', 'Ü'), (b'{', 'ä'), (b'|', 'ö'), (b'}', 'ü'),
            (b'~', 'ß'),
        ],
        b'Y' => &[
            (b'#', '£'), (b'@', '§'), (b'[', '°'), (b'\\', 'ç'), (b']', 'é'), (b'`', 'ù'), (b'{', 'à'),
            (b'|', 'ò'), (b'}', 'è'), (b'~', 'ì'),
        ],
        b'Z' => &[
            (b'#', '£'), (b'@', '§'), (b'[', '¡'), (b'\\', 'Ñ'), (b']', '¿'), (b'{', '°'), (b'|', 'ñ'),
            (b'}', 'ç'),
        ],
        b'=' => &[
            (b'#', 'ù'), (b'@', 'à'), (b'[', 'é'), (b'\\', 'ç'), (b']', 'ê'), (b'^', 'î'), (b'_', 'è'),
            (b'`', 'ô'), (b'{', 'ä'), (b'|', 'ö'), (b'}', 'ü'), (b'~', 'û'),
        ],
        _ => return None,
    })
}

/// Finals that choose a set.
pub fn by_final(c: u8) -> Option<Charset> {
    match c {
        b'B' => Some(Charset::Ascii),
        _ => table(c).map(|_| Charset::Other(c)),
    }
}

impl Charset {
    /// The final that chooses it.
    pub fn final_byte(self) -> u8 {
        match self {
            Self::Ascii => b'B',
            Self::Other(c) => c,
        }
    }

    /// What an ASCII character is in this set.
    pub fn map(self, byte: u8) -> char {
        let Self::Other(set) = self else { return char::from(byte) };
        let found = table(set).unwrap_or(&[]).iter().find(|(from, _)| *from == byte);
        found.map_or(char::from(byte), |(_, to)| *to)
    }

    /// What to write so that `c` is shown.
    pub fn unmap(self, c: char) -> Option<char> {
        if !c.is_ascii() {
            return Some(c);
        }
        (0x20..0x7f).find(|byte| self.map(*byte) == c).map(char::from)
    }
}

/// Which sets are loaded, and which is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Charsets {
    pub level: usize,
    pub sets: [Charset; 4],
    /// Usually `sets[level]`; DECRC brings back another one without loading it.
    pub active: Charset,
}

impl Charsets {
    pub fn shift(&mut self, level: usize) {
        self.level = level;
        self.active = self.sets[level];
    }

    pub fn load(&mut self, slot: usize, set: Charset) {
        self.sets[slot] = set;
        if self.level == slot {
            self.active = set;
        }
    }
}
