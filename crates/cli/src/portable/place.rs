//! Pieces into a session on the disk, that is there as a whole or not at all.

use super::Piece;
use super::jsonl::Head;
use super::parse::Lines;
use crate::hosts::stored;
use crate::problem::Doing as _;
use session::id::SessionId;
use session::message::{Cursor, EndedBy, Event, Failure, LostBy, RunState, Summary};
use std::io::BufRead;
use std::path::PathBuf;
use store::{Base, Entry, NewEntry, Paths, Place, SessionLog};

/// Bytes that are appended at once.
const BATCH: usize = 1024 * 1024;
/// Bounds of what a list shows, as those of sessions that were started here.
const MAX_NAME: usize = 64;
const MAX_COMMAND: usize = 56 * 1024;
const MAX_TITLE: usize = 256;
const PREVIEW: (usize, usize) = (6, 120);

/// Makes the session `id` of an exported one, and gives its summary.
pub fn place<R: BufRead>(
    paths: &Paths,
    id: &SessionId,
    name: Option<&str>,
    source: R,
) -> Result<Summary, Failure> {
    let mut lines = Lines::new(source);
    let head = lines.head()?;
    let about = About::checked(&head, name, &lines)?;
    let incoming = Incoming(paths.create_incoming(id.as_str()).map_err(stored)?);
    let log = SessionLog::open(&incoming.0.join("log.db"), &store::boot_id()).map_err(stored)?;
    let mut writer = Writer::new(log);
    while let Some(piece) = lines.next()? {
        match piece {
            Piece::Snapshot(base) => writer.snapshot(base, &lines)?,
            Piece::Event(entry) => writer.event(entry, &lines)?,
        }
    }
    let written = writer.end(&lines)?;
    let summary = about.summary(id, &head, &written);
    let json = serde_json::to_vec(&summary).doing("write the session's summary")?;
    store::write_private(&incoming.0.join("meta.json"), &json).map_err(stored)?;
    paths.place_session(id.as_str()).map_err(stored)?;
    Ok(summary)
}

/// A folder that goes with the attempt that failed; one that was placed is not there any more.
struct Incoming(PathBuf);

