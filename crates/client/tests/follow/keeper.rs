//! A session behind a unix socket: the real replay and inbox machines over a log in memory, and a switch that cuts
//! every wire. Its screen is all that was ever written, so a snapshot is that.

use link::unix::Listener;
use link::{MessageReceiver, MessageSender};
use session::codec::{self, MAX_PAYLOAD};
use session::id::{SessionId, StreamId};
use session::inbox::{Inbox, Receipt};
use session::message::{Act, Cursor, Event, Size, ToClient, ToHost, VERSION};
use session::replay::{Mark, Next, OVERHEAD, Replay, View};
use session::role::Role;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::Paths;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub const DEADLINE: Duration = Duration::from_mins(1);
pub const SIZE: Size = Size { cols: 80, rows: 24 };

/// Waits, but not for ever.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what} did not happen in time"))
}

#[derive(Default)]
pub struct State {
    pub epoch: u32,
    events: Vec<(Event, Vec<u8>, Mark)>,
    inbox: Inbox,
    /// All that was typed.
    pub typed: Vec<u8>,
    pub acts: Vec<Act>,
    /// Commands are lost on the way; so many were.
    pub loses: Option<usize>,
    /// Each wire ends after it has sent so many messages.
    pub cut_after: Option<usize>,
    pub wires: usize,
    /// Says nothing any more, with every wire open.
    pub mute: bool,
    /// What the last ping asked for.
    pub every: Option<u32>,
    pub most_in_flight: u64,
}

impl State {
    fn mark(&self, seq: u64) -> Mark {
        match usize::try_from(seq).unwrap() {
            0 => Mark::default(),
            n => self.events[n - 1].2,
        }
    }

    fn view(&self) -> View {
        let head = self.mark(self.events.len() as u64);
        View { epoch: self.epoch, base: 0, head }
    }

    pub fn screen(&self) -> Vec<u8> {
        self.events.iter().flat_map(|(_, bytes, _)| bytes.clone()).collect()
    }
}

pub struct Session {
    pub id: SessionId,
    pub state: Mutex<State>,
    grown: watch::Sender<u64>,
    cut: watch::Sender<u64>,
}

impl Session {
    pub fn new() -> Arc<Self> {
        let state = State { epoch: 1, ..State::default() };
        Arc::new(Self {
            id: SessionId::from_random([1; 10]),
            state: Mutex::new(state),
            grown: watch::Sender::new(0),
            cut: watch::Sender::new(0),
        })
    }

    /// Adds an event to the log.
    pub fn log(&self, event: Event, bytes: &[u8]) {
        let mut state = self.state.lock().unwrap();
        let before = state.view().head;
        let mark = Mark { seq: before.seq + 1, bytes: before.bytes + bytes.len() as u64 + OVERHEAD };
        state.events.push((event, bytes.to_vec(), mark));
        drop(state);
        self.grown.send_modify(|times| *times += 1);
    }

    pub fn write(&self, bytes: &[u8]) {
        self.log(Event::Output, bytes);
    }

    /// Another life of the log: nothing of the old one is left.
    pub fn lose_log(&self) {
        let mut state = self.state.lock().unwrap();
        state.epoch += 1;
        state.events.clear();
        drop(state);
        self.cut_wires();
    }

    pub fn cut_wires(&self) {
        self.cut.send_modify(|times| *times += 1);
    }

    pub async fn typed(&self, length: usize) -> Vec<u8> {
        self.until(|state| state.typed.len() >= length).await;
        self.state.lock().unwrap().typed.clone()
    }

    pub async fn until(&self, done: impl Fn(&State) -> bool) {
        let mut grown = self.grown.subscribe();
        soon("what was expected of the session", async {
            while !done(&self.state.lock().unwrap()) {
                grown.changed().await.unwrap();
            }
        })
        .await;
    }

    /// Listens as the session's keeper, until the set is dropped.
    pub async fn listen(self: &Arc<Self>, paths: &Paths) -> JoinSet<()> {
        paths.create().unwrap();
        let listener = Listener::bind(&paths.keeper_sock(self.id.as_str()).unwrap()).await.unwrap();
        let mut tasks = JoinSet::new();
        let session = Arc::clone(self);
        tasks.spawn(async move {
            let mut wires = JoinSet::new();
            while let Ok((sender, receiver)) = listener.accept().await {
                wires.spawn(serve(Arc::clone(&session), sender, receiver));
            }
        });
        tasks
    }
}

/// One wire, until it ends or is cut.
pub async fn serve(session: Arc<Session>, mut sender: MessageSender, mut receiver: MessageReceiver) {
    session.state.lock().unwrap().wires += 1;
    let mut cut = session.cut.subscribe();
    cut.mark_unchanged();
    tokio::select! {
        _ = cut.changed() => {}
        _ = run(&session, &mut sender, &mut receiver) => {}
    }
}

