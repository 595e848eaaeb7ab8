//! One session, followed through every lost connection: what is shown comes out, what is typed goes in.

use crate::driver::{Driver, Order};
use crate::{Error, Route};
use bytes::Bytes;
use session::codec::MAX_PAYLOAD;
use session::id::{ApprovalId, SessionId, StreamId};
use session::message::{
    Act, Approval, ApprovalState, Chat, Cursor, Decider, Decision, ErrorKind, Failure, Size,
};
use session::outbox::Ticket;
use session::role::Role;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Bytes that may be under way to this client without an ack, where nothing else was asked for: little enough that an
/// interrupt is not stuck behind much, and enough for any link that carries a terminal.
pub const DEFAULT_WINDOW: u32 = 64 * 1024;
/// Updates that wait for the caller. The session's bytes are acked as the caller takes them, so this stays small.
const UPDATES: usize = 2;
/// Orders that wait; the caller waits beyond it.
const ORDERS: usize = 16;

/// What to follow, and how.
#[derive(Clone, Debug)]
pub struct AttachOpts {
    /// How the session is reached.
    pub route: Route,
    /// Which.
    pub session: SessionId,
    /// Program and version of the caller.
    pub client: String,
    /// The screen, if there is one; it takes part in sizing the terminal.
    pub size: Option<Size>,
    /// Bytes that may be under way; 0 is [`DEFAULT_WINDOW`].
    pub window: u32,
    /// Continue behind this place, whose screen the caller still has.
    pub after: Option<Cursor>,
}

/// How things stand with the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// Trying; 0 is the first attempt after it last stood.
    Connecting {
        /// Attempts that failed in a row.
        attempt: u32,
    },
    /// It stands.
    Live {
        /// The last measured round trip to the host; `None` before the first, and on this machine.
        rtt: Option<Duration>,
        /// What we may do.
        role: Role,
    },
    /// The next attempt waits.
    Waiting {
        /// For so long.
        retry_in: Duration,
        /// Why the last one failed.
        why: String,
    },
}

/// What happens to the session. Output, snapshots and events come in the order of the log, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// The session answers.
    Attached {
        /// The head of its log.
        head: Cursor,
        /// The terminal's size.
        size: Size,
        /// Nothing that was shown before holds any more: begin with an empty screen.
        fresh: bool,
        /// What the prompts that are given here are named by.
        stream: StreamId,
    },
    /// All that was there when it answered has come.
    Level,
    /// The whole terminal: write it to a fresh emulator of that size.
    Snapshot {
        /// The last event in it.
        cursor: Cursor,
        /// The terminal's size.
        size: Size,
        /// What to write.
        bytes: Bytes,
    },
    /// The program wrote.
    Output {
        /// The event.
        cursor: Cursor,
        /// What it wrote.
        bytes: Bytes,
    },
    /// The terminal has this size from here on.
    Resized {
        /// The new size.
        size: Size,
    },
    /// The terminal has this title from here on.
    Title {
        /// The new title.
        title: String,
    },
    /// The program ended. All that it wrote has come before.
    Exit {
        /// Its exit status.
        exit: i32,
    },
    /// The keeper has something to say.
    Banner {
        /// One sentence.
        text: String,
    },
    /// The session ends by itself soon, or what was said of that has changed.
    Ending {
        /// When, in Unix milliseconds; without one, not any more.
        ends_at: Option<u64>,
    },
    /// How things stand with the connection.
    Path(Path),
    /// A command was taken.
    Settled {
        /// Which: they are numbered 1, 2, 3 … as they were given; long input counts once for each 32 KiB, and a resize
        /// that replaces one which was not sent yet counts with it.
        n: u64,
    },
    /// The agent, or a person, said or did something.
    Chat {
        /// The event; of several, the last.
        cursor: Cursor,
        /// Unix milliseconds.
        at: u64,
        /// What.
        chat: Box<Chat>,
    },
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
    Asked {
        /// What is asked.
        approval: Box<Approval>,
        /// The request's bytes, whose digest that names.
        request: Bytes,
    },
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
    /// A command will not be taken.
    Refused {
        /// Which.
        n: u64,
        /// Why.
        why: Failure,
    },
    /// Nothing follows: it was left on purpose, or for this reason.
    Ended(Option<Failure>),
}

