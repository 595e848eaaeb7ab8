//! Drives [`Follow`] and [`Outbox`] over one connection after another.

mod heard;

use crate::attachment::{AttachOpts, DEFAULT_WINDOW, Path, Update, random};
use crate::connection::{Connection, as_failure};
use crate::door::Away;
use crate::pieces::Pieces;
use crate::wake::{self, Clock, woken};
use crate::{Error, Route};
use bytes::{Bytes, BytesMut};
use link::backoff::Backoff;
use session::follow::Follow;
use session::id::StreamId;
use session::message::{Act, ErrorKind, Failure, Size, ToClient, ToHost};
use session::outbox::{Outbox, Settled};
use session::role::Role;
use std::collections::VecDeque;
use std::future::{Future, pending};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, sleep_until, timeout_at};
use wire::limits::FOREGROUND;

/// Silence after which a host is gone: whoever follows a session from afar looks at it, and says so in every ping.
const DEAD_AFTER: Duration = Duration::from_secs(3 * FOREGROUND.as_secs());
/// How long an absent host is waited for on the relay's word, before the connection to the relay is made anew.
const PATIENCE: Duration = Duration::from_mins(5);
/// A connection that stood for so long worked: when it breaks, the first attempt is soon again.
const STOOD: Duration = Duration::from_secs(2);
/// How long leaving may take while something typed is still under way.
const LEAVE: Duration = Duration::from_secs(2);
/// Attempts in a row at a keeper that is not there, after which it is gone.
const KEEPER_ATTEMPTS: u32 = 8;
/// Times in a row that a host refuses, after which it means it: a refusal is not authenticated, and a relay or what is
/// before it may say so for a moment, also on a connection that stands.
const REFUSALS: u32 = 4;
/// After the first refusal, doubling.
const REFUSED: Duration = Duration::from_secs(1);
/// How long is read on from a connection that takes nothing any more.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What the caller wants.
pub(crate) enum Order {
    Input(Bytes),
    Resize(Size),
    Act(Act),
    Prompt(Bytes),
}

/// How one connection ended.
enum End {
    /// For good.
    Done(Option<Failure>),
    /// It can be made again at once: it was too old, or the caller is in a hurry.
    Again,
    /// It broke.
    Broke(Error),
}

pub(crate) struct Driver {
    opts: AttachOpts,
    orders: mpsc::Receiver<Order>,
    updates: mpsc::Sender<Update>,
    left: watch::Receiver<bool>,
    hurried: watch::Receiver<u64>,
    heard: watch::Sender<Option<Instant>>,
    follow: Follow,
    outbox: Outbox,
    /// The outbox's: what waits there grows old during sleep, too.
    clock: Clock,
    /// Input that the outbox had no room for; nothing else is taken before it.
    typed: Bytes,
    /// An act that the outbox had no room for; nothing else is taken before it either.
    act: Option<(Act, Bytes)>,
    /// What the caller has not taken yet; nothing more is read before it is empty.
    ready: VecDeque<Update>,
    /// A snapshot's pieces so far.
    pieces: BytesMut,
    /// What an agent said, so far.
    said: Pieces,
    /// The head as it was when the session answered, until everything up to it has come.
    level: Option<u64>,
    /// An end whose output is still to come.
    exit: Option<(u64, i32)>,
    size: Option<Size>,
    role: Role,
}

impl Driver {
    pub fn new(
        opts: AttachOpts,
        orders: mpsc::Receiver<Order>,
        updates: mpsc::Sender<Update>,
        left: watch::Receiver<bool>,
        hurried: watch::Receiver<u64>,
        heard: watch::Sender<Option<Instant>>,
    ) -> Result<Self, Error> {
        let window = if opts.window == 0 { DEFAULT_WINDOW } else { opts.window };
        let follow = match opts.after {
            Some(after) => Follow::from_cursor(window, after),
            None => Follow::new(window),
        };
        let outbox = Outbox::new(StreamId::from_random(random()?));
        Ok(Self {
            size: opts.size,
            opts,
            orders,
            updates,
            left,
            hurried,
            heard,
            follow,
            outbox,
            clock: Clock::new(wake::whole),
            typed: Bytes::new(),
            act: None,
            ready: VecDeque::new(),
            pieces: BytesMut::new(),
            said: Pieces::default(),
            level: None,
            exit: None,
            role: Role::Viewer,
        })
    }

