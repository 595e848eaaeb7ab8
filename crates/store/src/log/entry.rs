//! What a log holds.

/// What an event counts for beside its payload, in bytes, towards the log's size.
pub(super) const OVERHEAD: u64 = 64;
/// How long an event stays, and how it is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kept {
    /// Until a base stands for it.
    Trimmed = 0,
    /// For ever; [`super::SessionLog::read_kept`] finds it.
    Told = 1,
    /// For ever; [`super::SessionLog::read_past`] finds it.
    Past = 2,
}

impl Kept {
    pub(super) fn of(number: u8) -> Self {
        match number {
            0 => Self::Trimmed,
            2 => Self::Past,
            _ => Self::Told,
        }
    }
}

/// An event to append.
#[derive(Clone, Copy, Debug)]
pub struct NewEntry<'a> {
    /// Unix milliseconds.
    pub at: u64,
    /// Whether it may be trimmed.
    pub kept: Kept,
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
    /// Whether it may be trimmed.
    pub kept: Kept,
    /// What it is, as JSON.
    pub header: String,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// What an event in the log is, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its number.
    pub seq: u64,
    /// What it is, as JSON.
    pub header: String,
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
    /// The commands that were refused, in whatever form the writer reads again; empty where none was.
    pub refused: String,
}
