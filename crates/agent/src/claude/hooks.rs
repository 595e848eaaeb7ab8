//! Claude in its terminal: what its hooks say, what is asked through them, and what its transcript adds.
//!
//! A question waits at the desk and on every device at once, and the first answer wins. Claude does not tell its hook that
//! the desk was first, so that is found out: by what the hook hears next, or by what the terminal says. What always holds:
//! every hook is answered once or is gone; a tool is allowed only by [`Input::Decided`] with an `Allowed`, with the input that
//! was shown; a question that is over at the desk is answered with nothing, which means nothing to Claude.

use super::composer::{Composer, LOOK, Next};
use super::plan::Plans;
use super::tool::{self, Place, text_of};
use super::transcript::Transcript;
use crate::adapter::{Adapter, Input, Looked, Output, Said};
use crate::text;
use serde_json::{Value, json};
use session::message::{AgentState, Chat, Doing, Question, Request, Setup};
use std::collections::VecDeque;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// Characters of what is shown in lists.
const MAX_LINE: usize = 200;
/// How many milliseconds a Claude that has started may call no hook before that is said.
const SILENT: u64 = 30_000;
/// Characters of what the terminal says that a question is known by, and of what it says in all.
const MAX_SHOWN: usize = 20;
const MAX_SAID: usize = 1000;
/// Questions that may wait here, and those that were allowed and may still run; more are refused, or forgotten.
const MAX_OPEN: usize = 64;
/// Bytes that are pasted at once.
const MAX_PASTE: usize = 400;
/// The key that deletes what stands on a row before the cursor, or the end of the row before it.
const DELETE_ROW: &str = "\x15";
/// Rows that are deleted at least, and of a prompt before it at most; and how narrow they are taken to be.
const MIN_ROWS: usize = 20;
const MAX_ROWS: usize = 2000;
const MIN_COLS: usize = 20;
/// Conversations that one terminal is known to have had.
const MAX_SESSIONS: usize = 64;

/// The adapter.
#[derive(Debug)]
pub struct Hooks {
    place: Place,
    /// Where transcripts are.
    projects: PathBuf,
    out: VecDeque<Output>,
    state: AgentState,
    open: Vec<Open>,
    /// What was allowed from here and may still run.
    running: Vec<Call>,
    next: u64,
    sessions: Vec<String>,
    setup: Setup,
    tailed: Option<PathBuf>,
    transcript: Transcript,
    plans: Plans,
    /// What it is doing, as the hooks tell.
    hooked: Doing,
    /// What it is doing, as the terminal says; then that counts.
    says: Option<Doing>,
    /// What it wants, as the terminal says.
    wants: String,
    /// Rows of the last prompt that was typed from here.
    typed_rows: usize,
    /// It was interrupted since, and may have put that back.
    interrupted: bool,
    /// What was typed from here and may stand there unsent.
    composer: Composer,
    /// Unix milliseconds at which its silence is told of; 0 before it is known, and never once that is said.
    silent_at: u64,
}

/// What is known of a call: the same call is the same in all hooks.
#[derive(Debug, PartialEq)]
struct Call {
    session: String,
    name: String,
    input: Value,
}

/// A question that waits.
#[derive(Debug)]
struct Open {
    key: u64,
    hook: u64,
    call: Call,
    /// As it was shown.
    input: Value,
    questions: Vec<Question>,
    wants: String,
    /// The terminal says this, too, while the question is shown there.
    shown: String,
}

impl Hooks {
    /// For a Claude that keeps its files in `home`.
    pub(super) fn new(place: Place, home: &str) -> Self {
        Self {
            place,
            projects: Path::new(home).join("projects"),
            out: VecDeque::new(),
            state: AgentState { name: "claude".into(), ..AgentState::default() },
            open: Vec::new(),
            running: Vec::new(),
            next: 1,
            sessions: Vec::new(),
            setup: Setup::default(),
            tailed: None,
            transcript: Transcript::default(),
            plans: Plans::default(),
            hooked: Doing::Unknown,
            says: None,
            wants: String::new(),
            typed_rows: 0,
            interrupted: false,
            composer: Composer::default(),
            silent_at: 0,
        }
    }

    fn answer(&mut self, id: u64, output: String) {
        self.out.push_back(Output::Answer { id, output });
    }

