//! The sessions that API tokens had started for conversations, so that none starts agents without end. A daemon that is
//! started anew counts from nothing.

use crate::core::failure;
use session::id::SessionId;
use session::message::{ErrorKind, Failure};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Agents of one token that run at once.
const MAX_RUNNING: usize = 16;

/// Those of one token.
#[derive(Default)]
struct Own {
    sessions: Vec<SessionId>,
    /// Being started.
    starting: usize,
}

/// All of them, by the token's name.
#[derive(Default)]
pub(crate) struct Opened {
    tokens: Mutex<HashMap<String, Own>>,
}

/// Room for one more, until this is dropped or it has started.
pub(crate) struct Room<'a> {
    all: &'a Opened,
    token: &'a str,
}

impl Opened {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Own>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one more of a token's, of which none is counted that does not run any more.
    pub fn enter<'a>(
        &'a self,
        token: &'a str,
        runs: impl Fn(&SessionId) -> bool,
    ) -> Result<Room<'a>, Failure> {
        let mut tokens = self.lock();
        tokens.retain(|_, own| {
            own.sessions.retain(&runs);
            own.starting > 0 || !own.sessions.is_empty()
        });
        let own = tokens.entry(token.to_owned()).or_default();
        if own.sessions.len() + own.starting >= MAX_RUNNING {
            let message = format!("{MAX_RUNNING} conversations that this token began are held already");
            let hint = "go on with one by its `conv_id`, or end one with /api/reset";
            return Err(failure(ErrorKind::Limited, message, hint));
        }
        own.starting += 1;
        Ok(Room { all: self, token })
    }
}

impl Room<'_> {
    /// It has started.
    pub fn started(self, session: &SessionId) {
        self.all.lock().entry(self.token.to_owned()).or_default().sessions.push(session.clone());
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Some(own) = self.all.lock().get_mut(self.token) {
            own.starting -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_so_many_agents_at_once_and_no_more_while_they_start() {
        let opened = Opened::default();
        let session = |n: usize| SessionId::from_random([u8::try_from(n).unwrap(); 10]);
        let starting: Vec<_> = (0..MAX_RUNNING).map(|_| opened.enter("a", |_| true).unwrap()).collect();
        assert_eq!(opened.enter("a", |_| true).err().map(|why| why.kind), Some(ErrorKind::Limited));
        assert!(opened.enter("b", |_| true).is_ok(), "another's");
        for (n, room) in starting.into_iter().enumerate() {
            if n == 0 {
                drop(room);
            } else {
                room.started(&session(n));
            }
        }
        let last = opened.enter("a", |_| true).expect("one did not start");
        last.started(&session(0));
        assert!(opened.enter("a", |_| true).is_err());
        assert!(opened.enter("a", |id| *id != session(3)).is_ok(), "one has ended");
    }
}
