//! The relay over real sockets: what its two sides see, and what a stranger cannot do.

mod common;

use common::{
    Client, Host, PATIENCE, closed, http, port, post_ticket, quick, rid, secret, start, ticket, websocket,
    within_a_second,
};
use futures_util::SinkExt;
use longrein_relay::assets::{Asset, Assets};
use longrein_relay::{Config, Origins};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use wire::{ClientFrame, CloseCode, Conn, HostFrame};

#[tokio::test]
async fn bytes_go_both_ways() {
    let server = start(Config::default()).await;
    let mut host = Host::register(port(&server), 1).await;
    let mut client = Client::join(port(&server), 1).await;
    let conn = host.opened().await;
    let large = vec![0xa5; wire::limits::MAX_DATA];
    client.data(b"hello").await;
    client.data(&large).await;
    assert_eq!(host.recv().await, HostFrame::Data { conn, body: b"hello" }.to_vec());
    assert_eq!(host.recv().await, HostFrame::Data { conn, body: &large }.to_vec());
    for n in 0..200u8 {
        host.data(conn, &[n]).await;
    }
    host.data(conn, &large).await;
    for n in 0..200u8 {
        assert_eq!(client.recv().await, ClientFrame::Data(&[n]).to_vec());
    }
    assert_eq!(client.recv().await, ClientFrame::Data(&large).to_vec());

    host.send(&HostFrame::Close { conn, code: CloseCode::Normal }).await;
    assert_eq!(client.recv().await, ClientFrame::Close(CloseCode::Normal).to_vec());
    assert_eq!(closed(&mut client.0).await, Some(CloseCode::Normal));
}

#[tokio::test]
async fn an_embedded_host_is_a_host_like_any_other() {
    let server = start(Config::default()).await;
    let (to_relay, mut from_relay) = server.attach_local(&secret(1));
    let mut next =
        async || timeout(PATIENCE, from_relay.recv()).await.expect("a frame in time").expect("a frame");
    assert_eq!(next().await, HostFrame::Registered(rid(1)).to_vec());
    let mut client = Client::join(port(&server), 1).await;
    let open = next().await;
    let Ok(HostFrame::Open { conn, .. }) = HostFrame::decode(&open) else { panic!("{open:?}") };
    client.data(b"hello").await;
    assert_eq!(next().await, HostFrame::Data { conn, body: b"hello" }.to_vec());
    for n in 0..1000u32 {
        to_relay.send(HostFrame::Data { conn, body: &n.to_be_bytes() }.to_vec().into()).await.unwrap();
    }
    for n in 0..1000u32 {
        assert_eq!(client.recv().await, ClientFrame::Data(&n.to_be_bytes()).to_vec());
    }
    for n in 0..1000u32 {
        client.data(&n.to_be_bytes()).await;
    }
    for n in 0..1000u32 {
        assert_eq!(next().await, HostFrame::Data { conn, body: &n.to_be_bytes() }.to_vec());
    }
    // Somebody else with the same secret takes the slot over.
    let _elsewhere = Host::register(port(&server), 1).await;
    assert_eq!(next().await, HostFrame::Close { conn: Conn(0), code: CloseCode::Replaced }.to_vec());
}

#[tokio::test]
async fn a_client_sees_its_host_come_and_go() {
    let server = start(Config::default()).await;
    let mut client = Client::connect(port(&server), 1).await;
    assert!(!client.presence().await);
    let mut first = Host::register(port(&server), 1).await;
    assert!(client.presence().await);
    first.opened().await;
    drop(first);
    assert!(!client.presence().await);
    let ping = client.recv().await;
    let Ok(ClientFrame::Ping(barrier)) = ClientFrame::decode(&ping) else { panic!("{ping:?}") };
    let mut second = Host::register(port(&server), 1).await;
    client.data(b"of the old channel").await;
    client.send(&ClientFrame::Pong(barrier)).await;
    assert!(client.presence().await);
    client.data(b"hello").await;
    let conn = second.opened().await;
    assert_eq!(second.recv().await, HostFrame::Data { conn, body: b"hello" }.to_vec());
}

