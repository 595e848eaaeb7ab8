//! What must hold after every step.

use super::client::{Client, Verdict};
use super::host::Link;
use super::keeper::Keeper;
use super::network::{Down, Up};
use session::codec::MAX_PAYLOAD;
use session::message::Cursor;
use session::outbox::{MAX_UNSETTLED, PATIENCE};
use session::replay::{OVERHEAD, SNAPSHOT_WINDOW};
use std::time::Instant;
use wire::limits::{DEAD_AFTER, MAX_QUEUED};

/// The largest window that a client here asks for.
pub const WINDOW: u32 = 128 * 1024;

/// What a client shows is the log up to its cursor, or a snapshot and what follows it; every event that is never trimmed
/// was applied once, in order.
pub fn check_screen(number: usize, client: &Client, keeper: &Keeper) {
    let cursor = client.follow.cursor();
    if client.follow.resume().0.is_some() && cursor.epoch == keeper.epoch {
        assert_eq!(client.screen, keeper.screen_at(cursor.seq), "client {number} at {cursor:?}");
        let expected = keeper.kept.iter().take_while(|seq| **seq <= cursor.seq);
        let applied = client.kept.iter().take_while(|seq| **seq <= cursor.seq);
        assert!(applied.eq(expected), "client {number} at {cursor:?}: {:?}", client.kept);
    }
    assert!(client.kept.is_sorted_by(|a, b| a < b), "client {number}: {:?}", client.kept);
}

/// Commands were done at most once, in order, not long after their time, and nobody was told of one that was not.
pub fn check_commands(number: usize, client: &Client, keeper: &Keeper) {
    let done = &keeper.done[number];
    assert!(done.is_sorted_by(|a, b| a.what < b.what), "client {number}: {done:?}");
    if let Some(last) = done.last() {
        let given = client.given[usize::try_from(last.what).expect("few commands") - 1];
        let given = given.unwrap_or_else(|| panic!("client {number}: {last:?} was sent and not stored"));
        let age = last.taken.saturating_duration_since(given);
        // What was sent in its time may arrive for as long as its channel can be silent.
        assert!(age <= PATIENCE + DEAD_AFTER, "client {number}: {last:?} came {age:?} after it was given");
    }
    for (what, verdict) in client.verdicts.iter().rev().take(4) {
        let is_done = done.binary_search_by_key(what, |done| done.what).is_ok();
        assert!(*verdict != Verdict::Applied || is_done, "client {number}: {what} was said to be done");
    }
}

/// What is under way and what is remembered has a bound, and who cannot be heard any more was given up in time.
pub fn check_link(link: &Link, client: &Client, now: Instant) {
    if let Some(leg) = link.far.as_ref().and_then(|far| far.leg.as_ref()) {
        let (all, of_snapshot) = (leg.replay.in_flight(), leg.replay.in_flight_of_snapshot());
        let message = MAX_PAYLOAD as u64 + 2 * OVERHEAD;
        assert!(
            all - of_snapshot <= u64::from(WINDOW) + message && all <= SNAPSHOT_WINDOW + message,
            "{all} bytes are under way"
        );
    }
    if let Some(by) = link.notice_by
        && now > by
    {
        assert!(link.far.is_none(), "the host holds on to a half-open channel: {link:?}");
        // Who sleeps, or has not read what says so, cannot know.
        let excused = client.clock.is_asleep() || client.slow || link.down.len() > 0;
        assert!(link.near.is_none() || excused, "the client holds on to a half-open channel: {link:?}");
    }
}

/// As [`check_link`], for what takes longer to count.
pub fn check_queues(link: &Link) {
    let bytes: usize = link
        .down
        .under_way()
        .map(|message| match message {
            Down::Event { length, .. } | Down::Piece { length, .. } => *length,
            Down::Attached { .. }
            | Down::Applied(_)
            | Down::Refused(_)
            | Down::Listed(_)
            | Down::Ping
            | Down::Pong
            | Down::Skewed(_)
            | Down::Close => 64,
        })
        .sum();
    assert!(bytes <= MAX_QUEUED, "{bytes} bytes wait at the relay");
    let commands = link.up.under_way().filter(|message| matches!(message, Up::Command { .. })).count();
    assert!(commands <= MAX_UNSETTLED, "{commands} commands are under way");
}

/// In a world that was left alone: everybody is at the head, shows the same approvals, and everything is
/// settled.
pub fn is_healed(client: &Client, head: Cursor, lists: usize) -> bool {
    client.outbox.is_empty() && client.follow.cursor() == head && client.list == lists
}

/// Of a healed client: whatever was stored was done, or its person was told that it was not.
pub fn check_healed(number: usize, client: &Client, keeper: &Keeper) {
    check_screen(number, client, keeper);
    check_commands(number, client, keeper);
    for (at, given) in client.given.iter().enumerate() {
        let what = at as u64 + 1;
        let is_done = keeper.done[number].binary_search_by_key(&what, |done| done.what).is_ok();
        let verdict = client.verdicts.get(&what).or_else(|| client.told.get(&what));
        match (given, verdict) {
            (None, _) => assert!(!is_done, "client {number}: {what} was done and not stored"),
            (Some(_), None) => panic!("client {number}: nobody knows what became of {what}"),
            (Some(_), Some(Verdict::Applied)) => {
                assert!(is_done, "client {number}: {what} was said to be done");
            }
            (Some(_), Some(Verdict::Refused)) => {
                assert!(!is_done, "client {number}: {what} was refused and done");
            }
            // It may have been taken when its answer was lost, and its time over.
            (Some(_), Some(Verdict::Expired)) => {}
        }
    }
}
