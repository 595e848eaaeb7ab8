//! The adapter: what opencode's server tells, and what it is asked to do.
//!
//! What always holds: an answer to a permission is `once` only for what a person allowed, and `always` never; whatever is
//! over at the desk is withdrawn here; what waits in a conversation that rests is refused, since opencode forgets to.

use super::NAME;
use super::said::{Recent, Said};
use super::turns::Turn;
use crate::adapter::{Adapter, Input, Output};
use crate::any::Any;
use crate::jsonrpc::{list_at, str_at, text_at};
use crate::out::{Out, Place, Verdict, verdict};
use crate::served::{self, Ask, Heard};
use crate::text;
use serde_json::Value;
use session::message::{Chat, Doing, Setup, Step, StepState};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

/// Requests without an answer; of more, the oldest is forgotten.
pub(super) const MAX_CALLS: usize = 256;
/// Messages that are looked through for what was missed.
const MISSED: usize = 20;
/// Milliseconds within which opencode's interface listens to its server.
const DEAF: u64 = 30_000;
/// Lines that make no sense and are told of.
const MAX_NONSENSE: u32 = 8;
/// Events that say nothing of the conversation, or that another one says as well, by how they begin.
const NOISE: [&str; 26] = [
    "server.",
    "plugin.",
    "catalog.",
    "integration.",
    "reference.",
    "file.",
    "lsp.",
    "mcp.",
    "vcs.",
    "pty.",
    "project.",
    "workspace.",
    "worktree.",
    "installation.",
    "models-dev.",
    "global.",
    "tui.prompt.",
    "tui.command.",
    "tui.toast.",
    "command.",
    "message.removed",
    "message.part.removed",
    "session.diff",
    "session.deleted",
    "session.next.",
    "session.warming",
];

/// What a request was about.
#[derive(Debug)]
pub(super) enum Call {
    Health,
    Newest,
    Status,
    Missed,
    Permissions,
    Questions,
    /// A conversation for this.
    New(Ours),
    /// To take this.
    Prompt(Ours),
    /// To what was asked by this name.
    Reply(String),
    /// The message in which it asked for this.
    Unseen(String),
    /// Nothing depends on its answer.
    Nothing,
}

/// What waits for a person.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: String,
    pub(super) session: String,
    pub(super) kind: Kind,
}

#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    /// For this call.
    Permission(Option<String>),
    Questions,
}

/// A prompt from one of our devices.
#[derive(Clone, Debug)]
pub(super) struct Ours {
    /// The request that it is said with.
    pub(super) id: u64,
    pub(super) prompt: String,
    pub(super) text: String,
    pub(super) files: Vec<PathBuf>,
    pub(super) by: String,
    /// It is not known whether opencode heard it, and nothing waits for it any more.
    pub(super) lost: bool,
}

/// The adapter.
#[derive(Debug)]
pub struct Opencode {
    pub(super) out: Out,
    /// Hears the terminal while the server does not speak to us.
    any: Any,
    pub(super) place: Place,
    served: Option<Served>,
    /// The server speaks to us.
    up: bool,
    pub(super) next: u64,
    pub(super) calls: BTreeMap<u64, Call>,
    /// The conversation that the chat goes on with.
    pub(super) current: Option<String>,
    /// Of conversations of its own agents, whose they are.
    pub(super) children: Recent<(String, String)>,
    /// What the next prompt is said with: `agent`, `model`.
    pub(super) with: BTreeMap<&'static str, Value>,
    pub(super) said: Said,
    pub(super) turns: BTreeMap<String, Turn>,
    pub(super) waiting: BTreeMap<u64, Waiting>,
    /// Permissions that are asked once it is known what for.
    pub(super) unseen: Recent<Value>,
    /// Names of what was asked and is over.
    pub(super) over: Recent<String>,
    /// Said to it, and not told of yet.
    pub(super) ours: VecDeque<Ours>,
    pub(super) setup: Setup,
    pub(super) total: Option<u64>,
    /// A conversation that was begun for the desk as well, and until when the desk may not have heard of it: its interface
    /// begins to listen later than the server.
    began: Option<(String, u64)>,
    nonsense: u32,
}

/// Not shown where an adapter is.
struct Served(served::Place);

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "port {}", self.0.port)
    }
}

