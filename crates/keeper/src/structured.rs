//! A program without a terminal: its lines go to the adapter, and what it says beside them, as warnings, is the session's
//! output.

use crate::lines::{Line, Lines};
use crate::session::Session;
use agent::adapter::{Input, MAX_LINE};
use agent::{SpawnError, SpawnSpec};
use bytes::{Buf as _, BytesMut};
use rustix::process::{Pid, Signal, kill_process_group};
use session::message::Event;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

/// From being told to end to the kill.
const GRACE: Duration = Duration::from_secs(5);
/// After it ended, what it said is complete after so long at the latest: others may hold its streams open.
const DRAIN: Duration = Duration::from_secs(2);
/// How often a wait for the screen model looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Bytes read at once.
const BATCH: usize = 64 * 1024;
/// Bytes for an agent that does not read; one that lets more wait is broken, and is ended.
const MAX_SENT: usize = 64 * 1024 * 1024;

/// What the session tells it.
#[derive(Default)]
pub(crate) struct Structured {
    sent: RefCell<BytesMut>,
    more: Notify,
    pid: Cell<Option<Pid>>,
    exit: Cell<Option<i32>>,
    ended: Notify,
    kill_at: Cell<Option<Instant>>,
    stopping: Notify,
}

/// Its streams.
pub(crate) struct Streams {
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

impl Structured {
    pub fn start(spec: &SpawnSpec) -> Result<(Rc<Self>, Streams), SpawnError> {
        let start = |why: String| SpawnError::Start { program: spec.command[0].clone(), why };
        let mut child = agent::piped(spec)?.spawn().map_err(|error| start(error.to_string()))?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(start("it has no standard streams".to_owned()));
        };
        let watch = |error: std::io::Error| start(error.to_string());
        let streams = Streams {
            stdin: ChildStdin::from_std(stdin).map_err(watch)?,
            stdout: ChildStdout::from_std(stdout).map_err(watch)?,
            stderr: ChildStderr::from_std(stderr).map_err(watch)?,
        };
        let structured = Self { pid: Cell::new(pid), ..Self::default() };
        Ok((Rc::new(structured), streams))
    }

    /// A child of this process has ended.
    pub fn handle_exit(&self, pid: Pid, exit: i32) {
        if self.pid.get() == Some(pid) {
            self.exit.set(Some(exit));
            self.ended.notify_one();
        }
    }

    async fn exit(&self) -> i32 {
        loop {
            if let Some(exit) = self.exit.get() {
                return exit;
            }
            self.ended.notified().await;
        }
    }

    /// Writes to its standard input, when it reads.
    pub fn send(&self, bytes: &[u8]) {
        let mut sent = self.sent.borrow_mut();
        if sent.len() + bytes.len() > MAX_SENT {
            tracing::error!("the agent does not read what it is told");
            drop(sent);
            return self.stop();
        }
        sent.extend_from_slice(bytes);
        self.more.notify_one();
    }

    /// Tells it to end, and kills what is left after a grace.
    pub fn stop(&self) {
        if self.kill_at.get().is_none() {
            self.kill_at.set(Some(Instant::now() + GRACE));
            self.signal(Signal::TERM);
            self.stopping.notify_one();
        }
    }

    fn signal(&self, signal: Signal) {
        let Some(pid) = self.pid.get() else { return };
        match kill_process_group(pid, signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => tracing::warn!(%error, "the program could not be signalled"),
        }
    }
}

async fn write(structured: &Structured, mut stdin: ChildStdin) {
    loop {
        let mut bytes = structured.sent.borrow_mut().split().freeze();
        if bytes.is_empty() {
            structured.more.notified().await;
            continue;
        }
        while bytes.has_remaining() {
            if let Err(error) = stdin.write_buf(&mut bytes).await {
                tracing::info!(%error, "the agent takes nothing more");
                return;
            }
        }
    }
}

async fn hear(session: &Session, mut stdout: ChildStdout) {
    let mut lines = Lines::new(MAX_LINE);
    let mut batch = vec![0; BATCH];
    let say = |line: Line| match line {
        Line::Whole(line) => session.hear(Input::Line(&line)),
        Line::Overlong(bytes) => session.hear(Input::Overlong(bytes)),
    };
    while let Ok(count @ 1..) = stdout.read(&mut batch).await {
        lines.feed(&batch[..count], say);
    }
    lines.finish().into_iter().for_each(say);
}

/// Into the session's output, as on a terminal.
async fn show(session: &Session, mut stderr: ChildStderr) {
    let mut batch = vec![0; BATCH / 4];
    let mut after_return = false;
    while let Ok(count @ 1..) = stderr.read(&mut batch).await {
        let mut shown = BytesMut::with_capacity(count + 64);
        for byte in &batch[..count] {
            if *byte == b'\n' && !after_return {
                shown.extend_from_slice(b"\r");
            }
            after_return = *byte == b'\r';
            shown.extend_from_slice(&[*byte]);
        }
        session.append(Event::Output, shown.freeze());
        while session.model.is_behind() {
            let _ = timeout_at(Instant::now() + LOOK_AGAIN, session.model.room()).await;
        }
    }
}

/// Follows it to its end, and returns its exit status.
pub(crate) async fn drive(session: &Session, structured: &Structured, streams: Streams) -> i32 {
    let Streams { stdin, stdout, stderr } = streams;
    session.hear(Input::Started);
    let mut write = std::pin::pin!(write(structured, stdin));
    let mut said = std::pin::pin!(async { tokio::join!(hear(session, stdout), show(session, stderr)) });
    let (mut open, mut writing) = (true, true);
    let exit = loop {
        let kill_at = structured.kill_at.get();
        tokio::select! {
            exit = structured.exit() => break exit,
            _ = &mut said, if open => open = false,
            () = &mut write, if writing => writing = false,
            () = structured.stopping.notified() => {}
            () = sleep_until(kill_at.unwrap_or_else(Instant::now)), if kill_at.is_some() => {
                structured.signal(Signal::KILL);
                structured.kill_at.set(Some(Instant::now() + GRACE));
            }
        }
    };
    // What it had started goes with it.
    structured.signal(Signal::HUP);
    if open && timeout_at(Instant::now() + DRAIN, said).await.is_err() {
        tracing::info!("something holds the agent's output open");
    }
    structured.pid.set(None);
    exit
}
