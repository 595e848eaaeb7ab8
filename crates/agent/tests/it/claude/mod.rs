//! Claude Code, as it was recorded.

mod control;
mod hooks;

use longrein_agent::adapter::{Adapter, Input, MAX_CHAT, Output};
use longrein_agent::family::{Launch, launch};
use proptest::prelude::*;
use serde_json::Value;
use session::message::{Agent, AgentState, ApprovalState, Chat, Decider, Request};
use std::path::Path;

/// An adapter, and all that it wanted done.
struct Run {
    adapter: Box<dyn Adapter>,
    out: Vec<Output>,
}

impl Run {
    fn new(structured: bool, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        if !structured {
            command.insert(0, "claude".into());
        }
        let launched = launch(&Launch {
            command: &command,
            agent: Some(&Agent { name: "claude".into(), structured, resume: None }),
            cwd: Path::new("/home/dev/src/wt"),
            env: &[("HOME".into(), "/home/dev".into())],
            hook: &["longrein".into(), "hook".into()],
            folder: folder.path(),
        });
        let adapter = launched.unwrap_or_else(|failure| panic!("{failure}")).adapter;
        Self { adapter, out: Vec::new() }
    }

    fn terminal() -> Self {
        Self::new(false, &[])
    }

    fn structured() -> Self {
        let mut run = Self::new(true, &[]);
        run.hear(Input::Started);
        run
    }

    /// Hears something, and gives what is to be done for it.
    fn hear(&mut self, input: Input<'_>) -> Vec<Output> {
        self.hear_at(input, 0)
    }

    fn hear_at(&mut self, input: Input<'_>, now: u64) -> Vec<Output> {
        self.adapter.handle(input, now);
        let mut all = Vec::new();
        while let Some(output) = self.adapter.poll() {
            self.out.push(clone(&output));
            all.push(output);
        }
        all
    }

    fn line(&mut self, line: &Value) -> Vec<Output> {
        self.hear(Input::Line(line.to_string().as_bytes()))
    }

    fn hook(&mut self, id: u64, input: &Value) -> Vec<Output> {
        self.hear(Input::Hook { id, input: input.to_string().as_bytes() })
    }

    fn allow(&mut self, key: u64, answers: Vec<Vec<String>>) -> Vec<Output> {
        self.hear(Input::Decided { key, state: &allowed(answers) })
    }

    fn deny(&mut self, key: u64, text: Option<&str>) -> Vec<Output> {
        let state = ApprovalState::Denied { by: somebody(), decided_at: 1, text: text.map(Into::into) };
        self.hear(Input::Decided { key, state: &state })
    }

    fn prompt(&mut self, text: &str) -> Vec<Output> {
        self.hear(Input::Prompt { id: "p1", text, files: &[], by: "phone" })
    }

    fn state(&self) -> AgentState {
        let state = |output: &Output| match output {
            Output::State(state) => Some((**state).clone()),
            _ => None,
        };
        self.out.iter().rev().find_map(state).unwrap_or_default()
    }

    fn chats(&self) -> Vec<&Chat> {
        chats(&self.out)
    }
}

fn clone(output: &Output) -> Output {
    match output {
        Output::Send(bytes) => Output::Send(bytes.clone()),
        Output::Chat(chat) => Output::Chat(chat.clone()),
        Output::Partial { item, text, thinking } => {
            Output::Partial { item: item.clone(), text: text.clone(), thinking: *thinking }
        }
        Output::Ask { key, request } => Output::Ask { key: *key, request: request.clone() },
        Output::Withdraw { key } => Output::Withdraw { key: *key },
        Output::Answer { id, output } => Output::Answer { id: *id, output: output.clone() },
        Output::Look(after) => Output::Look(*after),
        Output::Untaken { prompt } => Output::Untaken { prompt: prompt.clone() },
        Output::Tail(path) => Output::Tail(path.clone()),
        Output::State(state) => Output::State(state.clone()),
    }
}

fn somebody() -> Decider {
    Decider { device: None, label: "phone".into() }
}

fn allowed(answers: Vec<Vec<String>>) -> ApprovalState {
    ApprovalState::Allowed {
        by: somebody(),
        decided_at: 1,
        choice: None,
        text: None,
        answers,
        for_session: false,
        granted: None,
    }
}

fn chats(out: &[Output]) -> Vec<&Chat> {
    out.iter().filter_map(|output| if let Output::Chat(chat) = output { Some(chat) } else { None }).collect()
}

