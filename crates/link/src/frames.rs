//! One relay link, as frames: over WebSocket, or over a pair of bounded queues inside the process.
//!
//! The receiving half also keeps the link alive: it answers `PING`, sends its own when nothing was heard for an
//! interval, and reports [`Error::Timeout`] after three. So somebody must always be waiting in
//! [`FrameReceiver::recv`]; the heartbeat frames themselves are never returned.

use crate::Error;
use crate::roam::Way;
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WsCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_util::either::Either;
use wire::limits::{MAX_FRAME, WRITE_TIMEOUT};
use wire::{Beat, ClientFrame, CloseCode, HostFrame, Liveness};

pub(crate) type Transport = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Which end of a relay this link is; the two have different frame headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Ours is the host's end.
    Host,
    /// Ours is a client's end.
    Client,
}

enum Heartbeat {
    Ping([u8; 8]),
    Pong([u8; 8]),
}

impl Side {
    fn beat(self, frame: &[u8]) -> Option<Heartbeat> {
        // A look at the type byte first: this runs for every frame, and nearly all of them are DATA.
        match (self, HEARTBEAT_TYPES.contains(frame.first()?)) {
            (_, false) => None,
            (Self::Host, true) => match HostFrame::decode(frame) {
                Ok(HostFrame::Ping(id)) => Some(Heartbeat::Ping(id)),
                Ok(HostFrame::Pong(id)) => Some(Heartbeat::Pong(id)),
                _ => None,
            },
            (Self::Client, true) => match ClientFrame::decode(frame) {
                Ok(ClientFrame::Ping(id)) => Some(Heartbeat::Ping(id)),
                Ok(ClientFrame::Pong(id)) => Some(Heartbeat::Pong(id)),
                _ => None,
            },
        }
    }

    fn ping(self, id: [u8; 8]) -> Bytes {
        match self {
            Self::Host => HostFrame::Ping(id).to_vec().into(),
            Self::Client => ClientFrame::Ping(id).to_vec().into(),
        }
    }

    fn pong(self, id: [u8; 8]) -> Bytes {
        match self {
            Self::Host => HostFrame::Pong(id).to_vec().into(),
            Self::Client => ClientFrame::Pong(id).to_vec().into(),
        }
    }
}

/// `PING` and `PONG`, see docs/protocol.md.
const HEARTBEAT_TYPES: [u8; 2] = [0x20, 0x21];

/// A WebSocket whose two halves may live in different tasks.
///
/// The inner lock is held only inside a poll, never across an await. `writing` makes senders take turns, because the
/// stream remembers only one task that waits to write.
struct Ws {
    stream: Mutex<WebSocketStream<Transport>>,
    writing: tokio::sync::Mutex<()>,
}

impl Ws {
    fn lock(&self) -> MutexGuard<'_, WebSocketStream<Transport>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn feed(&self, message: Message) -> Result<(), WsError> {
        poll_fn(|cx| Pin::new(&mut *self.lock()).poll_ready(cx)).await?;
        self.lock().start_send_unpin(message)
    }

    async fn flush(&self) -> Result<(), WsError> {
        poll_fn(|cx| Pin::new(&mut *self.lock()).poll_flush(cx)).await
    }
}

/// The sending half. Clones send on the same link; each frame stays whole.
#[derive(Clone)]
pub struct FrameSender {
    carrier: SendBy,
}

#[derive(Clone)]
enum SendBy {
    Ws(Arc<Ws>),
    Local(mpsc::Sender<Bytes>),
}

impl FrameSender {
    /// Adds a frame to the batch. Waits only where the link's own buffer is full.
    pub async fn feed(&self, frame: Bytes) -> Result<(), Error> {
        if frame.len() > MAX_FRAME {
            return Err(Error::TooLarge(frame.len()));
        }
        match &self.carrier {
            SendBy::Ws(ws) => written(ws, ws.feed(Message::Binary(frame))).await,
            SendBy::Local(queue) => match queue.try_send(frame) {
                Ok(()) => Ok(()),
                Err(mpsc::error::TrySendError::Closed(_)) => Err(Error::Cut),
                Err(mpsc::error::TrySendError::Full(frame)) => timeout(WRITE_TIMEOUT, queue.send(frame))
                    .await
                    .map_err(|_| Error::Timeout("writing to the relay"))?
                    .map_err(|_| Error::Cut),
            },
        }
    }

