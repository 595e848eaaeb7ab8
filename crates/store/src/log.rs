//! One session's log: events numbered without gaps, what stands for those that were trimmed, and how far each stream of
//! commands got.
//!
//! What always holds: one process has the log open for writing; an append is on the way to the disk as a whole or not
//! at all; an event that may not be trimmed stays for ever; trimmed events are covered by the stored base. A log that
//! was not closed, on a machine that was restarted since, may have lost its tail, and opens in a new epoch.

use crate::paths::private_file;
use crate::{Error, sqlite};
use rusqlite::{CachedStatement, Connection, OpenFlags, OptionalExtension as _, Row, params};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::{Path, PathBuf};

const FORMAT: &[&str] = &["
    CREATE TABLE state (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        epoch INTEGER NOT NULL,
        clean INTEGER NOT NULL,
        boot TEXT NOT NULL,
        trimmed INTEGER NOT NULL,
        trimmed_end INTEGER NOT NULL
    ) STRICT;
    INSERT INTO state VALUES (1, 1, 1, '', 0, 0);
    CREATE TABLE event (
        seq INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        upto INTEGER NOT NULL,
        kept INTEGER NOT NULL,
        header TEXT NOT NULL,
        payload BLOB NOT NULL
    ) STRICT;
    CREATE INDEX kept_event ON event (seq) WHERE kept;
    CREATE TABLE base (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        seq INTEGER NOT NULL,
        upto INTEGER NOT NULL,
        cols INTEGER NOT NULL,
        rows INTEGER NOT NULL,
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE TABLE stream (
        device TEXT NOT NULL,
        stream TEXT NOT NULL,
        settled INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (device, stream)
    ) STRICT, WITHOUT ROWID;
"];

/// What an event counts for beside its payload, in bytes, towards the log's size.
const OVERHEAD: u64 = 64;
/// Pages of the write-ahead log after which the writer itself moves them into the database, if nobody did before.
const LAST_CHECKPOINT_PAGES: u32 = 16_384;
/// Bytes of the write-ahead log file that are kept for reuse.
const WAL_KEEP: u32 = 8 * 1024 * 1024;

/// An event to append.
#[derive(Clone, Copy, Debug)]
pub struct NewEntry<'a> {
    /// Unix milliseconds.
    pub at: u64,
    /// It may never be trimmed.
    pub kept: bool,
    /// What it is, as JSON.
    pub header: &'a str,
    /// Its bytes.
    pub payload: &'a [u8],
}

impl NewEntry<'_> {
    /// What it adds to the log's size.
    pub fn size(&self) -> u64 {
        self.payload.len() as u64 + OVERHEAD
    }
}

/// An event in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub seq: u64,
    /// Unix milliseconds.
    pub at: u64,
    /// Size of the log from its beginning up to and including this event, whatever was trimmed.
    pub upto: u64,
    /// It may never be trimmed.
    pub kept: bool,
    /// What it is, as JSON.
    pub header: String,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// A number and the size of the log up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The event.
    pub seq: u64,
    /// See [`Entry::upto`].
    pub upto: u64,
}

/// A snapshot that stands for everything up to `seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The last event that is in it.
    pub seq: u64,
    /// See [`Entry::upto`].
    pub upto: u64,
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
    /// The snapshot.
    pub bytes: Vec<u8>,
}

/// How far a stream of commands got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRow {
    /// The device; empty for local programs.
    pub device: String,
    /// The stream.
    pub stream: String,
    /// The last settled number.
    pub settled: u64,
    /// Unix milliseconds.
    pub at: u64,
}

/// The log, open for writing.
#[derive(Debug)]
pub struct SessionLog {
    connection: Connection,
    path: PathBuf,
    epoch: u32,
    head: Place,
    trimmed: Place,
    _lock: File,
}

