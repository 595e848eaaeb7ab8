//! Terminals of different sizes on one session.

use crate::support::{Emulator, Home, Terminal, eventually, kill, reserved};
use std::sync::atomic::{AtomicU32, Ordering};

/// Draws at the four corners of a screen of 110 by 50, and waits for lines, each shown in a place of its own.
const CORNERS: &str = "printf '\\033[2J\\033[1;1Htop-left\\033[1;102Htop-right\\033[50;1Hbottom-left'
printf '\\033[50;99Hbottom-right\\033[40;3H\\033[31m漢字-🦄-end\\033[m\\033[48;5H> '
read x; printf '\\033[49;5Hgot-%s' \"$x\"
read x; printf '\\033[1;110H'
read x; printf '\\033[48;5H'
read x; exit 6";

/// The session in a terminal of 110 by 50.
fn corners(home: &Home) -> Terminal {
    let mut big = Terminal::start(home, &["run", "--", "/bin/sh", "-c", CORNERS], 110, 50);
    big.wait("> ");
    big
}

fn id(home: &Home) -> String {
    home.json(&["ls", "--json"])[0]["id"].as_str().unwrap().to_owned()
}

/// Waits until the terminal shows this in this row.
fn shows(terminal: &Terminal, emulator: &mut Emulator, row: usize, text: &str) -> Vec<String> {
    eventually(&format!("{text:?} in row {row}"), || {
        let rows = emulator.rows(terminal);
        rows[row].contains(text).then_some(rows)
    })
}

/// The size that the session's program has, asked for in a shell, in a terminal of 110 by 50. Each answer is known by its
/// number: what is shown already is not drawn again.
fn has_size(terminal: &mut Terminal, size: &str) {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let mut emulator = Emulator::new(110, 50);
    eventually(&format!("the program has the size {size}"), || {
        let number = ASKED.fetch_add(1, Ordering::Relaxed);
        terminal.keys(&format!("clear; echo $(stty size) $((1000+{number}))\r"));
        let end = format!(" {}", 1000 + number);
        let answer = eventually("an answer", || {
            let rows = emulator.rows(terminal);
            rows.iter().find_map(|row| row.trim_end().strip_suffix(&end).map(str::to_owned))
        });
        (answer == size).then_some(())
    });
}

#[test]
fn a_smaller_terminal_shows_the_part_that_the_cursor_is_in_and_types_there() {
    let home = Home::new();
    home.up(&[]);
    let mut big = corners(&home);
    let mut small = Terminal::start(&home, &["attach"], 60, 20);
    let mut emulator = Emulator::new(60, 20);
    let rows = shows(&small, &mut emulator, 19, "bottom-left");
    assert!(rows[17].starts_with("    >"), "{rows:?}");
    assert_eq!(rows[9].trim_end(), "  漢字-🦄-end");
    assert!(!rows.concat().contains("right") && !rows.concat().contains("top"), "{rows:?}");
    assert_eq!(emulator.cursor(), (6, 17));
    small.keys("typed\r");
    big.wait("got-typed");
    shows(&small, &mut emulator, 18, "got-typed");
    small.keys("\r");
    let rows = shows(&small, &mut emulator, 0, "top-right");
    assert!(rows[0].ends_with("top-right") && !rows[0].contains("left"), "{rows:?}");
    assert_eq!(emulator.cursor(), (59, 0));
    small.keys("\r");
    shows(&small, &mut emulator, 19, "bottom-left");
    small.keys("\r");
    assert_eq!(small.end().0, 6);
    assert_eq!(big.end().0, 6);
}

#[test]
fn a_terminal_that_becomes_large_enough_is_given_the_programs_bytes_again() {
    let home = Home::new();
    home.up(&[]);
    let mut big = corners(&home);
    let mut small = Terminal::start(&home, &["attach"], 60, 20);
    let mut emulator = Emulator::new(60, 20);
    shows(&small, &mut emulator, 19, "bottom-left");
    emulator.resize(110, 50);
    small.resize(110, 50);
    let rows = shows(&small, &mut emulator, 49, "bottom-right");
    assert!(
        rows[0].starts_with("top-left")
            && rows[0].contains("top-right")
            && rows[49].starts_with("bottom-left")
    );
    assert!(rows[39].starts_with("  漢字-🦄-end"), "{rows:?}");
    assert_eq!(emulator.cursor(), (6, 47));
    assert!(!emulator.is_alternate());
    emulator.resize(30, 10);
    small.resize(30, 10);
    let rows = shows(&small, &mut emulator, 9, "bottom-left");
    assert!(rows[7].starts_with("    >"), "{rows:?}");
    assert!(emulator.is_alternate());
    big.keys("\r\r\r\r");
    assert_eq!(big.end().0, 6);
    let (_, shown) = small.end();
    emulator.rows(&small);
    assert!(!emulator.is_alternate(), "{shown:?}");
}

#[test]
fn a_smaller_terminal_takes_the_size_over_and_gives_it_back() {
    let home = Home::new();
    home.up(&[]);
    let mut big = Terminal::start(&home, &["run", "--", "/bin/sh"], 110, 50);
    big.wait("$ ");
    let mut small = Terminal::start(&home, &["attach"], 60, 20);
    small.wait("110x50, Ctrl-] f fits");
    small.keys("\x1df");
    has_size(&mut big, "20 60");
    // A panel and its going leave it so.
    small.keys("\x1d?x");
    has_size(&mut big, "20 60");
    small.keys("\x1df");
    has_size(&mut big, "50 110");
    // Leaving gives it back, too.
    small.keys("\x1df");
    has_size(&mut big, "20 60");
    small.keys("\x1dd");
    assert_eq!(small.end().0, 0);
    has_size(&mut big, "50 110");
}

#[test]
fn a_size_that_was_taken_over_is_taken_again_when_the_host_is_back() {
    let (host, guest) = (Home::new(), Home::new());
    // The same before and after.
    let address = reserved().local_addr().unwrap();
    let up = ["up", "--bind", &address.to_string()];
    host.ok(&up);
    let mut big = Terminal::start(&host, &["run", "--", "/bin/sh"], 110, 50);
    big.wait("$ ");
    assert_eq!(guest.run(&["join", &host.link(), "--name", "desk"]).status, 0);
    let mut small = Terminal::start(&guest, &["attach", &format!("desk/{}", id(&host))], 60, 20);
    small.wait("f fits");
    small.keys("\x1df");
    has_size(&mut big, "20 60");
    kill(host.daemon(), "KILL");
    has_size(&mut big, "50 110");
    host.ok(&up);
    has_size(&mut big, "20 60");
    small.keys("\x1df");
    has_size(&mut big, "50 110");
}

#[test]
fn a_flood_does_not_keep_a_smaller_terminal_from_following() {
    let home = Home::new();
    home.up(&[]);
    let mut big = Terminal::start(&home, &["run", "--", "/bin/sh"], 110, 50);
    big.wait("$ ");
    let mut small = Terminal::start(&home, &["attach"], 10, 3);
    let mut emulator = Emulator::new(10, 3);
    small.wait("f fits");
    small.keys("seq 1 300000; echo all-$((1+1))\r");
    eventually("the end of the flood", || {
        emulator.rows(&small).iter().any(|row| row.starts_with("all-2")).then_some(())
    });
    // Nobody needs to see every line of it.
    assert!(small.all().len() < 1_000_000, "{}", small.all().len());
    small.keys("exit 3\r");
    assert_eq!(small.end().0, 3);
}
