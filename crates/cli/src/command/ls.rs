//! `longrein ls [HOST]`.

use crate::args::Ls;
use crate::hosts;
use crate::problem::Outcome;
use crate::table::{self, clean};
use session::message::{RunState, Summary};
use std::process::ExitCode;

/// Lists a host's sessions, the latest first.
pub async fn run(args: &Ls) -> Outcome {
    let paths = hosts::paths()?;
    let route = hosts::route(&paths, args.host.as_deref()).await?;
    let mut sessions = hosts::sessions(&route).await?;
    sessions.sort_by_key(|session| std::cmp::Reverse(session.started_at));
    if args.json {
        say!("{}", serde_json::json!(sessions.iter().map(entry).collect::<Vec<_>>()));
        return Ok(ExitCode::SUCCESS);
    }
    if sessions.is_empty() {
        say!("No sessions. `longrein run -- CMD` starts one.");
        return Ok(ExitCode::SUCCESS);
    }
    let now = table::now_ms();
    let rows: Vec<Vec<String>> = sessions
        .iter()
        .map(|session| {
            vec![
                session.id.to_string(),
                clean(&session.name),
                state(&session.run),
                table::ago(session.last_activity, now),
                clean(&session.cwd),
                clean(&session.command.join(" ")),
            ]
        })
        .collect();
    table::print(&["ID", "NAME", "STATE", "ACTIVE", "FOLDER", "COMMAND"], &rows);
    Ok(ExitCode::SUCCESS)
}

/// A session as JSON; what is not known is null rather than left out.
fn entry(session: &Summary) -> serde_json::Value {
    let mut value = serde_json::json!(session);
    let exit = match session.run {
        RunState::Ended { exit, .. } => Some(exit),
        RunState::Running | RunState::Lost { .. } => None,
    };
    value["exit"] = exit.into();
    value["keeper_pid"] = session.keeper_pid.into();
    value["branch"] = session.branch.clone().into();
    value
}

fn state(run: &RunState) -> String {
    match run {
        RunState::Running => "running".to_owned(),
        RunState::Ended { exit, .. } => format!("ended ({exit})"),
        RunState::Lost { .. } => "lost".to_owned(),
    }
}
