//! What was asked in all sessions and what became of it, as it is found again.

use crate::keeper::Keeper;
use crate::support::{Daemon, Talk};
use session::id::{ApprovalId, SessionId};
use session::message::{
    Approval, ApprovalState, Asked, Decided, Decider, Decision, Decisions, EndedBy, ErrorKind, Event, Method,
    Risk, RunState,
};
use std::fs::File;
use store::{Kept, NewEntry, Paths, SessionLog};
use tempfile::TempDir;

fn approval(n: u32, at: u64) -> Approval {
    let mut id = [0; 10];
    id[..4].copy_from_slice(&n.to_be_bytes());
    Approval {
        id: ApprovalId::from_random(id),
        digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        length: 40,
        source: "claude".into(),
        title: format!("Run make {n}?"),
        risk: Risk::Normal,
        word: None,
        asked_at: at,
        expires_at: at + 60_000,
        state: ApprovalState::Pending,
    }
}

fn denied(at: u64, text: &str) -> ApprovalState {
    let by = Decider { device: None, label: "Phone".into() };
    ApprovalState::Denied { by, decided_at: at, text: Some(text.into()) }
}

fn append(log: &mut SessionLog, at: u64, event: &Event) {
    let header = serde_json::to_string(event).unwrap();
    let kept = if event.is_past() { Kept::Past } else { Kept::Trimmed };
    log.append(&[NewEntry { at, kept, header: &header, payload: b"" }]).unwrap();
}

fn ask(log: &mut SessionLog, n: u32, at: u64) {
    let approval = Box::new(approval(n, at));
    append(log, at, &Event::Asked { approval: approval.clone(), part: 0, last: false });
    append(log, at, &Event::Asked { approval, part: 1, last: true });
}

fn decide(log: &mut SessionLog, n: u32, at: u64, text: &str) {
    let approval = approval(n, 0).id;
    append(log, at, &Event::Decided { approval, state: Box::new(denied(at, text)) });
}

fn open(paths: &Paths, id: &SessionId, boot: &str) -> SessionLog {
    SessionLog::open(&paths.session_log(id.as_str()), boot).unwrap()
}

/// A session that was lost, or has ended, with so many decisions. Each was made at its number.
async fn over(
    paths: &Paths,
    n: u8,
    ended: Option<RunState>,
    decisions: impl Iterator<Item = u32>,
) -> SessionId {
    let keeper = Keeper::start(paths, n).await;
    let mut summary = keeper.summary();
    keeper.kill().await;
    let mut log = open(paths, &summary.id, "boot");
    for n in decisions {
        ask(&mut log, n, n.into());
        append(&mut log, n.into(), &Event::Chat { part: 0, last: true });
        decide(&mut log, n, n.into(), "no");
    }
    if let Some(run) = ended {
        summary.run = run;
        log.close().unwrap();
        store::write_private(
            &paths.session_meta(summary.id.as_str()),
            &serde_json::to_vec(&summary).unwrap(),
        )
        .unwrap();
    }
    summary.id
}

async fn history(talk: &mut Talk) -> Vec<Decided> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page: Decisions = talk.call(Method::ApprovalHistory { before }).await.unwrap();
        all.extend(page.decided);
        before = page.next;
        if before.is_none() {
            return all;
        }
    }
}

fn titles(decided: &[Decided]) -> Vec<&str> {
    decided.iter().map(|one| one.approval.title.as_str()).collect()
}

#[tokio::test]
async fn every_decision_of_every_session_is_found_once_the_last_one_first_whoever_was_restarted() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let ended = RunState::Ended { exit: 0, at: 3, by: EndedBy::Itself };
    for n in 0..6u8 {
        // Each a step after the other, so that no session's are together.
        let of_it = (0..70).map(|k| k * 7 + u32::from(n));
        over(&paths, n + 1, (n % 2 == 0).then(|| ended.clone()), of_it).await;
    }
    let keeper = Keeper::start(&paths, 7).await;
    let mut log = open(&paths, &keeper.id(), "boot");
    for k in 0..70 {
        ask(&mut log, k * 7 + 6, 0);
        decide(&mut log, k * 7 + 6, u64::from(k * 7 + 6), "no");
    }
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    let all = history(&mut talk).await;
    let expected: Vec<String> = (0..490).rev().map(|n| format!("Run make {n}?")).collect();
    assert_eq!(titles(&all), expected);
    assert_eq!((all[3].name.as_str(), &all[0].session), ("echo", &keeper.id()));
    assert_eq!(all[3].approval.state, denied(486, "no"));
    // What is decided is there at once, whatever the daemon was told of it.
    ask(&mut log, 900, 900);
    let waits = history(&mut talk).await;
    assert_eq!(waits, all, "it is not over");
    decide(&mut log, 900, 1000, &"why".repeat(1000));
    let now = history(&mut talk).await;
    assert_eq!((now.len(), &now[1..]), (491, &all[..]));
    assert_eq!(now[0].approval.state, denied(1000, &"why".repeat(1000)), "the whole reason");
    let daemon = Daemon::start_in(daemon.stop().await).await;
    assert_eq!(history(&mut daemon.local().await).await, now);
    let home = daemon.stop().await;
    std::fs::write(paths.decisions_db(), "this is no database at all").unwrap();
    let daemon = Daemon::start_in(home).await;
    assert_eq!(history(&mut daemon.local().await).await, now, "the logs have it");
}

