//! The one-time right to enrol a device, as it stands in the fragment of a link.
//!
//! `#i=<base64url(1 | rid 16 | host key 32 | token 32)>[&r=<relay origin>]`. A browser never sends a fragment to
//! anybody, so neither the relay nor whoever serves the page sees the token.

use crate::key::{PublicKey, Token};
use data_encoding::BASE64URL_NOPAD;
use std::fmt::{self, Write as _};
use wire::Rid;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const LENGTH: usize = 1 + 16 + 32 + 32;
/// Far above any real link; what is longer is a mistake of the person's.
const MAX_LINK: usize = 2048;

/// What is wrong with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// Not an http(s) link at all.
    #[error("this is not a link")]
    NotALink,
    /// A link without an invitation in it.
    #[error("this link carries no invitation")]
    Missing,
    /// Cut, or changed on the way.
    #[error("the invitation in this link is damaged")]
    Damaged,
    /// Made by a newer version.
    #[error("this invitation is of version {0}, which this program does not know")]
    Version(u8),
}

/// Everything a device needs to enrol at a host.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The host's slot.
    pub rid: Rid,
    /// The host's key, which the device pins.
    pub host: PublicKey,
    /// The one-time secret.
    pub token: Token,
    /// Origin of the relay (`https://relay.example`). `None` means that of the page the link opens.
    pub relay: Option<String>,
}

impl Invitation {
    /// The link, on the page at `base`. The relay is named only where it is not the page's own origin.
    pub fn to_url(&self, base: &str) -> Result<String, InvitationError> {
        let page = origin(base).ok_or(InvitationError::NotALink)?;
        let start = base.split('#').next().unwrap_or(base);
        let authority = start.split_once("://").map_or("", |(_, rest)| rest);
        let slash = if authority.contains(['/', '?']) { "" } else { "/" };
        let relay =
            self.relay.as_deref().map(|relay| origin(relay).ok_or(InvitationError::Damaged)).transpose()?;
        let relay = relay.filter(|relay| *relay != page);
        Ok(format!("{start}{slash}#{}", self.fragment(relay.as_deref())))
    }

    /// The fragment alone, without its `#`.
    fn fragment(&self, relay: Option<&str>) -> String {
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH));
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.rid.0);
        bytes.extend_from_slice(&self.host.0);
        bytes.extend_from_slice(self.token.as_bytes());
        let mut text = format!("i={}", BASE64URL_NOPAD.encode(&bytes));
        if let Some(relay) = relay {
            text.push_str("&r=");
            percent_encode(relay, &mut text);
        }
        text
    }

    /// Reads a link. The relay is always known afterwards: the one it names, or the link's own origin.
    pub fn parse(url: &str) -> Result<Self, InvitationError> {
        let url = url.trim();
        let (page, fragment) = url.split_once('#').unwrap_or((url, ""));
        let page = origin(page).ok_or(InvitationError::NotALink)?;
        if url.len() > MAX_LINK {
            return Err(InvitationError::Damaged);
        }
        let mut invitation = Self::from_fragment(fragment)?;
        invitation.relay.get_or_insert(page);
        Ok(invitation)
    }

    /// Reads a fragment, with or without its `#`.
    pub fn from_fragment(fragment: &str) -> Result<Self, InvitationError> {
        let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
        let (mut code, mut relay) = (None, None);
        for (name, value) in fragment.split('&').filter_map(|pair| pair.split_once('=')) {
            let place = match name {
                "i" => &mut code,
                "r" => &mut relay,
                // Left for later versions.
                _ => continue,
            };
            if place.replace(value).is_some() {
                return Err(InvitationError::Damaged);
            }
        }
        let code = code.ok_or(InvitationError::Missing)?;
        let bytes = BASE64URL_NOPAD.decode(code.as_bytes()).map_err(|_| InvitationError::Damaged)?;
        let bytes = Zeroizing::new(bytes);
        let (version, rest) = bytes.split_first().ok_or(InvitationError::Damaged)?;
        if *version != VERSION {
            return Err(InvitationError::Version(*version));
        }
        let (rid, rest) = rest.split_first_chunk().ok_or(InvitationError::Damaged)?;
        let (host, rest) = rest.split_first_chunk().ok_or(InvitationError::Damaged)?;
        let token = rest.try_into().map_err(|_| InvitationError::Damaged)?;
        let relay = match relay {
            None => None,
            Some(text) => {
                let text = percent_decode(text).ok_or(InvitationError::Damaged)?;
                Some(origin(&text).filter(|origin| *origin == text).ok_or(InvitationError::Damaged)?)
            }
        };
        Ok(Self { rid: Rid(*rid), host: PublicKey(*host), token: Token::from_bytes(token), relay })
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invitation")
            .field("rid", &self.rid)
            .field("relay", &self.relay)
            .finish_non_exhaustive()
    }
}

