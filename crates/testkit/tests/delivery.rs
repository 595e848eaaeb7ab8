//! Replay, follow, outbox and inbox over a bad network, against a model that knows the truth.
//!
//! After each step: what a client shows is what the log says at its cursor, every event that is never trimmed was applied
//! once and in order, and every command at most once. After healing: everybody is at the head, and everything that did
//! not expire was done exactly once.

use bytes::Bytes;
use longrein_testkit::{Dice, each_seed};
use session::codec::MAX_PAYLOAD;
use session::follow::{Follow, Took};
use session::id::StreamId;
use session::inbox::{Inbox, Receipt};
use session::message::{Act, Cursor, ErrorKind, Event, Failure};
use session::outbox::{Outbox, PATIENCE, Settled, Ticket};
use session::replay::{Mark, Next, OVERHEAD, Replay, SNAPSHOT_WINDOW, View};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

const CLIENTS: usize = 3;
const STEPS: u64 = 300;

/// What a terminal shows, reduced to a number that depends on all that was written to it.
fn show(screen: u64, seq: u64, length: usize) -> u64 {
    (screen ^ seq.wrapping_mul(31) ^ length as u64).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(17)
}

#[derive(Clone, Debug)]
struct Entry {
    kept: bool,
    length: usize,
    upto: u64,
    screen: u64,
}

#[derive(Clone, Debug)]
enum Down {
    Attached { head: Cursor, applied: u64 },
    Event { at: Cursor, kept: bool, length: usize },
    Piece { at: Cursor, part: u32, last: bool, length: usize, screen: u64 },
    Applied(u64),
    Refused(u64),
}

#[derive(Clone, Copy, Debug)]
enum Up {
    Attach { after: Option<Cursor>, window: u32, redraw: bool },
    Ack { epoch: u32, seq: u64, part: Option<u32> },
    Command { n: u64, what: Option<u64> },
}

/// The keeper, with the truth.
struct Keeper {
    epoch: u32,
    log: Vec<Entry>,
    /// The numbers of those that are never trimmed.
    kept: Vec<u64>,
    trimmed: u64,
    inbox: Inbox,
    /// Taken commands that the program has not read yet.
    inputs: VecDeque<(usize, u64, Option<u64>)>,
    /// What each client's commands did, in order.
    done: Vec<Vec<u64>>,
}

struct Peer {
    replay: Option<Replay>,
    snapshot: Option<(u64, usize)>,
    down: VecDeque<Down>,
    up: VecDeque<Up>,
    connected: bool,
    follow: Follow,
    outbox: Outbox,
    screen: u64,
    kept: Vec<u64>,
    given: u64,
    tickets: BTreeMap<u64, u64>,
    settled: BTreeMap<u64, &'static str>,
}

fn event(kept: bool) -> Event {
    if kept { Event::Banner { text: String::new() } } else { Event::Output }
}

impl Keeper {
    fn mark(&self, seq: u64) -> Option<Mark> {
        if seq == 0 {
            return Some(Mark::default());
        }
        let bytes = self.log.get(usize::try_from(seq).unwrap() - 1)?.upto;
        Some(Mark { seq, bytes })
    }

    fn head(&self) -> Mark {
        self.mark(self.log.len() as u64).unwrap()
    }

    fn view(&self) -> View {
        View { epoch: self.epoch, base: self.trimmed, head: self.head() }
    }

    fn append(&mut self, kept: bool, length: usize) {
        let last = self.head();
        let screen = self.screen_at(last.seq);
        let screen = if kept { screen } else { show(screen, last.seq + 1, length) };
        if kept {
            self.kept.push(last.seq + 1);
        }
        self.log.push(Entry { kept, length, upto: last.bytes + length as u64 + OVERHEAD, screen });
    }

    fn screen_at(&self, seq: u64) -> u64 {
        if seq == 0 { 0 } else { self.log[usize::try_from(seq).unwrap() - 1].screen }
    }

    /// The last event that the terminal shows.
    fn shown(&self) -> Mark {
        let last = self.log.iter().rposition(|entry| !entry.kept).map_or(0, |at| at as u64 + 1);
        self.mark(last).unwrap()
    }

