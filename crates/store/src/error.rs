//! What can go wrong on disk, and what to do about it.

use std::io;
use std::path::PathBuf;

/// A failure of the disk, of what lies on it, or of the environment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither `LONGREIN_HOME` nor a home folder is known.
    #[error("no home folder is known")]
    NoHome,
    /// A folder cannot be made or written to.
    #[error("cannot write to the folder {}: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder of ours belongs to somebody else.
    #[error("the folder {} belongs to another user", path.display())]
    NotOurs {
        /// Which.
        path: PathBuf,
    },
    /// A unix socket's path does not fit the system's bound.
    #[error("the socket path {} is longer than the system's {max} bytes", path.display())]
    SocketPath {
        /// Which.
        path: PathBuf,
        /// The bound.
        max: usize,
    },
    /// A file cannot be read or written.
    #[error("cannot use the file {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No room is left. What was asked for was not done, and can be tried again when there is room.
    #[error("the disk is full")]
    Full,
    /// A file was written by a newer version of Longrein.
    #[error("{} was written by a newer version of Longrein (format {found}, this program knows {known})", path.display())]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// Another process has the log open.
    #[error("{} is in use by another keeper", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// What was read cannot have been written by Longrein.
    #[error("{0}")]
    Corrupt(String),
    /// Any other failure of the database.
    #[error("the database failed: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// What a person can do about it; empty where nothing is known.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoHome => "set HOME, or LONGREIN_HOME to the folder that Longrein should use",
            Self::Folder { .. } => {
                "check its owner and mode, or set LONGREIN_HOME to a folder that you can write to"
            }
            Self::NotOurs { .. } => "set LONGREIN_HOME to a folder of your own",
            Self::SocketPath { .. } => "set LONGREIN_HOME to a folder with a shorter path",
            Self::File { .. } => "check its owner and mode",
            Self::Full => "make room on the disk",
            Self::Newer { .. } => "use the newer version of Longrein",
            Self::InUse { .. } => "end that keeper first",
            Self::Corrupt(_) | Self::Database(_) => "",
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                Self::Corrupt(format!("the database is damaged: {error}"))
            }
            _ => Self::Database(Box::new(error)),
        }
    }
}
