//! `longrein ls [HOST]`.

use crate::args::Ls;
use crate::duration;
use crate::hosts;
use crate::problem::Outcome;
use crate::table::{self, clean};
use session::message::{ApprovalState, Doing, EndedBy, LostBy, RunState, Summary};
use std::process::ExitCode;

/// Lists a host's sessions, those that need somebody first, and then the latest.
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
    sessions.sort_by_key(|session| !needs_somebody(session));
    let now = table::now_ms();
    let rows: Vec<Vec<String>> = sessions
        .iter()
        .map(|session| {
            vec![
                session.id.to_string(),
                clean(&session.name),
                state(session, now),
                table::ago(session.last_activity, now),
                clean(&session.cwd),
                clean(&command(session)),
            ]
        })
        .collect();
    table::print(&["ID", "NAME", "STATE", "ACTIVE", "FOLDER", "COMMAND"], &rows);
    Ok(ExitCode::SUCCESS)
}

/// A session as JSON; what is not known is null rather than left out.
fn entry(session: &Summary) -> serde_json::Value {
    let mut value = serde_json::json!(session);
    let (exit, by) = match session.run {
        RunState::Running => (None, None),
        RunState::Ended { exit, by, .. } => (Some(exit), Some(serde_json::json!(by))),
        RunState::Lost { by, .. } => (None, Some(serde_json::json!(by))),
    };
    value["exit"] = exit.into();
    value["by"] = by.into();
    value["keeper_pid"] = session.keeper_pid.into();
    value["ends_at"] = session.ends_at.into();
    value["continues"] = serde_json::json!(session.continues);
    value["branch"] = session.branch.clone().into();
    value
}

/// What it runs; an agent without a terminal has its arguments alone as its command.
fn command(session: &Summary) -> String {
    let agent = session.agent.iter().filter(|agent| agent.structured).map(|agent| agent.name.as_str());
    agent.chain(session.command.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
}

fn needs_somebody(session: &Summary) -> bool {
    let asks = session.approvals.iter().any(|approval| approval.state == ApprovalState::Pending);
    let doing = session.agent.as_ref().map(|agent| agent.doing);
    session.run == RunState::Running && (asks || doing == Some(Doing::NeedsYou))
}

/// What a session that runs does, as far as its agent says.
fn does(session: &Summary) -> &'static str {
    match session.agent.as_ref().map(|agent| agent.doing) {
        _ if needs_somebody(session) => "needs you",
        Some(Doing::Working) => "working",
        Some(Doing::Idle) => "idle",
        _ => "running",
    }
}

/// In one glance: whether it runs, and if it does not, why.
fn state(session: &Summary, now: u64) -> String {
    match session.run {
        RunState::Running => match session.ends_at {
            Some(at) => format!("{} ({} left)", does(session), duration::show(duration::left(at, now))),
            None => does(session).to_owned(),
        },
        RunState::Ended { exit, by: EndedBy::Itself, .. } => format!("ended ({exit})"),
        RunState::Ended { by: EndedBy::Person, .. } => "ended by hand".to_owned(),
        RunState::Ended { by: EndedBy::Time, .. } => "ended (time over)".to_owned(),
        RunState::Ended { by: EndedBy::Machine, .. } | RunState::Lost { by: LostBy::Machine, .. } => {
            "ended with the machine".to_owned()
        }
        RunState::Lost { by: LostBy::Keeper, .. } => "lost its keeper".to_owned(),
    }
}
