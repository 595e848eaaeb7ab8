//! The daemon comes, goes, dies and is found again; sessions do not notice.

use crate::support::{Home, Terminal, eventually, is_alive, kill, pid, reserved};
use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

#[test]
fn status_names_the_daemon_and_down_stops_it() {
    let home = Home::new();
    let before = home.run(&["status", "--json"]);
    assert_eq!((before.status, before.out.trim()), (1, "{\"running\":false}"));
    home.up(&[]);
    let status = home.json(&["status", "--json"]);
    assert!(is_alive(pid(&status["pid"])), "{status}");
    assert!(status["relay"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{status}");
    assert!(status["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{status}");
    assert!(status["version"].as_str().unwrap().contains(env!("CARGO_PKG_VERSION")), "{status}");
    home.ok(&["down"]);
    let daemon = pid(&status["pid"]);
    eventually("the daemon has ended", || (!is_alive(daemon)).then_some(()));
    assert_eq!(home.run(&["status"]).status, 1);
    assert!(home.ok(&["down"]).contains("was not running"));
}

#[test]
fn a_second_daemon_is_refused_with_the_first_ones_pid() {
    let home = Home::new();
    home.up(&[]);
    let daemon = home.daemon();
    for args in [&["up"][..], &["up", "--foreground"], &["up", "--foreground", "--detached"]] {
        let ran = home.run(args);
        assert_ne!(ran.status, 0);
        let said = ran.err + &ran.out;
        assert!(said.contains("already running") && said.contains(&daemon.to_string()), "{args:?}: {said}");
    }
    assert_eq!(home.daemon(), daemon);
}

#[test]
fn up_replace_swaps_the_daemon_and_nobody_attached_loses_anything() {
    let home = Home::new();
    home.up(&["--origin", "http://localhost:9999"]);
    let before = home.json(&["status", "--json"]);
    let mut terminal = home.terminal(&["run", "--", "/bin/sh"]);
    terminal.wait("$ ");
    let said = home.ok(&["up", "--replace"]);
    assert!(said.contains(&format!("took the place of process {}", before["pid"])), "{said}");
    let after = home.json(&["status", "--json"]);
    assert_ne!(after["pid"], before["pid"]);
    assert_eq!(after["relay"], before["relay"], "reached as the one before was");
    assert!(!is_alive(pid(&before["pid"])));
    terminal.keys("echo still-$((6*7))\r");
    terminal.wait("still-42");
    assert!(home.ok(&["up", "--replace", "--json"]).contains("\"running\":true"));
    home.ok(&["down"]);
    assert!(home.ok(&["up", "--replace"]).contains("is up"), "where none runs it is simply started");
}

#[test]
fn two_homes_on_one_machine_do_not_meet() {
    let (one, two) = (Home::new(), Home::new());
    one.up(&[]);
    two.up(&[]);
    let id = one.session(&["sleep", "1000"]);
    assert_eq!(one.listed(&id)["state"], "running");
    assert_eq!(two.json(&["ls", "--json"]), serde_json::json!([]));
}

#[test]
fn a_session_does_not_notice_that_the_daemon_is_killed_and_comes_back() {
    let home = Home::new();
    home.up(&[]);
    let mut terminal = home.terminal(&["run", "--", "/bin/sh"]);
    terminal.wait("$ ");
    let keeper = pid(&home.json(&["ls", "--json"])[0]["keeper_pid"]);
    kill(home.daemon(), "KILL");
    terminal.keys("echo without-daemon-$((7+7))\r");
    terminal.wait("without-daemon-14");
    home.up(&[]);
    let entry = home.json(&["ls", "--json"])[0].clone();
    assert_eq!((entry["state"].as_str().unwrap(), pid(&entry["keeper_pid"])), ("running", keeper));
    let mut second = home.terminal(&["attach"]);
    second.wait("without-daemon-14");
}

#[test]
fn a_killed_keeper_costs_no_other_session_anything_and_is_listed_as_lost() {
    let home = Home::new();
    home.up(&[]);
    let lost = home.session(&["/bin/sh", "-c", "echo was-logged; exec sleep 1000"]);
    let mut other = home.terminal(&["run", "--", "/bin/sh"]);
    other.wait("$ ");
    eventually("the program has printed", || home.ok(&["logs", &lost]).contains("was-logged").then_some(()));
    kill(pid(&home.listed(&lost)["keeper_pid"]), "KILL");
    eventually("the session is lost", || (home.listed(&lost)["state"] == "lost").then_some(()));
    other.keys("echo unaffected-$((8+8))\r");
    other.wait("unaffected-16");
    assert!(home.ok(&["logs", &lost]).contains("was-logged"));
}

#[test]
fn folders_and_files_are_private() {
    let home = Home::new();
    home.up(&[]);
    home.run(&["run", "--", "/bin/true"]);
    let mut folders = vec![home.path().join("lr")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            // The session that has just ended puts its things away.
            let mode = match entry.metadata() {
                Err(gone) if gone.kind() == ErrorKind::NotFound => continue,
                found => found.unwrap().permissions().mode() & 0o777,
            };
            if kind.is_dir() {
                assert_eq!(mode, 0o700, "{}", entry.path().display());
                folders.push(entry.path());
            } else {
                assert_eq!(mode & 0o077, 0, "{} {mode:o}", entry.path().display());
            }
            seen += 1;
        }
    }
    assert!(seen > 5, "only {seen} files");
}

#[test]
fn a_port_in_use_is_said_so_and_nothing_is_left_behind() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = home.run(&["up", "--bind", &address]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("in use") && ran.err.contains("hint:"), "{ran:?}");
    assert_eq!(home.run(&["status"]).status, 1);
}

#[test]
fn the_address_is_the_same_after_a_restart() {
    let home = Home::new();
    home.ok(&["up"]);
    let before = home.json(&["status", "--json"])["relay"].clone();
    home.ok(&["down"]);
    // Other tests want the usual port too, and may have it for a moment.
    eventually("the port is free", || {
        let taken = home.ok(&["up"]).contains("in use");
        if taken {
            home.ok(&["down"]);
        }
        (!taken).then_some(())
    });
    assert_eq!(home.json(&["status", "--json"])["relay"], before);
}

#[test]
fn a_usual_port_that_is_taken_once_is_still_the_usual_one() {
    let home = Home::new();
    let taken = reserved();
    let port = taken.local_addr().unwrap().port();
    private_folders(&home);
    fs::write(home.path().join("lr/state/port"), format!("{port}\n")).unwrap();
    let said = home.ok(&["up"]);
    assert!(said.contains(&format!("Port {port} is in use")), "{said}");
    assert_ne!(home.json(&["status", "--json"])["address"], format!("127.0.0.1:{port}"));
    let log = fs::read_to_string(home.path().join("lr/state/daemon.log")).unwrap();
    assert!(log.contains(&format!("Port {port} is in use")), "{log}");
    home.ok(&["down"]);
    drop(taken);
    assert!(!home.ok(&["up"]).contains("in use"));
    assert_eq!(home.json(&["status", "--json"])["address"], format!("127.0.0.1:{port}"));
}

#[test]
fn a_daemon_that_died_is_started_again_as_it_was() {
    let home = Home::new();
    private_folders(&home);
    // Any port: other tests have the usual one.
    fs::write(home.path().join("lr/state/port"), "0\n").unwrap();
    home.ok(&["up", "--lan"]);
    let daemon = home.daemon();
    kill(daemon, "KILL");
    eventually("the daemon has ended", || (!is_alive(daemon)).then_some(()));
    let ran = home.run(&["ls"]);
    assert!(ran.status == 0 && ran.err.contains("plain http"), "{ran:?}");
    assert!(ran.err.contains("as the last `longrein up --lan`"), "{ran:?}");
    let address = || home.json(&["status", "--json"])["address"].as_str().unwrap().to_owned();
    assert!(address().starts_with("0.0.0.0:"));
    home.ok(&["down"]);
    home.ok(&["up"]);
    assert!(address().starts_with("127.0.0.1:"));
    home.ok(&["down"]);
    home.ok(&["ls"]);
    assert!(address().starts_with("127.0.0.1:"));
}

#[test]
fn after_down_no_command_opens_the_machine_to_the_network() {
    let home = Home::new();
    private_folders(&home);
    fs::write(home.path().join("lr/state/port"), "0\n").unwrap();
    let address = || home.json(&["status", "--json"])["address"].as_str().unwrap().to_owned();
    for args in [&["up", "--lan"][..], &["up", "--bind", "0.0.0.0:0"]] {
        home.ok(args);
        assert!(address().starts_with("0.0.0.0:"));
        let said = home.ok(&["down"]);
        assert!(said.contains(&format!("started without {},", args[1..].join(" "))), "{said}");
        let ran = home.run(&["run", "--", "/bin/true"]);
        assert!(ran.status == 0 && !ran.err.contains("plain http"), "{ran:?}");
        assert!(address().starts_with("127.0.0.1:"), "{}", address());
        // What is forgotten is told once.
        assert!(!home.ok(&["down"]).contains("started without"));
    }
    // One that died may have to be forgotten as well.
    home.ok(&["up", "--lan"]);
    let daemon = home.daemon();
    kill(daemon, "KILL");
    eventually("the daemon has ended", || (!is_alive(daemon)).then_some(()));
    let said = home.json(&["down", "--json"]);
    assert_eq!(said, serde_json::json!({ "was_running": false, "forgotten": ["--lan"] }));
    home.ok(&["ls"]);
    assert!(address().starts_with("127.0.0.1:"));
}

#[test]
fn a_daemon_that_cannot_be_as_it_was_says_how_that_was() {
    let home = Home::new();
    let address = reserved().local_addr().unwrap().to_string();
    home.ok(&["up", "--bind", &address]);
    home.ok(&["down"]);
    // `down` has waited until the port is free too.
    let _taken = TcpListener::bind(&address).unwrap();
    let ran = home.run(&["ls"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("in use") && ran.err.contains(&format!("up --bind {address}")), "{ran:?}");
    home.up(&[]);
    home.ok(&["ls"]);
}

#[test]
fn an_unwritable_state_folder_is_said_so() {
    let home = Home::new();
    // A file where a folder should be stops even root.
    fs::create_dir_all(home.path().join("lr")).unwrap();
    fs::write(home.path().join("lr/state"), "").unwrap();
    let ran = home.run(&["run", "--", "/bin/true"]);
    assert_eq!(ran.status, 125);
    assert!(ran.err.contains("state") && ran.err.contains("hint:"), "{ran:?}");
    let json = home.run(&["ls", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.status, error["error"]["kind"].as_str()), (1, Some("environment")), "{error}");
}

#[test]
fn the_daemon_stays_in_the_foreground_when_asked_and_stops_on_sigterm() {
    let home = Home::new();
    let mut terminal = home.terminal(&["up", "--foreground", "--bind", "127.0.0.1:0"]);
    terminal.wait("Serving: http://127.0.0.1:");
    kill(home.daemon(), "TERM");
    assert_eq!(terminal.end().0, 0);
    let mut terminal = home.terminal(&["up", "--foreground", "--json", "--bind", "127.0.0.1:0"]);
    let said = terminal.wait("}\r\n");
    let status: serde_json::Value =
        serde_json::from_str(said.lines().find(|line| line.starts_with('{')).unwrap()).unwrap();
    assert_eq!((pid(&status["pid"]), &status["running"]), (terminal.pid(), &true.into()), "{status}");
}

#[test]
fn lan_says_what_it_means() {
    let home = Home::new();
    private_folders(&home);
    fs::write(home.path().join("lr/state/port"), "0\n").unwrap();
    for args in [&["up", "--lan"][..], &["up", "--bind", "0.0.0.0:0"]] {
        let said = home.ok(args);
        assert!(said.contains("plain http") && said.contains("sealed"), "{said}");
        assert!(home.json(&["status", "--json"])["address"].as_str().unwrap().starts_with("0.0.0.0:"));
        home.ok(&["down"]);
    }
    assert!(!home.ok(&["up"]).contains("plain http"));
    home.ok(&["down"]);
    fs::create_dir_all(home.path().join("lr/config")).unwrap();
    fs::write(home.path().join("lr/config/config.toml"), "bind = \"0.0.0.0:0\"").unwrap();
    let mut terminal = home.terminal(&["up", "--foreground"]);
    terminal.wait("Serving: ");
    terminal.wait("plain http");
}

/// The folders that `up` would make, for putting something into them before.
fn private_folders(home: &Home) {
    fs::create_dir_all(home.path().join("lr/state")).unwrap();
    for folder in ["lr", "lr/state"] {
        fs::set_permissions(home.path().join(folder), fs::Permissions::from_mode(0o700)).unwrap();
    }
}

/// Prints what cloudflared prints.
const STAND_IN: &str = "#!/bin/sh
echo \"$$ $*\" > \"$HOME/cloudflared.ran\"
echo '2026-01-02T03:04:05Z INF Requesting new quick Tunnel on trycloudflare.com...' >&2
echo '2026-01-02T03:04:06Z INF |  https://quick-brown-horse.trycloudflare.com   |' >&2
exec sleep 1000
";

#[test]
fn a_tunnel_gives_its_address_to_the_link_and_ends_with_the_daemon() {
    let home = Home::new();
    let bin = home.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("cloudflared"), STAND_IN).unwrap();
    fs::set_permissions(bin.join("cloudflared"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let up = home.command(&["up", "--tunnel", "--bind", "127.0.0.1:0"]).env("PATH", path).output().unwrap();
    assert!(up.status.success(), "{up:?}");
    let status = home.json(&["status", "--json"]);
    assert_eq!(status["relay_kind"], "tunnel");
    assert!(home.link().starts_with("https://quick-brown-horse.trycloudflare.com/#i="));
    let ran = fs::read_to_string(home.path().join("cloudflared.ran")).unwrap();
    let port = status["address"].as_str().unwrap().rsplit_once(':').unwrap().1;
    assert!(ran.contains(&format!("--url http://127.0.0.1:{port}")), "{ran}");
    let tunnel: u32 = ran.split(' ').next().unwrap().parse().unwrap();
    assert!(is_alive(tunnel));
    kill(home.daemon(), "KILL");
    eventually("the tunnel has ended too", || (!is_alive(tunnel)).then_some(()));
}

#[test]
fn a_tunnel_without_cloudflared_says_what_to_do() {
    let home = Home::new();
    let up =
        home.command(&["up", "--tunnel", "--bind", "127.0.0.1:0"]).env("PATH", "/nowhere").output().unwrap();
    assert!(!up.status.success());
    let said = String::from_utf8_lossy(&up.stderr);
    assert!(said.contains("cloudflared") && said.contains("hint:"), "{said}");
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    let home = Home::new();
    home.up(&[]);
    for args in [&["ls", "--json"][..], &["completions", "zsh"], &["status"], &["logs", "nobody"]] {
        let mut child = home.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("panicked"), "{args:?}: {said}");
        let expected = i32::from(args[0] == "logs");
        assert_eq!(output.status.code(), Some(expected), "{args:?}: {said}");
    }
}

#[test]
fn doctor_and_completions_answer() {
    let home = Home::new();
    home.up(&[]);
    let report = home.json(&["doctor", "--json"]);
    assert_eq!(report["ok"], true, "{report}");
    assert!(home.ok(&["completions", "bash"]).contains("longrein"));
    let mut terminal = Terminal::start(&home, &["doctor"], 80, 24);
    assert_eq!(terminal.end().0, 0);
}
