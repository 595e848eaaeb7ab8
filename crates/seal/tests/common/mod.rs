//! A host, a device, and a channel between them.

use bytes::Bytes;
use longrein_seal::{Channel, ClientHello, HandshakeError, HostHello, Initiator, Pending, Psk, StaticSecret};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::time::Instant;
use wire::Rid;

pub const RID: Rid = Rid([9; 16]);

pub struct World {
    pub rng: ChaCha20Rng,
    pub host: StaticSecret,
    pub device: StaticSecret,
    pub psk: Psk,
    pub now: Instant,
}

pub struct Pair {
    pub client: Channel,
    pub host: Channel,
}

pub fn reply() -> HostHello {
    HostHello { versions: vec![1], time: 7, features: vec![], device: None, secret: None, confirm: false }
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        Self {
            host: StaticSecret::generate(&mut rng),
            device: StaticSecret::generate(&mut rng),
            psk: Psk::generate(&mut rng),
            now: Instant::now(),
            rng,
        }
    }

    pub fn start(&mut self, hello: &ClientHello) -> (Initiator, Vec<u8>) {
        Initiator::start(&self.device, &self.host.public(), RID, &self.psk, hello, &mut self.rng).unwrap()
    }

    pub fn read(&self, body: &[u8]) -> Result<Pending, HandshakeError> {
        Pending::read(&self.host, RID, body)
    }

    pub fn pair(&mut self) -> Pair {
        let (initiator, first) = self.start(&ClientHello::Resume {});
        let pending = self.read(&first).unwrap();
        let (host, second) = pending.accept(&self.psk, &reply(), &mut self.rng, self.now).unwrap();
        let (client, _) = initiator.finish(&second, self.now).unwrap();
        Pair { client, host }
    }
}

pub fn sealed(from: &mut Channel, text: &[u8], now: Instant) -> Bytes {
    let mut out = Vec::new();
    from.seal(text, now, &mut out).unwrap();
    out.into()
}
