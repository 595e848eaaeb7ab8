//! The bounds of the wire, each in one place.

use std::time::Duration;

/// Largest frame, header included, in bytes.
pub const MAX_FRAME: usize = 65_535;
/// Largest `DATA` body, in bytes: a frame less the host side's type byte and connection id.
pub const MAX_DATA: usize = MAX_FRAME - 5;
/// Bytes a relay queues for one connection before it closes it with [`crate::CloseCode::Overflow`].
pub const MAX_QUEUED: usize = 4 * 1024 * 1024;
/// Longest client address a host is told of, in bytes.
pub const MAX_ADDRESS: usize = 64;
/// From accepting a socket to its first valid frame (host) or hello (client).
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often each side of a link sends `PING` when it has heard nothing.
pub const HEARTBEAT: Duration = Duration::from_secs(10);
/// The same while a person looks on.
pub const FOREGROUND: Duration = Duration::from_secs(4);
/// A link on which nothing was heard for this long is dead: three intervals, so 12 s in the foreground. Where only one
/// direction died, the end that hears nothing is the first to know. The other one last hears what was sent just before
/// the next ping was due, so it knows one interval later at most: within 20 s and 45 s.
pub const DEAD_AFTER: Duration = Duration::from_secs(30);
/// A single write that takes longer ends the link.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a ticket may wait to be used.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(30);
