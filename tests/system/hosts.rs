//! Several machines: pairing, a second device, revoking, and a relay in between that comes and goes.

use crate::support::{Forwarder, Home, Relay, eventually, kill, reserved, within_a_second};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

/// A host with a shell in a session, and a guest that has joined it.
fn joined() -> (Home, Home) {
    let (host, guest) = (Home::new(), Home::new());
    host.up(&[]);
    guest.ok(&["join", &host.link(), "--name", "desk"]);
    (host, guest)
}

#[test]
fn a_second_machine_joins_lists_and_drives_a_session() {
    let (host, guest) = joined();
    let mut here = host.terminal(&["run", "--name", "shared", "--", "/bin/sh"]);
    here.wait("$ ");
    here.keys("echo before-$((1+1))\r");
    here.wait("before-2");
    let list = guest.json(&["ls", "desk", "--json"]);
    assert_eq!((list[0]["name"].as_str(), list[0]["state"].as_str()), (Some("shared"), Some("running")));
    let mut there = guest.terminal(&["attach", "desk/shared"]);
    there.wait("before-2");
    there.keys("echo across-$((2+2))\r");
    there.wait("across-4");
    here.wait("across-4");
    here.keys("exit 6\r");
    assert_eq!(there.end().0, 6);
    assert_eq!(here.end().0, 6);
    assert!(guest.ok(&["logs", "desk/shared"]).contains("across-4"));
}

#[test]
fn a_log_that_is_too_long_for_another_machine_says_so_there() {
    let (host, guest) = joined();
    let lines = |count: u32| {
        let script = format!("seq -f line-%.0f {count}");
        let session = host.session(&["/bin/sh", "-c", &script]);
        eventually("its end", || (host.listed(&session)["state"] == "ended").then_some(()));
        (host.ok(&["logs", &session]), guest.run(&["logs", &format!("desk/{session}")]))
    };
    let (all, there) = lines(1000);
    assert_eq!((there.status, there.out, there.err), (0, all, String::new()));
    let (all, there) = lines(200_000);
    assert!(all.contains("line-1\r\n") && all.contains("line-200000\r\n"));
    assert!(!there.out.contains("line-1\r\n") && there.out.contains("line-200000"), "{}", there.out.len());
    assert!(there.status == 0 && there.err.contains("the log is longer than what is sent"), "{}", there.err);
}

#[test]
fn a_link_is_read_from_standard_input_and_asked_for_in_a_terminal() {
    let host = Home::new();
    host.up(&[]);
    for args in [&["join"][..], &["join", "-", "--name", "desk"]] {
        let guest = Home::new();
        let mut joining = guest.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        writeln!(joining.stdin.take().unwrap(), "  {}", host.link()).unwrap();
        let ran = joining.wait_with_output().unwrap();
        assert!(ran.status.success() && ran.stdout.starts_with(b"Joined "), "{ran:?}");
    }
    let guest = Home::new();
    let mut terminal = guest.terminal(&["join"]);
    terminal.wait("Paste the link: ");
    terminal.keys(&format!("{}\r", host.link()));
    terminal.wait("Joined ");
    assert_eq!(terminal.end().0, 0);
    let nothing = guest.run(&["join"]);
    assert!(nothing.status == 1 && nothing.err.contains("hint:"), "{nothing:?}");
}

#[test]
fn joining_never_takes_another_hosts_name() {
    let (host, guest) = joined();
    let other = Home::new();
    other.up(&[]);
    let link = other.link();
    let taken = guest.run(&["join", &link, "--name", "desk"]);
    assert!(taken.status == 1 && taken.err.contains("called \"desk\" already"), "{taken:?}");
    let unusable = guest.run(&["join", &link, "--name", "a b"]);
    assert!(unusable.status == 1 && unusable.err.contains("hint:"), "{unusable:?}");
    let id = host.session(&["true"]);
    assert_eq!(guest.json(&["ls", "desk", "--json"])[0]["id"], id);
    guest.ok(&["join", &link, "--name", "other"]);
    assert_eq!(guest.json(&["ls", "other", "--json"]), serde_json::json!([]));
}

