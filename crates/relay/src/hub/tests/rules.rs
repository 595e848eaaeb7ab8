//! The rules, one by one.

use super::super::*;
use super::histories::settled;
use super::world::*;

#[test]
fn bytes_go_both_ways() {
    let mut world = World::new();
    let host = world.host(1);
    let client = world.client(1);
    world.data(client, b"hello");
    assert_eq!(world.host_reads(host), [registered(1), open(1), data(1, b"hello")]);
    world.host_says(host, &HostFrame::Data { conn: Conn(1), body: b"welcome" });
    assert_eq!(world.client_reads(client), [ONLINE, ClientRead::Data(b"welcome".to_vec())]);
    world.host_says(host, &HostFrame::Close { conn: Conn(1), code: CloseCode::Other(99) });
    let end = CloseCode::Other(99);
    assert_eq!(world.client_reads(client), [ClientRead::Close(end), ClientRead::End(end)]);
    assert!(world.host_reads(host).is_empty(), "it closed the connection itself");
}

#[test]
fn a_client_that_goes_is_told_to_the_host() {
    let mut world = World::new();
    let host = world.host(1);
    let (polite, cut) = (world.client(1), world.client(1));
    world.host_reads(host);
    world.client_says(polite, &ClientFrame::Close(CloseCode::Normal));
    world.gone(cut);
    assert_eq!(world.host_reads(host), [close(1, CloseCode::Normal), close(2, CloseCode::Normal)]);
    world.host_says(host, &HostFrame::Data { conn: Conn(2), body: b"late" });
    assert_eq!(world.take(host).1, Taken::Idle, "bytes for a connection that has just ended are no offence");
}

#[test]
fn a_client_waits_for_its_host() {
    let mut world = World::new();
    let client = world.client(1);
    assert_eq!(world.client_reads(client), [OFFLINE]);
    world.pass(Duration::from_mins(10));
    world.data(client, b"too early");
    let host = world.host(1);
    assert_eq!(world.client_reads(client), [ONLINE]);
    assert_eq!(world.host_reads(host), [registered(1), open(1)]);
}

#[test]
fn what_a_client_sent_before_it_knew_never_reaches_the_next_host() {
    let mut world = World::new();
    let first = world.host(1);
    let client = world.client(1);
    world.data(client, b"hello");
    world.gone(first);
    let second = world.host(1);
    world.data(client, b"of the old channel");
    let read = world.client_reads(client);
    let [ONLINE, OFFLINE, ClientRead::Ping(barrier)] = read[..] else { panic!("{read:?}") };
    assert_eq!(world.host_reads(second), [registered(1)]);
    world.client_says(client, &ClientFrame::Pong([0; 8]));
    assert!(world.client_reads(client).is_empty(), "an answer to something else");
    world.client_says(client, &ClientFrame::Pong(barrier));
    world.data(client, b"new hello");
    assert_eq!(world.client_reads(client), [ONLINE]);
    assert_eq!(world.host_reads(second), [open(1), data(1, b"new hello")]);
}

#[test]
fn the_newest_registration_wins() {
    let mut world = World::new();
    let old = world.host(1);
    let client = world.client(1);
    let new = world.host(1);
    let (frames, taken) = world.take(old);
    assert_eq!(
        HostFrame::decode(&frames[0]),
        Ok(HostFrame::Close { conn: Conn(0), code: CloseCode::Replaced })
    );
    assert_eq!((frames.len(), taken), (1, Taken::End(CloseCode::Replaced)));
    world.host_says(old, &HostFrame::Data { conn: Conn(1), body: b"from the past" });
    let read = world.client_reads(client);
    let [ONLINE, OFFLINE, ClientRead::Ping(barrier)] = read[..] else { panic!("{read:?}") };
    world.client_says(client, &ClientFrame::Pong(barrier));
    world.gone(old);
    assert_eq!(world.client_reads(client), [ONLINE]);
    assert_eq!(world.host_reads(new), [registered(1), open(1)]);
}

