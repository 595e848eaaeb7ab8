//! How many sockets may be open that have not shown yet what they are for.
//!
//! A socket takes a seat when it is accepted and leaves it when it has become a host or a client with a ticket, which
//! the hub counts by itself. When the seats are taken, whoever has sat there longest is put out: ten thousand sockets
//! that say nothing push out each other, while one that gets on with it never meets the bound.

use crate::address::AddressKey;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

#[derive(Default)]
struct Room {
    next: u64,
    /// By age.
    taken: BTreeMap<u64, (Option<AddressKey>, Arc<Notify>)>,
    by_address: HashMap<AddressKey, BTreeSet<u64>>,
}

impl Room {
    fn remove(&mut self, number: u64) -> Option<Arc<Notify>> {
        let (key, out) = self.taken.remove(&number)?;
        if let Some(key) = key
            && let Some(numbers) = self.by_address.get_mut(&key)
        {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.by_address.remove(&key);
            }
        }
        Some(out)
    }

    fn put_out(&mut self, number: Option<u64>) {
        if let Some(out) = number.and_then(|number| self.remove(number)) {
            out.notify_one();
        }
    }
}

/// All seats.
pub(crate) struct Seats {
    room: Mutex<Room>,
    most: usize,
    most_per_address: usize,
}

/// One taken seat; left when dropped.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    number: u64,
    out: Arc<Notify>,
}

impl Seats {
    pub(crate) fn new(most: usize, most_per_address: usize) -> Arc<Self> {
        Arc::new(Self { room: Mutex::default(), most, most_per_address })
    }

    fn lock(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Always succeeds; somebody else may be put out for it. Without a key there is no limit by address.
    pub(crate) fn take(self: &Arc<Self>, key: Option<AddressKey>) -> Seat {
        let mut room = self.lock();
        if let Some(numbers) = key.and_then(|key| room.by_address.get(&key))
            && numbers.len() >= self.most_per_address
        {
            let oldest = numbers.first().copied();
            room.put_out(oldest);
        }
        if room.taken.len() >= self.most {
            let oldest = room.taken.keys().next().copied();
            room.put_out(oldest);
        }
        let number = room.next;
        room.next += 1;
        let out = Arc::new(Notify::new());
        room.taken.insert(number, (key, Arc::clone(&out)));
        if let Some(key) = key {
            room.by_address.entry(key).or_default().insert(number);
        }
        Seat { seats: Arc::clone(self), number, out }
    }

    /// The system has no more sockets to give: the older half goes.
    pub(crate) fn make_room(&self) {
        let mut room = self.lock();
        let half = room.taken.len().div_ceil(2);
        let oldest: Vec<u64> = room.taken.keys().take(half).copied().collect();
        for number in oldest {
            room.put_out(Some(number));
        }
    }

    #[cfg(test)]
    fn taken(&self) -> usize {
        self.lock().taken.len()
    }
}

impl Seat {
    /// Resolves when somebody else needs the seat more. Never, once it was left.
    pub(crate) async fn put_out(&self) {
        self.out.notified().await;
    }

    /// The socket has shown what it is for.
    pub(crate) fn leave(&self) {
        self.seats.lock().remove(self.number);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use futures_util::FutureExt;

    fn is_out(seat: &Seat) -> bool {
        seat.put_out().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_goes_first_and_who_has_left_never() {
        let seats = Seats::new(3, 2);
        let one = Some(Address::new("203.0.113.1".parse().unwrap()).key());
        let local = None;
        let settled = seats.take(local);
        settled.leave();
        let (a, b) = (seats.take(one), seats.take(one));
        assert!(!is_out(&a));
        let c = seats.take(one);
        assert!(is_out(&a) && !is_out(&b) && !is_out(&c), "two for each address");
        let locals: Vec<Seat> = (0..10).map(|_| seats.take(local)).collect();
        assert!(is_out(&b) && is_out(&c) && is_out(&locals[6]) && !is_out(&locals[7]), "three in all");
        assert!(!is_out(&settled));
        drop(locals);
        assert_eq!(seats.taken(), 0);
    }
}