    /// Follows the session until it is left, or cannot be followed any more.
    pub async fn run(mut self) -> Option<Failure> {
        let mut backoff = Backoff::new();
        let mut refusals = 0;
        loop {
            self.ready.push_back(Update::Path(Path::Connecting { attempt: backoff.failures() }));
            let end = match self.connect().await {
                Ok(connection) => {
                    refusals = 0;
                    let stood = Instant::now();
                    let end = self.live(connection).await;
                    // One that breaks as soon as it stands is a little better than one that is not made.
                    if stood.elapsed() >= STOOD || matches!(end, End::Again) {
                        backoff.worked();
                    } else {
                        backoff.worked_briefly();
                    }
                    end
                }
                Err(end) => end,
            };
            self.outbox.handle_disconnected();
            let error = match end {
                End::Done(why) => return why,
                End::Again => continue,
                End::Broke(error) => error,
            };
            tracing::debug!(%error, "a connection to a session broke");
            let gone = matches!(error, Error::NoKeeper) && backoff.failures() >= KEEPER_ATTEMPTS;
            let refused = matches!(error, Error::Refused);
            refusals += u32::from(refused);
            if !(error.is_passing() || refused && refusals < REFUSALS) || gone {
                return Some(as_failure(&error));
            }
            let mut retry_in = backoff.failed(u16::from_be_bytes(random().unwrap_or_default()));
            if refused {
                // A device that was revoked is to hear of it soon.
                retry_in = REFUSED * (1 << (refusals - 1));
            }
            if !matches!(self.opts.route, Route::Host(_)) {
                // Knocking on this machine's own door costs nothing.
                retry_in = retry_in.min(link::backoff::FIRST);
            }
            self.ready.push_back(Update::Path(Path::Waiting { retry_in, why: error.to_string() }));
            let mut hurried = self.hurried.clone();
            let route = self.opts.route.clone();
            let wait = async {
                tokio::select! {
                    () = sleep(retry_in) => false,
                    () = hurry(&mut hurried) => false,
                    () = woken(wake::whole) => false,
                    () = route.way_appears() => true,
                }
            };
            let appeared = self.meanwhile(wait).await?;
            // The next wait is cut short only for who asks again.
            self.hurried.mark_unchanged();
            if appeared {
                // What failed without a network says nothing about attempts with one.
                backoff = Backoff::new();
            }
        }
    }

