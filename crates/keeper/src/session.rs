//! One session: its journal, who follows it, whose commands wait, and who sets its size. Everything happens on one thread;
//! nothing here waits.

use crate::chat::Saying;
use crate::clock;
use crate::commands::Input;
use crate::disk::Disk;
use crate::follower::Client;
use crate::journal::Journal;
use crate::judge::Beside;
use crate::program::Program;
use crate::screen::{Model, Snapshot};
use crate::served;
use crate::side::{Asked, Side};
use crate::uploads::Uploads;
use bytes::Bytes;
use session::approval::Approvals;
use session::ending::Ending;
use session::id::{SessionId, StreamId};
use session::inbox::{self, Inbox};
use session::message::{
    AgentState, Approval, Cursor, EndedBy, ErrorKind, Event, Failure, RunState, Size, Summary,
};
use session::replay::{Mark, Replay};
use session::sizing::Sizing;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;
use store::{Base, StreamRow};
use tokio::sync::Notify;

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
    pub imported: bool,
    pub keeper_pid: Option<u32>,
}

/// What a session is made of.
pub(crate) struct Parts {
    pub journal: Journal,
    pub model: Model,
    pub disk: Disk,
    pub streams: Vec<StreamRow>,
    /// See [`crate::Spec::patience_ms`]; of no meaning where no program runs.
    pub patience_ms: u64,
    /// See [`crate::Spec::expires_in`].
    pub expires_in: Option<u32>,
    /// The folder for files that are uploaded.
    pub uploads: PathBuf,
    /// The last event of the chat; 0 where there is none.
    pub chat: u64,
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
    /// Milliseconds that one may wait for the program.
    pub patience_ms: u64,
    pub inputs_bytes: usize,
    /// Bytes of the terminal's own answers among the inputs; not counted with those of clients.
    pub replies_bytes: usize,
    pub run: RunState,
    /// When it ends by itself.
    pub ending: Ending,
    pub approvals: Approvals,
    /// When programs asked lately.
    pub asks: VecDeque<tokio::time::Instant>,
    /// Seconds that the agent's wait.
    pub expires_in: Option<u32>,
    /// Of these, the ones that the agent's adapter asked.
    pub asked: Asked,
    /// The agent as lists show it.
    pub agent: Option<AgentState>,
    /// The agent's own name for its conversation.
    pub conversation: Option<String>,
    /// It has no terminal.
    pub structured: bool,
    /// Whether its agent is spoken to beside its terminal.
    pub beside: Beside,
    /// Who is meant to be, where it can be.
    pub meant: Beside,
    /// It is an agent that asks through hooks, whatever is shown in its terminal.
    pub gated: bool,
    /// When the adapter is to be told what is in the terminal.
    pub look_at: Option<tokio::time::Instant>,
    /// What it is to be asked there.
    pub to_ask: served::Asked,
    /// When somebody typed last.
    pub typed_at: Option<Instant>,
    /// Notices of programs in it.
    pub notices: u32,
    /// Prompts that wait for it.
    pub queued: usize,
    /// What it is saying just now.
    pub sayings: Vec<Saying>,
    /// The last event of the chat.
    pub chat: u64,
    /// Things of the chat that were left out while the log did not take them.
    pub left_out: u64,
    pub uploads: Uploads,
    /// Who told the program to end.
    pub ended_by: EndedBy,
    pub last_activity: u64,
    pub title: String,
    pub preview: Vec<String>,
    /// Approvals that an ended session had.
    pub remembered: Vec<Approval>,
    /// The end was shown together with the last preview. Watchers look no further once they heard of the end, so that
    /// they must not hear of it before.
    pub end_shown: bool,
}

/// The session. Its methods are called from the keeper's one thread.
pub(crate) struct Session {
    pub inner: RefCell<Inner>,
    pub model: Model,
    program: RefCell<Option<Rc<Program>>>,
    pub(crate) side: RefCell<Option<Side>>,
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
    /// An approval waits, or one is over.
    pub asked: Notify,
    /// What the adapter asked is over.
    pub decided: Notify,
    /// The adapter names another file.
    pub tailed: Notify,
    /// The adapter wants to know what is in the terminal.
    pub looks: Notify,
    /// There is something to be asked of the program's server.
    pub to_ask: Notify,
    pub disk: Disk,
}

