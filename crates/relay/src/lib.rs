//! The relay: forwards what it cannot read, between hosts and their clients.
//!
//! The same code runs in three places: embedded in a host ([`Server::attach_local`]), as `longrein relay` ([`run`]), and
//! later as many nodes. It sees slot ids, connection numbers, sizes and times ([`wire`]), keeps nothing on disk, logs no
//! frame bodies, and buffers within bounds. [`hub`] is the routing table, pure; [`Server`] drives it over real sockets;
//! [`assets`] serves the web app next to it.

pub mod address;
pub mod assets;
pub mod hub;
mod local;
mod origin;
mod seats;
mod server;
mod shared;
mod socket;

pub use origin::Origins;
pub use server::{Config, Server, run};
