//! Ended sessions that are removed by age and by size.

use crate::support::{Home, eventually};
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

fn folder(home: &Home, session: &str) -> PathBuf {
    home.path().join("lr/state/sessions").join(session)
}

/// An ended session without a keeper that was written down so long ago.
fn old(home: &Home, file: &str, hours: u64) -> String {
    let id = home.json(&["import", file, "--json"])["session"].as_str().unwrap().to_owned();
    let meta = File::options().write(true).open(folder(home, &id).join("meta.json")).unwrap();
    meta.set_modified(SystemTime::now() - Duration::from_hours(hours)).unwrap();
    id
}

/// An export of a session that ended long ago.
fn exported(home: &Home) -> String {
    let session = home.session(&["/bin/sh", "-c", "echo was-shown"]);
    eventually("its end", || (home.listed(&session)["state"] == "ended").then_some(()));
    let text = home.ok(&["export", &session]);
    let at = home.listed(&session)["at"].to_string();
    // The whole of it a year ago, or nearly so.
    let before = at.parse::<u64>().unwrap() - 31_000_000_000;
    let prefix = &at[..4];
    let shifted = text.replace(&format!(":{prefix}"), &format!(":{}", &before.to_string()[..4]));
    let file = home.path().join("old.jsonl");
    fs::write(&file, shifted).unwrap();
    file.to_str().unwrap().to_owned()
}

fn settle(home: &Home, history: &str) {
    let config = home.path().join("lr/config");
    fs::write(config.join("config.toml"), format!("[history]\n{history}\n")).unwrap();
}

fn gone(home: &Home, session: &str) {
    eventually("its removal", || {
        let list = home.json(&["ls", "--json"]);
        let is_listed = list.as_array().unwrap().iter().any(|entry| entry["id"] == session);
        (!is_listed && !folder(home, session).exists()).then_some(())
    });
}

#[test]
fn sessions_that_ended_too_long_ago_are_removed_and_no_others() {
    let home = Home::new();
    home.up(&[]);
    let file = exported(&home);
    let running = home.session(&["sleep", "1000"]);
    let (first, second, third) = (old(&home, &file, 50), old(&home, &file, 40), old(&home, &file, 1));
    home.up(&["--replace"]);
    for session in [&first, &second, &third, &running] {
        home.listed(session);
    }
    assert!(home.ok(&["doctor"]).contains("kept for ever"));
    settle(&home, "keep = \"45h\"");
    assert!(home.ok(&["doctor"]).contains("1 day 21 h after they ended"));
    home.up(&["--replace"]);
    gone(&home, &first);
    for session in [&second, &third, &running] {
        home.listed(session);
    }
    let said = fs::read_to_string(home.path().join("lr/state/daemon.log")).unwrap();
    assert!(said.contains(&first) && said.contains("ended longer ago"), "{said}");
}

#[test]
fn the_session_that_ended_first_is_removed_while_all_take_too_much_room() {
    let home = Home::new();
    home.up(&[]);
    let file = exported(&home);
    let (first, second) = (old(&home, &file, 50), old(&home, &file, 40));
    // Somebody has it open.
    let mut terminal = home.terminal(&["attach", &first]);
    terminal.wait("was-shown");
    let running = home.session(&["sleep", "1000"]);
    settle(&home, "max_size = \"1kB\"");
    home.up(&["--replace"]);
    gone(&home, &second);
    home.listed(&running);
    home.listed(&first);
    assert!(home.ok(&["logs", &first]).contains("was-shown"));
}

#[test]
fn a_bound_that_is_none_is_said_with_its_line() {
    let home = Home::new();
    home.up(&[]);
    home.ok(&["down"]);
    settle(&home, "keep = \"soon\"");
    let failed = home.run(&["up"]);
    assert!(failed.status == 1 && failed.err.contains("line 2") && failed.err.contains("30d"), "{failed:?}");
}
