//! The client library against the other end's own machines, over real sockets that break.

mod attachment;
mod burst;
mod held;
mod joining;
mod keeper;
mod lists;
mod passing;
mod relayed;
