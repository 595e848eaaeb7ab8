//! The daemon behind a real relay and real sockets, met by clients that may do whatever they like.

mod conversations;
mod decisions;
mod hostile;
mod keeper;
mod keepers;
mod pairing;
mod routing;
mod support;
