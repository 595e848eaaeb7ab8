//! The client's side of commands: each is kept until it is settled, resent after every reconnect, and arrives once.
//!
//! A command gets its number when it is first sent. One that waits longer than [`PATIENCE`] fails visibly: if it was
//! never sent it is forgotten, and if it was sent but not settled its number is resent with nothing to do, so that it
//! can never take effect late.
//!
//! A resize says what the screen is, not what was once done to it. So one that was not sent yet is replaced by a newer
//! one, in its place; and of those that were sent, which keep their numbers and come again after a reconnect, none has
//! the last word over the size that the attach said ([`Outbox::handle_screen`]).

use crate::codec::MAX_PAYLOAD;
use crate::id::StreamId;
use crate::message::{Act, Failure, Size};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a command may wait for its keeper.
pub const PATIENCE: Duration = Duration::from_mins(10);
/// Payload bytes that may be sent and not settled; keeps a paste out of the relay's queues.
pub const SEND_WINDOW: usize = 256 * 1024;
/// Commands that may be sent and not settled, however small; the rest waits here until one is. Each may be refused by an
/// answer of its own, and a keeper drops a client that lets 1024 answers pile up: with this bound nobody who only types
/// comes near it.
pub const MAX_UNSETTLED: usize = 512;
/// Payload bytes that may wait here in all. Beyond it the caller is told to wait.
pub const MAX_WAITING: usize = 4 * 1024 * 1024;
/// Commands that may wait here in all, and one more where [`Outbox::handle_screen`] adds it.
pub const MAX_COMMANDS: usize = 4096;
/// What a command counts for beside its payload, in bytes.
const OVERHEAD: usize = 64;

/// The caller's handle of a command: 1, 2, 3 … in the order they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The keeper took it.
    Applied(Ticket),
    /// The keeper did not, and says why.
    Refused(Ticket, Failure),
    /// It waited too long.
    Expired {
        /// Which.
        ticket: Ticket,
        /// It was sent, so that an earlier copy of it may have been taken; none is taken from now on.
        sent: bool,
    },
}

/// There is no room; try again when something was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too much is waiting to be sent")]
pub struct Full;

/// A command to send now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its number in the stream.
    pub n: u64,
    /// What.
    pub act: Act,
    /// The message's payload.
    pub payload: Bytes,
}

#[derive(Clone, Debug)]
struct Waiting {
    /// `None` for one that expired after it was sent, and for one that nobody gave.
    ticket: Option<Ticket>,
    act: Act,
    payload: Bytes,
    since: Instant,
}

impl Waiting {
    fn is_resize(&self) -> bool {
        matches!(self.act, Act::Resize { .. })
    }
}

/// The machine, one per session and client. A copy is what may be stored: before any of its commands is sent, so that a
/// number that went out is never given to another one.
#[derive(Clone, Debug)]
pub struct Outbox {
    stream: StreamId,
    /// The number of the queue's first command, whether or not it was sent.
    first: u64,
    /// How many of the queue were sent on some connection, and so have their numbers for good.
    numbered: usize,
    /// How many of the queue were sent on this connection.
    sent: usize,
    queue: VecDeque<Waiting>,
    waiting_bytes: usize,
    sent_bytes: usize,
    connected: bool,
    tickets: u64,
    settled: VecDeque<Settled>,
}

impl Outbox {
    /// Nothing waits, and no command was ever sent in this stream.
    pub fn new(stream: StreamId) -> Self {
        Self {
            stream,
            first: 1,
            numbered: 0,
            sent: 0,
            queue: VecDeque::new(),
            waiting_bytes: 0,
            sent_bytes: 0,
            connected: false,
            tickets: 0,
            settled: VecDeque::new(),
        }
    }

    /// The numbering.
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// Payload bytes that [`Outbox::push`] would take now.
    pub fn room(&self) -> usize {
        if self.queue.len() >= MAX_COMMANDS {
            0
        } else {
            MAX_WAITING.saturating_sub(self.waiting_bytes + OVERHEAD)
        }
    }

    /// Nothing waits.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Takes a command. A payload over [`MAX_PAYLOAD`] is refused; input is cut by [`Outbox::push_input`]. A resize that
    /// replaces one has that one's ticket, and its age.
    pub fn push(&mut self, act: Act, payload: Bytes, now: Instant) -> Result<Ticket, Full> {
        if matches!(act, Act::Resize { .. })
            && let Some(waiting) = self.queue.range_mut(self.numbered..).find(|waiting| waiting.is_resize())
        {
            waiting.act = act;
            return Ok(*waiting.ticket.get_or_insert_with(|| {
                self.tickets += 1;
                Ticket(self.tickets)
            }));
        }
        if payload.len() > MAX_PAYLOAD || payload.len() > self.room() || self.room() == 0 {
            return Err(Full);
        }
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.add(Some(ticket), act, payload, now);
        Ok(ticket)
    }

