//! Records: once, in order, or the channel is over.

mod common;

use bytes::Bytes;
use common::{Pair, World, sealed};
use longrein_seal::{
    Channel, LIFETIME, MAX_PLAINTEXT, OVERHEAD, OpenError, REKEY_AFTER, REKEY_RECORDS, SealError,
};
use proptest::prelude::*;
use std::time::{Duration, Instant};
use wire::limits::MAX_DATA;

const RECORD: u8 = 0x03;
const REKEYED: u8 = 0x05;

/// After any failure: nothing opens and nothing is sealed any more.
fn assert_over(channel: &mut Channel, good: &Bytes, now: Instant) {
    assert!(channel.closed());
    assert_eq!(channel.open(good.clone(), now), Err(OpenError::Closed));
    let mut out = Vec::new();
    assert_eq!(channel.seal(b"x", now, &mut out), Err(SealError::Closed));
    assert!(out.is_empty());
}

#[test]
fn both_directions_carry_what_was_sealed() {
    let mut world = World::new(1);
    let Pair { mut client, mut host } = world.pair();
    for text in [&b""[..], b"a", &vec![7; 40_000], &vec![8; MAX_PLAINTEXT]] {
        let up = sealed(&mut client, text, world.now);
        let down = sealed(&mut host, text, world.now);
        assert_ne!(up, down, "each direction has a key of its own");
        assert!(up.len() <= MAX_DATA);
        assert_eq!(host.open(up, world.now).unwrap(), text);
        assert_eq!(client.open(down, world.now).unwrap(), text);
    }
}

#[test]
fn a_shared_body_opens_as_well_as_one_of_our_own() {
    let mut world = World::new(2);
    let Pair { mut client, mut host } = world.pair();
    let frame: Bytes = [b"head", &sealed(&mut client, b"one", world.now)[..]].concat().into();
    assert_eq!(&host.open(frame.slice(4..), world.now).unwrap()[..], b"one");
    assert_eq!(&frame[..4], b"head");
    let frame: Bytes = [b"head", &sealed(&mut client, b"two", world.now)[..]].concat().into();
    let body = frame.slice(4..);
    drop(frame);
    assert_eq!(&host.open(body, world.now).unwrap()[..], b"two");
}

#[test]
fn sizes_are_hidden_in_steps() {
    let mut world = World::new(3);
    let Pair { mut client, .. } = world.pair();
    for (length, padded) in
        [(0, 64), (62, 64), (63, 256), (254, 256), (255, 1024), (1022, 1024), (1023, 1025)]
    {
        let record = sealed(&mut client, &vec![1; length], world.now);
        assert_eq!(record.len(), 9 + padded + 16, "{length}");
    }
    assert_eq!(sealed(&mut client, &[1; 2000], world.now).len(), 2000 + OVERHEAD);
}

#[test]
fn what_is_too_large_is_not_sealed_and_costs_nothing() {
    let mut world = World::new(4);
    let Pair { mut client, mut host } = world.pair();
    let mut out = b"before".to_vec();
    assert_eq!(client.seal(&vec![0; MAX_PLAINTEXT + 1], world.now, &mut out), Err(SealError::TooLarge));
    assert_eq!(out, b"before");
    client.seal_parts(&[&b"he"[..], b"", b"llo"], world.now, &mut out).unwrap();
    assert_eq!(&host.open(Bytes::from(out).slice(6..), world.now).unwrap()[..], b"hello");
}

#[test]
fn replayed_reordered_and_skipped_records_end_the_channel() {
    let mut world = World::new(5);
    let mut case = |order: &[usize], expected: u64, got: u64| {
        let Pair { mut client, mut host } = world.pair();
        let records: Vec<Bytes> = (0..4u8).map(|n| sealed(&mut client, &[n], world.now)).collect();
        let (last, fine) = order.split_last().unwrap();
        for n in fine {
            assert_eq!(
                host.open(records[*n].clone(), world.now).unwrap(),
                [u8::try_from(*n).unwrap()].as_slice()
            );
        }
        let error = host.open(records[*last].clone(), world.now).unwrap_err();
        assert_eq!(error, OpenError::Sequence { expected, got });
        let due = usize::try_from(expected).unwrap();
        assert_over(&mut host, &records[due], world.now);
    };
    case(&[0, 0], 1, 0);
    case(&[0, 1, 2, 1], 3, 1);
    case(&[1], 0, 1);
    case(&[0, 2], 1, 2);
    case(&[0, 1, 3], 2, 3);
}

