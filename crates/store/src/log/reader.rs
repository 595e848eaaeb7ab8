//! A second view of a log.

use super::row::{READ_ALL, base, read};
use super::{Base, Entry};
use crate::Error;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

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

    /// As [`super::SessionLog::read_after`].
    pub fn read_after(&self, seq: u64, max_bytes: u64) -> Result<Vec<Entry>, Error> {
        read(&self.connection, READ_ALL, seq, u64::MAX >> 1, max_bytes)
    }

    /// As [`super::SessionLog::base`].
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
