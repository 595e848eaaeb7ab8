//! As much of HTTP as a script uses: one request on each connection, and server-sent events.

use data_encoding::BASE64;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// A server, and what is shown to it.
pub struct Http {
    address: String,
    authorization: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// One event of a stream.
#[derive(Debug, Default)]
pub struct Event {
    pub kind: String,
    pub id: Option<String>,
    pub data: Value,
}

/// A stream of events.
pub struct Events {
    lines: BufReader<Chunked>,
}

/// The body of an answer in chunks (RFC 9112, section 7.1).
struct Chunked {
    from: BufReader<TcpStream>,
    left: usize,
    over: bool,
}

impl Http {
    pub fn new(address: &str, token: &str) -> Self {
        let authorization = if token.is_empty() { String::new() } else { format!("Bearer {token}") };
        Self { address: address.to_owned(), authorization }
    }

    pub fn basic(address: &str, user: &str, password: &str) -> Self {
        let both = BASE64.encode(format!("{user}:{password}").as_bytes());
        Self { address: address.to_owned(), authorization: format!("Basic {both}") }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("Content-Type", "application/json")], body.to_string().as_bytes())
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let (head, mut from) = self.ask(method, path, headers, body);
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut body = Vec::new();
        if head.to_lowercase().contains("transfer-encoding: chunked") {
            Chunked { from, left: 0, over: false }.read_to_end(&mut body).unwrap();
        } else {
            from.read_to_end(&mut body).unwrap();
        }
        Answer { status, head, body }
    }

    /// A stream of events; the answer must be one.
    pub fn stream(&self, path: &str, headers: &[(&str, &str)]) -> Events {
        let headers = [headers, &[("Accept", "text/event-stream")]].concat();
        let (head, from) = self.ask("GET", path, &headers, b"");
        assert!(head.contains(" 200 ") && head.to_lowercase().contains("text/event-stream"), "{head}");
        Events { lines: BufReader::new(Chunked { from, left: 0, over: false }) }
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (String, BufReader<TcpStream>) {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        let length = body.len().to_string();
        let mut lines = vec![("Connection", "close"), ("Content-Length", length.as_str())];
        if headers.iter().all(|(name, _)| *name != "Host") {
            lines.push(("Host", &self.address));
        }
        if !self.authorization.is_empty() {
            lines.push(("Authorization", &self.authorization));
        }
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        for (name, value) in lines.iter().chain(headers) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        socket.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // It may be refused before it is read.
        let _ = socket.write_all(body);
        let mut from = BufReader::new(socket);
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            assert!(from.read_line(&mut answer).unwrap() > 0, "no answer: {answer:?}");
        }
        (answer, from)
    }
}

impl Events {
    /// The next event; there must be one.
    pub fn next(&mut self) -> Event {
        let mut event = Event::default();
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the stream has ended");
            match line.trim_end().split_once(": ") {
                Some(("event", kind)) => kind.clone_into(&mut event.kind),
                Some(("id", id)) => event.id = Some(id.to_owned()),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                // A comment keeps the stream alive.
                _ if line.trim().is_empty() && !event.kind.is_empty() => return event,
                _ => {}
            }
        }
    }

    /// Up to an event of this kind; gives its id.
    pub fn until(&mut self, kind: &str) -> String {
        loop {
            let event = self.next();
            if event.kind == kind {
                return event.id.expect("an id");
            }
        }
    }

    /// Whether nothing follows; waits until that is known.
    pub fn ended(&mut self) -> bool {
        self.lines.fill_buf().unwrap().is_empty()
    }
}

impl std::io::Read for Chunked {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 && !self.over {
            let mut size = String::new();
            while size.trim().is_empty() {
                size.clear();
                if self.from.read_line(&mut size)? == 0 {
                    self.over = true;
                    return Ok(0);
                }
            }
            self.left = usize::from_str_radix(size.trim(), 16).expect("a chunk's size");
            self.over = self.left == 0;
        }
        if self.over {
            return Ok(0);
        }
        let most = into.len().min(self.left);
        let count = self.from.read(&mut into[..most])?;
        self.left -= count;
        Ok(count)
    }
}
