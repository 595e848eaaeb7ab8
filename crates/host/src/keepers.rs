//! The keepers: those that run already, those that the daemon starts, and the wire to each.
//!
//! The daemon owns none of them. It finds them by their sockets, watches each for its summary, and can be killed at
//! any time without one noticing more than a connection that ended.

use crate::branch;
use crate::channel::Who;
use crate::core::{Core, failure};
use crate::spawn;
use crate::streams::Stream;
use link::{MessageReceiver, MessageSender, unix};
use serde::Deserialize;
use session::codec;
use session::id::{SessionId, StreamId};
use session::message::{
    Act, ApprovalState, Cursor, EndedBy, ErrorKind, Event, Failure, LostBy, Peer, RunState, Size, Summary,
    ToClient, ToHost, Ttl, VERSION,
};
use session::role;
use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::LogReader;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How long a keeper may take to answer.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);
/// How old a branch name may be before it is read again.
const BRANCH_FRESH: Duration = Duration::from_secs(2);
/// Attempts in a row that found nobody at a keeper's socket, after which it is taken for dead. A keeper that is only
/// slow, stopped or swapped out, is never.
const ATTEMPTS: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause between attempts at a keeper that is there and does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a keeper on its way out may hold its log behind its socket.
const LEAVING: Duration = Duration::from_secs(2);

/// The keepers that a task watches.
#[derive(Default)]
pub(crate) struct Following {
    ids: Mutex<HashSet<SessionId>>,
}

