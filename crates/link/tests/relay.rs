//! Both ends of a relay, through a real one: links, connections, and sealed messages on top.

use longrein_link::frames::{FrameReceiver, FrameSender, Side, local};
use longrein_link::mux::{Event, Mux, Opened};
use longrein_link::path::{self, Incoming, PathReceiver};
use longrein_link::relay_client::{RelayUrl, connect_client, register_host};
use longrein_link::{Error, Fault, MessageReceiver, MessageSender, sealed};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use relay::{Config, Server};
use seal::{Channel, ClientHello, HostHello, Initiator, Pending, Psk, StaticSecret, Token};
use session::codec;
use session::message::{ToClient, ToHost};
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use wire::{CloseCode, Conn, HostFrame, RelaySecret, Rid};

const PATIENCE: Duration = Duration::from_mins(1);

async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.expect("within the test's patience")
}

fn secret() -> RelaySecret {
    RelaySecret([1; 32])
}

async fn relay() -> (Server, RelayUrl) {
    let server =
        Server::start(vec![TcpListener::bind("127.0.0.1:0").await.unwrap()], Config::default()).unwrap();
    let url = format!("http://{}", server.addresses()[0]).parse().unwrap();
    (server, url)
}

fn embedded(server: &Server) -> Mux {
    let (out, queue) = server.attach_local(&secret());
    let (sender, receiver) = local(Side::Host, out, queue);
    Mux::new(sender, receiver)
}

async fn remote(url: &RelayUrl) -> Mux {
    let (sender, receiver) = soon(register_host(url, &secret())).await.unwrap();
    Mux::new(sender, receiver)
}

async fn opened(mux: &mut Mux) -> Opened {
    match soon(mux.next()).await.unwrap() {
        Some(Event::Opened(opened)) => opened,
        _ => panic!("not a new connection"),
    }
}

async fn presence(receiver: &mut PathReceiver) -> bool {
    match soon(receiver.recv()).await.unwrap() {
        Some(Incoming::Presence { online, .. }) => online,
        other => panic!("{other:?}"),
    }
}

async fn data(receiver: &mut PathReceiver) -> bytes::Bytes {
    match soon(receiver.recv()).await.unwrap() {
        Some(Incoming::Data(body)) => body,
        other => panic!("{other:?}"),
    }
}

/// A finished handshake: the client's channel and the host's.
fn channels(rid: Rid) -> (Channel, Channel) {
    let rng = &mut ChaCha20Rng::seed_from_u64(7);
    let (device, host) = (StaticSecret::generate(rng), StaticSecret::generate(rng));
    let psk: Psk = Token::from_bytes([3; 32]).psk();
    let now = Instant::now();
    let (initiator, hello) =
        Initiator::start(&device, &host.public(), rid, &psk, &ClientHello::Resume {}, rng).unwrap();
    let reply = HostHello {
        versions: vec![1],
        time: 0,
        features: vec![],
        device: None,
        secret: None,
        confirm: false,
    };
    let (theirs, reply) = Pending::read(&host, rid, &hello).unwrap().accept(&psk, &reply, rng, now).unwrap();
    let (ours, _) = initiator.finish(&reply, now).unwrap();
    (ours, theirs)
}

