//! What can be read of a message that only a newer version knows.
//!
//! Keepers outlive upgrades, and phones are upgraded at another time than hosts, so that each may speak to an older one.
//! What is not known is passed over; but an event has a number that the log counts, and a command one that its stream
//! counts, so that nothing comes right any more behind one that was passed over in silence.

use crate::codec;
use crate::id::SessionId;
use crate::message::{Cursor, ErrorKind, Event, Failure};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// A message whose header does not parse as any that is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Later {
    /// A call: it is answered.
    Call {
        /// The client's number for it.
        id: u64,
    },
    /// A command: it is refused in its turn.
    Command {
        /// For which session.
        session: SessionId,
        /// Its number in the stream.
        n: u64,
    },
    /// An event: it is taken for [`Later::event`].
    Event {
        /// Of which session.
        session: SessionId,
        /// Its place.
        at: Cursor,
        /// When, Unix milliseconds.
        time: u64,
    },
    /// Something that nobody waits for.
    Other,
}

#[derive(Deserialize)]
struct Type {
    t: String,
}

#[derive(Deserialize)]
struct Call {
    id: u64,
}

#[derive(Deserialize)]
struct Command {
    session: SessionId,
    n: u64,
}

#[derive(Deserialize)]
struct Entry {
    session: SessionId,
    #[serde(flatten)]
    at: Cursor,
    #[serde(rename = "at", default)]
    time: u64,
}

fn read<T: DeserializeOwned>(message: &Bytes) -> Option<T> {
    codec::decode(message).ok().map(|(header, _)| header)
}

impl Later {
    /// Reads what can be read.
    pub fn of(message: &Bytes) -> Self {
        // One type's fields mean something else in another.
        let read = match read(message).as_ref().map(|Type { t }| t.as_str()) {
            Some("call") => read(message).map(|Call { id }| Self::Call { id }),
            Some("command") => read(message).map(|Command { session, n }| Self::Command { session, n }),
            Some("event") => {
                read(message).map(|Entry { session, at, time }| Self::Event { session, at, time })
            }
            Some(_) | None => None,
        };
        read.unwrap_or(Self::Other)
    }

    /// What an event of a newer version's kind is shown as. It is none that is ever trimmed, since it may be one.
    pub fn event() -> Event {
        Event::Banner { text: "An event of a newer version is not shown.".to_owned() }
    }

    /// Why a call or a command of a newer version is refused.
    pub fn refusal() -> Failure {
        Failure {
            kind: ErrorKind::NotFound,
            message: "this is not known here".to_owned(),
            hint: "the client may be newer than the host, or the host than the session".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str) -> Later {
        let mut message = Vec::new();
        codec::encode(&serde_json::from_str::<serde_json::Value>(header).unwrap(), b"payload", &mut message);
        Later::of(&message.into())
    }

    #[test]
    fn what_is_counted_is_read() {
        let session = SessionId::from_random([1; 10]);
        assert_eq!(
            of(r#"{"t":"call","id":7,"method":"host.dream","params":{"n":1}}"#),
            Later::Call { id: 7 }
        );
        let command = format!(r#"{{"t":"command","session":"{session}","n":3,"do":{{"type":"dream"}}}}"#);
        assert_eq!(of(&command), Later::Command { session: session.clone(), n: 3 });
        let event = format!(
            r#"{{"t":"event","session":"{session}","epoch":1,"seq":2,"at":3,"kind":"dream","n":[]}}"#
        );
        assert_eq!(of(&event), Later::Event { session, at: Cursor { epoch: 1, seq: 2 }, time: 3 });
        assert!(!Later::event().is_trimmable());
    }

    #[test]
    fn anything_else_is_nothing() {
        for header in [r#"{"t":"dream"}"#, r#"{"t":"command","n":3}"#, r#"{"t":"event","seq":-1}"#, "[]", "7"]
        {
            assert_eq!(of(header), Later::Other, "{header}");
        }
        assert_eq!(Later::of(&Bytes::from_static(b"\xff\xff")), Later::Other);
    }
}
