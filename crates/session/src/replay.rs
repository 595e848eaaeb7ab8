//! The keeper's side of one client that follows a session: what to send next, and how much may be under way.
//!
//! ```text
//!            behind by little, or resumed in the log          too far behind, or no cursor
//!   Live ──────────────────────────────────────> Live    Live ──────────────────────────> Wanted
//!   Wanted ── the screen model's snapshot at M is here ──> Skipping: structured events up to M, then M's pieces
//!   Skipping ── last piece sent ──> Live behind M
//! ```
//!
//! What always holds: numbers go out in order; the terminal is a prefix of the log or a snapshot and what follows it;
//! events that may not be trimmed are sent even where the terminal skips, but for those of approvals; at most the window plus one message is under
//! way, or [`SNAPSHOT_WINDOW`] of a snapshot. A client that does not read costs its cursor, and no more.

use crate::codec::MAX_PAYLOAD;
use crate::message::Cursor;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A client this far behind the head, in bytes, is skipped ahead by snapshot, once [`SKIP_GRACE`] has passed.
pub const SKIP_BEHIND: u64 = 1024 * 1024;
/// How long a client may be that far behind. One that keeps up but was not scheduled for a moment gets every byte.
pub const SKIP_GRACE: Duration = Duration::from_millis(250);
/// What an event or piece counts for beside its payload, in bytes, on both sides.
pub const OVERHEAD: u64 = 64;
/// The smallest window a client can ask for.
pub const MIN_WINDOW: u32 = 32 * 1024;
/// The largest.
pub const MAX_WINDOW: u32 = 1024 * 1024;

/// How much of a snapshot may be under way where the window is smaller, in bytes: it is of no use before all of it is
/// there, so that a small window would only make it later.
pub const SNAPSHOT_WINDOW: u64 = 256 * 1024;

/// Entries of less than this share what they say about being under way, in bytes.
const SMALL: u64 = 1024;

/// A place in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The event.
    pub seq: u64,
    /// Bytes of all events up to and including it since the log began.
    pub bytes: u64,
}

/// What of the log matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The epoch that every number belongs to.
    pub epoch: u32,
    /// Every event behind this one is still in the log.
    pub base: u64,
    /// The last event.
    pub head: Mark,
}

/// What a [`Replay`] wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing, until the log grows, an ack comes, or the snapshot is there.
    Idle,
    /// Send events behind this number, at most so many bytes but at least one, each followed by
    /// [`Replay::handle_sent`].
    Events {
        /// Behind this one.
        after: u64,
        /// The room left in the window.
        room: u64,
    },
    /// Ask the screen model for a snapshot, and give it to [`Replay::handle_snapshot`].
    Snapshot,
    /// Send the events in `after + 1 ..= upto` that may neither be trimmed nor
    /// [fetched](crate::message::Event::is_past), at most so many bytes but at least one, each followed by
    /// [`Replay::handle_sent`]; where there are none left, call [`Replay::handle_no_more`].
    Structured {
        /// Behind this one.
        after: u64,
        /// Up to this one.
        upto: u64,
        /// The room left in the window.
        room: u64,
    },
    /// Send this piece of the snapshot, followed by [`Replay::handle_piece_sent`].
    Piece {
        /// The snapshot's number.
        seq: u64,
        /// The piece's number.
        part: u32,
        /// Its first byte in the snapshot.
        start: usize,
        /// The byte behind its last.
        end: usize,
        /// No piece follows.
        last: bool,
    },
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Live,
    Wanted,
    Structured { to: Mark, length: usize },
    Pieces { to: Mark, length: usize, part: u32 },
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    seq: u64,
    part: u32,
    bytes: u64,
    at: Instant,
}

/// The machine.
#[derive(Debug)]
pub struct Replay {
    epoch: u32,
    cursor: Mark,
    /// Every event up to here that may not be trimmed was sent.
    structured: u64,
    window: u64,
    flying: VecDeque<Sent>,
    flying_bytes: u64,
    phase: Phase,
    behind_since: Option<Instant>,
    last_ack: Option<(Instant, Duration)>,
}

impl Replay {
    /// A client attaches. `mark` finds the place of a number in `base ..= head`.
    pub fn new(
        after: Option<Cursor>,
        window: u32,
        view: &View,
        mark: impl FnOnce(u64) -> Option<Mark>,
    ) -> Self {
        let same = after.filter(|cursor| cursor.epoch == view.epoch && cursor.seq <= view.head.seq);
        let found = same
            .filter(|cursor| cursor.seq >= view.base)
            .and_then(|cursor| mark(cursor.seq))
            .filter(|mark| view.head.bytes - mark.bytes.min(view.head.bytes) <= SKIP_BEHIND);
        Self {
            epoch: view.epoch,
            cursor: found.unwrap_or_default(),
            structured: same.map_or(0, |cursor| cursor.seq),
            window: u64::from(window.clamp(MIN_WINDOW, MAX_WINDOW)),
            flying: VecDeque::new(),
            flying_bytes: 0,
            phase: if found.is_some() { Phase::Live } else { Phase::Wanted },
            behind_since: None,
            last_ack: None,
        }
    }

