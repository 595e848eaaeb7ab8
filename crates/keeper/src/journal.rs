//! The session's events: numbered, put into the log before anyone sees them, and the newest also in memory.
//!
//! While the disk is full (or fails) events are numbered and kept in memory alone, the newest [`UNLOGGED`] bytes of
//! them; [`Journal::retry`] brings them into the log when there is room again. What memory could not hold is left out of
//! the log, under a snapshot that stands for it; what no snapshot stands for is not left out, and so whoever appends much
//! of that asks before whether there is room ([`Journal::is_crowded`]).

use bytes::Bytes;
use session::later::Later;
use session::message::Event;
use session::replay::{Mark, OVERHEAD, View};
use std::collections::VecDeque;
use store::{BESIDE, Base, Entry, Kept, NewEntry, PAGE, Place, SessionLog, StreamRow};

/// Bytes of the newest events that are also in memory, so that a client that keeps up costs no reading.
const RECENT: u64 = 512 * 1024;
/// Bytes of events that wait in memory for a full disk.
const UNLOGGED: u64 = 8 * 1024 * 1024;
/// Bytes that one step of trimming drops at most, so that no step is felt.
const TRIM_SLICE: u64 = 512 * 1024;
/// Bytes appended after which the write-ahead log is moved into the database.
const CHECKPOINT_EVERY: u64 = 4 * 1024 * 1024;

/// An event with its number.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub mark: Mark,
    pub at: u64,
    pub event: Event,
    pub payload: Bytes,
}

impl Record {
    fn size(&self) -> u64 {
        self.payload.len() as u64 + OVERHEAD
    }
}

pub(crate) struct Journal {
    log: SessionLog,
    limit: u64,
    head: Mark,
    recent: VecDeque<Record>,
    recent_bytes: u64,
    /// How many of the newest in memory are not in the log.
    unlogged: usize,
    unlogged_bytes: u64,
    /// The last event that memory could not hold while the log could not either.
    dropped: Option<Mark>,
    trimming: bool,
    since_checkpoint: u64,
}

fn mark(place: Place) -> Mark {
    Mark { seq: place.seq, bytes: place.upto }
}

fn place(mark: Mark) -> Place {
    Place { seq: mark.seq, upto: mark.bytes }
}

/// The header as it stands in the log. The most frequent one is not worth a serialiser.
fn header(event: &Event) -> String {
    match event {
        Event::Output => r#"{"kind":"output"}"#.to_owned(),
        Event::Resize { .. }
        | Event::Title { .. }
        | Event::Exit { .. }
        | Event::Banner { .. }
        | Event::Ending { .. }
        | Event::Asked { .. }
        | Event::Decided { .. }
        | Event::Revoked { .. }
        | Event::Chat { .. }
        | Event::Partial { .. } => serde_json::to_string(event).unwrap_or_default(),
    }
}

fn kept(event: &Event) -> Kept {
    match event {
        event if event.is_trimmable() => Kept::Trimmed,
        event if event.is_past() => Kept::Past,
        _ => Kept::Told,
    }
}

/// Whether something begins with this event, or is it.
fn begins(event: &Event) -> bool {
    !matches!(event, Event::Asked { part: 1.., .. } | Event::Chat { part: 1.., .. })
}

/// An event from the log. One that a newer version wrote is passed on as what can be said about it.
pub(crate) fn record(entry: Entry) -> Record {
    let event = match entry.header.as_str() {
        r#"{"kind":"output"}"# => Event::Output,
        other => serde_json::from_str(other).unwrap_or_else(|_| Later::event()),
    };
    let mark = Mark { seq: entry.seq, bytes: entry.upto };
    Record { mark, at: entry.at, event, payload: entry.payload.into() }
}

impl Journal {
    pub fn new(log: SessionLog, limit: u64) -> Self {
        Self {
            head: mark(log.head()),
            log,
            limit,
            recent: VecDeque::new(),
            recent_bytes: 0,
            unlogged: 0,
            unlogged_bytes: 0,
            dropped: None,
            trimming: false,
            since_checkpoint: 0,
        }
    }

