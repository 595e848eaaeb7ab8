//! One greeted connection to a host or a keeper.

use crate::door::{self, Away};
use crate::{Error, KnownHost};
use bytes::Bytes;
use link::relay_client::RelayUrl;
use link::{MessageReceiver, MessageSender, unix};
use serde::de::DeserializeOwned;
use serde_json::Value;
use session::codec::{self, DecodeError};
use session::id::{DeviceId, SessionId, StreamId};
use session::later::Later;
use session::message::{
    Bearer, Cursor, Device, ErrorKind, Failure, Method, Summary, ToClient, ToHost, VERSION,
};
use session::role::Role;
use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io;
use std::path::Path;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};
use store::Paths;
use tokio::time::{Sleep, sleep_until, timeout};
use wire::CloseCode;
use wire::limits::DEAD_AFTER;

/// From sending the hello to the welcome, where no person has to answer.
const WELCOME: Duration = Duration::from_secs(10);
/// How long an answer to a call may take. Starting a session takes the longest.
const CALL: Duration = Duration::from_secs(15);
/// How long a host that is away is waited for, before that is an error.
const PRESENCE: Duration = Duration::from_secs(3);
/// Messages that may come while an answer is waited for.
const MAX_ASIDE: usize = 1024;
/// Pages of one list. A page has dozens of entries.
const MAX_PAGES: usize = 1000;
/// Bytes that are taken in while a write waits. What a peer may send is bounded already, by the window and by how many
/// commands are under way, and stays far below this. Of one that sends more nothing is read before it has read from us,
/// or the write has run into its deadline.
const MAX_CAME: usize = 4 * 1024 * 1024;
/// What a message counts for beside its bytes, so that many tiny ones are bounded too.
const OVERHEAD: usize = 64;

/// Where messages go.
#[derive(Clone, Debug)]
pub enum Route {
    /// A host this machine has joined, over its relay.
    Host(Box<KnownHost>),
    /// This user's daemon on this machine.
    Daemon(Paths),
    /// A session's keeper on this machine, so that the daemon's death is not noticed. It answers for a session that
    /// runs, and for nothing else.
    Keeper(Paths),
}

impl Route {
    /// Returns once this machine has a way there where it had none; never where that cannot be.
    pub(crate) async fn way_appears(&self) {
        if let Self::Host(host) = self
            && let Ok(relay) = host.relay.parse::<RelayUrl>()
        {
            return relay.way_appears().await;
        }
        pending::<()>().await;
    }
}

/// What the other side said of itself, and of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The host's name.
    pub host: String,
    /// Its program and version.
    pub program: String,
    /// The device we are; `None` for a local program.
    pub device: Option<DeviceId>,
    /// What we may do.
    pub role: Role,
    /// Names of optional abilities.
    pub features: Vec<String>,
    /// The host's clock, Unix milliseconds.
    pub time: u64,
}

/// What was taken in while a write waited, until somebody asks for it.
#[derive(Default)]
struct Came {
    messages: VecDeque<Bytes>,
    cost: usize,
    /// What came behind them: the end, in good order or not. Nothing is read after it.
    end: Option<Result<(), link::Error>>,
}

impl Came {
    fn add(&mut self, message: Result<Option<Bytes>, link::Error>) {
        match message {
            Ok(Some(message)) => {
                self.cost += message.len() + OVERHEAD;
                self.messages.push_back(message);
            }
            Ok(None) => self.end = Some(Ok(())),
            Err(error) => self.end = Some(Err(error)),
        }
    }

    fn take(&mut self) -> Option<Result<Option<Bytes>, link::Error>> {
        if let Some(message) = self.messages.pop_front() {
            self.cost -= message.len() + OVERHEAD;
            return Some(Ok(Some(message)));
        }
        Some(self.end.take()?.map(|()| None))
    }

    fn takes_more(&self) -> bool {
        self.end.is_none() && self.cost < MAX_CAME
    }
}

/// Messages both ways, greeted.
pub struct Connection {
    /// What the other side said.
    pub welcome: Welcome,
    sender: MessageSender,
    receiver: MessageReceiver,
    came: Came,
    /// When a channel should be replaced by a fresh one; a unix socket lives as long as it likes.
    pub(crate) renew_at: Option<Instant>,
    aside: VecDeque<(ToClient, Bytes)>,
    calls: u64,
    heard: Instant,
    /// Fires when the other side may have been silent for too long.
    silence: Pin<Box<Sleep>>,
    /// How long it may be silent.
    patience: Duration,
}

