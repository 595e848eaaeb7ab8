//! Takes the questions out of a program's output before a local terminal can answer them.
//!
//! A program asks its terminal things (what are you, where is the cursor, what colour is the background), and the
//! terminal types the answer. With several terminals on one session the program would get several answers, so the
//! keeper gives the only one, and every client leaves its own out: here, by never letting its terminal see the question.
//! Everything else passes byte for byte. What is held back while a sequence is unfinished is at most [`HELD`] bytes;
//! questions are short, so a longer sequence is let through as it comes.
//!
//! Where the terminal is shown something else than the program's bytes, only what they do beside the picture passes:
//! bells, notifications, the clipboard.
//!
//! On the way the filter notes the few modes that have to be undone by name when this client leaves.

use super::modes::Modes;

/// Longest sequence that is held until its end is known, in bytes.
const HELD: usize = 4096;
/// The same where a longer one does not pass at all.
const HELD_ALONE: usize = 256 * 1024;

const ESC: u8 = 0x1b;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;
const BEL: u8 = 0x07;
const ENQ: u8 = 0x05;

/// Where in a sequence the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ground,
    Escape,
    Csi,
    /// Inside OSC, DCS, APC, PM or SOS; `escaped` is behind an ESC that may begin the terminator.
    Text {
        escaped: bool,
    },
    /// As `Text`, but longer than is held, so already passed on.
    LongText {
        escaped: bool,
    },
}

/// The filter of one output stream.
#[derive(Debug)]
pub struct Filter {
    state: State,
    /// The unfinished sequence, from its ESC on.
    held: Vec<u8>,
    /// Control characters inside the unfinished sequence: a terminal carries them out at once, question or not.
    controls: Vec<u8>,
    modes: Modes,
    only_effects: bool,
}

impl Default for Filter {
    fn default() -> Self {
        let (held, controls, modes) = (Vec::new(), Vec::new(), Modes::default());
        Self { state: State::Ground, held, controls, modes, only_effects: false }
    }
}

