//! Making a link to a relay: as a host that takes its slot, or as a client that wants to reach one.

use crate::Error;
use crate::frames::{self, FrameReceiver, FrameSender, Side, Transport};
use crate::roam;
use crate::tls;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::str::FromStr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::http::{self, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_util::either::Either;
use wire::limits::{FOREGROUND, HEARTBEAT, MAX_FRAME};
use wire::{HostFrame, RelaySecret, Rid, SUBPROTOCOL, TICKET_PREFIX, Ticket};

/// Each step (name and TCP, TLS, upgrade, registration) has this long.
const STEP: Duration = Duration::from_secs(10);
/// No answer to a ticket request is longer.
const MAX_ANSWER: usize = 4096;

/// Where a relay is: `http`, `https`, `ws` or `wss`, with an optional folder it is mounted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelayUrl {
    secure: bool,
    authority: String,
    host: String,
    port: u16,
    folder: String,
}

impl FromStr for RelayUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = |why: &str| Error::Url(format!("{text:?}: {why}"));
        let uri: Uri = text.trim().parse().map_err(|_| bad("not a URL"))?;
        let secure = match uri.scheme_str() {
            Some("http" | "ws") => false,
            Some("https" | "wss") => true,
            _ => return Err(bad("it starts with https://, wss://, http:// or ws://")),
        };
        let authority = uri.authority().ok_or_else(|| bad("no host in it"))?;
        if authority.as_str().contains('@') {
            return Err(bad("a user name has no place in it"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(bad("no host in it"));
        }
        if uri.query().is_some() {
            return Err(bad("a query has no place in it"));
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let folder = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { secure, authority: authority.as_str().to_owned(), host, port, folder })
    }
}

impl fmt::Display for RelayUrl {
    /// As a browser opens it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.folder)
    }
}

impl RelayUrl {
    fn websocket(&self, path: &str) -> String {
        let scheme = if self.secure { "wss" } else { "ws" };
        format!("{scheme}://{}{}{path}", self.authority, self.folder)
    }

    /// Returns once this machine has a way to the relay where it had none, looking about once a second: an attempt is
    /// then worth more than the rest of a wait. Where a way was there all along, or the system cannot say, it never does.
    pub async fn way_appears(&self) {
        roam::way_appears(&self.host).await;
    }

    async fn connect(&self) -> Result<Transport, Error> {
        let tcp = within("connecting to the relay", TcpStream::connect((self.host.as_str(), self.port)))
            .await?
            .map_err(Error::io("connecting to the relay"))?;
        tcp.set_nodelay(true).map_err(Error::io("connecting to the relay"))?;
        if self.secure {
            Ok(Either::Right(tls::connect(&self.host, tcp).await?))
        } else {
            Ok(Either::Left(tcp))
        }
    }
}

async fn within<T>(what: &'static str, step: impl Future<Output = T>) -> Result<T, Error> {
    timeout(STEP, step).await.map_err(|_| Error::Timeout(what))
}

/// Takes the slot that `secret` owns. Returns once the relay has confirmed it; whoever held it before is told so.
pub async fn register_host(
    url: &RelayUrl,
    secret: &RelaySecret,
) -> Result<(FrameSender, FrameReceiver), Error> {
    let (sender, mut receiver) = upgrade(url, Side::Host, "/v1/host", SUBPROTOCOL).await?;
    sender.send(HostFrame::Register(secret.clone()).to_vec().into()).await?;
    let answer = within("registration with the relay", receiver.recv()).await??.ok_or(Error::Cut)?;
    match HostFrame::decode(&answer) {
        Ok(HostFrame::Registered(rid)) if rid == secret.rid() => Ok((sender, receiver)),
        Ok(HostFrame::Close { code, .. }) => Err(Error::Closed(code)),
        _ => Err(Error::Malformed("the relay did not confirm the slot".into())),
    }
}

/// Connects to the slot `rid`. The host may be away: the first thing to arrive says whether it is there.
pub async fn connect_client(url: &RelayUrl, rid: Rid) -> Result<(FrameSender, FrameReceiver), Error> {
    let ticket = ticket(url, rid).await?;
    let protocols = format!("{SUBPROTOCOL}, {TICKET_PREFIX}{}", ticket.encode());
    upgrade(url, Side::Client, &format!("/v1/connect/{rid}"), &protocols).await
}

