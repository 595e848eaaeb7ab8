//! Whether the other end of a link is still there: when to send `PING`, and when to give up.
//!
//! Anything heard counts, so that a busy link carries no pings. A link is dead when nothing was heard for
//! three intervals and at least one ping went unanswered; the second condition spares a link whose own process was
//! asleep. Pure: the driver brings the time, and a random byte per ping, and sleeps until [`Liveness::poll_timeout`].

use crate::limits::HEARTBEAT;
use std::time::{Duration, Instant};

/// Intervals of silence after which a link is dead.
const PATIENCE: u32 = 3;

/// What a driver has to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Send `PING` with these bytes.
    Ping([u8; 8]),
    /// Close the link with [`crate::CloseCode::Timeout`].
    Dead,
}

/// One side's view of one link.
#[derive(Clone, Debug)]
pub struct Liveness {
    interval: Duration,
    /// Of this ping's interval, what the jitter left.
    delay: Duration,
    heard: Instant,
    /// When the last ping went out, if nothing was heard since.
    waiting_since: Option<Instant>,
    pings: u64,
    /// The last ping and when it went out, until its pong.
    timed: Option<(u64, Instant)>,
    /// Not before this, however long the silence.
    dead_at: Instant,
}

impl Liveness {
    /// A link that was opened now. `jitter` is any random byte: it spreads the pings of many links over the last
    /// quarter of the interval.
    pub fn new(now: Instant, jitter: u8) -> Self {
        let mut this = Self {
            interval: HEARTBEAT,
            delay: HEARTBEAT,
            heard: now,
            waiting_since: None,
            pings: 0,
            timed: None,
            dead_at: now + HEARTBEAT * PATIENCE,
        };
        this.spread(jitter);
        this
    }

    /// Changes the interval, such as to [`crate::limits::FOREGROUND`] and back to [`HEARTBEAT`]. A shorter
    /// one gives the other end three of its own from now on; no change ever makes the silence longer than three of the
    /// longest.
    pub fn set_interval(&mut self, interval: Duration, now: Instant, jitter: u8) {
        if interval == self.interval {
            return;
        }
        self.dead_at = if interval < self.interval {
            self.dead_at.min(now + interval * PATIENCE)
        } else {
            self.dead_at.max(self.heard + interval * PATIENCE)
        };
        self.interval = interval;
        self.spread(jitter);
    }

    /// Anything arrived.
    pub fn handle_input(&mut self, now: Instant) {
        self.heard = now;
        self.waiting_since = None;
        self.dead_at = now + self.interval * PATIENCE;
    }

    /// A `PONG` arrived; gives the round trip where it answers the last ping. Includes [`Liveness::handle_input`].
    pub fn handle_pong(&mut self, id: [u8; 8], now: Instant) -> Option<Duration> {
        self.handle_input(now);
        let (_, sent) = self.timed.take_if(|(ping, _)| ping.to_be_bytes() == id)?;
        Some(now.saturating_duration_since(sent))
    }

    /// When to call [`Liveness::handle_timeout`]. Hearing something only moves it later, so a driver may sleep
    /// until the time it asked for first.
    pub fn poll_timeout(&self) -> Instant {
        self.ping_at().min(self.dead_at)
    }

    /// What the passing of time asks for, if anything. `jitter` as in [`Liveness::new`], for the next ping.
    pub fn handle_timeout(&mut self, now: Instant, jitter: u8) -> Option<Beat> {
        if now >= self.dead_at {
            if self.waiting_since.is_some() {
                return Some(Beat::Dead);
            }
            self.dead_at = now + self.interval;
        } else if now < self.ping_at() {
            return None;
        }
        self.pings += 1;
        self.waiting_since = Some(now);
        self.timed = Some((self.pings, now));
        self.spread(jitter);
        Some(Beat::Ping(self.pings.to_be_bytes()))
    }

    fn ping_at(&self) -> Instant {
        self.waiting_since.unwrap_or(self.heard) + self.delay
    }

