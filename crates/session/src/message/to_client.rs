//! What a client is told.

use super::{Approval, ApprovalState, Asked, Cursor, Device, Event, Failure, Size, Summary};
#[cfg(doc)]
use super::{ToHost, VERSION};
use crate::id::{ApprovalId, DeviceId, InvitationId, SessionId};
use crate::role::Role;
use serde::{Deserialize, Serialize};

/// From a host or keeper to a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToClient {
    /// The answer to [`ToHost::Hello`].
    Welcome {
        /// The host's name.
        host: String,
        /// Program and version of the host.
        program: String,
        /// [`VERSION`] of the sender.
        version: u32,
        /// The device this channel belongs to; `None` for a local program.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        device: Option<DeviceId>,
        /// What it may do.
        role: Role,
        /// Names of optional abilities.
        #[serde(default)]
        features: Vec<String>,
        /// The host's clock, Unix milliseconds.
        time: u64,
    },
    /// The state begins: forget every session that is not named. One [`ToClient::Changed`] for each follows.
    State {
        /// The host's name.
        host: String,
        /// All sessions.
        sessions: Vec<SessionId>,
    },
    /// A session is new or looks different.
    Changed {
        /// All of it.
        summary: Box<Summary>,
    },
    /// A session was forgotten.
    Removed {
        /// Which.
        session: SessionId,
    },
    /// The answer to [`ToHost::Attach`]; what follows is a snapshot or events.
    Attached {
        /// Which.
        session: SessionId,
        /// The head of the log when the attach arrived.
        head: Cursor,
        /// The terminal's size.
        size: Size,
        /// The last command of this channel's stream that was settled.
        applied: u64,
    },
    /// This channel follows the session no longer.
    Detached {
        /// Which.
        session: SessionId,
        /// Why; none when the client asked for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Failure>,
    },
    /// One log entry.
    Event {
        /// Which session.
        session: SessionId,
        /// Which life of its log.
        epoch: u32,
        /// Its number.
        seq: u64,
        /// Unix milliseconds.
        at: u64,
        /// What. Output carries its bytes as the payload.
        #[serde(flatten)]
        event: Event,
    },
    /// An event of a page that [`ToHost::Past`] asked for, with its payload. Not counted in the window. The last page's may
    /// be followed by [`Event::Partial`]s: what the agent is saying just now, the newest of it, for clients that have heard
    /// only the end of it.
    Past {
        /// Which session.
        session: SessionId,
        /// Which life of its log.
        epoch: u32,
        /// Its number.
        seq: u64,
        /// Unix milliseconds.
        at: u64,
        /// What.
        #[serde(flatten)]
        event: Event,
    },
    /// The page is whole.
    PastEnd {
        /// Which session.
        session: SessionId,
        /// As in the [`ToHost::Past`].
        before: u64,
        /// There are more before the first of the page; where it had none, there are none.
        more: bool,
    },
    /// The answer to [`ToHost::Hook`], once there is one.
    Hooked {
        /// What the hook tells its agent; where it is empty, nothing.
        output: String,
    },
    /// A piece of the terminal as of `seq`; the payloads of all pieces, joined, are the bytes to write to a fresh
    /// emulator of that size. Nothing else of the session comes between the pieces.
    Snapshot {
        /// Which session.
        session: SessionId,
        /// Which life of its log.
        epoch: u32,
        /// The last event that is in it.
        seq: u64,
        /// The terminal's size.
        #[serde(flatten)]
        size: Size,
        /// 0, 1, 2 …
        part: u32,
        /// No piece follows.
        last: bool,
    },
    /// A command was applied, and so was every one before it in the stream.
    Applied {
        /// Which session.
        session: SessionId,
        /// Its number.
        n: u64,
    },
    /// A command was settled without effect.
    Refused {
        /// Which session.
        session: SessionId,
        /// Its number.
        n: u64,
        /// Why.
        why: Failure,
    },
    /// The answer to [`ToHost::Ask`].
    Asked {
        /// It is stored and waits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<Box<Approval>>,
        /// Or why it is not, which is a no.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Failure>,
    },
    /// To whoever asked: it is over.
    Decided {
        /// Which.
        approval: ApprovalId,
        /// What became of it.
        #[serde(flatten)]
        state: Box<ApprovalState>,
    },
    /// The answer to [`ToHost::Request`].
    Request {
        /// A piece; none where there is no such approval any more, or nothing of its request from there on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked: Option<Box<Asked>>,
    },
    /// The answer to a [`ToHost::Call`].
    Reply {
        /// The client's number for it.
        id: u64,
        /// The result, by method.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(type = "unknown", optional))]
        ok: Option<serde_json::Value>,
        /// Or why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Failure>,
    },
    /// Something for the person, not tied to a session (a device was paired, one waits for confirmation).
    Notice {
        /// What happened.
        #[serde(flatten)]
        notice: Notice,
    },
    /// Answered by [`ToHost::Pong`] with the same number.
    Ping {
        /// The sender's own milliseconds.
        sent: u64,
    },
    /// The answer to [`ToHost::Ping`].
    Pong {
        /// As it stood in the ping.
        sent: u64,
    },
}

/// What owners are told of as it happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// A device was enrolled.
    Paired {
        /// By this invitation.
        invitation: InvitationId,
        /// Which.
        device: Device,
    },
    /// A device waits for `pair.confirm`.
    ConfirmPairing {
        /// The invitation it came with.
        invitation: InvitationId,
        /// Its id, if it is allowed.
        device: DeviceId,
        /// Its own name for itself.
        label: String,
        /// To be compared with what the device shows.
        words: String,
    },
    /// A used invitation was tried again.
    InvitationReused {
        /// Which.
        invitation: InvitationId,
    },
    /// A device was revoked.
    Revoked {
        /// Which.
        device: DeviceId,
        /// Its name.
        label: String,
    },
}
