//! JSON lines back into what they were made from. Nothing in them is trusted: who wrote a file may be anybody.

use super::Piece;
use super::jsonl::{ENDED, FORMAT, Head, SNAPSHOT, VERSION};
use crate::problem::{Hint as _, invalid};
use data_encoding::BASE64;
use serde::Deserialize;
use session::codec::MAX_MESSAGE;
use session::message::{Event, Failure, Size};
use std::io::{BufRead, Read as _};
use store::{Base, Entry, Kept};

/// Longest line, in bytes: a snapshot of a large terminal with all its scrollback, and each of its bytes escaped.
const MAX_LINE: u64 = 64 * 1024 * 1024;
/// Largest file, in bytes: a full log, each of its bytes escaped, and room for what is never trimmed.
const MAX_FILE: u64 = 1024 * 1024 * 1024;
/// Longest output of one event, in bytes: with its own fields it fits a message.
const MAX_OUTPUT: usize = MAX_MESSAGE - 4096;
/// Largest event, its payload and its own fields together, in bytes: with what a message says of it beside them it fits.
const MAX_EVENT: usize = MAX_MESSAGE - 512;
/// Numbers end below what a browser counts exactly.
const MAX_NUMBER: u64 = (1 << 53) - 1;
/// Longest title, and longest word of Longrein's own, in characters.
const MAX_TITLE: usize = 256;
const MAX_TEXT: usize = 1024;

/// The lines of a file.
pub struct Lines<R> {
    source: R,
    text: Vec<u8>,
    read: u64,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub fn new(source: R) -> Self {
        Self { source, text: Vec::new(), read: 0, number: 0 }
    }

    /// The first line.
    pub fn head(&mut self) -> Result<Head, Failure> {
        const HINT: &str = "`longrein export SESSION` writes what can be imported.";
        let foreign = || invalid("The file is not an exported session").hint(HINT);
        if !self.advance()? {
            return Err(invalid("The file is empty").hint(HINT));
        }
        let probe: Probe = serde_json::from_slice(&self.text).map_err(|_| foreign())?;
        match (probe.format.as_deref(), probe.version) {
            (Some(FORMAT), Some(VERSION)) => {}
            (Some(FORMAT), Some(version)) => {
                return Err(invalid(format!("The file has version {version}, this program knows {VERSION}"))
                    .hint("Use the newer version of Longrein."));
            }
            (None, Some(1..=3)) => {
                return Err(invalid("An asciicast recording cannot be imported")
                    .hint("It is a terminal's output alone. `longrein export SESSION --format jsonl` writes what can be."));
            }
            _ => return Err(foreign()),
        }
        serde_json::from_slice(&self.text).map_err(|error| self.wrong(&error))
    }

    /// The next line's piece; none at the end, which must be that of the session too.
    pub fn next(&mut self) -> Result<Option<Piece>, Failure> {
        if !self.advance()? {
            return Err(self.wrong("the file ends before the session does"));
        }
        let line: Line = serde_json::from_slice(&self.text).map_err(|error| self.wrong(&error))?;
        if line.kind == ENDED {
            return if self.advance()? { Err(self.wrong("it is behind the end")) } else { Ok(None) };
        }
        if !(1..=MAX_NUMBER).contains(&line.seq) || line.at.is_some_and(|at| at > MAX_NUMBER) {
            return Err(self.wrong("a number is out of bounds"));
        }
        let payload = match (line.data, line.base64) {
            (data, None) => data.unwrap_or_default().into_bytes(),
            (None, Some(base64)) => BASE64.decode(base64.as_bytes()).map_err(|error| self.wrong(error))?,
            (Some(_), Some(_)) => return Err(self.wrong("it has both data and base64")),
        };
        if line.kind == SNAPSHOT {
            let Size { cols, rows } = self.size(serde_json::from_slice(&self.text))?;
            return Ok(Some(Piece::Snapshot(Base { seq: line.seq, upto: 0, cols, rows, bytes: payload })));
        }
        let event: Event = serde_json::from_slice(&self.text).map_err(|error| self.wrong(&error))?;
        self.check(&event, &payload)?;
        let header = serde_json::to_string(&event).map_err(|error| self.wrong(&error))?;
        if header.len() + payload.len() > MAX_EVENT {
            return Err(self.wrong("it is too long for one message"));
        }
        let at = line.at.ok_or_else(|| self.wrong("it has no time"))?;
        Ok(Some(Piece::Event(Entry { seq: line.seq, at, upto: 0, kept: kept(&event), header, payload })))
    }

    /// What is wrong with this line.
    pub fn wrong(&self, why: impl std::fmt::Display) -> Failure {
        invalid(format!("Line {} of the file is not valid: {why}", self.number))
            .hint("The file is damaged, or was not written by `longrein export`.")
    }

