use super::*;
use agent::adapter::{Adapter, Input, Output};
use session::id::StreamId;
use session::message::{Act, ToHost};
use std::collections::VecDeque;

fn said(n: usize, bytes: usize) -> Chat {
    Chat::Agent { item: None, text: format!("{n} {}", "x".repeat(bytes)), within: None }
}

/// Takes one prompt after another, and is done with one when its program says a line.
#[derive(Default)]
struct OneByOne {
    busy: bool,
    out: VecDeque<Output>,
}

impl Adapter for OneByOne {
    fn handle(&mut self, input: Input<'_>, _: u64) {
        match input {
            Input::Prompt { id, text, by, .. } => {
                self.busy = true;
                self.out.push_back(user(id, text, by));
            }
            Input::Line(_) => self.busy = false,
            _ => {}
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    fn takes_prompt(&self) -> bool {
        !self.busy
    }
}

/// Is told all of them, and says later of each whether it takes it.
#[derive(Default)]
struct Later {
    told: VecDeque<(String, String)>,
    out: VecDeque<Output>,
}

impl Adapter for Later {
    fn handle(&mut self, input: Input<'_>, _: u64) {
        match input {
            Input::Prompt { id, text, .. } => self.told.push_back((id.to_owned(), text.to_owned())),
            Input::Line(line) => {
                let (prompt, text) = self.told.pop_front().expect("it was told one");
                if line == b"takes" {
                    return self.out.push_back(user(&prompt, &text, "phone"));
                }
                self.out.push_back(Output::Chat(Chat::Note { text: format!("no {text}") }));
                self.out.push_back(Output::Untaken { prompt });
            }
            _ => {}
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    fn takes_prompt(&self) -> bool {
        true
    }
}

fn user(prompt: &str, text: &str, by: &str) -> Output {
    let (text, by, prompt) = (text.to_owned(), Some(by.to_owned()), Some(prompt.to_owned()));
    Output::Chat(Chat::User { text, by, files: Vec::new(), prompt })
}

/// A session whose agent hears prompts in this way, and a client of it.
fn spoken(adapter: impl Adapter + 'static, folder: &std::path::Path) -> (Session, ClientId) {
    let session = crate::start::tests::session(folder);
    session.set_side(Box::new(adapter), None, None);
    session.set_spoken(true);
    let (id, ..) = session.join(StreamId::from_random([1; 10]), None);
    (session, id)
}

fn say(session: &Session, id: ClientId, n: u64, text: &'static str) {
    let (this, act) = (session.summary().id, Act::Prompt { files: Vec::new() });
    session.command(id, &this, n, Some(&act), &Bytes::from_static(text.as_bytes()), true);
}

/// What is in the log, each in a word.
pub(crate) fn logged(session: &Session, id: ClientId) -> Vec<String> {
    let (page, ..) = ask(session, id, u64::MAX, u32::MAX);
    let in_a_word = |(seq, chat): (u64, Chat)| match chat {
        Chat::User { text, .. } => format!("said {text}"),
        Chat::Queued { text, by, .. } => format!("{seq}: {text} of {by}"),
        Chat::Taken { queued } => format!("taken {queued}"),
        Chat::Note { text } => text,
        other => format!("{other:?}"),
    };
    page.into_iter().map(in_a_word).collect()
}

#[tokio::test]
async fn a_prompt_that_waits_is_in_the_log_before_its_sender_hears_and_until_the_agent_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let (session, id) = spoken(OneByOne::default(), folder.path());
    for (n, text) in [(1, "one"), (2, "two"), (3, "three")] {
        say(&session, id, n, text);
    }
    // None of the answers has left yet, since nothing has run in between.
    let waits = ["said one", "2: two of someone at the host", "3: three of someone at the host"];
    assert_eq!(logged(&session, id), waits);
    session.hear(Input::Line(b"done"));
    assert_eq!(logged(&session, id)[3..], ["said two", "taken 2"]);
    session.end(0);
    assert_eq!(logged(&session, id).len(), 5, "the third was never told, as the log says");
}

#[tokio::test]
async fn a_prompt_that_the_agent_was_told_waits_in_the_log_until_it_says_that_it_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let (session, id) = spoken(Later::default(), folder.path());
    for (n, text) in [(1, "one"), (2, "two"), (3, "one")] {
        say(&session, id, n, text);
    }
    let waits = ["1: one", "2: two", "3: one"].map(|one| format!("{one} of someone at the host"));
    assert_eq!(logged(&session, id), waits);
    session.hear(Input::Line(b"takes"));
    assert_eq!(logged(&session, id)[3..], ["said one", "taken 1"]);
    session.hear(Input::Line(b"drops"));
    assert_eq!(logged(&session, id)[5..], ["no two", "taken 2"]);
    session.end(0);
    assert_eq!(logged(&session, id).len(), 7, "nobody says of the third that it was taken");
}

type Page = (Vec<(u64, Chat)>, Vec<(String, u64)>, bool);

/// The chat of a page, what is being said, and whether there is more before it.
fn ask(session: &Session, id: ClientId, before: u64, room: u32) -> Page {
    let message = ToHost::Past { session: session.summary().id, before, room, after: None };
    session.handle(id, message, &Bytes::new()).expect("it may");
    let (mut chats, mut partials, mut json, mut first) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for (header, payload) in session.poll(id).expect("it stays") {
        match header {
            ToClient::Past { seq, event: Event::Chat { part, last }, .. } => {
                if part == 0 {
                    (first, json) = (seq, Vec::new());
                }
                json.extend_from_slice(&payload);
                if last {
                    chats.push((first, serde_json::from_slice(&json).expect("it is whole")));
                }
            }
            ToClient::Past { event: Event::Partial { item, from, .. }, .. } => {
                partials.push((format!("{item}:{}", String::from_utf8_lossy(&payload)), from));
            }
            ToClient::PastEnd { more, .. } => return (chats, partials, more),
            _ => {}
        }
    }
    panic!("the page has no end");
}

#[tokio::test]
async fn pages_from_the_end_are_whole_things_and_all_of_them_once() {
    let folder = tempfile::tempdir().unwrap();
    let session = crate::start::tests::session(folder.path());
    let sizes = [10, 100_000, 3, 40_000, 20, 90_000, 5];
    for (n, bytes) in sizes.iter().enumerate() {
        session.log_chat(&said(n, *bytes));
        session.append(Event::Output, Bytes::from_static(b"between"));
    }
    let (id, ..) = session.join(StreamId::from_random([1; 10]), None);
    for room in [1, 50_000, u32::MAX] {
        let (mut all, mut before, mut pages) = (Vec::new(), u64::MAX, 0);
        loop {
            let (mut page, _, more) = ask(&session, id, before, room);
            before = page.first().map_or(0, |(seq, _)| *seq);
            page.append(&mut all);
            all = page;
            pages += 1;
            if !more {
                break;
            }
        }
        let chats: Vec<_> = all.iter().map(|(_, chat)| chat.clone()).collect();
        let expected: Vec<_> = sizes.iter().enumerate().map(|(n, bytes)| said(n, *bytes)).collect();
        assert_eq!(chats, expected, "room {room}");
        assert!(all.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(pages == sizes.len(), room == 1, "{pages} pages");
    }
}

#[tokio::test]
async fn pages_from_a_place_on_are_whole_things_and_all_that_is_never_trimmed_once() {
    let folder = tempfile::tempdir().unwrap();
    let session = crate::start::tests::session(folder.path());
    for (n, bytes) in [10, 100_000, 3, 40_000].into_iter().enumerate() {
        session.log_chat(&said(n, bytes));
        session.append(Event::Output, Bytes::from_static(b"between"));
        session.append(Event::Banner { text: n.to_string() }, Bytes::new());
    }
    let (id, ..) = session.join(StreamId::from_random([1; 10]), None);
    let ask = |after, before, room| {
        let (session_id, after) = (session.summary().id, Some(after));
        let message = ToHost::Past { session: session_id, before, room, after };
        session.handle(id, message, &Bytes::new()).expect("it may");
        let (mut seqs, mut whole, mut more) = (Vec::new(), true, None);
        for (header, _) in session.poll(id).expect("it stays") {
            match header {
                ToClient::Past { seq, event, .. } => {
                    whole = !matches!(event, Event::Chat { last: false, .. });
                    assert!(!event.is_trimmable(), "{event:?}");
                    seqs.push(seq);
                }
                ToClient::PastEnd { more: follows, .. } => more = Some(follows),
                _ => {}
            }
        }
        assert!(whole, "the page ends in the middle of something");
        (seqs, more.expect("it has an end"))
    };
    let (all, more) = ask(0, u64::MAX, u32::MAX);
    assert!(!more && all.len() >= 8 && all.is_sorted_by(|a, b| a < b), "{all:?}");
    for room in [1, 50_000] {
        let (mut seqs, mut pages) = (Vec::new(), 0);
        loop {
            let (page, more) = ask(seqs.last().copied().unwrap_or(0), u64::MAX, room);
            seqs.extend(page);
            pages += 1;
            if !more {
                break;
            }
        }
        assert_eq!(seqs, all, "room {room}");
        assert!(pages > 1);
    }
    let last = *all.last().unwrap();
    assert_eq!(ask(last, u64::MAX, 1), (Vec::new(), false));
    assert_eq!(ask(0, all[1], u32::MAX), (vec![all[0]], false), "below what was named");
}

#[tokio::test]
async fn what_is_being_said_comes_with_the_last_page_until_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let session = crate::start::tests::session(folder.path());
    session.log_chat(&said(1, 1));
    session.log_partial("a", "Häl", false);
    session.log_partial("a", "lo", false);
    let (id, ..) = session.join(StreamId::from_random([1; 10]), None);
    assert_eq!(ask(&session, id, u64::MAX, 1000).1, [("a:Hällo".to_owned(), 0)]);
    assert!(ask(&session, id, 2, 1000).1.is_empty(), "that is not the end");
    session.log_partial("a", &"x".repeat(MAX_SAYING - 1), false);
    let (_, partials, _) = ask(&session, id, u64::MAX, 1000);
    assert_eq!((partials[0].0.len(), partials[0].1), (MAX_SAYING + 2, 5), "the newest");
    let whole = Chat::Agent { item: Some("a".to_owned()), text: "Hällo".to_owned(), within: None };
    session.log_chat(&whole);
    let (chats, partials, _) = ask(&session, id, u64::MAX, 1000);
    assert_eq!((chats.len(), chats[1].1.clone(), partials.len()), (2, whole, 0));
}

#[tokio::test]
async fn what_is_too_large_is_said_to_be_missing() {
    let folder = tempfile::tempdir().unwrap();
    let session = crate::start::tests::session(folder.path());
    session.log_chat(&said(1, MAX_CHAT));
    let (id, ..) = session.join(StreamId::from_random([1; 10]), None);
    let (chats, ..) = ask(&session, id, u64::MAX, 1000);
    assert!(matches!(&chats[0].1, Chat::Note { text } if text.contains("left out")), "{chats:?}");
}

#[tokio::test]
async fn what_an_agent_says_while_the_disk_is_full_is_bounded_and_nothing_shown_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let session = crate::start::tests::session(folder.path());
    session.log_chat(&said(0, 10));
    let rival = crate::start::tests::Rival::new(folder.path());
    for n in 1..=30 {
        session.log_chat(&said(n, 900_000));
    }
    let (id, ..) = session.join(StreamId::from_random([1; 10]), None);
    let all = |session: &Session| {
        let (mut all, mut before) = (Vec::new(), u64::MAX);
        loop {
            let (mut page, _, more) = ask(session, id, before, 1);
            before = page.first().map_or(0, |(seq, _)| *seq);
            page.append(&mut all);
            all = page;
            if !more {
                return all.into_iter().map(|(_, chat)| chat).collect::<Vec<_>>();
            }
        }
    };
    let shown = all(&session);
    let most = shown.len() * 900_000;
    assert!(shown.len() > 3 && most < 6 * 1024 * 1024, "{most} bytes wait");
    assert_eq!(
        shown,
        (0..shown.len()).map(|n| said(n, if n == 0 { 10 } else { 900_000 })).collect::<Vec<_>>()
    );
    rival.go();
    crate::upkeep::retry_once(&session).await;
    assert!(!session.is_paused());
    session.log_chat(&said(99, 1));
    let after = all(&session);
    assert_eq!(after[..shown.len()], shown[..]);
    let missing = format!("{} things", 31 - shown.len());
    assert!(matches!(&after[shown.len()], Chat::Note { text } if text.starts_with(&missing)), "{missing}");
    assert_eq!(after[shown.len() + 1..], [said(99, 1)]);
}
