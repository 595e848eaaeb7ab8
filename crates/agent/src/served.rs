//! What is said between an adapter and a program that answers over HTTP beside its terminal, in the lines that adapters
//! speak: the keeper makes requests of what is sent, and gives back what is answered and what the program tells.

/// Where a program answers, on 127.0.0.1.
#[derive(Clone)]
pub struct Place {
    /// Its port.
    pub port: u16,
    /// The `Authorization` that it wants of everybody.
    pub authorization: String,
    /// The path that answers at once, once it is up.
    pub health: &'static str,
    /// The path whose answer tells of events, and does not end (Server-Sent Events).
    pub events: &'static str,
}

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub struct Ask<'a> {
    /// Names it in the answer.
    pub id: u64,
    /// The method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// JSON; empty where there is none.
    pub body: &'a str,
}

impl<'a> Ask<'a> {
    /// As a line.
    pub fn line(&self) -> Vec<u8> {
        let Self { id, method, path, body } = self;
        format!("{id} {method} {path} {body}").into_bytes()
    }

    /// Of a line.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(line).ok()?.splitn(4, ' ');
        let id = words.next()?.parse().ok()?;
        Some(Self { id, method: words.next()?, path: words.next()?, body: words.next()? })
    }
}

/// What is heard.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// It tells of an event.
    Event(&'a [u8]),
    /// It answers.
    Answer {
        /// Which request.
        id: u64,
        /// Its status; 0 where there was no answer.
        status: u16,
        /// What it says, or why there was no answer.
        body: &'a [u8],
    },
}

impl<'a> Heard<'a> {
    /// As a line.
    pub fn line(&self) -> Vec<u8> {
        let (head, body) = match self {
            Self::Event(event) => ("- ".to_owned(), event),
            Self::Answer { id, status, body } => (format!("{id} {status} "), body),
        };
        [head.as_bytes(), body].concat()
    }

    /// Of a line.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let mut parts = line.splitn(2, |byte| *byte == b' ');
        let (first, rest) = (parts.next()?, parts.next()?);
        if first == b"-" {
            return Some(Self::Event(rest));
        }
        let mut parts = rest.splitn(2, |byte| *byte == b' ');
        let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse().ok();
        let id = number(first)?;
        let status = u16::try_from(number(parts.next()?)?).ok()?;
        Some(Self::Answer { id, status, body: parts.next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        for body in ["", r#"{"a": "b c"}"#] {
            let ask = Ask { id: 7, method: "POST", path: "/a", body };
            assert_eq!(Ask::read(&ask.line()), Some(ask));
        }
        for body in [&b""[..], b"{ } \xff"] {
            for heard in [Heard::Event(body), Heard::Answer { id: 7, status: 200, body }] {
                assert_eq!(Heard::read(&heard.line()), Some(heard));
            }
        }
        for nonsense in [&b""[..], b"-", b"7", b"7 200", b"x 200 ", b"7 70000 "] {
            assert_eq!(Heard::read(nonsense), None);
        }
        assert_eq!(Ask::read(b"7 GET"), None);
    }
}
