//! The hub by itself: its rules one by one, and against a reference model in random histories.

use super::*;
use proptest::prelude::*;
use wire::RelaySecret;

struct World {
    hub: Hub,
    now: Instant,
    tickets: u64,
}

fn secret(n: u8) -> RelaySecret {
    RelaySecret([n; 32])
}

fn address(text: &str) -> Address {
    Address::new(text.parse().unwrap())
}

impl World {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let now = Instant::now();
        Self { hub: Hub::new(limits, now, 1_000_000), now, tickets: 0 }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.hub.handle_timeout(self.now);
    }

    fn host(&mut self, n: u8) -> Link {
        let link = self.hub.connect_host(address("127.0.0.1"), self.now).unwrap();
        self.host_says(link, &HostFrame::Register(secret(n)));
        link
    }

    fn ticket(&mut self, rid: Rid, from: &str, origin: Option<&str>) -> Result<Ticket, CloseCode> {
        self.tickets += 1;
        let mut ticket = Ticket([7; 32]);
        ticket.0[..8].copy_from_slice(&self.tickets.to_be_bytes());
        self.hub.issue_ticket(ticket.hash(), rid, origin, address(from), self.now)?;
        Ok(ticket)
    }

    fn client(&mut self, n: u8) -> Link {
        let rid = secret(n).rid();
        let ticket = self.ticket(rid, "127.0.0.1", None).unwrap();
        self.hub.connect_client(rid, &ticket, None, address("127.0.0.1"), self.now).unwrap()
    }

    fn host_says(&mut self, link: Link, frame: &HostFrame<'_>) {
        self.hub.handle_frame(link, frame.to_vec().into(), self.now);
    }

    fn client_says(&mut self, link: Link, frame: &ClientFrame<'_>) {
        self.hub.handle_frame(link, frame.to_vec().into(), self.now);
    }

    fn data(&mut self, link: Link, body: &[u8]) {
        self.client_says(link, &ClientFrame::Data(body));
    }

    fn take(&mut self, link: Link) -> (Vec<Bytes>, Taken) {
        let mut batch = Vec::new();
        let taken = self.hub.take(link, usize::MAX, &mut batch);
        (batch, taken)
    }

    /// What a host reads: shown as text, to be compared as a whole.
    fn host_reads(&mut self, link: Link) -> Vec<String> {
        self.take(link).0.iter().map(|frame| format!("{:?}", HostFrame::decode(frame).unwrap())).collect()
    }

    fn client_reads(&mut self, link: Link) -> Vec<ClientRead> {
        let (frames, taken) = self.take(link);
        let frames = frames.iter().map(|frame| match ClientFrame::decode(frame).unwrap() {
            ClientFrame::Data(body) => ClientRead::Data(body.to_vec()),
            ClientFrame::Presence { online, .. } => ClientRead::Presence(online),
            ClientFrame::Ping(id) => ClientRead::Ping(id),
            ClientFrame::Pong(id) => ClientRead::Pong(id),
            ClientFrame::Close(code) => ClientRead::Close(code),
            ClientFrame::Restarting(ms) => ClientRead::Restarting(ms),
        });
        let end = if let Taken::End(code) = taken { Some(ClientRead::End(code)) } else { None };
        frames.chain(end).collect()
    }

    fn gone(&mut self, link: Link) {
        self.hub.handle_gone(link, self.now);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ClientRead {
    Data(Vec<u8>),
    Presence(bool),
    Ping([u8; 8]),
    Pong([u8; 8]),
    Close(CloseCode),
    Restarting(u32),
    End(CloseCode),
}

const ONLINE: ClientRead = ClientRead::Presence(true);
const OFFLINE: ClientRead = ClientRead::Presence(false);

fn registered(n: u8) -> String {
    format!("{:?}", HostFrame::Registered(secret(n).rid()))
}

fn open(conn: u32) -> String {
    format!("{:?}", HostFrame::Open { conn: Conn(conn), address: "127.0.0.1" })
}

fn data(conn: u32, body: &[u8]) -> String {
    format!("{:?}", HostFrame::Data { conn: Conn(conn), body })
}

fn close(conn: u32, code: CloseCode) -> String {
    format!("{:?}", HostFrame::Close { conn: Conn(conn), code })
}

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

/// One step of a random history. Numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Step {
    HostComes(u8),
    HostGoes(usize),
    HostSends(usize, usize),
    HostCloses(usize, usize),
    HostReads(usize, usize),
    ClientComes(u8),
    ClientGoes(usize),
    ClientSends(usize),
    ClientReads(usize, usize),
    TimePasses(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let any = 0usize..64;
    prop_oneof![
        1 => (0u8..2).prop_map(Step::HostComes),
        1 => any.clone().prop_map(Step::HostGoes),
        6 => (any.clone(), any.clone()).prop_map(|(host, conn)| Step::HostSends(host, conn)),
        1 => (any.clone(), any.clone()).prop_map(|(host, conn)| Step::HostCloses(host, conn)),
        4 => (any.clone(), 1usize..300).prop_map(|(host, budget)| Step::HostReads(host, budget)),
        3 => (0u8..2).prop_map(Step::ClientComes),
        1 => any.clone().prop_map(Step::ClientGoes),
        6 => any.clone().prop_map(Step::ClientSends),
        4 => (any.clone(), 1usize..300).prop_map(|(client, budget)| Step::ClientReads(client, budget)),
        1 => (0u16..3000).prop_map(Step::TimePasses),
    ]
}

/// The reference: every endpoint as it would see the world if each of its connections were a private pipe.
#[derive(Default)]
struct Model {
    hosts: Vec<ModelHost>,
    clients: Vec<ModelClient>,
    /// Which client each conversation belongs to, so that bytes can be traced to who sent them.
    serial: u32,
}

struct ModelHost {
    link: Link,
    /// Connection number -> how many it sent, and the client's numbers it received so far.
    conns: HashMap<u32, (u32, Vec<[u32; 2]>)>,
}

struct ModelClient {
    link: Link,
    /// Its current conversation, as the client itself understands it: begun by `PRESENCE` online.
    conversation: Option<u32>,
    sent: u32,
    /// Host's link and connection, and the host's numbers received in this conversation.
    received: Vec<[u32; 2]>,
    ended: bool,
}

fn two(a: u32, b: u32) -> Vec<u8> {
    [a.to_be_bytes(), b.to_be_bytes()].concat()
}

fn parse(body: &[u8]) -> [u32; 2] {
    [0, 4].map(|at| u32::from_be_bytes(body[at..at + 4].try_into().unwrap()))
}

/// Bytes of one conversation arrive from its first on, in order, each once.
fn is_prefix(received: &[[u32; 2]]) -> bool {
    received.iter().enumerate().all(|(at, [whose, n])| *whose == received[0][0] && *n as usize == at)
}

impl Model {
    fn host_reads(&mut self, world: &mut World, at: usize, budget: usize) -> Result<(), TestCaseError> {
        let mut batch = Vec::new();
        let host = &mut self.hosts[at];
        world.hub.take(host.link, budget, &mut batch);
        for frame in batch {
            match HostFrame::decode(&frame).unwrap() {
                HostFrame::Open { conn, .. } => {
                    prop_assert!(host.conns.insert(conn.0, (0, Vec::new())).is_none(), "opened twice");
                }
                HostFrame::Data { conn, body } => {
                    let conn = host.conns.get_mut(&conn.0);
                    prop_assert!(conn.is_some(), "data without a connection");
                    let received = &mut conn.unwrap().1;
                    received.push(parse(body));
                    prop_assert!(is_prefix(received), "a host saw {received:?}");
                }
                HostFrame::Close { conn, .. } => drop(host.conns.remove(&conn.0)),
                _ => {}
            }
        }
        Ok(())
    }

    fn client_reads(&mut self, world: &mut World, at: usize, budget: usize) -> Result<(), TestCaseError> {
        let mut batch = Vec::new();
        let client = &mut self.clients[at];
        let taken = world.hub.take(client.link, budget, &mut batch);
        for frame in batch {
            match ClientFrame::decode(&frame).unwrap() {
                ClientFrame::Presence { online: true, .. } => {
                    prop_assert!(client.conversation.is_none(), "met a host while with a host");
                    self.serial += 1;
                    client.conversation = Some(self.serial);
                    (client.sent, client.received) = (0, Vec::new());
                }
                ClientFrame::Presence { online: false, .. } => client.conversation = None,
                ClientFrame::Ping(id) => world.client_says(client.link, &ClientFrame::Pong(id)),
                ClientFrame::Data(body) => {
                    prop_assert!(client.conversation.is_some(), "data without a host");
                    client.received.push(parse(body));
                    prop_assert!(is_prefix(&client.received), "a client saw {:?}", client.received);
                }
                _ => {}
            }
        }
        client.ended |= matches!(taken, Taken::End(_));
        Ok(())
    }

    fn apply(&mut self, world: &mut World, step: Step) -> Result<(), TestCaseError> {
        let (hosts, clients) = (self.hosts.len().max(1), self.clients.len().max(1));
        match step {
            Step::HostComes(n) => {
                let link = world.host(n);
                self.hosts.push(ModelHost { link, conns: HashMap::new() });
            }
            Step::HostGoes(at) if !self.hosts.is_empty() => {
                let host = self.hosts.swap_remove(at % hosts);
                world.gone(host.link);
            }
            Step::HostSends(at, which) if !self.hosts.is_empty() => {
                let host = &mut self.hosts[at % hosts];
                let mut conns: Vec<u32> = host.conns.keys().copied().collect();
                conns.sort_unstable();
                if let Some(conn) = conns.get(which % conns.len().max(1)) {
                    let sent = &mut host.conns.get_mut(conn).unwrap().0;
                    let body = two(u32::try_from(host.link.0).unwrap() << 16 | *conn, *sent);
                    *sent += 1;
                    let link = host.link;
                    world.host_says(link, &HostFrame::Data { conn: Conn(*conn), body: &body });
                }
            }
            Step::HostCloses(at, which) if !self.hosts.is_empty() => {
                let host = &mut self.hosts[at % hosts];
                let mut conns: Vec<u32> = host.conns.keys().copied().collect();
                conns.sort_unstable();
                if let Some(conn) = conns.get(which % conns.len().max(1)) {
                    host.conns.remove(conn);
                    let frame = HostFrame::Close { conn: Conn(*conn), code: CloseCode::Normal };
                    world.host_says(host.link, &frame);
                }
            }
            Step::HostReads(at, budget) if !self.hosts.is_empty() => {
                self.host_reads(world, at % hosts, budget)?;
            }
            Step::ClientComes(n) => {
                let link = world.client(n);
                let client =
                    ModelClient { link, conversation: None, sent: 0, received: Vec::new(), ended: false };
                self.clients.push(client);
            }
            Step::ClientGoes(at) if !self.clients.is_empty() => {
                let client = self.clients.swap_remove(at % clients);
                world.gone(client.link);
            }
            Step::ClientSends(at) if !self.clients.is_empty() => {
                let client = &mut self.clients[at % clients];
                if let Some(conversation) = client.conversation {
                    let body = two(conversation, client.sent);
                    client.sent += 1;
                    world.data(client.link, &body);
                }
            }
            Step::ClientReads(at, budget) if !self.clients.is_empty() => {
                self.client_reads(world, at % clients, budget)?;
            }
            Step::TimePasses(ms) => world.pass(Duration::from_millis(ms.into())),
            _ => {}
        }
        Ok(())
    }
}

fn settled(world: &mut World) {
    let mut woken = Vec::new();
    while let Some(Output::Wake(link)) = world.hub.poll_output() {
        woken.push(link);
    }
    // Whoever has something to read was woken.
    let waiting = |entry: &Entry| match &entry.side {
        Side::Host(host) => !host.queue.is_empty(),
        Side::Client(client) => !client.queue.is_empty(),
    };
    for entry in world.hub.links.values() {
        assert!(!waiting(entry) || entry.woken);
    }
    let queued: usize = world
        .hub
        .links
        .values()
        .map(|entry| match &entry.side {
            Side::Host(host) => host.queue.bytes(),
            Side::Client(client) => client.queue.bytes(),
        })
        .sum();
    assert_eq!(world.hub.queued, queued);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_conversation_is_a_private_pipe(steps in prop::collection::vec(step(), 0..150)) {
        let mut world = World::new();
        let mut model = Model::default();
        for step in steps {
            model.apply(&mut world, step)?;
            settled(&mut world);
        }
        // Healed: everybody reads everything, twice because answering a barrier makes more.
        for _ in 0..3 {
            for at in 0..model.clients.len() {
                model.client_reads(&mut world, at, usize::MAX)?;
            }
            for at in 0..model.hosts.len() {
                model.host_reads(&mut world, at, usize::MAX)?;
            }
        }
        for client in &model.clients {
            if let (Some(conversation), false) = (client.conversation, client.ended) {
                let all = model.hosts.iter().flat_map(|host| host.conns.values());
                let arrived = all.filter(|(_, got)| got.first().is_some_and(|[whose, _]| *whose == conversation));
                let arrived: Vec<usize> = arrived.map(|(_, got)| got.len()).collect();
                let expected: Vec<usize> = if client.sent == 0 { vec![] } else { vec![client.sent as usize] };
                prop_assert_eq!(arrived, expected, "all that a client sent in its conversation is there");
            }
        }
        for host in &model.hosts {
            world.gone(host.link);
        }
        for client in &model.clients {
            world.gone(client.link);
        }
        prop_assert_eq!(world.hub.load(), (0, 0, 0));
        prop_assert!(world.hub.links.is_empty() && world.hub.deadlines.is_empty());
        prop_assert!(world.hub.slots.values().all(|slot| slot.host.is_none() && slot.clients.is_empty()));
    }

    #[test]
    fn arbitrary_bytes_never_panic(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..40)) {
        let mut world = World::new();
        let host = world.host(1);
        let client = world.client(1);
        for (at, frame) in frames.into_iter().enumerate() {
            world.hub.handle_frame(if at % 2 == 0 { host } else { client }, frame.into(), world.now);
            settled(&mut world);
        }
    }
}
