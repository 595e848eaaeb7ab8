//! Why a connection or a link was closed.

/// The reason in a `CLOSE` frame, and in a WebSocket close (as 4000 + the value).
///
/// A code this version does not know is kept as [`CloseCode::Other`], so that it can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The other side ended it on purpose.
    Normal,
    /// A newer registration took the host's slot.
    Replaced,
    /// More than [`crate::limits::MAX_QUEUED`] bytes were waiting for a reader.
    Overflow,
    /// The peer sent something that is not a frame.
    Malformed,
    /// Nothing arrived in time: handshake, heartbeat, or a write.
    Timeout,
    /// No host holds this slot now.
    HostOffline,
    /// Ticket missing, used, expired, or for another slot; or the origin is not allowed.
    Refused,
    /// Too many from this address or for this slot.
    Limited,
    /// The relay is going away for a moment.
    Restarting,
    /// A code this version does not know.
    Other(u16),
}

impl CloseCode {
    /// The number on the wire.
    pub const fn to_u16(self) -> u16 {
        match self {
            Self::Normal => 0,
            Self::Replaced => 1,
            Self::Overflow => 2,
            Self::Malformed => 3,
            Self::Timeout => 4,
            Self::HostOffline => 5,
            Self::Refused => 6,
            Self::Limited => 7,
            Self::Restarting => 8,
            Self::Other(code) => code,
        }
    }

    /// The code for a number from the wire.
    pub const fn from_u16(code: u16) -> Self {
        match code {
            0 => Self::Normal,
            1 => Self::Replaced,
            2 => Self::Overflow,
            3 => Self::Malformed,
            4 => Self::Timeout,
            5 => Self::HostOffline,
            6 => Self::Refused,
            7 => Self::Limited,
            8 => Self::Restarting,
            other => Self::Other(other),
        }
    }

    /// The code of the WebSocket close frame that carries this reason.
    pub const fn websocket(self) -> u16 {
        4000 + self.to_u16() % 1000
    }
}
