//! Recorded conversations with real agents, replayed to their adapters: what is shown of them, and that what goes back is
//! what the agent took then.

use longrein_agent::adapter::{Adapter, Input, Output};
use serde_json::Value;
use session::message::{ApprovalState, Chat, Decider, Request};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

/// What came of a conversation.
#[derive(Debug, Default)]
pub struct Replayed {
    pub chat: Vec<Chat>,
    pub asked: Vec<Request>,
    pub withdrawn: Vec<u64>,
    pub states: Vec<session::message::AgentState>,
    /// Text of each item as it was being said.
    pub partial: BTreeMap<String, String>,
    /// What was sent, as methods, and `answer` for answers.
    pub sent: Vec<String>,
}

struct Stage<'a> {
    adapter: &'a mut dyn Adapter,
    keys: VecDeque<u64>,
    /// Messages that were sent and not compared yet.
    unseen: VecDeque<Value>,
    came: Replayed,
}

pub fn allowed() -> ApprovalState {
    let by = Decider { device: None, label: "local".into() };
    ApprovalState::Allowed {
        by,
        decided_at: 1,
        choice: None,
        text: None,
        answers: Vec::new(),
        for_session: false,
        granted: None,
    }
}

pub fn denied(text: Option<&str>) -> ApprovalState {
    let by = Decider { device: None, label: "local".into() };
    ApprovalState::Denied { by, decided_at: 1, text: text.map(str::to_owned) }
}

impl Stage<'_> {
    fn hear(&mut self, input: Input<'_>) {
        self.adapter.handle(input, 1000);
        while let Some(output) = self.adapter.poll() {
            match output {
                Output::Send(line) => {
                    let message: Value = serde_json::from_slice(&line).unwrap();
                    let method = message["method"].as_str().unwrap_or("answer");
                    self.came.sent.push(method.to_owned());
                    self.unseen.push_back(message);
                }
                Output::Chat(chat) => self.came.chat.push(chat),
                Output::Partial { item, text, .. } => {
                    self.came.partial.entry(item).or_default().push_str(&text);
                }
                Output::Ask { key, request } => {
                    self.keys.push_back(key);
                    self.came.asked.push(*request);
                }
                Output::Withdraw { key } => self.came.withdrawn.push(key),
                Output::State(state) => self.came.states.push(*state),
                Output::Look(_) => {}
                Output::Answer { .. } | Output::Tail(_) | Output::Untaken { .. } => {
                    panic!("not in a conversation")
                }
            }
        }
    }

    fn decide(&mut self, state: &ApprovalState) {
        let key = self.keys.pop_front().expect("something was asked");
        self.hear(Input::Decided { key, state });
    }

    fn next_sent(&mut self, what: impl Fn(&Value) -> bool) -> Option<Value> {
        let at = self.unseen.iter().position(what)?;
        self.unseen.remove(at)
    }
}

/// Plays a transcript to an adapter. A prompt of the transcript is said to it; an answer of the transcript to what the
/// agent asked is decided by `decide` (which gets that answer), and then has to be what the adapter answers. Whatever
/// else was sent then has to be sent again, but for the methods in `not_ours`.
pub fn replay(
    adapter: &mut dyn Adapter,
    transcript: &str,
    not_ours: &[&str],
    mut decide: impl FnMut(&Value) -> ApprovalState,
) -> Replayed {
    let mut stage =
        Stage { adapter, keys: VecDeque::new(), unseen: VecDeque::new(), came: Replayed::default() };
    // The transcript's id of each of our questions, and ours.
    let mut ids: BTreeMap<String, Value> = BTreeMap::new();
    let mut refused: Vec<Value> = Vec::new();
    stage.hear(Input::Started);
    for line in transcript.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let mut message = entry["msg"].clone();
        let from_agent = ["codex->host", "agent->client"].contains(&entry["dir"].as_str().unwrap());
        let id = message["id"].clone();
        match message["method"].as_str() {
            _ if from_agent => {
                let answers = message["method"].is_null();
                if answers {
                    let Some(ours) = ids.get(&id.to_string()) else { continue };
                    message["id"] = ours.clone();
                } else if not_ours.contains(&message["method"].as_str().unwrap()) {
                    refused.push(id);
                }
                stage.hear(Input::Line(message.to_string().as_bytes()));
            }
            Some(method) if not_ours.contains(&method) => {}
            Some(method) => {
                match method {
                    "turn/start" | "session/prompt" => {
                        assert!(stage.adapter.takes_prompt(), "before {line}");
                        let content = &message["params"]["input"];
                        let content = if content.is_null() { &message["params"]["prompt"] } else { content };
                        let text = content[0]["text"].as_str().unwrap().to_owned();
                        stage.hear(Input::Prompt { id: "p1", text: &text, files: &[], by: "phone" });
                    }
                    "turn/interrupt" | "session/cancel" => stage.hear(Input::Interrupt),
                    // Sent with the no that comes next.
                    "turn/steer" => stage.decide(&decide(&message)),
                    _ => {}
                }
                let sent = stage.next_sent(|sent| sent["method"] == method);
                let sent = sent.unwrap_or_else(|| panic!("{method} was not sent: {:?}", stage.unseen));
                for name in ["threadId", "turnId", "expectedTurnId", "sessionId", "modeId", "input", "prompt"]
                {
                    assert_eq!(sent["params"][name], message["params"][name], "{name} of {method}");
                }
                if !id.is_null() {
                    ids.insert(id.to_string(), sent["id"].clone());
                }
            }
            None if refused.contains(&id) => {
                let sent = stage.next_sent(|sent| sent["id"] == id && sent["method"].is_null()).unwrap();
                assert!(sent["error"].is_object(), "{sent}");
            }
            None => {
                if stage.next_answer(&id).is_none() {
                    stage.decide(&decide(&message["result"]));
                }
                let sent = stage.next_sent(|sent| sent["id"] == id && sent["method"].is_null());
                let sent = sent.unwrap_or_else(|| panic!("{id} was not answered"));
                assert_eq!(sent["result"], message["result"]);
            }
        }
    }
    let Stage { came, .. } = stage;
    came
}