impl Update {
    pub(crate) fn settled(ticket: Ticket) -> Self {
        Self::Settled { n: ticket.0 }
    }
}

/// The caller's handle. Dropping it ends the attachment at once; [`Attachment::detach`] waits for what was typed.
pub struct Attachment {
    orders: mpsc::Sender<Order>,
    leave: watch::Sender<bool>,
    hurry: watch::Sender<u64>,
    heard: watch::Receiver<Option<Instant>>,
}

impl Attachment {
    /// Begins to follow, on the current runtime. Whoever takes the updates sets the pace: what is not taken is not
    /// acked, and the session holds it back.
    pub fn start(opts: AttachOpts) -> (Self, mpsc::Receiver<Update>) {
        let (orders, given) = mpsc::channel(ORDERS);
        let (updates, taken) = mpsc::channel(UPDATES);
        let (leave, left) = watch::channel(false);
        let (hurry, hurried) = watch::channel(0);
        let (stamp, heard) = watch::channel(None);
        tokio::spawn(async move {
            let ended = match Driver::new(opts, given, updates.clone(), left, hurried, stamp) {
                Ok(driver) => driver.run().await,
                Err(error) => Some(crate::connection::as_failure(&error)),
            };
            // A caller that takes nothing any more does not want this either.
            let _ = updates.send(Update::Ended(ended)).await;
        });
        (Self { orders, leave, hurry, heard }, taken)
    }

    async fn order(&self, order: Order) {
        // After the end nobody takes orders; the caller has heard of it by then.
        let _ = self.orders.send(order).await;
    }

    /// Types. Waits while too much is under way.
    pub async fn input(&self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.order(Order::Input(bytes)).await;
        }
    }

    /// The screen has a new size.
    pub async fn resize(&self, size: Size) {
        self.order(Order::Resize(size)).await;
    }

    /// Sets the terminal to this screen.
    pub async fn take_size(&self) {
        self.order(Order::Act(Act::TakeSize)).await;
    }

    /// Back to the rule for the terminal's size.
    pub async fn give_size(&self) {
        self.order(Order::Act(Act::GiveSize)).await;
    }

    /// Ctrl-C, whatever the terminal's mode.
    pub async fn interrupt(&self) {
        self.order(Order::Act(Act::Interrupt)).await;
    }

    /// Ends the session.
    pub async fn stop(&self) {
        self.order(Order::Act(Act::Stop)).await;
    }

    /// Says something to the agent: at most [`MAX_PAYLOAD`] bytes.
    pub async fn prompt(&self, text: String) -> Result<(), Failure> {
        if text.len() > MAX_PAYLOAD {
            let message = format!("a prompt has at most {MAX_PAYLOAD} bytes");
            let hint = "put what is long into a file, and name that".to_owned();
            return Err(Failure { kind: ErrorKind::Invalid, message, hint });
        }
        self.order(Order::Prompt(text.into())).await;
        Ok(())
    }

    /// Decides an approval whose request, of this digest, somebody was shown.
    pub async fn decide(&self, approval: ApprovalId, digest: String, decision: Decision) {
        self.order(Order::Act(Act::Decide { approval, digest, decision })).await;
    }

    /// Takes back what was allowed until the session ends.
    pub async fn revoke(&self, grant: ApprovalId) {
        self.order(Order::Act(Act::Revoke { grant })).await;
    }

    /// Does not wait for the next attempt, but tries now.
    pub fn reconnect_now(&self) {
        self.hurry.send_modify(|times| *times += 1);
    }

    /// When something last came from the other side.
    pub fn last_heard(&self) -> Option<Instant> {
        *self.heard.borrow()
    }

    /// Leaves; the session goes on. Returns when what was typed has arrived, or cannot for now.
    pub async fn detach(&self) {
        self.leave.send_replace(true);
        self.orders.closed().await;
    }
}

/// Random bytes for a numbering and for jitter.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Error::Internal("the system gives no random bytes"))?;
    Ok(bytes)
}
