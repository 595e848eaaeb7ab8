//! Bad input: each is refused or bounded, and nobody else notices.

use crate::kit::{Keeper, PATIENCE, hello};
use session::codec;
use session::message::{Act, ErrorKind, Failure, ToClient, ToHost};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use tokio::time::timeout;

#[test]
fn a_missing_program_or_folder_is_said_with_a_hint() {
    let home = tempfile::tempdir().unwrap();
    let none = |_: &mut serde_json::Value| {};
    let why = Keeper::under(home.path(), &["no-such-program-here"], none).err().unwrap();
    assert_eq!(why.kind, ErrorKind::NotFound);
    assert!(why.message.contains("no-such-program-here") && !why.hint.is_empty(), "{why:?}");
    let no_folder = |spec: &mut serde_json::Value| spec["cwd"] = "/no/such/folder".into();
    let why = Keeper::under(home.path(), &["cat"], no_folder).err().unwrap();
    assert!(why.message.contains("/no/such/folder"), "{why:?}");
    let why = Keeper::under(home.path(), &[], none).err().unwrap();
    assert_eq!(why.kind, ErrorKind::Invalid);
    let no_spec = |spec: &mut serde_json::Value| *spec = "nonsense".into();
    let why = Keeper::under(home.path(), &[], no_spec).err().unwrap();
    assert_eq!(why.kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn nonsense_closes_its_own_connection_only() {
    let keeper = Keeper::start(&["cat"], |_| {});
    let mut client = keeper.client().await;
    let path = keeper.paths.keeper_sock(keeper.id.as_str()).unwrap();
    let no_hello = {
        let mut bytes = Vec::new();
        codec::encode(&ToHost::Watch {}, b"", &mut bytes);
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat()
    };
    let nonsense: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 64],
        &[0, 0, 0, 0],
        &[0, 0, 0, 8, 0, 0, 0xff, 0xff, 1, 2, 3, 4],
        &no_hello,
    ];
    for bytes in nonsense {
        let mut socket = UnixStream::connect(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // Closed in good order or cut, but without a word.
        let _ = socket.read_to_end(&mut answer);
        assert!(answer.is_empty());
    }
    client.type_in("still here\r");
    client.until_echoed("still here").await;
}

#[tokio::test]
async fn a_command_of_a_newer_version_is_refused_and_those_behind_it_are_not() {
    let keeper = Keeper::start(&["cat"], |_| {});
    let (mut sender, mut receiver) = keeper.raw().await;
    sender.send(&hello(7), b"").await.unwrap();
    let mut newer = Vec::new();
    let header =
        serde_json::json!({ "t": "command", "session": keeper.id, "n": 1, "do": { "type": "dream" } });
    codec::encode(&header, b"", &mut newer);
    sender.forward(&newer).await.unwrap();
    let typed = ToHost::Command { session: keeper.id.clone(), n: 2, act: Act::Input };
    sender.send(&typed, b"typed").await.unwrap();
    let mut answers = Vec::new();
    while answers.len() < 2 {
        let message = timeout(PATIENCE, receiver.recv()).await.expect("an answer").unwrap().unwrap();
        match codec::decode::<ToClient>(&message).unwrap().0 {
            ToClient::Refused { n, why, .. } => answers.push((n, Some(why.kind))),
            ToClient::Applied { n, .. } => answers.push((n, None)),
            _ => {}
        }
    }
    assert_eq!(answers, [(1, Some(ErrorKind::NotFound)), (2, None)]);
}

#[tokio::test]
async fn a_refusal_whose_answer_was_lost_is_not_taken_for_done_after_a_reconnect() {
    let mut keeper = Keeper::start(&["cat"], |_| {});
    let mut newer = Vec::new();
    let command = |n, act| serde_json::json!({ "t": "command", "session": keeper.id, "n": n, "do": act });
    codec::encode(&command(1, serde_json::json!({ "type": "dream" })), b"", &mut newer);
    let mut at_the_host = Vec::new();
    let why = serde_json::json!({ "kind": "limited", "message": "the host says no", "hint": "" });
    codec::encode(&command(2, serde_json::json!({ "type": "refused", "why": why })), b"", &mut at_the_host);
    let mut unsent = true;
    let attach = ToHost::Attach {
        session: keeper.id.clone(),
        after: None,
        size: None,
        window: 65536,
        scrollback: None,
        redraw: false,
    };
    for process in ["first", "first", "reader"] {
        if process == "reader" {
            keeper.terminate();
            keeper.reader();
        }
        let (mut sender, mut receiver) = keeper.raw().await;
        sender.send(&hello(7), b"").await.unwrap();
        if std::mem::take(&mut unsent) {
            sender.forward(&newer).await.unwrap();
            sender.forward(&at_the_host).await.unwrap();
        }
        sender.send(&attach, b"").await.unwrap();
        let mut refused = Vec::new();
        loop {
            let message = timeout(PATIENCE, receiver.recv()).await.expect("an answer").unwrap().unwrap();
            match codec::decode::<ToClient>(&message).unwrap().0 {
                ToClient::Refused { n, why, .. } => refused.push((n, why.kind)),
                ToClient::Attached { applied, .. } => {
                    assert_eq!(applied, 2);
                    break;
                }
                _ => {}
            }
        }
        refused.sort_by_key(|(n, _)| *n);
        refused.dedup();
        assert_eq!(
            refused,
            [(1, ErrorKind::NotFound), (2, ErrorKind::Limited)],
            "told before it is told how far its commands are settled"
        );
    }
}

#[tokio::test]
async fn what_is_refused_behind_input_that_nobody_reads_does_not_say_that_the_input_was_taken() {
    let keeper = Keeper::start(&["sleep", "1000"], |_| {});
    let (mut sender, mut receiver) = keeper.raw().await;
    sender.send(&hello(7), b"").await.unwrap();
    let command = |n, act| ToHost::Command { session: keeper.id.clone(), n, act };
    // More than a terminal's line takes while nobody reads it, so that the last of it waits.
    for n in 1..=8 {
        sender.send(&command(n, Act::Input), &[b'x'; 16 * 1024]).await.unwrap();
    }
    let mut newer = Vec::new();
    let header =
        serde_json::json!({ "t": "command", "session": keeper.id, "n": 9, "do": { "type": "dream" } });
    codec::encode(&header, b"", &mut newer);
    sender.forward(&newer).await.unwrap();
    let why = Failure { kind: ErrorKind::Forbidden, message: "no".into(), hint: String::new() };
    sender.send(&command(10, Act::Refused { why }), b"").await.unwrap();
    sender.send(&ToHost::Ping { sent: 1, every: None }, b"").await.unwrap();
    loop {
        let message = timeout(PATIENCE, receiver.recv()).await.expect("an answer").unwrap().unwrap();
        match codec::decode::<ToClient>(&message).unwrap().0 {
            ToClient::Refused { n, .. } => panic!("{n} is refused before those that wait"),
            ToClient::Applied { n, .. } => assert!(n < 9, "{n}"),
            ToClient::Pong { .. } => break,
            _ => {}
        }
    }
}

#[tokio::test]
async fn ten_thousand_connections_that_say_nothing_bother_nobody() {
    let keeper = Keeper::start(&["cat"], |_| {});
    let mut client = keeper.client().await;
    let before = keeper.memory();
    let path = keeper.paths.keeper_sock(keeper.id.as_str()).unwrap();
    let mut held = std::collections::VecDeque::new();
    for _ in 0..10_000 {
        held.push_back(UnixStream::connect(&path).unwrap());
        if held.len() > 300 {
            held.pop_front();
        }
    }
    client.type_in("still here\r");
    client.until_echoed("still here").await;
    let grown = keeper.memory().saturating_sub(before);
    assert!(grown < 16 * 1024, "grew by {grown} KiB");
    drop(held);
    keeper.client().await;
}

#[tokio::test]
async fn commands_twice_or_out_of_order_apply_once_and_in_order() {
    let keeper = Keeper::start(&["cat"], |_| {});
    let mut client = keeper.client().await;
    let (mut sender, mut receiver) = keeper.raw().await;
    sender.feed(&hello(201), b"").await.unwrap();
    for (n, text) in [(2, "two\r"), (1, "one\r"), (1, "one\r"), (3, "three\r"), (2, "2nd\r"), (2, "2nd\r")] {
        let input = ToHost::Command { session: keeper.id.clone(), n, act: Act::Input };
        sender.feed(&input, text.as_bytes()).await.unwrap();
    }
    sender.flush().await.unwrap();
    let count =
        |client: &crate::kit::Client, text| String::from_utf8_lossy(&client.screen).matches(text).count();
    // Each once as it is typed and once from the program.
    client.until("both", |client| count(client, "one") >= 2 && count(client, "2nd") >= 2).await;
    let mut refused = Vec::new();
    let answers = async {
        loop {
            let message = receiver.recv().await.unwrap().unwrap();
            match codec::decode::<ToClient>(&message).unwrap().0 {
                ToClient::Refused { n, why, .. } => refused.push((n, why.kind)),
                ToClient::Applied { n: 2, .. } => return,
                ToClient::Welcome { .. } | ToClient::Applied { .. } => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    };
    timeout(PATIENCE, answers).await.expect("in time");
    assert_eq!((count(&client, "one"), count(&client, "2nd")), (2, 2));
    assert!(!client.shows("two") && !client.shows("three"));
    assert_eq!(refused, [(2, ErrorKind::Invalid), (3, ErrorKind::Invalid)]);
}

#[tokio::test]
async fn a_viewer_may_not_type_and_does_not_size() {
    let keeper = Keeper::start(&["cat"], |_| {});
    let (mut sender, mut receiver) = keeper.raw().await;
    let peer = session::message::Peer {
        device: Some(session::id::DeviceId::from_random([9; 10])),
        label: "guest".into(),
        role: session::role::Role::Viewer,
        talks_only: false,
    };
    let ToHost::Hello { client, version, features, stream, .. } = hello(202) else { unreachable!() };
    sender
        .feed(&ToHost::Hello { client, version, features, stream, peer: Some(peer), token: None }, b"")
        .await
        .unwrap();
    let size = Some(session::message::Size { cols: 200, rows: 50 });
    let attach = ToHost::Attach {
        session: keeper.id.clone(),
        after: None,
        size,
        window: 65536,
        scrollback: None,
        redraw: false,
    };
    sender.feed(&attach, b"").await.unwrap();
    let input = ToHost::Command { session: keeper.id.clone(), n: 1, act: Act::Input };
    sender.send(&input, b"rm -rf /\r").await.unwrap();
    let answers = async {
        loop {
            let message = receiver.recv().await.unwrap().unwrap();
            match codec::decode::<ToClient>(&message).unwrap().0 {
                ToClient::Refused { why, .. } => return why.kind,
                ToClient::Attached { size, .. } => assert_eq!(size, crate::kit::SIZE),
                _ => {}
            }
        }
    };
    assert_eq!(timeout(PATIENCE, answers).await.expect("in time"), ErrorKind::Forbidden);
}
