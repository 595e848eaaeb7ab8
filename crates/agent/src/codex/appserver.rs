//! Codex' app server: without a terminal, on its standard input and output, one conversation of it; and beside Codex'
//! terminal interface, whatever conversation that shows ([`join`]).
//!
//! Codex takes no words with a no. So a person's reason is sent into the turn (`turn/steer`) just before the no: the
//! model reads both together. Where the turn is over by then, the reason goes ahead of the next prompt.

mod join;
mod told;

use super::NAME;
use super::asks::{self, Ask, Asked};
use crate::adapter::{Adapter, Input, Output};
use crate::jsonrpc::{Heard, NO_METHOD, Peer, list_at, str_at, text_at};
use crate::out::{Out, Place, Verdict, verdict};
use join::Join;
use serde_json::{Value, json};
use session::message::{Chat, Choice, Doing, Outcome, Setup, Tool};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Begins the ids that we give to what a person said.
const OURS: &str = "longrein-";
/// Calls that may be open at once; of more, the oldest is forgotten.
const MAX_OPEN: usize = 256;
/// Warnings that are remembered, so that they are not told of again.
const MAX_WARNED: usize = 16;
/// Lines that make no sense and are told of.
const MAX_NONSENSE: u32 = 8;

/// The modes that are offered: name, what it is, when Codex asks, and its sandbox. All of them ask before anything leaves
/// the sandbox. The first is Codex' own default.
const MODES: [(&str, &str, &str, &str, &str); 3] = [
    (
        "workspace",
        "Works in the folder by itself, asks before anything else",
        "on-request",
        "workspace-write",
        "workspaceWrite",
    ),
    (
        "untrusted",
        "Asks before every command that is not known to be harmless",
        "untrusted",
        "workspace-write",
        "workspaceWrite",
    ),
    ("read-only", "Reads by itself, asks before it writes", "on-request", "read-only", "readOnly"),
];

/// What a question to the app server was about.
#[derive(Debug)]
enum Call {
    Initialize,
    Resume,
    Start,
    Models,
    /// What a person says.
    Turn(String),
    /// A reason that goes ahead of the next prompt, should the turn not take it.
    Steer(String),
    Interrupt,
    /// What it has loaded, as its terminal interface may have begun before we were heard.
    Loaded,
    /// What kind of conversation that is, which the terminal opened just now in place of `before`.
    Read {
        thread: String,
        opened: bool,
        before: Option<String>,
    },
    /// A conversation of the terminal interface.
    Join(String),
    /// What was said of its turn before, which was running still or not.
    Missed {
        active: bool,
    },
}

/// What waits for a person.
#[derive(Debug)]
struct Waiting {
    id: Value,
    asked: Asked,
    method: String,
    thread: String,
    turn: String,
    item: String,
    params: Value,
}

/// The adapter.
#[derive(Debug)]
pub struct AppServer {
    out: Out,
    rpc: Peer<Call>,
    place: Place,
    resume: Option<String>,
    thread: Option<String>,
    /// Threads of agents of its own, and the call that started each.
    within: BTreeMap<String, String>,
    turn: Option<String>,
    /// It was asked for a conversation, and answered.
    begun: bool,
    /// A turn was asked for and has not begun.
    starting: bool,
    /// It is to be stopped as soon as it has a name.
    stop: bool,
    waiting: BTreeMap<u64, Waiting>,
    /// Calls without a result, in the order in which they came: their ids, and their tools where those change files.
    open: Vec<(String, Option<Tool>)>,
    setup: Setup,
    /// What was told of that last.
    told: Option<Setup>,
    /// What to use from the next turn on.
    mode: Option<&'static (&'static str, &'static str, &'static str, &'static str, &'static str)>,
    model: Option<String>,
    /// Tokens of the conversation, and those when the turn began.
    tokens: (u64, u64),
    tokens_before: (u64, u64),
    /// Reasons that no turn took.
    reasons: Vec<String>,
    prompts: u64,
    /// A prompt that waits for a conversation.
    held: Option<Value>,
    warned: Vec<String>,
    nonsense: u32,
    /// Where it has a terminal interface.
    join: Option<Join>,
}

