//! One channel that stands: a device behind its seal, or a local program behind the unix socket.
//!
//! Each session the client attaches to is one [`Leg`], a wire of its own to that session's keeper. What a keeper
//! says is passed on as it is, not even parsed; what a client says is parsed and checked against its role, message by
//! message. One task does all of it, so nothing here is shared and nothing waits in a queue of ours: a client that
//! does not read is bounded by the windows of its legs, and a keeper that does not read ends its leg.

mod legs;
mod wait;

use crate::board::Watching;
use crate::calls;
use crate::core::{Core, failure, now_ms};
use crate::inside;
use crate::said;
use crate::tokens::Bearing;
use crate::trip::{Due, Trip};
use bytes::Bytes;
use link::{MessageReceiver, MessageSender};
use session::codec::{self, DecodeError};
use session::id::{SessionId, StreamId};
use session::later::Later;
use session::message::{Act, ErrorKind, Failure, Method, Notice, Peer, ToClient, ToHost, VERSION};
use session::role::{self, Role};
use session::scope;
use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::sleep_until;
use wait::{news, next, waiting};
use wire::limits::HEARTBEAT;
use wire::{Beat, CloseCode, Liveness};

/// Largest window of one leg, in bytes; what a client asks beyond it is cut.
const MAX_WINDOW: u32 = 1024 * 1024;
/// Calls of one channel that are under way; more are refused.
const MAX_CALLS: usize = 16;
/// Messages that nobody understood, after which the client is taken for broken.
const MAX_NONSENSE: u32 = 32;
/// No client is asked more often than this, whatever it wants.
const SHORTEST_PACE: Duration = Duration::from_secs(1);

/// Who is on the channel.
pub(crate) struct Who {
    pub peer: Peer,
    pub stream: StreamId,
    /// A program of the same user, behind the unix socket.
    pub local: bool,
    /// Which one, where the system tells.
    pub process: Option<i32>,
    /// It has shown an API token, and may do what that may.
    pub token: Option<Bearing>,
}

struct Leg {
    session: SessionId,
    window: u32,
    sender: MessageSender,
    receiver: MessageReceiver,
}

/// What becomes of the channel as a whole.
type Flow = Result<(), CloseCode>;

struct Channel {
    core: Arc<Core>,
    who: Arc<Who>,
    sender: MessageSender,
    legs: Vec<Leg>,
    /// The leg that is looked at first, so that a busy one does not starve the others.
    turn: usize,
    /// Sessions whose legs broke: commands that were under way then are neither applied nor refused.
    ended: VecDeque<SessionId>,
    /// The board, and for owners the notices.
    watching: Option<(Watching, Option<broadcast::Receiver<Notice>>)>,
    replies: mpsc::Sender<(u64, Result<serde_json::Value, Failure>)>,
    calls: usize,
    nonsense: u32,
    liveness: Liveness,
    trip: Trip,
    /// Its device is not to have it any more.
    shut_out: watch::Receiver<bool>,
}

/// Serves a channel until it ends, and says why it did.
pub(crate) async fn serve(
    core: &Arc<Core>,
    who: Who,
    sender: MessageSender,
    mut receiver: MessageReceiver,
    ahead: VecDeque<Bytes>,
    shut_out: watch::Receiver<bool>,
) -> CloseCode {
    let (replies, mut answers) = mpsc::channel(MAX_CALLS);
    let mut channel = Channel {
        core: Arc::clone(core),
        who: Arc::new(who),
        sender,
        legs: Vec::new(),
        turn: 0,
        ended: VecDeque::new(),
        watching: None,
        replies,
        calls: 0,
        nonsense: 0,
        liveness: Liveness::new(Instant::now(), random_byte()),
        trip: Trip::new(Instant::now()),
        shut_out,
    };
    match channel.run(&mut receiver, &mut answers, ahead).await {
        Ok(()) => CloseCode::Normal,
        Err(why) => why,
    }
}