impl Filter {
    /// Appends to `out` what of `input` (and of what was held) the terminal may see.
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut rest = input;
        while let Some(&byte) = rest.first() {
            if self.state == State::Ground {
                let plain = rest.iter().position(|b| matches!(*b, ESC | ENQ)).unwrap_or(rest.len());
                if self.only_effects {
                    out.extend(rest[..plain].iter().find(|byte| **byte == BEL));
                } else {
                    out.extend_from_slice(&rest[..plain]);
                }
                rest = &rest[plain..];
                if let Some((&byte, after)) = rest.split_first() {
                    rest = after;
                    if byte == ESC {
                        self.begin();
                    }
                }
            } else {
                rest = &rest[1..];
                self.step(byte, out);
            }
        }
    }

    /// The modes that what has passed so far has left behind.
    pub fn modes(&self) -> &Modes {
        &self.modes
    }

    /// Forgets an unfinished sequence and all modes: the terminal has been made like new.
    pub fn restart(&mut self) {
        *self = Self { only_effects: self.only_effects, ..Self::default() };
    }

    /// From now on nothing passes but what has an effect beside the picture, or everything again.
    pub fn set_only_effects(&mut self, only: bool) {
        self.only_effects = only;
    }

    fn begin(&mut self) {
        self.held.clear();
        self.controls.clear();
        self.held.push(ESC);
        self.state = State::Escape;
    }

    fn step(&mut self, byte: u8, out: &mut Vec<u8>) {
        match self.state {
            // Never entered: `feed` handles the ground itself.
            State::Ground => out.push(byte),
            State::Escape => self.escape(byte, out),
            State::Csi => self.csi(byte, out),
            State::Text { escaped } => self.text(byte, escaped, out),
            State::LongText { escaped } => self.long_text(byte, escaped, out),
        }
    }

    fn escape(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.held.push(byte);
        match byte {
            ESC => {
                self.held.pop();
                self.pass(out);
                self.begin();
            }
            b'[' => self.state = State::Csi,
            b']' | b'P' | b'_' | b'^' | b'X' => self.state = State::Text { escaped: false },
            // DECID, an old way to ask what the terminal is.
            b'Z' => self.drop_question(out),
            // Intermediates, and controls that do not end the sequence.
            0x20..=0x2f | 0x00..=0x17 | 0x19 | 0x1c..=0x1f => {}
            b'c' => {
                self.modes = Modes::default();
                self.pass(out);
            }
            b'H' => {
                self.modes.note_tab();
                self.pass(out);
            }
            _ => self.pass(out),
        }
        self.limit(out);
    }

    fn csi(&mut self, byte: u8, out: &mut Vec<u8>) {
        match byte {
            ESC => {
                self.pass(out);
                self.begin();
                return;
            }
            CAN | SUB => {
                self.held.push(byte);
                self.pass(out);
                return;
            }
            0x00..=0x1f => {
                self.held.push(byte);
                self.controls.push(byte);
            }
            0x40..=0x7e => {
                self.held.push(byte);
                let sequence = Csi::read(&self.held);
                if sequence.is_question() {
                    self.drop_question(out);
                } else {
                    self.modes.note(sequence.prefix, sequence.params, sequence.last);
                    self.pass(out);
                }
                return;
            }
            _ => self.held.push(byte),
        }
        self.limit(out);
    }

    fn text(&mut self, byte: u8, escaped: bool, out: &mut Vec<u8>) {
        if escaped && byte != b'\\' {
            // The ESC began something else, which ends the text.
            self.held.pop();
            self.finish_text(out);
            self.begin();
            self.escape(byte, out);
            return;
        }
        self.held.push(byte);
        match byte {
            b'\\' if escaped => self.finish_text(out),
            BEL if self.held[1] == b']' => self.finish_text(out),
            CAN | SUB => self.pass(out),
            _ => {
                self.state = State::Text { escaped: byte == ESC };
                if self.held.len() > self.most() && byte != ESC {
                    self.pass(out);
                    self.state = State::LongText { escaped: false };
                }
            }
        }
    }

    fn long_text(&mut self, byte: u8, escaped: bool, out: &mut Vec<u8>) {
        if byte == ESC {
            self.state = State::LongText { escaped: true };
        } else if self.only_effects && !escaped {
            let ends = matches!(byte, CAN | SUB | BEL);
            self.state = if ends { State::Ground } else { State::LongText { escaped: false } };
        } else if escaped && byte != b'\\' {
            self.begin();
            self.escape(byte, out);
        } else {
            if !self.only_effects {
                out.extend_from_slice(if escaped { &[ESC, b'\\'] } else { std::slice::from_ref(&byte) });
            }
            // A BEL also ends here what was opened as DCS or APC; only bytes nobody sends could tell the difference.
            let ends = escaped || matches!(byte, CAN | SUB | BEL);
            self.state = if ends { State::Ground } else { State::LongText { escaped: false } };
        }
    }

    fn finish_text(&mut self, out: &mut Vec<u8>) {
        if is_text_question(&self.held) {
            self.drop_question(out);
        } else {
            self.modes.note_text(&self.held);
            self.pass(out);
        }
    }

    /// A sequence that grew beyond all reason goes through, so that what is held stays bounded.
    fn limit(&mut self, out: &mut Vec<u8>) {
        if self.state != State::Ground && self.held.len() > self.most() {
            self.pass(out);
        }
    }

    fn most(&self) -> usize {
        if self.only_effects { HELD_ALONE } else { HELD }
    }

    fn pass(&mut self, out: &mut Vec<u8>) {
        if !self.only_effects || is_effect(&self.held) {
            out.append(&mut self.held);
        }
        self.held.clear();
        self.state = State::Ground;
    }

    fn drop_question(&mut self, out: &mut Vec<u8>) {
        if !self.only_effects {
            out.append(&mut self.controls);
        }
        self.held.clear();
        self.state = State::Ground;
    }
}

/// The parts of one CSI sequence.
struct Csi<'a> {
    /// One of `<`, `=`, `>`, `?`, or 0.
    prefix: u8,
    params: &'a [u8],
    /// The last intermediate, or 0.
    intermediate: u8,
    last: u8,
}

impl<'a> Csi<'a> {
    /// Reads `ESC [ … final`.
    fn read(held: &'a [u8]) -> Self {
        let (last, body) = held[2..].split_last().map_or((0, &[][..]), |(last, body)| (*last, body));
        let prefix = body.first().copied().filter(|b| (0x3c..=0x3f).contains(b)).unwrap_or(0);
        let body = if prefix == 0 { body } else { &body[1..] };
        let end = body.iter().position(|b| (0x20..=0x2f).contains(b)).unwrap_or(body.len());
        let intermediate = body[end..].iter().copied().rfind(|b| (0x20..=0x2f).contains(b)).unwrap_or(0);
        Self { prefix, params: &body[..end], intermediate, last }
    }

