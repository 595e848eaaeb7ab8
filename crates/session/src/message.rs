//! The messages, as they stand in a record's JSON header.
//!
//! Bytes (terminal data) are never in the header; they are the message's payload. Unknown fields are ignored and
//! unknown types are an error, which the receiver answers by refusing that message alone.

use crate::id::{DeviceId, InvitationId, SessionId, StreamId};
use crate::role::Role;
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

/// From a client to a host, and, forwarded or local, to a keeper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ToHost {
    /// First on a channel; answered by [`ToClient::Welcome`].
    Hello {
        /// Program and version, such as `longrein-web/0.1.0`.
        client: String,
        /// [`VERSION`] of the sender.
        version: u32,
        /// Names of optional abilities.
        #[serde(default)]
        features: Vec<String>,
        /// The numbering of this channel's commands.
        stream: StreamId,
        /// Who speaks. Set by the host on its way to a keeper; whatever a client writes here is overwritten.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peer: Option<Peer>,
    },
    /// Send the state (the host's, or the keeper's one session), then its changes.
    Watch {},
    /// Follow a session's log.
    Attach {
        /// Which.
        session: SessionId,
        /// Continue behind this place; without it, or where it is gone, a snapshot comes first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Cursor>,
        /// The screen this client has; a client without one does not take part in sizing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<Size>,
        /// Bytes that may be under way to this client without an ack.
        window: u32,
    },
    /// Stop following.
    Detach {
        /// Which.
        session: SessionId,
    },
    /// Applied up to here. A client acks at least once a quarter of its window, snapshot pieces included.
    Ack {
        /// Which session.
        session: SessionId,
        /// The epoch that `seq` belongs to.
        epoch: u32,
        /// The last event applied, or the snapshot that is being taken in.
        seq: u64,
        /// In the middle of a snapshot at `seq`: the last piece that was taken. Absent after its last piece and for
        /// events.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<u32>,
    },
    /// Something to be done once by the keeper, numbered 1, 2, 3 … within the channel's stream.
    Command {
        /// Which session.
        session: SessionId,
        /// The number.
        n: u64,
        /// What.
        #[serde(rename = "do")]
        act: Act,
    },
    /// A host-level request; answered by one [`ToClient::Reply`] with the same id.
    Call {
        /// The client's own number for it.
        id: u64,
        /// What.
        #[serde(flatten)]
        method: Method,
    },
    /// Answered by [`ToClient::Pong`] with the same number.
    Ping {
        /// The sender's own milliseconds.
        sent: u64,
    },
    /// The answer to [`ToClient::Ping`].
    Pong {
        /// As it stood in the ping.
        sent: u64,
    },
}

/// Who is behind a channel, as the host found out. Sent to keepers, never taken from a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Peer {
    /// The enrolled device; `None` is a program of the same user on this machine.
    pub device: Option<DeviceId>,
    /// Its name, for people.
    pub label: String,
    /// What it may do.
    pub role: Role,
}

/// What a command does. Input and prompts carry their bytes as the message's payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Act {
    /// The payload goes to the program as typed.
    Input,
    /// This client's screen has a new size.
    Resize {
        /// The new size.
        #[serde(flatten)]
        size: Size,
    },
    /// Set the terminal to this client's screen, until it gives back, detaches, or another takes.
    TakeSize,
    /// Back to the rule: the largest attached screen, and of several the one that typed last.
    GiveSize,
    /// Ctrl-C, whatever the terminal's mode.
    Interrupt,
    /// End the session: hang-up, and after a grace of five seconds kill.
    Stop,
}

