//! What a client, a host and a keeper say to each other, and the pure machines behind it.
//!
//! Messages ([`message`]), their bytes ([`codec`]), and the machines that keep the promises: log replay with flow
//! control ([`replay`] in the keeper, [`follow`] in the client), commands that are applied once ([`outbox`] in the
//! client, [`inbox`] in the keeper), who sets a terminal's size ([`sizing`]), when a session ends by itself
//! ([`ending`]), what waits for a person's decision ([`approval`]), how much care that wants ([`risk`]), what can be read of a newer version's messages ([`later`]), who may do what ([`role`]), and what an
//! API token may ([`scope`]). This crate is pure: no IO, no clock, no randomness, no threads; time is
//! an argument.

pub mod approval;
pub mod codec;
pub mod ending;
pub mod follow;
pub mod id;
pub mod inbox;
pub mod later;
pub mod message;
pub mod outbox;
pub mod replay;
pub mod risk;
pub mod role;
pub mod scope;
pub mod sizing;

#[cfg(test)]
mod bindings;