    fn run_inputs(&mut self, peers: &mut [Peer], count: usize) {
        for _ in 0..count {
            let Some((client, n, what)) = self.inputs.pop_front() else { return };
            let key = key(client);
            self.inbox.handle_settled(&key, n);
            self.done[client].extend(what);
            if peers[client].connected {
                peers[client].down.push_back(Down::Applied(n));
            }
        }
    }

    fn take(&mut self, client: usize, peer: &mut Peer, up: Up, now: Instant) {
        match up {
            Up::Attach { after, window, redraw } => {
                let view = self.view();
                let find = |seq| if redraw { None } else { self.mark(seq) };
                peer.replay = Some(Replay::new(after, window, &view, find));
                peer.snapshot = None;
                let head = Cursor { epoch: self.epoch, seq: view.head.seq };
                let applied = self.inbox.settled(&key(client));
                peer.down.push_back(Down::Attached { head, applied });
            }
            Up::Ack { epoch, seq, part } => {
                if let Some(replay) = &mut peer.replay {
                    replay.handle_ack(epoch, seq, part, now);
                }
            }
            Up::Command { n, what } => match self.inbox.handle(&key(client), n, 0) {
                Receipt::New => self.inputs.push_back((client, n, what)),
                Receipt::Settled => peer.down.push_back(Down::Applied(n)),
                Receipt::Pending => {}
                Receipt::Gap { .. } => peer.down.push_back(Down::Refused(n)),
                Receipt::Full => panic!("three streams are not too many"),
            },
        }
    }

    /// One turn of the task that writes to a client.
    fn write(&self, peer: &mut Peer, dice: &mut Dice, now: Instant) {
        let Some(replay) = &mut peer.replay else { return };
        let view = self.view();
        for _ in 0..8 {
            let (after, upto, room, structured) = match replay.poll(&view, now) {
                Next::Idle => return,
                Next::Snapshot => {
                    if dice.one_in(3) {
                        let mark = self.shown();
                        let length = usize::try_from(dice.below(200_000)).unwrap();
                        if replay.handle_snapshot(mark, length) {
                            peer.snapshot = Some((mark.seq, length));
                        }
                    }
                    return;
                }
                Next::Events { after, room } => (after, view.head.seq, room, false),
                Next::Structured { after, upto, room } => (after, upto, room, true),
                Next::Piece { seq, part, start, end, last } => {
                    assert_eq!(peer.snapshot.map(|(seq, _)| seq), Some(seq));
                    assert!(end - start <= MAX_PAYLOAD);
                    let at = Cursor { epoch: self.epoch, seq };
                    let screen = self.screen_at(seq);
                    peer.down.push_back(Down::Piece { at, part, last, length: end - start, screen });
                    replay.handle_piece_sent(now);
                    continue;
                }
            };
            let mut sent = 0;
            for seq in after + 1..=upto {
                let entry = &self.log[usize::try_from(seq).unwrap() - 1];
                if structured && !entry.kept {
                    continue;
                }
                assert!(structured || seq > self.trimmed, "asked for what is gone");
                if sent > 0 && sent + entry.length as u64 + OVERHEAD > room {
                    break;
                }
                sent += entry.length as u64 + OVERHEAD;
                let at = Cursor { epoch: self.epoch, seq };
                peer.down.push_back(Down::Event { at, kept: entry.kept, length: entry.length });
                replay.handle_sent(self.mark(seq).unwrap(), entry.length, now);
            }
            if sent == 0 {
                assert!(structured);
                replay.handle_no_more();
            }
        }
    }
}

fn key(client: usize) -> (String, StreamId) {
    (client.to_string(), StreamId::from_random([1; 10]))
}

impl Peer {
    fn new() -> Self {
        Self {
            replay: None,
            snapshot: None,
            down: VecDeque::new(),
            up: VecDeque::new(),
            connected: false,
            follow: Follow::new(128 * 1024),
            outbox: Outbox::new(StreamId::from_random([1; 10])),
            screen: 0,
            kept: Vec::new(),
            given: 0,
            tickets: BTreeMap::new(),
            settled: BTreeMap::new(),
        }
    }

    fn cut(&mut self) {
        self.connected = false;
        self.replay = None;
        self.snapshot = None;
        self.down.clear();
        self.up.clear();
        self.outbox.handle_disconnected();
    }

