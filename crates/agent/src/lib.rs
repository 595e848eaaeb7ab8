//! A program on a terminal: the pseudo-terminal it runs on ([`Pty`]), and what its output shows ([`Screen`]).
//!
//! The two do not know each other: whoever owns a session reads from one and feeds the other.

mod env;
mod pty;
mod screen;

pub use env::clean_env;
pub use pty::{Pty, SpawnError, SpawnSpec, Stop};
pub use screen::Screen;
