//! A program on a terminal: the pseudo-terminal it runs on ([`Pty`]), what its output shows ([`Screen`]), and that in a
//! terminal of another size ([`Viewport`]).
//!
//! Program and screen do not know each other: whoever owns a session reads from one and feeds the other.

pub mod acp;
pub mod adapter;
pub mod any;
pub mod claude;
pub mod codex;
mod env;
pub mod family;
mod form;
pub mod gemini;
mod jsonrpc;
pub mod known;
mod npm;
pub mod opencode;
mod out;
mod pipes;
mod pty;
mod screen;
pub mod served;
pub mod text;

pub use env::clean_env;
pub use out::Place;
pub use pipes::piped;
pub use pty::{Pty, SpawnError, SpawnSpec, Stop, reap};
pub use screen::{Cursor, Screen, Viewport};
