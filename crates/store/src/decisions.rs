//! What was asked in all sessions and what became of it, put together from their logs.
//!
//! It holds nothing that the logs do not: it may be lost, and is made again then. What is asked and decided is text
//! here; see [`crate::HostDb`] for what is authoritative.

use crate::{Error, sqlite};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::fs;
use std::io;
use std::path::Path;

const FORMAT: &[&str] = &[
    "
    CREATE TABLE session (
        id TEXT PRIMARY KEY,
        epoch INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        over INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE approval (
        session TEXT NOT NULL,
        id TEXT NOT NULL,
        asked TEXT NOT NULL,
        state TEXT,
        over_at INTEGER,
        PRIMARY KEY (session, id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX over_approval ON approval (over_at, id) WHERE over_at IS NOT NULL;
",
    "
    ALTER TABLE approval ADD COLUMN first INTEGER;
",
];

/// How far a session's log was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Which life of the log.
    pub epoch: u32,
    /// The last event.
    pub seq: u64,
    /// The session did not run any more, so that nothing more comes.
    pub over: bool,
}

/// What a log says of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was asked.
    Asked {
        /// Its id.
        id: String,
        /// All that is to be known of it.
        asked: String,
        /// The event's number.
        seq: u64,
    },
    /// It is over.
    Over {
        /// Its id.
        id: String,
        /// Unix milliseconds.
        at: u64,
        /// What became of it.
        state: String,
    },
}

/// An approval that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverRow {
    /// The session that it was asked in.
    pub session: String,
    /// Its id.
    pub id: String,
    /// As it was [`Told::Asked`].
    pub asked: String,
    /// What became of it; none where its session was lost before it was over.
    pub state: Option<String>,
    /// When, in Unix milliseconds.
    pub over_at: u64,
}

/// The index of all decisions.
#[derive(Debug)]
pub struct DecisionIndex {
    connection: Connection,
}

