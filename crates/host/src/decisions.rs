//! What was asked in all sessions and what became of it.
//!
//! The sessions' logs have it; the index beside them only finds it. Whoever asks has it brought up to date first: the
//! logs of those that run are looked at behind the place where they were read last, those that are over once. So it does
//! not matter when, in which order, or whether at all the daemon heard of a decision.

use crate::core::{Core, disk, failure};
use session::approval::MAX_REQUEST;
use session::id::{ApprovalId, SessionId};
use session::message::{
    Approval, ApprovalState, Asked, Before, Decided, Decisions, ErrorKind, Event, Failure, RunState,
};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{DecisionIndex, Header, LogReader, OverRow, Read, Told};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Headers that are read of a log in one step.
const STEP: u32 = 1000;
/// Approvals of one page; fewer where they do not fit into a reply.
const PAGE: u32 = 100;

/// The index, once somebody wanted it. Held while it is brought up to date, which each event of a log is once.
#[derive(Default)]
pub(crate) struct Index {
    open: Arc<Mutex<Option<DecisionIndex>>>,
    /// Logs are looked through one after another, however many ask.
    looking: tokio::sync::Mutex<()>,
}

/// Bytes of a request in one reply, as long as none of them has to be escaped by more than another.
const PIECE: usize = 8 * 1024;

/// A session, as far as it matters here.
#[derive(Clone, Debug)]
struct Known {
    id: SessionId,
    /// Unix milliseconds; none while it runs.
    ended_at: Option<u64>,
    /// Nobody saw it end, so that it may be found again.
    lost: bool,
    log: PathBuf,
}

impl Index {
    /// A session was removed.
    pub async fn forget(&self, path: &Path, session: &SessionId) {
        let (path, session) = (path.to_owned(), session.clone());
        let forgotten = self.with(path, move |index| index.forget(session.as_str())).await;
        if let Err(why) = forgotten {
            tracing::warn!(why = %why.message, "what was decided in a removed session is not forgotten yet");
        }
    }

    async fn with<T: Send + 'static>(
        &self,
        path: PathBuf,
        job: impl FnOnce(&mut DecisionIndex) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let mut open: OwnedMutexGuard<_> = Arc::clone(&self.open).lock_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let mut index = match open.take() {
                Some(index) => index,
                None => DecisionIndex::open(&path)?,
            };
            let done = job(&mut index);
            // One that failed is opened anew.
            *open = done.is_ok().then_some(index);
            done
        });
        let done = done.await.map_err(|error| failure(ErrorKind::Internal, error.to_string(), ""))?;
        done.map_err(|error| disk(&error))
    }
}

/// What was over before that, the last one first: at most [`PAGE`], and no more than fit into `room` bytes but for the
/// first.
pub(crate) async fn page(
    core: &Arc<Core>,
    before: Option<Before>,
    room: usize,
) -> Result<Decisions, Failure> {
    // What an imported session's file says was decided elsewhere, if at all.
    let known = core.board.all(|summary| {
        let ended_at = match summary.run {
            RunState::Running => None,
            RunState::Ended { at, .. } | RunState::Lost { at, .. } => Some(at),
        };
        let lost = matches!(summary.run, RunState::Lost { .. });
        let log = core.paths.session_log(summary.id.as_str());
        (!summary.imported).then(|| Known { id: summary.id.clone(), ended_at, lost, log })
    });
    let known: Vec<Known> = known.into_iter().flatten().collect();
    let names: HashMap<String, String> =
        core.board.all(|summary| (summary.id.to_string(), summary.name.clone())).into_iter().collect();
    let look = Arc::new(move |index: &mut DecisionIndex| {
        catch_up(index, &known)?;
        let before = before.as_ref().map(|before| (before.at, before.approval.as_str()));
        index.page(before, PAGE)
    });
    let kept = Arc::clone(&look);
    let rows = match core.decisions.with(core.paths.decisions_db(), move |index| kept(index)).await {
        Ok(rows) => rows,
        // The logs have it all, also where the disk takes nothing more.
        Err(why) => {
            tracing::warn!(why = %why.message, "what was decided is looked up without the index");
            let read = tokio::task::spawn_blocking(move || look(&mut DecisionIndex::in_memory()?));
            let read = read.await.map_err(|error| failure(ErrorKind::Internal, error.to_string(), ""))?;
            read.map_err(|error| disk(&error))?
        }
    };
    let (mut page, mut room) = (Decisions::default(), room);
    for row in &rows {
        let Some(decided) = decided(row, &names) else { continue };
        let size = serde_json::to_string(&decided).map_or(0, |json| json.len() + 1);
        if size > room && !page.decided.is_empty() {
            return Ok(page);
        }
        room = room.saturating_sub(size);
        page.next = Some(Before { at: row.over_at, approval: decided.approval.id.clone() });
        page.decided.push(decided);
    }
    if rows.len() < PAGE as usize {
        page.next = None;
    }
    Ok(page)
}

