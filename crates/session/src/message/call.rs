//! What a client asks of the host itself, and what it gets.

#[cfg(doc)]
use super::Summary;
use super::{Approval, Bearer, Decision, Size, Ttl};
use crate::id::{ApprovalId, DeviceId, InvitationId, SessionId, StreamId};
use crate::role::Role;
use crate::scope::Scope;
use serde::{Deserialize, Serialize};

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
    /// Show a session whose folder was put in its place. Local only.
    #[serde(rename = "session.adopt")]
    SessionAdopt {
        /// Which.
        session: SessionId,
    },
    /// End a session without attaching to it. Operator.
    #[serde(rename = "session.stop")]
    SessionStop {
        /// Which.
        session: SessionId,
    },
    /// Say when a session is to end by itself. Operator. Replies [`Retimed`].
    #[serde(rename = "session.ttl")]
    SessionTtl {
        /// Which.
        session: SessionId,
        /// When.
        #[serde(flatten)]
        ttl: Ttl,
    },
    /// Start what ended once more, as a new session. Operator. Replies [`Created`].
    #[serde(rename = "session.restart")]
    SessionRestart(Restart),
    /// A piece of what an approval asks. Viewer. Replies [`Asked`].
    #[serde(rename = "approval.request")]
    ApprovalRequest {
        /// Which session.
        session: SessionId,
        /// Which approval.
        approval: ApprovalId,
        /// From which byte on: 0, or the last answer's `next`.
        #[serde(default)]
        from: u32,
    },
    /// Decide an approval. Approver. The first valid decision counts; said once more by the same device it is answered as
    /// the first time.
    #[serde(rename = "approval.decide")]
    ApprovalDecide {
        /// Which session.
        session: SessionId,
        /// Which approval.
        approval: ApprovalId,
        /// The digest of what was shown.
        digest: String,
        /// What is decided.
        #[serde(flatten)]
        decision: Decision,
    },
    /// What was asked in all sessions and is over, the last decision first, in pages. Viewer. Replies [`Decisions`].
    #[serde(rename = "approval.history")]
    ApprovalHistory {
        /// Only what was over before this: the last page's `next`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Before>,
    },
    /// Say something to a session's agent, as [`super::Act::Prompt`] does, without attaching. Operator. Replies
    /// [`Prompted`].
    #[serde(rename = "session.prompt")]
    SessionPrompt {
        /// Which.
        session: SessionId,
        /// What: at most 32,768 bytes.
        text: String,
    },
    /// Type into a session without attaching. Operator.
    #[serde(rename = "session.input")]
    SessionInput {
        /// Which.
        session: SessionId,
        /// What: at most 32,768 bytes.
        text: String,
    },
    /// Stop what a session's program is doing, without attaching. Operator.
    #[serde(rename = "session.interrupt")]
    SessionInterrupt {
        /// Which.
        session: SessionId,
    },
    /// A session without a terminal in which a conversation goes on: the one that it had, the same agent started again
    /// where that has ended, or a new one. Operator. Replies [`Conversation`].
    #[serde(rename = "conversation.open")]
    ConversationOpen(Open),
    /// Forget a conversation, and end its session. Operator.
    #[serde(rename = "conversation.forget")]
    ConversationForget {
        /// Its name.
        conversation: String,
    },
    /// Make an API token. Local only. Replies [`Granted`].
    #[serde(rename = "token.create")]
    TokenCreate {
        /// A new name: 1 to 32 letters, digits, dots, `-` and `_`.
        name: String,
        /// What it may do.
        scopes: Vec<Scope>,
        /// How long it holds, in seconds: 60 to 31,622,400, a year.
        ttl: u32,
    },
    /// The API tokens as [`Token`], by name. Local only.
    #[serde(rename = "token.list")]
    TokenList {},
    /// End an API token, and the channels that it has. Local only.
    #[serde(rename = "token.revoke")]
    TokenRevoke {
        /// Its name.
        name: String,
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
    /// End it by itself after so many seconds; as [`Ttl::In`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// Which agent the program is; found out from the command where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// It is there for one question of a program outside of any session: of those there are 20 a minute at most, and 8 that
    /// run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks: bool,
}