impl Opencode {
    /// Of a server that answers there, and the conversation that it goes on with, where that is known.
    pub fn new(place: Place, current: Option<String>, served: Option<served::Place>) -> Self {
        Self {
            out: Out::new(NAME, false),
            any: Any::default(),
            place,
            served: served.map(Served),
            up: false,
            next: 0,
            calls: BTreeMap::new(),
            current: current.filter(|session| is_name(session)),
            children: Recent::default(),
            with: BTreeMap::new(),
            said: Said::default(),
            turns: BTreeMap::new(),
            waiting: BTreeMap::new(),
            unseen: Recent::default(),
            over: Recent::default(),
            ours: VecDeque::new(),
            setup: Setup::default(),
            total: None,
            began: None,
            nonsense: 0,
        }
    }

    /// It is not spoken to, because it is of this version.
    pub(super) fn apart(&mut self, version: Option<&str>) {
        let version = version.map_or("of an unknown version".to_owned(), |version| text::line(version, 50));
        self.out.note(format!(
            "This {NAME} is {version}, not 1.18: what it asks and says is in its terminal alone."
        ));
    }

    pub(super) fn ask(&mut self, method: &str, path: &str, body: &Value, what: Call) {
        let id = self.next;
        self.next += 1;
        self.calls.insert(id, what);
        if self.calls.len() > MAX_CALLS {
            self.calls.pop_first();
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.out.send(Ask { id, method, path, body: &body }.line());
    }

    /// It can be spoken to: what was missed is asked for.
    fn started(&mut self) {
        self.up = true;
        self.forget();
        self.ask("GET", "/global/health", &Value::Null, Call::Health);
        if self.current.is_none() {
            self.ask("GET", "/session/status", &Value::Null, Call::Newest);
        }
        self.ask("GET", "/session/status", &Value::Null, Call::Status);
    }

    /// Nothing that was asked is answered any more.
    fn forget(&mut self) {
        self.unseen = Recent::default();
        for what in std::mem::take(&mut self.calls).into_values() {
            match what {
                Call::Reply(_) => self.out.note(format!(
                    "It is not known whether {NAME} heard the answer. What it still asks is asked again."
                )),
                Call::New(ours) | Call::Prompt(ours) => self.unknown(&ours),
                _ => {}
            }
        }
    }

    fn unknown(&mut self, ours: &Ours) {
        for ours in self.ours.iter_mut().filter(|other| other.id == ours.id) {
            ours.lost = true;
        }
        let text = text::cut(&ours.text, 2000).0;
        self.out.untaken(&ours.prompt, format!("It is not known whether this was taken: {text}"));
    }

    fn cut(&mut self) {
        let never = !self.up && self.setup.version.is_none();
        self.up = false;
        if never {
            self.out.note(format!(
                "{NAME}'s server could not be spoken to: what it asks and says is in its terminal alone."
            ));
        }
        for (key, _) in std::mem::take(&mut self.waiting) {
            self.out.withdraw(key);
        }
        self.forget();
        self.turns.clear();
        self.out.state().doing = Doing::Unknown;
    }

    fn ask_what_waits(&mut self) {
        self.ask("GET", "/permission", &Value::Null, Call::Permissions);
        self.ask("GET", "/question", &Value::Null, Call::Questions);
    }

    fn line(&mut self, line: &[u8], now: u64) {
        match Heard::read(line) {
            Some(Heard::Event(event)) => match serde_json::from_slice::<Value>(event) {
                Ok(event) if event["type"].is_string() => self.event(&event, now),
                _ => self.nonsense(event),
            },
            Some(Heard::Answer { id, status, body }) => {
                let Some(what) = self.calls.remove(&id) else { return };
                let answer = serde_json::from_slice(body).unwrap_or_default();
                if (200..300).contains(&status) {
                    self.answered(what, &answer, now);
                } else {
                    self.refused(&what, status, &answer, body);
                }
            }
            None => self.nonsense(line),
        }
    }

    fn nonsense(&mut self, said: &[u8]) {
        self.nonsense += 1;
        if self.nonsense <= MAX_NONSENSE {
            let said = text::line(&String::from_utf8_lossy(said), 200);
            self.out.note(format!("{NAME} said something that is not understood: {said}"));
        }
    }

    fn answered(&mut self, what: Call, answer: &Value, now: u64) {
        match what {
            Call::Health => {
                // Also so that there is a chat to say something in.
                let version = text_at(answer, "version");
                if self.setup.version != version {
                    self.setup.version = version;
                    self.out.chat(Chat::Setup(self.setup.clone()));
                }
            }
            Call::Newest | Call::Status => {
                let busy: Vec<_> = answer.as_object().into_iter().flatten().collect();
                let busy: Vec<_> = busy
                    .into_iter()
                    .filter(|(session, status)| status["type"] != "idle" && is_name(session))
                    .map(|(session, _)| session.clone())
                    .collect();
                if matches!(what, Call::Newest) {
                    self.current = self.current.take().or_else(|| busy.first().cloned());
                    return;
                }
                for session in busy {
                    self.begin(&session, now);
                }
                if let Some(session) = self.current.clone() {
                    let path = format!("/session/{session}/message?limit={MISSED}");
                    self.ask("GET", &path, &Value::Null, Call::Missed);
                }
                if self.turns.is_empty() {
                    self.out.state().doing = Doing::Idle;
                }
                self.ask_what_waits();
            }
            Call::Missed => self.missed(answer, now),
            Call::Permissions => {
                for asked in answer.as_array().into_iter().flatten() {
                    // Of a turn that was stopped, some stay listed.
                    if self.turns.contains_key(str_at(asked, "sessionID")) {
                        self.permission(asked);
                    }
                }
            }
            Call::Questions => {
                for asked in answer.as_array().into_iter().flatten() {
                    if self.turns.contains_key(str_at(asked, "sessionID")) {
                        self.questions(asked);
                    }
                }
            }
            Call::New(ours) => {
                let Some(session) = text_at(answer, "id").filter(|id| is_name(id)) else {
                    return self.unknown(&ours);
                };
                self.current = Some(session.clone());
                self.began = Some((session.clone(), now.saturating_add(DEAF)));
                self.say(&session, ours);
            }
            Call::Reply(id) => self.is_over(&id),
            Call::Unseen(id) => self.came(&id, answer),
            Call::Prompt(_) | Call::Nothing => {}
        }
    }

    fn refused(&mut self, what: &Call, status: u16, answer: &Value, body: &[u8]) {
        let said = ["data", "error"].iter().find_map(|name| text_at(&answer[*name], "message"));
        let said = said.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
        let said = text::line(&said, 200);
        match what {
            // It may come all the same.
            Call::New(ours) | Call::Prompt(ours) if status == 0 => self.unknown(ours),
            Call::New(ours) | Call::Prompt(ours) => {
                self.ours.retain(|other| other.id != ours.id);
                let text = text::cut(&ours.text, 2000).0;
                let why = format!("{NAME} did not take this ({status} {said}): {text}");
                self.out.untaken(&ours.prompt, why);
            }
            Call::Reply(_) => {
                self.out.note(if status == 0 {
                    format!("It is not known whether {NAME} heard the answer ({said}). What it still asks is asked again.")
                } else {
                    format!("{NAME} did not take the answer, it may have been answered at the desk first ({status} {said}).")
                });
                self.ask_what_waits();
            }
            Call::Unseen(id) => self.came(id, &Value::Null),
            Call::Permissions | Call::Questions => {
                self.out.note(format!(
                    "{NAME} did not say what it still asks ({status} {said}): look at its terminal."
                ));
            }
            _ => {}
        }
    }

    fn event(&mut self, event: &Value, now: u64) {
        let (kind, about) = (str_at(event, "type"), &event["properties"]);
        let session = str_at(about, "sessionID");
        let shows = matches!(kind, "session.status" | "session.idle" | "permission.asked" | "question.asked");
        if shows && self.began.as_ref().is_some_and(|(began, until)| began == session && now < *until) {
            self.show(session);
        }
        match kind {
            "message.updated" => self.message(&about["info"], now),
            "message.part.updated" => self.part(&about["part"]),
            "message.part.delta" => {
                let (part, delta) = (str_at(about, "partID"), str_at(about, "delta"));
                if let Some(thinking) = self.said.more(part, delta) {
                    self.out.partial(part, delta, thinking);
                }
            }
            "session.created" | "session.updated" => self.session(&about["info"]),
            "session.status" => match str_at(&about["status"], "type") {
                "idle" => self.rest(session, now),
                "retry" => {
                    self.begin(session, now);
                    if about["status"]["attempt"].as_u64() == Some(1) {
                        let why = text::line(str_at(&about["status"], "message"), 500);
                        self.out.note(format!("{NAME} tries again: {why}"));
                    }
                }
                _ => self.begin(session, now),
            },
            "session.idle" => self.rest(session, now),
            "session.error" => {
                self.dropped(session, &about["error"]);
                self.failed(session, &about["error"]);
            }
            "session.compacted" => self.out.note(format!("{NAME} has summed up the conversation so far.")),
            "tui.session.select" => self.turn_to(session),
            "permission.asked" => self.permission(about),
            "question.asked" => self.questions(about),
            "permission.replied" | "question.replied" | "question.rejected" => {
                self.replied(str_at(about, "requestID"));
            }
            "todo.updated" => {
                let step = |todo: &Value| Step {
                    text: str_at(todo, "content").to_owned(),
                    state: match str_at(todo, "status") {
                        "completed" | "cancelled" => StepState::Done,
                        "in_progress" => StepState::Begun,
                        _ => StepState::Open,
                    },
                };
                self.out.chat(Chat::Plan { steps: list_at(about, "todos").iter().map(step).collect() });
            }
            _ if NOISE.iter().any(|noise| kind.starts_with(noise)) => {}
            _ => self.out.chat(Chat::Unknown { json: event.clone() }),
        }
    }

    pub(super) fn part(&mut self, part: &Value) {
        for mut chat in self.said.part(part, &self.place.cwd) {
            if let Chat::User { text, by, files, prompt } = &mut chat {
                if self.is_child(str_at(part, "sessionID")) {
                    continue;
                }
                let place = |lost| self.ours.iter().position(|ours| ours.lost == lost && ours.text == *text);
                if let Some(ours) = place(false).or_else(|| place(true)).and_then(|at| self.ours.remove(at)) {
                    if let Some(call) = self.calls.get_mut(&ours.id) {
                        // It was taken.
                        *call = Call::Nothing;
                    }
                    *files = names(&ours.files).collect();
                    *by = Some(ours.by);
                    // The same words may have come from the desk, and nothing that is said then answers a prompt.
                    *prompt = Some(ours.prompt).filter(|_| !ours.lost);
                }
            }
            self.out.chat(chat);
        }
        self.seen(part);
    }
}

impl Adapter for Opencode {
    fn handle(&mut self, input: Input<'_>, now: u64) {
        match input {
            Input::Started => self.started(),
            Input::Cut => self.cut(),
            Input::Line(line) => self.line(line, now),
            Input::Overlong(bytes) => {
                self.out.note(format!("{NAME} said something of {bytes} bytes, which is too long."));
            }
            Input::Prompt { id, text, files, by } => self.prompt(id, text, files, by),
            Input::Interrupt => self.interrupt(),
            Input::Decided { key, state } => self.decided(key, &verdict(state)),
            Input::Unasked { key, why } => self.decided(key, &Verdict::No { reason: Some(why) }),
            Input::Said(_) | Input::Typed if !self.up => self.any.handle(input, now),
            Input::Ended { .. } => {
                self.forget();
                for (key, _) in std::mem::take(&mut self.waiting) {
                    self.out.withdraw(key);
                }
                for session in self.turns.keys().cloned().collect::<Vec<_>>() {
                    for chat in self.said.rest(&session) {
                        self.out.chat(chat);
                    }
                }
            }
            Input::Hook { .. }
            | Input::HookGone { .. }
            | Input::Tailed(_)
            | Input::Looked(_)
            | Input::Said(_)
            | Input::Typed
            | Input::Configure { .. } => {}
        }
    }

    fn poll(&mut self) -> Option<Output> {
        let output = self.out.poll();
        if self.up || output.is_some() { output } else { self.any.poll() }
    }

    fn takes_prompt(&self) -> bool {
        // The next one waits for the conversation of this one.
        self.up && !self.calls.values().any(|call| matches!(call, Call::New(_)))
    }

    fn serves(&self) -> Option<served::Place> {
        self.served.as_ref().map(|served| served.0.clone())
    }
}

/// Whether it is a name that may stand in a path.
pub(super) fn is_name(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn names(files: &[PathBuf]) -> impl Iterator<Item = String> {
    files.iter().map(|file| file.to_string_lossy().into_owned())
}
