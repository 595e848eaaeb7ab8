//! Gemini in its terminal: its hooks, its titles, and the keys of its dialog.

use crate::replay::{allowed, denied, place, transcript};
use longrein_agent::Cursor;
use longrein_agent::adapter::{Adapter, Input, Looked, Output, Said};
use longrein_agent::gemini::hooks::Hooks;
use proptest::prelude::*;
use serde_json::{Value, json};
use session::message::{ApprovalState, Chat, Doing, Outcome, Request};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// What stands before the cursor in a composer in which nothing is typed.
const EMPTY: &str = " > ";
const READY: &str = "◇  Ready (project)";
const WORKING: &str = "✦  Working… (project)";
const ASKING: &str = "✋  Action Required (project)";

struct Run(Hooks);

impl Run {
    fn new() -> Self {
        Self(Hooks::new(place("/home/dev/project"), true, None))
    }

    /// One whose hooks run, and that waits for a prompt.
    fn ready() -> Self {
        let mut run = Self::new();
        run.hook(80, "SessionStart", &json!({}));
        run.title(READY);
        run
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

    /// Its terminal has this before the cursor, and has had it for a moment.
    fn looks(&mut self, before: &str) -> Vec<Output> {
        self.looks_at(before, 0)
    }

    fn looks_at(&mut self, before: &str, now: u64) -> Vec<Output> {
        let mut out = self.glances(before, now, false);
        out.extend(self.glances(before, now, false));
        out
    }

    /// Of several lines the first is further up.
    fn glances(&mut self, before: &str, now: u64, typing: bool) -> Vec<Output> {
        let above = ["────", "", " > first", ""].map(str::to_owned).to_vec();
        let cursor = Cursor { before: before.to_owned(), above, hears_focus: true };
        self.0.handle(Input::Looked(&Looked { cursor, typing, ..Looked::default() }), now);
        std::iter::from_fn(|| self.0.poll()).collect()
    }

    fn prompt(&mut self, id: &str, text: &str) -> Vec<Output> {
        let files = [PathBuf::from("/up/a.png")];
        let files = if text == "see" { &files[..] } else { &[] };
        self.hear(Input::Prompt { id, text, files, by: "phone" })
    }

    /// It has begun with this.
    fn begins(&mut self, text: &str) -> Vec<Output> {
        self.hook(90, "BeforeAgent", &json!({"prompt": text}))
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
    assert!(wants(&out).is_none_or(|(doing, _)| doing == Doing::NeedsYou));
    assert_eq!(keys(&run.allow(key)), "");
}

#[test]
fn what_the_desk_changes_and_is_asked_about_again_waits_for_nobody() {
    let mut run = Run::ready();
    run.asks(1, "make");
    run.title(ASKING);
    run.hear(Input::Typed);
    // Another call waits for its turn, and this one was changed in an editor.
    assert_eq!(answered(&run.asks(3, "make test")), [0; 0]);
    let details = json!({"type": "exec", "command": "make all"});
    let again = json!({"notification_type": "ToolPermission", "details": details});
    let out = run.hook(5, "Notification", &again);
    assert!(answered(&out) == [4, 5] && asked(&out).is_none(), "{out:?}");
    // Whatever stands now is not known: it is the desk's.
    assert_eq!(keys(&run.title(ASKING)), "");
    // Those that were let go stand one after the other: no key is pressed into one that nobody was shown.
    run.title(WORKING);
    let out = run.asks(6, "make clean");
    assert!(answered(&out) == [7] && asked(&out).is_none(), "{out:?}");
    // Once it does nothing, all is as before.
    run.title(READY);
    assert!(asked(&run.asks(8, "make clean")).is_some());
}

#[test]
fn what_was_answered_from_here_is_not_the_desks_and_the_next_is_asked_here_too() {
    let mut run = Run::ready();
    let (key, _) = asked(&run.asks(1, "make")).map(|(key, request)| (key, request.clone())).unwrap();
    run.title(ASKING);
    assert_eq!(keys(&run.allow(key)), "1");
    // Its title is told late.
    assert_eq!(answered(&run.asks(3, "make")), [0; 0]);
    let out = run.title(WORKING);
    assert!(answered(&out) == [4] && asked(&out).is_some(), "{out:?}");
}

#[test]
fn a_dialog_that_stood_too_short_to_be_seen_holds_up_nothing() {
    let mut run = Run::ready();
    run.title(WORKING);
    let (key, _) = asked(&run.asks(1, "make")).map(|(key, request)| (key, request.clone())).unwrap();
    // The desk answered it at once.
    run.title(WORKING);
    assert_eq!(answered(&run.asks(3, "make test")), [0; 0]);
    assert_eq!(answered(&run.looks_at("", 9_000)), [0; 0]);
    let out = run.looks_at("", 10_000);
    assert!(answered(&out) == [4] && asked(&out).is_none() && withdrawn(&out), "{out:?}");
    assert_eq!(keys(&run.allow(key)), "", "it is another's dialog");
    assert_eq!(keys(&run.title(ASKING)), "");
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
    assert_eq!(keys(&run.looks(EMPTY)), "\x1b[200~Not allowed: !rm -rf x use y[201~ \x1b[201~");
    assert_eq!(keys(&run.looks(" > not allowed: !rm -rf x use y[201~")), "\r");
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

fn said(out: &[Output]) -> Vec<(String, Option<String>)> {
    let user = |output: &Output| match output {
        Output::Chat(Chat::User { text, by, prompt, .. }) => {
            assert_eq!(by.is_some(), prompt.is_some());
            Some((text.clone(), prompt.clone()))
        }
        _ => None,
    };
    out.iter().filter_map(user).collect()
}

fn untaken(out: &[Output]) -> Option<(&str, &str)> {
    match out {
        [.., Output::Chat(Chat::Note { text }), Output::Untaken { prompt }]
        | [.., Output::Chat(Chat::Note { text }), Output::Untaken { prompt }, Output::State(_)] => {
            Some((text, prompt))
        }
        _ => None,
    }
}

fn wants(out: &[Output]) -> Option<(Doing, &str)> {
    out.iter().rev().find_map(|output| match output {
        Output::State(state) => Some((state.doing, state.wants.as_str())),
        _ => None,
    })
}

const TYPED: &str = "\x1b[200~go on \x1b[201~";
const GO_ON: &str = " > go on ";

/// A prompt that was pasted, and is not seen yet.
fn pasted() -> Run {
    let mut run = Run::ready();
    run.prompt("s.1", "go on");
    assert_eq!(keys(&run.looks(EMPTY)), TYPED);
    run
}

/// One that was sent off, and is Gemini's as far as is seen.
fn sent() -> Run {
    let mut run = pasted();
    assert_eq!(keys(&run.looks(GO_ON)), "\r");
    assert_eq!(wants(&run.looks(EMPTY)), Some((Doing::Working, "")));
    run
}

#[test]
fn a_prompt_is_sent_off_once_it_is_shown_and_said_when_gemini_has_it() {
    let mut run = Run::ready();
    assert!(run.0.types_prompts() && run.0.takes_prompt());
    let out = run.prompt("s.1", "see");
    assert!(out.contains(&Output::Look(Duration::ZERO)), "{out:?}");
    assert!(!run.0.takes_prompt());
    assert_eq!(keys(&run.glances(EMPTY, 0, false)), "", "it may be being drawn");
    assert_eq!(keys(&run.glances(EMPTY, 0, true)), "", "somebody types");
    assert_eq!(keys(&run.glances(EMPTY, 0, false)), "\x1b[200~see\n/up/a.png \x1b[201~");
    assert_eq!(keys(&run.looks(EMPTY)), "", "it is read later");
    assert_eq!(keys(&run.glances("   /up/a.p", 0, false)), "");
    assert_eq!(
        keys(&run.glances("   /up/a.png ", 0, false)),
        "",
        "an Enter right behind it would be a line of it"
    );
    assert_eq!(keys(&run.glances("   /up/a.png ", 0, true)), "");
    assert_eq!(keys(&run.glances("   /up/a.png ", 0, false)), "\r");
    for now in 0..100 {
        assert_eq!(keys(&run.looks_at("   /up/a.png ", now * 1000)), "", "it may not have been read yet");
    }
    // It was a line after all.
    assert_eq!(keys(&run.looks("   ")), "\r");
    assert_eq!(wants(&run.looks(EMPTY)), Some((Doing::Working, "")));
    assert_eq!(said(&run.begins("see\n/up/a.png\n")), [("see".to_owned(), Some("s.1".to_owned()))]);
    assert_eq!(said(&run.begins("another")), [("another".to_owned(), None)]);
    run.title(WORKING);
    assert!(!run.0.takes_prompt());
}

#[test]
fn nothing_is_typed_where_something_else_stands() {
    // At the edge where it asks whether a folder is to be trusted; in a field of some dialog; behind what somebody types;
    // where it would be a command.
    for (elsewhere, edge) in [
        ("", true),
        ("│ > ", true),
        (" > a draft", false),
        ("   and more", false),
        (" ! ", true),
        (" ! ls", true),
    ] {
        let mut run = Run::ready();
        run.prompt("s.1", "go on");
        let focus = if edge { "\x1b[I" } else { "" };
        assert_eq!(keys(&run.looks(elsewhere)), focus, "{elsewhere:?}");
        let out = run.looks_at(elsewhere, 10_000);
        assert_eq!(keys(&out), "", "{elsewhere:?}");
        assert_eq!(wants(&out).map(|(doing, _)| doing), Some(Doing::NeedsYou), "{elsewhere:?}");
        let out = run.looks_at(EMPTY, 3_600_000);
        assert_eq!(keys(&out), TYPED);
        assert_eq!(wants(&out), Some((Doing::Idle, "")), "it is idle again");
    }
    for title in [WORKING, ASKING, "vim"] {
        let mut run = Run::ready();
        run.prompt("s.1", "go on");
        run.title(title);
        assert_eq!(keys(&run.looks(EMPTY)) + &keys(&run.looks("")), "", "{title}");
    }
    // One without titles has its terminal alone.
    let mut silent = Run::new();
    silent.prompt("s.1", "go on");
    assert_eq!(keys(&silent.looks(EMPTY)), TYPED);
}

#[test]
fn it_is_stopped_by_the_key_that_does_not_end_it_and_where_it_does_something_alone() {
    let mut run = pasted();
    assert_eq!(keys(&run.hear(Input::Interrupt)), "", "it would clear what is typed");
    let mut run = sent();
    assert_eq!(keys(&run.hear(Input::Interrupt)), "\x1b");
    let out = run.looks_at(EMPTY, 10_000);
    assert!(untaken(&out).unwrap().0.contains("was stopped"));
    run.title(WORKING);
    assert_eq!(keys(&run.hear(Input::Interrupt)), "\x1b");
    assert_eq!(keys(&run.looks_at("", 1499)), "");
    assert_eq!(keys(&run.looks_at("", 1500)), "\x1b", "the first one went to its composer");
    assert_eq!(keys(&run.looks_at("", 9000)), "");
    assert_eq!(keys(&run.hear(Input::Interrupt)), "\x1b");
    run.title(READY);
    run.title(WORKING);
    assert_eq!(keys(&run.looks_at("", 9000)), "", "that is another turn");
    run.asks(1, "ls");
    run.title(ASKING);
    let out = run.hear(Input::Interrupt);
    assert!(withdrawn(&out) && keys(&out) == "\x1b");
    run.title(READY);
    assert_eq!(keys(&run.hear(Input::Interrupt)), "");
    run.prompt("s.2", "go on");
    assert_eq!(untaken(&run.hear(Input::Interrupt)).unwrap().1, "s.2");
    assert_eq!(keys(&Run::new().hear(Input::Interrupt)), "\x03", "nothing is known of it");
}

#[test]
fn enter_is_pressed_into_nothing_but_the_composer() {
    let mut run = pasted();
    assert_eq!(keys(&run.looks("")), "\x1b[I", "a dialog came");
    assert_eq!(keys(&run.looks_at("", 60_000)), "");
    assert_eq!(keys(&run.looks(" ! go on ")), "", "its shell would run it");
    run.title(ASKING);
    assert_eq!(keys(&run.looks(GO_ON)), "");
    run.title(READY);
    assert_eq!(keys(&run.looks(GO_ON)), "\r");
    assert_eq!(keys(&run.looks_at("", 2000)), "\x1b[I", "such as whether a file may be read");
    assert_eq!(wants(&run.looks_at("", 60_000)).unwrap().0, Doing::NeedsYou);
    assert_eq!(said(&run.begins("go on")).len(), 1);
    // One that has it as far as was seen.
    let mut run = sent();
    assert_eq!(wants(&run.looks_at("", 60_000)).unwrap().0, Doing::NeedsYou);
}

#[test]
fn a_prompt_that_gemini_does_not_take_is_said_to_be_none() {
    let mut run = pasted();
    assert_eq!(untaken(&run.looks_at(EMPTY, 59_999)), None);
    let out = run.looks_at(EMPTY, 60_000);
    let (why, prompt) = untaken(&out).unwrap();
    assert!(prompt == "s.1" && why.contains("does not show it: go on"), "{why}");
    assert!(run.0.takes_prompt());

    let mut run = pasted();
    run.looks(GO_ON);
    assert!(untaken(&run.looks_at(GO_ON, 120_000)).unwrap().0.contains("does not take it"));

    let mut run = pasted();
    run.looks(GO_ON);
    assert_eq!(untaken(&run.looks_at(" > go on@src/", 999)), None);
    assert!(untaken(&run.looks_at(" > go on@src/", 1000)).unwrap().0.contains("otherwise"));

    let mut run = sent();
    assert_eq!(untaken(&run.looks_at(" > a draft", 119_999)), None);
    assert!(untaken(&run.looks_at(" > a draft", 120_000)).unwrap().0.contains("has not said"));
    assert_eq!(said(&run.begins("go on")), [("go on".to_owned(), None)], "it has it after all");
}

#[test]
fn what_is_said_at_the_desk_is_not_taken_for_a_prompt() {
    for mut run in [pasted(), sent()] {
        assert_eq!(said(&run.begins("let's go online")), [("let's go online".to_owned(), None)]);
        assert!(!run.0.takes_prompt());
        // It waited with another.
        let both = "at the desk\n\ngo  on";
        assert_eq!(said(&run.begins(both)), [(both.to_owned(), Some("s.1".to_owned()))]);
        assert!(run.0.takes_prompt());
    }
    let mut run = Run::ready();
    run.prompt("s.1", "read @a");
    run.looks(EMPTY);
    run.looks(" > read @a ");
    run.looks(EMPTY);
    let read = "read @a\n--- Content from referenced files ---\nall of it";
    assert_eq!(said(&run.begins(read)), [("read @a".to_owned(), Some("s.1".to_owned()))]);
}

#[test]
fn a_no_is_explained_before_what_waits() {
    let mut run = Run::ready();
    run.prompt("s.1", "go on");
    let out = run.asks(1, "ls");
    let (key, _) = asked(&out).unwrap();
    run.title(ASKING);
    run.hear(Input::Decided { key, state: &denied(Some("no")) });
    run.title(READY);
    assert_eq!(keys(&run.looks(EMPTY)), "\x1b[200~Not allowed: no \x1b[201~");
    run.looks(" > Not allowed: no ");
    run.looks(EMPTY);
    assert_eq!(said(&run.begins("Not allowed: no")), [("Not allowed: no".to_owned(), None)]);
    assert!(!run.0.takes_prompt());
    assert_eq!(keys(&run.looks(EMPTY)), TYPED);
}

#[test]
fn a_command_of_gemini_is_said_once_it_is_sent_off() {
    for (said_as, typed) in [("/etc/hosts is odd", "/etc/hosts is odd"), ("\n/clear", "/clear")] {
        let mut run = Run::ready();
        run.prompt("s.1", said_as);
        assert_eq!(
            keys(&run.looks(EMPTY)),
            format!("\x1b[200~{typed}\x1b[201~"),
            "nothing is completed behind a blank"
        );
        run.looks(&format!(" > {typed}"));
        assert_eq!(said(&run.looks(EMPTY)), [(said_as.to_owned(), Some("s.1".to_owned()))]);
        assert!(run.0.takes_prompt());
        assert_eq!(said(&run.begins(typed)), [], "it was none");
        assert_eq!(said(&run.begins(typed)).len(), 1);
    }
    let mut run = Run::ready();
    run.prompt("s.1", "/help");
    run.looks(EMPTY);
    run.looks(" > /help");
    run.looks(EMPTY);
    assert_eq!(said(&run.begins("what does /help do")).len(), 1, "that is another");
    run.prompt("s.2", "and /help me");
    assert_eq!(said(&run.begins("/help")).len(), 1, "long after");

    let mut run = Run::ready();
    run.prompt("s.1", "// not one");
    assert_eq!(keys(&run.looks(EMPTY)), "\x1b[200~// not one \x1b[201~");

    let mut silent = Run::new();
    silent.title(READY);
    silent.prompt("s.1", "go on");
    silent.looks(EMPTY);
    silent.looks(GO_ON);
    assert_eq!(said(&silent.looks(EMPTY)).len(), 1, "its hooks do not run where it trusts nothing");
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