/// The origin of an `http`, `https`, `ws` or `wss` URL as `http(s)://host[:port]`: lower case, without the scheme's
/// default port. `None` where the URL is none of these, or carries a user name.
pub fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => ("http", "80"),
        "https" | "wss" => ("https", "443"),
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let name =
        |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    let address = |text: &str| {
        text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).is_some_and(|text| {
            text.contains(':') && text.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'))
        })
    };
    if host.is_empty() || host.len() > 255 || !(name(host) || address(host)) {
        return None;
    }
    let host = host.to_ascii_lowercase();
    match port {
        None => Some(format!("{scheme}://{host}")),
        Some(port) => {
            let port =
                port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse::<u16>().ok()).flatten()?;
            let port = port.to_string();
            if port == default_port {
                Some(format!("{scheme}://{host}"))
            } else {
                Some(format!("{scheme}://{host}:{port}"))
            }
        }
    }
}

fn percent_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (pair, tail) = rest.split_first_chunk::<2>()?;
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit(pair[0])? << 4 | digit(pair[1])?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_same_origin_is_written_in_one_way() {
        for (url, expected) in [
            ("http://127.0.0.1:7777/x", Some("http://127.0.0.1:7777")),
            ("WSS://Relay.Example/v1/host", Some("https://relay.example")),
            ("https://relay.example:443?x", Some("https://relay.example")),
            ("http://relay.example:443", Some("http://relay.example:443")),
            ("ws://[::1]:80#x", Some("http://[::1]")),
            ("http://", None),
            ("http://:80", None),
            ("http://a:", None),
            ("http://a:b", None),
            ("http://a:65536", None),
            ("http://a b", None),
            ("http://you@a", None),
            ("http://[a]", None),
            ("javascript:alert(1)", None),
            ("127.0.0.1:7777", None),
        ] {
            assert_eq!(origin(url).as_deref(), expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".*", url in "https?://[a-z:\\[\\]0-9.%]{0,20}[/#&=ir%]{0,8}.{0,120}") {
            let _ = Invitation::parse(&text);
            let _ = Invitation::parse(&url);
            let _ = Invitation::from_fragment(&text);
        }

        #[test]
        fn a_link_survives(rid: [u8; 16], host: [u8; 32], token: [u8; 32], port in 1u16.., other: bool) {
            let page = format!("http://127.0.0.1:{port}");
            let relay = if other { "https://relay.example".to_owned() } else { page.clone() };
            let made = Invitation {
                rid: Rid(rid),
                host: PublicKey(host),
                token: Token::from_bytes(token),
                relay: Some(relay),
            };
            let url = made.to_url(&page).unwrap();
            prop_assert_eq!(url.contains("&r="), other);
            // The default port goes unsaid.
            let read = Invitation::parse(&url).unwrap();
            prop_assert_eq!(read.relay.as_deref().map(origin), made.relay.as_deref().map(origin));
            prop_assert_eq!((read.rid, read.host, read.token), (made.rid, made.host, made.token));
        }
    }
}
