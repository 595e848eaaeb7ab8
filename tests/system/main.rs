//! The real program as people use it: real terminals, real processes, real sockets, each test in a home of its own.
//!
//! Nothing here knows the inside of Longrein. What can be seen is what the program prints, writes and sends.

mod awake;
mod daemon;
mod endings;
mod history;
mod hosts;
mod input;
mod secrecy;
mod service;
mod sessions;
mod portable;
mod sizes;
mod support;
