//! What the system is to start: this program, how, and with which environment.

use crate::args::Reach;
use crate::daemon::choice::Choice;
use crate::hosts;
use crate::problem::{Doing as _, Hint as _, invalid};
use serde::{Deserialize, Serialize};
use session::message::Failure;
use std::path::{Path, PathBuf};

/// The variable that moves everything of Longrein's into one folder.
pub const HOME: &str = "LONGREIN_HOME";
/// What of the caller's environment the daemon gets: where its folders are, and where the programs of sessions that a
/// device starts are found. A service manager's own search path is hardly ever the one of a person's shell.
const CARRIED: [&str; 4] = [HOME, "XDG_CONFIG_HOME", "XDG_STATE_HOME", "PATH"];

/// One service, as it is written into the system's file; a copy of this lies in that file too, to be read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The program, absolute.
    pub program: PathBuf,
    /// How its daemon is reached, as `up` takes it.
    pub reach: Vec<String>,
    /// Its environment beside the system's own.
    pub env: Vec<(String, String)>,
    /// Which version wrote it.
    pub version: String,
    /// It was the installation that turned lingering on, so that its removal turns it off.
    pub lingered: bool,
}

impl Job {
    /// For this program and this environment.
    pub fn here(choice: &Choice) -> Result<Self, Failure> {
        let mut env = Vec::new();
        for name in CARRIED {
            let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else { continue };
            let value = if name == HOME {
                std::path::absolute(&value).doing(&format!("find the folder {HOME} names"))?.into_os_string()
            } else {
                value
            };
            let value = value.into_string().ok().filter(|value| !value.contains(char::is_control));
            let value = value.ok_or_else(|| {
                invalid(format!("The variable {name} holds what cannot be written into a service"))
                    .hint("It must be UTF-8 without control characters.")
            })?;
            env.push((name.to_owned(), value));
        }
        let program = program()?;
        if program.to_str().is_none_or(|path| path.contains(|c: char| c.is_control() || "\"'\\".contains(c)))
        {
            let message = format!("No service can start a program called {}", program.display());
            return Err(invalid(message)
                .hint("Put it into a folder without quotes, backslashes and control characters."));
        }
        Ok(Self {
            program,
            reach: choice.args.clone(),
            env,
            version: hosts::CLIENT.to_owned(),
            lingered: false,
        })
    }

    /// Program and arguments.
    pub fn words(&self) -> Vec<String> {
        let program = self.program.to_string_lossy().into_owned();
        [program, "up".to_owned(), "--foreground".to_owned()].into_iter().chain(self.reach.clone()).collect()
    }

    /// The folder that everything lies in, where it is not the usual ones.
    pub fn home(&self) -> Option<&str> {
        self.env.iter().find(|(name, _)| name == HOME).map(|(_, value)| value.as_str())
    }

    /// Whether it starts the file that runs now.
    pub fn starts_this(&self) -> bool {
        let real = |path: &Path| path.canonicalize().ok();
        let this = std::env::current_exe().ok().and_then(|path| real(&path));
        this.is_some() && real(&self.program) == this
    }
}

/// Whether nothing was said of how the daemon is reached.
pub fn says_nothing(reach: &Reach) -> bool {
    Choice::of(reach).args.is_empty()
}

/// This program by the path it was found at: where that is a link, an upgrade moves the link and not the service.
fn program() -> Result<PathBuf, Failure> {
    let real = std::env::current_exe().doing("find this program")?;
    let called = PathBuf::from(std::env::args_os().next().unwrap_or_default());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found: Vec<PathBuf> = if called.components().count() > 1 {
        std::path::absolute(&called).into_iter().collect()
    } else {
        std::env::split_paths(&path).map(|folder| folder.join(&called)).collect()
    };
    let is_this = |path: &PathBuf| {
        path.is_absolute() && path.canonicalize().is_ok_and(|to| Some(to) == real.canonicalize().ok())
    };
    Ok(found.into_iter().find(is_this).unwrap_or(real))
}
