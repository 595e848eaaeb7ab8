//! One relay's routing table: who holds which slot, who is connected to whom, and what waits to be written. Pure.
//!
//! The driver tells the hub what happens ([`Hub::connect_host`], [`Hub::connect_client`], [`Hub::handle_frame`],
//! [`Hub::handle_gone`], [`Hub::handle_timeout`]); [`Hub::poll_output`] names the links that have something to write,
//! and [`Hub::take`] hands it out. What always holds:
//!
//! - A slot has at most one host, the one that registered last.
//! - What one side of a connection sends arrives at the other in order, once, or the connection is over.
//! - A client whose host goes away keeps its link and is told; what it sent before it knew is dropped, so that a host
//!   that comes back never takes bytes of an old connection for a new one's.
//! - Every queue is bounded; at the bound its connection is closed with [`CloseCode::Overflow`], and no other.

mod flow;
mod limits;
mod queue;
mod ticket;

#[cfg(test)]
mod tests;

pub use limits::Limits;

use crate::address::Address;
use bytes::Bytes;
use limits::{Addresses, Bucket, Kind};
use queue::{Fifo, Lanes, cost};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};
use ticket::Tickets;
use wire::{ClientFrame, CloseCode, Conn, HostFrame, Rid, Ticket, TicketHash};

/// One socket, or the embedded host's end of a pair; numbered by the hub, never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Link(u64);

/// What the driver has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Call [`Hub::take`] for this link.
    Wake(Link),
}

/// What is behind the frames that [`Hub::take`] gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// More frames wait: call again, there will be no [`Output::Wake`] for them.
    More,
    /// Nothing waits; [`Output::Wake`] will come.
    Idle,
    /// Nothing follows: write what there is, close the socket with this reason, then [`Hub::handle_gone`].
    End(CloseCode),
}

/// A table of slots and connections. See the module.
pub struct Hub {
    limits: Limits,
    /// When this hub began, and the wall clock's Unix milliseconds then.
    began: (Instant, u64),
    next_link: u64,
    links: HashMap<Link, Entry>,
    slots: HashMap<Rid, Slot>,
    hosts: usize,
    clients: usize,
    /// Bytes in all queues.
    queued: usize,
    tickets: Tickets,
    addresses: Addresses,
    deadlines: BTreeSet<(Instant, Link)>,
    wakes: VecDeque<Link>,
    restarting: bool,
}

struct Entry {
    address: Address,
    end: Option<CloseCode>,
    /// An [`Output::Wake`] is on its way.
    woken: bool,
    deadline: Option<Instant>,
    side: Side,
}

enum Side {
    Host(Host),
    Client(Client),
}

#[derive(Default)]
struct Host {
    /// Until its `REGISTER`, and again once it has lost its slot, none.
    rid: Option<Rid>,
    next_conn: u32,
    clients: HashMap<Conn, Link>,
    queue: Lanes,
}

struct Client {
    rid: Rid,
    stage: Stage,
    queue: Fifo,
}

/// Where a client stands with its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The host is away. With a barrier, the client has not yet answered the `PING` that followed the bad news.
    Waiting { barrier: Option<u64> },
    /// Connected on that host's link under that number.
    Joined { host: Link, conn: Conn },
}

struct Slot {
    host: Option<Link>,
    clients: HashSet<Link>,
    /// When a host last held it; for clients, in Unix milliseconds. 0 is never.
    last_seen: u64,
    tickets: Bucket,
    used: Instant,
}

impl Hub {
    /// An empty hub. `unix_ms` is the wall clock at `now`.
    pub fn new(limits: Limits, now: Instant, unix_ms: u64) -> Self {
        Self {
            limits,
            began: (now, unix_ms),
            next_link: 1,
            links: HashMap::new(),
            slots: HashMap::new(),
            hosts: 0,
            clients: 0,
            queued: 0,
            tickets: Tickets::default(),
            addresses: Addresses::default(),
            deadlines: BTreeSet::new(),
            wakes: VecDeque::new(),
            restarting: false,
        }
    }

    fn unix_ms(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.began.0).as_millis();
        self.began.1.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// Remembers a ticket, of which only the hash is known here, for one connection to `rid` from `origin`.
    pub fn issue_ticket(
        &mut self,
        hash: TicketHash,
        rid: Rid,
        origin: Option<&str>,
        address: Address,
        now: Instant,
    ) -> Result<(), CloseCode> {
        self.admit(address, now)?;
        if !self.addresses.ticket(address, &self.limits, now) {
            return Err(CloseCode::Limited);
        }
        let rate = self.limits.tickets_per_slot;
        if !self.slot(rid, now).tickets.take(rate, now) {
            return Err(CloseCode::Limited);
        }
        let expires = now + self.limits.ticket_lifetime;
        self.tickets.issue(hash, rid, origin, now, expires, self.limits.remembered);
        Ok(())
    }

