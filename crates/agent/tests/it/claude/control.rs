//! Without a terminal.

use super::{Run, asks, chats, recorded, sent, told, withdrawn};
use longrein_agent::adapter::{Input, Output};
use serde_json::{Value, json};
use session::message::{ApprovalState, Chat, Doing, Outcome, Risk};
use std::path::PathBuf;

/// Plays a recording of the control protocol: what Claude said is heard, and what whoever was on the other side did is done
/// here, and has to be the same on the wire.
fn replay(name: &str) -> Run {
    let mut run = Run::new(true, &[]);
    let mut pending: Vec<(String, u64)> = Vec::new();
    for line in recorded(name).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let message = &line["msg"];
        if line["dir"] == "claude->host" {
            let out = run.line(message);
            assert_eq!(sent(&out), [Value::Null; 0], "{message}");
            for (key, _) in asks(&out) {
                pending.push((message["request_id"].as_str().unwrap().to_owned(), key));
            }
            continue;
        }
        let mut expected = message.clone();
        if expected["request"]["subtype"] == "interrupt" {
            // Names are ours to give.
            expected["request_id"] = "int-3".into();
        }
        let out = match (message["type"].as_str().unwrap(), message["request"]["subtype"].as_str()) {
            ("control_request", Some("initialize")) => run.hear(Input::Started),
            ("control_request", Some("interrupt")) => run.hear(Input::Interrupt),
            ("user", _) => {
                assert!(run.adapter.takes_prompt());
                run.prompt(message["message"]["content"][0]["text"].as_str().unwrap())
            }
            ("control_response", _) => {
                assert!(!run.adapter.takes_prompt());
                assert_eq!(run.state().doing, Doing::NeedsYou);
                let response = &message["response"];
                let (_, key) = pending.iter().find(|(id, _)| *id == response["request_id"]).unwrap();
                let decision = &response["response"];
                if decision["behavior"] == "allow" {
                    // What is allowed here is never allowed by Claude itself later.
                    let said = expected["response"]["response"].as_object_mut().unwrap();
                    said.remove("updatedPermissions");
                    let answers = decision["updatedInput"]["answers"].as_object();
                    let answer = |answer: &Value| vec![answer.as_str().unwrap().to_owned()];
                    run.allow(*key, answers.map(|all| all.values().map(answer).collect()).unwrap_or_default())
                } else {
                    // A no stops nothing but the call.
                    expected["response"]["response"]["interrupt"] = false.into();
                    run.deny(*key, decision["message"].as_str())
                }
            }
            other => panic!("{other:?}"),
        };
        let mut told = sent(&out);
        // So is a prompt's.
        told[0].as_object_mut().unwrap().remove("uuid");
        assert_eq!(told, [expected]);
    }
    run
}

const COMMAND: &str = "touch made_by_agent.txt && echo hello-from-tool";

#[test]
fn an_allowed_command_runs_with_the_input_that_was_shown() {
    for name in ["control-allow.jsonl", "control-slow150s.jsonl"] {
        let run = replay(name);
        assert_eq!(
            told(&run),
            [
                "setup default",
                "user run bash phone",
                "setup default",
                "agent I will run a command.",
                "call toolu_fake_2_0_0 Bash",
                "result toolu_fake_2_0_0 Done hello-from-tool",
                "agent Done. Tool said: hello-from-tool",
                "turn Done Some(1600) Some(1600)",
            ],
            "{name}"
        );
        let (_, request) = asks(&run.out).remove(0);
        let tool = request.tool.unwrap();
        assert_eq!((tool.command.as_deref(), request.risk), (Some(COMMAND), Risk::Normal));
        assert_eq!(request.scope.unwrap().pattern, COMMAND);
        assert!(run.adapter.takes_prompt());
        let state = run.state();
        assert_eq!((state.doing, state.turns, state.cost), (Doing::Idle, 1, Some(1600)));
        assert_eq!((state.name.as_str(), state.structured), ("claude", true));
        assert_eq!(state.last, "Done. Tool said: hello-from-tool");
    }
}

