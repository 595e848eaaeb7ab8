//! Where the embedded relay listens, so that a phone finds the host at the same address after every restart.

use crate::problem::{Doing as _, Hint as _, environment};
use session::message::Failure;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use tokio::net::TcpListener;

/// The port where nothing else was said.
pub const PORT: u16 = 7373;

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Exactly here; an error where it is taken.
    Exactly(SocketAddr),
    /// On loopback (or, for `lan`, everywhere) at the port of last time, or else [`PORT`], or else any.
    Usual {
        /// On all networks.
        lan: bool,
    },
}

/// Somewhere to listen.
#[derive(Debug)]
pub struct Place {
    /// The listener.
    pub listener: TcpListener,
    /// The remembered port, where another program has it and this one is only for now.
    pub instead_of: Option<u16>,
}

/// A listener. The first port that was found is remembered for good: a browser's keys belong to its address.
pub async fn listen(wanted: Wanted, state: &Path) -> Result<Place, Failure> {
    let lan = match wanted {
        Wanted::Exactly(address) => {
            let listener = TcpListener::bind(address).await.map_err(|error| refused(address, &error))?;
            return Ok(Place { listener, instead_of: None });
        }
        Wanted::Usual { lan } => lan,
    };
    let ip = if lan { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
    let file = state.join("port");
    let remembered = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u16>().ok());
    let mut last = None;
    for port in [remembered.unwrap_or(PORT), 0] {
        let address = SocketAddr::from((ip, port));
        match TcpListener::bind(address).await {
            Ok(listener) => {
                if remembered.is_none() {
                    let port = listener.local_addr().doing("read the relay's address")?.port();
                    let line = format!("{port}\n");
                    store::write_private(&file, line.as_bytes()).map_err(crate::hosts::stored)?;
                }
                return Ok(Place { listener, instead_of: remembered.filter(|usual| *usual != port) });
            }
            Err(error) => last = Some(refused(address, &error)),
        }
    }
    Err(last.unwrap_or_else(|| environment("No port to listen on")))
}

/// The address under which others on the network reach this machine: that of the way out. Sends nothing.
pub fn network_address() -> Option<std::net::IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // A documentation address: choosing the way to it needs no answer from it.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified() && !ip.is_loopback()).then_some(ip)
}

fn refused(address: SocketAddr, error: &std::io::Error) -> Failure {
    let (message, hint) = match error.kind() {
        ErrorKind::AddrInUse => (
            format!("The address {address} is in use by another program"),
            "Choose another with --bind, or leave it out to have a free port found.",
        ),
        ErrorKind::PermissionDenied => (
            format!("This user may not listen on {address}"),
            "Ports below 1024 need privileges; choose a higher one.",
        ),
        ErrorKind::AddrNotAvailable => (
            format!("This machine does not have the address {address}"),
            "Use 127.0.0.1, or --lan for all networks.",
        ),
        _ => (format!("Could not listen on {address}: {error}"), ""),
    };
    environment(message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_port_is_the_same_after_a_restart() {
        let state = std::env::temp_dir().join(format!("longrein-place-{}", std::process::id()));
        std::fs::create_dir_all(&state).unwrap();
        std::fs::write(state.join("port"), "not a number").unwrap();
        let usual = Wanted::Usual { lan: false };
        // Held on to, so that no other program gets it: another program has it for a while.
        let taken = listen(usual, &state).await.unwrap().listener;
        let first = taken.local_addr().unwrap();
        assert!(first.ip().is_loopback());
        let mut place = listen(usual, &state).await.unwrap();
        assert_eq!(place.instead_of, Some(first.port()));
        assert_ne!(place.listener.local_addr().unwrap(), first);
        drop(taken);
        // Another test may have it for a moment.
        while place.instead_of.is_some() {
            tokio::task::yield_now().await;
            place = listen(usual, &state).await.unwrap();
        }
        assert_eq!(place.listener.local_addr().unwrap(), first);
        std::fs::remove_dir_all(&state).unwrap();
    }

    #[tokio::test]
    async fn an_address_in_use_is_said_so() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let failure = listen(Wanted::Exactly(address), Path::new("/nowhere")).await.unwrap_err();
        assert!(failure.message.contains("in use") && failure.hint.contains("--bind"), "{failure:?}");
    }
}