#[test]
fn every_changed_byte_and_every_cut_ends_the_channel() {
    let mut world = World::new(6);
    let length = sealed(&mut world.pair().client, b"keystroke", world.now).len();
    for at in 0..length {
        let Pair { mut client, mut host } = world.pair();
        let good = sealed(&mut client, b"keystroke", world.now);
        let mut changed = good.to_vec();
        changed[at] ^= 0x10;
        assert!(host.open(changed.into(), world.now).is_err(), "byte {at}");
        assert!(!host.confirmed(), "byte {at}");
        assert_over(&mut host, &good, world.now);

        let mut host = world.pair().host;
        assert!(host.open(good.slice(..at), world.now).is_err(), "cut at {at}");
        assert!(!host.confirmed());
    }
    let Pair { mut client, mut host } = world.pair();
    let good = sealed(&mut client, b"keystroke", world.now);
    assert!(host.open([&good[..], &[0]].concat().into(), world.now).is_err());
    assert_over(&mut host, &good, world.now);
}

#[test]
fn a_record_of_another_channel_or_direction_does_not_open() {
    let mut world = World::new(7);
    let (mut one, mut two) = (world.pair(), world.pair());
    let record = sealed(&mut one.client, b"x", world.now);
    assert_eq!(two.host.open(record, world.now), Err(OpenError::Forged));
    let record = sealed(&mut one.client, b"x", world.now);
    assert_eq!(one.client.open(record, world.now), Err(OpenError::Sequence { expected: 0, got: 1 }));
    let own = sealed(&mut two.client, b"x", world.now);
    assert_eq!(two.client.open(own, world.now), Err(OpenError::Forged));
}

#[test]
fn keys_change_by_count_in_each_direction_alone() {
    let mut world = World::new(8);
    let Pair { mut client, mut host } = world.pair();
    for n in 0..=2 * REKEY_RECORDS {
        let record = sealed(&mut client, b"", world.now);
        let due = n > 0 && n % REKEY_RECORDS == 0;
        assert_eq!(record[0], if due { REKEYED } else { RECORD }, "record {n}");
        host.open(record, world.now).unwrap();
    }
    assert_eq!(sealed(&mut host, b"", world.now)[0], RECORD);
}

#[test]
fn keys_change_by_time() {
    let mut world = World::new(9);
    let Pair { mut client, mut host } = world.pair();
    let mut kinds = Vec::new();
    for minutes in [9, 10, 19, 20, 20, 35] {
        let now = world.now + Duration::from_mins(minutes);
        let record = sealed(&mut client, b"x", now);
        kinds.push(record[0]);
        host.open(record, now).unwrap();
    }
    assert_eq!(kinds, [RECORD, REKEYED, RECORD, REKEYED, RECORD, REKEYED]);
    assert_eq!(REKEY_AFTER, Duration::from_mins(10));
}

#[test]
fn a_channel_lives_an_hour() {
    let mut world = World::new(10);
    let Pair { mut client, mut host } = world.pair();
    let end = world.now + LIFETIME;
    assert_eq!(client.expires_at(), end);
    assert!(client.renew_at() < end);
    let last = end.checked_sub(Duration::from_millis(1)).unwrap();
    let record = sealed(&mut client, b"x", last);
    assert!(!client.expired(last) && client.expired(end));
    assert!(host.open(record, last).is_ok());
    let record = sealed(&mut client, b"x", last);
    assert_eq!(client.seal(b"x", end, &mut Vec::new()), Err(SealError::Expired));
    assert_eq!(host.open(record, end), Err(OpenError::Expired));
}

proptest! {
    /// Whatever arrives, in whatever order: what opens is what was sealed, in order, and nothing after a failure.
    #[test]
    fn only_a_prefix_of_what_was_sealed_opens(
        texts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..8),
        order in prop::collection::vec((0usize..8, prop::option::of((any::<prop::sample::Index>(), 1u8..))), 1..12),
    ) {
        let mut world = World::new(11);
        let Pair { mut client, mut host } = world.pair();
        let records: Vec<Bytes> = texts.iter().map(|text| sealed(&mut client, text, world.now)).collect();
        let mut next = 0;
        let mut over = false;
        for (n, change) in order {
            let n = n % records.len();
            let mut body = records[n].to_vec();
            if let Some((at, bits)) = &change {
                let at = at.index(body.len());
                body[at] ^= bits;
            }
            let opened = host.open(body.into(), world.now);
            if !over && n == next && change.is_none() {
                prop_assert_eq!(&opened.unwrap()[..], &texts[n][..]);
                next += 1;
            } else {
                prop_assert!(opened.is_err());
                over = true;
            }
        }
    }

    #[test]
    fn noise_never_opens_and_never_panics(body in prop::collection::vec(any::<u8>(), 0..200), kind in 0u8..8) {
        let mut world = World::new(12);
        let mut host = world.pair().host;
        let mut body = body;
        if let Some(first) = body.first_mut() {
            *first = kind;
        }
        if let Some(seq) = body.get_mut(1..9) {
            seq.fill(0);
        }
        prop_assert!(host.open(body.clone().into(), world.now).is_err());
        prop_assert!(world.read(&body).is_err());
        let (initiator, _) = world.start(&longrein_seal::ClientHello::Resume {});
        prop_assert!(initiator.finish(&body, world.now).is_err());
    }
}
