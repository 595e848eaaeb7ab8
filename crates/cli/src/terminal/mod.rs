//! A session in this terminal.

pub mod filter;
pub mod keys;
mod modes;
pub mod pairing;
pub mod panel;
mod picture;
mod signals;
pub mod talk;
pub mod tty;
pub mod view;
