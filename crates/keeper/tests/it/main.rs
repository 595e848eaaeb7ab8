//! Keepers as real processes with real programs, followed by a client made of the session machines.

mod bad;
mod basic;
mod endings;
mod faults;
mod kit;
mod slow;

/// Not a test of anything: the process that the other tests start, which is this executable again.
#[test]
fn keeper_process() {
    let Ok(what) = std::env::var(kit::ROLE) else { return };
    let ended = what.strip_prefix("read ").map(|id| id.parse().expect("the test gives a session id"));
    std::process::exit(i32::from(longrein_keeper::run(ended) != std::process::ExitCode::SUCCESS));
}
