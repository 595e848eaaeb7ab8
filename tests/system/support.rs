//! A home, a terminal, a relay's recorder, and waiting.

mod agent;
#[cfg(target_os = "linux")]
mod distance;
mod emulator;
mod forwarder;
mod home;
mod http;
mod relay;
mod terminal;

pub use agent::with_agent;
#[cfg(target_os = "linux")]
pub use distance::{Dice, Distance, Weather};
pub use emulator::Emulator;
pub use forwarder::Forwarder;
pub use home::{Home, PROGRAM, Ran, is_alive, kill, pid, process_state};
pub use http::{Answer, Events, Http};
pub use relay::Relay;
pub use terminal::Terminal;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Long enough for the slowest machine under full load; reached only by what has failed.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// What happens within a second, counted in short sleeps: a machine that keeps everybody waiting keeps them waiting too.
pub fn within_a_second<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let slept = Arc::new(AtomicU32::new(0));
    let weak = Arc::downgrade(&slept);
    std::thread::spawn(move || {
        while let Some(slept) = weak.upgrade() {
            std::thread::sleep(Duration::from_millis(10));
            slept.fetch_add(1, Ordering::Relaxed);
        }
    });
    let done = work();
    let slept = slept.load(Ordering::Relaxed);
    assert!(slept < 100, "{what} took {slept} hundredths of a second");
    done
}

/// A listener on a port that stays free when this is dropped: those that the system hands out are all above it.
pub fn reserved() -> TcpListener {
    let first = std::process::id().wrapping_mul(37);
    let mut ports = (0..20_000).map(|n| 10_000 + u16::try_from(first.wrapping_add(n) % 20_000).unwrap());
    ports.find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).expect("some port is free")
}

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
