//! The keeper, with the truth: its log, what a terminal shows at every place in it, and what the program was given.

use super::gate::Gate;
use super::host::Leg;
use super::network::{Down, Pipe};
use crate::Dice;
use session::approval::Change;
use session::codec::MAX_PAYLOAD;
use session::id::StreamId;
use session::inbox::{Inbox, Key, Receipt, Stream};
use session::later::Later;
use session::message::Cursor;
use session::replay::{Mark, Next, OVERHEAD, View};
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// What a terminal shows, reduced to a number that depends on all that was written to it.
pub fn show(screen: u64, seq: u64, length: usize) -> u64 {
    (screen ^ seq.wrapping_mul(31) ^ length as u64).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(17)
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    kept: bool,
    length: usize,
    upto: u64,
    screen: u64,
}

/// A taken command that the program has not read yet.
#[derive(Clone, Copy, Debug)]
struct Input {
    client: usize,
    n: u64,
    what: Option<u64>,
    /// Not for the program; it waits for its turn to be refused.
    refused: bool,
    taken: Instant,
}

/// A command that the program has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    pub what: u64,
    /// When the keeper took it.
    pub taken: Instant,
}

#[derive(Debug)]
pub struct Keeper {
    pub epoch: u32,
    log: Vec<Entry>,
    /// The numbers of those that are never trimmed.
    pub kept: Vec<u64>,
    trimmed: u64,
    inbox: Inbox,
    /// The inbox as it is on disk.
    stored: HashMap<Key, Stream>,
    inputs: VecDeque<Input>,
    pub gate: Gate,
    /// When this world began.
    began: Instant,
    /// What each client's commands did, in order.
    pub done: Vec<Vec<Done>>,
}

impl Keeper {
    pub fn new(clients: usize, now: Instant) -> Self {
        Self {
            gate: Gate::default(),
            began: now,
            epoch: 1,
            log: Vec::new(),
            kept: Vec::new(),
            trimmed: 0,
            inbox: Inbox::default(),
            stored: HashMap::new(),
            inputs: VecDeque::new(),
            done: vec![Vec::new(); clients],
        }
    }

    pub fn view(&self) -> View {
        View { epoch: self.epoch, base: self.trimmed, head: self.place(self.log.len() as u64) }
    }

    pub fn head(&self) -> Cursor {
        Cursor { epoch: self.epoch, seq: self.log.len() as u64 }
    }

    pub fn mark(&self, seq: u64) -> Option<Mark> {
        let Some(before) = seq.checked_sub(1) else { return Some(Mark::default()) };
        let bytes = self.log.get(usize::try_from(before).ok()?)?.upto;
        Some(Mark { seq, bytes })
    }

    fn place(&self, seq: u64) -> Mark {
        self.mark(seq).expect("a place in the log")
    }

    fn entry(&self, seq: u64) -> Entry {
        self.log[usize::try_from(seq).expect("a short log") - 1]
    }

    pub fn screen_at(&self, seq: u64) -> u64 {
        if seq == 0 { 0 } else { self.entry(seq).screen }
    }

    pub fn append(&mut self, kept: bool, length: usize) {
        let last = self.view().head;
        let screen = self.screen_at(last.seq);
        let screen = if kept { screen } else { show(screen, last.seq + 1, length) };
        if kept {
            self.kept.push(last.seq + 1);
        }
        self.log.push(Entry { kept, length, upto: last.bytes + length as u64 + OVERHEAD, screen });
    }

