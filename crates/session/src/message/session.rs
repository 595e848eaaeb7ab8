//! What a session is, and what is in its log.

#[cfg(doc)]
use super::Chat;
use super::{AgentState, Approval, ApprovalState, Cursor, Decider, Grant, Size};
use crate::id::{ApprovalId, SessionId};
use serde::{Deserialize, Serialize};

/// A log entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// Bytes the program wrote: the payload.
    Output,
    /// The terminal's size is this from here on.
    Resize {
        /// The new size.
        #[serde(flatten)]
        size: Size,
    },
    /// The terminal's title is this from here on.
    Title {
        /// At most 256 characters.
        title: String,
    },
    /// The program ended; always the last event of its run.
    Exit {
        /// Its exit status; 128 + n where signal n ended it.
        exit: i32,
    },
    /// Something the keeper has to say, such as that logging is paused.
    Banner {
        /// One sentence.
        text: String,
    },
    /// The session ends by itself soon; and after that has been said, whenever it changes.
    Ending {
        /// When, in Unix milliseconds; without one, not any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ends_at: Option<u64>,
    },
    /// Somebody waits for a person's decision. The payloads of all pieces, joined, are the request's bytes; nothing else
    /// of the session comes between them. The first piece is empty and says what is to be known for good; the others may
    /// be trimmed.
    Asked {
        /// What is asked.
        approval: Box<Approval>,
        /// 0, 1, 2 …
        part: u32,
        /// No piece follows.
        last: bool,
    },
    /// An approval is over.
    Decided {
        /// Which.
        approval: ApprovalId,
        /// What became of it.
        #[serde(flatten)]
        state: Box<ApprovalState>,
    },
    /// What was allowed until the session ends is so no longer.
    Revoked {
        /// The grant.
        grant: ApprovalId,
        /// Who took it back.
        by: Decider,
    },
    /// An agent said or did something. The payloads of all pieces, joined, are a [`Chat`] as JSON; nothing else of the
    /// session comes between them.
    Chat {
        /// 0, 1, 2 …
        part: u32,
        /// No piece follows.
        last: bool,
    },
    /// What an agent is saying just now: the payload is text that follows what came of it before. All of it comes as a
    /// [`Chat`] when it is said.
    Partial {
        /// Of what; [`Chat::Agent`] and [`Chat::Thinking`] name it.
        item: String,
        /// Bytes of it that came before.
        from: u64,
        /// It is thought, not said.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        thinking: bool,
    },
}

impl Event {
    /// Whether old ones may be dropped, because a snapshot stands for them.
    pub fn is_trimmable(&self) -> bool {
        match self {
            Self::Output | Self::Resize { .. } | Self::Title { .. } | Self::Partial { .. } => true,
            Self::Asked { part, .. } => *part > 0,
            Self::Exit { .. }
            | Self::Banner { .. }
            | Self::Ending { .. }
            | Self::Decided { .. }
            | Self::Revoked { .. }
            | Self::Chat { .. } => false,
        }
    }

    /// Whether a client that gets a snapshot fetches it with [`super::ToHost::Past`] when it wants it, instead of being
    /// told of it first: of these there may be many, and no client is kept waiting for its screen by them. What waits for a
    /// decision is in the session's summary.
    pub fn is_past(&self) -> bool {
        match self {
            Self::Asked { part, .. } => *part == 0,
            Self::Decided { .. } | Self::Revoked { .. } | Self::Chat { .. } => true,
            _ => false,
        }
    }
}

/// One session, for lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Summary {
    /// Its id.
    pub id: SessionId,
    /// Its name.
    pub name: String,
    /// Program and arguments; what is longer than a list needs is cut, and ends in `…` then.
    pub command: Vec<String>,
    /// Where it was started.
    pub cwd: String,
    /// The git branch of `cwd`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Running, ended or lost.
    #[serde(flatten)]
    pub run: RunState,
    /// The keeper's process id, while there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeper_pid: Option<u32>,
    /// Unix milliseconds.
    pub started_at: u64,
    /// When the session ends by itself, in Unix milliseconds, while it runs and if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<u64>,
    /// The session that this one was started again from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<SessionId>,
    /// It came from a file: its command was never started here, and is what the file says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub imported: bool,
    /// Unix milliseconds of the last event.
    pub last_activity: u64,
    /// The terminal's title; empty if none was set.
    #[serde(default)]
    pub title: String,
    /// The terminal's size now.
    pub size: Size,
    /// Head of the log.
    pub head: Cursor,
    /// Clients attached now.
    pub attached: u32,
    /// The last lines of the screen that are not blank, at most six, each at most 120 characters, without colour.
    #[serde(default)]
    pub preview: Vec<String>,
    /// Approvals that wait, oldest first, and the last ones that are over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// What is allowed until the session ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
    /// The agent, where the program is one that says what it is doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentState>,
}

/// Whether a session's program runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunState {
    /// The program runs.
    Running,
    /// The program ended.
    Ended {
        /// Its exit status; 128 + n where signal n ended it, as shells have it.
        exit: i32,
        /// Unix milliseconds.
        at: u64,
        /// Who ended it.
        #[serde(default, skip_serializing_if = "EndedBy::is_itself")]
        by: EndedBy,
    },
    /// Nobody saw the program end, so that the exit status is not known.
    Lost {
        /// Unix milliseconds of the last event.
        at: u64,
        /// What took the keeper away.
        #[serde(default)]
        by: LostBy,
    },
}

/// Who ended a session's program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// Nobody else.
    #[default]
    Itself,
    /// Somebody asked for it.
    Person,
    /// The session's time was over.
    Time,
    /// The keeper was told to end, as every process is when a machine shuts down.
    Machine,
}

impl EndedBy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_itself(&self) -> bool {
        *self == Self::Itself
    }
}

/// What took a session's keeper away before its program ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LostBy {
    /// The machine was restarted since.
    Machine,
    /// The keeper alone is gone: it was killed.
    #[default]
    Keeper,
}

impl LostBy {
    /// From the boot that the keeper ran in and the one that is now; empty where the system has no name for them.
    pub fn of_boots(then: &str, now: &str) -> Self {
        if !then.is_empty() && !now.is_empty() && then != now { Self::Machine } else { Self::Keeper }
    }
}

/// When a session ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "ttl", rename_all = "snake_case")]
pub enum Ttl {
    /// It does not.
    Off,
    /// So long from now on.
    In {
        /// 1 to 31,536,000, a year.
        seconds: u32,
    },
    /// So much later than it would, or, where it would not, so long from now on.
    More {
        /// As above; a year from now on is the latest.
        seconds: u32,
    },
}
