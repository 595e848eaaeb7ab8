//! Slot ids, connection ids, tickets, and the secret that owns a slot.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// An id that is not base64url, or not of the right length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}")]
pub struct IdError {
    what: &'static str,
}

fn decode<const N: usize>(text: &str, what: &'static str) -> Result<[u8; N], IdError> {
    BASE64URL_NOPAD
        .decode(text.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(IdError { what })
}

/// A host's slot on a relay: 16 bytes, public, derived from its [`RelaySecret`]. Written as base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rid(pub [u8; 16]);

impl fmt::Display for Rid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for Rid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rid({self})")
    }
}

impl FromStr for Rid {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        decode(text, "slot id").map(Self)
    }
}

/// What a host shows a relay to own its slot. Knowing the [`Rid`] does not give it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RelaySecret(pub [u8; 32]);

impl RelaySecret {
    /// The slot this secret owns: `SHA-256("longrein/1 rid" || secret)[..16]`.
    pub fn rid(&self) -> Rid {
        let digest = Sha256::new().chain_update(b"longrein/1 rid").chain_update(self.0).finalize();
        let mut rid = [0; 16];
        rid.copy_from_slice(&digest[..16]);
        Rid(rid)
    }
}

impl fmt::Debug for RelaySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelaySecret(…)")
    }
}

impl PartialEq for RelaySecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for RelaySecret {}

/// One connection of a client to a host's slot; numbered by the relay, meaningful on one host link only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Conn(pub u32);

/// A client's one-time right to connect to a slot: 32 random bytes, written as base64url.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Ticket(pub [u8; 32]);

impl Ticket {
    /// What a relay keeps instead of the ticket.
    pub fn hash(&self) -> TicketHash {
        TicketHash(Sha256::digest(self.0).into())
    }

    /// The base64url form, as it stands in the subprotocol header.
    pub fn encode(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(…)")
    }
}

impl FromStr for Ticket {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        decode(text, "ticket").map(Self)
    }
}

/// SHA-256 of a [`Ticket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TicketHash(pub [u8; 32]);