/// Which agent a session's program is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Agent {
    /// Its name, of those that `longrein agents` lists; `none` for a program that is to be treated as any other.
    pub name: String,
    /// Without a terminal: what it says is in the chat alone. The command then is the agent's own arguments.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub structured: bool,
    /// The agent's own name for the conversation to go on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
}

/// A conversation to go on with, or to begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Open {
    /// Its name: 1 to 64 letters, digits, dots, `-`, `_` and `:`. One that is not known begins; without one the host
    /// gives it a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The session that it is to be held in, where it has none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Which agent is started for a new one; `claude` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The folder that it is started in; absolute, and the owner's home folder where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
}

/// The reply to `conversation.open`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Conversation {
    /// Its name.
    pub conversation: String,
    /// The session that it is held in now.
    pub session: SessionId,
}

/// The reply to `session.prompt`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Prompted {
    /// Who said it, as the chat shows it.
    pub by: String,
    /// Which prompt of the session's it is; the chat has it with what was said.
    pub prompt: String,
}

impl Prompted {
    /// The name of a prompt: no other command of the session has this number in this stream, whoever restarts.
    #[must_use]
    pub fn name(stream: &StreamId, n: u64) -> String {
        format!("{stream}.{n}")
    }

    /// Whether the prompt of this name was given in this stream.
    #[must_use]
    pub fn is_of(name: &str, stream: &StreamId) -> bool {
        name.strip_prefix(stream.as_str()).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// The reply to `token.create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Granted {
    /// The secret itself. It is stored nowhere, and comes this once.
    pub secret: Bearer,
    /// What there is to know about it.
    pub token: Token,
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Token {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Unix milliseconds.
    pub created_at: u64,
    /// Unix milliseconds.
    pub expires_at: u64,
    /// Unix milliseconds; none where it was never used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<u64>,
}

/// A session to start again: the same program and arguments, folder and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Restart {
    /// Which; it stays readable.
    pub session: SessionId,
    /// End it first, where it runs; without this, that is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stop: bool,
    /// As in [`Create`]; where absent, the size that the session had last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Start the command of an imported session all the same; taken from local programs alone, and refused without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub imported: bool,
    /// As in [`Create`]: the environment of a session is stored nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<(String, String)>>,
    /// As in [`Create`]: the end that the session had of its own is not the new one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
}

/// The reply to `session.create` and `session.restart`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Created {
    /// The new session.
    pub session: SessionId,
}

/// The reply to `approval.request`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Asked {
    /// What is asked.
    pub approval: Approval,
    /// A piece of the request's bytes, which are JSON and so UTF-8. All of them, joined, are to have the approval's
    /// digest before anybody is shown them.
    pub text: String,
    /// Where the next piece begins; none behind the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u32>,
}

/// The reply to `approval.history`: a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Decisions {
    /// The last decision first.
    pub decided: Vec<Decided>,
    /// Where the next page begins; none behind the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Before>,
}

/// An approval that is over, of any session that is not removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Decided {
    /// The session that it was asked in.
    pub session: SessionId,
    /// That session's name.
    pub name: String,
    /// What was asked, and what became of it, with all that was written and answered.
    pub approval: Approval,
}

/// A place in the history of decisions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Before {
    /// When the approval before it was over, in Unix milliseconds.
    pub at: u64,
    /// Which that was.
    pub approval: ApprovalId,
}

/// The reply to `session.ttl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Retimed {
    /// When the session ends by itself now, in Unix milliseconds; none where it does not.
    pub ends_at: Option<u64>,
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
    /// Where programs of the host's own machine find the HTTP API, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// Whether the host holds its slot on the relay now.
    pub online: bool,
    /// The slot, base64url.
    pub rid: String,
    /// Live sessions, ended sessions.
    pub sessions: (u32, u32),
    /// Channels that stand now.
    pub channels: u32,
    /// Whether the host keeps its machine awake, where it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awake: Option<Awake>,
}

/// Whether a host keeps its machine from falling asleep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Awake {
    /// It does.
    pub held: bool,
    /// Why, or why not, in a few words.
    pub why: String,
    /// What a person could do about it; empty where nothing is wrong.
    #[serde(default)]
    pub hint: String,
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