    /// What to do now. Asks for the same again until it is told that it was done.
    pub fn poll(&mut self, view: &View, now: Instant) -> Next {
        if let Phase::Live = self.phase {
            self.mind_the_gap(view, now);
        }
        let window = match self.phase {
            Phase::Pieces { .. } => self.window.max(SNAPSHOT_WINDOW),
            Phase::Live | Phase::Wanted | Phase::Structured { .. } => self.window,
        };
        let room = window.saturating_sub(self.flying_bytes);
        if room == 0 {
            return Next::Idle;
        }
        match self.phase {
            Phase::Live if self.cursor.seq < view.head.seq => Next::Events { after: self.cursor.seq, room },
            Phase::Live => Next::Idle,
            Phase::Wanted => Next::Snapshot,
            Phase::Structured { to, .. } => Next::Structured { after: self.structured, upto: to.seq, room },
            Phase::Pieces { to, length, part } => {
                let start = part as usize * MAX_PAYLOAD;
                let end = length.min(start + MAX_PAYLOAD);
                Next::Piece { seq: to.seq, part, start, end, last: end == length }
            }
        }
    }

    /// An event was sent. `mark` is its place.
    pub fn handle_sent(&mut self, mark: Mark, payload: usize, now: Instant) {
        self.structured = mark.seq;
        if let Phase::Live = self.phase {
            self.cursor = mark;
        }
        self.note_sent(mark.seq, u32::MAX, payload, now);
    }

    /// The answer to [`Next::Structured`]: none is left.
    pub fn handle_no_more(&mut self) {
        if let Phase::Structured { to, length } = self.phase {
            self.structured = self.structured.max(to.seq);
            self.phase = Phase::Pieces { to, length, part: 0 };
        }
    }

    /// The answer to [`Next::Snapshot`]: a snapshot of so many bytes, which stands for everything up to `to`. Returns
    /// whether it is wanted; if so its bytes must be kept until [`Replay::is_skipping`] is over.
    pub fn handle_snapshot(&mut self, to: Mark, length: usize) -> bool {
        let wanted = matches!(self.phase, Phase::Wanted) && to.seq >= self.cursor.seq;
        if wanted {
            self.phase = Phase::Structured { to, length };
        }
        wanted
    }

    /// The piece that [`Replay::poll`] named was sent.
    pub fn handle_piece_sent(&mut self, now: Instant) {
        let Phase::Pieces { to, length, part } = self.phase else { return };
        let start = part as usize * MAX_PAYLOAD;
        let end = length.min(start + MAX_PAYLOAD);
        self.note_sent(to.seq, part, end - start, now);
        self.phase = if end == length {
            self.cursor = to;
            self.behind_since = None;
            Phase::Live
        } else {
            Phase::Pieces { to, length, part: part + 1 }
        };
    }

    /// The client acked. Nonsense, and what was acked before, changes nothing.
    pub fn handle_ack(&mut self, epoch: u32, seq: u64, part: Option<u32>, now: Instant) {
        if epoch != self.epoch {
            return;
        }
        let acked = (seq, part.unwrap_or(u32::MAX));
        let mut newest = None;
        while let Some(sent) = self.flying.front().filter(|sent| (sent.seq, sent.part) <= acked) {
            newest = Some(sent.at);
            self.flying_bytes -= sent.bytes;
            self.flying.pop_front();
        }
        if let Some(sent_at) = newest {
            self.last_ack = Some((now, now.saturating_duration_since(sent_at)));
        }
    }

    /// A snapshot's bytes are still being sent.
    pub fn is_skipping(&self) -> bool {
        matches!(self.phase, Phase::Structured { .. } | Phase::Pieces { .. })
    }

    /// Waits for the answer to [`Next::Snapshot`].
    pub fn wants_snapshot(&self) -> bool {
        matches!(self.phase, Phase::Wanted)
    }

    /// Everything up to the head was sent.
    pub fn is_at_head(&self, view: &View) -> bool {
        matches!(self.phase, Phase::Live) && self.cursor.seq >= view.head.seq
    }

    /// Bytes that were sent and not acked.
    pub fn in_flight(&self) -> u64 {
        self.flying_bytes
    }

    /// Those of them that are pieces of a snapshot.
    pub fn in_flight_of_snapshot(&self) -> u64 {
        self.flying.iter().filter(|sent| sent.part != u32::MAX).map(|sent| sent.bytes).sum()
    }

    /// Bytes not acked or not sent yet; `None` while the terminal skips.
    pub fn unseen(&self, view: &View) -> Option<u64> {
        let Phase::Live = self.phase else { return None };
        Some(self.flying_bytes + view.head.bytes.saturating_sub(self.cursor.bytes))
    }

    /// When the client last acked something new, and how long after it was sent.
    pub fn last_ack(&self) -> Option<(Instant, Duration)> {
        self.last_ack
    }

    fn mind_the_gap(&mut self, view: &View, now: Instant) {
        if view.head.bytes.saturating_sub(self.cursor.bytes) <= SKIP_BEHIND && self.cursor.seq >= view.base {
            self.behind_since = None;
            return;
        }
        let since = *self.behind_since.get_or_insert(now);
        let room = self.flying_bytes < self.window;
        // What was trimmed cannot be sent, however short the gap is.
        let gone = self.cursor.seq < view.base;
        if room && (gone || now.saturating_duration_since(since) >= SKIP_GRACE) {
            self.phase = Phase::Wanted;
        }
    }

    fn note_sent(&mut self, seq: u64, part: u32, payload: usize, now: Instant) {
        let bytes = payload as u64 + OVERHEAD;
        self.flying_bytes += bytes;
        match self.flying.back_mut() {
            // Small events share an entry, so that a window full of them is a short queue.
            Some(last) if part == u32::MAX && last.part == part && last.bytes < SMALL => {
                *last = Sent { seq, part, bytes: last.bytes + bytes, at: now };
            }
            _ => self.flying.push_back(Sent { seq, part, bytes, at: now }),
        }
    }
}
