//! `longrein notify TEXT`: something that a person should know, without waiting for an answer.

use crate::args::Notify;
use crate::command::ask::own_session;
use crate::command::run::{environment, folder};
use crate::hosts;
use crate::problem::{Doing as _, Hint as _, Outcome, invalid, problem};
use crate::table::clean;
use client::{Connection, Route};
use session::message::{Create, Created, ErrorKind, Failure, Method};
use std::process::ExitCode;

/// Characters of a text.
const MAX_TEXT: usize = 1000;

/// Tells it in the session that this program runs in, or else in one that is there for this alone.
pub async fn run(args: &Notify) -> Outcome {
    let text = args.text.trim();
    if text.is_empty() || text.chars().count() > MAX_TEXT {
        return Err(invalid(format!("A notice has 1 to {MAX_TEXT} characters")));
    }
    let paths = hosts::paths()?;
    if let Some(session) = own_session(&paths) {
        let route = Route::Keeper(paths);
        let connection = Connection::open(&route, Some(&session), hosts::CLIENT, hosts::stream()?).await;
        let mut connection = connection.map_err(hosts::failure)?;
        connection.notify(&session, text).await.map_err(not_told)?;
        return Ok(ExitCode::SUCCESS);
    }
    let program = std::env::current_exe().doing("find this program")?;
    let program =
        program.into_os_string().into_string().map_err(|_| invalid("The program's path is not text"))?;
    let title: String = clean(text).chars().take(40).collect();
    let create = Create {
        command: vec![program, "said".to_owned(), "--".to_owned(), text.to_owned()],
        cwd: Some(folder(None)?),
        name: Some(format!("notify: {}", title.trim())),
        size: None,
        env: Some(environment()),
        ttl: None,
        agent: None,
        asks: false,
    };
    let host = hosts::route(&paths, None).await?;
    let _: Created = hosts::ask(&host, Method::SessionCreate(create)).await?;
    Ok(ExitCode::SUCCESS)
}

/// A keeper that wants to hear no more hangs up.
fn not_told(error: client::Error) -> Failure {
    match error {
        client::Error::Link(_) => problem(
            ErrorKind::Limited,
            "The session did not take it: it ends, or was told 1000 things already",
        )
        .hint("From outside of a session, a notice has a session of its own."),
        other => hosts::failure(other),
    }
}

/// What such a session runs: says it, and notifies whoever looks at its terminal.
pub fn said(args: &Notify) -> ExitCode {
    let text = clean(&args.text);
    say!("{text}\x1b]9;{text}\x07");
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_takes_no_more_says_why_and_what_would() {
        let failure = not_told(client::Error::Link(link::Error::Cut));
        assert_eq!(failure.kind, ErrorKind::Limited);
        assert!(failure.message.contains("1000") && failure.hint.contains("outside"), "{failure:?}");
    }
}