#[test]
fn tickets_are_for_one_use_in_one_place_and_a_short_time() {
    let mut world = World::new();
    let (rid, other) = (secret(1).rid(), secret(2).rid());
    let here = address("127.0.0.1");
    let page = Some("https://relay.example");
    let use_it = |world: &mut World, ticket: &Ticket, rid, origin| {
        let now = world.now;
        world.hub.connect_client(rid, ticket, origin, here, now).map(|_| ())
    };
    let refused = Err(CloseCode::Refused);

    let ticket = world.ticket(rid, "127.0.0.1", page).unwrap();
    assert_eq!(use_it(&mut world, &ticket, rid, page), Ok(()));
    assert_eq!(use_it(&mut world, &ticket, rid, page), refused, "used");
    let ticket = world.ticket(rid, "127.0.0.1", page).unwrap();
    assert_eq!(use_it(&mut world, &ticket, other, page), refused, "another slot");
    assert_eq!(use_it(&mut world, &ticket, rid, page), refused, "and thereby gone");
    let ticket = world.ticket(rid, "127.0.0.1", page).unwrap();
    assert_eq!(use_it(&mut world, &ticket, rid, Some("https://evil.example")), refused, "another origin");
    let ticket = world.ticket(rid, "127.0.0.1", page).unwrap();
    assert_eq!(use_it(&mut world, &ticket, rid, None), refused, "no origin");
    let ticket = world.ticket(rid, "127.0.0.1", page).unwrap();
    world.pass(Duration::from_secs(30));
    assert_eq!(use_it(&mut world, &ticket, rid, page), refused, "expired");
    assert_eq!(use_it(&mut world, &Ticket([9; 32]), rid, page), refused, "never issued");
}

#[test]
fn a_slow_reader_is_closed_at_the_bound_and_nobody_else() {
    let mut world = World::new();
    let host = world.host(1);
    let (slow, quick) = (world.client(1), world.client(1));
    world.client_reads(slow);
    world.client_reads(quick);
    world.host_reads(host);
    let body = vec![0; 60_000];
    let mut sent = 0;
    while world.host_reads(host).is_empty() {
        world.host_says(host, &HostFrame::Data { conn: Conn(1), body: &body });
        world.host_says(host, &HostFrame::Data { conn: Conn(2), body: b"x" });
        assert_eq!(world.client_reads(quick), [ClientRead::Data(b"x".to_vec())]);
        sent += 60_000;
        assert!(sent <= wire::limits::MAX_QUEUED + 60_000);
    }
    assert!(sent > wire::limits::MAX_QUEUED - 60_000);
    let end = CloseCode::Overflow;
    assert_eq!(world.client_reads(slow), [ClientRead::Close(end), ClientRead::End(end)]);
    world.host_says(host, &HostFrame::Data { conn: Conn(2), body: b"still here" });
    assert_eq!(world.client_reads(quick), [ClientRead::Data(b"still here".to_vec())]);
}

#[test]
fn a_flood_towards_a_slow_host_closes_only_the_flooding_client() {
    let mut world = World::new();
    let host = world.host(1);
    let (flooding, typing) = (world.client(1), world.client(1));
    world.host_reads(host);
    world.data(typing, b"l");
    let body = vec![0; 60_000];
    while !world.client_reads(flooding).contains(&ClientRead::End(CloseCode::Overflow)) {
        world.data(flooding, &body);
    }
    world.data(typing, b"s");
    let (_, _, queued) = world.hub.load();
    assert!(queued < 4096, "the flood is forgotten: {queued}");
    assert_eq!(world.host_reads(host), [data(2, b"l"), close(1, CloseCode::Overflow), data(2, b"s")]);
}

