//! Claude without a terminal: lines of JSON both ways (`--output-format stream-json`, and the control protocol with which
//! it asks before it uses a tool).
//!
//! What always holds: a tool is allowed only by [`Input::Decided`] with an `Allowed`, once, and with the input that was
//! shown; everything else that ends a question is a no.

use super::plan::Plans;
use super::said::{self, Block, between};
use super::stream::Stream;
use super::tasks::Tasks;
use super::tool::{self, Place, text_of};
use super::turn::{Became, Turn};
use crate::adapter::{Adapter, Input, Output};
use crate::text;
use serde_json::{Value, json};
use session::message::{AgentState, Chat, Choice, Doing, Outcome, Question, Setup};
use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;

/// Characters of what is shown in lists.
const MAX_LINE: usize = 200;
/// Questions that may wait here; more are refused.
const MAX_OPEN: usize = 64;
/// Lines that are no JSON, or not understood, that are told.
const MAX_STRANGE: u32 = 20;
/// Modes that Claude can be told to be in.
const MODES: &[(&str, &str)] = &[
    ("default", "Asks before it changes anything"),
    ("acceptEdits", "Changes files in the project without asking"),
    ("plan", "Makes a plan and changes nothing"),
    ("auto", "Decides itself what it asks about"),
];

/// The adapter.
#[derive(Debug)]
pub struct Control {
    place: Place,
    out: VecDeque<Output>,
    state: AgentState,
    setup: Setup,
    open: Vec<Open>,
    next: u64,
    /// What it was told so far, besides answers: each has a number.
    told: u32,
    /// A person has interrupted the turn that it is in.
    interrupted: bool,
    turn: Turn,
    /// Calls that a person did not allow.
    denied: HashSet<String>,
    /// Cost of the conversation when the last turn ended; unknown at first where it goes on with an older one.
    spent: Option<u64>,
    stream: Stream,
    plan: Plans,
    tasks: Tasks,
    strange: u32,
    started: bool,
    ended: bool,
}

/// A question that waits.
#[derive(Debug)]
struct Open {
    key: u64,
    /// Claude's own name of it.
    request: Value,
    call: String,
    input: Value,
    questions: Vec<Question>,
    wants: String,
}

impl Control {
    /// For a Claude that is started in this place, and `resumed` where it goes on with an older conversation.
    pub(super) fn new(place: Place, resumed: bool) -> Self {
        Self {
            place,
            out: VecDeque::new(),
            state: AgentState { name: "claude".into(), structured: true, ..AgentState::default() },
            setup: Setup::default(),
            open: Vec::new(),
            next: 1,
            told: 0,
            interrupted: false,
            turn: Turn::default(),
            denied: HashSet::new(),
            spent: (!resumed).then_some(0),
            stream: Stream::default(),
            plan: Plans::default(),
            tasks: Tasks::default(),
            strange: 0,
            started: false,
            ended: false,
        }
    }

    fn send(&mut self, message: &Value) {
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        self.out.push_back(Output::Send(line));
    }

    fn say(&mut self, chat: Chat) {
        self.out.push_back(Output::Chat(chat));
    }

    fn note(&mut self, text: String) {
        self.say(Chat::Note { text });
    }

    /// It does this now; lists are told where that changes anything.
    fn update(&mut self, before: &AgentState) {
        if let Some(open) = self.open.first() {
            self.state.doing = Doing::NeedsYou;
            self.state.wants.clone_from(&open.wants);
        } else {
            self.state.wants.clear();
            if self.state.doing == Doing::NeedsYou {
                self.state.doing = Doing::Working;
            }
        }
        if self.state != *before {
            self.out.push_back(Output::State(Box::new(self.state.clone())));
        }
    }

    fn line(&mut self, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let Ok(json @ Value::Object(_)) = serde_json::from_slice(line) else {
            let beginning = String::from_utf8_lossy(&line[..line.len().min(1024)]);
            let beginning = text::line(&beginning, MAX_LINE);
            let text = format!("claude said something that is no JSON: {beginning}");
            return self.strange(Chat::Note { text });
        };
        match text_of(&json, "type") {
            "system" => self.system(&json),
            "stream_event" => self.out.extend(self.stream.hear(&json)),
            "assistant" => self.assistant(&json),
            "user" => self.user(&json),
            "result" => self.result(&json),
            "control_request" => self.asked(&json),
            "control_response" => self.answered(&json),
            "command_lifecycle" => self.became(&json),
            "conversation_reset" => {
                self.note("claude begins a new conversation, and knows nothing of what was said".into());
            }
            "control_cancel_request" => {
                let gone = |open: &Open| Some(&open.request) == json.get("request_id");
                if let Some(place) = self.open.iter().position(gone) {
                    let open = self.open.remove(place);
                    self.out.push_back(Output::Withdraw { key: open.key });
                }
            }
            // What it says for programs alone.
            "keep_alive" | "rate_limit_event" | "tool_progress" | "tool_use_summary" | "auth_status"
            | "prompt_suggestion" | "transcript_mirror" => {}
            _ => self.strange(said::bounded(Chat::Unknown { json })),
        }
    }

