//! A host as small as one can be, behind a real relay: it pairs whoever holds its token, and serves one session.

use crate::keeper::{self, Session};
use link::frames::{self, Side};
use link::mux::{Event, Mux, Opened};
use link::path::Incoming;
use link::sealed;
use seal::{ClientHello, HostHello, Invitation, Pending, Psk, PublicKey, Refusal, StaticSecret, Token};
use session::codec;
use session::id::DeviceId;
use session::message::{ToClient, ToHost, VERSION};
use session::role::Role;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use wire::{CloseCode, RelaySecret};

pub struct Relayed {
    pub server: relay::Server,
    pub url: String,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    key: StaticSecret,
    secret: RelaySecret,
    token: Token,
    confirm: bool,
    agreed: watch::Sender<bool>,
    psk: Psk,
    paired: Mutex<Option<PublicKey>>,
    refusals: Mutex<u32>,
    farewell: Mutex<Option<CloseCode>>,
    session: Arc<Session>,
}

impl Relayed {
    pub async fn start(session: Arc<Session>, confirm: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = relay::Server::start(vec![listener], relay::Config::default()).unwrap();
        let url = format!("http://{}", server.addresses()[0]);
        let shared = Arc::new(Shared {
            key: StaticSecret::from_bytes([1; 32]),
            secret: RelaySecret([2; 32]),
            token: Token::from_bytes([3; 32]),
            confirm,
            agreed: watch::Sender::new(false),
            psk: Psk::from_bytes([4; 32]),
            paired: Mutex::new(None),
            refusals: Mutex::new(0),
            farewell: Mutex::new(None),
            session,
        });
        let mut host = Self { server, url, shared, tasks: JoinSet::new() };
        host.go_online();
        host
    }

    pub fn go_online(&mut self) {
        let (out, queue) = self.server.attach_local(&self.shared.secret);
        let (sender, receiver) = frames::local(Side::Host, out, queue);
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let mut mux = Mux::new(sender, receiver);
            let mut wires = JoinSet::new();
            while let Ok(Some(event)) = mux.next().await {
                if let Event::Opened(opened) = event {
                    wires.spawn(serve(Arc::clone(&shared), opened));
                }
            }
        });
    }

    /// The daemon dies; the relay stays.
    pub async fn go_offline(&mut self) {
        self.tasks.shutdown().await;
    }

    pub fn agree(&self) {
        self.shared.agreed.send_replace(true);
    }

    /// The next so many are refused, whoever they are.
    pub fn refuse(&self, times: u32) {
        *self.shared.refusals.lock().unwrap() = times;
    }

    /// The connections that stand are closed, and this is said of them: by nobody who could prove who he is.
    pub fn close(&self, code: CloseCode) {
        *self.shared.farewell.lock().unwrap() = Some(code);
        self.shared.session.cut_wires();
    }

    pub fn refusals_left(&self) -> u32 {
        *self.shared.refusals.lock().unwrap()
    }

    pub fn invitation(&self) -> Invitation {
        let (rid, host) = (self.shared.secret.rid(), self.shared.key.public());
        Invitation { rid, host, token: self.shared.token.clone(), relay: None }
    }

    pub fn link(&self) -> String {
        self.invitation().to_url(&self.url).unwrap()
    }
}

async fn serve(shared: Arc<Shared>, opened: Opened) {
    let Opened { sender, mut receiver, .. } = opened;
    let Ok(Some(Incoming::Data(hello))) = receiver.recv().await else { return };
    let Ok(pending) = Pending::read(&shared.key, shared.secret.rid(), &hello) else {
        sender.close(CloseCode::Malformed).await.unwrap();
        return;
    };
    let refusals = {
        let mut left = shared.refusals.lock().unwrap();
        let before = *left;
        *left = before.saturating_sub(1);
        before
    };
    if refusals > 0 {
        // In both ways by turns.
        if refusals % 2 == 0 {
            sender.send(&Refusal::Refused.to_body()).await.unwrap();
        }
        sender.close(CloseCode::Refused).await.unwrap();
        return;
    }
    let known = *shared.paired.lock().unwrap() == Some(pending.client());
    let pairing = matches!(pending.hello(), ClientHello::Pair { token, .. } if *token == shared.token.id());
    let used = shared.paired.lock().unwrap().is_some();
    let psk = match (pending.hello(), known) {
        (ClientHello::Resume {}, true) => shared.psk.clone(),
        (ClientHello::Pair { .. }, _) if pairing && !used => shared.token.psk(),
        _ => {
            sender.send(&Refusal::Refused.to_body()).await.unwrap();
            sender.close(CloseCode::Refused).await.unwrap();
            return;
        }
    };
    let device = DeviceId::from_random([5; 10]);
    let reply = HostHello {
        versions: vec![VERSION],
        // A clock that is a day off, which nothing may mind.
        time: 86_400_000,
        features: vec![],
        device: pairing.then(|| device.to_string()),
        secret: pairing.then(|| shared.psk.clone()),
        confirm: pairing && shared.confirm,
    };
    let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
    let client = pending.client();
    let (channel, body) = pending.accept(&psk, &reply, &mut rng, Instant::now()).unwrap();
    sender.send(&body).await.unwrap();
    let path = sender.clone();
    let (mut sender, mut receiver) = sealed::messages(channel, sender, receiver);
    if !pairing {
        keeper::serve(Arc::clone(&shared.session), sender, receiver).await;
        let farewell = shared.farewell.lock().unwrap().take();
        if let Some(code) = farewell {
            path.close(code).await.unwrap();
        }
        return;
    }
    let Ok(Some(first)) = receiver.recv().await else { return };
    assert!(matches!(codec::decode(&first).unwrap().0, ToHost::Hello { .. }));
    if shared.confirm {
        shared.agreed.subscribe().wait_for(|agreed| *agreed).await.unwrap();
    }
    *shared.paired.lock().unwrap() = Some(client);
    let welcome = ToClient::Welcome {
        host: "../my host".into(),
        program: "test/1".into(),
        version: VERSION,
        device: Some(device),
        role: Role::Operator,
        features: vec![],
        time: 0,
    };
    sender.send(&welcome, &[]).await.unwrap();
    // Until the client has read it and left.
    let _ = receiver.recv().await;
}
