//! Bad input: each gets a clear error, and nobody else notices.

use crate::support::{Home, Terminal};

#[test]
fn a_missing_program_is_said_so_with_its_own_status() {
    let home = Home::new();
    home.up(&[]);
    let ran = home.run(&["run", "--", "no-such-program-here"]);
    assert_eq!(ran.status, 127, "{ran:?}");
    assert!(ran.err.contains("no-such-program-here"), "{ran:?}");
    let mut terminal = home.terminal(&["run", "--", "/no/such/program"]);
    let (status, shown) = terminal.end();
    assert_eq!(status, 127, "{shown}");
    assert!(shown.contains("/no/such/program"), "{shown}");
    assert!(!shown.contains("/#i="), "no code for a session that is not there: {shown}");
}

#[test]
fn a_program_that_exits_at_once_is_shown_whole() {
    let home = Home::new();
    home.up(&[]);
    for round in 0..5 {
        let mut terminal =
            home.terminal(&["run", "--", "/bin/sh", "-c", &format!("echo quick-{round}; exit {round}")]);
        let (status, shown) = terminal.end();
        assert!(shown.contains(&format!("quick-{round}")), "{shown:?}");
        assert_eq!(status, round);
    }
}

#[test]
fn what_is_not_there_is_said_so() {
    let home = Home::new();
    home.up(&[]);
    for args in [
        &["logs", "nobody"][..],
        &["kill", "nobody"],
        &["revoke", "nobody"],
        &["ls", "nobody"],
        &["logs", "nobody/session"],
    ] {
        let ran = home.run(args);
        assert_eq!(ran.status, 1, "{args:?}: {ran:?}");
        assert!(ran.err.contains("nobody") && ran.err.contains("hint:"), "{args:?}: {ran:?}");
    }
    assert_eq!(home.run(&["run", "--cwd", "/no/such/folder", "--", "true"]).status, 125);
    assert_eq!(home.run(&["attach"]).status, 125);
    assert_eq!(home.run(&["no-such-command"]).status, 2);
    assert_eq!(home.run(&["run"]).status, 2);
}

#[test]
fn a_mangled_link_is_refused_with_a_hint() {
    let (host, guest) = (Home::new(), Home::new());
    host.up(&[]);
    let link = host.link();
    let (page, fragment) = link.split_once('#').unwrap();
    let cut = &link[..link.len() - 20];
    let (before, after) = link.split_at(link.len() - 10);
    let other_letter = if after.starts_with('A') { "B" } else { "A" };
    let changed = format!("{before}{other_letter}{}", &after[1..]);
    for url in
        ["", "hello", "http://", page, cut, &format!("{page}?{fragment}"), &format!("{page}#i=%%%"), &changed]
    {
        let ran = guest.run(&["join", url]);
        assert_eq!(ran.status, 1, "{url}: {ran:?}");
        assert!(ran.err.starts_with("longrein: ") && ran.err.contains("hint:"), "{url}: {ran:?}");
    }
    // None of that has spent the invitation.
    assert_eq!(guest.run(&["join", &link]).status, 0);
}

#[test]
fn a_broken_settings_file_is_named() {
    let home = Home::new();
    home.up(&[]);
    std::fs::write(home.path().join("lr/config/config.toml"), "prefix = \"Ctrl-M\"").unwrap();
    let ran = home.run(&["run", "--", "true"]);
    assert_eq!(ran.status, 125);
    assert!(ran.err.contains("config.toml") && ran.err.contains("Return"), "{ran:?}");
}

#[test]
fn the_smallest_and_the_largest_terminal_work() {
    let home = Home::new();
    home.up(&[]);
    for (cols, rows) in [(1, 1), (1000, 500)] {
        let mut terminal =
            Terminal::start(&home, &["run", "--", "/bin/sh", "-c", "read x; exit 4"], cols, rows);
        terminal.keys("\x1dq");
        terminal.wait("\x1b[?1049h");
        terminal.keys("\x1dq");
        terminal.wait("\x1b[?1049l");
        terminal.keys("x\r");
        assert_eq!(terminal.end().0, 4, "{cols}x{rows}");
    }
}

#[test]
fn a_large_paste_arrives_whole() {
    const BYTES: usize = 8 * 1024 * 1024;
    let home = Home::new();
    home.up(&[]);
    let script = format!("stty raw -echo; echo ready; head -c {BYTES} | tr -d a | wc -c; stty sane");
    let mut terminal = home.terminal(&["run", "--", "/bin/sh", "-c", &script]);
    terminal.wait("ready");
    // Every tenth byte is not an `a`, so that a lost or doubled one is noticed.
    terminal.keys(&"aaaaaaaaab".repeat(BYTES / 10));
    terminal.keys(&"b".repeat(BYTES % 10));
    terminal.wait(&(BYTES / 10 + BYTES % 10).to_string());
    assert_eq!(terminal.end().0, 0);
}
