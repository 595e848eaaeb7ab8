//! `longrein ttl SESSION [TIME]`.

use crate::args::Ttl;
use crate::problem::{Hint as _, Outcome, problem};
use crate::table::{self, clean};
use crate::{duration, hosts};
use session::message::{ErrorKind, Method, Retimed, RunState};
use std::process::ExitCode;

/// Says when a session ends by itself, or, without a time, shows it.
pub async fn run(args: &Ttl) -> Outcome {
    let paths = hosts::paths()?;
    let found = hosts::find(&paths, Some(&args.session)).await?;
    let (session, name) = (found.summary.id.clone(), clean(&found.summary.name));
    if !matches!(found.summary.run, RunState::Running) {
        return Err(problem(ErrorKind::Ended, format!("The session {name:?} has ended already"))
            .hint("`longrein restart` starts it again."));
    }
    let ends_at = match args.time {
        None => found.summary.ends_at,
        Some(ttl) => {
            let method = Method::SessionTtl { session: session.clone(), ttl };
            let retimed: Retimed = hosts::ask(&found.host, method).await?;
            retimed.ends_at
        }
    };
    let now = table::now_ms();
    let left = ends_at.map(|at| duration::left(at, now));
    if args.json {
        say!("{}", serde_json::json!({ "session": session, "ends_at": ends_at, "left": left }));
        return Ok(ExitCode::SUCCESS);
    }
    match left {
        Some(left) => say!("{name} ({session}) ends in {}.", duration::show(left)),
        None => say!("{name} ({session}) has no end of its own."),
    }
    Ok(ExitCode::SUCCESS)
}
