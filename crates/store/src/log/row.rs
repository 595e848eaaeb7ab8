//! A log's rows, from and to what they hold.

use super::bulk::{self, Reference};
use super::entry::{Base, Entry, Kept, NewEntry, OVERHEAD, Place};
use crate::Error;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};
use std::fs::File;

pub(super) const INSERT: &str = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)";
pub(super) const READ_ALL: &str =
    "SELECT seq, at, upto, kept, header, payload, bulk FROM event WHERE seq > ? AND seq <= ? ORDER BY seq";
pub(super) const READ_KEPT: &str = "SELECT seq, at, upto, kept, header, payload, bulk FROM event WHERE kept = 1 AND seq > ? AND seq <= ? ORDER BY seq";
pub(super) const READ_NEVER_TRIMMED: &str = "SELECT seq, at, upto, kept, header, payload, bulk FROM event WHERE kept AND seq > ? AND seq <= ? ORDER BY seq";
pub(super) const READ_PAST: &str = "SELECT seq, at, upto, kept, header, payload, bulk FROM event WHERE kept = 2 AND seq > ? AND seq <= ? ORDER BY seq DESC";

pub(super) fn insert(
    statement: &mut CachedStatement<'_>,
    place: Place,
    entry: &NewEntry<'_>,
    elsewhere: Option<Reference>,
) -> Result<(), Error> {
    let reference = elsewhere.map(Reference::to_bytes);
    statement.execute(params![
        place.seq.cast_signed(),
        entry.at.cast_signed(),
        place.upto.cast_signed(),
        entry.kept as u8,
        entry.header,
        reference.as_ref().map_or(entry.payload, <[u8; 16]>::as_slice),
        elsewhere.is_some()
    ])?;
    Ok(())
}

pub(super) fn put_trimmed(connection: &Connection, place: Place) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE state SET trimmed = ?, trimmed_end = ?")?
        .execute(params![place.seq.cast_signed(), place.upto.cast_signed()])?;
    Ok(())
}

/// How often a row whose payload is not there is looked for again: trimming may have taken it in between.
const LOOKS: u32 = 3;

/// Where rows and the payloads beside them are read from.
pub(super) struct Source<'a> {
    pub connection: &'a Connection,
    pub bulk: Option<&'a File>,
}

/// The events in `after + 1 ..= upto`, at least one if there is one, and then as many as count for at most `max_bytes`.
pub(super) fn read(
    source: &Source<'_>,
    sql: &str,
    after: u64,
    upto: u64,
    max_bytes: u64,
) -> Result<Vec<Entry>, Error> {
    let mut lost = None;
    for _ in 0..LOOKS {
        match read_once(source, sql, (after, upto), max_bytes)? {
            Found::Entries(entries) => return Ok(entries),
            Found::Lost(seq) => lost = Some(seq),
        }
    }
    Err(Error::Corrupt(format!("the payload of event {} is damaged", lost.unwrap_or(after))))
}

enum Found {
    Entries(Vec<Entry>),
    /// The first event's payload is not there.
    Lost(u64),
}

fn read_once(
    Source { connection, bulk }: &Source<'_>,
    sql: &str,
    (after, upto): (u64, u64),
    max_bytes: u64,
) -> Result<Found, Error> {
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query(params![after.cast_signed(), upto.cast_signed()])?;
    let mut entries = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let mut entry = entry(row)?;
        if row.get(6)? {
            let reference = Reference::from_bytes(&entry.payload);
            let read = reference.zip(*bulk).map(|(at, file)| bulk::read(file, at));
            match read.transpose().map_err(|error| Error::Database(Box::new(error)))?.flatten() {
                Some(payload) => entry.payload = payload,
                None if entries.is_empty() => return Ok(Found::Lost(entry.seq)),
                None => break,
            }
        }
        bytes += entry.payload.len() as u64 + OVERHEAD;
        if bytes > max_bytes && !entries.is_empty() {
            break;
        }
        entries.push(entry);
    }
    Ok(Found::Entries(entries))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        seq: number(row, 0)?,
        at: number(row, 1)?,
        upto: number(row, 2)?,
        kept: Kept::of(row.get(3)?),
        header: row.get(4)?,
        payload: row.get(5)?,
    })
}

pub(super) fn base(connection: &Connection) -> Result<Option<Base>, Error> {
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

pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}