#[test]
fn what_claude_offers_to_allow_for_ever_is_not_taken() {
    let run = replay("control-always.jsonl");
    assert_eq!(
        run.chats()
            .iter()
            .filter(|chat| matches!(chat, Chat::Setup(s) if s.mode.as_deref() == Some("acceptEdits")))
            .count(),
        1
    );
}

#[test]
fn a_denial_and_its_reason_reach_the_agent() {
    let run = replay("control-deny.jsonl");
    assert!(told(&run).contains(&"result toolu_fake_2_0_0 Denied Phone said no".to_owned()));
    let run = replay("control-denyint.jsonl");
    assert!(told(&run).contains(&"turn Interrupted Some(800) Some(800)".to_owned()), "{:?}", told(&run));
}

#[test]
fn an_interruption_withdraws_what_waits() {
    let run = replay("control-interrupt.jsonl");
    assert_eq!(withdrawn(&run.out), [1]);
    let told = told(&run);
    assert!(told.iter().any(|line| line.starts_with("result toolu_fake_2_0_0 Interrupted")), "{told:?}");
    assert_eq!(told.last().unwrap(), "turn Interrupted Some(800) Some(800)");
    assert!(run.adapter.takes_prompt());
}

#[test]
fn questions_plans_and_files_are_asked_as_what_they_are() {
    let run = replay("control-askuser.jsonl");
    let (_, request) = asks(&run.out).remove(0);
    assert_eq!(request.question, "Which colour?");
    let choices: Vec<_> =
        request.questions[0].choices.iter().map(|c| (c.id.as_str(), c.about.as_str())).collect();
    assert_eq!(choices, [("Red", "warm"), ("Blue", "cold")]);
    assert_eq!(request.scope, None);

    // What is asked is empty; the plan was in the call before it.
    let run = replay("control-plan.jsonl");
    let (_, request) = asks(&run.out).remove(0);
    assert_eq!(request.plan.as_deref(), Some("1. Do A\n2. Do B"));

    let run = replay("control-write.jsonl");
    let (_, request) = asks(&run.out).remove(0);
    let tool = request.tool.unwrap();
    assert_eq!(
        (tool.changes[0].path.as_str(), tool.changes[0].new.as_deref()),
        ("/home/dev/src/w_ans/note.txt", Some("one\ntwo\n"))
    );
}

#[test]
fn what_is_said_just_now_is_the_beginning_of_what_is_said() {
    let mut run = Run::structured();
    for line in recorded("p-stream.jsonl").lines() {
        run.hear(Input::Line(line.as_bytes()));
    }
    let mut agents = 0;
    for chat in run.chats() {
        let Chat::Agent { item: Some(item), text, .. } = chat else { continue };
        let said = |output: &Output| match output {
            Output::Partial { item: of, text, thinking: false } if of == item => Some(text.clone()),
            _ => None,
        };
        assert_eq!(run.out.iter().filter_map(said).collect::<String>(), *text);
        agents += 1;
    }
    assert_eq!(agents, 2);
    assert!(
        told(&run).iter().all(|line| !line.starts_with("Unknown") && !line.starts_with("Note")),
        "{:?}",
        told(&run)
    );
}

fn question(id: &str, command: &str) -> Value {
    json!({"type": "control_request", "request_id": id, "request": {
        "subtype": "can_use_tool", "tool_name": "Bash", "input": {"command": command}, "tool_use_id": format!("t-{id}"),
    }})
}

fn result(total: f64) -> Value {
    json!({"type": "result", "subtype": "success", "is_error": false, "total_cost_usd": total, "duration_ms": 5})
}