    /// Something that is not understood, told a number of times only.
    fn strange(&mut self, chat: Chat) {
        self.strange += 1;
        match self.strange {
            ..MAX_STRANGE => self.say(chat),
            MAX_STRANGE => {
                self.note("claude says much that is not understood; no more of it is shown".into());
            }
            _ => {}
        }
    }

    fn system(&mut self, json: &Value) {
        let said = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut setup = self.setup.clone();
        match text_of(json, "subtype") {
            "init" => {
                self.turn.begin();
                // Before the first turn, it may be no more than who Claude is.
                if self.state.turns > 0 {
                    self.state.doing = Doing::Working;
                }
                setup.version = said("claude_code_version").or(setup.version);
                setup.conversation = said("session_id").or(setup.conversation);
                setup.model = said("model").or(setup.model);
                setup.mode = said("permissionMode").or(setup.mode);
                let names = json.get("slash_commands").and_then(Value::as_array);
                for name in names.into_iter().flatten().filter_map(Value::as_str) {
                    if setup.commands.iter().all(|command| command.id != name) {
                        setup.commands.push(Choice { id: name.to_owned(), about: String::new() });
                    }
                }
                self.setup(setup);
            }
            "status" => {
                setup.mode = said("permissionMode").or(setup.mode);
                self.setup(setup);
            }
            "compact_boundary" => {
                self.note("claude has shortened what it remembers of the conversation".into());
            }
            _ => {}
        }
    }

    fn setup(&mut self, mut setup: Setup) {
        setup.modes =
            MODES.iter().map(|(id, about)| Choice { id: (*id).into(), about: (*about).into() }).collect();
        if setup != self.setup {
            self.setup = setup.clone();
            self.say(said::bounded(Chat::Setup(setup)));
        }
    }

    fn assistant(&mut self, json: &Value) {
        // What comes late is of a turn that is over, and no result follows it.
        if self.turn.is_on() {
            self.state.doing = Doing::Working;
        }
        let message = &json["message"];
        let within = json.get("parent_tool_use_id").and_then(Value::as_str);
        for block in said::blocks(message) {
            let thinking = matches!(block, Block::Thinking(_));
            let item = match block {
                Block::Text(_) | Block::Thinking(_) if within.is_none() => {
                    self.stream.whole(text_of(message, "id"), thinking)
                }
                _ => None,
            };
            match block {
                Block::Text(text) if within.is_none() && !text.trim().is_empty() => {
                    self.state.last = text::line(text, MAX_LINE);
                }
                Block::Call { id, name, input } => {
                    self.plan.hear(id, name, input);
                    self.tasks.hear(id, name, input);
                    self.out.extend(said::plan(name, input).map(Output::Chat));
                }
                _ => {}
            }
            self.out.extend(said::chat(&block, item, within).map(Output::Chat));
        }
    }

    fn user(&mut self, json: &Value) {
        let detail = json.get("tool_use_result").unwrap_or(&Value::Null);
        let meta =
            json.get("tool_result_meta").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let denied = &self.denied;
        let rejected = |call: &str| {
            let meta = meta.iter().find(|meta| text_of(meta, "id") == call)?;
            let no = text_of(&meta["permission_decision"], "decision") == "reject";
            match text_of(meta, "non_execution_kind") {
                _ if no || denied.contains(call) => Some(Outcome::Denied),
                "user-rejected" => Some(Outcome::Interrupted),
                _ => None,
            }
        };
        let results = said::results(&json["message"], detail, &rejected);
        self.out.extend(results.into_iter().map(Output::Chat));
        self.out.extend(self.tasks.came(&json["message"], detail).map(Output::Chat));
        // What a slash command of its own answers.
        for block in said::blocks(&json["message"]) {
            if let Block::Text(text) = block
                && let Some(text) = between(text, "local-command-stdout")
                && let Some(chat) = said::chat(&Block::Text(text), None, None)
            {
                self.say(chat);
            }
        }
    }

