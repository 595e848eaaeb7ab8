//! Sessions that end by themselves, and sessions that are started again.

use crate::support::{Home, Terminal, eventually, kill, pid};
use serde_json::Value;
use std::fs;
use std::process::Command;

const SLEEP: &[&str] = &["/bin/sh", "-c", "echo was-shown; exec sleep 1000"];

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// The line of `ls` about a session.
fn line(home: &Home, session: &str) -> String {
    let list = home.ok(&["ls"]);
    list.lines().find(|line| line.starts_with(session)).unwrap_or_else(|| panic!("{list}")).to_owned()
}

fn state(home: &Home, session: &str, state: &str) -> Value {
    eventually(state, || Some(home.listed(session)).filter(|entry| entry["state"] == state))
}

fn shows(home: &Home, session: &str) {
    eventually("its output", || home.ok(&["logs", session]).contains("was-shown").then_some(()));
}

/// A session that has printed something and runs on.
fn sleeper(home: &Home) -> String {
    let session = home.session(SLEEP);
    shows(home, &session);
    session
}

/// As it is after the machine was restarted: nothing of ours runs, and it is another boot.
fn restart_machine(home: &Home, session: &str) {
    let keeper = pid(&home.listed(session)["keeper_pid"]);
    home.ok(&["down"]);
    kill(keeper, "KILL");
    let meta = home.path().join("lr/state/sessions").join(session).join("meta.json");
    let text = fs::read_to_string(&meta).unwrap();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert!(text.contains(boot.trim()), "{text}");
    fs::write(&meta, text.replace(boot.trim(), "00000000-0000-0000-0000-000000000000")).unwrap();
    home.up(&[]);
}

#[test]
fn a_session_ends_when_its_time_is_over_also_where_the_daemon_was_killed_meanwhile() {
    let home = Home::new();
    home.up(&[]);
    let before = now_ms();
    let session = home.ok(&[&["run", "--detach", "--ttl", "3s", "--"], SLEEP].concat()).trim().to_owned();
    let ends_at = home.listed(&session)["ends_at"].as_u64().unwrap();
    assert!((before + 3000..=now_ms() + 3000).contains(&ends_at), "{ends_at}");
    assert!(line(&home, &session).contains("left)"));
    kill(home.daemon(), "KILL");
    let ended = state(&home, &session, "ended");
    assert_eq!((ended["exit"].as_i64(), ended["by"].as_str()), (Some(129), Some("time")), "{ended}");
    assert!(ended["ends_at"].is_null() && now_ms() >= ends_at, "{ended}");
    assert!(line(&home, &session).contains("ended (time over)"));
    assert!(home.ok(&["logs", &session]).contains("was-shown"));
    let late = home.run(&["ttl", &session, "1h"]);
    assert_eq!(late.status, 1);
    assert!(late.err.contains("ended already") && late.err.contains("longrein restart"), "{late:?}");
}

#[test]
fn the_end_is_shown_set_put_off_and_taken_back() {
    let home = Home::new();
    home.up(&[]);
    let session = sleeper(&home);
    assert!(home.ok(&["ttl", &session]).contains("has no end of its own"));
    assert!(home.ok(&["ttl", &session, "30m"]).contains("ends in 30 min"));
    // Whatever the list says meanwhile: the keeper knows.
    let later = home.json(&["ttl", &session, "+30m", "--json"]);
    assert!((3590..=3600).contains(&later["left"].as_u64().unwrap()), "{later}");
    home.ok(&["ttl", &session, "30m"]);
    let listed = |is: &dyn Fn(&Value) -> bool| {
        eventually("it in the list", || Some(home.listed(&session)["ends_at"].clone()).filter(is))
    };
    let first = home.json(&["ttl", &session, "+1s", "--json"])["ends_at"].as_u64().unwrap();
    listed(&|at| *at == first);
    let more = home.json(&["ttl", &session, "+2h", "--json"]);
    assert_eq!(more["ends_at"], first + 7_200_000);
    listed(&|at| *at == first + 7_200_000);
    // The keeper has it: another daemon knows it again.
    kill(home.daemon(), "KILL");
    let shown = home.json(&["ttl", &session, "--json"]);
    assert_eq!(shown["ends_at"], first + 7_200_000);
    assert!((8990..=9001).contains(&shown["left"].as_u64().unwrap()), "{shown}");
    home.ok(&["ttl", &session, "off"]);
    listed(&Value::is_null);
    for wrong in ["30", "0s", "2 hours", "366d", "+off"] {
        let ran = home.run(&["ttl", &session, wrong]);
        assert_eq!(ran.status, 2, "{ran:?}");
    }
    let long = home.run(&["ttl", &session, "+365d"]);
    assert_eq!(long.status, 0, "{long:?}");
    let longer = home.run(&["ttl", &session, "+1h"]);
    assert!(longer.status == 1 && longer.err.contains("a year at most"), "{longer:?}");
    assert_eq!(home.run(&["run", "--detach", "--ttl", "soon", "--", "true"]).status, 2);
}

