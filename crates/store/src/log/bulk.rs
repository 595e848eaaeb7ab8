//! Large payloads, beside the database: written once, at a place that trimming has freed, where in the database they
//! would go through its write-ahead log and a free list. The rows refer to them.
//!
//! A payload is written before the row that refers to it is committed, into room that no committed row refers to. So
//! killing the writer at any point harms nothing. Room that trimming has freed is used again only once the trimming is on
//! the disk, so that a power cut brings no row back whose payload is gone. After one, the newest rows may be there without
//! their payloads: checksums tell, and so they do for a reader that was overtaken by trimming.

use crate::{Error, crash};
use std::collections::VecDeque;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Payloads of at least so many bytes, of events that may be trimmed, are not in the database but beside it.
pub const BESIDE: usize = 4096;
/// Bytes of the file at most. What finds no room goes into the database: a log that is kept at its usual size, and while
/// it is trimmed, fits.
const SIZE: u64 = 128 * 1024 * 1024;

/// Where a payload lies, as its row has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    offset: u64,
    length: u32,
    /// CRC-32 of the payload.
    sum: u32,
}

impl Reference {
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.length.to_le_bytes());
        bytes[12..].copy_from_slice(&self.sum.to_le_bytes());
        bytes
    }

    /// `None` for what [`Reference::to_bytes`] cannot have made.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (offset, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let this = Self {
            offset: u64::from_le_bytes(*offset),
            length: u32::from_le_bytes(*length),
            sum: u32::from_le_bytes(rest.try_into().ok()?),
        };
        // So that nothing a damaged file says makes a reader ask for all memory.
        (u64::from(this.length) <= SIZE).then_some(this)
    }

    fn end(self) -> u64 {
        self.offset + u64::from(self.length)
    }
}

/// The file's name, beside a log at `path`.
pub(super) fn file_name(path: &Path) -> PathBuf {
    path.with_extension("bulk")
}

