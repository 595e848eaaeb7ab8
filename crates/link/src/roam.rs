//! Notices that this machine has another address towards a peer than when the connection was made, or had none for a
//! while: such a connection is dead or slow, and nothing would say so for as long as a heartbeat takes. Also notices that
//! there is a way to a peer again where there was none: whoever waits for it need not wait for longer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// How often the address is looked at. Nothing is sent for it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Addresses that are nobody's (RFC 5737, RFC 3849), which the way to anybody far leads to. Nothing is sent to them.
const FAR: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];
/// Any port has the same way.
const FAR_PORT: u16 = 443;

/// A connection's way through the network.
pub(crate) struct Way {
    peer: SocketAddr,
    place: Place,
    next: Pin<Box<Sleep>>,
}

/// Where this machine was, as the peer sees it.
struct Place {
    local: IpAddr,
    /// There was no way at all when it was last looked at.
    gone: bool,
}

impl Place {
    fn new(local: IpAddr) -> Self {
        Self { local, gone: false }
    }

    /// Whether the connection is no longer worth waiting for. A machine that has no way at all, for the moment, has not
    /// moved. Where there is one again, TCP waits for as long again as it has waited before it sends anything: a new
    /// connection is faster.
    fn has_moved(&mut self, now: Option<IpAddr>) -> bool {
        let was_gone = std::mem::replace(&mut self.gone, now.is_none());
        now.is_some_and(|now| was_gone || now != self.local)
    }
}

impl Way {
    /// `None` for one that cannot change: within this machine, or to who knows where.
    pub fn of(tcp: &TcpStream) -> Option<Self> {
        let peer = tcp.peer_addr().ok().filter(|peer| !peer.ip().is_loopback())?;
        // Asked in the same way as later: where rules decide by protocol, the connection's own address is another one.
        let place = Place::new(address_towards(peer)?);
        Some(Self { peer, place, next: Box::pin(sleep(LOOK_EVERY)) })
    }

    /// Ready once the way is another one, or was gone and is there again.
    pub fn poll_moved(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.next.as_mut().poll(cx));
            if self.place.has_moved(address_towards(self.peer)) {
                return Poll::Ready(());
            }
            self.next.as_mut().reset(Instant::now() + LOOK_EVERY);
        }
    }
}

/// Returns once this machine has a way to `host` where it had none. Of a name nothing is looked up: that there is a way
/// to the world is what counts for it.
pub(crate) async fn way_appears(host: &str) {
    let peers: Vec<IpAddr> = match host.parse() {
        Ok(ip) => vec![ip],
        Err(_) => FAR.to_vec(),
    };
    appears(|| peers.iter().any(|ip| address_towards((*ip, FAR_PORT).into()).is_some())).await;
}

async fn appears(has_way: impl Fn() -> bool) {
    let mut had = has_way();
    loop {
        sleep(LOOK_EVERY).await;
        let has = has_way();
        if has && !had {
            return;
        }
        had = has;
    }
}

/// The address that the system would use towards `peer` now.
fn address_towards(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let probe = UdpSocket::bind((any, 0)).ok()?;
    probe.connect(peer).ok()?;
    probe.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::poll_fn;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn only_another_address_is_a_move() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(Way::of(&tcp).is_none(), "loopback stays where it is");
        let way = |local: &str| Way {
            peer: tcp.peer_addr().unwrap(),
            place: Place::new(local.parse().unwrap()),
            next: Box::pin(sleep(LOOK_EVERY)),
        };
        let (mut still, mut moved) = (way("127.0.0.1"), way("127.9.9.9"));
        let hour = Duration::from_hours(1);
        assert!(timeout(hour, poll_fn(|cx| still.poll_moved(cx))).await.is_err());
        timeout(2 * LOOK_EVERY, poll_fn(|cx| moved.poll_moved(cx))).await.expect("it moved");
    }

    #[test]
    fn a_connection_from_before_an_outage_is_given_up_when_the_network_is_back() {
        let here: IpAddr = "10.0.0.2".parse().unwrap();
        let mut place = Place::new(here);
        let looks = [Some(here), None, None, Some(here)].map(|now| place.has_moved(now));
        assert_eq!(looks, [false, false, false, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_way_that_was_there_all_along_does_not_appear_and_one_that_was_gone_does() {
        let has = Cell::new(true);
        let mut appeared = std::pin::pin!(appears(|| has.get()));
        let hour = Duration::from_hours(1);
        assert!(timeout(hour, &mut appeared).await.is_err());
        has.set(false);
        assert!(timeout(hour, &mut appeared).await.is_err());
        has.set(true);
        timeout(2 * LOOK_EVERY, appeared).await.expect("there is a way again");
        assert!(timeout(hour, way_appears("127.0.0.1")).await.is_err(), "loopback is always there");
    }
}