#[test]
fn a_terminal_is_told_that_the_end_is_near_and_afterwards_why_it_came() {
    let home = Home::new();
    let mut terminal = home.terminal(&["run", "--name", "desk", "--", "/bin/sh"]);
    terminal.wait("$ ");
    home.ok(&["ttl", "desk", "5m"]);
    terminal.wait("This session ends by itself in ");
    terminal.wait("longrein ttl ");
    // The key that takes the notice away is not typed into the program.
    terminal.keys("x");
    terminal.wait("\u{1b}[?1049l");
    terminal.keys("echo still-$((40 + 2))\r");
    terminal.wait("still-42");
    // Who joins is told as well, until it does not hold any more.
    let mut other = home.terminal(&["attach", "desk"]);
    other.wait("This session ends by itself in ");
    home.ok(&["ttl", "desk", "off"]);
    other.wait("\u{1b}[?1049l");
    home.ok(&["ttl", "desk", "2s"]);
    let (status, shown) = terminal.end();
    assert_eq!(status, 129);
    assert!(shown.contains("[desk was ended: its time was over]"), "{shown}");
    assert!(!shown.contains("xecho"), "{shown}");
}

#[test]
fn an_ended_session_is_started_again_as_it_was() {
    let home = Home::new();
    home.up(&[]);
    let folder = home.path().join("work");
    fs::create_dir(&folder).unwrap();
    let script = "echo was-shown \"$1\" in $PWD with ${GIVEN:-nothing} and ${#2}; exit 3";
    // Longer than what a list has room for.
    let long = "x".repeat(20_000);
    let run = ["run", "--detach", "--name", "build", "--cwd", "work", "--", "/bin/sh", "-c", script, "sh"];
    let ran = home
        .command(&[&run[..], &["a b", &long]].concat())
        .env("GIVEN", "first")
        .env("UNSEEN", "never-to-be-stored")
        .output()
        .unwrap();
    let first = String::from_utf8(ran.stdout).unwrap().trim().to_owned();
    state(&home, &first, "ended");
    let mut again = home.command(&["restart", "build", "--json"]);
    let again = again.env("GIVEN", "second").output().unwrap();
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again["continues"], first.as_str());
    let second = again["session"].as_str().unwrap();
    assert_ne!(second, first);
    let entry = state(&home, second, "ended");
    assert_eq!((&entry["name"], &entry["exit"]), (&"build".into(), &3.into()));
    assert_eq!(entry["continues"], first.as_str());
    let said = |session: &str| home.ok(&["logs", "--plain", session]);
    let expected = format!("was-shown a b in {} with ", folder.display());
    assert!(said(&first).contains(&format!("{expected}first and 20000")), "{}", said(&first));
    assert!(said(second).contains(&format!("{expected}second and 20000")), "{}", said(second));
    // What it was started with is stored nowhere.
    let found = Command::new("grep").args(["-rla", "never-to-be-stored"]).arg(home.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{found:?}");
    // In a terminal it is shown there.
    let mut terminal = home.terminal(&["restart", &first]);
    terminal.wait("was-shown a b");
    assert_eq!(terminal.end().0, 3);
    home.ok(&["logs", &first]);
}

