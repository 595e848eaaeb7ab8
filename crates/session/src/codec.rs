//! A message's bytes: `u32be header length | JSON header | payload`.
//!
//! Inside a sealed record one message is the whole plaintext. On a unix socket each message is preceded by its total
//! length as `u32be`.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest message, in bytes: with the record's and the frame's own bytes it stays below
/// [`wire::limits::MAX_FRAME`].
pub const MAX_MESSAGE: usize = 64_000;
/// Largest payload of one output event, snapshot piece or input command, in bytes.
pub const MAX_PAYLOAD: usize = 32_768;

/// Bytes that are not a message. Always the sender's fault.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than its own header says, or than any header.
    #[error("message is cut short")]
    Truncated,
    /// Over [`MAX_MESSAGE`].
    #[error("message is larger than {MAX_MESSAGE} bytes")]
    TooLarge,
    /// The header is not JSON of a known type.
    #[error("message header does not parse: {0}")]
    Header(#[from] serde_json::Error),
}

/// Appends header and payload to `out`.
///
/// # Panics
/// Never for the message types of this crate, whose serialisation cannot fail.
pub fn encode<H: Serialize>(header: &H, payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    serde_json::to_writer(&mut *out, header).expect("message headers serialise");
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    out.extend_from_slice(payload);
}

/// Reads one message; the payload shares `bytes`.
pub fn decode<H: DeserializeOwned>(bytes: &Bytes) -> Result<(H, Bytes), DecodeError> {
    if bytes.len() > MAX_MESSAGE {
        return Err(DecodeError::TooLarge);
    }
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(DecodeError::Truncated)?;
    let length = u32::from_be_bytes(*length) as usize;
    if length > rest.len() {
        return Err(DecodeError::Truncated);
    }
    let header = serde_json::from_slice(&rest[..length])?;
    Ok((header, bytes.slice(4 + length..)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SessionId, StreamId};
    use crate::message::{Act, EndedBy, Event, Method, RunState, Size, Summary, ToClient, ToHost, Ttl};
    use proptest::prelude::*;

    fn session() -> SessionId {
        SessionId::from_random([7; 10])
    }

    fn bytes<H: Serialize>(header: &H, payload: &[u8]) -> Bytes {
        let mut out = Vec::new();
        encode(header, payload, &mut out);
        out.into()
    }

    #[test]
    fn an_output_event_is_these_bytes() {
        let event = ToClient::Event { session: session(), epoch: 1, seq: 2, at: 3, event: Event::Output };
        let header =
            format!(r#"{{"t":"event","session":"{}","epoch":1,"seq":2,"at":3,"kind":"output"}}"#, session());
        let mut expected = u32::try_from(header.len()).unwrap().to_be_bytes().to_vec();
        expected.extend_from_slice(header.as_bytes());
        expected.extend_from_slice(b"hi");
        assert_eq!(bytes(&event, b"hi"), expected);
        assert_eq!(decode::<ToClient>(&expected.into()).unwrap(), (event, Bytes::from_static(b"hi")));
    }

    #[test]
    fn nested_enums_come_back_as_they_were() {
        let size = Size { cols: 80, rows: 24 };
        let messages = [
            ToHost::Hello {
                client: "c".into(),
                version: 1,
                features: vec![],
                stream: StreamId::from_random([1; 10]),
                peer: None,
                token: None,
            },
            ToHost::Command { session: session(), n: 1, act: Act::Resize { size } },
            ToHost::Call { id: 1, method: Method::SessionList { after: None } },
            ToHost::Call { id: u64::MAX >> 11, method: Method::SessionStop { session: session() } },
            ToHost::Call {
                id: 2,
                method: Method::SessionTtl { session: session(), ttl: Ttl::More { seconds: 60 } },
            },
            ToHost::Command { session: session(), n: 2, act: Act::Ttl(Ttl::Off) },
            ToHost::Ack { session: session(), epoch: 1, seq: 9, part: Some(3) },
        ];
        for message in messages {
            assert_eq!(decode::<ToHost>(&bytes(&message, b"")).unwrap().0, message);
        }
        let summary = Summary {
            id: session(),
            name: "n".into(),
            command: vec!["bash".into()],
            cwd: "/".into(),
            branch: None,
            run: RunState::Ended { exit: -1, at: 5, by: EndedBy::Time },
            keeper_pid: None,
            started_at: 1,
            ends_at: None,
            continues: Some(session()),
            imported: false,
            last_activity: 2,
            title: String::new(),
            size,
            head: crate::message::Cursor { epoch: 1, seq: 1 },
            attached: 0,
            approvals: Vec::new(),
            grants: Vec::new(),
            agent: None,
            preview: vec!["é".into()],
        };
        let changed = ToClient::Changed { summary: Box::new(summary) };
        assert_eq!(decode::<ToClient>(&bytes(&changed, b"")).unwrap().0, changed);
    }

    #[test]
    fn what_is_not_a_message_is_said_to_be_so() {
        let good = bytes(&ToHost::Ping { sent: 1, every: None }, b"");
        assert!(matches!(decode::<ToHost>(&good.slice(..3)), Err(DecodeError::Truncated)));
        assert!(matches!(decode::<ToHost>(&good.slice(..good.len() - 1)), Err(DecodeError::Truncated)));
        assert!(matches!(decode::<ToHost>(&vec![0; MAX_MESSAGE + 1].into()), Err(DecodeError::TooLarge)));
        assert!(matches!(decode::<ToHost>(&bytes(&"x", b"")), Err(DecodeError::Header(_))));
        let unknown = bytes(&serde_json::json!({"t": "teleport"}), b"");
        assert!(matches!(decode::<ToHost>(&unknown), Err(DecodeError::Header(_))));
        let newer = bytes(&serde_json::json!({"t": "ping", "sent": 1, "later": true}), b"");
        assert!(decode::<ToHost>(&newer).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail_without_panic(input in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode::<ToHost>(&input.clone().into());
            let _ = decode::<ToClient>(&input.into());
        }

        #[test]
        fn one_flipped_byte_never_panics(at in 0usize..200, bit in 0u8..8) {
            let event = ToClient::Event { session: session(), epoch: 1, seq: 2, at: 3, event: Event::Output };
            let mut wrong = bytes(&event, b"payload").to_vec();
            let at = at % wrong.len();
            wrong[at] ^= 1 << bit;
            let _ = decode::<ToClient>(&wrong.into());
        }
    }
}