impl DecisionIndex {
    /// Opens the index, or makes it: also where what is there is damaged, or a newer version's.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let connection = match sqlite::open(path, FORMAT) {
            Err(Error::Corrupt(_) | Error::Newer { .. }) => {
                remove(path)?;
                sqlite::open(path, FORMAT)?
            }
            opened => opened?,
        };
        connection.pragma_update(None, "synchronous", "normal")?;
        // What was asked in a session that is removed is gone.
        connection.pragma_update(None, "secure_delete", true)?;
        Ok(Self { connection })
    }

    /// An index that is nowhere on the disk, and gone with this process.
    pub fn in_memory() -> Result<Self, Error> {
        let connection = Connection::open_in_memory()?;
        for step in FORMAT {
            connection.execute_batch(step)?;
        }
        Ok(Self { connection })
    }

    /// How far a session's log was read; `None` where it was not.
    pub fn read(&self, session: &str) -> Result<Option<Read>, Error> {
        let mut query =
            self.connection.prepare_cached("SELECT epoch, seq, over FROM session WHERE id = ?")?;
        let read = query.query_row([session], |row| {
            Ok(Read { epoch: row.get(0)?, seq: row.get::<_, i64>(1)?.cast_unsigned(), over: row.get(2)? })
        });
        Ok(read.optional()?)
    }

    /// The sessions that are in it.
    pub fn sessions(&self) -> Result<Vec<String>, Error> {
        let mut query = self.connection.prepare_cached("SELECT id FROM session")?;
        let ids = query.query_map([], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// Forgets a session.
    pub fn forget(&mut self, session: &str) -> Result<(), Error> {
        let change = self.connection.transaction()?;
        change.execute("DELETE FROM approval WHERE session = ?", [session])?;
        change.execute("DELETE FROM session WHERE id = ?", [session])?;
        change.commit()?;
        Ok(())
    }

    /// Adds what a session's log tells up to `read`. What is not over in a session that is, is so at `ended_at`.
    pub fn put(
        &mut self,
        session: &str,
        read: Read,
        told: &[Told],
        ended_at: Option<u64>,
    ) -> Result<(), Error> {
        let change = self.connection.transaction()?;
        for one in told {
            match one {
                Told::Asked { id, asked, seq } => change
                    .prepare_cached("INSERT OR IGNORE INTO approval VALUES (?, ?, ?, NULL, NULL, ?)")?
                    .execute(params![session, id, asked, seq.cast_signed()])?,
                Told::Over { id, at, state } => change
                    .prepare_cached(
                        "UPDATE approval SET state = ?, over_at = ? WHERE session = ? AND id = ?",
                    )?
                    .execute(params![state, at.cast_signed(), session, id])?,
            };
        }
        change
            .prepare_cached("UPDATE approval SET over_at = ? WHERE session = ? AND state IS NULL")?
            .execute(params![ended_at.map(u64::cast_signed), session])?;
        change.prepare_cached("INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?)")?.execute(params![
            session,
            read.epoch,
            read.seq.cast_signed(),
            read.over
        ])?;
        change.commit()?;
        Ok(())
    }

    /// The number of the first event that asked this, where that is known.
    pub fn first(&self, session: &str, approval: &str) -> Result<Option<u64>, Error> {
        let mut query =
            self.connection.prepare_cached("SELECT first FROM approval WHERE session = ? AND id = ?")?;
        let first: Option<Option<i64>> = query.query_row([session, approval], |row| row.get(0)).optional()?;
        Ok(first.flatten().map(i64::cast_unsigned))
    }

    /// Approvals that are over, the last one first, at most `limit`: those behind this one, named by when it was over and
    /// its id.
    pub fn page(&self, before: Option<(u64, &str)>, limit: u32) -> Result<Vec<OverRow>, Error> {
        let (at, id) = before.map_or((i64::MAX, ""), |(at, id)| (at.min(u64::MAX >> 1).cast_signed(), id));
        let mut query = self.connection.prepare_cached(
            "SELECT session, id, asked, state, over_at FROM approval
             WHERE over_at IS NOT NULL AND (over_at, id) < (?, ?) ORDER BY over_at DESC, id DESC LIMIT ?",
        )?;
        let rows = query.query_map(params![at, id, limit], |row| {
            Ok(OverRow {
                session: row.get(0)?,
                id: row.get(1)?,
                asked: row.get(2)?,
                state: row.get(3)?,
                over_at: row.get::<_, i64>(4)?.cast_unsigned(),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    for beside in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(beside);
        match fs::remove_file(&name) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::File { path: name.into(), source });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, DecisionIndex) {
        let folder = tempfile::tempdir().unwrap();
        let index = DecisionIndex::open(&folder.path().join("decisions.db")).unwrap();
        (folder, index)
    }

    fn asked(id: &str) -> Told {
        Told::Asked { id: id.into(), asked: format!("asked {id}"), seq: 1 }
    }

    fn over(id: &str, at: u64) -> Told {
        Told::Over { id: id.into(), at, state: format!("over {id}") }
    }

    fn ids(index: &DecisionIndex, before: Option<(u64, &str)>, limit: u32) -> Vec<String> {
        index.page(before, limit).unwrap().into_iter().map(|row| row.id).collect()
    }

    #[test]
    fn pages_have_every_decision_once_the_last_one_first() {
        let (_folder, mut index) = open();
        for session in 0..5u64 {
            let told = (0..4).flat_map(|n| {
                // Two of each session at once.
                let id = format!("{session}-{n}");
                [asked(&id), over(&id, 10 * session + n / 2)]
            });
            let read = Read { epoch: 1, seq: 8, over: false };
            index.put(&session.to_string(), read, &told.collect::<Vec<_>>(), None).unwrap();
        }
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let page = index.page(before.as_ref().map(|(at, id): &(u64, String)| (*at, id.as_str())), 3);
            let page = page.unwrap();
            let Some(last) = page.last() else { break };
            before = Some((last.over_at, last.id.clone()));
            all.extend(page.into_iter().map(|row| (row.over_at, row.id)));
        }
        assert_eq!(all.len(), 20);
        assert!(all.is_sorted_by(|a, b| a > b), "{all:?}");
    }

    #[test]
    fn what_waits_is_not_over_unless_its_session_is_and_that_can_be_taken_back() {
        let (_folder, mut index) = open();
        let read = |seq, over| Read { epoch: 1, seq, over };
        index.put("s", read(2, false), &[asked("a"), asked("b")], None).unwrap();
        assert!(index.page(None, 9).unwrap().is_empty());
        index.put("s", read(3, true), &[over("a", 5)], Some(7)).unwrap();
        let page = index.page(None, 9).unwrap();
        assert_eq!(
            page.iter().map(|row| (row.id.as_str(), row.over_at)).collect::<Vec<_>>(),
            [("b", 7), ("a", 5)]
        );
        assert_eq!((page[0].state.as_ref(), page[1].state.as_deref()), (None, Some("over a")));
        assert_eq!(index.read("s").unwrap(), Some(read(3, true)));
        index.put("s", read(4, false), &[], None).unwrap();
        assert_eq!(ids(&index, None, 9), ["a"], "it was not lost");
        index.put("s", read(5, false), &[over("b", 9)], None).unwrap();
        assert_eq!(ids(&index, None, 9), ["b", "a"]);
        index.forget("s").unwrap();
        assert_eq!((index.sessions().unwrap().len(), ids(&index, None, 9).len()), (0, 0));
    }

    #[test]
    fn where_a_request_begins_is_known_but_of_what_an_older_version_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decisions.db");
        let old = sqlite::open(&path, &FORMAT[..1]).unwrap();
        old.execute("INSERT INTO approval VALUES ('s', 'old', 'asked old', 'over old', 1)", []).unwrap();
        drop(old);
        let mut index = DecisionIndex::open(&path).unwrap();
        let told = [7, 8].map(|seq| Told::Asked { id: "new".into(), asked: String::new(), seq });
        index.put("s", Read { epoch: 1, seq: 8, over: false }, &told, None).unwrap();
        let first = |id| index.first("s", id).unwrap();
        assert_eq!((first("new"), first("old"), first("none")), (Some(7), None, None));
        assert_eq!(ids(&index, None, 9), ["old"]);
    }

    #[test]
    fn a_damaged_index_is_made_again() {
        let (folder, mut index) = open();
        let path = folder.path().join("decisions.db");
        index.put("s", Read::default(), &[asked("a"), over("a", 1)], None).unwrap();
        drop(index);
        assert_eq!(ids(&DecisionIndex::open(&path).unwrap(), None, 9), ["a"], "it outlives its process");
        fs::write(&path, [b'x'; 4096]).unwrap();
        let index = DecisionIndex::open(&path).unwrap();
        assert_eq!(index.read("s").unwrap(), None);
        index.connection.pragma_update(None, "user_version", 9).unwrap();
        drop(index);
        DecisionIndex::open(&path).unwrap();
    }
}
