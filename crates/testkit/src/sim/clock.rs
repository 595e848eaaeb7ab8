//! Time as a device sees it: one clock goes on while it sleeps, the other stands still.

use std::time::{Duration, Instant};

/// A device's two clocks, both measured from the world's own time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    slept: Duration,
    asleep_since: Option<Instant>,
}

impl Clock {
    /// The clock that goes on: the wall's.
    pub fn whole(now: Instant) -> Instant {
        now
    }

    /// The clock that stands still during sleep, which timers follow.
    pub fn awake(&self, now: Instant) -> Instant {
        let now = self.asleep_since.unwrap_or(now);
        now.checked_sub(self.slept).unwrap_or(now)
    }

    pub fn is_asleep(&self) -> bool {
        self.asleep_since.is_some()
    }

    pub fn fall_asleep(&mut self, now: Instant) {
        self.asleep_since.get_or_insert(now);
    }

    /// Wakes; a program sees it by how far the clocks are apart now.
    pub fn wake(&mut self, now: Instant) -> Duration {
        let Some(since) = self.asleep_since.take() else { return Duration::ZERO };
        let slept = now.saturating_duration_since(since);
        self.slept += slept;
        slept
    }
}
