//! A keeper's life: from what it is told on standard input to the clean close of its log.

use crate::approvals;
use crate::beside::{self, Beside};
use crate::clients;
use crate::clock;
use crate::disk::Disk;
use crate::ending;
use crate::journal::{self, Journal};
use crate::program::{self, Program, StartError};
use crate::screen::{Model, Origin};
use crate::served;
use crate::session::{About, Parts, Session, failure};
use crate::side;
use crate::spec::Spec;
use crate::structured::{self, Streams, Structured};
use crate::tail;
use crate::upkeep::{self, Meta};
use agent::adapter::{Adapter, Input, Looked};
use agent::family::{self, Launch, Launched};
use agent::{SpawnSpec, clean_env};
use bytes::Bytes;
use link::unix::Listener;
use session::id::SessionId;
use session::message::{EndedBy, ErrorKind, Event, Failure, LostBy, RunState, Size, Ttl};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;
use store::{Paths, SessionLog};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep, timeout};

/// The size until somebody attaches.
const FIRST_SIZE: Size = Size { cols: 80, rows: 24 };
/// Exit statuses above it are of programs that a signal ended.
const BY_SIGNAL: i32 = 128;
/// Within this a machine that shuts down has told everybody to end.
const ALL_TOLD: Duration = Duration::from_millis(200);
/// Within this its transcript is read to the end.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a keeper stays after its program ended and its last client left.
const LINGER: Duration = Duration::from_secs(30);
/// How long it stays at most while its log does not take what was shown, which is nowhere else: long enough for a person
/// to make room on the disk.
const UNLOGGED_LINGER: Duration = Duration::from_hours(24);
/// How long a reader stays after its last client left.
const READ_LINGER: Duration = Duration::from_mins(1);
/// Events read at once to find how a session ended.
const ENDING: u64 = 64 * 1024;

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Spawn(error) => error.into(),
            StartError::Watch(_) => {
                failure(ErrorKind::Environment, error.to_string(), "see the system's log")
            }
        }
    }
}

/// So that programs in the session find `longrein`, also where its folder is in nobody's `PATH`: behind all others then.
fn find_ourselves(env: &mut [(String, String)]) {
    let Ok(ourselves) = std::env::current_exe() else { return };
    let (Some(name), Some(folder)) = (ourselves.file_name(), ourselves.parent().and_then(Path::to_str))
    else {
        return;
    };
    let Some((_, path)) = env.iter_mut().rev().find(|(name, _)| name == "PATH") else { return };
    let found = std::env::split_paths(path).any(|folder| folder.join(name).is_file());
    if !found && !folder.contains(':') {
        path.push(':');
        path.push_str(folder);
    }
}

fn disk(error: &store::Error) -> Failure {
    failure(ErrorKind::Environment, error.to_string(), error.hint())
}

fn environment(what: &str, error: &dyn std::fmt::Display) -> Failure {
    failure(ErrorKind::Environment, format!("{what}: {error}"), "")
}

