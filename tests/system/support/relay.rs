//! A standalone relay.

use super::{home::PROGRAM, reserved};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// `longrein relay` on a port that stays the same over restarts.
pub struct Relay {
    pub address: SocketAddr,
    child: Child,
}

impl Relay {
    pub fn start() -> Self {
        Self::start_at("127.0.0.1")
    }

    /// At another address of this machine.
    pub fn start_at(address: &str) -> Self {
        let free = reserved().local_addr().unwrap().port();
        let (child, address) = start(&format!("{address}:{free}"));
        Self { address, child }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Kills it and starts another in its place.
    pub fn restart(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child = start(&self.address.to_string()).0;
    }
}

fn start(bind: &str) -> (Child, SocketAddr) {
    let mut child = Command::new(PROGRAM)
        .args(["relay", "--bind", bind])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect(&line);
    (child, address.parse().unwrap())
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