impl Channel {
    async fn run(
        &mut self,
        receiver: &mut MessageReceiver,
        answers: &mut mpsc::Receiver<(u64, Result<serde_json::Value, Failure>)>,
        ahead: VecDeque<Bytes>,
    ) -> Flow {
        self.check_shut_out().await?;
        self.say(&self.welcome()).await?;
        for message in ahead {
            self.client_says(message).await?;
        }
        // A unix socket says by itself when the other side is gone.
        let local = self.who.local || self.who.token.is_some();
        let start = Instant::now();
        // Not made anew for each message: that would be most of what a keystroke costs here.
        let mut beat = pin!(sleep_until(self.poll_timeout().into()));
        loop {
            self.check_shut_out().await?;
            tokio::select! {
                Ok(()) = self.shut_out.changed() => {}
                message = receiver.recv() => {
                    let Some(message) = self.heard(message)? else { return Ok(()) };
                    self.client_says(message).await?;
                    // Only a new pace makes it sooner than the timer has it.
                    let due = self.poll_timeout().into();
                    if due < beat.deadline() {
                        beat.as_mut().reset(due);
                    }
                }
                (place, message) = next(&mut self.legs, self.turn) => self.keeper_says(place, message).await?,
                Some((id, result)) = answers.recv() => {
                    self.calls -= 1;
                    self.reply(id, result).await?;
                }
                news = news(&mut self.watching) => match news {
                    Some(notice) => self.say(&ToClient::Notice { notice }).await?,
                    None => self.tell().await?,
                },
                () = &mut beat, if !local => {
                    let now = Instant::now();
                    let due = self.trip.handle_timeout(now);
                    if due == Some(Due::Late) {
                        return Err(CloseCode::Timeout);
                    }
                    let mut ask = due == Some(Due::Ask);
                    match self.liveness.handle_timeout(now, random_byte()) {
                        // Who writes does not read: what has come meanwhile was said in time.
                        Some(Beat::Dead) => match waiting(receiver).await {
                            None => return Err(CloseCode::Timeout),
                            Some(message) => {
                                let Some(message) = self.heard(message)? else { return Ok(()) };
                                self.client_says(message).await?;
                            }
                        },
                        Some(Beat::Ping(_)) => ask = true,
                        None => {}
                    }
                    if ask {
                        let sent = u64::try_from((now - start).as_millis()).unwrap_or(u64::MAX);
                        self.trip.handle_asked(sent, now);
                        self.say(&ToClient::Ping { sent }).await?;
                    }
                    beat.as_mut().reset(self.poll_timeout().into());
                }
            }
        }
    }

    /// Ends the channel of a device that was shut out. What closes a connection is not sealed, and no reason for a client to
    /// believe it; so its sessions end before.
    async fn check_shut_out(&mut self) -> Flow {
        if !*self.shut_out.borrow_and_update() {
            return Ok(());
        }
        let why =
            failure(ErrorKind::Forbidden, "the host has shut this device out", "pair it again, if it should");
        for leg in std::mem::take(&mut self.legs) {
            self.say(&ToClient::Detached { session: leg.session, why: Some(why.clone()) }).await?;
        }
        Err(CloseCode::Refused)
    }

    fn poll_timeout(&self) -> Instant {
        self.liveness.poll_timeout().min(self.trip.poll_timeout())
    }

    /// Something came from the client; `None` where it has left.
    fn heard(&mut self, message: Result<Option<Bytes>, link::Error>) -> Result<Option<Bytes>, CloseCode> {
        self.liveness.handle_input(Instant::now());
        message.map_err(|error| self.broken(&error))
    }

    fn welcome(&self) -> ToClient {
        ToClient::Welcome {
            host: self.core.name.clone(),
            program: self.core.version.clone(),
            version: VERSION,
            device: self.who.peer.device.clone(),
            role: self.who.peer.role,
            features: Vec::new(),
            time: now_ms(),
        }
    }

    /// Why a channel broke, for its last frame; what is the client's doing is counted.
    fn broken(&self, error: &link::Error) -> CloseCode {
        match error {
            link::Error::Seal(_) | link::Error::Malformed(_) | link::Error::TooLarge(_) => {
                self.core.devices.refused("a record that does not open", Instant::now(), now_ms());
                CloseCode::Malformed
            }
            link::Error::Closed(code) => *code,
            _ => CloseCode::Normal,
        }
    }