#[test]
fn a_link_works_once() {
    let (host, guest, late) = (Home::new(), Home::new(), Home::new());
    host.up(&[]);
    let link = host.link();
    guest.ok(&["join", &link]);
    let ran = late.run(&["join", &link]);
    assert_eq!(ran.status, 1);
    let unknown = {
        let other = Home::new();
        other.up(&[]);
        // An invitation of a host that this one's slot has never heard of.
        let (_, foreign) = (other.daemon(), other.link());
        late.run(&[
            "join",
            &foreign.replace(foreign.split('#').next().unwrap(), link.split('#').next().unwrap()),
        ])
    };
    assert_eq!(unknown.status, 1);
    assert_eq!(host.json(&["devices", "--json"]).as_array().unwrap().len(), 1);
}

#[test]
fn pair_tells_which_device_came_with_its_four_words() {
    let (host, guest) = (Home::new(), Home::new());
    host.up(&[]);
    let mut pairing = host.terminal(&["pair"]);
    pairing.wait("/#i=");
    pairing.wait("It works once.");
    let shown = pairing.all();
    let at = shown.find("http://").unwrap();
    let link = shown[at..].split_whitespace().next().unwrap().to_owned();
    let joined = guest.json(&["join", &link, "--json"]);
    let (status, shown) = pairing.end();
    assert_eq!(status, 0);
    let words = joined["words"].as_str().unwrap();
    assert_eq!(words.split(' ').count(), 4);
    assert!(shown.contains(words) && shown.contains("longrein revoke"), "{shown}");
    assert_eq!(host.json(&["devices", "--json"])[0]["words"], words);
}

#[test]
fn the_terminal_of_run_tells_which_device_came() {
    let (host, guest) = (Home::new(), Home::new());
    host.up(&[]);
    let mut terminal = host.terminal(&["run", "--", "/bin/sh"]);
    terminal.wait("/#i=");
    terminal.wait("$ ");
    let shown = terminal.all();
    let link = shown[shown.find("http://").unwrap()..].split_whitespace().next().unwrap().to_owned();
    let words = guest.json(&["join", &link, "--json"])["words"].as_str().unwrap().to_owned();
    terminal.wait("Paired: ");
    terminal.wait(&words);
    terminal.wait("longrein revoke");
    // Any key closes it, and is not typed into the program.
    terminal.keys("x");
    terminal.wait("\x1b[?1049l");
    terminal.keys("echo goes-$((2+2))-on\r");
    terminal.wait("goes-4-on");
    assert!(!terminal.all().contains("xecho"));
    terminal.keys("\x1dd");
    let (_, shown) = terminal.end();
    let after = &shown[shown.rfind("goes-4-on").unwrap()..];
    assert!(after.contains(&words) && after.contains("longrein revoke"), "{after:?}");
}

#[test]
fn who_comes_by_another_code_is_not_taken_for_the_one_who_is_waited_for() {
    let host = Home::new();
    let guests = [Home::new(), Home::new(), Home::new()];
    host.up(&[]);
    let join = |guest: &Home, link: &str| {
        guest.json(&["join", link, "--json"])["words"].as_str().unwrap().to_owned()
    };
    let shown =
        |text: String| text[text.find("http://").unwrap()..].split_whitespace().next().unwrap().to_owned();
    let mut terminal = host.terminal(&["run", "--", "/bin/sh"]);
    terminal.wait("$ ");
    let by_run = shown(terminal.all());
    let mut pairing = host.terminal(&["pair"]);
    let by_pair = shown(pairing.wait("It works once."));

    let [stranger, theirs, ours] = &guests;
    let strange = join(stranger, &host.link());
    let words = join(theirs, &by_pair);
    let (status, told) = pairing.end();
    assert_eq!((status, told.matches("Paired: ").count()), (0, 1), "{told}");
    assert!(told.contains(&words) && !told.contains(&strange), "{told}");

    let own = join(ours, &by_run);
    terminal.wait(&own);
    let told = terminal.all();
    assert_eq!(told.matches("Paired: ").count(), 1, "{told}");
    terminal.keys("x");
    terminal.wait("\x1b[?1049l");
    terminal.keys("\x1dd");
    terminal.end();
}

