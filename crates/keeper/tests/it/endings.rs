//! Sessions that end by themselves, and what is known afterwards of how one ended.

use crate::kit::{Client, Keeper};
use session::message::{Act, EndedBy, ErrorKind, LostBy, RunState, Summary, Ttl};
use session::outbox::Settled;
use std::time::{SystemTime, UNIX_EPOCH};

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("not so soon")
}

async fn watching(keeper: &Keeper) -> Client {
    let mut client = keeper.client().await;
    client.watch().await;
    client
}

async fn ended(client: &mut Client) -> RunState {
    let over = |summary: &Summary| summary.run != RunState::Running;
    client.until("its end", |client| client.summaries.iter().any(over)).await;
    client.summaries.iter().find(|summary| over(summary)).expect("just seen").run.clone()
}

#[tokio::test]
async fn a_session_with_little_time_says_so_and_ends() {
    let keeper = Keeper::start(&["/bin/sh", "-c", "exec sleep 1000"], |spec| spec["ttl"] = 1.into());
    let mut client = watching(&keeper).await;
    client.until("a word about it", |client| client.endings.len() == 1).await;
    assert!(client.endings[0].is_some_and(|at| at <= now_ms() + 1000));
    client.until("the exit", |client| client.exits == [129]).await;
    assert!(matches!(ended(&mut client).await, RunState::Ended { exit: 129, by: EndedBy::Time, .. }));
    let last = client.summaries.last().expect("it was shown");
    assert_eq!(last.ends_at, None);
}

#[tokio::test]
async fn a_session_that_is_given_more_time_or_all_of_it_goes_on() {
    let keeper = Keeper::shell("read line; echo got $line");
    let mut client = watching(&keeper).await;
    client.act(Act::Ttl(Ttl::In { seconds: 60 }), b"");
    client.until("a word about it", |client| client.endings.len() == 1).await;
    let first = client.endings[0].expect("a time");
    client.act(Act::Ttl(Ttl::More { seconds: 3600 }), b"");
    client.until("another", |client| client.endings.len() == 2).await;
    assert_eq!(client.endings[1], Some(first + 3_600_000));
    let shown = |summary: &Summary| summary.ends_at == Some(first + 3_600_000);
    client.until("it in the summary", |client| client.summaries.last().is_some_and(shown)).await;
    // That is not near, so that there is nothing to take back.
    client.act(Act::Ttl(Ttl::Off), b"");
    client
        .until("none in the summary", |client| client.summaries.last().is_some_and(|s| s.ends_at.is_none()))
        .await;
    client.act(Act::Ttl(Ttl::In { seconds: 0 }), b"");
    client
        .until("a refusal", |client| matches!(client.settled.last(), Some(Settled::Refused(_, why)) if why.kind == ErrorKind::Invalid))
        .await;
    client.type_in("this\r");
    client.until("the exit", |client| client.exits == [0]).await;
    assert_eq!(client.endings.len(), 2);
    assert!(matches!(ended(&mut client).await, RunState::Ended { exit: 0, by: EndedBy::Itself, .. }));
}

#[tokio::test]
async fn a_session_that_somebody_ends_says_so() {
    let keeper = Keeper::shell("exec sleep 1000");
    let mut client = watching(&keeper).await;
    client.act(Act::Stop, b"");
    assert!(matches!(ended(&mut client).await, RunState::Ended { exit: 129, by: EndedBy::Person, .. }));
}

#[tokio::test]
async fn a_keeper_that_is_told_to_end_says_that_the_machine_ended_it() {
    let mut keeper = Keeper::shell("echo shown; exec sleep 1000");
    keeper.client().await.until_shown("shown").await;
    assert_eq!(keeper.terminate(), 0);
    keeper.reader();
    let mut client = Client::new(&keeper);
    client.connect(&keeper).await;
    client.watch().await;
    assert!(matches!(ended(&mut client).await, RunState::Ended { exit: 129, by: EndedBy::Machine, .. }));
    client.until_shown("shown").await;
}

#[tokio::test]
async fn a_log_without_an_end_says_whether_the_machine_or_the_keeper_went() {
    let mut keeper = Keeper::shell("echo shown; exec sleep 1000");
    keeper.client().await.until_shown("shown").await;
    keeper.kill();
    keeper.reader();
    let mut client = Client::new(&keeper);
    client.connect(&keeper).await;
    client.watch().await;
    assert!(matches!(ended(&mut client).await, RunState::Lost { by: LostBy::Keeper, .. }));
    keeper.kill();
    // As it is after the machine was restarted.
    let path = keeper.paths.session_meta(keeper.id.as_str());
    let mut meta: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).expect("it is there")).expect("JSON");
    assert_ne!(meta["boot"], "");
    meta["boot"] = "another".into();
    std::fs::write(&path, meta.to_string()).expect("it can be written");
    keeper.reader();
    let mut client = Client::new(&keeper);
    client.connect(&keeper).await;
    client.watch().await;
    assert!(matches!(ended(&mut client).await, RunState::Lost { by: LostBy::Machine, .. }));
    client.until_shown("shown").await;
}

#[tokio::test]
async fn what_was_still_waiting_at_the_end_is_refused_by_whichever_process_is_asked() {
    let mut keeper = Keeper::shell("stty raw -echo; echo ready; exec sleep 1000");
    let mut client = keeper.client().await;
    client.until_shown("ready").await;
    // More than a terminal's line takes while nobody reads it, and many behind it.
    for _ in 0..8 {
        client.act(Act::Input, &[b'x'; 16 * 1024]);
    }
    for _ in 0..300 {
        client.type_in("y");
    }
    client.send_commands().await;
    client.drop_until_heard().await;
    client.cut();
    keeper.terminate();
    // The answers to a first reader are lost as well.
    for cut in [true, false] {
        keeper.reader();
        client.connect(&keeper).await;
        if cut {
            client.send_commands().await;
            client.cut();
            keeper.terminate();
        }
    }
    client.until("answers", |client| client.outbox.is_empty()).await;
    let refused =
        |settled: &&Settled| matches!(settled, Settled::Refused(_, why) if why.kind == ErrorKind::Ended);
    let refused = client.settled.iter().filter(refused).count();
    let applied = client.settled.iter().filter(|settled| matches!(settled, Settled::Applied(_))).count();
    assert!(refused >= 300 && applied < 8, "{refused} refused, {applied} applied");
    assert_eq!(refused + applied, 308);
}
