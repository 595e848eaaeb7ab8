//! A program on a terminal: the pseudo-terminal it runs on ([`Pty`]), what its output shows ([`Screen`]), and that in a
//! terminal of another size ([`Viewport`]).
//!
//! Program and screen do not know each other: whoever owns a session reads from one and feeds the other.

mod env;
mod pty;
mod screen;

pub use env::clean_env;
pub use pty::{Pty, SpawnError, SpawnSpec, Stop, reap};
pub use screen::{Screen, Viewport};