impl Stage<'_> {
    fn next_answer(&self, id: &Value) -> Option<&Value> {
        self.unseen.iter().find(|sent| sent["id"] == *id && sent["method"].is_null())
    }
}

/// Gives it this, and adds what came of it.
pub fn hear(adapter: &mut dyn Adapter, input: Input<'_>, said: &mut Vec<Output>) {
    adapter.handle(input, 0);
    said.extend(std::iter::from_fn(|| adapter.poll()));
}

/// A line of the agent.
pub fn line(adapter: &mut dyn Adapter, message: &Value, said: &mut Vec<Output>) {
    hear(adapter, Input::Line(message.to_string().as_bytes()), said);
}

/// The first thing that was asked, with its key.
pub fn asked(said: &[Output]) -> (u64, Request) {
    let ask = said.iter().find_map(|output| match output {
        Output::Ask { key, request } => Some((*key, (**request).clone())),
        _ => None,
    });
    ask.unwrap_or_else(|| panic!("nothing was asked: {said:?}"))
}

/// What was sent to the agent.
pub fn sent(said: &[Output]) -> Vec<Value> {
    let sent = said.iter().filter_map(|output| match output {
        Output::Send(line) => Some(serde_json::from_slice(line).unwrap()),
        _ => None,
    });
    sent.collect()
}

/// A person decides.
pub fn decide(adapter: &mut dyn Adapter, key: u64, state: &ApprovalState) -> Vec<Output> {
    let mut said = Vec::new();
    hear(adapter, Input::Decided { key, state }, &mut said);
    said
}

/// A yes with these answers.
pub fn answers(answers: &[&[&str]]) -> ApprovalState {
    let ApprovalState::Allowed { by, .. } = allowed() else { unreachable!() };
    let own = |list: &&[&str]| list.iter().map(|&text| text.to_owned()).collect();
    ApprovalState::Allowed {
        by,
        decided_at: 1,
        choice: None,
        text: None,
        answers: answers.iter().map(own).collect(),
        for_session: false,
        granted: None,
    }
}

/// Where a session is.
pub fn place(cwd: &str) -> longrein_agent::Place {
    longrein_agent::Place { cwd: cwd.to_owned(), home: "/home/dev".to_owned() }
}

/// The transcript of this name.
pub fn transcript(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// The chat as lines that say what came when, to be compared.
pub fn outline(chat: &[Chat]) -> Vec<String> {
    let line = |chat: &Chat| {
        let json = serde_json::to_value(chat).unwrap();
        let say = |name: &str| match &json[name] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        match chat {
            Chat::Call { call, tool, .. } => {
                let what = tool.command.clone().unwrap_or_else(|| tool.paths.join(" "));
                format!("call {call}: {what}")
            }
            Chat::Result { call, outcome, text, .. } => format!("result {call}: {outcome:?} {text:?}"),
            Chat::Setup(setup) => {
                format!("setup {:?} in {:?}", setup.model.as_deref(), setup.mode.as_deref())
            }
            Chat::Turn { outcome, tokens, total, error, .. } => {
                format!("turn {outcome:?} {tokens:?} {total:?} {}", error.as_deref().unwrap_or(""))
            }
            Chat::Plan { steps } => format!("plan of {}", steps.len()),
            Chat::Unknown { .. } => format!("unknown {}", say("json")),
            _ => format!("{} {:?}", say("type"), say("text")),
        }
    };
    chat.iter().map(line).collect()
}

#[test]
fn a_transcript_with_another_answer_than_was_given_is_found_out() {
    let mut adapter = longrein_agent::codex::appserver::AppServer::new(place("/w"), None);
    let text = transcript("codex/command-allowed.jsonl");
    let said_no = std::panic::AssertUnwindSafe(|| replay(&mut adapter, &text, &[], |_| denied(None)));
    assert!(std::panic::catch_unwind(said_no).is_err());
}