    fn connect(&mut self) {
        self.cut();
        self.connected = true;
        self.attach(false);
    }

    /// Attaches; also where it is attached already.
    fn attach(&mut self, redraw: bool) {
        let (after, window) = self.follow.resume();
        self.up.push_back(Up::Attach { after, window, redraw });
    }

    /// Takes one message in.
    fn read(&mut self, now: Instant) {
        let Some(down) = self.down.pop_front() else { return };
        match down {
            Down::Attached { head, applied } => {
                if self.follow.handle_attached(head) {
                    self.screen = 0;
                    self.kept.clear();
                }
                self.outbox.handle_attached(applied);
            }
            Down::Event { at, kept, length } => {
                let took = self.follow.handle_event(at, &event(kept), length, now).expect("no gap");
                match (took, kept) {
                    (Took::Known, false) => panic!("output came twice"),
                    (Took::Known, true) => {}
                    (Took::Apply, false) => self.screen = show(self.screen, at.seq, length),
                    (Took::Apply, true) => self.kept.push(at.seq),
                }
            }
            Down::Piece { at, part, last, length, screen } => {
                let piece = self.follow.handle_piece(at, part, last, length, now).expect("no gap");
                self.screen = if piece.last { screen } else { 1 };
            }
            Down::Applied(n) => self.outbox.handle_applied(n),
            Down::Refused(n) => {
                let why = Failure { kind: ErrorKind::Invalid, message: String::new(), hint: String::new() };
                self.outbox.handle_refused(n, why);
            }
        }
        self.note_settled();
    }

    fn note_settled(&mut self) {
        while let Some(settled) = self.outbox.poll_settled() {
            let (ticket, how) = match settled {
                Settled::Applied(ticket) => (ticket, "applied"),
                Settled::Refused(ticket, _) => (ticket, "refused"),
                Settled::Expired(ticket) => (ticket, "expired"),
            };
            let what = self.tickets[&ticket.0];
            assert!(self.settled.insert(what, how).is_none(), "command {what} was settled twice");
        }
    }

    fn give(&mut self, now: Instant) {
        self.given += 1;
        let payload = Bytes::copy_from_slice(&self.given.to_be_bytes());
        let Ticket(ticket) = self.outbox.push(Act::Input, payload, now).expect("few commands fit");
        self.tickets.insert(ticket, self.given);
    }

    fn send(&mut self, now: Instant, idle: bool) {
        if !self.connected {
            return;
        }
        while let Some(command) = self.outbox.poll_send() {
            let what = command.payload.first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
            self.up.push_back(Up::Command { n: command.n, what });
        }
        if let Some(ack) = self.follow.poll_ack(now, idle) {
            self.up.push_back(Up::Ack { epoch: ack.epoch, seq: ack.seq, part: ack.part });
        }
    }

    fn check(&self, client: usize, keeper: &Keeper) {
        let cursor = self.follow.cursor();
        if self.follow.resume().0.is_some() && cursor.epoch == keeper.epoch {
            assert_eq!(self.screen, keeper.screen_at(cursor.seq), "client {client} at {cursor:?}");
            let expected = keeper.kept.iter().copied().take_while(|seq| *seq <= cursor.seq);
            let applied = self.kept.iter().copied().take_while(|seq| *seq <= cursor.seq);
            assert!(applied.eq(expected), "client {client} at {cursor:?}: {:?}", self.kept);
        }
        assert!(self.kept.is_sorted_by(|a, b| a < b), "client {client}: {:?}", self.kept);
        assert!(keeper.done[client].is_sorted_by(|a, b| a < b), "client {client}: {:?}", keeper.done[client]);
        for (what, how) in &self.settled {
            let done = keeper.done[client].contains(what);
            assert!(*how != "applied" || done, "client {client}: {what} was said to be done");
            assert_ne!(*how, "refused", "client {client}: {what}");
        }
        let in_flight = self.replay.as_ref().map_or(0, Replay::in_flight);
        let of_snapshot = self.replay.as_ref().map_or(0, Replay::in_flight_of_snapshot);
        let message = MAX_PAYLOAD as u64 + 2 * OVERHEAD;
        assert!(
            in_flight - of_snapshot <= 128 * 1024 + message && in_flight <= SNAPSHOT_WINDOW + message,
            "{in_flight} bytes are under way"
        );
    }
}

