//! The sealed stream: records that open once, in order.
//!
//! A record is `type u8 | seq u64le | AES-256-GCM(key of the direction, nonce = seq, AAD = type, padded plaintext)`.
//! Type 0x05 says that its sender replaced that direction's key just before it. The padded plaintext is
//! `length u16be | plaintext | zeros` up to the next of 64, 256 and 1024 bytes, and without zeros beyond.

use crate::body::kind;
use crate::noise::{TAG, aes_key, encrypt, nonce};
use crate::words::words_of;
use bytes::{Bytes, BytesMut};
use ring::aead::{Aad, LessSafeKey};
use std::fmt;
use std::time::{Duration, Instant};
use wire::limits::MAX_DATA;
use zeroize::Zeroizing;

/// Records under one key of one direction; the next is sent under a new one.
pub const REKEY_RECORDS: u64 = 1 << 16;
/// Age of a direction's key at which the next record is sent under a new one.
pub const REKEY_AFTER: Duration = Duration::from_mins(10);
/// How long a channel is of use.
pub const LIFETIME: Duration = Duration::from_hours(1);
/// When a client should start the handshake of the next channel, so that nobody waits for it.
pub const RENEW_AFTER: Duration = Duration::from_mins(55);
/// Bytes a record adds to a plaintext that is too long to be padded.
pub const OVERHEAD: usize = HEAD + LENGTH + TAG;
/// Largest plaintext of one record.
pub const MAX_PLAINTEXT: usize = MAX_DATA - OVERHEAD;

const HEAD: usize = 1 + 8;
const LENGTH: usize = 2;
/// Sizes that plaintexts are padded to, their length prefix included.
const PADDED: [usize; 3] = [64, 256, 1024];

/// Why a plaintext was not sealed. Nothing was sent, and no counter moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Over [`MAX_PLAINTEXT`].
    #[error("a record takes at most {MAX_PLAINTEXT} bytes")]
    TooLarge,
    /// The channel is older than [`LIFETIME`]; a new handshake helps.
    #[error("the channel has expired")]
    Expired,
    /// A record did not open, which ended the channel; a new handshake helps.
    #[error("the channel is closed")]
    Closed,
}

/// Why a record did not open. The channel is over, and everything after it is [`OpenError::Closed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Something other than a record, or one cut short.
    #[error("not a record")]
    Malformed,
    /// Replayed, reordered, or one before it was lost.
    #[error("record {got} where {expected} was due")]
    Sequence {
        /// The only number that is accepted.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// The bytes are not what the peer sealed.
    #[error("the record is forged")]
    Forged,
    /// The peer used one key for more than [`REKEY_RECORDS`] records.
    #[error("the peer did not change its key in time")]
    KeyOverused,
    /// The peer sealed something whose padding is wrong.
    #[error("the record's padding is wrong")]
    Padding,
    /// The channel is older than [`LIFETIME`]; a new handshake helps.
    #[error("the channel has expired")]
    Expired,
    /// An earlier record did not open.
    #[error("the channel is closed")]
    Closed,
}

/// One direction: its key, and the number of its next record.
pub(crate) struct Direction {
    pub(crate) key: LessSafeKey,
    pub(crate) seq: u64,
    /// Number of the first record under this key.
    keyed_at_seq: u64,
    keyed_at: Instant,
}

impl Direction {
    fn new(key: &[u8; 32], now: Instant) -> Self {
        Self { key: aes_key(key), seq: 0, keyed_at_seq: 0, keyed_at: now }
    }

    /// The key after this one: Noise's REKEY, `ENCRYPT(key, 2^64 - 1, "", zeros[32])[..32]`.
    fn next_key(&self) -> LessSafeKey {
        let mut bytes = Zeroizing::new([0; 32]);
        encrypt(&self.key, u64::MAX, &[], &mut *bytes);
        aes_key(&bytes)
    }

    fn rekeyed(&mut self, key: LessSafeKey, now: Instant) {
        self.key = key;
        self.keyed_at_seq = self.seq;
        self.keyed_at = now;
    }

    fn used_up(&self) -> bool {
        self.seq - self.keyed_at_seq >= REKEY_RECORDS
    }
}

/// Both directions of a channel between one client and one host. Ends for good at the first record that does not open.
pub struct Channel {
    pub(crate) sending: Direction,
    pub(crate) receiving: Direction,
    hash: [u8; 32],
    started: Instant,
    confirmed: bool,
    closed: bool,
}

impl Channel {
    pub(crate) fn new(
        sending: &[u8; 32],
        receiving: &[u8; 32],
        hash: [u8; 32],
        confirmed: bool,
        now: Instant,
    ) -> Self {
        Self {
            sending: Direction::new(sending, now),
            receiving: Direction::new(receiving, now),
            hash,
            started: now,
            confirmed,
            closed: false,
        }
    }

