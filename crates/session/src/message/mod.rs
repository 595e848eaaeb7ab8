//! The messages, as they stand in a record's JSON header.
//!
//! Bytes (terminal data) are never in the header; they are the message's payload. Unknown fields are ignored and
//! unknown types are an error, which the receiver answers by refusing that message alone.

mod approval;
mod call;
mod chat;
mod failure;
mod session;
mod short;
mod to_client;
mod to_host;

pub use approval::{Approval, ApprovalState, Decider, Decision, Grant, Question, Request, Risk, Scope};
pub use call::{
    Agent, Asked, Awake, Before, Conversation, Create, Created, Decided, Decisions, Device, Granted, Invited,
    Method, Open, Prompted, Restart, Retimed, Status, Token,
};
pub use chat::{
    AgentState, Change, Chat, Choice, Doing, Image, Outcome, Setup, Step, StepState, Tool, ToolKind,
};
pub use failure::{ErrorKind, Failure};
pub use session::{EndedBy, Event, LostBy, RunState, Summary, Ttl};
pub use to_client::{Notice, ToClient};
pub use to_host::{Act, Bearer, Peer, ToHost};

use serde::{Deserialize, Serialize};

/// The version of these messages.
pub const VERSION: u32 = 1;

/// Columns and rows of a terminal, each 1 to 1000. A keeper clamps what it is asked for ([`Size::clamped`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Size {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl Size {
    /// The nearest size that a keeper gives a program: 2 to 1000 columns (no emulator of ours has one column only),
    /// 1 to 500 rows.
    #[must_use]
    pub fn clamped(self) -> Self {
        Self { cols: self.cols.clamp(2, 1000), rows: self.rows.clamp(1, 500) }
    }
}

/// A place in a session's log: the last event applied, in which life of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Cursor {
    /// Which life of the log; starts at 1.
    pub epoch: u32,
    /// The last event applied; 0 before the first.
    pub seq: u64,
}
