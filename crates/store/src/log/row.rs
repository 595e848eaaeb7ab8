//! A log's rows, from and to what they hold.

use super::entry::{Base, Entry, NewEntry, OVERHEAD, Place};
use crate::Error;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};

pub(super) const INSERT: &str = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)";
pub(super) const READ_ALL: &str =
    "SELECT seq, at, upto, kept, header, payload FROM event WHERE seq > ? AND seq <= ? ORDER BY seq";
pub(super) const READ_KEPT: &str =
    "SELECT seq, at, upto, kept, header, payload FROM event WHERE kept AND seq > ? AND seq <= ? ORDER BY seq";

pub(super) fn insert(
    statement: &mut CachedStatement<'_>,
    place: Place,
    entry: &NewEntry<'_>,
) -> Result<(), Error> {
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

pub(super) fn put_trimmed(connection: &Connection, place: Place) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE state SET trimmed = ?, trimmed_end = ?")?
        .execute(params![place.seq.cast_signed(), place.upto.cast_signed()])?;
    Ok(())
}

pub(super) fn read(
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
