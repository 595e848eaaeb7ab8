//! A second view of a log.

use super::row::{READ_ALL, Source, base, read};
use super::{Base, Entry, bulk};
use crate::{Error, crash};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::Path;

/// A reader beside the writer, with its own connection. It also does the writer's housekeeping.
#[derive(Debug)]
pub struct LogReader {
    connection: Connection,
    /// None for a log of a version that had no such file.
    bulk: Option<File>,
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
        Ok(Self { connection, bulk })
    }

    /// As [`super::SessionLog::read_after`].
    pub fn read_after(&self, seq: u64, max_bytes: u64) -> Result<Vec<Entry>, Error> {
        let source = Source { connection: &self.connection, bulk: self.bulk.as_ref() };
        read(&source, READ_ALL, seq, u64::MAX >> 1, max_bytes)
    }

    /// As [`super::SessionLog::base`].
    pub fn base(&self) -> Result<Option<Base>, Error> {
        base(&self.connection)
    }

    /// Moves what was appended from the write-ahead log into the database, without making the writer wait: the disk is
    /// only waited for here.
    pub fn checkpoint(&self) -> Result<(), Error> {
        // What rows in the database refer to is on the disk before they are.
        if let Some(bulk) = &self.bulk {
            bulk.sync_data().map_err(|error| Error::Database(Box::new(error)))?;
        }
        crash::reach("synced");
        self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        Ok(())
    }
}
