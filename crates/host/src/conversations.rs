//! Conversations by name: for each the session in which it goes on, whatever became of the one before.

use crate::channel::Who;
use crate::core::{Core, disk, failure, now_ms, random};
use crate::opened::Room;
use crate::{folder, keepers, restart, spawn};
use serde_json::json;
use session::id::SessionId;
use session::message::{
    Agent, Conversation, Create, ErrorKind, Failure, Open, Restart, RunState, Summary, Ttl,
};
use session::scope::Scope;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Longest name of a conversation, in characters.
const MAX_NAME: usize = 64;
/// The agent that is started where none was named.
const AGENT: &str = "claude";
/// A session that was started for a conversation ends by itself where nothing is said for so long, in seconds: a day. It
/// is started again when something is.
const IDLE: u32 = 86_400;
/// From the request to its answer: less than clients wait.
const OPENED: Duration = Duration::from_secs(12);

/// Finds the session, or starts one.
pub(crate) async fn open(core: &Arc<Core>, who: &Who, open: Open) -> Result<Conversation, Failure> {
    let now = Instant::now();
    let Open { conversation: name, session: wanted, agent, cwd } = open;
    let name = match (name, &wanted) {
        (Some(name), _) => name,
        // So that it is the same one every time.
        (None, Some(session)) => session.to_string(),
        (None, None) => SessionId::from_random(random()?).to_string(),
    };
    check(&name)?;
    // A session's own id is the name of the conversation that is held in it, and of no other.
    let named = name.parse::<SessionId>().ok().filter(|id| core.board.summary(id).is_some());
    let Some(_alone) = core.conversing.enter(&name) else { return Err(busy()) };
    let known = core.devices.with_db(|db| db.conversation(&name)).map_err(|error| disk(&error))?;
    let wanted = match (wanted, named.filter(|_| known.is_none())) {
        (Some(wanted), Some(named)) if wanted != named => {
            let message = "the conversation has the name of another session";
            return Err(failure(ErrorKind::Invalid, message, "choose another name"));
        }
        (wanted, named) => wanted.or(named),
    };
    let held = match known {
        Some((session, own)) => Some((session.parse::<SessionId>().map_err(|_| removed())?, own)),
        None => None,
    };
    let (session, own) = match (held, wanted) {
        // A conversation that was given no name has that of its first session.
        (Some((held, _)), Some(wanted)) if wanted.as_str() != name && !is_behind(core, &held, &wanted) => {
            let message = format!("the conversation is held in another session, {held}");
            return Err(failure(
                ErrorKind::Invalid,
                message,
                "leave the session out, or forget the conversation",
            ));
        }
        (Some((held, own)), _) => {
            let summary = core.board.summary(&held).ok_or_else(removed)?;
            let session = go_on(core, who, &summary, own).await?;
            let own = own || session != held;
            if own && session == held {
                keepers::set_ttl(core, &session, who, Ttl::In { seconds: IDLE }).await?;
            }
            (session, own)
        }
        (None, Some(wanted)) => {
            let summary = core.board.summary(&wanted).ok_or_else(keepers::no_such_session)?;
            if !summary.agent.as_ref().is_some_and(|agent| agent.structured) {
                let message = "the session has a terminal, in which nobody can tell when an answer is whole";
                return Err(failure(ErrorKind::Invalid, message, "send it a prompt, and follow its events"));
            }
            let session = go_on(core, who, &summary, false).await?;
            let own = session != wanted;
            (session, own)
        }
        (None, None) => {
            let agent = agent.unwrap_or_else(|| AGENT.to_owned());
            let cwd =
                cwd.map(|cwd| if may_only_talk(who) { folder::own(&cwd) } else { Ok(cwd) }).transpose()?;
            let create = Create {
                command: Vec::new(),
                cwd,
                name: None,
                size: None,
                env: None,
                ttl: Some(IDLE),
                agent: Some(Agent { name: agent.clone(), structured: true, resume: None }),
                asks: false,
            };
            let checked = spawn::check(create, false)?;
            let room = room(core, who)?;
            let session = spawn::session(core, checked, None, now + OPENED).await?;
            if let Some(room) = room {
                room.started(&session);
            }
            let detail = json!({ "session": session, "program": agent, "by": who.peer.label });
            core.devices.audit(now_ms(), "session.created", &detail);
            (session, true)
        }
    };
    // It may have been revoked while its agent was started.
    if !core.tokens.still_holds(who.token.as_ref()) {
        return Err(failure(ErrorKind::Forbidden, "the token was revoked", ""));
    }
    let put = core.devices.with_db(|db| db.put_conversation(&name, session.as_str(), own));
    put.map_err(|error| disk(&error))?;
    Ok(Conversation { conversation: name, session })
}