impl Connection {
    /// Connects and greets. `session` names the keeper for [`Route::Keeper`], and is not looked at otherwise.
    pub async fn open(
        route: &Route,
        session: Option<&SessionId>,
        client: &str,
        stream: StreamId,
    ) -> Result<Self, Error> {
        Self::open_within(route, session, client, stream, Away { patience: PRESENCE, tell: &mut |_| {} })
            .await
    }

    /// Connects to this user's daemon as one of its API tokens, which may do what its scopes say and nothing else.
    pub async fn open_as(
        paths: &Paths,
        token: Bearer,
        client: &str,
        stream: StreamId,
    ) -> Result<Self, Error> {
        let (sender, receiver) = local(&paths.host_sock()?, Error::NotRunning).await?;
        Self::greet(sender, receiver, client, (stream, Some(token)), WELCOME, None).await
    }

    pub(crate) async fn open_within(
        route: &Route,
        session: Option<&SessionId>,
        client: &str,
        stream: StreamId,
        away: Away<'_>,
    ) -> Result<Self, Error> {
        match route {
            Route::Host(host) => {
                let (channel, path) = door::resume(host, away).await?;
                let renew_at = Some(channel.renew_at());
                let (sender, receiver) = door::messages(channel, path);
                Self::greet(sender, receiver, client, (stream, None), WELCOME, renew_at).await
            }
            Route::Daemon(paths) => {
                let (sender, receiver) = local(&paths.host_sock()?, Error::NotRunning).await?;
                Self::greet(sender, receiver, client, (stream, None), WELCOME, None).await
            }
            Route::Keeper(paths) => {
                let session = session.ok_or(Error::Internal("no session for a keeper"))?;
                let (sender, receiver) =
                    local(&paths.keeper_sock(session.as_str())?, Error::NoKeeper).await?;
                Self::greet(sender, receiver, client, (stream, None), WELCOME, None).await
            }
        }
    }

    pub(crate) async fn greet(
        mut sender: MessageSender,
        mut receiver: MessageReceiver,
        client: &str,
        (stream, token): (StreamId, Option<Bearer>),
        within: Duration,
        renew_at: Option<Instant>,
    ) -> Result<Self, Error> {
        let hello = ToHost::Hello {
            client: client.to_owned(),
            version: VERSION,
            features: Vec::new(),
            stream,
            peer: None,
            token,
        };
        sender.send(&hello, &[]).await?;
        let answered = timeout(within, async {
            loop {
                let message = receiver.recv().await.map_err(ended)?.ok_or(link::Error::Cut)?;
                match decode(&message)? {
                    Some((
                        ToClient::Welcome { host, program, version: _, device, role, features, time },
                        _,
                    )) => {
                        return Ok(Welcome { host, program, device, role, features, time });
                    }
                    Some((ToClient::Ping { sent }, _)) => sender.send(&ToHost::Pong { sent }, &[]).await?,
                    // The token does not hold.
                    Some((ToClient::Reply { error: Some(_), .. }, _)) => return Err(Error::Refused),
                    _ => return Err(Error::Nonsense("something before the welcome".into())),
                }
            }
        });
        let welcome = answered.await.map_err(|_| Error::Timeout("the host's welcome"))??;
        let (aside, heard) = (VecDeque::new(), Instant::now());
        let silence = Box::pin(sleep_until((heard + DEAD_AFTER).into()));
        let came = Came::default();
        Ok(Self {
            welcome,
            sender,
            receiver,
            came,
            renew_at,
            aside,
            calls: 0,
            heard,
            silence,
            patience: DEAD_AFTER,
        })
    }

    /// Sends one message. What comes while the write waits is kept for [`Connection::recv`].
    pub async fn send(&mut self, message: &ToHost, payload: &[u8]) -> Result<(), Error> {
        self.feed(message, payload).await?;
        self.flush().await
    }

    /// Adds a message to the batch. Writes only where the batch has grown past its bound.
    pub(crate) async fn feed(&mut self, message: &ToHost, payload: &[u8]) -> Result<(), Error> {
        let Self { sender, receiver, came, heard, .. } = self;
        reading(sender.feed(message, payload), receiver, came, heard).await
    }

