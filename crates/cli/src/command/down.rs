//! `longrein down`.

use crate::args::Json;
use crate::problem::{Hint as _, Outcome, environment};
use crate::{daemon, hosts};
use client::Route;
use session::message::{Method, Status};
use std::process::ExitCode;
use std::time::Duration;

/// How long a daemon may take to end.
const DEADLINE: Duration = Duration::from_secs(10);

/// Stops the daemon and waits until it has ended. Sessions go on.
pub async fn run(args: &Json) -> Outcome {
    let paths = hosts::paths()?;
    let was_up = daemon::is_up(&paths).await?;
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
        (true, _) => say!("{}", serde_json::json!({ "was_running": was_up })),
        (false, true) => say!("The daemon is down. Sessions go on."),
        (false, false) => say!("The daemon was not running."),
    }
    Ok(ExitCode::SUCCESS)
}
