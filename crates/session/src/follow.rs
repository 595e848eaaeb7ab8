//! The client's side of following a session: what may be applied, where to resume, and when to ack.
//!
//! The caller applies what it is told to apply, at once and in order; then [`Follow::resume`] is always a place that
//! its screen and its list of events are true to.

use crate::codec::MAX_PAYLOAD;
use crate::message::{Cursor, Event};
use crate::replay::{MAX_WINDOW, MIN_WINDOW, OVERHEAD};
use std::time::{Duration, Instant};

/// Acks are sent at the latest when so many bytes were taken in.
const ACK_EVERY: u64 = MAX_PAYLOAD as u64;
/// A client that has caught up acks at once what is at least so many bytes, and less than that after [`ACK_DELAY`]:
/// the echo of a keystroke is not worth a message of its own.
const ACK_AT_ONCE: u64 = 4096;
/// How long a small ack may wait.
const ACK_DELAY: Duration = Duration::from_millis(250);

/// Whether to apply an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// It is new: apply it.
    Apply,
    /// It was applied before: drop it.
    Known,
}

/// What a snapshot's piece is for. The terminal's bytes are the same whichever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The first: begin with a fresh emulator of the snapshot's size.
    pub first: bool,
    /// The last: the screen is true now.
    pub last: bool,
}

/// What came does not follow from what was there. The peer's fault, or a message was lost; attaching again mends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// An event or snapshot of another life of the log.
    #[error("epoch {found} in the middle of epoch {expected}")]
    Epoch {
        /// What the attach named.
        expected: u32,
        /// What came.
        found: u32,
    },
    /// Terminal output is missing.
    #[error("event {found} came after event {after}")]
    Missing {
        /// The last one applied.
        after: u64,
        /// What came.
        found: u64,
    },
    /// A snapshot's piece is missing, or something came between two.
    #[error("a snapshot is incomplete")]
    Snapshot,
}

/// An ack to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The epoch of `seq`.
    pub epoch: u32,
    /// The last event applied, or the snapshot that is being taken in.
    pub seq: u64,
    /// Of a snapshot that is being taken in, the last piece.
    pub part: Option<u32>,
}

/// The machine, one per session followed. It outlives connections.
#[derive(Clone, Debug)]
pub struct Follow {
    window: u32,
    cursor: Cursor,
    /// The screen is true to the cursor: not so from a snapshot's first piece to its last.
    whole: bool,
    /// Nothing of the terminal came since the attach. A snapshot that was asked for may be of a place before the cursor:
    /// the terminal did not change in between, and the events that lie there come again and are known.
    fresh: bool,
    /// Every event up to here that is not trimmed was applied; never below the cursor.
    structured: u64,
    /// A snapshot that is being taken in, and its last piece.
    snapshot: Option<(u64, u32)>,
    /// The last message taken.
    last: (u64, Option<u32>),
    unacked: u64,
    unacked_since: Option<Instant>,
}

impl Follow {
    /// Nothing was seen yet, and the emulator is fresh. The window is what [`crate::message::ToHost::Attach`] asks for.
    pub fn new(window: u32) -> Self {
        Self::from_cursor(window, Cursor::default())
    }

    /// Continues where an earlier run of this client stopped, whose screen was kept.
    pub fn from_cursor(window: u32, cursor: Cursor) -> Self {
        Self {
            window: window.clamp(MIN_WINDOW, MAX_WINDOW),
            cursor,
            whole: true,
            fresh: false,
            structured: cursor.seq,
            snapshot: None,
            last: (cursor.seq, None),
            unacked: 0,
            unacked_since: None,
        }
    }

    /// What to attach with: `after` and `window`.
    pub fn resume(&self) -> (Option<Cursor>, u32) {
        ((self.whole && self.cursor.seq > 0).then_some(self.cursor), self.window)
    }

    /// The last event applied.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// The attach was answered. Returns true where everything that was applied belongs to another life of the log:
    /// the caller forgets it, and begins with a fresh emulator.
    pub fn handle_attached(&mut self, head: Cursor) -> bool {
        self.snapshot = None;
        self.unacked = 0;
        self.unacked_since = None;
        self.fresh = true;
        if head.epoch == self.cursor.epoch {
            return false;
        }
        let forget = self.cursor.seq > 0 || self.structured > 0 || !self.whole;
        *self = Self { fresh: true, ..Self::from_cursor(self.window, Cursor { epoch: head.epoch, seq: 0 }) };
        forget
    }

