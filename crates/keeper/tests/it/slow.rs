//! Clients and programs that do not keep up: what it costs, and whom.

use crate::kit::{Client, Keeper, PATIENCE, hello};
use session::codec;
use session::message::{Act, ErrorKind, ToClient, ToHost};
use session::outbox::Settled;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Writes so many numbered lines of 64 bytes.
fn flood(lines: u32) -> String {
    format!("seq -f '%063.0f' {lines}; echo flood is over; cat")
}

#[tokio::test]
async fn a_stalled_client_costs_little_and_the_other_gets_every_byte() {
    let keeper = Keeper::shell(&format!("read x; {}", flood(500_000)));
    let (mut quick, stalled) = (keeper.client().await, keeper.client().await);
    let before = keeper.memory();
    quick.type_in("\r");
    quick.until_shown("flood is over").await;
    // The model may hold its backlog, and the log its cache; a client that does not read is a cursor and a window.
    let grown = keeper.memory().saturating_sub(before);
    assert!(grown < 40 * 1024, "grew by {grown} KiB");
    if quick.snapshots <= 1 {
        let lines = quick.screen.split(|byte| *byte == b'\n').filter(|line| line.len() == 64).count();
        assert_eq!(lines, 500_000);
    }
    // It is not made to wade through what it missed.
    let mut stalled = stalled;
    stalled.until_shown("flood is over").await;
    assert!(stalled.snapshots <= 2, "{} snapshots", stalled.snapshots);
    assert!(stalled.taken < 16 << 20, "{} bytes of a flood of 32 MB", stalled.taken);
}

#[tokio::test]
async fn a_late_client_gets_a_snapshot_and_goes_on_from_it() {
    let keeper = Keeper::shell(&flood(50_000));
    let mut first = keeper.client().await;
    first.until_shown("flood is over").await;
    let mut late = keeper.client().await;
    late.until_shown("flood is over").await;
    assert_eq!(late.snapshots, 1);
    assert!(late.screen.len() < 1_000_000, "a snapshot, not the log: {}", late.screen.len());
    assert!(late.shows(&format!("{:063}", 45_000)));
    late.type_in("on we go\r");
    late.until_echoed("on we go").await;
}

#[tokio::test]
async fn a_client_may_have_the_screen_first_and_the_rest_when_it_asks() {
    let keeper = Keeper::shell(&flood(50_000));
    keeper.client().await.until_shown("flood is over").await;
    let mut late = Client::new(&keeper);
    late.scrollback = Some(100);
    late.connect(&keeper).await;
    late.until_shown("flood is over").await;
    assert!(late.shows(&format!("{:063}", 49_950)) && !late.shows(&format!("{:063}", 49_800)));
    late.scrollback = None;
    late.attach(true).await;
    late.until_shown(&format!("{:063}", 45_000)).await;
    late.until_shown("flood is over").await;
    assert_eq!(late.snapshots, 2);
    late.type_in("on we go\r");
    late.until_echoed("on we go").await;
    assert_eq!(late.snapshots, 2, "what follows are events");
}

#[tokio::test]
async fn the_log_is_trimmed_and_what_is_left_is_enough() {
    let keeper =
        Keeper::start(&["/bin/sh", "-c", &flood(400_000)], |spec| spec["log_limit"] = (4 << 20).into());
    let mut client = keeper.client().await;
    client.until_shown("flood is over").await;
    let size = |name: &str| {
        let path = keeper.paths.session_dir(keeper.id.as_str()).join(name);
        std::fs::metadata(path).map_or(0, |found| found.len())
    };
    assert!(size("log.db") < 24 << 20, "{} bytes", size("log.db"));
    // From a place that is gone.
    let mut old = Client::new(&keeper);
    old.follow =
        session::follow::Follow::from_cursor(64 * 1024, session::message::Cursor { epoch: 1, seq: 2 });
    old.connect(&keeper).await;
    old.until_shown("flood is over").await;
    assert_eq!(old.snapshots, 1);
}

#[tokio::test]
async fn a_hundred_megabytes_go_through_a_program_that_reads() {
    let keeper = Keeper::shell("stty raw -echo; echo ready; head -c 104857600 | wc -c; cat");
    let mut client = keeper.client().await;
    client.until_shown("ready").await;
    let before = keeper.memory();
    let paste = bytes::Bytes::from(vec![b'x'; 100 << 20]);
    let mut taken = 0;
    while taken < paste.len() {
        taken += client.outbox.push_input(&paste.slice(taken..), Instant::now());
        let settled = client.settled.len();
        client.until("room", |client| client.settled.len() > settled).await;
    }
    client.until_shown("104857600").await;
    let grown = keeper.memory().saturating_sub(before);
    assert!(grown < 16 * 1024, "grew by {grown} KiB");
}

