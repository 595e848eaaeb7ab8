//! The keeper's side of commands: each number of a stream is taken once, in order.

use crate::id::StreamId;
use crate::message::Failure;
use crate::outbox::MAX_UNSETTLED;
use std::collections::{HashMap, VecDeque};

/// Streams that are remembered. Beyond it the one that was quiet longest is forgotten, if it was quiet for [`KEEP_MS`];
/// until then a new stream is refused.
pub const MAX_STREAMS: usize = 4096;
/// Of those, how many one device may have begun; so no device can keep the others from being heard.
pub const MAX_OF_DEVICE: usize = 256;
/// How long a stream is remembered at least, in milliseconds: a day.
pub const KEEP_MS: u64 = 24 * 60 * 60 * 1000;

/// Refusals that are remembered for each stream, for a client whose answer was lost; the oldest is forgotten beyond it.
/// No client waits for more answers than that.
pub const MAX_REFUSED: usize = MAX_UNSETTLED;

/// Refusals that are remembered in all. Beyond it the stream that was quiet longest loses its oldest.
pub const MAX_REFUSED_IN_ALL: usize = 16 * 1024;

/// Whose numbering: the device as text (empty for local programs), so that no device can use another's stream.
pub type Key = (String, StreamId);

/// What to do with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It is the next one: apply it, then [`Inbox::handle_settled`].
    New,
    /// It was settled before: answer so again.
    Settled,
    /// It was taken before and is not settled yet: the answer comes.
    Pending,
    /// One before it is missing; `expected` is the next number.
    Gap {
        /// The next number.
        expected: u64,
    },
    /// Too many streams.
    Full,
}

/// A stream as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Whose.
    pub key: Key,
    /// The last settled number.
    pub settled: u64,
    /// When it last spoke, Unix milliseconds.
    pub at: u64,
    /// The commands that were refused and why, oldest first, [`MAX_REFUSED`] at most.
    pub refused: VecDeque<(u64, Failure)>,
}

#[derive(Clone, Debug)]
struct State {
    taken: u64,
    settled: u64,
    at: u64,
    changed: bool,
    refused: VecDeque<(u64, Failure)>,
}

/// The machine, one per session.
#[derive(Debug, Default)]
pub struct Inbox {
    streams: HashMap<Key, State>,
}

impl Inbox {
    /// With what was stored.
    pub fn new(stored: impl IntoIterator<Item = Stream>) -> Self {
        let state = |s: Stream| (s.key, State { refused: s.refused, ..State::new(s.settled, s.at) });
        Self { streams: stored.into_iter().map(state).collect() }
    }

    /// The last settled number of a stream; 0 where it is new.
    pub fn settled(&self, key: &Key) -> u64 {
        self.streams.get(key).map_or(0, |state| state.settled)
    }

    /// A command came.
    pub fn handle(&mut self, key: &Key, n: u64, now_ms: u64) -> Receipt {
        if !self.streams.contains_key(key) {
            if n != 1 {
                return Receipt::Gap { expected: 1 };
            }
            // Local programs have no device, and each invocation is one of its own.
            let (device, _) = key;
            let of_device = |(other, _): &Key| !device.is_empty() && other == device;
            let own = self.streams.keys().filter(|other| of_device(other)).count();
            if own >= MAX_OF_DEVICE && !self.forget_one(now_ms, of_device) {
                return Receipt::Full;
            }
            if self.streams.len() >= MAX_STREAMS && !self.forget_one(now_ms, |_| true) {
                return Receipt::Full;
            }
            self.streams.insert(key.clone(), State::new(0, now_ms));
        }
        let Some(state) = self.streams.get_mut(key) else { return Receipt::Full };
        if n <= state.settled {
            return Receipt::Settled;
        }
        if n <= state.taken {
            return Receipt::Pending;
        }
        if n != state.taken + 1 {
            return Receipt::Gap { expected: state.taken + 1 };
        }
        state.taken = n;
        state.at = now_ms;
        Receipt::New
    }

