//! `longrein approvals`, `longrein approve ID` and `longrein deny ID`.

mod answer;
mod granted;

use crate::args::{Approvals, Approve, Deny};
use crate::asked;
use crate::duration;
use crate::hosts;
use crate::margin::{self, rows};
use crate::problem::{Hint as _, Outcome, invalid, problem};
use crate::table;
use crate::visible::visible_line;
use client::Connection;
use session::approval::offered;
use session::id::SessionId;
use session::message::{
    Approval, ApprovalState, Decided, Decision, Decisions, ErrorKind, Failure, Method, Request, Risk,
};
use std::process::ExitCode;

pub use granted::revoke;

/// One of a host's approvals.
struct Listed {
    session: SessionId,
    name: String,
    approval: Approval,
}

/// Lists what waits, the soonest to expire first.
pub async fn run(args: &Approvals) -> Outcome {
    let paths = hosts::paths()?;
    let route = hosts::route(&paths, args.host.as_deref()).await?;
    let mut connection = hosts::open(&route).await?;
    if args.granted {
        return granted::list(&mut connection, args.json).await;
    }
    let mut listed = if args.history {
        history(&mut connection, args.limit as usize).await?
    } else {
        list(&mut connection).await?
    };
    if !args.history {
        listed.retain(|one| args.all || one.approval.state == ApprovalState::Pending);
        listed.sort_by_key(|one| (one.approval.state != ApprovalState::Pending, one.approval.expires_at));
    }
    if args.json {
        let entry = |one: &Listed| {
            let mut value = serde_json::json!(one.approval);
            value["session"] = serde_json::json!(one.session);
            value["session_name"] = one.name.clone().into();
            value
        };
        say!("{}", serde_json::json!(listed.iter().map(entry).collect::<Vec<_>>()));
        return Ok(ExitCode::SUCCESS);
    }
    if listed.is_empty() {
        say!("{}", if args.history { "Nothing was decided yet." } else { "Nothing waits for a decision." });
        return Ok(ExitCode::SUCCESS);
    }
    let now = table::now_ms();
    let row = |one: &Listed| {
        let Approval { id, title, source, asked_at, risk, .. } = &one.approval;
        let title = if *risk == Risk::Dangerous { format!("DANGEROUS: {title}") } else { title.clone() };
        let at = if args.history { one.approval.state.decided_at() } else { None };
        vec![
            id.to_string(),
            visible_line(&one.name),
            visible_line(source),
            table::ago(at.unwrap_or(*asked_at), now),
            state(&one.approval, now),
            visible_line(&title),
        ]
    };
    let rows: Vec<Vec<String>> = listed.iter().map(row).collect();
    let when = if args.history { "DECIDED" } else { "ASKED" };
    table::print(&["ID", "SESSION", "FROM", when, "STATE", "QUESTION"], &rows);
    Ok(ExitCode::SUCCESS)
}

/// Shows all of what is asked, and allows exactly that.
pub async fn approve(args: &Approve) -> Outcome {
    let (mut connection, one) = find(&args.approval).await?;
    let request = connection.request(&one.session, &one.approval).await.map_err(hosts::failure)?;
    let read: Request = serde_json::from_slice(&request)
        .map_err(|error| invalid(format!("The request cannot be read: {error}")).hint("Deny it."))?;
    say!("{}", shown(&one, &read, &request, margin::columns()));
    let decision = answer::decision(args, &one.approval, &read)?;
    decide(&mut connection, &one, decision).await?;
    match offered(&read).filter(|_| args.for_session) {
        Some(scope) => {
            say!("{}", rows("Allowed until the session ends: ", &scope.words, margin::columns()));
        }
        None => say!("Allowed."),
    }
    Ok(ExitCode::SUCCESS)
}

