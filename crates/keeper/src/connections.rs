//! What connections say to the session, and what goes to them.

use crate::approvals::Asker;
use crate::chat::{self, Past};
use crate::clock;
use crate::follower::{Client, Leave};
use crate::screen::Snapshot;
use crate::session::{ClientId, Session, failure};
use agent::adapter::Input;
use bytes::Bytes;
use session::id::{SessionId, StreamId};
use session::later::Later;
use session::message::{Cursor, ErrorKind, Peer, RunState, Size, ToClient, ToHost, VERSION};
use session::replay::Replay;
use session::role::{self, Role};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;
use tokio::sync::{Notify, oneshot};

/// Answers that may wait for a client that does not read; beyond it the client is dropped.
const MAX_ANSWERS: usize = 1024;

/// What a client follows the log with; see [`ToHost::Attach`].
#[derive(Clone, Copy)]
struct Wish {
    after: Option<Cursor>,
    window: u32,
    scrollback: Option<u32>,
    redraw: bool,
}

impl Session {
    /// A connection said hello. Returns its name and what wakes its two halves.
    pub fn join(&self, stream: StreamId, peer: Option<Peer>) -> (ClientId, Rc<Notify>, Rc<Notify>) {
        let mut inner = self.inner.borrow_mut();
        let peer = peer.unwrap_or_else(Peer::at_host);
        let id = inner.next_client;
        inner.next_client += 1;
        let device = peer.device.as_ref().map(|device| device.as_str().to_owned()).unwrap_or_default();
        let (wake, room) = (Rc::new(Notify::new()), Rc::new(Notify::new()));
        let welcome = ToClient::Welcome {
            host: clock::host_name(),
            program: concat!("longrein/", env!("CARGO_PKG_VERSION")).to_owned(),
            version: VERSION,
            device: peer.device.clone(),
            role: peer.role,
            features: Vec::new(),
            time: clock::unix_ms(),
        };
        let client = Client {
            peer,
            key: (device, stream),
            watching: false,
            changed: false,
            replay: None,
            snapshot: None,
            scrollback: None,
            attaches: 0,
            asked: false,
            answers: VecDeque::from([welcome]),
            applied: None,
            waiting_input: 0,
            asker: Asker::default(),
            past: None,
            wake: Rc::clone(&wake),
            room: Rc::clone(&room),
        };
        client.wake.notify_one();
        inner.clients.insert(id, client);
        (id, wake, room)
    }

    /// A connection is gone. What it sent and was taken stays.
    pub fn leave(&self, id: ClientId) {
        let mut inner = self.inner.borrow_mut();
        let gone = inner.clients.remove(&id);
        let size = inner.sizing.handle_gone(&id);
        drop(inner);
        self.apply_size(size);
        if let Some(client) = gone {
            self.withdraw(&client.asker);
            if client.asker.hook {
                self.hear(Input::HookGone { id });
            }
            if client.replay.is_some() {
                self.dirty.notify_one();
            }
        }
        self.turnover.notify_one();
    }

    /// A message from a client.
    pub fn handle(&self, id: ClientId, message: ToHost, payload: &Bytes) -> Result<(), Leave> {
        let allowed = self
            .inner
            .borrow()
            .clients
            .get(&id)
            .is_some_and(|client| role::allows(client.peer.role, &message));
        match message {
            // Only the first message may be one.
            ToHost::Hello { .. } => return Err(Leave::Malformed),
            ToHost::Watch {} => self.watch(id),
            ToHost::Attach { session, after, size, window, scrollback, redraw } => {
                self.attach(id, &session, size, Wish { after, window, scrollback, redraw });
            }
            ToHost::Detach { session } => self.detach(id, session),
            ToHost::Ack { session, epoch, seq, part } => self.ack(id, &session, Cursor { epoch, seq }, part),
            ToHost::Command { session, n, act } => {
                self.command(id, &session, n, Some(&act), payload, allowed);
            }
            ToHost::Ask { session, last } => self.ask(id, &session, last, payload)?,
            ToHost::Hook { session, last } => self.hook_piece(id, &session, last, payload)?,
            ToHost::Notify { session } => self.notify(id, &session, payload)?,
            ToHost::Past { before, room, after, .. } => self.past(id, Past { before, room, after }),
            ToHost::Request { approval, from, .. } => self.request(id, &approval, from),
            ToHost::Call { id: call, .. } => {
                let why = failure(ErrorKind::NotFound, "a keeper answers no calls", "ask the host");
                self.answer(id, ToClient::Reply { id: call, ok: None, error: Some(why) });
            }
            ToHost::Ping { sent, .. } => self.answer(id, ToClient::Pong { sent }),
            ToHost::Pong { .. } => {}
        }
        self.check_answers(id)
    }

