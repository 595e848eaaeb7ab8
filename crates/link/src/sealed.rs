//! Session messages through a sealed channel: each message is one record, each record one `DATA` frame.

use crate::path::{Incoming, PathReceiver, PathSender};
use crate::{Error, MessageReceiver, MessageSender};
use bytes::Bytes;
use seal::Channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use wire::CloseCode;
use wire::limits::MAX_FRAME;

/// Bytes of a frame around the message in it, at most: head of a host's frame and of a record, padding of short ones.
const AROUND: usize = 5 + seal::OVERHEAD;

/// A channel and the connection it was made over, as messages.
pub fn messages(
    channel: Channel,
    sender: PathSender,
    receiver: PathReceiver,
) -> (MessageSender, MessageReceiver) {
    let channel = Arc::new(Mutex::new(channel));
    let writer = Writer { channel: Arc::clone(&channel), path: sender, held: None };
    (writer.into(), Reader { channel, path: receiver }.into())
}

/// Locked only for the one call into the machine, never across an await.
fn lock(channel: &Mutex<Channel>) -> MutexGuard<'_, Channel> {
    channel.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sealing end.
pub(crate) struct Writer {
    channel: Arc<Mutex<Channel>>,
    path: PathSender,
    /// A record that is sealed and not passed on: its number is spent, so it must not be lost with a dropped future.
    held: Option<Bytes>,
}

impl Writer {
    /// The head and payload of one message are sealed as one plaintext.
    pub(crate) async fn feed(&mut self, parts: &[&[u8]]) -> Result<(), Error> {
        self.pass_on().await?;
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut frame = Vec::with_capacity((AROUND + length.max(1024)).min(MAX_FRAME));
        self.path.begin(&mut frame);
        lock(&self.channel)
            .seal_parts(parts, Instant::now(), &mut frame)
            .map_err(|error| Error::Seal(error.to_string()))?;
        self.held = Some(frame.into());
        self.pass_on().await
    }

    async fn pass_on(&mut self) -> Result<(), Error> {
        if let Some(frame) = &self.held {
            self.path.feed_frame(frame.clone()).await?;
            self.held = None;
        }
        Ok(())
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        self.pass_on().await?;
        self.path.flush().await
    }

    pub(crate) async fn close(&self, code: CloseCode) -> Result<(), Error> {
        self.path.close(code).await
    }
}

/// The opening end.
pub(crate) struct Reader {
    channel: Arc<Mutex<Channel>>,
    path: PathReceiver,
}

impl Reader {
    pub(crate) async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.path.recv().await? {
                Some(Incoming::Data(body)) => {
                    let opened = lock(&self.channel).open(body, Instant::now());
                    return opened.map(Some).map_err(|error| Error::Seal(error.to_string()));
                }
                // The host of this channel is gone, and the channel with it.
                Some(Incoming::Presence { online: false, .. }) => {
                    return Err(Error::Closed(CloseCode::HostOffline));
                }
                Some(Incoming::Presence { online: true, .. }) => {}
                Some(Incoming::Restarting(_)) => return Err(Error::Closed(CloseCode::Restarting)),
                Some(Incoming::Closed(CloseCode::Normal)) | None => return Ok(None),
                Some(Incoming::Closed(code)) => return Err(Error::Closed(code)),
            }
        }
    }
}