    fn check(&self, event: &Event, payload: &[u8]) -> Result<(), Failure> {
        let is_plain =
            |text: &str, longest| text.chars().count() <= longest && !text.chars().any(char::is_control);
        match event {
            Event::Output if payload.len() > MAX_OUTPUT => return Err(self.wrong("its output is too long")),
            Event::Resize { size } => {
                self.size(Ok(*size))?;
            }
            Event::Title { title } if !is_plain(title, MAX_TITLE) => {
                return Err(self.wrong("its title is none"));
            }
            Event::Banner { text } if !is_plain(text, MAX_TEXT) => return Err(self.wrong("its text is none")),
            Event::Ending { ends_at: Some(at) } if *at > MAX_NUMBER => {
                return Err(self.wrong("a number is out of bounds"));
            }
            Event::Asked { approval, .. } => {
                if !is_plain(&approval.title, MAX_TITLE) || !is_plain(&approval.source, MAX_TITLE) {
                    return Err(self.wrong("its title is none"));
                }
                return Ok(());
            }
            Event::Chat { .. } | Event::Partial { .. } if payload.len() > MAX_OUTPUT => {
                return Err(self.wrong("what was said is too long"));
            }
            Event::Output | Event::Chat { .. } | Event::Partial { .. } => return Ok(()),
            Event::Title { .. }
            | Event::Banner { .. }
            | Event::Ending { .. }
            | Event::Exit { .. }
            | Event::Decided { .. }
            | Event::Revoked { .. } => {}
        }
        if payload.is_empty() { Ok(()) } else { Err(self.wrong("only output and snapshots have data")) }
    }

    fn size(&self, size: serde_json::Result<Size>) -> Result<Size, Failure> {
        let size = size.map_err(|error| self.wrong(&error))?;
        let is_one = size == size.clamped();
        if is_one { Ok(size) } else { Err(self.wrong("no terminal has that size")) }
    }

    /// Reads the next line; false at the end.
    fn advance(&mut self) -> Result<bool, Failure> {
        self.text.clear();
        self.number += 1;
        let mut source = (&mut self.source).take(MAX_LINE + 1);
        let length = source.read_until(b'\n', &mut self.text).map_err(|error| self.wrong(&error))? as u64;
        self.read += length;
        if length > MAX_LINE {
            return Err(self.wrong(format_args!("it is longer than {} MiB", MAX_LINE >> 20)));
        }
        if self.read > MAX_FILE {
            return Err(self.wrong(format_args!("the file is larger than {} GiB", MAX_FILE >> 30)));
        }
        Ok(length > 0)
    }
}

/// What any first line may say.
#[derive(Deserialize)]
struct Probe {
    format: Option<String>,
    version: Option<u32>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    seq: u64,
    at: Option<u64>,
    kind: String,
    data: Option<String>,
    base64: Option<String>,
}

