//! A session as a file: JSON lines, which can be read back into a session, and asciicast v3, which players show.
//!
//! A log is read beside whoever writes it, so that what is read is what was committed, also of a session that runs.

pub mod cast;
pub mod jsonl;
mod parse;
mod place;

pub use place::place;

use crate::hosts::stored;
use crate::problem::environment;
use session::message::{Failure, Size};
use store::{Base, Entry, LogReader};

/// Read from the log at once, in bytes.
const CHUNK: u64 = 1024 * 1024;

/// What a log is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// What stands for the events up to its number that are not there. It comes before the first that is missing.
    Snapshot(Base),
    /// An event.
    Event(Entry),
}

/// The program's terminal, when a snapshot was taken.
pub fn size(base: &Base) -> Size {
    Size { cols: base.cols, rows: base.rows }
}

/// Gives everything that the log has, in order, up to its last event as of now: one that is flooded could be read for
/// ever. Where a session that runs trims its log meanwhile, another snapshot comes in between.
pub fn read(log: &LogReader, mut each: impl FnMut(Piece) -> Result<(), Failure>) -> Result<(), Failure> {
    let head = log.head().map_err(stored)?;
    let missing = |seq| environment(format!("The log is damaged: there is nothing for event {seq}"));
    let snapshot = |seq| {
        let base = log.base().map_err(stored)?.filter(|base| base.seq >= seq);
        base.ok_or_else(|| missing(seq))
    };
    let (mut after, mut covered) = (0, 0);
    'read: while after < head {
        let entries = log.read_after(after, CHUNK).map_err(stored)?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            if entry.seq > head {
                break 'read;
            }
            let before = entry.seq - 1;
            if before > after.max(covered) {
                let base = snapshot(before)?;
                covered = base.seq;
                each(Piece::Snapshot(base))?;
            }
            after = entry.seq;
            each(Piece::Event(entry))?;
        }
    }
    // Where the last ones were trimmed.
    if head > after.max(covered) { each(Piece::Snapshot(snapshot(head)?)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::{NewEntry, SessionLog};

    fn entry(kept: bool) -> NewEntry<'static> {
        let header = if kept { r#"{"kind":"banner","text":"x"}"# } else { r#"{"kind":"output"}"# };
        let is = if kept { store::Kept::Told } else { store::Kept::Trimmed };
        NewEntry { at: 5, kept: is, header, payload: if kept { b"" } else { &[b'x'; 100] } }
    }

    fn numbers(log: &LogReader) -> Vec<(char, u64)> {
        let mut found = Vec::new();
        read(log, |piece| {
            found.push(match piece {
                Piece::Snapshot(base) => ('s', base.seq),
                Piece::Event(entry) => ('e', entry.seq),
            });
            Ok(())
        })
        .unwrap();
        found
    }

    #[test]
    fn what_was_trimmed_has_its_snapshot_first_and_what_is_kept_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
        let reader = log.reader().unwrap();
        assert_eq!(numbers(&reader), []);
        log.append(&[entry(false), entry(true), entry(false), entry(false)]).unwrap();
        assert_eq!(numbers(&reader), [('e', 1), ('e', 2), ('e', 3), ('e', 4)]);
        let upto = log.place(4).unwrap().unwrap().upto;
        log.put_base(&Base { seq: 4, upto, cols: 80, rows: 24, bytes: b"screen".to_vec() }).unwrap();
        assert_eq!(numbers(&reader).len(), 4, "nothing is missing");
        log.append(&[entry(false)]).unwrap();
        while log.trim(0, 1).unwrap() {}
        assert_eq!(numbers(&reader), [('s', 4), ('e', 2), ('e', 5)]);
    }

    #[test]
    fn what_comes_while_it_is_read_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
        let reader = log.reader().unwrap();
        log.append(&[entry(false), entry(false)]).unwrap();
        let mut found = 0;
        read(&reader, |_| {
            found += 1;
            log.append(&[entry(false), entry(true)]).unwrap();
            Ok(())
        })
        .unwrap();
        assert_eq!(found, 2);
    }

    #[test]
    fn what_is_trimmed_while_it_is_read_is_not_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
        let reader = log.reader().unwrap();
        let bytes = vec![b'x'; 700_000];
        let large = NewEntry { payload: &bytes, ..entry(false) };
        log.append(&[large, large, large]).unwrap();
        let mut found = Vec::new();
        read(&reader, |piece| {
            if found.is_empty() {
                log.append(&[large]).unwrap();
                let upto = log.place(4).unwrap().unwrap().upto;
                let base = Base { seq: 4, upto, cols: 80, rows: 24, bytes: b"screen".to_vec() };
                log.put_base(&base).unwrap();
                log.append(&[large]).unwrap();
                while log.trim(0, u64::MAX).unwrap() {}
            }
            found.push(match piece {
                Piece::Snapshot(base) => ('s', base.seq),
                Piece::Event(entry) => ('e', entry.seq),
            });
            Ok(())
        })
        .unwrap();
        assert_eq!(found, [('e', 1), ('s', 4)]);
    }

    #[test]
    fn events_of_a_clock_that_was_put_back_since_are_not_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
        let tomorrow = crate::table::now_ms() + 86_400_000;
        log.append(&[entry(false), NewEntry { at: tomorrow, ..entry(false) }, entry(true)]).unwrap();
        assert_eq!(numbers(&log.reader().unwrap()), [('e', 1), ('e', 2), ('e', 3)]);
    }

    #[test]
    fn a_log_that_was_trimmed_to_its_end_is_its_snapshot() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
        log.append(&[entry(false)]).unwrap();
        let upto = log.head().upto;
        log.put_base(&Base { seq: 1, upto, cols: 80, rows: 24, bytes: Vec::new() }).unwrap();
        log.trim(0, u64::MAX).unwrap();
        assert_eq!(numbers(&log.reader().unwrap()), [('s', 1)]);
    }
}