    /// The wall clock.
    pub fn unix_ms(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    /// Stores a change, and then makes it so.
    pub fn put(&mut self, change: Change) {
        let seq = self.log.len() as u64 + 1;
        for (event, payload) in change.events() {
            self.append(!event.is_trimmable(), payload.len());
        }
        self.gate.apply(change, seq);
    }

    /// A program asks something.
    pub fn ask(&mut self, dice: &mut Dice, now: Instant) {
        let at = self.unix_ms(now);
        let Some(asked) = self.gate.ask(dice, at) else { return };
        self.put(asked.clone());
        if let Some(allowed) = self.gate.granted(&asked, at) {
            self.put(allowed);
        }
    }

    /// Denies what nobody decided in time.
    pub fn expire(&mut self, now: Instant) {
        while let Some(change) = self.gate.expire(self.unix_ms(now)) {
            self.put(change);
        }
    }

    /// What a snapshot stands for: the last event that the terminal shows, and no less than was trimmed, since that is
    /// what a stored snapshot covers.
    fn shown(&self) -> Mark {
        let last = self.log.iter().rposition(|entry| !entry.kept).map_or(0, |at| at as u64 + 1);
        self.place(last.max(self.trimmed))
    }

    /// Forgets old output, all but so many events.
    pub fn trim(&mut self, all_but: u64) {
        self.trimmed = self.trimmed.max(self.shown().seq.saturating_sub(all_but));
    }

    /// Comes back as it was stored: what was taken and not settled is forgotten.
    pub fn restart(&mut self, now: Instant) {
        self.inputs.clear();
        self.inbox = Inbox::new(self.stored.values().cloned());
        for change in self.gate.restart(self.log.len() as u64, self.unix_ms(now)) {
            self.put(change);
        }
    }

    /// A power cut: the tail of the log is gone, so that another life of it begins.
    pub fn lose_tail(&mut self, events: usize, now: Instant) {
        let left = self.log.len().saturating_sub(events).max(usize::try_from(self.trimmed).unwrap_or(0));
        self.log.truncate(left);
        self.kept.retain(|seq| *seq <= left as u64);
        self.epoch += 1;
        self.restart(now);
    }

    pub fn settled(&self, client: usize) -> u64 {
        self.inbox.settled(&key(client))
    }

    /// The commands that were refused, as far as they are remembered.
    pub fn refused(&self, client: usize) -> Vec<u64> {
        self.inbox.refused(&key(client)).map(|(n, _)| n).collect()
    }

    /// A command; the answer, where there is one at once.
    pub fn take(
        &mut self,
        client: usize,
        n: u64,
        what: Option<u64>,
        newer: bool,
        now: Instant,
    ) -> Option<Down> {
        match self.inbox.handle(&key(client), n, 0) {
            Receipt::New => {
                self.inputs.push_back(Input { client, n, what, refused: newer, taken: now });
                None
            }
            Receipt::Settled if self.refused(client).contains(&n) => Some(Down::Refused(n)),
            Receipt::Settled => Some(Down::Applied(n)),
            Receipt::Pending => None,
            Receipt::Gap { expected } => panic!("client {client}: command {n} where {expected} was due"),
            Receipt::Full => panic!("three streams are not too many"),
        }
    }

    /// The program reads some of its input; gives whom to tell what.
    pub fn run_program(&mut self, most: usize, now: Instant) -> Vec<(usize, Down)> {
        let some = self.inputs.len().min(most);
        let mut read: Vec<Input> = self.inputs.drain(..some).collect();
        for input in &mut read {
            let what = input.what.filter(|_| !input.refused);
            let decided = what.and_then(|what| self.gate.decide(input.client, what, self.unix_ms(now)));
            match decided {
                Some(Ok(Some(change))) => self.put(change),
                Some(Err(())) => input.refused = true,
                Some(Ok(None)) | None => {}
            }
            if input.refused {
                self.inbox.handle_refused(&key(input.client), input.n, Later::refusal());
            } else {
                self.inbox.handle_settled(&key(input.client), input.n);
            }
            let what = input.what.filter(|_| !input.refused);
            self.done[input.client].extend(what.map(|what| Done { what, taken: input.taken }));
        }
        // Stored with what it did, before anybody is told.
        self.stored.extend(self.inbox.poll_changed().into_iter().map(|stream| (stream.key.clone(), stream)));
        let answer =
            |input: &Input| if input.refused { Down::Refused(input.n) } else { Down::Applied(input.n) };
        read.iter().map(|input| (input.client, answer(input))).collect()
    }

    /// One turn of the task that writes to a client.
    pub fn write(&self, leg: &mut Leg, down: &mut Pipe<Down>, dice: &mut Dice, now: Instant) {
        let view = self.view();
        let replay = &mut leg.replay;
        for _ in 0..8 {
            let (after, upto, room, structured) = match replay.poll(&view, now) {
                Next::Idle => return,
                Next::Snapshot => {
                    if dice.one_in(3) {
                        let mark = self.shown();
                        let length = dice.place(200_000);
                        if replay.handle_snapshot(mark, length) {
                            leg.snapshot = Some(mark.seq);
                        }
                    }
                    return;
                }
                Next::Events { after, room } => (after, view.head.seq, room, false),
                Next::Structured { after, upto, room } => (after, upto, room, true),
                Next::Piece { seq, part, start, end, last } => {
                    assert_eq!(leg.snapshot, Some(seq));
                    assert!(end - start <= MAX_PAYLOAD);
                    let at = Cursor { epoch: self.epoch, seq };
                    let screen = self.screen_at(seq);
                    down.send(Down::Piece { at, part, last, length: end - start, screen }, now);
                    replay.handle_piece_sent(now);
                    continue;
                }
            };
            let mut sent = 0;
            for seq in after + 1..=upto {
                let entry = self.entry(seq);
                if structured && !entry.kept {
                    continue;
                }
                assert!(structured || seq > self.trimmed, "asked for what is gone");
                if sent > 0 && sent + entry.length as u64 + OVERHEAD > room {
                    break;
                }
                sent += entry.length as u64 + OVERHEAD;
                let at = Cursor { epoch: self.epoch, seq };
                down.send(Down::Event { at, kept: entry.kept, length: entry.length }, now);
                replay.handle_sent(self.place(seq), entry.length, now);
            }
            if sent == 0 {
                assert!(structured);
                replay.handle_no_more();
            }
        }
    }
}

/// Whose numbering: each client is a device of its own.
fn key(client: usize) -> Key {
    (client.to_string(), StreamId::from_random([1; 10]))
}
