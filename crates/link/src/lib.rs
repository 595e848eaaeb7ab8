//! What carries a pure machine over a real socket.
//!
//! Two levels, and a user of this crate normally touches only the upper one:
//!
//! - *Messages* ([`MessageSender`], [`MessageReceiver`]): what client, host and keeper say to each other. The same two
//!   types whether the other side is behind a unix socket ([`unix`]) or behind a sealed channel ([`sealed`]), so that
//!   code which attaches to a session cannot tell.
//! - *Frames* ([`frames`]): what a relay sees. One relay link, over WebSocket ([`relay_client`]) or inside the process
//!   ([`frames::local`]); a host's link carries many connections, which [`mux`] takes apart into [`path`]s.
//!
//! Beside them, [`texts`] is how agents' own servers are spoken to on this machine.
//!
//! What always holds: `recv` can be dropped at any await and loses nothing; `feed` only collects and `flush` writes
//! what was collected in one go; every queue is bounded and every wait has a deadline; nothing a peer sends panics.

pub mod backoff;
mod error;
pub mod frames;
pub mod http;
mod messages;
pub mod mux;
pub mod path;
pub mod relay_client;
mod roam;
pub mod sealed;
pub mod texts;
mod tls;
pub mod unix;
mod watch;

pub use error::{Error, Fault};
pub use messages::{MessageReceiver, MessageSender};
pub use watch::watch;