/// Denies it, with a reason for whoever asked.
pub async fn deny(args: &Deny) -> Outcome {
    answer::fits(args.reason.as_deref(), "A reason")?;
    let (mut connection, one) = find(&args.approval).await?;
    decide(&mut connection, &one, Decision::Deny { text: args.reason.clone() }).await?;
    say!("{}", rows("Denied: ", &visible_line(&one.approval.title), margin::columns()));
    Ok(ExitCode::SUCCESS)
}

async fn list(connection: &mut Connection) -> Result<Vec<Listed>, Failure> {
    let sessions = connection.sessions().await.map_err(hosts::failure)?;
    let of_one = |summary: session::message::Summary| {
        let (session, name) = (summary.id, summary.name);
        summary.approvals.into_iter().map(move |approval| Listed {
            session: session.clone(),
            name: name.clone(),
            approval,
        })
    };
    Ok(sessions.into_iter().flat_map(of_one).collect())
}

/// What is over, the last decision first.
async fn history(connection: &mut Connection, limit: usize) -> Result<Vec<Listed>, Failure> {
    let (mut listed, mut before) = (Vec::new(), None);
    loop {
        let page: Decisions = hosts::call(connection, Method::ApprovalHistory { before }).await?;
        let one = |Decided { session, name, approval }| Listed { session, name, approval };
        listed.extend(page.decided.into_iter().map(one));
        before = page.next;
        if before.is_none() || listed.len() >= limit {
            listed.truncate(limit);
            return Ok(listed);
        }
    }
}

/// By id, or by the start of it among those that wait; of this machine, or of HOST in `HOST/ID`.
async fn find(name: &str) -> Result<(Connection, Listed), Failure> {
    let (route, id) = hosts::split(&hosts::paths()?, name).await?;
    let mut connection = hosts::open(&route).await?;
    let mut listed = list(&mut connection).await?;
    let whole = listed.iter().position(|one| one.approval.id.as_str() == id);
    if let Some(place) = whole {
        return Ok((connection, listed.swap_remove(place)));
    }
    listed.retain(|one| {
        one.approval.state == ApprovalState::Pending
            && id.len() >= 3
            && one.approval.id.as_str().starts_with(id)
    });
    match listed.len() {
        1 => Ok((connection, listed.swap_remove(0))),
        0 => Err(problem(ErrorKind::NotFound, format!("No approval is called {name:?}"))
            .hint("`longrein approvals` lists what waits.")),
        _ => Err(invalid(format!("Several approvals' ids begin with {id:?}"))
            .hint("`longrein approvals` lists what waits.")),
    }
}

async fn decide(connection: &mut Connection, one: &Listed, decision: Decision) -> Result<(), Failure> {
    let (session, approval, digest) =
        (one.session.clone(), one.approval.id.clone(), one.approval.digest.clone());
    let method = Method::ApprovalDecide { session, approval, digest, decision };
    let _: serde_json::Value = hosts::call(connection, method).await?;
    Ok(())
}

/// All of it, in the order in which it is to be read.
fn shown(one: &Listed, request: &Request, bytes: &[u8], columns: usize) -> String {
    let (source, name) = (visible_line(&request.source), visible_line(&one.name));
    let mut lines = vec![rows("", &format!("{source} asks, in {name} ({}):", one.session), columns)];
    lines.extend(asked::lines(request, bytes, true, columns));
    lines.extend(request.free_text.then(|| "It takes a text (--text).".to_owned()));
    let scope = offered(request);
    lines.extend(
        scope.map(|scope| rows("With --for-session until the session ends: ", &scope.words, columns)),
    );
    lines.join("\n")
}

fn state(approval: &Approval, now: u64) -> String {
    match &approval.state {
        ApprovalState::Pending => {
            format!("waits ({} left)", duration::show(duration::left(approval.expires_at, now)))
        }
        ApprovalState::Allowed { by, .. } => format!("allowed by {}", visible_line(&by.label)),
        ApprovalState::Denied { by, .. } => format!("denied by {}", visible_line(&by.label)),
        ApprovalState::Expired { .. } => "expired".to_owned(),
        ApprovalState::Withdrawn { .. } => "withdrawn".to_owned(),
    }
}
