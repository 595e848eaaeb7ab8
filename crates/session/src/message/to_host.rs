//! What a client says.

use super::{Cursor, Decision, Failure, Method, Size, Ttl};
#[cfg(doc)]
use super::{ToClient, VERSION};
use crate::id::{ApprovalId, DeviceId, SessionId, StreamId};
use crate::role::Role;
use serde::{Deserialize, Serialize};
use std::fmt;

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
        /// An API token: the channel may do what that one may, and nothing else. Of a program of the host's own machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<Bearer>,
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
        /// How many of the lines above the screen a snapshot brings, the newest; where absent, all it takes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scrollback: Option<u32>,
        /// A snapshot comes in any case, also where the log could go on behind `after`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        redraw: bool,
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
    /// A program of this machine asks for a person's decision, of a keeper and on a connection of its own: it waits for as
    /// long as that stands. The payloads of all pieces, joined, are the request's bytes. Answered by
    /// [`ToClient::Asked`], and by [`ToClient::Decided`] when it is over.
    Ask {
        /// Which session it belongs to.
        session: SessionId,
        /// No piece follows.
        last: bool,
    },
    /// What was said and done before a place in the log, of a session that this channel follows: the events of which
    /// [`super::Event::is_past`] is true, as [`ToClient::Past`], oldest first, and [`ToClient::PastEnd`] behind the last.
    /// A client asks for the next page when it has one.
    Past {
        /// Which session.
        session: SessionId,
        /// Only events below this number.
        before: u64,
        /// About how many bytes, at most 262,144; at least one whole thing comes.
        room: u32,
        /// Only events above this number, those next to it: all that are never trimmed. [`ToClient::PastEnd`] then says
        /// whether more follow, and what is being said just now does not come with them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
    },
    /// A hook of an agent in the session: the payloads of all pieces, joined, are what the agent told it. Of a program of
    /// this machine to a keeper, one on each connection. Answered by [`ToClient::Hooked`].
    Hook {
        /// Which session.
        session: SessionId,
        /// No piece follows.
        last: bool,
    },
    /// Something that people should know: the payload is text of at most 1,000 characters. Of a program of this machine to
    /// a keeper.
    Notify {
        /// Which session.
        session: SessionId,
    },
    /// Answered by [`ToClient::Request`]. Between a host and a keeper.
    Request {
        /// Which session.
        session: SessionId,
        /// Which approval.
        approval: ApprovalId,
        /// From which byte of the request on.
        from: u32,
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
        /// How soon this client wants to notice that the other end is gone, in milliseconds of silence before one
        /// asks: the host then asks as often, and gives the client up after three times as long. Holds until another
        /// ping says otherwise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        every: Option<u32>,
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
    /// It may talk to agents and not type: in a terminal its prompts are typed at an agent alone, and not as a command
    /// of that agent's own shell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub talks_only: bool,
}

impl Peer {
    /// A program of the same user, on the host's own machine.
    pub fn at_host() -> Self {
        Self { device: None, label: "someone at the host".to_owned(), role: Role::Owner, talks_only: false }
    }
}

/// A secret that whoever shows it is known by; it is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(transparent)]
pub struct Bearer(pub String);

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(…)")
    }
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
    /// When the session is to end by itself.
    Ttl(Ttl),
    /// Decide an approval.
    Decide {
        /// Which.
        approval: ApprovalId,
        /// The digest of what was shown.
        digest: String,
        /// What is decided.
        #[serde(flatten)]
        decision: Decision,
    },
    /// Allow no longer what was allowed until the session ends.
    Revoke {
        /// The grant.
        grant: ApprovalId,
    },
    /// Say something to the agent: the payload is the text. Where it has a terminal it is pasted there.
    Prompt {
        /// Files that were uploaded to the session and come with it, by the names they were given.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<String>,
    },
    /// Put a file into the session's folder: the payload is a piece of it. The pieces follow one another.
    Upload {
        /// What the session calls it: the client's own new name, with the file's ending.
        file: String,
        /// Where the piece begins.
        from: u64,
        /// No piece follows.
        last: bool,
    },
    /// Tell an agent without a terminal which mode or model to use.
    Configure {
        /// One of its modes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<String>,
        /// One of its models.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
    },
    /// Nothing: the host refused what stood here. Written by the host on the way to a keeper, so that the refusal is told
    /// in its turn and the stream goes on behind it. A keeper that does not know this refuses it as well.
    Refused {
        /// What the client is told.
        why: Failure,
    },
}