    pub fn view(&self) -> View {
        let base = self.log.trimmed().seq.max(self.dropped.map_or(0, |mark| mark.seq));
        View { epoch: self.log.epoch(), base, head: self.head }
    }

    /// Logging is paused.
    pub fn is_paused(&self) -> bool {
        self.unlogged > 0
    }

    /// What waits in memory and may not be left out is as much as there should be.
    pub fn is_crowded(&self) -> bool {
        let fresh = self.recent.range(self.recent.len() - self.unlogged..);
        let kept = fresh.filter(|record| !record.event.is_trimmable());
        self.is_paused() && kept.map(Record::size).sum::<u64>() > UNLOGGED / 2
    }

    /// Numbers and stores one event. Returns an error the first time that the log does not take it; the event stands
    /// all the same.
    pub fn append(&mut self, at: u64, event: Event, payload: Bytes) -> (Mark, Result<(), store::Error>) {
        let mut stored = Ok(());
        let mut logged = false;
        if !self.is_paused() {
            let header = header(&event);
            let entry = NewEntry { at, kept: kept(&event), header: &header, payload: &payload };
            stored = self.log.append(&[entry]);
            logged = stored.is_ok();
        }
        let size = payload.len() as u64 + OVERHEAD;
        let beside = event.is_trimmable() && payload.len() >= BESIDE;
        self.head = Mark { seq: self.head.seq + 1, bytes: self.head.bytes + size };
        self.recent.push_back(Record { mark: self.head, at, event, payload });
        self.recent_bytes += size;
        if logged {
            // A page at least is added to the write-ahead log.
            let inside = if beside { 0 } else { size };
            self.since_checkpoint += inside.max(PAGE.into());
            self.trim_step();
        } else {
            self.unlogged += 1;
            self.unlogged_bytes += size;
        }
        self.shrink();
        (self.head, stored)
    }

    /// Numbers and stores these, all or none; none while logging is paused.
    pub fn append_all(&mut self, at: u64, events: Vec<(Event, Bytes)>) -> Result<(), store::Error> {
        if self.is_paused() {
            return Err(store::Error::Full);
        }
        let headers: Vec<_> = events.iter().map(|(event, _)| header(event)).collect();
        let entries = events.iter().zip(&headers).map(|((event, payload), header)| NewEntry {
            at,
            kept: kept(event),
            header,
            payload,
        });
        self.log.append(&entries.collect::<Vec<_>>())?;
        for (event, payload) in events {
            let record = Record { mark: self.head, at, event, payload };
            let size = record.size();
            self.head = Mark { seq: self.head.seq + 1, bytes: self.head.bytes + size };
            self.recent.push_back(Record { mark: self.head, ..record });
            self.recent_bytes += size;
            self.since_checkpoint += size.max(PAGE.into());
        }
        self.trim_step();
        self.shrink();
        Ok(())
    }

    /// Forgets what need not be in memory.
    fn shrink(&mut self) {
        while self.recent_bytes > RECENT && self.recent.len() > self.unlogged {
            if let Some(record) = self.recent.pop_front() {
                self.recent_bytes -= record.size();
            }
        }
        while self.unlogged_bytes > UNLOGGED {
            let Some(at) = self.recent.iter().position(|record| record.event.is_trimmable()) else { break };
            let Some(record) = self.recent.remove(at) else { break };
            self.recent_bytes -= record.size();
            self.unlogged_bytes -= record.size();
            self.unlogged -= 1;
            self.dropped = Some(record.mark);
        }
    }

    /// Where a snapshot has to reach before [`Journal::retry`] can work, if one is needed at all.
    pub fn wants_cover(&self) -> bool {
        self.dropped.is_some()
    }