/// What a client asks of the host itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "method", content = "params")]
pub enum Method {
    /// Start a session. Operator. Replies [`Created`].
    #[serde(rename = "session.create")]
    SessionCreate(Create),
    /// Sessions as [`Summary`], ordered by id: as many as fit into one reply. Ask again with the last one's id until
    /// none come. Viewer.
    #[serde(rename = "session.list")]
    SessionList {
        /// Only those behind this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<SessionId>,
    },
    /// Forget an ended session and its log. Operator.
    #[serde(rename = "session.remove")]
    SessionRemove {
        /// Which.
        session: SessionId,
    },
    /// End a session without attaching to it. Operator.
    #[serde(rename = "session.stop")]
    SessionStop {
        /// Which.
        session: SessionId,
    },
    /// The host's [`Status`]. Viewer.
    #[serde(rename = "host.status")]
    HostStatus {},
    /// Stop the daemon; sessions go on. Local only.
    #[serde(rename = "host.down")]
    HostDown {},
    /// Make an invitation. Owner. Replies [`Invited`].
    #[serde(rename = "pair.create")]
    PairCreate {
        /// Ask at the host before the device is enrolled.
        #[serde(default)]
        confirm: bool,
    },
    /// Answer the question that `confirm` put. Local only.
    #[serde(rename = "pair.confirm")]
    PairConfirm {
        /// The device that waits.
        device: DeviceId,
        /// Enrol it.
        allow: bool,
    },
    /// Enrolled devices as [`Device`], ordered by id, in pages as those of `session.list`. Owner.
    #[serde(rename = "device.list")]
    DeviceList {
        /// Only those behind this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<DeviceId>,
    },
    /// Close a device's channels and forget its key, for good. Owner.
    #[serde(rename = "device.revoke")]
    DeviceRevoke {
        /// Which.
        device: DeviceId,
    },
    /// A new name for a device. Owner, or the device itself.
    #[serde(rename = "device.rename")]
    DeviceRename {
        /// Which.
        device: DeviceId,
        /// 1 to 64 characters.
        label: String,
    },
}

/// A session to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Create {
    /// Program and arguments; never empty.
    pub command: Vec<String>,
    /// Absolute; the owner's home folder where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// For people; made from the program and folder where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where absent, 80 by 24 until somebody attaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// The environment to start from. Taken from local callers only; others get the daemon's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<(String, String)>>,
}

/// The reply to `session.create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Created {
    /// The new session.
    pub session: SessionId,
}

/// The reply to `pair.create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Invited {
    /// The whole link, with the invitation in its fragment.
    pub url: String,
    /// Seconds.
    pub expires_in: u32,
    /// What the notices about it call it.
    pub invitation: InvitationId,
}

/// The reply to `host.status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Status {
    /// The host's name.
    pub host: String,
    /// The daemon's process id.
    pub pid: u32,
    /// The program's version.
    pub version: String,
    /// Where this host's relay is reached, as a URL that a browser opens.
    pub relay: String,
    /// `embedded`, `remote` or `tunnel`.
    pub relay_kind: String,
    /// The address the embedded relay is bound to, if there is one.
    pub address: Option<String>,
    /// Whether the host holds its slot on the relay now.
    pub online: bool,
    /// The slot, base64url.
    pub rid: String,
    /// Live sessions, ended sessions.
    pub sessions: (u32, u32),
    /// Channels that stand now.
    pub channels: u32,
}

/// An enrolled device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its name.
    pub label: String,
    /// What it may do.
    pub role: Role,
    /// Unix milliseconds.
    pub enrolled_at: u64,
    /// Unix milliseconds.
    pub last_seen: u64,
    /// Has a channel now.
    pub online: bool,
    /// The four words of its pairing.
    pub words: String,
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

/// Whose fault a failure is, and so whether trying again helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request is wrong as it stands.
    Invalid,
    /// The role does not allow it.
    Forbidden,
    /// No such session, device or method.
    NotFound,
    /// Too much, too fast, too large.
    Limited,
    /// The session has ended.
    Ended,
    /// The machine would not: disk full, program missing.
    Environment,
    /// Ours.
    Internal,
}

/// A failure, as told to a person: one sentence and a hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[error("{message}")]
pub struct Failure {
    /// Whose fault.
    pub kind: ErrorKind,
    /// One sentence.
    pub message: String,
    /// What to do about it; may be empty.
    #[serde(default)]
    pub hint: String,
}

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
        summary: Summary,
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
