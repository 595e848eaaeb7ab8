//! One session: its journal, who follows it, whose commands wait, and who sets its size. Everything happens on one thread;
//! nothing here waits.

use crate::clock;
use crate::commands::Input;
use crate::follower::{Client, Leave};
use crate::journal::Journal;
use crate::program::Program;
use crate::screen::{Model, Snapshot};
use crate::upkeep::Checkpoints;
use bytes::Bytes;
use session::ending::Ending;
use session::id::{SessionId, StreamId};
use session::inbox::{self, Inbox};
use session::later::Later;
use session::message::{
    Cursor, EndedBy, ErrorKind, Event, Failure, Peer, RunState, Size, Summary, ToClient, ToHost, VERSION,
};
use session::replay::{Mark, Replay};
use session::role::{self, Role};
use session::sizing::Sizing;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Instant;
use store::{Base, StreamRow};
use tokio::sync::{Notify, oneshot};

/// Answers that may wait for a client that does not read; beyond it the client is dropped.
const MAX_ANSWERS: usize = 1024;
/// Names a connection.
pub(crate) type ClientId = u64;

/// What does not change, and what the summary needs beside it.
pub(crate) struct About {
    pub id: SessionId,
    pub name: String,
    pub command: Vec<String>,
    pub cwd: String,
    pub started_at: u64,
    pub continues: Option<SessionId>,
    pub keeper_pid: Option<u32>,
}

/// What a session is made of.
pub(crate) struct Parts {
    pub journal: Journal,
    pub model: Model,
    pub checkpoints: Checkpoints,
    pub streams: Vec<StreamRow>,
}

/// All that changes.
pub(crate) struct Inner {
    pub about: About,
    pub journal: Journal,
    pub inbox: Inbox,
    pub sizing: Sizing<ClientId>,
    pub clients: BTreeMap<ClientId, Client>,
    pub next_client: ClientId,
    pub inputs: VecDeque<Input>,
    pub inputs_bytes: usize,
    /// Bytes of the terminal's own answers among the inputs; not counted with those of clients.
    pub replies_bytes: usize,
    pub run: RunState,
    /// When it ends by itself.
    pub ending: Ending,
    /// Who told the program to end.
    pub ended_by: EndedBy,
    pub last_activity: u64,
    pub title: String,
    pub preview: Vec<String>,
    /// The end was shown together with the last preview. Watchers look no further once they heard of the end, so that
    /// they must not hear of it before.
    pub end_shown: bool,
}

/// The session. Its methods are called from the keeper's one thread.
pub(crate) struct Session {
    pub inner: RefCell<Inner>,
    pub model: Model,
    program: RefCell<Option<Rc<Program>>>,
    /// A client acked.
    pub acked: Notify,
    /// Input waits for the program.
    pub input: Notify,
    /// Something in the summary changed.
    pub dirty: Notify,
    /// A client came or went, or the program ended.
    pub turnover: Notify,
    /// The program ended.
    pub over: Notify,
    /// The summary is to be shown at once.
    pub hurry: Notify,
    /// A snapshot is wanted as base.
    pub wants_base: Notify,
    /// The log stopped taking events.
    pub paused: Notify,
    /// When it ends by itself has changed.
    pub retimed: Notify,
    checkpoints: Checkpoints,
}

