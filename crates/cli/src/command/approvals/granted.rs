//! What is allowed until a session ends: listed, and taken back.

use crate::hosts;
use crate::problem::{Hint as _, Outcome, environment, invalid, problem};
use crate::table;
use crate::visible::visible_line;
use client::{AttachOpts, Attachment, Connection, Update};
use session::message::{ErrorKind, Failure, Grant, RunState, Summary};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

const HINT: &str = "`longrein approvals --granted` lists them.";
/// How long a keeper may take.
const ANSWERED: Duration = Duration::from_secs(15);

/// Those of every session that runs, the oldest of each first.
async fn granted(connection: &mut Connection) -> Result<Vec<(Summary, Grant)>, Failure> {
    let sessions = connection.sessions().await.map_err(hosts::failure)?;
    let running = sessions.into_iter().filter(|summary| summary.run == RunState::Running);
    let of_one = |mut summary: Summary| {
        let grants = std::mem::take(&mut summary.grants);
        grants.into_iter().map(move |grant| (summary.clone(), grant))
    };
    Ok(running.flat_map(of_one).collect())
}

/// Lists them.
pub async fn list(connection: &mut Connection, json: bool) -> Outcome {
    let granted = granted(connection).await?;
    if json {
        let entry = |(summary, grant): &(Summary, Grant)| {
            let mut value = serde_json::json!(grant);
            value["session"] = serde_json::json!(summary.id);
            value["session_name"] = summary.name.clone().into();
            value
        };
        say!("{}", serde_json::json!(granted.iter().map(entry).collect::<Vec<_>>()));
        return Ok(ExitCode::SUCCESS);
    }
    if granted.is_empty() {
        say!("Nothing is allowed until a session ends.");
        return Ok(ExitCode::SUCCESS);
    }
    let now = table::now_ms();
    let row = |(summary, grant): &(Summary, Grant)| {
        vec![
            grant.id.to_string(),
            visible_line(&summary.name),
            table::ago(grant.since, now),
            visible_line(&grant.by.label),
            visible_line(&grant.words),
        ]
    };
    let rows: Vec<Vec<String>> = granted.iter().map(row).collect();
    table::print(&["ID", "SESSION", "ALLOWED", "BY", "WHAT"], &rows);
    Ok(ExitCode::SUCCESS)
}

/// Takes one back, by its id or the start of it, or HOST/ID.
pub async fn revoke(name: &str, json: bool) -> Outcome {
    let (host, id) = hosts::split(&hosts::paths()?, name).await?;
    let mut found = granted(&mut hosts::open(&host).await?).await?;
    let whole = found.iter().any(|(_, grant)| grant.id.as_str() == id);
    let is_meant = |other: &str| if whole { other == id } else { id.len() >= 3 && other.starts_with(id) };
    found.retain(|(_, grant)| is_meant(grant.id.as_str()));
    let (Some((summary, grant)), true) = (found.pop(), found.is_empty()) else {
        return Err(match found.len() {
            0 => {
                problem(ErrorKind::NotFound, format!("Nothing that is allowed is called {name:?}")).hint(HINT)
            }
            _ => invalid(format!("Several of those that are allowed begin with {id:?}")).hint(HINT),
        });
    };
    let (client, after) = (hosts::CLIENT.to_owned(), Some(summary.head));
    let opts = AttachOpts { route: host, session: summary.id, client, size: None, window: 0, after };
    let (attachment, updates) = Attachment::start(opts);
    attachment.revoke(grant.id.clone()).await;
    let answered = timeout(ANSWERED, answer(updates)).await;
    answered.unwrap_or_else(|_| Err(environment("The session does not answer")))?;
    if json {
        say!("{}", serde_json::json!({ "revoked": grant.id }));
    } else {
        say!("Not allowed any more without being asked: {}", visible_line(&grant.words));
    }
    Ok(ExitCode::SUCCESS)
}

/// What becomes of the only command that was given.
async fn answer(mut updates: mpsc::Receiver<Update>) -> Result<(), Failure> {
    while let Some(update) = updates.recv().await {
        match update {
            Update::Settled { .. } => return Ok(()),
            Update::Refused { why, .. } | Update::Ended(Some(why)) => return Err(why),
            _ => {}
        }
    }
    Err(environment("The session is gone"))
}
