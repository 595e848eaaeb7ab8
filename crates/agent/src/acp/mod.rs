//! Agents that speak the Agent Client Protocol (version 1) on their standard input and output, one conversation of one.
//!
//! Its messages are read as they come rather than into types: agents differ in what they leave out and add, and a message
//! with one unknown member is worth showing all the same. (The types there are for Rust bring seventy crates with them.)
//!
//! The protocol has no words with a no. So a person's reason is given to the agent as a prompt of its own, once the turn
//! is over.

mod ask;
mod begin;
mod known;
mod tools;
mod update;

use crate::adapter::{Adapter, Input, Output};
use crate::family::{Launch, Launched};
use crate::jsonrpc::{Heard, NO_METHOD, Peer};
use crate::out::{Out, Place, Verdict, verdict};
use ask::{Ask, Asked};
pub(crate) use known::environment;
use serde_json::{Value, json};
use session::message::{Chat, Doing, ErrorKind, Failure, Setup};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tools::Tools;

/// Lines that make no sense and are told of.
const MAX_NONSENSE: u32 = 8;
/// Bytes of what is said in one piece; more is a piece of its own.
const MAX_SAID: usize = 64 * 1024;

/// What a question to the agent was about.
#[derive(Debug)]
enum Call {
    Initialize,
    New,
    Load,
    /// The mode that asks; this is its id.
    Careful(String),
    Prompt,
    Mode(String),
    Model(String),
}

/// What is being said just now.
#[derive(Debug)]
struct Speech {
    kind: Kind,
    /// The agent's name for it, where it has one.
    message: String,
    item: String,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    User,
    Agent,
    Thinking,
}

/// How a mode or model is set.
#[derive(Clone, Debug, Default)]
enum Switch {
    #[default]
    Nothing,
    /// `session/set_mode`, `session/set_model`.
    Method,
    /// An option of this name.
    Option(String),
}

/// Whether anything can be said to it.
#[derive(Debug)]
enum Phase {
    /// An answer is waited for before anything can.
    Busy,
    Ready,
    /// It was asked for something; the cost is what everything did before.
    Turn {
        since: u64,
        cost: Option<u64>,
        stopped: bool,
    },
}

/// What waits for a person.
#[derive(Debug)]
struct Waiting {
    id: Value,
    asked: Asked,
}

/// The adapter.
#[derive(Debug)]
pub struct Acp {
    out: Out,
    rpc: Peer<Call>,
    name: String,
    place: Place,
    resume: Option<String>,
    /// What it said of itself at the start.
    hello: Option<Value>,
    session: Option<String>,
    phase: Phase,
    /// Its mode was looked at, and is one that asks.
    careful: bool,
    /// An earlier conversation is being told again.
    replaying: bool,
    /// A prompt that waits until there is a conversation.
    held: Option<Vec<Value>>,
    reasons: Vec<String>,
    waiting: BTreeMap<u64, Waiting>,
    tools: Tools,
    speech: Option<Speech>,
    items: u64,
    setup: Setup,
    told: Option<Setup>,
    set_mode: Switch,
    set_model: Switch,
    cost: Option<u64>,
    nonsense: u32,
}

/// How an agent is started so that it speaks the protocol; `None` where it has a terminal, or is not
/// known to.
pub(crate) fn launch(name: &str, launch: &Launch<'_>) -> Result<Option<Launched>, Failure> {
    if !launch.agent.is_some_and(|agent| agent.structured) {
        return Ok(None);
    }
    let Some(program) = known::program(name) else { return Ok(None) };
    let command: Vec<_> = program.into_iter().chain(launch.command.iter().cloned()).collect();
    if command.is_empty() {
        return Err(Failure {
            kind: ErrorKind::Invalid,
            message: "there is no program to run".to_owned(),
            hint: "give the program and its arguments".to_owned(),
        });
    }
    let resume = launch.agent.and_then(|agent| agent.resume.clone());
    let adapter = Box::new(Acp::new(name, Place::of(launch), resume));
    Ok(Some(Launched {
        command,
        env: environment(name, launch.env),
        structured: true,
        adapter,
        beside: None,
    }))
}

