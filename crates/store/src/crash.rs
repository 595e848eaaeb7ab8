//! Named points between two steps, at which a test ends the process as a `kill -9` would. They are nothing at all without
//! the feature `crash-points`, which only this crate's tests turn on.

#[cfg(feature = "crash-points")]
use std::sync::{Mutex, OnceLock};

/// `NAME:N` in the environment ends the process when it comes to the point NAME for the Nth time.
#[cfg(feature = "crash-points")]
const VARIABLE: &str = "LONGREIN_CRASH_AT";

/// A point that the process comes to.
#[cfg(feature = "crash-points")]
pub(crate) fn reach(name: &str) {
    static AT: OnceLock<Mutex<Option<(String, u32)>>> = OnceLock::new();
    let at = AT.get_or_init(|| {
        let text = std::env::var(VARIABLE).unwrap_or_default();
        Mutex::new(text.split_once(':').and_then(|(name, n)| Some((name.to_owned(), n.parse().ok()?))))
    });
    let Ok(mut at) = at.lock() else { return };
    let Some((wanted, left)) = at.as_mut().filter(|(wanted, _)| wanted == name) else { return };
    *left -= 1;
    if *left == 0 {
        eprintln!("ends at {wanted}");
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// A point that the process comes to.
#[cfg(not(feature = "crash-points"))]
pub(crate) fn reach(_name: &str) {}
