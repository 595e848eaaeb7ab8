//! What is in the way for a while, and says so in words that could be meant for good.

use crate::attachment::{Screen, opts};
use crate::keeper::Session;
use crate::relayed::Relayed;
use longrein_client::{Attachment, Connection, Error, KnownHost, KnownHosts, Path, Route, pair};
use session::id::StreamId;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Paths;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use wire::CloseCode;

struct Bench {
    home: TempDir,
    session: Arc<Session>,
    host: Relayed,
    known: KnownHost,
}

impl Bench {
    async fn new() -> Self {
        let home = TempDir::new().unwrap();
        let session = Session::new();
        let host = Relayed::start(session.clone(), false).await;
        let hosts = hosts(&home);
        let known = pair(&hosts, &host.link(), "laptop", None, |_| ()).await.unwrap().host;
        Self { home, session, host, known }
    }
}

fn hosts(home: &TempDir) -> KnownHosts {
    let paths = Paths::under(home.path());
    paths.create().unwrap();
    KnownHosts::new(&paths)
}

fn waits(screen: &Screen, for_what: &str) -> bool {
    screen.paths.iter().any(|path| matches!(path, Path::Waiting { why, .. } if why.contains(for_what)))
}

/// Gives these answers, one to each connection, and lets every further one through.
async fn in_the_way(target: SocketAddr, answers: Vec<String>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for answer in answers {
            let (mut asking, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                assert!(asking.read_buf(&mut request).await.unwrap() > 0);
            }
            asking.write_all(answer.as_bytes()).await.unwrap();
        }
        while let Ok((mut asking, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut there = TcpStream::connect(target).await.unwrap();
                let _ = copy_bidirectional(&mut asking, &mut there).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn whatever_answers_in_the_relays_place_for_a_while_ends_nothing() {
    let mut bench = Bench::new().await;
    let statuses = ["403 Forbidden", "408 Request Timeout", "302 Found", "404 Not Found"];
    let page = |status| {
        let text = "<p>Welcome to the hotel</p>";
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}", text.len())
    };
    let real = bench.host.server.addresses()[0];
    let address = in_the_way(real, statuses.iter().map(page).collect()).await;
    bench.known.relay = format!("http://{address}");
    let (attachment, mut updates) =
        Attachment::start(opts(Route::Host(Box::new(bench.known)), &bench.session));
    attachment.input("typed meanwhile".into()).await;
    bench.session.write(b"shown");
    let mut screen = Screen::default();
    screen.until(&mut updates, |screen| screen.text == b"shown").await;
    for status in &statuses {
        let said = format!("the relay answered {}", &status[..3]);
        assert!(waits(&screen, &said), "{said}: {:?}", screen.paths);
    }
    assert_eq!(bench.session.typed(15).await, b"typed meanwhile");
}

#[tokio::test]
async fn a_ticket_that_a_restarted_relay_does_not_know_any_more_ends_nothing() {
    let mut bench = Bench::new().await;
    let real = bench.host.server.addresses()[0];
    let ticket = "{\"ticket\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"expires_in\":30}";
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{ticket}", ticket.len());
    let address = in_the_way(real, vec![answer]).await;
    bench.known.relay = format!("http://{address}");
    let (_attachment, mut updates) =
        Attachment::start(opts(Route::Host(Box::new(bench.known)), &bench.session));
    bench.session.write(b"shown");
    let mut screen = Screen::default();
    screen.until(&mut updates, |screen| screen.text == b"shown").await;
    assert!(waits(&screen, "the relay answered 403"), "{:?}", screen.paths);
}

#[tokio::test]
async fn a_few_refusals_that_nobody_has_signed_end_nothing() {
    let bench = Bench::new().await;
    bench.host.refuse(3);
    let route = Route::Host(Box::new(bench.known));
    let (attachment, mut updates) = Attachment::start(opts(route, &bench.session));
    attachment.input("typed meanwhile".into()).await;
    bench.session.write(b"shown");
    let mut screen = Screen::default();
    screen.until(&mut updates, |screen| screen.text == b"shown").await;
    assert!(waits(&screen, "the host refused the connection"), "{:?}", screen.paths);
    assert_eq!(bench.session.typed(15).await, b"typed meanwhile");
}

#[tokio::test]
async fn a_connection_that_somebody_closes_as_refused_is_made_again() {
    let bench = Bench::new().await;
    let route = Route::Host(Box::new(bench.known));
    let (attachment, mut updates) = Attachment::start(opts(route, &bench.session));
    let mut screen = Screen::default();
    for text in ["one", "two", "three", "four", "five"] {
        bench.session.write(text.as_bytes());
        screen.until(&mut updates, |screen| screen.text.ends_with(text.as_bytes())).await;
        bench.host.close(CloseCode::Refused);
        attachment.input(text.into()).await;
    }
    bench.session.write(b"six");
    screen.until(&mut updates, |screen| screen.text.ends_with(b"six")).await;
    let typed = || bench.session.state.lock().unwrap().typed.clone();
    screen.until(&mut updates, |_| typed().len() >= 19).await;
    assert_eq!(typed(), b"onetwothreefourfive");
    assert!(waits(&screen, "the host refused the connection"), "{:?}", screen.paths);
}

#[tokio::test]
async fn a_host_that_goes_on_refusing_is_believed_within_ten_seconds() {
    let bench = Bench::new().await;
    bench.host.refuse(100);
    let route = Route::Host(Box::new(bench.known));
    let start = Instant::now();
    let (_attachment, mut updates) = Attachment::start(opts(route.clone(), &bench.session));
    let mut screen = Screen::default();
    screen.until(&mut updates, |screen| screen.ended).await;
    assert_eq!(screen.why.unwrap().message, "the host refused the connection");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(bench.host.refusals_left(), 96);

    // Who only asks, or wants to join, is told at once.
    let asked = Connection::open(&route, None, "test/1", StreamId::from_random([8; 10])).await;
    assert!(matches!(asked.err(), Some(Error::Refused)));
    let joined = pair(&hosts(&bench.home), &bench.host.link(), "laptop", None, |_| ()).await;
    assert!(matches!(joined, Err(Error::Refused)));
    assert_eq!(bench.host.refusals_left(), 94);
}

#[tokio::test]
async fn who_was_in_a_hurry_once_does_not_knock_without_a_pause_from_then_on() {
    let mut bench = Bench::new().await;
    // Nobody is there.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    bench.known.relay = format!("http://{nobody}/");
    let (attachment, mut updates) =
        Attachment::start(opts(Route::Host(Box::new(bench.known.clone())), &bench.session));
    let mut screen = Screen::default();
    screen.until(&mut updates, |screen| matches!(screen.paths.last(), Some(Path::Waiting { .. }))).await;
    attachment.reconnect_now();
    let hurried = Instant::now();
    let sixth = |screen: &Screen| matches!(screen.paths.last(), Some(Path::Connecting { attempt: 5.. }));
    screen.until(&mut updates, sixth).await;
    // At least half of the second to the fifth wait, each twice the one before it, from half a second.
    assert!(hurried.elapsed() >= Duration::from_secs(3), "after {:?}", hurried.elapsed());
}
