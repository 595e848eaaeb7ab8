//! `longrein down`.

use crate::args::Json;
use crate::daemon::choice::Choice;
use crate::problem::Outcome;
use crate::{daemon, hosts};
use std::process::ExitCode;

/// Stops the daemon and waits until it has ended. Sessions go on. A daemon that a command starts by itself later is
/// not open to the network, however the last one was.
pub async fn run(args: &Json) -> Outcome {
    let paths = hosts::paths()?;
    let was_up = daemon::is_up(&paths).await?;
    // Before the daemon ends: another command may start the next one at that very moment.
    let mut choice = Choice::load(&paths);
    let forgotten = choice.close();
    if !forgotten.is_empty() {
        choice.save(&paths)?;
    }
    if was_up {
        daemon::stop(&paths).await?;
    }
    match (args.json, was_up) {
        (true, _) => say!("{}", serde_json::json!({ "was_running": was_up, "forgotten": forgotten })),
        (false, true) => say!("The daemon is down. Sessions go on."),
        (false, false) => say!("The daemon was not running."),
    }
    if !args.json && !forgotten.is_empty() {
        let flags = forgotten.join(" ");
        say!("The next one is started without {flags}, until `longrein up {flags}` says so again.");
    }
    Ok(ExitCode::SUCCESS)
}
