//! Pairing, resuming, and everything that must come to nothing.

mod common;

use common::{RID, World, reply, sealed};
use longrein_seal::{
    Body, ClientHello, HandshakeError, HostHello, Initiator, MAX_LABEL, Pending, Psk, PublicKey, Refusal,
    StaticSecret, Token,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wire::Rid;

/// Every u-coordinate of small order on Curve25519 and its twist, as peers could send them (RFC 7748, section 6.1;
/// the list is that of libsodium, with the high bit as it may stand).
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn small_order() -> impl Iterator<Item = [u8; 32]> {
    SMALL_ORDER.iter().map(|hex| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap())
}

fn pair_hello(token: &Token) -> ClientHello {
    ClientHello::Pair { token: token.id(), label: "phone".into(), bundle: Some("ab".repeat(32)) }
}

#[test]
fn pairing_gives_the_device_what_it_resumes_with() {
    let mut world = World::new(1);
    let token = Token::generate(&mut world.rng);
    world.psk = token.psk();
    let (initiator, first) = world.start(&pair_hello(&token));
    assert_eq!(Body::of(&first), Some(Body::Hello));

    let pending = world.read(&first).unwrap();
    assert_eq!(pending.client(), world.device.public());
    assert_eq!(pending.hello(), &pair_hello(&token));
    let secret = Psk::generate(&mut world.rng);
    let hello =
        HostHello { device: Some("d".into()), secret: Some(secret.clone()), confirm: true, ..reply() };
    let (mut host, second) = pending.accept(&token.psk(), &hello, &mut world.rng, world.now).unwrap();
    assert_eq!(Body::of(&second), Some(Body::HelloReply));
    assert!(!host.confirmed(), "a hello alone confirms nothing");

    let (mut client, read) = initiator.finish(&second, world.now).unwrap();
    assert_eq!(read, hello);
    assert!(client.confirmed());
    assert_eq!(client.words(), host.words());

    let record = sealed(&mut client, b"hello", world.now);
    assert_eq!(Body::of(&record), Some(Body::Record));
    assert_eq!(&host.open(record, world.now).unwrap()[..], b"hello");
    assert!(host.confirmed());

    world.psk = secret;
    let mut pair = world.pair();
    assert_ne!(pair.client.words(), client.words(), "each handshake has words of its own");
    let record = sealed(&mut pair.host, b"back", world.now);
    assert_eq!(&pair.client.open(record, world.now).unwrap()[..], b"back");
}

/// A relay sees lengths. They must not tell a new device from a known one, nor how long its name is.
#[test]
fn hellos_are_of_one_length_whatever_they_say() {
    let mut world = World::new(11);
    let token = Token::generate(&mut world.rng);
    let long = ClientHello::Pair { token: token.id(), label: "n".repeat(MAX_LABEL), bundle: None };
    let enrolled = HostHello { device: Some("d".repeat(16)), secret: Some(world.psk.clone()), ..reply() };
    let mut lengths = |hello: &ClientHello, answer: &HostHello| {
        let (_, first) = world.start(hello);
        let pending = world.read(&first).unwrap();
        let (_, second) = pending.accept(&world.psk, answer, &mut world.rng, world.now).unwrap();
        (first.len(), second.len())
    };
    let resumed = lengths(&ClientHello::Resume {}, &reply());
    assert_eq!(lengths(&pair_hello(&token), &enrolled), resumed);
    assert_eq!(lengths(&long, &enrolled), resumed);
}

#[test]
fn the_wrong_pre_shared_key_shows_at_the_client_and_at_the_first_record() {
    let mut world = World::new(2);
    let (initiator, first) = world.start(&ClientHello::Resume {});
    let other = Psk::generate(&mut world.rng);
    let (_, second) =
        world.read(&first).unwrap().accept(&other, &reply(), &mut world.rng, world.now).unwrap();
    assert_eq!(initiator.finish(&second, world.now).unwrap_err(), HandshakeError::Forged);
}

#[test]
fn a_client_of_another_host_or_slot_is_not_understood() {
    let mut world = World::new(3);
    let (_, first) = world.start(&ClientHello::Resume {});
    let other = StaticSecret::generate(&mut world.rng);
    assert_eq!(Pending::read(&other, RID, &first).unwrap_err(), HandshakeError::Forged);
    assert_eq!(Pending::read(&world.host, Rid([8; 16]), &first).unwrap_err(), HandshakeError::Forged);
}

#[test]
fn a_host_that_is_not_the_pinned_one_cannot_answer() {
    let mut world = World::new(4);
    let pinned = StaticSecret::generate(&mut world.rng).public();
    let (initiator, _) =
        Initiator::start(&world.device, &pinned, RID, &world.psk, &ClientHello::Resume {}, &mut world.rng)
            .unwrap();
    // The impostor answers a hello that was meant for itself.
    let (_, own) = world.start(&ClientHello::Resume {});
    let (_, second) =
        world.read(&own).unwrap().accept(&world.psk, &reply(), &mut world.rng, world.now).unwrap();
    assert_eq!(initiator.finish(&second, world.now).unwrap_err(), HandshakeError::Forged);
}

#[test]
fn a_replayed_hello_gets_a_reply_that_its_sender_cannot_use() {
    let mut world = World::new(5);
    let (initiator, first) = world.start(&ClientHello::Resume {});
    let mut answer = || {
        let pending = Pending::read(&world.host, RID, &first).unwrap();
        pending.accept(&world.psk, &reply(), &mut world.rng, world.now).unwrap()
    };
    let (mut real, second) = answer();
    let (mut replayed, third) = answer();
    assert_ne!(second, third);
    let (mut client, _) = initiator.finish(&second, world.now).unwrap();
    let record = sealed(&mut client, b"x", world.now);
    assert!(replayed.open(record.clone(), world.now).is_err());
    assert!(!replayed.confirmed());
    assert!(real.open(record, world.now).is_ok());
}

#[test]
fn every_changed_bit_and_every_cut_of_a_hello_is_refused() {
    let mut world = World::new(6);
    let (_, first) = world.start(&ClientHello::Resume {});
    for at in 0..first.len() {
        for bit in [0x01, 0x80] {
            let mut body = first.clone();
            body[at] ^= bit;
            // X25519 ignores the last bit of a key (RFC 7748, section 5), but the transcript does not.
            assert!(world.read(&body).is_err(), "byte {at}, bit {bit:#x}");
        }
        assert!(world.read(&first[..at]).is_err(), "cut at {at}");
    }
    let longer = [&first[..], &[0]].concat();
    assert!(world.read(&longer).is_err());
    assert!(world.read(&vec![1; 65_535]).is_err());
}

#[test]
fn every_changed_bit_and_every_cut_of_a_reply_is_refused() {
    let mut world = World::new(7);
    let mut seed = 100;
    let mut fresh = || {
        seed += 1;
        world.rng = ChaCha20Rng::seed_from_u64(seed);
        let (initiator, first) = world.start(&ClientHello::Resume {});
        let pending = world.read(&first).unwrap();
        let (_, second) = pending.accept(&world.psk, &reply(), &mut world.rng, world.now).unwrap();
        (initiator, second)
    };
    let length = fresh().1.len();
    for at in 0..length {
        for bit in [0x01, 0x80] {
            let (initiator, mut body) = fresh();
            body[at] ^= bit;
            assert!(initiator.finish(&body, std::time::Instant::now()).is_err(), "byte {at}, bit {bit:#x}");
        }
        let (initiator, body) = fresh();
        assert!(initiator.finish(&body[..at], std::time::Instant::now()).is_err(), "cut at {at}");
    }
}

#[test]
fn keys_of_small_order_are_refused_by_both_sides() {
    let mut world = World::new(8);
    for point in small_order() {
        let started = Initiator::start(
            &world.device,
            &PublicKey(point),
            RID,
            &world.psk,
            &ClientHello::Resume {},
            &mut world.rng,
        );
        assert_eq!(started.unwrap_err(), HandshakeError::WeakKey, "host key {point:02x?}");

        let (initiator, mut first) = world.start(&ClientHello::Resume {});
        let (_, mut second) =
            world.read(&first).unwrap().accept(&world.psk, &reply(), &mut world.rng, world.now).unwrap();
        first[1..33].copy_from_slice(&point);
        assert_eq!(world.read(&first).unwrap_err(), HandshakeError::WeakKey, "ephemeral key {point:02x?}");
        second[1..33].copy_from_slice(&point);
        assert_eq!(
            initiator.finish(&second, world.now).unwrap_err(),
            HandshakeError::WeakKey,
            "reply {point:02x?}"
        );
    }
}

#[test]
fn a_refusal_is_told_as_one() {
    for refusal in [Refusal::Refused, Refusal::Busy, Refusal::Other(77)] {
        let (initiator, _) = World::new(9).start(&ClientHello::Resume {});
        let error = initiator.finish(&refusal.to_body(), std::time::Instant::now()).unwrap_err();
        assert_eq!(error, HandshakeError::Refused(refusal));
    }
}

#[test]
fn a_label_cannot_write_to_the_hosts_terminal() {
    let mut world = World::new(10);
    let token = Token::generate(&mut world.rng);
    let long = "é".repeat(MAX_LABEL);
    for (label, fine) in [
        ("phone", true),
        (long.as_str(), true),
        (&format!("{long}é"), false),
        ("", false),
        ("a\u{1b}[2J", false),
        ("a\nb", false),
        ("a\u{9b}b", false),
    ] {
        let hello = ClientHello::Pair { token: token.id(), label: label.into(), bundle: None };
        let started =
            Initiator::start(&world.device, &world.host.public(), RID, &world.psk, &hello, &mut world.rng);
        assert_eq!(started.is_ok(), fine, "{label:?}");
    }
}

#[test]
fn nothing_secret_is_printed() {
    let mut world = World::new(11);
    let token = Token::from_bytes([0xab; 32]);
    let invitation = longrein_seal::Invitation { rid: RID, host: world.host.public(), token, relay: None };
    let (initiator, first) = world.start(&ClientHello::Resume {});
    let pending = world.read(&first).unwrap();
    let shown = format!("{initiator:?} {pending:?} {invitation:?} {:?}", world.pair().client);
    for secret in [world.psk.as_bytes(), world.host.as_bytes(), world.device.as_bytes(), &[0xab; 32]] {
        let base64 = data_encoding::BASE64URL_NOPAD.encode(secret);
        assert!(!shown.contains(&base64) && !shown.contains(&format!("{:?}", &secret[..4])), "{shown}");
    }
}
