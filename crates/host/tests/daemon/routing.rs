//! Between channels and keepers.

use crate::keeper::Keeper;
use crate::support::{Daemon, Talk, soon};
use getrandom::SysRng;
use rand_core::UnwrapErr;
use seal::{Psk, StaticSecret};
use session::id::{DeviceId, SessionId};
use session::message::{
    Act, Create, Cursor, ErrorKind, Event, Failure, Method, RunState, Size, Summary, ToClient, ToHost,
};
use session::role::Role;
use std::time::{Duration, Instant};
use store::{DeviceRow, HostDb, Paths};
use tempfile::TempDir;
use wire::CloseCode;
use wire::limits::HEARTBEAT;
use zeroize::Zeroizing;

fn attach(session: &SessionId, after: Option<u64>) -> ToHost {
    let after = after.map(|seq| Cursor { epoch: 1, seq });
    ToHost::Attach {
        session: session.clone(),
        after,
        size: Some(Size { cols: 80, rows: 24 }),
        window: u32::MAX,
        scrollback: None,
        redraw: false,
    }
}

fn input(session: &SessionId, n: u64) -> ToHost {
    ToHost::Command { session: session.clone(), n, act: Act::Input }
}

/// The next `count` outputs, each with its number.
async fn outputs(talk: &mut Talk, count: usize) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    while found.len() < count {
        if let (ToClient::Event { seq, event: Event::Output, .. }, payload) = talk.next_with_payload().await {
            found.push((seq, String::from_utf8(payload).unwrap()));
        }
    }
    found
}

async fn summary(daemon: &Daemon, id: &SessionId) -> Option<Summary> {
    let all: Vec<Summary> = daemon.local().await.call(Method::SessionList { after: None }).await.unwrap();
    all.into_iter().find(|summary| summary.id == *id)
}

fn numbered(all: &[(u64, &str)]) -> Vec<(u64, String)> {
    all.iter().map(|(seq, text)| (*seq, (*text).to_owned())).collect()
}

#[tokio::test]
async fn a_client_in_the_foreground_that_falls_silent_is_asked_and_given_up_soon() {
    let daemon = Daemon::start().await;
    let (_phone, mut phone) = daemon.pair("Phone").await;
    let (_desk, mut desk) = daemon.pair("Desk").await;
    // More often than every second is not to be had.
    phone.say(&ToHost::Ping { sent: 1, every: Some(1) }, b"").await;
    phone.find(|message| matches!(message, ToClient::Pong { sent: 1 }).then_some(())).await;
    let said = Instant::now();
    phone.find(|message| matches!(message, ToClient::Ping { .. }).then_some(())).await;
    assert!(matches!(phone.end().await, link::Error::Closed(CloseCode::Timeout)));
    let silent = said.elapsed();
    assert!(silent >= Duration::from_millis(2900) && silent < HEARTBEAT, "{silent:?}");
    // The other one asked for nothing, and has all the time it had.
    desk.say(&ToHost::Ping { sent: 2, every: None }, b"").await;
    desk.find(|message| matches!(message, ToClient::Pong { sent: 2 }).then_some(())).await;
}

#[tokio::test]
async fn a_command_that_is_refused_at_the_host_does_not_stop_those_behind_it() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    let (_phone, mut phone) = daemon.pair("Phone").await;
    phone.say(&attach(&keeper.id(), None), b"").await;
    let newer = serde_json::json!({
        "t": "command", "session": keeper.id(), "n": 1, "do": { "type": "dream", "of": "sheep" }
    });
    phone.say_header(&newer).await;
    phone.say(&input(&keeper.id(), 2), b"typed").await;
    let refused = |message| match message {
        ToClient::Refused { n: 1, why, .. } => Some(why),
        _ => None,
    };
    assert_eq!(phone.find(refused).await.kind, ErrorKind::NotFound);
    assert_eq!(outputs(&mut phone, 1).await, numbered(&[(1, "typed")]));
}

