//! One connection between a client and a host, as its `DATA` bodies, from either end.
//!
//! A client's link *is* its connection; a host's link carries many, each of which [`crate::mux`] hands out as one of
//! these. What runs on top (handshake, sealed channel) is the same code at both ends.

use crate::Error;
use crate::frames::{FrameReceiver, FrameSender};
use bytes::{Buf, Bytes};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use wire::limits::MAX_DATA;
use wire::{ClientFrame, CloseCode, Conn, HostFrame};

/// What comes in on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The other side's bytes.
    Data(Bytes),
    /// Client's end only, from the relay: whether the host is there. After `online: false` everything on this
    /// connection starts anew: a handshake is made when the host is back.
    Presence {
        /// The host holds its slot now.
        online: bool,
        /// Unix milliseconds; 0 where the relay never saw it.
        last_seen: u64,
    },
    /// From the relay: it goes away for a moment.
    Restarting(Duration),
    /// The connection is over.
    Closed(CloseCode),
}

/// Sends on one connection.
#[derive(Clone)]
pub struct PathSender {
    frames: FrameSender,
    conn: Option<Conn>,
}

impl PathSender {
    pub(crate) fn new(frames: FrameSender, conn: Option<Conn>) -> Self {
        Self { frames, conn }
    }

    /// Appends the head of a `DATA` frame; whoever calls appends the body, at most [`MAX_DATA`] bytes, and passes the
    /// whole to [`Self::feed_frame`]. Saves a copy where the body is made in place.
    pub fn begin(&self, out: &mut Vec<u8>) {
        match self.conn {
            Some(conn) => HostFrame::Data { conn, body: &[] }.encode(out),
            None => ClientFrame::Data(&[]).encode(out),
        }
    }

    /// Adds a frame begun with [`Self::begin`] to the batch.
    pub async fn feed_frame(&self, frame: Bytes) -> Result<(), Error> {
        self.frames.feed(frame).await
    }

    /// Adds a `DATA` frame to the batch.
    pub async fn feed(&self, body: &[u8]) -> Result<(), Error> {
        if body.is_empty() || body.len() > MAX_DATA {
            return Err(Error::TooLarge(body.len()));
        }
        let mut frame = Vec::with_capacity(5 + body.len());
        self.begin(&mut frame);
        frame.extend_from_slice(body);
        self.frames.feed(frame.into()).await
    }

    /// Writes the batch.
    pub async fn flush(&self) -> Result<(), Error> {
        self.frames.flush().await
    }

    /// [`Self::feed`] and [`Self::flush`].
    pub async fn send(&self, body: &[u8]) -> Result<(), Error> {
        self.feed(body).await?;
        self.flush().await
    }

    /// Ends the connection and tells the other side why.
    pub async fn close(&self, code: CloseCode) -> Result<(), Error> {
        let frame = match self.conn {
            Some(conn) => HostFrame::Close { conn, code }.to_vec(),
            None => ClientFrame::Close(code).to_vec(),
        };
        self.frames.send(frame.into()).await?;
        if self.conn.is_none() {
            self.frames.close(code).await;
        }
        Ok(())
    }
}

/// Receives on one connection.
pub struct PathReceiver {
    carrier: ReceiveBy,
}

enum ReceiveBy {
    Client(FrameReceiver),
    Host(Lane),
}

/// A host's connection: what [`crate::mux`] has put aside for it.
pub(crate) struct Lane {
    pub(crate) queue: mpsc::UnboundedReceiver<Incoming>,
    /// Bytes in the queue; the mux bounds it.
    pub(crate) queued: Arc<AtomicUsize>,
}

/// What one entry counts for in [`Lane::queued`], so that many tiny ones are bounded too.
pub(crate) fn cost(incoming: &Incoming) -> usize {
    64 + if let Incoming::Data(body) = incoming { body.len() } else { 0 }
}

impl PathReceiver {
    pub(crate) fn host(lane: Lane) -> Self {
        Self { carrier: ReceiveBy::Host(lane) }
    }

    /// The next thing that happens; `None` when the link under the connection closed in good order. Dropping the
    /// future loses nothing.
    pub async fn recv(&mut self) -> Result<Option<Incoming>, Error> {
        match &mut self.carrier {
            ReceiveBy::Host(lane) => {
                let next = lane.queue.recv().await;
                if let Some(incoming) = &next {
                    lane.queued.fetch_sub(cost(incoming), Ordering::Relaxed);
                }
                Ok(next)
            }
            ReceiveBy::Client(frames) => {
                let Some(mut frame) = frames.recv().await? else { return Ok(None) };
                let incoming = match ClientFrame::decode(&frame) {
                    Ok(ClientFrame::Data(_)) => {
                        frame.advance(1);
                        Incoming::Data(frame)
                    }
                    Ok(ClientFrame::Presence { online, last_seen }) => {
                        Incoming::Presence { online, last_seen }
                    }
                    Ok(ClientFrame::Restarting(ms)) => Incoming::Restarting(Duration::from_millis(ms.into())),
                    Ok(ClientFrame::Close(code)) => Incoming::Closed(code),
                    Ok(ClientFrame::Ping(_) | ClientFrame::Pong(_)) => {
                        return Err(Error::Malformed("a heartbeat out of place".into()));
                    }
                    Err(error) => return Err(Error::Malformed(error.to_string())),
                };
                Ok(Some(incoming))
            }
        }
    }
}

/// A client's link as the connection it is.
pub fn client(sender: FrameSender, receiver: FrameReceiver) -> (PathSender, PathReceiver) {
    (PathSender::new(sender, None), PathReceiver { carrier: ReceiveBy::Client(receiver) })
}
