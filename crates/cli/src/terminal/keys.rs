//! Finds the prefix key in what a person types.
//!
//! Prefix then `d` detaches, `f` fits the session's size, `q` shows or hides the panel, `?` helps, and the prefix twice types it once. Terminals
//! that report keys as sequences (kitty keyboard protocol, modifyOtherKeys) are understood. Pasted text is never
//! searched, and its marks are found wherever reads cut them. Another sequence that arrives in two reads is passed on as
//! it is: terminals write a key in one piece.

use std::fmt;
use std::str::FromStr;

/// What stands around pasted text. Within a mark its first byte does not come again.
const PASTE: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// A key with Ctrl, as the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix(u8);

impl Prefix {
    /// The control character that the key types.
    fn control(self) -> u8 {
        self.0 & 0x1f
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self(b']')
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ctrl-{}", char::from(self.0))
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let key =
            text.strip_prefix("Ctrl-").or_else(|| text.strip_prefix("C-")).or_else(|| text.strip_prefix('^'));
        match key.map(str::as_bytes) {
            // Ctrl-[ is Esc, and Ctrl-M, Ctrl-J and Ctrl-I are Return and Tab: nobody could type those any more.
            Some([key]) if matches!(key.to_ascii_uppercase(), b'A'..=b'Z' | b'\\'..=b'_') => {
                match key.to_ascii_uppercase() {
                    b'M' | b'J' | b'I' => {
                        Err(format!("{text} cannot be the prefix, since it is also Return or Tab"))
                    }
                    key => Ok(Self(key)),
                }
            }
            _ => Err(format!("{text:?} is not a key such as Ctrl-] or Ctrl-B")),
        }
    }
}

/// What the person wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Give these bytes to the program.
    Type(Vec<u8>),
    /// Leave; the session goes on.
    Detach,
    /// Show or hide the panel with the QR code.
    Panel,
    /// Show or hide the help.
    Help,
    /// Take the session's size over, or give it back.
    Fit,
    /// Give the program this report of the mouse (of mode 1006).
    Mouse(Vec<u8>),
}

/// Splits typed bytes into wishes.
#[derive(Debug)]
pub struct Keys {
    prefix: Prefix,
    armed: bool,
    pasting: bool,
    /// How much of the next mark of a paste was read last.
    mark: usize,
    /// That much followed the prefix, and was dropped as another letter would have been.
    dropped: bool,
}

impl Keys {
    /// With this prefix key.
    pub fn new(prefix: Prefix) -> Self {
        Self { prefix, armed: false, pasting: false, mark: 0, dropped: false }
    }

    /// What one read from the terminal means.
    pub fn feed(&mut self, input: &[u8]) -> Vec<Wish> {
        let mut wishes = Vec::new();
        let mut typed = Vec::new();
        let mut rest = self.go_on(input, &mut typed);
        while !rest.is_empty() {
            if self.pasting {
                let (pasted, after) = rest.split_at(self.pasted(rest));
                typed.extend_from_slice(pasted);
                rest = after;
                continue;
            }
            if let Some(after) = rest.strip_prefix(PASTE) {
                self.pasting = true;
                typed.extend_from_slice(PASTE);
                rest = after;
                continue;
            }
            if PASTE.starts_with(rest) {
                self.mark = rest.len();
                self.dropped = std::mem::take(&mut self.armed);
                if !self.dropped {
                    typed.extend_from_slice(rest);
                }
                break;
            }
            let key = Key::read(rest);
            let (bytes, after) = rest.split_at(key.length);
            rest = after;
            if bytes.starts_with(b"\x1b[<") {
                // Moving the mouse on the way to the letter is not a letter.
                flush(&mut typed, &mut wishes);
                wishes.push(Wish::Mouse(bytes.to_vec()));
                continue;
            }
            let is_prefix = key.is(self.prefix.control(), self.prefix.0);
            if key.release {
                // The release of a key whose press was ours is not the program's business either.
                if !self.armed && !is_prefix {
                    typed.extend_from_slice(bytes);
                }
            } else if !self.armed {
                if is_prefix {
                    self.armed = true;
                } else {
                    typed.extend_from_slice(bytes);
                }
            } else if key.is_modifier() {
                // Shift on the way to `?`.
            } else {
                self.armed = false;
                let wish = match key.character {
                    Some(b'd' | b'D') => Some(Wish::Detach),
                    Some(b'f' | b'F') => Some(Wish::Fit),
                    Some(b'q' | b'Q') => Some(Wish::Panel),
                    Some(b'?') => Some(Wish::Help),
                    _ if is_prefix => {
                        typed.extend_from_slice(bytes);
                        None
                    }
                    // Not one of ours: as if the prefix had not been typed.
                    _ => None,
                };
                if let Some(wish) = wish {
                    flush(&mut typed, &mut wishes);
                    wishes.push(wish);
                }
            }
        }
        flush(&mut typed, &mut wishes);
        wishes
    }

