//! The screen model on its own thread, off the path from the program to the clients.
//!
//! It is fed through a queue. What the queue holds is bounded: the keeper stops reading the program while more than
//! [`MAX_BEHIND`] bytes wait, so that no snapshot is ever further away than that.
//!
//! The thread is not woken for every keystroke's echo: only for what may ask the terminal something or set the title,
//! when [`LAZY`] bytes wait, and when somebody asks for what it knows.

use crate::journal::{self, Record};
use agent::adapter::Said;
use agent::{Cursor, Screen};
use bytes::Bytes;
use session::message::{Event, Size};
use session::replay::Mark;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use store::LogReader;
use tokio::sync::{Notify, oneshot};

/// Bytes that may wait for the model.
pub(crate) const MAX_BEHIND: u64 = 8 * 1024 * 1024;
/// Bytes without an escape sequence that may wait until somebody asks.
const LAZY: u64 = 64 * 1024;
/// Lines above the screen that are kept.
const SCROLLBACK: usize = 10_000;
/// Lines and columns of a preview.
const PREVIEW: (usize, usize) = (6, 120);
/// Characters of a title.
const MAX_TITLE: usize = 256;
/// Bytes of answers to the program that may wait to be written.
const MAX_REPLIES: usize = 64 * 1024;
/// Things that the program said of itself that wait to be heard.
const MAX_SAID: usize = 256;
/// Bytes read from the log at once.
const CHUNK: u64 = 1024 * 1024;

/// The terminal as of `mark`.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub mark: Mark,
    pub size: Size,
    pub bytes: Bytes,
}

enum Ask {
    Snapshot(Option<u32>, oneshot::Sender<Snapshot>),
    Preview(oneshot::Sender<Vec<String>>),
    Look(oneshot::Sender<(Cursor, Vec<String>)>),
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct State {
    queue: VecDeque<Record>,
    behind: u64,
    asks: Vec<Ask>,
    title: Option<String>,
    said: Vec<Said>,
    replies: Vec<u8>,
    /// What waits must be taken in now.
    urgent: bool,
    /// What was taken in ends in the midst of a sequence, so that whatever follows may be a question.
    unfinished: bool,
    closed: bool,
    /// The program knows what is pasted from what is typed.
    pastes: bool,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    news: Notify,
    room: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keeper's end. Dropping it ends the thread.
pub(crate) struct Model {
    shared: Arc<Shared>,
}

/// What the model begins with.
pub(crate) struct Origin {
    /// The size before the first event.
    pub size: Size,
    /// The log to catch up from, for a session that is not fresh.
    pub log: Option<LogReader>,
}

impl Model {
    pub fn start(origin: Origin) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            news: Notify::new(),
            room: Notify::new(),
        });
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("screen".to_owned()).spawn(move || run(&theirs, origin))?;
        Ok(Self { shared })
    }

    /// An event for the model. Only what changes a terminal reaches it.
    pub fn feed(&self, record: &Record) {
        if !matters(&record.event) {
            return;
        }
        let mut state = self.shared.lock();
        state.behind += record.payload.len() as u64;
        state.queue.push_back(record.clone());
        if !state.urgent && (state.unfinished || state.behind > LAZY || is_telling(&record.payload)) {
            state.urgent = true;
            self.shared.work.notify_one();
        }
    }

    /// Nothing up to here changes the screen that was not fed: a snapshot stands for it as well.
    pub fn pass(&self, mark: Mark) {
        let mut state = self.shared.lock();
        match state.queue.back_mut() {
            Some(last) if last.mark.seq >= mark.seq => {}
            Some(last) if last.payload.is_empty() && last.event == Event::Output => last.mark = mark,
            _ => state.queue.push_back(Record { mark, at: 0, event: Event::Output, payload: Bytes::new() }),
        }
    }

    /// More waits than may.
    pub fn is_behind(&self) -> bool {
        self.shared.lock().behind > MAX_BEHIND
    }

    /// Resolves when less waits than did.
    pub async fn room(&self) {
        self.shared.room.notified().await;
    }

    /// The terminal after everything that was fed so far, with so many lines above the screen or all of them.
    pub fn snapshot(&self, scrollback: Option<u32>) -> oneshot::Receiver<Snapshot> {
        let (answer, wait) = oneshot::channel();
        self.ask(Ask::Snapshot(scrollback, answer));
        wait
    }

    /// The last lines of the screen.
    pub fn preview(&self) -> oneshot::Receiver<Vec<String>> {
        let (answer, wait) = oneshot::channel();
        self.ask(Ask::Preview(answer));
        wait
    }

    /// Where the cursor is.
    pub fn look(&self) -> oneshot::Receiver<(Cursor, Vec<String>)> {
        let (answer, wait) = oneshot::channel();
        self.ask(Ask::Look(answer));
        wait
    }

    /// Resolves when there may be a new title or replies.
    pub async fn news(&self) {
        self.shared.news.notified().await;
    }

    /// The title, if it changed since this was last asked.
    pub fn take_title(&self) -> Option<String> {
        self.shared.lock().title.take()
    }

    /// What the program said of itself.
    pub fn take_said(&self) -> Vec<Said> {
        std::mem::take(&mut self.shared.lock().said)
    }

    /// Whether the program asked for bracketed paste, as far as the model has come.
    pub fn pastes(&self) -> bool {
        self.shared.lock().pastes
    }

    /// What the emulator owes the program.
    pub fn take_replies(&self) -> Vec<u8> {
        std::mem::take(&mut self.shared.lock().replies)
    }

    fn ask(&self, ask: Ask) {
        self.shared.lock().asks.push(ask);
        self.shared.work.notify_one();
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_one();
    }
}

