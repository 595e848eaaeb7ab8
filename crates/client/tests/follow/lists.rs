//! Lists that come in pages.

use link::unix::Listener;
use longrein_client::{Connection, Route};
use session::codec;
use session::id::{DeviceId, StreamId};
use session::message::{Device, Method, ToClient, ToHost, VERSION};
use session::role::Role;
use store::Paths;
use tempfile::TempDir;

fn device(n: u8) -> Device {
    Device {
        id: DeviceId::from_random([n; 10]),
        label: n.to_string(),
        role: Role::Owner,
        enrolled_at: n.into(),
        last_seen: 0,
        online: false,
        words: String::new(),
    }
}

/// A daemon for one connection, with a hundred devices. Where it knows no pages it always says all of them.
async fn devices_of(pages: bool) -> Vec<u64> {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    paths.create().unwrap();
    let listener = Listener::bind(&paths.host_sock().unwrap()).await.unwrap();
    let daemon = tokio::spawn(async move {
        let (mut sender, mut receiver) = listener.accept().await.unwrap();
        let mut all: Vec<_> = (0..100).map(device).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        while let Ok(Some(message)) = receiver.recv().await {
            let answer = match codec::decode::<ToHost>(&message).unwrap().0 {
                ToHost::Hello { .. } => ToClient::Welcome {
                    host: String::new(),
                    program: "daemon/test".into(),
                    version: VERSION,
                    device: None,
                    role: Role::Owner,
                    features: vec![],
                    time: 0,
                },
                ToHost::Call { id, method: Method::DeviceList { after } } => {
                    let behind = |device: &&Device| after.as_ref().is_none_or(|after| device.id > *after);
                    let page: Vec<_> = if pages {
                        all.iter().filter(behind).take(7).collect()
                    } else {
                        all.iter().collect()
                    };
                    ToClient::Reply { id, ok: Some(serde_json::to_value(page).unwrap()), error: None }
                }
                other => panic!("{other:?}"),
            };
            sender.send(&answer, &[]).await.unwrap();
        }
    });
    let stream = StreamId::from_random([8; 10]);
    let mut connection = Connection::open(&Route::Daemon(paths), None, "test/1", stream).await.unwrap();
    let found = connection.devices().await.unwrap();
    connection.close().await.unwrap();
    daemon.await.unwrap();
    found.into_iter().map(|device| device.enrolled_at).collect()
}

#[tokio::test]
async fn all_pages_are_asked_for() {
    assert_eq!(devices_of(true).await, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_host_without_pages_is_asked_no_further() {
    assert_eq!(devices_of(false).await, (0..100).collect::<Vec<_>>());
}
