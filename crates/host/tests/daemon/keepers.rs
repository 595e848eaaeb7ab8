//! Keepers that are slow, that are thought dead, and that end by themselves.

use crate::keeper::Keeper;
use crate::support::{Daemon, Talk, soon};
use link::unix::Listener;
use session::id::{ApprovalId, SessionId};
use session::message::{
    Decision, EndedBy, ErrorKind, LostBy, Method, Restart, RunState, Summary, ToClient, ToHost, Ttl,
};
use std::time::{Duration, Instant};
use store::{NewEntry, Paths, SessionLog};
use tempfile::TempDir;

async fn run_state(talk: &mut Talk, id: &SessionId) -> RunState {
    let all: Vec<Summary> = talk.call(Method::SessionList { after: None }).await.unwrap();
    all.into_iter().find(|summary| summary.id == *id).expect("the session is not shown").run
}

/// What a session that runs leaves on the disk, without its keeper.
async fn left_behind(paths: &Paths) -> SessionId {
    let keeper = Keeper::start(paths, 1).await;
    let id = keeper.id();
    keeper.kill().await;
    id
}

#[tokio::test]
async fn a_keeper_that_does_not_answer_for_long_is_not_taken_for_dead() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start_slow(&Paths::under(home.path()), 1, 5).await;
    let id = keeper.id();
    let daemon = Daemon::start_in(home).await;
    let mut watcher = daemon.local().await;
    watcher.say(&ToHost::Watch {}, b"").await;
    keeper.set_title("awake");
    loop {
        match watcher.next().await {
            ToClient::Changed { summary } => {
                assert_eq!((&summary.id, &summary.run), (&id, &RunState::Running));
                if summary.title == "awake" {
                    break;
                }
            }
            ToClient::State { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_stopped_keeper_is_shown_as_it_was_and_its_log_stays() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let id = left_behind(&paths).await;
    // It listens, as a stopped process does, and takes nothing.
    let _stopped = Listener::bind(&paths.keeper_sock(id.as_str()).unwrap()).await.unwrap();
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    assert_eq!(run_state(&mut talk, &id).await, RunState::Running);
    let refused = talk.order(Method::SessionRemove { session: id.clone() }).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
    let stopped =
        soon("an answer", talk.order(Method::SessionStop { session: id.clone() })).await.unwrap_err();
    assert_eq!(stopped.kind, ErrorKind::Environment);
    assert!(paths.session_meta(id.as_str()).exists());
}

#[tokio::test]
async fn a_log_that_somebody_writes_is_never_removed() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let id = left_behind(&paths).await;
    let log = SessionLog::open(&paths.session_log(id.as_str()), "boot").unwrap();
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    assert!(matches!(run_state(&mut talk, &id).await, RunState::Lost { .. }));
    let refused = talk.order(Method::SessionRemove { session: id.clone() }).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Environment);
    assert!(paths.session_log(id.as_str()).exists());
    let ended = talk.order(Method::SessionStop { session: id.clone() }).await.unwrap_err();
    assert_eq!(ended.kind, ErrorKind::Ended);
    drop(log);
    talk.order(Method::SessionRemove { session: id.clone() }).await.unwrap();
    assert!(!paths.session_dir(id.as_str()).exists());
}

#[tokio::test]
async fn a_session_that_was_taken_for_lost_and_runs_is_found_again() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let id = left_behind(&paths).await;
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    assert!(matches!(run_state(&mut talk, &id).await, RunState::Lost { .. }));
    let _keeper = Keeper::start(&paths, 1).await;
    let refused = talk.order(Method::SessionRemove { session: id.clone() }).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
    let mut watcher = daemon.local().await;
    watcher.say(&ToHost::Watch {}, b"").await;
    let runs = |message| match message {
        ToClient::Changed { summary } => (summary.run == RunState::Running).then_some(()),
        _ => None,
    };
    watcher.find(runs).await;
}

#[tokio::test]
async fn to_stop_what_ends_just_then_is_no_failure() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    keeper.end();
    daemon.local().await.order(Method::SessionStop { session: keeper.id() }).await.unwrap();
}

#[tokio::test]
async fn any_number_of_requests_uses_up_no_streams_of_the_keeper() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    let (_phone, mut phone) = daemon.pair("Phone").await;
    let mut local = daemon.local().await;
    for talk in [&mut phone, &mut local] {
        for _ in 0..20 {
            let ttl = Method::SessionTtl { session: keeper.id(), ttl: Ttl::More { seconds: 60 } };
            talk.order(ttl).await.unwrap();
        }
    }
    assert_eq!(keeper.streams(), 2, "one for each device");
}

fn again(session: SessionId) -> Method {
    Method::SessionRestart(Restart { session, stop: true, size: None, imported: false, env: None, ttl: None })
}

#[tokio::test]
async fn nothing_is_ended_for_a_start_that_cannot_work() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let keeper = Keeper::start(&paths, 1).await;
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    let meta = paths.session_meta(keeper.id().as_str());
    let whole: serde_json::Value = serde_json::from_slice(&std::fs::read(&meta).unwrap()).unwrap();
    let with = |name: &str, value: serde_json::Value| {
        let mut changed = whole.clone();
        changed[name] = value;
        changed.to_string()
    };
    for (written, kind) in [
        ("no summary".to_owned(), ErrorKind::Environment),
        (with("cwd", "/nonexistent/folder".into()), ErrorKind::Invalid),
        (with("command", serde_json::json!(["no-program-of-this-name"])), ErrorKind::NotFound),
        (with("command", serde_json::json!(["./no-program-of-this-name"])), ErrorKind::NotFound),
    ] {
        std::fs::write(&meta, &written).unwrap();
        assert_eq!(talk.order(again(keeper.id())).await.unwrap_err().kind, kind, "{written}");
    }
    assert_eq!(keeper.streams(), 0, "the keeper was asked for nothing");
}

