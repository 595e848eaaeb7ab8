//! Why a host or a session could not be reached, or said no.

use seal::{HandshakeError, InvitationError};
use session::message::Failure;
use std::path::PathBuf;

/// Why something did not work, as a person reads it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No daemon answers on this machine.
    #[error("the daemon is not running")]
    NotRunning,
    /// No keeper answers for the session.
    #[error("the session's keeper is not running")]
    NoKeeper,
    /// The relay answers and the host is not there.
    #[error("the host is away")]
    Away {
        /// When the relay last saw it, Unix milliseconds; 0 where it never did.
        last_seen: u64,
    },
    /// The host does not know this device or this invitation, or not any more.
    #[error("the host refused the connection")]
    Refused,
    /// The host has too much to do.
    #[error("the host is busy")]
    Busy,
    /// The link is not an invitation.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    /// What answered is not the host, or does not speak this version.
    #[error("the host could not be verified: {0}")]
    Handshake(HandshakeError),
    /// Nothing came in time.
    #[error("no answer in time: {0}")]
    Timeout(&'static str),
    /// The connection failed or ended.
    #[error(transparent)]
    Link(#[from] link::Error),
    /// A file or folder failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A known host's file is not what was written.
    #[error("the file {} is damaged", path.display())]
    DamagedHost {
        /// Which.
        path: PathBuf,
    },
    /// A host cannot have this name here.
    #[error("{name:?} cannot be a host's name")]
    Unusable {
        /// Which.
        name: String,
    },
    /// Another host has this name here.
    #[error("another host is called {name:?} already")]
    Taken {
        /// Which.
        name: String,
    },
    /// The other side sent something that makes no sense there.
    #[error("the host does not speak this protocol: {0}")]
    Nonsense(String),
    /// The host says no, and why.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// Ours.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Self {
        match error {
            HandshakeError::Refused(seal::Refusal::Refused | seal::Refusal::Other(_)) => Self::Refused,
            HandshakeError::Refused(seal::Refusal::Busy) => Self::Busy,
            other => Self::Handshake(other),
        }
    }
}

impl Error {
    /// What a person can do about it; empty where nothing is known.
    pub fn hint(&self) -> String {
        match self {
            Self::NotRunning => "`longrein up` starts it",
            Self::Away { .. } => "see that its machine is awake and `longrein up` runs there",
            Self::Refused => {
                "ask for a new code with `longrein pair` at the host, and use it within a minute"
            }
            Self::Busy => "try again in a moment",
            Self::Invitation(_) => "copy the whole link, with everything behind the #",
            Self::Handshake(_) => "if this goes on, pair again from a fresh code",
            Self::Store(error) => error.hint(),
            Self::DamagedHost { .. } => "remove it and join the host again",
            Self::Unusable { .. } => {
                "choose one of letters, digits, `.`, `-` and `_`, which does not begin with a `.`"
            }
            Self::Taken { .. } => "choose another with `--name`",
            Self::Failed(failure) => &failure.hint,
            Self::NoKeeper => "`longrein restart SESSION` starts its program again",
            Self::Timeout(_) | Self::Link(_) | Self::Nonsense(_) | Self::Internal(_) => "",
        }
        .to_owned()
    }

    /// What the host said, where it was the host who said no.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// Whether what was to be sent does not fit into one message; nothing of it was.
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::Link(link::Error::TooLarge(_)))
    }

    /// Whether the same thing may work a little later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::NotRunning
            | Self::NoKeeper
            | Self::Away { .. }
            | Self::Busy
            | Self::Timeout(_)
            | Self::Handshake(_)
            | Self::Nonsense(_)
            // A relay that has just started knows no tickets, and what answers in a hotel is no relay.
            | Self::Link(link::Error::Http { .. }) => true,
            Self::Link(error) => error.retryable(),
            Self::Refused
            | Self::Invitation(_)
            | Self::Store(_)
            | Self::DamagedHost { .. }
            | Self::Unusable { .. }
            | Self::Taken { .. }
            | Self::Failed(_)
            | Self::Internal(_) => false,
        }
    }
}
