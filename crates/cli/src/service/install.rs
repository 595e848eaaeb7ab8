//! Putting the service in its place, and taking it away again.

use super::job::{Job, says_nothing};
use super::manager::{self, Manager};
use super::{Found, find, is_here, restart};
use crate::args::Reach;
use crate::config::Config;
use crate::daemon::choice::Choice;
use crate::daemon::{self, serve};
use crate::hosts;
use crate::problem::{Doing as _, Hint as _, invalid, problem};
use client::Route;
use session::message::{ErrorKind, Failure, Method, Status};
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::Paths;

/// How long a manager that lingering has just started may take to answer.
const MANAGER: Duration = Duration::from_secs(5);

/// What was done, for a person.
pub struct Done {
    /// Whole sentences.
    pub lines: Vec<String>,
    /// What could not be done, with what to do about it; the rest was.
    pub missing: Vec<Failure>,
}

/// Writes the service down, and has it take the place of a daemon that runs.
pub async fn install(paths: &Paths, reach: &Reach) -> Result<Done, Failure> {
    let former = no_other(paths)?;
    let config = Config::load(&paths.config)?;
    serve::choose(reach, &config)?;
    serve::origins(&reach.origins, &config)?;
    let running = running(paths).await?;
    let mut lines = Vec::new();
    let choice = if says_nothing(reach) {
        let address = running.as_ref().and_then(|status| status.address.as_deref());
        Choice { args: Choice::load(paths).at(address) }
    } else {
        Choice::of(reach)
    };
    let mut job = Job::here(&choice)?;

    let manager = Manager::here();
    let mut missing = Vec::new();
    let turned_on = linger(manager, &mut missing).await?;
    job.lingered = turned_on || former.is_some_and(|former| former.lingered);

    let file = manager.file()?;
    write(&file, &manager.text(&job, paths))?;
    lines.push(format!("The service is installed: {}", file.display()));
    lines.push(format!("It starts `{}`.", job.words().join(" ")));
    manager.enable().await?;
    if let Some(status) = &running
        && manager.state().await?.pid != Some(status.pid)
    {
        daemon::stop(paths).await?;
        lines.push(format!("The daemon that ran before (process {}) has ended; sessions go on.", status.pid));
    }
    let pid = restart(manager, paths).await?;
    let status: Status = hosts::ask(&Route::Daemon(paths.clone()), Method::HostStatus {}).await?;
    if status.pid == pid {
        lines.push(format!("Its daemon is up (process {pid}): {}", status.relay));
    } else {
        missing.push(
            problem(
                ErrorKind::Environment,
                format!("Another daemon was started meanwhile (process {})", status.pid),
            )
            .hint("`longrein down`, then `longrein service install` again."),
        );
    }
    lines.push(returns(manager, missing.is_empty()).to_owned());
    Ok(Done { lines, missing })
}

/// Takes it away. Sessions and data stay.
pub async fn uninstall(paths: &Paths) -> Result<Done, Failure> {
    let Some(job) = no_other(paths)? else {
        return Ok(Done { lines: vec!["No service is installed.".to_owned()], missing: Vec::new() });
    };
    let manager = Manager::here();
    let file = manager.file()?;
    let (mut lines, mut missing) = (Vec::new(), Vec::new());
    // What the manager does not do is no reason to leave the service where it is.
    let reached = match manager.reach().await {
        Ok(()) => true,
        Err(why) => {
            let hint = "A daemon that it started goes on until the machine restarts.".to_owned();
            missing.push(Failure { hint, ..why });
            false
        }
    };
    let mut stopped = false;
    if reached {
        match manager.disable().await {
            Ok(()) => stopped = true,
            Err(why) => {
                let hint = "A daemon that it started may go on; `longrein down` ends it.".to_owned();
                missing.push(Failure { hint, ..why });
            }
        }
    }
    if !stopped {
        missing.extend(manager.remove_links(&file).err());
    }
    std::fs::remove_file(&file).doing(&format!("remove {}", file.display()))?;
    lines.push(format!("The service is removed: {}", file.display()));
    if reached {
        missing.extend(manager.forget().await.err());
    }
    if stopped {
        lines
            .push("Its daemon is stopped. Sessions and data stay; `longrein up` starts a daemon.".to_owned());
    }
    if job.lingered {
        match manager::linger_no_more().await {
            Ok(()) => lines.push(
                "Lingering, which the installation had turned on, is off again: sessions end when you log out."
                    .to_owned(),
            ),
            Err(why) => missing.push(Failure {
                message: format!("Lingering could not be turned off again: {}", why.message),
                hint: "`loginctl disable-linger` turns it off.".to_owned(),
                ..why
            }),
        }
    }
    Ok(Done { lines, missing })
}

