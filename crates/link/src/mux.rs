//! A host's relay link, taken apart into its connections.

use crate::Error;
use crate::frames::{FrameReceiver, FrameSender};
use crate::path::{Incoming, Lane, PathReceiver, PathSender, cost};
use bytes::{Buf, Bytes};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use wire::limits::{FOREGROUND, HEARTBEAT, MAX_QUEUED};
use wire::{CloseCode, Conn, HostFrame};

/// What happens on a host's link as a whole.
pub enum Event {
    /// A client connected.
    Opened(Opened),
    /// The relay goes away for a moment; come back after so long.
    Restarting(Duration),
}

/// A connection that a client has just made.
pub struct Opened {
    /// Its number on this link.
    pub conn: Conn,
    /// The client's address as the relay saw it; for people, not for decisions.
    pub address: String,
    /// To the client.
    pub sender: PathSender,
    /// From the client.
    pub receiver: PathReceiver,
}

/// Reads a host's link and puts each connection's frames aside for whoever holds its [`PathReceiver`].
///
/// At most [`MAX_QUEUED`] bytes wait for one connection; a holder that is further behind loses the connection with
/// [`CloseCode::Overflow`]. Nobody else on the link is held up. While there are connections the link is asked for a sign
/// of life as often as a client in the foreground asks: one that is half-open costs them all.
pub struct Mux {
    sender: FrameSender,
    receiver: FrameReceiver,
    lanes: HashMap<Conn, LaneSender>,
    /// `CLOSE` frames that are owed; at most one for each connection that ended.
    owed: VecDeque<Bytes>,
}

struct LaneSender {
    queue: mpsc::UnboundedSender<Incoming>,
    queued: Arc<AtomicUsize>,
}

impl Mux {
    /// Over a link whose slot is registered.
    pub fn new(sender: FrameSender, receiver: FrameReceiver) -> Self {
        Self { sender, receiver, lanes: HashMap::new(), owed: VecDeque::new() }
    }

    /// Runs the link until something concerns it as a whole; `None` when the relay closed it in good order. Must be
    /// called again and again, since the connections' frames arrive only while it runs. Dropping the future loses
    /// nothing. When it ends, so do all connections.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            while let Some(frame) = self.owed.front() {
                self.sender.send(frame.clone()).await?;
                self.owed.pop_front();
            }
            self.receiver.set_interval(if self.lanes.is_empty() { HEARTBEAT } else { FOREGROUND });
            let Some(mut frame) = self.receiver.recv().await? else { return Ok(None) };
            match HostFrame::decode(&frame).map_err(|error| Error::Malformed(error.to_string()))? {
                HostFrame::Data { conn, .. } => {
                    frame.advance(5);
                    self.deliver(conn, frame);
                }
                HostFrame::Open { conn, address } => {
                    let address = address.to_owned();
                    return Ok(Some(Event::Opened(self.open(conn, address))));
                }
                HostFrame::Close { conn: Conn(0), code } => return Err(Error::Closed(code)),
                HostFrame::Close { conn, code } => {
                    if let Some(lane) = self.lanes.remove(&conn) {
                        lane.put(Incoming::Closed(code));
                    }
                }
                HostFrame::Restarting(ms) => {
                    return Ok(Some(Event::Restarting(Duration::from_millis(ms.into()))));
                }
                // An embedded relay says so on the link it hands out.
                HostFrame::Registered(_) => {}
                HostFrame::Register(_) | HostFrame::Ping(_) | HostFrame::Pong(_) => {
                    return Err(Error::Malformed("a frame out of place on a host's link".into()));
                }
            }
        }
    }

    fn open(&mut self, conn: Conn, address: String) -> Opened {
        // Of a connection that its holder closed nothing is heard again.
        self.lanes.retain(|_, lane| !lane.queue.is_closed());
        let (queue, waiting) = mpsc::unbounded_channel();
        let queued = Arc::new(AtomicUsize::new(0));
        self.lanes.insert(conn, LaneSender { queue, queued: Arc::clone(&queued) });
        Opened {
            conn,
            address,
            sender: PathSender::new(self.sender.clone(), Some(conn)),
            receiver: PathReceiver::host(Lane { queue: waiting, queued }),
        }
    }

    fn deliver(&mut self, conn: Conn, body: Bytes) {
        // Frames of a connection that we closed may still be under way; they mean nothing any more.
        let Some(lane) = self.lanes.get(&conn) else { return };
        let overflow = lane.queued.load(Ordering::Relaxed) + body.len() > MAX_QUEUED;
        let code = if overflow { CloseCode::Overflow } else { CloseCode::Normal };
        let incoming = if overflow { Incoming::Closed(code) } else { Incoming::Data(body) };
        if !lane.put(incoming) || overflow {
            self.lanes.remove(&conn);
            self.owed.push_back(HostFrame::Close { conn, code }.to_vec().into());
        }
    }
}

impl LaneSender {
    /// False when nobody holds the other end any more.
    fn put(&self, incoming: Incoming) -> bool {
        self.queued.fetch_add(cost(&incoming), Ordering::Relaxed);
        self.queue.send(incoming).is_ok()
    }
}