/// Sends pings one way and gets pongs the other, with payloads of every size class.
async fn talk(
    client: (MessageSender, MessageReceiver),
    host: (MessageSender, MessageReceiver),
    run: impl Future<Output = ()>,
) {
    let (mut to_host, mut from_host) = client;
    let (mut to_client, mut from_client) = host;
    let sizes = [0, 1, 200, 900, 5000, 32_768];
    let host = async {
        for n in 0..300u64 {
            let message = soon(from_client.recv()).await.unwrap().unwrap();
            let (ToHost::Ping { sent, .. }, payload) = codec::decode(&message).unwrap() else {
                panic!("{message:?}")
            };
            assert_eq!(sent, n);
            to_client.feed(&ToClient::Pong { sent }, &payload).await.unwrap();
            to_client.flush().await.unwrap();
        }
    };
    let client = async {
        for n in 0..300u64 {
            let payload = vec![7; sizes[usize::try_from(n).unwrap() % sizes.len()]];
            to_host.send(&ToHost::Ping { sent: n, every: None }, &payload).await.unwrap();
        }
        for n in 0..300u64 {
            let message = soon(from_host.recv()).await.unwrap().unwrap();
            let (header, payload) = codec::decode::<ToClient>(&message).unwrap();
            assert_eq!(header, ToClient::Pong { sent: n });
            assert_eq!(payload.len(), sizes[usize::try_from(n).unwrap() % sizes.len()]);
        }
    };
    tokio::select! {
        _ = async { tokio::join!(client, host) } => {}
        () = run => panic!("the link ended"),
    }
}

async fn sealed_messages_through(mut mux: Mux, url: &RelayUrl) {
    let rid = secret().rid();
    let (sender, receiver) = soon(connect_client(url, rid)).await.unwrap();
    let (to_host, mut from_host) = path::client(sender, receiver);
    while !presence(&mut from_host).await {}
    let there = opened(&mut mux).await;
    assert_eq!(there.address, "127.0.0.1");
    let (ours, theirs) = channels(rid);
    let client = sealed::messages(ours, to_host, from_host);
    let host = sealed::messages(theirs, there.sender, there.receiver);
    talk(client, host, async { while let Ok(Some(_)) = mux.next().await {} }).await;
}

#[tokio::test]
async fn sealed_messages_through_an_embedded_relay() {
    let (server, url) = relay().await;
    sealed_messages_through(embedded(&server), &url).await;
}

#[tokio::test]
async fn sealed_messages_through_a_remote_relay() {
    let (_server, url) = relay().await;
    sealed_messages_through(remote(&url).await, &url).await;
}

#[tokio::test]
async fn a_client_waits_for_its_host_and_is_told_when_it_goes() {
    let (_server, url) = relay().await;
    let (sender, receiver) = soon(connect_client(&url, secret().rid())).await.unwrap();
    let (to_host, mut from_host) = path::client(sender, receiver);
    assert!(!presence(&mut from_host).await);
    let mut mux = remote(&url).await;
    assert!(presence(&mut from_host).await);
    to_host.send(b"hello").await.unwrap();
    let mut there = opened(&mut mux).await;
    tokio::select! {
        body = data(&mut there.receiver) => assert_eq!(body, "hello"),
        _ = mux.next() => panic!("the link ended"),
    }
    drop((mux, there));
    assert!(!presence(&mut from_host).await);
    // The barrier's answer comes from the link itself, so the next host is met at once.
    let mut again = remote(&url).await;
    let (met, mut there) = tokio::join!(presence(&mut from_host), opened(&mut again));
    assert!(met);
    to_host.send(b"new hello").await.unwrap();
    tokio::select! {
        body = data(&mut there.receiver) => assert_eq!(body, "new hello"),
        _ = again.next() => panic!("the link ended"),
    }
}

#[tokio::test]
async fn a_channel_ends_with_its_host() {
    let (_server, url) = relay().await;
    let mut mux = remote(&url).await;
    let (sender, receiver) = soon(connect_client(&url, secret().rid())).await.unwrap();
    let (to_host, from_host) = path::client(sender, receiver);
    let there = opened(&mut mux).await;
    let (ours, _) = channels(secret().rid());
    let (_sender, mut client) = sealed::messages(ours, to_host, from_host);
    drop((mux, there));
    let error = soon(client.recv()).await.err().unwrap();
    assert!(matches!(error, Error::Closed(CloseCode::HostOffline)), "{error}");
    assert!(error.retryable() && error.fault() == Fault::Environment);
}

