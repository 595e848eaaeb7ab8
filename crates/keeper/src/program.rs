//! The program on its terminal: reading what it writes, in batches and no faster than somebody can follow, and writing what
//! it is told.

use crate::session::Session;
use agent::{Pty, SpawnError, SpawnSpec, Stop};
use bytes::Bytes;
use session::codec::MAX_PAYLOAD;
use session::message::{Event, Size};
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd as _, OwnedFd};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::Signal;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

/// Most that is read before it is logged and sent, in bytes. One event.
const BATCH: usize = MAX_PAYLOAD;
/// A read that brings less has emptied the terminal, which holds four times as much; what comes then is told anew.
const SHORT: usize = 1024;
/// A client that keeps up is left at most this far behind, in bytes, as long as waiting for it is cheap. More makes a flood
/// faster and a Ctrl-C into it slower.
const NEAR: u64 = 32 * 1024;
/// The longest that reading waits for a client that keeps up; a client that does not is never waited for.
const PACE: Duration = Duration::from_millis(2);
/// A client whose last ack is older than this does not keep up.
pub(crate) const RECENT_ACK: Duration = Duration::from_millis(50);
/// A client whose acks take longer than this does not keep up.
pub(crate) const FAST_ACK: Duration = Duration::from_millis(5);
/// From a hang-up to the kill.
const GRACE: Duration = Duration::from_secs(5);
/// After the program ended, its output is complete when none came for so long (others may hold the terminal open) …
const QUIET: Duration = Duration::from_millis(100);
/// … and at the latest after so long.
const DRAIN: Duration = Duration::from_secs(2);
/// How long the beginning of a character waits for its rest.
const REST: Duration = Duration::from_millis(20);
/// How often a program that has closed its terminal is asked whether it ended.
const LOOK_FOR_END: Duration = Duration::from_secs(1);
/// How often a wait looks again: for the screen model, and for a terminal that every process has closed. Such a terminal
/// is ready for ever, also where there is nothing to read and no room to write.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The running program.
pub(crate) struct Program {
    pty: RefCell<Pty>,
    /// Watched for reading only: a terminal says with every key that it can be written to again.
    ready: AsyncFd<OwnedFd>,
    kill_at: Cell<Option<Instant>>,
    stopping: Notify,
    /// The beginning of a character, read and not given out: emulators decode a character best in one piece.
    held: RefCell<Vec<u8>>,
}

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    #[error("the terminal cannot be watched: {0}")]
    Watch(#[from] io::Error),
}

enum Read {
    Some(Bytes),
    Nothing,
    End,
}

impl Program {
    pub fn start(spec: &SpawnSpec) -> Result<Self, StartError> {
        let pty = Pty::spawn(spec)?;
        let ready = link::watch(pty.as_fd().try_clone_to_owned()?, Interest::READABLE)?;
        Ok(Self {
            pty: RefCell::new(pty),
            ready,
            kill_at: Cell::new(None),
            stopping: Notify::new(),
            held: RefCell::default(),
        })
    }

