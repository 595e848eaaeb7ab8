//! Messages over unix sockets: framing, bounds, and who may be at the other end.

use bytes::Bytes;
use longrein_link::unix::{Listener, connect};
use longrein_link::{Error, Fault, MessageReceiver, MessageSender};
use session::codec::{self, MAX_MESSAGE};
use session::message::ToHost;
use std::future::poll_fn;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

type Pair = (MessageSender, MessageReceiver);

async fn pair(path: &Path) -> (Pair, Pair) {
    let listener = Listener::bind(path).await.unwrap();
    let (ours, theirs) = tokio::join!(connect(path), listener.accept());
    (ours.unwrap(), theirs.unwrap())
}

async fn recv(receiver: &mut MessageReceiver) -> Result<Option<Bytes>, Error> {
    timeout(PATIENCE, receiver.recv()).await.expect("a message in time")
}

#[tokio::test]
async fn messages_arrive_whole_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let ((mut ours, back), (_, mut theirs)) = pair(&folder.path().join("s")).await;
    for n in 0..500u64 {
        ours.feed(&ToHost::Ping { sent: n, every: None }, &vec![7; usize::try_from(n).unwrap()])
            .await
            .unwrap();
    }
    ours.flush().await.unwrap();
    for n in 0..500u64 {
        let message = recv(&mut theirs).await.unwrap().unwrap();
        let (header, payload) = codec::decode::<ToHost>(&message).unwrap();
        assert_eq!((header, payload.len() as u64), (ToHost::Ping { sent: n, every: None }, n));
    }
    ours.close(wire::CloseCode::Normal).await.unwrap();
    drop(back);
    assert!(recv(&mut theirs).await.unwrap().is_none());
}

#[tokio::test]
async fn a_dropped_recv_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = Listener::bind(&path).await.unwrap();
    let mut raw = UnixStream::connect(&path).await.unwrap();
    let (_, mut theirs) = listener.accept().await.unwrap();
    let mut message = Vec::new();
    codec::encode(&ToHost::Ping { sent: 1, every: None }, b"payload", &mut message);
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    for byte in length.iter().chain(&message[..message.len() - 1]) {
        raw.write_all(&[*byte]).await.unwrap();
        tokio::select! {
            biased;
            _ = theirs.recv() => panic!("not whole yet"),
            () = tokio::task::yield_now() => {}
        }
    }
    raw.write_all(&message[message.len() - 1..]).await.unwrap();
    assert_eq!(recv(&mut theirs).await.unwrap().unwrap(), message);
}

#[tokio::test]
async fn too_large_and_cut_messages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = Listener::bind(&path).await.unwrap();
    let mut raw = UnixStream::connect(&path).await.unwrap();
    let (mut sender, mut theirs) = listener.accept().await.unwrap();
    assert!(matches!(sender.forward(&vec![0; MAX_MESSAGE + 1]).await, Err(Error::TooLarge(_))));
    raw.write_all(&u32::try_from(MAX_MESSAGE + 1).unwrap().to_be_bytes()).await.unwrap();
    assert!(matches!(recv(&mut theirs).await, Err(Error::TooLarge(_))));

    let mut raw = UnixStream::connect(&path).await.unwrap();
    let (_, mut theirs) = listener.accept().await.unwrap();
    raw.write_all(&[0, 0, 0, 9, 1, 2, 3]).await.unwrap();
    drop(raw);
    assert!(matches!(recv(&mut theirs).await, Err(Error::Cut)));
}

#[tokio::test]
async fn a_flood_towards_a_sleeper_waits_and_then_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let ((mut ours, _back), (_there, mut theirs)) = pair(&folder.path().join("s")).await;
    let writing = tokio::spawn(async move {
        for n in 0..400u64 {
            ours.feed(&ToHost::Ping { sent: n, every: None }, &[7; 8192]).await.unwrap();
        }
        ours.flush().await.unwrap();
    });
    for n in 0..400u64 {
        let message = recv(&mut theirs).await.unwrap().unwrap();
        assert_eq!(codec::decode::<ToHost>(&message).unwrap().0, ToHost::Ping { sent: n, every: None });
    }
    writing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let ((mut ours, _back), _silent) = pair(&folder.path().join("s")).await;
    let payload = vec![7; 32768];
    let error = loop {
        if let Err(error) = ours.send(&ToHost::Watch {}, &payload).await {
            break error;
        }
    };
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert!(error.retryable());
}

#[tokio::test]
async fn the_socket_is_ours_alone_and_goes_with_its_listener() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = Listener::bind(&path).await.unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(listener.path(), path);
    let in_use = Listener::bind(&path).await.err().unwrap();
    assert!(matches!(in_use, Error::InUse(_)) && in_use.fault() == Fault::Ours && !in_use.retryable());
    drop(listener);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_a_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    // As after a crash: bound, closed, and the file left behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let first = Listener::bind(&path).await.unwrap();
    // Another program puts its own socket there; the first one's end does not take it away.
    std::fs::remove_file(&path).unwrap();
    let _second = Listener::bind(&path).await.unwrap();
    drop(first);
    assert!(path.exists());

    let file = folder.path().join("notes");
    std::fs::write(&file, "mine").unwrap();
    assert!(matches!(Listener::bind(&file).await, Err(Error::InUse(_))));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}

#[tokio::test]
async fn paths_that_cannot_work_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let long = folder.path().join("x".repeat(120));
    assert!(matches!(Listener::bind(&long).await, Err(Error::PathTooLong(_))));
    assert!(matches!(connect(&long).await, Err(Error::PathTooLong(_))));
    let nobody = connect(&folder.path().join("nobody")).await.err().unwrap();
    assert!(matches!(nobody, Error::Io { .. }) && nobody.fault() == Fault::Environment, "{nobody}");
}

#[tokio::test]
async fn who_makes_recv_anew_for_each_poll_is_woken_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let ((mut ours, _back), (_keep, mut theirs)) = pair(&folder.path().join("s")).await;
    for n in 0..100u64 {
        let (said, heard) = tokio::join!(
            async {
                tokio::task::yield_now().await;
                ours.send(&ToHost::Ping { sent: n, every: None }, b"").await
            },
            timeout(PATIENCE, poll_fn(|context| pin!(theirs.recv()).poll(context))),
        );
        said.unwrap();
        let message = heard.expect("a message in time").unwrap().unwrap();
        assert_eq!(codec::decode::<ToHost>(&message).unwrap().0, ToHost::Ping { sent: n, every: None });
    }
}
