//! The one way to send and receive session messages, whatever carries them.

use crate::{Error, sealed, unix};
use bytes::Bytes;
use serde::Serialize;
use session::codec;
use wire::CloseCode;

/// The sending half: a unix socket or a sealed channel.
pub struct MessageSender {
    carrier: SendBy,
    scratch: Vec<u8>,
}

enum SendBy {
    Unix(unix::Writer),
    Sealed(sealed::Writer),
}

impl From<unix::Writer> for MessageSender {
    fn from(writer: unix::Writer) -> Self {
        Self { carrier: SendBy::Unix(writer), scratch: Vec::new() }
    }
}

impl From<sealed::Writer> for MessageSender {
    fn from(writer: sealed::Writer) -> Self {
        Self { carrier: SendBy::Sealed(writer), scratch: Vec::new() }
    }
}

impl MessageSender {
    /// Adds a message to the batch. Writes only where the batch has grown past its bound.
    pub async fn feed<H: Serialize + Sync>(&mut self, header: &H, payload: &[u8]) -> Result<(), Error> {
        self.scratch.clear();
        codec::encode(header, &[], &mut self.scratch);
        Self::feed_parts(&mut self.carrier, &[&self.scratch, payload]).await
    }

    /// Adds a message that is encoded already, as it stands.
    pub async fn forward(&mut self, message: &[u8]) -> Result<(), Error> {
        Self::feed_parts(&mut self.carrier, &[message]).await
    }

    async fn feed_parts(carrier: &mut SendBy, parts: &[&[u8]]) -> Result<(), Error> {
        let length = parts.iter().map(|part| part.len()).sum();
        if length > codec::MAX_MESSAGE {
            return Err(Error::TooLarge(length));
        }
        match carrier {
            SendBy::Unix(writer) => writer.feed(parts, length).await,
            SendBy::Sealed(writer) => writer.feed(parts).await,
        }
    }

    /// Writes the batch, in one write where the socket takes it. May be dropped and called again.
    pub async fn flush(&mut self) -> Result<(), Error> {
        match &mut self.carrier {
            SendBy::Unix(writer) => writer.flush().await,
            SendBy::Sealed(writer) => writer.flush().await,
        }
    }

    /// Writes what was collected and ends it; where there is a relay in between, the other side is told why.
    pub async fn close(mut self, code: CloseCode) -> Result<(), Error> {
        self.flush().await?;
        match &self.carrier {
            // Dropping the socket says it.
            SendBy::Unix(_) => Ok(()),
            SendBy::Sealed(writer) => writer.close(code).await,
        }
    }

    /// [`Self::feed`] and [`Self::flush`].
    pub async fn send<H: Serialize + Sync>(&mut self, header: &H, payload: &[u8]) -> Result<(), Error> {
        self.feed(header, payload).await?;
        self.flush().await
    }
}

/// The receiving half: a unix socket or a sealed channel.
pub struct MessageReceiver {
    carrier: ReceiveBy,
}

enum ReceiveBy {
    Unix(unix::Reader),
    Sealed(sealed::Reader),
}

impl From<unix::Reader> for MessageReceiver {
    fn from(reader: unix::Reader) -> Self {
        Self { carrier: ReceiveBy::Unix(reader) }
    }
}

impl From<sealed::Reader> for MessageReceiver {
    fn from(reader: sealed::Reader) -> Self {
        Self { carrier: ReceiveBy::Sealed(reader) }
    }
}

impl MessageReceiver {
    /// The next message, still encoded (see [`session::codec::decode`]); `None` when the other side closed in good
    /// order. Dropping the future loses nothing.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        match &mut self.carrier {
            ReceiveBy::Unix(reader) => reader.recv().await,
            ReceiveBy::Sealed(reader) => reader.recv().await,
        }
    }
}
