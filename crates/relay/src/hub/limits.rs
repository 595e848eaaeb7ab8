//! What each address may do: rates, counts, and a ban for whoever keeps failing. Pure.

use crate::address::{Address, AddressKey};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Every bound of a hub.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From a link to its first frame (host), or from meeting the host to the first `DATA` (client).
    pub handshake: Duration,
    /// How long a ticket may wait to be used.
    pub ticket_lifetime: Duration,
    /// Bytes that wait for one connection, in each direction; more closes it.
    pub queued_per_connection: usize,
    /// Bytes that wait in the whole relay; more closes the connection that they would be added for.
    pub queued: usize,
    /// Hosts with a slot, and links that may become one.
    pub hosts: usize,
    /// The same, from one address.
    pub hosts_per_address: u32,
    /// Clients connected or waiting for their host.
    pub clients: usize,
    /// The same, from one address.
    pub clients_per_address: u32,
    /// The same, for one slot.
    pub clients_per_slot: usize,
    /// Tickets that one address may ask for at once, and how long until it may have one more.
    pub tickets_per_address: (u32, Duration),
    /// Tickets that may be asked for one slot at once, and how long until one more.
    pub tickets_per_slot: (u32, Duration),
    /// Failures that ban an address. They halve each minute; the ban ends at half of this number.
    pub failures: f64,
    /// Addresses, slots without anybody, and tickets that are remembered; the longest unused is forgotten first.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: wire::limits::HANDSHAKE_TIMEOUT,
            ticket_lifetime: wire::limits::TICKET_LIFETIME,
            queued_per_connection: wire::limits::MAX_QUEUED,
            queued: 512 * 1024 * 1024,
            hosts: 4096,
            hosts_per_address: 64,
            clients: 16_384,
            clients_per_address: 256,
            clients_per_slot: 256,
            tickets_per_address: (60, Duration::from_secs(1)),
            tickets_per_slot: (1024, Duration::from_millis(30)),
            failures: 20.0,
            remembered: 8192,
        }
    }
}

/// A bucket that refills with time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    used: f64,
    at: Instant,
}

impl Bucket {
    pub(crate) fn new(now: Instant) -> Self {
        Self { used: 0.0, at: now }
    }

    /// Takes one, if `(burst, every)` allows.
    pub(crate) fn take(&mut self, (burst, every): (u32, Duration), now: Instant) -> bool {
        let refilled = now.saturating_duration_since(self.at).as_secs_f64() / every.as_secs_f64().max(1e-9);
        self.used = (self.used - refilled).max(0.0);
        self.at = now;
        let room = self.used + 1.0 <= f64::from(burst);
        if room {
            self.used += 1.0;
        }
        room
    }
}

/// What is counted by address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Host,
    Client,
}

/// What one address did lately.
#[derive(Debug)]
struct Record {
    hosts: u32,
    clients: u32,
    tickets: Bucket,
    failures: f64,
    banned: bool,
    at: Instant,
}

impl Record {
    fn decay(&mut self, now: Instant, limit: f64) {
        let minutes = now.saturating_duration_since(self.at).as_secs_f64() / 60.0;
        self.failures *= (-minutes).exp2();
        self.at = now;
        if self.failures < limit / 2.0 {
            self.banned = false;
        }
    }
}

/// All addresses.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    records: HashMap<AddressKey, Record>,
}

impl Addresses {
    /// The record of an address, up to date; nothing for a program on this machine, which is not limited.
    fn record(&mut self, address: Address, limits: &Limits, now: Instant) -> Option<&mut Record> {
        if address.is_local() {
            return None;
        }
        let key = address.key();
        if !self.records.contains_key(&key) && self.records.len() >= limits.remembered {
            self.forget(now, limits);
        }
        let record = self.records.entry(key).or_insert_with(|| Record {
            hosts: 0,
            clients: 0,
            tickets: Bucket::new(now),
            failures: 0.0,
            banned: false,
            at: now,
        });
        record.decay(now, limits.failures);
        Some(record)
    }