impl Acp {
    /// An agent of this name; an earlier conversation, or a new one.
    pub fn new(name: &str, place: Place, resume: Option<String>) -> Self {
        Self {
            out: Out::new(name, true),
            rpc: Peer::new(true),
            name: name.to_owned(),
            place,
            resume,
            hello: None,
            session: None,
            phase: Phase::Busy,
            careful: false,
            replaying: false,
            held: None,
            reasons: Vec::new(),
            waiting: BTreeMap::new(),
            tools: Tools::default(),
            speech: None,
            items: 0,
            setup: Setup::default(),
            told: None,
            set_mode: Switch::Nothing,
            set_model: Switch::Nothing,
            cost: None,
            nonsense: 0,
        }
    }

    fn call(&mut self, method: &str, params: Value, what: Call) {
        let line = self.rpc.call(method, params, what);
        self.out.send(line);
    }

    fn asks(&mut self, id: Value, method: &str, params: &Value) {
        self.flush();
        let ask = match method {
            "session/request_permission" => {
                let call = &params["toolCall"];
                for chat in self.tools.settle("").into_iter().chain(self.tools.asked(call)) {
                    self.out.chat(chat);
                }
                let tool = self.tools.tool(call);
                let plan = self.tools.plan(call, &tool);
                ask::permission(&self.name, params, tool, plan, &self.place)
            }
            "elicitation/create" => ask::elicitation(&self.name, params),
            _ => {
                let line = self.rpc.refuse(&id, NO_METHOD, "not supported by this client");
                self.out.send(line);
                self.out.chat(Chat::Unknown { json: json!({ "method": method, "params": params }) });
                return;
            }
        };
        match ask {
            Ask::Person(request, asked) => {
                let key = self.out.ask(*request);
                self.waiting.insert(key, Waiting { id, asked });
            }
            Ask::No(answer, why) => {
                let line = self.rpc.answer(&id, answer);
                self.out.send(line);
                self.out.note(why);
            }
        }
    }

    fn decided(&mut self, key: u64, verdict: &Verdict<'_>) {
        self.out.decided(key);
        let Some(waiting) = self.waiting.remove(&key) else { return };
        if let Verdict::No { reason } = verdict {
            if let Asked::Permission { call, .. } = &waiting.asked {
                self.tools.denied(call);
            }
            if let Some(reason) = reason {
                self.reasons.push(format!("I said no to that, because: {reason}"));
                self.out.note(format!(
                    "{} takes no reason with a no. It is told yours after this turn.",
                    self.name
                ));
            }
        }
        let line = self.rpc.answer(&waiting.id, waiting.asked.answer(verdict));
        self.out.send(line);
        // Gemini goes on with its plan in a mode that asks, and does not say so.
        if let (Verdict::Yes { .. }, Asked::Permission { call, .. }) = (verdict, &waiting.asked)
            && tools::leaves_plan(call)
            && self.setup.mode.as_deref() == Some("plan")
        {
            self.setup.mode = known::careful_mode(&self.setup);
            self.tell_setup();
        }
    }

    /// Nobody waits for anything any more; the agent hears that of each.
    fn withdraw_all(&mut self) {
        for (key, waiting) in std::mem::take(&mut self.waiting) {
            self.out.withdraw(key);
            let line = self.rpc.answer(&waiting.id, waiting.asked.cancelled());
            self.out.send(line);
        }
    }

