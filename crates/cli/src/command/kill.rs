//! `longrein kill SESSION`.

use crate::args::Kill;
use crate::hosts;
use crate::problem::{Hint as _, Outcome, problem};
use crate::table::clean;
use session::message::{ErrorKind, Method, RunState};
use std::process::ExitCode;

/// Ends a session's program: hang-up, and kill after a grace of five seconds.
pub async fn run(args: &Kill) -> Outcome {
    let paths = hosts::paths()?;
    let found = hosts::find(&paths, Some(&args.session)).await?;
    let session = found.summary.id.clone();
    if !matches!(found.summary.run, RunState::Running) {
        return Err(problem(
            ErrorKind::Ended,
            format!("The session {:?} has ended already", found.summary.name),
        )
        .hint("`longrein logs` still shows what it printed, `longrein restart` starts it again."));
    }
    let _: serde_json::Value =
        hosts::ask(&found.host, Method::SessionStop { session: session.clone() }).await?;
    if args.json {
        say!("{}", serde_json::json!({ "stopped": session }));
    } else {
        say!("Ending {} ({session}).", clean(&found.summary.name));
    }
    Ok(ExitCode::SUCCESS)
}