    /// Makes room: everybody quiet for ten minutes goes, or else the one that was quiet longest. Addresses with a link
    /// stay; there are never more of those than links.
    fn forget(&mut self, now: Instant, limits: &Limits) {
        let old = Duration::from_mins(10);
        let idle = |record: &Record| record.hosts == 0 && record.clients == 0;
        self.records.retain(|_, record| !idle(record) || now.saturating_duration_since(record.at) < old);
        if self.records.len() >= limits.remembered {
            let oldest =
                self.records.iter().filter(|(_, record)| idle(record)).min_by_key(|(_, record)| record.at);
            if let Some(key) = oldest.map(|(key, _)| *key) {
                self.records.remove(&key);
            }
        }
    }

    pub(crate) fn banned(&mut self, address: Address, limits: &Limits, now: Instant) -> bool {
        self.record(address, limits, now).is_some_and(|record| record.banned)
    }

    pub(crate) fn failed(&mut self, address: Address, limits: &Limits, now: Instant) {
        if let Some(record) = self.record(address, limits, now) {
            record.failures += 1.0;
            record.banned |= record.failures >= limits.failures;
        }
    }

    pub(crate) fn ticket(&mut self, address: Address, limits: &Limits, now: Instant) -> bool {
        self.record(address, limits, now)
            .is_none_or(|record| record.tickets.take(limits.tickets_per_address, now))
    }

    /// Counts one more link, if there is room. Everyone let in is [`Self::left`] once.
    pub(crate) fn joined(&mut self, address: Address, kind: Kind, limits: &Limits, now: Instant) -> bool {
        let Some(record) = self.record(address, limits, now) else { return true };
        let (count, most) = match kind {
            Kind::Host => (&mut record.hosts, limits.hosts_per_address),
            Kind::Client => (&mut record.clients, limits.clients_per_address),
        };
        let room = *count < most;
        *count += u32::from(room);
        room
    }

    pub(crate) fn left(&mut self, address: Address, kind: Kind) {
        if let Some(record) = self.records.get_mut(&address.key()) {
            let count = match kind {
                Kind::Host => &mut record.hosts,
                Kind::Client => &mut record.clients,
            };
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::new(text.parse().unwrap())
    }

    #[test]
    fn a_ban_comes_and_decays() {
        let (mut addresses, limits, start) = (Addresses::default(), Limits::default(), Instant::now());
        let bad = address("203.0.113.9");
        for _ in 0..20 {
            assert!(!addresses.banned(bad, &limits, start));
            addresses.failed(bad, &limits, start);
        }
        assert!(addresses.banned(bad, &limits, start));
        assert!(!addresses.banned(address("203.0.113.10"), &limits, start));
        assert!(addresses.banned(bad, &limits, start + Duration::from_secs(50)));
        assert!(!addresses.banned(bad, &limits, start + Duration::from_secs(70)));
    }

    #[test]
    fn a_bucket_empties_and_refills() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        let rate = (3, Duration::from_secs(2));
        assert_eq!([0; 4].map(|_| bucket.take(rate, start)), [true, true, true, false]);
        assert!(!bucket.take(rate, start + Duration::from_secs(1)));
        assert!(bucket.take(rate, start + Duration::from_secs(2)));
        assert!(!bucket.take(rate, start + Duration::from_secs(2)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut addresses, start) = (Addresses::default(), Instant::now());
        let limits = Limits { remembered: 10, ..Limits::default() };
        assert!(addresses.joined(address("10.9.9.9"), Kind::Client, &limits, start));
        for n in 0..100u32 {
            let now = start + Duration::from_secs(n.into());
            addresses.failed(Address::new(std::net::Ipv4Addr::from_bits(n + 1).into()), &limits, now);
            assert!(addresses.records.len() <= 10);
        }
        assert!(
            addresses.records.contains_key(&address("10.9.9.9").key()),
            "one with a link is not forgotten"
        );
    }

    #[test]
    fn programs_of_this_machine_are_not_limited() {
        let (mut addresses, limits, now) = (Addresses::default(), Limits::default(), Instant::now());
        let local = address("127.0.0.1");
        for _ in 0..1000 {
            addresses.failed(local, &limits, now);
            assert!(
                addresses.ticket(local, &limits, now) && addresses.joined(local, Kind::Client, &limits, now)
            );
        }
        assert!(!addresses.banned(local, &limits, now));
    }
}
