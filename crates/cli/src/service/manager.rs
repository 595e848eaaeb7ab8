//! The system's service manager: systemd's of this user, or launchd.

use super::ask::{ask, uid};
use super::job::Job;
use super::{plist, unit};
use crate::problem::{Doing as _, Hint as _, environment};
use etcetera::BaseStrategy as _;
use session::message::{ErrorKind, Failure};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use store::Paths;

/// The unit's name.
const UNIT: &str = "longrein.service";

/// How long launchd may take to let go of what it was told to: until then it does not load it again.
const UNLOADING: Duration = Duration::from_secs(25);

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// `systemctl --user`.
    Systemd,
    /// `launchctl`, in the domain of the user's logins.
    Launchd,
}

/// What the manager says of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// It is started at boot, or at login.
    pub enabled: bool,
    /// The process of its daemon.
    pub pid: Option<u32>,
    /// Its daemon failed, and how.
    pub failed: Option<String>,
}

impl Manager {
    /// This system's.
    pub fn here() -> Self {
        if cfg!(target_os = "macos") { Self::Launchd } else { Self::Systemd }
    }

    /// Where the service is written down.
    pub fn file(self) -> Result<PathBuf, Failure> {
        let base = etcetera::choose_base_strategy()
            .map_err(|_| environment("No home folder is known").hint("Set HOME."))?;
        Ok(match self {
            Self::Systemd => base.config_dir().join("systemd/user").join(UNIT),
            Self::Launchd => {
                base.home_dir().join("Library/LaunchAgents").join(format!("{}.plist", plist::LABEL))
            }
        })
    }

    /// What is written there.
    pub fn text(self, job: &Job, paths: &Paths) -> String {
        match self {
            Self::Systemd => unit::text(job),
            Self::Launchd => plist::text(job, &paths.state.join("daemon.log")),
        }
    }

    /// The job of what is written there, if it was this program that wrote it.
    pub fn parse(self, text: &str) -> Option<Job> {
        match self {
            Self::Systemd => unit::parse(text),
            Self::Launchd => plist::parse(text),
        }
    }

    /// Fails where the manager does not answer.
    pub async fn reach(self) -> Result<(), Failure> {
        let (asked, message, hint) = match self {
            Self::Systemd => (
                ask("systemctl", &["--user", "show", "--property=Version"]).await,
                "No systemd user manager can be reached",
                format!(
                    "`longrein up` works without one. Where systemd is there, `sudo loginctl enable-linger {}` starts \
                     this user's.",
                    uid()
                ),
            ),
            Self::Launchd => (
                ask("launchctl", &["print", &domain()]).await,
                "launchd cannot be reached for this user's logins",
                "Log in at this machine's screen once, then try again.".to_owned(),
            ),
        };
        match asked {
            Ok(_) => Ok(()),
            Err(why) => Err(Failure { message: format!("{message}: {}", why.message), hint, ..why }),
        }
    }

    /// Has the service started from the next boot on, as it is written down now.
    pub async fn enable(self) -> Result<(), Failure> {
        match self {
            Self::Systemd => {
                ask("systemctl", &["--user", "daemon-reload"]).await?;
                ask("systemctl", &["--user", "enable", UNIT]).await?;
            }
            Self::Launchd => {
                ask("launchctl", &["enable", &target()]).await?;
            }
        }
        Ok(())
    }

    /// Starts its daemon, again where it runs.
    pub async fn restart(self) -> Result<(), Failure> {
        match self {
            Self::Systemd => {
                // One that gave up is to be tried again; that none did is no failure.
                let _ = ask("systemctl", &["--user", "reset-failed", UNIT]).await;
                ask("systemctl", &["--user", "restart", UNIT]).await?;
            }
            Self::Launchd => {
                // Fails where it is not loaded, which is what it is to be.
                let _ = ask("launchctl", &["bootout", &target()]).await;
                let file = self.file()?;
                let until = Instant::now() + UNLOADING;
                let domain = domain();
                let load: [&OsStr; 3] = ["bootstrap".as_ref(), domain.as_ref(), file.as_ref()];
                while let Err(why) = ask("launchctl", &load).await {
                    if Instant::now() >= until {
                        return Err(why);
                    }
                    tokio::time::sleep(UNLOADING / 20).await;
                }
            }
        }
        Ok(())
    }

    /// Stops its daemon and starts it no more.
    pub async fn disable(self) -> Result<(), Failure> {
        match self {
            Self::Systemd => ask("systemctl", &["--user", "disable", "--now", UNIT]).await.map(|_| ()),
            Self::Launchd => unload("launchctl").await,
        }
    }

    /// Forgets the file, which is gone.
    pub async fn forget(self) -> Result<(), Failure> {
        match self {
            Self::Systemd => ask("systemctl", &["--user", "daemon-reload"]).await.map(|_| ()),
            Self::Launchd => Ok(()),
        }
    }

    /// How the service is.
    pub async fn state(self) -> Result<State, Failure> {
        match self {
            Self::Systemd => {
                let properties = "--property=UnitFileState,ActiveState,SubState,Result,MainPID";
                ask("systemctl", &["--user", "show", properties, UNIT]).await.map(|said| of_systemd(&said))
            }
            Self::Launchd => match ask("launchctl", &["print", &target()]).await {
                Ok(said) => Ok(of_launchd(&said)),
                Err(why) if why.kind == ErrorKind::NotFound => Err(why),
                // It is not loaded.
                Err(_) => Ok(State::default()),
            },
        }
    }