#[tokio::test]
async fn closing_is_told_both_ways() {
    let (server, url) = relay().await;
    let mut mux = embedded(&server);
    for client_closes in [true, false] {
        let (sender, receiver) = soon(connect_client(&url, secret().rid())).await.unwrap();
        let (to_host, mut from_host) = path::client(sender, receiver);
        assert!(presence(&mut from_host).await);
        let mut there = opened(&mut mux).await;
        let left = if client_closes {
            to_host.close(CloseCode::Other(77)).await.unwrap();
            &mut there.receiver
        } else {
            there.sender.close(CloseCode::Other(77)).await.unwrap();
            &mut from_host
        };
        tokio::select! {
            end = soon(left.recv()) => assert_eq!(end.unwrap(), Some(Incoming::Closed(CloseCode::Other(77)))),
            _ = mux.next() => panic!("the link ended"),
        }
    }
}

#[tokio::test]
async fn a_replaced_host_is_told() {
    let (server, url) = relay().await;
    let mut first = embedded(&server);
    let mut second = remote(&url).await;
    let error = soon(first.next()).await.err().unwrap();
    assert!(matches!(error, Error::Closed(CloseCode::Replaced)) && !error.retryable(), "{error}");
    let _third = embedded(&server);
    assert!(matches!(soon(second.next()).await, Err(Error::Closed(CloseCode::Replaced))));
}

#[tokio::test]
async fn a_connection_that_nobody_reads_is_closed_at_the_bound_and_no_other() {
    let (server, url) = relay().await;
    let mut mux = embedded(&server);
    let connect = async || {
        let (sender, receiver) = soon(connect_client(&url, secret().rid())).await.unwrap();
        path::client(sender, receiver)
    };
    let (flood, mut flooded) = connect().await;
    let mut unread = opened(&mut mux).await;
    let (typing, _typed) = connect().await;
    let mut read = opened(&mut mux).await;
    assert!(presence(&mut flooded).await);
    let body = vec![7; 60_000];
    let ended = async {
        loop {
            tokio::select! {
                sent = flood.send(&body) => drop(sent),
                end = flooded.recv() => break end,
            }
        }
    };
    tokio::select! {
        end = soon(ended) => assert_eq!(end.unwrap(), Some(Incoming::Closed(CloseCode::Overflow))),
        _ = mux.next() => panic!("the link ended"),
    }
    typing.send(b"still here").await.unwrap();
    tokio::select! {
        body = data(&mut read.receiver) => assert_eq!(body, "still here"),
        _ = mux.next() => panic!("the link ended"),
    }
    let mut waiting = 0;
    loop {
        match soon(unread.receiver.recv()).await.unwrap() {
            Some(Incoming::Data(body)) => waiting += body.len(),
            Some(Incoming::Closed(code)) => break assert_eq!(code, CloseCode::Overflow),
            other => panic!("{other:?}"),
        }
    }
    assert!(waiting <= wire::limits::MAX_QUEUED, "{waiting}");
}