impl Following {
    fn lock(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a wire to a keeper begins with.
pub(crate) fn hello(stream: StreamId, peer: Option<Peer>) -> ToHost {
    let client = concat!("longrein-host/", env!("CARGO_PKG_VERSION")).to_owned();
    ToHost::Hello { client, version: VERSION, features: Vec::new(), stream, peer, token: None }
}

/// A connection to a keeper that has greeted, with `first` sent along.
pub(crate) async fn connect(
    path: &Path,
    hello: &ToHost,
    first: &ToHost,
) -> Result<(MessageSender, MessageReceiver), link::Error> {
    let (mut sender, receiver) = unix::connect(path).await?;
    sender.feed(hello, &[]).await?;
    sender.feed(first, &[]).await?;
    greeted(sender, receiver).await
}

/// Sends what was fed, and waits for the keeper's welcome.
async fn greeted(
    mut sender: MessageSender,
    mut receiver: MessageReceiver,
) -> Result<(MessageSender, MessageReceiver), link::Error> {
    sender.flush().await?;
    let welcome = timeout(ANSWER, receiver.recv()).await.map_err(|_| link::Error::Timeout("a keeper"))??;
    let welcome = welcome.ok_or(link::Error::Cut)?;
    match codec::decode::<ToClient>(&welcome) {
        Ok((ToClient::Welcome { .. }, _)) => Ok((sender, receiver)),
        Ok(_) => Err(link::Error::Malformed("a keeper did not say welcome".into())),
        Err(error) => Err(link::Error::Malformed(error.to_string())),
    }
}

/// Finds every keeper that runs and every session that lies on the disk.
pub(crate) async fn adopt(core: &Arc<Core>) -> Result<(), store::Error> {
    let mut settled = Vec::new();
    for id in core.paths.keepers()? {
        if let Ok(id) = id.parse::<SessionId>() {
            settled.extend(follow(core, id));
        }
    }
    let by = Instant::now() + ANSWER;
    for settle in settled {
        // What is there must be known before anybody can ask; a keeper that hangs may not hold up the others.
        let _ = timeout_at(by, settle).await;
    }
    for id in core.paths.sessions()? {
        if let Ok(id) = id.parse::<SessionId>()
            && core.board.summary(&id).is_none()
        {
            let followed = core.following.lock().contains(&id);
            show_from_disk(core, &id, followed);
        }
    }
    Ok(())
}

/// Watches a keeper from here on, unless somebody does. The receiver hears when its first summary is on the board,
/// or that there will be none.
pub(crate) fn follow(core: &Arc<Core>, id: SessionId) -> Option<tokio::sync::oneshot::Receiver<()>> {
    if !core.following.lock().insert(id.clone()) {
        return None;
    }
    let (first, heard) = tokio::sync::oneshot::channel();
    let shared = Arc::clone(core);
    core.tasks.spawn(async move {
        let core = shared;
        tokio::select! {
            () = watch(&core, &id, first) => {}
            () = core.stopper.stopped() => {}
        }
        core.following.lock().remove(&id);
        core.streams.forget(&id);
    });
    Some(heard)
}

async fn watch(core: &Core, id: &SessionId, first: tokio::sync::oneshot::Sender<()>) {
    let mut first = Some(first);
    let (mut nobody, mut pause) = (0, FIRST_PAUSE);
    while nobody < ATTEMPTS {
        match watch_once(core, id, &mut first).await {
            Ok(Watched::Ended) => return,
            Ok(Watched::Cut { heard }) => {
                nobody = 0;
                pause = if heard { FIRST_PAUSE } else { pause * 2 };
            }
            Err(error) if nobody_listens(&error) => {
                nobody += 1;
                pause = FIRST_PAUSE;
            }
            Err(error) => {
                tracing::debug!(session = %id, %error, "a keeper does not answer");
                nobody = 0;
                pause *= 2;
            }
        }
        pause = pause.min(LONGEST_PAUSE);
        sleep(pause).await;
    }
    show_from_disk(core, id, false);
}

/// Whether nobody is at a keeper's socket. Everything else is a keeper that may answer later.
fn nobody_listens(error: &link::Error) -> bool {
    let link::Error::Io { source, .. } = error else { return false };
    matches!(source.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound)
}

enum Watched {
    /// The program ended; the rest is history.
    Ended,
    /// The connection is gone.
    Cut { heard: bool },
}

async fn watch_once(
    core: &Core,
    id: &SessionId,
    first: &mut Option<tokio::sync::oneshot::Sender<()>>,
) -> Result<Watched, link::Error> {
    let path =
        core.paths.keeper_sock(id.as_str()).map_err(|error| link::Error::Malformed(error.to_string()))?;
    let stream = StreamId::from_random([0; 10]);
    let (_sender, mut receiver) = connect(&path, &hello(stream, None), &ToHost::Watch {}).await?;
    let mut branch: Option<(Instant, Option<String>)> = None;
    let mut heard = false;
    while let Some(message) = receiver.recv().await? {
        let Ok((ToClient::Changed { mut summary }, _)) = codec::decode::<ToClient>(&message) else {
            continue;
        };
        if summary.id != *id {
            return Err(link::Error::Malformed("a keeper spoke of another session".into()));
        }
        let now = Instant::now();
        let fresh = branch.take().filter(|(read, _)| now.duration_since(*read) < BRANCH_FRESH);
        let known = fresh.unwrap_or_else(|| (now, branch::of(Path::new(&summary.cwd))));
        summary.branch.clone_from(&known.1);
        branch = Some(known);
        heard = true;
        let running = summary.run == RunState::Running;
        core.board.put(if running { *summary } else { settled(*summary) });
        if let Some(first) = first.take() {
            let _ = first.send(());
        }
        if !running {
            return Ok(Watched::Ended);
        }
    }
    Ok(Watched::Cut { heard })
}

/// An ended session's summary: whoever keeps it now is nobody's concern.
fn settled(mut summary: Summary) -> Summary {
    summary.keeper_pid = None;
    summary.attached = 0;
    summary.ends_at = None;
    if let RunState::Ended { at, .. } | RunState::Lost { at, .. } = summary.run {
        for approval in summary.approvals.iter_mut().filter(|one| one.state == ApprovalState::Pending) {
            approval.state = ApprovalState::Withdrawn { decided_at: at };
        }
    }
    summary
}

/// What a keeper wrote beside its session's log.
#[derive(Deserialize)]
struct Meta {
    #[serde(flatten)]
    summary: Summary,
    /// The boot that it ran in.
    #[serde(default)]
    boot: String,
}

fn meta(core: &Core, id: &SessionId) -> Option<Meta> {
    let text = std::fs::read(core.paths.session_meta(id.as_str())).ok()?;
    serde_json::from_slice::<Meta>(&text).ok().filter(|meta| meta.summary.id == *id)
}

/// What can be said of a session whose summary was lost: its log may still be whole.
fn from_log(core: &Core, id: &SessionId) -> Option<Meta> {
    let looked = LogReader::open(&core.paths.session_log(id.as_str())).and_then(|log| log.ends());
    let (first, last) =
        looked.inspect_err(|error| tracing::debug!(session = %id, %error, "no log")).ok()??;
    let run = match serde_json::from_str(&last.header) {
        Ok(Event::Exit { exit }) => RunState::Ended { exit, at: last.at, by: EndedBy::Itself },
        Ok(_) | Err(_) => RunState::Running,
    };
    let summary = Summary {
        id: id.clone(),
        name: "(unknown)".to_owned(),
        command: Vec::new(),
        cwd: String::new(),
        branch: None,
        run,
        keeper_pid: None,
        started_at: first.at,
        ends_at: None,
        continues: None,
        imported: false,
        last_activity: last.at,
        title: String::new(),
        size: Size { cols: 80, rows: 24 },
        // The epoch is not known, and told by whoever serves it.
        head: Cursor { epoch: 1, seq: last.seq },
        attached: 0,
        preview: Vec::new(),
        approvals: Vec::new(),
        grants: Vec::new(),
        agent: None,
    };
    Some(Meta { summary, boot: String::new() })
}

/// How a session looked when its keeper last wrote it down, with its whole command: on the board that may be cut.
pub(crate) fn remembered(core: &Core, id: &SessionId) -> Option<Summary> {
    meta(core, id).map(|meta| meta.summary)
}

/// Puts on the board a session that somebody else put in its place.
pub(crate) fn show_placed(core: &Core, id: &SessionId) -> Result<(), Failure> {
    if core.board.summary(id).is_none() {
        show_from_disk(core, id, false);
    }
    core.board.summary(id).map(drop).ok_or_else(no_such_session)
}

/// Puts on the board what the last keeper of a session wrote. Where a keeper is there and only does not answer, that is
/// how the session was when it still did.
fn show_from_disk(core: &Core, id: &SessionId, followed: bool) {
    let Some(Meta { mut summary, boot }) = meta(core, id).or_else(|| from_log(core, id)) else {
        tracing::warn!(session = %id, "a session without a readable summary or log is not shown");
        core.board.remove(id);
        return;
    };
    summary.branch = branch::of(Path::new(&summary.cwd));
    if summary.run == RunState::Running {
        if followed {
            core.board.put(summary);
            return;
        }
        let by = LostBy::of_boots(&boot, &store::boot_id());
        summary.run = RunState::Lost { at: summary.last_activity, by };
    }
    core.board.put(settled(summary));
}

/// How a session that does not run any more is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// A keeper is there: it only lingers, or reads.
    Kept,
    /// Nobody has its log.
    Left,
}

/// Makes sure that no keeper has a session that still runs, whatever the board says of it.
pub(crate) async fn ensure_over(core: &Arc<Core>, id: &SessionId) -> Result<Over, Failure> {
    let path = core.paths.keeper_sock(id.as_str()).map_err(|error| crate::core::disk(&error))?;
    let asked = async {
        let hello = hello(StreamId::from_random([0; 10]), None);
        let (_sender, mut receiver) = connect(&path, &hello, &ToHost::Watch {}).await?;
        changed(&mut receiver).await.map(|summary| summary.run)
    };
    match timeout(ANSWER, asked).await.unwrap_or(Err(link::Error::Timeout("a keeper"))) {
        Ok(RunState::Running) => {
            follow(core, id.clone());
            Err(failure(ErrorKind::Invalid, "the session still runs", "end it first"))
        }
        Ok(RunState::Ended { .. } | RunState::Lost { .. }) => Ok(Over::Kept),
        Err(error) if nobody_listens(&error) => {
            let by = Instant::now() + LEAVING;
            while store::log_in_use(&core.paths.session_log(id.as_str())) {
                if Instant::now() >= by {
                    let message = "a keeper that does not answer has the session's log";
                    return Err(failure(
                        ErrorKind::Environment,
                        message,
                        "`longrein doctor` looks at what runs",
                    ));
                }
                sleep(FIRST_PAUSE).await;
            }
            Ok(Over::Left)
        }
        Err(error) => Err(cannot_ask(&error)),
    }
}

/// A wire to the keeper of `id` that has sent `first`. Where the program ended and its keeper is gone, a keeper that
/// only reads is started.
pub(crate) async fn reach(
    core: &Arc<Core>,
    id: &SessionId,
    hello: &ToHost,
    first: &ToHost,
) -> Result<(MessageSender, MessageReceiver), Failure> {
    let path = core.paths.keeper_sock(id.as_str()).map_err(|error| crate::core::disk(&error))?;
    let error = match connect(&path, hello, first).await {
        Ok(wire) => return Ok(wire),
        Err(error) => error,
    };
    match core.board.summary(id) {
        None => Err(no_such_session()),
        Some(summary) if summary.run == RunState::Running => {
            tracing::warn!(session = %id, %error, "a running session's keeper does not answer");
            Err(failure(
                ErrorKind::Environment,
                "the session's keeper does not answer",
                "`longrein doctor` looks at what runs",
            ))
        }
        Some(_) => {
            spawn::reader(core, id).await?;
            connect(&path, hello, first).await.map_err(|error| {
                failure(ErrorKind::Internal, format!("the session's log cannot be read: {error}"), "")
            })
        }
    }
}

/// Ends a session's program.
pub(crate) async fn stop(core: &Arc<Core>, id: &SessionId, who: &Who) -> Result<(), Failure> {
    let running = core.board.summary(id).is_some_and(|summary| summary.run == RunState::Running);
    match command(core, id, who, Act::Stop, &[]).await.map(drop) {
        // It ended by itself just before: that is what was asked for.
        Err(why) if why.kind == ErrorKind::Ended && running => Ok(()),
        settled => settled,
    }
}

/// Ends a session's program where it runs, and waits until it has ended, however long that takes.
pub(crate) async fn end(core: &Arc<Core>, id: &SessionId, who: &Who) -> Result<(), Failure> {
    match stop(core, id, who).await {
        Err(why) if why.kind == ErrorKind::Ended => return Ok(()),
        settled => settled?,
    }
    let mut watching = core.board.watch();
    while core.board.summary(id).is_some_and(|summary| summary.run == RunState::Running) {
        watching.changed().await;
    }
    Ok(())
}

/// Says when a session is to end by itself, and gives when that is now.
pub(crate) async fn set_ttl(
    core: &Arc<Core>,
    id: &SessionId,
    who: &Who,
    ttl: Ttl,
) -> Result<Option<u64>, Failure> {
    let (mut sender, mut receiver, _) = command(core, id, who, Act::Ttl(ttl), &[]).await?;
    let asked = async {
        sender.send(&ToHost::Watch {}, &[]).await?;
        changed(&mut receiver).await
    };
    match timeout(ANSWER, asked).await.unwrap_or(Err(link::Error::Timeout("a keeper"))) {
        Ok(summary) => Ok(summary.ends_at),
        Err(error) => Err(cannot_ask(&error)),
    }
}

/// Has a keeper do something, for somebody who is not attached to it. Gives the wire to it, and as which command it was done.
pub(crate) async fn command(
    core: &Arc<Core>,
    id: &SessionId,
    who: &Who,
    act: Act,
    payload: &[u8],
) -> Result<(MessageSender, MessageReceiver, Stream), Failure> {
    let summary = core.board.summary(id).ok_or_else(no_such_session)?;
    let ended = || Err(why_ended(&summary, &act));
    if matches!(summary.run, RunState::Ended { .. }) {
        return ended();
    }
    let path = core.paths.keeper_sock(id.as_str()).map_err(|error| crate::core::disk(&error))?;
    let key = (id.clone(), who.peer.device.clone());
    let stream = core.streams.take(&key)?;
    let decides = matches!(act, Act::Decide { .. });
    let command = ToHost::Command { session: id.clone(), n: stream.n, act: act.clone() };
    let asked = async {
        let (mut sender, receiver) = unix::connect(&path).await?;
        sender.feed(&hello(stream.id.clone(), Some(who.peer.clone())), &[]).await?;
        let (mut sender, mut receiver) = greeted(sender, receiver).await?;
        // Whoever asked may have been shut out meanwhile.
        if !may_still(core, who, &command) {
            return Ok(None);
        }
        sender.send(&command, payload).await?;
        loop {
            let message = receiver.recv().await?.ok_or(link::Error::Cut)?;
            match codec::decode::<ToClient>(&message) {
                Ok((ToClient::Applied { n, .. }, _)) if n == stream.n => {
                    return Ok(Some(Ok((sender, receiver, stream.clone()))));
                }
                Ok((ToClient::Refused { n, why, .. }, _)) if n == stream.n => return Ok(Some(Err(why))),
                _ => {}
            }
        }
    };
    match timeout(ANSWER, asked).await {
        Ok(Ok(None)) => Err(failure(
            ErrorKind::Forbidden,
            "the host has shut out whoever asked for this",
            "a device can be paired again, and a token made anew",
        )),
        Ok(Ok(Some(settled))) => {
            // A keeper that has too many streams did not take the number, and one whose program ended takes no other. That
            // an approval is over already is an answer like any.
            let over = |why: &Failure| match why.kind {
                ErrorKind::Limited => true,
                ErrorKind::Ended => !decides,
                _ => false,
            };
            if !settled.as_ref().is_err_and(over) {
                core.streams.settled(key, stream);
            }
            // Where the board took it for lost, it was not.
            follow(core, id.clone());
            settled
        }
        Ok(Err(error)) if nobody_listens(&error) && summary.run != RunState::Running => ended(),
        Ok(Err(error)) => Err(cannot_ask(&error)),
        Err(_) => Err(cannot_ask(&link::Error::Timeout("a keeper"))),
    }
}

/// Why nothing is done any more in a session that has ended: where something was to be decided, what became of that.
fn why_ended(summary: &Summary, act: &Act) -> Failure {
    let decided = match act {
        Act::Decide { approval, .. } => summary.approvals.iter().find(|one| one.id == *approval),
        _ => None,
    };
    match decided.map(|approval| &approval.state) {
        None | Some(ApprovalState::Pending) => failure(ErrorKind::Ended, "the session has ended already", ""),
        Some(over) => session::approval::too_late(over),
    }
}

/// Whether somebody may do this now, and not only when they asked for it.
fn may_still(core: &Core, who: &Who, command: &ToHost) -> bool {
    let device = who.peer.device.as_ref();
    core.tokens.still_holds(who.token.as_ref())
        && device
            .is_none_or(|id| core.devices.describe(id).is_some_and(|(_, role)| role::allows(role, command)))
}

/// The next summary that a keeper tells of.
async fn changed(receiver: &mut MessageReceiver) -> Result<Summary, link::Error> {
    loop {
        let message = receiver.recv().await?.ok_or(link::Error::Cut)?;
        if let Ok((ToClient::Changed { summary }, _)) = codec::decode::<ToClient>(&message) {
            return Ok(*summary);
        }
    }
}

pub(crate) fn cannot_ask(error: &link::Error) -> Failure {
    failure(ErrorKind::Environment, format!("the session's keeper does not answer: {error}"), "")
}

pub(crate) fn no_such_session() -> Failure {
    failure(ErrorKind::NotFound, "there is no such session", "`longrein ls` lists them")
}