impl AppServer {
    /// A new conversation, or an earlier one.
    pub fn new(place: Place, resume: Option<String>) -> Self {
        let modes =
            MODES.iter().map(|(id, about, ..)| Choice { id: (*id).into(), about: (*about).into() }).collect();
        Self {
            out: Out::new(NAME, true),
            rpc: Peer::new(false),
            place,
            resume,
            thread: None,
            within: BTreeMap::new(),
            turn: None,
            begun: false,
            starting: false,
            stop: false,
            waiting: BTreeMap::new(),
            open: Vec::new(),
            setup: Setup { modes, mode: Some(MODES[0].0.into()), ..Setup::default() },
            told: None,
            mode: None,
            model: None,
            tokens: (0, 0),
            tokens_before: (0, 0),
            reasons: Vec::new(),
            prompts: 0,
            held: None,
            warned: Vec::new(),
            nonsense: 0,
            join: None,
        }
    }

    /// Whatever conversation its terminal interface shows.
    pub fn joining(place: Place) -> Self {
        // Modes and models are chosen there.
        let setup = Setup::default();
        Self { out: Out::new(NAME, false), setup, join: Some(Join::default()), ..Self::new(place, None) }
    }

    fn call(&mut self, method: &str, params: Value, what: Call) {
        let line = self.rpc.call(method, params, what);
        self.out.send(line);
    }

    /// Begins the conversation, or goes on with an earlier one.
    fn begin(&mut self) {
        let (_, _, policy, sandbox, _) = MODES[0];
        let mut params = json!({ "cwd": self.place.cwd, "approvalPolicy": policy, "sandbox": sandbox, "approvalsReviewer": "user" });
        match self.resume.clone() {
            Some(thread) => {
                params["threadId"] = thread.into();
                params["excludeTurns"] = true.into();
                self.call("thread/resume", params, Call::Resume);
            }
            None => self.call("thread/start", params, Call::Start),
        }
    }

    fn answered(&mut self, to: Call, result: Result<Value, String>) {
        match (to, result) {
            (Call::Initialize, Ok(result)) => {
                let line = self.rpc.tell("initialized", Value::Null);
                self.out.send(line);
                // "longrein/0.169.0 (Debian …)"
                let agent = str_at(&result, "userAgent").split(' ').next().unwrap_or_default();
                self.setup.version = agent.split_once('/').map(|(_, version)| version.to_owned());
                if self.join.is_some() {
                    return self.join_begin();
                }
                self.begin();
                self.call("model/list", json!({}), Call::Models);
            }
            (Call::Start | Call::Resume, Ok(result)) => {
                self.begun = true;
                self.thread = text_at(&result["thread"], "id");
                self.setup.conversation.clone_from(&self.thread);
                self.setup.model = text_at(&result, "model");
                self.out.state().doing = Doing::Idle;
                self.tell_setup();
                if let Some(input) = self.held.take() {
                    self.start_turn(input);
                }
            }
            (Call::Resume, Err(why)) => {
                self.resume = None;
                self.out.note(format!(
                    "Codex cannot go on with that conversation ({why}), and begins a new one."
                ));
                self.begin();
            }
            (Call::Models, Ok(result)) => {
                let shown = list_at(&result, "data").iter().filter(|model| model["hidden"] != true);
                let choice = |model: &Value| {
                    let about = [str_at(model, "displayName"), str_at(model, "description")].join(": ");
                    Some(Choice { id: text_at(model, "id")?, about })
                };
                self.setup.models = shown.filter_map(choice).collect();
                self.tell_setup();
            }
            (Call::Loaded, result) => self.join_loaded(&result.unwrap_or_default()),
            (Call::Read { thread, opened, before }, result) => {
                // By now it may have opened another.
                let opened = opened && before == self.thread;
                self.join_read(&thread, &result.unwrap_or_default(), opened);
            }
            (Call::Join(thread), result) => self.join_answered(&thread, result),
            (Call::Missed { active }, result) => self.join_missed(&result.unwrap_or_default(), active),
            (Call::Initialize | Call::Start, Err(why)) => {
                self.begun = true;
                self.held = None;
                self.failed(why);
            }
            (Call::Turn(_), Err(why)) => self.failed(why),
            (Call::Turn(_), Ok(result)) if self.turn.is_none() && self.starting => {
                self.turn = text_at(&result["turn"], "id");
                self.join_named();
                self.interrupt_late();
            }
            (Call::Steer(reason), Err(_)) => self.reasons.push(reason),
            // It is over already, which is what was wanted; and models are a help alone.
            (Call::Interrupt | Call::Models, Err(_))
            | (Call::Interrupt | Call::Steer(_) | Call::Turn(_), Ok(_)) => {}
        }
    }