    /// Tries to bring everything into the log; `cover` stands for what was dropped.
    pub fn retry(&mut self, cover: Option<&Base>) -> Result<(), store::Error> {
        if let Some(dropped) = self.dropped {
            let Some(base) = cover.filter(|base| base.seq >= dropped.seq) else { return Ok(()) };
            self.log.put_base(base)?;
            let first = self.recent.len() - self.unlogged;
            let saved: Vec<_> = self.recent.range(first..).take_while(|r| r.mark.seq < dropped.seq).collect();
            let headers: Vec<_> = saved.iter().map(|record| header(&record.event)).collect();
            let rows = saved.iter().zip(&headers).map(|(record, header)| {
                (
                    place(record.mark),
                    NewEntry { at: record.at, kept: kept(&record.event), header, payload: &record.payload },
                )
            });
            self.log.skip_to(place(dropped), &rows.collect::<Vec<_>>())?;
            let (count, bytes) = (saved.len(), saved.iter().map(|record| record.size()).sum::<u64>());
            self.unlogged -= count;
            self.unlogged_bytes -= bytes;
            self.dropped = None;
        }
        while self.unlogged > 0 {
            let first = self.recent.len() - self.unlogged;
            let record = &self.recent[first];
            let header = header(&record.event);
            self.log.append(&[NewEntry {
                at: record.at,
                kept: kept(&record.event),
                header: &header,
                payload: &record.payload,
            }])?;
            self.unlogged -= 1;
            self.unlogged_bytes -= record.size();
        }
        self.unlogged_bytes = 0;
        self.shrink();
        Ok(())
    }

    /// Events behind `after`, at least one if there is one, and then as many as fit into `room`.
    pub fn read_after(&self, after: u64, room: u64) -> Result<Vec<Record>, store::Error> {
        let first = self.recent.front().map_or(u64::MAX, |record| record.mark.seq);
        if after + 1 < first && after < self.log.head().seq {
            return Ok(self.log.read_after(after, room)?.into_iter().map(record).collect());
        }
        let start = self.recent.partition_point(|record| record.mark.seq <= after);
        Ok(bounded(self.recent.range(start..), room))
    }

    /// Those in `after + 1 ..= upto` that a client is told of before a snapshot, bounded in the same way.
    pub fn read_kept(&self, after: u64, upto: u64, room: u64) -> Result<Vec<Record>, store::Error> {
        let logged = self.log.read_kept(after, upto, room)?;
        if !logged.is_empty() {
            return Ok(logged.into_iter().map(record).collect());
        }
        let fresh = self.recent.range(self.recent.len() - self.unlogged..);
        let told = |r: &&Record| kept(&r.event) == Kept::Told;
        let wanted = fresh.filter(|r| told(r) && r.mark.seq > after && r.mark.seq <= upto);
        Ok(bounded(wanted, room))
    }

    /// Those below `before` that a client fetches ([`Event::is_past`]), the newest first, bounded in the same way.
    fn read_past(&self, before: u64, room: u64) -> Result<Vec<Record>, store::Error> {
        let fresh = self.recent.range(self.recent.len() - self.unlogged..);
        let wanted = fresh.filter(|r| r.event.is_past() && r.mark.seq < before);
        let fresh = bounded(wanted.rev(), room);
        if fresh.is_empty() {
            return Ok(self.log.read_past(before, room)?.into_iter().map(record).collect());
        }
        Ok(fresh)
    }

    /// A page of those below `before` that a client fetches, the oldest first, about as many as fit into `room`: whole
    /// things alone, and at least one if there is one. Also whether there are more before it.
    pub fn page(&self, before: u64, room: u64) -> Result<(Vec<Record>, bool), store::Error> {
        let (mut page, mut bytes): (Vec<Record>, u64) = (Vec::new(), 0);
        let mut next = before;
        loop {
            let found = self.read_past(next, room.saturating_sub(bytes).max(1))?;
            if found.is_empty() {
                break;
            }
            for record in found {
                next = record.mark.seq;
                bytes += record.size();
                page.push(record);
                let whole = page.last().is_some_and(|record| begins(&record.event));
                if whole && bytes >= room {
                    break;
                }
            }
            if bytes >= room && page.last().is_some_and(|record| begins(&record.event)) {
                break;
            }
        }
        let more = !self.read_past(next, 1)?.is_empty();
        page.reverse();
        Ok((page, more))
    }

