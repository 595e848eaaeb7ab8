//! The frames between a relay and its two sides.
//!
//! Host side: `type u8 | conn u32be | body`. Client side: `type u8 | body`. The type numbers are shared.

use crate::limits::{MAX_ADDRESS, MAX_DATA, MAX_FRAME};
use crate::{CloseCode, Conn, RelaySecret, Rid};

/// Type bytes, shared by both sides.
mod kind {
    pub const REGISTER: u8 = 0x01;
    pub const REGISTERED: u8 = 0x02;
    pub const OPEN: u8 = 0x10;
    pub const DATA: u8 = 0x11;
    pub const CLOSE: u8 = 0x12;
    pub const PING: u8 = 0x20;
    pub const PONG: u8 = 0x21;
    pub const RESTARTING: u8 = 0x22;
    pub const PRESENCE: u8 = 0x30;
}

/// Bytes that are not a frame. Always the sender's fault; trying again does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Nothing, or less than the frame's fixed part.
    #[error("frame is cut short")]
    Truncated,
    /// Over [`MAX_FRAME`].
    #[error("frame is larger than {MAX_FRAME} bytes")]
    TooLarge,
    /// A type byte that this side does not take.
    #[error("unknown frame type {0:#04x}")]
    UnknownType(u8),
    /// The body has the wrong length or form for its type.
    #[error("frame body does not fit its type")]
    BadBody,
}

/// A frame on the link between a host and a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostFrame<'a> {
    /// Host to relay, first: take the slot that this secret owns.
    Register(RelaySecret),
    /// Relay to host: the slot is yours.
    Registered(Rid),
    /// Relay to host: a client connected. The address is as the relay saw it, UTF-8.
    Open {
        /// The new connection.
        conn: Conn,
        /// At most [`MAX_ADDRESS`] bytes.
        address: &'a str,
    },
    /// Both ways: opaque bytes of one connection.
    Data {
        /// Whose.
        conn: Conn,
        /// At most [`MAX_DATA`] bytes, never empty.
        body: &'a [u8],
    },
    /// Both ways: this connection is over.
    Close {
        /// Which.
        conn: Conn,
        /// Why.
        code: CloseCode,
    },
    /// Both ways: are you there. Answered by [`HostFrame::Pong`] with the same bytes.
    Ping([u8; 8]),
    /// Both ways: the answer.
    Pong([u8; 8]),
    /// Relay to host: going away; come back after so many milliseconds.
    Restarting(u32),
}

/// A frame on the link between a client and a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFrame<'a> {
    /// Both ways: opaque bytes, at most [`MAX_DATA`], never empty.
    Data(&'a [u8]),
    /// Both ways: the host or the client ended the connection.
    Close(CloseCode),
    /// Both ways: are you there. Answered by [`ClientFrame::Pong`] with the same bytes.
    Ping([u8; 8]),
    /// Both ways: the answer.
    Pong([u8; 8]),
    /// Relay to client: going away; come back after so many milliseconds.
    Restarting(u32),
    /// Relay to client: whether a host holds the slot, and when one last did.
    Presence {
        /// A host holds the slot now.
        online: bool,
        /// Milliseconds since the Unix epoch; 0 where this relay never saw it.
        last_seen: u64,
    },
}

/// Stands where a frame is about the link itself.
const LINK: Conn = Conn(0);

fn array<const N: usize>(body: &[u8]) -> Result<[u8; N], DecodeError> {
    body.try_into().map_err(|_| DecodeError::BadBody)
}

fn data(body: &[u8]) -> Result<&[u8], DecodeError> {
    if body.is_empty() || body.len() > MAX_DATA { Err(DecodeError::BadBody) } else { Ok(body) }
}

