//! The handshake: one round trip, the same for pairing and for every later connection.

use crate::body::{Body, Refusal, kind};
use crate::channel::Channel;
use crate::hello::{ClientHello, HostHello};
use crate::key::{Psk, PublicKey, StaticSecret};
use crate::noise::{self, Entropy, PSK};
use rand_core::CryptoRng;
use serde::{Serialize, de::DeserializeOwned};
use snow::HandshakeState;
use std::fmt;
use std::sync::OnceLock;
use std::time::Instant;
use wire::Rid;
use zeroize::Zeroizing;

/// Largest handshake body, type byte included: keys, tags, and a payload with room to grow.
const MAX_BODY: usize = 4096;
/// Hellos are padded with spaces, which JSON allows behind a value, to a multiple of so many bytes: otherwise their
/// length would tell pairing from resuming, and how long a device's name is.
const PADDED: usize = 512;

/// Why no channel came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The peer sent something else, or something cut or too long. Its fault.
    #[error("not a handshake message")]
    Malformed,
    /// The message does not open: another key, slot, version or pre-shared key, or bytes changed on the way.
    #[error("the handshake message was not made for this key")]
    Forged,
    /// A public key of small order, or the key was wrong in length. The peer's fault, and no accident.
    #[error("the peer's key is not acceptable")]
    WeakKey,
    /// The message opened and its content is not a hello of this version.
    #[error("the hello does not parse")]
    BadHello,
    /// The host said no. Not authenticated, see [`Body::Refused`].
    #[error("the host refused the connection")]
    Refused(Refusal),
    /// Our own mistake: the machine was used in a way it does not allow.
    #[error("the handshake could not go on")]
    Internal,
}

impl From<snow::Error> for HandshakeError {
    fn from(error: snow::Error) -> Self {
        match error {
            snow::Error::Decrypt => Self::Forged,
            snow::Error::Dh => Self::WeakKey,
            snow::Error::Input => Self::Malformed,
            // snow's enum is open; whatever else it says is about how we drive it.
            _ => Self::Internal,
        }
    }
}

fn entropy(rng: &mut dyn CryptoRng) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *bytes);
    bytes
}

fn write<T: Serialize>(state: &mut HandshakeState, kind: u8, hello: &T) -> Result<Vec<u8>, HandshakeError> {
    let mut payload = Zeroizing::new(serde_json::to_vec(hello).map_err(|_| HandshakeError::BadHello)?);
    let padded = payload.len().next_multiple_of(PADDED);
    payload.resize(padded, b' ');
    let mut body = vec![0; MAX_BODY];
    body[0] = kind;
    let length = state.write_message(&payload, &mut body[1..])?;
    body.truncate(1 + length);
    Ok(body)
}

fn read<T: DeserializeOwned>(state: &mut HandshakeState, kind: u8, body: &[u8]) -> Result<T, HandshakeError> {
    let message = match body.split_first() {
        Some((first, message)) if *first == kind && body.len() <= MAX_BODY => message,
        _ => return Err(HandshakeError::Malformed),
    };
    let mut payload = Zeroizing::new(vec![0; MAX_BODY]);
    let length = state.read_message(message, &mut payload)?;
    serde_json::from_slice(&payload[..length]).map_err(|_| HandshakeError::BadHello)
}

/// What a finished handshake leaves.
struct Split {
    /// Client to host.
    up: Zeroizing<[u8; 32]>,
    /// Host to client.
    down: Zeroizing<[u8; 32]>,
    hash: [u8; 32],
}

fn split(mut state: HandshakeState) -> Result<Split, HandshakeError> {
    if !state.is_handshake_finished() {
        return Err(HandshakeError::Internal);
    }
    let hash = state.get_handshake_hash().try_into().map_err(|_| HandshakeError::Internal)?;
    let (up, down) = state.dangerously_get_raw_split();
    Ok(Split { up: Zeroizing::new(up), down: Zeroizing::new(down), hash })
}

/// A client that has sent its hello and waits for the reply.
pub struct Initiator(HandshakeState);

impl Initiator {
    /// Makes the `DATA` body that opens a connection to `host` in slot `rid`.
    pub fn start(
        device: &StaticSecret,
        host: &PublicKey,
        rid: Rid,
        psk: &Psk,
        hello: &ClientHello,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        if !hello.is_valid() {
            return Err(HandshakeError::BadHello);
        }
        let draw = Entropy::new(OnceLock::from(entropy(rng)));
        let mut state = noise::state(device, Some(&host.0), Some(psk.as_bytes()), &rid, draw)?;
        let body = write(&mut state, kind::HELLO, hello)?;
        Ok((Self(state), body))
    }

    /// Reads the reply. After this the host is known to be the pinned one and to know the pre-shared key.
    pub fn finish(mut self, body: &[u8], now: Instant) -> Result<(Channel, HostHello), HandshakeError> {
        if let Some(Body::Refused(refusal)) = Body::of(body) {
            return Err(HandshakeError::Refused(refusal));
        }
        let hello = read(&mut self.0, kind::HELLO_REPLY, body)?;
        let Split { up, down, hash } = split(self.0)?;
        Ok((Channel::new(&up, &down, hash, true, now), hello))
    }
}

impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Initiator(…)")
    }
}

/// A hello at the host: it says who calls, and waits for the host to pick the pre-shared key.
pub struct Pending {
    state: HandshakeState,
    entropy: Entropy,
    client: PublicKey,
    hello: ClientHello,
}

impl Pending {
    /// Reads a hello. It proves that the caller holds its device key at some time, maybe not now: it may be a replay.
    pub fn read(host: &StaticSecret, rid: Rid, body: &[u8]) -> Result<Self, HandshakeError> {
        let entropy = Entropy::default();
        let mut state = noise::state(host, None, None, &rid, entropy.clone())?;
        let hello: ClientHello = read(&mut state, kind::HELLO, body)?;
        if !hello.is_valid() {
            return Err(HandshakeError::BadHello);
        }
        let client = state.get_remote_static().and_then(|key| key.try_into().ok());
        let client = PublicKey(client.ok_or(HandshakeError::Internal)?);
        Ok(Self { state, entropy, client, hello })
    }

    /// The device that calls.
    pub fn client(&self) -> PublicKey {
        self.client
    }

    /// What it said.
    pub fn hello(&self) -> &ClientHello {
        &self.hello
    }

    /// Makes the reply. The channel is not [`Channel::confirmed`] before its client's first record.
    pub fn accept(
        mut self,
        psk: &Psk,
        hello: &HostHello,
        rng: &mut dyn CryptoRng,
        now: Instant,
    ) -> Result<(Channel, Vec<u8>), HandshakeError> {
        self.entropy.set(entropy(rng)).map_err(|_| HandshakeError::Internal)?;
        self.state.set_psk(usize::from(PSK), psk.as_bytes())?;
        let body = write(&mut self.state, kind::HELLO_REPLY, hello)?;
        let Split { up, down, hash } = split(self.state)?;
        Ok((Channel::new(&down, &up, hash, false, now), body))
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("client", &self.client).finish_non_exhaustive()
    }
}
