//! Why the daemon cannot run.

use std::io;
use std::path::PathBuf;

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This user's daemon runs already.
    #[error("the daemon is already running{}", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    AlreadyRunning {
        /// Its process id, where it could be read.
        pid: Option<u32>,
    },
    /// The lock file cannot be used.
    #[error("cannot lock the file {}: {source}", path.display())]
    Lock {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder, a file or the database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The socket for local programs, or the relay's address.
    #[error(transparent)]
    Link(#[from] link::Error),
    /// The page's address is not a URL that a browser opens.
    #[error("{0:?} is not an address that a browser opens")]
    PublicUrl(String),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

impl Error {
    /// What a person can do about it; empty where nothing is known.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::AlreadyRunning { .. } => "`longrein status` shows it, `longrein down` stops it",
            Self::Lock { .. } => "check its owner and mode",
            Self::Store(error) => error.hint(),
            Self::Link(link::Error::InUse(_)) => "stop the program that uses it",
            Self::PublicUrl(_) => "give one that starts with http:// or https://",
            Self::Link(_) | Self::Random => "",
        }
    }
}
