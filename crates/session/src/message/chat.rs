//! What an agent says and does, in one shape for every agent: what a chat view shows.

use serde::{Deserialize, Serialize};

/// One thing that was said or done. The payloads of a [`super::Event::Chat`]'s pieces, joined, are this as JSON. Kept for
/// ever and never changed: what comes of a tool's call is a thing of its own, and names the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Chat {
    /// A person said something to the agent.
    User {
        /// What, in full.
        text: String,
        /// The device it came from; none where it was typed at the agent itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// Files that came with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<String>,
        /// Which prompt this is, as [`super::Prompted::prompt`] names it; none where it was typed at the agent itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prompt: Option<String>,
    },
    /// A person says something to the agent, which waits until the agent is done with what it does and takes it. Where no
    /// [`Chat::Taken`] names it, the agent has not taken it.
    Queued {
        /// What, in full.
        text: String,
        /// The device it came from.
        by: String,
        /// Files that came with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<String>,
    },
    /// What waited does not any more: a [`Chat::User`] says that the agent has it, or a [`Chat::Note`] why that is not so, or
    /// not known.
    Taken {
        /// The number of the [`Chat::Queued`]'s last event.
        queued: u64,
    },
    /// The agent said something, in Markdown.
    Agent {
        /// The [`super::Event::Partial`]s that this is the whole of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<String>,
        /// What.
        text: String,
        /// The call that it was said within, by an agent of the agent's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<String>,
    },
    /// The agent thought something.
    Thinking {
        /// As in [`Chat::Agent`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<String>,
        /// What.
        text: String,
        /// As in [`Chat::Agent`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<String>,
    },
    /// The agent calls a tool.
    Call {
        /// Names the call.
        call: String,
        /// What is to be done.
        tool: Box<Tool>,
        /// As in [`Chat::Agent`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<String>,
    },
    /// What came of a call.
    Result {
        /// Which.
        call: String,
        /// How it ended.
        outcome: Outcome,
        /// What the tool said; may have a terminal's colours.
        #[serde(default)]
        text: String,
        /// Bytes of it that were left out in the middle, where it was longer than the log takes.
        #[serde(default, skip_serializing_if = "is_zero")]
        left_out: u64,
        /// What it changed, where that is known only now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changes: Vec<Change>,
        /// Pictures.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        images: Vec<Image>,
    },
    /// What the agent means to do; takes the place of every plan before it.
    Plan {
        /// Its steps.
        steps: Vec<Step>,
    },
    /// A turn is over: the agent waits for a person.
    Turn {
        /// How it ended.
        outcome: Outcome,
        /// Why it failed, in the agent's own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// What this turn cost, in millionths of a dollar, where the agent says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<u64>,
        /// What the whole conversation cost so far, in millionths of a dollar.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// Tokens read, and written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tokens: Option<(u64, u64)>,
        /// Milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        took: Option<u64>,
    },
    /// What the agent is, and what it can be told, from here on; takes the place of every one before it.
    Setup(Setup),
    /// Something that Longrein has to say about the agent.
    Note {
        /// One sentence.
        text: String,
    },
    /// What the agent said and this version does not understand.
    Unknown {
        /// As it came.
        #[cfg_attr(test, ts(type = "unknown"))]
        json: serde_json::Value,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What a tool is to do. Also what an approval is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Tool {
    /// The agent's own name of it.
    pub name: String,
    /// What kind of thing it does.
    #[serde(default)]
    pub kind: ToolKind,
    /// What it is about, in a line, in the agent's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The command, where it runs one; whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Files and folders that it touches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// What it would change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// All of what the agent passes to it, as it came.
    #[serde(default)]
    #[cfg_attr(test, ts(type = "unknown"))]
    pub input: serde_json::Value,
}

/// What kind of thing a tool does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// Reads files.
    Read,
    /// Writes, moves or deletes files.
    Edit,
    /// Runs a command.
    Run,
    /// Looks for something.
    Search,
    /// Asks the network.
    Fetch,
    /// An agent of the agent's own.
    Delegate,
    /// Anything else.
    #[default]
    #[serde(other)]
    Other,
}

/// A file, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Change {
    /// The file.
    pub path: String,
    /// What stood there, or the part that is replaced; none where the file is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What is to stand there; none where the file goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Image {
    /// Its media type, such as `image/png`.
    pub media: String,
    /// Its bytes, base64 (RFC 4648, section 4).
    pub data: String,
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it was meant to.
    Done,
    /// It went wrong.
    Failed,
    /// A person did not allow it.
    Denied,
    /// A person stopped it.
    Interrupted,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Step {
    /// What.
    pub text: String,
    /// How far it is.
    pub state: StepState,
}

/// How far a step of a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Open,
    /// Being done.
    Begun,
    /// Done.
    Done,
}

/// What an agent is, and what it can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Setup {
    /// Its version, as it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its own name for the conversation, with which it can be continued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The model it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The models it can be told to use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<Choice>,
    /// The mode it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The modes it can be told to be in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<Choice>,
    /// Its slash commands, without the slash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Choice>,
}

/// One of several things that an agent can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Choice {
    /// What the agent calls it.
    pub id: String,
    /// For people.
    #[serde(default)]
    pub about: String,
}

/// What an agent is doing, for lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AgentState {
    /// Which agent: `claude`, `codex`, `opencode`, `gemini`, or what a program calls itself; empty where it does not.
    #[serde(default)]
    pub name: String,
    /// It has no terminal: what it says is in the chat alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub structured: bool,
    /// What it is doing.
    pub doing: Doing,
    /// What it wants, where it needs a person: at most 200 characters, in its own words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub wants: String,
    /// The beginning of what it said last: at most 200 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last: String,
    /// What the conversation cost so far, in millionths of a dollar, where it says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u64>,
    /// Turns so far.
    #[serde(default)]
    pub turns: u32,
    /// Prompts that wait until it is done with what it does.
    #[serde(default, skip_serializing_if = "is_none_waiting")]
    pub queued: u32,
    /// The agent's own name for the conversation, with which it can be continued; written by the keeper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The last event that a chat view shows; 0 where there is none.
    #[serde(default)]
    pub chat: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none_waiting(n: &u32) -> bool {
    *n == 0
}

/// What an agent is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// It does not say.
    #[default]
    Unknown,
    /// It waits for a prompt.
    Idle,
    /// It works.
    Working,
    /// It waits for a person's answer.
    NeedsYou,
}
