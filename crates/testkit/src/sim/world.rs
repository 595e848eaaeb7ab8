//! One world: what happens in it, by a throw of the dice, and how it is healed.

use super::Tally;
use super::client::{Client, Verdict};
use super::gate::Gate;
use super::host::{Far, Link};
use super::keeper::Keeper;
use super::model::{self, WINDOW};
use super::network::{Pipe, skewed_down, skewed_up};
use crate::Dice;
use session::codec::MAX_PAYLOAD;
use session::outbox::PATIENCE;
use std::time::{Duration, Instant};
use wire::limits::FOREGROUND;

const CLIENTS: usize = 3;
const STEPS: u64 = 300;
/// The step of time while nothing but time passes.
const TICK: Duration = Duration::from_secs(1);
/// Both ends notice a half-open channel within this, where a person looks on.
const NOTICED: Duration = Duration::from_secs(20);
/// Otherwise within this.
const NOTICED_BEHIND: Duration = Duration::from_secs(45);
/// No world takes longer to heal, in turns.
const HEALED: u32 = 20_000;

/// Plays the world of a seed, and says what happened in it.
///
/// # Panics
/// Where something does not hold that must.
pub fn run(seed: u64) -> Tally {
    let mut world = World::new(seed);
    for step in 0..STEPS {
        world.now += Duration::from_millis(world.dice.below(40));
        world.step();
        world.check();
        if step % 16 == 0 {
            world.links.iter().for_each(model::check_queues);
        }
    }
    world.heal();
    world.tally.worlds = 1;
    world.tally.steps = STEPS;
    (world.tally.decided, world.tally.granted, world.tally.too_late) = world.keeper.gate.tally;
    world.tally.done = world.keeper.done.iter().map(|done| done.len() as u64).sum();
    world.tally
}

