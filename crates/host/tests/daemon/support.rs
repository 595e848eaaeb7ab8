//! A daemon of its own for each test, and both ends of what it talks to.

use bytes::Bytes;
use getrandom::SysRng;
use link::path::{self, Incoming, PathReceiver, PathSender};
use link::relay_client::connect_client;
use link::{MessageReceiver, MessageSender, sealed, unix};
use longrein_host::{Host, Opts, Relay, RelayKind, Running};
use rand_core::UnwrapErr;
use seal::{Channel, ClientHello, HostHello, Initiator, Invitation, Psk, StaticSecret};
use serde::de::DeserializeOwned;
use serde_json::Value;
use session::codec;
use session::id::{DeviceId, InvitationId, StreamId};
use session::message::{Failure, Invited, Method, ToClient, ToHost, VERSION};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use store::Paths;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use wire::{CloseCode, RelaySecret, Rid};

/// Long enough for any one thing on a slow machine under full load; reached only by what has failed.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// Waits, but not for ever.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what} did not happen in time"))
}

/// As [`soon`], but within a second of this runtime's own time: a machine that keeps us waiting keeps the second waiting.
pub async fn within_a_second<T>(what: &str, future: impl Future<Output = T>) -> T {
    let second = async {
        // Each takes up to a millisecond more.
        for _ in 0..90 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        biased;
        done = future => done,
        () = second => panic!("{what} took longer than a second"),
    }
}

/// Where a link's frames go, and where they come from.
pub type Queues = (mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>);

/// One home folder with its daemon and relay.
pub struct Daemon {
    pub home: TempDir,
    pub url: String,
    pub rid: Rid,
    running: Option<Running>,
}

impl Daemon {
    pub async fn start() -> Self {
        Self::start_in(TempDir::new().unwrap()).await
    }

    /// Starts over what an earlier daemon left in `home`.
    pub async fn start_in(home: TempDir) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = relay::Config::default();
        config.limits.tickets_per_address = (10_000, Duration::from_millis(1));
        config.limits.clients_per_address = 10_000;
        config.limits.clients_per_slot = 10_000;
        config.limits.failures = 1e9;
        config.seats_per_address = 1000;
        config.seats = 1000;
        let server = relay::Server::start(vec![listener], config).unwrap();
        let url = format!("http://{}/", server.addresses()[0]);
        Self::start_at(home, url, move |secret| Ok(server.attach_local(secret))).await
    }

    /// Over a relay that gives links so.
    pub async fn start_at(
        home: TempDir,
        url: String,
        attach: impl Fn(&RelaySecret) -> Result<Queues, CloseCode> + Send + 'static,
    ) -> Self {
        let host = Host::open(&Paths::under(home.path())).unwrap();
        let (secret, rid) = (host.relay_secret(), host.rid());
        let running = host
            .start(Opts {
                name: "stable".into(),
                version: "longrein/test".into(),
                program: PathBuf::from("/nonexistent/longrein"),
                relay: Relay::Embedded(Box::new(move || attach(&secret))),
                relay_kind: RelayKind::Embedded,
                public_url: url.clone(),
                relay_origin: None,
                address: None,
                expires_in: None,
                api: None,
                history: longrein_host::history::Settings::default(),
                awake: longrein_host::awake::Settings { enabled: false, on_battery: false },
            })
            .await
            .unwrap();
        let mut online = running.online();
        soon("the slot", online.wait_for(|online| *online)).await.unwrap();
        Self { home, url, rid, running: Some(running) }
    }

    pub fn paths(&self) -> Paths {
        Paths::under(self.home.path())
    }

    /// Stops the daemon and gives the folder back.
    pub async fn stop(mut self) -> TempDir {
        let running = self.running.take().unwrap();
        running.stopper().stop();
        soon("the end of the daemon", running.wait()).await;
        self.home
    }

    /// A local program, greeted.
    pub async fn local(&self) -> Talk {
        let (sender, receiver) = unix::connect(&self.paths().host_sock().unwrap()).await.unwrap();
        Talk::greet(sender, receiver).await
    }

    /// A fresh invitation.
    pub async fn invite(&self, confirm: bool) -> Invitation {
        self.invite_named(confirm).await.0
    }

    /// A fresh invitation, and what notices call it.
    pub async fn invite_named(&self, confirm: bool) -> (Invitation, InvitationId) {
        let invited: Invited = self.local().await.call(Method::PairCreate { confirm }).await.unwrap();
        assert_eq!(invited.expires_in, 60);
        (Invitation::parse(&invited.url).unwrap(), invited.invitation)
    }

    /// A connection to the host's slot that has said nothing yet.
    pub async fn knock(&self) -> Raw {
        let (sender, receiver) = connect_client(&self.url.parse().unwrap(), self.rid).await.unwrap();
        let (sender, mut receiver) = path::client(sender, receiver);
        let first = soon("presence", receiver.recv()).await.unwrap();
        assert!(matches!(first, Some(Incoming::Presence { online: true, .. })), "{first:?}");
        Raw { sender, receiver }
    }

    /// A device, paired.
    pub async fn pair(&self, label: &str) -> (Device, Talk) {
        let invitation = self.invite(false).await;
        let mut device = Device::new(invitation.host);
        let (talk, _) = device.pair(self, &invitation, label).await;
        (device, talk)
    }
}

