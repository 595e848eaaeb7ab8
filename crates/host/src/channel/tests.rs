//! A channel over a unix socket that is taken for a distant one.

use super::legs::MAX_ENDED;
use super::*;
use crate::core::Parts;
use crate::{Host, Opts, Relay, RelayKind, Stopper, awake, history};
use link::unix::{self, Listener};
use session::message::{Cursor, RunState, Size, Summary};
use std::path::PathBuf;
use store::Paths;
use tokio::task::JoinSet;
use tokio::time::sleep;

const PACE: Duration = Duration::from_secs(1);

fn core(home: &std::path::Path) -> Arc<Core> {
    let Host { paths, key, devices, tokens, secret, .. } = Host::open(&Paths::under(home)).unwrap();
    let opts = Opts {
        name: "test".into(),
        version: "longrein/test".into(),
        program: PathBuf::from("/nonexistent/longrein"),
        relay: Relay::Remote { url: String::new() },
        relay_kind: RelayKind::Remote,
        public_url: String::new(),
        relay_origin: None,
        address: None,
        api: None,
        awake: awake::Settings { enabled: false, on_battery: false },
        expires_in: None,
        history: history::Settings::default(),
    };
    let (rid, stopper) = (secret.rid(), Stopper::new());
    Arc::new(Core::new(Parts { paths, key, rid, devices, tokens, opts, stopper }))
}

fn summary(n: u8) -> Summary {
    Summary {
        id: SessionId::from_random([n; 10]),
        name: String::new(),
        command: Vec::new(),
        cwd: String::new(),
        branch: None,
        run: RunState::Running,
        keeper_pid: None,
        started_at: 0,
        ends_at: None,
        continues: None,
        imported: false,
        last_activity: 0,
        title: "x".repeat(16 * 1024),
        size: Size { cols: 80, rows: 24 },
        head: Cursor { epoch: 1, seq: 0 },
        attached: 0,
        preview: Vec::new(),
        approvals: Vec::new(),
        grants: Vec::new(),
        agent: None,
    }
}

/// Until a message that `wanted` takes.
async fn find(receiver: &mut MessageReceiver, wanted: impl Fn(&ToClient) -> bool) {
    loop {
        let message = receiver.recv().await.unwrap().expect("the channel ended");
        if wanted(&codec::decode::<ToClient>(&message).unwrap().0) {
            return;
        }
    }
}

/// A client answers what it was asked while the host writes, and takes what is written only after it may not be silent
/// any longer.
async fn answer_during_a_write() {
    let home = tempfile::tempdir().unwrap();
    let core = core(home.path());
    let path = core.paths.host_sock().unwrap();
    let listener = Listener::bind(&path).await.unwrap();
    let (mut sender, mut receiver) = unix::connect(&path).await.unwrap();
    let (to, from) = listener.accept().await.unwrap();
    let peer = Peer { device: None, label: "phone".into(), role: Role::Operator, talks_only: false };
    let who = Who { peer, stream: StreamId::from_random([1; 10]), local: false, process: None, token: None };
    let host = Arc::clone(&core);
    let (_nobody, shut_out) = watch::channel(false);
    let served = tokio::spawn(async move { serve(&host, who, to, from, VecDeque::new(), shut_out).await });

    let every = u32::try_from(PACE.as_millis()).ok();
    sender.send(&ToHost::Ping { sent: 1, every }, &[]).await.unwrap();
    sender.send(&ToHost::Watch {}, &[]).await.unwrap();
    find(&mut receiver, |message| matches!(message, ToClient::Ping { .. })).await;
    // More than the socket takes.
    (0..60).for_each(|n| core.board.put(summary(n)));
    find(&mut receiver, |message| matches!(message, ToClient::Changed { .. })).await;
    sender.send(&ToHost::Pong { sent: 1 }, &[]).await.unwrap();
    sleep(PACE * 4).await;
    sender.send(&ToHost::Ping { sent: 2, every: None }, &[]).await.unwrap();
    find(&mut receiver, |message| matches!(message, ToClient::Pong { sent: 2 })).await;
    drop((sender, receiver));
    assert_eq!(served.await.unwrap(), CloseCode::Normal);
}

#[tokio::test]
async fn what_was_said_while_the_host_wrote_is_a_sign_of_life() {
    let mut all = JoinSet::new();
    // Whether the clock or the client is looked at first is a matter of chance.
    for _ in 0..8 {
        all.spawn(answer_during_a_write());
    }
    all.join_all().await;
}

#[tokio::test]
async fn a_command_under_way_is_not_refused_however_many_sessions_were_left_before() {
    let home = tempfile::tempdir().unwrap();
    let core = core(home.path());
    let path = core.paths.host_sock().unwrap();
    let listener = Listener::bind(&path).await.unwrap();
    let (mut sender, mut receiver) = unix::connect(&path).await.unwrap();
    let (to, from) = listener.accept().await.unwrap();
    let peer = Peer { device: None, label: "phone".into(), role: Role::Operator, talks_only: false };
    let who = Who { peer, stream: StreamId::from_random([1; 10]), local: false, process: None, token: None };
    let (_nobody, shut_out) = watch::channel(false);
    tokio::spawn(async move { serve(&core, who, to, from, VecDeque::new(), shut_out).await });
    let session = |n: u8| SessionId::from_random([n; 10]);
    for n in 0..=MAX_ENDED {
        let n = u8::try_from(n).unwrap();
        sender.send(&ToHost::Detach { session: session(n) }, &[]).await.unwrap();
    }
    // Refused here, its number would be missing to the keeper for good.
    let last = session(u8::try_from(MAX_ENDED).unwrap());
    sender.send(&ToHost::Command { session: last, n: 1, act: Act::Input }, &[]).await.unwrap();
    sender.send(&ToHost::Ping { sent: 7, every: None }, &[]).await.unwrap();
    find(&mut receiver, |message| {
        assert!(!matches!(message, ToClient::Refused { .. }), "{message:?}");
        matches!(message, ToClient::Pong { sent: 7 })
    })
    .await;
}