    fn first_param(&self) -> u32 {
        let digits = self.params.iter().take_while(|b| b.is_ascii_digit());
        digits.fold(0, |n: u32, b| n.saturating_mul(10).saturating_add(u32::from(b - b'0')))
    }

    /// Whether a terminal answers this (xterm's control sequences, the kitty keyboard protocol).
    fn is_question(&self) -> bool {
        match (self.prefix, self.intermediate, self.last) {
            // Device attributes; status, cursor position, colour scheme; keyboard flags and key modifiers; graphics
            // attributes; mode, presentation, checksum, locator and colour reports; terminal parameters.
            (0 | b'>' | b'=', 0, b'c')
            | (0 | b'?', 0, b'n')
            | (b'?', 0, b'u' | b'm' | b'S')
            | (0 | b'?', b'$', b'p')
            | (0, b'$', b'w')
            | (0, b'*', b'y')
            | (0, b'\'', b'|')
            | (0, b'#', b'R' | b'|')
            | (0, 0, b'x')
            // The terminal's name and version.
            | (b'>', 0, b'q') => true,
            // Window reports; other operations on the window are orders.
            (0, 0, b't') => matches!(self.first_param(), 11 | 13..=16 | 18..=21),
            _ => false,
        }
    }
}

/// Whether a whole sequence does something beside the picture: notifications, progress and the clipboard, and which
/// modifiers keys report, which the screen model does not know of.
fn is_effect(held: &[u8]) -> bool {
    match held.get(1) {
        Some(b']') => {
            let number = held[2..].split(|b| !b.is_ascii_digit()).next().unwrap_or_default();
            let ends = held.ends_with(&[BEL]) || held.ends_with(b"\x1b\\");
            ends && matches!(number, b"9" | b"52" | b"99" | b"777")
        }
        Some(b'[') => held.starts_with(b"\x1b[>") && held.ends_with(b"m"),
        _ => false,
    }
}

/// Whether a terminal answers this OSC, DCS or APC text (with its introducer and terminator).
fn is_text_question(held: &[u8]) -> bool {
    let body = &held[2..];
    let body = body.strip_suffix(&[BEL]).or_else(|| body.strip_suffix(&[ESC, b'\\'])).unwrap_or(body);
    match held[1] {
        // Colours, clipboard, notification and status protocols all ask with a lone `?` or with `p=?`.
        b']' => {
            let mut fields = body.split(|b| matches!(b, b';' | b':'));
            let number = fields.next().unwrap_or_default();
            let asks = fields.any(|field| matches!(field, b"?" | b"p=?"));
            asks && number.iter().all(u8::is_ascii_digit) || kitty_colour_question(number, body)
        }
        // A setting, or an entry of the terminal's description.
        b'P' => body.starts_with(b"$q") || body.starts_with(b"+q"),
        // Kitty graphics, whose every order may be answered; without the answer no program goes on to use them.
        b'_' => {
            body.starts_with(b"G")
                && body.split(|b| matches!(b, b',' | b';' | b'G')).any(|field| field == b"a=q")
        }
        _ => false,
    }
}

