//! What a session is, and what is in its log.

use super::{Cursor, Size};
use crate::id::SessionId;
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
}

impl Event {
    /// Whether old ones may be dropped, because a snapshot stands for them.
    pub fn is_trimmable(&self) -> bool {
        match self {
            Self::Output | Self::Resize { .. } | Self::Title { .. } => true,
            Self::Exit { .. } | Self::Banner { .. } => false,
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
    },
    /// The keeper was killed or the machine went down, so that the exit status is not known.
    Lost {
        /// Unix milliseconds of the last event.
        at: u64,
    },
}
