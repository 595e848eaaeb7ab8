//! `longrein keeper`: started by the daemon, never by a person.

use crate::args::Keeper;
use crate::daemon;
use crate::problem::{Outcome, invalid};

/// Owns one session until it has ended and nobody is attached.
pub fn run(args: &Keeper) -> Outcome {
    daemon::log();
    let read = args.read.as_deref().map(str::parse).transpose().map_err(|_| invalid("Not a session's id"))?;
    Ok(keeper::run(read))
}