    /// A message that only a newer version knows: what waits for an answer gets one.
    pub fn handle_later(&self, id: ClientId, message: Later) -> Result<(), Leave> {
        match message {
            Later::Command { session, n } => self.command(id, &session, n, None, &Bytes::new(), true),
            Later::Call { id: call } => {
                self.answer(id, ToClient::Reply { id: call, ok: None, error: Some(Later::refusal()) });
            }
            Later::Event { .. } | Later::Other => {}
        }
        self.check_answers(id)
    }

    /// A client that lets its answers pile up is not kept.
    fn check_answers(&self, id: ClientId) -> Result<(), Leave> {
        let inner = self.inner.borrow();
        let crowded = inner.clients.get(&id).is_some_and(|client| client.answers.len() > MAX_ANSWERS);
        if crowded { Err(Leave::Limited) } else { Ok(()) }
    }

    fn watch(&self, id: ClientId) {
        let mut inner = self.inner.borrow_mut();
        let session = inner.about.id.clone();
        if let Some(client) = inner.clients.get_mut(&id) {
            client.watching = true;
            client.changed = true;
            client.answer(ToClient::State { host: clock::host_name(), sessions: vec![session] });
        }
    }

    fn attach(&self, id: ClientId, session: &SessionId, size: Option<Size>, wish: Wish) {
        if !self.is_ours(session) {
            let why = failure(ErrorKind::NotFound, "no such session", "");
            return self.answer(id, ToClient::Detached { session: session.clone(), why: Some(why) });
        }
        let mut inner = self.inner.borrow_mut();
        // Who may not type does not set the size either.
        let types = inner.clients.get(&id).is_some_and(|client| client.peer.role >= Role::Operator);
        let size = size.filter(|_| types).and_then(|size| inner.sizing.handle_screen(id, size));
        drop(inner);
        self.apply_size(size);
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let view = inner.journal.view();
        // A place that is not found is one that nothing but a snapshot can follow.
        let find = |seq| if wish.redraw { None } else { inner.journal.mark(seq) };
        let replay = Replay::new(wish.after, wish.window, &view, find);
        if let Some(client) = inner.clients.get_mut(&id) {
            client.replay = Some(replay);
            client.scrollback = wish.scrollback;
            client.snapshot = None;
            client.attaches += 1;
            client.asked = false;
            // Before it hears how far its commands are settled: an answer may have been lost with a connection.
            for (n, why) in inner.inbox.refused(&client.key) {
                client.answer(ToClient::Refused { session: session.clone(), n, why: why.clone() });
            }
            client.answer(ToClient::Attached {
                session: session.clone(),
                head: Cursor { epoch: view.epoch, seq: view.head.seq },
                size: inner.sizing.current(),
                applied: inner.inbox.settled(&client.key),
            });
        }
        self.dirty.notify_one();
        self.turnover.notify_one();
    }

    fn detach(&self, id: ClientId, session: SessionId) {
        let mut inner = self.inner.borrow_mut();
        if let Some(client) = inner.clients.get_mut(&id) {
            client.replay = None;
            client.snapshot = None;
            client.answer(ToClient::Detached { session, why: None });
        }
        let size = inner.sizing.handle_gone(&id);
        drop(inner);
        self.apply_size(size);
        self.dirty.notify_one();
        self.turnover.notify_one();
    }

    fn ack(&self, id: ClientId, session: &SessionId, at: Cursor, part: Option<u32>) {
        if !self.is_ours(session) {
            return;
        }
        let mut inner = self.inner.borrow_mut();
        if let Some(client) = inner.clients.get_mut(&id)
            && let Some(replay) = &mut client.replay
        {
            replay.handle_ack(at.epoch, at.seq, part, Instant::now());
            client.wake.notify_one();
        }
        drop(inner);
        self.acked.notify_one();
    }

    fn is_ours(&self, session: &SessionId) -> bool {
        self.inner.borrow().about.id == *session
    }