    async fn say(&mut self, message: &ToClient) -> Flow {
        self.sender.send(message, &[]).await.map_err(|error| self.broken(&error))
    }

    async fn reply(&mut self, id: u64, result: Result<serde_json::Value, Failure>) -> Flow {
        let (ok, error) = match result {
            Ok(value) => (Some(value), None),
            Err(why) => (None, Some(why)),
        };
        match self.sender.send(&ToClient::Reply { id, ok, error }, &[]).await {
            Err(link::Error::TooLarge(_)) => {
                let error = failure(ErrorKind::Limited, "the answer is too long for one message", "");
                self.say(&ToClient::Reply { id, ok: None, error: Some(error) }).await
            }
            done => done.map_err(|error| self.broken(&error)),
        }
    }

    async fn tell(&mut self) -> Flow {
        let Some((watching, _)) = &mut self.watching else { return Ok(()) };
        for message in watching.news(&self.core.board, &self.core.name) {
            let fed = self.sender.feed(&message, &[]).await;
            fed.map_err(|error| self.broken(&error))?;
        }
        self.sender.flush().await.map_err(|error| self.broken(&error))
    }

    async fn client_says(&mut self, bytes: Bytes) -> Flow {
        let (message, payload) = match codec::decode::<ToHost>(&bytes) {
            Ok(decoded) => decoded,
            Err(DecodeError::Header(_)) => return self.not_understood(&bytes).await,
            Err(DecodeError::Truncated | DecodeError::TooLarge) => return Err(CloseCode::Malformed),
        };
        let own = |device| self.who.peer.device.as_ref() == Some(device);
        let allowed = match (&message, &self.who.token) {
            (message, Some(Bearing { scopes, .. })) => {
                scope::allows(scopes, message) && role::allows(self.who.peer.role, message)
            }
            (ToHost::Call { method, .. }, None) if role::is_local_only(method) => self.who.local,
            (ToHost::Call { method: Method::DeviceRename { device, .. }, .. }, None) if own(device) => true,
            (message, None) => role::allows(self.who.peer.role, message),
        };
        if !allowed {
            return self.forbid(&message).await;
        }
        let decides = match &message {
            ToHost::Command { act, .. } => matches!(act, Act::Decide { .. }),
            // With a token it could.
            ToHost::Call { method, .. } => {
                matches!(method, Method::ApprovalDecide { .. } | Method::TokenCreate { .. })
            }
            _ => false,
        };
        if decides && self.who.local && inside::of_a_session(&self.core, self.who.process) {
            return self.turn_down(&message, inside::refusal()).await;
        }
        match message {
            // The latter are between programs of this machine and keepers.
            ToHost::Hello { .. }
            | ToHost::Ask { .. }
            | ToHost::Hook { .. }
            | ToHost::Notify { .. }
            | ToHost::Request { .. } => Err(CloseCode::Malformed),
            ToHost::Watch {} => self.watch().await,
            ToHost::Attach { session, after, size, window, scrollback, redraw } => {
                let window = window.min(MAX_WINDOW);
                let attach =
                    ToHost::Attach { session: session.clone(), after, size, window, scrollback, redraw };
                self.attach(attach, session, window).await
            }
            ToHost::Detach { session } => {
                self.drop_leg(&session);
                self.say(&ToClient::Detached { session, why: None }).await
            }
            ToHost::Ack { session, .. } | ToHost::Past { session, .. } => {
                self.tell_keeper(&session, &bytes).await
            }
            // For the host alone to write, whose reasons are short.
            ToHost::Command { session, n, act: Act::Refused { .. } } => {
                self.refuse(session, n, Later::refusal()).await
            }
            ToHost::Command { session, n, act } => {
                said::record(&self.core, self.who.token.as_ref(), &act, &session, payload.len());
                self.command(session, n, &bytes).await
            }
            ToHost::Call { id, method } => self.call(id, method).await,
            ToHost::Ping { sent, every } => {
                if let Some(every) = every {
                    let pace = Duration::from_millis(every.into()).clamp(SHORTEST_PACE, HEARTBEAT);
                    self.liveness.set_interval(pace, Instant::now(), random_byte());
                }
                self.say(&ToClient::Pong { sent }).await
            }
            ToHost::Pong { sent } => {
                self.trip.handle_answer(sent, Instant::now());
                Ok(())
            }
        }
    }

