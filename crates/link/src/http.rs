//! HTTP/1.1 to a program on this machine that listens on 127.0.0.1 and knows a password (RFC 7617, Basic).

use crate::Error;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// An answer has begun after so long, and is whole after so long.
const STEP: Duration = Duration::from_secs(10);

/// The program.
#[derive(Clone)]
pub struct Local {
    port: u16,
    /// The `Authorization` that it wants.
    authorization: String,
}

/// An answer that goes on and on.
pub struct Stream {
    body: Incoming,
    connection: tokio::task::JoinHandle<()>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Stream {
    /// More of it; `None` at its end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Ok(data) = self.body.frame().await?.ok()?.into_data() {
                return Some(data);
            }
        }
    }
}

impl Local {
    /// The program that listens on this port.
    pub fn new(port: u16, authorization: String) -> Self {
        Self { port, authorization }
    }

    /// Asks without the password, and gives the answer's status.
    pub async fn stranger(&self, path: &str) -> Result<u16, Error> {
        let stranger = Self { port: self.port, authorization: String::new() };
        within(async {
            let (response, connection) = stranger.send("GET", path, None).await?;
            connection.abort();
            Ok(response.status().as_u16())
        })
        .await
    }

    /// Asks, and gives the answer's status and its body, which has at most so many bytes.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<Bytes>,
        most: usize,
    ) -> Result<(u16, Bytes), Error> {
        within(async {
            let (response, connection) = self.send(method, path, body).await?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), most).collect().await;
            connection.abort();
            Ok((status, body.map_err(|error| Error::Malformed(error.to_string()))?.to_bytes()))
        })
        .await
    }

    /// Begins to follow an answer that does not end.
    pub async fn follow(&self, path: &str) -> Result<Stream, Error> {
        let (response, connection) = within(self.send("GET", path, None)).await?;
        let status = response.status().as_u16();
        let stream = Stream { body: response.into_body(), connection };
        if status != 200 {
            return Err(Error::Malformed(format!("status {status}")));
        }
        Ok(stream)
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<(Response<Incoming>, tokio::task::JoinHandle<()>), Error> {
        let broken = |error: hyper::Error| Error::Malformed(error.to_string());
        let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .await
            .map_err(Error::io("connecting to a program on this machine"))?;
        let (mut requests, connection) = http1::handshake(TokioIo::new(tcp)).await.map_err(broken)?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| Error::Url(error.to_string()))?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, format!("127.0.0.1:{}", self.port))
            .header(header::CONTENT_TYPE, "application/json");
        if !self.authorization.is_empty() {
            request = request.header(header::AUTHORIZATION, &self.authorization);
        }
        let request = request
            .body(Full::new(body.unwrap_or_default()))
            .map_err(|error| Error::Url(error.to_string()))?;
        let connection = tokio::spawn(async move {
            // Why it ended is told where the answer is read.
            let _ = pin!(connection).await;
        });
        let response = requests.send_request(request).await;
        if response.is_err() {
            connection.abort();
        }
        Ok((response.map_err(broken)?, connection))
    }
}

async fn within<T>(step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    timeout(STEP, step).await.map_err(|_| Error::Timeout("a program on this machine"))?
}