    fn spread(&mut self, jitter: u8) {
        self.delay = self.interval.saturating_sub(self.interval / 4 * u32::from(jitter) / 255);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{DEAD_AFTER, FOREGROUND};

    const SECOND: Duration = Duration::from_secs(1);

    fn ping(n: u64) -> Beat {
        Beat::Ping(n.to_be_bytes())
    }

    #[test]
    fn the_limits_agree() {
        assert_eq!(HEARTBEAT * PATIENCE, DEAD_AFTER);
    }

    #[test]
    fn a_silent_link_is_pinged_twice_and_then_dead() {
        let start = Instant::now();
        let mut link = Liveness::new(start, 0);
        assert_eq!(link.handle_timeout(start + 9 * SECOND, 0), None);
        assert_eq!(link.poll_timeout(), start + 10 * SECOND);
        assert_eq!(link.handle_timeout(start + 10 * SECOND, 0), Some(ping(1)));
        assert_eq!(link.handle_timeout(start + 19 * SECOND, 0), None);
        assert_eq!(link.handle_timeout(start + 20 * SECOND, 0), Some(ping(2)));
        assert_eq!(link.poll_timeout(), start + DEAD_AFTER);
        assert_eq!(link.handle_timeout(start + DEAD_AFTER, 0), Some(Beat::Dead));
    }

    #[test]
    fn a_busy_link_is_not_pinged() {
        let start = Instant::now();
        let mut link = Liveness::new(start, 0);
        for n in 1..100 {
            link.handle_input(start + SECOND * n);
            assert_eq!(link.handle_timeout(start + SECOND * n, 0), None);
        }
        assert_eq!(link.poll_timeout(), start + 109 * SECOND);
    }

    #[test]
    fn a_pong_gives_the_round_trip_once_and_only_to_its_ping() {
        let start = Instant::now();
        let mut link = Liveness::new(start, 0);
        assert_eq!(link.handle_timeout(start + 15 * SECOND, 0), Some(ping(1)));
        assert_eq!(link.handle_pong(9u64.to_be_bytes(), start + 16 * SECOND), None);
        assert_eq!(link.handle_pong(1u64.to_be_bytes(), start + 17 * SECOND), Some(2 * SECOND));
        assert_eq!(link.handle_pong(1u64.to_be_bytes(), start + 18 * SECOND), None);
    }

    #[test]
    fn a_process_that_slept_asks_before_it_gives_up() {
        let start = Instant::now();
        let mut link = Liveness::new(start, 0);
        let woke = start + SECOND * 3600;
        assert_eq!(link.handle_timeout(woke, 0), Some(ping(1)));
        assert_eq!(link.poll_timeout(), woke + HEARTBEAT);
        let mut heard = link.clone();
        heard.handle_input(woke + SECOND);
        assert_eq!(heard.handle_timeout(woke + HEARTBEAT, 0), None);
        assert_eq!(link.handle_timeout(woke + HEARTBEAT, 0), Some(Beat::Dead));
    }

    #[test]
    fn jitter_stays_in_the_last_quarter() {
        let start = Instant::now();
        for jitter in 0..=u8::MAX {
            let at = Liveness::new(start, jitter).poll_timeout().duration_since(start);
            assert!(at <= HEARTBEAT && at >= HEARTBEAT * 3 / 4, "{jitter}: {at:?}");
        }
        assert_eq!(Liveness::new(start, 255).poll_timeout(), start + HEARTBEAT * 3 / 4);
    }

    #[test]
    fn in_the_foreground_a_dead_link_shows_in_twelve_seconds() {
        let start = Instant::now();
        let mut link = Liveness::new(start, 0);
        link.set_interval(FOREGROUND, start, 0);
        assert_eq!(link.handle_timeout(start + FOREGROUND, 0), Some(ping(1)));
        assert_eq!(link.handle_timeout(start + 2 * FOREGROUND, 0), Some(ping(2)));
        assert_eq!(link.handle_timeout(start + 3 * FOREGROUND, 0), Some(Beat::Dead));
    }

    #[test]
    fn a_link_that_was_quiet_in_the_background_is_asked_and_not_cut_when_it_comes_to_the_foreground() {
        let start = Instant::now();
        let mut link = Liveness::new(start, 0);
        assert_eq!(link.handle_timeout(start + 10 * SECOND, 0), Some(ping(1)));
        let shown = start + 15 * SECOND;
        link.set_interval(FOREGROUND, shown, 0);
        assert_eq!(link.handle_timeout(shown, 0), Some(ping(2)));
        // Said again with every ping, it is no new patience.
        link.set_interval(FOREGROUND, shown + 11 * SECOND, 0);
        assert_eq!(link.handle_timeout(shown + 3 * FOREGROUND, 0), Some(Beat::Dead));
    }

    /// Two ends of one channel, of which each hears the other except where `dead` says the direction to it is cut.
    /// Gives when each noticed. `closes` says whether the last word of who notices first still arrives.
    fn half_open(interval: Duration, dead: [bool; 2], cut: Duration, closes: bool) -> [Option<Duration>; 2] {
        let start = Instant::now();
        let mut ends = [Liveness::new(start, 3), Liveness::new(start, 200)];
        for end in &mut ends {
            end.set_interval(interval, start, 7);
        }
        let mut noticed = [None; 2];
        let mut now = start;
        while noticed.contains(&None) && now < start + 300 * SECOND {
            now += Duration::from_millis(50);
            for one in 0..2 {
                let other = 1 - one;
                if noticed[one].is_some() {
                    continue;
                }
                let arrives = |to: usize| !(dead[to] && now >= start + cut);
                match ends[one].handle_timeout(now, 100) {
                    Some(Beat::Ping(id)) if arrives(other) && noticed[other].is_none() => {
                        ends[other].handle_input(now);
                        if arrives(one) {
                            ends[one].handle_pong(id, now);
                        }
                    }
                    Some(Beat::Dead) => {
                        noticed[one] = Some(now.saturating_duration_since(start + cut));
                        if closes && arrives(other) {
                            noticed[other].get_or_insert(now.saturating_duration_since(start + cut));
                        }
                    }
                    Some(Beat::Ping(_)) | None => {}
                }
            }
        }
        noticed
    }

    #[test]
    fn a_half_open_link_is_noticed_by_both_ends_in_time() {
        for (interval, bound) in [(FOREGROUND, 20 * SECOND), (HEARTBEAT, 45 * SECOND)] {
            for dead in [[true, false], [false, true], [true, true]] {
                for cut in (0..40_000).step_by(370).map(Duration::from_millis) {
                    for noticed in half_open(interval, dead, cut, true) {
                        assert!(noticed.is_some_and(|after| after < bound), "{dead:?} {cut:?}: {noticed:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn who_hears_nothing_is_in_time_without_a_word_from_the_other_end() {
        for (interval, bound) in [(FOREGROUND, 20 * SECOND), (HEARTBEAT, 45 * SECOND)] {
            for cut in (0..40_000).step_by(370).map(Duration::from_millis) {
                for noticed in half_open(interval, [true, true], cut, false) {
                    assert!(noticed.is_some_and(|after| after < bound), "{cut:?}: {noticed:?}");
                }
            }
        }
    }
}
