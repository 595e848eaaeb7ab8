//! One session shown in this terminal: what is typed goes there, what it prints comes here, until it ends or the
//! person leaves.
//!
//! Nothing is drawn over the program except the panel, on request. What the terminal shows is [`Picture`]'s; here is who
//! reads, writes and waits, none of them for another: a terminal that takes no bytes keeps nobody from typing.

mod panels;

pub use panels::paired;

use super::keys::{Keys, Prefix, Wish};
use super::pairing::{self, News};
use super::panel::Panel;
use super::picture::Picture;
use super::signals::{self, Caught, Ending, Signals};
use super::tty::{self, Tty};
use crate::problem::{Doing as _, problem};
use crate::table;
use bytes::Bytes;
use client::{AttachOpts, Attachment, Path, Route, Update};
use session::id::SessionId;
use session::message::{Cursor, Device, ErrorKind, Failure, Size};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::signal::unix::SignalKind;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Output that arrived together is taken in together, up to this many bytes.
const BATCH: usize = 64 * 1024;
/// What was typed and is not taken yet, in bytes, beyond which the keyboard waits.
const TYPED: usize = 64 * 1024;
/// How long leaving may take: what was typed last is still on its way.
const LEAVE: Duration = Duration::from_secs(3);

/// What to show.
pub struct View {
    /// How the session is reached.
    pub route: Route,
    /// How its host is reached, for pairing.
    pub host: Route,
    /// The session.
    pub session: SessionId,
    /// Its name, for people.
    pub name: String,
    /// The prefix key.
    pub prefix: Prefix,
    /// Continue behind this place, instead of beginning with a snapshot.
    pub after: Option<Cursor>,
    /// The session's size at that place.
    pub size: Option<Size>,
    /// The first word of the session's end is no news: it was set here.
    pub quiet: bool,
    /// What becomes of an invitation that was shown before.
    pub news: Option<mpsc::Receiver<News>>,
}

/// How it ended.
pub enum End {
    /// The program ended with this status.
    Exit(i32),
    /// The person left; the session goes on.
    Detached,
    /// This process was told to end by this signal; the session goes on.
    Signal(i32),
    /// The session cannot be followed any more.
    Gone(Failure),
}

/// What happened, and what the person should read afterwards.
pub struct Shown {
    /// How it ended.
    pub end: End,
    /// Devices that were paired meanwhile.
    pub paired: Vec<Device>,
    /// The session was to end by itself by then.
    pub time_over: bool,
}

/// Shows a session until it ends or is left.
pub async fn show(view: View) -> Result<Shown, Failure> {
    let tty = Tty::open().doing("use this terminal")?;
    let mut screen = Screen::start(view, tty);
    let end = screen.run().await;
    // Dropping the terminal puts it right, whichever way this ended.
    tty::set_undo(screen.picture.undo());
    let paired = std::mem::take(&mut screen.paired);
    let time_over = screen.ends_at.is_some_and(|at| table::now_ms() >= at);
    let farewell = screen.farewell();
    if tokio::time::timeout(LEAVE, farewell).await.is_err() {
        tracing::debug!("left without an answer");
    }
    drop(screen.tty);
    Ok(Shown { end: end?, paired, time_over })
}

/// Something for the session.
#[derive(Clone)]
enum Order {
    Input(Bytes),
    Resize(Size),
    TakeSize,
    GiveSize,
}

/// What this terminal has to do with the session's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// The rule decides.
    Rule,
    /// Taken over, and the session has not followed yet.
    Asked,
    /// Taken over.
    Held,
}

struct Screen {
    view: View,
    tty: Tty,
    size: Option<Size>,
    attachment: Attachment,
    updates: mpsc::Receiver<Update>,
    picture: Picture,
    keys: Keys,
    fit: Fit,
    panel: Option<Panel>,
    news: Option<mpsc::Receiver<News>>,
    /// For the session, once it takes them. Never waited for alone: the session may first want to be rid of updates.
    orders: VecDeque<Order>,
    dies: Option<Instant>,
    paired: Vec<Device>,
    /// When the session ends by itself, as far as that was said. Unix milliseconds.
    ends_at: Option<u64>,
}

impl Screen {
    fn start(mut view: View, tty: Tty) -> Self {
        let news = view.news.take();
        let size = tty.size();
        let (attachment, updates) = Attachment::start(AttachOpts {
            route: view.route.clone(),
            session: view.session.clone(),
            client: crate::hosts::CLIENT.to_owned(),
            size,
            window: 0,
            after: view.after,
        });
        Self {
            keys: Keys::new(view.prefix),
            picture: Picture::new(size, &view.name, view.prefix, view.size.filter(|_| view.after.is_some())),
            view,
            tty,
            size,
            attachment,
            updates,
            fit: Fit::Rule,
            panel: None,
            news,
            orders: VecDeque::new(),
            dies: None,
            paired: Vec::new(),
            ends_at: None,
        }
    }

