//! Things that come in several events, put together.

use crate::Update;
use bytes::{Bytes, BytesMut};
use session::approval::{MAX_REQUEST, digest};
use session::message::{Approval, Chat, Cursor, Event};

/// Bytes of something that was said; the keeper logs no more.
const MAX_CHAT: usize = 1024 * 1024;

/// What has come of them so far.
#[derive(Default)]
pub(crate) struct Pieces {
    bytes: BytesMut,
    /// The next piece; 0 where none is awaited.
    next: u32,
}

impl Pieces {
    /// Forgets what is not whole.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes in a [`Event::Chat`], [`Event::Asked`] or anything else of an agent's; gives out what is whole. What is broken
    /// is told as a note: the peer's fault, and no reason to end.
    pub fn handle(&mut self, cursor: Cursor, at: u64, event: Event, payload: &Bytes) -> Option<Update> {
        match event {
            Event::Chat { part, last } => {
                let json = self.whole(part, last, payload, MAX_CHAT)?;
                let chat = serde_json::from_slice(&json).unwrap_or_else(|_| unknown(&json));
                Some(Update::Chat { cursor, at, chat: Box::new(chat) })
            }
            Event::Asked { approval, part, last } => {
                let request = self.whole(part, last, payload, MAX_REQUEST)?;
                asked(*approval, request)
            }
            Event::Decided { approval, state } => Some(Update::Decided { approval, state }),
            Event::Revoked { grant, by } => Some(Update::Revoked { grant, by }),
            Event::Partial { item, from, thinking } => {
                let text = String::from_utf8_lossy(payload).into_owned();
                Some(Update::Partial { item, from, thinking, text })
            }
            _ => None,
        }
    }

    fn whole(&mut self, part: u32, last: bool, payload: &Bytes, most: usize) -> Option<Bytes> {
        if part == 0 {
            self.clear();
        }
        if part != self.next || self.bytes.len() + payload.len() > most {
            tracing::debug!(part, "a piece that does not fit");
            // Nothing more of it is taken.
            self.bytes.clear();
            self.next = u32::MAX;
            return None;
        }
        self.bytes.extend_from_slice(payload);
        self.next += 1;
        last.then(|| {
            self.next = 0;
            self.bytes.split().freeze()
        })
    }
}

/// What a newer version says, as it came.
fn unknown(json: &[u8]) -> Chat {
    serde_json::from_slice(json).map_or_else(
        |_| Chat::Note { text: "Something was said that cannot be read.".to_owned() },
        |json| Chat::Unknown { json },
    )
}

fn asked(approval: Approval, request: Bytes) -> Option<Update> {
    (digest(&request) == approval.digest).then(|| Update::Asked { approval: Box::new(approval), request })
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Cursor = Cursor { epoch: 1, seq: 1 };

    fn chat(pieces: &mut Pieces, part: u32, last: bool, text: &str) -> Option<Chat> {
        match pieces.handle(AT, 0, Event::Chat { part, last }, &Bytes::copy_from_slice(text.as_bytes())) {
            Some(Update::Chat { chat, .. }) => Some(*chat),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn pieces_are_joined_and_what_is_broken_is_not_taken() {
        let mut pieces = Pieces::default();
        let note = Chat::Note { text: "hi".to_owned() };
        let json = serde_json::to_string(&note).unwrap();
        let (first, rest) = json.split_at(5);
        assert_eq!(chat(&mut pieces, 0, false, first), None);
        assert_eq!(chat(&mut pieces, 1, true, rest), Some(note.clone()));
        assert_eq!(chat(&mut pieces, 0, false, first), None);
        assert_eq!(chat(&mut pieces, 2, true, rest), None, "one is missing");
        assert_eq!(chat(&mut pieces, 3, true, rest), None);
        assert_eq!(chat(&mut pieces, 0, true, &json), Some(note));
        assert_eq!(chat(&mut pieces, 1, true, &json), None, "nothing began");
        let later = chat(&mut pieces, 0, true, r#"{"type":"hologram","z":1}"#).unwrap();
        assert!(matches!(later, Chat::Unknown { json } if json["z"] == 1));
        assert!(matches!(chat(&mut pieces, 0, true, "no JSON"), Some(Chat::Note { .. })));
        for part in 0..40 {
            assert_eq!(chat(&mut pieces, part, part == 39, &"x".repeat(32_768)), None, "it is bounded");
        }
    }
}