    /// Stops the turn if that is wanted, once it has a name.
    fn interrupt_late(&mut self) {
        if let (true, Some(thread), Some(turn)) = (self.stop, &self.thread, &self.turn) {
            let params = json!({ "threadId": thread, "turnId": turn });
            self.stop = false;
            self.call("turn/interrupt", params, Call::Interrupt);
        }
    }

    /// What was asked for did not begin.
    fn failed(&mut self, why: String) {
        self.starting = false;
        self.stop = false;
        self.out.state().doing = Doing::Idle;
        let error = Some(why);
        self.out.chat(Chat::Turn {
            outcome: Outcome::Failed,
            error,
            cost: None,
            total: None,
            tokens: None,
            took: None,
        });
    }

    fn tell_setup(&mut self) {
        if self.thread.is_some() && self.told.as_ref() != Some(&self.setup) {
            self.told = Some(self.setup.clone());
            self.out.chat(Chat::Setup(self.setup.clone()));
        }
    }

    fn start_turn(&mut self, input: Value) {
        let Some(thread) = self.thread.clone() else {
            // It could not begin before; it is asked again.
            self.held = Some(input);
            if self.join.is_none() {
                self.begin();
            }
            return;
        };
        self.prompts += 1;
        let id = format!("{OURS}{}", self.prompts);
        let said = str_at(&input[0], "text").to_owned();
        let mut params = json!({ "threadId": thread, "input": input, "clientUserMessageId": id });
        if let Some(model) = self.model.take() {
            params["model"] = model.into();
        }
        if let Some((_, _, policy, _, sandbox)) = self.mode.take() {
            params["approvalPolicy"] = (*policy).into();
            params["sandboxPolicy"] = json!({ "type": sandbox });
        }
        self.call("turn/start", params, Call::Turn(said));
    }

    fn asks(&mut self, id: Value, method: String, params: Value) {
        let item = str_at(&params, "itemId").to_owned();
        let changing = self.open.iter().find(|(open, _)| *open == item).and_then(|(_, files)| files.as_ref());
        match asks::read(&method, &params, changing, &self.place) {
            Ask::Person(request, asked) => {
                let key = self.out.ask(*request);
                let of = |name: &str| str_at(&params, name).to_owned();
                let (thread, turn) = (of("threadId"), of("turnId"));
                self.waiting.insert(key, Waiting { id, asked, method, thread, turn, item, params });
            }
            Ask::No(..) if self.join_leaves(&id) => {}
            Ask::No(answer, why) => {
                let line = self.rpc.answer(&id, answer);
                self.out.send(line);
                self.out.note(why);
            }
            Ask::Unknown if self.join.is_some() => {
                // Perhaps its terminal interface knows what to say.
                self.out.chat(Chat::Unknown { json: json!({ "method": method, "params": params }) });
            }
            Ask::Unknown => {
                let line = self.rpc.refuse(&id, NO_METHOD, "not supported by this client");
                self.out.send(line);
                self.out.chat(Chat::Unknown { json: json!({ "method": method, "params": params }) });
            }
        }
    }

    fn decided(&mut self, key: u64, verdict: &Verdict<'_>) {
        self.out.decided(key);
        let Some(waiting) = self.waiting.remove(&key) else { return };
        if let Verdict::No { reason: Some(reason) } = verdict {
            let reason = format!("I said no to this, because: {reason}");
            self.prompts += 1;
            let params = json!({
                "threadId": waiting.thread,
                "expectedTurnId": waiting.turn,
                "input": [{ "type": "text", "text": reason }],
                "clientUserMessageId": format!("{OURS}{}", self.prompts),
            });
            self.call("turn/steer", params, Call::Steer(reason));
        }
        let line = self.rpc.answer(&waiting.id, waiting.asked.answer(verdict));
        self.out.send(line);
    }

