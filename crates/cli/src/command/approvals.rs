//! `longrein approvals`, `longrein approve ID` and `longrein deny ID`.

use crate::args::{Approvals, Approve, Deny};
use crate::command::ask::clean_lines;
use crate::duration;
use crate::hosts;
use crate::problem::{Hint as _, Outcome, invalid, problem};
use crate::table::{self, clean};
use client::{Connection, KnownHosts};
use session::id::SessionId;
use session::message::{Approval, ApprovalState, Decision, ErrorKind, Failure, Method, Request, Risk};
use std::process::ExitCode;

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
    let mut listed = list(&mut hosts::open(&route).await?).await?;
    listed.retain(|one| args.all || one.approval.state == ApprovalState::Pending);
    listed.sort_by_key(|one| (one.approval.state != ApprovalState::Pending, one.approval.expires_at));
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
        say!("Nothing waits for a decision.");
        return Ok(ExitCode::SUCCESS);
    }
    let now = table::now_ms();
    let row = |one: &Listed| {
        let Approval { id, title, source, asked_at, risk, .. } = &one.approval;
        let title = if *risk == Risk::Dangerous { format!("DANGEROUS: {title}") } else { title.clone() };
        let asked = table::ago(*asked_at, now);
        vec![id.to_string(), clean(&one.name), clean(source), asked, state(&one.approval, now), clean(&title)]
    };
    let rows: Vec<Vec<String>> = listed.iter().map(row).collect();
    table::print(&["ID", "SESSION", "FROM", "ASKED", "STATE", "QUESTION"], &rows);
    Ok(ExitCode::SUCCESS)
}

/// Shows all of what is asked, and allows exactly that.
pub async fn approve(args: &Approve) -> Outcome {
    let (mut connection, one) = find(&args.approval).await?;
    let request = connection.request(&one.session, &one.approval).await.map_err(hosts::failure)?;
    let read: Request = serde_json::from_slice(&request)
        .map_err(|error| invalid(format!("The request cannot be read: {error}")).hint("Deny it."))?;
    show(&one, &read);
    if one.approval.word.is_some() && args.word.is_none() {
        let word = one.approval.word.as_deref().map(clean).unwrap_or_default();
        return Err(invalid("This is dangerous, and wants a word")
            .hint(format!("If it is really meant: longrein approve {} --word {word}", one.approval.id)));
    }
    if args.choice.is_none() && !read.choices.is_empty() {
        let choices = read.choices.iter().map(|choice| clean(choice)).collect::<Vec<_>>().join(", ");
        return Err(invalid("There is a choice to make").hint(format!("--choice with one of: {choices}")));
    }
    let (choice, text, word) = (args.choice.clone(), args.text.clone(), args.word.clone());
    decide(&mut connection, &one, Decision::Allow { choice, text, word }).await?;
    say!("Allowed.");
    Ok(ExitCode::SUCCESS)
}

/// Denies it, with a reason for whoever asked.
pub async fn deny(args: &Deny) -> Outcome {
    let (mut connection, one) = find(&args.approval).await?;
    decide(&mut connection, &one, Decision::Deny { text: args.reason.clone() }).await?;
    say!("Denied: {}", clean(&one.approval.title));
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

/// By id, or by the start of it among those that wait; of this machine, or of HOST in `HOST/ID`.
async fn find(name: &str) -> Result<(Connection, Listed), Failure> {
    let paths = hosts::paths()?;
    let (host, id) = match name.split_once('/') {
        Some((host, id)) if KnownHosts::new(&paths).find(host).map_err(hosts::failure)?.is_some() => {
            (Some(host), id)
        }
        _ => (None, name),
    };
    let route = hosts::route(&paths, host).await?;
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

fn show(one: &Listed, request: &Request) {
    say!("{} asks, in {} ({}):", clean(&request.source), clean(&one.name), one.session);
    say!("{}", clean_lines(&request.question));
    if let Some(cwd) = &request.cwd {
        say!("Folder: {}", clean(cwd));
    }
    for reason in &request.reasons {
        say!("Care: {}", clean(reason));
    }
}

fn state(approval: &Approval, now: u64) -> String {
    match &approval.state {
        ApprovalState::Pending => {
            format!("waits ({} left)", duration::show(duration::left(approval.expires_at, now)))
        }
        ApprovalState::Allowed { by, .. } => format!("allowed by {}", clean(&by.label)),
        ApprovalState::Denied { by, .. } => format!("denied by {}", clean(&by.label)),
        ApprovalState::Expired { .. } => "expired".to_owned(),
        ApprovalState::Withdrawn { .. } => "withdrawn".to_owned(),
    }
}