#[tokio::test]
async fn the_newest_registration_wins_and_the_old_one_is_told() {
    let server = start(Config::default()).await;
    let mut old = Host::register(port(&server), 1).await;
    let mut new = Host::register(port(&server), 1).await;
    assert_eq!(old.recv().await, HostFrame::Close { conn: Conn(0), code: CloseCode::Replaced }.to_vec());
    assert_eq!(closed(&mut old.0).await, Some(CloseCode::Replaced));
    let _client = Client::join(port(&server), 1).await;
    new.opened().await;
}

#[tokio::test]
async fn used_foreign_and_missing_tickets_are_refused() {
    let server = start(Config::default()).await;
    let port = port(&server);
    let _host = Host::register(port, 1).await;
    let path = format!("/v1/connect/{}", rid(1));
    let connect = async |protocols: &str| websocket(port, &path, protocols, &[]).await.map(|_| ());
    let good = format!("longrein.1, ticket.{}", ticket(port, rid(1), "").await);
    assert_eq!(connect(&good).await, Ok(()));
    assert_eq!(connect(&good).await, Err(403), "used");
    let foreign = format!("longrein.1, ticket.{}", ticket(port, rid(2), "").await);
    assert_eq!(connect(&foreign).await, Err(403), "for another slot");
    assert_eq!(connect("longrein.1").await, Err(403), "missing");
    assert_eq!(connect("longrein.1, ticket.x").await, Err(403), "mangled");
    let unspoken = format!("ticket.{}", ticket(port, rid(1), "").await);
    assert_eq!(connect(&unspoken).await, Err(400), "no subprotocol");
    let spoken = format!("longrein.1, ticket.{}", ticket(port, rid(1), "").await);
    assert_eq!(websocket(port, "/v1/connect/x", &spoken, &[]).await.map(|_| ()), Err(404), "not a slot");
}

#[tokio::test]
async fn an_expired_ticket_is_refused() {
    let mut config = Config::default();
    config.limits.ticket_lifetime = Duration::ZERO;
    let server = start(config).await;
    let late = format!("longrein.1, ticket.{}", ticket(port(&server), rid(1), "").await);
    let path = format!("/v1/connect/{}", rid(1));
    assert_eq!(websocket(port(&server), &path, &late, &[]).await.map(|_| ()), Err(403));
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let origins = Origins { others: vec!["https://app.example".into()], any: false };
    let server = start(Config { origins, ..Config::default() }).await;
    let port = port(&server);
    let _host = Host::register(port, 1).await;
    let own = format!("http://127.0.0.1:{port}");
    let path = format!("/v1/connect/{}", rid(1));
    let knock = async |asked_from: &str, connected_from: &str| {
        let header = format!("origin: {asked_from}\r\n");
        let (status, answer) = post_ticket(port, &rid(1).to_string(), &header).await;
        if status != 200 {
            return Err(status);
        }
        let allowed = format!("access-control-allow-origin: {asked_from}\r\n");
        assert!(answer.to_lowercase().contains(&allowed), "{answer}");
        let protocols = format!("longrein.1, ticket.{}", ticket(port, rid(1), &header).await);
        websocket(port, &path, &protocols, &[("origin", connected_from)]).await.map(|_| ())
    };
    assert_eq!(knock(&own, &own).await, Ok(()));
    assert_eq!(knock("https://app.example", "https://app.example").await, Ok(()));
    assert_eq!(knock("https://evil.example", "https://evil.example").await, Err(403));
    assert_eq!(knock("null", "null").await, Err(403));
    assert_eq!(knock(&own, "https://evil.example").await, Err(403));
    assert_eq!(knock(&own, "https://app.example").await, Err(403), "a ticket is bound to its origin");
    let evil = [("origin", "https://evil.example")];
    assert_eq!(websocket(port, "/v1/host", "longrein.1", &evil).await.map(|_| ()), Err(403));
}