    async fn forbid(&mut self, message: &ToHost) -> Flow {
        let role = self.who.peer.role;
        let why = match &self.who.token {
            Some(Bearing { scopes, .. }) => {
                let scopes: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
                let message = format!("a token with the scope {} may not do this", scopes.join(", "));
                let hint = "`longrein token create --scope …` makes one that may, if one may at all";
                failure(ErrorKind::Forbidden, message, hint)
            }
            None => failure(
                ErrorKind::Forbidden,
                format!("a device with the role {role:?} may not do this").to_lowercase(),
                "an owner of the host can",
            ),
        };
        self.core.devices.refused("a message that the role does not allow", Instant::now(), now_ms());
        self.turn_down(message, why).await
    }

    async fn turn_down(&mut self, message: &ToHost, why: Failure) -> Flow {
        match message {
            ToHost::Command { session, n, .. } => self.refuse(session.clone(), *n, why).await,
            ToHost::Call { id, .. } => self.reply(*id, Err(why)).await,
            _ => Ok(()),
        }
    }

    async fn command(&mut self, session: SessionId, n: u64, bytes: &[u8]) -> Flow {
        if self.legs.iter().all(|leg| leg.session != session) && !self.ended.contains(&session) {
            let why = failure(ErrorKind::Invalid, "the session is not attached", "attach first");
            return self.say(&ToClient::Refused { session, n, why }).await;
        }
        self.tell_keeper(&session, bytes).await
    }

    /// Refuses a command that the keeper is not to see. The keeper says so, since it alone knows when those before it
    /// are settled, and it would take none of those behind a missing number.
    async fn refuse(&mut self, session: SessionId, n: u64, why: Failure) -> Flow {
        let refused = ToHost::Command { session: session.clone(), n, act: Act::Refused { why } };
        let mut bytes = Vec::new();
        codec::encode(&refused, &[], &mut bytes);
        self.command(session, n, &bytes).await
    }

    /// A message of a type that this version does not know is refused by itself; the channel goes on.
    async fn not_understood(&mut self, bytes: &Bytes) -> Flow {
        self.nonsense += 1;
        if self.nonsense > MAX_NONSENSE {
            return Err(CloseCode::Malformed);
        }
        match Later::of(bytes) {
            Later::Call { id } => self.reply(id, Err(Later::refusal())).await,
            Later::Command { session, n } => self.refuse(session, n, Later::refusal()).await,
            Later::Event { .. } | Later::Other => Ok(()),
        }
    }

    async fn watch(&mut self) -> Flow {
        let owner = self.who.peer.role == Role::Owner;
        self.watching = Some((self.core.board.watch(), owner.then(|| self.core.notices.subscribe())));
        self.tell().await?;
        if owner {
            for notice in self.core.questions() {
                self.say(&ToClient::Notice { notice }).await?;
            }
        }
        Ok(())
    }

    async fn call(&mut self, id: u64, method: Method) -> Flow {
        if self.calls == MAX_CALLS {
            let why = failure(ErrorKind::Limited, "too many requests at once", "wait for the answers");
            return self.reply(id, Err(why)).await;
        }
        self.calls += 1;
        let (core, who, replies) = (Arc::clone(&self.core), Arc::clone(&self.who), self.replies.clone());
        self.core.tasks.spawn(async move {
            let result = calls::answer(&core, &who, method).await;
            // A client that is gone wants no answer.
            let _ = replies.send((id, result)).await;
        });
        Ok(())
    }
}

fn random_byte() -> u8 {
    let mut byte = [0];
    // Without randomness channels beat together, and that is all.
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests;
