//! When to try again: 250 ms, doubling to 30 s, with jitter. Pure.

use std::time::Duration;

/// The first wait.
pub const FIRST: Duration = Duration::from_millis(250);
/// No wait is longer.
pub const LONGEST: Duration = Duration::from_secs(30);

/// Failures that count where it works and breaks by turns.
const BRIEF: u32 = 2;

/// How many times in a row something failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Nothing failed yet.
    pub const fn new() -> Self {
        Self { failures: 0 }
    }

    /// One more failure: how long to wait now. `jitter` is any random number; it moves the wait down to between half
    /// and the whole, so that clients cut off together do not come back together.
    pub fn failed(&mut self, jitter: u16) -> Duration {
        let whole = LONGEST.min(FIRST.saturating_mul(1 << self.failures.min(16)));
        self.failures = self.failures.saturating_add(1);
        let half = whole / 2;
        half + half * u32::from(jitter) / u32::from(u16::MAX)
    }

    /// It worked: the next failure waits [`FIRST`] again.
    pub fn worked(&mut self) {
        self.failures = 0;
    }

    /// It worked, and broke at once: the next failures wait about a second, until it works for longer or not at all.
    pub fn worked_briefly(&mut self) {
        self.failures = self.failures.min(BRIEF);
    }

    /// Failures since it last worked.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn doubles_to_thirty_seconds_and_starts_over() {
        let mut backoff = Backoff::new();
        let waits: Vec<u128> = (0..9).map(|_| backoff.failed(u16::MAX).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        backoff.worked_briefly();
        assert_eq!(backoff.failed(u16::MAX), 4 * FIRST);
        backoff.worked();
        assert_eq!(backoff.failed(0), FIRST / 2);
        backoff.worked_briefly();
        assert_eq!(backoff.failures(), 1);
    }

    proptest! {
        #[test]
        fn stays_between_half_and_whole(jitters in prop::collection::vec(any::<u16>(), 0..100)) {
            let mut backoff = Backoff::new();
            for jitter in jitters {
                let whole = LONGEST.min(FIRST.saturating_mul(1 << backoff.failures().min(16)));
                let wait = backoff.failed(jitter);
                prop_assert!(wait >= whole / 2 && wait <= whole);
            }
        }
    }
}
