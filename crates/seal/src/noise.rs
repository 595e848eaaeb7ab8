//! The primitives behind snow: X25519 by x25519-dalek, AES-GCM by ring, SHA-256 by sha2, and no randomness but the
//! caller's.
//!
//! snow's own resolver would draw from the system and accept a Diffie-Hellman result of all zeros; this one does neither.

use crate::key::StaticSecret;
use crate::{VERSION, handshake::HandshakeError};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, Error, HandshakeState};
use std::sync::{Arc, OnceLock};
use wire::Rid;
use x25519_dalek as x25519;
use zeroize::Zeroizing;

pub(crate) const PATTERN: &str = "Noise_IKpsk2_25519_AESGCM_SHA256";
/// Where the pre-shared key stands in the pattern.
pub(crate) const PSK: u8 = 2;
/// Bytes of an AES-GCM tag.
pub(crate) const TAG: usize = 16;

/// The one draw of 32 bytes a handshake makes, for its ephemeral key; filled in before the message that needs it.
pub(crate) type Entropy = Arc<OnceLock<Zeroizing<[u8; 32]>>>;

/// `"longrein/1" || version || rid`: both sides must mean the same slot and version.
fn prologue(rid: &Rid) -> Vec<u8> {
    [b"longrein/1".as_slice(), &[VERSION], &rid.0].concat()
}

/// A handshake's machine, from the caller's side of it.
pub(crate) fn state(
    local: &StaticSecret,
    remote: Option<&[u8; 32]>,
    psk: Option<&[u8; 32]>,
    rid: &Rid,
    entropy: Entropy,
) -> Result<HandshakeState, HandshakeError> {
    build(local, remote, psk, &prologue(rid), entropy).map_err(HandshakeError::from)
}

pub(crate) fn build(
    local: &StaticSecret,
    remote: Option<&[u8; 32]>,
    psk: Option<&[u8; 32]>,
    prologue: &[u8],
    entropy: Entropy,
) -> Result<HandshakeState, Error> {
    let mut builder = Builder::with_resolver(PATTERN.parse()?, Box::new(Primitives(entropy)))
        .prologue(prologue)?
        .local_private_key(local.as_bytes())?;
    if let Some(psk) = psk {
        builder = builder.psk(PSK, psk)?;
    }
    match remote {
        Some(remote) => builder.remote_public_key(remote)?.build_initiator(),
        None => builder.build_responder(),
    }
}

struct Primitives(Entropy);

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Draw(Some(self.0.clone()))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        (*choice == DHChoice::Curve25519).then(|| Box::<X25519>::default() as _)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        (*choice == HashChoice::SHA256).then(|| Box::<Sha>::default() as _)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        (*choice == CipherChoice::AESGCM).then(|| Box::new(AesGcm { key: aes_key(&[0; 32]) }) as _)
    }
}

/// Gives the entropy once; a second draw would make a second key of the same bytes, and fails.
struct Draw(Option<Entropy>);

impl Random for Draw {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        let entropy = self.0.take().ok_or(Error::Rng)?;
        let bytes = entropy.get().ok_or(Error::Rng)?;
        let bytes = bytes.get(..dest.len()).ok_or(Error::Rng)?;
        dest.copy_from_slice(bytes);
        Ok(())
    }
}

struct X25519 {
    secret: x25519::StaticSecret,
    public: x25519::PublicKey,
}

impl Default for X25519 {
    fn default() -> Self {
        // A place to put a key; snow sets or generates one before it is used.
        Self { secret: [0; 32].into(), public: [0; 32].into() }
    }
}

impl Dh for X25519 {
    fn name(&self) -> &'static str {
        "25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, privkey: &[u8]) {
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(privkey);
        self.secret = (*bytes).into();
        self.public = (&self.secret).into();
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut *bytes)?;
        self.set(&*bytes);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        self.public.as_bytes()
    }

    fn privkey(&self) -> &[u8] {
        self.secret.as_bytes()
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let public: [u8; 32] = pubkey.get(..32).and_then(|key| key.try_into().ok()).ok_or(Error::Dh)?;
        let shared = self.secret.diffie_hellman(&public.into());
        // A point of small order gives zeros whatever the secret is, so that "shared" would mean nothing.
        if !shared.was_contributory() {
            return Err(Error::Dh);
        }
        out.get_mut(..32).ok_or(Error::Dh)?.copy_from_slice(shared.as_bytes());
        Ok(())
    }
}

#[derive(Default)]
struct Sha(Sha256);

impl Hash for Sha {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = Sha256::new();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        out[..32].copy_from_slice(&self.0.finalize_reset());
    }
}

/// A key for AES-256-GCM.
pub(crate) fn aes_key(bytes: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256 takes 32 bytes"))
}

/// Noise's nonce for AES-GCM: 32 zero bits, then the counter in big-endian order.
pub(crate) fn nonce(counter: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&counter.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

/// Encrypts in place and gives the tag.
pub(crate) fn encrypt(key: &LessSafeKey, counter: u64, ad: &[u8], text: &mut [u8]) -> [u8; TAG] {
    let tag = key
        .seal_in_place_separate_tag(nonce(counter), Aad::from(ad), text)
        .expect("nothing here comes near AES-GCM's bound of 64 GiB");
    let mut bytes = [0; TAG];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

struct AesGcm {
    key: LessSafeKey,
}

impl Cipher for AesGcm {
    fn name(&self) -> &'static str {
        "AESGCM"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.key = aes_key(key);
    }

    fn encrypt(&self, counter: u64, ad: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        let (text, rest) = out.split_at_mut(plaintext.len());
        text.copy_from_slice(plaintext);
        rest[..TAG].copy_from_slice(&encrypt(&self.key, counter, ad, text));
        plaintext.len() + TAG
    }

    fn decrypt(&self, counter: u64, ad: &[u8], ciphertext: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let mut text = Zeroizing::new(ciphertext.to_vec());
        let plain =
            self.key.open_in_place(nonce(counter), Aad::from(ad), &mut text).map_err(|_| Error::Decrypt)?;
        out.get_mut(..plain.len()).ok_or(Error::Input)?.copy_from_slice(plain);
        Ok(plain.len())
    }
}