    /// An event came, with a payload of so many bytes.
    pub fn handle_event(
        &mut self,
        at: Cursor,
        event: &Event,
        payload: usize,
        now: Instant,
    ) -> Result<Took, Gap> {
        self.check_epoch(at.epoch)?;
        if self.snapshot.is_some() {
            return Err(Gap::Snapshot);
        }
        let next = self.whole && at.seq == self.cursor.seq + 1;
        let known = at.seq <= self.cursor.seq || (!event.is_trimmable() && at.seq <= self.structured);
        if event.is_trimmable() && !known && !next {
            return Err(Gap::Missing { after: self.cursor.seq, found: at.seq });
        }
        if next {
            self.cursor.seq = at.seq;
        }
        self.fresh &= !event.is_trimmable();
        self.structured = self.structured.max(at.seq);
        self.note((at.seq, None), payload, now);
        Ok(if known { Took::Known } else { Took::Apply })
    }

    /// A snapshot's piece came, with a payload of so many bytes.
    pub fn handle_piece(
        &mut self,
        at: Cursor,
        part: u32,
        last: bool,
        payload: usize,
        now: Instant,
    ) -> Result<Piece, Gap> {
        self.check_epoch(at.epoch)?;
        let follows = match self.snapshot {
            None => part == 0 && (at.seq >= self.cursor.seq || self.fresh),
            Some((seq, before)) => seq == at.seq && before.checked_add(1) == Some(part),
        };
        if !follows {
            return Err(Gap::Snapshot);
        }
        if last {
            self.cursor.seq = at.seq;
            self.structured = self.structured.max(at.seq);
        }
        self.fresh = false;
        self.whole = last;
        self.snapshot = (!last).then_some((at.seq, part));
        self.note((at.seq, (!last).then_some(part)), payload, now);
        Ok(Piece { first: part == 0, last })
    }

    /// The ack to send now, if one is due. `idle` says that nothing else waits to be taken in.
    pub fn poll_ack(&mut self, now: Instant, idle: bool) -> Option<Ack> {
        let every = ACK_EVERY.min(u64::from(self.window) / 4);
        let due = self.unacked >= every
            || (idle && self.unacked >= ACK_AT_ONCE)
            || self.poll_timeout().is_some_and(|at| now >= at);
        if !due {
            return None;
        }
        self.unacked = 0;
        self.unacked_since = None;
        let (seq, part) = self.last;
        Some(Ack { epoch: self.cursor.epoch, seq, part })
    }

