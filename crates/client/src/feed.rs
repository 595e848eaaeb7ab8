//! A session's events from a place on, for programs that follow what happens rather than show a terminal.

use crate::pieces::Pieces;
use crate::{Connection, Error, Update};
use bytes::{Bytes, BytesMut};
use session::follow::{Ack, Follow, Took};
use session::id::{ApprovalId, SessionId};
use session::message::{
    Approval, ApprovalState, Chat, Cursor, Decider, ErrorKind, Event, Failure, Size, ToClient, ToHost,
};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Bytes that may be under way without an ack.
const WINDOW: u32 = 256 * 1024;
/// Bytes of one page.
const ROOM: u32 = 128 * 1024;
/// How long a keeper may take to begin.
const ATTACHED: Duration = Duration::from_secs(15);
/// A snapshot that is larger is the peer's mistake.
const MAX_SNAPSHOT: usize = 64 * 1024 * 1024;

/// Something that happened in a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place in the log; of several events, the last.
    pub cursor: Cursor,
    /// Unix milliseconds; 0 where it is not known.
    pub at: u64,
    /// What.
    pub news: News,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// The agent, or a person, said or did something.
    Chat(Box<Chat>),
    /// The agent is saying something just now.
    Partial {
        /// Of what; what is said in the end names it.
        item: String,
        /// Bytes of it that came before.
        from: u64,
        /// It is thought, not said.
        thinking: bool,
        /// What follows them.
        text: String,
    },
    /// Somebody waits for a person's decision.
    Asked(Box<Approval>),
    /// An approval is over.
    Decided {
        /// Which.
        approval: ApprovalId,
        /// What became of it.
        state: Box<ApprovalState>,
    },
    /// What was allowed until the session ends is so no longer.
    Revoked {
        /// The grant.
        grant: ApprovalId,
        /// Who took it back.
        by: Decider,
    },
    /// The keeper, or a program in the session, has something to say.
    Banner(String),
    /// The session ends by itself then, in Unix milliseconds, or not any more.
    Ending(Option<u64>),
    /// The program ended: nothing follows.
    Exit(i32),
    /// The program wrote.
    Output(Bytes),
    /// The terminal's size.
    Resized(Size),
    /// The terminal's title.
    Title(String),
    /// All of the terminal, in place of output that is not kept any more, or that this client was too slow for.
    Screen {
        /// The terminal's size.
        size: Size,
        /// What to write to a fresh emulator.
        bytes: Bytes,
    },
    /// The log goes on in another life, whose beginning follows: what came before does not count any more.
    Reset,
}

/// Follows one session over one connection. What is never trimmed comes whole, each once and in order; what the terminal
/// shows comes where it was asked for.
pub struct Feed {
    connection: Connection,
    session: SessionId,
    output: bool,
    head: Cursor,
    follow: Follow,
    said: Pieces,
    /// Up to here everything was given out.
    last: u64,
    /// The next number that comes as it happens; none before that has begun.
    next: Option<u64>,
    /// What was passed over is being fetched, up to this snapshot.
    gap: Option<Screen>,
    /// What came behind it meanwhile.
    held: VecDeque<(Cursor, u64, Event, Bytes)>,
    ready: VecDeque<Entry>,
    /// What came while nobody asked for it.
    unread: VecDeque<(ToClient, Bytes)>,
    pieces: BytesMut,
}

struct Screen {
    cursor: Cursor,
    size: Size,
    bytes: Bytes,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Behind this event of the log as it is now; 0 is its beginning.
    Seq(u64),
    /// Behind this place.
    Cursor(Cursor),
    /// With what comes next.
    Now,
}

impl Feed {
    /// Attaches. `output` asks for what the terminal shows, too.
    pub async fn open(
        connection: Connection,
        session: SessionId,
        from: Start,
        output: bool,
    ) -> Result<Self, Error> {
        let follow = Follow::new(WINDOW);
        let head = Cursor { epoch: 0, seq: 0 };
        let mut feed = Self {
            connection,
            session,
            output,
            head,
            follow,
            said: Pieces::default(),
            last: 0,
            next: None,
            gap: None,
            held: VecDeque::new(),
            ready: VecDeque::new(),
            unread: VecDeque::new(),
            pieces: BytesMut::new(),
        };
        timeout(ATTACHED, feed.begin(from)).await.map_err(|_| Error::Timeout("the session"))??;
        Ok(feed)
    }

    /// The head of the log when this began.
    pub fn head(&self) -> Cursor {
        self.head
    }

