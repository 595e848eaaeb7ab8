//! What the body of a `DATA` frame holds, by its first byte.

pub(crate) mod kind {
    pub const HELLO: u8 = 0x01;
    pub const HELLO_REPLY: u8 = 0x02;
    pub const RECORD: u8 = 0x03;
    pub const REFUSED: u8 = 0x04;
    pub const REKEYED_RECORD: u8 = 0x05;
}

/// Why a host turned a hello away. Expired, used, unknown and revoked are one code on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The invitation or the device is not known here, or not any more.
    Refused,
    /// Too many at once; later it may work.
    Busy,
    /// A code this version does not know.
    Other(u8),
}

impl Refusal {
    /// The `DATA` body that says so.
    pub const fn to_body(self) -> [u8; 2] {
        let code = match self {
            Self::Refused => 1,
            Self::Busy => 2,
            Self::Other(code) => code,
        };
        [kind::REFUSED, code]
    }

    pub(crate) const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Refused,
            2 => Self::Busy,
            other => Self::Other(other),
        }
    }
}

/// The kind of a `DATA` body, for a caller that must route it before anything is decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// The first handshake message, for [`crate::Pending::read`].
    Hello,
    /// The second, for [`crate::Initiator::finish`].
    HelloReply,
    /// A record, for [`crate::Channel::open`].
    Record,
    /// The host said no. Not authenticated: whoever carries the bytes could have written it.
    Refused(Refusal),
}

impl Body {
    /// What `body` claims to be; `None` is nothing this version knows.
    pub fn of(body: &[u8]) -> Option<Self> {
        match *body {
            [kind::HELLO, ..] => Some(Self::Hello),
            [kind::HELLO_REPLY, ..] => Some(Self::HelloReply),
            [kind::RECORD | kind::REKEYED_RECORD, ..] => Some(Self::Record),
            [kind::REFUSED, code] => Some(Self::Refused(Refusal::from_code(code))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_survives_its_bytes() {
        for code in 0..=u8::MAX {
            let refusal = Refusal::from_code(code);
            assert_eq!(Body::of(&refusal.to_body()), Some(Body::Refused(refusal)));
        }
        for body in [&[][..], &[0], &[4], &[4, 1, 1], &[6], &[0xff, 1]] {
            assert_eq!(Body::of(body), None, "{body:?}");
        }
    }
}