    fn admit(&mut self, address: Address, now: Instant) -> Result<(), CloseCode> {
        if self.restarting {
            return Err(CloseCode::Restarting);
        }
        if self.addresses.banned(address, &self.limits, now) { Err(CloseCode::Limited) } else { Ok(()) }
    }

    /// A link whose first frame will be `REGISTER`.
    pub fn connect_host(&mut self, address: Address, now: Instant) -> Result<Link, CloseCode> {
        self.admit(address, now)?;
        if self.hosts >= self.limits.hosts || !self.addresses.joined(address, Kind::Host, &self.limits, now) {
            return Err(CloseCode::Limited);
        }
        self.hosts += 1;
        let link = self.link(address, Side::Host(Host::default()));
        self.set_deadline(link, Some(now + self.limits.handshake));
        Ok(link)
    }

    /// A link with a ticket. Its host may be away.
    pub fn connect_client(
        &mut self,
        rid: Rid,
        ticket: &Ticket,
        origin: Option<&str>,
        address: Address,
        now: Instant,
    ) -> Result<Link, CloseCode> {
        self.admit(address, now)?;
        if !self.tickets.redeem(ticket, rid, origin, now) {
            self.addresses.failed(address, &self.limits, now);
            return Err(CloseCode::Refused);
        }
        if self.slot(rid, now).clients.len() >= self.limits.clients_per_slot {
            self.displace_silent(rid)?;
        }
        if self.clients >= self.limits.clients
            || !self.addresses.joined(address, Kind::Client, &self.limits, now)
        {
            return Err(CloseCode::Limited);
        }
        self.clients += 1;
        let stage = Stage::Waiting { barrier: None };
        let link = self.link(address, Side::Client(Client { rid, stage, queue: Fifo::default() }));
        let slot = self.slot(rid, now);
        slot.clients.insert(link);
        let (host, last_seen) = (slot.host, slot.last_seen);
        match host {
            Some(host) => self.join(link, host, now),
            None => self.tell_client(link, &ClientFrame::Presence { online: false, last_seen }),
        }
        Ok(link)
    }

    /// Of a full slot, the client that has been silent longest makes room for one that may have something to say.
    fn displace_silent(&mut self, rid: Rid) -> Result<(), CloseCode> {
        let silent = self.deadlines.iter().map(|(_, link)| *link).find(|link| {
            matches!(self.links.get(link), Some(Entry { side: Side::Client(client), .. }) if client.rid == rid)
        });
        self.end_client(silent.ok_or(CloseCode::Limited)?, CloseCode::Limited, Some(CloseCode::Limited));
        Ok(())
    }

    fn link(&mut self, address: Address, side: Side) -> Link {
        let link = Link(self.next_link);
        self.next_link += 1;
        self.links.insert(link, Entry { address, end: None, woken: false, deadline: None, side });
        link
    }

    fn slot(&mut self, rid: Rid, now: Instant) -> &mut Slot {
        if !self.slots.contains_key(&rid) && self.slots.len() >= self.limits.remembered {
            // Slots in use stay: there are never more of those than links.
            let idle = |slot: &Slot| slot.host.is_none() && slot.clients.is_empty();
            let oldest = self.slots.iter().filter(|(_, slot)| idle(slot)).min_by_key(|(_, slot)| slot.used);
            if let Some(oldest) = oldest.map(|(rid, _)| *rid) {
                self.slots.remove(&oldest);
            }
        }
        let slot = self.slots.entry(rid).or_insert_with(|| Slot {
            host: None,
            clients: HashSet::new(),
            last_seen: 0,
            tickets: Bucket::new(now),
            used: now,
        });
        slot.used = now;
        slot
    }

