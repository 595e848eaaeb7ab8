//! From bytes to what they ask for: UTF-8, then the VT500 state machine with the transitions of xterm.js.
//!
//! Bytes that are not UTF-8 are dropped, C1 controls count when they arrive as UTF-8, and a byte order mark is
//! nothing. The parser remembers the bytes of a sequence that has begun and not ended ([`Parser::unfinished`]).

use super::params::Params;

/// What the parser calls.
pub trait Actions {
    /// Printable ASCII, in bulk.
    fn print_ascii(&mut self, text: &[u8]);
    /// One printable character.
    fn print(&mut self, c: char);
    /// The run of printable characters is over for now.
    fn end_of_run(&mut self);
    /// A control character.
    fn execute(&mut self, code: u32);
    /// `ESC`, intermediates, final.
    fn esc(&mut self, collect: u32, code: u8);
    /// `CSI`, prefix and intermediates, parameters, final.
    fn csi(&mut self, collect: u32, params: &Params, code: u8);
    /// A whole operating system command. Not called for one that was cancelled or is too long.
    fn osc(&mut self, text: &str);
    /// A whole device control string.
    fn dcs(&mut self, collect: u32, code: u8, text: &str);
    /// A string (of an OSC or DCS) ended, whatever became of it.
    fn end_of_string(&mut self);
}

/// Longest OSC or DCS text that is looked at, in bytes. More is skipped without effect.
const MAX_STRING: usize = 1 << 20;
/// Of a sequence that nobody listens to, as much as says which it is.
const MAX_IGNORED: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ground,
    Escape,
    EscapeIntermediate,
    CsiEntry,
    CsiParam,
    CsiIntermediate,
    CsiIgnore,
    /// SOS, PM and APC: skipped.
    Skipped,
    Osc,
    DcsEntry,
    DcsParam,
    DcsIgnore,
    DcsIntermediate,
    Dcs,
}

/// The state between two bytes.
#[derive(Debug)]
pub struct Parser {
    state: State,
    params: Params,
    collect: u32,
    /// Text of the OSC or DCS under way.
    string: String,
    /// It became longer than [`MAX_STRING`].
    too_long: bool,
    /// The final character of the DCS under way.
    hooked: u8,
    /// A UTF-8 sequence that has begun.
    partial: [u8; 4],
    partial_len: usize,
    unfinished: Vec<u8>,
}

impl Default for Parser {
    fn default() -> Self {
        Self {
            state: State::Ground,
            params: Params::default(),
            collect: 0,
            string: String::new(),
            too_long: false,
            hooked: 0,
            partial: [0; 4],
            partial_len: 0,
            unfinished: Vec::new(),
        }
    }
}

/// How many bytes a character has that starts with this byte; 0 if none does.
fn utf8_len(first: u8) -> usize {
    match first {
        0..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => 0,
    }
}

/// How many bytes at the beginning are printable ASCII.
fn printable(bytes: &[u8]) -> usize {
    let is = |byte: &u8| (0x20..0x7f).contains(byte);
    // Without a way out in the midst of it, a chunk is looked at in one step.
    let whole =
        bytes.chunks_exact(16).take_while(|chunk| chunk.iter().fold(true, |all, byte| all & is(byte)));
    let known = 16 * whole.count();
    known + bytes[known..].iter().take_while(|byte| is(byte)).count()
}

impl Parser {
    /// The sequence and the character that have begun and not ended: written to another terminal, they bring its
    /// parser to where this one is.
    pub fn unfinished(&self) -> impl Iterator<Item = u8> {
        self.unfinished.iter().chain(&self.partial[..self.partial_len]).copied()
    }

    /// Takes in the next bytes.
    pub fn feed(&mut self, mut bytes: &[u8], to: &mut impl Actions) {
        while let Some(first) = bytes.first().copied() {
            if self.partial_len > 0 {
                bytes = self.complete(bytes, to);
            } else if self.state == State::Ground && (0x20..0x7f).contains(&first) {
                let run = printable(bytes);
                to.print_ascii(&bytes[..run]);
                bytes = &bytes[run..];
            } else if self.state == State::Ground
                && let Some(length) = self.plain_csi(bytes)
            {
                to.end_of_run();
                to.csi(0, &self.params, bytes[length - 1]);
                bytes = &bytes[length..];
            } else if first < 0x80 {
                self.step(u32::from(first), to);
                bytes = &bytes[1..];
            } else {
                if utf8_len(first) > 1 {
                    self.partial[0] = first;
                    self.partial_len = 1;
                }
                bytes = &bytes[1..];
            }
        }
        to.end_of_run();
    }