#[tokio::test]
async fn addresses_are_limited_behind_a_trusted_proxy() {
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let mut config = Config { trusted_proxies, ..Config::default() };
    config.limits.tickets_per_address = (2, Duration::from_mins(10));
    let server = start(config).await;
    let ask = async |from: &str| {
        let header = format!("x-forwarded-for: 6.6.6.6, {from}\r\n");
        post_ticket(port(&server), &rid(1).to_string(), &header).await.0
    };
    assert_eq!(
        [ask("198.51.100.1").await, ask("198.51.100.1").await, ask("198.51.100.1").await],
        [200, 200, 429]
    );
    assert_eq!(ask("198.51.100.2").await, 200);
}

#[tokio::test]
async fn text_oversize_and_nonsense_close_their_own_link_only() {
    let server = start(Config::default()).await;
    let mut host = Host::register(port(&server), 1).await;
    let mut good = Client::join(port(&server), 1).await;
    let conn = host.opened().await;

    let text = Message::text("hello");
    let oversized = Message::binary(vec![0x11; wire::limits::MAX_FRAME + 1]);
    let unknown = Message::binary(vec![0xee]);
    let empty = Message::binary(vec![]);
    for bad in [text, oversized, unknown, empty] {
        let mut client = Client::join(port(&server), 1).await;
        let bad_conn = host.opened().await;
        client.0.send(bad).await.unwrap();
        assert_eq!(closed(&mut client.0).await, Some(CloseCode::Malformed));
        let frame = host.recv().await;
        assert_eq!(frame, HostFrame::Close { conn: bad_conn, code: CloseCode::Malformed }.to_vec());
    }
    let mut stranger = websocket(port(&server), "/v1/host", "longrein.1", &[]).await.unwrap();
    stranger.send(Message::binary(ClientFrame::Data(b"x").to_vec())).await.unwrap();
    assert_eq!(closed(&mut stranger).await, Some(CloseCode::Malformed));

    good.data(b"still here").await;
    assert_eq!(host.recv().await, HostFrame::Data { conn, body: b"still here" }.to_vec());
}

#[tokio::test]
async fn silent_links_are_closed_by_the_deadline() {
    let server = start(quick()).await;
    let mut host = Host::register(port(&server), 1).await;
    let mut silent_client = Client::join(port(&server), 1).await;
    let conn = host.opened().await;
    let mut silent_host = websocket(port(&server), "/v1/host", "longrein.1", &[]).await.unwrap();
    assert_eq!(closed(&mut silent_host).await, Some(CloseCode::Timeout));
    assert_eq!(closed(&mut silent_client.0).await, Some(CloseCode::Timeout));
    assert_eq!(host.recv().await, HostFrame::Close { conn, code: CloseCode::Timeout }.to_vec());

    let half_asked = "POST /v1/ticket HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{";
    tokio::join!(http(port(&server), ""), http(port(&server), "GET / HT"), http(port(&server), half_asked),);
}

