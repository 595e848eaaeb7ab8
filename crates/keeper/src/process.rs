//! The process around a keeper: detached, told what to do on standard input, and answering with one line.

use crate::session::failure;
use crate::{Spec, start};
use session::id::SessionId;
use session::message::{ErrorKind, Failure};
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;
use store::Paths;
use tokio::runtime;

/// Turns of tasks between two looks at the sockets. In a flood there is always a task that could go on, and a Ctrl-C must
/// not wait for many of them.
const EVENT_INTERVAL: u32 = 4;
/// Longest description that is read, in bytes; an environment can be large.
const MAX_SPEC: u64 = 8 * 1024 * 1024;

/// `longrein keeper`, and with `ended` `longrein keeper --read ID`. Reads a [`Spec`] (or, to read, the [`Paths`]) as
/// JSON on standard input, and answers `{"ready":true,"pid":…}` or `{"error":…}` on one line of standard output. Then it
/// lets go of both.
pub fn run(ended: Option<SessionId>) -> ExitCode {
    // Not possible for the leader of a process group, which was started by hand; it stays in its terminal then.
    let _ = rustix::process::setsid();
    match session(ended) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            tracing::error!(error = %why, "the keeper ended");
            let line = serde_json::json!({ "error": why });
            // If nobody listens any more, the log has it.
            let _ = writeln!(io::stdout(), "{line}");
            ExitCode::FAILURE
        }
    }
}

fn session(ended: Option<SessionId>) -> Result<(), Failure> {
    let mut told = Vec::new();
    io::stdin().lock().take(MAX_SPEC).read_to_end(&mut told).map_err(|error| internal(&error))?;
    let invalid =
        |error| failure(ErrorKind::Invalid, format!("the keeper was not told what to do: {error}"), "");
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build_local(runtime::LocalOptions::default())
        .map_err(|error| internal(&error))?;
    match ended {
        None => {
            let spec: Spec = serde_json::from_slice(&told).map_err(invalid)?;
            runtime.block_on(start::keep(spec, ready))
        }
        Some(id) => {
            let paths: Paths = serde_json::from_slice(&told).map_err(invalid)?;
            runtime.block_on(start::read(id, paths, ready))
        }
    }
}

fn internal(error: &dyn std::fmt::Display) -> Failure {
    failure(ErrorKind::Internal, error.to_string(), "")
}

/// Says that the keeper stands, and lets go of who started it: they wait for the end of this output.
fn ready() {
    let line = serde_json::json!({ "ready": true, "pid": std::process::id() });
    let told = writeln!(io::stdout(), "{line}").and_then(|()| io::stdout().flush());
    let nowhere = OpenOptions::new().read(true).write(true).open("/dev/null");
    let let_go = nowhere.and_then(|file| {
        rustix::stdio::dup2_stdin(&file)?;
        rustix::stdio::dup2_stdout(&file)?;
        Ok(())
    });
    if let Err(error) = told.and(let_go) {
        tracing::warn!(%error, "who started the keeper was not told");
    }
}
