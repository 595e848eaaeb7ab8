//! `longrein down`.

use crate::args::Json;
use crate::daemon::choice::Choice;
use crate::problem::{Hint as _, Outcome, environment};
use crate::{daemon, hosts};
use client::Route;
use session::message::{Method, Status};
use std::process::ExitCode;
use std::time::Duration;

/// How long a daemon may take to end.
const DEADLINE: Duration = Duration::from_secs(10);

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
        let route = Route::Daemon(paths.clone());
        let status: Status = hosts::ask(&route, Method::HostStatus {}).await?;
        let _: serde_json::Value = hosts::ask(&route, Method::HostDown {}).await?;
        let down = daemon::wait_down(&paths, status.address.as_deref());
        if tokio::time::timeout(DEADLINE, down).await.is_err() {
            return Err(environment("The daemon did not end in 10 seconds")
                .hint("`longrein status` names its process."));
        }
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
