//! A keeper, a host, a relay and three clients in a seeded bad world, judged by a model that knows the truth.
//!
//! The machines are the real ones: [`session::approval`], [`session::replay`], [`session::follow`], [`session::outbox`], [`session::inbox`]
//! and [`wire::Liveness`]. Time, network, sleep, restarts and the program are made up here. [`run`] plays one world: some
//! hundred steps in which anything may happen, then a healing in which nothing does any more. What must hold is
//! asserted after each step ([`model`]); a breach panics, and the seed plays it again.
//!
//! The seal is modelled by what it promises: a record that is not the very next one, unchanged, ends its channel. That
//! the real one does is what the tests of `seal` show.

mod client;
mod clock;
mod gate;
mod host;
mod keeper;
mod model;
mod network;
mod skew;
mod world;

pub use world::run;

use std::ops::AddAssign;

/// What happened in a world, to see that the interesting things do happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Worlds played.
    pub worlds: u64,
    /// Steps in all of them.
    pub steps: u64,
    /// Events that keepers logged.
    pub events: u64,
    /// Events and snapshots that clients applied.
    pub applied: u64,
    /// Snapshots among them.
    pub snapshots: u64,
    /// Commands that were done.
    pub done: u64,
    /// Commands that failed, and their clients said so.
    pub expired: u64,
    /// Commands that the keeper did not know.
    pub refused: u64,
    /// Channels that were made.
    pub channels: u64,
    /// Channels given up by an end that heard nothing.
    pub silent: u64,
    /// Channels cut because a record was not the one that was due.
    pub meddled: u64,
    /// Apps that were ended by force.
    pub quits: u64,
    /// Sleeps of a device.
    pub sleeps: u64,
    /// Lost ends of a log.
    pub epochs: u64,
    /// Approvals that were over, by a decision or by themselves.
    pub decided: u64,
    /// Those that were allowed without being asked.
    pub granted: u64,
    /// Decisions that came too late, or were not for what was shown.
    pub too_late: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        let Self {
            worlds,
            steps,
            events,
            applied,
            snapshots,
            done,
            expired,
            refused,
            channels,
            silent,
            meddled,
            quits,
            sleeps,
            epochs,
            decided,
            granted,
            too_late,
        } = other;
        self.worlds += worlds;
        self.steps += steps;
        self.events += events;
        self.applied += applied;
        self.snapshots += snapshots;
        self.done += done;
        self.expired += expired;
        self.refused += refused;
        self.channels += channels;
        self.silent += silent;
        self.meddled += meddled;
        self.quits += quits;
        self.sleeps += sleeps;
        self.epochs += epochs;
        self.decided += decided;
        self.granted += granted;
        self.too_late += too_late;
    }
}
