//! Whose connection it is: the address limits go by, and which proxies may speak for others.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A client's or host's address, as well as this relay can know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address(IpAddr);

impl Address {
    /// IPv4 addresses inside IPv6 are IPv4.
    pub fn new(ip: IpAddr) -> Self {
        Self(ip.to_canonical())
    }

    /// What limits go by: an IPv4 address, or the /64 that one IPv6 customer normally has.
    pub fn key(self) -> AddressKey {
        AddressKey(match self.0 {
            IpAddr::V4(ip) => u128::from(ip.to_bits()),
            IpAddr::V6(ip) => ip.to_bits() >> 64 << 64,
        })
    }

    /// A program on this machine. It is not limited by address: behind a tunnel everybody would share that limit, and
    /// whoever is on this machine has other ways to be a nuisance.
    pub fn is_local(self) -> bool {
        self.0.is_loopback()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// See [`Address::key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressKey(u128);

/// A range of addresses whose `X-Forwarded-For` is believed: `10.0.0.0/8`, `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

/// Text that is not an address or a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address or a range such as 10.0.0.0/8")]
pub struct NetworkError(String);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let bad = || NetworkError(text.to_owned());
        let (base, bits) = text.split_once('/').map_or((text, None), |(base, bits)| (base, Some(bits)));
        let base: IpAddr = base.trim().parse().map_err(|_| bad())?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.trim().parse().map_err(|_| bad()))?;
        if bits > most { Err(bad()) } else { Ok(Self { base, bits }) }
    }
}

impl Network {
    /// Whether it holds `ip`.
    pub fn contains(&self, ip: IpAddr) -> bool {
        fn same(a: u128, b: u128, width: u8, bits: u8) -> bool {
            // A shift by the whole width would overflow; no bits means everything matches.
            bits == 0 || (a ^ b) >> (width - bits) == 0
        }
        match (self.base, ip.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32, self.bits),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128, self.bits),
            _ => false,
        }
    }
}

/// The address behind a connection from `peer`, whose request carried these `X-Forwarded-For` values, first to last.
/// Each proxy appends whom it saw, so only the right end can be believed, and only as far as trusted proxies go.
pub fn forwarded<'a>(
    peer: IpAddr,
    trusted: &[Network],
    values: impl DoubleEndedIterator<Item = &'a str>,
) -> Address {
    let mut ip = peer.to_canonical();
    for entry in values.rev().flat_map(|value| value.rsplit(',')) {
        if !trusted.iter().any(|network| network.contains(ip)) {
            break;
        }
        let Some(seen) = parse(entry.trim()) else { break };
        ip = seen;
    }
    Address::new(ip)
}

/// With or without a port, with or without brackets: proxies differ.
fn parse(entry: &str) -> Option<IpAddr> {
    if let Ok(ip) = entry.parse::<IpAddr>() {
        return Some(ip.to_canonical());
    }
    if let Some((ip, _)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return ip.parse::<Ipv6Addr>().ok().map(|ip| IpAddr::V6(ip).to_canonical());
    }
    entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn networks(list: &[&str]) -> Vec<Network> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn only_the_right_end_is_believed() {
        let trusted = networks(&["127.0.0.1", "10.0.0.0/8"]);
        let seen =
            |peer: &str, values: &[&str]| forwarded(ip(peer), &trusted, values.iter().copied()).to_string();
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"]), "203.0.113.9", "a stranger speaks for nobody");
        assert_eq!(seen("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            seen("127.0.0.1", &["1.2.3.4, 198.51.100.1"]),
            "198.51.100.1",
            "the left end is the client's own"
        );
        assert_eq!(seen("127.0.0.1", &["1.2.3.4", "198.51.100.1, 10.1.1.1"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &["198.51.100.1, rubbish"]), "127.0.0.1");
        assert_eq!(seen("127.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(seen("::ffff:127.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn one_ipv6_customer_is_one_address() {
        let key = |text| Address::new(ip(text)).key();
        assert_eq!(key("2001:db8:0:1::1"), key("2001:db8:0:1:ffff::2"));
        assert_ne!(key("2001:db8:0:1::1"), key("2001:db8:0:2::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }

    #[test]
    fn ranges() {
        assert!(networks(&["0.0.0.0/0"])[0].contains(ip("203.0.113.9")));
        assert!(networks(&["::/0"])[0].contains(ip("2001:db8::1")));
        assert!(!networks(&["10.0.0.0/8"])[0].contains(ip("11.0.0.1")));
        for bad in ["", "10.0.0.0/33", "10.0.0.0/x", "host", "::1/129"] {
            assert!(bad.parse::<Network>().is_err(), "{bad:?}");
        }
    }
}
