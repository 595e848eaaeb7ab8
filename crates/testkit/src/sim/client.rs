//! A client: what it shows, what it has not settled, and what of both outlives its process.

use super::Tally;
use super::clock::Clock;
use super::gate::Decide;
use super::host::Link;
use super::keeper::show;
use super::network::{Broken, Down, Up};
use super::skew;
use crate::Dice;
use bytes::Bytes;
use session::follow::{Follow, Took};
use session::id::StreamId;
use session::later::Later;
use session::message::{Act, Event};
use session::outbox::{Outbox, Settled, Ticket};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use wire::limits::{FOREGROUND, HEARTBEAT};
use wire::{Beat, Liveness};

/// The client's end of a channel. It has one at a time; one that it left behind may still have its other end.
#[derive(Debug)]
pub struct Near {
    liveness: Liveness,
}

/// What became of a command, as the person was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Applied,
    Refused,
    Expired,
}

/// What is on the device's disk.
#[derive(Clone, Debug)]
struct Store {
    follow: Follow,
    screen: u64,
    kept: Vec<u64>,
    outbox: Outbox,
    tickets: usize,
}

#[derive(Debug)]
pub struct Client {
    pub clock: Clock,
    /// A person looks at it.
    pub foreground: bool,
    /// Of another version than the keeper: each knows something that the other one does not.
    skewed: bool,
    /// Takes in little at a time.
    pub slow: bool,
    pub follow: Follow,
    pub outbox: Outbox,
    pub screen: u64,
    /// The events it has that are never trimmed.
    pub kept: Vec<u64>,
    /// When each command was given, by its number; `None` where it was gone with the app before it was stored.
    pub given: Vec<Option<Instant>>,
    /// Which command each ticket stands for.
    tickets: Vec<u64>,
    pub verdicts: BTreeMap<u64, Verdict>,
    /// The host's list of approvals that it shows; 0 for none.
    pub list: usize,
    /// The commands that decide something.
    pub decisions: BTreeSet<u64>,
    /// What an earlier run of the app was told.
    pub told: BTreeMap<u64, Verdict>,
    store: Store,
}

impl Client {
    pub fn new(window: u32, skewed: bool) -> Self {
        let (follow, outbox) = (Follow::new(window), Outbox::new(StreamId::from_random([1; 10])));
        let store =
            Store { follow: follow.clone(), screen: 0, kept: vec![], outbox: outbox.clone(), tickets: 0 };
        Self {
            clock: Clock::default(),
            foreground: true,
            skewed,
            slow: false,
            follow,
            outbox,
            screen: 0,
            kept: Vec::new(),
            given: Vec::new(),
            tickets: Vec::new(),
            verdicts: BTreeMap::new(),
            list: 0,
            decisions: BTreeSet::new(),
            told: BTreeMap::new(),
            store,
        }
    }

    fn every(&self) -> Duration {
        if self.foreground { FOREGROUND } else { HEARTBEAT }
    }

    /// The client's end of a new channel, and what it says first.
    pub fn open(&mut self, link: &mut Link, dice: &mut Dice, now: Instant) {
        self.outbox.handle_disconnected();
        let awake = self.clock.awake(now);
        let mut liveness = Liveness::new(awake, dice.byte());
        liveness.set_interval(self.every(), awake, dice.byte());
        link.near = Some(Near { liveness });
        link.up.send(Up::Ping { every: self.every() }, now);
        self.attach(link, false, now);
    }

    /// Attaches; also where it is attached already.
    pub fn attach(&self, link: &mut Link, redraw: bool, now: Instant) {
        let (after, window) = self.follow.resume();
        link.up.send(Up::Attach { after, window, redraw }, now);
    }

    /// The end of a channel. Without a word where there is nothing to say it with: another network, or a dead process.
    pub fn leave(&mut self, link: &mut Link, word: bool, now: Instant) {
        if link.near.take().is_some() {
            self.outbox.handle_disconnected();
            if word {
                link.up.send(Up::Close, now);
            }
        }
    }

    /// A person begins to look at it, or looks away.
    pub fn turn(&mut self, link: Option<&mut Link>, dice: &mut Dice, now: Instant) {
        self.foreground = !self.foreground;
        let (every, awake) = (self.every(), self.clock.awake(now));
        if let Some(link) = link
            && let Some(near) = &mut link.near
        {
            near.liveness.set_interval(every, awake, dice.byte());
            link.up.send(Up::Ping { every }, now);
        }
    }

    /// Something typed; it is stored at once, or with whatever is sent first.
    pub fn give(&mut self, at_once: bool, now: Instant) {
        self.push(Act::Input, now);
        if at_once {
            self.store_outbox();
        }
    }

    fn push(&mut self, act: Act, now: Instant) -> u64 {
        self.given.push(Some(now));
        let what = self.given.len() as u64;
        let payload = Bytes::copy_from_slice(&what.to_be_bytes());
        let pushed = self.outbox.push(act, payload, Clock::whole(now));
        let Ticket(ticket) = pushed.expect("few commands fit");
        self.tickets.push(what);
        assert_eq!(ticket, self.tickets.len() as u64);
        what
    }

    /// Decides something that is shown; gives the command's number.
    pub fn decide(&mut self, decide: &Decide, now: Instant) -> u64 {
        let act = Act::Decide {
            approval: decide.approval.clone(),
            digest: decide.digest.clone(),
            decision: decide.decision.clone(),
        };
        let what = self.push(act, now);
        self.decisions.insert(what);
        what
    }

    /// The keeper does not know what this command asks for.
    pub fn is_newer(&self, what: u64) -> bool {
        self.skewed && what.is_multiple_of(5)
    }

