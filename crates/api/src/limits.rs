//! How much callers may ask for: requests of one token, and requests at once.

use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests that are answered at once, of all tokens together; those that follow events count for as long as they do.
const AT_ONCE: usize = 128;
/// Requests of one token that may come at once, and how soon there is room for another.
const BURST: u32 = 60;
const REFILL: Duration = Duration::from_millis(50);
/// Tokens that are counted for, true or not; the one that was quiet the longest makes way.
const MAX_TOKENS: usize = 256;

/// Of those, requests of one token.
const AT_ONCE_EACH: usize = 32;
/// Secrets that are being looked at at once; others wait.
const LOOKED_AT: usize = 16;

/// What is left to one token.
struct Bucket {
    left: u32,
    at: Instant,
    at_once: Arc<Semaphore>,
}

/// Room for one request, for as long as it is held.
pub(crate) struct Room {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

/// What is left to all.
pub(crate) struct Limits {
    at_once: Arc<Semaphore>,
    /// Whoever wants to show a secret waits here.
    pub door: Semaphore,
    buckets: Mutex<HashMap<[u8; 32], Bucket>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            door: Semaphore::new(LOOKED_AT),
            buckets: Mutex::default(),
        }
    }
}

impl Limits {
    /// Room for one more request of whoever has shown this secret, and that holds.
    pub fn enter(&self, secret: &str) -> Option<Room> {
        let all = Arc::clone(&self.at_once).try_acquire_owned().ok()?;
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let own = Arc::clone(&buckets.get(&key(secret))?.at_once).try_acquire_owned().ok()?;
        Some(Room { _all: all, _own: own })
    }

    /// Whether whoever shows this secret may ask for something now.
    pub fn take(&self, secret: &str, now: Instant) -> bool {
        let key = key(secret);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(&key) && buckets.len() >= MAX_TOKENS {
            // One that is being answered stays: what it has at once is counted there.
            let free =
                buckets.iter().filter(|(_, bucket)| bucket.at_once.available_permits() == AT_ONCE_EACH);
            let quiet = free.min_by_key(|(_, bucket)| bucket.at).map(|(key, _)| *key);
            quiet.and_then(|quiet| buckets.remove(&quiet));
        }
        let bucket = buckets.entry(key).or_insert_with(|| {
            let at_once = Arc::new(Semaphore::new(AT_ONCE_EACH));
            Bucket { left: BURST, at: now, at_once }
        });
        let more = now.saturating_duration_since(bucket.at).as_nanos() / REFILL.as_nanos();
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        bucket.left = bucket.left.saturating_add(more);
        // What is left of the time counts for the next one; of a full bucket there is no next one.
        bucket.at = if bucket.left < BURST { bucket.at + REFILL * more } else { now };
        bucket.left = bucket.left.min(BURST);
        let may = bucket.left > 0;
        bucket.left = bucket.left.saturating_sub(1);
        may
    }
}

fn key(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_asks_too_often_waits_and_no_other_does() {
        let (limits, start) = (Limits::default(), Instant::now());
        assert!((0..BURST).all(|_| limits.take("a", start)));
        assert!(!limits.take("a", start) && limits.take("b", start));
        assert!(limits.take("a", start + REFILL) && !limits.take("a", start + REFILL));
        let later = start + REFILL * 1000;
        assert!((0..BURST).all(|_| limits.take("a", later)) && !limits.take("a", later));
    }

    #[test]
    fn whoever_asks_all_the_time_gets_as_much_as_was_promised() {
        for every in [1, 2, 7, 33, 49, 51] {
            let (limits, mut now) = (Limits::default(), Instant::now());
            (0..BURST).for_each(|_| assert!(limits.take("a", now)));
            let (start, mut got) = (now, 0);
            while now < start + REFILL * 1000 {
                now += Duration::from_millis(every);
                got += u32::from(limits.take("a", now));
            }
            let promised = 1000.min(50_000 / u32::try_from(every).unwrap());
            assert!(got.abs_diff(promised) <= 1, "{got} of {promised} where it asks every {every} ms");
        }
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let (limits, start) = (Limits::default(), Instant::now());
        for n in 0..10_000u32 {
            limits.take(&n.to_string(), start + Duration::from_millis(n.into()));
        }
        assert_eq!(limits.buckets.lock().unwrap().len(), MAX_TOKENS);
        let names = ["9990", "9991", "9992", "9993", "9994"];
        let enter = |name| std::iter::from_fn(|| limits.enter(name)).collect::<Vec<_>>();
        let all = names.map(enter);
        let counts = all.each_ref().map(Vec::len);
        assert_eq!(counts, [AT_ONCE_EACH, AT_ONCE_EACH, AT_ONCE_EACH, AT_ONCE_EACH, 0], "{AT_ONCE} in all");
        drop(all);
        assert!(limits.enter(names[4]).is_some() && limits.enter("unknown").is_none());
    }
}
