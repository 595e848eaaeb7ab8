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

/// What is left to one token.
struct Bucket {
    left: u32,
    at: Instant,
}

/// What is left to all.
pub(crate) struct Limits {
    at_once: Arc<Semaphore>,
    buckets: Mutex<HashMap<[u8; 32], Bucket>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { at_once: Arc::new(Semaphore::new(AT_ONCE)), buckets: Mutex::default() }
    }
}

impl Limits {
    /// Room for one more request, for as long as it is held.
    pub fn enter(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.at_once).try_acquire_owned().ok()
    }

    /// Whether whoever shows this secret may ask for something now.
    pub fn take(&self, secret: &str, now: Instant) -> bool {
        let key: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(&key) && buckets.len() >= MAX_TOKENS {
            let quiet = buckets.iter().min_by_key(|(_, bucket)| bucket.at).map(|(key, _)| *key);
            quiet.and_then(|quiet| buckets.remove(&quiet));
        }
        let bucket = buckets.entry(key).or_insert(Bucket { left: BURST, at: now });
        let more = now.saturating_duration_since(bucket.at).as_nanos() / REFILL.as_nanos();
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        if more > 0 {
            bucket.left = bucket.left.saturating_add(more).min(BURST);
            bucket.at = now;
        }
        let may = bucket.left > 0;
        bucket.left = bucket.left.saturating_sub(1);
        may
    }
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
    fn what_is_counted_is_bounded() {
        let (limits, start) = (Limits::default(), Instant::now());
        for n in 0..10_000u32 {
            limits.take(&n.to_string(), start + Duration::from_millis(n.into()));
        }
        assert_eq!(limits.buckets.lock().unwrap().len(), MAX_TOKENS);
        let all: Vec<_> = std::iter::from_fn(|| limits.enter()).collect();
        assert_eq!(all.len(), AT_ONCE);
        drop(all);
        assert!(limits.enter().is_some());
    }
}