    /// Writes what the program takes now. 0 when it takes nothing, and also where it has closed its terminal: it may open
    /// that again, and whether it ends is told by its end alone.
    pub fn write(&self, bytes: &[u8]) -> usize {
        self.pty.borrow().write(bytes).unwrap_or_else(|error| {
            if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) {
                tracing::debug!(%error, "input waits");
            }
            0
        })
    }

    /// Waits until the program takes input again. A terminal that nobody has open takes it as well, and it is gone; so
    /// that is waited out, until the program opens it again or its end is told.
    async fn room(&self) -> io::Result<()> {
        loop {
            let ready = link::watch(self.ready.get_ref().try_clone()?, Interest::WRITABLE)?;
            let closed = ready.writable().await?.ready().is_write_closed();
            if !closed {
                return Ok(());
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Ctrl-C. Returns whether the program has it: one that reads keys raw, and has not for long, has no room for it.
    pub fn interrupt(&self) -> bool {
        let interrupted = self.pty.borrow().interrupt();
        if let Err(error) = &interrupted {
            tracing::debug!(%error, "an interrupt waits");
        }
        interrupted.is_ok()
    }

    /// Hangs up, and kills what is left after a grace.
    pub fn stop(&self) {
        if self.kill_at.get().is_none() {
            self.kill_at.set(Some(Instant::now() + GRACE));
            self.signal(Stop::Hangup);
            self.stopping.notify_one();
        }
    }

    pub fn resize(&self, size: Size) {
        if let Err(error) = self.pty.borrow().resize(size) {
            tracing::warn!(%error, "the terminal did not take its new size");
        }
    }

    fn signal(&self, stop: Stop) {
        if let Err(error) = self.pty.borrow().signal(stop) {
            tracing::warn!(%error, "the program could not be signalled");
        }
    }

    fn exit_status(&self) -> Option<i32> {
        match self.pty.borrow_mut().try_wait() {
            Ok(status) => status,
            Err(error) => {
                tracing::error!(%error, "the program's exit status is lost");
                Some(-1)
            }
        }
    }

    /// Reads until there is nothing or the batch is full. `drained` says that there is nothing.
    fn read(&self, batch: &mut [u8], drained: &mut bool) -> Read {
        let pty = self.pty.borrow();
        let mut held = self.held.borrow_mut();
        let mut filled = held.len();
        batch[..filled].copy_from_slice(&held);
        let before = filled;
        let mut end = false;
        while filled < batch.len() {
            match pty.read(&mut batch[filled..]) {
                Ok(0) => {
                    end = true;
                    break;
                }
                Ok(count) => {
                    filled += count;
                    if count < SHORT && filled < batch.len() {
                        *drained = true;
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    *drained = true;
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "the terminal cannot be read any more");
                    end = true;
                    break;
                }
            }
        }
        if filled == before && !end {
            return Read::Nothing;
        }
        let whole = if end { filled } else { filled - unfinished(&batch[..filled]) };
        held.clear();
        held.extend_from_slice(&batch[whole..filled]);
        match whole {
            0 if end => Read::End,
            0 => Read::Nothing,
            _ => Read::Some(Bytes::copy_from_slice(&batch[..whole])),
        }
    }

    fn holds(&self) -> bool {
        !self.held.borrow().is_empty()
    }

    /// The beginning of a character whose rest did not come.
    fn take_held(&self) -> Bytes {
        std::mem::take(&mut *self.held.borrow_mut()).into()
    }

    /// The next batch, and whether more is there already; `None` when every process has closed the terminal. Dropping the
    /// future loses nothing.
    async fn next(&self, batch: &mut [u8]) -> Option<(Bytes, bool)> {
        loop {
            let Ok(mut guard) = self.ready.readable().await else { return None };
            let mut drained = false;
            let read = self.read(batch, &mut drained);
            let closed = guard.ready().is_read_closed();
            if drained {
                guard.clear_ready();
            }
            match read {
                Read::Some(bytes) => return Some((bytes, !drained)),
                Read::Nothing if closed => sleep(LOOK_AGAIN).await,
                Read::Nothing => {}
                Read::End => return None,
            }
        }
    }
}

/// How many bytes at the end begin a UTF-8 character that is not whole; 0 where they cannot be one.
fn unfinished(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let needs = match bytes[bytes.len() - back] {
            0x80..=0xbf => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 0,
        };
        return if needs > back { back } else { 0 };
    }
    0
}

/// Follows the program to its end, and returns its exit status. `children` was listened to before it was started.
pub(crate) async fn drive(session: &Session, program: &Program, mut children: Signal) -> i32 {
    let mut batch = vec![0; BATCH];
    let mut open = true;
    let mut exit = program.exit_status();
    while exit.is_none() {
        let kill_at = program.kill_at.get();
        let behind = session.model.is_behind();
        tokio::select! {
            output = program.next(&mut batch), if open && !behind => {
                if let Some((output, more)) = output {
                    session.append(Event::Output, output);
                    follow(session, more).await;
                } else {
                    open = false;
                    exit = program.exit_status();
                }
            }
            () = room(session), if behind => {}
            () = sleep(REST), if program.holds() => session.append(Event::Output, program.take_held()),
            // Its terminal is closed: it is as good as over, whatever becomes of the signal that says so, unless it opens
            // its terminal again.
            () = sleep(LOOK_FOR_END), if !open => {
                exit = program.exit_status();
                open = true;
            }
            _ = children.recv() => exit = program.exit_status(),
            () = program.stopping.notified() => {}
            () = sleep_until(kill_at.unwrap_or_else(Instant::now)), if kill_at.is_some() => {
                program.signal(Stop::Kill);
                // Should the news of its end have been missed, it is not missed for good.
                exit = program.exit_status();
                program.kill_at.set(Some(Instant::now() + GRACE));
            }
        }
    }
    let deadline = Instant::now() + DRAIN;
    while open {
        while session.model.is_behind() && Instant::now() < deadline {
            let _ = timeout_at(deadline, room(session)).await;
        }
        match timeout_at(deadline.min(Instant::now() + QUIET), program.next(&mut batch)).await {
            Ok(Some((output, more))) => {
                session.append(Event::Output, output);
                follow(session, more).await;
            }
            Ok(None) | Err(_) => open = false,
        }
        open &= Instant::now() < deadline;
    }
    if program.holds() {
        session.append(Event::Output, program.take_held());
    }
    exit.unwrap_or(-1)
}

/// Lets clients have what was just read before more is, so that one that keeps up gets every byte, and a Ctrl-C finds
/// little ahead of it. With a terminal that was read empty they have it anyhow.
async fn follow(session: &Session, more: bool) {
    if more {
        tokio::task::yield_now().await;
    }
    let deadline = Instant::now() + PACE;
    while session.nearest(Instant::now().into_std()).is_some_and(|bytes| bytes > NEAR) {
        if timeout_at(deadline, session.acked.notified()).await.is_err() {
            break;
        }
    }
}

/// Waits for the screen model, which may be busy for long with little.
async fn room(session: &Session) {
    let _ = timeout(LOOK_AGAIN, session.model.room()).await;
}

/// Lets go of processes that outlived whoever started them inside the session and have ended: the keeper has adopted them.
pub(crate) async fn reap(session: Rc<Session>, mut children: Signal) {
    while children.recv().await.is_some() {
        match session.program() {
            Some(program) => program.pty.borrow_mut().reap(),
            None => agent::reap(|pid, exit| {
                if let Some(structured) = session.structured() {
                    structured.handle_exit(pid, exit);
                }
            }),
        }
    }
}

/// Writes input that the program did not take at once, for as long as it runs.
pub(crate) async fn write_input(session: Rc<Session>, program: Rc<Program>) {
    loop {
        session.input.notified().await;
        if let Err(error) = program.room().await {
            tracing::error!(%error, "the terminal cannot be watched for room");
            return;
        }
        session.pump();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_a_character_is_held_back() {
        let cases: [(&[u8], usize); 12] = [
            (b"", 0),
            (b"abc", 0),
            ("é".as_bytes(), 0),
            (b"a\xc3", 1),
            (b"a\xe2\x80", 2),
            (b"a\xf0\x9f\x98", 3),
            ("😀".as_bytes(), 0),
            (b"\x80\x80\x80", 0),
            (b"\xe2\x80\x94\x80", 0),
            (b"\xff", 0),
            (b"\xc0", 0),
            (b"\xf0", 1),
        ];
        for (bytes, expected) in cases {
            assert_eq!(unfinished(bytes), expected, "{bytes:x?}");
        }
    }
}