    /// Goes on with a paste's first mark that the last read began; gives what is behind it.
    fn go_on<'a>(&mut self, input: &'a [u8], typed: &mut Vec<u8>) -> &'a [u8] {
        if self.pasting || self.mark == 0 {
            return input;
        }
        let (begun, missing) = PASTE.split_at(std::mem::take(&mut self.mark));
        let dropped = std::mem::take(&mut self.dropped);
        if let Some(after) = input.strip_prefix(missing) {
            self.pasting = true;
            // Nothing but the paste came behind the prefix.
            self.armed = dropped;
            typed.extend_from_slice(if dropped { begun } else { b"" });
            typed.extend_from_slice(missing);
            return after;
        }
        if missing.starts_with(input) && !dropped {
            self.mark = begun.len() + input.len();
            typed.extend_from_slice(input);
            return b"";
        }
        input
    }

    /// How much of the input the paste has, its last mark included.
    fn pasted(&mut self, input: &[u8]) -> usize {
        for (at, byte) in input.iter().enumerate() {
            self.mark =
                if *byte == PASTE_END[self.mark] { self.mark + 1 } else { usize::from(*byte == 0x1b) };
            if self.mark == PASTE_END.len() {
                self.mark = 0;
                self.pasting = false;
                return at + 1;
            }
        }
        input.len()
    }
}

fn flush(typed: &mut Vec<u8>, wishes: &mut Vec<Wish>) {
    if !typed.is_empty() {
        wishes.push(Wish::Type(std::mem::take(typed)));
    }
}

/// One key at the start of the input: a byte, or a whole sequence.
struct Key {
    length: usize,
    /// The control or plain character it types.
    character: Option<u8>,
    /// With Ctrl, reported as a sequence: the key's own character.
    ctrl: Option<u8>,
    code: u32,
    release: bool,
}

impl Key {
    fn read(input: &[u8]) -> Self {
        let byte = |length, character| Self { length, character, ctrl: None, code: 0, release: false };
        let Some(body) = input.strip_prefix(b"\x1b[") else { return byte(1, Some(input[0])) };
        let end = body.iter().position(|b| !(0x20..=0x3f).contains(b));
        let Some(end) = end.filter(|end| (0x40..=0x7e).contains(&body[*end])) else {
            return byte(1, Some(input[0]));
        };
        let length = end + 3;
        let mut fields = body[..end].split(|b| *b == b';').map(subfields);
        let (first, second, third) = (fields.next(), fields.next(), fields.next());
        let field = |field: Option<[u32; 3]>, n: usize, default| field.map_or(default, |f| f[n]).max(default);
        // `code[:shifted[:base]] ; modifiers[:event] [; text] u`, or `27 ; modifiers ; code ~`.
        let (code, shifted) = match (body[end], first) {
            (b'u', Some([code, shifted, _])) => (code, shifted),
            (b'~', Some([27, ..])) => (field(third, 0, 0), 0),
            _ => return byte(length, None),
        };
        let modifiers = field(second, 0, 1) - 1;
        let release = body[end] == b'u' && field(second, 1, 1) == 3;
        // Caps lock and num lock do not make another key of it.
        let (shift, others) = (modifiers & 1 != 0, modifiers & 0b11_1110);
        let typed = if shift && shifted != 0 { shifted } else { code };
        let character = u8::try_from(typed).ok().filter(u8::is_ascii);
        match others {
            0 => Self { length, character: shifted_question(character, shift), ctrl: None, code, release },
            0b100 => Self { length, character: None, ctrl: character, code, release },
            _ => Self { length, character: None, ctrl: None, code, release },
        }
    }

    fn is(&self, control: u8, letter: u8) -> bool {
        self.character == Some(control) || self.ctrl.is_some_and(|key| key.eq_ignore_ascii_case(&letter))
    }

    /// Shift, Ctrl and so on, pressed alone (kitty's codes).
    fn is_modifier(&self) -> bool {
        (57_441..=57_454).contains(&self.code) || (57_358..=57_360).contains(&self.code)
    }
}

/// Terminals that do not report the shifted key say `/` with Shift for `?` on most keyboards.
fn shifted_question(character: Option<u8>, shift: bool) -> Option<u8> {
    if shift && character == Some(b'/') { Some(b'?') } else { character }
}

