//! One client of the session: what waits to be told to it, and where it is in the log.

use crate::approvals::Asker;
use crate::chat::Past;
use crate::journal::Journal;
use crate::screen::Snapshot;
use bytes::Bytes;
use session::id::SessionId;
use session::inbox;
use session::message::{Peer, ToClient};
use session::replay::{Next, Replay};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Bytes that go to a client in one batch.
const BATCH: u64 = 128 * 1024;
/// How long the news that input was taken may wait for something else to go out with, such as its echo: nobody looks
/// at it, and a message of its own for every keystroke would cost as much as the keystroke.
const APPLIED_WAITS: Duration = Duration::from_millis(15);

/// Why a client is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It broke the protocol.
    Malformed,
    /// It lets too much pile up.
    Limited,
    /// Our own log cannot be read.
    Unreadable,
}

/// A connection that said hello.
pub(crate) struct Client {
    pub peer: Peer,
    pub key: inbox::Key,
    pub watching: bool,
    pub changed: bool,
    pub replay: Option<Replay>,
    /// What the replay is skipping to.
    pub snapshot: Option<Snapshot>,
    /// Lines above the screen that it brings at most.
    pub scrollback: Option<u32>,
    /// How often it has attached: a snapshot that an earlier attach asked for is not for a later one.
    pub attaches: u64,
    /// The model was asked for it.
    pub asked: bool,
    pub answers: VecDeque<ToClient>,
    /// The last command that was applied and not told yet, and since when.
    pub applied: Option<(ToClient, Instant)>,
    pub waiting_input: usize,
    pub asker: Asker,
    /// A page of the chat that it wants.
    pub past: Option<Past>,
    pub wake: Rc<Notify>,
    /// Its input was taken; it may be read again.
    pub room: Rc<Notify>,
}

impl Client {
    /// Something to tell it, in order with the rest.
    pub fn answer(&mut self, message: ToClient) {
        if let ToClient::Applied { n, .. } = message {
            // One answer says it for all before it.
            match &mut self.applied {
                Some((ToClient::Applied { n: last, .. }, _)) => *last = (*last).max(n),
                none => {
                    *none = Some((message, Instant::now()));
                    self.wake.notify_one();
                }
            }
            return;
        }
        self.answers.extend(self.applied.take().map(|(applied, _)| applied));
        self.answers.push_back(message);
        self.wake.notify_one();
    }

    /// When [`Client::applied`] goes out at the latest.
    pub fn applied_due(&self) -> Option<Instant> {
        self.applied.as_ref().map(|(_, since)| *since + APPLIED_WAITS)
    }

    /// Adds the news that input was applied to what goes out anyway, or when it has waited for long enough.
    pub fn poll_applied(&mut self, now: Instant, out: &mut Vec<(ToClient, Bytes)>) {
        if !out.is_empty() || self.applied_due().is_some_and(|due| now >= due) {
            out.extend(self.applied.take().map(|(applied, _)| (applied, Bytes::new())));
        }
    }

    /// Adds what it gets of the log now to `out`.
    pub fn poll_replay(
        &mut self,
        journal: &Journal,
        session: &SessionId,
        out: &mut Vec<(ToClient, Bytes)>,
    ) -> Result<(), Leave> {
        let Some(replay) = &mut self.replay else { return Ok(()) };
        let view = journal.view();
        let now = Instant::now();
        let mut batch = 0;
        while batch < BATCH {
            let (records, structured) = match replay.poll(&view, now) {
                Next::Idle | Next::Snapshot => break,
                Next::Events { after, room } => (journal.read_after(after, room.min(BATCH)), false),
                Next::Structured { after, upto, room } => {
                    (journal.read_kept(after, upto, room.min(BATCH)), true)
                }
                Next::Piece { seq, part, start, end, last } => {
                    let Some(snapshot) = &self.snapshot else { break };
                    let size = snapshot.size;
                    let header = ToClient::Snapshot {
                        session: session.clone(),
                        epoch: view.epoch,
                        seq,
                        size,
                        part,
                        last,
                    };
                    out.push((header, snapshot.bytes.slice(start..end)));
                    replay.handle_piece_sent(now);
                    batch += (end - start) as u64;
                    continue;
                }
            };
            let records = records.map_err(|error| {
                tracing::error!(%error, "the log cannot be read");
                Leave::Unreadable
            })?;
            if records.is_empty() {
                if structured {
                    replay.handle_no_more();
                    continue;
                }
                tracing::error!("the log has a hole");
                return Err(Leave::Unreadable);
            }
            for record in records {
                replay.handle_sent(record.mark, record.payload.len(), now);
                batch += record.payload.len() as u64 + session::replay::OVERHEAD;
                let header = ToClient::Event {
                    session: session.clone(),
                    epoch: view.epoch,
                    seq: record.mark.seq,
                    at: record.at,
                    event: record.event,
                };
                out.push((header, record.payload));
            }
        }
        if !replay.is_skipping() {
            self.snapshot = None;
        }
        Ok(())
    }
}