#[tokio::test]
async fn a_command_that_is_refused_at_the_host_is_refused_in_its_turn() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    let (_phone, mut phone) = daemon.pair("Phone").await;
    phone.say(&attach(&keeper.id(), None), b"").await;
    phone.find(|message| matches!(message, ToClient::Attached { .. }).then_some(())).await;
    keeper.settle(false);
    phone.say(&input(&keeper.id(), 1), b"typed").await;
    let newer =
        serde_json::json!({ "t": "command", "session": keeper.id(), "n": 2, "do": { "type": "dream" } });
    phone.say_header(&newer).await;
    phone.say(&ToHost::Ping { sent: 1, every: None }, b"").await;
    let told = |message| match message {
        ToClient::Applied { n, .. } => Some((n, true)),
        ToClient::Refused { n, .. } => Some((n, false)),
        ToClient::Pong { .. } => Some((0, true)),
        _ => None,
    };
    assert_eq!(phone.find(told).await, (0, true), "nothing is settled before the keeper settles the first");
    keeper.settle(true);
    assert_eq!([phone.find(told).await, phone.find(told).await], [(1, true), (2, false)]);
    // A reason that the client itself wrote goes no further.
    let why = Failure { kind: ErrorKind::Limited, message: "x".repeat(30_000), hint: String::new() };
    let own = ToHost::Command { session: keeper.id(), n: 3, act: Act::Refused { why } };
    phone.say(&own, b"").await;
    let refused = |message| match message {
        ToClient::Refused { n: 3, why, .. } => Some(why.kind),
        _ => None,
    };
    assert_eq!(phone.find(refused).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn two_devices_drive_one_session_at_once() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    let (_phone, mut phone) = daemon.pair("Phone").await;
    let (_desk, mut desk) = daemon.pair("Desk").await;
    let mut local = daemon.local().await;
    for talk in [&mut phone, &mut desk, &mut local] {
        talk.say(&attach(&keeper.id(), None), b"").await;
        let attached = talk.next().await;
        assert!(matches!(attached, ToClient::Attached { applied: 0, .. }), "{attached:?}");
    }
    phone.say(&input(&keeper.id(), 1), b"from the phone").await;
    assert_eq!(outputs(&mut desk, 1).await, numbered(&[(1, "from the phone")]));
    desk.say(&input(&keeper.id(), 1), b"from the desk").await;
    keeper.write(b"from the program");
    let all = outputs(&mut local, 3).await;
    assert_eq!(all[0].1, "from the phone");
    assert_eq!(outputs(&mut phone, 3).await, all);
    let labels: Vec<_> = keeper.peers().into_iter().flatten().map(|peer| (peer.label, peer.role)).collect();
    let expected = ["Phone", "Desk", "someone at the host"].map(|label| (label.to_owned(), Role::Owner));
    assert_eq!(labels, expected);
}

#[tokio::test]
async fn a_list_of_any_length_comes_in_pages() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    paths.create().unwrap();
    let mut expected = Vec::new();
    for n in 0..1000u16 {
        let mut random = [7; 10];
        random[..2].copy_from_slice(&n.to_le_bytes());
        let id = SessionId::from_random(random);
        paths.create_session_dir(id.as_str()).unwrap();
        // One word as long as a session can be started with.
        let word = if n < 3 { "p".repeat(50_000) } else { "short".to_owned() };
        let meta = serde_json::json!({
            "id": id, "name": "one", "command": ["claude", word], "cwd": "/", "started_at": n, "last_activity": 0,
            "size": { "cols": 80, "rows": 24 }, "head": { "epoch": 1, "seq": 0 }, "attached": 0, "state": "ended",
            "exit": 0, "at": 0, "preview": ["x".repeat(120), "y".repeat(120)],
        });
        store::write_private(&paths.session_meta(id.as_str()), &serde_json::to_vec(&meta).unwrap()).unwrap();
        expected.push(id);
    }
    expected.sort();
    let daemon = Daemon::start_in(home).await;
    let (_device, mut talk) = daemon.pair("Phone").await;
    let (mut all, mut replies) = (Vec::<Summary>::new(), 0);
    loop {
        let after = all.last().map(|summary| summary.id.clone());
        let page: Vec<Summary> = talk.call(Method::SessionList { after }).await.unwrap();
        replies += 1;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    assert!(replies > 5, "{replies}");
    assert_eq!(all.iter().map(|summary| summary.id.clone()).collect::<Vec<_>>(), expected);
    let long: Vec<_> = all.iter().filter(|summary| summary.command[1] != "short").collect();
    assert!(long.len() == 3 && long.iter().all(|summary| summary.command[1].ends_with("p…")));

    let command = vec!["claude".to_owned(), "p".repeat(60_000)];
    let create = Create {
        command,
        cwd: Some("/".into()),
        name: None,
        size: None,
        env: None,
        ttl: None,
        agent: None,
        asks: false,
    };
    let refused = talk.order(Method::SessionCreate(create)).await.unwrap_err();
    assert_eq!(
        (refused.kind, refused.message.as_str()),
        (ErrorKind::Invalid, "the program's words are too long")
    );
}

#[tokio::test]
async fn a_new_daemon_adopts_the_keeper_and_a_client_continues_without_gap_or_repeat() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    let (device, mut talk) = daemon.pair("Phone").await;
    talk.say(&attach(&keeper.id(), None), b"").await;
    keeper.write(b"one");
    assert_eq!(outputs(&mut talk, 1).await, numbered(&[(1, "one")]));
    let home = daemon.stop().await;
    keeper.write(b"two");
    let daemon = Daemon::start_in(home).await;
    assert_eq!(summary(&daemon, &keeper.id()).await.map(|summary| summary.run), Some(RunState::Running));
    let mut talk = device.resume(&daemon).await;
    talk.say(&attach(&keeper.id(), Some(1)), b"").await;
    keeper.write(b"three");
    assert_eq!(outputs(&mut talk, 2).await, numbered(&[(2, "two"), (3, "three")]));
}