    fn hook(&mut self, id: u64, input: &[u8]) {
        let json: Value = serde_json::from_slice(input).unwrap_or_default();
        let event = text_of(&json, "hook_event_name");
        let session = text_of(&json, "session_id");
        if event == "PermissionRequest" {
            return self.asked(id, &json, input);
        }
        // Nobody is asked by the others: Claude asks by itself where it has to. What has no name may be the gate.
        let output = match event {
            "" => refusal(input, "This could not be read, so it is not allowed."),
            _ => String::new(),
        };
        self.answer(id, output);
        if session.is_empty() {
            return;
        }
        match event {
            "SessionStart" => {
                self.meet(session, &json);
                self.does(Doing::Idle);
            }
            "UserPromptSubmit" => {
                self.meet(session, &json);
                self.close(session);
                self.composer.taken(text_of(&json, "prompt"));
                self.does(Doing::Working);
            }
            "PreToolUse" => {
                self.plans.hear(
                    text_of(&json, "tool_use_id"),
                    text_of(&json, "tool_name"),
                    &json["tool_input"],
                );
                self.does(Doing::Working);
            }
            "PostToolUse" | "PostToolUseFailure" => {
                self.done(&call(session, &json));
                self.does(Doing::Working);
            }
            "Stop" | "StopFailure" => {
                self.close(session);
                self.state.turns += 1;
                // It put nothing back, or that has been sent again since.
                self.interrupted = false;
                self.does(Doing::Idle);
            }
            "SessionEnd" => {
                self.close(session);
                self.does(Doing::Unknown);
            }
            "Notification" if text_of(&json, "notification_type") == "idle_prompt" => {
                self.interrupted |= self.was_interrupted();
                self.does(Doing::Idle);
            }
            _ => {}
        }
    }

    /// A conversation of this terminal, and where it is written down.
    fn meet(&mut self, session: &str, json: &Value) {
        if !self.sessions.iter().any(|known| known == session) {
            if self.sessions.len() == MAX_SESSIONS {
                self.sessions.remove(0);
            }
            self.sessions.push(session.to_owned());
        }
        if self.setup.conversation.as_deref() != Some(session) {
            self.setup.conversation = Some(session.to_owned());
            let model = Some(text_of(json, "model").to_owned()).filter(|model| !model.is_empty());
            self.setup.model = model.or(self.setup.model.take());
            self.out.push_back(Output::Chat(Chat::Setup(self.setup.clone())));
        }
        let path = Path::new(text_of(json, "transcript_path"));
        let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        let is_ours = path.is_absolute() && plain && path.starts_with(&self.projects);
        if is_ours
            && path.extension().is_some_and(|kind| kind == "jsonl")
            && self.tailed.as_deref() != Some(path)
        {
            self.tailed = Some(path.to_owned());
            self.out.push_back(Output::Tail(path.to_owned()));
        }
    }

    fn asked(&mut self, id: u64, json: &Value, raw: &[u8]) {
        let (session, name) = (text_of(json, "session_id"), text_of(json, "tool_name"));
        let is_ours = self.sessions.is_empty() || self.sessions.iter().any(|known| known == session);
        let input = json.get("tool_input").filter(|input| input.is_object());
        let Some(input) = input.filter(|_| is_ours && !session.is_empty() && !name.is_empty()) else {
            return self.answer(id, refusal(raw, "This is not asked in this session, so it is not allowed."));
        };
        if self.open.len() >= MAX_OPEN || self.open.iter().any(|open| open.hook == id) {
            return self.answer(id, refusal(raw, "Too much is asked at once, so this is not allowed."));
        }
        let request = tool::request(name, input, &self.place, text_of(json, "cwd"), self.plans.of(None));
        if request.plan.is_some() {
            // The next one is another plan.
            self.plans.forget();
        }
        let key = self.next;
        self.next += 1;
        self.open.push(Open {
            key,
            hook: id,
            call: call(session, json),
            input: input.clone(),
            questions: request.questions.clone(),
            wants: text::line(&request.question, MAX_LINE),
            shown: shown(&request),
        });
        self.out.push_back(Output::Ask { key, request: Box::new(request) });
    }

    fn decided(&mut self, key: u64, verdict: Result<&[Vec<String>], &str>) {
        let Some(place) = self.open.iter().position(|open| open.key == key) else { return };
        let open = self.open.remove(place);
        let decision = match verdict {
            Ok(answers) => {
                let input = tool::allowed_input(&open.input, &open.questions, answers);
                if self.running.len() == MAX_OPEN {
                    self.running.remove(0);
                }
                self.running.push(open.call);
                json!({"behavior": "allow", "updatedInput": input})
            }
            Err(why) => json!({"behavior": "deny", "message": why}),
        };
        let output = json!({"hookEventName": "PermissionRequest", "decision": decision});
        self.answer(open.hook, json!({"hookSpecificOutput": output}).to_string());
        self.does(Doing::Working);
        // What it says next is about another question.
        self.says = self.says.map(|_| Doing::Working);
    }

    /// A call was made. Where it was not allowed from here, it was at the desk: the question is over. Of several that are the
    /// same, one.
    fn done(&mut self, call: &Call) {
        if let Some(place) = self.running.iter().position(|running| running == call) {
            self.running.remove(place);
        } else if let Some(place) = self.open.iter().position(|open| open.call == *call) {
            self.withdraw(place);
        }
    }

