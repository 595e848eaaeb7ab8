//! One session shown in this terminal: what is typed goes there, what it prints comes here, until it ends or the
//! person leaves.
//!
//! Nothing is drawn over the program except the panel, on request. While the panel is open the program's output is not
//! shown; afterwards the session is attached anew behind the last byte that was, which is the same procedure as after
//! a lost connection, so nothing is missing. Only a full-screen program is repainted from a snapshot, because leaving
//! the panel's alternate screen has left the program's too.

use super::filter::Filter;
use super::keys::{Keys, Prefix, Wish};
use super::pairing::{self, News};
use super::panel::{self, Panel};
use super::signals::{Caught, Ending, Signals};
use super::tty::{self, Tty};
use crate::problem::{Doing as _, problem};
use crate::table::clean;
use bytes::Bytes;
use client::{AttachOpts, Attachment, Path, Route, Update};
use session::id::SessionId;
use session::message::{Cursor, Device, ErrorKind, Failure, Size};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::signal::unix::SignalKind;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Output that arrived together is written together, up to this many bytes.
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
}

/// Shows a session until it ends or is left.
pub async fn show(view: View) -> Result<Shown, Failure> {
    let tty = Tty::open().doing("use this terminal")?;
    let size = tty.size();
    let mut screen = Screen::start(view, tty, size);
    tty::set_undo(screen.undo());
    let end = screen.run().await;
    // Dropping the terminal puts it right, whichever way this ended.
    let paired = std::mem::take(&mut screen.paired);
    let farewell = screen.farewell();
    if tokio::time::timeout(LEAVE, farewell).await.is_err() {
        tracing::debug!("left without an answer");
    }
    drop(screen.tty);
    Ok(Shown { end: end?, paired })
}

/// Something for the session.
#[derive(Clone)]
enum Order {
    Input(Bytes),
    Resize(Size),
}

struct Screen {
    view: View,
    tty: Tty,
    size: Option<Size>,
    attachment: Attachment,
    updates: mpsc::Receiver<Update>,
    filter: Filter,
    keys: Keys,
    /// The last event that was written to the terminal.
    cursor: Option<Cursor>,
    /// Something was written already, so that a snapshot must clear it.
    dirty: bool,
    title: String,
    panel: Option<Panel>,
    news: Option<mpsc::Receiver<News>>,
    /// For the session, once it takes them. Never waited for alone: the session may first want to be rid of updates.
    orders: VecDeque<Order>,
    dies: Option<Instant>,
    paired: Vec<Device>,
}