    /// Where its daemon's log is.
    pub fn log_hint(self, paths: &Paths) -> String {
        match self {
            Self::Systemd => format!("`journalctl --user -u {UNIT} -n 20` has its log."),
            Self::Launchd => format!("{} has its log.", paths.state.join("daemon.log").display()),
        }
    }

    /// Removes what the manager keeps of an enabled service, where it cannot be asked to.
    pub fn remove_links(self, file: &Path) -> Result<(), Failure> {
        match self {
            Self::Systemd => {
                let link = file.with_file_name("default.target.wants").join(UNIT);
                match std::fs::remove_file(&link) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        Err(error).doing(&format!("remove {}", link.display()))
                    }
                    _ => Ok(()),
                }
            }
            Self::Launchd => Ok(()),
        }
    }
}

/// Has launchd let go of the service, which fails where it is not loaded: that is what was wanted.
async fn unload(launchctl: &str) -> Result<(), Failure> {
    let Err(why) = ask(launchctl, &["bootout", &target()]).await else { return Ok(()) };
    match ask(launchctl, &["print", &target()]).await {
        Err(unknown) if unknown.kind != ErrorKind::NotFound => Ok(()),
        Err(_) | Ok(_) => Err(why),
    }
}

/// Turns lingering on for this user: the manager is started at boot, and stays when the last login ends.
pub async fn linger() -> Result<(), Failure> {
    ask("loginctl", &["enable-linger", &uid().to_string()]).await.map(|_| ())
}

/// Turns it off.
pub async fn linger_no_more() -> Result<(), Failure> {
    ask("loginctl", &["disable-linger", &uid().to_string()]).await.map(|_| ())
}

/// Whether it is on.
pub async fn lingers() -> bool {
    // For a user who neither lingers nor is logged in this fails.
    let asked = ask("loginctl", &["show-user", &uid().to_string(), "--property=Linger"]).await;
    asked.is_ok_and(|said| said.trim() == "Linger=yes")
}

fn domain() -> String {
    format!("gui/{}", uid())
}

fn target() -> String {
    format!("{}/{}", domain(), plist::LABEL)
}

/// From `systemctl show`.
fn of_systemd(said: &str) -> State {
    let value = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_default()
    };
    // Between a failure and the next attempt it is neither.
    let failed = value("ActiveState") == "failed" || value("SubState") == "auto-restart";
    State {
        enabled: value("UnitFileState") == "enabled",
        pid: value("MainPID").parse().ok().filter(|pid| *pid != 0),
        failed: failed.then(|| value("Result").to_owned()),
    }
}

/// From `launchctl print`, whose first lines of these names speak of the service itself.
fn of_launchd(said: &str) -> State {
    let value = |name: &str| {
        said.lines()
            .find_map(|line| line.trim().strip_prefix(name)?.trim_start().strip_prefix('='))
            .map(str::trim)
    };
    let code = value("last exit code").filter(|code| code.parse::<i32>().is_ok_and(|code| code != 0));
    let pid = value("pid").and_then(|pid| pid.parse().ok());
    State {
        enabled: true,
        pid,
        failed: code.filter(|_| pid.is_none()).map(|code| format!("exit status {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_systemd_says_is_read() {
        let said =
            "MainPID=4711\nResult=success\nActiveState=active\nSubState=running\nUnitFileState=enabled\n";
        assert_eq!(of_systemd(said), State { enabled: true, pid: Some(4711), failed: None });
        let said = "MainPID=0\nResult=exit-code\nActiveState=activating\nSubState=auto-restart\nUnitFileState=disabled";
        assert_eq!(
            of_systemd(said),
            State { enabled: false, pid: None, failed: Some("exit-code".to_owned()) }
        );
        assert_eq!(of_systemd(""), State::default());
    }

    #[tokio::test]
    async fn what_launchd_has_not_loaded_is_unloaded_and_what_it_keeps_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("launchctl");
        let stand_in = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let loaded = stand_in("loaded", "exit 0");
        let unknown = "echo 'Boot-out failed: 3: No such process' >&2; exit 3";
        let not_loaded = stand_in("not-loaded", unknown);
        let busy = "test $1 = print || { echo 'Boot-out failed: 36: busy' >&2; exit 36; }";
        let kept = stand_in("kept", busy);
        unload(&loaded).await.unwrap();
        unload(&not_loaded).await.unwrap();
        let why = unload(&kept).await.unwrap_err();
        assert!(why.message.contains("36: busy"), "{why:?}");
        assert_eq!(unload(path.to_str().unwrap()).await.unwrap_err().kind, ErrorKind::NotFound);
    }

    #[test]
    fn what_launchd_says_is_read() {
        let said = "gui/501/longrein = {\n\tactive count = 1\n\tstate = running\n\n\tpid = 812\n\tlast exit code = (never exited)\n}";
        assert_eq!(of_launchd(said), State { enabled: true, pid: Some(812), failed: None });
        let said = "gui/501/longrein = {\n\tstate = not running\n\tlast exit code = 1\n}";
        assert_eq!(of_launchd(said).failed.as_deref(), Some("exit status 1"));
    }
}
