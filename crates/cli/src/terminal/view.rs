//! One session shown in this terminal: what is typed goes there, what it prints comes here, until it ends or the
//! person leaves.
//!
//! Nothing is drawn over the program except the panel, on request. What the terminal shows is [`Picture`]'s; here is who
//! reads, writes and waits, none of them for another: a terminal that takes no bytes keeps nobody from typing.

use super::keys::{Keys, Prefix, Wish};
use super::pairing::{self, News};
use super::panel::{self, Panel};
use super::picture::Picture;
use super::signals::{Caught, Ending, Signals};
use super::tty::{self, Tty};
use crate::duration;
use crate::problem::{Doing as _, problem};
use crate::table::{self, clean};
use bytes::Bytes;
use client::{AttachOpts, Attachment, Path, Route, Update};
use session::ending::NOTICE_MS;
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
/// How far two machines' clocks may be apart, in milliseconds, and what a host says is near still be so here.
const SKEW_MS: u64 = 60_000;

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

    fn typed_to_panel(&mut self, bytes: &[u8]) {
        match (&self.panel, bytes) {
            (Some(Panel::Link { .. }), b"r" | b"R") => self.fetch_link(),
            (Some(Panel::Link { .. }), b"q" | b"Q" | b"\x1b" | b"\x03")
            | (Some(Panel::Told(_) | Panel::Ending { .. } | Panel::Help), _) => self.close_panel(),
            _ => {}
        }
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
            Update::Path(path) => self.picture.set_away(matches!(path, Path::Waiting { .. })),
            // A banner is for people who watch the app; what was refused or settled shows in what the program does.
            Update::Banner { .. } | Update::Settled { .. } | Update::Refused { .. } => {}
        }
        None
    }

    fn heard(&mut self, news: Option<News>) {
        let (panel, unasked) = match news {
            Some(News::Link(invited)) => {
                self.dies = Some(Instant::now() + Duration::from_secs(u64::from(invited.expires_in)));
                (Panel::Link { url: invited.url, left: invited.expires_in }, false)
            }
            Some(News::Failed(failure)) => (Panel::Told(vec![failure.message, failure.hint]), false),
            Some(News::Paired(device)) => {
                let told = paired(&device);
                self.paired.push(device);
                (Panel::Told(told), true)
            }
            Some(News::Reused) => (Panel::Told(vec![pairing::REUSED.to_owned()]), true),
            None => {
                self.news = None;
                return;
            }
        };
        match &self.panel {
            // Who has come in is told at once. The key that closes it does not reach the program, where it could be
            // the answer to a question nobody has read.
            None if unasked => self.open_panel(panel),
            Some(Panel::Help) if !unasked => {}
            Some(_) => {
                self.panel = Some(panel);
                self.draw();
            }
            None => {}
        }
    }

    /// The session ends by itself soon, or not any more. As with a device that was paired, it is told at once.
    fn heard_of_end(&mut self, ends_at: Option<u64>) {
        self.ends_at = ends_at;
        let now = table::now_ms();
        let near = ends_at.filter(|at| *at > now && *at <= now + NOTICE_MS + SKEW_MS);
        if std::mem::take(&mut self.view.quiet) {
            return;
        }
        match (near, &self.panel) {
            (Some(_), None) => self.open_panel(self.end_panel()),
            (Some(_), Some(_)) => {
                self.panel = Some(self.end_panel());
                self.draw();
            }
            (None, Some(Panel::Ending { .. })) => self.close_panel(),
            (None, _) => {}
        }
    }

    fn end_panel(&self) -> Panel {
        let session = match &self.view.host {
            Route::Host(host) => format!("{}/{}", clean(&host.name), self.view.session),
            Route::Daemon(_) | Route::Keeper(_) => self.view.session.to_string(),
        };
        Panel::Ending { session, left: 0 }
    }

    /// Bytes that were typed and not taken yet.
    fn waiting(&self) -> usize {
        let bytes = |order: &Order| match order {
            Order::Input(bytes) => bytes.len(),
            Order::Resize(_) | Order::TakeSize | Order::GiveSize => 1,
        };
        self.orders.iter().map(bytes).sum()
    }

    fn fetch_link(&mut self) {
        self.dies = None;
        self.news = Some(pairing::start(self.view.host.clone()));
    }

    fn open_panel(&mut self, panel: Panel) {
        self.panel = Some(panel);
        self.picture.cover();
        self.draw();
    }

    fn close_panel(&mut self) {
        if self.panel.take().is_some() {
            self.picture.uncover();
        }
    }

    fn counts_down(&self) -> bool {
        matches!(self.panel, Some(Panel::Link { left: 1.., .. } | Panel::Ending { .. }))
    }

    fn draw(&mut self) {
        if let (Some(Panel::Link { left, .. }), Some(dies)) = (&mut self.panel, self.dies) {
            let remaining = dies.saturating_duration_since(Instant::now());
            *left = u32::try_from(remaining.as_secs()).unwrap_or(0);
        }
        if let (Some(Panel::Ending { left, .. }), Some(at)) = (&mut self.panel, self.ends_at) {
            *left = duration::left(at, table::now_ms());
        }
        if let Some(panel) = &self.panel {
            let size = self.size.unwrap_or(Size { cols: 80, rows: 24 });
            self.picture.put(&panel::draw(panel, size, self.view.prefix));
        }
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

    /// The shell had the terminal meanwhile: raw again, and everything painted anew.
    fn continued(&mut self) -> Result<(), Failure> {
        self.tty.make_raw().doing("use this terminal again")?;
        self.picture.taken_back();
        self.resized();
        Ok(())
    }
}

/// What a person should know of a device that was paired.
pub fn paired(device: &Device) -> Vec<String> {
    vec![
        format!("Paired: {}", clean(&device.label)),
        format!("Its four words: {}", device.words),
        format!("Not yours? longrein revoke {}", device.id),
    ]
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
