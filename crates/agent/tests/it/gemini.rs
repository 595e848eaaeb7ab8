//! Gemini in its terminal: its hooks, its titles, and the keys of its dialog.

use crate::replay::{allowed, denied, place, transcript};
use longrein_agent::adapter::{Adapter, Input, Output, Said};
use longrein_agent::gemini::hooks::Hooks;
use proptest::prelude::*;
use serde_json::{Value, json};
use session::message::{ApprovalState, Chat, Doing, Outcome, Request};
use std::collections::BTreeSet;

const READY: &str = "◇  Ready (project)";
const WORKING: &str = "✦  Working… (project)";
const ASKING: &str = "✋  Action Required (project)";

struct Run(Hooks);

impl Run {
    fn new() -> Self {
        Self(Hooks::new(place("/home/dev/project"), true, None))
    }

    /// Hears something, and gives what is to be done for it.
    fn hear(&mut self, input: Input<'_>) -> Vec<Output> {
        self.0.handle(input, 0);
        std::iter::from_fn(|| self.0.poll()).collect()
    }

    fn hook(&mut self, id: u64, event: &str, more: &Value) -> Vec<Output> {
        let mut hook = json!({"session_id": "s", "cwd": "/home/dev/project", "hook_event_name": event});
        hook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.hear(Input::Hook { id, input: hook.to_string().as_bytes() })
    }

    /// A command is about to run, and its dialog is about to come.
    fn asks(&mut self, id: u64, command: &str) -> Vec<Output> {
        let tool = json!({"tool_name": "run_shell_command", "tool_input": {"command": command}});
        self.hook(id, "BeforeTool", &tool);
        let details = json!({"type": "exec", "command": command});
        self.hook(id + 1, "Notification", &json!({"notification_type": "ToolPermission", "details": details}))
    }

    fn title(&mut self, title: &str) -> Vec<Output> {
        self.hear(Input::Said(&Said::Title(title.to_owned())))
    }

    fn allow(&mut self, key: u64) -> Vec<Output> {
        self.hear(Input::Decided { key, state: &allowed() })
    }
}

fn asked(out: &[Output]) -> Option<(u64, &Request)> {
    out.iter().find_map(|output| match output {
        Output::Ask { key, request } => Some((*key, &**request)),
        _ => None,
    })
}

fn answered(out: &[Output]) -> Vec<u64> {
    let answer = |output: &Output| match output {
        Output::Answer { id, output } => {
            assert_eq!(output, "", "no hook says anything");
            Some(*id)
        }
        _ => None,
    };
    out.iter().filter_map(answer).collect()
}

fn keys(out: &[Output]) -> String {
    let sent = |output: &Output| match output {
        Output::Send(keys) => Some(String::from_utf8(keys.clone()).unwrap()),
        Output::Enter => Some("\r".to_owned()),
        _ => None,
    };
    out.iter().filter_map(sent).collect()
}

fn withdrawn(out: &[Output]) -> bool {
    out.iter().any(|output| matches!(output, Output::Withdraw { .. }))
}

#[test]
fn what_was_recorded_is_the_chat_and_asks_once_for_each_dialog() {
    let mut run = Run::new();
    let (mut chats, mut requests) = (Vec::new(), Vec::new());
    for (id, line) in (0..).zip(transcript("gemini/hooks.jsonl").lines()) {
        let mut out = run.hear(Input::Hook { id, input: line.as_bytes() });
        assert_eq!(answered(&out), [id]);
        if let Some((key, request)) = asked(&out) {
            requests.push(request.clone());
            out.extend(run.title(ASKING));
            let pressed = run.allow(key);
            assert_eq!(keys(&pressed), "1");
            out.extend(run.title(WORKING));
        }
        chats.extend(out.into_iter().filter_map(|output| match output {
            Output::Chat(chat) => Some(chat),
            _ => None,
        }));
    }
    let [run, write] = &requests[..] else { panic!("{requests:?}") };
    let command = run.tool.as_ref().unwrap().command.as_deref();
    assert_eq!(command, Some("touch made_by_agent.txt && echo hello-from-tool"));
    let change = &write.tool.as_ref().unwrap().changes[0];
    assert_eq!(
        (change.path.as_str(), change.new.as_deref()),
        ("/home/dev/project/note.txt", Some("one\ntwo\n"))
    );
    let said = |chat: &Chat| match chat {
        Chat::Setup(_) => "setup",
        Chat::User { .. } => "user",
        Chat::Call { .. } => "call",
        Chat::Result { outcome: Outcome::Done, .. } => "done",
        Chat::Agent { .. } => "agent",
        Chat::Turn { .. } => "turn",
        _ => "other",
    };
    let one = ["setup", "user", "call", "done", "agent", "turn"];
    assert_eq!(chats.iter().map(said).collect::<Vec<_>>(), [one, one].concat());
}

#[test]
fn a_key_is_pressed_once_the_dialog_stands_and_not_again() {
    let mut run = Run::new();
    let out = run.asks(1, "ls");
    let (key, _) = asked(&out).unwrap();
    assert_eq!(keys(&run.allow(key)), "", "it is not there yet");
    assert_eq!(keys(&run.title(ASKING)), "1");
    assert_eq!(keys(&run.allow(key)), "");
    assert_eq!(keys(&run.title(ASKING)), "");
}