#[test]
fn whoever_finds_the_relay_full_leaves_nothing_behind() {
    for queued in 0..1500 {
        let mut world = World::with(Limits { queued, ..Limits::default() });
        let early = world.client(1);
        let host = world.host(1);
        let clients = [early, world.client(1), world.client(1), world.client(1)];
        for client in clients {
            world.data(client, b"hello");
            settled(&mut world);
        }
        for client in clients {
            world.gone(client);
            settled(&mut world);
        }
        world.pass(Duration::from_mins(1));
        world.gone(host);
        assert_eq!(world.hub.load(), (0, 0, 0));
        assert!(world.hub.links.is_empty() && world.hub.deadlines.is_empty());
    }
}

#[test]
fn many_tiny_frames_count_as_what_they_cost() {
    let mut world = World::new();
    let host = world.host(1);
    let client = world.client(1);
    world.data(client, b"hello");
    world.client_reads(client);
    for _ in 0..200_000 {
        world.host_says(host, &HostFrame::Data { conn: Conn(1), body: b"x" });
    }
    assert!(world.client_reads(client).contains(&ClientRead::End(CloseCode::Overflow)));
}

#[test]
fn silence_is_closed_after_ten_seconds() {
    let mut world = World::new();
    let silent_host = world.hub.connect_host(address("127.0.0.1"), world.now).unwrap();
    let host = world.host(1);
    let (silent, speaking) = (world.client(1), world.client(1));
    world.data(speaking, b"hello");
    world.client_reads(silent);
    world.client_reads(speaking);
    assert_eq!(world.hub.poll_timeout(), Some(world.now + Duration::from_secs(10)));
    world.pass(Duration::from_secs(10));
    let end = CloseCode::Timeout;
    assert_eq!(world.take(silent_host).1, Taken::End(end));
    assert_eq!(world.client_reads(silent), [ClientRead::Close(end), ClientRead::End(end)]);
    assert!(world.client_reads(speaking).is_empty());
    assert!(world.host_reads(host).contains(&close(1, end)));
    assert_eq!(world.hub.poll_timeout(), None);
}

#[test]
fn nonsense_ends_its_own_link() {
    let mut world = World::new();
    let host = world.host(1);
    for nonsense in [&b""[..], b"\x11", b"\xff", b"\x30\x01\0\0\0\0\0\0\0\0", b"\x01\0\0\0\0", b"\x12\0"] {
        let client = world.client(1);
        world.client_reads(client);
        world.hub.handle_frame(client, Bytes::copy_from_slice(nonsense), world.now);
        assert_eq!(world.take(client).1, Taken::End(CloseCode::Malformed), "{nonsense:?}");
    }
    assert_eq!(world.take(host).1, Taken::Idle);
    for (nonsense, first) in [(&b"\x11\0\0\0\x01x"[..], true), (b"\x10\0\0\0\x01", false), (b"", false)] {
        let link = if first {
            world.hub.connect_host(address("127.0.0.1"), world.now).unwrap()
        } else {
            world.host(2)
        };
        world.hub.handle_frame(link, Bytes::copy_from_slice(nonsense), world.now);
        assert_eq!(world.take(link).1, Taken::End(CloseCode::Malformed), "{nonsense:?}");
    }
    let twice = world.host(3);
    world.host_says(twice, &HostFrame::Register(secret(4)));
    assert_eq!(world.take(twice).1, Taken::End(CloseCode::Malformed), "one link is one slot");
}

#[test]
fn pings_are_answered_by_the_relay() {
    let mut world = World::new();
    let host = world.host(1);
    let client = world.client(1);
    world.client_says(client, &ClientFrame::Ping([5; 8]));
    world.host_says(host, &HostFrame::Ping([6; 8]));
    assert_eq!(world.client_reads(client), [ONLINE, ClientRead::Pong([5; 8])]);
    assert_eq!(world.host_reads(host), [registered(1), format!("{:?}", HostFrame::Pong([6; 8])), open(1)]);
}

