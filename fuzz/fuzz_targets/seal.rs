//! Nothing that a stranger makes up is a handshake, a record, or a reason to panic.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use seal::{ClientHello, HostHello, Initiator, Invitation, Pending, Psk, StaticSecret};
use std::time::Instant;
use wire::Rid;

const RID: Rid = Rid([1; 16]);

fuzz_target!(|bytes: &[u8]| {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let now = Instant::now();
    let (host, device) = (StaticSecret::generate(&mut rng), StaticSecret::generate(&mut rng));
    let psk = Psk::generate(&mut rng);
    let start = |rng: &mut ChaCha20Rng| {
        Initiator::start(&device, &host.public(), RID, &psk, &ClientHello::Resume {}, rng)
            .expect("a good start")
    };

    assert!(Pending::read(&host, RID, bytes).is_err());
    let (initiator, _) = start(&mut rng);
    assert!(initiator.finish(bytes, now).is_err());

    let (initiator, first) = start(&mut rng);
    let pending = Pending::read(&host, RID, &first).expect("a good hello");
    let reply = HostHello {
        versions: vec![1],
        time: 0,
        features: vec![],
        device: None,
        secret: None,
        confirm: false,
    };
    let (mut up, second) = pending.accept(&psk, &reply, &mut rng, now).expect("a good reply");
    let (mut down, _) = initiator.finish(&second, now).expect("a good handshake");
    assert!(up.open(Bytes::copy_from_slice(bytes), now).is_err());
    assert!(down.open(Bytes::copy_from_slice(bytes), now).is_err());

    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Invitation::parse(text);
        let _ = Invitation::from_fragment(text);
    }
});