/// An identity of the machine's current boot; empty where the system has none.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Whether some process has the log at `path` open for writing.
pub fn log_in_use(path: &Path) -> bool {
    let Ok(lock) = File::open(path.with_extension("lock")) else { return false };
    flock(&lock, FlockOperation::NonBlockingLockShared).is_err()
}

impl SessionLog {
    /// Opens the log at `path`, or makes it. `boot` is [`boot_id`].
    pub fn open(path: &Path, boot: &str) -> Result<Self, Error> {
        let lock_path = path.with_extension("lock");
        private_file(&lock_path)?;
        let failed = |source| Error::File { path: lock_path.clone(), source };
        let lock = File::open(&lock_path).map_err(failed)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| Error::InUse { path: path.to_owned() })?;
        let connection = sqlite::open(path, FORMAT)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "wal_autocheckpoint", LAST_CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", WAL_KEEP)?;
        // A keeper is one of many on its machine.
        connection.pragma_update(None, "cache_size", -1024)?;
        let (mut epoch, clean, last_boot, trimmed) = connection.query_row(
            "SELECT epoch, clean, boot, trimmed, trimmed_end FROM state",
            [],
            |row| {
                let trimmed = Place { seq: number(row, 3)?, upto: number(row, 4)? };
                Ok((row.get::<_, u32>(0)?, row.get::<_, bool>(1)?, row.get::<_, String>(2)?, trimmed))
            },
        )?;
        if !clean && (boot.is_empty() || boot != last_boot) {
            epoch += 1;
        }
        connection.execute("UPDATE state SET epoch = ?, clean = 0, boot = ?", params![epoch, boot])?;
        let last = connection
            .query_row("SELECT seq, upto FROM event ORDER BY seq DESC LIMIT 1", [], |row| {
                Ok(Place { seq: number(row, 0)?, upto: number(row, 1)? })
            })
            .optional()?;
        let head = last.filter(|place| place.seq > trimmed.seq).unwrap_or(trimmed);
        Ok(Self { connection, path: path.to_owned(), epoch, head, trimmed, _lock: lock })
    }

    /// Which life of the log this is.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The last event.
    pub fn head(&self) -> Place {
        self.head
    }

    /// Every event behind this one is there.
    pub fn trimmed(&self) -> Place {
        self.trimmed
    }

    /// Bytes that the events behind [`SessionLog::trimmed`] count for.
    pub fn size(&self) -> u64 {
        self.head.upto - self.trimmed.upto
    }

    /// Appends events, numbered from `head().seq + 1`; all of them or, on an error, none. [`Error::Full`] can be tried
    /// again.
    pub fn append(&mut self, entries: &[NewEntry<'_>]) -> Result<(), Error> {
        let mut head = self.head;
        // A single statement is its own transaction, and cheaper than one around it.
        let many = entries.len() > 1;
        if many {
            self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        }
        let done = (|| {
            let mut statement = self.connection.prepare_cached(INSERT)?;
            for entry in entries {
                head = Place { seq: head.seq + 1, upto: head.upto + entry.size() };
                insert(&mut statement, head, entry)?;
            }
            if many {
                self.connection.prepare_cached("COMMIT")?.execute([])?;
            }
            Ok(())
        })();
        if done.is_ok() {
            self.head = head;
        } else if many && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        done
    }

    /// Leaves out the numbers up to `place`, whose events were lost to a full disk, but for those in `kept`. The base
    /// must cover them.
    pub fn skip_to(&mut self, place: Place, kept: &[(Place, NewEntry<'_>)]) -> Result<(), Error> {
        let change = self.connection.transaction()?;
        for (place, entry) in kept {
            insert(&mut change.prepare_cached(INSERT)?, *place, entry)?;
        }
        change.execute(
            "UPDATE state SET trimmed = ?, trimmed_end = ?",
            params![place.seq.cast_signed(), place.upto.cast_signed()],
        )?;
        change.commit()?;
        self.trimmed = place;
        self.head = if self.head.seq < place.seq { place } else { self.head };
        Ok(())
    }

    /// The events behind `seq`, at least one if there is one, and then as many as count for at most `max_bytes`.
    pub fn read_after(&self, seq: u64, max_bytes: u64) -> Result<Vec<Entry>, Error> {
        read(&self.connection, READ_ALL, seq, u64::MAX >> 1, max_bytes)
    }

    /// Those events in `after + 1 ..= upto` that may never be trimmed, bounded in the same way.
    pub fn read_kept(&self, after: u64, upto: u64, max_bytes: u64) -> Result<Vec<Entry>, Error> {
        read(&self.connection, READ_KEPT, after, upto, max_bytes)
    }

    /// The place of an event; `None` where it was trimmed or never was.
    pub fn place(&self, seq: u64) -> Result<Option<Place>, Error> {
        if seq == self.trimmed.seq {
            return Ok(Some(self.trimmed));
        }
        let mut query = self.connection.prepare_cached("SELECT upto FROM event WHERE seq = ?")?;
        let upto = query.query_row([seq.cast_signed()], |row| number(row, 0)).optional()?;
        Ok(upto.map(|upto| Place { seq, upto }).filter(|place| place.seq >= self.trimmed.seq))
    }

    /// Stores a snapshot, in place of the one before.
    pub fn put_base(&mut self, base: &Base) -> Result<(), Error> {
        self.connection.execute(
            "INSERT OR REPLACE INTO base VALUES (1, ?, ?, ?, ?, ?)",
            params![base.seq.cast_signed(), base.upto.cast_signed(), base.cols, base.rows, base.bytes],
        )?;
        Ok(())
    }

    /// The stored snapshot.
    pub fn base(&self) -> Result<Option<Base>, Error> {
        base(&self.connection)
    }

    /// Drops the oldest events, at most about `slice` bytes of them, until the log's size is at most `keep`; never those
    /// behind the stored base. Returns whether there is more to drop.
    pub fn trim(&mut self, keep: u64, slice: u64) -> Result<bool, Error> {
        let covered: Option<i64> =
            self.connection.query_row("SELECT seq FROM base", [], |row| row.get(0)).optional()?;
        let Some(covered) = covered else { return Ok(false) };
        let excess = self.size().saturating_sub(keep);
        if excess == 0 {
            return Ok(false);
        }
        let upto = self.trimmed.upto + excess.min(slice);
        let change = self.connection.transaction()?;
        // The last event whose removal is wanted; one at least, so that a large one does not stop it for good.
        let place = change
            .query_row(
                "SELECT seq, upto FROM event WHERE seq > ?1 AND seq <= ?2 AND (upto <= ?3 OR seq = (
                    SELECT min(seq) FROM event WHERE seq > ?1)) ORDER BY seq DESC LIMIT 1",
                params![self.trimmed.seq.cast_signed(), covered, upto.cast_signed()],
                |row| Ok(Place { seq: number(row, 0)?, upto: number(row, 1)? }),
            )
            .optional()?;
        let Some(place) = place else { return Ok(false) };
        change.execute(
            "DELETE FROM event WHERE seq > ? AND seq <= ? AND NOT kept",
            params![self.trimmed.seq.cast_signed(), place.seq.cast_signed()],
        )?;
        change.execute(
            "UPDATE state SET trimmed = ?, trimmed_end = ?",
            params![place.seq.cast_signed(), place.upto.cast_signed()],
        )?;
        change.commit()?;
        self.trimmed = place;
        Ok(self.size() > keep && place.seq.cast_signed() < covered)
    }

    /// How far each stream got.
    pub fn streams(&self) -> Result<Vec<StreamRow>, Error> {
        let mut query = self.connection.prepare_cached("SELECT device, stream, settled, at FROM stream")?;
        let rows = query.query_map([], |row| {
            Ok(StreamRow {
                device: row.get(0)?,
                stream: row.get(1)?,
                settled: number(row, 2)?,
                at: number(row, 3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Stores how far streams got, and forgets those that were quiet since `forget_before`.
    pub fn put_streams(&mut self, rows: &[StreamRow], forget_before: u64) -> Result<(), Error> {
        let change = self.connection.transaction()?;
        for row in rows {
            change.prepare_cached("INSERT OR REPLACE INTO stream VALUES (?, ?, ?, ?)")?.execute(params![
                row.device,
                row.stream,
                row.settled.cast_signed(),
                row.at.cast_signed()
            ])?;
        }
        change.execute("DELETE FROM stream WHERE at < ?", [forget_before.cast_signed()])?;
        change.commit()?;
        Ok(())
    }

    /// Ends this life of the log in good order; nothing may be appended any more. It stays readable.
    pub fn close(&mut self) -> Result<(), Error> {
        self.connection.execute("UPDATE state SET clean = 1", [])?;
        Ok(())
    }

    /// Another view of the same log, for another thread.
    pub fn reader(&self) -> Result<LogReader, Error> {
        LogReader::open(&self.path)
    }
}

/// A reader beside the writer, with its own connection. It also does the writer's housekeeping.
#[derive(Debug)]
pub struct LogReader {
    connection: Connection,
}

impl LogReader {
    /// Opens a session's log beside whoever writes it, if anybody does.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "cache_size", -256)?;
        Ok(Self { connection })
    }

    /// As [`SessionLog::read_after`].
    pub fn read_after(&self, seq: u64, max_bytes: u64) -> Result<Vec<Entry>, Error> {
        read(&self.connection, READ_ALL, seq, u64::MAX >> 1, max_bytes)
    }

    /// As [`SessionLog::base`].
    pub fn base(&self) -> Result<Option<Base>, Error> {
        base(&self.connection)
    }

    /// Moves what was appended from the write-ahead log into the database, without making the writer wait: the disk is
    /// only waited for here.
    pub fn checkpoint(&self) -> Result<(), Error> {
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }
}

const INSERT: &str = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)";
const READ_ALL: &str =
    "SELECT seq, at, upto, kept, header, payload FROM event WHERE seq > ? AND seq <= ? ORDER BY seq";
const READ_KEPT: &str =
    "SELECT seq, at, upto, kept, header, payload FROM event WHERE kept AND seq > ? AND seq <= ? ORDER BY seq";

fn insert(statement: &mut CachedStatement<'_>, place: Place, entry: &NewEntry<'_>) -> Result<(), Error> {
    statement.execute(params![
        place.seq.cast_signed(),
        entry.at.cast_signed(),
        place.upto.cast_signed(),
        entry.kept,
        entry.header,
        entry.payload
    ])?;
    Ok(())
}

fn read(
    connection: &Connection,
    sql: &str,
    after: u64,
    upto: u64,
    max_bytes: u64,
) -> Result<Vec<Entry>, Error> {
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query(params![after.cast_signed(), upto.cast_signed()])?;
    let mut entries = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let entry = entry(row)?;
        bytes += entry.payload.len() as u64 + OVERHEAD;
        if bytes > max_bytes && !entries.is_empty() {
            break;
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        seq: number(row, 0)?,
        at: number(row, 1)?,
        upto: number(row, 2)?,
        kept: row.get(3)?,
        header: row.get(4)?,
        payload: row.get(5)?,
    })
}

fn base(connection: &Connection) -> Result<Option<Base>, Error> {
    let found = connection
        .query_row("SELECT seq, upto, cols, rows, bytes FROM base", [], |row| {
            Ok(Base {
                seq: number(row, 0)?,
                upto: number(row, 1)?,
                cols: row.get(2)?,
                rows: row.get(3)?,
                bytes: row.get(4)?,
            })
        })
        .optional()?;
    Ok(found)
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn output(payload: &[u8]) -> NewEntry<'_> {
        NewEntry { at: 5, kept: false, header: r#"{"kind":"output"}"#, payload }
    }

    fn banner() -> NewEntry<'static> {
        NewEntry { at: 6, kept: true, header: r#"{"kind":"banner","text":"x"}"#, payload: b"" }
    }

    fn open() -> (tempfile::TempDir, SessionLog) {
        let folder = tempfile::tempdir().unwrap();
        let log = SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
        (folder, log)
    }

    fn base_at(seq: u64) -> Base {
        Base { seq, upto: 0, cols: 80, rows: 24, bytes: b"snap".to_vec() }
    }

    #[test]
    fn events_are_numbered_and_come_back_in_order_within_the_bound() {
        let (_folder, mut log) = open();
        log.append(&[output(b"one"), banner(), output(b"two")]).unwrap();
        log.append(&[output(b"three")]).unwrap();
        assert_eq!(log.head().seq, 4);
        let all = log.read_after(0, u64::MAX).unwrap();
        assert_eq!(all.iter().map(|e| e.seq).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(all[3].payload, b"three");
        assert_eq!(all[3].upto, log.head().upto);
        assert_eq!(log.read_after(2, 0).unwrap(), all[2..3]);
        assert_eq!(log.read_after(0, all[1].upto).unwrap(), all[..2]);
        assert_eq!(log.read_kept(0, 4, 1 << 20).unwrap(), all[1..2]);
        assert!(log.read_kept(2, 4, 1 << 20).unwrap().is_empty());
        assert_eq!(log.place(3).unwrap(), Some(Place { seq: 3, upto: all[2].upto }));
        assert_eq!(log.place(0).unwrap(), Some(Place::default()));
        assert_eq!(log.place(5).unwrap(), None);
        assert_eq!(log.reader().unwrap().read_after(0, u64::MAX).unwrap(), all);
    }

    #[test]
    fn trimming_spares_what_is_kept_and_what_no_snapshot_covers() {
        let (_folder, mut log) = open();
        let kilobyte = [b'x'; 1024];
        for n in 0..100 {
            log.append(&[if n == 10 { banner() } else { output(&kilobyte) }]).unwrap();
        }
        assert!(!log.trim(10_000, u64::MAX).unwrap());
        assert_eq!(log.trimmed().seq, 0);
        log.put_base(&base_at(50)).unwrap();
        while log.trim(10_000, 8_000).unwrap() {}
        assert_eq!(log.trimmed().seq, 50);
        assert_eq!(log.place(49).unwrap(), None);
        assert_eq!(log.read_kept(0, 100, 1 << 20).unwrap()[0].seq, 11);
        log.put_base(&base_at(100)).unwrap();
        while log.trim(10_000, 8_000).unwrap() {}
        assert!(log.size() <= 10_000 && log.size() > 8_000, "{}", log.size());
        let left = log.read_after(log.trimmed().seq, u64::MAX).unwrap();
        assert_eq!(left[0].seq, log.trimmed().seq + 1);
        assert_eq!(left.last().unwrap().seq, 100);
    }

    #[test]
    fn all_trimmed_and_reopened_goes_on_counting() {
        let (folder, mut log) = open();
        log.append(&[output(b"a"), output(b"b")]).unwrap();
        log.put_base(&base_at(2)).unwrap();
        while log.trim(0, 1).unwrap() {}
        let head = log.head();
        log.close().unwrap();
        drop(log);
        let mut log = SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
        assert_eq!((log.head(), log.trimmed(), log.epoch()), (head, head, 1));
        log.append(&[output(b"c")]).unwrap();
        assert_eq!(log.read_after(2, u64::MAX).unwrap()[0].seq, 3);
        assert_eq!(log.base().unwrap(), Some(base_at(2)));
    }

    #[test]
    fn only_a_power_cut_opens_a_new_epoch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let epoch = |boot: &str, close: bool| {
            let mut log = SessionLog::open(&path, boot).unwrap();
            let epoch = log.epoch();
            if close {
                log.close().unwrap();
            }
            epoch
        };
        assert_eq!(epoch("one", true), 1);
        assert_eq!(epoch("two", false), 1, "closed well, other boot");
        assert_eq!(epoch("two", false), 1, "killed, same boot");
        assert_eq!(epoch("three", true), 2, "killed, other boot");
        assert_eq!(epoch("", false), 2);
        assert_eq!(epoch("", false), 3, "killed, no way to know");
    }

    #[test]
    fn a_log_has_one_writer() {
        let (folder, log) = open();
        let second = SessionLog::open(&folder.path().join("log.db"), "boot");
        assert!(matches!(second, Err(Error::InUse { .. })));
        drop(log);
        SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
    }

    #[test]
    fn streams_are_stored_and_forgotten() {
        let (_folder, mut log) = open();
        let row =
            |stream: &str, settled, at| StreamRow { device: "d".into(), stream: stream.into(), settled, at };
        log.put_streams(&[row("a", 1, 10), row("b", 2, 20)], 0).unwrap();
        log.put_streams(&[row("b", 3, 30)], 15).unwrap();
        assert_eq!(log.streams().unwrap(), [row("b", 3, 30)]);
    }

    #[test]
    fn a_full_disk_is_told_apart_and_appending_goes_on_when_there_is_room() {
        let (_folder, mut log) = open();
        let pages: i64 = log.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        log.connection.pragma_update(None, "max_page_count", pages + 4).unwrap();
        let big = vec![b'x'; 32 * 1024];
        log.append(&[output(b"small")]).unwrap();
        let head = log.head();
        assert!(matches!(log.append(&[output(b"y"), output(&big)]), Err(Error::Full)));
        assert!(matches!(log.append(&[output(&big)]), Err(Error::Full)));
        assert_eq!(log.head(), head);
        log.connection.pragma_update(None, "max_page_count", 100_000).unwrap();
        log.append(&[output(&big)]).unwrap();
        assert_eq!(log.read_after(0, u64::MAX).unwrap().len(), 2);
    }

    #[test]
    fn numbers_lost_to_a_full_disk_are_left_out() {
        let (_folder, mut log) = open();
        log.append(&[output(b"a")]).unwrap();
        log.put_base(&base_at(9)).unwrap();
        let saved = (Place { seq: 5, upto: 500 }, banner());
        log.skip_to(Place { seq: 9, upto: 9999 }, &[saved]).unwrap();
        assert_eq!(log.read_kept(0, 9, 1).unwrap()[0].seq, 5);
        log.append(&[output(b"b")]).unwrap();
        assert_eq!(log.read_after(log.trimmed().seq, u64::MAX).unwrap()[0].seq, 10);
        assert_eq!(log.place(1).unwrap(), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_is_left_is_always_a_suffix_and_all_that_is_kept(
            steps in prop::collection::vec((0u8..4, 0usize..3000), 1..60),
        ) {
            let (_folder, mut log) = open();
            let mut kept = Vec::new();
            for (what, n) in steps {
                match what {
                    0 => log.append(&[output(&vec![b'x'; n])]).unwrap(),
                    1 => {
                        log.append(&[output(b"y"), banner()]).unwrap();
                        kept.push(log.head().seq);
                    }
                    2 => log.put_base(&base_at(log.head().seq)).unwrap(),
                    _ => while log.trim(n as u64 * 2, 500).unwrap() {},
                }
                let (from, head) = (log.trimmed().seq, log.head().seq);
                let left = log.read_after(from, u64::MAX).unwrap();
                prop_assert_eq!(left.iter().map(|e| e.seq).collect::<Vec<_>>(), (from + 1..=head).collect::<Vec<_>>());
                let found = log.read_kept(0, head, u64::MAX).unwrap();
                prop_assert_eq!(found.iter().map(|e| e.seq).collect::<Vec<_>>(), kept.clone());
            }
        }
    }
}
