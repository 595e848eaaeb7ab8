//! Texts, each a WebSocket message, over a unix socket: what some agents' own servers speak. Nothing of ours does.
//!
//! What always holds: whoever is on the other end runs as our own user, no text is longer than was said, and every write
//! has a deadline.

use crate::frames::ws_error;
use crate::{Error, unix};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use std::path::Path;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The upgrade has this long.
const UPGRADE: Duration = Duration::from_secs(5);
const WRITE_TIMEOUT: Duration = wire::limits::WRITE_TIMEOUT;

/// The writing end.
pub struct TextSender(SplitSink<WebSocketStream<UnixStream>, Message>);

/// The reading end.
pub struct TextReceiver(SplitStream<WebSocketStream<UnixStream>>);

/// Connects to the program that listens on `path`. A text of more than `most` bytes ends the connection.
pub async fn connect(path: &Path, most: usize) -> Result<(TextSender, TextReceiver), Error> {
    let stream = unix::stream(path).await?;
    let config = WebSocketConfig::default().max_message_size(Some(most)).max_frame_size(Some(most));
    let upgraded = timeout(UPGRADE, client_async_with_config("ws://localhost/", stream, Some(config))).await;
    let (ws, _) = upgraded.map_err(|_| Error::Timeout("upgrading a local socket"))?.map_err(ws_error)?;
    let (sender, receiver) = ws.split();
    Ok((TextSender(sender), TextReceiver(receiver)))
}

impl TextSender {
    /// Sends a text.
    pub async fn send(&mut self, text: Bytes) -> Result<(), Error> {
        let text = Utf8Bytes::try_from(text).map_err(|_| Error::Malformed("no text".to_owned()))?;
        timeout(WRITE_TIMEOUT, self.0.send(Message::Text(text)))
            .await
            .map_err(|_| Error::Timeout("writing to a local socket"))?
            .map_err(ws_error)
    }
}

impl TextReceiver {
    /// The next text; `None` when the other side closed in good order. Dropping the future loses nothing.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.0.next().await {
                None | Some(Ok(Message::Close(_))) => return Ok(None),
                Some(Ok(Message::Text(text))) => return Ok(Some(text.into())),
                Some(Ok(Message::Binary(bytes))) => return Ok(Some(bytes)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(ws_error(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixListener;
    use tokio_tungstenite::accept_async;

    /// A server that does this with whoever comes.
    async fn with_server<F: Future<Output = ()>>(
        serve: impl FnOnce(WebSocketStream<UnixStream>) -> F,
        use_it: impl AsyncFnOnce(TextSender, TextReceiver),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let server = async {
            let (stream, _) = listener.accept().await.unwrap();
            serve(accept_async(stream).await.unwrap()).await;
        };
        let client = async {
            let (sender, receiver) = connect(&path, 1000).await.unwrap();
            use_it(sender, receiver).await;
        };
        tokio::join!(server, client);
    }

    #[tokio::test]
    async fn texts_go_both_ways_and_a_good_end_is_told() {
        with_server(
            |mut ws| async move {
                assert_eq!(ws.next().await.unwrap().unwrap(), Message::text("hällo"));
                ws.send(Message::Ping(Bytes::new())).await.unwrap();
                ws.send(Message::text("one")).await.unwrap();
                ws.close(None).await.unwrap();
                // Whoever leaves before all was read, resets the connection.
                while let Some(Ok(_)) = ws.next().await {}
            },
            async |mut sender, mut receiver| {
                sender.send("hällo".into()).await.unwrap();
                assert_eq!(receiver.recv().await.unwrap().unwrap(), "one");
                assert_eq!(receiver.recv().await.unwrap(), None);
            },
        )
        .await;
    }

    #[tokio::test]
    async fn what_is_too_long_or_no_text_ends_the_connection() {
        use tokio_tungstenite::tungstenite::protocol::frame::Frame;
        use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
        let broken = Frame::message(&b"\xff\xfe"[..], OpCode::Data(Data::Text), true);
        for message in [Message::text("x".repeat(1001)), Message::Frame(broken)] {
            with_server(
                |mut ws| async move { ws.send(message).await.unwrap() },
                async |_sender, mut receiver| assert!(receiver.recv().await.is_err()),
            )
            .await;
        }
    }
}