#[tokio::test]
async fn a_burst_of_many_small_events_arrives_whole() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    let (_device, mut talk) = daemon.pair("Phone").await;
    for n in 1..=500u32 {
        keeper.write(format!("{n}").as_bytes());
    }
    talk.say(&attach(&keeper.id(), None), b"").await;
    let all: Vec<u64> = outputs(&mut talk, 500).await.into_iter().map(|(seq, _)| seq).collect();
    assert_eq!(all, (1..=500).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_second_attach_begins_again_on_the_same_wire() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    keeper.write(b"one");
    for _ in 0..2 {
        talk.say(&attach(&keeper.id(), None), b"").await;
        assert_eq!(outputs(&mut talk, 1).await, numbered(&[(1, "one")]));
    }
    // The daemon's own watch, and one wire for the client.
    assert_eq!(keeper.peers().iter().flatten().count(), 1);
    talk.say(&ToHost::Detach { session: keeper.id() }, b"").await;
    assert!(matches!(talk.next().await, ToClient::Detached { why: None, .. }));
}

#[tokio::test]
async fn a_killed_keeper_is_told_to_its_clients_and_shown_as_lost() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let (doomed, other) = (Keeper::start(&paths, 1).await, Keeper::start(&paths, 2).await);
    let (id, other_id) = (doomed.id(), other.id());
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    for session in [&id, &other_id] {
        talk.say(&attach(session, None), b"").await;
        assert!(matches!(talk.next().await, ToClient::Attached { .. }));
    }
    let mut watcher = daemon.local().await;
    watcher.say(&ToHost::Watch {}, b"").await;
    doomed.kill().await;
    let why = talk
        .find(|message| match message {
            ToClient::Detached { session, why } if session == id => Some(why),
            _ => None,
        })
        .await;
    assert_eq!(why.unwrap().kind, ErrorKind::Environment);
    let lost = |message| match message {
        ToClient::Changed { summary } if summary.id == id && summary.run != RunState::Running => {
            Some(summary)
        }
        _ => None,
    };
    let summary = watcher.find(lost).await;
    assert!(matches!(summary.run, RunState::Lost { at: 2, .. }) && summary.keeper_pid.is_none());
    // A command that was under way then is neither applied nor refused; the other session goes on.
    talk.say(&input(&id, 1), b"late").await;
    talk.say(&input(&other_id, 1), b"on time").await;
    assert!(
        matches!(talk.next().await, ToClient::Applied { session, .. } | ToClient::Event { session, .. } if session == other_id)
    );
    let running = daemon.local().await.order(Method::SessionRemove { session: other_id }).await;
    assert_eq!(running.unwrap_err().kind, ErrorKind::Invalid);
    daemon.local().await.order(Method::SessionRemove { session: id.clone() }).await.unwrap();
    let removed = |message| matches!(message, ToClient::Removed { session } if session == id).then_some(());
    watcher.find(removed).await;
    assert!(!paths.session_dir(id.as_str()).exists());
}

#[tokio::test]
async fn watchers_hear_what_changes() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    let (_device, mut talk) = daemon.pair("Phone").await;
    talk.say(&ToHost::Watch {}, b"").await;
    let state = talk.next().await;
    assert_eq!(state, ToClient::State { host: "stable".into(), sessions: vec![keeper.id()] });
    let title = |message| match message {
        ToClient::Changed { summary } => Some(summary.title),
        _ => None,
    };
    assert_eq!(talk.find(title).await, "first");
    keeper.set_title("second");
    assert_eq!(talk.find(title).await, "second");
}

