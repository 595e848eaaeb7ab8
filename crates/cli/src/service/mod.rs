//! The daemon as a service of the system's: started at boot, and again where it fails.
//!
//! What is written down is one file for a user, with a copy of the [`job::Job`] in it. Sessions are in no way the
//! service's: it can be stopped, replaced and removed, and they go on.

mod ask;
pub mod install;
pub mod job;
pub mod manager;
mod plist;
mod unit;

use crate::daemon;
use crate::problem::{Doing as _, Hint as _, environment};
use job::Job;
use manager::Manager;
use session::message::Failure;
use std::time::{Duration, Instant};
use store::Paths;

/// How long its daemon may take to serve; a tunnel has a deadline of its own within it.
const READY: Duration = Duration::from_secs(40);
/// How often it is looked whether it does.
const LOOK: Duration = Duration::from_millis(50);
/// How often the manager is asked meanwhile whether it gave up.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// A service that is written down.
#[derive(Clone, Debug)]
pub struct Installed {
    /// By whom.
    pub manager: Manager,
    /// What.
    pub job: Job,
    /// The file is as this program wrote it.
    pub untouched: bool,
}

/// What is in the place of the service's file.
#[derive(Debug)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// Something that this program did not write.
    Foreign,
    /// A service, though it may be that of another `LONGREIN_HOME`.
    Ours(Installed),
}

/// Looks for the service of this user.
pub fn find(paths: &Paths) -> Result<Found, Failure> {
    let manager = Manager::here();
    let file = manager.file()?;
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error).doing(&format!("read {}", file.display())),
    };
    Ok(match manager.parse(&text) {
        Some(job) => {
            let untouched = manager.text(&job, paths) == text;
            Found::Ours(Installed { manager, job, untouched })
        }
        None => Found::Foreign,
    })
}

/// Has the service start its daemon, where these folders have one whose daemon is reached with these arguments, and its
/// manager answers. False where not.
pub async fn start(paths: &Paths, reach: &[String]) -> Result<bool, Failure> {
    let Ok(Found::Ours(Installed { manager, job, .. })) = find(paths) else { return Ok(false) };
    // One whose program was moved away starts nothing, and must not keep a daemon from starting without it.
    let usable = is_here(&job) && job.reach == reach && job.program.exists();
    if !usable || manager.reach().await.is_err() {
        return Ok(false);
    }
    restart(manager, paths).await.map(|_| true)
}

/// Whether a service is of the folders that this program was told to use.
fn is_here(job: &Job) -> bool {
    let home = std::env::var_os(job::HOME).filter(|home| !home.is_empty());
    home.and_then(|home| std::path::absolute(home).ok()).as_deref() == job.home().map(std::path::Path::new)
}

/// Has the manager start the daemon, and waits until it serves. Gives its process.
async fn restart(manager: Manager, paths: &Paths) -> Result<u32, Failure> {
    manager.restart().await?;
    let until = Instant::now() + READY;
    let mut ask_at = Instant::now();
    let failed = |how: &str| {
        environment(format!("The service is installed, but its daemon does not serve ({how})"))
            .hint(manager.log_hint(paths))
    };
    loop {
        let up = daemon::is_up(paths).await?;
        if up || Instant::now() >= ask_at {
            ask_at = Instant::now() + ASK_EVERY;
            let state = manager.state().await?;
            match (state.pid, state.failed) {
                (_, Some(how)) => return Err(failed(&how)),
                (Some(pid), None) if up => return Ok(pid),
                _ => {}
            }
        }
        if Instant::now() >= until {
            return Err(failed("not in 40 seconds"));
        }
        tokio::time::sleep(LOOK).await;
    }
}
