//! What every part of the daemon shares.

use crate::asks::Asks;
use crate::board::Board;
use crate::connections::Connections;
use crate::decisions;
use crate::devices::Devices;
use crate::invite::Invitations;
use crate::keepers::Following;
use crate::once::Once;
use crate::opened::Opened;
use crate::said::Said;
use crate::streams::Streams;
use crate::tokens::Tokens;
use crate::{RelayKind, Stopper};
use seal::StaticSecret;
use session::id::{DeviceId, InvitationId, SessionId};
use session::message::{Awake, ErrorKind, Failure, Notice};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use store::Paths;
use tokio::sync::{broadcast, oneshot, watch};
use tokio_util::task::TaskTracker;
use wire::Rid;

/// Notices that wait for one watcher; a slower one misses the oldest.
const NOTICES: usize = 64;
/// Devices that wait for a person at once; more are refused.
const MAX_WAITING: usize = 8;

/// A device that waits for `pair.confirm`.
struct Waiting {
    notice: Notice,
    answer: oneshot::Sender<bool>,
}

/// The daemon's shared parts. Locks are held for a moment, never across an await.
pub(crate) struct Core {
    pub paths: Paths,
    pub name: String,
    pub version: String,
    pub program: PathBuf,
    pub key: StaticSecret,
    pub rid: Rid,
    pub relay_kind: RelayKind,
    pub address: Option<String>,
    pub expires_in: Option<u32>,
    pub api: Option<String>,
    pub public_url: Mutex<String>,
    pub relay_origin: Option<String>,
    pub online: watch::Sender<bool>,
    pub stopper: Stopper,
    pub devices: Devices,
    pub connections: Connections,
    pub board: Board,
    pub following: Following,
    pub decisions: decisions::Index,
    pub streams: Streams,
    /// The sessions that are being started again.
    pub restarting: Once<SessionId>,
    /// The conversations that are being opened or forgotten.
    pub conversing: Once<String>,
    pub tokens: Tokens,
    pub asks: Asks,
    pub opened: Opened,
    pub said: Said,
    pub tasks: TaskTracker,
    pub notices: broadcast::Sender<Notice>,
    invitations: Mutex<Invitations>,
    waiting: Mutex<HashMap<DeviceId, Waiting>>,
    awake: Mutex<Option<Awake>>,
}

/// What [`Core::new`] is made from.
pub(crate) struct Parts {
    pub paths: Paths,
    pub key: StaticSecret,
    pub rid: Rid,
    pub devices: Devices,
    pub tokens: Tokens,
    pub opts: crate::Opts,
    pub stopper: Stopper,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    pub fn new(parts: Parts) -> Self {
        let Parts { paths, key, rid, devices, tokens, opts, stopper } = parts;
        Self {
            paths,
            name: opts.name,
            version: opts.version,
            program: opts.program,
            key,
            rid,
            relay_kind: opts.relay_kind,
            address: opts.address,
            expires_in: opts.expires_in,
            api: opts.api,
            public_url: Mutex::new(opts.public_url),
            relay_origin: opts.relay_origin,
            online: watch::Sender::new(false),
            stopper,
            devices,
            connections: Connections::default(),
            board: Board::default(),
            following: Following::default(),
            decisions: decisions::Index::default(),
            streams: Streams::default(),
            restarting: Once::default(),
            conversing: Once::default(),
            tokens,
            asks: Asks::default(),
            opened: Opened::default(),
            said: Said::default(),
            tasks: TaskTracker::new(),
            notices: broadcast::Sender::new(NOTICES),
            invitations: Mutex::default(),
            waiting: Mutex::default(),
            awake: Mutex::default(),
        }
    }

    /// The invitations, for a moment.
    pub fn invitations(&self) -> MutexGuard<'_, Invitations> {
        lock(&self.invitations)
    }

    /// Where the page is.
    pub fn public_url(&self) -> String {
        lock(&self.public_url).clone()
    }

    /// A new page.
    pub fn set_public_url(&self, url: String) {
        *lock(&self.public_url) = url;
    }

    /// Whether the machine is kept awake, once that is known.
    pub fn awake(&self) -> Option<Awake> {
        lock(&self.awake).clone()
    }

    /// It is, or is not.
    pub fn set_awake(&self, awake: Awake) {
        *lock(&self.awake) = Some(awake);
    }

    /// Tells every owner who watches. Nobody watching is no mistake.
    pub fn notify(&self, notice: Notice) {
        let _ = self.notices.send(notice);
    }

    /// Puts the question whether a device may be enrolled. `None` where too many wait already.
    pub fn ask(
        &self,
        invitation: &InvitationId,
        device: &DeviceId,
        label: &str,
        words: &str,
    ) -> Option<oneshot::Receiver<bool>> {
        let (invitation, device) = (invitation.clone(), device.clone());
        let notice = Notice::ConfirmPairing {
            invitation,
            device: device.clone(),
            label: label.to_owned(),
            words: words.to_owned(),
        };
        let (answer, answered) = oneshot::channel();
        let mut waiting = lock(&self.waiting);
        if waiting.len() == MAX_WAITING {
            return None;
        }
        waiting.insert(device, Waiting { notice: notice.clone(), answer });
        drop(waiting);
        self.notify(notice);
        Some(answered)
    }

    /// A question is settled or moot.
    pub fn ask_no_more(&self, device: &DeviceId) {
        lock(&self.waiting).remove(device);
    }

    /// Answers a question; false where nobody waits for it.
    pub fn answer(&self, device: &DeviceId, allow: bool) -> bool {
        let waiting = lock(&self.waiting).remove(device);
        waiting.is_some_and(|waiting| waiting.answer.send(allow).is_ok())
    }

    /// The questions that are open, for a watcher who comes after they were put.
    pub fn questions(&self) -> Vec<Notice> {
        lock(&self.waiting).values().map(|waiting| waiting.notice.clone()).collect()
    }
}

/// Unix milliseconds of this machine's clock; for people and for the audit, never for deadlines.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Random bytes from the system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => {
            tracing::error!(%error, "the system gives no random bytes");
            Err(failure(ErrorKind::Internal, "the system gives no random bytes", ""))
        }
    }
}

/// A failure as people read it.
pub(crate) fn failure(kind: ErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure { kind, message: message.into(), hint: hint.into() }
}

/// A failure of the disk.
pub(crate) fn disk(error: &store::Error) -> Failure {
    failure(ErrorKind::Environment, error.to_string(), error.hint())
}