fn decided(row: &OverRow, names: &HashMap<String, String>) -> Option<Decided> {
    let mut approval: Approval = serde_json::from_str(&row.asked).ok()?;
    approval.state = match &row.state {
        Some(state) => serde_json::from_str(state).ok()?,
        None => ApprovalState::Withdrawn { decided_at: row.over_at },
    };
    Some(Decided {
        session: row.session.parse().ok()?,
        name: names.get(&row.session).cloned().unwrap_or_default(),
        approval,
    })
}

/// A piece of what an approval asks, from this byte on, as the session's log has it.
pub(crate) async fn request(
    core: &Arc<Core>,
    session: &SessionId,
    approval: &ApprovalId,
    from: u32,
) -> Result<Option<Asked>, Failure> {
    if core.board.summary(session).is_none_or(|summary| summary.imported) {
        return Ok(None);
    }
    let log = core.paths.session_log(session.as_str());
    let names = (session.to_string(), approval.to_string());
    let first = core.decisions.with(core.paths.decisions_db(), move |index| index.first(&names.0, &names.1));
    // The log has it all the same.
    let first = first.await.unwrap_or_default();
    let approval = approval.clone();
    let _alone = core.decisions.looking.lock().await;
    let read = tokio::task::spawn_blocking(move || piece(&LogReader::open(&log)?, &approval, first, from));
    let read = read.await.map_err(|error| failure(ErrorKind::Internal, error.to_string(), ""))?;
    read.map_err(|error| disk(&error))
}

fn piece(
    log: &LogReader,
    approval: &ApprovalId,
    first: Option<u64>,
    from: u32,
) -> Result<Option<Asked>, store::Error> {
    let head = log.head()?;
    let found = first_of(approval, first, |after, most| log.past_headers(after, head, most))?;
    let Some((first, asked)) = found else { return Ok(None) };
    let whole = whole(log, first, approval)?;
    // One that is not whole would have another digest.
    let is_whole = whole.len() == asked.length as usize;
    Ok(is_whole.then(|| piece_of(asked, &whole, from)).flatten())
}

/// The first event that asks this: the one that the index knows, or, where it knows none, or the log has lost its end since
/// it was read, whichever of all is it. `headers` gives those behind a number, at most so many.
fn first_of(
    approval: &ApprovalId,
    known: Option<u64>,
    mut headers: impl FnMut(u64, u32) -> Result<Vec<Header>, store::Error>,
) -> Result<Option<(u64, Approval)>, store::Error> {
    if let Some(known) = known {
        let header = headers(known.saturating_sub(1), 1)?.into_iter().next();
        let asked = header.filter(|header| header.seq == known);
        if let Some((asked, 0, _)) = asked.and_then(|header| asked_in(&header.header, approval)) {
            return Ok(Some((known, asked)));
        }
    }
    let mut seq = 0;
    loop {
        let page = headers(seq, STEP)?;
        let Some(last) = page.last() else { return Ok(None) };
        seq = last.seq;
        let asked = |header: &Header| Some((header.seq, asked_in(&header.header, approval)?.0));
        if let Some(found) = page.iter().find_map(asked) {
            return Ok(Some(found));
        }
    }
}

/// What is asked from this event on, whose pieces follow one another.
fn whole(log: &LogReader, first: u64, approval: &ApprovalId) -> Result<Vec<u8>, store::Error> {
    let mut whole = Vec::new();
    for entry in log.read_after(first - 1, 2 * MAX_REQUEST as u64)? {
        let Some((.., last)) = asked_in(&entry.header, approval) else { break };
        whole.extend(entry.payload);
        if last {
            break;
        }
    }
    Ok(whole)
}

/// Which piece of this one it is, and whether it is the last.
fn asked_in(header: &str, id: &ApprovalId) -> Option<(Approval, u32, bool)> {
    match serde_json::from_str(header).ok()? {
        Event::Asked { approval, part, last } if approval.id == *id => Some((*approval, part, last)),
        _ => None,
    }
}

fn piece_of(approval: Approval, whole: &[u8], from: u32) -> Option<Asked> {
    let rest = std::str::from_utf8(whole).ok()?.get(from as usize..)?;
    let text = &rest[..rest.floor_char_boundary(PIECE)];
    let next =
        (text.len() < rest.len()).then(|| from.saturating_add(u32::try_from(text.len()).unwrap_or(u32::MAX)));
    Some(Asked { approval, text: text.to_owned(), next })
}