/// The job of the service that is there, which must be ours and of these folders.
fn no_other(paths: &Paths) -> Result<Option<Job>, Failure> {
    match find(paths)? {
        Found::Nothing => Ok(None),
        Found::Ours(installed) if is_here(&installed.job) => Ok(Some(installed.job)),
        Found::Ours(installed) => {
            let (whose, first) = match installed.job.home() {
                Some(home) => (format!("LONGREIN_HOME={home}"), format!("LONGREIN_HOME={home} longrein")),
                None => ("the usual folders".to_owned(), "env -u LONGREIN_HOME longrein".to_owned()),
            };
            Err(invalid(format!(
                "The service of this user is that of {whose}, and there is one for each user"
            ))
            .hint(format!("`{first} service uninstall` removes it.")))
        }
        Found::Foreign => {
            let file = Manager::here().file()?;
            Err(invalid(format!("{} was not written by `longrein service install`", file.display()))
                .hint("Move it away first."))
        }
    }
}

/// The daemon that runs, if one does.
pub async fn running(paths: &Paths) -> Result<Option<Status>, Failure> {
    if !daemon::is_up(paths).await? {
        return Ok(None);
    }
    hosts::ask(&Route::Daemon(paths.clone()), Method::HostStatus {}).await.map(Some)
}

/// Turns lingering on where it is off, and reaches the manager, which lingering may have started. True if it was turned
/// on here; a refusal is no reason not to go on.
async fn linger(manager: Manager, missing: &mut Vec<Failure>) -> Result<bool, Failure> {
    match manager {
        Manager::Launchd => manager.reach().await.map(|()| false),
        Manager::Systemd => {
            if manager::lingers().await {
                return manager.reach().await.map(|()| false);
            }
            let turned = manager::linger().await;
            let by = tokio::time::Instant::now() + MANAGER;
            let mut reached = manager.reach().await;
            while reached.is_err() && turned.is_ok() && tokio::time::Instant::now() < by {
                tokio::time::sleep(Duration::from_millis(200)).await;
                reached = manager.reach().await;
            }
            match (reached, turned) {
                (Ok(()), Ok(())) => Ok(true),
                (Ok(()), Err(why)) => {
                    missing.push(Failure {
                        message: format!("Lingering could not be turned on: {}", why.message),
                        hint: format!(
                            "`sudo loginctl enable-linger {}` turns it on. Until then daemon and sessions end when you \
                             log out, and the daemon comes back when you log in.",
                            super::ask::uid()
                        ),
                        ..why
                    });
                    Ok(false)
                }
                (Err(why), Ok(())) => {
                    // As it was found.
                    let _ = manager::linger_no_more().await;
                    Err(why)
                }
                (Err(why), Err(_)) => Err(why),
            }
        }
    }
}

fn returns(manager: Manager, whole: bool) -> &'static str {
    match (manager, whole) {
        (Manager::Systemd, true) => {
            "It comes back after a reboot without anybody logging in, and goes on when you log out."
        }
        (Manager::Systemd, false) => "It is started when you log in.",
        (Manager::Launchd, _) => "It comes back after a reboot when you log in.",
    }
}

/// Readable by all, as such files are; nothing in it is secret.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let folder = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    std::fs::create_dir_all(&folder).doing(&format!("make the folder {}", folder.display()))?;
    store::write_private(file, text.as_bytes()).map_err(hosts::stored)
}