#[tokio::test]
async fn a_relay_that_is_not_there_or_not_a_relay() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: RelayUrl = format!("ws://{}", listener.local_addr().unwrap()).parse().unwrap();
    let answers = [
        "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nnot here\n",
        "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "",
    ];
    let speaker = tokio::spawn(async move {
        for answer in answers.iter().flat_map(|answer| [answer, answer]) {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut asked = [0; 4096];
            let _ = tcp.read(&mut asked).await;
            tcp.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    for answer in answers {
        let client = soon(connect_client(&url, secret().rid())).await.err().unwrap();
        let host = soon(register_host(&url, &secret())).await.err().unwrap();
        match answer.get(9..12) {
            Some("404") => {
                assert!(
                    matches!(&client, Error::Http { status: 404, text } if text == "not here"),
                    "{client}"
                );
                assert!(!client.retryable() && client.fault() == Fault::Peer);
                assert!(matches!(host, Error::Http { status: 404, .. }), "{host}");
            }
            Some("429") => {
                assert!(matches!(host, Error::Http { status: 429, .. }) && host.retryable(), "{host}");
            }
            _ => assert!(!matches!(host, Error::Timeout(_)) && !matches!(client, Error::Timeout(_))),
        }
    }
    soon(speaker).await.unwrap();
    // Nobody listens any more.
    let error = soon(register_host(&url, &secret())).await.err().unwrap();
    assert!(matches!(error, Error::Io { .. }) && error.retryable(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: RelayUrl = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    assert!(matches!(register_host(&url, &secret()).await, Err(Error::Timeout(_))));
    assert!(matches!(connect_client(&url, secret().rid()).await, Err(Error::Timeout(_))));
}

/// A host's link to a relay that upgrades and registers, and then never says a word.
async fn frozen_relay() -> ((FrameSender, FrameReceiver), tokio::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: RelayUrl = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let far = async {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(tcp.read_u8().await.unwrap());
        }
        let asked = String::from_utf8(asked).unwrap();
        let key = asked
            .lines()
            .find_map(|line| {
                line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
            })
            .unwrap()
            .1;
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-accept: {accept}\r\nsec-websocket-protocol: longrein.1\r\n\r\n"
        );
        tcp.write_all(answer.as_bytes()).await.unwrap();
        let registered = HostFrame::Registered(secret().rid()).to_vec();
        let length = u8::try_from(registered.len()).unwrap();
        tcp.write_all(&[&[0x82, length][..], &registered].concat()).await.unwrap();
        tcp
    };
    let secret = secret();
    let (link, tcp) = tokio::join!(register_host(&url, &secret), far);
    (link.unwrap(), tcp)
}

#[tokio::test]
async fn a_relay_that_freezes_is_found_out_by_the_heartbeat() {
    // Somewhere between the two it was heard for the last time.
    let before = tokio::time::Instant::now();
    let ((_sender, mut receiver), _far) = frozen_relay().await;
    tokio::time::pause();
    let after = tokio::time::Instant::now();
    assert!(matches!(receiver.recv().await, Err(Error::Timeout(_))));
    let (longest, shortest) = (before.elapsed(), after.elapsed());
    assert!(longest >= Duration::from_secs(29) && shortest <= Duration::from_secs(31), "{longest:?}");
}

#[tokio::test]
async fn a_host_with_a_client_asks_its_relay_often() {
    let ((sender, receiver), mut far) = frozen_relay().await;
    let open = HostFrame::Open { conn: Conn(1), address: "192.0.2.7" }.to_vec();
    far.write_all(&[&[0x82, u8::try_from(open.len()).unwrap()][..], &open].concat()).await.unwrap();
    let mut mux = Mux::new(sender, receiver);
    let before = tokio::time::Instant::now();
    let Ok(Some(Event::Opened(_client))) = mux.next().await else { panic!("no client") };
    tokio::time::pause();
    let after = tokio::time::Instant::now();
    assert!(matches!(mux.next().await, Err(Error::Timeout(_))));
    let (longest, shortest) = (before.elapsed(), after.elapsed());
    assert!(longest >= Duration::from_secs(11) && shortest <= Duration::from_secs(13), "{longest:?}");
}

#[tokio::test]
async fn a_relay_that_never_reads_is_found_out_by_the_write() {
    let ((sender, _receiver), _far) = frozen_relay().await;
    tokio::time::pause();
    let frame: bytes::Bytes = HostFrame::Data { conn: Conn(1), body: &vec![7; 60_000] }.to_vec().into();
    let error = loop {
        if let Err(error) = sender.send(frame.clone()).await {
            break error;
        }
    };
    assert!(matches!(error, Error::Timeout(_)), "{error}");
}

#[tokio::test]
async fn frames_beyond_the_bound_are_not_sent() {
    let (server, url) = relay().await;
    let _mux = embedded(&server);
    let (sender, _receiver) = soon(connect_client(&url, secret().rid())).await.unwrap();
    let frame = vec![0x11; wire::limits::MAX_FRAME + 1];
    assert!(matches!(sender.feed(frame.into()).await, Err(Error::TooLarge(_))));
}
