//! Why a link could not be made, or ended.

use std::io;
use std::path::PathBuf;
use wire::CloseCode;

/// Whose doing a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The other side broke the protocol, or refused.
    Peer,
    /// What we asked for cannot work as it stands.
    Ours,
    /// The network, the machine, or a relay that is away for a moment.
    Environment,
}

/// Why a link could not be made, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A socket or file operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A step did not finish within its deadline.
    #[error("no answer in time: {0}")]
    Timeout(&'static str),
    /// The other side closed the link and said why.
    #[error("closed by the other side: {0:?}")]
    Closed(CloseCode),
    /// The link is gone without a word.
    #[error("the link was cut")]
    Cut,
    /// This machine has another address now, or had none for a while: what was sent meanwhile did not arrive.
    #[error("this machine's network has changed")]
    Moved,
    /// The peer sent bytes that are not what the protocol allows there.
    #[error("the other side does not speak this protocol: {0}")]
    Malformed(String),
    /// The relay answered the HTTP request with something other than a link.
    #[error("the relay answered {status}: {text}")]
    Http {
        /// The HTTP status.
        status: u16,
        /// What it said, shortened.
        text: String,
    },
    /// The TLS handshake failed.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// Not a relay's address.
    #[error("not a relay address: {0}")]
    Url(String),
    /// Another program answers on this socket already.
    #[error("{0} is in use by a running program")]
    InUse(PathBuf),
    /// A unix socket's path has a fixed room in the system's address structure.
    #[error("the socket path {0} is too long for this system")]
    PathTooLong(PathBuf),
    /// The process at the other end of a unix socket belongs to somebody else.
    #[error("the program behind the socket belongs to another user")]
    ForeignPeer,
    /// A message larger than [`session::codec::MAX_MESSAGE`] or a frame larger than [`wire::limits::MAX_FRAME`].
    #[error("{0} bytes do not fit into one message of at most {max} bytes", max = session::codec::MAX_MESSAGE)]
    TooLarge(usize),
    /// The sealed channel refused a record, or is at the end of its life.
    #[error("the sealed channel ended: {0}")]
    Seal(String),
}

impl Error {
    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }

    /// Whose doing it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Io { .. } | Self::Timeout(_) | Self::Cut | Self::Moved => Fault::Environment,
            Self::Closed(CloseCode::Restarting | CloseCode::HostOffline | CloseCode::Timeout) => {
                Fault::Environment
            }
            Self::Http { status, .. } if *status >= 500 => Fault::Environment,
            Self::Closed(_)
            | Self::Malformed(_)
            | Self::Http { .. }
            | Self::Tls(_)
            | Self::ForeignPeer
            | Self::Seal(_) => Fault::Peer,
            Self::Url(_) | Self::InUse(_) | Self::PathTooLong(_) | Self::TooLarge(_) => Fault::Ours,
        }
    }

    /// Whether the same thing may work a little later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Io { .. }
            | Self::Timeout(_)
            | Self::Cut
            | Self::Moved
            | Self::Malformed(_)
            | Self::Tls(_)
            | Self::Seal(_) => true,
            Self::Closed(code) => !matches!(code, CloseCode::Replaced | CloseCode::Refused),
            Self::Http { status, .. } => *status >= 500 || *status == 429,
            Self::Url(_) | Self::InUse(_) | Self::PathTooLong(_) | Self::ForeignPeer | Self::TooLarge(_) => {
                false
            }
        }
    }
}