    /// Nobody waits for these any more.
    fn withdraw(&mut self, which: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let keys: Vec<_> =
            self.waiting.iter().filter(|(_, waiting)| which(waiting)).map(|(key, _)| *key).collect();
        for key in &keys {
            self.out.withdraw(*key);
        }
        keys.iter().filter_map(|key| self.waiting.remove(key)).collect()
    }

    fn prompt(&mut self, id: &str, text: &str, files: &[PathBuf], by: &str) {
        let names: Vec<_> = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        let (images, others): (Vec<_>, Vec<_>) = names.iter().cloned().partition(|name| is_image(name));
        let mut said = std::mem::take(&mut self.reasons);
        said.push(text.to_owned());
        said.extend(others.into_iter().map(|name| format!("File: {name}")));
        let mut input = vec![json!({ "type": "text", "text": said.join("\n\n") })];
        input.extend(images.into_iter().map(|path| json!({ "type": "localImage", "path": path })));
        self.out.chat(Chat::User {
            text: text.to_owned(),
            by: Some(by.to_owned()),
            files: names,
            prompt: Some(id.to_owned()),
        });
        self.starting = true;
        self.out.state().doing = Doing::Working;
        self.start_turn(input.into());
    }

    fn configure(&mut self, mode: Option<&str>, model: Option<&str>) {
        if let Some(mode) = mode {
            let Some(found) = MODES.iter().find(|(id, ..)| *id == mode) else {
                return self.out.note(format!("Codex has no mode “{}”.", crate::text::line(mode, 40)));
            };
            self.mode = Some(found);
            self.setup.mode = Some(mode.to_owned());
        }
        if let Some(model) = model {
            self.model = Some(model.to_owned());
            self.setup.model = Some(model.to_owned());
        }
        self.tell_setup();
    }

    fn line(&mut self, line: &[u8]) {
        match self.rpc.hear(line) {
            Heard::Asks { id, method, params } => self.asks(id, method, params),
            Heard::Tells { method, params } => self.told(&method, &params),
            Heard::Answers { to, result } => self.answered(to, result),
            Heard::Stray => {}
            Heard::Nonsense => {
                self.nonsense += 1;
                if self.nonsense <= MAX_NONSENSE {
                    let said = crate::text::line(&String::from_utf8_lossy(line), 200);
                    self.out.note(format!("Codex said something that is not understood: {said}"));
                }
            }
        }
    }
}

impl Adapter for AppServer {
    fn handle(&mut self, input: Input<'_>, _now: u64) {
        match input {
            Input::Started => {
                self.join_linked();
                let version = env!("CARGO_PKG_VERSION");
                let client = json!({ "name": "longrein", "title": "Longrein", "version": version });
                let params = json!({ "clientInfo": client, "capabilities": { "experimentalApi": true } });
                self.call("initialize", params, Call::Initialize);
            }
            Input::Line(line) => self.line(line),
            Input::Overlong(bytes) => {
                self.out.note(format!("Codex said something of {bytes} bytes, which is too long."));
            }
            Input::Prompt { id, text, files, by } => self.prompt(id, text, files, by),
            Input::Interrupt => {
                self.stop = self.starting || self.turn.is_some();
                self.interrupt_late();
            }
            Input::Configure { mode, model } => self.configure(mode, model),
            Input::Decided { key, state } => self.decided(key, &verdict(state)),
            Input::Ended { .. } => {
                self.withdraw(|_| true);
                self.out.state().doing = Doing::Unknown;
            }
            Input::Cut => self.join_cut(),
            Input::Said(said) => self.join_said(said),
            Input::Looked(_) => self.join_looked(),
            Input::Unasked { key, .. } => self.decided(key, &Verdict::No { reason: None }),
            Input::Hook { .. } | Input::HookGone { .. } | Input::Tailed(_) | Input::Typed => {}
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.poll()
    }

    fn takes_prompt(&self) -> bool {
        self.begun && self.turn.is_none() && !self.starting && self.join_ready()
    }
}

fn is_image(name: &str) -> bool {
    let kind = Path::new(name).extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    ["png", "jpg", "jpeg", "gif", "webp"].contains(&kind.to_ascii_lowercase().as_str())
}
