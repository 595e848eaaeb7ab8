//! `longrein status`.

use crate::args::Json;
use crate::problem::{Hint as _, Outcome, problem};
use crate::{daemon, hosts, table};
use client::Route;
use session::message::{Awake, ErrorKind, Method, Status};
use std::process::ExitCode;

/// Shows the daemon, which is not started by this.
pub async fn run(args: &Json) -> Outcome {
    let paths = hosts::paths()?;
    if !daemon::is_up(&paths).await? {
        if args.json {
            say!("{}", serde_json::json!({ "running": false }));
            return Ok(ExitCode::FAILURE);
        }
        return Err(
            problem(ErrorKind::NotFound, "The daemon is not running").hint("`longrein up` starts it.")
        );
    }
    let status: Status = hosts::ask(&Route::Daemon(paths), Method::HostStatus {}).await?;
    if args.json {
        let mut value = serde_json::json!(status);
        value["running"] = true.into();
        say!("{value}");
        return Ok(ExitCode::SUCCESS);
    }
    let (live, ended) = status.sessions;
    say!("{} is up (process {}, {})", status.host, status.pid, status.version);
    say!(
        "relay     {} ({}{})",
        status.relay,
        status.relay_kind,
        if status.online { "" } else { ", not reached" }
    );
    if let Some(address) = &status.address {
        say!("address   {address}");
    }
    if let Some(api) = &status.api {
        say!("API       {api}/docs");
    }
    say!("sessions  {live} running, {ended} ended");
    say!("devices   {} connected", status.channels);
    if let Some(awake) = &status.awake {
        say!("awake     {}", told(awake));
        if !awake.hint.is_empty() {
            say!("          hint: {}", awake.hint);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the machine is kept awake, for a line beside the word.
pub fn told(awake: &Awake) -> String {
    format!("{}: {}", if awake.held { "kept" } else { "not kept" }, table::clean(&awake.why))
}
