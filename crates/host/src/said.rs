//! What API tokens say and type, on record: in which session, whose token, how much; never what.

use crate::core::{Core, now_ms};
use crate::tokens::Bearing;
use serde_json::json;
use session::id::SessionId;
use session::message::Act;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Keys come one by one: of one token's in one session a line is written at most this often.
const EVERY: Duration = Duration::from_secs(5);
/// Of so many tokens and sessions is counted; what more of them type has a line each time.
const MAX_COUNTED: usize = 64;

/// What was typed and has no line yet.
struct Typed {
    token: String,
    session: SessionId,
    since: Instant,
    bytes: usize,
}

/// All of it.
#[derive(Default)]
pub(crate) struct Said {
    typed: Mutex<Vec<Typed>>,
}

/// When a line is written of what was typed.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    /// Of this.
    Now,
    /// Of this and what follows, after a while.
    Later,
    /// With others, of which a line will be written.
    Counted,
}

impl Said {
    fn due(&self, token: &str, session: &SessionId, bytes: usize, now: Instant) -> Due {
        let mut all = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        // Of those that have their lines nothing need be known.
        all.retain(|one| one.bytes > 0 || now.saturating_duration_since(one.since) < EVERY);
        if let Some(known) = all.iter_mut().find(|one| one.token == token && one.session == *session) {
            let first = known.bytes == 0 && bytes > 0;
            known.bytes += bytes;
            return if first { Due::Later } else { Due::Counted };
        }
        if all.len() < MAX_COUNTED {
            all.push(Typed { token: token.to_owned(), session: session.clone(), since: now, bytes: 0 });
        }
        Due::Now
    }

    /// What was counted, of which a line is written now.
    fn take(&self, token: &str, session: &SessionId) -> usize {
        let mut all = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter_mut().find(|one| one.token == token && one.session == *session);
        known.map_or(0, |known| {
            known.since = Instant::now();
            std::mem::take(&mut known.bytes)
        })
    }
}

/// Puts on record what a token has done, where it was one.
pub(crate) fn record(core: &Arc<Core>, by: Option<&Bearing>, act: &Act, session: &SessionId, bytes: usize) {
    let Some(Bearing { name, .. }) = by else { return };
    match act {
        Act::Input => match core.said.due(name, session, bytes, Instant::now()) {
            Due::Now => write(core, "session.input", name, session, bytes),
            Due::Later => {
                let (core, name, session) = (Arc::clone(core), name.clone(), session.clone());
                tokio::spawn(async move {
                    sleep(EVERY).await;
                    let bytes = core.said.take(&name, &session);
                    write(&core, "session.input", &name, &session, bytes);
                });
            }
            Due::Counted => {}
        },
        Act::Prompt { .. } => write(core, "session.prompt", name, session, bytes),
        Act::Interrupt => write(core, "session.interrupt", name, session, 0),
        _ => {}
    }
}

fn write(core: &Core, what: &str, name: &str, session: &SessionId, bytes: usize) {
    let detail = json!({ "session": session, "by": format!("token {name}"), "bytes": bytes });
    core.devices.audit(now_ms(), what, &detail);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_in_a_flood_is_counted_and_written_now_and_then() {
        let (said, start) = (Said::default(), Instant::now());
        let session = |n| SessionId::from_random([n; 10]);
        assert_eq!(said.due("a", &session(1), 3, start), Due::Now);
        assert_eq!(said.due("a", &session(1), 2, start + EVERY / 2), Due::Later);
        assert_eq!(said.due("a", &session(1), 5, start + EVERY / 2), Due::Counted);
        assert_eq!(said.due("b", &session(1), 7, start + EVERY / 2), Due::Now, "somebody else");
        assert_eq!(said.due("a", &session(2), 8, start + EVERY / 2), Due::Now, "somewhere else");
        assert_eq!(said.take("a", &session(1)), 7);
        assert_eq!(said.due("a", &session(1), 1, Instant::now() + EVERY * 2), Due::Now);
        for n in 0..200 {
            assert_eq!(said.due("c", &session(n), 1, start + EVERY * 2), Due::Now);
        }
        assert!(said.typed.lock().unwrap().len() <= MAX_COUNTED);
    }
}
