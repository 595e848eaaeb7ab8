//! Programs that ask outside of any session: each question has a session of its own, so that the host bounds what a keeper
//! bounds within one. It is counted in memory: another daemon counts anew.

use crate::board::Board;
use crate::core::failure;
use session::id::SessionId;
use session::message::{ErrorKind, Failure, RunState};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Such questions that may wait at once; more are refused.
const MAX_WAITING: usize = 8;
/// Such questions within [`A_MINUTE`]; more are refused, so that nobody is buried by a loop.
const MAX_ASKED: usize = 20;
const A_MINUTE: Duration = Duration::from_mins(1);

#[derive(Default)]
struct Inner {
    /// When the last ones were asked.
    asked: VecDeque<Instant>,
    /// Sessions that are being started.
    starting: usize,
    /// Those that were, as far as they are known to run.
    waiting: Vec<SessionId>,
}

/// What was asked of late, and what waits.
#[derive(Default)]
pub(crate) struct Asks {
    inner: Mutex<Inner>,
}

/// Room for one more, until this is dropped or its session stands.
pub(crate) struct Room<'a>(&'a Asks);

impl Asks {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one more question; or why there is none.
    pub fn enter(&self, board: &Board, now: Instant) -> Result<Room<'_>, Failure> {
        let limited = |message: String, hint: &str| Err(failure(ErrorKind::Limited, message, hint));
        let mut inner = self.lock();
        while inner.asked.front().is_some_and(|at| now.duration_since(*at) > A_MINUTE) {
            inner.asked.pop_front();
        }
        let runs = |id: &SessionId| board.summary(id).is_some_and(|one| one.run == RunState::Running);
        inner.waiting.retain(runs);
        if inner.asked.len() >= MAX_ASKED {
            let message =
                format!("programs outside of sessions have asked {MAX_ASKED} times within a minute");
            return limited(message, "ask again in a minute");
        }
        if inner.waiting.len() + inner.starting >= MAX_WAITING {
            let message = format!("{MAX_WAITING} questions of programs outside of sessions wait already");
            return limited(message, "`longrein approvals` lists them");
        }
        inner.asked.push_back(now);
        inner.starting += 1;
        Ok(Room(self))
    }
}

impl Room<'_> {
    /// The question's session was started.
    pub fn stands(self, session: SessionId) {
        self.0.lock().waiting.push(session);
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.0.lock().starting -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_outside_of_sessions_too_often_is_refused_for_a_minute() {
        let (asks, board, start) = (Asks::default(), Board::default(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for n in 0..20 {
            // Nobody waits any more: none of their sessions is there.
            asks.enter(&board, at(n)).unwrap_or_else(|why| panic!("{n}: {why}")).stands(session(n));
        }
        let why = asks.enter(&board, at(60)).err().expect("it is one too many");
        assert!(why.message.contains("20 times") && why.hint.contains("minute"), "{why:?}");
        assert!(asks.enter(&board, at(61)).is_ok(), "the first was more than a minute ago");
    }

    #[test]
    fn what_is_being_started_counts_until_it_stands_or_fails() {
        let (asks, board, now) = (Asks::default(), Board::default(), Instant::now());
        let rooms: Vec<_> = (0..8).map(|_| asks.enter(&board, now).expect("there is room")).collect();
        let why = asks.enter(&board, now).err().expect("it is one too many");
        assert!(why.message.contains("8 questions"), "{why:?}");
        drop(rooms);
        assert!(asks.enter(&board, now).is_ok());
    }

    fn session(n: u64) -> SessionId {
        SessionId::from_random([u8::try_from(n).unwrap(); 10])
    }
}
