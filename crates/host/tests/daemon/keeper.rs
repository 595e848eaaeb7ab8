//! A keeper as small as one can be: a log in memory, what is typed comes out, each command once. It knows nothing of
//! snapshots and windows, which the real one is tested for; here it is the other end of the daemon's wires.

use link::unix::Listener;
use link::{MessageReceiver, MessageSender};
use session::codec;
use session::id::{SessionId, StreamId};
use session::message::{
    Act, Cursor, ErrorKind, Event, Failure, Peer, RunState, Size, Summary, ToClient, ToHost, VERSION,
};
use session::role::Role;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use store::Paths;
use tokio::sync::watch;
use tokio::task::JoinSet;

const SIZE: Size = Size { cols: 80, rows: 24 };

#[derive(Default)]
struct Log {
    output: Vec<Vec<u8>>,
    applied: HashMap<StreamId, u64>,
    peers: Vec<Option<Peer>>,
}

struct Shared {
    id: SessionId,
    over: AtomicBool,
    /// Whether commands are settled now.
    settles: watch::Sender<bool>,
    /// Whether who says hello is greeted now.
    greets: watch::Sender<bool>,
    /// Connections that have ended.
    left: watch::Sender<usize>,
    log: Mutex<Log>,
    head: watch::Sender<u64>,
    title: watch::Sender<String>,
}

/// A session that runs until this is dropped.
pub struct Keeper {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Keeper {
    pub async fn start(paths: &Paths, n: u8) -> Self {
        Self::start_slow(paths, n, 0).await
    }

