//! One WebSocket: reads frames into the hub and writes what the hub has for it, in one task, without waiting for one
//! while the other could go on. A reader that is slow never keeps its own keystrokes from being read.

use crate::hub::Taken;
use crate::seats::Seat;
use crate::shared::Owned;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use futures_util::{Sink, Stream};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;
use wire::{Beat, ClientFrame, CloseCode, HostFrame, Liveness};

/// Bytes handed to the socket for one write; with one frame more they stay below [`WRITE_BUFFER`].
const BATCH: usize = 64 * 1024;
/// The WebSocket starts to write by itself above this, which a batch therefore never reaches.
pub(crate) const WRITE_BUFFER: usize = 256 * 1024;
/// Frames read before the other work of the task gets its turn.
const READS_PER_TURN: usize = 64;
/// How long the other side has to answer a close.
const LINGER: Duration = Duration::from_secs(2);

/// Which frames the other end of this socket speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Host,
    Client,
}

/// The bounds of one socket.
#[derive(Clone, Copy)]
pub(crate) struct Deadlines {
    pub(crate) write: Duration,
    pub(crate) heartbeat: Duration,
}

struct Driver {
    socket: WebSocket,
    owned: Owned,
    peer: Peer,
    deadlines: Deadlines,
    liveness: Liveness,
    timer: Pin<Box<Sleep>>,
    batch: Vec<Bytes>,
    /// Something was handed to the socket and may not have left it, since then.
    writing: Option<Instant>,
    /// Where nothing follows what was handed out: the close that is still owed, or until when it may be answered.
    ending: Option<Ending>,
}

#[derive(Clone, Copy)]
enum Ending {
    Owed(CloseCode),
    Sent(Instant),
}

/// Drives a link until its socket is gone.
pub(crate) async fn drive(
    socket: WebSocket,
    owned: Owned,
    peer: Peer,
    deadlines: Deadlines,
    seat: Arc<Seat>,
) {
    let now = Instant::now();
    let mut liveness = Liveness::new(now, random_byte());
    liveness.set_interval(deadlines.heartbeat, now, random_byte());
    let timer = Box::pin(tokio::time::sleep_until(liveness.poll_timeout().into()));
    let batch = Vec::new();
    let mut driver =
        Driver { socket, owned, peer, deadlines, liveness, timer, batch, writing: None, ending: None };
    let settled = poll_fn(|cx| match driver.poll(cx) {
        Poll::Pending if driver.owned.is_silent() => Poll::Pending,
        Poll::Pending => Poll::Ready(false),
        Poll::Ready(()) => Poll::Ready(true),
    });
    let gone = tokio::select! {
        gone = settled => gone,
        () = seat.put_out() => true,
    };
    drop(seat);
    if !gone {
        poll_fn(|cx| driver.poll(cx)).await;
    }
}