    fn prompt(&mut self, id: &str, text: &str, files: &[PathBuf], by: &str, now: u64) {
        let names: Vec<_> = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
        let mut said = std::mem::take(&mut self.reasons);
        said.push(text.to_owned());
        let mut prompt = vec![json!({ "type": "text", "text": said.join("\n\n") })];
        // A link is what every agent takes.
        prompt.extend(names.iter().map(|path| {
            let name = Path::new(path).file_name().map_or(path.into(), |name| name.to_string_lossy());
            json!({ "type": "resource_link", "name": name, "uri": format!("file://{path}") })
        }));
        self.out.chat(Chat::User {
            text: text.to_owned(),
            by: Some(by.to_owned()),
            files: names,
            prompt: Some(id.to_owned()),
        });
        self.held = Some(prompt);
        self.advance(now);
    }

    fn interrupt(&mut self) {
        if let (Phase::Turn { stopped, .. }, Some(session)) = (&mut self.phase, &self.session) {
            *stopped = true;
            let line = self.rpc.tell("session/cancel", json!({ "sessionId": session }));
            self.out.send(line);
            self.withdraw_all();
        }
    }

    fn configure(&mut self, mode: Option<&str>, model: Option<&str>) {
        for (value, how, method, member) in [
            (mode, self.set_mode.clone(), "session/set_mode", "modeId"),
            (model, self.set_model.clone(), "session/set_model", "modelId"),
        ] {
            let Some(value) = value else { continue };
            if self.session.is_none() || matches!(how, Switch::Nothing) {
                self.out.note(format!(
                    "{} cannot be told to use {}.",
                    self.name,
                    crate::text::line(value, 80)
                ));
                continue;
            }
            let what = if member == "modeId" { Call::Mode } else { Call::Model };
            self.set(how, method, member, value, what(value.to_owned()));
        }
    }

    fn line(&mut self, line: &[u8], now: u64) {
        match self.rpc.hear(line) {
            Heard::Asks { id, method, params } => self.asks(id, &method, &params),
            Heard::Tells { method, params } => self.told(&method, &params),
            Heard::Answers { to, result } => self.answered(to, result, now),
            Heard::Stray => {}
            Heard::Nonsense => {
                self.nonsense += 1;
                if self.nonsense <= MAX_NONSENSE {
                    let said = crate::text::line(&String::from_utf8_lossy(line), 200);
                    self.out.note(format!("{} said something that is not understood: {said}", self.name));
                }
            }
        }
    }
}

impl Adapter for Acp {
    fn handle(&mut self, input: Input<'_>, now: u64) {
        match input {
            Input::Started => {
                let version = env!("CARGO_PKG_VERSION");
                // It reads and writes files and runs commands by itself, and asks before.
                let params = json!({
                    "protocolVersion": 1,
                    "clientInfo": { "name": "longrein", "title": "Longrein", "version": version },
                    "clientCapabilities": {
                        "fs": { "readTextFile": false, "writeTextFile": false },
                        "terminal": false,
                        "elicitation": { "form": {} },
                    },
                });
                self.call("initialize", params, Call::Initialize);
            }
            Input::Line(line) => self.line(line, now),
            Input::Overlong(bytes) => {
                self.out.note(format!("{} said something of {bytes} bytes, which is too long.", self.name));
            }
            Input::Prompt { id, text, files, by } => self.prompt(id, text, files, by, now),
            Input::Interrupt => self.interrupt(),
            Input::Configure { mode, model } => self.configure(mode, model),
            Input::Decided { key, state } => self.decided(key, &verdict(state)),
            Input::Ended { .. } => {
                self.flush();
                let keys: Vec<_> = std::mem::take(&mut self.waiting).into_keys().collect();
                for key in keys {
                    self.out.withdraw(key);
                }
                for chat in self.tools.close() {
                    self.out.chat(chat);
                }
                self.out.state().doing = Doing::Unknown;
            }
            Input::Unasked { key, .. } => self.decided(key, &Verdict::No { reason: None }),
            // It has no terminal, and no hooks.
            Input::Hook { .. }
            | Input::HookGone { .. }
            | Input::Tailed(_)
            | Input::Looked(_)
            | Input::Said(_)
            | Input::Typed
            | Input::Cut => {}
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.poll()
    }

    fn takes_prompt(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }
}
