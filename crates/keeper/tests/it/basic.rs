//! What a session is for.

use crate::kit::{Client, Keeper, SIZE};
use session::follow::Follow;
use session::message::{Act, Cursor, ErrorKind, RunState, Size};
use session::outbox::Settled;

#[tokio::test]
async fn what_is_typed_is_echoed_and_settled() {
    let keeper = Keeper::start(&["cat"], |_| {});
    let mut client = keeper.client().await;
    client.type_in("hello\r");
    client.until_echoed("hello").await;
    client.until("settled", |client| client.settled.len() == 1).await;
    assert!(matches!(client.settled[0], Settled::Applied(_)));
}

#[tokio::test]
async fn the_environment_is_a_terminals_own() {
    let keeper = Keeper::shell("echo $TERM $COLORTERM $LONGREIN_SESSION/${CLAUDECODE-none}; cat");
    let mut client = keeper.client().await;
    client.until_shown(&format!("xterm-256color truecolor {}/none", keeper.id)).await;
}

#[tokio::test]
async fn every_line_comes_once_and_in_order_across_reconnects() {
    // Few enough that nobody is skipped ahead, even if each line is an event of its own.
    let keeper = Keeper::shell("i=0; while [ $i -lt 10000 ]; do i=$((i+1)); echo line $i; done; cat");
    let mut client = Client::new(&keeper);
    client.follow = Follow::from_cursor(64 * 1024, Cursor { epoch: 1, seq: 1 });
    let mut goal = 500;
    while goal <= 10000 {
        client.connect(&keeper).await;
        client.until("more lines", |client| client.shows(&format!("line {goal}\r\n"))).await;
        client.cut();
        goal += 500;
    }
    assert_eq!(client.snapshots, 0);
    let expected: Vec<u8> = (1..=10000).flat_map(|n| format!("line {n}\r\n").into_bytes()).collect();
    assert!(client.screen == expected);
}

#[tokio::test]
async fn a_character_cut_in_two_comes_in_one_piece_and_its_rest_may_never_come() {
    let keeper = Keeper::shell(r"stty raw -echo; printf 'a\342\200'; read -r x; printf '\224b\342'; cat");
    let mut client = keeper.client().await;
    client.type_in("\n");
    client.until_shown("b").await;
    // What is only the beginning of a character is shown as well: bytes are bytes.
    client.until("the rest", |client| client.screen.ends_with(b"b\xe2")).await;
}

#[tokio::test]
async fn a_program_that_closes_its_terminal_and_opens_it_again_is_seen_and_heard() {
    let keeper =
        Keeper::shell("read x; exec <&- >&- 2>&-; sleep 0.2; exec </dev/tty >/dev/tty 2>&1; echo back; cat");
    let mut client = keeper.client().await;
    client.type_in("\r");
    client.until_shown("back").await;
    client.type_in("hello\r");
    client.until_echoed("hello").await;
}

#[tokio::test]
async fn two_clients_type_and_both_see_both() {
    let keeper = Keeper::start(&["cat"], |_| {});
    let (mut one, mut two) = (keeper.client().await, keeper.client().await);
    one.type_in("from one\r");
    one.until_echoed("from one").await;
    two.type_in("from two\r");
    two.until_echoed("from two").await;
    one.until_echoed("from two").await;
    assert!(two.shows("from one"));
}

#[tokio::test]
async fn a_program_that_ends_at_once_is_seen_whole_by_whoever_comes_later() {
    let keeper = Keeper::shell("echo first; echo last; exit 7");
    let mut watcher = keeper.client().await;
    watcher.until("the exit", |client| !client.exits.is_empty()).await;
    let mut client = keeper.client().await;
    client.until("the exit", |client| !client.exits.is_empty()).await;
    assert_eq!(client.exits, [7]);
    assert!(client.shows("first") && client.shows("last"));
    client.type_in("too late");
    client.until("settled", |client| !client.settled.is_empty()).await;
    assert!(matches!(&client.settled[0], Settled::Refused(_, why) if why.kind == ErrorKind::Ended));
}