#[test]
fn limits_by_address_and_by_slot() {
    let limits =
        Limits { clients_per_address: 2, hosts_per_address: 1, clients_per_slot: 3, ..Limits::default() };
    let mut world = World::with(limits);
    let rid = secret(1).rid();
    let connect = |world: &mut World, from: &str| {
        let ticket = world.ticket(rid, from, None)?;
        let now = world.now;
        world.hub.connect_client(rid, &ticket, None, address(from), now)
    };
    let first = connect(&mut world, "2001:db8::1").unwrap();
    connect(&mut world, "2001:db8::2").unwrap();
    assert_eq!(connect(&mut world, "2001:db8::3"), Err(CloseCode::Limited), "one /64");
    connect(&mut world, "2001:db8:0:1::1").unwrap();
    assert_eq!(connect(&mut world, "2001:db8:0:2::1"), Err(CloseCode::Limited), "three for the slot");
    world.gone(first);
    assert!(connect(&mut world, "2001:db8::3").is_ok());

    let from = address("198.51.100.7");
    let host = world.hub.connect_host(from, world.now).unwrap();
    assert_eq!(world.hub.connect_host(from, world.now), Err(CloseCode::Limited));
    world.gone(host);
    assert!(world.hub.connect_host(from, world.now).is_ok());
}

#[test]
fn tickets_are_rationed_by_address() {
    let mut world = World::new();
    let rid = secret(1).rid();
    let got = (0..100).filter(|_| world.ticket(rid, "198.51.100.7", None).is_ok()).count();
    assert_eq!(got, 60);
    assert!(world.ticket(rid, "198.51.100.8", None).is_ok());
    world.pass(Duration::from_secs(1));
    assert!(world.ticket(rid, "198.51.100.7", None).is_ok());
    assert!(world.ticket(rid, "198.51.100.7", None).is_err());
}

#[test]
fn who_keeps_failing_is_banned_for_a_while() {
    let mut world = World::new();
    let (rid, from) = (secret(1).rid(), address("198.51.100.7"));
    for _ in 0..20 {
        assert_eq!(
            world.hub.connect_client(rid, &Ticket([9; 32]), None, from, world.now),
            Err(CloseCode::Refused)
        );
    }
    assert_eq!(world.ticket(rid, "198.51.100.7", None).err(), Some(CloseCode::Limited));
    assert_eq!(world.hub.connect_host(from, world.now), Err(CloseCode::Limited));
    world.pass(Duration::from_mins(2));
    assert!(world.hub.connect_host(from, world.now).is_ok());
}

#[test]
fn in_a_full_slot_the_silent_make_room() {
    let mut world = World::with(Limits { clients_per_slot: 3, ..Limits::default() });
    let host = world.host(1);
    let speaking = world.client(1);
    world.data(speaking, b"hello");
    let silent = [world.client(1), world.client(1)];
    let late = world.client(1);
    world.data(late, b"hello");
    assert_eq!(world.take(silent[0]).1, Taken::End(CloseCode::Limited));
    assert_eq!(world.take(silent[1]).1, Taken::Idle);
    assert_eq!(world.take(speaking).1, Taken::Idle);
    assert!(world.host_reads(host).contains(&data(4, b"hello")));
}

#[test]
fn a_restart_is_announced_to_everybody() {
    let mut world = World::new();
    let host = world.host(1);
    let (client, waiting) = (world.client(1), world.client(2));
    world.host_reads(host);
    world.client_reads(client);
    world.client_reads(waiting);
    world.hub.restart(Duration::from_millis(700), world.now);
    let end = CloseCode::Restarting;
    assert_eq!(world.host_reads(host), [format!("{:?}", HostFrame::Restarting(700)), close(0, end)]);
    for client in [client, waiting] {
        let read = world.client_reads(client);
        let tail = &read[read.len() - 3..];
        assert_eq!(tail, [ClientRead::Restarting(700), ClientRead::Close(end), ClientRead::End(end)]);
    }
    assert_eq!(world.hub.connect_host(address("127.0.0.1"), world.now), Err(end));
}