    /// Writes the batch.
    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        let Self { sender, receiver, came, heard, .. } = self;
        reading(sender.flush(), receiver, came, heard).await
    }

    /// The next message. Pings are answered on the way. Dropping the future loses nothing.
    pub async fn recv(&mut self) -> Result<(ToClient, Bytes), Error> {
        if let Some(message) = self.aside.pop_front() {
            return Ok(message);
        }
        self.next().await
    }

    /// Asks the host for something.
    pub async fn call<T: DeserializeOwned>(&mut self, method: Method) -> Result<T, Error> {
        let value = self.call_value(method).await?;
        serde_json::from_value(value).map_err(|error| Error::Nonsense(format!("an answer: {error}")))
    }

    /// Asks the host for something, and takes the answer as it is.
    pub async fn call_value(&mut self, method: Method) -> Result<Value, Error> {
        self.calls += 1;
        let own = self.calls;
        self.send(&ToHost::Call { id: own, method }, &[]).await?;
        let answered = timeout(CALL, async {
            loop {
                match self.next().await? {
                    (ToClient::Reply { id, ok, error }, _) if id == own => {
                        return match error {
                            Some(why) => Err(Error::Failed(why)),
                            None => Ok(ok.unwrap_or(Value::Null)),
                        };
                    }
                    // An answer to a call that was given up.
                    (ToClient::Reply { .. }, _) => {}
                    message if self.aside.len() < MAX_ASIDE => self.aside.push_back(message),
                    _ => return Err(Error::Nonsense("far too much before an answer".into())),
                }
            }
        });
        answered.await.map_err(|_| Error::Timeout("the host's answer"))?
    }

    /// Every session of the host, ordered by id.
    pub async fn sessions(&mut self) -> Result<Vec<Summary>, Error> {
        self.pages(|after| Method::SessionList { after }, |session: &Summary| session.id.clone()).await
    }

    /// Every device of the host, in the order they were enrolled.
    pub async fn devices(&mut self) -> Result<Vec<Device>, Error> {
        let list = |after| Method::DeviceList { after };
        let mut all = self.pages(list, |device: &Device| device.id.clone()).await?;
        all.sort_by_key(|device| device.enrolled_at);
        Ok(all)
    }

    /// A list that comes in pages, each behind the last one's end.
    async fn pages<T: DeserializeOwned, I: Ord + Clone>(
        &mut self,
        list: impl Fn(Option<I>) -> Method,
        id: impl Fn(&T) -> I,
    ) -> Result<Vec<T>, Error> {
        let mut all: Vec<T> = Vec::new();
        for _ in 0..MAX_PAGES {
            let after = all.last().map(&id);
            let page: Vec<T> = self.call(list(after.clone())).await?;
            // A host that knows no pages says everything again.
            if page.last().is_none_or(|last| after.is_some_and(|after| id(last) <= after)) {
                return Ok(all);
            }
            all.extend(page);
        }
        Err(Error::Nonsense("a list without end".into()))
    }

    /// Says goodbye. Without it the other side sees that we are gone.
    pub async fn close(self) -> Result<(), Error> {
        Ok(self.sender.close(CloseCode::Normal).await?)
    }

    /// How long the host may be silent before it is given up; it was told to be heard more often than that.
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
        self.silence.as_mut().reset((self.heard + patience).into());
    }

    /// When something last came.
    pub fn heard(&self) -> Instant {
        self.heard
    }

    pub(crate) async fn next(&mut self) -> Result<(ToClient, Bytes), Error> {
        loop {
            let message = if let Some(came) = self.came.take() {
                came
            } else if self.renew_at.is_some() {
                // A host behind a channel pings; one that says nothing at all is gone.
                tokio::select! {
                    // What is there to be read was said, however late it is read.
                    biased;
                    message = self.receiver.recv() => {
                        self.heard = Instant::now();
                        message
                    }
                    () = &mut self.silence => {
                        let dead = self.heard + self.patience;
                        if Instant::now() >= dead {
                            return Err(Error::Timeout("a sign of life from the host"));
                        }
                        self.silence.as_mut().reset(dead.into());
                        continue;
                    }
                }
            } else {
                let message = self.receiver.recv().await;
                self.heard = Instant::now();
                message
            };
            let message = message.map_err(ended)?.ok_or(link::Error::Cut)?;
            match decode(&message)? {
                Some((ToClient::Ping { sent }, _)) => self.send(&ToHost::Pong { sent }, &[]).await?,
                Some(message) => return Ok(message),
                None => {}
            }
        }
    }
}