#[test]
fn a_session_that_runs_is_started_again_only_when_it_may_be_ended() {
    let home = Home::new();
    home.up(&[]);
    let session = sleeper(&home);
    let refused = home.run(&["restart", &session]);
    assert_eq!(refused.status, 1);
    assert!(refused.err.contains("still runs") && refused.err.contains("--stop"), "{refused:?}");
    assert_eq!(home.json(&["ls", "--json"]).as_array().unwrap().len(), 1);
    let again = home.ok(&["restart", &session, "--stop"]).trim().to_owned();
    let ended = home.listed(&session);
    assert_eq!((&ended["state"], &ended["by"]), (&"ended".into(), &"person".into()));
    assert!(line(&home, &session).contains("ended by hand"));
    let entry = home.listed(&again);
    assert_eq!((&entry["state"], &entry["continues"]), (&"running".into(), &session.as_str().into()));
    shows(&home, &again);
    // It ends by itself only where that is said anew.
    assert!(entry["ends_at"].is_null(), "{entry}");
    let before = now_ms();
    let third = home.ok(&["restart", &again, "--stop", "--ttl", "2h"]).trim().to_owned();
    let ends_at = home.listed(&third)["ends_at"].as_u64().unwrap();
    assert!((before + 7_200_000..=now_ms() + 7_200_000).contains(&ends_at), "{ends_at}");
    for wrong in ["0s", "366d", "soon"] {
        let ran = home.run(&["restart", &third, "--stop", "--ttl", wrong]);
        assert_eq!((ran.status, &home.listed(&third)["state"]), (2, &"running".into()), "{ran:?}");
    }
    let unknown = home.run(&["restart", "nothing-of-this-name"]);
    assert!(unknown.status == 1 && unknown.err.contains("longrein ls"), "{unknown:?}");
}

#[test]
fn a_session_without_its_keeper_and_one_without_its_machine_differ_and_can_be_started_again() {
    let home = Home::new();
    home.up(&[]);
    let (alone, rebooted) = (sleeper(&home), sleeper(&home));
    kill(pid(&home.listed(&alone)["keeper_pid"]), "KILL");
    assert_eq!(state(&home, &alone, "lost")["by"], "keeper");
    restart_machine(&home, &rebooted);
    assert_eq!(state(&home, &rebooted, "lost")["by"], "machine");
    assert!(line(&home, &alone).contains("lost its keeper"));
    assert!(line(&home, &rebooted).contains("ended with the machine"));
    for session in [&alone, &rebooted] {
        assert!(home.ok(&["logs", session]).contains("was-shown"));
        let again = home.ok(&["restart", session]).trim().to_owned();
        assert_eq!(home.listed(&again)["continues"], session.as_str());
        shows(&home, &again);
    }
}

#[test]
fn a_keeper_that_is_told_to_end_as_at_shutdown_says_so() {
    let home = Home::new();
    home.up(&[]);
    let session = sleeper(&home);
    kill(pid(&home.listed(&session)["keeper_pid"]), "TERM");
    assert_eq!(state(&home, &session, "ended")["by"], "machine");
    assert!(line(&home, &session).contains("ended with the machine"));
    // Everything is told at once, and the program does not wait for its keeper to be done.
    let session = home.session(&["/bin/sh", "-c", "echo pid=$$=; exec sleep 1000"]);
    let program = eventually("its process id", || {
        let text = home.ok(&["logs", &session]);
        text.split('=').nth(1).map(str::to_owned)
    });
    let keeper = pid(&home.listed(&session)["keeper_pid"]).to_string();
    Command::new("kill").args(["-TERM", &keeper, &program]).status().unwrap();
    assert_eq!(state(&home, &session, "ended")["by"], "machine");
}

#[test]
fn the_last_screen_of_a_session_that_ended_with_the_machine_is_still_shown() {
    let home = Home::new();
    home.up(&[]);
    let session = sleeper(&home);
    restart_machine(&home, &session);
    state(&home, &session, "lost");
    let mut terminal: Terminal = home.terminal(&["attach", &session]);
    terminal.wait("was-shown");
    terminal.keys("\u{1d}d");
    assert_eq!(terminal.end().0, 0);
}