impl Session {
    pub fn new(about: About, parts: Parts, size: Size, run: RunState) -> Self {
        let Parts { journal, model, checkpoints, streams } = parts;
        let streams = streams.into_iter().filter_map(|row| {
            let stream: StreamId = row.stream.parse().ok()?;
            // Empty where none was refused.
            let refused = serde_json::from_str(&row.refused).unwrap_or_default();
            Some(inbox::Stream { key: (row.device, stream), settled: row.settled, at: row.at, refused })
        });
        let inner = Inner {
            last_activity: about.started_at,
            about,
            journal,
            inbox: Inbox::new(streams),
            sizing: Sizing::new(size),
            clients: BTreeMap::new(),
            next_client: 1,
            inputs: VecDeque::new(),
            end_shown: run != RunState::Running,
            inputs_bytes: 0,
            replies_bytes: 0,
            run,
            ending: Ending::default(),
            ended_by: EndedBy::Itself,
            title: String::new(),
            preview: Vec::new(),
        };
        Self {
            inner: RefCell::new(inner),
            model,
            program: RefCell::new(None),
            acked: Notify::new(),
            input: Notify::new(),
            dirty: Notify::new(),
            turnover: Notify::new(),
            over: Notify::new(),
            hurry: Notify::new(),
            wants_base: Notify::new(),
            paused: Notify::new(),
            retimed: Notify::new(),
            checkpoints,
        }
    }

    pub fn set_program(&self, program: Rc<Program>) {
        *self.program.borrow_mut() = Some(program);
    }

    pub fn program(&self) -> Option<Rc<Program>> {
        self.program.borrow().clone()
    }

    /// What is remembered of an ended session.
    pub fn set_remembered(&self, title: String, preview: Vec<String>, last_activity: u64) {
        let mut inner = self.inner.borrow_mut();
        inner.title = title;
        inner.preview = preview;
        inner.last_activity = last_activity;
    }

    /// Puts an event into the log, feeds the screen model, and wakes who follows.
    pub fn append(&self, event: Event, payload: Bytes) {
        let mut inner = self.inner.borrow_mut();
        let at = clock::unix_ms();
        let stored = inner.append(&self.model, at, event, payload);
        if let Err(error) = stored {
            tracing::warn!(%error, "the log does not take events; going on in memory");
            let text =
                format!("Logging is paused: {error}. The session goes on; old output may not be kept.");
            // It is in memory now, where nothing can fail.
            let _ = inner.append(&self.model, at, Event::Banner { text }, Bytes::new());
            self.paused.notify_one();
        }
        if inner.journal.poll_checkpoint() {
            self.checkpoints.due();
        }
        if inner.journal.wants_base() {
            self.wants_base.notify_one();
        }
        for client in inner.clients.values().filter(|client| client.replay.is_some()) {
            client.wake.notify_one();
        }
        self.dirty.notify_one();
    }

    /// Tries to bring into the log what a full disk kept out. True where a snapshot has to stand for a part of it.
    pub fn retry_log(&self, cover: Option<&Snapshot>) -> bool {
        let mut inner = self.inner.borrow_mut();
        if !inner.journal.is_paused() {
            return false;
        }
        if inner.journal.wants_cover() && cover.is_none() {
            return true;
        }
        match inner.journal.retry(cover.map(base).as_ref()) {
            Ok(()) if !inner.journal.is_paused() => {
                drop(inner);
                self.append(Event::Banner { text: "Logging goes on.".to_owned() }, Bytes::new());
            }
            Ok(()) => {}
            Err(error) => tracing::debug!(%error, "the log still does not take events"),
        }
        false
    }

    /// The snapshot under which the log may be trimmed.
    pub fn put_base(&self, snapshot: &Snapshot) {
        let mut inner = self.inner.borrow_mut();
        if inner.journal.wants_base()
            && let Err(error) = inner.journal.put_base(&base(snapshot))
        {
            tracing::warn!(%error, "the log cannot be trimmed");
        }
    }

    /// The log does not take events now.
    pub fn is_paused(&self) -> bool {
        self.inner.borrow().journal.is_paused()
    }

    /// A connection said hello. Returns its name and what wakes its two halves.
    pub fn join(&self, stream: StreamId, peer: Option<Peer>) -> (ClientId, Rc<Notify>, Rc<Notify>) {
        let mut inner = self.inner.borrow_mut();
        let local = || Peer { device: None, label: "local".to_owned(), role: Role::Owner };
        let peer = peer.unwrap_or_else(local);
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
            asked: false,
            answers: VecDeque::from([welcome]),
            applied: None,
            waiting_input: 0,
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
        if gone.is_some_and(|client| client.replay.is_some()) {
            self.dirty.notify_one();
        }
        self.turnover.notify_one();
    }

