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
use std::path::PathBuf;
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
    /// Starts it and links to it, or says why that is not possible.
    pub async fn start(beside: &family::Beside, mut spec: SpawnSpec) -> Result<(Rc<Self>, Link), String> {
        spec.command.clone_from(&beside.command);
        let mut command = agent::piped(&spec).map_err(|error| error.to_string())?;
        let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = started.map_err(|error| error.to_string())?;
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