#[tokio::test]
async fn what_was_asked_in_a_session_that_is_over_is_given_whole_from_its_log() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let id = over(&paths, 1, None, 0..3).await;
    let text = format!(r#"{{"source":"claude","question":"{}"}}"#, "größer? ".repeat(3000));
    let mut asked = approval(900, 5);
    asked.length = u32::try_from(text.len()).unwrap();
    let mut log = open(&paths, &id, "boot");
    for (part, payload) in text.as_bytes().chunks(16_000).enumerate() {
        let part = u32::try_from(part).unwrap();
        let event = Event::Asked { approval: Box::new(asked.clone()), part, last: part == 1 };
        let header = serde_json::to_string(&event).unwrap();
        let kept = if event.is_past() { Kept::Past } else { Kept::Told };
        log.append(&[NewEntry { at: 5, kept, header: &header, payload }]).unwrap();
    }
    decide(&mut log, 900, 6, "no");
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    let (mut whole, mut from) = (String::new(), Some(0));
    while let Some(piece) = from {
        let (session, approval) = (id.clone(), asked.id.clone());
        let got: Asked = talk.call(Method::ApprovalRequest { session, approval, from: piece }).await.unwrap();
        whole.push_str(&got.text);
        from = got.next;
    }
    assert_eq!(whole, text);
    // What the log does not have whole is not given, and neither is what nobody asked.
    for other in [approval(1, 0).id, approval(77, 0).id] {
        let request = Method::ApprovalRequest { session: id.clone(), approval: other, from: 0 };
        assert!(talk.call::<Asked>(request).await.is_err());
    }
}

#[tokio::test]
async fn what_waited_in_a_lost_session_is_withdrawn_and_what_a_power_cut_took_was_not_decided() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let id = over(&paths, 1, None, 1..=1).await;
    let mut log = open(&paths, &id, "boot");
    let before = log.head().seq;
    let large = [b'x'; store::BESIDE];
    log.append(&[NewEntry { at: 2, kept: Kept::Trimmed, header: r#"{"kind":"output"}"#, payload: &large }])
        .unwrap();
    ask(&mut log, 2, 2);
    decide(&mut log, 2, 2, "no");
    ask(&mut log, 3, 3);
    drop(log);
    let daemon = Daemon::start_in(home).await;
    let all = history(&mut daemon.local().await).await;
    assert_eq!(titles(&all), ["Run make 3?", "Run make 2?", "Run make 1?"]);
    assert_eq!(all[1].approval.state, denied(2, "no"));
    assert_eq!(all[0].approval.state, ApprovalState::Withdrawn { decided_at: 2 });
    let home = daemon.stop().await;
    // What lies beside the database did not reach the disk, and so nothing behind it did.
    File::create(paths.session_dir(id.as_str()).join("log.bulk")).unwrap();
    let mut log = open(&paths, &id, "another boot");
    assert_eq!((log.epoch(), log.head().seq), (2, before));
    for n in 7..=8 {
        ask(&mut log, n, n.into());
        decide(&mut log, n, n.into(), "no");
    }
    drop(log);
    // It runs again, so it is looked at.
    let _keeper = Keeper::start(&paths, 1).await;
    let daemon = Daemon::start_in(home).await;
    let all = history(&mut daemon.local().await).await;
    assert_eq!(titles(&all), ["Run make 8?", "Run make 7?", "Run make 1?"]);
}

#[tokio::test]
async fn what_was_decided_in_a_removed_session_is_gone_with_it_and_an_imported_one_decides_nothing() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let first = over(&paths, 1, None, 1..=2).await;
    over(&paths, 2, None, 3..=4).await;
    let imported = over(&paths, 3, None, 5..=6).await;
    let meta = paths.session_meta(imported.as_str());
    let mut summary: serde_json::Value = serde_json::from_slice(&std::fs::read(&meta).unwrap()).unwrap();
    summary["imported"] = true.into();
    store::write_private(&meta, &serde_json::to_vec(&summary).unwrap()).unwrap();
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    assert_eq!(history(&mut talk).await.len(), 4);
    talk.order(Method::SessionRemove { session: first.clone() }).await.unwrap();
    let left = history(&mut talk).await;
    assert_eq!(titles(&left), ["Run make 4?", "Run make 3?"]);
    assert_ne!(left[0].session, first);
}

#[tokio::test]
async fn what_was_decided_is_told_where_the_index_cannot_be_written() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    over(&paths, 1, None, 1..=2).await;
    // As on a full disk, nothing can be made of it.
    std::fs::create_dir(paths.decisions_db()).unwrap();
    let daemon = Daemon::start_in(home).await;
    assert_eq!(titles(&history(&mut daemon.local().await).await), ["Run make 2?", "Run make 1?"]);
}

#[tokio::test]
async fn who_decides_where_the_session_has_ended_is_told_who_was_first() {
    let home = TempDir::new().unwrap();
    let paths = Paths::under(home.path());
    let keeper = Keeper::start(&paths, 1).await;
    let mut summary = keeper.summary();
    keeper.kill().await;
    summary.run = RunState::Ended { exit: 0, at: 3, by: EndedBy::Itself };
    summary.approvals = vec![Approval { state: denied(2, "no"), ..approval(1, 1) }];
    let meta = serde_json::to_vec(&summary).unwrap();
    store::write_private(&paths.session_meta(summary.id.as_str()), &meta).unwrap();
    open(&paths, &summary.id, "boot").close().unwrap();
    let daemon = Daemon::start_in(home).await;
    let mut talk = daemon.local().await;
    let Approval { id, digest, .. } = approval(1, 1);
    for (approval, why) in
        [(id, "Phone has denied it already"), (approval(2, 1).id, "the session has ended already")]
    {
        let (session, digest) = (summary.id.clone(), digest.clone());
        let decide = Method::ApprovalDecide { session, approval, digest, decision: Decision::allow() };
        let refused = talk.call::<()>(decide).await.unwrap_err();
        assert_eq!((refused.kind, refused.message.as_str()), (ErrorKind::Ended, why));
    }
}
