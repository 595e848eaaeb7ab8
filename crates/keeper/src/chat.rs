//! What the agent says and does: into the log as it comes, and out of it in pages, from the end.

use crate::follower::Leave;
use crate::journal::Journal;
use crate::session::{ClientId, Session};
use agent::adapter::MAX_CHAT;
use bytes::Bytes;
use session::codec::MAX_PAYLOAD;
use session::id::SessionId;
use session::message::{Chat, Event, Setup, ToClient};

/// Bytes of one page at most, where the first thing in it is not larger.
const MAX_ROOM: u32 = 256 * 1024;
/// Bytes of what is being said that are kept for clients that come now, the newest.
const MAX_SAYING: usize = 16 * 1024;
/// Bytes of an agent's own name for something, as it may stand in a header.
const MAX_ID: usize = 256;
/// Things that are being said at once; the oldest goes first.
const MAX_SAYINGS: usize = 8;

/// A page that a client asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Past {
    pub before: u64,
    pub room: u32,
    pub after: Option<u64>,
}

/// Something that is being said just now.
#[derive(Debug)]
pub(crate) struct Saying {
    item: String,
    thinking: bool,
    /// Bytes that came before `text`.
    from: u64,
    text: String,
    /// The number of the last event of it.
    seq: u64,
    at: u64,
}

impl Session {
    /// Logs something that was said or done; the number of its last event, where it was not left out.
    pub fn log_chat(&self, chat: &Chat) -> Option<u64> {
        let json = match serde_json::to_vec(chat) {
            Ok(json) if json.len() <= MAX_CHAT => json,
            Ok(json) => {
                let text =
                    format!("Something of {} bytes was left out: that is more than is kept.", json.len());
                return self.log_chat(&Chat::Note { text });
            }
            Err(error) => {
                tracing::warn!(%error, "what an agent said cannot be written down");
                return None;
            }
        };
        match chat {
            Chat::Agent { item: Some(item), .. } | Chat::Thinking { item: Some(item), .. } => {
                self.inner.borrow_mut().sayings.retain(|saying| saying.item != *item);
            }
            Chat::Turn { .. } => self.inner.borrow_mut().sayings.clear(),
            Chat::Setup(Setup { conversation: Some(conversation), .. }) if conversation.len() <= MAX_ID => {
                self.inner.borrow_mut().conversation = Some(conversation.clone());
            }
            _ => {}
        }
        if self.leave_out() {
            return None;
        }
        let json = Bytes::from(json);
        let pieces = json.len().div_ceil(MAX_PAYLOAD);
        for part in 0..pieces {
            let piece = json.slice(part * MAX_PAYLOAD..json.len().min((part + 1) * MAX_PAYLOAD));
            let event =
                Event::Chat { part: u32::try_from(part).unwrap_or(u32::MAX), last: part + 1 == pieces };
            self.append(event, piece);
        }
        let mut inner = self.inner.borrow_mut();
        let head = inner.journal.view().head;
        inner.chat = head.seq;
        // So that a client that comes now is not told all of it before it asks.
        self.model.pass(head);
        Some(head.seq)
    }

    /// What is never trimmed waits in memory for a full disk, and memory has an end, too: beyond it nothing more is taken,
    /// so that nothing is shown that would be lost.
    fn leave_out(&self) -> bool {
        let mut inner = self.inner.borrow_mut();
        let first = inner.left_out == 0;
        if !inner.journal.is_crowded() {
            return false;
        }
        inner.left_out += 1;
        drop(inner);
        if first {
            let text =
                "The disk is full: what the agent says is not shown from here on, until there is room.";
            self.append(Event::Banner { text: text.to_owned() }, Bytes::new());
        }
        true
    }

    /// There is room again.
    pub(crate) fn tell_left_out(&self) {
        let left_out = std::mem::take(&mut self.inner.borrow_mut().left_out);
        if left_out > 0 {
            let text =
                format!("{left_out} things that the agent said or did here are missing: the disk was full.");
            self.log_chat(&Chat::Note { text });
        }
    }

    /// Shows what is being said just now.
    pub fn log_partial(&self, item: &str, text: &str, thinking: bool) {
        if item.len() > MAX_ID {
            return;
        }
        let mut from = self.inner.borrow_mut().say(item, thinking);
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(rest.floor_char_boundary(MAX_PAYLOAD));
            self.append(
                Event::Partial { item: item.to_owned(), from, thinking },
                Bytes::copy_from_slice(piece.as_bytes()),
            );
            from += piece.len() as u64;
            rest = more;
        }
        let mut inner = self.inner.borrow_mut();
        let (head, at) = (inner.journal.view().head, inner.last_activity);
        self.model.pass(head);
        if let Some(saying) = inner.sayings.iter_mut().find(|saying| saying.item == item) {
            saying.text.push_str(text);
            let gone = saying.text.ceil_char_boundary(saying.text.len().saturating_sub(MAX_SAYING));
            saying.text.drain(..gone);
            saying.from += gone as u64;
            (saying.seq, saying.at) = (head.seq, at);
        }
    }

    /// A client wants a page.
    pub(crate) fn past(&self, id: ClientId, past: Past) {
        if let Some(client) = self.inner.borrow_mut().clients.get_mut(&id) {
            client.past = Some(Past { room: past.room.min(MAX_ROOM), ..past });
            client.wake.notify_one();
        }
    }
}

impl crate::session::Inner {
    /// Where what comes next of this begins.
    fn say(&mut self, item: &str, thinking: bool) -> u64 {
        if let Some(saying) = self.sayings.iter().find(|saying| saying.item == item) {
            return saying.from + saying.text.len() as u64;
        }
        if self.sayings.len() == MAX_SAYINGS {
            self.sayings.remove(0);
        }
        let (item, text) = (item.to_owned(), String::new());
        self.sayings.push(Saying { item, thinking, from: 0, text, seq: 0, at: 0 });
        0
    }
}

/// Adds the page to `out`.
pub(crate) fn page(
    journal: &Journal,
    sayings: &[Saying],
    session: &SessionId,
    Past { before, room, after }: Past,
    out: &mut Vec<(ToClient, Bytes)>,
) -> Result<(), Leave> {
    let view = journal.view();
    let page = match after {
        Some(after) => journal.page_after(after, before, room.into()),
        None => journal.page(before, room.into()),
    };
    let (records, more) = page.map_err(|error| {
        tracing::error!(%error, "the log cannot be read");
        Leave::Unreadable
    })?;
    let past =
        |seq, at, event| ToClient::Past { session: session.clone(), epoch: view.epoch, seq, at, event };
    for record in records {
        out.push((past(record.mark.seq, record.at, record.event), record.payload));
    }
    if before > view.head.seq && after.is_none() {
        for Saying { item, thinking, from, text, seq, at } in sayings {
            let event = Event::Partial { item: item.clone(), from: *from, thinking: *thinking };
            out.push((past(*seq, *at, event), Bytes::copy_from_slice(text.as_bytes())));
        }
    }
    out.push((ToClient::PastEnd { session: session.clone(), before, more }, Bytes::new()));
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
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
        assert!(
            matches!(&after[shown.len()], Chat::Note { text } if text.starts_with(&missing)),
            "{missing}"
        );
        assert_eq!(after[shown.len() + 1..], [said(99, 1)]);
    }
}