#[tokio::test]
async fn a_paste_into_a_program_that_never_reads_is_bounded_and_bothers_nobody() {
    let keeper = Keeper::shell("stty raw -echo; echo ready; while :; do sleep 0.2; echo tick; done");
    let (mut client, mut other) = (keeper.client().await, keeper.client().await);
    client.until_shown("ready").await;
    let before = keeper.memory();
    let paste = bytes::Bytes::from(vec![b'x'; 100 << 20]);
    client.outbox.push_input(&paste, Instant::now());
    other.screen.clear();
    other.until_shown("tick\ntick\n").await;
    client.screen.clear();
    client.until_shown("tick").await;
    assert!(client.settled.len() < 4, "nobody took it");
    let grown = keeper.memory().saturating_sub(before);
    assert!(grown < 16 * 1024, "grew by {grown} KiB");
    other.act(Act::Stop, b"");
    other.until("the exit", |client| !client.exits.is_empty()).await;
    client
        .until("an answer", |client| client.settled.iter().any(|s| matches!(s, Settled::Refused(..))))
        .await;
}

#[tokio::test]
async fn a_client_that_ignores_the_window_for_input_is_not_read_and_nobody_else_notices() {
    let keeper = Keeper::shell("stty raw -echo; echo ready; sleep 1000");
    let mut other = keeper.client().await;
    other.until_shown("ready").await;
    let before = keeper.memory();
    let (mut sender, _receiver) = keeper.raw().await;
    sender.send(&crate::kit::hello(250), b"").await.unwrap();
    let piece = vec![b'x'; 32 * 1024];
    let push = async {
        for n in 1.. {
            let input = session::message::ToHost::Command { session: keeper.id.clone(), n, act: Act::Input };
            if sender.send(&input, &piece).await.is_err() {
                return n;
            }
        }
        0
    };
    // The socket's deadline for a write ends it: the keeper has stopped reading.
    let taken = tokio::time::timeout(crate::kit::PATIENCE, push).await.expect("bounded");
    assert!(taken < 64, "{taken} pieces were taken");
    assert!(keeper.memory().saturating_sub(before) < 8 * 1024);
    other.act(Act::Stop, b"");
    other.until("the exit", |client| !client.exits.is_empty()).await;
}