/// Waits for a write, and reads meanwhile: a peer that answers each message before it takes the next reads nothing while
/// it waits for us to read its answers, and both would wait for ever. Where the link turns out to be broken the write is
/// given up; what came before that, and why it is broken, is kept with all that came.
async fn reading(
    write: impl Future<Output = Result<(), link::Error>>,
    receiver: &mut MessageReceiver,
    came: &mut Came,
    heard: &mut Instant,
) -> Result<(), Error> {
    let mut write = pin!(write);
    loop {
        tokio::select! {
            biased;
            written = &mut write => return Ok(written?),
            message = receiver.recv(), if came.takes_more() => {
                *heard = Instant::now();
                let broken = message.is_err();
                came.add(message);
                if broken {
                    return Err(Error::Link(link::Error::Cut));
                }
            }
        }
    }
}

/// A channel that the host closed as refused was that of a device it does not know any more.
pub(crate) fn ended(error: link::Error) -> Error {
    match error {
        link::Error::Closed(CloseCode::Refused) => Error::Refused,
        error => Error::Link(error),
    }
}

/// Reads a message; `None` is one of a type that this version does not know, which is passed over. An event of an unknown
/// kind is one, though: without it the log would have a hole.
pub(crate) fn decode(message: &Bytes) -> Result<Option<(ToClient, Bytes)>, Error> {
    match codec::decode(message) {
        Ok(message) => Ok(Some(message)),
        Err(DecodeError::Header(error)) => {
            tracing::debug!(%error, "a message that is not known here");
            Ok(match Later::of(message) {
                Later::Event { session, at: Cursor { epoch, seq }, time } => {
                    let event = Later::event();
                    Some((ToClient::Event { session, epoch, seq, at: time, event }, Bytes::new()))
                }
                Later::Call { .. } | Later::Command { .. } | Later::Other => None,
            })
        }
        Err(error) => Err(Error::Nonsense(error.to_string())),
    }
}

async fn local(path: &Path, nobody: Error) -> Result<(MessageSender, MessageReceiver), Error> {
    match unix::connect(path).await {
        Err(link::Error::Io { source, .. })
            if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) =>
        {
            Err(nobody)
        }
        connected => Ok(connected?),
    }
}

/// A failure that did not come from a host, in the form of those that do.
pub(crate) fn as_failure(error: &Error) -> Failure {
    match error {
        Error::Failed(failure) => failure.clone(),
        error => {
            let kind = match error {
                Error::Refused => ErrorKind::Forbidden,
                Error::NoKeeper => ErrorKind::NotFound,
                Error::Internal(_) => ErrorKind::Internal,
                _ => ErrorKind::Environment,
            };
            Failure { kind, message: error.to_string(), hint: error.hint() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session::follow::{Follow, Took};
    use session::message::Event;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::UnixListener;

    fn event(session: &SessionId, seq: u64, kind: &str) -> Bytes {
        let header = serde_json::json!({
            "t": "event", "session": session, "epoch": 1, "seq": seq, "at": 3, "kind": kind, "depth": [1, 2]
        });
        let mut message = Vec::new();
        codec::encode(&header, b"", &mut message);
        message.into()
    }

    #[test]
    fn an_event_of_a_newer_version_leaves_no_hole_in_the_log() {
        let session = SessionId::from_random([1; 10]);
        let (mut follow, now) = (Follow::new(0), Instant::now());
        follow.handle_attached(Cursor { epoch: 1, seq: 3 });
        for (seq, kind) in [(1, "output"), (2, "hologram"), (3, "output")] {
            let (message, _) = decode(&event(&session, seq, kind)).unwrap().expect("an event");
            let ToClient::Event { epoch, seq, event, .. } = message else { panic!("{message:?}") };
            assert_eq!(matches!(event, Event::Banner { .. }), kind == "hologram");
            assert_eq!(follow.handle_event(Cursor { epoch, seq }, &event, 0, now), Ok(Took::Apply));
        }
        assert_eq!(follow.cursor().seq, 3);
    }

    #[tokio::test]
    async fn a_write_that_waits_is_given_up_when_the_link_is_broken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let (_sender, mut receiver) = unix::connect(&path).await.unwrap();
        let (mut other, _) = listener.accept().await.unwrap();
        // Longer than any message may be.
        other.write_all(&[0xff; 8]).await.unwrap();
        let (mut came, mut heard) = (Came::default(), Instant::now());
        let waited = reading(pending(), &mut receiver, &mut came, &mut heard);
        let given_up = timeout(Duration::from_secs(10), waited).await.expect("it is given up");
        assert!(matches!(given_up, Err(Error::Link(link::Error::Cut))), "{given_up:?}");
        assert!(matches!(came.take(), Some(Err(_))), "why is kept");
    }
}