/// A connection below the seal.
pub struct Raw {
    pub sender: PathSender,
    pub receiver: PathReceiver,
}

impl Raw {
    /// The next body, or why there is none.
    pub async fn body(&mut self) -> Result<Vec<u8>, CloseCode> {
        loop {
            match soon("an answer", self.receiver.recv()).await {
                Ok(Some(Incoming::Data(body))) => return Ok(body.to_vec()),
                Ok(Some(Incoming::Closed(code))) => return Err(code),
                Ok(Some(Incoming::Presence { online: true, .. })) => {}
                other => panic!("an odd end of a connection: {other:?}"),
            }
        }
    }

    /// Sends a hello and gives all that comes back until the connection ends.
    pub async fn refused(mut self, hello: &[u8]) -> (Vec<Vec<u8>>, CloseCode) {
        self.sender.send(hello).await.unwrap();
        let mut bodies = Vec::new();
        loop {
            match self.body().await {
                Ok(body) => bodies.push(body),
                Err(code) => return (bodies, code),
            }
        }
    }
}

/// A device's keys.
pub struct Device {
    pub key: StaticSecret,
    pub host: seal::PublicKey,
    pub secret: Option<Psk>,
    pub id: Option<DeviceId>,
}

impl Device {
    pub fn new(host: seal::PublicKey) -> Self {
        Self { key: StaticSecret::generate(&mut UnwrapErr(SysRng)), host, secret: None, id: None }
    }

    pub fn pair_hello(&self, rid: Rid, invitation: &Invitation, label: &str) -> (Initiator, Vec<u8>) {
        let hello = ClientHello::Pair { token: invitation.token.id(), label: label.into(), bundle: None };
        let psk = invitation.token.psk();
        Initiator::start(&self.key, &self.host, rid, &psk, &hello, &mut UnwrapErr(SysRng)).unwrap()
    }

    pub fn resume_hello(&self, rid: Rid) -> (Initiator, Vec<u8>) {
        let psk = self.secret.clone().unwrap_or(Psk::from_bytes([7; 32]));
        let hello = ClientHello::Resume {};
        Initiator::start(&self.key, &self.host, rid, &psk, &hello, &mut UnwrapErr(SysRng)).unwrap()
    }

    /// The handshake of a pairing, without a record.
    pub async fn shake(
        &mut self,
        daemon: &Daemon,
        invitation: &Invitation,
        label: &str,
    ) -> (Channel, HostHello, Raw) {
        let mut raw = daemon.knock().await;
        let (initiator, hello) = self.pair_hello(daemon.rid, invitation, label);
        raw.sender.send(&hello).await.unwrap();
        let (channel, said) = initiator.finish(&raw.body().await.unwrap(), Instant::now()).unwrap();
        self.secret.clone_from(&said.secret);
        self.id = said.device.as_ref().map(|id| id.parse().unwrap());
        (channel, said, raw)
    }

