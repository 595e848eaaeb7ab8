//! A home, a terminal, a relay's recorder, and waiting.

mod emulator;
mod forwarder;
mod home;
mod relay;
mod terminal;

pub use emulator::Emulator;
pub use forwarder::Forwarder;
pub use home::{Home, is_alive, kill, pid};
pub use relay::Relay;
pub use terminal::Terminal;

use std::time::{Duration, Instant};

/// Long enough for the slowest machine under full load; reached only by what has failed.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// Waits until `look` finds something.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
