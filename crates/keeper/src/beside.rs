//! What runs beside a program in its terminal and is shared with it: the agent's own server. It is started first, and ends
//! with the session; where the keeper is killed, by the end of its standard input.

use crate::session::Session;
use agent::adapter::{Input, MAX_LINE};
use agent::{SpawnSpec, family};
use bytes::Bytes;
use link::backoff::Backoff;
use link::texts::{self, TextReceiver, TextSender};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// A server that takes longer to come up is done without. The host waits a little longer for all of it.
const UP: Duration = Duration::from_secs(6);
/// How often it is tried meanwhile.
const LOOK: Duration = Duration::from_millis(50);
/// A link that held so long worked.
const HELD: Duration = Duration::from_secs(10);
/// A server of the session before this one is waited for so long. It is killed two seconds after it was told to end.
const GONE: Duration = Duration::from_secs(3);
/// Locked while the server of the session in whose folder it lies runs.
const LOCK: &str = "beside.lock";
/// Bytes for a server that does not read; one that lets more wait is let go of, and joined anew.
const MAX_SENT: usize = 64 * 1024 * 1024;

/// A link to it.
pub(crate) type Link = (TextSender, TextReceiver);

/// What the session tells it.
pub(crate) struct Beside {
    socket: PathBuf,
    /// It ends with this.
    stdin: RefCell<Option<ChildStdin>>,
    linked: Cell<bool>,
    sent: RefCell<VecDeque<Bytes>>,
    more: Notify,
    crowded: Notify,
}

impl Beside {
    /// Starts it and links to it, or says why that is not possible. `folder` is the session's, and `before` that of the
    /// session that it goes on from: the conversation is open to nobody else while the server of that one has it.
    pub async fn start(
        beside: &family::Beside,
        mut spec: SpawnSpec,
        folder: &Path,
        before: Option<&Path>,
    ) -> Result<(Rc<Self>, Link), String> {
        if let Some(before) = before {
            gone(&before.join(LOCK)).await;
        }
        spec.command.clone_from(&beside.command);
        let mut command = agent::piped(&spec).map_err(|error| error.to_string())?;
        let lock = lock(&folder.join(LOCK)).map_err(|error| error.to_string())?;
        let mut child =
            command.stdout(lock).stderr(Stdio::null()).spawn().map_err(|error| error.to_string())?;
        // Only the server holds the lock now.
        drop(command);
        // Where it is of no use, dropping this ends it.
        let stdin = child.stdin.take();
        let deadline = Instant::now() + UP;
        loop {
            match texts::connect(&beside.socket, MAX_LINE).await {
                Ok(link) => {
                    let beside = Self {
                        socket: beside.socket.clone(),
                        stdin: stdin.into(),
                        linked: Cell::new(false),
                        sent: RefCell::default(),
                        more: Notify::new(),
                        crowded: Notify::new(),
                    };
                    return Ok((Rc::new(beside), link));
                }
                Err(error) if Instant::now() >= deadline => return Err(error.to_string()),
                Err(_) => {}
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("it ended: {status}"));
            }
            sleep(LOOK).await;
        }
    }

    #[cfg(test)]
    pub fn unlinked() -> Rc<Self> {
        Rc::new(Self {
            socket: PathBuf::new(),
            stdin: RefCell::default(),
            linked: Cell::new(false),
            sent: RefCell::default(),
            more: Notify::new(),
            crowded: Notify::new(),
        })
    }

    /// Sends a line as a text; there is nobody to send it to where it is not linked.
    pub fn send(&self, line: &[u8]) {
        if !self.linked.get() {
            return;
        }
        let mut sent = self.sent.borrow_mut();
        sent.push_back(Bytes::copy_from_slice(line.trim_ascii_end()));
        if sent.iter().map(Bytes::len).sum::<usize>() > MAX_SENT {
            tracing::error!("the agent's server does not read what it is told");
            self.crowded.notify_one();
        }
        self.more.notify_one();
    }

    /// The session is over.
    pub fn end(&self) {
        *self.stdin.borrow_mut() = None;
        let _ = std::fs::remove_file(&self.socket);
    }

    async fn write(&self, mut sender: TextSender) -> link::Error {
        loop {
            let next = self.sent.borrow_mut().pop_front();
            match next {
                None => self.more.notified().await,
                Some(text) => {
                    if let Err(error) = sender.send(text).await {
                        return error;
                    }
                }
            }
        }
    }

    async fn talk(&self, session: &Session, (sender, mut receiver): Link) {
        self.linked.set(true);
        session.set_shared(true);
        session.hear(Input::Started);
        let hear = async {
            while let Some(text) = receiver.recv().await? {
                session.hear(Input::Line(&text));
            }
            Ok::<_, link::Error>(())
        };
        tokio::select! {
            heard = hear => tracing::info!(?heard, "the agent's server is gone"),
            error = self.write(sender) => tracing::info!(%error, "the agent's server takes nothing more"),
            () = self.crowded.notified() => {}
        }
        self.linked.set(false);
        self.sent.borrow_mut().clear();
        session.set_shared(false);
        session.hear(Input::Cut);
    }
}

fn lock(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.try_lock()?;
    Ok(file)
}

/// Waits until nobody holds it.
async fn gone(lock: &Path) {
    let Ok(file) = File::open(lock) else { return };
    let deadline = Instant::now() + GONE;
    while matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        if Instant::now() >= deadline {
            tracing::warn!("the server of the session before does not end");
            return;
        }
        sleep(LOOK).await;
    }
}

/// Keeps the link to it.
pub(crate) async fn drive(session: Rc<Session>, beside: Rc<Beside>, first: Link) {
    let (mut next, mut backoff) = (Some(first), Backoff::new());
    loop {
        let link = match next.take() {
            Some(link) => Ok(link),
            None => texts::connect(&beside.socket, MAX_LINE).await,
        };
        match link {
            Ok(link) => {
                let since = Instant::now();
                beside.talk(&session, link).await;
                if since.elapsed() >= HELD { backoff.worked() } else { backoff.worked_briefly() }
            }
            Err(error) => tracing::debug!(%error, "the agent's server cannot be joined"),
        }
        // Nobody else waits for it: no need to be spread out.
        sleep(backoff.failed(u16::MAX)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_server_of_the_session_before_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK);
        // There was none.
        gone(&path).await;
        let held = lock(&path).unwrap();
        assert!(lock(&path).is_err(), "one server at a time");
        let since = Instant::now();
        let ends = async {
            sleep(GONE / 2).await;
            drop(held);
        };
        tokio::join!(gone(&path), ends);
        assert!((GONE / 2..GONE).contains(&since.elapsed()), "{:?}", since.elapsed());
        // One that does not end is not waited for without end.
        let _held = lock(&path).unwrap();
        let since = Instant::now();
        gone(&path).await;
        assert!(since.elapsed() < 2 * GONE, "{:?}", since.elapsed());
    }
}
