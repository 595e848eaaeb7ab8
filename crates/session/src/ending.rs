//! When a session ends by itself, and when that is to be said.
//!
//! Time is the wall clock's, in Unix milliseconds, so that a machine that sleeps does not stretch a session. What always
//! holds: whoever follows the session is told [`NOTICE_MS`] before, or at once where less is left; and told again when what
//! they were told does not hold any more.

use crate::message::{ErrorKind, Event, Failure, Ttl};

/// How long before its end a session says so, in milliseconds: ten minutes.
pub const NOTICE_MS: u64 = 10 * 60 * 1000;
/// The longest that a session can be given, in seconds: a year.
pub const MAX_SECONDS: u32 = 365 * 24 * 60 * 60;

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Log this.
    Say(Event),
    /// End the session.
    End,
}

/// The machine, one per session.
#[derive(Debug, Default)]
pub struct Ending {
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// It does not.
    #[default]
    Off,
    /// At this time.
    At { ends_at: u64, said: bool },
    /// It was told to.
    Over,
}

impl Ending {
    /// When, where it does.
    pub fn ends_at(&self) -> Option<u64> {
        match self.state {
            State::At { ends_at, .. } => Some(ends_at),
            State::Off | State::Over => None,
        }
    }

    /// Somebody says when. Returns what is to be logged, if anything.
    pub fn handle_ttl(&mut self, ttl: Ttl, now: u64) -> Result<Option<Event>, Failure> {
        let said = match self.state {
            State::Off => false,
            State::At { said, .. } => said,
            State::Over => {
                let message = "the session's time is over already".to_owned();
                return Err(Failure { kind: ErrorKind::Ended, message, hint: "start it again".to_owned() });
            }
        };
        let (from, seconds) = match ttl {
            Ttl::Off => {
                self.state = State::Off;
                return Ok(said.then_some(Event::Ending { ends_at: None }));
            }
            Ttl::In { seconds } => (now, seconds),
            Ttl::More { seconds } => (self.ends_at().unwrap_or(now), seconds),
        };
        check(seconds)?;
        let ends_at = from.saturating_add(u64::from(seconds) * 1000);
        if ends_at > now.saturating_add(u64::from(MAX_SECONDS) * 1000) {
            return Err(too_long());
        }
        let soon = ends_at.saturating_sub(NOTICE_MS) <= now;
        self.state = State::At { ends_at, said: soon };
        Ok((said || soon).then_some(Event::Ending { ends_at: Some(ends_at) }))
    }

    /// When [`Ending::handle_timeout`] is due: to say that the end is near, or to end.
    pub fn poll_timeout(&self) -> Option<u64> {
        match self.state {
            State::At { ends_at, said: true } => Some(ends_at),
            State::At { ends_at, said: false } => Some(ends_at.saturating_sub(NOTICE_MS)),
            State::Off | State::Over => None,
        }
    }

    /// What is due at this time. For a machine that slept over it, the notice is due first, and then the end at once: the
    /// log says in any case why the session ended.
    pub fn handle_timeout(&mut self, now: u64) -> Option<Due> {
        let State::At { ends_at, said } = self.state else { return None };
        if self.poll_timeout().is_none_or(|at| now < at) {
            return None;
        }
        if said {
            self.state = State::Over;
            return Some(Due::End);
        }
        self.state = State::At { ends_at, said: true };
        Some(Due::Say(Event::Ending { ends_at: Some(ends_at) }))
    }
}

/// Whether a session can be given so many seconds.
pub fn check(seconds: u32) -> Result<(), Failure> {
    if seconds == 0 {
        let message = "a session cannot be given no time at all".to_owned();
        return Err(Failure { kind: ErrorKind::Invalid, message, hint: "end it instead".to_owned() });
    }
    if seconds > MAX_SECONDS { Err(too_long()) } else { Ok(()) }
}

