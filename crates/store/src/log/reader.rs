//! A second view of a log.

use super::row::{READ_ALL, Source, base, number, read};
use super::{BULK_SINCE, Base, Entry, Header, PAST_SINCE, bulk};
use crate::{Error, crash};
use rusqlite::{Connection, OpenFlags, params};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A reader beside the writer, with its own connection. It also does the writer's housekeeping.
#[derive(Debug)]
pub struct LogReader {
    connection: Connection,
    /// None for a log of a version that had no such file.
    bulk: Option<File>,
    /// How events are read from a log of this version.
    sql: String,
    format: i64,
    /// See [`bulk::Bulk::settled`]; nobody else's where this reader was opened by itself.
    pub(super) settled: Arc<AtomicU64>,
}

impl LogReader {
    /// Opens a session's log beside whoever writes it, if anybody does.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "cache_size", -256)?;
        let bulk = File::open(bulk::file_name(path)).ok();
        let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let sql =
            if format < BULK_SINCE { READ_ALL.replace("bulk FROM", "0 FROM") } else { READ_ALL.to_owned() };
        Ok(Self { connection, bulk, sql, format, settled: Arc::default() })
    }

    /// The number of the last event.
    pub fn head(&self) -> Result<u64, Error> {
        let sql = "SELECT max(trimmed, ifnull((SELECT max(seq) FROM event), 0)) FROM state";
        Ok(self.connection.query_row(sql, [], |row| number(row, 0))?)
    }

    /// As [`super::SessionLog::read_after`].
    pub fn read_after(&self, seq: u64, max_bytes: u64) -> Result<Vec<Entry>, Error> {
        let source = Source { connection: &self.connection, bulk: self.bulk.as_ref() };
        read(&source, &self.sql, seq, u64::MAX >> 1, max_bytes)
    }

    /// Which life of the log it is in.
    pub fn epoch(&self) -> Result<u32, Error> {
        Ok(self.connection.query_row("SELECT epoch FROM state", [], |row| row.get(0))?)
    }

    /// The headers of those events in `after + 1 ..= upto` that are [`super::Kept::Past`], at most `limit`.
    pub fn past_headers(&self, after: u64, upto: u64, limit: u32) -> Result<Vec<Header>, Error> {
        let sql =
            "SELECT seq, header FROM event WHERE kept = 2 AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?";
        let sql = if self.format < PAST_SINCE { sql.replace("kept = 2", "kept") } else { sql.to_owned() };
        let mut query = self.connection.prepare_cached(&sql)?;
        let params = params![after.cast_signed(), upto.cast_signed(), limit];
        let rows = query.query_map(params, |row| Ok(Header { seq: number(row, 0)?, header: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The first event that is there and the last; `None` where there is none.
    pub fn ends(&self) -> Result<Option<(Entry, Entry)>, Error> {
        let last = self.connection.query_row("SELECT max(seq) FROM event", [], |row| row.get(0));
        let Some(last): Option<i64> = last? else { return Ok(None) };
        let first = self.read_after(0, 1)?.into_iter().next();
        let last = self.read_after(last.cast_unsigned().saturating_sub(1), 1)?.into_iter().next();
        Ok(first.zip(last))
    }

    /// As [`super::SessionLog::base`].
    pub fn base(&self) -> Result<Option<Base>, Error> {
        base(&self.connection)
    }

    /// Moves what was appended from the write-ahead log into the database, without making the writer wait: the disk is
    /// only waited for here.
    pub fn checkpoint(&self) -> Result<(), Error> {
        let trimmed = self.connection.query_row("SELECT trimmed FROM state", [], |row| number(row, 0))?;
        // What rows in the database refer to is on the disk before they are.
        if let Some(bulk) = &self.bulk {
            bulk.sync_data().map_err(|error| Error::Database(Box::new(error)))?;
        }
        crash::reach("synced");
        let (busy, pages, moved) =
            self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })?;
        // While another connection does the same, nothing was moved, and both numbers are -1.
        if !busy && pages >= 0 && moved >= pages {
            self.settled.fetch_max(trimmed, Ordering::AcqRel);
        }
        Ok(())
    }
}
