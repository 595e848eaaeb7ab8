//! A conversation whose session has ended: it goes on in a new one, where the person here wants that.

use super::asked::STILL;
use super::input::{Input, Typed};
use super::{Resumes, Talking};
use crate::command::run::environment;
use crate::hosts;
use client::Route;
use session::id::SessionId;
use session::message::{Created, Failure, Method, Restart, RunState};
use tokio::io::AsyncBufRead;
use tokio::time::{Instant, timeout_at};

/// Asks whether it is to go on, and finds or starts the session in which it does. `unsaid` is what the agent was not told;
/// what is typed in place of an answer comes to it.
pub async fn offer(
    talking: &Talking,
    unsaid: &mut Vec<String>,
    input: &mut Input,
) -> Result<Option<Talking>, Failure> {
    let Talking { host, session, .. } = talking;
    if let Route::Daemon(paths) = host {
        // It may have gone meanwhile.
        hosts::route(paths, None).await?;
    }
    let (last, runs) = latest(host, session).await?;
    note!("It has ended.");
    if !typed_before(input, unsaid).await {
        return Ok(None);
    }
    loop {
        let place =
            if runs { format!("in {last}, where it was taken up") } else { "in a new session".into() };
        let told = if unsaid.is_empty() { "" } else { ", and say there what the agent was not told" };
        note!("Go on with its conversation {place}{told}? [Y/n]");
        let line = match input.next().await {
            Typed::Line(line) => line,
            Typed::NoText => continue,
            Typed::End => return Ok(None),
        };
        match answer(&line) {
            Some(true) => break,
            Some(false) => return Ok(None),
            None => unsaid.push(line),
        }
    }
    // Somebody else may have gone on with it while that was asked: two are never to go on with one conversation.
    let (last, runs) = latest(host, session).await?;
    let session = if runs { last } else { restarted(host, last).await? };
    let next = Talking { resumes: Resumes::Known, ..Talking::new(host, session) };
    note!("The session is {}. Come back to it with: {}", next.session, next.command("attach"));
    Ok(Some(next))
}

/// What an answer says; nothing where a line is none.
fn answer(line: &str) -> Option<bool> {
    match line {
        "" | "y" | "Y" | "yes" | "Yes" => Some(true),
        "n" | "N" | "no" | "No" => Some(false),
        _ => None,
    }
}

/// Takes in what was typed before anybody could read that it has ended: a yes to something else is none to this. False
/// where nothing follows.
async fn typed_before<R: AsyncBufRead + Unpin>(input: &mut Input<R>, unsaid: &mut Vec<String>) -> bool {
    let readable = Instant::now() + STILL;
    while let Ok(typed) = timeout_at(readable, input.next()).await {
        match typed {
            Typed::End => return false,
            Typed::Line(line) if answer(&line).is_none() => unsaid.push(line),
            Typed::Line(line) if !line.is_empty() => {
                note!("Not taken: it was typed before it could be read that it has ended: {line}.");
            }
            Typed::Line(_) | Typed::NoText => {}
        }
    }
    true
}

/// The session in which it was gone on with last, which may be this one; and whether that runs.
async fn latest(host: &Route, session: &SessionId) -> Result<(SessionId, bool), Failure> {
    let sessions = hosts::sessions(host).await?;
    let mut last = session.clone();
    // A host that says nonsense is not followed in circles.
    for _ in 0..sessions.len() {
        let next = sessions.iter().filter(|one| one.continues.as_ref() == Some(&last));
        let Some(next) = next.max_by_key(|one| one.started_at) else { break };
        last = next.id.clone();
    }
    let runs =
        sessions.iter().any(|one| one.id == last && one.id != *session && one.run == RunState::Running);
    Ok((last, runs))
}

/// Whether its program is gone for good, as far as its host can be asked: what was lost with its keeper has no end in its log,
/// and can be read still.
pub async fn is_over(talking: &Talking) -> bool {
    let Ok(sessions) = hosts::sessions(&talking.host).await else { return false };
    sessions.iter().any(|one| one.id == talking.session && one.run != RunState::Running)
}

async fn restarted(host: &Route, session: SessionId) -> Result<SessionId, Failure> {
    // Another machine starts it from its own daemon's environment; ours is none of its business.
    let env = matches!(host, Route::Daemon(_) | Route::Keeper(_)).then(environment);
    let restart = Restart { session, stop: false, size: None, imported: false, env, ttl: None };
    let created: Created = hosts::ask(host, Method::SessionRestart(restart)).await?;
    Ok(created.session)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncWriteExt as _, BufReader, duplex};

    #[tokio::test]
    async fn what_was_typed_before_its_end_could_be_read_is_no_answer_and_no_word_of_it_is_lost() {
        let (mut keys, terminal) = duplex(64);
        let (mut input, mut unsaid) = (Input::new(BufReader::new(terminal)), Vec::new());
        keys.write_all(b"\ny\nand third\nno\n").await.unwrap();
        assert!(typed_before(&mut input, &mut unsaid).await);
        assert_eq!(unsaid, ["and third"]);
        keys.write_all(b"yes\n").await.unwrap();
        assert_eq!(input.next().await, Typed::Line("yes".to_owned()));
        drop(keys);
        assert!(!typed_before(&mut input, &mut unsaid).await, "whoever has left is not asked");
    }
}
