//! What a relay sees, and nothing more: slot and connection ids, frames, limits, close codes.
//!
//! One WebSocket message is one frame. Everything a relay does not name here is an opaque `DATA` body.
//! This crate is pure: no IO, no clock, no randomness.

mod close;
mod frame;
mod id;
pub mod limits;
mod liveness;

pub use close::CloseCode;
pub use frame::{ClientFrame, DecodeError, HostFrame};
pub use id::{Conn, IdError, RelaySecret, Rid, Ticket, TicketHash};
pub use liveness::{Beat, Liveness};

/// The WebSocket subprotocol both sides of a relay speak.
pub const SUBPROTOCOL: &str = "longrein.1";

/// Prefix of the second subprotocol a client offers; the rest is its base64url ticket (never in the URL).
pub const TICKET_PREFIX: &str = "ticket.";
