//! A thread for what waits for the disk: moving the log into its database, and storing the summary.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use store::LogReader;

/// What is to be done; asked for twice before it was begun, it is done once, and of two summaries the newer is stored.
#[derive(Default)]
struct Due {
    checkpoint: bool,
    summary: Option<Vec<u8>>,
    /// Something is being done.
    busy: bool,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    due: Mutex<Due>,
    change: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, due: MutexGuard<'a, Due>) -> MutexGuard<'a, Due> {
        self.change.wait(due).unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keeper's end. Dropping it ends the thread.
pub(crate) struct Disk {
    shared: Arc<Shared>,
}

impl Disk {
    /// The summary is stored at `path`.
    pub fn start(log: LogReader, path: PathBuf) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name("log".to_owned()).spawn(move || run(&theirs, &log, &path))?;
        Ok(Self { shared })
    }

    /// The log is moved into its database soon.
    pub fn checkpoint(&self) {
        self.shared.lock().checkpoint = true;
        self.shared.change.notify_all();
    }

    /// The summary, as JSON, is stored soon.
    pub fn store_summary(&self, json: Vec<u8>) {
        self.shared.lock().summary = Some(json);
        self.shared.change.notify_all();
    }

    /// Waits until all that was asked for is done. For a keeper that begins or ends, when nobody waits for it.
    pub fn wait(&self) {
        let mut due = self.shared.lock();
        while due.busy || due.checkpoint || due.summary.is_some() {
            due = self.shared.wait(due);
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.change.notify_all();
    }
}

fn run(shared: &Shared, log: &LogReader, path: &std::path::Path) {
    loop {
        let mut due = shared.lock();
        due.busy = false;
        shared.change.notify_all();
        while !due.checkpoint && due.summary.is_none() {
            if due.closed {
                return;
            }
            due = shared.wait(due);
        }
        due.busy = true;
        let (checkpoint, summary) = (std::mem::take(&mut due.checkpoint), due.summary.take());
        drop(due);
        if let Some(Err(error)) = summary.map(|json| store::write_private(path, &json)) {
            tracing::warn!(%error, "the session's summary could not be stored");
        }
        if checkpoint && let Err(error) = log.checkpoint() {
            tracing::debug!(%error, "the log was not moved");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::SessionLog;

    #[test]
    fn the_newest_summary_is_stored_and_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let log = SessionLog::open(&folder.path().join("log.db"), "boot").unwrap();
        let path = folder.path().join("meta.json");
        let disk = Disk::start(log.reader().unwrap(), path.clone()).unwrap();
        disk.checkpoint();
        for n in 0..20 {
            disk.store_summary(vec![n]);
        }
        disk.wait();
        assert_eq!(std::fs::read(path).unwrap(), [19]);
    }
}
