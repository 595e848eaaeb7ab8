//! The names of sessions, devices, command streams and invitations.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Text that is not an id: wrong length, or a character outside `a-z`, `2-7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct IdError(&'static str);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// An id of 16 characters (80 bits) from ten random bytes.
            pub fn from_random(bytes: [u8; 10]) -> Self {
                const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
                let mut number = bytes.iter().fold(0u128, |n, b| n << 8 | u128::from(*b));
                let mut text = String::with_capacity(16);
                for _ in 0..16 {
                    text.push(char::from(ALPHABET[(number & 31) as usize]));
                    number >>= 5;
                }
                Self(text)
            }

            /// The 16 characters.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                let known = |b: u8| matches!(b, b'a'..=b'z' | b'2'..=b'7');
                if text.len() == 16 && text.bytes().all(known) { Ok(Self(text)) } else { Err(IdError($what)) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A session: one agent or shell with one log.
    SessionId,
    "session id"
);
id!(
    /// A paired device.
    DeviceId,
    "device id"
);
id!(
    /// One numbering of commands. A device's browser tabs and terminals each have their own, because they share its
    /// key but not a counter; a client that comes back after a crash keeps the one its queue was numbered with.
    StreamId,
    "stream id"
);
id!(
    /// An approval.
    ApprovalId,
    "approval id"
);
id!(
    /// An invitation, as its news call it. It is random and has nothing to do with the token, so that knowing it opens
    /// nothing.
    InvitationId,
    "invitation id"
);