/// The program reads nothing and ignores the hang-up, which is when ending it matters most.
#[tokio::test]
async fn an_end_is_not_stuck_behind_what_somebody_else_typed() {
    let keeper = Keeper::shell("trap '' HUP; stty raw -echo; echo deaf; while :; do sleep 1; done");
    let mut client = keeper.client().await;
    client.until_shown("deaf").await;
    for _ in 0..6 {
        client.act(Act::Input, &vec![b'x'; 32 * 1024]);
    }
    let (mut sender, mut receiver) = keeper.raw().await;
    sender.feed(&hello(203), b"").await.unwrap();
    let stop = ToHost::Command { session: keeper.id.clone(), n: 1, act: Act::Stop };
    let answered = async {
        // The paste is under way before the end is asked for.
        client.until("a write", |client| client.outbox.room() > 0).await;
        sender.send(&stop, b"").await.unwrap();
        loop {
            let message = receiver.recv().await.unwrap().unwrap();
            match codec::decode::<ToClient>(&message).unwrap().0 {
                ToClient::Applied { n: 1, .. } => return,
                ToClient::Welcome { .. } => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    };
    timeout(PATIENCE, answered).await.expect("in time");
    assert!(client.exits.is_empty(), "the answer came before the kill");
    client.until("the end", |client| client.exits == [137]).await;
}

/// What it prints keeps the screen model busy for as long as anybody would wait.
#[tokio::test]
async fn a_program_that_the_screen_cannot_follow_can_be_ended() {
    let often = r"$(printf '\033[4hx\033[9999999b%.0s' 1 2 3 4 5 6 7 8 9)";
    let keeper = Keeper::shell(&format!("trap '' HUP; echo deaf; read -r x; exec yes \"{often}\""));
    let mut client = keeper.client().await;
    client.until_shown("deaf").await;
    let before = client.taken;
    client.type_in("\r");
    // More than the model may be behind: nothing is read any more.
    client.until("a flood", |client| client.taken > before + (8 << 20)).await;
    client.act(Act::Stop, b"");
    client.until("the end", |client| client.exits == [137]).await;
}

/// Its terminal is then closed, and yet not over: for a watcher it is ready for ever, and takes and gives nothing.
#[tokio::test]
async fn a_program_that_closes_its_terminal_before_a_paste_and_runs_on_keeps_no_processor_busy() {
    let keeper = Keeper::shell("stty raw -echo; echo ready; read -r x; exec <&- >&- 2>&-; exec sleep 1000");
    let (mut client, mut other) = (keeper.client().await, keeper.client().await);
    client.until_shown("ready").await;
    client.act(Act::Input, &[&b"\n"[..], &vec![b'x'; 30 * 1024]].concat());
    client.act(Act::Input, &vec![b'x'; 32 * 1024]);
    client.send_commands().await;
    let terminal = format!("/proc/{}/fd/0", keeper.program());
    while std::fs::read_link(&terminal).is_ok() {
        tokio::task::yield_now().await;
    }
    let before = keeper.cpu_ms();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let used = keeper.cpu_ms() - before;
    assert!(used < 150, "{used} ms of a second");
    other.act(Act::Stop, b"");
    other.until("the exit", |client| client.exits == [129]).await;
    client.until("an answer", |client| client.settled.len() == 2).await;
}

#[tokio::test]
async fn answers_that_a_program_does_not_read_are_bounded() {
    let script = "read x; stty raw -echo; yes \"$(printf '\\033[6n%.0s' 1 2 3 4 5 6 7 8)\" | head -c 16000000; echo asked; exec cat";
    let keeper = Keeper::shell(script);
    let mut client = keeper.client().await;
    let before = keeper.memory();
    client.type_in("\r");
    client.until_shown("asked").await;
    let grown = keeper.memory().saturating_sub(before);
    // Without a bound it is some 25 MB of answers, each with an entry of its own.
    assert!(grown < 24 * 1024, "grew by {grown} KiB");
    client.type_in("still here");
    client.until_shown("still here").await;
}

#[tokio::test]
async fn input_that_the_program_reads_too_late_is_refused_and_never_comes_late() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let script = format!(
        "stty raw -echo; echo ready; while [ ! -e '{}' ]; do sleep 0.02; done; exec cat",
        go.display()
    );
    let patience = Duration::from_millis(300);
    let keeper = Keeper::start(&["/bin/sh", "-c", &script], |spec| spec["patience_ms"] = 300.into());
    let mut client = keeper.client().await;
    client.until_shown("ready").await;
    // More than a terminal takes while nobody reads it.
    for _ in 0..8 {
        client.act(Act::Input, &[b'x'; 16 * 1024]);
    }
    client.type_in("late words");
    client.drop_until_heard().await;
    tokio::time::sleep(2 * patience).await;
    std::fs::write(&go, "").unwrap();
    client.cut();
    client.connect(&keeper).await;
    client.until("all settled", |client| client.outbox.is_empty()).await;
    let refused =
        |settled: &Settled| matches!(settled, Settled::Refused(_, why) if why.kind == ErrorKind::Limited);
    assert!(client.settled.len() == 9 && refused(&client.settled[8]) && refused(&client.settled[7]));
    client.type_in("in time");
    client.until_shown("in time").await;
    assert!(!client.shows("late words"));
}

/// The program reads keys raw, and has read none for long: a Ctrl-C finds no room either.
#[tokio::test]
async fn an_interrupt_that_finds_no_room_comes_before_what_waits_and_is_not_said_to_be_taken_before() {
    let home = tempfile::tempdir().unwrap();
    let go = home.path().join("go");
    let count = "head -c 163842 | tr -dc '\\003' | wc -c";
    let script = format!(
        "stty raw -echo; echo deaf; until [ -e '{}' ]; do sleep 0.05; done; {count}; echo read; sleep 1000",
        go.display()
    );
    let keeper = Keeper::shell(&script);
    let (mut client, mut other) = (keeper.client().await, keeper.client().await);
    client.until_shown("deaf").await;
    other.until_shown("deaf").await;
    // More than a terminal takes while nobody reads it.
    for _ in 0..10 {
        client.act(Act::Input, &[b'x'; 16 * 1024]);
    }
    client.act(Act::Interrupt, b"");
    client.drop_until_heard().await;
    let mut interrupts = 2;
    other.act(Act::Interrupt, b"");
    // On a busy machine the terminal may have made room just then.
    while other.drop_until_heard().await {
        interrupts += 1;
        other.act(Act::Interrupt, b"");
    }
    assert_eq!(other.settled.len(), 0);
    std::fs::write(&go, b"").unwrap();
    other.until("the other's interrupts", |client| client.settled.len() == interrupts - 1).await;
    other.until_shown("read").await;
    assert!(other.shows(&format!("{interrupts}\n")), "{}", other.screen.escape_ascii());
}
