//! `longrein logs SESSION`.

use crate::args::Logs;
use crate::hosts::{self, Found};
use crate::out;
use crate::portable::{self, Piece};
use crate::problem::{Outcome, environment};
use crate::terminal::filter::Filter;
use client::{AttachOpts, Attachment, Route, Update};
use session::message::{Cursor, Failure, Summary};
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::time::Duration;
use store::{LogReader, Paths};

/// How long a host elsewhere may take to say the next thing.
const DEADLINE: Duration = Duration::from_secs(30);
/// The header of an event that carries output.
const OUTPUT: &str = r#"{"kind":"output"}"#;

/// Prints a session's output up to now.
pub async fn run(args: &Logs) -> Outcome {
    let paths = hosts::paths()?;
    let found = hosts::find(&paths, Some(&args.session)).await?;
    let mut printer = Printer::new(args.plain);
    match &found.host {
        Route::Host(_) => elsewhere(found, &mut printer).await?,
        Route::Daemon(paths) | Route::Keeper(paths) => here(paths, &found.summary, &mut printer)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Everything that the log on this machine still has.
fn here(paths: &Paths, session: &Summary, printer: &mut Printer) -> Result<(), Failure> {
    let reader = LogReader::open(&paths.session_log(session.id.as_str())).map_err(hosts::stored)?;
    portable::read(&reader, |piece| {
        if let Piece::Event(entry) = piece
            && entry.header == OUTPUT
        {
            printer.print(&entry.payload);
        }
        Ok(())
    })
}

/// What a host elsewhere gives to somebody who attaches: its log, or where that is long its screen.
async fn elsewhere(found: Found, printer: &mut Printer) -> Result<(), Failure> {
    let (attachment, mut updates) = Attachment::start(AttachOpts {
        route: found.route,
        session: found.summary.id,
        client: hosts::CLIENT.to_owned(),
        size: None,
        window: 0,
        // Behind the first event, which only says the terminal's size.
        after: Some(Cursor { epoch: 1, seq: 1 }),
    });
    let (mut until, mut whole) = (None, true);
    loop {
        let update = tokio::time::timeout(DEADLINE, updates.recv()).await;
        let update = update.map_err(|_| environment("The session's log did not answer in 30 seconds"))?;
        let reached = match update {
            Some(Update::Attached { head, .. }) => {
                until = Some(head);
                1
            }
            Some(Update::Snapshot { cursor, bytes, .. }) => {
                whole = false;
                printer.print(&bytes);
                cursor.seq
            }
            Some(Update::Output { cursor, bytes }) => {
                printer.print(&bytes);
                cursor.seq
            }
            Some(Update::Exit { .. } | Update::Ended(None)) | None => break,
            Some(Update::Ended(Some(failure))) => return Err(failure),
            Some(_) => continue,
        };
        if until.is_some_and(|head| reached >= head.seq) {
            break;
        }
    }
    let _ = tokio::time::timeout(DEADLINE, attachment.detach()).await;
    if !whole {
        let longer =
            "[the log is longer than what is sent to another machine: instead of its beginning there is what";
        note!(
            "{longer} the screen still had of it; `longrein logs` on the session's own machine prints all that is kept]"
        );
    }
    Ok(())
}

/// Output as it came; into a terminal without the questions in it, and with `--plain` without any sequence.
struct Printer {
    plain: Option<Plain>,
    filter: Option<Filter>,
}

impl Printer {
    fn new(plain: bool) -> Self {
        Self {
            plain: plain.then(Plain::default),
            filter: (!plain && io::stdout().is_terminal()).then(Filter::default),
        }
    }

    fn print(&mut self, bytes: &[u8]) {
        let mut shown = Vec::with_capacity(bytes.len());
        match (&mut self.plain, &mut self.filter) {
            (Some(plain), _) => plain.feed(bytes, &mut shown),
            (None, Some(filter)) => filter.feed(bytes, &mut shown),
            (None, None) => shown.extend_from_slice(bytes),
        }
        out::bytes(&shown);
    }
}

/// Where in a sequence the stream is.
#[derive(Clone, Copy, Default)]
enum Within {
    #[default]
    Text,
    Escape,
    Csi,
    String,
    StringEscape,
}

/// Takes out every escape sequence and every control character but line feed and tab.
#[derive(Default)]
struct Plain {
    within: Within,
}

impl Plain {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for &byte in bytes {
            let before = self.within;
            self.within = self.next(byte);
            let is_text = matches!(byte, b'\n' | b'\t' | 0x20..=0x7e | 0x80..);
            if matches!((self.within, before), (Within::Text, Within::Text)) && is_text {
                out.push(byte);
            }
        }
    }

    fn next(&self, byte: u8) -> Within {
        match self.within {
            // CAN and SUB break any sequence off.
            _ if matches!(byte, 0x18 | 0x1a) => Within::Text,
            Within::String if byte == 0x07 => Within::Text,
            Within::String if byte == 0x1b => Within::StringEscape,
            _ if byte == 0x1b => Within::Escape,
            Within::Csi if (0x40..=0x7e).contains(&byte) => Within::Text,
            Within::Escape if (0x20..=0x2f).contains(&byte) => Within::Escape,
            Within::Escape | Within::StringEscape => match byte {
                b'[' => Within::Csi,
                b']' | b'P' | b'_' | b'^' | b'X' => Within::String,
                _ => Within::Text,
            },
            within => within,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_sequences() {
        let mut out = Vec::new();
        let mut plain = Plain::default();
        for part in ["\x1b[1;3", "1mré\x1b[0m\r\n\x1b]0;ti", "tle\x07a\x1b(Bb\tc\x1b]8;;x\x1b\\d\x07\n"] {
            plain.feed(part.as_bytes(), &mut out);
        }
        assert_eq!(String::from_utf8(out).unwrap(), "ré\nab\tcd\n");
    }
}
