//! Tickets: one use, short-lived, kept only as hashes. Pure.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;
use wire::{Rid, Ticket, TicketHash};

#[derive(Debug)]
struct Issued {
    rid: Rid,
    origin: Option<String>,
    expires: Instant,
}

/// The tickets that were issued and not used.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    issued: HashMap<TicketHash, Issued>,
    /// In the order of issue, which is the order of expiry. May name tickets that are used already.
    order: VecDeque<(TicketHash, Instant)>,
}

impl Tickets {
    /// Remembers one. Of more than `most` the oldest is forgotten, as if it had expired.
    pub(crate) fn issue(
        &mut self,
        hash: TicketHash,
        rid: Rid,
        origin: Option<&str>,
        now: Instant,
        expires: Instant,
        most: usize,
    ) {
        self.expire(now);
        while self.order.len() >= most.max(1) {
            if let Some((oldest, _)) = self.order.pop_front() {
                self.issued.remove(&oldest);
            }
        }
        self.order.push_back((hash, expires));
        self.issued.insert(hash, Issued { rid, origin: origin.map(str::to_owned), expires });
    }

    fn expire(&mut self, now: Instant) {
        while let Some((hash, _)) = self.order.pop_front_if(|(_, expires)| *expires <= now) {
            self.issued.remove(&hash);
        }
    }

    /// Uses a ticket up; true where it was good for this slot and origin. A ticket shown in the wrong place is gone
    /// as well: somebody has it who should not.
    pub(crate) fn redeem(&mut self, ticket: &Ticket, rid: Rid, origin: Option<&str>, now: Instant) -> bool {
        // Looked up by hash, so that timing tells nothing about the tickets that are there.
        self.issued.remove(&ticket.hash()).is_some_and(|issued| {
            issued.expires > now && issued.rid == rid && issued.origin.as_deref() == origin
        })
    }
}
