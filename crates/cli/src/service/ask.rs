//! Programs of the system that are asked to do something, and end soon.

use crate::problem::{Hint as _, environment, problem};
use session::message::{ErrorKind, Failure};
use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How long one may take; a service manager waits for what it starts and stops.
const DEADLINE: Duration = Duration::from_secs(40);

/// Runs it to its end and gives what it printed; where it failed, what it said last.
pub async fn ask(program: &str, args: &[impl AsRef<OsStr>]) -> Result<String, Failure> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    // A shell without a login of its own, such as one of `su` or cron, has the manager and not its address.
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        let folder = format!("/run/user/{}", uid());
        if std::path::Path::new(&folder).is_dir() {
            command.env("XDG_RUNTIME_DIR", folder);
        }
    }
    let asked = tokio::time::timeout(DEADLINE, command.output()).await;
    let output = match asked.map_err(|_| environment(format!("{program} did not end in 40 seconds")))? {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(problem(ErrorKind::NotFound, format!("{program} is not installed")));
        }
        Err(error) => return Err(environment(format!("{program} could not be started: {error}"))),
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
    let verb = args.iter().map(|arg| arg.as_ref().to_string_lossy()).find(|arg| !arg.starts_with('-'));
    let what = format!("{program} {}", verb.unwrap_or_default());
    Err(match last {
        Some(line) => environment(format!("`{what}` said: {}", crate::table::clean(line))),
        None => environment(format!("`{what}` failed ({})", output.status)),
    })
    .hint("The system's service manager refused; its own log may say more.")
}

/// This user's number.
pub fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