/// Whether somebody may not start whatever they like.
fn may_only_talk(who: &Who) -> bool {
    who.token.as_ref().is_some_and(|token| !token.scopes.contains(&Scope::Manage))
}

/// The session, or where that has ended a new one in which the agent knows what was said. What somebody else has started
/// (it is not the conversation's `own`), and how, is not started again by whoever may only talk.
async fn go_on(core: &Arc<Core>, who: &Who, summary: &Summary, own: bool) -> Result<SessionId, Failure> {
    if summary.run == RunState::Running {
        // The board may not have heard of its end yet. A keeper that is killed while it is asked is there no more behind that.
        let mut asked = keepers::ensure_over(core, &summary.id).await;
        if asked.as_ref().is_err_and(|why| why.kind == ErrorKind::Environment) {
            asked = keepers::ensure_over(core, &summary.id).await;
        }
        match asked {
            Err(why) if why.kind == ErrorKind::Invalid => return Ok(summary.id.clone()),
            asked => drop(asked?),
        }
    }
    if !own && may_only_talk(who) {
        return Err(failure(
            ErrorKind::Ended,
            "the session has ended",
            "restart it, which takes the scope manage; or leave it out to have one started",
        ));
    }
    let session = summary.id.clone();
    let again = Restart { session, stop: false, size: None, imported: false, env: None, ttl: Some(IDLE) };
    let room = room(core, who)?;
    let session = restart::session(core, who, again).await?;
    if let Some(room) = room {
        room.started(&session);
    }
    let detail = json!({ "session": session, "continues": summary.id, "by": who.peer.label });
    core.devices.audit(now_ms(), "session.restarted", &detail);
    Ok(session)
}

/// Whether a session is the one that was wanted, or goes on with it.
fn is_behind(core: &Core, held: &SessionId, wanted: &SessionId) -> bool {
    let mut at = Some(held.clone());
    // There are no more of them than sessions.
    let (live, over) = core.board.count();
    for _ in 0..=live + over {
        match at {
            Some(id) if id == *wanted => return true,
            Some(id) => at = core.board.summary(&id).and_then(|summary| summary.continues),
            None => return false,
        }
    }
    false
}

/// Room for one more agent of a token's; nobody else is counted.
fn room<'a>(core: &'a Core, who: &'a Who) -> Result<Option<Room<'a>>, Failure> {
    let runs =
        |id: &SessionId| core.board.summary(id).is_some_and(|summary| summary.run == RunState::Running);
    who.token.as_ref().map(|token| core.opened.enter(&token.name, runs)).transpose()
}

/// Forgets it, and ends the session that was started for it.
pub(crate) async fn forget(core: &Arc<Core>, who: &Who, name: &str) -> Result<(), Failure> {
    check(name)?;
    let name = name.to_owned();
    let Some(_alone) = core.conversing.enter(&name) else { return Err(busy()) };
    let known = core.devices.with_db(|db| db.conversation(&name)).map_err(|error| disk(&error))?;
    let Some((session, own)) = known else {
        let message = format!("no conversation is called {name}");
        return Err(failure(ErrorKind::NotFound, message, ""));
    };
    let running = session
        .parse::<SessionId>()
        .ok()
        .filter(|id| own && core.board.summary(id).is_some_and(|summary| summary.run == RunState::Running));
    if let Some(id) = running {
        keepers::stop(core, &id, who).await?;
        let detail = json!({ "session": id, "by": who.peer.label });
        core.devices.audit(now_ms(), "session.stopped", &detail);
    }
    core.devices.with_db(|db| db.remove_conversation(&name)).map_err(|error| disk(&error))
}

fn check(name: &str) -> Result<(), Failure> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(fits) {
        let message =
            format!("a conversation's name has 1 to {MAX_NAME} letters, digits, dots, `-`, `_` and `:`");
        return Err(failure(ErrorKind::Invalid, message, "leave it out to be given one"));
    }
    Ok(())
}

fn busy() -> Failure {
    failure(ErrorKind::Limited, "the conversation is being opened just now", "try again in a moment")
}

fn removed() -> Failure {
    let message = "the conversation's session was removed";
    failure(ErrorKind::NotFound, message, "forget the conversation to begin it anew")
}
