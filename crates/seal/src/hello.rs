//! The payloads of the two handshake messages.

use crate::key::{Psk, TokenId};
use serde::{Deserialize, Serialize};

/// Longest name a device may give itself, in characters.
pub const MAX_LABEL: usize = 64;

/// What a client says in the first message: encrypted to the host, but replayable, so nothing may happen on it alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ClientHello {
    /// Enrol this device. The pre-shared key is the token's.
    Pair {
        /// Which invitation.
        token: TokenId,
        /// The device's own name for itself: 1 to [`MAX_LABEL`] characters, none of them a control character.
        label: String,
        /// SHA-256 of the web app the client runs, as lower-case hex; clients that are not pages have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bundle: Option<String>,
    },
    /// This device is enrolled. The pre-shared key is the secret it got then.
    Resume {},
}

impl ClientHello {
    /// Whether every field is within its bounds.
    pub(crate) fn is_valid(&self) -> bool {
        match self {
            Self::Resume {} => true,
            Self::Pair { token: _, label, bundle } => {
                let hex = |text: &String| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
                is_label(label) && bundle.as_ref().is_none_or(hex)
            }
        }
    }
}

/// A label is shown at the host's terminal, so it must not be able to write to it.
fn is_label(text: &str) -> bool {
    (1..=MAX_LABEL).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// What a host says in the second message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostHello {
    /// The versions of the session messages that this host speaks.
    pub versions: Vec<u32>,
    /// The host's clock, Unix milliseconds.
    pub time: u64,
    /// Names of optional abilities.
    #[serde(default)]
    pub features: Vec<String>,
    /// The id of the new device. When pairing only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The pre-shared key of every later handshake. When pairing only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Psk>,
    /// A person must confirm at the host before the channel is of use; the words are for that.
    #[serde(default)]
    pub confirm: bool,
}
