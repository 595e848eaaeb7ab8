//! A channel with both its ends, and the host's end of it: the leg to the keeper, and whether the client is still there.

use super::Tally;
use super::client::Near;
use super::keeper::Keeper;
use super::network::{Broken, Down, Pipe, Up};
use crate::Dice;
use session::message::Cursor;
use session::replay::Replay;
use std::time::{Duration, Instant};
use wire::limits::HEARTBEAT;
use wire::{Beat, Liveness};

/// A channel. It is forgotten once both ends are gone.
#[derive(Debug)]
pub struct Link {
    pub client: usize,
    pub up: Pipe<Up>,
    pub down: Pipe<Down>,
    pub near: Option<Near>,
    pub far: Option<Far>,
    /// By when both ends must have noticed that a direction is dead.
    pub notice_by: Option<Instant>,
}

/// The host's end.
#[derive(Debug)]
pub struct Far {
    pub liveness: Liveness,
    pub every: Duration,
    pub leg: Option<Leg>,
    /// How many lists of approvals there were when the client was told of the last.
    pub lists: usize,
}

/// A client that follows the session, as the keeper sees it.
#[derive(Debug)]
pub struct Leg {
    pub replay: Replay,
    /// The snapshot that is being sent.
    pub snapshot: Option<u64>,
}

impl Far {
    pub fn new(now: Instant, dice: &mut Dice) -> Self {
        Self { liveness: Liveness::new(now, dice.byte()), every: HEARTBEAT, leg: None, lists: 0 }
    }
}

impl Link {
    /// The host closes its end, and says so as far as it can still be heard.
    pub fn close_far(&mut self, now: Instant) {
        if self.far.take().is_some() {
            self.down.send(Down::Close, now);
        }
    }

    /// From now on an end can find out that the other one is gone, or cannot be heard; not before what is frozen moves.
    pub fn expect_notice(&mut self, within: Duration, now: Instant) {
        let thawed = [self.up.frozen_until(), self.down.frozen_until()].into_iter().flatten().max();
        let by = thawed.map_or(now, |until| until.max(now)) + within;
        self.notice_by = Some(self.notice_by.map_or(by, |before| before.max(by)));
    }

    /// Something came in between, for the better or worse: who has to notice has all the time again.
    pub fn expect_later(&mut self, within: Duration, now: Instant) {
        if self.notice_by.is_some() {
            self.expect_notice(within, now);
        }
    }

    /// The host's side of time.
    pub fn beat_far(&mut self, dice: &mut Dice, tally: &mut Tally, now: Instant) {
        let Some(far) = &mut self.far else { return };
        match far.liveness.handle_timeout(now, dice.byte()) {
            None => {}
            Some(Beat::Ping(_)) => self.down.send(Down::Ping, now),
            Some(Beat::Dead) => {
                tally.silent += 1;
                self.close_far(now);
            }
        }
    }

    /// The host takes one message in; false where there is none.
    pub fn read_far(
        &mut self,
        keeper: &mut Keeper,
        dice: &mut Dice,
        tally: &mut Tally,
        now: Instant,
    ) -> bool {
        let Some(far) = &mut self.far else { return false };
        let Some(message) = self.up.recv(now) else { return false };
        far.liveness.handle_input(now);
        match message {
            Err(Broken) => {
                tally.meddled += 1;
                self.close_far(now);
            }
            Ok(Up::Close) => self.far = None,
            Ok(Up::Pong) => {}
            Ok(Up::Skewed(skewed)) => skewed.read_by_host(),
            Ok(Up::Ping { every }) => {
                far.every = every;
                far.liveness.set_interval(every, now, dice.byte());
                self.down.send(Down::Pong, now);
            }
            Ok(Up::Attach { after, window, redraw }) => {
                let view = keeper.view();
                let find = |seq| if redraw { None } else { keeper.mark(seq) };
                far.leg = Some(Leg { replay: Replay::new(after, window, &view, find), snapshot: None });
                let head = Cursor { epoch: view.epoch, seq: view.head.seq };
                for n in keeper.refused(self.client) {
                    self.down.send(Down::Refused(n), now);
                }
                let applied = keeper.settled(self.client);
                self.down.send(Down::Attached { head, applied }, now);
            }
            Ok(Up::Ack { epoch, seq, part }) => {
                if let Some(leg) = &mut far.leg {
                    leg.replay.handle_ack(epoch, seq, part, now);
                }
            }
            Ok(Up::Command { n, what, newer }) => {
                if let Some(answer) = keeper.take(self.client, n, what, newer, now) {
                    self.down.send(answer, now);
                }
            }
        }
        true
    }

    /// The keeper has its turn with this client.
    pub fn write(&mut self, keeper: &Keeper, dice: &mut Dice, now: Instant) {
        let lists = keeper.gate.lists.len();
        if let Some(far) = self.far.as_mut().filter(|far| far.leg.is_some() && far.lists < lists) {
            // The steps between are skipped.
            far.lists = lists;
            self.down.send(Down::Listed(lists), now);
        }
        if let Some(leg) = self.far.as_mut().and_then(|far| far.leg.as_mut()) {
            keeper.write(leg, &mut self.down, dice, now);
        }
    }
}
