//! What makes it private: keys, invitations, the handshake, and the channel of sealed records it leads to.
//!
//! One handshake serves everything: `Noise_IKpsk2_25519_AESGCM_SHA256` between a device and a host whose key the device
//! pinned, with a pre-shared key that comes from an invitation (pairing) or from enrolment (every later connection).
//! What always holds: a hello changes nothing at the host until the first record of its client has opened
//! ([`Channel::confirmed`]); a record opens once, in order, or the channel is over; keys and counters cannot be cloned,
//! saved or printed.
//!
//! This crate is pure: no IO, no clock, no randomness of its own. A caller brings `std::time::Instant`s and a
//! [`rand_core::CryptoRng`].

mod body;
mod channel;
mod handshake;
mod hello;
mod invitation;
mod key;
mod noise;
#[cfg(test)]
mod vectors;
mod words;

pub use body::{Body, Refusal};
pub use channel::{
    Channel, LIFETIME, MAX_PLAINTEXT, OVERHEAD, OpenError, REKEY_AFTER, REKEY_RECORDS, RENEW_AFTER, SealError,
};
pub use handshake::{HandshakeError, Initiator, Pending};
pub use hello::{ClientHello, HostHello, MAX_LABEL};
pub use invitation::{Invitation, InvitationError, origin};
pub use key::{KeyError, Psk, PublicKey, StaticSecret, Token, TokenId};
pub use words::words_of;

/// The version of the handshake and of the records; part of every handshake's prologue.
pub const VERSION: u8 = 1;