    /// Reads what most sequences are: a CSI of digits and semicolons that is there as a whole. Its parameters are
    /// [`Self::params`] then, its length is given back. What is anything else goes [`Self::step`] by step.
    fn plain_csi(&mut self, bytes: &[u8]) -> Option<usize> {
        let [0x1b, b'[', rest @ ..] = bytes else { return None };
        let end = rest.iter().position(|c| !matches!(c, b'0'..=b'9' | b';'))?;
        if !matches!(rest[end], 0x40..=0x7e) {
            return None;
        }
        self.clear();
        self.params.push_plain(&rest[..end]);
        Some(2 + end + 1)
    }

    /// Goes on with the character that has begun; gives back what is left.
    fn complete<'a>(&mut self, bytes: &'a [u8], to: &mut impl Actions) -> &'a [u8] {
        let byte = bytes[0];
        if byte & 0xc0 != 0x80 {
            // Not its continuation: what came so far is dropped, this byte is looked at anew.
            self.partial_len = 0;
            return bytes;
        }
        self.partial[self.partial_len] = byte;
        self.partial_len += 1;
        if self.partial_len == utf8_len(self.partial[0]) {
            let whole = &self.partial[..self.partial_len];
            let c = std::str::from_utf8(whole).ok().and_then(|text| text.chars().next());
            self.partial_len = 0;
            match c {
                // Too long for its value, a surrogate or beyond Unicode.
                None | Some('\u{feff}') => {}
                Some(c) if u32::from(c) >= 0xa0 && self.state == State::Ground => to.print(c),
                Some(c) => self.step(u32::from(c), to),
            }
        }
        &bytes[1..]
    }

    /// One character that is not simply printed.
    fn step(&mut self, code: u32, to: &mut impl Actions) {
        to.end_of_run();
        if self.anywhere(code, to) {
            return;
        }
        let c = u8::try_from(code).unwrap_or(0xa0);
        let control = matches!(c, 0..=0x17 | 0x19 | 0x1c..=0x1f);
        match self.state {
            State::Ground => {
                // DEL is an error here, which means nothing.
                if control {
                    to.execute(code);
                }
                return;
            }
            State::Escape
            | State::EscapeIntermediate
            | State::CsiEntry
            | State::CsiParam
            | State::CsiIntermediate
            | State::CsiIgnore
                if control =>
            {
                // Done at once, in the midst of the sequence, and so no part of what is unfinished.
                to.execute(code);
                return;
            }
            State::Escape => self.escape(c, to),
            State::EscapeIntermediate => match c {
                0x20..=0x2f => self.collect(c),
                0x30..=0x7e => self.end(|this| to.esc(this.collect, c)),
                0x7f => {}
                _ => self.state = State::Ground,
            },
            State::CsiEntry | State::CsiParam => match c {
                0x30..=0x3b => {
                    self.params.push(c);
                    self.state = State::CsiParam;
                }
                0x3c..=0x3f if self.state == State::CsiEntry => {
                    self.collect(c);
                    self.state = State::CsiParam;
                }
                0x3c..=0x3f => self.state = State::CsiIgnore,
                0x20..=0x2f => {
                    self.collect(c);
                    self.state = State::CsiIntermediate;
                }
                0x40..=0x7e => self.end(|this| to.csi(this.collect, &this.params, c)),
                0x7f => {}
                _ => self.state = State::Ground,
            },
            State::CsiIntermediate => match c {
                0x20..=0x2f => self.collect(c),
                0x30..=0x3f => self.state = State::CsiIgnore,
                0x40..=0x7e => self.end(|this| to.csi(this.collect, &this.params, c)),
                0x7f => {}
                _ => self.state = State::Ground,
            },
            State::CsiIgnore => {
                if matches!(c, 0x40..=0x7e) {
                    self.state = State::Ground;
                }
            }
            State::Skipped => {
                // A character beyond ASCII is no part of such a string: it ends it.
                if c >= 0x80 {
                    self.state = State::Ground;
                }
            }
            State::Osc => {
                if !control {
                    self.put(code);
                }
            }
            State::DcsEntry | State::DcsParam | State::DcsIntermediate if !control => self.dcs_header(c),
            State::Dcs => {
                if c != 0x7f {
                    self.put(code);
                }
            }
            State::DcsEntry | State::DcsParam | State::DcsIntermediate | State::DcsIgnore => {}
        }
        self.remember(code);
    }

    /// What every state does alike. True if that was all.
    fn anywhere(&mut self, code: u32, to: &mut impl Actions) -> bool {
        let in_string = matches!(self.state, State::Osc | State::Dcs);
        match code {
            // These end a string; all but CAN and SUB let it take effect.
            0x18 | 0x1a | 0x1b | 0x9c if in_string => self.end_string(code, to),
            0x07 if self.state == State::Osc => self.end_string(code, to),
            0x18 | 0x1a | 0x80..=0x8f | 0x91..=0x97 | 0x99 | 0x9a => {
                self.state = State::Ground;
                to.execute(code);
            }
            0x9c => self.state = State::Ground,
            0x1b | 0x9b | 0x90 => {
                self.clear();
                self.state = match code {
                    0x1b => State::Escape,
                    0x9b => State::CsiEntry,
                    _ => State::DcsEntry,
                };
            }
            0x9d => {
                self.start_osc();
            }
            0x98 | 0x9e | 0x9f => {
                self.state = State::Skipped;
            }
            _ => return false,
        }
        self.unfinished.clear();
        self.remember(code);
        true
    }

    fn escape(&mut self, c: u8, to: &mut impl Actions) {
        match c {
            0x20..=0x2f => {
                self.collect(c);
                self.state = State::EscapeIntermediate;
            }
            b'P' => {
                self.clear();
                self.state = State::DcsEntry;
            }
            b'X' | b'^' | b'_' => self.state = State::Skipped,
            b'[' => {
                self.clear();
                self.state = State::CsiEntry;
            }
            b']' => self.start_osc(),
            0x30..=0x7e => self.end(|this| to.esc(this.collect, c)),
            0x7f => {}
            _ => self.state = State::Ground,
        }
    }

    fn dcs_header(&mut self, c: u8) {
        match c {
            0x20..=0x2f => {
                self.collect(c);
                self.state = State::DcsIntermediate;
            }
            0x30..=0x3f if self.state == State::DcsIntermediate => self.state = State::DcsIgnore,
            0x30..=0x3b => {
                self.params.push(c);
                self.state = State::DcsParam;
            }
            0x3c..=0x3f if self.state == State::DcsEntry => {
                self.collect(c);
                self.state = State::DcsParam;
            }
            0x3c..=0x3f => self.state = State::DcsIgnore,
            0x40..=0x7e => self.hook(c),
            0x7f => {}
            _ => self.state = State::Ground,
        }
    }

    fn clear(&mut self) {
        self.params.clear();
        self.collect = 0;
    }

    fn collect(&mut self, c: u8) {
        self.collect = self.collect << 8 | u32::from(c);
    }

    fn end(&mut self, act: impl FnOnce(&mut Self)) {
        // Ground first: a reset among the actions must find it so.
        self.state = State::Ground;
        act(self);
    }

    fn start_osc(&mut self) {
        self.state = State::Osc;
        self.start_string();
    }

    fn hook(&mut self, c: u8) {
        self.state = State::Dcs;
        self.hooked = c;
        self.start_string();
    }

    fn start_string(&mut self) {
        self.string.clear();
        self.string.shrink_to(4096);
        self.too_long = false;
    }

    fn put(&mut self, code: u32) {
        let Some(c) = char::from_u32(code) else { return };
        if self.string.len() >= MAX_STRING {
            self.too_long = true;
        }
        if !self.too_long {
            self.string.push(c);
        }
    }

    fn end_string(&mut self, code: u32, to: &mut impl Actions) {
        if code != 0x18 && code != 0x1a && !self.too_long {
            if self.state == State::Osc {
                to.osc(&self.string);
            } else {
                to.dcs(self.collect, self.hooked, &self.string);
            }
        }
        to.end_of_string();
        self.start_string();
        self.clear();
        self.state = if code == 0x1b { State::Escape } else { State::Ground };
    }

    fn remember(&mut self, code: u32) {
        if self.state == State::Ground {
            self.unfinished.clear();
            return;
        }
        let ignored = matches!(self.state, State::Skipped | State::CsiIgnore | State::DcsIgnore);
        let limit = if ignored { MAX_IGNORED } else { MAX_STRING + MAX_IGNORED };
        if self.unfinished.len() < limit {
            let c = char::from_u32(code).unwrap_or('\u{fffd}');
            self.unfinished.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        } else if self.state == State::Osc {
            // It will have no effect any more; neither must what is handed on.
            self.unfinished.splice(.., *b"\x1b]x");
        } else if self.state == State::Dcs {
            self.unfinished.truncate(MAX_IGNORED);
        }
    }
}
