//! One machine: run, attach, list, end.

use crate::support::{Home, Terminal, eventually, kill, process_state};
use std::fs;
use std::process::Stdio;

/// A shell that says nothing but what it is told to.
const SHELL: &[&str] = &["run", "--", "/bin/sh"];

fn shell(home: &Home) -> Terminal {
    let mut terminal = home.terminal(SHELL);
    terminal.wait("$ ");
    terminal
}

#[test]
fn run_shows_the_program_and_exits_with_its_status() {
    let home = Home::new();
    home.up(&[]);
    let mut terminal = home.terminal(&["run", "--", "/bin/sh", "-c", "echo one-$((20+3)); exit 7"]);
    let (status, shown) = terminal.end();
    assert!(shown.contains("one-23"), "{shown:?}");
    assert_eq!(status, 7);
    let list = home.json(&["ls", "--json"]);
    assert_eq!(list[0]["state"], "ended");
    assert_eq!(list[0]["exit"], 7);
}

#[test]
fn run_starts_the_daemon_and_ends_with_the_signal_that_ended_the_program() {
    let home = Home::new();
    fs::create_dir_all(home.path().join("lr/config")).unwrap();
    fs::write(home.path().join("lr/config/config.toml"), "bind = \"127.0.0.1:0\"").unwrap();
    let mut terminal = home.terminal(&["run", "--", "/bin/sh", "-c", "kill -TERM $$"]);
    assert_eq!(terminal.end().0, 128 + 15);
    assert!(home.json(&["status", "--json"])["running"].as_bool().unwrap());
}

#[test]
fn what_is_typed_reaches_the_program_and_the_size_follows_the_terminal() {
    let home = Home::new();
    home.up(&[]);
    let mut terminal = shell(&home);
    terminal.keys("echo typed-$((40+2))\r");
    terminal.wait("typed-42");
    terminal.keys("stty size\r");
    terminal.wait("24 80");
    terminal.resize(100, 30);
    eventually("the program has the new size", || {
        terminal.keys("stty size\r");
        terminal.wait("$ ").contains("30 100").then_some(())
    });
    terminal.keys("exit 3\r");
    assert_eq!(terminal.end().0, 3);
}

#[test]
fn two_terminals_see_and_drive_the_same_session() {
    let home = Home::new();
    home.up(&[]);
    let mut first = shell(&home);
    first.keys("echo before-$((1+1))\r");
    first.wait("before-2");
    let mut second = home.terminal(&["attach"]);
    second.wait("before-2");
    second.keys("echo from-second-$((2+2))\r");
    first.wait("from-second-4");
    second.wait("from-second-4");
    first.keys("echo from-first-$((3+3))\r");
    second.wait("from-first-6");
    first.keys("exit 5\r");
    assert_eq!(first.end().0, 5);
    assert_eq!(second.end().0, 5);
}

#[test]
fn detaching_leaves_the_session_running_and_the_terminal_as_it_was() {
    let home = Home::new();
    home.up(&[]);
    let mut terminal = shell(&home);
    assert!(!terminal.is_cooked());
    terminal.keys("printf '\\033[?1000h\\033[?2004h\\033[?25l'; echo goes-$((2+2))-on\r");
    terminal.wait("\x1b[?25l");
    terminal.wait("goes-4-on");
    // Held open, or the terminal would forget everything with its last user.
    let held = terminal.hold();
    terminal.keys("\x1dd");
    eventually("the attached program has ended", || terminal.has_ended().then_some(()));
    assert!(terminal.is_cooked());
    drop(held);
    let (status, shown) = terminal.end();
    assert_eq!(status, 0);
    let left = &shown[shown.rfind("\x1b[?2004h").unwrap()..];
    assert!(left.contains("\x1b[?2004l") && left.contains("1000;") && left.contains("come back"), "{left:?}");
    let list = home.json(&["ls", "--json"]);
    assert_eq!(list[0]["state"], "running");
    let mut again = home.terminal(&["attach", list[0]["id"].as_str().unwrap()]);
    again.wait("goes-4-on");
    again.keys("exit\r");
    assert_eq!(again.end().0, 0);
}

