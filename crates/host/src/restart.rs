//! Starting a session's program again: the same program, folder and name in a new session. The one before stays as it is.

use crate::channel::Who;
use crate::core::{Core, failure};
use crate::{keepers, spawn};
use session::id::SessionId;
use session::message::{Agent, AgentState, Create, ErrorKind, Failure, Restart};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// From the request to its answer; clients wait a second longer.
const ANSWERED: Duration = Duration::from_secs(14);
/// Of it, for the end of what runs: the keeper's grace of five seconds, and what it looks for and reads behind that.
const ENDED: Duration = Duration::from_secs(9);

/// Starts it again, and gives the new session. Nothing is ended for what cannot be started.
pub(crate) async fn session(core: &Arc<Core>, who: &Who, restart: Restart) -> Result<SessionId, Failure> {
    let now = Instant::now();
    let Restart { session: before, stop, size, imported, env, ttl } = restart;
    let shown = core.board.summary(&before).ok_or_else(keepers::no_such_session)?;
    let Some(_alone) = core.restarting.enter(&before) else {
        let message = "the session is being started again already";
        return Err(failure(ErrorKind::Invalid, message, "look at the list for the new one"));
    };
    let Some(whole) = keepers::remembered(core, &before) else {
        let hint = "start its program as a new session";
        return Err(failure(ErrorKind::Environment, "what the session ran is not known any more", hint));
    };
    if whole.imported && !(imported && who.local) {
        return Err(was_imported(&before, who.local));
    }
    let create = Create {
        agent: whole.agent.and_then(going_on),
        command: whole.command,
        cwd: Some(whole.cwd),
        name: Some(whole.name),
        size: size.or(Some(shown.size)),
        env,
        ttl,
        asks: false,
    };
    let mut checked = spawn::check(create, who.local)?;
    if stop {
        checked.find_program()?;
    }
    let over = async {
        if stop {
            keepers::end(core, &before, who).await?;
        }
        // The board may be wrong about what was lost.
        keepers::ensure_over(core, &before).await.map(drop).map_err(|why| match why.kind {
            ErrorKind::Invalid => still_runs(),
            _ => why,
        })
    };
    timeout_at(now + ENDED, over).await.unwrap_or_else(|_| {
        let message = "the session's program does not end";
        Err(failure(ErrorKind::Environment, message, "try again; `longrein doctor` looks at what runs"))
    })?;
    // Its keeper wrote down how it was some seconds ago; which conversation it ended with is on the board.
    if let Some(agent) = core.board.summary(&before).and_then(|summary| summary.agent).and_then(going_on) {
        checked.set_agent(agent)?;
    }
    spawn::session(core, checked, Some(&before), now + ANSWERED).await
}

/// An agent goes on with its conversation. In a terminal it has one once it has done something; before, its arguments tell.
fn going_on(agent: AgentState) -> Option<Agent> {
    let goes_on = agent.structured || agent.conversation.is_some() && agent.turns > 0;
    let AgentState { name, structured, conversation: resume, .. } = agent;
    goes_on.then_some(Agent { name, structured, resume })
}

/// Nobody has started its command here, and whoever wrote the file may have chosen it. At a distance nobody can see more
/// of it than its first words.
fn was_imported(id: &SessionId, local: bool) -> Failure {
    let kind = if local { ErrorKind::Invalid } else { ErrorKind::Forbidden };
    let message = "the session was imported: its command is what the file said, and was never started here";
    failure(kind, message, format!("on the host itself, `longrein restart --imported {id}` starts it"))
}

fn still_runs() -> Failure {
    failure(ErrorKind::Invalid, "the session still runs", "end it first; `longrein restart --stop` does both")
}