    /// Whatever waits of this conversation is over.
    fn close(&mut self, session: &str) {
        self.running.retain(|call| call.session != session);
        while let Some(place) = self.open.iter().position(|open| open.call.session == session) {
            self.withdraw(place);
        }
    }

    fn withdraw(&mut self, place: usize) {
        let open = self.open.remove(place);
        self.out.push_back(Output::Withdraw { key: open.key });
        self.answer(open.hook, String::new());
    }

    /// It is told to stop by a key, and a dialog that has just come takes none. So whoever waits for an answer is told, too.
    fn interrupt(&mut self) {
        self.interrupted |= self.state.doing != Doing::Idle;
        self.composer.stop();
        for open in std::mem::take(&mut self.open) {
            self.out.push_back(Output::Withdraw { key: open.key });
            let decision = json!({"behavior": "deny", "message": "Interrupted", "interrupt": true});
            let output = json!({"hookEventName": "PermissionRequest", "decision": decision});
            self.answer(open.hook, json!({"hookSpecificOutput": output}).to_string());
        }
    }

    /// Its turn has not ended, as far as its hooks tell: it tells them of an end, and of an interrupt it does not.
    fn was_interrupted(&self) -> bool {
        self.hooked == Doing::Working
    }

    fn does(&mut self, doing: Doing) {
        self.hooked = doing;
    }

    /// Its terminal is looked at: what was typed may stand there still, and a Claude that calls no hook may be another one.
    fn looked(&mut self, looked: &Looked, now: u64) {
        // The first one comes as it is started.
        if self.silent_at == 0 {
            self.silent_at = now + SILENT;
        }
        if self.silent_at <= now && self.sessions.is_empty() {
            self.silent_at = u64::MAX;
            self.note("Claude has called none of its hooks yet, as before its folder is trusted. Until it does, what it asks is in its terminal alone.");
        }
        let ready = !matches!(self.state.doing, Doing::Working | Doing::NeedsYou);
        let next = self.composer.looked(looked, ready, now);
        match next {
            Next::Enter => self.out.push_back(Output::Send(b"\r".to_vec())),
            Next::GiveUp => {
                self.note(
                    "What was said stands in Claude's terminal, which does not take it: send it off there.",
                );
            }
            Next::Rest | Next::Look => {}
        }
        if matches!(next, Next::Enter | Next::Look) {
            self.out.push_back(Output::Look(LOOK));
        } else if self.sessions.is_empty() && self.silent_at != u64::MAX {
            self.out.push_back(Output::Look(Duration::from_millis(self.silent_at - now)));
        }
    }

    fn note(&mut self, text: &str) {
        self.out.push_back(Output::Chat(Chat::Note { text: text.to_owned() }));
    }

    fn said(&mut self, doing: Doing, message: &str) {
        // It was answered at the desk, where it is known which question was shown; otherwise that is told when it is done.
        if self.says == Some(Doing::NeedsYou) && doing != Doing::NeedsYou {
            let mut shown = (0..self.open.len()).filter(|n| self.wants.contains(&self.open[*n].shown));
            if let (Some(place), None) = (shown.next(), shown.next()) {
                self.withdraw(place);
            }
        }
        self.says = (doing != Doing::Unknown).then_some(doing);
        self.wants = text::line(message, MAX_SAID);
    }

    fn tailed(&mut self, line: &[u8]) {
        let said = self.transcript.read(line);
        for chat in &said.chats {
            if let Chat::Call { call, tool, .. } = chat {
                self.plans.hear(call, &tool.name, &tool.input);
            }
        }
        self.out.extend(said.chats.into_iter().map(Output::Chat));
        if said.interrupted {
            self.interrupted = true;
            self.composer.stop();
            self.does(Doing::Idle);
        }
        if let Some(last) = said.last {
            self.state.last = last;
        }
        self.state.cost = said.cost.or(self.state.cost);
    }
}

