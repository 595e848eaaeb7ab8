//! One session's log: events numbered without gaps, what stands for those that were trimmed, and how far each stream of
//! commands got.
//!
//! What always holds: one process has the log open for writing; an append is on the way to the disk as a whole or not
//! at all; an event that may not be trimmed stays for ever; trimmed events are covered by the stored base. A log that
//! was not closed, on a machine that was restarted since, may have lost its tail, and opens in a new epoch.
//!
//! Large payloads are not in the database but in a file beside it; see `bulk.rs`.

mod bulk;
mod entry;
mod reader;
mod row;
#[cfg(test)]
mod tests;

pub use entry::{Base, Entry, Header, Kept, NewEntry, Place, StreamRow};
pub use reader::LogReader;

use crate::paths::private_file;
use crate::{Error, crash, sqlite};
pub use bulk::BESIDE;
use bulk::{Bulk, Reference};
use row::{
    INSERT, READ_ALL, READ_KEPT, READ_NEVER_TRIMMED, READ_PAST, Source, base, insert, number, put_trimmed,
    read,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

const FORMAT: &[&str] = &[
    "
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
",
    "
    ALTER TABLE event ADD COLUMN bulk INTEGER NOT NULL DEFAULT 0;
",
    "
    ALTER TABLE stream ADD COLUMN refused TEXT NOT NULL DEFAULT '';
",
    "
    DROP INDEX kept_event;
    CREATE INDEX told_event ON event (seq) WHERE kept = 1;
    CREATE INDEX past_event ON event (seq) WHERE kept = 2;
",
];

/// The format since which there are payloads beside the database.
const BULK_SINCE: i64 = 2;
/// The format since which what is fetched of before is told from what is told in any case.
const PAST_SINCE: i64 = 4;

/// Pages of the write-ahead log after which the writer itself moves them into the database, if nobody did before.
const LAST_CHECKPOINT_PAGES: u32 = 16_384;
/// How many times in a row, a millisecond apart, a lock may be found in the hands of somebody who only looks.
const LOOKS: u32 = 1000;
/// Bytes of the write-ahead log file that are kept for reuse.
const WAL_KEEP: u32 = 8 * 1024 * 1024;

/// The log, open for writing.
#[derive(Debug)]
pub struct SessionLog {
    connection: Connection,
    path: PathBuf,
    epoch: u32,
    head: Place,
    trimmed: Place,
    bulk: Bulk,
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

/// Takes the lock of the log at `path`: whoever has it is the only one to write the log, or to remove it.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let lock_path = path.with_extension("lock");
    private_file(&lock_path)?;
    let lock = File::open(&lock_path).map_err(|source| Error::File { path: lock_path, source })?;
    for _ in 0..LOOKS {
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Ok(lock);
        }
        // Whoever only looks shares it for a moment; it is worth waiting for that.
        let looked_at = flock(&lock, FlockOperation::NonBlockingLockShared).is_ok();
        // What was not locked is no failure to unlock.
        let _ = flock(&lock, FlockOperation::Unlock);
        if !looked_at {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(Error::InUse { path: path.to_owned() })
}

fn open_bulk(path: &Path) -> Result<Bulk, Error> {
    let path = bulk::file_name(path);
    private_file(&path)?;
    match File::options().read(true).write(true).open(&path) {
        Ok(file) => Ok(Bulk::new(file, path)),
        Err(source) => Err(Error::File { path, source }),
    }
}

impl SessionLog {
    /// Opens the log at `path`, or makes it. `boot` is [`boot_id`].
    pub fn open(path: &Path, boot: &str) -> Result<Self, Error> {
        let lock = lock(path)?;
        let connection = sqlite::open(path, FORMAT)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "wal_autocheckpoint", LAST_CHECKPOINT_PAGES)?;
        connection.pragma_update(None, "journal_size_limit", WAL_KEEP)?;
        // A keeper is one of many on its machine.
        connection.pragma_update(None, "cache_size", -1024)?;
        let (epoch, clean, last_boot, trimmed) = connection.query_row(
            "SELECT epoch, clean, boot, trimmed, trimmed_end FROM state",
            [],
            |row| {
                let trimmed = Place { seq: number(row, 3)?, upto: number(row, 4)? };
                Ok((row.get::<_, u32>(0)?, row.get::<_, bool>(1)?, row.get::<_, String>(2)?, trimmed))
            },
        )?;
        let mut bulk = open_bulk(path)?;
        crash::reach("opened");
        {
            let mut rows = connection.prepare("SELECT seq, payload FROM event WHERE bulk ORDER BY seq")?;
            let mut rows = rows.query([])?;
            while let Some(row) = rows.next()? {
                let (seq, payload): (_, Vec<u8>) = (number(row, 0)?, row.get(1)?);
                let damaged = || Error::Corrupt(format!("event {seq} refers to nothing"));
                bulk.push(seq, Reference::from_bytes(&payload).ok_or_else(damaged)?);
            }
        }
        // A file system may forget what it was not made to write, also of a log that was closed.
        let restarted = boot.is_empty() || boot != last_boot;
        let cut = restarted && (!clean || !bulk.damaged()?.is_empty());
        let mut log =
            Self { connection, path: path.to_owned(), epoch, head: trimmed, trimmed, bulk, _lock: lock };
        log.begin(boot, cut)?;
        crash::reach("begun");
        let last = log
            .connection
            .query_row("SELECT seq, upto FROM event ORDER BY seq DESC LIMIT 1", [], |row| {
                Ok(Place { seq: number(row, 0)?, upto: number(row, 1)? })
            })
            .optional()?;
        log.head = last.filter(|place| place.seq > log.trimmed.seq).unwrap_or(log.trimmed);
        // What another life of this process trimmed is on the disk from here on.
        if log.head.seq > 0 {
            log.bulk.free_until(log.trimmed.seq);
            log.reader()?.checkpoint()?;
        }
        Ok(log)
    }

    /// Begins this life of the log. After a power cut it is a new epoch: the log ends before the first event whose payload
    /// did not reach the disk, or begins behind it where a snapshot stands for it. All of it is done or none: a life that
    /// has begun in this boot does not look for damage again.
    fn begin(&mut self, boot: &str, cut: bool) -> Result<(), Error> {
        let damaged = if cut { self.bulk.damaged()? } else { Vec::new() };
        let base = if damaged.is_empty() { None } else { self.base()? };
        let base = base.map(|base| Place { seq: base.seq, upto: base.upto });
        let (epoch, mut trimmed) = (self.epoch + u32::from(cut), self.trimmed);
        let change = self.connection.transaction()?;
        if let (Some(first), Some(base)) = (damaged.first(), base)
            && base.seq >= *first
        {
            change.execute("DELETE FROM event WHERE seq <= ? AND NOT kept", [base.seq.cast_signed()])?;
            put_trimmed(&change, base)?;
            trimmed = base;
        }
        let beyond = damaged.iter().find(|seq| **seq > trimmed.seq);
        if let Some(seq) = beyond {
            change.execute("DELETE FROM event WHERE seq >= ?", [seq.cast_signed()])?;
        }
        change.execute("UPDATE state SET epoch = ?, clean = 0, boot = ?", params![epoch, boot])?;
        crash::reach("beginning");
        change.commit()?;
        (self.epoch, self.trimmed) = (epoch, trimmed);
        if let Some(seq) = beyond {
            self.bulk.forget_after(seq - 1);
        }
        Ok(())
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
                let beside = entry.kept == Kept::Trimmed && entry.payload.len() >= BESIDE;
                let reference = if beside { self.bulk.write(head.seq, entry.payload)? } else { None };
                crash::reach("insert");
                insert(&mut statement, head, entry, reference)?;
                crash::reach("inserted");
            }
            if many {
                crash::reach("commit");
                self.connection.prepare_cached("COMMIT")?.execute([])?;
            }
            Ok(())
        })();
        if done.is_ok() {
            self.head = head;
        } else {
            self.bulk.forget_after(self.head.seq);
            if many && !self.connection.is_autocommit() {
                self.connection.execute_batch("ROLLBACK")?;
            }
        }
        done
    }

    /// Leaves out the numbers up to `place`, whose events were lost to a full disk, but for those in `kept`. The base
    /// must cover them.
    pub fn skip_to(&mut self, place: Place, kept: &[(Place, NewEntry<'_>)]) -> Result<(), Error> {
        let change = self.connection.transaction()?;
        change.execute("DELETE FROM event WHERE seq <= ? AND NOT kept", [place.seq.cast_signed()])?;
        for (place, entry) in kept {
            insert(&mut change.prepare_cached(INSERT)?, *place, entry, None)?;
        }
        put_trimmed(&change, place)?;
        change.commit()?;
        self.trimmed = place;
        self.bulk.free_until(place.seq);
        self.head = if self.head.seq < place.seq { place } else { self.head };
        Ok(())
    }

    /// The events behind `seq`, at least one if there is one, and then as many as count for at most `max_bytes`.
    pub fn read_after(&self, seq: u64, max_bytes: u64) -> Result<Vec<Entry>, Error> {
        read(&self.source(), READ_ALL, seq, u64::MAX >> 1, max_bytes)
    }

    /// Those events in `after + 1 ..= upto` that are [`Kept::Told`], bounded in the same way.
    pub fn read_kept(&self, after: u64, upto: u64, max_bytes: u64) -> Result<Vec<Entry>, Error> {
        read(&self.source(), READ_KEPT, after, upto, max_bytes)
    }

    /// Those events below `before` that are [`Kept::Past`], the newest first, bounded in the same way.
    pub fn read_past(&self, before: u64, max_bytes: u64) -> Result<Vec<Entry>, Error> {
        read(&self.source(), READ_PAST, 0, before.min(u64::MAX >> 1).saturating_sub(1), max_bytes)
    }

    /// Those events in `after + 1 ..= upto` that are not [`Kept::Trimmed`], bounded in the same way.
    pub fn read_never_trimmed(&self, after: u64, upto: u64, max_bytes: u64) -> Result<Vec<Entry>, Error> {
        read(&self.source(), READ_NEVER_TRIMMED, after.min(u64::MAX >> 1), upto.min(u64::MAX >> 1), max_bytes)
    }

    fn source(&self) -> Source<'_> {
        Source { connection: &self.connection, bulk: Some(self.bulk.file()) }
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
        crash::reach("base");
        self.connection.execute(
            "INSERT OR REPLACE INTO base VALUES (1, ?, ?, ?, ?, ?)",
            params![base.seq.cast_signed(), base.upto.cast_signed(), base.cols, base.rows, base.bytes],
        )?;
        crash::reach("base-stored");
        Ok(())
    }

    /// The stored snapshot.
    pub fn base(&self) -> Result<Option<Base>, Error> {
        base(&self.connection)
    }

    /// Drops the oldest events, at most about `slice` bytes of them, until the log's size is at most `keep`; never those
    /// behind the stored base. Returns whether there is more to drop.
    pub fn trim(&mut self, keep: u64, slice: u64) -> Result<bool, Error> {
        let covered: Option<i64> = self
            .connection
            .prepare_cached("SELECT seq FROM base")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let Some(covered) = covered else { return Ok(false) };
        let excess = self.size().saturating_sub(keep);
        if excess == 0 {
            return Ok(false);
        }
        let upto = self.trimmed.upto + excess.min(slice);
        let change = self.connection.transaction()?;
        // The last event whose removal is wanted; one at least, so that a large one does not stop it for good. Sought from
        // the oldest on: from the newest, every row would be read.
        let mut place = None;
        {
            let mut query = change
                .prepare_cached("SELECT seq, upto FROM event WHERE seq > ? AND seq <= ? ORDER BY seq")?;
            let mut rows = query.query(params![self.trimmed.seq.cast_signed(), covered])?;
            while let Some(row) = rows.next()? {
                let next = Place { seq: number(row, 0)?, upto: number(row, 1)? };
                if place.is_some() && next.upto > upto {
                    break;
                }
                place = Some(next);
            }
        }
        let Some(place) = place else { return Ok(false) };
        crash::reach("trim-chosen");
        change
            .prepare_cached("DELETE FROM event WHERE seq > ? AND seq <= ? AND NOT kept")?
            .execute(params![self.trimmed.seq.cast_signed(), place.seq.cast_signed()])?;
        put_trimmed(&change, place)?;
        crash::reach("trim-deleted");
        change.commit()?;
        crash::reach("trimmed");
        self.trimmed = place;
        self.bulk.free_until(place.seq);
        Ok(self.size() > keep && place.seq.cast_signed() < covered)
    }

    /// How far each stream got.
    pub fn streams(&self) -> Result<Vec<StreamRow>, Error> {
        let mut query =
            self.connection.prepare_cached("SELECT device, stream, settled, at, refused FROM stream")?;
        let rows = query.query_map([], |row| {
            Ok(StreamRow {
                device: row.get(0)?,
                stream: row.get(1)?,
                settled: number(row, 2)?,
                at: number(row, 3)?,
                refused: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Stores how far streams got, and forgets those that were quiet since `forget_before`.
    pub fn put_streams(&mut self, rows: &[StreamRow], forget_before: u64) -> Result<(), Error> {
        let change = self.connection.transaction()?;
        for row in rows {
            change.prepare_cached("INSERT OR REPLACE INTO stream VALUES (?, ?, ?, ?, ?)")?.execute(
                params![row.device, row.stream, row.settled.cast_signed(), row.at.cast_signed(), row.refused],
            )?;
        }
        crash::reach("streams");
        change.execute("DELETE FROM stream WHERE at < ?", [forget_before.cast_signed()])?;
        change.commit()?;
        Ok(())
    }

    /// Ends this life of the log in good order; nothing may be appended any more. It stays readable.
    pub fn close(&mut self) -> Result<(), Error> {
        crash::reach("close");
        self.bulk.sync()?;
        self.connection.execute("UPDATE state SET clean = 1", [])?;
        Ok(())
    }

    /// Another view of the same log, for another thread.
    pub fn reader(&self) -> Result<LogReader, Error> {
        let mut reader = LogReader::open(&self.path)?;
        reader.settled = self.bulk.settled();
        Ok(reader)
    }
}