    async fn begin(&mut self, from: Start) -> Result<(), Error> {
        self.head = self.attach().await?;
        let Cursor { epoch, seq } = self.head;
        let cursor = match from {
            Start::Now => self.head,
            Start::Seq(after) => Cursor { epoch, seq: after },
            Start::Cursor(after) if after.epoch == epoch => after,
            Start::Cursor(_) => {
                let at = Cursor { epoch, seq: 0 };
                self.ready.push_back(Entry { cursor: at, at: 0, news: News::Reset });
                at
            }
        };
        if cursor.seq > seq {
            let message = format!("there is no event {} yet: the last one is {seq}", cursor.seq);
            return Err(Error::Failed(Failure { kind: ErrorKind::Invalid, message, hint: String::new() }));
        }
        // A snapshot comes first in any case: what is never trimmed comes from the log, and the terminal as a whole.
        self.last = cursor.seq;
        Ok(())
    }

    async fn attach(&mut self) -> Result<Cursor, Error> {
        let session = self.session.clone();
        // Nobody looks at what is above the screen where the output is not wanted.
        let scrollback = (!self.output).then_some(0);
        let (after, size, window, redraw) = (None, None, WINDOW, false);
        let attach = ToHost::Attach { session, after, size, window, scrollback, redraw };
        self.connection.send(&attach, &[]).await?;
        loop {
            match self.connection.recv().await?.0 {
                ToClient::Attached { session, head, .. } if session == self.session => {
                    self.follow.handle_attached(head);
                    return Ok(head);
                }
                ToClient::Detached { session, why } if session == self.session => return Err(left(why)),
                _ => {}
            }
        }
    }

    /// What is never trimmed behind `after`, a page of it, and whether more follows.
    pub async fn page(&mut self) -> Result<(Vec<Entry>, bool), Error> {
        timeout(ATTACHED, self.read_page()).await.map_err(|_| Error::Timeout("the session's log"))?
    }

    async fn read_page(&mut self) -> Result<(Vec<Entry>, bool), Error> {
        self.ask_past(u64::MAX >> 1).await?;
        loop {
            let (message, payload) = self.connection.recv().await?;
            match message {
                ToClient::Past { session, epoch, seq, at, event } if session == self.session => {
                    self.told(Cursor { epoch, seq }, at, event, &payload);
                }
                ToClient::PastEnd { session, more, .. } if session == self.session => {
                    return Ok((self.ready.drain(..).collect(), more));
                }
                ToClient::Detached { session, why } if session == self.session => return Err(left(why)),
                _ => {}
            }
        }
    }

    async fn ask_past(&mut self, before: u64) -> Result<(), Error> {
        let (session, after) = (self.session.clone(), Some(self.last));
        self.connection.send(&ToHost::Past { session, before, room: ROOM, after }, &[]).await
    }