    /// A command that was taken is settled, and so are those before it.
    pub fn handle_settled(&mut self, key: &Key, n: u64) {
        if let Some(state) = self.streams.get_mut(key) {
            state.settled = state.settled.max(n.min(state.taken));
            state.changed = true;
        }
    }

    /// As [`Inbox::handle_settled`], without effect. A client that reconnects is told so again, before it is told how far its
    /// commands are settled: otherwise it would take it for done.
    pub fn handle_refused(&mut self, key: &Key, n: u64, why: Failure) {
        self.handle_settled(key, n);
        let refused: usize = self.streams.values().map(|state| state.refused.len()).sum();
        let remembered = self.streams.values_mut().filter(|state| !state.refused.is_empty());
        if refused >= MAX_REFUSED_IN_ALL
            && let Some(oldest) = remembered.min_by_key(|state| state.at)
        {
            oldest.refused.pop_front();
        }
        if let Some(state) = self.streams.get_mut(key) {
            if state.refused.len() >= MAX_REFUSED {
                state.refused.pop_front();
            }
            state.refused.push_back((n, why));
        }
    }

    /// The commands of a stream that were refused, oldest first, as far as they are remembered.
    pub fn refused<'a>(&'a self, key: &Key) -> impl Iterator<Item = (u64, &'a Failure)> + use<'a> {
        self.streams.get(key).into_iter().flat_map(|state| state.refused.iter().map(|(n, why)| (*n, why)))
    }

    /// The streams that changed since this was last asked, to be stored.
    pub fn poll_changed(&mut self) -> Vec<Stream> {
        let changed = self.streams.iter_mut().filter(|(_, state)| state.changed);
        changed
            .map(|(key, state)| {
                state.changed = false;
                let refused = state.refused.clone();
                Stream { key: key.clone(), settled: state.settled, at: state.at, refused }
            })
            .collect()
    }

    fn forget_one(&mut self, now_ms: u64, of: impl Fn(&Key) -> bool) -> bool {
        let quiet = self.streams.iter().filter(|(key, state)| of(key) && state.taken == state.settled);
        let oldest = quiet.min_by_key(|(_, state)| state.at).map(|(key, state)| (key.clone(), state.at));
        match oldest {
            Some((key, at)) if now_ms.saturating_sub(at) >= KEEP_MS => self.streams.remove(&key).is_some(),
            _ => false,
        }
    }
}