    /// Clients that follow the session now.
    pub fn attached(&self) -> usize {
        self.inner.borrow().attached()
    }

    pub fn has_ended(&self) -> bool {
        self.inner.borrow().run != RunState::Running
    }

    /// A message from a client.
    pub fn handle(&self, id: ClientId, message: ToHost, payload: Bytes) -> Result<(), Leave> {
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
            Later::Command { session, n } => self.command(id, &session, n, None, Bytes::new(), true),
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

    /// The program ended: the last event, and what still waited is refused.
    pub fn end(&self, exit: i32) {
        *self.program.borrow_mut() = None;
        self.append(Event::Exit { exit }, Bytes::new());
        let mut inner = self.inner.borrow_mut();
        inner.run = RunState::Ended { exit, at: clock::unix_ms(), by: inner.ended_by };
        inner.refuse_inputs();
        // What has ended does not end again.
        inner.ending = Ending::default();
        self.retimed.notify_one();
        self.hurry.notify_one();
        self.over.notify_one();
        self.turnover.notify_one();
    }

    pub(crate) fn apply_size(&self, size: Option<Size>) {
        let Some(size) = size else { return };
        // An ended session's screen stays as it was.
        if let Some(program) = self.program() {
            program.resize(size);
            self.append(Event::Resize { size }, Bytes::new());
        }
    }

    fn is_ours(&self, session: &SessionId) -> bool {
        self.inner.borrow().about.id == *session
    }

    pub(crate) fn answer(&self, id: ClientId, message: ToClient) {
        if let Some(client) = self.inner.borrow_mut().clients.get_mut(&id) {
            client.answer(message);
        }
    }

    /// The session as it looks now.
    pub fn summary(&self) -> Summary {
        self.inner.borrow().summary()
    }

    /// A new title; an event, and in the summary.
    pub fn set_title(&self, title: String) {
        self.inner.borrow_mut().title.clone_from(&title);
        self.append(Event::Title { title }, Bytes::new());
    }

    /// Shows every watcher how the session looks now. `ended` says that it had ended before the preview was taken.
    pub fn show(&self, preview: Option<Vec<String>>, ended: bool) {
        let mut inner = self.inner.borrow_mut();
        inner.end_shown |= ended;
        if let Some(preview) = preview {
            inner.preview = preview;
        }
        for client in inner.clients.values_mut().filter(|client| client.watching) {
            client.changed = true;
            client.wake.notify_one();
        }
    }

    /// Stores how far each stream of commands got.
    pub fn store_streams(&self) {
        let mut inner = self.inner.borrow_mut();
        let rows: Vec<_> = inner.inbox.poll_changed().into_iter().map(row).collect();
        let forget = clock::unix_ms().saturating_sub(2 * inbox::KEEP_MS);
        if let Err(error) = inner.journal.put_streams(&rows, forget) {
            tracing::warn!(%error, "how far commands got could not be stored");
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
        if let Some(summary) = summary {
            client.changed = false;
            out.push((ToClient::Changed { summary }, Bytes::new()));
        }
        client.poll_replay(&inner.journal, &inner.about.id, &mut out)?;
        client.poll_applied(Instant::now(), &mut out);
        Ok(out)
    }

    /// When [`Session::poll`] is due although nobody wakes the client.
    pub fn poll_timeout(&self, id: ClientId) -> Option<Instant> {
        self.inner.borrow().clients.get(&id).and_then(Client::applied_due)
    }

    /// Asks the model for the snapshot that a client waits for, once.
    pub fn poll_snapshot(&self, id: ClientId) -> Option<oneshot::Receiver<Snapshot>> {
        let mut inner = self.inner.borrow_mut();
        let client = inner.clients.get_mut(&id)?;
        if client.asked || !client.replay.as_ref().is_some_and(Replay::wants_snapshot) {
            return None;
        }
        client.asked = true;
        Some(self.model.snapshot(client.scrollback))
    }

    /// The snapshot that a client waited for.
    pub fn give_snapshot(&self, id: ClientId, snapshot: Snapshot) {
        let mut inner = self.inner.borrow_mut();
        let Some(client) = inner.clients.get_mut(&id) else { return };
        client.asked = false;
        if let Some(replay) = &mut client.replay
            && replay.handle_snapshot(snapshot.mark, snapshot.bytes.len())
        {
            client.snapshot = Some(snapshot);
        }
        client.wake.notify_one();
    }

    /// Of the clients that keep up, how far the one that is nearest lags, in bytes; `None` where no client keeps up.
    pub fn nearest(&self, now: Instant) -> Option<u64> {
        let inner = self.inner.borrow();
        let view = inner.journal.view();
        let keeps_up = |replay: &&Replay| {
            replay.last_ack().is_some_and(|(at, trip)| {
                now.saturating_duration_since(at) < crate::program::RECENT_ACK
                    && trip < crate::program::FAST_ACK
            })
        };
        let replays = inner.clients.values().filter_map(|client| client.replay.as_ref());
        replays.filter(keeps_up).filter_map(|replay| replay.unseen(&view)).min()
    }

    /// Closes the log in good order. What is still sent to clients comes from memory.
    pub fn close(&self) -> Result<(), store::Error> {
        self.inner.borrow_mut().journal.close()
    }
}

/// What a client follows the log with; see [`ToHost::Attach`].
#[derive(Clone, Copy)]
struct Wish {
    after: Option<Cursor>,
    window: u32,
    scrollback: Option<u32>,
    redraw: bool,
}

impl Inner {
    fn append(&mut self, model: &Model, at: u64, event: Event, payload: Bytes) -> Result<(), store::Error> {
        self.last_activity = at;
        let record = crate::journal::Record { mark: Mark::default(), at, event, payload };
        let (mark, stored) = self.journal.append(at, record.event.clone(), record.payload.clone());
        model.feed(&crate::journal::Record { mark, ..record });
        stored
    }

    fn attached(&self) -> usize {
        self.clients.values().filter(|client| client.replay.is_some()).count()
    }

    fn summary(&self) -> Summary {
        let view = self.journal.view();
        let about = &self.about;
        Summary {
            id: about.id.clone(),
            name: about.name.clone(),
            command: about.command.clone(),
            cwd: about.cwd.clone(),
            branch: None,
            run: self.run.clone(),
            keeper_pid: about.keeper_pid,
            started_at: about.started_at,
            ends_at: self.ending.ends_at().filter(|_| self.run == RunState::Running),
            continues: about.continues.clone(),
            last_activity: self.last_activity,
            title: self.title.clone(),
            size: self.sizing.current(),
            head: Cursor { epoch: view.epoch, seq: view.head.seq },
            attached: u32::try_from(self.attached()).unwrap_or(u32::MAX),
            preview: self.preview.clone(),
        }
    }
}

fn base(snapshot: &Snapshot) -> Base {
    Base {
        seq: snapshot.mark.seq,
        upto: snapshot.mark.bytes,
        cols: snapshot.size.cols,
        rows: snapshot.size.rows,
        bytes: snapshot.bytes.to_vec(),
    }
}

fn row(stream: inbox::Stream) -> StreamRow {
    let (device, id) = stream.key;
    let refused = serde_json::to_string(&stream.refused).unwrap_or_default();
    StreamRow { device, stream: id.as_str().to_owned(), settled: stream.settled, at: stream.at, refused }
}

/// A failure in a person's words.
pub(crate) fn failure(kind: ErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure { kind, message: message.into(), hint: hint.into() }
}