    /// Waits for something while orders are taken and updates given out; `None` where the caller leaves.
    async fn meanwhile<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let updates = self.updates.clone();
        loop {
            let patience = self.outbox.poll_timeout().map(|moment| self.clock.timer(moment));
            tokio::select! {
                done = &mut future => return Some(done),
                order = self.orders.recv(), if self.has_room() => self.take(order?, false),
                () = leaving(&mut self.left) => return None,
                permit = updates.reserve(), if !self.ready.is_empty() => {
                    let Ok(permit) = permit else { return None };
                    if let Some(update) = self.ready.pop_front() {
                        permit.send(update);
                    }
                }
                () = at(patience) => self.settle(),
            }
            self.stuff();
        }
    }

    async fn connect(&mut self) -> Result<Connection, End> {
        let opts = self.opts.clone();
        let remote = matches!(opts.route, Route::Host(_));
        let stream = self.outbox.stream().clone();
        let (told, mut absent) = mpsc::channel(1);
        let opening = async move {
            let mut tell = |last_seen| {
                // It is told once, and there is room for one.
                let _ = told.try_send(last_seen);
            };
            let away = Away { patience: PATIENCE, tell: &mut tell };
            Connection::open_within(&opts.route, Some(&opts.session), &opts.client, stream, away).await
        };
        let mut opening = std::pin::pin!(opening);
        let mut woken = std::pin::pin!(woken(wake::whole));
        let mut hurried = self.hurried.clone();
        hurried.mark_unchanged();
        loop {
            let step = async {
                tokio::select! {
                    opened = &mut opening => Err(opened),
                    Some(_) = absent.recv() => Ok(()),
                    // Whoever is in a hurry does not trust the connection at hand either.
                    () = hurry(&mut hurried) => Err(Err(Error::Timeout("the host"))),
                    () = &mut woken, if remote => Err(Err(Error::Timeout("the host"))),
                }
            };
            match self.meanwhile(step).await {
                None => return Err(End::Done(None)),
                Some(Ok(())) => {
                    let why = Error::Away { last_seen: 0 }.to_string();
                    self.ready.push_back(Update::Path(Path::Waiting { retry_in: PATIENCE, why }));
                }
                Some(Err(opened)) => return opened.map_err(End::Broke),
            }
        }
    }

    async fn live(&mut self, mut connection: Connection) -> End {
        match self.live_on(&mut connection).await {
            Ok(end) => {
                // On its way out a goodbye is a courtesy.
                let _ = connection.close().await;
                end
            }
            Err(error) => End::Broke(error),
        }
    }

    async fn live_on(&mut self, connection: &mut Connection) -> Result<End, Error> {
        self.role = connection.welcome.role;
        self.pieces.clear();
        let (after, window) = self.follow.resume();
        let session = self.opts.session.clone();
        let attach =
            ToHost::Attach { session, after, size: self.size, window, scrollback: None, redraw: false };
        connection.send(&attach, &[]).await?;
        let start = Instant::now();
        let remote = matches!(self.opts.route, Route::Host(_));
        let mut ping_at = remote.then_some(start);
        if remote {
            connection.set_patience(DEAD_AFTER);
        }
        let mut woken = std::pin::pin!(woken(wake::whole));
        self.ready.push_back(Update::Path(Path::Live { rtt: None, role: self.role }));
        let mut leave_by: Option<Instant> = None;
        // What the other side said before it stopped to listen still counts.
        let mut deaf: Option<(Error, Instant)> = None;
        let updates = self.updates.clone();
        self.hurried.mark_unchanged();
        loop {
            let now = Instant::now();
            if deaf.is_none() {
                let ping = ping_at.filter(|at| now >= *at).map(|_| millis(now - start));
                if ping.is_some() {
                    ping_at = Some(now + FOREGROUND);
                }
                deaf = self.send(connection, ping, now).await.err().map(|error| (error, now + LAST_WORDS));
            }
            if let Some((error, _)) = deaf.take_if(|(_, by)| now >= *by) {
                return Err(error);
            }
            if leave_by.is_some_and(|by| (self.outbox.is_empty() && self.has_room()) || now >= by) {
                return Ok(End::Done(None));
            }
            let due = [
                self.follow.poll_timeout().filter(|_| self.ready.is_empty() && deaf.is_none()),
                self.outbox.poll_timeout().map(|moment| self.clock.timer(moment)),
                ping_at.filter(|_| deaf.is_none()),
                connection.renew_at.filter(|_| self.outbox.is_empty()),
                leave_by,
                deaf.as_ref().map(|(_, by)| *by),
            ];
            tokio::select! {
                received = connection.recv(), if self.ready.is_empty() || leave_by.is_some() => {
                    let (message, payload) = received?;
                    self.heard.send_replace(Some(connection.heard()));
                    if let ToClient::Pong { sent } = message {
                        let rtt = Duration::from_millis(millis(start.elapsed()).saturating_sub(sent));
                        self.ready.push_back(Update::Path(Path::Live { rtt: Some(rtt), role: self.role }));
                    } else if let Some(end) = self.heard_of(message, payload)? {
                        return self.give_all().await.map_or(Ok(End::Done(None)), |()| end);
                    }
                }
                order = self.orders.recv(), if self.has_room() && leave_by.is_none() => match order {
                    Some(order) => self.take(order, true),
                    None => return Ok(End::Done(None)),
                },
                () = leaving(&mut self.left), if leave_by.is_none() => {
                    leave_by = Some(Instant::now() + LEAVE);
                }
                permit = updates.reserve(), if !self.ready.is_empty() => {
                    let Ok(permit) = permit else { return Ok(End::Done(None)) };
                    if let Some(update) = self.ready.pop_front() {
                        permit.send(update);
                    }
                }
                () = hurry(&mut self.hurried) => return Ok(End::Again),
                () = &mut woken, if remote => return Ok(End::Again),
                () = at(due.into_iter().flatten().min()) => {
                    if connection.renew_at.is_some_and(|at| Instant::now() >= at) && self.outbox.is_empty() {
                        return Ok(End::Again);
                    }
                }
            }
            self.settle();
            self.stuff();
            if leave_by.is_some() {
                // What was ordered before the leaving still counts.
                while self.has_room()
                    && let Ok(order) = self.orders.try_recv()
                {
                    self.take(order, true);
                    self.stuff();
                }
                // Whoever leaves waits for what was typed, and for nothing that is shown.
                self.ready.clear();
            }
        }
    }

    /// Sends what may be sent: a ping, commands, and the ack where one is due.
    async fn send(
        &mut self,
        connection: &mut Connection,
        ping: Option<u64>,
        now: Instant,
    ) -> Result<(), Error> {
        let session = &self.opts.session;
        if let Some(sent) = ping {
            let every = u32::try_from(FOREGROUND.as_millis()).ok();
            connection.feed(&ToHost::Ping { sent, every }, &[]).await?;
        }
        while let Some(command) = self.outbox.poll_send() {
            let header = ToHost::Command { session: session.clone(), n: command.n, act: command.act };
            connection.feed(&header, &command.payload).await?;
        }
        // Taken is what the caller has taken, but for the few updates in between.
        if self.ready.is_empty()
            && let Some(ack) = self.follow.poll_ack(now, true)
        {
            let header =
                ToHost::Ack { session: session.clone(), epoch: ack.epoch, seq: ack.seq, part: ack.part };
            connection.feed(&header, &[]).await?;
        }
        connection.flush().await
    }

    /// Gives the caller what is ready; an error where it takes nothing any more.
    async fn give_all(&mut self) -> Result<(), ()> {
        let by = tokio::time::Instant::now() + LEAVE;
        while let Some(update) = self.ready.pop_front() {
            match timeout_at(by, self.updates.send(update)).await {
                Ok(Ok(())) => {}
                _ => return Err(()),
            }
        }
        Ok(())
    }

    /// Nothing that was ordered waits for room, so that the next order may be taken.
    fn has_room(&self) -> bool {
        self.typed.is_empty() && self.act.is_none()
    }

    fn take(&mut self, order: Order, live: bool) {
        debug_assert!(self.has_room());
        let act = match order {
            Order::Input(bytes) => {
                self.typed = bytes;
                return;
            }
            Order::Resize(size) => {
                self.size = Some(size);
                // The attach says it, if the connection is still to be made. Who may not type has no say in sizes.
                if !live || self.role < Role::Operator {
                    return;
                }
                Act::Resize { size }
            }
            Order::Act(act) => act,
            Order::Prompt(text) => {
                self.act = Some((Act::Prompt { files: Vec::new() }, text));
                return self.stuff();
            }
        };
        self.act = Some((act, Bytes::new()));
        self.stuff();
    }

    /// Moves what was ordered to the outbox as far as there is room.
    fn stuff(&mut self) {
        if let Some((act, payload)) = self.act.take()
            && self.outbox.push(act.clone(), payload.clone(), self.clock.now()).is_err()
        {
            self.act = Some((act, payload));
        }
        if !self.typed.is_empty() {
            let taken = self.outbox.push_input(&self.typed, self.clock.now());
            let _ = self.typed.split_to(taken);
        }
    }

    /// Tells what became of commands.
    fn settle(&mut self) {
        self.outbox.handle_timeout(self.clock.now());
        while let Some(settled) = self.outbox.poll_settled() {
            self.ready.push_back(match settled {
                Settled::Applied(ticket) => Update::settled(ticket),
                Settled::Refused(ticket, why) => Update::Refused { n: ticket.0, why },
                Settled::Expired { ticket, sent } => {
                    let (message, hint) = if sent {
                        (
                            "nobody said in time whether it was taken",
                            "look at the session before you do it again",
                        )
                    } else {
                        ("it waited too long for the session", "do it again if it is still wanted")
                    };
                    let (message, hint) = (message.into(), hint.into());
                    Update::Refused { n: ticket.0, why: Failure { kind: ErrorKind::Limited, message, hint } }
                }
            });
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment.into()).await,
        None => pending().await,
    }
}

/// Until the caller leaves, or is gone.
async fn leaving(left: &mut watch::Receiver<bool>) {
    let _ = left.wait_for(|left| *left).await;
}

async fn hurry(hurried: &mut watch::Receiver<u64>) {
    if hurried.changed().await.is_err() {
        pending::<()>().await;
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
