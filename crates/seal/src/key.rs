//! Long-lived keys, pre-shared keys and invitation tokens.

use data_encoding::BASE64URL_NOPAD;
use hkdf::Hkdf;
use rand_core::CryptoRng;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Text that is not a key: not base64url, or not of the right length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct KeyError(&'static str);

fn decode<const N: usize>(text: &str, what: &'static str) -> Result<[u8; N], KeyError> {
    let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| KeyError(what))?);
    bytes.as_slice().try_into().map_err(|_| KeyError(what))
}

fn random<const N: usize>(rng: &mut dyn CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn derive(secret: &[u8; 32], info: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    Hkdf::<Sha256>::new(None, secret).expand(info, &mut bytes).expect("HKDF-SHA256 gives 32 bytes");
    bytes
}

/// What is public of a key is written as base64url, as text and in JSON.
macro_rules! written_as_text {
    ($name:ident, $what:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&BASE64URL_NOPAD.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = KeyError;

            fn from_str(text: &str) -> Result<Self, KeyError> {
                decode(text, $what).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = KeyError;

            fn try_from(text: String) -> Result<Self, KeyError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(key: $name) -> Self {
                key.to_string()
            }
        }
    };
}

/// What is secret is 32 bytes, any of them, and never printed.
macro_rules! secret {
    ($name:ident) => {
        impl $name {
            /// A fresh one.
            pub fn generate(rng: &mut dyn CryptoRng) -> Self {
                Self(random(rng))
            }

            /// One that is known. Every 32 bytes are one.
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes, for storing or handing them on where only those read who may.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

/// An X25519 public key: a host's or a device's. Written as base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(pub [u8; 32]);

written_as_text!(PublicKey, "public key");

/// An X25519 private key: a host's identity, or a device's. Neither cloned nor printed; wiped when dropped.
#[derive(ZeroizeOnDrop)]
pub struct StaticSecret([u8; 32]);

impl StaticSecret {
    /// The key that others know this one by.
    pub fn public(&self) -> PublicKey {
        let secret = x25519_dalek::StaticSecret::from(self.0);
        PublicKey(x25519_dalek::PublicKey::from(&secret).to_bytes())
    }
}

secret!(StaticSecret);

/// The pre-shared key of a handshake: derived from a [`Token`] when pairing, and the device's own secret afterwards.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Psk([u8; 32]);

/// As base64url, for the second handshake message and for files that only their owner reads.
impl Serialize for Psk {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&Zeroizing::new(BASE64URL_NOPAD.encode(&self.0)))
    }
}

impl<'de> Deserialize<'de> for Psk {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        decode(&text, "pre-shared key").map(Self).map_err(D::Error::custom)
    }
}

secret!(Psk);

impl PartialEq for Psk {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for Psk {}

/// An invitation's one-time secret. It never travels: the handshake proves it, its [`TokenId`] names it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Token([u8; 32]);

impl Token {
    /// What a client calls the token by: `SHA-256("longrein/1 token" || token)[..16]`.
    pub fn id(&self) -> TokenId {
        let digest = Sha256::new().chain_update(b"longrein/1 token").chain_update(self.0).finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        TokenId(id)
    }

    /// The pre-shared key of the pairing handshake: HKDF-SHA256 (RFC 5869) without salt, info `longrein/1 pair`.
    pub fn psk(&self) -> Psk {
        Psk(derive(&self.0, b"longrein/1 pair"))
    }
}

secret!(Token);

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for Token {}

/// The name of a [`Token`]: 16 bytes, written as base64url. Compared in constant time.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenId(pub [u8; 16]);

impl PartialEq for TokenId {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for TokenId {}

written_as_text!(TokenId, "token id");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_text() {
        let public = StaticSecret::from_bytes([7; 32]).public();
        assert_eq!(public.to_string().len(), 43);
        assert_eq!(public.to_string().parse(), Ok(public));
        let id = Token::from_bytes([7; 32]).id();
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let bytes = [0xab; 32];
        let shown = format!(
            "{:?} {:?} {:?}",
            StaticSecret::from_bytes(bytes),
            Psk::from_bytes(bytes),
            Token::from_bytes(bytes)
        );
        assert_eq!(shown, "StaticSecret(…) Psk(…) Token(…)");
    }

    #[test]
    fn keys_of_the_wrong_length_or_alphabet_are_refused() {
        for text in ["", "AAAA", "not base64!", &"A".repeat(42), &"A".repeat(44), &"/".repeat(43)] {
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
            assert!(text.parse::<TokenId>().is_err(), "{text}");
        }
    }
}
