//! How long ended sessions are kept, and how much room all sessions may take. Unless a person has settled it, everything is
//! kept. What runs, or has a keeper that somebody may be reading from, is never removed.

use crate::core::{Core, now_ms};
use serde_json::{Value, json};
use session::id::SessionId;
use session::message::RunState;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use store::Paths;
use tokio::time::sleep;

/// Between two looks at what is there.
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// What `st_blocks` counts in.
const BLOCK: u64 = 512;

/// What a person has settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Sessions that ended longer ago than this are removed.
    pub keep: Option<Duration>,
    /// While all sessions take more bytes than this, the one that ended first is removed.
    pub max_size: Option<u64>,
}

/// Keeps to it until the daemon stops.
pub(crate) async fn keep(core: Arc<Core>, settings: Settings) {
    while settings != Settings::default() {
        let paths = core.paths.clone();
        let sessions = core.board.all(|summary| (summary.id.clone(), summary.run.clone()));
        let look = tokio::task::spawn_blocking(move || look(&paths, sessions));
        tokio::select! {
            looked = look => match looked {
                Ok(seen) => remove(&core, &choose(settings, seen, now_ms())).await,
                Err(error) => tracing::error!(%error, "the sessions on the disk could not be looked at"),
            },
            () = core.stopper.stopped() => return,
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = core.stopper.stopped() => return,
        }
    }
}

/// A session, as far as it matters here.
#[derive(Clone, Debug)]
struct Seen {
    id: SessionId,
    /// Unix milliseconds; none where it may not be removed.
    ended_at: Option<u64>,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Age,
    Size,
}

/// What is to be removed, the one that ended first before all others.
fn choose(settings: Settings, mut sessions: Vec<Seen>, now: u64) -> Vec<(SessionId, Why)> {
    let mut bytes: u64 = sessions.iter().map(|seen| seen.bytes).sum();
    sessions.sort_by_key(|seen| seen.ended_at);
    let mut chosen = Vec::new();
    for Seen { id, ended_at, bytes: own } in sessions {
        let Some(ended_at) = ended_at else { continue };
        let age = Duration::from_millis(now.saturating_sub(ended_at));
        let why = match settings {
            Settings { keep: Some(keep), .. } if age > keep => Why::Age,
            Settings { max_size: Some(most), .. } if bytes > most => Why::Size,
            Settings { .. } => continue,
        };
        bytes = bytes.saturating_sub(own);
        chosen.push((id, why));
    }
    chosen
}

fn look(paths: &Paths, sessions: Vec<(SessionId, RunState)>) -> Vec<Seen> {
    let seen = |(id, run): (SessionId, RunState)| {
        let ended_at = match run {
            RunState::Running => None,
            RunState::Ended { at, .. } | RunState::Lost { at, .. } => Some(at.max(written_at(paths, &id))),
        };
        let ended_at = ended_at.filter(|_| !is_open(paths, &id));
        let bytes = size(&paths.session_dir(id.as_str()));
        Seen { id, ended_at, bytes }
    };
    sessions.into_iter().map(seen).collect()
}

/// When the session was last written down here, in Unix milliseconds. One that was imported ended long before it came.
fn written_at(paths: &Paths, id: &SessionId) -> u64 {
    let modified = std::fs::metadata(paths.session_meta(id.as_str())).and_then(|found| found.modified());
    let since = modified.ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Whether a keeper is there: whoever is attached is attached to one.
fn is_open(paths: &Paths, id: &SessionId) -> bool {
    store::log_in_use(&paths.session_log(id.as_str()))
}

/// What a folder's files take on the disk.
fn size(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.blocks() * BLOCK).sum()
}

async fn remove(core: &Core, chosen: &[(SessionId, Why)]) {
    for (id, why) in chosen {
        let why = match why {
            Why::Age => "it ended longer ago than is kept",
            Why::Size => "all sessions take more room than they may",
        };
        match core.paths.remove_unused_session(id.as_str()) {
            Ok(()) => {}
            // Somebody has come since.
            Err(store::Error::InUse { .. }) => continue,
            Err(error) => {
                tracing::warn!(session = %id, %error, "an ended session could not be removed");
                continue;
            }
        }
        tracing::info!(session = %id, why, "an ended session was removed");
        forget(core, id, &json!({ "session": id, "by": "history", "why": why })).await;
    }
}

/// A session's files are gone, and so is what else is known of it.
pub(crate) async fn forget(core: &Core, id: &SessionId, detail: &Value) {
    core.board.remove(id);
    core.decisions.forget(&core.paths.decisions_db(), id).await;
    if let Err(error) = core.devices.with_db(|db| db.remove_conversations_in(id.as_str())) {
        tracing::warn!(session = %id, %error, "conversations of a removed session are not forgotten");
    }
    core.devices.audit(now_ms(), "session.removed", detail);
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Settings = Settings { keep: Some(Duration::from_millis(100)), max_size: None };
    const SIZE: Settings = Settings { keep: None, max_size: Some(50) };

    fn session(n: u8, ended_at: Option<u64>, bytes: u64) -> Seen {
        Seen { id: SessionId::from_random([n; 10]), ended_at, bytes }
    }

    fn chosen(settings: Settings, sessions: &[Seen]) -> Vec<(usize, Why)> {
        let chosen = choose(settings, sessions.to_vec(), 1000);
        let place = |id: &SessionId| sessions.iter().position(|seen| seen.id == *id).unwrap();
        chosen.iter().map(|(id, why)| (place(id), *why)).collect()
    }

    #[test]
    fn nothing_is_removed_unless_it_was_settled() {
        assert_eq!(chosen(Settings::default(), &[session(1, Some(0), u64::MAX >> 1)]), []);
    }

    #[test]
    fn what_ended_too_long_ago_goes_and_what_runs_stays() {
        let sessions = [
            session(1, Some(900), 1),
            session(2, None, 1),
            session(3, Some(899), 1),
            session(4, Some(5), 1),
            session(5, Some(2000), 1),
        ];
        assert_eq!(chosen(KEEP, &sessions), [(3, Why::Age), (2, Why::Age)]);
    }

    #[test]
    fn the_first_that_ended_goes_until_the_rest_fits() {
        let sessions = [
            session(1, Some(30), 20),
            session(2, None, 20),
            session(3, Some(10), 5),
            session(4, Some(20), 20),
            session(5, Some(40), 1),
        ];
        assert_eq!(chosen(SIZE, &sessions), [(2, Why::Size), (3, Why::Size)]);
        assert_eq!(chosen(SIZE, &sessions[..3]), [], "it fits");
        let large = [session(1, None, 100), session(2, Some(1), 1), session(3, Some(2), 0)];
        assert_eq!(chosen(SIZE, &large), [(1, Why::Size), (2, Why::Size)], "what runs counts, and stays");
    }

    #[test]
    fn both_bounds_hold_together() {
        let both = Settings { keep: KEEP.keep, max_size: SIZE.max_size };
        let sessions = [session(1, Some(950), 40), session(2, Some(10), 30), session(3, Some(940), 20)];
        assert_eq!(chosen(both, &sessions), [(1, Why::Age), (2, Why::Size)]);
    }
}