    /// What happens next. Whoever drops the future drops the feed with it. [`Error::Failed`] with [`ErrorKind::Ended`] where the session
    /// is not followed any more.
    pub async fn next(&mut self) -> Result<Entry, Error> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(entry);
            }
            self.step().await?;
        }
    }

    /// As [`Feed::next`], up to what was last when this began: for a session in which nothing happens any more.
    pub async fn rest(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            let entry = self.ready.pop_front();
            let over = self.gap.is_none() && self.next.is_some_and(|next| next > self.head.seq);
            if entry.is_some() || over {
                return Ok(entry);
            }
            self.step().await?;
        }
    }

    /// Keeps the connection alive while whoever is to get what happens has no room for it; to be called until there is.
    /// What comes meanwhile is kept and not acked, so that it stays within the window and one page. Dropping the future
    /// loses nothing.
    pub async fn hold(&mut self) -> Result<(), Error> {
        let message = self.connection.recv().await?;
        self.unread.push_back(message);
        Ok(())
    }

    async fn step(&mut self) -> Result<(), Error> {
        // While what was passed over is fetched nothing is acked, so that what is held meanwhile stays within the window.
        let acks = self.gap.is_none();
        if let Some(ack) = acks.then(|| self.follow.poll_ack(Instant::now(), false)).flatten() {
            let (session, Ack { epoch, seq, part }) = (self.session.clone(), ack);
            let ack = ToHost::Ack { session, epoch, seq, part };
            self.connection.send(&ack, &[]).await?;
        }
        let due = self.follow.poll_timeout().filter(|_| acks);
        let wait = due.map_or(Duration::from_hours(1), |at| at.saturating_duration_since(Instant::now()));
        let (message, payload) = match self.unread.pop_front() {
            Some(message) => message,
            None => match timeout(wait, self.connection.recv()).await {
                Ok(received) => received?,
                Err(_) => return Ok(()),
            },
        };
        self.heard(message, payload).await
    }

    async fn heard(&mut self, message: ToClient, payload: Bytes) -> Result<(), Error> {
        let now = Instant::now();
        match message {
            ToClient::Event { session, epoch, seq, at, event } if session == self.session => {
                let cursor = Cursor { epoch, seq };
                let took = self.follow.handle_event(cursor, &event, payload.len(), now);
                if took.map_err(|gap| Error::Nonsense(gap.to_string()))? != Took::Apply {
                    return Ok(());
                }
                // What is told before a snapshot comes with the rest of what it passes over.
                if self.next != Some(seq) {
                    return Ok(());
                }
                self.next = Some(seq + 1);
                // The end is told in any case: nothing follows it.
                if seq <= self.last && !matches!(event, Event::Exit { .. }) {
                    return Ok(());
                }
                if self.gap.is_some() {
                    self.held.push_back((cursor, at, event, payload));
                } else {
                    self.happened(cursor, at, event, payload);
                }
            }
            ToClient::Snapshot { session, epoch, seq, size, part, last } if session == self.session => {
                let cursor = Cursor { epoch, seq };
                let piece = self.follow.handle_piece(cursor, part, last, payload.len(), now);
                let piece = piece.map_err(|gap| Error::Nonsense(gap.to_string()))?;
                if piece.first {
                    self.pieces.clear();
                }
                if self.pieces.len() + payload.len() > MAX_SNAPSHOT {
                    return Err(Error::Nonsense("a snapshot without end".into()));
                }
                if self.output {
                    self.pieces.extend_from_slice(&payload);
                }
                if piece.last {
                    let bytes = self.pieces.split().freeze();
                    self.next = Some(seq + 1);
                    self.held.clear();
                    let fetching = self.gap.is_some();
                    self.gap = Some(Screen { cursor, size, bytes });
                    if !fetching {
                        self.ask_past(seq + 1).await?;
                    }
                }
            }
            ToClient::Past { session, epoch, seq, at, event } if session == self.session => {
                self.told(Cursor { epoch, seq }, at, event, &payload);
            }
            ToClient::PastEnd { session, before, more } if session == self.session => {
                self.fetched(before, more).await?;
            }
            ToClient::Detached { session, why } if session == self.session => return Err(left(why)),
            _ => {}
        }
        Ok(())
    }

    /// A page is whole.
    async fn fetched(&mut self, before: u64, more: bool) -> Result<(), Error> {
        let Some(screen) = self.gap.take() else { return Ok(()) };
        if more || before <= screen.cursor.seq {
            let before = screen.cursor.seq + 1;
            self.gap = Some(screen);
            return self.ask_past(before).await;
        }
        let Screen { cursor, size, bytes } = screen;
        self.last = self.last.max(cursor.seq);
        if self.output {
            self.ready.push_back(Entry { cursor, at: 0, news: News::Screen { size, bytes } });
        }
        for (cursor, at, event, payload) in std::mem::take(&mut self.held) {
            self.happened(cursor, at, event, payload);
        }
        Ok(())
    }

    /// An event of a page.
    fn told(&mut self, cursor: Cursor, at: u64, event: Event, payload: &Bytes) {
        if cursor.seq > self.last {
            self.happened(cursor, at, event, payload.clone());
        }
    }

    fn happened(&mut self, cursor: Cursor, at: u64, event: Event, payload: Bytes) {
        self.last = cursor.seq;
        let news = match event {
            Event::Output if self.output => News::Output(payload),
            Event::Resize { size } if self.output => News::Resized(size),
            Event::Title { title } if self.output => News::Title(title),
            Event::Exit { exit } => News::Exit(exit),
            Event::Banner { text } => News::Banner(text),
            Event::Ending { ends_at } => News::Ending(ends_at),
            Event::Asked { approval, part: 0, .. } => News::Asked(approval),
            // A request's bytes are fetched by whoever wants them, and what a terminal shows only where it is wanted.
            Event::Asked { .. } | Event::Output | Event::Resize { .. } | Event::Title { .. } => return,
            Event::Decided { approval, state } => News::Decided { approval, state },
            Event::Revoked { grant, by } => News::Revoked { grant, by },
            Event::Chat { .. } | Event::Partial { .. } => match self.said.handle(cursor, at, event, &payload)
            {
                Some(Update::Chat { chat, .. }) => News::Chat(chat),
                Some(Update::Partial { item, from, thinking, text }) => {
                    News::Partial { item, from, thinking, text }
                }
                _ => return,
            },
        };
        self.ready.push_back(Entry { cursor, at, news });
    }
}

fn left(why: Option<Failure>) -> Error {
    Error::Failed(why.unwrap_or_else(|| Failure {
        kind: ErrorKind::Ended,
        message: "the session is not followed any more".to_owned(),
        hint: String::new(),
    }))
}
