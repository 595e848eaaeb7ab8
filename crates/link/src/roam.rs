//! Notices that this machine has another address towards a peer than when the connection was made: such a connection is
//! dead, and nothing would say so for as long as a heartbeat takes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

/// How often the address is looked at. Nothing is sent for it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A connection's way through the network.
pub(crate) struct Way {
    peer: SocketAddr,
    local: IpAddr,
    next: Pin<Box<Sleep>>,
}

impl Way {
    /// `None` for one that cannot change: within this machine, or to who knows where.
    pub fn of(tcp: &TcpStream) -> Option<Self> {
        let peer = tcp.peer_addr().ok().filter(|peer| !peer.ip().is_loopback())?;
        // Asked in the same way as later: where rules decide by protocol, the connection's own address is another one.
        Some(Self { peer, local: address_towards(peer)?, next: Box::pin(sleep(LOOK_EVERY)) })
    }

    /// Ready once the way is another one. A machine that has no way at all, for the moment, has not moved.
    pub fn poll_moved(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.next.as_mut().poll(cx));
            if address_towards(self.peer).is_some_and(|now| now != self.local) {
                return Poll::Ready(());
            }
            self.next.as_mut().reset(Instant::now() + LOOK_EVERY);
        }
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
            local: local.parse().unwrap(),
            next: Box::pin(sleep(LOOK_EVERY)),
        };
        let (mut still, mut moved) = (way("127.0.0.1"), way("127.9.9.9"));
        let hour = Duration::from_hours(1);
        assert!(timeout(hour, poll_fn(|cx| still.poll_moved(cx))).await.is_err());
        timeout(2 * LOOK_EVERY, poll_fn(|cx| moved.poll_moved(cx))).await.expect("it moved");
    }
}