/// The payload that a row refers to; `None` where other bytes are there now.
pub(super) fn read(file: &File, at: Reference) -> Result<Option<Vec<u8>>, std::io::Error> {
    let mut payload = vec![0; at.length as usize];
    match file.read_exact_at(&mut payload, at.offset) {
        Ok(()) => Ok(Some(payload).filter(|payload| crc32fast::hash(payload) == at.sum)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// The writer's view: which part of the file is in use.
#[derive(Debug)]
pub(super) struct Bulk {
    file: File,
    path: PathBuf,
    /// Of every row that refers to the file, its number and where, oldest first. One behind the other in the file, which
    /// goes on at its beginning where its end is reached.
    live: VecDeque<(u64, Reference)>,
    /// Rows up to this one are gone, by what is committed.
    trimmed: u64,
    /// Rows up to this one are gone, by what is on the disk.
    settled: Arc<AtomicU64>,
}

impl Bulk {
    pub fn new(file: File, path: PathBuf) -> Self {
        Self { file, path, live: VecDeque::new(), trimmed: 0, settled: Arc::default() }
    }

    /// Where whoever brings the database to the disk says up to which row it has trimmed there.
    pub fn settled(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.settled)
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// A row that is there already.
    pub fn push(&mut self, seq: u64, at: Reference) {
        self.live.push_back((seq, at));
    }

    /// Writes the payload of the row `seq`; `None` where there is no room.
    pub fn write(&mut self, seq: u64, payload: &[u8]) -> Result<Option<Reference>, Error> {
        let free = self.trimmed.min(self.settled.load(Ordering::Acquire));
        self.live.drain(..self.live.partition_point(|(at, _)| *at <= free));
        let Some(offset) = u32::try_from(payload.len()).ok().and_then(|length| self.room(length.into()))
        else {
            return Ok(None);
        };
        crash::reach("bulk-write");
        self.put(payload, offset).map_err(|source| match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::Full,
            _ => Error::File { path: self.path.clone(), source },
        })?;
        crash::reach("bulk-written");
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let at = Reference { offset, length, sum: crc32fast::hash(payload) };
        self.live.push_back((seq, at));
        Ok(Some(at))
    }

    fn put(&self, payload: &[u8], offset: u64) -> std::io::Result<()> {
        if cfg!(feature = "crash-points") {
            self.file.write_all_at(&payload[..payload.len() / 2], offset)?;
            crash::reach("bulk-half");
        }
        self.file.write_all_at(payload, offset)
    }

    /// Where so many bytes fit.
    fn room(&self, length: u64) -> Option<u64> {
        let (Some((_, first)), Some((_, last))) = (self.live.front(), self.live.back()) else {
            return (length <= SIZE).then_some(0);
        };
        let start = last.end();
        if last.offset < first.offset {
            // It has gone on at the beginning.
            return (start + length <= first.offset).then_some(start);
        }
        if start + length <= SIZE {
            return Some(start);
        }
        (length <= first.offset).then_some(0)
    }

    /// Rows behind `seq` were not committed after all.
    pub fn forget_after(&mut self, seq: u64) {
        self.live.truncate(self.live.partition_point(|(at, _)| *at <= seq));
    }

    /// Rows up to `seq` are gone; their room is free once that is on the disk.
    pub fn free_until(&mut self, seq: u64) {
        self.trimmed = self.trimmed.max(seq);
    }

    /// Rows whose payload is not there, oldest first. A file that cannot be read is an error and no damage.
    pub fn damaged(&self) -> Result<Vec<u64>, Error> {
        let mut damaged = Vec::new();
        for (seq, at) in &self.live {
            let found = read(&self.file, *at);
            if found.map_err(|source| Error::File { path: self.path.clone(), source })?.is_none() {
                damaged.push(*seq);
            }
        }
        Ok(damaged)
    }

    /// What was written so far is on the disk.
    pub fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(|source| Error::File { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk() -> Bulk {
        Bulk::new(tempfile::tempfile().unwrap(), "x".into())
    }

    fn check(bulk: &Bulk, seq: u64, at: Reference, payloads: &[Vec<u8>]) {
        let index = usize::try_from(seq - 1).unwrap();
        assert_eq!(read(&bulk.file, at).unwrap().as_ref(), Some(&payloads[index]), "{seq}");
    }

    #[test]
    fn it_goes_round_and_never_writes_over_what_is_in_use() {
        let mut bulk = bulk();
        let payloads: Vec<Vec<u8>> =
            (0..=255u8).map(|n| vec![n; 3 * 1024 * 1024 + 4097 * usize::from(n)]).collect();
        let mut refused = 0;
        for (seq, payload) in (1u64..).zip(&payloads) {
            while bulk.write(seq, payload).unwrap().is_none() {
                refused += 1;
                bulk.live.iter().for_each(|(seq, at)| check(&bulk, *seq, *at, &payloads));
                let oldest = bulk.live[0].0;
                bulk.free_until(oldest + 6);
                let (live, settled) = (bulk.live.len(), bulk.settled());
                assert!(bulk.write(seq, payload).unwrap().is_none(), "not on the disk yet");
                assert_eq!(bulk.live.len(), live);
                settled.store(oldest + 6, Ordering::Release);
            }
            assert!(bulk.file.metadata().unwrap().len() <= SIZE);
        }
        assert!(refused > 10, "{refused}");
        bulk.live.iter().for_each(|(seq, at)| check(&bulk, *seq, *at, &payloads));
        assert!(bulk.damaged().unwrap().is_empty());
    }

    #[test]
    fn a_row_that_was_not_committed_leaves_its_room_to_the_next() {
        let mut bulk = bulk();
        let first = bulk.write(1, &[1; 5000]).unwrap().unwrap();
        bulk.write(2, &[2; 5000]).unwrap().unwrap();
        bulk.forget_after(1);
        let third = bulk.write(2, &[3; 6000]).unwrap().unwrap();
        assert_eq!(third.offset, first.end());
        bulk.free_until(2);
        bulk.settled().store(2, Ordering::Release);
        assert_eq!(bulk.write(3, &[4; 10]).unwrap().unwrap().offset, 0);
    }

    #[test]
    fn other_bytes_are_noticed() {
        let mut bulk = bulk();
        let at = bulk.write(7, &[1; 5000]).unwrap().unwrap();
        assert_eq!(Reference::from_bytes(&at.to_bytes()), Some(at));
        assert_eq!(Reference::from_bytes(&at.to_bytes()[..15]), None);
        assert_eq!(Reference::from_bytes(&[0xff; 16]), None);
        bulk.file.write_all_at(&[2], 4999).unwrap();
        assert_eq!(read(&bulk.file, at).unwrap(), None);
        assert_eq!(bulk.damaged().unwrap(), [7]);
        bulk.file.set_len(100).unwrap();
        assert_eq!(read(&bulk.file, at).unwrap(), None);
    }
}
