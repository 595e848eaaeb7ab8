//! What the API says of things. These shapes hold still where the messages between programs change.

use client::{Entry, News};
use data_encoding::BASE64;
use serde::Serialize;
use serde_json::{Value, json};
use session::message::{self, ApprovalState, Cursor, RunState, Summary};
use utoipa::ToSchema;

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    /// Its id.
    id: String,
    /// Its name, for people.
    name: String,
    /// Program and arguments.
    command: Vec<String>,
    /// The folder that it was started in.
    cwd: String,
    /// The git branch of that folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<String>,
    /// `running`, `ended`, or `lost` where nobody saw it end.
    state: &'static str,
    /// The exit status of an ended one.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<i32>,
    /// Unix milliseconds.
    started_at: u64,
    /// Unix milliseconds of the last event.
    last_activity: u64,
    /// When it ends by itself, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<u64>,
    /// The session that this one was started again from.
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<String>,
    /// The last event, as `EPOCH.SEQ`.
    head: String,
    /// Approvals that wait for a decision.
    waiting: usize,
    /// The agent, where the program is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<Agent>,
}

/// What an agent is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Agent {
    /// Its name, such as `claude`.
    name: String,
    /// Without a terminal: `POST /api/chat` can hold a conversation with it.
    structured: bool,
    /// `idle`, `working`, `needs_you` or `unknown`.
    doing: Value,
    /// What it wants, where it needs a person.
    #[serde(skip_serializing_if = "String::is_empty")]
    wants: String,
    /// The beginning of what it said last.
    #[serde(skip_serializing_if = "String::is_empty")]
    last: String,
    /// What the conversation cost so far, in dollars, where the agent says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
    /// Turns so far.
    turns: u32,
    /// Prompts that wait until it is done with what it does.
    queued: u32,
}

impl From<&Summary> for Session {
    fn from(summary: &Summary) -> Self {
        let (state, exit) = match summary.run {
            RunState::Running => ("running", None),
            RunState::Ended { exit, .. } => ("ended", Some(exit)),
            RunState::Lost { .. } => ("lost", None),
        };
        let pending = |approval: &&message::Approval| approval.state == ApprovalState::Pending;
        Self {
            id: summary.id.to_string(),
            name: summary.name.clone(),
            command: summary.command.clone(),
            cwd: summary.cwd.clone(),
            branch: summary.branch.clone(),
            state,
            exit,
            started_at: summary.started_at,
            last_activity: summary.last_activity,
            ends_at: summary.ends_at,
            continues: summary.continues.as_ref().map(ToString::to_string),
            head: place(summary.head),
            waiting: summary.approvals.iter().filter(pending).count(),
            agent: summary.agent.as_ref().map(|agent| Agent {
                name: agent.name.clone(),
                structured: agent.structured,
                doing: json!(agent.doing),
                wants: agent.wants.clone(),
                last: agent.last.clone(),
                cost: agent.cost.map(dollars),
                turns: agent.turns,
                queued: agent.queued,
            }),
        }
    }
}

/// An approval.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Approval {
    /// Its id.
    id: String,
    /// The session that it belongs to.
    session_id: String,
    /// That one's name.
    session: String,
    /// Who asks, in a word.
    source: String,
    /// The beginning of the question, in a line.
    title: String,
    /// `normal`, `elevated` or `dangerous`.
    #[schema(value_type = String)]
    risk: Value,
    /// What has to be given as `word` to allow it, where it is dangerous.
    #[serde(skip_serializing_if = "Option::is_none")]
    word: Option<String>,
    /// Unix milliseconds.
    asked_at: u64,
    /// When it is denied by itself, in Unix milliseconds.
    expires_at: u64,
    /// `pending`, `allowed`, `denied`, `expired` or `withdrawn`; of one that is over, by whom and when.
    #[schema(value_type = Object)]
    state: Value,
    /// The SHA-256 of the whole request, in hexadecimal: a decision names it.
    digest: String,
    /// How many bytes the request has.
    length: u32,
    /// All of what is asked: question, choices, questions, tool with its command and changes, plan, folder, reasons for the
    /// risk. In the list only of what waits, and not where it is long: `GET /api/approvals/{id}` has it in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub request: Option<Value>,
}

impl Approval {
    pub fn new(of: &Summary, approval: &message::Approval) -> Self {
        Self {
            id: approval.id.to_string(),
            session_id: of.id.to_string(),
            session: of.name.clone(),
            source: approval.source.clone(),
            title: approval.title.clone(),
            risk: json!(approval.risk),
            word: approval.word.clone(),
            asked_at: approval.asked_at,
            expires_at: approval.expires_at,
            state: json!(approval.state),
            digest: approval.digest.clone(),
            length: approval.length,
            request: None,
        }
    }
}

/// Something that happened in a session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    /// Its place in the log, as `EPOCH.SEQ`; what comes behind it is asked for with it. What is said twice has none: an
    /// agent's words as they come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Unix milliseconds, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<u64>,
    /// `chat`, `partial`, `asked`, `decided`, `revoked`, `banner`, `ending`, `exit`; with `output`: `output`, `resize`,
    /// `title`, `screen`; and `reset` where the log goes on in another life and all that came before is to be forgotten.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// What: its members depend on the type. `chat` has what was said or done; `output` and `screen` have terminal bytes in
    /// `base64`.
    #[schema(value_type = Object)]
    data: Value,
}

impl Event {
    pub fn new(entry: &Entry) -> Self {
        let Entry { cursor, at, news } = entry;
        let (kind, data) = match news {
            News::Chat(chat) => ("chat", json!(chat)),
            News::Partial { item, from, thinking, text } => {
                ("partial", json!({ "item": item, "from": from, "thinking": thinking, "text": text }))
            }
            News::Asked(approval) => ("asked", json!(approval)),
            News::Decided { approval, state } => ("decided", json!({ "approval": approval, "state": state })),
            News::Revoked { grant, by } => ("revoked", json!({ "grant": grant, "by": by })),
            News::Banner(text) => ("banner", json!({ "text": text })),
            News::Ending(ends_at) => ("ending", json!({ "ends_at": ends_at })),
            News::Exit(exit) => ("exit", json!({ "exit": exit })),
            News::Output(bytes) => ("output", json!({ "base64": BASE64.encode(bytes) })),
            News::Resized(size) => ("resize", json!(size)),
            News::Title(title) => ("title", json!({ "title": title })),
            News::Screen { size, bytes } => {
                ("screen", json!({ "cols": size.cols, "rows": size.rows, "base64": BASE64.encode(bytes) }))
            }
            News::Reset => ("reset", json!({})),
        };
        let passing = matches!(news, News::Partial { .. } | News::Reset);
        Self { id: (!passing).then(|| place(*cursor)), at: (*at > 0).then_some(*at), kind, data }
    }
}

/// A place in a log, as text.
pub(crate) fn place(Cursor { epoch, seq }: Cursor) -> String {
    format!("{epoch}.{seq}")
}

/// From millionths.
pub(crate) fn dollars(micros: u64) -> f64 {
    // Exact up to nine billion dollars.
    #[expect(clippy::cast_precision_loss, reason = "nobody pays that much")]
    let micros = micros as f64;
    micros / 1e6
}
