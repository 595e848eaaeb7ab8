use super::*;
use std::path::Path;
use store::{Base, NewEntry};

const DAY: Duration = Duration::from_hours(24);

/// A session without a program, whose log lies in this folder.
pub fn session(folder: &Path) -> Session {
    session_within(folder, u64::MAX >> 1)
}

/// As [`session`], with so many bytes of log.
pub fn session_within(folder: &Path, limit: u64) -> Session {
    let log = SessionLog::open(&folder.join("log.db"), "boot").unwrap();
    let origin = Origin { size: FIRST_SIZE, log: None };
    let parts = parts(log, folder.join("meta.json"), limit, origin).unwrap();
    let about = About {
        id: SessionId::from_random([1; 10]),
        name: "test".to_owned(),
        command: vec!["sh".to_owned()],
        cwd: "/".to_owned(),
        started_at: 1,
        continues: None,
        imported: false,
        keeper_pid: None,
    };
    Session::new(about, parts, FIRST_SIZE, RunState::Running)
}

fn output(session: &Session, text: &'static str) {
    session.append(Event::Output, Bytes::from_static(text.as_bytes()));
}

/// A log that takes no event, as on a full disk, because another has its number; until that one goes.
pub struct Rival(SessionLog);

impl Rival {
    pub fn new(folder: &Path) -> Self {
        std::fs::remove_file(folder.join("log.lock")).unwrap();
        let mut log = SessionLog::open(&folder.join("log.db"), "boot").unwrap();
        log.append(&[NewEntry { at: 1, kept: store::Kept::Trimmed, header: "{}", payload: b"" }]).unwrap();
        Self(log)
    }

    pub fn go(mut self) {
        let head = self.0.head();
        self.0.put_base(&Base { seq: head.seq, upto: head.upto, cols: 1, rows: 1, bytes: vec![] }).unwrap();
        while self.0.trim(0, u64::MAX).unwrap() {}
    }
}

/// A session of which something was shown that the log does not take, until the rival goes.
fn paused(folder: &Path) -> (Session, Rival) {
    let session = session(folder);
    output(&session, "logged");
    let rival = Rival::new(folder);
    output(&session, "shown");
    (session, rival)
}

#[tokio::test(start_paused = true)]
async fn a_keeper_stays_while_its_log_lacks_what_was_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (session, rival) = paused(folder.path());
    session.end(0);
    assert!(timeout(DAY / 2, linger(&session, LINGER)).await.is_err(), "it stays");
    rival.go();
    upkeep::retry_once(&session).await;
    timeout(LINGER * 2, linger(&session, LINGER)).await.expect("it leaves once that is logged");
}

#[tokio::test(start_paused = true)]
async fn a_keeper_does_not_wait_for_room_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (session, _rival) = paused(folder.path());
    session.end(0);
    let lingered = timeout(DAY + 2 * LINGER, linger(&session, LINGER)).await;
    lingered.expect("there is an end to it");
}

#[tokio::test]
async fn what_a_full_disk_kept_out_is_tried_a_last_time_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (session, rival) = paused(folder.path());
    output(&session, "and this");
    session.end(7);
    rival.go();
    end(&session, Vec::new()).await.unwrap();
    let summary: Meta =
        serde_json::from_slice(&std::fs::read(folder.path().join("meta.json")).unwrap()).unwrap();
    drop(session);
    let log = SessionLog::open(&folder.path().join("log.db"), "another boot").unwrap();
    assert_eq!(log.epoch(), 1, "it was closed");
    assert_eq!(ending(&log).unwrap().0, Some(7));
    assert_eq!(summary.summary.head.seq, log.head().seq);
    assert_eq!(log.read_after(3, 1).unwrap()[0].payload, b"and this", "behind the word that it is paused");
}

#[tokio::test]
async fn a_log_that_lacks_what_was_shown_is_not_closed_in_good_order() {
    let folder = tempfile::tempdir().unwrap();
    let (session, rival) = paused(folder.path());
    session.end(0);
    end(&session, Vec::new()).await.unwrap();
    drop((session, rival));
    let log = SessionLog::open(&folder.path().join("log.db"), "another boot").unwrap();
    assert_eq!(log.epoch(), 2);
}

#[test]
fn programs_find_longrein_behind_all_else_where_they_would_find_none() {
    let ourselves = std::env::current_exe().unwrap();
    let folder = ourselves.parent().unwrap().to_str().unwrap().to_owned();
    let with = |path: &str| {
        let mut env = vec![("PATH".to_owned(), path.to_owned())];
        find_ourselves(&mut env);
        env.remove(0).1
    };
    assert_eq!(with("/usr/bin:/bin"), format!("/usr/bin:/bin:{folder}"));
    assert_eq!(with(&format!("/usr/bin:{folder}:/bin")), format!("/usr/bin:{folder}:/bin"));
}