impl<'a> HostFrame<'a> {
    /// Reads one WebSocket message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_FRAME {
            return Err(DecodeError::TooLarge);
        }
        let Some((head, body)) = bytes.split_first_chunk::<5>() else {
            return Err(DecodeError::Truncated);
        };
        let [kind, c0, c1, c2, c3] = *head;
        let conn = Conn(u32::from_be_bytes([c0, c1, c2, c3]));
        let link_wide = |frame| if conn == LINK { Ok(frame) } else { Err(DecodeError::BadBody) };
        match kind {
            kind::REGISTER => link_wide(Self::Register(RelaySecret(array(body)?))),
            kind::REGISTERED => link_wide(Self::Registered(Rid(array(body)?))),
            kind::OPEN => match std::str::from_utf8(body) {
                Ok(address) if body.len() <= MAX_ADDRESS => Ok(Self::Open { conn, address }),
                _ => Err(DecodeError::BadBody),
            },
            kind::DATA => Ok(Self::Data { conn, body: data(body)? }),
            kind::CLOSE => {
                let code = CloseCode::from_u16(u16::from_be_bytes(array(body)?));
                Ok(Self::Close { conn, code })
            }
            kind::PING => link_wide(Self::Ping(array(body)?)),
            kind::PONG => link_wide(Self::Pong(array(body)?)),
            kind::RESTARTING => link_wide(Self::Restarting(u32::from_be_bytes(array(body)?))),
            other => Err(DecodeError::UnknownType(other)),
        }
    }

    /// Appends the frame's bytes to `out`. The caller keeps bodies within their bounds.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let head = |out: &mut Vec<u8>, kind: u8, conn: Conn| {
            out.push(kind);
            out.extend_from_slice(&conn.0.to_be_bytes());
        };
        match self {
            Self::Register(secret) => {
                head(out, kind::REGISTER, LINK);
                out.extend_from_slice(&secret.0);
            }
            Self::Registered(rid) => {
                head(out, kind::REGISTERED, LINK);
                out.extend_from_slice(&rid.0);
            }
            Self::Open { conn, address } => {
                head(out, kind::OPEN, *conn);
                out.extend_from_slice(address.as_bytes());
            }
            Self::Data { conn, body } => {
                head(out, kind::DATA, *conn);
                out.extend_from_slice(body);
            }
            Self::Close { conn, code } => {
                head(out, kind::CLOSE, *conn);
                out.extend_from_slice(&code.to_u16().to_be_bytes());
            }
            Self::Ping(id) => {
                head(out, kind::PING, LINK);
                out.extend_from_slice(id);
            }
            Self::Pong(id) => {
                head(out, kind::PONG, LINK);
                out.extend_from_slice(id);
            }
            Self::Restarting(ms) => {
                head(out, kind::RESTARTING, LINK);
                out.extend_from_slice(&ms.to_be_bytes());
            }
        }
    }

    /// The frame as fresh bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

impl<'a> ClientFrame<'a> {
    /// Reads one WebSocket message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_FRAME {
            return Err(DecodeError::TooLarge);
        }
        let Some((kind, body)) = bytes.split_first() else {
            return Err(DecodeError::Truncated);
        };
        match *kind {
            kind::DATA => Ok(Self::Data(data(body)?)),
            kind::CLOSE => Ok(Self::Close(CloseCode::from_u16(u16::from_be_bytes(array(body)?)))),
            kind::PING => Ok(Self::Ping(array(body)?)),
            kind::PONG => Ok(Self::Pong(array(body)?)),
            kind::RESTARTING => Ok(Self::Restarting(u32::from_be_bytes(array(body)?))),
            kind::PRESENCE => {
                let [online, last_seen @ ..] = array::<9>(body)?;
                if online > 1 {
                    return Err(DecodeError::BadBody);
                }
                Ok(Self::Presence { online: online == 1, last_seen: u64::from_be_bytes(last_seen) })
            }
            other => Err(DecodeError::UnknownType(other)),
        }
    }

    /// Appends the frame's bytes to `out`. The caller keeps bodies within their bounds.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Data(body) => {
                out.push(kind::DATA);
                out.extend_from_slice(body);
            }
            Self::Close(code) => {
                out.push(kind::CLOSE);
                out.extend_from_slice(&code.to_u16().to_be_bytes());
            }
            Self::Ping(id) => {
                out.push(kind::PING);
                out.extend_from_slice(id);
            }
            Self::Pong(id) => {
                out.push(kind::PONG);
                out.extend_from_slice(id);
            }
            Self::Restarting(ms) => {
                out.push(kind::RESTARTING);
                out.extend_from_slice(&ms.to_be_bytes());
            }
            Self::Presence { online, last_seen } => {
                out.push(kind::PRESENCE);
                out.push(u8::from(*online));
                out.extend_from_slice(&last_seen.to_be_bytes());
            }
        }
    }

    /// The frame as fresh bytes.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}
