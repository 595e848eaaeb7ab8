//! Far more at once than fits into the sockets, to a peer that answers each message before it reads the next.

use crate::attachment::{Screen, opts};
use crate::keeper::{Session, soon};
use crate::relayed::Relayed;
use bytes::Bytes;
use longrein_client::{Attachment, Connection, KnownHosts, Route, Update, pair};
use session::id::StreamId;
use session::message::{ToClient, ToHost};
use session::outbox::MAX_COMMANDS;
use std::sync::Arc;
use store::Paths;
use tempfile::TempDir;
use tokio::sync::mpsc;

/// More than the outbox holds.
const COMMANDS: usize = 6000;

/// Lines that are each told from all others.
fn lines(length: usize) -> Vec<Bytes> {
    (0..COMMANDS).map(|n| Bytes::from(format!("{n:0length$}\r"))).collect()
}

/// Orders as many as the outbox holds before there is anybody to send them to, and the rest from then on.
async fn all_arrive(
    session: &Arc<Session>,
    (attachment, mut updates): (Attachment, mpsc::Receiver<Update>),
    lines: &[Bytes],
    begin: impl AsyncFnOnce(),
) {
    let (at_once, rest) = lines.split_at(MAX_COMMANDS);
    for line in at_once {
        soon("room in the outbox", attachment.input(line.clone())).await;
    }
    begin().await;
    let mut screen = Screen::default();
    let settled = screen.until(&mut updates, |screen| screen.settled.len() == COMMANDS);
    let ordered = async {
        for line in rest {
            attachment.input(line.clone()).await;
        }
    };
    tokio::join!(settled, ordered);
    assert!(screen.settled.iter().copied().eq(1..=COMMANDS as u64) && screen.refused.is_empty());
    let state = session.state.lock().unwrap();
    assert!(state.typed == lines.concat(), "something is missing, twice, or out of order");
    assert_eq!(state.wires, 1, "the connection did not stand");
}

#[tokio::test]
async fn thousands_of_commands_at_once_do_not_stall_a_local_socket() {
    // As small as they come, and large enough that those under way do not fit into a socket.
    for length in [1, 450] {
        let home = TempDir::new().unwrap();
        let paths = Paths::under(home.path());
        let session = Session::new();
        let attached = Attachment::start(opts(Route::Keeper(paths.clone()), &session));
        let mut keeper = None;
        let begin = async || keeper = Some(session.listen(&paths).await);
        all_arrive(&session, attached, &lines(length), begin).await;
    }
}

#[tokio::test]
async fn thousands_of_commands_at_once_do_not_stall_a_relay() {
    for length in [1, 450] {
        let home = TempDir::new().unwrap();
        let paths = Paths::under(home.path());
        paths.create().unwrap();
        let hosts = KnownHosts::new(&paths);
        let session = Session::new();
        let mut host = Relayed::start(Arc::clone(&session), false).await;
        pair(&hosts, &host.link(), "laptop", None, |_| ()).await.unwrap();
        let [known] = hosts.list().unwrap().try_into().unwrap();
        host.go_offline().await;
        let attached = Attachment::start(opts(Route::Host(Box::new(known)), &session));
        all_arrive(&session, attached, &lines(length), async || host.go_online()).await;
    }
}

#[tokio::test]
async fn who_sends_much_and_reads_late_misses_nothing() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let session = Session::new();
    let _keeper = session.listen(&paths).await;
    let stream = StreamId::from_random([8; 10]);
    let route = Route::Keeper(paths);
    let mut connection = Connection::open(&route, Some(&session.id), "test/1", stream).await.unwrap();
    for sent in 0..COMMANDS as u64 {
        soon("a write", connection.send(&ToHost::Ping { sent, every: None }, &[])).await.unwrap();
    }
    for sent in 0..COMMANDS as u64 {
        let (message, _) = soon("an answer", connection.recv()).await.unwrap();
        assert_eq!(message, ToClient::Pong { sent });
    }
}