impl Drop for Incoming {
    fn drop(&mut self) {
        // What cannot be removed now is removed by a later attempt.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a list shows of it.
struct About {
    name: String,
    title: String,
    preview: Vec<String>,
}

fn plain(text: &str, longest: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(longest).collect()
}

impl About {
    fn checked<R: BufRead>(head: &Head, name: Option<&str>, lines: &Lines<R>) -> Result<Self, Failure> {
        let nul = |text: &String| text.contains('\0');
        if serde_json::to_vec(&(&head.command, &head.cwd)).is_ok_and(|text| text.len() > MAX_COMMAND) {
            return Err(lines.wrong("its command is too long"));
        }
        if head.command.is_empty() || head.command.iter().any(nul) || nul(&head.cwd) {
            return Err(lines.wrong("its command is none"));
        }
        if head.size != head.size.clamped() {
            return Err(lines.wrong("no terminal has that size"));
        }
        let name = plain(name.unwrap_or(&head.name).trim(), MAX_NAME);
        let preview = head.preview.iter().take(PREVIEW.0).map(|line| plain(line, PREVIEW.1)).collect();
        Ok(Self { name, title: plain(&head.title, MAX_TITLE), preview })
    }

    fn summary(self, id: &SessionId, head: &Head, written: &Written) -> Summary {
        let at = written.at;
        // The log is what counts; who ended it is in the first line alone.
        let run = match (written.exit, &head.run) {
            (Some(exit), RunState::Ended { exit: said, by, .. }) if exit == *said => {
                RunState::Ended { exit, at, by: *by }
            }
            (Some(exit), _) => RunState::Ended { exit, at, by: EndedBy::Itself },
            (None, RunState::Lost { by, .. }) => RunState::Lost { at, by: *by },
            (None, _) => RunState::Lost { at, by: LostBy::Keeper },
        };
        Summary {
            id: id.clone(),
            name: self.name,
            command: head.command.clone(),
            cwd: head.cwd.clone(),
            branch: None,
            run,
            keeper_pid: None,
            started_at: head.started_at.min(at),
            ends_at: None,
            continues: None,
            imported: true,
            last_activity: at,
            title: self.title,
            size: head.size,
            head: written.head,
            attached: 0,
            preview: self.preview,
            approvals: Vec::new(),
            grants: Vec::new(),
            agent: None,
        }
    }
}

/// What a log is made of in the end.
struct Written {
    head: Cursor,
    exit: Option<i32>,
    /// When the last event was.
    at: u64,
}

struct Writer {
    log: SessionLog,
    waiting: Vec<Entry>,
    waiting_bytes: usize,
    /// The last event.
    seq: u64,
    base: Option<Base>,
    exit: Option<i32>,
    at: u64,
}

impl Writer {
    fn new(log: SessionLog) -> Self {
        Self { log, waiting: Vec::new(), waiting_bytes: 0, seq: 0, base: None, exit: None, at: 0 }
    }

    fn snapshot<R: BufRead>(&mut self, base: Base, lines: &Lines<R>) -> Result<(), Failure> {
        if base.seq < self.seq.max(self.covered()) {
            return Err(lines.wrong("a snapshot is older than what is before it"));
        }
        self.flush()?;
        self.log.put_base(&base).map_err(stored)?;
        // Once more with its place, when that is known.
        self.base = Some(base);
        Ok(())
    }

    fn event<R: BufRead>(&mut self, entry: Entry, lines: &Lines<R>) -> Result<(), Failure> {
        if entry.seq <= self.seq {
            return Err(lines.wrong(format_args!("event {} is behind event {}", entry.seq, self.seq)));
        }
        let before = entry.seq - 1;
        if before > self.seq {
            if before > self.covered() {
                return Err(
                    lines.wrong(format_args!("event {before} is missing, and no snapshot stands for it"))
                );
            }
            self.skip_to(before)?;
        }
        if let Ok(Event::Exit { exit }) = serde_json::from_str(&entry.header) {
            self.exit = Some(exit);
        }
        (self.seq, self.at) = (entry.seq, entry.at);
        self.waiting_bytes += entry.payload.len() + entry.header.len();
        self.waiting.push(entry);
        if self.waiting_bytes < BATCH { Ok(()) } else { self.flush() }
    }

    fn end<R: BufRead>(mut self, lines: &Lines<R>) -> Result<Written, Failure> {
        self.flush()?;
        if self.covered() > self.seq {
            // As in a log that was trimmed to its end.
            self.skip_to(self.covered())?;
        }
        if self.seq == 0 {
            return Err(lines.wrong("it ends before any event"));
        }
        if let Some(mut base) = self.base.take()
            && let Some(place) = self.log.place(base.seq).map_err(stored)?
        {
            base.upto = place.upto;
            self.log.put_base(&base).map_err(stored)?;
        }
        let head = Cursor { epoch: self.log.epoch(), seq: self.log.head().seq };
        self.log.close().map_err(stored)?;
        Ok(Written { head, exit: self.exit, at: self.at })
    }

    fn covered(&self) -> u64 {
        self.base.as_ref().map_or(0, |base| base.seq)
    }

    /// Leaves out the events up to `seq`, and with them those before that a snapshot stands for.
    fn skip_to(&mut self, seq: u64) -> Result<(), Failure> {
        self.flush()?;
        while self.log.trim(0, u64::MAX >> 1).map_err(stored)? {}
        self.log.skip_to(Place { seq, upto: self.log.head().upto }, &[]).map_err(stored)?;
        self.seq = seq;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let entries: Vec<NewEntry<'_>> = self
            .waiting
            .iter()
            .map(|Entry { at, kept, header, payload, .. }| NewEntry { at: *at, kept: *kept, header, payload })
            .collect();
        if !entries.is_empty() {
            self.log.append(&entries).map_err(stored)?;
        }
        self.waiting.clear();
        self.waiting_bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portable::{self, jsonl};
    use session::message::Size;
    use store::LogReader;

    fn head() -> Head {
        Head {
            format: jsonl::FORMAT.to_owned(),
            version: jsonl::VERSION,
            id: SessionId::from_random([1; 10]),
            name: " a\u{1b}[2Jb ".to_owned(),
            command: vec!["sh".to_owned()],
            cwd: "/".to_owned(),
            run: RunState::Ended { exit: 4, at: 9, by: EndedBy::Time },
            started_at: 1,
            last_activity: 2,
            title: String::new(),
            size: Size { cols: 80, rows: 24 },
            preview: vec!["x".repeat(500); 50],
        }
    }

    fn event(seq: u64, event: &Event, payload: &[u8]) -> Piece {
        let header = serde_json::to_string(event).unwrap();
        Piece::Event(Entry {
            seq,
            at: 100 + seq,
            upto: 0,
            kept: store::Kept::Trimmed,
            header,
            payload: payload.to_vec(),
        })
    }

    fn snapshot(seq: u64) -> Piece {
        Piece::Snapshot(Base { seq, upto: 0, cols: 80, rows: 24, bytes: b"screen".to_vec() })
    }

    fn text(pieces: &[Piece]) -> String {
        let lines = pieces.iter().map(jsonl::line).collect::<Vec<_>>().join("\n");
        format!("{}\n{lines}\n{}\n", jsonl::head(&head()), jsonl::END)
    }

    fn again(paths: &Paths, id: &SessionId) -> Vec<String> {
        let reader = LogReader::open(&paths.session_log(id.as_str())).unwrap();
        let mut lines = Vec::new();
        portable::read(&reader, |piece| {
            lines.push(jsonl::line(&piece));
            Ok(())
        })
        .unwrap();
        lines
    }

    fn imported(pieces: &[Piece]) -> (Vec<String>, Summary) {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(home.path());
        paths.create().unwrap();
        let id = SessionId::from_random([2; 10]);
        let summary = place(&paths, &id, None, text(pieces).as_bytes()).unwrap();
        let stored: Summary =
            serde_json::from_slice(&std::fs::read(paths.session_meta(id.as_str())).unwrap()).unwrap();
        assert_eq!(stored, summary);
        // A keeper opens it as it opens any log.
        let log = SessionLog::open(&paths.session_log(id.as_str()), "another boot").unwrap();
        assert_eq!((log.epoch(), log.head().seq), (1, summary.head.seq));
        if let Some(base) = log.base().unwrap() {
            assert_eq!(log.place(base.seq).unwrap().map(|place| place.upto), Some(base.upto));
        }
        drop(log);
        (again(&paths, &id), summary)
    }

    #[test]
    fn a_trimmed_log_is_the_same_again() {
        let banner = Event::Banner { text: "kept".to_owned() };
        let pieces = [
            snapshot(1000),
            event(5, &banner, b""),
            event(17, &banner, b""),
            event(990, &Event::Output, b"in the snapshot"),
            event(991, &Event::Output, &vec![b'x'; 50_000]),
            event(992, &banner, b""),
            event(993, &Event::Output, b"\xff"),
        ];
        let rest: Vec<Piece> = (994..1010).map(|seq| event(seq, &Event::Output, b"more")).collect();
        let end = [event(1010, &Event::Exit { exit: 4 }, b"")];
        let pieces = [&pieces[..], &rest, &end].concat();
        let (lines, summary) = imported(&pieces);
        assert_eq!(lines, pieces.iter().map(jsonl::line).collect::<Vec<_>>());
        assert_eq!(
            (summary.name.as_str(), summary.preview.len(), summary.preview[0].len()),
            ("a[2Jb", 6, 120)
        );
        assert_eq!(summary.run, RunState::Ended { exit: 4, at: 1110, by: EndedBy::Time });
    }

    #[test]
    fn what_a_later_snapshot_stands_for_is_left_out() {
        let banner = Event::Banner { text: "kept".to_owned() };
        let end = Event::Exit { exit: 4 };
        let (lines, _) = imported(&[
            event(1, &Event::Output, b"a"),
            event(2, &banner, b""),
            event(3, &Event::Output, b"b"),
            snapshot(9),
            event(8, &Event::Output, b"c"),
            event(9, &Event::Output, b"d"),
            event(10, &end, b""),
        ]);
        let expected = [
            snapshot(9),
            event(2, &banner, b""),
            event(8, &Event::Output, b"c"),
            event(9, &Event::Output, b"d"),
            event(10, &end, b""),
        ];
        assert_eq!(lines, expected.iter().map(jsonl::line).collect::<Vec<_>>());
    }

    #[test]
    fn a_failed_attempt_leaves_no_folder() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(home.path());
        paths.create().unwrap();
        let id = SessionId::from_random([2; 10]);
        let broken = text(&[event(1, &Event::Output, b"a")]).replace(jsonl::END, "broken");
        assert!(place(&paths, &id, None, broken.as_bytes()).unwrap_err().message.contains("Line 3"));
        assert!(paths.sessions().unwrap().is_empty());
        assert_eq!(std::fs::read_dir(paths.state.join("incoming")).unwrap().count(), 0);
    }
}