    fn store_outbox(&mut self) {
        self.store.outbox = self.outbox.clone();
        self.store.tickets = self.tickets.len();
    }

    /// Keeps the screen for a later start of the app, where it is whole.
    pub fn store_screen(&mut self) {
        let cursor = self.follow.cursor();
        let (after, window) = self.follow.resume();
        if after.is_some() {
            self.store.follow = Follow::from_cursor(window, cursor);
            self.store.screen = self.screen;
            self.store.kept = self.kept.iter().copied().filter(|seq| *seq <= cursor.seq).collect();
        }
    }

    /// The process was ended by force; a new one begins with what is on disk.
    pub fn quit(&mut self, now: Instant) {
        let Store { follow, screen, kept, outbox, tickets } = self.store.clone();
        for what in self.tickets.drain(tickets..) {
            self.given[usize::try_from(what).expect("few commands") - 1] = None;
        }
        self.told.append(&mut self.verdicts);
        (self.follow, self.screen, self.kept, self.outbox) = (follow, screen, kept, outbox);
        self.list = 0;
        self.outbox.handle_disconnected();
        self.settle(now);
    }

    /// Fails what has waited too long, and takes note of what became of commands.
    pub fn settle(&mut self, now: Instant) {
        self.outbox.handle_timeout(Clock::whole(now));
        while let Some(settled) = self.outbox.poll_settled() {
            let (Ticket(ticket), verdict) = match settled {
                Settled::Applied(ticket) => (ticket, Verdict::Applied),
                Settled::Expired { ticket, .. } => (ticket, Verdict::Expired),
                Settled::Refused(ticket, _) => (ticket, Verdict::Refused),
            };
            let what = self.tickets[usize::try_from(ticket).expect("few commands") - 1];
            let may_be = self.is_newer(what) || self.decisions.contains(&what);
            assert!(verdict != Verdict::Refused || may_be, "{what} was refused");
            assert!(self.verdicts.insert(what, verdict).is_none(), "command {what} was settled twice");
        }
    }

    /// The client's side of time.
    pub fn beat(&mut self, link: &mut Link, dice: &mut Dice, tally: &mut Tally, now: Instant) {
        let Some(near) = &mut link.near else { return };
        match near.liveness.handle_timeout(self.clock.awake(now), dice.byte()) {
            None => {}
            Some(Beat::Ping(_)) => link.up.send(Up::Ping { every: self.every() }, now),
            Some(Beat::Dead) => {
                tally.silent += 1;
                self.leave(link, true, now);
            }
        }
    }

    /// Takes one message in; false where there is none.
    pub fn read(&mut self, link: &mut Link, tally: &mut Tally, now: Instant) -> bool {
        let Some(near) = &mut link.near else { return false };
        let Some(message) = link.down.recv(now) else { return false };
        let awake = self.clock.awake(now);
        near.liveness.handle_input(awake);
        match message {
            Err(Broken) => {
                tally.meddled += 1;
                self.leave(link, true, now);
            }
            Ok(Down::Close) => self.leave(link, false, now),
            Ok(Down::Ping) => link.up.send(Up::Pong, now),
            Ok(Down::Pong) => {}
            Ok(Down::Skewed(skewed)) => skewed.read_by_client(),
            Ok(Down::Attached { head, applied }) => {
                if self.follow.handle_attached(head) {
                    self.screen = 0;
                    self.kept.clear();
                }
                self.outbox.handle_attached(applied);
            }
            Ok(Down::Event { at, kept, length }) => {
                let event = match kept {
                    true if self.skewed && at.seq % 2 == 0 => skew::event_of_newer(at),
                    true => Event::Banner { text: String::new() },
                    false => Event::Output,
                };
                let took = self.follow.handle_event(at, &event, length, awake).expect("no gap");
                match (took, kept) {
                    (Took::Known, false) => panic!("output came twice"),
                    (Took::Known, true) => {}
                    (Took::Apply, false) => self.screen = show(self.screen, at.seq, length),
                    (Took::Apply, true) => self.kept.push(at.seq),
                }
                tally.applied += u64::from(took == Took::Apply);
            }
            Ok(Down::Piece { at, part, last, length, screen }) => {
                let piece = self.follow.handle_piece(at, part, last, length, awake).expect("no gap");
                self.screen = if piece.last { screen } else { 1 };
                tally.snapshots += u64::from(piece.last);
                tally.applied += u64::from(piece.last);
            }
            Ok(Down::Listed(list)) => self.list = list,
            Ok(Down::Applied(n)) => self.outbox.handle_applied(n),
            Ok(Down::Refused(n)) => self.outbox.handle_refused(n, Later::refusal()),
        }
        self.settle(now);
        true
    }

    /// Sends what may be sent: commands, and the ack where one is due.
    pub fn send(&mut self, link: &mut Link, idle: bool, now: Instant) {
        if link.near.is_none() {
            return;
        }
        self.settle(now);
        let commands: Vec<_> = std::iter::from_fn(|| self.outbox.poll_send()).collect();
        if !commands.is_empty() {
            // A number that was given out and then forgotten would be given to something else.
            self.store_outbox();
        }
        for command in commands {
            let what = command.payload.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
            // One whose time is over asks for nothing, which everybody knows.
            let newer = what.is_some_and(|what| self.is_newer(what));
            link.up.send(Up::Command { n: command.n, what, newer }, now);
        }
        if let Some(ack) = self.follow.poll_ack(self.clock.awake(now), idle) {
            link.up.send(Up::Ack { epoch: ack.epoch, seq: ack.seq, part: ack.part }, now);
        }
    }
}
