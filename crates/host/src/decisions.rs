//! What was asked in all sessions and what became of it.
//!
//! The sessions' logs have it; the index beside them only finds it. Whoever asks has it brought up to date first: the
//! logs of those that run are looked at behind the place where they were read last, those that are over once. So it does
//! not matter when, in which order, or whether at all the daemon heard of a decision.

use crate::core::{Core, disk, failure};
use session::id::SessionId;
use session::message::{
    Approval, ApprovalState, Before, Decided, Decisions, ErrorKind, Event, Failure, RunState,
};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{DecisionIndex, LogReader, OverRow, Read, Told};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Headers that are read of a log in one step.
const STEP: u32 = 1000;
/// Approvals of one page; fewer where they do not fit into a reply.
const PAGE: u32 = 100;

/// The index, once somebody wanted it. Held while it is brought up to date, which each event of a log is once.
#[derive(Default)]
pub(crate) struct Index {
    open: Arc<Mutex<Option<DecisionIndex>>>,
}

/// A session, as far as it matters here.
#[derive(Clone, Debug)]
struct Known {
    id: SessionId,
    /// Unix milliseconds; none while it runs.
    ended_at: Option<u64>,
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
        let log = core.paths.session_log(summary.id.as_str());
        (!summary.imported).then(|| Known { id: summary.id.clone(), ended_at, log })
    });
    let known: Vec<Known> = known.into_iter().flatten().collect();
    let names: HashMap<String, String> =
        core.board.all(|summary| (summary.id.to_string(), summary.name.clone())).into_iter().collect();
    let rows = core.decisions.with(core.paths.decisions_db(), move |index| {
        catch_up(index, &known)?;
        let before = before.as_ref().map(|before| (before.at, before.approval.as_str()));
        index.page(before, PAGE)
    });
    let rows = rows.await?;
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
        if session.ended_at.is_some() && read.is_some_and(|read| read.over) {
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
        let told: Vec<Told> = headers.iter().filter_map(|header| told(&header.header)).collect();
        index.put(id, Read { epoch, seq, over: over && last }, &told, session.ended_at.filter(|_| last))?;
        if last {
            return Ok(());
        }
    }
}

/// What an event says of an approval, where it does.
fn told(header: &str) -> Option<Told> {
    match serde_json::from_str(header).ok()? {
        Event::Asked { approval, .. } => {
            Some(Told::Asked { id: approval.id.to_string(), asked: serde_json::to_string(&approval).ok()? })
        }
        Event::Decided { approval, state } => {
            let at = state.decided_at()?;
            Some(Told::Over { id: approval.to_string(), at, state: serde_json::to_string(&state).ok()? })
        }
        _ => None,
    }
}