#[tokio::test]
async fn a_link_that_does_not_answer_pings_is_dead() {
    let heartbeat = Duration::from_millis(300);
    let server = start(Config { heartbeat, ..Config::default() }).await;
    let mut host = Host::register(port(&server), 1).await;
    let mut frozen = Client::join(port(&server), 1).await;
    let mut alive = Client::join(port(&server), 1).await;
    let (frozen_conn, alive_conn) = (host.opened().await, host.opened().await);
    frozen.data(b"last words").await;
    alive.data(b"hello").await;
    let mut beats = 0;
    loop {
        tokio::select! {
            frame = alive.recv() => {
                let Ok(ClientFrame::Ping(id)) = ClientFrame::decode(&frame) else { panic!("{frame:?}") };
                alive.send(&ClientFrame::Pong(id)).await;
                beats += 1;
            }
            frame = host.recv() => match HostFrame::decode(&frame).unwrap() {
                HostFrame::Ping(id) => host.send(&HostFrame::Pong(id)).await,
                HostFrame::Data { .. } => {}
                HostFrame::Close { conn, code } => {
                    assert_eq!((conn, code), (frozen_conn, CloseCode::Timeout));
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(beats >= 1);
    host.data(alive_conn, b"still here").await;
    while alive.recv().await != ClientFrame::Data(b"still here").to_vec() {}
}

#[tokio::test]
async fn two_thousand_silent_clients_and_nobody_notices() {
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limits.maximum, maximum: limits.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();

    let server = start(Config { seats: 100, ..Config::default() }).await;
    let mut host = Host::register(port(&server), 1).await;
    let mut client = Client::join(port(&server), 1).await;
    let conn = host.opened().await;
    client.data(b"hello").await;
    host.recv().await;

    let mut silent = Vec::new();
    for n in 0..2000u32 {
        let mut tcp = TcpStream::connect(("127.0.0.1", port(&server))).await.unwrap();
        if n % 2 == 0 {
            tcp.write_all(b"GET /v1/host HTTP/1.1\r\n").await.unwrap();
        }
        silent.push(tcp);
        if n % 50 == 0 {
            let there_and_back = async {
                client.data(&n.to_be_bytes()).await;
                assert_eq!(host.recv().await, HostFrame::Data { conn, body: &n.to_be_bytes() }.to_vec());
                host.data(conn, &n.to_be_bytes()).await;
                assert_eq!(client.recv().await, ClientFrame::Data(&n.to_be_bytes()).to_vec());
            };
            within_a_second("the way there and back", there_and_back).await;
        }
    }
    // The first of them are put out, long before any deadline, and whoever gets on with it still comes in.
    let mut byte = [0];
    let ended = timeout(PATIENCE, silent[1].read(&mut byte)).await.expect("closed in time");
    assert!(matches!(ended, Ok(0) | Err(_)));
    let _late = Client::join(port(&server), 1).await;
    host.opened().await;
    assert_eq!(server.load().1, 2);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_at_the_bound_and_nobody_else() {
    let server = start(Config::default()).await;
    let mut host = Host::register(port(&server), 1).await;
    let mut slow = Client::join(port(&server), 1).await;
    let slow_conn = host.opened().await;
    let mut quick = Client::join(port(&server), 1).await;
    let quick_conn = host.opened().await;
    slow.data(b"hello").await;
    quick.data(b"hello").await;
    host.recv().await;
    host.recv().await;
    let body = vec![7; 60_000];
    let closed = loop {
        host.data(slow_conn, &body).await;
        host.data(quick_conn, b"x").await;
        assert_eq!(quick.recv().await, ClientFrame::Data(b"x").to_vec());
        let (_, _, queued) = server.load();
        assert!(queued <= wire::limits::MAX_QUEUED + 200_000, "{queued}");
        tokio::select! {
            biased;
            frame = host.recv() => break frame,
            () = std::future::ready(()) => {}
        }
    };
    assert_eq!(closed, HostFrame::Close { conn: slow_conn, code: CloseCode::Overflow }.to_vec());
    host.data(quick_conn, b"still here").await;
    assert_eq!(quick.recv().await, ClientFrame::Data(b"still here").to_vec());
}

#[tokio::test]
async fn a_client_that_never_reads_again_is_cut_off() {
    let mut config = Config { write_timeout: Duration::from_millis(300), ..Config::default() };
    config.limits.queued_per_connection = usize::MAX;
    let server = start(config).await;
    let mut host = Host::register(port(&server), 1).await;
    let mut stuck = Client::join(port(&server), 1).await;
    let conn = host.opened().await;
    stuck.data(b"hello").await;
    host.recv().await;
    let body = vec![7; 60_000];
    // More than the sockets' own buffers take.
    for _ in 0..400 {
        host.data(conn, &body).await;
    }
    let frame = host.recv().await;
    assert!(matches!(HostFrame::decode(&frame), Ok(HostFrame::Close { conn: closed, .. }) if closed == conn));
    assert_eq!(server.load().1, 0);
}

#[tokio::test]
async fn a_slow_reader_is_still_heard() {
    let server = start(Config::default()).await;
    let mut host = Host::register(port(&server), 1).await;
    let mut client = Client::join(port(&server), 1).await;
    let conn = host.opened().await;
    client.data(b"hello").await;
    host.recv().await;
    let body = vec![7; 60_000];
    // The client's socket is full, and what waits in the relay is below the bound.
    while server.load().2 < 1_000_000 {
        host.data(conn, &body).await;
        tokio::task::yield_now().await;
    }
    client.data(b"\x03").await;
    assert_eq!(host.recv().await, HostFrame::Data { conn, body: b"\x03" }.to_vec());
}

#[tokio::test]
async fn a_shutdown_is_announced() {
    let server = start(Config::default()).await;
    let mut host = Host::register(port(&server), 1).await;
    let mut client = Client::join(port(&server), 1).await;
    host.opened().await;
    let down = tokio::spawn(async move { server.shutdown().await });
    assert_eq!(host.recv().await, HostFrame::Restarting(500).to_vec());
    assert_eq!(closed(&mut host.0).await, Some(CloseCode::Restarting));
    loop {
        let frame = client.recv().await;
        if frame == ClientFrame::Restarting(500).to_vec() {
            break;
        }
    }
    assert_eq!(closed(&mut client.0).await, Some(CloseCode::Restarting));
    drop((host, client));
    timeout(PATIENCE, down).await.expect("down in time").unwrap();
}

#[tokio::test]
async fn pages_are_served_with_strict_headers() {
    static PAGE: &[Asset] = &[Asset {
        path: "index.html",
        content_type: "text/html; charset=utf-8",
        identity: b"<!doctype html>",
        gzip: None,
        brotli: None,
        immutable: false,
    }];
    let server = start(Config { assets: Assets(PAGE), ..Config::default() }).await;
    let get = async |method: &str, path: &str| {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        http(port(&server), &request).await
    };
    for (path, expected) in [("/", 200), ("/nothing", 404), ("/health", 200), ("/v1/ticket", 405)] {
        let (status, answer) = get("GET", path).await;
        assert_eq!(status, expected, "{path}");
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; ",
            "x-content-type-options: nosniff\r\n",
            "referrer-policy: no-referrer\r\n",
            "cross-origin-opener-policy: same-origin\r\n",
            "cross-origin-resource-policy: same-origin\r\n",
            "permissions-policy: ",
        ] {
            assert!(answer.contains(header), "{path} lacks {header}: {answer}");
        }
        assert!(!answer.contains("unsafe"), "{answer}");
    }
    assert!(get("GET", "/").await.1.ends_with("\r\n\r\n<!doctype html>"));
    let (status, head) = get("HEAD", "/").await;
    assert!(status == 200 && head.contains("content-length: 15\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let (status, answer) = http(port(&server), "not http at all\r\n\r\n").await;
    assert!(status == 400 || answer.is_empty(), "{answer}");
}

#[tokio::test]
async fn nothing_is_kept_on_disk() {
    let open_files = || -> Vec<_> {
        let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
        let files = open.filter(|entry| std::fs::metadata(entry.path()).is_ok_and(|found| found.is_file()));
        files.map(|entry| (entry.file_name(), std::fs::read_link(entry.path()).unwrap())).collect()
    };
    // Whoever starts the tests may have left them something open.
    let before = open_files();
    let server = start(Config::default()).await;
    let mut host = Host::register(port(&server), 1).await;
    let mut client = Client::join(port(&server), 1).await;
    let conn = host.opened().await;
    client.data(b"hello").await;
    assert_eq!(host.recv().await, HostFrame::Data { conn, body: b"hello" }.to_vec());
    assert_eq!(open_files(), before);
}