    pub(crate) fn answer(&self, id: ClientId, message: ToClient) {
        if let Some(client) = self.inner.borrow_mut().clients.get_mut(&id) {
            client.answer(message);
        }
    }

    /// What goes to a client now; empty when there is nothing. Each batch is bounded.
    pub fn poll(&self, id: ClientId) -> Result<Vec<(ToClient, Bytes)>, Leave> {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let whole = inner.run == RunState::Running || inner.end_shown;
        let summary =
            inner.clients.get(&id).filter(|client| client.changed && whole).map(|_| inner.summary());
        let Some(client) = inner.clients.get_mut(&id) else { return Err(Leave::Malformed) };
        let mut out: Vec<_> = client.answers.drain(..).map(|answer| (answer, Bytes::new())).collect();
        if let Some(mut summary) = summary {
            client.changed = false;
            summary.shorten();
            out.push((ToClient::Changed { summary: Box::new(summary) }, Bytes::new()));
        }
        client.poll_replay(&inner.journal, &inner.about.id, &mut out)?;
        if let Some(past) = client.past.take() {
            chat::page(&inner.journal, &inner.sayings, &inner.about.id, past, &mut out)?;
        }
        client.poll_applied(Instant::now(), &mut out);
        Ok(out)
    }

    /// When [`Session::poll`] is due although nobody wakes the client.
    pub fn poll_timeout(&self, id: ClientId) -> Option<Instant> {
        self.inner.borrow().clients.get(&id).and_then(Client::applied_due)
    }

    /// Asks the model for the snapshot that a client waits for, once an attach. Also gives which of its attaches that is.
    pub fn poll_snapshot(&self, id: ClientId) -> Option<(u64, oneshot::Receiver<Snapshot>)> {
        let mut inner = self.inner.borrow_mut();
        let client = inner.clients.get_mut(&id)?;
        if client.asked || !client.replay.as_ref().is_some_and(Replay::wants_snapshot) {
            return None;
        }
        client.asked = true;
        Some((client.attaches, self.model.snapshot(client.scrollback)))
    }

    /// The snapshot that a client waited for at this attach. It may have attached again since, with another wish.
    pub fn give_snapshot(&self, id: ClientId, attach: u64, snapshot: Snapshot) {
        let mut inner = self.inner.borrow_mut();
        let client = inner.clients.get_mut(&id).filter(|client| client.attaches == attach);
        let Some(client) = client else { return };
        client.asked = false;
        if let Some(replay) = &mut client.replay
            && replay.handle_snapshot(snapshot.mark, snapshot.bytes.len())
        {
            client.snapshot = Some(snapshot);
        }
        client.wake.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session::message::Event;

    fn attach(session: &Session, id: ClientId, scrollback: Option<u32>) {
        let ours = session.summary().id;
        let message = ToHost::Attach {
            session: ours,
            after: None,
            size: None,
            window: 256 * 1024,
            scrollback,
            redraw: true,
        };
        session.handle(id, message, &Bytes::new()).expect("it may");
    }

    fn pieces(session: &Session, id: ClientId) -> Vec<Bytes> {
        let all = session.poll(id).expect("it stays");
        let piece = |(header, bytes)| matches!(header, ToClient::Snapshot { .. }).then_some(bytes);
        all.into_iter().filter_map(piece).collect()
    }

    #[tokio::test]
    async fn a_snapshot_that_an_earlier_attach_asked_for_does_not_answer_a_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let session = crate::start::tests::session(folder.path());
        let lines = format!("at first\r\n{}", "line\r\n".repeat(200));
        session.append(Event::Output, lines.into());
        let (id, ..) = session.join(StreamId::from_random([1; 10]), None);
        attach(&session, id, Some(0));
        let (first, few) = session.poll_snapshot(id).expect("it wants one");
        attach(&session, id, None);
        let (second, all) = session.poll_snapshot(id).expect("it wants another");
        session.give_snapshot(id, first, few.await.unwrap());
        assert!(pieces(&session, id).is_empty(), "that is not what it wants now");
        assert!(session.poll_snapshot(id).is_none(), "it is asked for once");
        session.give_snapshot(id, second, all.await.unwrap());
        let bytes = pieces(&session, id).concat();
        assert!(bytes.windows(8).any(|window| window == b"at first"), "{}", bytes.escape_ascii());
    }
}