    /// A page of those above `after` and below `before` that are never trimmed, the oldest first, about as many as fit
    /// into `room`: whole things alone, and at least one if there is one. Also whether more follow.
    pub fn page_after(
        &self,
        after: u64,
        before: u64,
        room: u64,
    ) -> Result<(Vec<Record>, bool), store::Error> {
        let (mut page, mut bytes): (Vec<Record>, u64) = (Vec::new(), 0);
        let mut next = after;
        loop {
            // One more than there is room for says whether what is there is whole.
            let found = self.read_never_trimmed(next, before, room.saturating_sub(bytes).max(1))?;
            if found.is_empty() {
                return Ok((page, false));
            }
            for record in found {
                if bytes >= room && begins(&record.event) {
                    return Ok((page, true));
                }
                next = record.mark.seq;
                bytes += record.size();
                page.push(record);
            }
        }
    }

    fn read_never_trimmed(&self, after: u64, before: u64, room: u64) -> Result<Vec<Record>, store::Error> {
        let upto = before.saturating_sub(1);
        let logged = self.log.read_never_trimmed(after, upto, room)?;
        if !logged.is_empty() {
            return Ok(logged.into_iter().map(record).collect());
        }
        let fresh = self.recent.range(self.recent.len() - self.unlogged..);
        let kept = |r: &&Record| !r.event.is_trimmable() && r.mark.seq > after && r.mark.seq <= upto;
        Ok(bounded(fresh.filter(kept), room))
    }

    /// Where an event lies.
    pub fn mark(&self, seq: u64) -> Option<Mark> {
        if seq == self.head.seq {
            return Some(self.head);
        }
        let found = self.recent.binary_search_by_key(&seq, |record| record.mark.seq);
        match found {
            Ok(at) => self.recent.get(at).map(|record| record.mark),
            Err(_) => self.log.place(seq).ok().flatten().map(mark),
        }
    }

    /// A snapshot is wanted as the base below which the log may be trimmed.
    pub fn wants_base(&self) -> bool {
        !self.trimming && !self.is_paused() && self.log.size() > self.limit + self.limit / 8
    }

    /// The snapshot that was wanted.
    pub fn put_base(&mut self, base: &Base) -> Result<(), store::Error> {
        self.log.put_base(base)?;
        self.trimming = true;
        Ok(())
    }

    fn trim_step(&mut self) {
        if self.trimming {
            // A trim that fails is tried again; the log is only larger than it should be.
            self.trimming = self.log.trim(self.limit, TRIM_SLICE).unwrap_or(true);
        }
    }

    /// Whether the write-ahead log is due to be moved; says so once.
    pub fn poll_checkpoint(&mut self) -> bool {
        let due = self.since_checkpoint >= CHECKPOINT_EVERY;
        if due {
            self.since_checkpoint = 0;
        }
        due
    }

    pub fn put_streams(&mut self, rows: &[StreamRow], forget_before: u64) -> Result<(), store::Error> {
        if rows.is_empty() { Ok(()) } else { self.log.put_streams(rows, forget_before) }
    }

    pub fn close(&mut self) -> Result<(), store::Error> {
        self.log.close()
    }
}

fn bounded<'a>(records: impl Iterator<Item = &'a Record>, room: u64) -> Vec<Record> {
    let mut bytes = 0;
    let fits = |record: &&Record| {
        let first = bytes == 0;
        bytes += record.size();
        first || bytes <= room
    };
    records.take_while(fits).cloned().collect()
}
