//! A feed whose reader has no room for what happens.

use link::unix::Listener;
use longrein_client::{Connection, Feed, News, Route, Start};
use session::codec;
use session::id::{SessionId, StreamId};
use session::message::{Cursor, Event, Size, ToClient, ToHost, VERSION};
use session::role::Role;
use store::Paths;
use tempfile::TempDir;

#[tokio::test]
async fn a_ping_is_answered_while_nobody_reads_and_nothing_is_lost() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    paths.create().unwrap();
    let listener = Listener::bind(&paths.host_sock().unwrap()).await.unwrap();
    let session = SessionId::from_random([1; 10]);
    let (id, head, size) = (session.clone(), Cursor { epoch: 1, seq: 1 }, Size { cols: 80, rows: 24 });
    tokio::spawn(async move {
        let (mut sender, mut receiver) = listener.accept().await.unwrap();
        let session = id;
        while let Ok(Some(message)) = receiver.recv().await {
            let (role, features) = (Role::Owner, Vec::new());
            let says = match codec::decode::<ToHost>(&message).unwrap().0 {
                ToHost::Hello { .. } => vec![ToClient::Welcome {
                    host: String::new(),
                    program: "daemon/test".into(),
                    version: VERSION,
                    device: None,
                    role,
                    features,
                    time: 0,
                }],
                ToHost::Attach { .. } => vec![
                    ToClient::Attached { session: session.clone(), head, size, applied: 0 },
                    ToClient::Snapshot {
                        session: session.clone(),
                        epoch: 1,
                        seq: 1,
                        size,
                        part: 0,
                        last: true,
                    },
                    ToClient::Ping { sent: 7 },
                ],
                ToHost::Pong { sent: 7 } => {
                    let event = Event::Banner { text: "alive".into() };
                    vec![ToClient::Event { session: session.clone(), epoch: 1, seq: 2, at: 1, event }]
                }
                ToHost::Past { before, .. } => {
                    vec![ToClient::PastEnd { session: session.clone(), before, more: false }]
                }
                _ => Vec::new(),
            };
            for message in says {
                sender.send(&message, &[]).await.unwrap();
            }
        }
    });
    let stream = StreamId::from_random([8; 10]);
    let connection = Connection::open(&Route::Daemon(paths), None, "test/1", stream).await.unwrap();
    let mut feed = Feed::open(connection, session, Start::Now, false).await.unwrap();
    // The snapshot, and what is said only to whoever answers the ping.
    feed.hold().await.unwrap();
    feed.hold().await.unwrap();
    assert_eq!(feed.next().await.unwrap().news, News::Banner("alive".into()));
}