impl Adapter for Hooks {
    fn handle(&mut self, input: Input<'_>, now: u64) {
        let before = self.state.clone();
        match input {
            Input::Hook { id, input } => self.hook(id, input),
            Input::HookGone { id } => {
                if let Some(place) = self.open.iter().position(|open| open.hook == id) {
                    let open = self.open.remove(place);
                    self.out.push_back(Output::Withdraw { key: open.key });
                }
            }
            Input::Decided { key, state } => self.decided(key, tool::verdict(state)),
            Input::Unasked { key, why } => self.decided(key, Err(why)),
            Input::Tailed(line) => self.tailed(line),
            Input::Interrupt => self.interrupt(),
            Input::Said(Said::Status { doing, app, message })
                if app.starts_with("claude") || self.says.is_some() =>
            {
                self.said(*doing, message);
            }
            Input::Looked(looked) => self.looked(looked, now),
            Input::Ended { exit } => {
                if exit != 0 && self.sessions.is_empty() {
                    // Another version may not know what it was started with.
                    let text = "Claude ended before anything was heard of it. If it does not know an option, `longrein run --agent none -- claude` starts it with yours alone.";
                    self.note(text);
                }
                while !self.open.is_empty() {
                    self.withdraw(0);
                }
                (self.hooked, self.says) = (Doing::Unknown, None);
            }
            _ => {}
        }
        let doing = self.says.unwrap_or(self.hooked);
        (self.state.doing, self.state.wants) = match self.open.first() {
            Some(open) => (Doing::NeedsYou, open.wants.clone()),
            None if doing == Doing::NeedsYou => (doing, text::line(&self.wants, MAX_LINE)),
            None => (doing, String::new()),
        };
        if self.state != before {
            self.out.push_back(Output::State(Box::new(self.state.clone())));
        }
    }

    fn takes_hooks(&self) -> bool {
        true
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// What is pasted as a whole is told to the model as a quotation, not as a prompt; small pastes are not, nor is what is
    /// between them. And a prompt that was interrupted is put back where the next one is written, so what stands there goes
    /// first. Otherwise it may be what somebody writes at the desk, and stays.
    fn typed(&mut self, text: &str) -> Option<String> {
        let rows = text.lines().count() + text.len() / MIN_COLS;
        let interrupted =
            std::mem::take(&mut self.interrupted) || self.says == Some(Doing::Idle) && self.was_interrupted();
        let deleted = if interrupted { 2 * (MIN_ROWS + self.typed_rows.min(MAX_ROWS)) } else { 0 };
        let mut keys = DELETE_ROW.repeat(deleted);
        self.typed_rows = rows;
        for (n, line) in text.split('\n').enumerate() {
            if n > 0 {
                keys.push('\n');
            }
            let mut rest = line;
            while !rest.is_empty() {
                let (piece, more) = rest.split_at(rest.floor_char_boundary(MAX_PASTE));
                keys.extend(["\x1b[200~", piece, "\x1b[201~"]);
                rest = more;
            }
        }
        keys.push('\r');
        self.composer.typed(text);
        self.out.push_back(Output::Look(LOOK));
        Some(keys)
    }
}

/// The call that a hook is about. Its file may be named from the folder that Claude is in, and a question's answers are in
/// its input once it is answered.
fn call(session: &str, json: &Value) -> Call {
    let mut input = json.get("tool_input").cloned().unwrap_or_default();
    if let Some(members) = input.as_object_mut() {
        for name in ["answers", "annotations"] {
            if members.contains_key("questions") {
                members.remove(name);
            }
        }
        for name in ["file_path", "notebook_path"] {
            if let Some(Value::String(path)) = members.get_mut(name) {
                let whole = Path::new(text_of(json, "cwd")).join(&*path);
                let plain: PathBuf = whole.components().filter(|part| *part != Component::CurDir).collect();
                *path = plain.to_string_lossy().into_owned();
            }
        }
    }
    Call { session: session.to_owned(), name: text_of(json, "tool_name").to_owned(), input }
}

/// What the terminal says, too, while this is asked there: the beginning of what it is about.
fn shown(request: &Request) -> String {
    let about = match &request.tool {
        _ if request.plan.is_some() => "plan",
        _ if !request.questions.is_empty() => &request.questions[0].text,
        Some(tool) => tool.command.as_ref().or(tool.paths.first()).unwrap_or(&tool.name),
        None => "",
    };
    text::line(about, MAX_SAID).chars().take(MAX_SHOWN).collect()
}

/// What a hook prints where nobody can be asked: no, in so many words, to what waits for an answer; nothing to what does
/// not. What cannot be read is taken for what waits. Whoever runs it leaves with exit status 0 then: with status 1, Claude
/// would go on as if there were no hook.
pub fn refusal(input: &[u8], why: &str) -> String {
    let json: Value = serde_json::from_slice(input).unwrap_or_default();
    let ask = json!({"behavior": "deny", "message": why});
    let output = match text_of(&json, "hook_event_name") {
        "PreToolUse" => json!({
            "hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": why,
        }),
        "PermissionRequest" => json!({"hookEventName": "PermissionRequest", "decision": ask}),
        // The gate is the only hook of ours that waits, so this is its answer; read as the other one's, it says the same.
        "" => json!({
            "hookEventName": "PermissionRequest", "decision": ask,
            "permissionDecision": "deny", "permissionDecisionReason": why,
        }),
        _ => return String::new(),
    };
    json!({"hookSpecificOutput": output}).to_string()
}