/// Keeps a session until its program has ended and nobody needs it any more. `ready` is called once the program runs and
/// the socket answers. Needs a tokio `LocalRuntime`.
pub async fn keep(mut spec: Spec, ready: impl FnOnce()) -> Result<(), Failure> {
    let id = spec.session.as_str();
    spec.paths.create_session_dir(id).map_err(|error| disk(&error))?;
    let mut log =
        SessionLog::open(&spec.paths.session_log(id), &store::boot_id()).map_err(|error| disk(&error))?;
    let listener = listen(&spec.paths, id).await?;
    let size = spec.size.unwrap_or(FIRST_SIZE).clamped();
    let (children, stop) = (listen_for(SignalKind::child())?, listen_for(SignalKind::terminate())?);
    let orphans = listen_for(SignalKind::child())?;
    adopt();
    // A keeper has no terminal; whoever hangs up, it is not meant.
    let _hangup = listen_for(SignalKind::hangup())?;
    let env = spec.env.take().unwrap_or_else(|| std::env::vars_os().filter_map(text).collect());
    let mut env = clean_env(env);
    env.push(("LONGREIN_SESSION".to_owned(), id.to_owned()));
    find_ourselves(&mut env);
    // So that `longrein` inside a session speaks to the host that the session belongs to.
    env.extend(std::env::var("LONGREIN_HOME").ok().map(|home| ("LONGREIN_HOME".to_owned(), home)));
    let started = start(&spec, env, size).await;
    let (started, adapter, beside) = match started {
        Ok(started) => started,
        Err(why) => {
            // Nothing happened in it; the folder goes with the session.
            let _ = log.close();
            return Err(why);
        }
    };
    let about = About {
        id: spec.session.clone(),
        name: spec.name,
        command: spec.command,
        cwd: spec.cwd,
        started_at: clock::unix_ms(),
        continues: spec.continues,
        imported: false,
        keeper_pid: Some(std::process::id()),
    };
    let meta = spec.paths.session_meta(id);
    let parts = parts(log, meta, spec.log_limit, Origin { size, log: None })?;
    let parts = Parts { patience_ms: spec.patience_ms, expires_in: spec.expires_in, ..parts };
    let session = Rc::new(Session::new(about, parts, size, RunState::Running));
    session.append(Event::Resize { size }, Bytes::new());
    let shared = beside.as_ref().map(|(beside, _)| Rc::clone(beside));
    let running = session.set_running(started, adapter, shared);
    if let Some(seconds) = spec.ttl {
        session.set_ttl(Ttl::In { seconds })?;
    }
    upkeep::store_summary(&session);
    session.disk.wait();
    let mut tasks = vec![
        spawn_local(clients::accept(Rc::clone(&session), listener)),
        spawn_local(side::watch(Rc::clone(&session))),
        spawn_local(side::look(Rc::clone(&session))),
        spawn_local(tail::watch(Rc::clone(&session))),
        spawn_local(served::watch(Rc::clone(&session))),
        spawn_local(upkeep::show(Rc::clone(&session))),
        spawn_local(upkeep::news(Rc::clone(&session))),
        spawn_local(upkeep::trim(Rc::clone(&session))),
        spawn_local(upkeep::retry(Rc::clone(&session))),
        spawn_local(ending::watch(Rc::clone(&session))),
        spawn_local(approvals::watch(Rc::clone(&session))),
        spawn_local(program::reap(Rc::clone(&session), orphans)),
    ];
    let driven = beside.map(|(beside, link)| spawn_local(beside::drive(Rc::clone(&session), beside, link)));
    tasks.extend(driven);
    ready();
    let life = async {
        let exit = match running {
            Running::Terminal(program) => {
                let input = spawn_local(program::write_input(Rc::clone(&session), Rc::clone(&program)));
                let exit = program::drive(&session, &program, children).await;
                input.abort();
                exit
            }
            Running::Structured(structured, streams) => {
                structured::drive(&session, &structured, streams).await
            }
        };
        if session.tail().is_some() {
            // What the agent wrote down as it ended comes before its end.
            sleep(LAST_WORDS).await;
        }
        let by = session.inner.borrow().ended_by;
        if exit > BY_SIGNAL && by == EndedBy::Itself {
            // Perhaps of the same hand that ends everything: what it tells us may take a moment longer to be heard.
            sleep(ALL_TOLD).await;
        }
        session.end(exit);
        linger(&session, LINGER).await;
    };
    live(&session, life, stop).await;
    end(&session, tasks).await
}