#[test]
fn the_prefix_twice_reaches_the_program_once() {
    let home = Home::new();
    home.up(&[]);
    let mut terminal =
        home.terminal(&["run", "--", "/bin/sh", "-c", "stty raw -echo; echo ready; head -c 2 | od -An -tx1"]);
    terminal.wait("ready");
    terminal.keys("\x1d\x1da");
    terminal.wait("1d 61");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn the_panel_shows_a_link_and_hides_without_disturbing_the_program() {
    let home = Home::new();
    home.up(&[]);
    let mut terminal = Terminal::start(&home, SHELL, 100, 45);
    terminal.wait("$ ");
    terminal.keys("\x1dq");
    terminal.wait("\x1b[?1049h");
    terminal.wait("/#i=");
    // Output that comes while the panel is open is shown when it closes.
    let id = home.json(&["ls", "--json"])[0]["id"].as_str().unwrap().to_owned();
    let mut other = home.terminal(&["attach", &id]);
    other.wait("$ ");
    other.keys("echo behind-the-panel-$((5+5))\r");
    other.wait("behind-the-panel-10");
    assert!(!terminal.all().contains("behind-the-panel-10"));
    terminal.keys("q");
    terminal.wait("\x1b[?1049l");
    terminal.wait("behind-the-panel-10");
    terminal.keys("echo still-$((6+6))\r");
    terminal.wait("still-12");
    assert_eq!(terminal.all().matches("behind-the-panel-10").count(), 1);
}

#[test]
fn a_terminals_questions_are_not_answered_twice() {
    let home = Home::new();
    home.up(&[]);
    let mut terminal = home.terminal(&[
        "run",
        "--",
        "/bin/sh",
        "-c",
        "stty raw -echo; printf 'a\\033[6n\\033[cb'; head -c 6 | od -An -tx1; stty sane; echo done",
    ]);
    // The keeper has answered; our terminal has not even seen the question.
    terminal.wait("1b 5b");
    terminal.wait("done");
    let (_, shown) = terminal.end();
    assert!(shown.contains("ab") && !shown.contains("\x1b[6n") && !shown.contains("\x1b[c"), "{shown:?}");
}

#[test]
fn a_terminal_that_is_hung_up_leaves_the_session_running() {
    let home = Home::new();
    home.up(&[]);
    let terminal = shell(&home);
    let pid = terminal.pid();
    drop(terminal);
    eventually("the attached program has ended", || (!crate::support::is_alive(pid)).then_some(()));
    assert_eq!(home.json(&["ls", "--json"])[0]["state"], "running");
}

#[test]
fn run_without_a_terminal_prints_the_session_and_takes_its_status() {
    let home = Home::new();
    home.up(&[]);
    let ran = home.run(&["run", "--name", "job", "--", "/bin/sh", "-c", "echo out; exit 4"]);
    assert_eq!(ran.status, 4, "{ran:?}");
    let id = ran.out.trim();
    assert_eq!(home.listed(id)["name"], "job");
    assert!(home.ok(&["logs", id]).contains("out"));
    let linked = home.run(&["run", "--link", "--", "/bin/true"]);
    let url = linked.out.trim();
    assert!(
        url.starts_with("http://127.0.0.1:") && url.contains("/#i=") && !url.contains('\n'),
        "{linked:?}"
    );
}

#[test]
fn name_folder_and_size_are_what_was_asked_for() {
    let home = Home::new();
    home.up(&[]);
    fs::create_dir(home.path().join("work")).unwrap();
    let script = "pwd; stty size; env | grep -c ^LONGREIN_HOME; echo $TERM $COLORTERM";
    let ran = home.run(&["run", "--cwd", "work", "--size", "97x31", "--", "/bin/sh", "-c", script]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let entry = home.listed(ran.out.trim());
    assert!(entry["cwd"].as_str().unwrap().ends_with("/work"), "{entry}");
    assert!(entry["command"].is_array() && entry["started_at"].is_u64(), "{entry}");
    let logs = home.ok(&["logs", "--plain", ran.out.trim()]);
    assert!(
        logs.contains("/work\n") && logs.contains("31 97") && logs.contains("xterm-256color truecolor"),
        "{logs}"
    );
}

#[test]
fn kill_ends_a_session_and_its_log_stays() {
    let home = Home::new();
    home.up(&[]);
    let id = home.session(&["/bin/sh", "-c", "echo still-readable; exec sleep 1000"]);
    eventually("the program has printed", || {
        home.ok(&["logs", &id]).contains("still-readable").then_some(())
    });
    home.ok(&["kill", &id]);
    let entry =
        eventually("the session has ended", || Some(home.listed(&id)).filter(|e| e["state"] == "ended"));
    assert!(entry["exit"].as_i64().unwrap() > 128, "{entry}");
    assert!(home.ok(&["logs", &id]).contains("still-readable"));
    assert_eq!(home.run(&["kill", &id]).status, 1);
}

#[test]
fn an_ended_session_can_still_be_looked_at() {
    let home = Home::new();
    home.up(&[]);
    let ran = home.run(&["run", "--", "/bin/sh", "-c", "echo last-words; exit 9"]);
    let mut terminal = home.terminal(&["attach", ran.out.trim()]);
    let (status, shown) = terminal.end();
    assert!(shown.contains("last-words"), "{shown:?}");
    assert_eq!(status, 9);
}

#[test]
fn an_ended_program_leaves_no_mode_behind() {
    let home = Home::new();
    home.up(&[]);
    let script = "printf '\\033[?1049h\\033[?1003h\\033[>5ufull-screen'; exit 0";
    let mut terminal = home.terminal(&["run", "--", "/bin/sh", "-c", script]);
    terminal.wait("full-screen");
    let (_, shown) = terminal.end();
    let left = &shown[shown.find("full-screen").unwrap()..];
    for part in ["\x1b[<1u", "\x1b[?1049l", "1003;", "\x1b[?25h"] {
        assert!(left.contains(part), "{part:?} in {left:?}");
    }
}

#[test]
fn stopped_and_ended_by_a_signal_the_terminal_is_as_it_was() {
    let home = Home::new();
    home.up(&[]);
    let mut terminal = shell(&home);
    terminal.keys("printf '\\033[?1000h\\033[?2004h'; echo goes-$((2+2))-on\r");
    terminal.wait("\x1b[?2004h");
    terminal.wait("goes-4-on");
    let held = terminal.hold();
    for round in 0..2 {
        kill(terminal.pid(), "TSTP");
        eventually("it is stopped", || (process_state(terminal.pid()) == 'T').then_some(()));
        assert!(terminal.is_cooked());
        let left = terminal.wait("\x1b[23;2t");
        assert!(left.contains("\x1b[?2004l") && left.contains("1000;"), "{left:?}");
        kill(terminal.pid(), "CONT");
        let again = terminal.wait("goes-4-on");
        assert!(again.contains("\x1b[22;2t") && !terminal.is_cooked(), "{again:?}");
        terminal.wait("\x1b[?2004h");
        terminal.keys(&format!("echo still-{round}-$((3+4))\r"));
        terminal.wait(&format!("still-{round}-7"));
    }
    kill(terminal.pid(), "QUIT");
    eventually("the attached program has ended", || terminal.has_ended().then_some(()));
    assert!(terminal.is_cooked());
    terminal.wait("\x1b[?2004l");
    terminal.wait("\x1b[23;2t");
    drop(held);
    assert_eq!(terminal.end().0, 131);
    assert_eq!(home.json(&["ls", "--json"])[0]["state"], "running");
}

#[test]
fn a_terminal_that_takes_no_bytes_does_not_keep_a_signal_from_ending_us() {
    let home = Home::new();
    home.up(&[]);
    // More than any terminal holds on to.
    let flood = "read x; head -c 3000000 /dev/zero | tr '\\0' y; echo; echo all-$((1+1)); exec sleep 1000";
    let mut terminal = home.terminal(&["run", "--", "/bin/sh", "-c", flood]);
    eventually("it runs", || (home.json(&["ls", "--json"])[0]["state"] == "running").then_some(()));
    let id = home.json(&["ls", "--json"])[0]["id"].as_str().unwrap().to_owned();
    terminal.set_stuck(true);
    terminal.keys("\r");
    eventually("all is printed", || home.ok(&["logs", &id]).contains("all-2").then_some(()));
    assert!(!terminal.has_ended());
    kill(terminal.pid(), "TERM");
    eventually("the attached program has ended", || terminal.has_ended().then_some(()));
    assert_eq!(home.listed(&id)["state"], "running");
}

#[test]
fn a_program_that_cannot_be_executed_is_126_and_one_that_is_not_there_127() {
    let home = Home::new();
    home.up(&[]);
    for (program, status) in [("/etc/passwd", 126), ("/etc", 126), ("/etc/no-such", 127), ("no-such", 127)] {
        let ran = home.run(&["run", "--", program]);
        assert_eq!(ran.status, status, "{program}: {ran:?}");
        assert!(ran.err.contains("hint:"), "{ran:?}");
    }
}

#[test]
fn a_program_whose_keeper_is_lost_is_no_missing_program() {
    let home = Home::new();
    home.up(&[]);
    let mut run = home.command(&["run", "--", "sleep", "1000"]);
    let run = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let keeper = eventually("the session", || home.json(&["ls", "--json"])[0]["keeper_pid"].as_u64());
    kill(u32::try_from(keeper).unwrap(), "KILL");
    let ran = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(125), "{said}");
    assert!(said.contains("longrein restart"), "{said}");
}

#[test]
fn a_name_with_a_slash_is_found() {
    let home = Home::new();
    home.up(&[]);
    let id = home.ok(&["run", "--detach", "--name", "team/build", "--", "sleep", "1000"]);
    assert!(home.ok(&["kill", "team/build"]).contains(id.trim()));
    let ran = home.run(&["kill", "team/nobody"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("No session is called") && ran.err.contains("no host is called"), "{ran:?}");
}