#[tokio::test]
async fn a_signal_is_told_as_shells_tell_it() {
    let keeper = Keeper::shell("kill -9 $$");
    let mut client = keeper.client().await;
    client.until("the exit", |client| client.exits == [137]).await;
}

#[tokio::test]
async fn stop_hangs_up_and_then_kills() {
    let keeper = Keeper::shell("trap 'echo got hup' HUP; echo ready; while :; do sleep 0.1; done");
    let mut client = keeper.client().await;
    client.until_shown("ready").await;
    client.act(Act::Stop, b"");
    client.until("the exit", |client| client.exits == [137]).await;
    assert!(client.shows("got hup"));
}

#[tokio::test]
async fn an_interrupt_reaches_a_program_whose_input_is_full() {
    let keeper =
        Keeper::shell("trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.1; done");
    let mut client = keeper.client().await;
    client.until_shown("ready").await;
    for _ in 0..4 {
        client.act(Act::Input, &vec![b'x'; 32 * 1024]);
    }
    client.act(Act::Interrupt, b"");
    client.until("the exit", |client| client.exits == [3]).await;
}

#[tokio::test]
async fn the_widest_screen_sets_the_size_and_sizes_are_bounded() {
    // A shell that reads would miss a signal that came just before it began to.
    let keeper = Keeper::shell("trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done");
    let mut desk = keeper.client().await;
    desk.until_shown("ready").await;
    desk.act(Act::Resize { size: Size { cols: 120, rows: 40 } }, b"");
    desk.until_shown("40 120").await;
    let mut phone = Client::new(&keeper);
    phone.size = Some(Size { cols: 1, rows: 1 });
    phone.connect(&keeper).await;
    phone.act(Act::TakeSize, b"");
    phone.until("sent", |client| client.settled.len() == 1).await;
    desk.until_shown("1 2\r\n").await;
    phone.act(Act::Resize { size: Size { cols: 1000, rows: 1000 } }, b"");
    phone.until("sent", |client| client.settled.len() == 2).await;
    desk.until_shown("500 1000").await;
    phone.cut();
    desk.until("its size back", |client| client.sizes.last() == Some(&Size { cols: 120, rows: 40 })).await;
    assert_eq!(desk.sizes[0], SIZE);
}

#[tokio::test]
async fn titles_are_events_and_queries_are_answered() {
    let keeper = Keeper::shell(
        r"read x; stty raw -echo; printf '\033]0;my title\007'; printf '\033[6n'; dd bs=1 count=6 2>/dev/null | od -c; cat",
    );
    let mut client = keeper.client().await;
    client.type_in("\r");
    client.until("the title", |client| client.titles.last().is_some_and(|title| title == "my title")).await;
    client.until_shown("[   2   ;   1   R").await;
}

#[tokio::test]
async fn watchers_see_the_session_change() {
    let keeper = Keeper::shell("read x; echo working; exit 5");
    let mut client = keeper.client().await;
    let (mut sender, mut receiver) = keeper.raw().await;
    sender.feed(&crate::kit::hello(200), b"").await.unwrap();
    sender.send(&session::message::ToHost::Watch {}, b"").await.unwrap();
    client.type_in("go\r");
    client.until("the exit", |client| !client.exits.is_empty()).await;
    let ended = async {
        loop {
            let message = receiver.recv().await.unwrap().unwrap();
            let (message, _) = session::codec::decode::<session::message::ToClient>(&message).unwrap();
            if let session::message::ToClient::Changed { summary } = message
                && let RunState::Ended { exit, .. } = summary.run
            {
                return (exit, summary.preview);
            }
        }
    };
    let (exit, preview) = tokio::time::timeout(crate::kit::PATIENCE, ended).await.expect("in time");
    assert_eq!(exit, 5);
    assert!(preview.iter().any(|line| line == "working"), "{preview:?}");
}
