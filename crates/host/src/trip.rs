//! How old what comes from a client may be: it is asked now and then, and has to answer in time. Pure.
//!
//! Whoever carries a channel could pass what the client says so slowly that each record is a sign of life and all are
//! late; then a command could take effect long after its person was told that it had failed.

use std::time::{Duration, Instant};

/// A client is asked this often at least.
const EVERY: Duration = Duration::from_mins(1);
/// An answer takes no longer. Enough for a window of output ahead of it on the slowest link that is of any use.
const LONGEST: Duration = Duration::from_mins(2);

/// What there is to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Ask.
    Ask,
    /// Give the channel up.
    Late,
}

/// The questions to one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trip {
    /// The oldest that is not answered.
    asked: Option<(u64, Instant)>,
    answered: Instant,
}

impl Trip {
    pub fn new(now: Instant) -> Self {
        Self { asked: None, answered: now }
    }

    /// It was asked, for whatever reason.
    pub fn handle_asked(&mut self, sent: u64, now: Instant) {
        self.asked.get_or_insert((sent, now));
    }

    /// It answered this or an earlier question.
    pub fn handle_answer(&mut self, sent: u64, now: Instant) {
        if self.asked.is_some_and(|(asked, _)| asked <= sent) {
            *self = Self::new(now);
        }
    }

    pub fn poll_timeout(&self) -> Instant {
        self.asked.map_or(self.answered + EVERY, |(_, at)| at + LONGEST)
    }

    pub fn handle_timeout(&self, now: Instant) -> Option<Due> {
        if now < self.poll_timeout() {
            return None;
        }
        Some(if self.asked.is_some() { Due::Late } else { Due::Ask })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_client_whose_answers_come_late_is_given_up_however_much_else_comes() {
        let start = Instant::now();
        let mut trip = Trip::new(start);
        assert_eq!(trip.handle_timeout(start + 59 * SECOND), None);
        assert_eq!(trip.handle_timeout(start + 60 * SECOND), Some(Due::Ask));
        trip.handle_asked(60_000, start + 60 * SECOND);
        trip.handle_asked(70_000, start + 70 * SECOND);
        assert_eq!(trip.handle_timeout(start + 179 * SECOND), None);
        // The answer to an older question, or to none.
        trip.handle_answer(59_999, start + 100 * SECOND);
        assert_eq!(trip.poll_timeout(), start + 180 * SECOND);
        assert_eq!(trip.handle_timeout(start + 180 * SECOND), Some(Due::Late));
    }

    #[test]
    fn a_client_that_answers_is_asked_once_a_minute() {
        let start = Instant::now();
        let mut trip = Trip::new(start);
        trip.handle_asked(7, start);
        trip.handle_answer(7, start + 50 * SECOND);
        assert_eq!(trip.handle_timeout(start + 109 * SECOND), None);
        assert_eq!(trip.handle_timeout(start + 110 * SECOND), Some(Due::Ask));
    }
}
