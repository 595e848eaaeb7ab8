//! `longrein notify TEXT`: something that a person should know, without waiting for an answer.

use crate::args::Notify;
use crate::command::ask::own_session;
use crate::command::run::{environment, folder};
use crate::hosts;
use crate::problem::{Doing as _, Outcome, invalid};
use crate::table::clean;
use client::{Connection, Route};
use session::message::{Create, Created, Method};
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
        connection.notify(&session, text).await.map_err(hosts::failure)?;
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

/// What such a session runs: says it, and notifies whoever looks at its terminal.
pub fn said(args: &Notify) -> ExitCode {
    let text = clean(&args.text);
    say!("{text}\x1b]9;{text}\x07");
    ExitCode::SUCCESS
}