/// Whether output may make the terminal answer or change its title, or be something for a person: escape sequences,
/// in either form, ENQ and BEL do.
fn is_telling(output: &[u8]) -> bool {
    output.iter().any(|byte| matches!(byte, 0x05 | 0x07 | 0x1b | 0xc2))
}

fn matters(event: &Event) -> bool {
    matches!(event, Event::Output | Event::Resize { .. })
}

struct Thread {
    screen: Screen,
    mark: Mark,
    title: String,
    /// The snapshot as of `mark`, once one was asked for, and how: several clients may come one after the other.
    last: Option<(Option<u32>, Snapshot)>,
}

impl Thread {
    fn take(&mut self, record: &Record) {
        self.last = None;
        match &record.event {
            Event::Output => self.screen.feed(&record.payload),
            Event::Resize { size } => self.screen.resize(size.cols, size.rows),
            _ => {}
        }
        self.mark = record.mark;
    }

    fn snapshot(&mut self, scrollback: Option<u32>) -> Snapshot {
        if let Some((how, last)) = &self.last
            && *how == scrollback
        {
            return last.clone();
        }
        let size = Size { cols: self.screen.cols(), rows: self.screen.rows() };
        let bytes = self.screen.snapshot_with(scrollback.map_or(usize::MAX, |lines| lines as usize)).into();
        let snapshot = Snapshot { mark: self.mark, size, bytes };
        self.last = Some((scrollback, snapshot.clone()));
        snapshot
    }
}

/// Gives way to the thread that echoes: what this one does is not waited for.
fn give_way() {
    // On Linux a nice value is the thread's own; elsewhere it would be the whole process's.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, 5) {
        tracing::debug!(%error, "the screen model runs at the usual priority");
    }
}