    pub async fn pair(&mut self, daemon: &Daemon, invitation: &Invitation, label: &str) -> (Talk, String) {
        let (channel, _, raw) = self.shake(daemon, invitation, label).await;
        let words = channel.words().join(" ");
        let (sender, receiver) = sealed::messages(channel, raw.sender, raw.receiver);
        (Talk::greet(sender, receiver).await, words)
    }

    pub async fn resume(&self, daemon: &Daemon) -> Talk {
        let mut raw = daemon.knock().await;
        let (initiator, hello) = self.resume_hello(daemon.rid);
        raw.sender.send(&hello).await.unwrap();
        let (channel, _) = initiator.finish(&raw.body().await.unwrap(), Instant::now()).unwrap();
        let (sender, receiver) = sealed::messages(channel, raw.sender, raw.receiver);
        Talk::greet(sender, receiver).await
    }
}

/// Messages both ways.
pub struct Talk {
    pub sender: MessageSender,
    pub receiver: MessageReceiver,
    pub welcome: Option<ToClient>,
    calls: u64,
}

impl Talk {
    pub fn new(sender: MessageSender, receiver: MessageReceiver) -> Self {
        Self { sender, receiver, welcome: None, calls: 0 }
    }

    pub async fn greet(sender: MessageSender, receiver: MessageReceiver) -> Self {
        let mut talk = Self::new(sender, receiver);
        talk.hello().await;
        let welcome = talk.next().await;
        assert!(matches!(welcome, ToClient::Welcome { .. }), "{welcome:?}");
        talk.welcome = Some(welcome);
        talk
    }

    pub async fn hello(&mut self) {
        let mut stream = [0; 10];
        getrandom::fill(&mut stream).unwrap();
        let stream = StreamId::from_random(stream);
        let hello = ToHost::Hello {
            client: "test/1".into(),
            version: VERSION,
            features: vec![],
            stream,
            peer: None,
            token: None,
        };
        self.say(&hello, b"").await;
    }

    pub async fn say(&mut self, message: &ToHost, payload: &[u8]) {
        self.sender.send(message, payload).await.unwrap();
    }

    /// Says what this version has no words for.
    pub async fn say_header(&mut self, header: &serde_json::Value) {
        let mut bytes = Vec::new();
        codec::encode(header, b"", &mut bytes);
        self.sender.forward(&bytes).await.unwrap();
        self.sender.flush().await.unwrap();
    }

    /// The next message.
    pub async fn next(&mut self) -> ToClient {
        self.next_with_payload().await.0
    }

    pub async fn next_with_payload(&mut self) -> (ToClient, Vec<u8>) {
        let message = soon("a message", self.receiver.recv()).await.unwrap().expect("the channel ended");
        let (message, payload) = codec::decode::<ToClient>(&message).unwrap();
        (message, payload.to_vec())
    }

    /// The next message that `pick` takes.
    pub async fn find<T>(&mut self, pick: impl Fn(ToClient) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(self.next().await) {
                return found;
            }
        }
    }

    /// How the channel ends.
    pub async fn end(&mut self) -> link::Error {
        loop {
            match soon("the end of the channel", self.receiver.recv()).await {
                Ok(Some(_)) => {}
                Ok(None) => return link::Error::Closed(CloseCode::Normal),
                Err(error) => return error,
            }
        }
    }

    pub async fn call<T: DeserializeOwned>(&mut self, method: Method) -> Result<T, Failure> {
        self.calls += 1;
        let own = self.calls;
        self.say(&ToHost::Call { id: own, method }, b"").await;
        let (ok, error) = self
            .find(|message| match message {
                ToClient::Reply { id, ok, error } if id == own => Some((ok, error)),
                _ => None,
            })
            .await;
        match error {
            Some(why) => Err(why),
            None => Ok(serde_json::from_value(ok.unwrap_or(Value::Null)).unwrap()),
        }
    }

    pub async fn order(&mut self, method: Method) -> Result<(), Failure> {
        self.call::<Value>(method).await.map(|_| ())
    }
}