#[test]
fn run_without_a_terminal_tells_which_device_came() {
    let (host, guest) = (Home::new(), Home::new());
    host.up(&[]);
    let mut running = host
        .command(&["run", "--link", "--name", "job", "--", "/bin/cat"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut link = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut link).unwrap();
    let words = guest.json(&["join", link.trim(), "--json"])["words"].as_str().unwrap().to_owned();
    let said = BufReader::new(running.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said: Vec<String> = said
        .inspect(|line| {
            if line.contains("longrein revoke") {
                host.ok(&["kill", "job"]);
            }
        })
        .collect();
    assert!(said.iter().any(|line| line.contains(&words)), "{said:?}");
    running.wait().unwrap();
}

#[test]
fn pair_with_confirm_lets_nobody_in_without_a_yes() {
    let (host, guest) = (Home::new(), Home::new());
    host.up(&[]);
    for (answer, expected) in [("n\r", 1), ("y\r", 0)] {
        let mut pairing = host.terminal(&["pair", "--confirm"]);
        let start = pairing.wait("It works once.");
        let link = start[start.find("http://").unwrap()..].split_whitespace().next().unwrap().to_owned();
        let joining = std::thread::scope(|scope| {
            let joining = scope.spawn(|| guest.run(&["join", &link]));
            pairing.wait("Let it in?");
            assert_eq!(host.json(&["devices", "--json"]).as_array().unwrap().len(), 0);
            pairing.keys(answer);
            joining.join().unwrap()
        });
        assert_eq!(joining.status, expected, "{joining:?}");
        assert_eq!(pairing.end().0, u32::try_from(expected).unwrap());
    }
    assert_eq!(host.json(&["devices", "--json"]).as_array().unwrap().len(), 1);
}

#[test]
fn pair_with_confirm_and_json_asks_too() {
    let (host, guest) = (Home::new(), Home::new());
    host.up(&[]);
    let ran = host.run(&["pair", "--confirm", "--json"]);
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("terminal") && ran.out.contains("hint"), "{ran:?}");
    let mut pairing = host.terminal(&["pair", "--confirm", "--json"]);
    let invited: serde_json::Value = serde_json::from_str(pairing.wait("}").trim()).unwrap();
    let joining = std::thread::scope(|scope| {
        let joining = scope.spawn(|| guest.run(&["join", invited["url"].as_str().unwrap()]));
        pairing.wait("Let it in?");
        // Somebody whom nobody here has to confirm is not the one who was waited for.
        let other = Home::new();
        other.ok(&["join", &host.link()]);
        pairing.keys("y\r");
        joining.join().unwrap()
    });
    assert_eq!(joining.status, 0, "{joining:?}");
    let (status, shown) = pairing.end();
    assert_eq!(status, 0);
    assert_eq!(shown.matches("Paired: ").count(), 1, "{shown}");
}

#[test]
fn revoke_closes_a_device_within_a_second_and_for_good() {
    let (host, guest) = joined();
    let id = host.session(&["/bin/sh", "-c", "echo ready; exec cat"]);
    let mut there = guest.terminal(&["attach", &format!("desk/{id}")]);
    there.wait("ready");
    let device = host.json(&["devices", "--json"])[0]["id"].as_str().unwrap().to_owned();
    host.ok(&["revoke", &device]);
    let (status, shown) = within_a_second("closing the device", || there.end());
    assert_eq!(status, 125, "{shown}");
    assert_ne!(guest.run(&["ls", "desk"]).status, 0);
    host.ok(&["down"]);
    host.up(&[]);
    assert_ne!(guest.run(&["ls", "desk"]).status, 0);
    assert_eq!(host.json(&["devices", "--json"]), serde_json::json!([]));
}

#[test]
fn a_client_continues_with_every_line_once_when_the_daemon_is_killed_in_a_flood() {
    let relay = Relay::start();
    killed_in_a_flood(&["up", "--relay", &relay.url()]);
}

#[test]
fn so_does_one_whose_relay_was_in_the_daemon() {
    // The same before and after.
    let address = reserved().local_addr().unwrap();
    killed_in_a_flood(&["up", "--bind", &address.to_string()]);
}

fn killed_in_a_flood(up: &[&str]) {
    let host = Home::new();
    let guest = Home::new();
    host.ok(up);
    guest.ok(&["join", &host.link(), "--name", "desk"]);
    // Goes on until it is told to end, and slowly enough that no client is skipped ahead.
    let flood = "echo ready; read x; i=0; while [ ! -e over ]; do i=$((i+1)); echo line-$i.; \
        [ $((i%20)) = 0 ] && sleep 0.05; done; echo last-$i.; read x";
    let id = host.session(&["/bin/sh", "-c", flood]);
    let mut there = guest.terminal(&["attach", &format!("desk/{id}")]);
    there.wait("ready");
    there.keys("\r");
    there.wait("line-200.");
    kill(host.daemon(), "KILL");
    host.ok(up);
    eventually("the host is online again", || {
        host.json(&["status", "--json"])["online"].as_bool().filter(|on| *on)
    });
    fs::write(host.path().join("over"), "").unwrap();
    there.wait("last-");
    let last: u32 = there.wait(".").trim_end_matches('.').parse().unwrap();
    let shown = there.all();
    let numbers: Vec<u32> = shown
        .split("line-")
        .skip(1)
        .filter_map(|rest| rest.split_once('.').and_then(|(number, _)| number.parse().ok()))
        .collect();
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
    there.keys("\r");
    assert_eq!(there.end().0, 0);
}

#[test]
fn host_and_client_both_come_back_when_the_relay_restarts() {
    let host = Home::new();
    let guest = Home::new();
    let mut relay = Relay::start();
    host.ok(&["up", "--relay", &relay.url()]);
    guest.ok(&["join", &host.link(), "--name", "desk"]);
    let id = host.session(&["/bin/sh"]);
    let mut there = guest.terminal(&["attach", &format!("desk/{id}")]);
    there.wait("$ ");
    there.keys("echo before-$((1+1))\r");
    there.wait("before-2");
    relay.restart();
    there.keys("echo after-$((2+2))\r");
    there.wait("after-4");
    assert_eq!(there.all().matches("after-4").count(), 1);
    eventually("the host is online again", || {
        host.json(&["status", "--json"])["online"].as_bool().filter(|on| *on)
    });
}

#[test]
fn a_cut_connection_is_taken_up_where_it_was() {
    let host = Home::new();
    let guest = Home::new();
    let relay = Relay::start();
    let between = Forwarder::to(relay.address);
    host.ok(&["up", "--relay", &relay.url()]);
    let link = host.link().replace(&relay.address.to_string(), &between.address.to_string());
    guest.ok(&["join", &link, "--name", "desk"]);
    let id = host.session(&["/bin/sh"]);
    let mut there = guest.terminal(&["attach", &format!("desk/{id}")]);
    there.wait("$ ");
    for round in 0..3 {
        between.cut();
        there.keys(&format!("echo round-{round}-$((3+4))\r"));
        there.wait(&format!("round-{round}-7"));
    }
    for round in 0..3 {
        assert_eq!(there.all().matches(&format!("round-{round}-7")).count(), 1, "{}", there.all());
    }
}