impl State {
    fn new(settled: u64, at: u64) -> Self {
        Self { taken: settled, settled, at, changed: false, refused: VecDeque::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(device: &str) -> Key {
        (device.to_owned(), StreamId::from_random([1; 10]))
    }

    #[test]
    fn a_number_is_taken_once_and_in_order() {
        let mut inbox = Inbox::default();
        let a = key("a");
        assert_eq!(inbox.handle(&a, 2, 0), Receipt::Gap { expected: 1 });
        assert_eq!(inbox.handle(&a, 1, 0), Receipt::New);
        assert_eq!(inbox.handle(&a, 1, 0), Receipt::Pending);
        assert_eq!(inbox.handle(&a, 2, 0), Receipt::New);
        assert_eq!(inbox.handle(&a, 4, 0), Receipt::Gap { expected: 3 });
        inbox.handle_settled(&a, 1);
        assert_eq!(inbox.handle(&a, 1, 0), Receipt::Settled);
        assert_eq!(inbox.handle(&a, 2, 0), Receipt::Pending);
        inbox.handle_settled(&a, 99);
        assert_eq!(inbox.settled(&a), 2);
        assert_eq!(inbox.handle(&a, 0, 0), Receipt::Settled);
        assert_eq!(inbox.handle(&key("b"), 1, 0), Receipt::New);
    }

    #[test]
    fn what_was_stored_is_not_applied_again() {
        let mut inbox = Inbox::default();
        let a = key("a");
        inbox.handle(&a, 1, 7);
        inbox.handle_settled(&a, 1);
        let stored = inbox.poll_changed();
        assert_eq!(stored, [Stream { key: a.clone(), settled: 1, at: 7, refused: VecDeque::new() }]);
        assert!(inbox.poll_changed().is_empty());
        let mut inbox = Inbox::new(stored);
        assert_eq!(inbox.handle(&a, 1, 9), Receipt::Settled);
        assert_eq!(inbox.handle(&a, 2, 9), Receipt::New);
    }

    #[test]
    fn refusals_are_remembered_up_to_a_bound() {
        let (mut inbox, a) = (Inbox::default(), key("a"));
        let why = crate::later::Later::refusal();
        for n in 1..=1000 {
            assert_eq!(inbox.handle(&a, n, 0), Receipt::New);
            inbox.handle_refused(&a, n, why.clone());
        }
        assert_eq!(inbox.settled(&a), 1000);
        let last: Vec<u64> = (1001 - MAX_REFUSED as u64..=1000).collect();
        let refused = |inbox: &Inbox| inbox.refused(&a).map(|(n, _)| n).collect::<Vec<u64>>();
        assert_eq!(refused(&inbox), last);
        assert_eq!(inbox.refused(&key("b")).count(), 0);
        // And as well by what comes after the process.
        assert_eq!(refused(&Inbox::new(inbox.poll_changed())), last);
    }

    #[test]
    fn refusals_of_all_streams_together_are_bounded() {
        let mut inbox = Inbox::default();
        let last = MAX_REFUSED_IN_ALL / MAX_REFUSED;
        for device in 0..=last {
            let a = key(&device.to_string());
            for n in 1..=MAX_REFUSED as u64 {
                assert_eq!(inbox.handle(&a, n, device as u64), Receipt::New);
                inbox.handle_refused(&a, n, crate::later::Later::refusal());
            }
        }
        assert_eq!(inbox.refused(&key("0")).count(), 0);
        assert_eq!(inbox.refused(&key("1")).count(), MAX_REFUSED);
        assert_eq!(inbox.refused(&key(&last.to_string())).count(), MAX_REFUSED);
    }

    #[test]
    fn no_device_takes_the_place_of_another() {
        let mut inbox = Inbox::default();
        let stream = |device: &str, n: u8| (device.to_owned(), StreamId::from_random([n; 10]));
        for n in 0..=255 {
            assert_eq!(inbox.handle(&stream("one", n), 1, 0), Receipt::New);
            assert_eq!(inbox.handle(&stream("", n), 1, 0), Receipt::New);
            inbox.handle_settled(&stream("one", n), 1);
        }
        let more = ("one".to_owned(), StreamId::from_random([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
        assert_eq!(inbox.handle(&more, 1, KEEP_MS - 1), Receipt::Full);
        assert_eq!(inbox.handle(&stream("two", 1), 1, KEEP_MS - 1), Receipt::New);
        assert_eq!(inbox.handle(&(String::new(), more.1.clone()), 1, KEEP_MS - 1), Receipt::New);
        assert_eq!(inbox.handle(&more, 1, KEEP_MS), Receipt::New);
    }

    #[test]
    fn streams_are_bounded_and_kept_for_a_day() {
        let mut inbox = Inbox::default();
        for n in 0..MAX_STREAMS {
            assert_eq!(inbox.handle(&key(&n.to_string()), 1, n as u64), Receipt::New);
            inbox.handle_settled(&key(&n.to_string()), 1);
        }
        assert_eq!(inbox.handle(&key("new"), 1, KEEP_MS - 1), Receipt::Full);
        assert_eq!(inbox.handle(&key("new"), 1, KEEP_MS), Receipt::New);
        assert_eq!(inbox.settled(&key("0")), 0);
        assert_eq!(inbox.settled(&key("1")), 1);
    }
}