impl Driver {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Reading comes last: a flood of it uses up what the runtime gives a task in one turn, and then nothing else
        // would ever be ready.
        if self.poll_write(cx).is_err() || self.poll_timer(cx).is_err() {
            return Poll::Ready(());
        }
        match self.poll_read(cx) {
            Err(Gone) => return Poll::Ready(()),
            Ok(true) => cx.waker().wake_by_ref(),
            Ok(false) => {}
        }
        Poll::Pending
    }

    /// True where more may be waiting.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<bool, Gone> {
        for _ in 0..READS_PER_TURN {
            let Poll::Ready(message) = Pin::new(&mut self.socket).poll_next(cx) else { return Ok(false) };
            self.liveness.handle_input(Instant::now());
            match message {
                Some(Ok(Message::Binary(frame))) => self.owned.frame(frame),
                // The WebSocket answers its own pings.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_))) => self.owned.close(CloseCode::Malformed),
                Some(Ok(Message::Close(_))) => {
                    // The WebSocket has its answer ready; what of it does not leave at once is not worth a wait.
                    let _ = Pin::new(&mut self.socket).poll_flush(cx);
                    return Err(Gone);
                }
                None => return Err(Gone),
                // Not a WebSocket any more, or a frame beyond the bound: there is no telling where the next begins.
                Some(Err(_)) => {
                    self.owned.close(CloseCode::Malformed);
                    return if self.ending.is_none() { self.last_words(cx) } else { Err(Gone) };
                }
            }
        }
        Ok(true)
    }

    /// After a broken read: what can still be written, without waiting for it.
    fn last_words(&mut self, cx: &mut Context<'_>) -> Result<bool, Gone> {
        let _ = self.poll_write(cx);
        Err(Gone)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), Gone> {
        loop {
            if self.writing.is_some() {
                match Pin::new(&mut self.socket).poll_flush(cx) {
                    Poll::Ready(Ok(())) => self.writing = None,
                    Poll::Ready(Err(_)) => return Err(Gone),
                    Poll::Pending => {
                        self.arm(cx);
                        return Ok(());
                    }
                }
            }
            match self.ending {
                Some(Ending::Sent(_)) => return Ok(()),
                Some(Ending::Owed(code)) => {
                    let frame = CloseFrame { code: code.websocket(), reason: "".into() };
                    self.hand_over(Message::Close(Some(frame)), cx)?;
                    self.ending = Some(Ending::Sent(Instant::now() + LINGER));
                    self.writing = Some(Instant::now());
                    self.arm(cx);
                }
                None => {
                    if !self.owned.signal.poll(cx.waker()) {
                        return Ok(());
                    }
                    self.take(cx)?;
                }
            }
        }
    }

    fn take(&mut self, cx: &mut Context<'_>) -> Result<(), Gone> {
        let mut batch = std::mem::take(&mut self.batch);
        let taken = self.owned.take(BATCH, &mut batch);
        if !batch.is_empty() {
            self.writing = Some(Instant::now());
        }
        for frame in batch.drain(..) {
            self.hand_over(Message::Binary(frame), cx)?;
        }
        self.batch = batch;
        match taken {
            Taken::Idle => {}
            // Polled again once this batch has left.
            Taken::More => self.owned.signal.set(),
            Taken::End(code) => self.ending = Some(Ending::Owed(code)),
        }
        Ok(())
    }

    /// Puts a message into the socket's buffer, which has room: it was flushed before, and batches fit into it.
    fn hand_over(&mut self, message: Message, cx: &mut Context<'_>) -> Result<(), Gone> {
        match Pin::new(&mut self.socket).poll_ready(cx) {
            Poll::Ready(Ok(())) => Pin::new(&mut self.socket).start_send(message).map_err(|_| Gone),
            _ => Err(Gone),
        }
    }

    fn due(&self) -> Instant {
        let mut due = self.liveness.poll_timeout();
        if let Some(since) = self.writing {
            due = due.min(since + self.deadlines.write);
        }
        if let Some(Ending::Sent(until)) = self.ending {
            due = due.min(until);
        }
        due
    }

    /// Sees to it that the timer fires in time; it may fire early, which only costs a look.
    fn arm(&mut self, cx: &mut Context<'_>) {
        let due = self.due().into();
        if due < self.timer.deadline() {
            self.timer.as_mut().reset(due);
            // Registers the new deadline; one that has passed already is seen in `poll_timer`.
            let _ = self.timer.as_mut().poll(cx);
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Result<(), Gone> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let stuck = self.writing.is_some_and(|since| now >= since + self.deadlines.write);
            let unanswered = matches!(self.ending, Some(Ending::Sent(until)) if now >= until);
            if stuck || unanswered {
                return Err(Gone);
            }
            match self.liveness.handle_timeout(now, random_byte()) {
                Some(Beat::Ping(id)) if self.ending.is_none() && self.writing.is_none() => {
                    let frame = match self.peer {
                        Peer::Host => HostFrame::Ping(id).to_vec(),
                        Peer::Client => ClientFrame::Ping(id).to_vec(),
                    };
                    self.hand_over(Message::Binary(frame.into()), cx)?;
                    self.writing = Some(now);
                    self.poll_write(cx)?;
                }
                // Something is under way to the other side anyway.
                Some(Beat::Ping(_)) | None => {}
                Some(Beat::Dead) => {
                    self.owned.close(CloseCode::Timeout);
                    let _ = self.poll_write(cx);
                    return Err(Gone);
                }
            }
            let due = self.due();
            self.timer.as_mut().reset(due.into());
        }
        Ok(())
    }
}

/// The socket is closed, broken, or not worth waiting for any more.
struct Gone;

fn random_byte() -> u8 {
    let mut byte = [0];
    // Without randomness the heartbeats are only less spread out.
    let _ = getrandom::fill(&mut byte);
    byte[0]
}
