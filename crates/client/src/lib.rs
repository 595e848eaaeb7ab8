//! A client of a host, native: joins hosts, connects to them or to the programs of this machine, and follows a
//! session through every lost connection.
//!
//! [`pair`] makes this machine a device of a host and keeps what it needs in [`KnownHosts`]. A [`Connection`] carries
//! messages and calls over any [`Route`]. An [`Attachment`] shows one session and types into it, and reconnects by
//! itself: what it gives out is every event once, in order, or a snapshot and what follows it. A [`Feed`] gives what
//! happens in a session to a program.

mod asking;
mod attachment;
mod connection;
mod door;
mod driver;
mod error;
mod feed;
mod hooking;
mod known;
mod pieces;
mod wake;

pub use attachment::{AttachOpts, Attachment, DEFAULT_WINDOW, Path, Update};
pub use connection::{Connection, Route, Welcome};
pub use door::{Paired, pair};
pub use error::Error;
pub use feed::{Entry, Feed, News, Start};
pub use known::{KnownHost, KnownHosts};

/// How this library calls itself where its user did not say.
const CLIENT: &str = concat!("longrein-client/", env!("CARGO_PKG_VERSION"));
