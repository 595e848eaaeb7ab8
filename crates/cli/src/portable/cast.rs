//! asciicast v3, as <https://docs.asciinema.org/manual/asciicast/v3/> has it: a header, and then one line an event with the
//! seconds since the one before.

use super::{Piece, size};
use serde_json::json;
use session::message::{Event, Size};
use store::{Base, Entry};

/// Makes an emulator that has shown something a fresh one.
const FRESH: &str = "\u{1b}c";

/// What the header says beside the size.
pub struct About {
    /// The session's name.
    pub title: String,
    /// Program and arguments, for people.
    pub command: String,
    /// Unix milliseconds.
    pub started_at: u64,
}

/// Turns a log into lines, each with its end.
pub struct Writer {
    /// None once the header is written.
    about: Option<About>,
    /// The terminal's size now.
    size: Size,
    /// When the last line was, in Unix milliseconds.
    at: Option<u64>,
    /// What the last snapshot stands for.
    covered: u64,
    decoder: Decoder,
    out: String,
}

impl Writer {
    /// `size` is the terminal's, where the log does not say it before the first output.
    pub fn new(about: About, size: Size) -> Self {
        let (at, covered, decoder, out) = (None, 0, Decoder::default(), String::new());
        Self { about: Some(about), size, at, covered, decoder, out }
    }

    /// The lines of one piece; empty where asciicast has no word for it.
    pub fn lines(&mut self, piece: &Piece) -> String {
        match piece {
            Piece::Snapshot(base) => self.snapshot(base),
            Piece::Event(entry) => {
                // One that a newer version wrote is not for a terminal.
                if let Ok(event) = serde_json::from_str::<Event>(&entry.header) {
                    self.event(&event, entry);
                }
            }
        }
        std::mem::take(&mut self.out)
    }

    /// What is left once all pieces were there.
    pub fn end(&mut self) -> String {
        self.begin(self.size);
        self.finish_text(None);
        std::mem::take(&mut self.out)
    }

    fn snapshot(&mut self, base: &Base) {
        self.finish_text(None);
        if !self.begin(size(base)) {
            self.resize(None, size(base));
            self.line(None, "o", FRESH);
        }
        self.covered = base.seq;
        let shown = self.decoder.decode(&base.bytes);
        self.text(None, &shown);
    }

    fn event(&mut self, event: &Event, entry: &Entry) {
        let at = Some(entry.at);
        match event {
            Event::Output | Event::Resize { .. } if entry.seq <= self.covered => {}
            Event::Output => {
                self.begin(self.size);
                let shown = self.decoder.decode(&entry.payload);
                self.text(at, &shown);
            }
            Event::Resize { size } => {
                if !self.begin(*size) {
                    self.resize(at, *size);
                }
            }
            Event::Banner { text } => {
                self.begin(self.size);
                self.line(at, "m", text);
            }
            Event::Exit { exit } => {
                self.begin(self.size);
                self.finish_text(at);
                self.line(at, "x", &exit.to_string());
            }
            // The program's bytes say it themselves; and what is near its end now is not when this is played.
            // Nor was what somebody was asked, or what an agent said beside it, ever on the screen.
            Event::Title { .. }
            | Event::Ending { .. }
            | Event::Asked { .. }
            | Event::Decided { .. }
            | Event::Revoked { .. }
            | Event::Chat { .. }
            | Event::Partial { .. } => {}
        }
    }

    /// Writes the header, unless it is written.
    fn begin(&mut self, size: Size) -> bool {
        let Some(about) = self.about.take() else { return false };
        self.size = size;
        let header = json!({
            "version": 3,
            "term": { "cols": size.cols, "rows": size.rows, "type": "xterm-256color" },
            "timestamp": about.started_at / 1000,
            "command": about.command,
            "title": about.title,
        });
        self.put(&header.to_string());
        true
    }

    fn put(&mut self, line: &str) {
        self.out += line;
        self.out.push('\n');
    }

    fn resize(&mut self, at: Option<u64>, size: Size) {
        if size != self.size {
            self.size = size;
            self.line(at, "r", &format!("{}x{}", size.cols, size.rows));
        }
    }

    fn text(&mut self, at: Option<u64>, text: &str) {
        if !text.is_empty() {
            self.line(at, "o", text);
        }
    }

    fn finish_text(&mut self, at: Option<u64>) {
        let rest = self.decoder.end();
        self.text(at, rest);
    }

    /// A line so many seconds behind the one before; at the same time where it is not known when it was.
    fn line(&mut self, at: Option<u64>, code: &str, data: &str) {
        let now = at.or(self.at);
        let passed = now.zip(self.at).map_or(0, |(now, before)| now.saturating_sub(before));
        // A clock that was set back is waited for.
        self.at = now.max(self.at);
        let interval = format!("{}.{:03}", passed / 1000, passed % 1000);
        self.put(&format!("[{interval}, {}, {}]", json!(code), json!(data)));
    }
}

/// Bytes to text: a character that is cut is waited for, and what is no character becomes U+FFFD.
#[derive(Default)]
struct Decoder {
    /// The beginning of a character.
    cut: Vec<u8>,
}