    /// Until the session ends or is left. A terminal that takes no bytes holds up whoever writes to it, so that the
    /// signals that end us are listened for beside everything else.
    async fn run(&mut self) -> Result<End, Failure> {
        let mut ending = Ending::listen()?;
        tokio::select! {
            biased;
            number = ending.next() => Ok(End::Signal(number)),
            end = self.turns() => end,
        }
    }

    async fn turns(&mut self) -> Result<End, Failure> {
        let mut signals = Signals::listen()?;
        let mut typed = vec![0; 16 * 1024];
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if !self.picture.out().is_empty() {
                tty::set_undo(self.picture.undo());
            }
            let end = tokio::select! {
                () = give(&self.attachment, self.orders.front()), if !self.orders.is_empty() => {
                    self.orders.pop_front();
                    None
                }
                read = self.tty.read(&mut typed), if self.waiting() < TYPED => match read {
                    // The terminal is gone, as on a hang-up.
                    Ok(0) | Err(_) => Some(End::Signal(SignalKind::hangup().as_raw_value())),
                    Ok(length) => self.typed(&typed[..length]),
                },
                written = self.tty.write(self.picture.out()), if !self.picture.out().is_empty() => {
                    self.picture.handle_written(written.doing("write to this terminal")?);
                    None
                }
                update = self.updates.recv(), if self.picture.has_room() => self.updated(update),
                now = at(self.picture.poll_timeout()) => {
                    self.picture.handle_timeout(now);
                    None
                }
                news = pairing::next(&mut self.news) => {
                    self.heard(news);
                    None
                }
                caught = signals.next() => {
                    match caught {
                        Caught::Resized => self.resized(),
                        Caught::Stopped => self.stopped()?,
                        Caught::Continued => self.continued()?,
                    }
                    None
                }
                _ = second.tick(), if self.counts_down() => {
                    self.draw();
                    None
                }
            };
            if let Some(end) = end {
                tty::set_undo(self.picture.undo());
                let written = self.tty.write_all(self.picture.out());
                return match end {
                    // The terminal may be what is left for.
                    End::Detached => match tokio::time::timeout(LEAVE, written).await {
                        Ok(Err(error)) => Err(error).doing("write to this terminal"),
                        Ok(Ok(())) | Err(_) => Ok(end),
                    },
                    End::Signal(_) => Ok(end),
                    End::Exit(_) | End::Gone(_) => {
                        written.await.doing("write to this terminal").map(|()| end)
                    }
                };
            }
        }
    }

    /// Hands over what was typed last and leaves, while nobody looks at what still comes.
    async fn farewell(&mut self) {
        let Self { attachment, orders, updates, .. } = self;
        let leave = async {
            for order in orders.iter() {
                give(attachment, Some(order)).await;
            }
            attachment.detach().await;
        };
        let mut leave = std::pin::pin!(leave);
        loop {
            tokio::select! {
                () = &mut leave => return,
                update = updates.recv() => if update.is_none() { return },
            }
        }
    }

    fn typed(&mut self, bytes: &[u8]) -> Option<End> {
        for wish in self.keys.feed(bytes) {
            match wish {
                Wish::Detach => return Some(End::Detached),
                Wish::Panel | Wish::Help if self.panel.is_some() => self.close_panel(),
                Wish::Panel => {
                    self.fetch_link();
                    self.open_panel(Panel::Told(vec!["Fetching a code…".to_owned()]));
                }
                Wish::Help => self.open_panel(Panel::Help),
                Wish::Fit => {
                    self.close_panel();
                    self.change_fit();
                }
                Wish::Type(bytes) if self.panel.is_some() => self.typed_to_panel(&bytes),
                Wish::Type(bytes) => self.orders.push_back(Order::Input(Bytes::from(bytes))),
                Wish::Mouse(_) if self.panel.is_some() => {}
                Wish::Mouse(report) => {
                    let told = self.picture.mouse(report).map(|bytes| Order::Input(Bytes::from(bytes)));
                    self.orders.extend(told);
                }
            }
        }
        None
    }

    /// Takes the session's size over, or gives back what was taken.
    fn change_fit(&mut self) {
        let fits = self.picture.is_fitting();
        let gives = fits && self.fit != Fit::Rule;
        self.orders.push_back(if gives { Order::GiveSize } else { Order::TakeSize });
        self.fit = match (gives, fits) {
            (true, _) => Fit::Rule,
            (false, true) => Fit::Held,
            (false, false) => Fit::Asked,
        };
    }

    fn updated(&mut self, update: Option<Update>) -> Option<End> {
        let mut taken = 0;
        let mut next = update;
        let end = loop {
            let Some(update) = next else {
                let message = "The session's connection ended without a reason";
                break Some(End::Gone(problem(ErrorKind::Internal, message)));
            };
            if let Update::Output { bytes, .. } | Update::Snapshot { bytes, .. } = &update {
                taken += bytes.len();
            }
            if let Some(end) = self.take(update) {
                break Some(end);
            }
            if taken >= BATCH {
                break None;
            }
            match self.updates.try_recv() {
                Ok(update) => next = Some(update),
                // Nothing for now; that the channel has closed is seen at the next turn.
                Err(_) => break None,
            }
        };
        if end.is_some() {
            self.close_panel();
        }
        end
    }

    fn take(&mut self, update: Update) -> Option<End> {
        match update {
            Update::Output { bytes, .. } => self.picture.output(&bytes),
            Update::Snapshot { size, bytes, .. } => self.picture.snapshot(size, &bytes),
            Update::Attached { size, fresh, .. } => {
                self.picture.attached(size, fresh);
                if self.fit != Fit::Rule {
                    // What was taken went with the connection.
                    self.orders.push_back(Order::TakeSize);
                    self.fit = Fit::Asked;
                }
            }
            Update::Resized { size } => {
                self.picture.resized(size);
                self.fit = match (self.fit, self.picture.is_fitting()) {
                    (Fit::Asked, true) => Fit::Held,
                    // Somebody else has taken it.
                    (Fit::Held, false) => Fit::Rule,
                    (fit, _) => fit,
                };
            }
            Update::Title { title } => self.picture.titled(title),
            Update::Exit { exit } => {
                self.close_panel();
                self.picture.ended();
                return Some(End::Exit(exit));
            }
            Update::Ended(Some(failure)) => return Some(End::Gone(failure)),
            Update::Ended(None) => return Some(End::Detached),
            Update::Ending { ends_at } => self.heard_of_end(ends_at),
            Update::Path(path) => self.picture.set_away(match path {
                Path::Waiting { why, .. } => Some(why),
                Path::Connecting { .. } | Path::Live { .. } => None,
            }),
            // A banner is for people who watch the app; what was refused or settled shows in what the program does.
            // The rest is not on the screen.
            Update::Level
            | Update::Banner { .. }
            | Update::Settled { .. }
            | Update::Refused { .. }
            | Update::Chat { .. }
            | Update::Partial { .. }
            | Update::Asked { .. }
            | Update::Decided { .. }
            | Update::Revoked { .. } => {}
        }
        None
    }

    /// Bytes that were typed and not taken yet.
    fn waiting(&self) -> usize {
        let bytes = |order: &Order| match order {
            Order::Input(bytes) => bytes.len(),
            Order::Resize(_) | Order::TakeSize | Order::GiveSize => 1,
        };
        self.orders.iter().map(bytes).sum()
    }

    fn resized(&mut self) {
        self.size = self.tty.size();
        self.picture.set_size(self.size);
        if let Some(size) = self.size {
            // Only the last one counts, so that they do not pile up.
            self.orders.retain(|order| !matches!(order, Order::Resize(_)));
            self.orders.push_back(Order::Resize(size));
            if self.fit == Fit::Held {
                self.fit = Fit::Asked;
            }
        }
        self.draw();
    }

    /// The shell is to have the terminal for a while, as it was.
    fn stopped(&mut self) -> Result<(), Failure> {
        self.close_panel();
        self.tty.lend(&self.picture.lend()).doing("give this terminal back")?;
        // That it goes on is a signal too.
        signals::stop()
    }

    /// The shell had the terminal meanwhile: raw again, and everything painted anew.
    fn continued(&mut self) -> Result<(), Failure> {
        self.tty.make_raw().doing("use this terminal again")?;
        self.picture.taken_back();
        self.resized();
        Ok(())
    }
}

/// Until then.
async fn at(moment: Option<Instant>) -> Instant {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
    Instant::now()
}

/// Hands an order over. Dropped before it was taken, it can be given again.
async fn give(attachment: &Attachment, order: Option<&Order>) {
    match order.cloned() {
        Some(Order::Input(bytes)) => attachment.input(bytes).await,
        Some(Order::Resize(size)) => attachment.resize(size).await,
        Some(Order::TakeSize) => attachment.take_size().await,
        Some(Order::GiveSize) => attachment.give_size().await,
        None => std::future::pending().await,
    }
}