impl Screen {
    fn start(mut view: View, tty: Tty, size: Option<Size>) -> Self {
        let news = view.news.take();
        let (attachment, updates) = attach(&view, size, view.after);
        Self {
            keys: Keys::new(view.prefix),
            cursor: view.after,
            title: view.name.clone(),
            view,
            tty,
            size,
            attachment,
            updates,
            filter: Filter::default(),
            dirty: false,
            panel: None,
            news,
            orders: VecDeque::new(),
            dies: None,
            paired: Vec::new(),
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
        // The terminal's own title comes back when we leave.
        self.write(b"\x1b[22;2t").await?;
        let mut signals = Signals::listen()?;
        let mut typed = vec![0; 16 * 1024];
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let end = tokio::select! {
                () = give(&self.attachment, self.orders.front()), if !self.orders.is_empty() => {
                    self.orders.pop_front();
                    None
                }
                read = self.tty.read(&mut typed), if self.waiting() < TYPED => match read {
                    // The terminal is gone, as on a hang-up.
                    Ok(0) | Err(_) => Some(End::Signal(SignalKind::hangup().as_raw_value())),
                    Ok(length) => self.typed(&typed[..length]).await?,
                },
                update = self.updates.recv() => self.updated(update).await?,
                news = pairing::next(&mut self.news) => self.heard(news).await?,
                caught = signals.next() => match caught {
                    Caught::Resized => self.resized().await?,
                    Caught::Continued => self.continued().await?,
                },
                _ = second.tick(), if self.counts_down() => self.draw().await?,
            };
            if let Some(end) = end {
                return Ok(end);
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

    async fn typed(&mut self, bytes: &[u8]) -> Result<Option<End>, Failure> {
        for wish in self.keys.feed(bytes) {
            match wish {
                Wish::Detach => return Ok(Some(End::Detached)),
                Wish::Panel | Wish::Help if self.panel.is_some() => self.close_panel().await?,
                Wish::Panel => {
                    self.fetch_link();
                    self.open_panel(Panel::Told(vec!["Fetching a code…".to_owned()])).await?;
                }
                Wish::Help => self.open_panel(Panel::Help).await?,
                Wish::Type(bytes) if self.panel.is_some() => self.typed_to_panel(&bytes).await?,
                Wish::Type(bytes) => self.orders.push_back(Order::Input(Bytes::from(bytes))),
            }
        }
        Ok(None)
    }

    async fn typed_to_panel(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match (&self.panel, bytes) {
            (Some(Panel::Link { .. }), b"r" | b"R") => {
                self.fetch_link();
                Ok(())
            }
            (Some(Panel::Link { .. }), b"q" | b"Q" | b"\x1b" | b"\x03")
            | (Some(Panel::Told(_) | Panel::Help), _) => self.close_panel().await,
            _ => Ok(()),
        }
    }

    async fn updated(&mut self, update: Option<Update>) -> Result<Option<End>, Failure> {
        let mut batch = Vec::new();
        let mut next = update;
        let end = loop {
            let Some(update) = next else {
                let message = "The session's connection ended without a reason";
                break Some(End::Gone(problem(ErrorKind::Internal, message)));
            };
            if let Some(end) = self.take(update, &mut batch) {
                break Some(end);
            }
            if batch.len() >= BATCH {
                break None;
            }
            match self.updates.try_recv() {
                Ok(update) => next = Some(update),
                // Nothing for now; that the channel has closed is seen at the next turn.
                Err(_) => break None,
            }
        };
        if end.is_some() && self.panel.take().is_some() {
            self.write(panel::CLOSE).await?;
        }
        if !batch.is_empty() {
            tty::set_undo(self.undo());
            self.write(&batch).await?;
        }
        Ok(end)
    }

    fn take(&mut self, update: Update, batch: &mut Vec<u8>) -> Option<End> {
        let hidden = self.panel.is_some();
        match update {
            Update::Output { cursor, bytes } if !hidden => {
                self.filter.feed(&bytes, batch);
                self.cursor = Some(cursor);
                self.dirty = true;
            }
            Update::Snapshot { cursor, bytes, .. } if !hidden => {
                batch.extend_from_slice(&self.clear());
                self.filter.restart();
                self.filter.feed(&bytes, batch);
                self.cursor = Some(cursor);
                self.dirty = true;
            }
            // The log begins anew: what stands here is of another life of it.
            Update::Attached { fresh: true, .. } if !hidden && self.dirty => {
                batch.extend_from_slice(&self.clear());
                self.filter.restart();
            }
            Update::Title { title } => self.title = title,
            Update::Exit { exit } => return Some(End::Exit(exit)),
            Update::Ended(Some(failure)) => return Some(End::Gone(failure)),
            Update::Ended(None) => return Some(End::Detached),
            Update::Path(path) if !hidden => {
                // The window's title, since nothing may be drawn over the program.
                let title = match path {
                    Path::Waiting { .. } => format!("(host away, trying again) {}", self.title),
                    Path::Connecting { .. } | Path::Live { .. } => self.title.clone(),
                };
                let _ = std::io::Write::write_fmt(batch, format_args!("\x1b]2;{}\x1b\\", clean(&title)));
            }
            // Behind the panel output is not shown: it comes again when the panel closes. A banner is for people who
            // watch the app; what was refused or settled shows in what the program does.
            Update::Output { .. }
            | Update::Snapshot { .. }
            | Update::Path(_)
            | Update::Attached { .. }
            | Update::Resized { .. }
            | Update::Banner { .. }
            | Update::Settled { .. }
            | Update::Refused { .. } => {}
        }
        None
    }

    async fn heard(&mut self, news: Option<News>) -> Result<Option<End>, Failure> {
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
                return Ok(None);
            }
        };
        match &self.panel {
            // Who has come in is told at once. The key that closes it does not reach the program, where it could be
            // the answer to a question nobody has read.
            None if unasked => self.open_panel(panel).await?,
            Some(Panel::Help) if !unasked => {}
            Some(_) => {
                self.panel = Some(panel);
                self.draw().await?;
            }
            None => {}
        }
        Ok(None)
    }

    /// Bytes that were typed and not taken yet.
    fn waiting(&self) -> usize {
        let bytes = |order: &Order| match order {
            Order::Input(bytes) => bytes.len(),
            Order::Resize(_) => 0,
        };
        self.orders.iter().map(bytes).sum()
    }

    fn fetch_link(&mut self) {
        self.dies = None;
        self.news = Some(pairing::start(self.view.host.clone()));
    }

    async fn open_panel(&mut self, panel: Panel) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        if self.filter.modes().is_alternate() {
            bytes.extend_from_slice(&self.filter.modes().undo());
        }
        bytes.extend_from_slice(panel::OPEN);
        self.panel = Some(panel);
        // Leaving while the panel is open has to close it too.
        tty::set_undo([panel::CLOSE, &self.undo()].concat());
        self.write(&bytes).await?;
        self.draw().await.map(|_| ())
    }