    /// Takes as much input as there is room for, in as many commands as it needs, and returns how many bytes that was.
    pub fn push_input(&mut self, input: &Bytes, now: Instant) -> usize {
        let mut taken = 0;
        while taken < input.len() {
            let piece = input.slice(taken..input.len().min(taken + MAX_PAYLOAD));
            let length = piece.len();
            if self.push(Act::Input, piece, now).is_err() {
                break;
            }
            taken += length;
        }
        taken
    }

    /// The connection is gone; nothing is sent until [`Outbox::handle_attached`].
    pub fn handle_disconnected(&mut self) {
        self.connected = false;
    }

    /// The attach was answered: every command up to `applied` is settled, and the rest is sent again.
    pub fn handle_attached(&mut self, applied: u64) {
        self.handle_applied(applied);
        self.connected = true;
        self.sent = 0;
        self.sent_bytes = 0;
    }

    /// The attach said this size, and resizes from before it may wait still: the one that was not sent yet becomes this
    /// one, and behind one that was sent, and so may be applied only now, this one is said again. Where none waits there
    /// is nothing to do.
    pub fn handle_screen(&mut self, size: Size, now: Instant) {
        let last = self.queue.iter_mut().enumerate().rev().find(|(_, waiting)| waiting.is_resize());
        match last {
            Some((place, waiting)) if place >= self.numbered => waiting.act = Act::Resize { size },
            Some((_, waiting)) if waiting.act != (Act::Resize { size }) => {
                self.add(None, Act::Resize { size }, Bytes::new(), now);
            }
            _ => {}
        }
    }

    /// The next command to send, if one may be sent now.
    pub fn poll_send(&mut self) -> Option<Outgoing> {
        let full = self.sent >= MAX_UNSETTLED || (self.sent > 0 && self.sent_bytes >= SEND_WINDOW);
        if !self.connected || full {
            return None;
        }
        let waiting = self.queue.get(self.sent)?;
        let n = self.first + self.sent as u64;
        self.sent += 1;
        self.numbered = self.numbered.max(self.sent);
        self.sent_bytes += waiting.payload.len() + OVERHEAD;
        Some(Outgoing { n, act: waiting.act.clone(), payload: waiting.payload.clone() })
    }

    /// The keeper settled every command up to `n`. Numbers that were never sent are the peer's error and change nothing.
    pub fn handle_applied(&mut self, n: u64) {
        while self.numbered > 0 && self.first <= n {
            if let Some(ticket) = self.take_first() {
                self.settled.push_back(Settled::Applied(ticket));
            }
        }
    }

    /// The keeper refused command `n`, and settled every one before it.
    pub fn handle_refused(&mut self, n: u64, why: Failure) {
        self.handle_applied(n.saturating_sub(1));
        if self.numbered > 0
            && self.first == n
            && let Some(ticket) = self.take_first()
        {
            self.settled.push_back(Settled::Refused(ticket, why));
        }
    }

    /// What became of a command; call until there is nothing.
    pub fn poll_settled(&mut self) -> Option<Settled> {
        self.settled.pop_front()
    }