    /// When to call [`Follow::poll_ack`] at the latest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.unacked_since.map(|since| since + ACK_DELAY)
    }

    fn check_epoch(&self, found: u32) -> Result<(), Gap> {
        let expected = self.cursor.epoch;
        if found == expected { Ok(()) } else { Err(Gap::Epoch { expected, found }) }
    }

    fn note(&mut self, taken: (u64, Option<u32>), payload: usize, now: Instant) {
        self.last = taken;
        self.unacked += payload as u64 + OVERHEAD;
        self.unacked_since.get_or_insert(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seq: u64) -> Cursor {
        Cursor { epoch: 1, seq }
    }

    fn attached() -> (Follow, Instant) {
        let mut follow = Follow::new(256 * 1024);
        assert!(!follow.handle_attached(at(9)));
        (follow, Instant::now())
    }

    #[test]
    fn a_gap_in_terminal_output_is_noticed() {
        let (mut follow, now) = attached();
        assert_eq!(follow.handle_event(at(1), &Event::Output, 1, now), Ok(Took::Apply));
        assert_eq!(follow.handle_event(at(1), &Event::Output, 1, now), Ok(Took::Known));
        assert_eq!(
            follow.handle_event(at(3), &Event::Output, 1, now),
            Err(Gap::Missing { after: 1, found: 3 })
        );
        assert_eq!(follow.resume().0, Some(at(1)));
        let other = Cursor { epoch: 2, seq: 2 };
        assert_eq!(
            follow.handle_event(other, &Event::Output, 1, now),
            Err(Gap::Epoch { expected: 1, found: 2 })
        );
    }

    #[test]
    fn a_snapshot_that_was_cut_is_not_a_place_to_resume() {
        let (mut follow, now) = attached();
        follow.handle_event(at(1), &Event::Output, 1, now).unwrap();
        let piece = follow.handle_piece(at(50), 0, false, 10, now).unwrap();
        assert_eq!(piece, Piece { first: true, last: false });
        assert_eq!(follow.resume().0, None);
        assert_eq!(follow.handle_event(at(51), &Event::Output, 1, now), Err(Gap::Snapshot));
        assert_eq!(follow.handle_piece(at(50), 2, true, 10, now), Err(Gap::Snapshot));
        follow.handle_attached(at(60));
        assert_eq!(
            follow.handle_event(at(2), &Event::Output, 1, now),
            Err(Gap::Missing { after: 1, found: 2 })
        );
        follow.handle_piece(at(60), 0, true, 10, now).unwrap();
        assert_eq!(follow.resume().0, Some(at(60)));
        assert_eq!(follow.handle_piece(at(50), 0, true, 10, now), Err(Gap::Snapshot));
    }

    #[test]
    fn a_redrawn_screen_may_be_of_a_place_before_an_event_that_does_not_change_it() {
        let (mut follow, now) = attached();
        let banner = Event::Banner { text: "x".into() };
        follow.handle_event(at(1), &Event::Output, 1, now).unwrap();
        follow.handle_event(at(2), &banner, 0, now).unwrap();
        follow.handle_attached(at(2));
        follow.handle_piece(at(1), 0, true, 10, now).unwrap();
        assert_eq!(follow.handle_event(at(2), &banner, 0, now), Ok(Took::Known));
        assert_eq!(follow.cursor(), at(2));
    }

    #[test]
    fn structured_events_are_applied_once_whether_or_not_the_screen_skips() {
        let (mut follow, now) = attached();
        let banner = Event::Banner { text: "x".into() };
        follow.handle_event(at(1), &Event::Output, 1, now).unwrap();
        assert_eq!(follow.handle_event(at(3), &banner, 0, now), Ok(Took::Apply));
        assert_eq!(follow.resume().0, Some(at(1)));
        follow.handle_attached(at(9));
        assert_eq!(follow.handle_event(at(2), &Event::Output, 1, now), Ok(Took::Apply));
        assert_eq!(follow.handle_event(at(3), &banner, 0, now), Ok(Took::Known));
        assert_eq!(follow.handle_event(at(4), &Event::Output, 1, now), Ok(Took::Apply));
        assert_eq!(follow.cursor(), at(4));
    }

    #[test]
    fn another_epoch_forgets_what_was_applied() {
        let (mut follow, now) = attached();
        follow.handle_event(at(1), &Event::Output, 1, now).unwrap();
        let next = Cursor { epoch: 2, seq: 5 };
        assert!(follow.handle_attached(next));
        assert!(!follow.handle_attached(next));
        assert_eq!(follow.resume().0, None);
        follow.handle_piece(next, 0, true, 1, now).unwrap();
        assert_eq!(follow.resume().0, Some(next));
    }

    #[test]
    fn small_acks_wait_and_large_ones_do_not() {
        let (mut follow, now) = attached();
        follow.handle_event(at(1), &Event::Output, 10, now).unwrap();
        assert_eq!(follow.poll_ack(now, true), None);
        let due = follow.poll_timeout().unwrap();
        assert_eq!(follow.poll_ack(due, false), Some(Ack { epoch: 1, seq: 1, part: None }));
        assert_eq!(follow.poll_timeout(), None);
        follow.handle_event(at(2), &Event::Output, 5000, now).unwrap();
        assert_eq!(follow.poll_ack(now, false), None);
        assert_eq!(follow.poll_ack(now, true), Some(Ack { epoch: 1, seq: 2, part: None }));
        follow.handle_piece(at(7), 0, false, MAX_PAYLOAD, now).unwrap();
        assert_eq!(follow.poll_ack(now, false), Some(Ack { epoch: 1, seq: 7, part: Some(0) }));
        follow.handle_piece(at(7), 1, true, MAX_PAYLOAD, now).unwrap();
        assert_eq!(follow.poll_ack(now, false), Some(Ack { epoch: 1, seq: 7, part: None }));
    }
}