/// Serves the log of a session whose keeper is gone, read only, until nobody needs it any more.
pub async fn read(id: SessionId, paths: Paths, ready: impl FnOnce()) -> Result<(), Failure> {
    if !paths.session_log(id.as_str()).exists() {
        return Err(failure(ErrorKind::NotFound, "no such session", ""));
    }
    let log =
        SessionLog::open(&paths.session_log(id.as_str()), &store::boot_id()).map_err(|error| disk(&error))?;
    let listener = listen(&paths, id.as_str()).await?;
    let stop = listen_for(SignalKind::terminate())?;
    let last = ending(&log).map_err(|error| disk(&error))?;
    let path = paths.session_meta(id.as_str());
    let meta: Option<Meta> = std::fs::read(&path).ok().and_then(|json| serde_json::from_slice(&json).ok());
    let boot = meta.as_ref().map_or("", |meta| &meta.boot);
    let lost_by = LostBy::of_boots(boot, &store::boot_id());
    let remembered = meta.map(|meta| meta.summary);
    let run = match (last, remembered.as_ref().map(|summary| &summary.run)) {
        ((Some(_), _), Some(ended @ RunState::Ended { .. })) => ended.clone(),
        ((Some(exit), at), _) => RunState::Ended { exit, at, by: EndedBy::Itself },
        ((None, at), _) => RunState::Lost { at, by: lost_by },
    };
    let size = remembered.as_ref().map_or(FIRST_SIZE, |summary| summary.size);
    let about = About {
        id: id.clone(),
        name: remembered.as_ref().map(|summary| summary.name.clone()).unwrap_or_default(),
        command: remembered.as_ref().map(|summary| summary.command.clone()).unwrap_or_default(),
        cwd: remembered.as_ref().map(|summary| summary.cwd.clone()).unwrap_or_default(),
        started_at: remembered.as_ref().map_or(0, |summary| summary.started_at),
        continues: remembered.as_ref().and_then(|summary| summary.continues.clone()),
        imported: remembered.as_ref().is_some_and(|summary| summary.imported),
        keeper_pid: None,
    };
    let reader = log.reader().map_err(|error| disk(&error))?;
    let parts = parts(log, path, u64::MAX >> 1, Origin { size, log: Some(reader) })?;
    let session = Rc::new(Session::new(about, parts, size, run));
    if let Some(summary) = remembered {
        session.set_remembered(summary, last.1);
    }
    let tasks = vec![spawn_local(clients::accept(Rc::clone(&session), listener))];
    ready();
    live(&session, linger(&session, READ_LINGER), stop).await;
    stop_tasks(&session, tasks).await;
    session.close().map_err(|error| disk(&error))
}

/// A program that runs.
enum Running {
    Terminal(Rc<Program>),
    Structured(Rc<Structured>, Streams),
}

impl Session {
    fn set_running(
        &self,
        started: Running,
        adapter: Box<dyn Adapter>,
        beside: Option<Rc<Beside>>,
    ) -> Running {
        match &started {
            Running::Terminal(program) => {
                self.set_program(Rc::clone(program));
                self.set_side(adapter, None, beside);
                // What it has to say from the start is said, whatever the program does.
                self.hear(Input::Looked(&Looked::default()));
            }
            Running::Structured(structured, _) => self.set_side(adapter, Some(Rc::clone(structured)), beside),
        }
        started
    }
}

type Started = (Running, Box<dyn Adapter>, Option<(Rc<Beside>, beside::Link)>);

async fn start(spec: &Spec, mut env: Vec<(String, String)>, size: Size) -> Result<Started, Failure> {
    let cwd = PathBuf::from(&spec.cwd);
    let ourselves =
        std::env::current_exe().map_err(|error| environment("our own program is not found", &error))?;
    let hook = [ourselves.to_string_lossy().into_owned(), "hook".to_owned()];
    let folder = spec.paths.session_dir(spec.session.as_str());
    let before = spec.continues.as_ref().map(|id| spec.paths.session_dir(id.as_str()));
    let mut launched = family::launch(&Launch {
        command: &spec.command,
        agent: spec.agent.as_ref(),
        cwd: &cwd,
        env: &env,
        hook: &hook,
        folder: &folder,
    })?;
    let mut shared = None;
    if let Some(beside) = launched.beside.take() {
        let spec = SpawnSpec { command: Vec::new(), cwd: cwd.clone(), env: env.clone(), size };
        match Beside::start(&beside, spec, &folder, before.as_deref()).await {
            Ok(started) => shared = Some(started),
            Err(why) => {
                tracing::warn!(%why, "the agent's server cannot be shared");
                launched = *beside.otherwise;
            }
        }
    }
    let Launched { command, env: more, structured, adapter, .. } = launched;
    env.extend(more);
    let spec = SpawnSpec { command, cwd, env, size };
    let running = if structured {
        let (structured, streams) = Structured::start(&spec).map_err(StartError::from)?;
        Running::Structured(structured, streams)
    } else {
        Running::Terminal(Rc::new(Program::start(&spec)?))
    };
    Ok((running, adapter, shared))
}

