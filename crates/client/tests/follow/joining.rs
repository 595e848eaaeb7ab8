//! Joining a host, and coming back to it.

use crate::attachment::{Screen, opts};
use crate::keeper::{Session, soon};
use crate::relayed::Relayed;
use longrein_client::{Attachment, Connection, Error, KnownHosts, Path, Route, pair};
use seal::{Invitation, StaticSecret};
use session::id::StreamId;
use session::role::Role;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};
use store::Paths;
use tempfile::TempDir;

fn home() -> (TempDir, KnownHosts) {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    paths.create().unwrap();
    (home, KnownHosts::new(&paths))
}

fn stream() -> StreamId {
    StreamId::from_random([8; 10])
}

#[tokio::test]
async fn a_joined_host_is_kept_in_a_private_file_and_reached_again() {
    let (home, hosts) = home();
    let host = Relayed::start(Session::new(), false).await;
    let paired =
        pair(&hosts, &host.link(), "laptop", None, |_| panic!("nobody has to confirm")).await.unwrap();
    assert_eq!(paired.words.split(' ').count(), 4);
    let [known] = hosts.list().unwrap().try_into().unwrap();
    assert_eq!((known.name.as_str(), known.role), ("-my-host", Role::Operator), "a name stays in its folder");
    let file = Paths::under(home.path()).hosts_dir().join("-my-host.json");
    assert_eq!(std::fs::metadata(file).unwrap().mode() & 0o777, 0o600);
    assert!(!format!("{known:?}").contains("key"));
    let route = Route::Host(Box::new(known));
    let connection = Connection::open(&route, None, "test/1", stream()).await.unwrap();
    assert_eq!(connection.welcome.host, "stable");
    connection.close().await.unwrap();
    assert!(hosts.remove("-my-host").unwrap() && !hosts.remove("-my-host").unwrap());
    assert!(hosts.find("../hosts/-my-host").unwrap().is_none());
}

#[tokio::test]
async fn a_used_link_is_refused_with_a_hint_and_nothing_is_kept() {
    let (_home, hosts) = home();
    let host = Relayed::start(Session::new(), false).await;
    pair(&hosts, &host.link(), "laptop", None, |_| ()).await.unwrap();
    hosts.remove("-my-host").unwrap();
    let error = pair(&hosts, &host.link(), "thief", None, |_| ()).await.unwrap_err();
    assert!(matches!(error, Error::Refused), "{error:?}");
    assert!(error.hint().contains("new code"));
    assert!(hosts.list().unwrap().is_empty());
}

