//! `longrein restart SESSION`.

use crate::args::Restart;
use crate::command::attach::{self, Shown};
use crate::command::run::{environment, is_brief};
use crate::config::Config;
use crate::hosts;
use crate::problem::Outcome;
use crate::terminal::talk::{self, Resumes, Talking};
use crate::terminal::tty;
use client::Route;
use session::message::{self, Created, Cursor, Method};
use std::process::ExitCode;

/// Starts an ended session's program once more, and shows it here where this is a terminal.
pub async fn run(args: &Restart) -> Outcome {
    let paths = hosts::paths()?;
    let config = Config::load(&paths.config)?;
    let found = hosts::find(&paths, Some(&args.session)).await?;
    let before = found.summary;
    let interactive = tty::is_interactive() && !args.detach && !args.json;
    let size = if interactive { tty::size() } else { None };
    // Another machine starts it from its own daemon's environment; ours is none of its business.
    let (route, env) = match &found.host {
        Route::Daemon(paths) => (Route::Keeper(paths.clone()), Some(environment())),
        elsewhere => (elsewhere.clone(), None),
    };
    let restart = message::Restart {
        session: before.id.clone(),
        stop: args.stop,
        size,
        imported: args.imported,
        env,
        ttl: args.ttl,
    };
    let created: Created = hosts::ask(&found.host, Method::SessionRestart(restart)).await?;
    if args.json {
        say!("{}", serde_json::json!({ "session": created.session, "continues": before.id }));
        return Ok(ExitCode::SUCCESS);
    }
    if !interactive {
        say!("{}", created.session);
        return Ok(ExitCode::SUCCESS);
    }
    let resumes = match before.agent.as_ref().and_then(|agent| agent.conversation.as_ref()) {
        Some(_) => Resumes::Known,
        None => Resumes::No,
    };
    if before.agent.is_some_and(|agent| agent.structured) {
        return talk::run(Talking { resumes, ..Talking::new(&found.host, created.session) }).await;
    }
    attach::show(Shown {
        host: found.host,
        route,
        session: created.session,
        name: before.name,
        prefix: config.prefix,
        // From its very first byte, as `run` does.
        after: Some(Cursor { epoch: 1, seq: 1 }),
        size,
        quiet: is_brief(args.ttl),
        news: None,
    })
    .await
}
