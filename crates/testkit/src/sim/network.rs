//! One channel over one path: two directions of numbered records, each of which can be late, stand still, or be dead
//! without a word; and a relay that meddles.

use super::skew::{self, Skewed};
use crate::Dice;
use session::message::Cursor;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What a client says.
#[derive(Clone, Debug, PartialEq)]
pub enum Up {
    Attach {
        after: Option<Cursor>,
        window: u32,
        redraw: bool,
    },
    Ack {
        epoch: u32,
        seq: u64,
        part: Option<u32>,
    },
    /// `newer` where the keeper does not know what it asks for.
    Command {
        n: u64,
        what: Option<u64>,
        newer: bool,
    },
    Ping {
        every: Duration,
    },
    Pong,
    /// Of a type that the other end does not know, or one it knows with more in it.
    Skewed(Skewed),
    Close,
}

/// What a host passes on from a keeper, or says itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Down {
    Attached {
        head: Cursor,
        applied: u64,
    },
    /// `length` is that of its payload; `screen` what a terminal shows that took it.
    Event {
        at: Cursor,
        kept: bool,
        length: usize,
    },
    Piece {
        at: Cursor,
        part: u32,
        last: bool,
        length: usize,
        screen: u64,
    },
    Applied(u64),
    Refused(u64),
    /// What waits for a person, as of this list of the host's.
    Listed(usize),
    Ping,
    Pong,
    Skewed(Skewed),
    Close,
}

/// A record was not the one that is due, or does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

#[derive(Clone, Debug)]
struct Record<M> {
    number: u64,
    arrives: Instant,
    /// `None` where a bit of it was changed, or its end is missing.
    message: Option<M>,
}

/// One direction.
#[derive(Clone, Debug)]
pub struct Pipe<M> {
    queue: VecDeque<Record<M>>,
    sent: u64,
    due: u64,
    latency: Duration,
    /// Nothing moves before this.
    frozen: Option<Instant>,
    /// Whatever is sent disappears.
    dead: bool,
}

impl<M: Clone> Pipe<M> {
    pub fn new(latency: Duration) -> Self {
        Self { queue: VecDeque::new(), sent: 0, due: 0, latency, frozen: None, dead: false }
    }

    pub fn send(&mut self, message: M, now: Instant) {
        if !self.dead {
            self.queue.push_back(Record {
                number: self.sent,
                arrives: now + self.latency,
                message: Some(message),
            });
        }
        self.sent += 1;
    }

    /// The next message, where one has arrived.
    pub fn recv(&mut self, now: Instant) -> Option<Result<M, Broken>> {
        if self.frozen.is_some_and(|until| now < until) {
            return None;
        }
        self.frozen = None;
        self.queue.front().filter(|record| record.arrives <= now)?;
        let record = self.queue.pop_front()?;
        // What the seal does: the next number and nothing else, and nothing after what is not it.
        Some(match record.message {
            Some(message) if record.number == self.due => {
                self.due += 1;
                Ok(message)
            }
            Some(_) | None => Err(Broken),
        })
    }

    /// Records under way.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// What is under way.
    pub fn under_way(&self) -> impl Iterator<Item = &M> {
        self.queue.iter().filter_map(|record| record.message.as_ref())
    }

    pub fn freeze(&mut self, until: Instant) {
        self.frozen = Some(until);
    }

    /// From now on nothing gets through, and nobody is told.
    pub fn kill(&mut self) {
        self.dead = true;
        self.queue.clear();
    }

    pub fn frozen_until(&self) -> Option<Instant> {
        self.frozen
    }

    pub fn thaw(&mut self) {
        self.frozen = None;
    }

    /// The relay duplicates, drops, swaps or changes a record.
    pub fn meddle(&mut self, dice: &mut Dice) {
        if self.queue.is_empty() {
            return;
        }
        let (place, other) = (dice.place(self.queue.len()), dice.place(self.queue.len()));
        match dice.below(4) {
            0 => self.queue.insert(other.max(place), self.queue[place].clone()),
            1 => drop(self.queue.remove(place)),
            2 => self.queue.swap(place, other),
            _ => self.queue[place].message = None,
        }
    }
}

/// A message of a newer version now and then, where the world has one.
pub fn skewed_up(dice: &mut Dice) -> Up {
    Up::Skewed(skew::to_host(dice))
}

/// As [`skewed_up`], the other way.
pub fn skewed_down(dice: &mut Dice) -> Down {
    Down::Skewed(skew::to_client(dice))
}
