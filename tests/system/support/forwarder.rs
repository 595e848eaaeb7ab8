//! Stands between two programs on loopback, passes everything on, and keeps a copy.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A recording TCP forwarder.
pub struct Forwarder {
    pub address: SocketAddr,
    recorded: Arc<Mutex<Vec<u8>>>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Forwarder {
    /// Forwards to this address.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let open = Arc::new(Mutex::new(Vec::new()));
        let (copy, connections) = (recorded.clone(), open.clone());
        std::thread::spawn(move || {
            for incoming in listener.incoming().map_while(Result::ok) {
                // A target that is away refuses, and so do we.
                let Ok(outgoing) = TcpStream::connect(target) else { continue };
                for (from, to) in [(&incoming, &outgoing), (&outgoing, &incoming)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let copy = copy.clone();
                    std::thread::spawn(move || pass(from, to, &copy));
                }
                connections.lock().unwrap().extend([incoming, outgoing]);
            }
        });
        Self { address, recorded, open }
    }

    /// Everything that passed, both ways.
    pub fn recorded(&self) -> Vec<u8> {
        self.recorded.lock().unwrap().clone()
    }

    /// Cuts every connection that stands.
    pub fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, copy: &Mutex<Vec<u8>>) {
    let mut buffer = vec![0; 65_536];
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        copy.lock().unwrap().extend_from_slice(&buffer[..read]);
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
}