impl Session {
    pub fn new(about: About, parts: Parts, size: Size, run: RunState) -> Self {
        let Parts { journal, model, disk, streams, patience_ms, expires_in, uploads, chat } = parts;
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
            patience_ms,
            end_shown: run != RunState::Running,
            inputs_bytes: 0,
            replies_bytes: 0,
            run,
            ending: Ending::default(),
            approvals: Approvals::default(),
            asks: VecDeque::new(),
            expires_in,
            asked: Asked::default(),
            agent: None,
            conversation: None,
            structured: false,
            beside: Beside::Nobody,
            meant: Beside::Nobody,
            gated: false,
            look_at: None,
            to_ask: served::Asked::default(),
            notices: 0,
            typed_at: None,
            queued: 0,
            sayings: Vec::new(),
            chat,
            left_out: 0,
            uploads: Uploads::new(uploads),
            ended_by: EndedBy::Itself,
            title: String::new(),
            preview: Vec::new(),
            remembered: Vec::new(),
        };
        Self {
            inner: RefCell::new(inner),
            model,
            program: RefCell::new(None),
            side: RefCell::new(None),
            acked: Notify::new(),
            input: Notify::new(),
            dirty: Notify::new(),
            turnover: Notify::new(),
            over: Notify::new(),
            hurry: Notify::new(),
            wants_base: Notify::new(),
            paused: Notify::new(),
            retimed: Notify::new(),
            asked: Notify::new(),
            decided: Notify::new(),
            tailed: Notify::new(),
            looks: Notify::new(),
            to_ask: Notify::new(),
            disk,
        }
    }

    pub fn set_program(&self, program: Rc<Program>) {
        *self.program.borrow_mut() = Some(program);
    }

    pub fn program(&self) -> Option<Rc<Program>> {
        self.program.borrow().clone()
    }

    /// What is remembered of an ended session.
    pub fn set_remembered(&self, remembered: Summary, last_activity: u64) {
        let mut inner = self.inner.borrow_mut();
        inner.title = remembered.title;
        inner.preview = remembered.preview;
        inner.remembered = remembered.approvals;
        inner.conversation = remembered.agent.as_ref().and_then(|agent| agent.conversation.clone());
        inner.agent = remembered.agent;
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
        drop(inner);
        self.mind_the_log();
        self.wake_followers();
        self.dirty.notify_one();
    }

    /// The log has grown.
    pub(crate) fn mind_the_log(&self) {
        let mut inner = self.inner.borrow_mut();
        if inner.journal.poll_checkpoint() {
            self.disk.checkpoint();
        }
        if inner.journal.wants_base() {
            self.wants_base.notify_one();
        }
    }

    /// There is something new in the log.
    pub(crate) fn wake_followers(&self) {
        for client in self.inner.borrow().clients.values().filter(|client| client.replay.is_some()) {
            client.wake.notify_one();
        }
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
                self.tell_left_out();
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

    /// Clients that follow the session now.
    pub fn attached(&self) -> usize {
        self.inner.borrow().attached()
    }

    pub fn has_ended(&self) -> bool {
        self.inner.borrow().run != RunState::Running
    }

    /// The program ended: the last event, and what still waited is refused.
    pub fn end(&self, exit: i32) {
        *self.program.borrow_mut() = None;
        self.withdraw_all();
        self.end_side(exit);
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

    /// Closes the log in good order, but not one that lacks what was shown. What is still sent to clients comes from
    /// memory.
    pub fn close(&self) -> Result<(), store::Error> {
        self.disk.wait();
        let mut inner = self.inner.borrow_mut();
        if inner.journal.is_paused() {
            tracing::warn!("the log does not take events to the last; the end of the session is not in it");
            return Ok(());
        }
        inner.journal.close()
    }
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

    fn agent(&self) -> Option<AgentState> {
        let known = self.agent.is_some() || self.structured || self.chat > 0;
        known.then(|| AgentState {
            structured: self.structured || self.agent.as_ref().is_some_and(|agent| agent.structured),
            queued: u32::try_from(self.queued).unwrap_or(u32::MAX),
            conversation: self.conversation.clone(),
            chat: self.chat,
            ..self.agent.clone().unwrap_or_default()
        })
    }

    pub fn summary(&self) -> Summary {
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
            imported: about.imported,
            last_activity: self.last_activity,
            title: self.title.clone(),
            size: self.sizing.current(),
            head: Cursor { epoch: view.epoch, seq: view.head.seq },
            attached: u32::try_from(self.attached()).unwrap_or(u32::MAX),
            preview: self.preview.clone(),
            approvals: if self.remembered.is_empty() {
                self.approvals.list()
            } else {
                self.remembered.clone()
            },
            grants: if self.run == RunState::Running { self.approvals.grants() } else { Vec::new() },
            agent: self.agent(),
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