    /// When the oldest command runs out of patience.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.queue.iter().find(|waiting| waiting.ticket.is_some()).map(|waiting| waiting.since + PATIENCE)
    }

    /// Fails what has waited too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut at = 0;
        while at < self.queue.len() {
            let waiting = &mut self.queue[at];
            if now < waiting.since + PATIENCE {
                break;
            }
            let ticket = waiting.ticket.take();
            self.waiting_bytes -= waiting.payload.len();
            if at < self.sent {
                self.sent_bytes -= waiting.payload.len();
            }
            waiting.payload = Bytes::new();
            waiting.act = Act::Input;
            let sent = at < self.numbered;
            if sent {
                at += 1;
            } else {
                self.queue.remove(at);
                self.waiting_bytes -= OVERHEAD;
            }
            self.settled.extend(ticket.map(|ticket| Settled::Expired { ticket, sent }));
        }
    }

    fn add(&mut self, ticket: Option<Ticket>, act: Act, payload: Bytes, now: Instant) {
        self.waiting_bytes += payload.len() + OVERHEAD;
        self.queue.push_back(Waiting { ticket, act, payload, since: now });
    }

    fn take_first(&mut self) -> Option<Ticket> {
        let waiting = self.queue.pop_front()?;
        let counted = waiting.payload.len() + OVERHEAD;
        self.waiting_bytes -= counted;
        if self.sent > 0 {
            self.sent -= 1;
            self.sent_bytes -= counted;
        }
        self.numbered -= 1;
        self.first += 1;
        waiting.ticket
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::ErrorKind;

    fn outbox() -> (Outbox, Instant) {
        (Outbox::new(StreamId::from_random([1; 10])), Instant::now())
    }

    fn sent(outbox: &mut Outbox) -> Vec<u64> {
        std::iter::from_fn(|| outbox.poll_send()).map(|command| command.n).collect()
    }

    fn settled(outbox: &mut Outbox) -> Vec<Settled> {
        std::iter::from_fn(|| outbox.poll_settled()).collect()
    }

    fn acts(outbox: &mut Outbox) -> Vec<(u64, Act)> {
        std::iter::from_fn(|| outbox.poll_send()).map(|command| (command.n, command.act)).collect()
    }

    fn resize(cols: u16) -> Act {
        Act::Resize { size: size(cols) }
    }

    fn size(cols: u16) -> Size {
        Size { cols, rows: 24 }
    }

    fn failure() -> Failure {
        Failure { kind: ErrorKind::Ended, message: "ended".into(), hint: String::new() }
    }

    #[test]
    fn commands_are_resent_after_a_reconnect_and_settled_once() {
        let (mut outbox, now) = outbox();
        for _ in 0..3 {
            outbox.push(Act::Interrupt, Bytes::new(), now).unwrap();
        }
        assert!(sent(&mut outbox).is_empty());
        outbox.handle_attached(0);
        assert_eq!(sent(&mut outbox), [1, 2, 3]);
        outbox.handle_applied(1);
        outbox.handle_disconnected();
        outbox.push(Act::Stop, Bytes::new(), now).unwrap();
        assert!(sent(&mut outbox).is_empty());
        outbox.handle_attached(2);
        assert_eq!(sent(&mut outbox), [3, 4]);
        outbox.handle_refused(4, failure());
        assert_eq!(
            settled(&mut outbox),
            [
                Settled::Applied(Ticket(1)),
                Settled::Applied(Ticket(2)),
                Settled::Applied(Ticket(3)),
                Settled::Refused(Ticket(4), failure()),
            ]
        );
        assert!(outbox.is_empty() && outbox.sent_bytes == 0 && outbox.waiting_bytes == 0);
    }

    #[test]
    fn a_command_that_was_never_sent_expires_without_using_a_number() {
        let (mut outbox, now) = outbox();
        outbox.push(Act::Input, Bytes::from_static(b"ls\r"), now).unwrap();
        assert_eq!(outbox.poll_timeout(), Some(now + PATIENCE));
        outbox.handle_timeout(now + PATIENCE);
        assert_eq!(settled(&mut outbox), [Settled::Expired { ticket: Ticket(1), sent: false }]);
        assert!(outbox.is_empty() && outbox.waiting_bytes == 0);
        outbox.push(Act::Stop, Bytes::new(), now + PATIENCE).unwrap();
        outbox.handle_attached(0);
        assert_eq!(outbox.poll_send().unwrap().n, 1);
    }

    #[test]
    fn a_command_that_was_sent_and_expired_is_resent_with_nothing_to_do() {
        let (mut outbox, now) = outbox();
        outbox.push(Act::Stop, Bytes::new(), now).unwrap();
        outbox.handle_attached(0);
        assert_eq!(sent(&mut outbox), [1]);
        outbox.handle_disconnected();
        outbox.handle_timeout(now + PATIENCE);
        assert_eq!(settled(&mut outbox), [Settled::Expired { ticket: Ticket(1), sent: true }]);
        assert_eq!(outbox.poll_timeout(), None);
        outbox.handle_attached(0);
        assert_eq!(outbox.poll_send(), Some(Outgoing { n: 1, act: Act::Input, payload: Bytes::new() }));
        outbox.handle_applied(1);
        assert!(settled(&mut outbox).is_empty());
    }

    #[test]
    fn a_paste_is_bounded_on_the_way_and_here() {
        let (mut outbox, now) = outbox();
        let paste = Bytes::from(vec![b'x'; 100 << 20]);
        let mut taken = outbox.push_input(&paste, now);
        assert!(taken <= MAX_WAITING);
        outbox.handle_attached(0);
        let mut n = 0;
        while taken < paste.len() {
            let mut under_way = 0;
            while let Some(command) = outbox.poll_send() {
                n = command.n;
                under_way += command.payload.len();
            }
            assert!(under_way <= SEND_WINDOW + MAX_PAYLOAD);
            outbox.handle_applied(n);
            taken += outbox.push_input(&paste.slice(taken..), now);
            while outbox.poll_settled().is_some() {}
        }
    }

    #[test]
    fn thousands_of_small_commands_are_sent_a_few_hundred_at_a_time() {
        let (mut outbox, now) = outbox();
        for _ in 0..MAX_COMMANDS {
            outbox.push(Act::Input, Bytes::from_static(b"x"), now).unwrap();
        }
        assert_eq!(outbox.push(Act::Interrupt, Bytes::new(), now), Err(Full));
        outbox.handle_attached(0);
        let (mut under_way, mut seen) = (sent(&mut outbox), 0);
        assert_eq!(under_way.len(), MAX_UNSETTLED);
        while let Some(n) = under_way.first().copied() {
            assert_eq!(n, seen + 1);
            seen = n;
            outbox.handle_applied(n);
            under_way.remove(0);
            under_way.extend(sent(&mut outbox));
            assert!(under_way.len() <= MAX_UNSETTLED);
        }
        assert_eq!(seen, MAX_COMMANDS as u64);
    }

    #[test]
    fn a_resize_that_was_not_sent_yet_is_replaced_by_a_newer_one() {
        let (mut outbox, now) = outbox();
        assert_eq!(outbox.push(resize(80), Bytes::new(), now), Ok(Ticket(1)));
        outbox.push(Act::TakeSize, Bytes::new(), now).unwrap();
        for cols in 81..=120 {
            assert_eq!(outbox.push(resize(cols), Bytes::new(), now), Ok(Ticket(1)));
        }
        outbox.handle_attached(0);
        assert_eq!(acts(&mut outbox), [(1, resize(120)), (2, Act::TakeSize)]);
        outbox.handle_applied(2);
        assert_eq!(settled(&mut outbox), [Settled::Applied(Ticket(1)), Settled::Applied(Ticket(2))]);
        assert_eq!(outbox.waiting_bytes, 0);
    }

    #[test]
    fn a_resize_that_was_sent_stays_what_it_is_and_a_newer_one_comes_behind_it() {
        let (mut outbox, now) = outbox();
        outbox.handle_attached(0);
        outbox.push(resize(80), Bytes::new(), now).unwrap();
        assert_eq!(acts(&mut outbox), [(1, resize(80))]);
        outbox.handle_disconnected();
        for cols in [90, 100] {
            assert_eq!(outbox.push(resize(cols), Bytes::new(), now), Ok(Ticket(2)));
        }
        outbox.handle_attached(0);
        assert_eq!(acts(&mut outbox), [(1, resize(80)), (2, resize(100))]);
    }

    #[test]
    fn an_old_resize_has_not_the_last_word_over_the_size_of_the_attach() {
        let (mut outbox, now) = outbox();
        outbox.handle_attached(0);
        outbox.push(resize(80), Bytes::new(), now).unwrap();
        assert_eq!(acts(&mut outbox), [(1, resize(80))]);
        for (cols, n) in [(80, None), (100, Some(2)), (100, Some(2)), (120, Some(3))] {
            outbox.handle_disconnected();
            outbox.handle_attached(0);
            outbox.handle_screen(size(cols), now);
            let sent = acts(&mut outbox);
            assert_eq!(sent[0], (1, resize(80)), "a number that was given out stays the same command");
            assert_eq!(sent.last().unwrap(), &(n.unwrap_or(1), resize(cols)));
        }
        // Nobody gave the later ones, so nobody is told of them.
        outbox.handle_applied(3);
        assert_eq!(settled(&mut outbox), [Settled::Applied(Ticket(1))]);
        assert!(outbox.is_empty() && outbox.sent_bytes == 0 && outbox.waiting_bytes == 0);
        outbox.handle_screen(size(90), now);
        assert!(outbox.is_empty(), "the attach has said it");
    }

    #[test]
    fn one_that_waits_unsent_becomes_the_size_of_the_attach() {
        let (mut outbox, now) = outbox();
        outbox.push(resize(80), Bytes::new(), now).unwrap();
        outbox.handle_attached(0);
        outbox.handle_screen(size(100), now);
        assert_eq!(acts(&mut outbox), [(1, resize(100))]);
    }

    #[test]
    fn numbers_that_were_never_sent_change_nothing() {
        let (mut outbox, now) = outbox();
        outbox.push(Act::Stop, Bytes::new(), now).unwrap();
        outbox.handle_attached(99);
        outbox.handle_applied(u64::MAX);
        outbox.handle_refused(0, failure());
        outbox.handle_refused(u64::MAX, failure());
        assert!(settled(&mut outbox).is_empty());
        assert_eq!(sent(&mut outbox), [1]);
    }
}