#[tokio::test]
async fn a_viewers_typing_is_refused_and_its_reading_is_not() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let keeper = Keeper::start(&paths, 1).await;
    let key = StaticSecret::generate(&mut UnwrapErr(SysRng));
    let id = DeviceId::from_random([5; 10]);
    HostDb::open(&paths.host_db())
        .unwrap()
        .insert_device(&DeviceRow {
            id: id.to_string(),
            label: "Guest".into(),
            role: "viewer".into(),
            public_key: key.public().0,
            secret: Zeroizing::new([3; 32]),
            enrolled_at: u64::MAX / 2,
            last_seen: i64::MAX.unsigned_abs(),
            words: String::new(),
            revoked: false,
        })
        .unwrap();
    let daemon = Daemon::start_in(home).await;
    let host = daemon.invite(false).await.host;
    let guest =
        crate::support::Device { key, host, secret: Some(Psk::from_bytes([3; 32])), id: Some(id.clone()) };
    let mut talk = guest.resume(&daemon).await;
    assert!(matches!(talk.welcome, Some(ToClient::Welcome { role: Role::Viewer, .. })));
    talk.say(&attach(&keeper.id(), None), b"").await;
    keeper.write(b"to be read");
    assert_eq!(outputs(&mut talk, 1).await, numbered(&[(1, "to be read")]));
    talk.say(&input(&keeper.id(), 1), b"rm -rf /").await;
    match talk.next().await {
        ToClient::Refused { n: 1, why, .. } => assert_eq!(why.kind, ErrorKind::Forbidden),
        other => panic!("{other:?}"),
    }
    let create = Create {
        command: vec!["sh".into()],
        cwd: None,
        name: None,
        size: None,
        env: None,
        ttl: None,
        agent: None,
        asks: false,
    };
    for method in [
        Method::SessionCreate(create),
        Method::SessionStop { session: keeper.id() },
        Method::PairCreate { confirm: false },
        Method::DeviceList { after: None },
    ] {
        assert_eq!(talk.order(method).await.unwrap_err().kind, ErrorKind::Forbidden);
    }
    talk.order(Method::DeviceRename { device: id, label: "Me".into() }).await.unwrap();
    assert_eq!(keeper.peers().into_iter().flatten().next().map(|peer| peer.role), Some(Role::Viewer));
    keeper.write(b"on");
    assert_eq!(outputs(&mut talk, 1).await, numbered(&[(2, "on")]), "nothing was typed in between");
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let daemon = Daemon::start().await;
    let mut talk = daemon.local().await;
    let nowhere = SessionId::from_random([9; 10]);
    talk.say(&attach(&nowhere, None), b"").await;
    match talk.next().await {
        ToClient::Detached { why: Some(why), .. } => assert_eq!(why.kind, ErrorKind::NotFound),
        other => panic!("{other:?}"),
    }
    for method in [
        Method::SessionStop { session: nowhere.clone() },
        Method::SessionRemove { session: nowhere.clone() },
        Method::DeviceRevoke { device: DeviceId::from_random([9; 10]) },
    ] {
        assert_eq!(talk.order(method).await.unwrap_err().kind, ErrorKind::NotFound);
    }
    talk.say(&input(&nowhere, 1), b"hello?").await;
    assert!(matches!(talk.next().await, ToClient::Refused { n: 1, .. }));
}

#[tokio::test]
async fn a_session_that_cannot_start_says_why_and_leaves_nothing() {
    let daemon = Daemon::start().await;
    let mut talk = daemon.local().await;
    let create = |command: &[&str], cwd: &str, cols| {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        let size = Some(Size { cols, rows: 24 });
        Method::SessionCreate(Create {
            command,
            cwd: Some(cwd.into()),
            name: None,
            size,
            env: None,
            ttl: None,
            agent: None,
            asks: false,
        })
    };
    for (method, kind) in [
        (create(&[], "/", 80), ErrorKind::Invalid),
        (create(&["sh"], "here", 80), ErrorKind::Invalid),
        (create(&["sh", "a\0b"], "/", 80), ErrorKind::Invalid),
        (create(&["sh"], "/", 0), ErrorKind::Invalid),
        (create(&["sh"], "/", 1001), ErrorKind::Invalid),
        (create(&["sh"], "/nonexistent/folder", 80), ErrorKind::Invalid),
        // The program that would keep it is missing in these tests.
        (create(&["sh"], "/", 80), ErrorKind::Environment),
    ] {
        assert_eq!(talk.order(method).await.unwrap_err().kind, kind);
    }
    assert!(daemon.paths().sessions().unwrap().is_empty());
}

#[tokio::test]
async fn no_more_large_windows_than_the_relay_can_hold() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let mut keepers = Vec::new();
    for n in 1..=4 {
        keepers.push(Keeper::start(&paths, n).await);
    }
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    for keeper in &keepers[..3] {
        talk.say(&attach(&keeper.id(), None), b"").await;
        assert!(matches!(talk.next().await, ToClient::Attached { .. }));
    }
    talk.say(&attach(&keepers[3].id(), None), b"").await;
    match talk.next().await {
        ToClient::Detached { why: Some(why), .. } => assert_eq!(why.kind, ErrorKind::Limited),
        other => panic!("{other:?}"),
    }
    talk.say(&ToHost::Detach { session: keepers[0].id() }, b"").await;
    talk.say(&attach(&keepers[3].id(), None), b"").await;
    soon("the fourth", talk.find(|message| matches!(message, ToClient::Attached { .. }).then_some(()))).await;
}