fn world(seed: u64) {
    let mut dice = Dice::new(seed);
    let mut now = Instant::now();
    let mut keeper = Keeper {
        epoch: 1,
        log: Vec::new(),
        kept: Vec::new(),
        trimmed: 0,
        inbox: Inbox::default(),
        inputs: VecDeque::new(),
        done: vec![Vec::new(); CLIENTS],
    };
    let mut peers: Vec<Peer> = (0..CLIENTS).map(|_| Peer::new()).collect();
    // Some worlds flood, some hardly ever say anything.
    let volume = 1 + dice.below(MAX_PAYLOAD as u64);
    for _ in 0..STEPS {
        now += Duration::from_millis(dice.below(40));
        let client = usize::try_from(dice.below(CLIENTS as u64)).unwrap();
        match dice.below(14) {
            0..=3 => {
                for _ in 0..=dice.below(8) {
                    let kept = dice.one_in(12);
                    let length = if kept { 0 } else { usize::try_from(dice.below(volume)).unwrap() };
                    keeper.append(kept, length);
                }
            }
            4 => {
                let upto = keeper.shown().seq;
                keeper.trimmed = keeper.trimmed.max(upto.saturating_sub(dice.below(60)));
            }
            5 => peers[client].cut(),
            6 => peers[client].give(now),
            7 => {
                let count = usize::try_from(dice.below(4)).unwrap();
                keeper.run_inputs(&mut peers, count);
            }
            8 if dice.one_in(20) => {
                now += PATIENCE;
                for peer in &mut peers {
                    peer.outbox.handle_timeout(now);
                    peer.note_settled();
                }
            }
            9 if dice.one_in(30) => {
                // A power cut: the tail is gone, and with it whatever waited.
                let tail = usize::try_from(dice.below(5)).unwrap();
                let left =
                    keeper.log.len().saturating_sub(tail).max(usize::try_from(keeper.trimmed).unwrap());
                keeper.log.truncate(left);
                keeper.kept.retain(|seq| *seq <= left as u64);
                keeper.epoch += 1;
                peers.iter_mut().for_each(Peer::cut);
            }
            _ => {
                let peer = &mut peers[client];
                if !peer.connected {
                    peer.connect();
                } else if dice.one_in(20) {
                    peer.attach(true);
                }
                for _ in 0..=dice.below(12) {
                    match dice.below(3) {
                        0 => peer.read(now),
                        1 => peer.send(now, dice.one_in(2)),
                        _ => {
                            if let Some(up) = peer.up.pop_front() {
                                keeper.take(client, peer, up, now);
                            }
                        }
                    }
                }
            }
        }
        keeper.write(&mut peers[client], &mut dice, now);
        for (client, peer) in peers.iter().enumerate() {
            peer.check(client, &keeper);
        }
    }
    heal(&mut keeper, &mut peers, &mut dice, now);
}

fn heal(keeper: &mut Keeper, peers: &mut [Peer], dice: &mut Dice, mut now: Instant) {
    for round in 0.. {
        assert!(round < 20_000, "it does not settle");
        now += Duration::from_millis(10);
        for (client, peer) in peers.iter_mut().enumerate() {
            if !peer.connected {
                peer.connect();
            }
            while let Some(up) = peer.up.pop_front() {
                keeper.take(client, peer, up, now);
            }
            keeper.write(peer, dice, now);
            while !peer.down.is_empty() {
                peer.read(now);
            }
            peer.send(now, true);
        }
        keeper.run_inputs(peers, 100);
        let view = keeper.view();
        let done = |peer: &Peer| {
            peer.outbox.is_empty() && peer.follow.cursor() == Cursor { epoch: view.epoch, seq: view.head.seq }
        };
        if peers.iter().all(done) {
            break;
        }
    }
    for (client, peer) in peers.iter().enumerate() {
        peer.check(client, keeper);
        for what in 1..=peer.given {
            let (how, done) = (peer.settled[&what], keeper.done[client].contains(&what));
            assert!(done || how == "expired", "client {client}: {what} was {how}");
        }
    }
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    each_seed(10_000, world);
}