fn run(shared: &Shared, origin: Origin) {
    give_way();
    let Size { cols, rows } = origin.size;
    let mut thread = Thread {
        screen: Screen::new(cols, rows, SCROLLBACK),
        mark: Mark::default(),
        title: String::new(),
        last: None,
    };
    if let Some(log) = origin.log
        && let Err(error) = catch_up(&mut thread, &log)
    {
        tracing::error!(%error, "the log cannot be read to rebuild the screen");
    }
    // What was owed while it was rebuilt was answered in its time.
    let _ = (thread.screen.replies(), thread.screen.said());
    loop {
        let (queue, asks) = {
            let mut state = shared.lock();
            state.unfinished = thread.screen.is_unfinished();
            state.urgent |= state.unfinished && !state.queue.is_empty();
            while !state.urgent && state.asks.is_empty() && !state.closed {
                state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.closed {
                return;
            }
            state.urgent = false;
            (std::mem::take(&mut state.queue), std::mem::take(&mut state.asks))
        };
        for record in queue {
            thread.take(&record);
            let (replies, said) = (thread.screen.replies(), thread.screen.said());
            let mut state = shared.lock();
            state.behind = state.behind.saturating_sub(record.payload.len() as u64);
            state.pastes = thread.screen.pastes();
            let mut news = !said.is_empty();
            let room = MAX_SAID.saturating_sub(state.said.len());
            state.said.extend(said.into_iter().take(room));
            if !replies.is_empty() && state.replies.len() + replies.len() <= MAX_REPLIES {
                state.replies.extend_from_slice(&replies);
                news = true;
            }
            let is_new = |title: &&str| !title.chars().take(MAX_TITLE).eq(thread.title.chars());
            if let Some(title) = thread.screen.title().filter(is_new) {
                thread.title = title.chars().take(MAX_TITLE).collect();
                state.title = Some(thread.title.clone());
                news = true;
            }
            drop(state);
            if news {
                shared.news.notify_one();
            }
        }
        shared.room.notify_one();
        for ask in asks {
            // Who asked may be gone; then nobody misses the answer.
            match ask {
                Ask::Snapshot(scrollback, answer) => drop(answer.send(thread.snapshot(scrollback))),
                Ask::Preview(answer) => drop(answer.send(thread.screen.preview(PREVIEW.0, PREVIEW.1))),
                Ask::Look(answer) => drop(answer.send((thread.screen.cursor(), thread.screen.lines()))),
            }
        }
    }
}

fn catch_up(thread: &mut Thread, log: &LogReader) -> Result<(), store::Error> {
    if let Some(base) = log.base()? {
        thread.screen.resize(base.cols, base.rows);
        thread.screen.feed(&base.bytes);
        thread.mark = Mark { seq: base.seq, bytes: base.upto };
    }
    let mut after = thread.mark.seq;
    loop {
        let entries = log.read_after(after, CHUNK)?;
        if entries.is_empty() {
            return Ok(());
        }
        for record in entries.into_iter().map(journal::record) {
            after = record.mark.seq;
            // What ends a session is passed over, so that it follows the snapshot instead of being under it.
            if !matches!(record.event, Event::Exit { .. }) {
                thread.take(&record);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_title_that_is_cut_is_not_new_with_whatever_follows() {
        let origin = Origin { size: Size { cols: 80, rows: 24 }, log: None };
        let model = Model::start(origin).unwrap();
        let feed = async |seq, text: String| {
            let mark = Mark { seq, bytes: 0 };
            model.feed(&Record { mark, at: 0, event: Event::Output, payload: text.into() });
            model.snapshot(None).await.unwrap();
        };
        let title = |last: char| format!("{}{last}", "t".repeat(MAX_TITLE));
        feed(1, format!("\x1b]2;{}\x07", title('a'))).await;
        assert_eq!(model.take_title(), Some("t".repeat(MAX_TITLE)));
        feed(2, "\x1b[1mmore".to_owned()).await;
        assert_eq!(model.take_title(), None);
        feed(3, format!("\x1b]2;{}\x07", title('b'))).await;
        assert_eq!(model.take_title(), None, "it looks the same");
        feed(4, "\x1b]2;another\x07".to_owned()).await;
        assert_eq!(model.take_title().as_deref(), Some("another"));
    }
}
