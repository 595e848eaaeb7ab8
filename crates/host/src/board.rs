//! What is known of every session, and who wants to hear of changes.
//!
//! Watchers hold no queue: each remembers the version it has told its client of, and asks for what is newer. So a
//! slow watcher gets the latest of each session, and the steps between are skipped.

use session::id::SessionId;
use session::message::{RunState, Summary, ToClient};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Sessions of one look at the list. The smallest summary takes more bytes than a reply has for each.
const LISTED: usize = 256;

struct Entry {
    summary: Summary,
    version: u64,
}

#[derive(Default)]
struct Inner {
    sessions: BTreeMap<SessionId, Entry>,
    version: u64,
}

/// Every session's last summary.
pub(crate) struct Board {
    inner: Mutex<Inner>,
    version: watch::Sender<u64>,
}

impl Default for Board {
    fn default() -> Self {
        Self { inner: Mutex::default(), version: watch::Sender::new(0) }
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session is new or looks different. Says nothing where it looks the same.
    pub fn put(&self, mut summary: Summary) {
        summary.shorten();
        let mut inner = self.lock();
        if inner.sessions.get(&summary.id).is_some_and(|entry| entry.summary == summary) {
            return;
        }
        inner.version += 1;
        let version = inner.version;
        inner.sessions.insert(summary.id.clone(), Entry { summary, version });
        self.version.send_replace(version);
    }

    /// A session was forgotten.
    pub fn remove(&self, id: &SessionId) {
        let mut inner = self.lock();
        if inner.sessions.remove(id).is_some() {
            inner.version += 1;
            self.version.send_replace(inner.version);
        }
    }

    /// One session.
    pub fn summary(&self, id: &SessionId) -> Option<Summary> {
        self.lock().sessions.get(id).map(|entry| entry.summary.clone())
    }

    /// Those behind `after`, ordered by id: more than one reply holds, and no more than [`LISTED`].
    pub fn list(&self, after: Option<&SessionId>) -> Vec<Summary> {
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let inner = self.lock();
        let listed = inner.sessions.range::<SessionId, _>(behind).take(LISTED);
        listed.map(|(_, entry)| entry.summary.clone()).collect()
    }

    /// What `pick` takes of each that runs.
    pub fn running<T>(&self, pick: impl FnMut(&Summary) -> T) -> Vec<T> {
        let inner = self.lock();
        let all = inner.sessions.values().map(|entry| &entry.summary);
        all.filter(|summary| summary.run == RunState::Running).map(pick).collect()
    }

    /// What `pick` takes of each, ordered by id.
    pub fn all<T>(&self, pick: impl FnMut(&Summary) -> T) -> Vec<T> {
        self.lock().sessions.values().map(|entry| &entry.summary).map(pick).collect()
    }

    /// Hears of every change, without what changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// How many run, and how many do not.
    pub fn count(&self) -> (u32, u32) {
        let inner = self.lock();
        let live = inner.sessions.values().filter(|entry| entry.summary.run == RunState::Running).count();
        let whole = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (whole(live), whole(inner.sessions.len() - live))
    }

    /// Follows the board from here on.
    pub fn watch(&self) -> Watching {
        Watching { changed: self.version.subscribe(), told: 0, known: BTreeSet::new(), begun: false }
    }
}

/// One watcher's place.
pub(crate) struct Watching {
    changed: watch::Receiver<u64>,
    told: u64,
    known: BTreeSet<SessionId>,
    begun: bool,
}

impl Watching {
    /// Waits until there is something to tell. Pending for ever once the board is gone, which is when all ends.
    pub async fn changed(&mut self) {
        if self.changed.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What to tell now: at first everything, later what is newer.
    pub fn news(&mut self, board: &Board, host: &str) -> Vec<ToClient> {
        self.changed.borrow_and_update();
        let inner = board.lock();
        let mut news = Vec::new();
        if !self.begun {
            self.begun = true;
            let sessions = inner.sessions.keys().cloned().collect();
            news.push(ToClient::State { host: host.to_owned(), sessions });
        }
        let told = self.told;
        let newer = inner.sessions.values().filter(|entry| entry.version > told);
        news.extend(newer.map(|entry| ToClient::Changed { summary: Box::new(entry.summary.clone()) }));
        let gone = self.known.iter().filter(|id| !inner.sessions.contains_key(*id));
        news.extend(gone.map(|session| ToClient::Removed { session: session.clone() }));
        self.known = inner.sessions.keys().cloned().collect();
        self.told = inner.version;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session::message::{Cursor, Size};

    fn summary(n: u8, title: &str) -> Summary {
        Summary {
            id: SessionId::from_random([n; 10]),
            name: "one".into(),
            command: vec!["cat".into()],
            cwd: "/".into(),
            branch: None,
            run: RunState::Running,
            keeper_pid: Some(1),
            started_at: n.into(),
            ends_at: None,
            continues: None,
            imported: false,
            last_activity: 0,
            title: title.into(),
            size: Size { cols: 80, rows: 24 },
            head: Cursor::default(),
            attached: 0,
            preview: Vec::new(),
            approvals: Vec::new(),
            grants: Vec::new(),
            agent: None,
        }
    }

    fn titles(news: &[ToClient]) -> Vec<&str> {
        let title = |at: usize| match &news[at] {
            ToClient::Changed { summary } => Some(summary.title.as_str()),
            _ => None,
        };
        (0..news.len()).filter_map(title).collect()
    }

    #[test]
    fn a_slow_watcher_gets_the_latest_of_each_session_once() {
        let board = Board::default();
        board.put(summary(1, "a"));
        let mut watching = board.watch();
        let news = watching.news(&board, "here");
        assert!(matches!(&news[0], ToClient::State { sessions, .. } if sessions.len() == 1));
        assert_eq!(titles(&news), ["a"]);
        board.put(summary(1, "b"));
        board.put(summary(1, "c"));
        board.put(summary(2, "x"));
        assert_eq!(titles(&watching.news(&board, "here")), ["c", "x"]);
        assert!(watching.news(&board, "here").is_empty());
        board.put(summary(2, "x"));
        assert!(watching.news(&board, "here").is_empty(), "the same again is no news");
    }

    #[test]
    fn what_was_forgotten_is_told_to_those_who_knew_it() {
        let board = Board::default();
        board.put(summary(1, "a"));
        let mut knew = board.watch();
        knew.news(&board, "here");
        board.put(summary(2, "b"));
        board.remove(&summary(2, "").id);
        board.remove(&summary(1, "").id);
        let news = knew.news(&board, "here");
        assert_eq!(news, [ToClient::Removed { session: summary(1, "").id }]);
        assert_eq!(board.count(), (0, 0));
    }
}