/// `POST /v1/ticket`.
async fn ticket(url: &RelayUrl, rid: Rid) -> Result<Ticket, Error> {
    let transport = url.connect().await?;
    let asked = async {
        let broken = |error: hyper::Error| Error::Malformed(format!("answer to a ticket request: {error}"));
        let (mut requests, connection) = http1::handshake(TokioIo::new(transport)).await.map_err(broken)?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/v1/ticket", url.folder))
            .header(header::HOST, &url.authority)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(serde_json::json!({ "rid": rid.to_string() }).to_string())))
            .map_err(|error| Error::Url(error.to_string()))?;
        let exchange = async {
            let response = requests.send_request(request).await.map_err(broken)?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
            let body = body
                .map_err(|error| Error::Malformed(format!("answer to a ticket request: {error}")))?
                .to_bytes();
            if status != 200 {
                return Err(refusal(status, &body));
            }
            let answer: serde_json::Value = serde_json::from_slice(&body)
                .map_err(|error| Error::Malformed(format!("ticket: {error}")))?;
            let text = answer.get("ticket").and_then(serde_json::Value::as_str).unwrap_or_default();
            text.parse::<Ticket>().map_err(|error| Error::Malformed(error.to_string()))
        };
        let mut exchange = pin!(exchange);
        // The connection moves the bytes of the exchange; where it ends first, what came is still to be looked at.
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            _ = connection => exchange.await,
        }
    };
    within("a ticket from the relay", asked).await?
}

async fn upgrade(
    url: &RelayUrl,
    side: Side,
    path: &str,
    protocols: &str,
) -> Result<(FrameSender, FrameReceiver), Error> {
    let transport = url.connect().await?;
    let request = http::Request::builder()
        .uri(url.websocket(path))
        .header(header::HOST, &url.authority)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, tokio_tungstenite::tungstenite::handshake::client::generate_key())
        .header(header::SEC_WEBSOCKET_PROTOCOL, protocols)
        .body(())
        .map_err(|error| Error::Url(error.to_string()))?;
    // A frame that is larger is cut off by the WebSocket itself, before any of it is ours.
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME))
        .read_buffer_size(64 * 1024);
    let upgraded =
        within("upgrade by the relay", client_async_with_config(request, transport, Some(config))).await?;
    let (stream, _) = upgraded.map_err(|error| match error {
        WsError::Http(response) => {
            refusal(response.status().as_u16(), response.body().as_deref().unwrap_or_default())
        }
        WsError::Io(source) => Error::Io { what: "upgrade by the relay", source },
        other => Error::Malformed(other.to_string()),
    })?;
    let heartbeat = match side {
        // Until a client is there, see `Mux`.
        Side::Host => HEARTBEAT,
        Side::Client => FOREGROUND,
    };
    Ok(frames::websocket(stream, side, heartbeat))
}

/// What a person may see of an answer that is not ours to trust: one short line.
fn refusal(status: u16, body: &[u8]) -> Error {
    let text: String = String::from_utf8_lossy(body).chars().filter(|c| !c.is_control()).take(120).collect();
    Error::Http { status, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relay_addresses() {
        for (given, shown, socket) in [
            ("http://127.0.0.1:7000", "http://127.0.0.1:7000", "ws://127.0.0.1:7000/v1/host"),
            ("wss://relay.example/", "https://relay.example", "wss://relay.example/v1/host"),
            ("https://relay.example/rein/", "https://relay.example/rein", "wss://relay.example/rein/v1/host"),
            ("ws://[::1]:7000", "http://[::1]:7000", "ws://[::1]:7000/v1/host"),
        ] {
            let url: RelayUrl = given.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert_eq!(url.websocket("/v1/host"), socket);
        }
        assert_eq!("https://[::1]/".parse::<RelayUrl>().unwrap().host, "::1");
        for bad in [
            "",
            "relay.example",
            "ftp://relay.example",
            "https://",
            "https://me@relay.example",
            "https://a/?b",
        ] {
            assert!(matches!(bad.parse::<RelayUrl>(), Err(Error::Url(_))), "{bad:?}");
        }
    }
}