    /// Writes the batch, in one write where the socket takes it. May be dropped and called again.
    pub async fn flush(&self) -> Result<(), Error> {
        match &self.carrier {
            SendBy::Ws(ws) => written(ws, ws.flush()).await,
            SendBy::Local(_) => Ok(()),
        }
    }

    /// [`Self::feed`] and [`Self::flush`].
    pub async fn send(&self, frame: Bytes) -> Result<(), Error> {
        self.feed(frame).await?;
        self.flush().await
    }

    /// Tells the other side why, and closes. A link that is gone already is closed as well as it can be.
    pub async fn close(&self, code: CloseCode) {
        if let SendBy::Ws(ws) = &self.carrier {
            let close =
                Message::Close(Some(CloseFrame { code: WsCode::from(code.websocket()), reason: "".into() }));
            let _ = written(ws, async {
                ws.feed(close).await?;
                ws.flush().await
            })
            .await;
        }
    }
}

async fn written(ws: &Ws, work: impl Future<Output = Result<(), WsError>>) -> Result<(), Error> {
    let turn = async {
        let _turn = ws.writing.lock().await;
        work.await
    };
    timeout(WRITE_TIMEOUT, turn).await.map_err(|_| Error::Timeout("writing to the relay"))?.map_err(ws_error)
}

pub(crate) fn ws_error(error: WsError) -> Error {
    match error {
        WsError::ConnectionClosed | WsError::AlreadyClosed | WsError::Protocol(_) => Error::Cut,
        WsError::Io(source) => Error::Io { what: "a WebSocket", source },
        WsError::Capacity(error) => Error::Malformed(error.to_string()),
        other => Error::Malformed(other.to_string()),
    }
}

/// The receiving half.
pub struct FrameReceiver {
    side: Side,
    carrier: ReceiveBy,
}

enum ReceiveBy {
    Ws(Box<WsReceiver>),
    Local { queue: mpsc::Receiver<Bytes>, back: mpsc::Sender<Bytes> },
}

struct WsReceiver {
    ws: Arc<Ws>,
    /// A heartbeat is in the stream's buffer and may not have left it.
    unflushed: bool,
    timer: Pin<Box<Sleep>>,
    liveness: Liveness,
    way: Option<Way>,
    round_trip: Option<Duration>,
}

impl FrameReceiver {
    /// The next frame that is not a heartbeat; `None` when the other side closed in good order. Dropping the future
    /// loses nothing.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        let side = self.side;
        match &mut self.carrier {
            ReceiveBy::Ws(receiver) => poll_fn(|cx| receiver.poll(side, cx)).await,
            ReceiveBy::Local { queue, back } => loop {
                let Some(frame) = queue.recv().await else { return Ok(None) };
                match side.beat(&frame) {
                    None => return Ok(Some(frame)),
                    // Full means that traffic is under way, which is as good an answer.
                    Some(Heartbeat::Ping(id)) => drop(back.try_send(side.pong(id))),
                    Some(Heartbeat::Pong(_)) => {}
                }
            },
        }
    }
}

impl FrameReceiver {
    /// How long the last heartbeat took to the relay and back; `None` before the first, and inside the process.
    pub fn round_trip(&self) -> Option<Duration> {
        match &self.carrier {
            ReceiveBy::Ws(receiver) => receiver.round_trip,
            ReceiveBy::Local { .. } => None,
        }
    }

    /// Changes how soon this end asks, from the next time somebody waits in [`Self::recv`].
    pub(crate) fn set_interval(&mut self, interval: Duration) {
        if let ReceiveBy::Ws(receiver) = &mut self.carrier {
            receiver.liveness.set_interval(interval, Instant::now().into_std(), random_byte());
            let due = Instant::from_std(receiver.liveness.poll_timeout());
            if due < receiver.timer.deadline() {
                receiver.timer.as_mut().reset(due);
            }
        }
    }
}

impl WsReceiver {
    fn poll(&mut self, side: Side, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        loop {
            if self.unflushed {
                self.flush(cx)?;
            }
            let next = Pin::new(&mut *self.ws.lock()).poll_next(cx);
            let Poll::Ready(message) = next else {
                if let Some(way) = &mut self.way
                    && way.poll_moved(cx).is_ready()
                {
                    return Poll::Ready(Err(Error::Moved));
                }
                ready!(self.poll_timer(side, cx))?;
                continue;
            };
            let now = Instant::now().into_std();
            self.liveness.handle_input(now);
            match message {
                None => return Poll::Ready(Ok(None)),
                Some(Ok(Message::Binary(frame))) => match side.beat(&frame) {
                    None => return Poll::Ready(Ok(Some(frame))),
                    Some(Heartbeat::Ping(id)) => self.beat(side.pong(id), cx)?,
                    Some(Heartbeat::Pong(id)) => {
                        self.round_trip = self.liveness.handle_pong(id, now).or(self.round_trip);
                    }
                },
                Some(Ok(Message::Close(reason))) => return Poll::Ready(closed(reason.as_ref())),
                Some(Ok(Message::Text(_))) => {
                    return Poll::Ready(Err(Error::Malformed("a text frame".into())));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(ws_error(error))),
            }
        }
    }