    /// Ends the first `mute` connections without a word.
    pub async fn start_slow(paths: &Paths, n: u8, mute: u32) -> Self {
        let id = SessionId::from_random([n; 10]);
        paths.create().unwrap();
        paths.create_session_dir(id.as_str()).unwrap();
        let shared = Arc::new(Shared {
            id: id.clone(),
            over: AtomicBool::new(false),
            settles: watch::Sender::new(true),
            greets: watch::Sender::new(true),
            left: watch::Sender::new(0),
            log: Mutex::default(),
            head: watch::Sender::new(0),
            title: watch::Sender::new("first".to_owned()),
        });
        let meta = serde_json::to_vec(&shared.summary()).unwrap();
        store::write_private(&paths.session_meta(id.as_str()), &meta).unwrap();
        let listener = Listener::bind(&paths.keeper_sock(id.as_str()).unwrap()).await.unwrap();
        let mut tasks = JoinSet::new();
        let own = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut wires = JoinSet::new();
            let mut accepted = 0;
            while let Ok((sender, receiver)) = listener.accept().await {
                accepted += 1;
                if accepted <= mute {
                    continue;
                }
                let own = Arc::clone(&own);
                wires.spawn(async move {
                    serve(Arc::clone(&own), sender, receiver).await;
                    own.left.send_modify(|left| *left += 1);
                });
            }
        });
        Self { shared, tasks }
    }

    pub fn id(&self) -> SessionId {
        self.shared.id.clone()
    }

    pub fn summary(&self) -> Summary {
        self.shared.summary()
    }

    pub fn write(&self, bytes: &[u8]) {
        self.shared.write(bytes);
    }

    pub fn set_title(&self, title: &str) {
        self.shared.title.send_replace(title.to_owned());
    }

    /// The program ends; nobody was told yet.
    pub fn end(&self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }

    /// Commands that come from now on wait, or those that wait are settled.
    pub fn settle(&self, now: bool) {
        self.shared.settles.send_replace(now);
    }

    /// Who says hello from now on waits for the welcome, or those that wait are greeted.
    pub fn greet(&self, now: bool) {
        self.shared.greets.send_replace(now);
    }

    /// Waits until so many have greeted.
    pub async fn greeted(&self, peers: usize) {
        while self.peers().len() < peers {
            tokio::task::yield_now().await;
        }
    }

    /// How many connections have ended, and what tells of the next.
    pub fn left(&self) -> watch::Receiver<usize> {
        self.shared.left.subscribe()
    }

    /// How many numberings commands came in.
    pub fn streams(&self) -> usize {
        self.shared.log.lock().unwrap().applied.len()
    }

    /// Everyone who greeted, as they were described.
    pub fn peers(&self) -> Vec<Option<Peer>> {
        self.shared.log.lock().unwrap().peers.clone()
    }

    /// Dies as by `kill -9`: the socket's file stays.
    pub async fn kill(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Shared {
    fn write(&self, bytes: &[u8]) {
        let mut log = self.log.lock().unwrap();
        log.output.push(bytes.to_vec());
        self.head.send_replace(log.output.len() as u64);
    }

    fn summary(&self) -> Summary {
        Summary {
            id: self.id.clone(),
            name: "echo".into(),
            command: vec!["echo".into()],
            cwd: "/".into(),
            branch: None,
            run: RunState::Running,
            keeper_pid: Some(std::process::id()),
            ends_at: None,
            continues: None,
            imported: false,
            started_at: 1,
            last_activity: 2,
            title: self.title.borrow().clone(),
            size: SIZE,
            head: Cursor { epoch: 1, seq: *self.head.borrow() },
            attached: 0,
            preview: vec![],
            approvals: vec![],
            grants: vec![],
            agent: None,
        }
    }
}

async fn serve(shared: Arc<Shared>, mut sender: MessageSender, mut receiver: MessageReceiver) {
    let mut stream = None;
    let mut role = Role::Owner;
    let mut cursor: Option<u64> = None;
    let mut watching = false;
    let (mut head, mut title) = (shared.head.subscribe(), shared.title.subscribe());
    loop {
        tokio::select! {
            message = receiver.recv() => {
                let Ok(Some(message)) = message else { return };
                let (message, payload) = codec::decode::<ToHost>(&message).unwrap();
                let answer = match message {
                    ToHost::Hello { stream: theirs, peer, .. } => {
                        stream = Some(theirs);
                        role = peer.as_ref().map_or(Role::Owner, |peer| peer.role);
                        shared.log.lock().unwrap().peers.push(peer);
                        let _ = shared.greets.subscribe().wait_for(|greets| *greets).await;
                        ToClient::Welcome {
                            host: String::new(),
                            program: "keeper/test".into(),
                            version: VERSION,
                            device: None,
                            role,
                            features: vec![],
                            time: 0,
                        }
                    }
                    ToHost::Watch {} => {
                        watching = true;
                        ToClient::Changed { summary: Box::new(shared.summary()) }
                    }
                    ToHost::Attach { session, after, .. } => {
                        cursor = Some(after.map_or(0, |after| after.seq));
                        let log = shared.log.lock().unwrap();
                        let applied = log.applied.get(stream.as_ref().unwrap()).copied().unwrap_or(0);
                        let head = Cursor { epoch: 1, seq: log.output.len() as u64 };
                        ToClient::Attached { session, head, size: SIZE, applied }
                    }
                    ToHost::Command { session, n, act } => {
                        // What comes meanwhile waits behind it.
                        let _ = shared.settles.subscribe().wait_for(|settles| *settles).await;
                        let last = {
                            let mut log = shared.log.lock().unwrap();
                            let last = log.applied.entry(stream.clone().unwrap()).or_default();
                            let before = *last;
                            let refused = matches!(act, Act::Refused { .. });
                            if n == before + 1 && (refused || role >= Role::Operator) {
                                *last = n;
                            }
                            before
                        };
                        if n > last + 1 {
                            refused(session, n, ErrorKind::Invalid, "a gap")
                        } else if shared.over.load(Ordering::Relaxed) {
                            refused(session, n, ErrorKind::Ended, "it is over")
                        } else if let Act::Decide { .. } = act {
                            refused(session, n, ErrorKind::Ended, "somebody has denied it already")
                        } else if let Act::Refused { why } = act {
                            ToClient::Refused { session, n, why }
                        } else {
                            if n == last + 1 && act == Act::Input && !payload.is_empty() {
                                shared.write(&payload);
                            }
                            ToClient::Applied { session, n }
                        }
                    }
                    ToHost::Ack { .. } => continue,
                    other => panic!("a keeper does not take {other:?}"),
                };
                if sender.send(&answer, &[]).await.is_err() {
                    return;
                }
                head.mark_changed();
            }
            changed = head.changed(), if cursor.is_some() => {
                changed.unwrap();
                let from = cursor.unwrap();
                let news = shared.log.lock().unwrap().output[usize::try_from(from).unwrap()..].to_vec();
                for (seq, output) in (from + 1..).zip(news) {
                    let session = shared.id.clone();
                    let event = ToClient::Event { session, epoch: 1, seq, at: 0, event: Event::Output };
                    if sender.feed(&event, &output).await.is_err() {
                        return;
                    }
                    cursor = Some(seq);
                }
                if sender.flush().await.is_err() {
                    return;
                }
            }
            changed = title.changed(), if watching => {
                changed.unwrap();
                if sender.send(&ToClient::Changed { summary: Box::new(shared.summary()) }, &[]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn refused(session: SessionId, n: u64, kind: ErrorKind, message: &str) -> ToClient {
    ToClient::Refused { session, n, why: Failure { kind, message: message.to_owned(), hint: String::new() } }
}