#[tokio::test]
async fn a_name_that_cannot_be_had_is_refused_before_the_link_is_spent() {
    let (home, hosts) = home();
    let host = Relayed::start(Session::new(), false).await;
    let first = pair(&hosts, &host.link(), "laptop", Some("desk"), |_| ()).await.unwrap();
    assert_eq!(first.host.name, "desk");
    let file = Paths::under(home.path()).hosts_dir().join("desk.json");
    let kept = std::fs::read(&file).unwrap();

    let other = Relayed::start(Session::new(), false).await;
    let elsewhere = StaticSecret::from_bytes([77; 32]).public();
    let foreign = Invitation { host: elsewhere, ..other.invitation() }.to_url(&other.url).unwrap();
    let taken = pair(&hosts, &foreign, "laptop", Some("desk"), |_| ()).await.unwrap_err();
    assert!(matches!(taken, Error::Taken { .. }) && taken.hint().contains("--name"), "{taken:?}");
    for name in ["a b", "", ".desk", "a/b", "..", &"x".repeat(65)] {
        let error = pair(&hosts, &other.link(), "laptop", Some(name), |_| ()).await.unwrap_err();
        assert!(matches!(error, Error::Unusable { .. }) && !error.hint().is_empty(), "{name}: {error:?}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), kept);
    assert_eq!(hosts.list().unwrap().len(), 1);

    // The same host may have its name again, and the link is as good as it was.
    let again = pair(&hosts, &other.link(), "laptop", Some("desk"), |_| ()).await.unwrap();
    assert_eq!((again.host.name.as_str(), hosts.list().unwrap().len()), ("desk", 1));
}

#[tokio::test]
async fn the_words_are_shown_while_a_person_decides() {
    let (_home, hosts) = home();
    let host = Relayed::start(Session::new(), true).await;
    let mut shown = String::new();
    let link = host.link();
    let paired = pair(&hosts, &link, "laptop", None, |words| {
        words.clone_into(&mut shown);
        host.agree();
    });
    let paired = soon("the pairing", paired).await.unwrap();
    assert_eq!(paired.words, shown);
}

#[tokio::test]
async fn a_relay_that_puts_another_host_there_is_found_out() {
    let (_home, hosts) = home();
    let host = Relayed::start(Session::new(), false).await;
    let pinned = StaticSecret::from_bytes([77; 32]).public();
    let invitation = Invitation { host: pinned, ..host.invitation() };
    let link = invitation.to_url(&host.url).unwrap();
    // The impostor cannot read the hello, and has nothing to answer.
    assert!(soon("an end", pair(&hosts, &link, "laptop", None, |_| ())).await.is_err());
    assert!(hosts.list().unwrap().is_empty());
}

#[tokio::test]
async fn links_that_are_none_are_said_so_before_anything_is_tried() {
    let (_home, hosts) = home();
    for link in ["", "hello", "http://127.0.0.1:1/", "http://127.0.0.1:1/#i=AAAA", "ftp://a/#i=AQ"] {
        let error = pair(&hosts, link, "laptop", None, |_| ()).await.unwrap_err();
        assert!(matches!(error, Error::Invitation(_)), "{link:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_host_that_falls_silent_is_given_up_within_twenty_seconds() {
    let (_home, hosts) = home();
    let session = Session::new();
    let host = Relayed::start(session.clone(), false).await;
    let known = pair(&hosts, &host.link(), "laptop", None, |_| ()).await.unwrap().host;
    let (_attachment, mut updates) = Attachment::start(opts(Route::Host(Box::new(known)), &session));
    let mut screen = Screen::default();
    session.write(b"one");
    screen.until(&mut updates, |screen| screen.text == b"one").await;
    session.state.lock().unwrap().mute = true;
    let mute = Instant::now();
    screen.until(&mut updates, |screen| matches!(screen.paths.last(), Some(Path::Waiting { .. }))).await;
    let noticed = mute.elapsed();
    assert!(noticed >= Duration::from_secs(7) && noticed < Duration::from_secs(20), "{noticed:?}");
    assert_eq!(session.state.lock().unwrap().every, Some(4000), "the host is to notice as soon");
}

#[tokio::test]
async fn a_session_goes_on_when_its_host_was_away() {
    let (_home, hosts) = home();
    let session = Session::new();
    let mut host = Relayed::start(session.clone(), false).await;
    let known = pair(&hosts, &host.link(), "laptop", None, |_| ()).await.unwrap().host;
    let (attachment, mut updates) = Attachment::start(opts(Route::Host(Box::new(known.clone())), &session));
    let mut screen = Screen::default();
    session.write(b"one ");
    screen.until(&mut updates, |screen| screen.text == b"one ").await;
    assert!(screen.paths.iter().any(|path| matches!(path, Path::Live { role: Role::Owner, .. })));
    host.go_offline().await;
    screen.until(&mut updates, |screen| matches!(screen.paths.last(), Some(Path::Waiting { .. }))).await;
    let error = Connection::open(&Route::Host(Box::new(known)), None, "test/1", stream()).await;
    assert!(matches!(error.err(), Some(Error::Away { last_seen }) if last_seen > 0));
    session.write(b"two ");
    attachment.input("typed meanwhile".into()).await;
    host.go_online();
    screen.until(&mut updates, |screen| screen.text == b"one two ").await;
    assert_eq!(session.typed(15).await, b"typed meanwhile");
    let rtt =
        |screen: &Screen| screen.paths.iter().any(|path| matches!(path, Path::Live { rtt: Some(_), .. }));
    screen.until(&mut updates, rtt).await;
    assert!(attachment.last_heard().is_some());
}