fn parts(log: SessionLog, meta: PathBuf, limit: u64, origin: Origin) -> Result<Parts, Failure> {
    let streams = log.streams().map_err(|error| disk(&error))?;
    let reader = log.reader().map_err(|error| disk(&error))?;
    let uploads = meta.with_file_name("files");
    let chat = last_chat(&log).map_err(|error| disk(&error))?;
    let thread = |error: std::io::Error| environment("a thread cannot be started", &error);
    Ok(Parts {
        journal: Journal::new(log, limit),
        model: Model::start(origin).map_err(thread)?,
        disk: Disk::start(reader, meta).map_err(thread)?,
        streams,
        patience_ms: 0,
        expires_in: None,
        uploads,
        chat,
    })
}

/// The last event of the chat in the log; 0 where there is none.
fn last_chat(log: &SessionLog) -> Result<u64, store::Error> {
    let mut before = u64::MAX;
    loop {
        let entries = log.read_past(before, ENDING)?;
        let Some(first) = entries.last() else { return Ok(0) };
        before = first.seq;
        let is_chat = |entry: store::Entry| {
            let record = journal::record(entry);
            matches!(record.event, Event::Chat { .. }).then_some(record.mark.seq)
        };
        if let Some(seq) = entries.into_iter().find_map(is_chat) {
            return Ok(seq);
        }
    }
}

/// The exit status in the log, and when the last event was.
fn ending(log: &SessionLog) -> Result<(Option<i32>, u64), store::Error> {
    let mut after = log.head().seq.saturating_sub(16).max(log.trimmed().seq);
    let (mut exit, mut at) = (None, 0);
    loop {
        let entries = log.read_after(after, ENDING)?;
        let Some(last) = entries.last() else { return Ok((exit, at)) };
        (after, at) = (last.seq, last.at);
        for record in entries.into_iter().map(journal::record) {
            if let Event::Exit { exit: status } = record.event {
                exit = Some(status);
            }
        }
    }
}

async fn listen(paths: &Paths, id: &str) -> Result<Listener, Failure> {
    let path = paths.keeper_sock(id).map_err(|error| disk(&error))?;
    Listener::bind(&path).await.map_err(|error| environment("the keeper's socket cannot be made", &error))
}

/// Whatever outlives its parent inside the session becomes the keeper's own child, so that a program stays recognizable as
/// one of this session. Other systems know nothing like it.
fn adopt() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::warn!(%error, "orphans of the session go to the system");
    }
}

fn listen_for(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| environment("signals cannot be listened to", &error))
}

fn text((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

/// Runs a life to its end, or, when the keeper is told to stop, until its program has ended.
async fn live(session: &Session, life: impl Future<Output = ()>, mut stop: Signal) {
    let mut life = std::pin::pin!(life);
    tokio::select! {
        // Where everything is told to end at once, the program may be gone already; that it was the machine comes first.
        biased;
        _ = stop.recv() => {}
        () = &mut life => return,
    }
    session.stop(EndedBy::Machine);
    let ended = async {
        while !session.has_ended() {
            session.over.notified().await;
        }
    };
    tokio::select! {
        () = &mut life => {}
        () = ended => {}
    }
}

/// Returns when nobody has been attached for so long and the log has all that was shown, or does not take it for
/// [`UNLOGGED_LINGER`].
async fn linger(session: &Session, patience: Duration) {
    let by = Instant::now() + UNLOGGED_LINGER;
    loop {
        if session.attached() > 0 {
            session.turnover.notified().await;
        } else if timeout(patience, session.turnover.notified()).await.is_err()
            && (!session.is_paused() || Instant::now() >= by)
        {
            return;
        }
    }
}

/// The end of a session whose program was here. What a full disk kept out of the log is tried a last time.
async fn end(session: &Session, tasks: Vec<JoinHandle<()>>) -> Result<(), Failure> {
    stop_tasks(session, tasks).await;
    upkeep::retry_once(session).await;
    upkeep::store_summary(session);
    session.close().map_err(|error| disk(&error))
}

async fn stop_tasks(session: &Session, tasks: Vec<JoinHandle<()>>) {
    session.store_streams();
    for task in tasks {
        task.abort();
        // It was told to; what it says about that is of no interest.
        let _ = task.await;
    }
}

#[cfg(test)]
pub(crate) mod tests;