fn sent(out: &[Output]) -> Vec<Value> {
    let json = |output: &Output| match output {
        Output::Send(bytes) => {
            assert_eq!(bytes.iter().position(|b| *b == b'\n'), Some(bytes.len() - 1), "one line");
            Some(serde_json::from_slice(bytes).unwrap())
        }
        _ => None,
    };
    out.iter().filter_map(json).collect()
}

fn asks(out: &[Output]) -> Vec<(u64, Request)> {
    let ask = |output: &Output| match output {
        Output::Ask { key, request } => Some((*key, (**request).clone())),
        _ => None,
    };
    out.iter().filter_map(ask).collect()
}

fn withdrawn(out: &[Output]) -> Vec<u64> {
    let key = |output: &Output| match output {
        Output::Withdraw { key } => Some(*key),
        _ => None,
    };
    out.iter().filter_map(key).collect()
}

/// What hooks were answered: the hook, and what it is told.
fn answers(out: &[Output]) -> Vec<(u64, Value)> {
    let answer = |output: &Output| match output {
        Output::Answer { id, output } => Some((*id, serde_json::from_str(output).unwrap_or_default())),
        _ => None,
    };
    out.iter().filter_map(answer).collect()
}

fn brief(chat: &Chat) -> String {
    match chat {
        Chat::User { text, by, .. } => format!("user {text} {}", by.as_deref().unwrap_or("-")),
        Chat::Agent { text, .. } => format!("agent {text}"),
        Chat::Thinking { text, .. } => format!("thinking {text}"),
        Chat::Call { call, tool, .. } => format!("call {call} {}", tool.name),
        Chat::Result { call, outcome, text, .. } => format!("result {call} {outcome:?} {text:.30}"),
        Chat::Turn { outcome, cost, total, .. } => format!("turn {outcome:?} {cost:?} {total:?}"),
        Chat::Setup(setup) => format!("setup {}", setup.mode.as_deref().unwrap_or("-")),
        other => format!("{other:?}"),
    }
}

fn told(run: &Run) -> Vec<String> {
    run.chats().into_iter().map(brief).collect()
}

fn recorded(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/claude").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Lines of recordings, changed anywhere, and lines of anything.
fn lines() -> impl Strategy<Value = Vec<u8>> {
    let all: Vec<String> =
        ["control-allow.jsonl", "control-askuser.jsonl", "control-interrupt.jsonl", "control-plan.jsonl"]
            .iter()
            .flat_map(|name| recorded(name).lines().map(str::to_owned).collect::<Vec<_>>())
            .map(|line| serde_json::from_str::<Value>(&line).unwrap()["msg"].to_string())
            .chain(recorded("p-stream.jsonl").lines().map(str::to_owned))
            .chain(recorded("transcript-sample.jsonl").lines().map(str::to_owned))
            .chain(
                serde_json::from_str::<Vec<Value>>(&recorded("hooks-stdin.json"))
                    .unwrap()
                    .iter()
                    .map(Value::to_string),
            )
            .collect();
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let recorded = (prop::sample::select(all), changes, any::<prop::sample::Index>(), 0..10u8);
    prop_oneof![
        1 => any::<Vec<u8>>(),
        8 => recorded.prop_map(|(line, changes, end, cut)| {
            let mut line = line.into_bytes();
            for (at, byte) in changes {
                let at = at.index(line.len());
                line[at] = byte;
            }
            if cut == 0 {
                line.truncate(end.index(line.len()));
            }
            line
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn nothing_that_is_heard_is_an_allowance(lines in prop::collection::vec((lines(), 0..4u8), 0..30)) {
        let mut structured = Run::structured();
        let mut terminal = Run::terminal();
        let mut hooks = Vec::new();
        for (id, (line, how)) in (1..).zip(&lines) {
            structured.hear(match how {
                0 => Input::Interrupt,
                _ => Input::Line(line),
            });
            terminal.hear(if *how == 0 {
                Input::Tailed(line)
            } else {
                hooks.push(id);
                Input::Hook { id, input: line }
            });
        }
        terminal.hear(Input::Ended { exit: 0 });
        structured.hear(Input::Ended { exit: 0 });
        for out in [&structured.out, &terminal.out] {
            for message in sent(out) {
                prop_assert_ne!(&message["response"]["response"]["behavior"], "allow");
            }
            for chat in chats(out) {
                prop_assert!(serde_json::to_vec(chat).unwrap().len() <= MAX_CHAT);
            }
        }
        for (_, answer) in answers(&terminal.out) {
            prop_assert!(!answer.to_string().contains("allow\""), "{}", answer);
        }
        let mut answered: Vec<_> = answers(&terminal.out).iter().map(|(id, _)| *id).collect();
        answered.sort_unstable();
        prop_assert_eq!(answered, hooks, "every hook is answered once");
    }
}