/// OSC 21 asks with `name=?`.
fn kitty_colour_question(number: &[u8], body: &[u8]) -> bool {
    number == b"21" && body.split(|b| *b == b';').any(|field| field.ends_with(b"=?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(input: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Filter::default().feed(input, &mut out);
        out
    }

    /// Whole, and byte by byte, which must be the same.
    fn check(input: &str, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&filtered(input.as_bytes())), expected, "{input:?} whole");
        let mut filter = Filter::default();
        let mut out = Vec::new();
        for byte in input.as_bytes() {
            filter.feed(&[*byte], &mut out);
        }
        assert_eq!(String::from_utf8_lossy(&out), expected, "{input:?} byte by byte");
    }

    #[test]
    fn questions_are_taken_out() {
        for question in [
            "\x1b[c",
            "\x1b[0c",
            "\x1b[>c",
            "\x1b[>0c",
            "\x1b[=c",
            "\x1bZ",
            "\x05",
            "\x1b[5n",
            "\x1b[6n",
            "\x1b[?6n",
            "\x1b[?996n",
            "\x1b[?2026$p",
            "\x1b[4$p",
            "\x1b[>q",
            "\x1b[>0q",
            "\x1b[?u",
            "\x1b[?4m",
            "\x1b[14t",
            "\x1b[18t",
            "\x1b[21t",
            "\x1b[x",
            "\x1b[?1;1;0S",
            "\x1b[1$w",
            "\x1b[1;1;1;1;1;1*y",
            "\x1b]10;?\x07",
            "\x1b]11;?\x1b\\",
            "\x1b]4;1;?\x07",
            "\x1b]52;c;?\x07",
            "\x1b]7501;?\x07",
            "\x1b]99;i=1:p=?;\x1b\\",
            "\x1b]21;foreground=?\x1b\\",
            "\x1bP$qm\x1b\\",
            "\x1bP+q544e\x1b\\",
            "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\",
        ] {
            check(&format!("a{question}b"), "ab");
        }
    }

    #[test]
    fn everything_else_passes() {
        for kept in [
            "plain text, ümläut, 漢字, 🦄\r\n",
            "\x1b[31;1mred\x1b[0m\x1b[4:3m",
            "\x1b[?1049h\x1b[?2004h\x1b[?1000;1006h",
            "\x1b[>5u\x1b[<u\x1b[=1u",
            "\x1b[>4;2m",
            "\x1b[2 q\x1b[!p\x1b[62;1\"p",
            "\x1b[22;2t\x1b[8;24;80t",
            "\x1b[u\x1b[s\x1b[3S",
            "\x1b[?1;2c",
            "\x1b]0;a title; really?\x07",
            "\x1b]8;;https://example.org/?q=1\x1b\\link\x1b]8;;\x1b\\",
            "\x1b]11;#112233\x07\x1b]104\x07",
            "\x1b]52;c;aGVsbG8=\x07",
            "\x1b(B\x1b)0\x1b7\x1b8\x1b=\x1b>\x1bc",
            "\x1bPq#0;2;0;0;0~~\x1b\\",
        ] {
            check(kept, kept);
        }
    }

    #[test]
    fn controls_inside_a_question_are_carried_out() {
        check("a\x1b[6\r\nnb", "a\r\nb");
    }

    #[test]
    fn a_sequence_that_is_broken_off_does_not_swallow_what_follows() {
        check("\x1b[6\x18nx", "\x1b[6\x18nx");
        check("\x1b]10;?\x1b[31mx", "\x1b[31mx");
        check("\x1b\x1b[6nx", "\x1bx");
    }

    #[test]
    fn a_very_long_text_goes_through_as_it_comes() {
        let long = format!("\x1b]52;c;{}\x07after\x1b[6n.", "QUJD".repeat(20_000));
        check(&long, &long.replace("\x1b[6n", ""));
        let mut filter = Filter::default();
        let mut out = Vec::new();
        filter.feed(&long.as_bytes()[..HELD * 2], &mut out);
        assert!(out.len() > HELD);
    }

    #[test]
    fn effects_pass_alone() {
        let mut filter = Filter::default();
        filter.set_only_effects(true);
        let long = format!("\x1b]52;c;{}\x07", "QUJD".repeat(2000));
        let mut out = Vec::new();
        let endless = format!("\x1b]52;c;{}", "QUJD".repeat(100_000));
        for text in [
            "a\x07b\x1b[31mc",
            "\x1b]0;title\x07",
            "\x1b]9;done\x1b\\",
            &long,
            "\x1b[6n",
            "\x1b[>4;2m",
            "\x1b]11;#000\x07",
        ] {
            filter.feed(text.as_bytes(), &mut out);
        }
        assert_eq!(String::from_utf8(out).unwrap(), format!("\x07\x1b]9;done\x1b\\{long}\x1b[>4;2m"));
        let mut out = Vec::new();
        filter.feed(endless.as_bytes(), &mut out);
        filter.feed(b"\x1b\\x\x07", &mut out);
        assert_eq!(out, b"\x07");
    }

    #[test]
    fn what_is_held_is_bounded_whatever_comes() {
        let mut out = Vec::new();
        for start in ["\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b_"] {
            let mut filter = Filter::default();
            filter.feed(start.as_bytes(), &mut out);
            for byte in [b'1', b' ', 0x00] {
                filter.feed(&vec![byte; HELD * 3], &mut out);
                assert!(filter.held.len() <= HELD + 2);
            }
        }
    }
}
