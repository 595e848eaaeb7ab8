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
                let before = self.inner.borrow_mut().conversation.replace(conversation.clone());
                if before.as_ref() != Some(conversation) {
                    // What is gone on with where this process is killed is written down at once.
                    self.hurry.notify_one();
                }
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
pub(crate) mod tests;