    fn result(&mut self, json: &Value) {
        let told = |name: &str| json.get(name).and_then(Value::as_u64);
        let total = said::millionths(&json["total_cost_usd"]);
        let cost = total.zip(self.spent).and_then(|(total, spent)| total.checked_sub(spent));
        self.spent = total.or(self.spent);
        let subtype = text_of(json, "subtype");
        let stopped = self.interrupted || text_of(json, "terminal_reason").starts_with("aborted");
        let is_error = json.get("is_error").and_then(Value::as_bool).unwrap_or(subtype != "success");
        let outcome = match is_error || subtype != "success" {
            true if stopped => Outcome::Interrupted,
            true => Outcome::Failed,
            false => Outcome::Done,
        };
        let error = (outcome == Outcome::Failed).then(|| {
            let errors = json.get("errors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let errors: Vec<_> = errors.iter().filter_map(Value::as_str).collect();
            let said = [text_of(json, "result").to_owned(), errors.join("\n"), subtype.replace('_', " ")];
            text::cut(&said.into_iter().find(|text| !text.is_empty()).unwrap_or_default(), 4096).0
        });
        let usage = |name: &str| json["usage"].get(name).and_then(Value::as_u64).unwrap_or_default();
        let read = usage("input_tokens")
            .saturating_add(usage("cache_creation_input_tokens"))
            .saturating_add(usage("cache_read_input_tokens"));
        let tokens = json.get("usage").map(|_| (read, usage("output_tokens")));
        self.say(Chat::Turn { outcome, error, cost, total, tokens, took: told("duration_ms") });
        self.state.cost = total.or(self.state.cost);
        self.over();
    }

    /// The turn is over: nothing of it waits any more.
    fn over(&mut self) {
        self.state.turns += 1;
        self.turn.end();
        self.rest();
        self.interrupted = false;
        self.stream = Stream::default();
        self.denied.clear();
    }

    /// It waits for a prompt, unless there is a turn.
    fn rest(&mut self) {
        self.state.doing = if self.turn.is_busy() { Doing::Working } else { Doing::Idle };
    }

    /// What became of a prompt.
    fn became(&mut self, json: &Value) {
        match self.turn.hear(json) {
            Some(Became::Taken(chat)) => self.say(chat),
            Some(Became::Dropped(chat)) => {
                self.say(chat);
                self.dropped();
            }
            None => {}
        }
    }

    /// The prompt that was said last is answered by nothing.
    fn dropped(&mut self) {
        let (outcome, total) = (Outcome::Interrupted, self.state.cost);
        self.say(Chat::Turn { outcome, error: None, cost: None, total, tokens: None, took: None });
        self.rest();
    }

    fn asked(&mut self, json: &Value) {
        let id = json.get("request_id").cloned().unwrap_or(Value::Null);
        let request = &json["request"];
        if text_of(request, "subtype") != "can_use_tool" {
            let error = json!({"subtype": "error", "request_id": id, "error": "this is not known here"});
            self.send(&json!({"type": "control_response", "response": error}));
            return self.strange(said::bounded(Chat::Unknown { json: json.clone() }));
        }
        if self.open.iter().any(|open| open.request == id) {
            return;
        }
        let (name, call) = (text_of(request, "tool_name"), text_of(request, "tool_use_id"));
        let input = request.get("input").filter(|input| input.is_object());
        let Some(input) = input.filter(|_| !name.is_empty() && id.is_string() && self.open.len() < MAX_OPEN)
        else {
            self.answer(&id, &refuse("This could not be asked, so it is not allowed."));
            self.note("claude asks for something in a way that is not understood: it was denied".into());
            return self.strange(said::bounded(Chat::Unknown { json: json.clone() }));
        };
        let asked = tool::request(name, input, &self.place, "", self.plan.of(Some(call)));
        let key = self.next;
        self.next += 1;
        self.open.push(Open {
            key,
            request: id,
            call: call.to_owned(),
            input: input.clone(),
            questions: asked.questions.clone(),
            wants: text::line(&asked.question, MAX_LINE),
        });
        self.out.push_back(Output::Ask { key, request: Box::new(asked) });
    }

    fn answer(&mut self, request: &Value, answer: &Value) {
        let response = json!({"subtype": "success", "request_id": request, "response": answer});
        self.send(&json!({"type": "control_response", "response": response}));
    }

    fn decided(&mut self, key: u64, verdict: Result<&[Vec<String>], &str>) {
        let Some(place) = self.open.iter().position(|open| open.key == key) else { return };
        let open = self.open.remove(place);
        match verdict {
            Ok(answers) => {
                let input = tool::allowed_input(&open.input, &open.questions, answers);
                self.answer(&open.request, &json!({"behavior": "allow", "updatedInput": input}));
            }
            Err(why) => {
                self.denied.insert(open.call);
                self.answer(&open.request, &refuse(why));
            }
        }
    }

    /// What it says to what it was told.
    fn answered(&mut self, json: &Value) {
        let response = &json["response"];
        let id = text_of(response, "request_id");
        if text_of(response, "subtype") == "error" {
            let error = text::line(text_of(response, "error"), MAX_LINE);
            return self.note(format!("claude did not do what it was told: {error}"));
        }
        let said = &response["response"];
        if id.starts_with("int-") {
            if let Some(chat) = self.turn.interrupted(&said["still_queued"]) {
                self.say(chat);
                self.note("claude was interrupted, and has not said that it took this".into());
                self.dropped();
            }
            return self.rest();
        }
        let told = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut setup = self.setup.clone();
        if id.starts_with("init-") {
            setup.version = told("claude_code_version").or(setup.version);
            setup.mode = told("current_permission_mode").or(setup.mode);
            setup.commands = choices(said, "commands", "name", "description");
            setup.models = choices(said, "models", "value", "displayName");
        } else if id.starts_with("set-") {
            setup.mode = told("mode").or(setup.mode);
            setup.model = told("model").or(setup.model);
        } else {
            return;
        }
        self.setup(setup);
    }

    fn prompt(&mut self, id: &str, text: &str, files: &[PathBuf], by: &str, now: u64) {
        let files: Vec<_> = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        let mut whole = text.to_owned();
        if !files.is_empty() {
            whole = format!("{text}\n\nFiles that come with this:\n{}", files.join("\n"));
        }
        let content = json!([{"type": "text", "text": whole.trim_start()}]);
        // As the name of a prompt is to look. No other of this conversation has the same, also before it was resumed.
        self.told += 1;
        let name = format!("{:08x}-{:04x}-8000-8000-{:012x}", now >> 16, now & 0xffff, self.told);
        self.send(&json!({
            "type": "user", "uuid": name, "session_id": "", "parent_tool_use_id": null,
            "message": {"role": "user", "content": content},
        }));
        let (text, by, prompt) = (text.to_owned(), Some(by.to_owned()), Some(id.to_owned()));
        let chat = said::bounded(Chat::User { text, by, files, prompt });
        // Said once it is taken, so that what answers it stands behind it.
        self.out.extend(self.turn.tell(name, chat).map(Output::Chat));
        self.state.doing = Doing::Working;
        self.interrupted = false;
    }

    fn tell(&mut self, what: &str, request: &Value) {
        self.told += 1;
        let id = format!("{what}-{}", self.told);
        self.send(&json!({"type": "control_request", "request_id": id, "request": request}));
    }
}

impl Adapter for Control {
    fn handle(&mut self, input: Input<'_>, now: u64) {
        let before = self.state.clone();
        match input {
            Input::Started => {
                self.started = true;
                self.tell("init", &json!({"subtype": "initialize"}));
                self.state.doing = Doing::Idle;
            }
            Input::Line(line) => self.line(line),
            Input::Overlong(bytes) => self.strange(Chat::Note {
                text: format!("claude said something of {bytes} bytes, which is more than is taken"),
            }),
            Input::Prompt { id, text, files, by } => self.prompt(id, text, files, by, now),
            Input::Interrupt if self.started && self.state.doing != Doing::Idle && !self.ended => {
                self.interrupted = true;
                self.tell("int", &json!({"subtype": "interrupt"}));
            }
            Input::Configure { mode, model } => {
                if let Some(mode) = mode {
                    self.tell("set", &json!({"subtype": "set_permission_mode", "mode": mode}));
                }
                if let Some(model) = model {
                    self.tell("set", &json!({"subtype": "set_model", "model": model}));
                }
            }
            Input::Decided { key, state } => self.decided(key, tool::verdict(state)),
            Input::Unasked { key, why } => self.decided(key, Err(why)),
            Input::Ended { exit } if !self.ended => {
                self.ended = true;
                for open in std::mem::take(&mut self.open) {
                    self.out.push_back(Output::Withdraw { key: open.key });
                }
                if matches!(before.doing, Doing::Working | Doing::NeedsYou) {
                    let error = Some(format!("claude has ended with exit status {exit}"));
                    let (outcome, total) = (Outcome::Failed, self.state.cost);
                    self.say(Chat::Turn { outcome, error, cost: None, total, tokens: None, took: None });
                    self.over();
                }
                self.state.doing = Doing::Unknown;
            }
            _ => {}
        }
        self.update(&before);
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    fn takes_prompt(&self) -> bool {
        self.started && !self.ended && self.state.doing == Doing::Idle
    }
}

fn refuse(message: &str) -> Value {
    json!({"behavior": "deny", "message": message, "interrupt": false})
}

fn choices(said: &Value, list: &str, id: &str, about: &str) -> Vec<Choice> {
    let list = said.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let choice = |entry: &Value| Choice {
        id: text_of(entry, id).to_owned(),
        about: text::line(text_of(entry, about), MAX_LINE),
    };
    list.iter().map(choice).filter(|choice| !choice.id.is_empty()).collect()
}
