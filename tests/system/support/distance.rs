//! A long way between two programs on one machine, as a path that passes their bytes on late.
//!
//! Its kernels lose nothing, so that losing has the form that TCP gives it: what was lost comes a retransmission later, and
//! everything behind it waits for it.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long TCP waits before it sends again what was lost, beyond a round trip: what Linux waits at least.
const RETRANSMISSION: Duration = Duration::from_millis(200);
/// Passed on, or lost, as one: what fits into a packet.
const SEGMENT: usize = 1448;
/// Segments under way in each direction; more are not read.
const UNDER_WAY: usize = 1024;

/// How far, and through what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// Of a round trip; each direction takes half of it.
    pub round_trip: Duration,
    /// Of a hundred segments each way.
    pub lost: u64,
}

/// Listens on one address, and passes everything on to another.
pub struct Distance {
    /// Where it listens.
    pub address: SocketAddr,
    away: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Distance {
    /// Listens on any port of `near`.
    pub fn start(near: IpAddr, far: SocketAddr, weather: Weather) -> std::io::Result<Self> {
        let listener = TcpListener::bind((near, 0))?;
        let address = listener.local_addr()?;
        let this = Self { address, away: Arc::default(), open: Arc::default() };
        let (away, open) = (this.away.clone(), this.open.clone());
        std::thread::spawn(move || {
            for (n, incoming) in (1..).zip(listener.incoming().map_while(Result::ok)) {
                // Who is not there does not answer; who asks is told at once.
                if away.load(Ordering::SeqCst) {
                    continue;
                }
                let open = open.clone();
                std::thread::spawn(move || {
                    // The three packets that make a connection.
                    sleep(weather.round_trip);
                    if let Ok(outgoing) = TcpStream::connect(far) {
                        let _ = join(incoming, outgoing, weather, n, &open);
                    }
                });
            }
        });
        Ok(this)
    }

    /// From now on no connection stands and none can be made, or they can.
    pub fn away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
        if away {
            for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}

fn join(
    near: TcpStream,
    far: TcpStream,
    weather: Weather,
    n: u64,
    open: &Mutex<Vec<TcpStream>>,
) -> std::io::Result<()> {
    for (from, to, seed) in [(&near, &far, 2 * n), (&far, &near, 2 * n + 1)] {
        to.set_nodelay(true)?;
        let (queue, due) = sync_channel(UNDER_WAY);
        let (from, to) = (from.try_clone()?, to.try_clone()?);
        std::thread::spawn(move || take(from, weather, Dice(seed), &queue));
        std::thread::spawn(move || give(to, &due));
    }
    open.lock().unwrap_or_else(PoisonError::into_inner).extend([near, far]);
    Ok(())
}

fn take(mut from: TcpStream, weather: Weather, mut dice: Dice, queue: &SyncSender<(Instant, Vec<u8>)>) {
    let mut buffer = [0; SEGMENT];
    let mut last = Instant::now();
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let mut due = Instant::now() + weather.round_trip / 2;
        let mut again = weather.round_trip + RETRANSMISSION;
        while dice.below(100) < weather.lost {
            due += again;
            again *= 2;
        }
        last = last.max(due);
        if queue.send((last, buffer[..read].to_vec())).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Read);
}

fn give(mut to: TcpStream, due: &Receiver<(Instant, Vec<u8>)>) {
    for (due, bytes) in due {
        sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// Numbers that look random, the same in every run.
pub struct Dice(pub u64);

impl Dice {
    /// Any number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}