    /// Appends one record to `out`, which may already hold the head of a frame.
    pub fn seal(&mut self, plaintext: &[u8], now: Instant, out: &mut Vec<u8>) -> Result<(), SealError> {
        self.seal_parts(&[plaintext], now, out)
    }

    /// Like [`Channel::seal`], for a plaintext that lies in several places: its parts are joined.
    pub fn seal_parts(&mut self, parts: &[&[u8]], now: Instant, out: &mut Vec<u8>) -> Result<(), SealError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length > MAX_PLAINTEXT {
            return Err(SealError::TooLarge);
        }
        if self.closed {
            return Err(SealError::Closed);
        }
        if self.expired(now) {
            return Err(SealError::Expired);
        }
        let direction = &mut self.sending;
        let old = now.saturating_duration_since(direction.keyed_at) >= REKEY_AFTER;
        let kind = if old || direction.used_up() {
            let key = direction.next_key();
            direction.rekeyed(key, now);
            kind::REKEYED_RECORD
        } else {
            kind::RECORD
        };

        let padded = padded(LENGTH + length);
        out.reserve(HEAD + padded + TAG);
        out.push(kind);
        out.extend_from_slice(&direction.seq.to_le_bytes());
        let text = out.len();
        // MAX_PLAINTEXT is below 2^16.
        out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        for part in parts {
            out.extend_from_slice(part);
        }
        out.resize(text + padded, 0);
        let tag = encrypt(&direction.key, direction.seq, &[kind], &mut out[text..]);
        out.extend_from_slice(&tag);
        direction.seq += 1;
        Ok(())
    }

    /// Opens the one record that is due. In place, where `body` is not shared with anybody.
    pub fn open(&mut self, body: Bytes, now: Instant) -> Result<Bytes, OpenError> {
        if self.closed {
            return Err(OpenError::Closed);
        }
        let opened = self.try_open(body, now);
        match opened {
            Ok(_) => self.confirmed = true,
            Err(_) => self.closed = true,
        }
        opened
    }

    fn try_open(&mut self, body: Bytes, now: Instant) -> Result<Bytes, OpenError> {
        if self.expired(now) {
            return Err(OpenError::Expired);
        }
        let direction = &mut self.receiving;
        let Some(([kind, seq @ ..], _)) = body.split_first_chunk::<HEAD>() else {
            return Err(OpenError::Malformed);
        };
        let (kind, got) = (*kind, u64::from_le_bytes(*seq));
        let next_key = match kind {
            kind::RECORD => None,
            kind::REKEYED_RECORD => Some(direction.next_key()),
            _ => return Err(OpenError::Malformed),
        };
        if body.len() < HEAD + LENGTH + TAG || body.len() > MAX_DATA {
            return Err(OpenError::Malformed);
        }
        if got != direction.seq {
            return Err(OpenError::Sequence { expected: direction.seq, got });
        }
        if next_key.is_none() && direction.used_up() {
            return Err(OpenError::KeyOverused);
        }

        let mut text = body.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&*shared)).split_off(HEAD);
        let key = next_key.as_ref().unwrap_or(&direction.key);
        let padded =
            key.open_in_place(nonce(got), Aad::from([kind]), &mut text).map_err(|_| OpenError::Forged)?.len();
        text.truncate(padded);

        let mut text = text.freeze();
        let length = text.split_to(LENGTH);
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if text.get(length..).is_none_or(|padding| padding.iter().any(|byte| *byte != 0)) {
            return Err(OpenError::Padding);
        }
        text.truncate(length);
        if let Some(key) = next_key {
            direction.rekeyed(key, now);
        }
        direction.seq += 1;
        Ok(text)
    }

    /// Whether the peer has proved that it is there now. For a client always; for a host once a record has opened.
    pub fn confirmed(&self) -> bool {
        self.confirmed
    }

    /// Whether a record did not open, which ended the channel.
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// The four words that the host shows too, unless somebody stands in between.
    pub fn words(&self) -> [&'static str; 4] {
        words_of(&self.hash)
    }

    /// When a client should start the next channel.
    pub fn renew_at(&self) -> Instant {
        self.started + RENEW_AFTER
    }

    /// When this channel stops to work.
    pub fn expires_at(&self) -> Instant {
        self.started + LIFETIME
    }

    /// Whether it has stopped to work.
    pub fn expired(&self, now: Instant) -> bool {
        now >= self.expires_at()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("confirmed", &self.confirmed)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

fn padded(length: usize) -> usize {
    PADDED.into_iter().find(|size| length <= *size).unwrap_or(length)
}