#[test]
fn the_next_dialog_waits_until_this_one_is_gone() {
    let mut run = Run::new();
    let out = run.asks(1, "ls");
    let (first, _) = asked(&out).unwrap();
    run.title(ASKING);
    let out = run.asks(3, "rm x");
    assert_eq!((answered(&out), asked(&out)), (vec![], None));
    assert_eq!(keys(&run.allow(first)), "1");
    let out = run.title(WORKING);
    assert_eq!(answered(&out), [4]);
    assert_eq!(asked(&out).unwrap().1.tool.as_ref().unwrap().command.as_deref(), Some("rm x"));
    // Where it cannot be held, the one that stands may be either.
    run.title(ASKING);
    run.asks(5, "ls -a");
    assert!(withdrawn(&run.hear(Input::HookGone { id: 6 })));
}

#[test]
fn whoever_types_has_the_dialog() {
    let mut run = Run::new();
    let out = run.asks(1, "ls");
    let (key, _) = asked(&out).unwrap();
    run.title(ASKING);
    let out = run.hear(Input::Typed);
    assert!(withdrawn(&out));
    let wants = |output: &Output| matches!(output, Output::State(state) if state.doing == Doing::NeedsYou);
    assert!(!out.iter().any(|output| matches!(output, Output::State(_)) && !wants(output)));
    assert_eq!(keys(&run.allow(key)), "");
}

#[test]
fn a_no_cancels_and_is_explained_once_it_is_idle() {
    let mut run = Run::new();
    let out = run.asks(1, "ls");
    let (key, _) = asked(&out).unwrap();
    run.title(ASKING);
    let state = denied(Some("!rm -rf x\nuse y\x1b[201~"));
    assert_eq!(keys(&run.hear(Input::Decided { key, state: &state })), "\x1b");
    let out = run.title(READY);
    assert_eq!(keys(&out), "\x1b[200~Not allowed: !rm -rf x use y[201~\x1b[201~\r");
    let denied =
        |output: &Output| matches!(output, Output::Chat(Chat::Result { outcome: Outcome::Denied, .. }));
    assert!(out.iter().any(denied));
}

#[test]
fn what_is_not_exactly_what_was_told_of_is_asked_at_the_desk_alone() {
    let tool = json!({"tool_name": "run_shell_command", "tool_input": {"command": "ls"}});
    for details in [
        json!({"type": "exec", "command": "ls; rm x"}),
        json!({"type": "edit", "filePath": "/home/dev/project/x", "newContent": "y"}),
        json!({"type": "info"}),
        json!({"type": "sandbox_expansion", "command": "ls"}),
        json!(null),
    ] {
        let mut run = Run::new();
        run.hook(1, "BeforeTool", &tool);
        let notification = json!({"notification_type": "ToolPermission", "details": details});
        let out = run.hook(2, "Notification", &notification);
        assert_eq!((answered(&out), asked(&out)), (vec![2], None), "{details}");
    }
    let mut unknown = Run(Hooks::new(place("/home/dev/project"), false, None));
    assert_eq!(asked(&unknown.asks(1, "ls")), None, "keys of another version are not known");
    // A dialog that nobody told of stands there.
    let mut run = Run::new();
    run.title(ASKING);
    assert_eq!(asked(&run.asks(1, "ls")), None);
}

#[derive(Clone, Debug)]
enum Step {
    Recorded(usize, Vec<(usize, u8)>),
    Title(usize),
    Typed,
    Gone(u64),
    Yes(u64),
    No(u64),
    Ended,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (any::<usize>(), prop::collection::vec(any::<(usize, u8)>(), 0..2)).prop_map(|(n, flips)| Step::Recorded(n, flips)),
        6 => (0..4usize).prop_map(Step::Title),
        1 => Just(Step::Typed),
        1 => (0..60u64).prop_map(Step::Gone),
        4 => (0..6u64).prop_map(Step::Yes),
        2 => (0..6u64).prop_map(Step::No),
        1 => Just(Step::Ended),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_gemini_says_no_key_allows_anything_but_what_a_person_was_shown(steps in steps()) {
        let recorded = transcript("gemini/hooks.jsonl");
        let lines: Vec<_> = recorded.lines().collect();
        let mut run = Run::new();
        // What may be decided, and what a person said yes to whose key was not pressed.
        let (mut open, mut yes, mut asking) = (BTreeSet::new(), 0, false);
        for (id, step) in (0..).zip(steps) {
            let out = match step {
                Step::Recorded(n, flips) => {
                    let mut line = lines[n % lines.len()].as_bytes().to_vec();
                    for (at, byte) in flips {
                        let length = line.len();
                        line[at % length] = byte;
                    }
                    run.hear(Input::Hook { id, input: &line })
                }
                Step::Title(n) => {
                    asking = n == 3;
                    run.title([READY, WORKING, "vim", ASKING][n])
                }
                Step::Typed => {
                    yes = 0;
                    open.clear();
                    run.hear(Input::Typed)
                }
                Step::Gone(id) => run.hear(Input::HookGone { id }),
                Step::Yes(key) => {
                    yes += usize::from(open.remove(&key));
                    run.allow(key)
                }
                Step::No(key) => {
                    open.remove(&key);
                    run.hear(Input::Decided { key, state: &ApprovalState::Expired { decided_at: 0 } })
                }
                Step::Ended => run.hear(Input::Ended { exit: 0 }),
            };
            answered(&out);
            for output in &out {
                match output {
                    Output::Ask { key, .. } => {
                        prop_assert!(open.insert(*key) && open.len() == 1);
                        yes = 0;
                    }
                    Output::Withdraw { key } => {
                        open.remove(key);
                    }
                    Output::Send(key) if key == b"1" => {
                        prop_assert!(yes == 1 && asking, "{yes} {asking}");
                        yes = 0;
                    }
                    Output::Send(key) => prop_assert!(key == b"\x1b" && asking),
                    _ => {}
                }
            }
        }
    }
}