impl Decoder {
    fn decode(&mut self, bytes: &[u8]) -> String {
        self.cut.extend_from_slice(bytes);
        let mut text = String::with_capacity(self.cut.len());
        let mut rest = 0;
        for chunk in self.cut.utf8_chunks() {
            text += chunk.valid();
            let invalid = chunk.invalid();
            rest += chunk.valid().len() + invalid.len();
            if invalid.is_empty() {
                continue;
            }
            let is_last = rest == self.cut.len();
            if is_last && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none()) {
                rest -= invalid.len();
                break;
            }
            text.push(char::REPLACEMENT_CHARACTER);
        }
        self.cut.drain(..rest);
        text
    }

    /// What is waited for in vain.
    fn end(&mut self) -> &'static str {
        let is_cut = !self.cut.is_empty();
        self.cut.clear();
        if is_cut { "\u{fffd}" } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { cols: 80, rows: 24 };

    fn writer() -> Writer {
        let about = About { title: "t".into(), command: "sh".into(), started_at: 1_790_000_000_500 };
        Writer::new(about, SIZE)
    }

    fn event(seq: u64, at: u64, header: &str, payload: &[u8]) -> Piece {
        let payload = payload.to_vec();
        Piece::Event(Entry {
            seq,
            at,
            upto: 0,
            kept: store::Kept::Trimmed,
            header: header.to_owned(),
            payload,
        })
    }

    fn output(seq: u64, at: u64, payload: &[u8]) -> Piece {
        event(seq, at, r#"{"kind":"output"}"#, payload)
    }

    fn lines(pieces: &[Piece]) -> Vec<String> {
        let mut writer = writer();
        let mut text: String = pieces.iter().map(|piece| writer.lines(piece)).collect();
        text += &writer.end();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_header_and_what_happened_after_how_long() {
        let found = lines(&[
            event(1, 1000, r#"{"kind":"resize","cols":90,"rows":30}"#, b""),
            output(2, 1000, b"one"),
            event(3, 1500, r#"{"kind":"title","title":"x"}"#, b""),
            output(4, 2248, b"\x1b[1m\r\n"),
            event(5, 2248, r#"{"kind":"banner","text":"mark"}"#, b""),
            event(6, 3248, r#"{"kind":"resize","cols":100,"rows":30}"#, b""),
            event(7, 3000, r#"{"kind":"newer"}"#, b""),
            output(8, 3000, b"back"),
            event(9, 4000, r#"{"kind":"exit","exit":3}"#, b""),
        ]);
        let header: serde_json::Value = serde_json::from_str(&found[0]).unwrap();
        let expected = json!({
            "version": 3, "term": { "cols": 90, "rows": 30, "type": "xterm-256color" },
            "timestamp": 1_790_000_000, "command": "sh", "title": "t",
        });
        assert_eq!(header, expected);
        let expected = [
            r#"[0.000, "o", "one"]"#,
            r#"[1.248, "o", "\u001b[1m\r\n"]"#,
            r#"[0.000, "m", "mark"]"#,
            r#"[1.000, "r", "100x30"]"#,
            r#"[0.000, "o", "back"]"#,
            r#"[0.752, "x", "3"]"#,
        ];
        assert_eq!(found[1..], expected);
    }

    #[test]
    fn a_snapshot_comes_first_and_one_in_between_on_a_fresh_screen() {
        let base = |seq, cols, bytes: &[u8]| {
            Piece::Snapshot(Base { seq, upto: 0, cols, rows: 24, bytes: bytes.to_vec() })
        };
        let found = lines(&[
            base(5, 90, b"screen"),
            event(2, 10, r#"{"kind":"banner","text":"kept"}"#, b""),
            output(5, 20, b"covered"),
            output(6, 20, b"cut\xe2\x82"),
            base(9, 80, b"again"),
        ]);
        assert!(found[0].contains(r#""cols":90"#));
        let expected = [
            r#"[0.000, "o", "screen"]"#,
            r#"[0.000, "m", "kept"]"#,
            r#"[0.010, "o", "cut"]"#,
            r#"[0.000, "o", "\ufffd"]"#,
            r#"[0.000, "r", "80x24"]"#,
            r#"[0.000, "o", "\u001bc"]"#,
            r#"[0.000, "o", "again"]"#,
        ];
        let expected = expected.map(|line| line.replace("\\ufffd", "\u{fffd}"));
        assert_eq!(found[1..], expected);
        assert_eq!(lines(&[]).len(), 1, "a header at least");
    }

    #[test]
    fn text_is_the_same_wherever_it_is_cut() {
        let bytes = b"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff\xe2\x82z\xc3(\xed\xa0\x80\xf0\x9f\x98";
        let whole = String::from_utf8_lossy(bytes);
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let mut decoder = Decoder::default();
                let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                let mut text: String = parts.iter().map(|part| decoder.decode(part)).collect();
                text += decoder.end();
                assert_eq!(text, whole, "{first} {second}");
            }
        }
    }
}
