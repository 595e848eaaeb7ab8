//! A relay on loopback, and both of its sides spoken by hand.

use axum::http::{HeaderValue, Request};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use relay::hub::Limits;
use relay::{Config, Server};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use wire::{ClientFrame, CloseCode, Conn, HostFrame, RelaySecret, Rid};

use longrein_relay as relay;

/// Long enough for any one thing on a slow machine under full load; reached only by what has failed.
pub const PATIENCE: Duration = Duration::from_mins(1);

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub fn secret(n: u8) -> RelaySecret {
    RelaySecret([n; 32])
}

pub fn rid(n: u8) -> Rid {
    secret(n).rid()
}

/// Small deadlines, so that a test that waits for one is over soon; not so small that a busy machine misses them.
pub fn quick() -> Config {
    let limits = Limits { handshake: Duration::from_secs(2), ..Limits::default() };
    Config { limits, request_timeout: Duration::from_secs(2), ..Config::default() }
}

/// What happens within a second of this runtime's own time: a machine that keeps us waiting keeps the second waiting.
pub async fn within_a_second<T>(what: &str, work: impl Future<Output = T>) -> T {
    let second = async {
        // Each takes up to a millisecond more.
        for _ in 0..90 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        () = second => panic!("{what} took longer than a second"),
    }
}

pub async fn start(config: Config) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Server::start(vec![listener], config).unwrap()
}

pub fn port(server: &Server) -> u16 {
    server.addresses()[0].port()
}

/// Opens a WebSocket; a refusal is its HTTP status.
pub async fn websocket(
    port: u16,
    path: &str,
    protocols: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, u16> {
    let mut request = Request::builder()
        .uri(format!("ws://127.0.0.1:{port}{path}"))
        .header("host", format!("127.0.0.1:{port}"))
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", tokio_tungstenite::tungstenite::handshake::client::generate_key())
        .header("sec-websocket-protocol", protocols)
        .body(())
        .unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
    }
    match timeout(PATIENCE, connect_async(request)).await.expect("an answer in time") {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

/// One HTTP exchange by hand: the status, and everything that came.
pub async fn http(port: u16, request: &str) -> (u16, String) {
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, tcp.read_to_end(&mut answer)).await.expect("an answer in time").unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer)
}

pub async fn post_ticket(port: u16, rid: &str, headers: &str) -> (u16, String) {
    let body = format!("{{\"rid\":\"{rid}\"}}");
    let request = format!(
        "POST /v1/ticket HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    http(port, &request).await
}

pub async fn ticket(port: u16, rid: Rid, headers: &str) -> String {
    let (status, answer) = post_ticket(port, &rid.to_string(), headers).await;
    assert_eq!(status, 200, "{answer}");
    let (_, rest) = answer.split_once("\"ticket\":\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

pub struct Host(pub Socket);

impl Host {
    pub async fn register(port: u16, n: u8) -> Self {
        let mut host = Self(websocket(port, "/v1/host", "longrein.1", &[]).await.unwrap());
        host.send(&HostFrame::Register(secret(n))).await;
        assert_eq!(host.recv().await, HostFrame::Registered(rid(n)).to_vec());
        host
    }

    pub async fn send(&mut self, frame: &HostFrame<'_>) {
        self.0.send(Message::binary(frame.to_vec())).await.unwrap();
    }

    pub async fn data(&mut self, conn: Conn, body: &[u8]) {
        self.send(&HostFrame::Data { conn, body }).await;
    }

    pub async fn recv(&mut self) -> Bytes {
        frame(&mut self.0).await.expect("a frame")
    }

    /// The next client.
    pub async fn opened(&mut self) -> Conn {
        let frame = self.recv().await;
        let Ok(HostFrame::Open { conn, address }) = HostFrame::decode(&frame) else { panic!("{frame:?}") };
        assert!(!address.is_empty());
        conn
    }
}

pub struct Client(pub Socket);

impl Client {
    pub async fn connect(port: u16, n: u8) -> Self {
        let protocols = format!("longrein.1, ticket.{}", ticket(port, rid(n), "").await);
        Self(websocket(port, &format!("/v1/connect/{}", rid(n)), &protocols, &[]).await.unwrap())
    }

    /// Connected to a host that is there.
    pub async fn join(port: u16, n: u8) -> Self {
        let mut client = Self::connect(port, n).await;
        assert!(client.presence().await);
        client
    }

    pub async fn send(&mut self, frame: &ClientFrame<'_>) {
        self.0.send(Message::binary(frame.to_vec())).await.unwrap();
    }

    pub async fn data(&mut self, body: &[u8]) {
        self.send(&ClientFrame::Data(body)).await;
    }

    pub async fn recv(&mut self) -> Bytes {
        frame(&mut self.0).await.expect("a frame")
    }

    pub async fn presence(&mut self) -> bool {
        let frame = self.recv().await;
        let Ok(ClientFrame::Presence { online, .. }) = ClientFrame::decode(&frame) else {
            panic!("{frame:?}")
        };
        online
    }
}

/// The next frame, or the code of the close; pings of the WebSocket itself are passed over.
pub async fn frame(socket: &mut Socket) -> Result<Bytes, Option<u16>> {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("something in time") {
            Some(Ok(Message::Binary(frame))) => return Ok(frame),
            Some(Ok(Message::Close(reason))) => return Err(reason.map(|reason| reason.code.into())),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
    }
}

/// Reads to the end: how the relay closed this socket; `None` where it was cut.
pub async fn closed(socket: &mut Socket) -> Option<CloseCode> {
    loop {
        if let Err(code) = frame(socket).await {
            return code.and_then(|code| code.checked_sub(4000)).map(CloseCode::from_u16);
        }
    }
}