fn too_long() -> Failure {
    Failure {
        kind: ErrorKind::Invalid,
        message: "a session can be given a year at most".to_owned(),
        hint: "without an end of its own it runs for as long as its program does".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;
    const NOW: u64 = 1_790_000_000_000;

    fn at(ends_at: u64) -> Event {
        Event::Ending { ends_at: Some(ends_at) }
    }

    #[test]
    fn the_end_is_said_ten_minutes_before_once_and_then_comes() {
        let mut ending = Ending::default();
        assert_eq!((ending.poll_timeout(), ending.handle_timeout(NOW)), (None, None));
        assert_eq!(ending.handle_ttl(Ttl::In { seconds: 7200 }, NOW), Ok(None));
        let ends_at = NOW + 120 * MINUTE;
        assert_eq!(ending.ends_at(), Some(ends_at));
        assert_eq!(ending.poll_timeout(), Some(NOW + 110 * MINUTE));
        assert_eq!(ending.handle_timeout(NOW + 109 * MINUTE), None);
        assert_eq!(ending.handle_timeout(NOW + 110 * MINUTE), Some(Due::Say(at(ends_at))));
        assert_eq!(ending.handle_timeout(NOW + 111 * MINUTE), None);
        assert_eq!(ending.poll_timeout(), Some(ends_at));
        assert_eq!(ending.handle_timeout(ends_at), Some(Due::End));
        assert_eq!(
            (ending.ends_at(), ending.poll_timeout(), ending.handle_timeout(ends_at)),
            (None, None, None)
        );
        assert_eq!(ending.handle_ttl(Ttl::Off, ends_at).unwrap_err().kind, ErrorKind::Ended);
    }

    #[test]
    fn less_than_ten_minutes_are_said_at_once() {
        let mut ending = Ending::default();
        assert_eq!(ending.handle_ttl(Ttl::In { seconds: 30 }, NOW), Ok(Some(at(NOW + 30_000))));
        assert_eq!(ending.poll_timeout(), Some(NOW + 30_000));
    }

    #[test]
    fn what_was_said_is_put_right_when_it_changes() {
        let mut ending = Ending::default();
        ending.handle_ttl(Ttl::In { seconds: 60 }, NOW).unwrap();
        let later = NOW + 31 * MINUTE;
        assert_eq!(ending.handle_ttl(Ttl::More { seconds: 1800 }, NOW), Ok(Some(at(later))));
        // Nobody holds it to be near any more, so that it is said again when it is.
        assert_eq!(ending.handle_ttl(Ttl::More { seconds: 1800 }, NOW), Ok(None));
        assert_eq!(ending.poll_timeout(), Some(NOW + 51 * MINUTE));
        assert_eq!(ending.handle_ttl(Ttl::Off, NOW), Ok(None));
        ending.handle_ttl(Ttl::In { seconds: 60 }, NOW).unwrap();
        assert_eq!(ending.handle_ttl(Ttl::Off, NOW), Ok(Some(Event::Ending { ends_at: None })));
        assert_eq!(ending.ends_at(), None);
    }

    #[test]
    fn more_of_none_counts_from_now_and_nothing_goes_beyond_a_year() {
        let mut ending = Ending::default();
        ending.handle_ttl(Ttl::More { seconds: 3600 }, NOW).unwrap();
        assert_eq!(ending.ends_at(), Some(NOW + 60 * MINUTE));
        for wrong in [
            Ttl::In { seconds: 0 },
            Ttl::More { seconds: 0 },
            Ttl::In { seconds: MAX_SECONDS + 1 },
            Ttl::More { seconds: MAX_SECONDS },
        ] {
            assert_eq!(ending.handle_ttl(wrong, NOW).unwrap_err().kind, ErrorKind::Invalid, "{wrong:?}");
            assert_eq!(ending.ends_at(), Some(NOW + 60 * MINUTE));
        }
    }

    #[test]
    fn a_machine_that_slept_over_it_ends_the_session_on_waking() {
        let mut ending = Ending::default();
        ending.handle_ttl(Ttl::In { seconds: 7200 }, NOW).unwrap();
        let (ends_at, waking) = (NOW + 120 * MINUTE, NOW + 900 * MINUTE);
        assert_eq!(ending.handle_timeout(waking), Some(Due::Say(at(ends_at))));
        assert_eq!(ending.handle_timeout(waking), Some(Due::End));
    }
}