    /// A client meets its host: both are told.
    fn join(&mut self, link: Link, host: Link, now: Instant) {
        let Some(Entry { address, .. }) = self.links.get(&link) else { return };
        let address = address.to_string();
        let Some(Entry { side: Side::Host(there), .. }) = self.links.get_mut(&host) else { return };
        let conn = loop {
            there.next_conn = there.next_conn.wrapping_add(1);
            let conn = Conn(there.next_conn);
            // A number is not used again while anything of its last connection may still wait.
            if conn.0 != 0 && !there.clients.contains_key(&conn) && there.queue.lane(conn) == 0 {
                break conn;
            }
        };
        there.clients.insert(conn, link);
        self.push_host(host, conn, HostFrame::Open { conn, address: &address }.to_vec().into());
        match self.links.get_mut(&link) {
            Some(Entry { side: Side::Client(client), end: None, .. }) => {
                client.stage = Stage::Joined { host, conn };
            }
            // There was no room to tell the host, and so the client has come to its end.
            _ => return self.part(host, conn),
        }
        // Before it is told: where there is no room for that, it comes to its end, and so does the deadline.
        self.set_deadline(link, Some(now + self.limits.handshake));
        let last_seen = self.unix_ms(now);
        self.tell_client(link, &ClientFrame::Presence { online: true, last_seen });
    }

    /// The host's number for a client means nothing any more.
    fn part(&mut self, host: Link, conn: Conn) {
        if let Some(Entry { side: Side::Host(there), .. }) = self.links.get_mut(&host) {
            there.clients.remove(&conn);
        }
    }

    fn wake(&mut self, link: Link) {
        if let Some(entry) = self.links.get_mut(&link)
            && !std::mem::replace(&mut entry.woken, true)
        {
            self.wakes.push_back(link);
        }
    }

    /// The next thing the driver has to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.wakes.pop_front().map(Output::Wake)
    }

    /// Moves frames that wait for a link into `batch`, until they are `budget` bytes or one frame more.
    pub fn take(&mut self, link: Link, budget: usize, batch: &mut Vec<Bytes>) -> Taken {
        let Some(entry) = self.links.get_mut(&link) else { return Taken::End(CloseCode::Normal) };
        let mut taken = 0;
        let more = loop {
            let empty = match &entry.side {
                Side::Host(host) => host.queue.is_empty(),
                Side::Client(client) => client.queue.is_empty(),
            };
            if empty || taken >= budget {
                break !empty;
            }
            let frame = match &mut entry.side {
                Side::Host(host) => host.queue.pop(),
                Side::Client(client) => client.queue.pop(),
            };
            let Some(frame) = frame else { break false };
            taken += frame.len();
            self.queued -= cost(&frame);
            batch.push(frame);
        };
        // Who was told that there is more comes back without being woken.
        entry.woken = more;
        match (more, entry.end) {
            (true, _) => Taken::More,
            (false, Some(code)) => Taken::End(code),
            (false, None) => Taken::Idle,
        }
    }

    /// When to call [`Hub::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Closes links that have not finished their handshake in time.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, link)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            // Whatever became of the link: what is due is not due again.
            self.deadlines.remove(&(at, link));
            self.set_deadline(link, None);
            self.end(link, CloseCode::Timeout, now);
        }
    }

    /// Closes a link from the driver's side: it is silent, or does not read, or sent something that is no frame.
    pub fn close(&mut self, link: Link, code: CloseCode, now: Instant) {
        if code == CloseCode::Malformed
            && let Some(Entry { address, .. }) = self.links.get(&link)
        {
            self.addresses.failed(*address, &self.limits, now);
        }
        self.end(link, code, now);
    }

    /// Tells everybody to come back after `pause`, and lets nobody in any more.
    pub fn restart(&mut self, pause: Duration, now: Instant) {
        self.restarting = true;
        let ms = u32::try_from(pause.as_millis()).unwrap_or(u32::MAX);
        let mut links: Vec<Link> = self.links.keys().copied().collect();
        links.sort_unstable();
        for link in links {
            match self.links.get(&link) {
                Some(Entry { side: Side::Client(_), end: None, .. }) => {
                    self.tell_client(link, &ClientFrame::Restarting(ms));
                    self.end_client(link, CloseCode::Restarting, None);
                }
                Some(Entry { side: Side::Host(_), end: None, .. }) => {
                    self.end_host(link, CloseCode::Restarting, Some(HostFrame::Restarting(ms)), now);
                }
                _ => {}
            }
        }
    }

    /// Whether anything of a link's handshake is outstanding: the first frame, or the first bytes for the host.
    pub fn is_silent(&self, link: Link) -> bool {
        self.links.get(&link).is_none_or(|entry| entry.deadline.is_some())
    }

    /// Hosts and clients that have a link, and bytes that wait for them.
    pub fn load(&self) -> (usize, usize, usize) {
        (self.hosts, self.clients, self.queued)
    }
}