struct World {
    dice: Dice,
    now: Instant,
    keeper: Keeper,
    clients: Vec<Client>,
    links: Vec<Link>,
    /// The host cannot be reached before this: it, or its relay, is down.
    down_until: Instant,
    /// Some worlds flood, some hardly ever say anything.
    volume: u64,
    /// Some are quick, some are far away.
    latency: u64,
    /// Clients and keeper are of different versions.
    skewed: bool,
    tally: Tally,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let skewed = dice.one_in(4);
        let now = Instant::now() + Duration::from_hours(1);
        let windows = [WINDOW, WINDOW / 2, WINDOW / 4];
        Self {
            keeper: Keeper::new(CLIENTS, now),
            clients: windows.map(|window| Client::new(window, skewed)).into(),
            links: Vec::new(),
            now,
            down_until: now,
            volume: 1 + dice.below(MAX_PAYLOAD as u64),
            latency: if dice.one_in(2) { 1 } else { 1 + dice.below(200) },
            skewed,
            tally: Tally::default(),
            dice,
        }
    }

    /// The channel that a client has.
    fn link_of(&mut self, client: usize) -> Option<usize> {
        self.links.iter().position(|link| link.client == client && link.near.is_some())
    }

    fn any_link(&mut self) -> Option<usize> {
        (!self.links.is_empty()).then(|| self.dice.place(self.links.len()))
    }

    /// One thing happens, and then one client and its keeper have a turn.
    fn step(&mut self) {
        let client = self.dice.place(CLIENTS);
        match self.dice.below(24) {
            0..=5 => self.append(),
            6 => {
                let all_but = self.dice.below(60);
                self.keeper.trim(all_but);
            }
            7 => self.trouble(client),
            8 => self.path(client),
            9 => self.device(client),
            10 | 11 => {
                if !self.clients[client].clock.is_asleep() {
                    let at_once = self.dice.one_in(2);
                    self.clients[client].give(at_once, self.now);
                }
            }
            12 => {
                let most = self.dice.place(4);
                self.run_program(most);
            }
            13 if self.dice.one_in(4) => {
                let seconds = 1 + self.dice.below(60);
                self.pass(Duration::from_secs(seconds));
            }
            14 if self.dice.one_in(40) => self.catastrophe(),
            15 | 16 => self.approve(client),
            _ => self.converse(client),
        }
        self.turn(client);
    }

    /// Something is asked, decided by whoever is shown it, withdrawn, or taken back.
    fn approve(&mut self, client: usize) {
        let (keeper, dice, now) = (&mut self.keeper, &mut self.dice, self.now);
        let change = match dice.below(8) {
            0..=2 => return keeper.ask(dice, now),
            3 if dice.one_in(3) => keeper.gate.withdraw(dice, keeper.unix_ms(now)),
            4 if dice.one_in(3) => keeper.gate.revoke(dice),
            _ => {
                // Two at once, so that one of them is too late.
                for client in [client, (client + 1) % CLIENTS] {
                    let it = &mut self.clients[client];
                    if it.clock.is_asleep() || it.list == 0 {
                        continue;
                    }
                    let Some(decide) = Gate::choose(&keeper.gate.lists[it.list - 1], dice) else { continue };
                    let what = it.decide(&decide, now);
                    keeper.gate.give(client, what, decide);
                }
                None
            }
        };
        if let Some(change) = change {
            keeper.put(change);
        }
    }

    fn append(&mut self) {
        for _ in 0..=self.dice.below(8) {
            let kept = self.dice.one_in(12);
            let length = if kept { 0 } else { usize::try_from(self.dice.below(self.volume)).unwrap_or(0) };
            self.keeper.append(kept, length);
            self.tally.events += 1;
        }
    }

    /// The network and the relay.
    fn trouble(&mut self, client: usize) {
        let now = self.now;
        let Some(place) = self.any_link() else { return };
        let link = &mut self.links[place];
        match self.dice.below(6) {
            // Cut, and both ends are told.
            0 => {
                self.clients[link.client].leave(link, false, now);
                link.far = None;
            }
            1 => {
                let until = now + Duration::from_millis(self.dice.below(30_000));
                match self.dice.below(3) {
                    0 => link.up.freeze(until),
                    1 => link.down.freeze(until),
                    _ => {
                        link.up.freeze(until);
                        link.down.freeze(until);
                    }
                }
                link.expect_later(NOTICED_BEHIND, now);
            }
            // Half-open, or gone altogether; nobody is told.
            2 | 3 => {
                match self.dice.below(3) {
                    0 => link.up.kill(),
                    1 => link.down.kill(),
                    _ => {
                        link.up.kill();
                        link.down.kill();
                    }
                }
                let watched = self.clients[link.client].foreground
                    && link.far.as_ref().is_some_and(|far| far.every == FOREGROUND);
                link.expect_notice(if watched { NOTICED } else { NOTICED_BEHIND }, now);
            }
            4 => {
                if self.dice.one_in(2) {
                    link.up.meddle(&mut self.dice);
                } else {
                    link.down.meddle(&mut self.dice);
                }
                // It may have been the word that would have said it.
                link.expect_later(NOTICED_BEHIND, now);
            }
            _ if self.skewed => {
                if link.near.is_some() && !self.clients[link.client].clock.is_asleep() {
                    link.up.send(skewed_up(&mut self.dice), now);
                }
                if link.far.is_some() {
                    link.down.send(skewed_down(&mut self.dice), now);
                }
            }
            _ => {
                self.clients[client].slow = self.dice.one_in(3);
                for link in self.links.iter_mut().filter(|link| link.client == client) {
                    link.expect_later(NOTICED_BEHIND, now);
                }
            }
        }
    }

    /// The client's way to the host changes.
    fn path(&mut self, client: usize) {
        if self.clients[client].clock.is_asleep() {
            return;
        }
        let word = self.dice.one_in(2);
        if let Some(place) = self.link_of(client) {
            // Another path in good order, or a new address: then nobody tells the old path's other end.
            self.leave(place, word);
        }
        self.connect(client);
    }

    /// A client's end of a channel is gone. Without a word the other end has to find out.
    fn leave(&mut self, place: usize, word: bool) {
        let link = &mut self.links[place];
        self.clients[link.client].leave(link, word, self.now);
        link.expect_notice(NOTICED_BEHIND, self.now);
    }

    /// Something happens to the device or the app on it.
    fn device(&mut self, client: usize) {
        let now = self.now;
        let place = self.link_of(client);
        let asleep = self.clients[client].clock.is_asleep();
        match self.dice.below(5) {
            _ if asleep => self.wake(client),
            0 => {
                self.clients[client].clock.fall_asleep(now);
                self.tally.sleeps += 1;
                // Who sleeps notices nothing, and says nothing that the other end could notice.
                if let Some(place) = place {
                    self.links[place].expect_later(NOTICED_BEHIND, now);
                }
            }
            1 if self.dice.one_in(2) => {
                // The system closes the sockets of a process that is gone, or the whole device is.
                let word = self.dice.one_in(2);
                if let Some(place) = place {
                    self.leave(place, word);
                }
                self.clients[client].quit(now);
                self.tally.quits += 1;
            }
            2 | 3 => self.clients[client].store_screen(),
            _ => {
                let mut link = place.map(|place| &mut self.links[place]);
                if let Some(link) = &mut link {
                    // The bound is that of the pace it had all the time.
                    link.expect_later(NOTICED_BEHIND, now);
                }
                self.clients[client].turn(link, &mut self.dice, now);
            }
        }
    }

    fn wake(&mut self, client: usize) {
        let slept = self.clients[client].clock.wake(self.now);
        // As the real one: what is shorter is not noticed.
        if slept >= Duration::from_secs(2)
            && let Some(place) = self.link_of(client)
        {
            let word = self.dice.one_in(2);
            self.leave(place, word);
            self.clients[client].settle(self.now);
            self.connect(client);
        }
    }

    /// A program of the host's side ends and comes back, or is away for long.
    fn catastrophe(&mut self) {
        let away = match self.dice.below(6) {
            // The log lost its tail.
            0 => {
                self.keeper.lose_tail(self.dice.place(5), self.now);
                self.tally.epochs += 1;
                Duration::ZERO
            }
            1 => {
                self.keeper.restart(self.now);
                Duration::ZERO
            }
            2 => PATIENCE + Duration::from_secs(self.dice.below(120)),
            _ => Duration::from_millis(self.dice.below(30_000)),
        };
        // Whichever it is, nobody's channel survives it; the relay may not be there to say so.
        let told = self.dice.one_in(2);
        for link in &mut self.links {
            link.far = None;
            link.up.kill();
            if told {
                self.clients[link.client].leave(link, false, self.now);
            }
            link.expect_notice(NOTICED_BEHIND, self.now);
        }
        self.down_until = self.now + away;
        if away > PATIENCE {
            let after = Duration::from_secs(self.dice.below(60));
            self.pass(away + after);
        }
    }

    fn connect(&mut self, client: usize) {
        if self.now < self.down_until {
            return;
        }
        let latency = Duration::from_millis(self.dice.below(self.latency));
        let mut link = Link {
            client,
            up: Pipe::new(latency),
            down: Pipe::new(latency),
            near: None,
            far: Some(Far::new(self.now, &mut self.dice)),
            notice_by: None,
        };
        self.clients[client].open(&mut link, &mut self.dice, self.now);
        self.links.push(link);
        self.tally.channels += 1;
    }

    /// A client and the host read and write a little, in any order.
    fn converse(&mut self, client: usize) {
        if self.clients[client].clock.is_asleep() {
            return;
        }
        let Some(place) = self.link_of(client) else { return self.connect(client) };
        let link = &mut self.links[place];
        let it = &mut self.clients[client];
        if self.dice.one_in(20) {
            it.attach(link, true, self.now);
        }
        let most = if it.slow { 3 } else { 24 };
        for _ in 0..=self.dice.below(most) {
            match self.dice.below(3) {
                0 => drop(it.read(link, &mut self.tally, self.now)),
                1 => it.send(link, self.dice.one_in(2), self.now),
                _ => drop(link.read_far(&mut self.keeper, &mut self.dice, &mut self.tally, self.now)),
            }
        }
    }

    /// Time has passed for everybody, and a client's keeper may write to it.
    fn turn(&mut self, client: usize) {
        self.keeper.expire(self.now);
        for link in &mut self.links {
            link.beat_far(&mut self.dice, &mut self.tally, self.now);
            let it = &mut self.clients[link.client];
            if !it.clock.is_asleep() {
                it.beat(link, &mut self.dice, &mut self.tally, self.now);
            }
            if link.client == client {
                // What an end left behind is still read at the other one.
                if link.near.is_none() {
                    link.read_far(&mut self.keeper, &mut self.dice, &mut self.tally, self.now);
                }
                link.write(&self.keeper, &mut self.dice, self.now);
            }
        }
        let it = &mut self.clients[client];
        if !it.clock.is_asleep() {
            it.settle(self.now);
        }
        self.links.retain(|link| link.near.is_some() || link.far.is_some());
    }

    fn run_program(&mut self, most: usize) {
        for (client, answer) in self.keeper.run_program(most, self.now) {
            // The channel that attached last is the one that is still there.
            let attached = |link: &&mut Link| {
                link.client == client && link.far.as_ref().is_some_and(|far| far.leg.is_some())
            };
            let last = self.links.iter_mut().rev().find(attached);
            if let Some(link) = last {
                link.down.send(answer, self.now);
            }
        }
    }

    /// Nothing but time passes, in which everybody does what they do.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            self.now += TICK.min(end - self.now);
            self.tick();
            self.check();
        }
    }

    fn tick(&mut self) {
        self.keeper.expire(self.now);
        for client in 0..CLIENTS {
            let it = &mut self.clients[client];
            if it.clock.is_asleep() {
                continue;
            }
            it.settle(self.now);
            if self.link_of(client).is_none() {
                self.connect(client);
            }
        }
        for link in &mut self.links {
            while link.read_far(&mut self.keeper, &mut self.dice, &mut self.tally, self.now) {}
            link.write(&self.keeper, &mut self.dice, self.now);
            link.beat_far(&mut self.dice, &mut self.tally, self.now);
            let it = &mut self.clients[link.client];
            if it.clock.is_asleep() {
                continue;
            }
            let most = if it.slow { 4 } else { usize::MAX };
            let mut read = 0;
            while read < most && it.read(link, &mut self.tally, self.now) {
                read += 1;
            }
            it.send(link, true, self.now);
            it.beat(link, &mut self.dice, &mut self.tally, self.now);
        }
        self.run_program(8);
        self.links.retain(|link| link.near.is_some() || link.far.is_some());
    }

    fn check(&self) {
        for (number, client) in self.clients.iter().enumerate() {
            model::check_screen(number, client, &self.keeper);
            model::check_commands(number, client, &self.keeper);
        }
        for link in &self.links {
            model::check_link(link, &self.clients[link.client], self.now);
        }
    }

    /// Nothing happens any more, and all must come right: everybody at the head, everything settled, one channel each.
    fn heal(&mut self) {
        self.down_until = self.now;
        for client in 0..CLIENTS {
            self.clients[client].slow = false;
            self.wake(client);
        }
        for link in &mut self.links {
            link.up.thaw();
            link.down.thaw();
        }
        for turn in 0.. {
            assert!(turn < HEALED, "it does not settle");
            self.now += Duration::from_millis(100);
            self.tick();
            let (head, lists) = (self.keeper.head(), self.keeper.gate.lists.len());
            let one_each = self.links.len() == CLIENTS
                && self.links.iter().all(|link| link.near.is_some() && link.far.is_some());
            if one_each && self.clients.iter().all(|client| model::is_healed(client, head, lists)) {
                break;
            }
        }
        self.check();
        for (number, client) in self.clients.iter().enumerate() {
            model::check_healed(number, client, &self.keeper);
            let told = |verdict| client.verdicts.values().filter(|other| **other == verdict).count() as u64;
            self.tally.expired += told(Verdict::Expired);
            self.tally.refused += told(Verdict::Refused);
        }
    }
}
