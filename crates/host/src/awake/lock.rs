//! The system's lock against sleep, held by a program of the system's for as long as a pipe to it stands.
//!
//! What that program runs reads from the pipe and ends with it; the lock ends with that. So a `kill -9` of the daemon
//! gives the lock back too.

use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

/// How long the system may take to give it.
const ANSWER: Duration = Duration::from_secs(5);
/// How much is read of what the program complains of, in bytes.
const MAX_COMPLAINT: u64 = 4096;
/// Says that the lock is held, since only then is this run, and then holds it until the daemon's end of the pipe closes.
const UNTIL_CLOSED: [&str; 3] = ["/bin/sh", "-c", "echo held; exec cat > /dev/null"];

/// The ways to ask for it, the best first. Without a login at the machine, systemd may refuse the lock against sleep as
/// such; that against falling asleep by itself is given to everybody.
const WAYS: &[&[&str]] = if cfg!(target_os = "macos") {
    &[&["caffeinate", "-i"]]
} else {
    &[
        &[
            "systemd-inhibit",
            "--what=sleep:idle",
            "--who=Longrein",
            "--why=A session is busy",
            "--mode=block",
        ],
        &["systemd-inhibit", "--what=idle", "--who=Longrein", "--why=A session is busy", "--mode=block"],
    ]
};

/// The lock, held while this is kept.
pub(super) struct Lock {
    child: Child,
    until: ChildStdin,
}

impl Lock {
    /// Takes it, or says in a few words why the system does not give it.
    pub async fn take() -> Result<Self, String> {
        let mut why = String::new();
        for way in WAYS {
            match timeout(ANSWER, by(way)).await {
                Ok(Ok(lock)) => return Ok(lock),
                Ok(Err(said)) => why = said,
                Err(_) => why = format!("{} did not answer in 5 seconds", way[0]),
            }
        }
        Err(why)
    }

    /// Until it is held no longer although this is kept.
    pub async fn lost(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("the program that held the lock ended ({status})"),
            Err(error) => format!("the program that holds the lock is lost: {error}"),
        }
    }

    /// Gives it back.
    pub async fn release(self) {
        let Self { mut child, until } = self;
        drop(until);
        // It ends by itself; one that does not is killed when it is dropped.
        let _ = timeout(ANSWER, child.wait()).await;
    }
}

async fn by(way: &[&str]) -> Result<Lock, String> {
    let mut child = Command::new(way[0])
        .args(&way[1..])
        .args(UNTIL_CLOSED)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .current_dir("/")
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => format!("{} is not installed", way[0]),
            _ => format!("{} could not be started: {error}", way[0]),
        })?;
    let (Some(until), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(format!("{} started without its pipes", way[0]));
    };
    let mut line = String::new();
    let _ = BufReader::new(stdout.take(MAX_COMPLAINT)).read_line(&mut line).await;
    if line.trim() == "held" {
        return Ok(Lock { child, until });
    }
    let mut said = Vec::new();
    let _ = stderr.take(MAX_COMPLAINT).read_to_end(&mut said).await;
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it ended");
    let last: String = last.chars().filter(|c| !c.is_control()).collect();
    Err(format!("{} said: {last}", way[0]))
}
