//! The real program as people use it: real terminals, real processes, real sockets, each test in a home of its own.
//!
//! Nothing here but `faults` knows the inside of Longrein. What can be seen is what the program prints, writes and sends.

mod api;
mod api_rights;
mod api_turns;
mod approvals;
mod awake;
mod chat;
mod daemon;
mod disk;
mod endings;
/// Networks of one's own are Linux's.
#[cfg(target_os = "linux")]
mod faults;
mod history;
mod hosts;
mod input;
mod portable;
mod secrecy;
mod service;
mod sessions;
mod sizes;
mod support;
