//! The process that owns one session: its program's terminal, its log, its screen, and the clients that follow it.
//!
//! It is started by a host as `longrein keeper`, detached, and goes on when that host is killed or upgraded; whichever
//! host runs next finds it by its socket. It knows nothing of networks, devices' keys or other sessions.
//!
//! How output flows: the terminal is read in batches ([`program`]), each batch is one event that is in the log before
//! anyone sees it ([`journal`]), then one write for each client that follows ([`clients`]). The screen model works on its
//! own thread ([`screen`]). What waits for the disk has a thread too ([`disk`]). Nothing
//! on that way waits for a timer, another thread, or a client that does not keep up.

mod approvals;
mod beside;
mod chat;
mod clients;
mod clock;
mod commands;
mod connections;
mod disk;
mod ending;
mod follower;
mod journal;
mod judge;
mod lines;
mod process;
mod program;
mod screen;
mod served;
mod session;
mod side;
mod spec;
mod start;
mod structured;
mod tail;
mod upkeep;
mod uploads;

pub use process::run;
pub use spec::Spec;
pub use start::{keep, read};
