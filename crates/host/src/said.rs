//! What API tokens say and type, on record: in which session, whose token, how much; never what.

use crate::core::{Core, now_ms};
use crate::tokens::Bearing;
use serde_json::json;
use session::id::SessionId;
use session::message::Act;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Keys come one by one: of one token's in one session a line is written at most this often.
const EVERY: Duration = Duration::from_secs(5);
/// Of so many tokens and sessions is counted apart; the one that was quiet the longest makes way.
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

impl Said {
    /// How many bytes a line is due for, if one is.
    fn due(&self, token: &str, session: &SessionId, bytes: usize, now: Instant) -> Option<usize> {
        let mut all = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.iter_mut().find(|one| one.token == token && one.session == *session) {
            known.bytes += bytes;
            let due = now.saturating_duration_since(known.since) >= EVERY;
            return due.then(|| {
                known.since = now;
                std::mem::take(&mut known.bytes)
            });
        }
        if all.len() >= MAX_COUNTED
            && let Some(quiet) = all.iter().enumerate().min_by_key(|(_, one)| one.since).map(|(at, _)| at)
        {
            all.swap_remove(quiet);
        }
        all.push(Typed { token: token.to_owned(), session: session.clone(), since: now, bytes: 0 });
        Some(bytes)
    }
}

/// Puts on record what a token has done, where it was one.
pub(crate) fn record(core: &Core, by: Option<&Bearing>, act: &Act, session: &SessionId, bytes: usize) {
    let Some(Bearing { name, .. }) = by else { return };
    let (what, bytes) = match act {
        Act::Input => ("session.input", core.said.due(name, session, bytes, Instant::now())),
        Act::Prompt { .. } => ("session.prompt", Some(bytes)),
        Act::Interrupt => ("session.interrupt", Some(0)),
        _ => return,
    };
    if let Some(bytes) = bytes {
        let detail = json!({ "session": session, "by": format!("token {name}"), "bytes": bytes });
        core.devices.audit(now_ms(), what, &detail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_in_a_flood_is_counted_and_written_now_and_then() {
        let (said, start) = (Said::default(), Instant::now());
        let session = |n| SessionId::from_random([n; 10]);
        assert_eq!(said.due("a", &session(1), 3, start), Some(3), "at once");
        assert_eq!(said.due("a", &session(1), 2, start + EVERY / 2), None);
        assert_eq!(said.due("b", &session(1), 7, start + EVERY / 2), Some(7));
        assert_eq!(said.due("a", &session(2), 8, start + EVERY / 2), Some(8));
        assert_eq!(said.due("a", &session(1), 1, start + EVERY), Some(3), "with what came since");
        for n in 0..200 {
            said.due("c", &session(n), 1, start + EVERY * 2);
        }
        assert_eq!(said.typed.lock().unwrap().len(), MAX_COUNTED);
    }
}