/// Up to three numbers between colons; an absent one is 0.
fn subfields(field: &[u8]) -> [u32; 3] {
    let mut numbers = [0; 3];
    for (number, text) in numbers.iter_mut().zip(field.split(|b| *b == b':')) {
        *number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(input: &str) -> Vec<Wish> {
        Keys::new(Prefix::default()).feed(input.as_bytes())
    }

    fn typed(text: &str) -> Wish {
        Wish::Type(text.as_bytes().to_vec())
    }

    #[test]
    fn text_goes_through_untouched() {
        let text = "ls -la\r\x1b[A\x1b[1;5C\x1bOP\x1b\x7fé漢\x03";
        assert_eq!(keys(text), [typed(text)]);
    }

    #[test]
    fn the_prefix_and_a_letter_are_a_wish() {
        assert_eq!(keys("a\x1ddb"), [typed("a"), Wish::Detach, typed("b")]);
        assert_eq!(keys("\x1dq\x1d?\x1df"), [Wish::Panel, Wish::Help, Wish::Fit]);
    }

    #[test]
    fn the_prefix_twice_types_it_once() {
        assert_eq!(keys("\x1d\x1dd"), [typed("\x1dd")]);
    }

    #[test]
    fn another_letter_behind_the_prefix_is_dropped() {
        assert_eq!(keys("\x1dxy"), [typed("y")]);
    }

    #[test]
    fn prefix_and_letter_may_come_apart() {
        let mut keys = Keys::new(Prefix::default());
        assert_eq!(keys.feed(b"\x1d"), []);
        assert_eq!(keys.feed(b"d"), [Wish::Detach]);
    }

    #[test]
    fn keys_reported_as_sequences_are_understood() {
        assert_eq!(keys("\x1b[93;5ud"), [Wish::Detach]);
        assert_eq!(keys("\x1b[93;133u\x1b[113u"), [Wish::Panel]);
        assert_eq!(keys("\x1b[27;5;93~q"), [Wish::Panel]);
        assert_eq!(keys("\x1b[93;5:1u\x1b[93;5:3u\x1b[57441;2u\x1b[47:63;2u"), [Wish::Help]);
        assert_eq!(keys("\x1b[93;5u\x1b[93;5u"), [typed("\x1b[93;5u")]);
        assert_eq!(keys("\x1b[93u\x1b[93;3u"), [typed("\x1b[93u\x1b[93;3u")]);
    }

    #[test]
    fn the_mouse_is_told_apart_and_does_not_disarm_the_prefix() {
        let report = |text: &str| Wish::Mouse(text.as_bytes().to_vec());
        let press = "\x1b[<0;5;1M";
        assert_eq!(keys(&format!("a{press}b")), [typed("a"), report(press), typed("b")]);
        assert_eq!(keys(&format!("\x1d{press}d")), [report(press), Wish::Detach]);
        let paste = format!("\x1b[200~{press}\x1b[201~");
        assert_eq!(keys(&paste), [typed(&paste)]);
    }

    #[test]
    fn pasted_text_is_not_searched() {
        let paste = "\x1b[200~a\x1ddb\x1b[201~";
        assert_eq!(keys(&format!("{paste}\x1dd")), [typed(paste), Wish::Detach]);
    }

    /// What several reads mean together.
    fn read_by_read<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Vec<Wish> {
        let mut keys = Keys::new(Prefix::default());
        let mut all: Vec<Wish> = Vec::new();
        for wish in reads.into_iter().flat_map(|read| keys.feed(read)) {
            match (all.last_mut(), wish) {
                (Some(Wish::Type(before)), Wish::Type(bytes)) => before.extend(bytes),
                (_, wish) => all.push(wish),
            }
        }
        all
    }

    #[test]
    fn a_paste_is_the_same_wherever_reads_cut_it() {
        let marks = "\x1b\x1b[200~\x1b[20\x1ddb\x1b[\x1b[201\x1b[201~";
        let text = format!("a{marks}\x1b[2\x1dq\x1b{marks}{marks}x\x1b[201~\x1dd\x1b[20");
        let whole = [
            typed(&format!("a{marks}\x1b[2")),
            Wish::Panel,
            typed(&format!("\x1b{marks}{marks}x\x1b[201~")),
            Wish::Detach,
            typed("\x1b[20"),
        ];
        let bytes = text.as_bytes();
        assert_eq!(read_by_read([bytes]), whole);
        assert_eq!(read_by_read(bytes.chunks(1)), whole);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let cut = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(read_by_read(cut), whole, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn a_paste_behind_the_prefix_is_whole_wherever_a_read_cuts_it() {
        let paste = "\x1b[200~d\x1b[201~";
        let text = format!("\x1d{paste}d");
        for at in 0..=text.len() {
            let (first, second) = text.as_bytes().split_at(at);
            assert_eq!(read_by_read([first, second]), [typed(paste), Wish::Detach], "cut at {at}");
        }
    }

    #[test]
    fn what_may_begin_a_mark_goes_out_at_once() {
        let mut keys = Keys::new(Prefix::default());
        for part in ["\x1b", "[", "2", "00", "x", "\x1b[200~", "\x1b", "\x1b[20", "1"] {
            assert_eq!(keys.feed(part.as_bytes()), [typed(part)]);
        }
        // Esc takes the prefix back.
        assert_eq!(Keys::new(Prefix::default()).feed(b"\x1d\x1b"), []);
    }

    #[test]
    fn the_prefix_can_be_another_key() {
        let prefix: Prefix = "Ctrl-b".parse().unwrap();
        assert_eq!(prefix.to_string(), "Ctrl-B");
        assert_eq!(Keys::new(prefix).feed(b"\x02d"), [Wish::Detach]);
        for wrong in ["Ctrl-M", "Ctrl-[", "x", "", "Ctrl-"] {
            assert!(wrong.parse::<Prefix>().is_err(), "{wrong}");
        }
    }
}
