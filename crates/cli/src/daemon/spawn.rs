//! Starts the daemon in the background: this program again, detached, which says on a pipe when it is ready or why not.

use crate::problem::{Doing as _, Hint as _, environment};
use serde::{Deserialize, Serialize};
use session::message::Failure;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Stdio;
use std::time::Duration;
use store::Paths;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// How long a daemon may take to be ready; a tunnel has a deadline of its own within it.
const DEADLINE: Duration = Duration::from_secs(40);
/// A log that has grown beyond this is moved aside when the daemon starts, in bytes.
const LOG_LIMIT: u64 = 8 * 1024 * 1024;

/// What a detached daemon says, once, on its standard output.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It serves.
    Ready {
        /// What a person should know of it.
        notes: Vec<String>,
    },
    /// It does not, and has ended.
    Failed(Failure),
}

/// Starts `up --foreground --detached` with these further arguments and waits until it serves. Gives what a
/// person should know of it.
pub async fn spawn(paths: &Paths, args: &[String]) -> Result<Vec<String>, Failure> {
    let program = std::env::current_exe().doing("find this program")?;
    let path = paths.state.join("daemon.log");
    if std::fs::metadata(&path).is_ok_and(|meta| meta.len() > LOG_LIMIT) {
        // Only ever one old log: what matters is that the folder does not grow without bound.
        let _ = std::fs::rename(&path, paths.state.join("daemon.log.1"));
    }
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .doing("open the daemon's log")?;
    let mut child = Command::new(program)
        .args(["up", "--foreground", "--detached"])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .current_dir("/")
        .spawn()
        .doing("start the daemon")?;
    let stdout = child.stdout.take().ok_or_else(|| environment("The daemon started without its output"))?;
    let mut lines = BufReader::new(stdout).lines();
    let hint = format!("See {}.", path.display());
    let Ok(line) = tokio::time::timeout(DEADLINE, lines.next_line()).await else {
        let _ = child.start_kill();
        return Err(environment("The daemon was not ready in 40 seconds").hint(hint));
    };
    match line.ok().flatten().as_deref().map(serde_json::from_str) {
        Some(Ok(Said::Ready { notes })) => Ok(notes),
        Some(Ok(Said::Failed(failure))) => Err(failure.hint(hint)),
        Some(Err(_)) | None => Err(environment("The daemon ended before it was ready").hint(hint)),
    }
}

/// In the daemon: leaves the terminal's process group, so that no key and no hang-up there reaches it.
pub fn detach() {
    // Fails only for the leader of a group, which a child that another program started never is.
    let _ = rustix::process::setsid();
}

/// In the daemon: says it, and lets go of the pipe.
pub fn say(said: &Said) {
    let Ok(line) = serde_json::to_string(said) else { return };
    let mut stdout = std::io::stdout();
    // Whoever started us may have gone away; that is no reason not to serve.
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    if let Ok(null) = OpenOptions::new().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(null);
    }
}