#[tokio::test]
async fn a_session_is_started_again_once_at_a_time() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    keeper.settle(false);
    for id in [1, 2] {
        talk.say(&ToHost::Call { id, method: again(keeper.id()) }, b"").await;
    }
    let (id, why) = talk
        .find(|message| match message {
            ToClient::Reply { id, error, .. } => Some((id, error.unwrap())),
            _ => None,
        })
        .await;
    assert_eq!((id, why.kind), (2, ErrorKind::Invalid));
    assert!(why.message.contains("already"), "{why:?}");
}

#[tokio::test]
async fn who_waits_for_a_start_is_answered_before_it_gives_up() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    // Slow, and its program never ends.
    keeper.settle(false);
    let since = Instant::now();
    let slow = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        keeper.settle(true);
    };
    let (refused, ()) = tokio::join!(talk.order(again(keeper.id())), slow);
    assert_eq!(refused.unwrap_err().message, "the session's program does not end");
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
}

#[tokio::test]
async fn the_command_of_an_imported_session_is_started_on_the_host_alone_and_on_purpose() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let id = left_behind(&paths).await;
    let meta = paths.session_meta(id.as_str());
    let mut whole: serde_json::Value = serde_json::from_slice(&std::fs::read(&meta).unwrap()).unwrap();
    whole["imported"] = true.into();
    std::fs::write(&meta, whole.to_string()).unwrap();
    let daemon = Daemon::start_in(home).await;
    let (_phone, mut phone) = daemon.pair("Phone").await;
    let mut local = daemon.local().await;
    let restart = |imported| {
        let session = id.clone();
        Method::SessionRestart(Restart { session, stop: false, size: None, imported, env: None, ttl: None })
    };
    for (far, imported, kind) in [
        (true, false, ErrorKind::Forbidden),
        (true, true, ErrorKind::Forbidden),
        (false, false, ErrorKind::Invalid),
    ] {
        let talk = if far { &mut phone } else { &mut local };
        let why = talk.order(restart(imported)).await.unwrap_err();
        assert_eq!(why.kind, kind);
        assert!(why.message.contains("imported") && why.hint.contains("--imported"), "{why:?}");
    }
    // It gets as far as starting a keeper, whose program is missing in these tests.
    let why = local.order(restart(true)).await.unwrap_err();
    assert!(why.message.contains("keeper cannot be started"), "{why:?}");
}

#[tokio::test]
async fn a_session_whose_summary_a_power_cut_emptied_is_still_listed() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    for (n, last) in [(1, r#"{"kind":"output"}"#), (2, r#"{"kind":"exit","exit":3}"#)] {
        let id = SessionId::from_random([n; 10]);
        paths.create().unwrap();
        paths.create_session_dir(id.as_str()).unwrap();
        std::fs::write(paths.session_meta(id.as_str()), b"").unwrap();
        let mut log = SessionLog::open(&paths.session_log(id.as_str()), "boot").unwrap();
        let entry = |at, header| NewEntry { at, kept: store::Kept::Trimmed, header, payload: b"" };
        log.append(&[entry(5, r#"{"kind":"output"}"#), entry(7, last)]).unwrap();
    }
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    let all: Vec<Summary> = talk.call(Method::SessionList { after: None }).await.unwrap();
    let mut all: Vec<_> = all.into_iter().map(|s| (s.name, s.started_at, s.head.seq, s.run)).collect();
    all.sort_by_key(|(.., run)| matches!(run, RunState::Ended { .. }));
    let known = |run| ("(unknown)".to_owned(), 5, 2, run);
    let lost = RunState::Lost { at: 7, by: LostBy::Keeper };
    let ended = RunState::Ended { exit: 3, at: 7, by: EndedBy::Itself };
    assert_eq!(all, [known(lost), known(ended)]);
}

fn decide(session: SessionId) -> Method {
    let (approval, decision) = (ApprovalId::from_random([1; 10]), Decision::Deny { text: None });
    Method::ApprovalDecide { session, approval, digest: "d".to_owned(), decision }
}

#[tokio::test]
async fn any_number_of_late_decisions_uses_up_no_streams_of_the_keeper() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    let (_phone, mut phone) = daemon.pair("Phone").await;
    for _ in 0..20 {
        let late = phone.order(decide(keeper.id())).await.unwrap_err();
        assert_eq!((late.kind, late.message.as_str()), (ErrorKind::Ended, "somebody has denied it already"));
    }
    assert_eq!(keeper.streams(), 1);
}

#[tokio::test]
async fn what_a_device_decided_is_not_told_to_a_keeper_once_the_device_is_revoked() {
    let home = TempDir::new().unwrap();
    let keeper = Keeper::start(&Paths::under(home.path()), 1).await;
    let daemon = Daemon::start_in(home).await;
    let (device, mut phone) = daemon.pair("Phone").await;
    let (before, mut left) = (keeper.peers().len(), keeper.left());
    keeper.greet(false);
    phone.say(&ToHost::Call { id: 7, method: decide(keeper.id()) }, b"").await;
    soon("the host", keeper.greeted(before + 1)).await;
    daemon.local().await.order(Method::DeviceRevoke { device: device.id.clone().unwrap() }).await.unwrap();
    let gone = *left.borrow_and_update();
    keeper.greet(true);
    soon("the host to leave", left.wait_for(|left| *left > gone)).await.unwrap();
    assert_eq!(keeper.streams(), 0, "nothing was decided");
}