fn kept(event: &Event) -> Kept {
    match event {
        event if event.is_trimmable() => Kept::Trimmed,
        event if event.is_past() => Kept::Past,
        _ => Kept::Told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portable::jsonl;

    const HEAD: &str = r#"{"format":"longrein-session","version":1,"id":"mflrcqyjmvwziywl","name":"n","command":["sh"],"cwd":"/","state":"running","started_at":1,"last_activity":2,"size":{"cols":80,"rows":24}}"#;

    fn all(text: &str) -> Result<Vec<Piece>, Failure> {
        let mut lines = Lines::new(text.as_bytes());
        lines.head()?;
        let mut pieces = Vec::new();
        while let Some(piece) = lines.next()? {
            pieces.push(piece);
        }
        Ok(pieces)
    }

    const APPROVAL: &str = "approvalapproval";

    fn asked(digest: &str, data: &str) -> String {
        format!(
            r#"{{"seq":14,"at":9,"kind":"asked","approval":{{"id":"{APPROVAL}","digest":"{digest}","length":9,"source":"ask","title":"t","risk":"normal","asked_at":1,"expires_at":2,"state":"pending"}},"part":1,"last":true,"data":"{data}"}}"#
        )
    }

    #[test]
    fn every_line_is_read_as_it_was_written() {
        let text = [
            r#"{"seq":6,"kind":"snapshot","cols":80,"rows":24,"data":"\u001b[H"}"#,
            r#"{"seq":7,"at":9,"kind":"output","data":"é\r\n"}"#,
            r#"{"seq":8,"at":9,"kind":"output","base64":"/w=="}"#,
            r#"{"seq":9,"at":9,"kind":"resize","cols":90,"rows":30}"#,
            r#"{"seq":10,"at":9,"kind":"title","title":"t"}"#,
            r#"{"seq":11,"at":9,"kind":"banner","text":"b"}"#,
            r#"{"seq":12,"at":9,"kind":"ending","ends_at":5}"#,
            r#"{"seq":13,"at":9,"kind":"exit","exit":3}"#,
            &asked("d", &"x".repeat(session::codec::MAX_PAYLOAD)),
        ];
        let pieces = all(&format!("{HEAD}\n{}\n{}\n", text.join("\n"), jsonl::END)).unwrap();
        let again: Vec<String> = pieces.iter().map(jsonl::line).collect();
        assert_eq!(again, text);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let (long, short) = ("x".repeat(MAX_OUTPUT + 1), "x".repeat(4000));
        for line in [
            "",
            "[]",
            "null",
            "{}",
            r#"{"seq":1,"at":1,"kind":"output","data":"a""#,
            r#"{"seq":0,"at":1,"kind":"output"}"#,
            r#"{"at":1,"kind":"output"}"#,
            r#"{"seq":-1,"at":1,"kind":"output"}"#,
            r#"{"seq":9007199254740992,"at":1,"kind":"output"}"#,
            r#"{"seq":1,"at":9007199254740992,"kind":"output"}"#,
            r#"{"seq":1,"kind":"output"}"#,
            r#"{"seq":1,"at":1,"kind":"output","data":1}"#,
            r#"{"seq":1,"at":1,"kind":"output","base64":"?"}"#,
            r#"{"seq":1,"at":1,"kind":"output","base64":"/w==","data":""}"#,
            r#"{"seq":1,"at":1,"kind":"newer"}"#,
            r#"{"seq":1,"at":1,"kind":"resize","cols":1,"rows":24}"#,
            r#"{"seq":1,"kind":"snapshot","cols":80,"rows":65535}"#,
            r#"{"seq":1,"kind":"snapshot"}"#,
            r#"{"seq":1,"at":1,"kind":"title","title":"\u001b[2J"}"#,
            r#"{"seq":1,"at":1,"kind":"exit","exit":1,"data":"x"}"#,
            r#"{"seq":1,"at":1,"kind":"exit","exit":99999999999}"#,
            &format!(r#"{{"seq":1,"at":1,"kind":"output","data":"{long}"}}"#),
            &format!(r#"{{"seq":1,"at":1,"kind":"banner","text":"{long}"}}"#),
            &format!(
                r#"{{"seq":1,"at":1,"kind":"decided","approval":"{APPROVAL}","state":"denied","by":{{"label":"me"}},"decided_at":1,"text":"{long}{short}"}}"#
            ),
            &format!(
                r#"{{"seq":1,"at":1,"kind":"decided","approval":"{APPROVAL}","state":"denied","by":{{"label":"{long}{short}"}},"decided_at":1}}"#
            ),
            &asked("d", &format!("{long}{short}")),
            &asked(&"d".repeat(5000), &"x".repeat(MAX_MESSAGE - 4096)),
            &"[".repeat(100_000),
        ] {
            let failure = all(&format!("{HEAD}\n{line}\n{}\n", jsonl::END)).unwrap_err();
            assert!(failure.message.contains("Line 2"), "{line:.80}: {failure:?}");
        }
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_refused_and_one_that_is_changed_harms_nobody() {
        let event = r#"{"seq":7,"at":9,"kind":"output","base64":"/w=="}"#;
        let good = format!("{HEAD}\n{event}\n{}", jsonl::END);
        assert_eq!(all(&good).unwrap().len(), 1);
        for cut in 0..good.len() {
            assert!(all(&good[..cut]).is_err(), "{cut}");
        }
        for (at, bit) in (0..good.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let mut lines = Lines::new(&bytes[..]);
            // Some of it is still a session, such as one of another name.
            if lines.head().is_ok() {
                while let Ok(Some(_)) = lines.next() {}
            }
        }
        assert!(all(&format!("{good}\n{event}\n")).unwrap_err().message.contains("behind the end"));
    }

    #[test]
    fn files_of_another_kind_are_refused_with_a_hint() {
        for (text, expected) in [
            ("", "empty"),
            ("hello", "not an exported"),
            ("\u{0}\u{1}", "not an exported"),
            ("{}", "not an exported"),
            (r#"{"version":3,"term":{"cols":80,"rows":24}}"#, "asciicast"),
            (r#"{"version":2,"width":80,"height":24}"#, "asciicast"),
            (&HEAD.replace(r#""version":1"#, r#""version":2"#), "version 2"),
            (&HEAD.replace("mflrcqyjmvwziywl", "../../etc/passwd"), "Line 1"),
        ] {
            let failure = all(text).unwrap_err();
            assert!(failure.message.contains(expected) && !failure.hint.is_empty(), "{text}: {failure:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_not_read_into_memory() {
        let endless = std::io::BufReader::new(HEAD.as_bytes().chain(&b"\n"[..]).chain(std::io::repeat(b' ')));
        let mut lines = Lines::new(endless);
        lines.head().unwrap();
        assert!(lines.next().unwrap_err().message.contains("longer than"));
    }
}