    async fn close_panel(&mut self) -> Result<(), Failure> {
        self.panel = None;
        self.write(panel::CLOSE).await?;
        let after = if self.filter.modes().is_alternate() { None } else { self.cursor };
        if after.is_none() {
            self.filter.restart();
        }
        let (attachment, updates) = attach(&self.view, self.size, after);
        let before = std::mem::replace(&mut self.attachment, attachment);
        let mut unread = std::mem::replace(&mut self.updates, updates);
        tty::set_undo(self.undo());
        // What was typed before the panel is on its way through the old attachment.
        tokio::spawn(async move {
            let drain = async { while unread.recv().await.is_some() {} };
            tokio::time::timeout(LEAVE, async { tokio::join!(before.detach(), drain) }).await
        });
        Ok(())
    }

    fn counts_down(&self) -> bool {
        matches!(self.panel, Some(Panel::Link { left: 1.., .. }))
    }

    async fn draw(&mut self) -> Result<Option<End>, Failure> {
        if let (Some(Panel::Link { left, .. }), Some(dies)) = (&mut self.panel, self.dies) {
            let remaining = dies.saturating_duration_since(Instant::now());
            *left = u32::try_from(remaining.as_secs()).unwrap_or(0);
        }
        if let Some(panel) = &self.panel {
            let size = self.size.unwrap_or(Size { cols: 80, rows: 24 });
            let bytes = panel::draw(panel, size, self.view.prefix);
            self.write(&bytes).await?;
        }
        Ok(None)
    }

    async fn resized(&mut self) -> Result<Option<End>, Failure> {
        self.size = self.tty.size();
        if let Some(size) = self.size {
            // Only the last one counts, so that they do not pile up.
            self.orders.retain(|order| matches!(order, Order::Input(_)));
            self.orders.push_back(Order::Resize(size));
        }
        self.draw().await
    }

    /// The shell had the terminal meanwhile: raw again, and everything painted anew.
    async fn continued(&mut self) -> Result<Option<End>, Failure> {
        self.tty.make_raw().doing("use this terminal again")?;
        if self.panel.is_none() {
            self.cursor = None;
            self.close_panel().await?;
        }
        self.resized().await
    }

    /// Makes room for a snapshot: what is on the screen moves up into the scrollback, the first time.
    fn clear(&self) -> Vec<u8> {
        let mut bytes = self.filter.modes().undo();
        if !self.dirty {
            let rows = self.size.map_or(24, |size| size.rows);
            bytes.extend_from_slice(format!("\x1b[{rows};1H").as_bytes());
            bytes.extend(std::iter::repeat_n(b'\n', usize::from(rows)));
        }
        bytes.extend_from_slice(b"\x1b[H\x1b[2J");
        bytes
    }

    /// What to write when leaving: the program's modes, then the title from before.
    fn undo(&self) -> Vec<u8> {
        let mut bytes = self.filter.modes().undo();
        bytes.extend_from_slice(b"\x1b[23;2t");
        bytes
    }

    async fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.tty.write_all(bytes).await.doing("write to this terminal")
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

fn attach(view: &View, size: Option<Size>, after: Option<Cursor>) -> (Attachment, mpsc::Receiver<Update>) {
    Attachment::start(AttachOpts {
        route: view.route.clone(),
        session: view.session.clone(),
        client: crate::hosts::CLIENT.to_owned(),
        size,
        window: 0,
        after,
    })
}

/// Hands an order over. Dropped before it was taken, it can be given again.
async fn give(attachment: &Attachment, order: Option<&Order>) {
    match order.cloned() {
        Some(Order::Input(bytes)) => attachment.input(bytes).await,
        Some(Order::Resize(size)) => attachment.resize(size).await,
        None => std::future::pending().await,
    }
}