    /// Sends a heartbeat, unless a sender is at work: then the other side hears something anyway. Never waits.
    fn beat(&mut self, frame: Bytes, cx: &mut Context<'_>) -> Result<(), Error> {
        let Ok(_turn) = self.ws.writing.try_lock() else { return Ok(()) };
        let mut stream = self.ws.lock();
        if let Poll::Ready(room) = Pin::new(&mut *stream).poll_ready(cx) {
            room.map_err(ws_error)?;
            stream.start_send_unpin(Message::Binary(frame)).map_err(ws_error)?;
            self.unflushed = true;
        }
        Ok(())
    }

    /// Writes what [`Self::beat`] left, unless a sender is at work, who then writes it along with its own.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let Ok(_turn) = self.ws.writing.try_lock() else { return Ok(()) };
        if let Poll::Ready(flushed) = Pin::new(&mut *self.ws.lock()).poll_flush(cx) {
            self.unflushed = false;
            flushed.map_err(ws_error)?;
        }
        Ok(())
    }

    /// Pending until the timer's moment; then does what is due.
    fn poll_timer(&mut self, side: Side, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.timer.as_mut().poll(cx));
        match self.liveness.handle_timeout(Instant::now().into_std(), random_byte()) {
            Some(Beat::Dead) => return Poll::Ready(Err(Error::Timeout("a sign of life from the relay"))),
            Some(Beat::Ping(id)) => self.beat(side.ping(id), cx)?,
            None => {}
        }
        let next = self.liveness.poll_timeout();
        self.timer.as_mut().reset(next.into());
        Poll::Ready(Ok(()))
    }
}

fn random_byte() -> u8 {
    let mut byte = [0];
    // Without randomness the heartbeats are only less spread out.
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

fn closed(reason: Option<&CloseFrame>) -> Result<Option<Bytes>, Error> {
    match reason.map(|reason| u16::from(reason.code)) {
        None | Some(1000 | 1005 | 4000) => Ok(None),
        Some(code @ 4001..=4999) => Err(Error::Closed(CloseCode::from_u16(code - 4000))),
        Some(1001) => Err(Error::Closed(CloseCode::Restarting)),
        Some(code) => Err(Error::Malformed(format!("closed with WebSocket code {code}"))),
    }
}

/// The two halves of a WebSocket, whose side of the relay this is, and how soon it asks.
pub(crate) fn websocket(
    stream: WebSocketStream<Transport>,
    side: Side,
    heartbeat: Duration,
) -> (FrameSender, FrameReceiver) {
    let way = match stream.get_ref() {
        Either::Left(tcp) => Way::of(tcp),
        Either::Right(tls) => Way::of(tls.get_ref().0),
    };
    let ws = Arc::new(Ws { stream: Mutex::new(stream), writing: tokio::sync::Mutex::new(()) });
    let now = Instant::now().into_std();
    let mut liveness = Liveness::new(now, random_byte());
    liveness.set_interval(heartbeat, now, random_byte());
    let receiver = WsReceiver {
        ws: Arc::clone(&ws),
        unflushed: false,
        timer: Box::pin(sleep_until(liveness.poll_timeout().into())),
        liveness,
        way,
        round_trip: None,
    };
    (
        FrameSender { carrier: SendBy::Ws(ws) },
        FrameReceiver { side, carrier: ReceiveBy::Ws(Box::new(receiver)) },
    )
}

/// One end of a link inside the process, from a pair of queues that whole frames pass through. There is no
/// heartbeat: the other end lives and dies with this process.
pub fn local(
    side: Side,
    out: mpsc::Sender<Bytes>,
    queue: mpsc::Receiver<Bytes>,
) -> (FrameSender, FrameReceiver) {
    let back = out.clone();
    (
        FrameSender { carrier: SendBy::Local(out) },
        FrameReceiver { side, carrier: ReceiveBy::Local { queue, back } },
    )
}