/// Brings the index up to date with these, which are all sessions that there are.
fn catch_up(index: &mut DecisionIndex, known: &[Known]) -> Result<(), store::Error> {
    let there: HashSet<&str> = known.iter().map(|known| known.id.as_str()).collect();
    for session in index.sessions()? {
        if !there.contains(session.as_str()) {
            index.forget(&session)?;
        }
    }
    for session in known {
        let read = index.read(session.id.as_str())?;
        if session.ended_at.is_some() && !session.lost && read.is_some_and(|read| read.over) {
            continue;
        }
        // A log that was lost, or is removed just now, hides no other.
        match LogReader::open(&session.log).and_then(|log| Ok((log.epoch()?, log.head()?, log))) {
            Ok((epoch, head, log)) => read_log(index, session, read, (epoch, head), &log)?,
            Err(error) => tracing::debug!(session = %session.id, %error, "no log"),
        }
    }
    Ok(())
}

fn read_log(
    index: &mut DecisionIndex,
    session: &Known,
    read: Option<Read>,
    (epoch, head): (u32, u64),
    log: &LogReader,
) -> Result<(), store::Error> {
    let id = session.id.as_str();
    let over = session.ended_at.is_some();
    if read == Some(Read { epoch, seq: head, over }) {
        return Ok(());
    }
    let mut seq = match read {
        // A log that lost its end in a power cut tells something else under the same numbers.
        Some(read) if read.epoch != epoch || read.seq > head => {
            index.forget(id)?;
            0
        }
        read => read.unwrap_or_default().seq,
    };
    loop {
        let headers = match log.past_headers(seq, head, STEP) {
            Ok(headers) => headers,
            Err(error) => {
                tracing::warn!(session = %session.id, %error, "what was decided there is not known");
                return Ok(());
            }
        };
        let last = headers.len() < STEP as usize;
        seq = if last { head } else { headers.last().map_or(head, |header| header.seq) };
        let told: Vec<Told> = headers.iter().filter_map(told).collect();
        index.put(id, Read { epoch, seq, over: over && last }, &told, session.ended_at.filter(|_| last))?;
        if last {
            return Ok(());
        }
    }
}

/// What an event says of an approval, where it does.
fn told(header: &Header) -> Option<Told> {
    match serde_json::from_str(&header.header).ok()? {
        Event::Asked { approval, .. } => {
            let asked = serde_json::to_string(&approval).ok()?;
            Some(Told::Asked { id: approval.id.to_string(), asked, seq: header.seq })
        }
        Event::Decided { approval, state } => {
            let at = state.decided_at()?;
            Some(Told::Over { id: approval.to_string(), at, state: serde_json::to_string(&state).ok()? })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session::message::Risk;

    fn approval(n: u8) -> Approval {
        Approval {
            id: ApprovalId::from_random([n; 10]),
            digest: String::new(),
            length: 2,
            source: "claude".into(),
            title: String::new(),
            risk: Risk::Normal,
            word: None,
            asked_at: 1,
            expires_at: 2,
            state: ApprovalState::Pending,
        }
    }

    fn asked(seq: u64, n: u8, part: u32) -> Header {
        let event = Event::Asked { approval: Box::new(approval(n)), part, last: part == 1 };
        Header { seq, header: serde_json::to_string(&event).unwrap() }
    }

    #[test]
    fn what_was_asked_long_ago_is_read_where_it_begins() {
        let chat = |seq| Header { seq, header: r#"{"k":"chat"}"#.into() };
        let mut log: Vec<_> = (1..=5000).map(chat).collect();
        (log[4997], log[4998], log[4999]) = (asked(4998, 1, 0), asked(4999, 1, 1), asked(5000, 2, 0));
        let find = |n: u8, known: Option<u64>| {
            let mut read = 0;
            let found = first_of(&approval(n).id, known, |after, most| {
                let behind = log.iter().filter(|header| header.seq > after);
                let page: Vec<_> = behind.take(most as usize).cloned().collect();
                read += page.len();
                Ok(page)
            });
            (found.unwrap().map(|(seq, asked)| (seq, asked.id)), read)
        };
        let first = Some((4998, approval(1).id));
        assert_eq!(find(1, Some(4998)), (first.clone(), 1));
        assert_eq!(find(1, None), (first.clone(), 5000), "an older version did not write it down");
        // Numbers of a life of the log that lost its end.
        for wrong in [0, 7, 4999, 5000, 6000] {
            assert_eq!(find(1, Some(wrong)).0, first, "{wrong}");
        }
        assert_eq!(find(3, Some(4998)).0, None);
    }
}