async fn run(
    session: &Session,
    sender: &mut MessageSender,
    receiver: &mut MessageReceiver,
) -> Result<(), link::Error> {
    let mut grown = session.grown.subscribe();
    let mut stream: Option<StreamId> = None;
    let mut replay: Option<Replay> = None;
    let mut snapshot = Vec::new();
    let mut sent = 0;
    loop {
        let answer = tokio::select! {
            message = receiver.recv() => {
                let Some(message) = message? else { return Ok(()) };
                let (message, payload) = codec::decode::<ToHost>(&message).unwrap();
                let answer = handle(session, message, &payload, &mut stream, &mut replay);
                if session.state.lock().unwrap().mute {
                    continue;
                }
                answer
            }
            changed = grown.changed() => { changed.unwrap(); vec![] }
        };
        for message in answer {
            sender.feed(&message, &[]).await?;
        }
        if let Some(replay) = &mut replay {
            loop {
                let cut = session.state.lock().unwrap().cut_after.is_some_and(|most| sent >= most);
                if cut {
                    return sender.flush().await;
                }
                let (message, payload) = {
                    let mut state = session.state.lock().unwrap();
                    state.most_in_flight = state.most_in_flight.max(replay.in_flight());
                    let Some(next) = next(session, &state, replay, &mut snapshot) else { break };
                    next
                };
                sent += 1;
                sender.feed(&message, &payload).await?;
            }
        }
        sender.flush().await?;
    }
}

fn handle(
    session: &Session,
    message: ToHost,
    payload: &[u8],
    stream: &mut Option<StreamId>,
    replay: &mut Option<Replay>,
) -> Vec<ToClient> {
    let mut state = session.state.lock().unwrap();
    let own = session.id.clone();
    match message {
        ToHost::Hello { stream: theirs, .. } => {
            *stream = Some(theirs);
            vec![ToClient::Welcome {
                host: "stable".into(),
                program: "test/1".into(),
                version: VERSION,
                device: None,
                role: Role::Owner,
                features: vec![],
                time: 0,
            }]
        }
        ToHost::Attach { after, window, .. } => {
            let view = state.view();
            let began = Replay::new(after, window, &view, |seq| Some(state.mark(seq)));
            *replay = Some(began);
            let applied = state.inbox.settled(&(String::new(), stream.clone().unwrap()));
            let head = Cursor { epoch: state.epoch, seq: view.head.seq };
            vec![ToClient::Attached { session: own, head, size: SIZE, applied }]
        }
        ToHost::Ack { epoch, seq, part, .. } => {
            replay.as_mut().unwrap().handle_ack(epoch, seq, part, Instant::now());
            vec![]
        }
        ToHost::Command { n, act, .. } => {
            if let Some(lost) = &mut state.loses {
                *lost += 1;
                session.grown.send_modify(|times| *times += 1);
                return vec![];
            }
            let key = (String::new(), stream.clone().unwrap());
            match state.inbox.handle(&key, n, 0) {
                Receipt::New => {
                    match act {
                        Act::Input => state.typed.extend_from_slice(payload),
                        act => state.acts.push(act),
                    }
                    state.inbox.handle_settled(&key, n);
                    session.grown.send_modify(|times| *times += 1);
                }
                Receipt::Settled => {}
                other => panic!("command {n}: {other:?}"),
            }
            vec![ToClient::Applied { session: own, n }]
        }
        ToHost::Ping { sent, every } => {
            state.every = every;
            vec![ToClient::Pong { sent }]
        }
        ToHost::Pong { .. } | ToHost::Detach { .. } => vec![],
        other @ (ToHost::Watch {}
        | ToHost::Call { .. }
        | ToHost::Ask { .. }
        | ToHost::Hook { .. }
        | ToHost::Notify { .. }
        | ToHost::Past { .. }
        | ToHost::Request { .. }) => {
            panic!("an attachment does not send {other:?}")
        }
    }
}

fn next(
    session: &Session,
    state: &State,
    replay: &mut Replay,
    snapshot: &mut Vec<u8>,
) -> Option<(ToClient, Vec<u8>)> {
    let (now, own, epoch) = (Instant::now(), session.id.clone(), state.epoch);
    let event = |seq: u64, replay: &mut Replay| {
        let (event, payload, mark) = &state.events[usize::try_from(seq).unwrap() - 1];
        replay.handle_sent(*mark, payload.len(), now);
        let event = ToClient::Event { session: own.clone(), epoch, seq, at: 0, event: event.clone() };
        Some((event, payload.clone()))
    };
    loop {
        match replay.poll(&state.view(), now) {
            Next::Idle => return None,
            Next::Events { after, .. } => return event(after + 1, replay),
            Next::Snapshot => {
                *snapshot = state.screen();
                replay.handle_snapshot(state.view().head, snapshot.len());
            }
            Next::Structured { after, upto, .. } => {
                let wanted = |seq: &u64| !state.events[usize::try_from(*seq).unwrap() - 1].0.is_trimmable();
                match (after + 1..=upto).find(wanted) {
                    Some(seq) => return event(seq, replay),
                    None => replay.handle_no_more(),
                }
            }
            Next::Piece { seq, part, start, end, last } => {
                assert!(end - start <= MAX_PAYLOAD);
                replay.handle_piece_sent(now);
                let piece = ToClient::Snapshot { session: own.clone(), epoch, seq, size: SIZE, part, last };
                return Some((piece, snapshot[start..end].to_vec()));
            }
        }
    }
}
