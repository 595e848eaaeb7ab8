//! Time that the machine sleeps through, which [`Instant`] leaves out.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// The clock that goes on during sleep.
#[cfg(any(target_os = "linux", target_os = "android"))]
const WHOLE: ClockId = ClockId::Boottime;
/// The clock that goes on during sleep; `Instant` uses another one here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const WHOLE: ClockId = ClockId::Monotonic;

/// How soon a sleep is noticed after its end.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Less than this is no sleep: it is what lies between the reading of two clocks.
const NAP: Duration = Duration::from_secs(2);

/// Reads the clock that goes on during sleep.
pub(crate) fn whole() -> Duration {
    let time = clock_gettime(WHOLE);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Waits for the machine to sleep and wake again: a connection from before is then not worth a trial. Wakes up once a
/// second, since no timer of the runtime's goes on during sleep.
pub(crate) async fn woken(whole: impl Fn() -> Duration) {
    loop {
        // Anew each time, so that what the two clocks differ by in their pace never adds up.
        let (awake, began) = (tokio::time::Instant::now(), whole());
        tokio::time::sleep(LOOK_EVERY).await;
        if whole().saturating_sub(began) > awake.elapsed() + NAP {
            return;
        }
    }
}

/// A clock whose moments count sleep. They compare with one another, and with nothing else.
pub(crate) struct Clock<W = fn() -> Duration> {
    start: Instant,
    began: Duration,
    whole: W,
}

impl<W: Fn() -> Duration> Clock<W> {
    pub fn new(whole: W) -> Self {
        Self { start: Instant::now(), began: whole(), whole }
    }

    pub fn now(&self) -> Instant {
        self.start + (self.whole)().saturating_sub(self.began)
    }

    /// When a timer of the runtime's has to fire for a moment of this clock, if there is no sleep before it.
    pub fn timer(&self, moment: Instant) -> Instant {
        Instant::now() + moment.saturating_duration_since(self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use session::id::StreamId;
    use session::message::Act;
    use session::outbox::{Outbox, PATIENCE, Settled, Ticket};
    use std::cell::Cell;
    use tokio::time::timeout;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn the_clock_goes_on() {
        let clock = Clock::new(whole);
        let (before, timer) = (clock.now(), clock.timer(clock.now() + HOUR));
        assert!(clock.now() >= before);
        let wait = timer.saturating_duration_since(Instant::now());
        assert!(wait <= HOUR && wait > HOUR / 2, "{wait:?}");
    }

    #[test]
    fn what_was_typed_before_the_lid_was_closed_for_an_hour_is_not_sent_after_it() {
        let slept = Cell::new(Duration::ZERO);
        let clock = Clock::new(|| whole() + slept.get());
        let mut outbox = Outbox::new(StreamId::from_random([1; 10]));
        outbox.push(Act::Input, Bytes::from_static(b"rm -r old\n"), clock.now()).unwrap();
        outbox.handle_timeout(clock.now());
        assert_eq!(outbox.poll_settled(), None);
        assert!(clock.timer(outbox.poll_timeout().unwrap()) <= Instant::now() + PATIENCE);
        slept.set(HOUR);
        assert!(clock.timer(outbox.poll_timeout().unwrap()) <= Instant::now());
        outbox.handle_timeout(clock.now());
        assert_eq!(outbox.poll_settled(), Some(Settled::Expired { ticket: Ticket(1), sent: false }));
        outbox.handle_attached(0);
        assert_eq!(outbox.poll_send(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleep_is_noticed_and_a_long_wait_is_none() {
        let start = tokio::time::Instant::now();
        let slept = Cell::new(Duration::ZERO);
        let mut woken = std::pin::pin!(woken(|| start.elapsed() + slept.get()));
        assert!(timeout(HOUR, &mut woken).await.is_err());
        slept.set(Duration::from_secs(30));
        timeout(2 * LOOK_EVERY, woken).await.expect("a sleep of half a minute");
    }
}