#[test]
fn a_turn_costs_what_was_added_and_after_a_resume_only_the_whole_is_known() {
    let turns = |run: &Run| -> Vec<String> {
        told(run).into_iter().filter(|line| line.starts_with("turn")).collect()
    };
    let mut run = Run::structured();
    for total in [0.0008, 0.002_001, 0.001] {
        run.line(&result(total));
    }
    assert_eq!(
        turns(&run),
        ["turn Done Some(800) Some(800)", "turn Done Some(1201) Some(2001)", "turn Done None Some(1000)"]
    );
    let mut run = Run::new(true, &["--resume", "x"]);
    run.hear(Input::Started);
    run.line(&result(0.5));
    run.line(&result(0.75));
    assert_eq!(turns(&run), ["turn Done None Some(500000)", "turn Done Some(250000) Some(750000)"]);
}

#[test]
fn a_failed_turn_says_why() {
    let mut run = Run::structured();
    run.prompt("hi");
    run.line(&json!({"type": "result", "subtype": "success", "is_error": true, "result": "API Error: 529"}));
    run.line(&json!({"type": "result", "subtype": "error_max_turns", "is_error": true}));
    run.prompt("hi");
    run.line(&question("q", "ls"));
    let out = run.hear(Input::Ended { exit: 7 });
    assert_eq!(withdrawn(&out), [1]);
    assert!(!run.adapter.takes_prompt());
    let errors: Vec<_> = run
        .chats()
        .into_iter()
        .filter_map(|chat| match chat {
            Chat::Turn { outcome: Outcome::Failed, error, .. } => error.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!(errors, ["API Error: 529", "error max turns", "claude has ended with exit status 7"]);
    assert_eq!(run.state().doing, Doing::Unknown);
    assert_eq!(run.allow(1, vec![]), [], "nothing is allowed of what is over");
}

#[test]
fn files_come_as_their_paths() {
    let mut run = Run::structured();
    let files = [PathBuf::from("/tmp/a b.png")];
    let out = run.hear(Input::Prompt { id: "p1", text: "see", files: &files, by: "phone" });
    assert_eq!(
        sent(&out)[0]["message"]["content"][0]["text"],
        "see\n\nFiles that come with this:\n/tmp/a b.png"
    );
    assert!(
        matches!(chats(&out)[0], Chat::User { text, files, .. } if text == "see" && files == &["/tmp/a b.png"])
    );
}

#[test]
fn each_question_is_answered_once_and_everything_but_a_yes_is_a_no() {
    let mut run = Run::structured();
    run.prompt("hi");
    let (first, _) = asks(&run.line(&question("a", "ls"))).remove(0);
    assert_eq!(asks(&run.line(&question("a", "rm -rf /"))), [], "a name that is in use is not asked again");
    let (second, request) = asks(&run.line(&question("b", "sudo ls"))).remove(0);
    assert_eq!((request.risk, request.scope), (Risk::Dangerous, None));
    let out = run.allow(first, vec![]);
    assert_eq!(
        sent(&out)[0]["response"]["response"],
        json!({"behavior": "allow", "updatedInput": {"command": "ls"}})
    );
    assert_eq!(run.allow(first, vec![]), [], "and not allowed again");
    assert_eq!(run.allow(99, vec![]), []);
    let over = [
        ApprovalState::Expired { decided_at: 1 },
        ApprovalState::Withdrawn { decided_at: 1 },
        ApprovalState::Pending,
    ];
    let mut key = second;
    for (n, state) in over.iter().enumerate() {
        let out = run.hear(Input::Decided { key, state });
        assert_eq!(sent(&out)[0]["response"]["response"]["behavior"], "deny", "{state:?}");
        key = asks(&run.line(&question(&format!("c{n}"), "ls"))).remove(0).0;
    }
    run.line(&json!({"type": "control_cancel_request", "request_id": "c2"}));
    assert_eq!(run.allow(key, vec![]), [], "what Claude took back is not allowed");
    let (key, _) = asks(&run.line(&question("d", "ls"))).remove(0);
    let out = run.hear(Input::Unasked { key, why: "There are too many." });
    let said = &sent(&out)[0]["response"]["response"];
    assert_eq!((&said["behavior"], &said["message"]), (&json!("deny"), &json!("There are too many.")));
}

#[test]
fn what_asks_in_an_unknown_way_is_refused_and_does_not_hang() {
    let mut run = Run::structured();
    for request in [
        json!({"subtype": "can_use_tool"}),
        json!({"subtype": "can_use_tool", "tool_name": "Bash"}),
        json!({"subtype": "can_use_tool", "tool_name": "Bash", "input": "ls"}),
        json!({"subtype": "can_use_tool", "tool_name": 5, "input": {}}),
    ] {
        let out = run.line(&json!({"type": "control_request", "request_id": "x", "request": request}));
        assert_eq!(sent(&out)[0]["response"]["response"]["behavior"], "deny", "{request}");
        let kept = |chat: &&Chat| matches!(chat, Chat::Unknown { json } if json["request"] == request);
        assert_eq!(chats(&out).into_iter().filter(kept).count(), 1, "{request}");
    }
    let out = run.line(&json!({"type": "control_request", "request_id": "x", "request": {"subtype": "new"}}));
    assert_eq!(sent(&out)[0]["response"]["subtype"], "error");
    assert!(matches!(chats(&out)[..], [Chat::Unknown { .. }]), "it is kept");
    for n in 0..64 {
        assert_eq!(asks(&run.line(&question(&n.to_string(), "ls"))).len(), 1);
    }
    let out = run.line(&question("64", "ls"));
    assert_eq!(sent(&out)[0]["response"]["response"]["behavior"], "deny", "there is no room for more");
}

#[test]
fn modes_and_models_are_set_and_the_answer_is_shown() {
    let mut run = Run::structured();
    let out = run.hear(Input::Configure { mode: Some("plan"), model: Some("opus") });
    let requests: Vec<_> = sent(&out).into_iter().map(|message| message["request"].clone()).collect();
    assert_eq!(
        requests,
        [
            json!({"subtype": "set_permission_mode", "mode": "plan"}),
            json!({"subtype": "set_model", "model": "opus"})
        ]
    );
    let answer = |id: &str, response: Value| json!({"type": "control_response", "response": {"subtype": "success", "request_id": id, "response": response}});
    run.line(&answer("set-2", json!({"mode": "plan"})));
    run.line(&answer("set-3", json!({"model": "claude-opus"})));
    let setup = match run.chats().pop() {
        Some(Chat::Setup(setup)) => setup.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((setup.mode.as_deref(), setup.model.as_deref()), (Some("plan"), Some("claude-opus")));
    assert!(setup.modes.iter().any(|mode| mode.id == "default"));
    let error = json!({"subtype": "error", "request_id": "set-3", "error": "no such mode"});
    run.line(&json!({"type": "control_response", "response": error}));
    assert_eq!(
        told(&run).pop().unwrap(),
        r#"Note { text: "claude did not do what it was told: no such mode" }"#
    );
}

#[test]
fn what_is_not_understood_is_told_a_few_times_and_stops_nothing() {
    let mut run = Run::structured();
    run.hear(Input::Line(b"Debugger attached."));
    run.hear(Input::Overlong(100_000_000));
    run.hear(Input::Line("[".repeat(100_000).as_bytes()));
    run.hear(Input::Line(b"\xff\xfe{}"));
    run.line(&json!({"type": "brand_new", "x": 1}));
    run.line(&json!({"type": "keep_alive"}));
    run.line(&json!({"type": "command_lifecycle", "command_uuid": "?", "state": "started"}));
    run.line(&json!({"type": "system", "subtype": "hook_started"}));
    run.hear(Input::Line(b"  "));
    let told_so_far = told(&run);
    assert_eq!(told_so_far.len(), 5, "{told_so_far:?}");
    assert!(told_so_far[0].contains("no JSON: Debugger attached."));
    assert!(told_so_far[4].contains("Unknown"));
    for _ in 0..1000 {
        run.hear(Input::Line(b"x"));
    }
    assert!(told(&run).len() < 25);
    // Results of calls that nobody made, and answers to what nobody asked, are shown or passed over.
    run.line(&json!({"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "?", "content": "x"}]}}));
    run.line(&json!({"type": "control_response", "response": {"subtype": "success", "request_id": "?"}}));
    run.line(&json!({"type": "control_cancel_request", "request_id": "?"}));
    assert!(run.adapter.takes_prompt());
}

#[test]
fn what_is_said_late_begins_no_turn_and_keeps_no_prompt_waiting() {
    let mut run = Run::structured();
    let said = json!({"type": "assistant", "message": {"id": "m", "content": [{"type": "text", "text": "One more"}]}});
    run.prompt("Go on");
    run.line(&said);
    assert_eq!(run.state().doing, Doing::Working);
    run.line(&result(0.1));
    run.line(&said);
    assert_eq!(run.state().doing, Doing::Idle);
    assert!(run.adapter.takes_prompt());
    assert!(
        told(&run).iter().filter(|line| line.contains("One more")).count() == 2,
        "it is told all the same"
    );
    // One of its own, such as of work that was done in the background.
    run.line(&json!({"type": "system", "subtype": "init", "session_id": "s"}));
    run.line(&said);
    assert_eq!(run.state().doing, Doing::Working);
    run.line(&result(0.2));
    assert!(run.adapter.takes_prompt());
}

fn init() -> Value {
    json!({"type": "system", "subtype": "init", "session_id": "s"})
}

fn says(text: &str) -> Value {
    json!({"type": "assistant", "message": {"id": "m", "content": [{"type": "text", "text": text}]}})
}

#[test]
fn a_turn_that_nobody_asked_for_is_one_from_its_beginning_on() {
    let mut run = Run::structured();
    run.line(&init());
    assert!(run.adapter.takes_prompt(), "who Claude is begins no turn");
    run.prompt("hi");
    run.line(&result(0.1));
    // What ran in the background is done.
    run.line(&init());
    assert_eq!((run.state().doing, run.adapter.takes_prompt()), (Doing::Working, false));
    run.line(&says("It is done"));
    run.line(&result(0.2));
    assert!(run.adapter.takes_prompt());
    // One that never ends is not waited for by whoever has interrupted it.
    run.line(&init());
    let asked = sent(&run.hear(Input::Interrupt)).remove(0);
    let done =
        json!({"subtype": "success", "request_id": asked["request_id"], "response": {"still_queued": []}});
    run.line(&json!({"type": "control_response", "response": done}));
    assert!(run.adapter.takes_prompt());
    run.prompt("hi");
    run.line(&json!({"type": "result", "subtype": "error_max_turns", "is_error": true}));
    assert_eq!(told(&run).pop().unwrap(), "turn Failed None None", "it was another turn");
}

/// In a conversation where Claude says of prompts what becomes of them, as it does since 2.1.
struct Second {
    run: Run,
    name: Value,
}

impl Second {
    /// The second prompt was sent.
    fn told() -> Self {
        let mut run = Run::structured();
        let first = sent(&run.prompt("one")).remove(0)["uuid"].clone();
        let mut this = Self { run, name: first.clone() };
        this.becomes("queued");
        this.becomes("started");
        this.run.line(&result(0.1));
        this.becomes("completed");
        let out = this.run.prompt("two");
        this.name = sent(&out).remove(0)["uuid"].clone();
        assert_ne!(this.name, first);
        assert!(uuid(&first) && uuid(&this.name), "Claude takes no other names");
        this
    }

    fn becomes(&mut self, state: &str) {
        self.run.line(&json!({"type": "command_lifecycle", "command_uuid": self.name, "state": state}));
    }

    /// What was told behind the first turn.
    fn said(&self) -> Vec<String> {
        told(&self.run).into_iter().skip_while(|line| !line.starts_with("turn")).skip(1).collect()
    }
}

fn uuid(name: &Value) -> bool {
    let parts: Vec<_> = name.as_str().unwrap().split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12]
}

#[test]
fn the_end_of_a_turn_that_nobody_asked_for_is_not_that_of_the_prompt_that_came_into_it() {
    let mut second = Second::told();
    assert_eq!(second.said(), [""; 0], "nothing is behind it that does not answer it");
    second.becomes("queued");
    second.run.line(&init());
    second.run.line(&says("What ran is done"));
    second.run.line(&result(0.2));
    assert_eq!((second.run.state().doing, second.run.adapter.takes_prompt()), (Doing::Working, false));
    second.becomes("started");
    second.run.line(&init());
    second.run.line(&says("Two, then"));
    second.run.line(&result(0.3));
    second.becomes("completed");
    assert!(second.run.adapter.takes_prompt());
    let turn = "turn Done Some(100000)";
    let [own, asked] = [format!("{turn} Some(200000)"), format!("{turn} Some(300000)")];
    let said = ["agent What ran is done", &own, "user two phone", "agent Two, then", &asked];
    let heard: Vec<_> = second.said().into_iter().filter(|line| !line.starts_with("setup")).collect();
    assert_eq!(heard, said);
}

#[test]
fn a_prompt_that_is_taken_up_in_the_midst_of_a_turn_is_answered_by_it() {
    let mut second = Second::told();
    second.run.line(&init());
    second.becomes("queued");
    second.run.line(&says("What ran is done"));
    second.becomes("started");
    second.run.line(&says("And so is that"));
    second.becomes("completed");
    second.run.line(&result(0.2));
    assert!(second.run.adapter.takes_prompt());
    let said = second.said();
    let place = |what: &str| said.iter().position(|line| line.starts_with(what)).unwrap();
    assert!(place("agent What") < place("user two") && place("user two") < place("agent And"), "{said:?}");
    assert_eq!(said.iter().filter(|line| line.starts_with("turn")).count(), 1);
}

#[test]
fn a_prompt_that_claude_drops_is_told_and_over_and_one_that_dies_with_it_was_not_said() {
    let mut second = Second::told();
    second.becomes("queued");
    second.becomes("cancelled");
    assert_eq!(second.said(), ["user two phone", "turn Interrupted None Some(100000)"]);
    assert!(second.run.adapter.takes_prompt());

    let mut second = Second::told();
    second.run.hear(Input::Ended { exit: 1 });
    assert_eq!(second.said(), ["turn Failed None Some(100000)"], "it stays what waits");
}

#[test]
fn a_prompt_of_which_claude_says_nothing_is_over_for_whoever_interrupts() {
    let mut second = Second::told();
    let name = second.name.clone();
    let mut interrupt = |still_queued: Value| {
        let asked = sent(&second.run.hear(Input::Interrupt)).remove(0);
        let response = json!({"still_queued": still_queued});
        let done = json!({"subtype": "success", "request_id": asked["request_id"], "response": response});
        second.run.line(&json!({"type": "control_response", "response": done}));
        second.run.adapter.takes_prompt()
    };
    assert!(!interrupt(json!([name])), "it is still to be taken");
    assert!(interrupt(json!([])));
    let note = r#"Note { text: "claude was interrupted, and has not said that it took this" }"#;
    assert_eq!(second.said(), ["user two phone", note, "turn Interrupted None Some(100000)"]);
    second.becomes("started");
    assert_eq!(second.said().len(), 3, "it is said once");
}

#[test]
fn a_conversation_that_is_cleared_says_so() {
    let mut run = Run::structured();
    run.line(&json!({"type": "conversation_reset", "trigger": "clear", "new_conversation_id": "t"}));
    run.line(&json!({"type": "system", "subtype": "init", "session_id": "t"}));
    let told = told(&run);
    assert!(told[0].starts_with("Note") && told[0].contains("new conversation"), "{told:?}");
    assert!(matches!(run.chats()[1], Chat::Setup(setup) if setup.conversation.as_deref() == Some("t")));
}
