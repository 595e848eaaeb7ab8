//! In a terminal.

use super::{Run, answers, asks, recorded, told, withdrawn};
use longrein_agent::adapter::{Input, Looked, Output, Said};
use longrein_agent::claude::hooks::refusal;
use serde_json::{Value, json};
use session::message::{ApprovalState, Chat, Doing, Setup};

#[test]
fn hooks_are_answered_at_once_and_the_gate_by_a_person() {
    let hooks: Vec<Value> = serde_json::from_str(&recorded("hooks-stdin.json")).unwrap();
    let mut run = Run::terminal();
    let mut open: Vec<(u64, u64, Value)> = Vec::new();
    for (id, hook) in (1..).zip(&hooks) {
        let out = run.hook(id, hook);
        match hook["hook_event_name"].as_str().unwrap() {
            "PermissionRequest" => {
                let (key, request) = asks(&out).remove(0);
                assert_eq!(answers(&out), []);
                assert_eq!(request.tool.unwrap().input, hook["tool_input"]);
                open.push((id, key, hook["tool_input"].clone()));
                assert_eq!(run.state().doing, Doing::NeedsYou);
            }
            "PostToolUse" => {
                // Somebody was there first, at the desk: also where the answers are now in the input.
                let (gate, key, _) = open.pop().unwrap();
                assert_eq!(withdrawn(&out), [key]);
                assert_eq!(answers(&out), [(id, Value::Null), (gate, Value::Null)]);
                assert_eq!(run.state().doing, Doing::Working);
                assert_eq!(run.allow(key, vec![]), [], "nothing is left to be allowed");
            }
            _ => assert_eq!(answers(&out), [(id, Value::Null)]),
        }
    }
    assert_eq!(open, []);
    // With which it can be gone on with.
    let setups: Vec<_> = run.chats().into_iter().cloned().collect();
    let setup = Setup {
        conversation: Some(hooks[0]["session_id"].as_str().unwrap().to_owned()),
        model: Some("claude-opus-5-5".into()),
        ..Setup::default()
    };
    assert_eq!(setups, [Chat::Setup(setup)]);
    let state = run.state();
    assert_eq!((state.doing, state.turns, state.structured), (Doing::Idle, 1, false));
    let transcript = hooks[0]["transcript_path"].as_str().unwrap();
    let tails: Vec<_> = run.out.iter().filter(|output| matches!(output, Output::Tail(_))).collect();
    assert_eq!(tails, [&Output::Tail(transcript.into())]);
}

#[test]
fn a_person_elsewhere_allows_denies_and_answers() {
    let hooks: Vec<Value> = serde_json::from_str(&recorded("hooks-stdin.json")).unwrap();
    let gates: Vec<_> = hooks.iter().filter(|hook| hook["hook_event_name"] == "PermissionRequest").collect();
    let mut run = Run::terminal();
    run.hook(1, gates[0]);
    let out = run.allow(1, vec![]);
    let decision = |out: &[Output]| {
        let (_, answer) = answers(out).remove(0);
        assert_eq!(answer["hookSpecificOutput"]["hookEventName"], "PermissionRequest");
        answer["hookSpecificOutput"]["decision"].clone()
    };
    assert_eq!(decision(&out), json!({"behavior": "allow", "updatedInput": gates[0]["tool_input"]}));
    run.hook(2, gates[0]);
    assert_eq!(decision(&run.deny(2, Some("not now"))), json!({"behavior": "deny", "message": "not now"}));
    // As Claude itself says that the question was answered.
    run.hook(3, gates[1]);
    let after = hooks.iter().rfind(|hook| hook["hook_event_name"] == "PostToolUse").unwrap();
    let out = run.allow(3, vec![vec!["Blue".into()]]);
    assert_eq!(decision(&out), json!({"behavior": "allow", "updatedInput": after["tool_input"]}));
    run.hook(4, gates[0]);
    let expired = ApprovalState::Expired { decided_at: 1 };
    assert_eq!(decision(&run.hear(Input::Decided { key: 4, state: &expired }))["behavior"], "deny");
    run.hook(5, gates[0]);
    let why = "This could not be asked, so it is not allowed: 16 approvals wait in this session already.";
    let out = run.hear(Input::Unasked { key: 5, why });
    assert_eq!(decision(&out), json!({"behavior": "deny", "message": why}), "and not that nobody decided");
    assert_eq!(run.state().doing, Doing::Working);
}

fn event(name: &str, session: &str, tool: &str, input: &Value) -> Value {
    json!({
        "hook_event_name": name, "session_id": session, "cwd": "/home/dev/src/wt", "tool_name": tool, "tool_input": input,
    })
}

#[test]
fn of_two_calls_that_are_the_same_each_result_ends_one_question() {
    let input = json!({"command": "ls"});
    let ask = event("PermissionRequest", "s", "Bash", &input);
    let done = event("PostToolUse", "s", "Bash", &input);
    let mut run = Run::terminal();
    run.hook(1, &ask);
    run.hook(2, &ask);
    assert_eq!(withdrawn(&run.hook(3, &done)), [1]);
    assert_eq!(withdrawn(&run.hook(4, &done)), [2]);
    // One is allowed from here: its result ends nothing else.
    run.hook(5, &ask);
    run.hook(6, &ask);
    run.allow(3, vec![]);
    assert_eq!(withdrawn(&run.hook(7, &done)), [0; 0]);
    assert_eq!(withdrawn(&run.hook(8, &done)), [4]);
    // Other input, another tool, another conversation.
    run.hook(9, &ask);
    for other in [
        event("PostToolUse", "s", "Bash", &json!({"command": "pwd"})),
        event("PostToolUse", "s", "Read", &input),
        event("PostToolUse", "t", "Bash", &input),
        event("Stop", "t", "", &Value::Null),
    ] {
        assert_eq!(withdrawn(&run.hook(10, &other)), [0; 0], "{other}");
    }
    assert_eq!(withdrawn(&run.hook(11, &event("PostToolUseFailure", "s", "Bash", &input))), [5]);
}

#[test]
fn a_turn_that_ends_at_the_desk_leaves_nothing_waiting() {
    let ask = event("PermissionRequest", "s", "Write", &json!({"file_path": "./a", "content": "x"}));
    for last in ["Stop", "UserPromptSubmit", "SessionEnd", "StopFailure"] {
        let mut run = Run::terminal();
        run.hook(1, &ask);
        let out = run.hook(2, &event(last, "s", "", &Value::Null));
        assert_eq!(
            (withdrawn(&out), answers(&out)),
            (vec![1], vec![(2, Value::Null), (1, Value::Null)]),
            "{last}"
        );
    }
    // Esc ends the hook.
    let mut run = Run::terminal();
    run.hook(1, &ask);
    let out = run.hear(Input::HookGone { id: 1 });
    assert_eq!((withdrawn(&out), answers(&out)), (vec![1], vec![]));
    assert_eq!(run.hear(Input::HookGone { id: 1 }), []);
    // A file is the same by whatever name.
    run.hook(2, &ask);
    let done =
        event("PostToolUse", "s", "Write", &json!({"file_path": "/home/dev/src/wt/a", "content": "x"}));
    assert_eq!(withdrawn(&run.hook(3, &done)), [2]);
}

#[test]
fn a_stop_reaches_also_a_dialog_that_takes_no_key_yet() {
    let ask = event("PermissionRequest", "s", "Bash", &json!({"command": "ls"}));
    let mut run = Run::terminal();
    run.hook(1, &ask);
    run.hook(2, &ask);
    let out = run.hear(Input::Interrupt);
    assert_eq!(withdrawn(&out), [1, 2]);
    for (n, (id, said)) in answers(&out).into_iter().enumerate() {
        let decision = &said["hookSpecificOutput"]["decision"];
        assert_eq!(
            (id, &decision["behavior"], &decision["interrupt"]),
            (n as u64 + 1, &json!("deny"), &json!(true))
        );
    }
    assert_eq!(answers(&out).len(), 2);
    assert_ne!(run.state().doing, Doing::NeedsYou);
    assert_eq!(run.hear(Input::HookGone { id: 1 }), []);
}

fn status(doing: Doing, message: &str) -> Said {
    Said::Status { doing, app: "claude-code".into(), message: message.into() }
}

#[test]
fn what_the_terminal_says_it_is_doing_counts() {
    let mut run = Run::terminal();
    run.hear(Input::Said(&status(Doing::Working, "")));
    run.hook(1, &event("PermissionRequest", "s", "Bash", &json!({"command": "ls"})));
    assert_eq!(run.state().wants, "Run a command: ls");
    run.hear(Input::Said(&status(Doing::NeedsYou, "approve Bash: ls")));
    assert_eq!(run.state().doing, Doing::NeedsYou);
    // It was answered at the desk, and runs for an hour.
    let out = run.hear(Input::Said(&status(Doing::Working, "")));
    assert_eq!((withdrawn(&out), answers(&out)), (vec![1], vec![(1, Value::Null)]));
    // Of two the one that was shown there.
    let ask = |command: &str| event("PermissionRequest", "s", "Bash", &json!({"command": command}));
    run.hook(2, &ask("cargo build"));
    run.hook(3, &ask("cargo test"));
    run.hear(Input::Said(&status(Doing::NeedsYou, "approve Bash: cargo test")));
    assert_eq!(withdrawn(&run.hear(Input::Said(&status(Doing::Working, "")))), [3]);
    assert_eq!(run.state().doing, Doing::NeedsYou, "one still waits");
    // One that was answered elsewhere ends no other.
    run.hook(5, &ask("cargo doc"));
    run.hear(Input::Said(&status(Doing::NeedsYou, "approve Bash: cargo doc")));
    run.allow(4, vec![]);
    assert_eq!(withdrawn(&run.hear(Input::Said(&status(Doing::Working, "")))), [0; 0]);
    // Where it says nothing that is known, it is told when it is done.
    run.hear(Input::Said(&status(Doing::NeedsYou, "approve")));
    assert_eq!(withdrawn(&run.hear(Input::Said(&status(Doing::Working, "")))), [0; 0]);
    run.hook(4, &event("Stop", "s", "", &Value::Null));
    assert_eq!(run.state().doing, Doing::Working, "a hook does not know better");
    run.hear(Input::Said(&status(Doing::NeedsYou, "answer: Which?")));
    assert_eq!(run.state().wants, "answer: Which?");
}

#[test]
fn only_conversations_of_this_terminal_are_asked_about_and_read() {
    let mut run = Run::terminal();
    let meet = |session: &str, path: &str| json!({"hook_event_name": "SessionStart", "session_id": session, "transcript_path": path});
    for path in [
        "/etc/passwd",
        "/home/dev/.claude/projects/../../.ssh/x.jsonl",
        "home/dev/.claude/projects/x.jsonl",
        "/home/dev/.claude/projects/x.json",
        "/home/dev/.claude/x.jsonl",
    ] {
        let out = run.hook(1, &meet("s", path));
        assert!(!out.iter().any(|output| matches!(output, Output::Tail(_))), "{path}");
    }
    let file = "/home/dev/.claude/projects/-x/s.jsonl";
    for tails in [1, 0] {
        let out = run.hook(2, &meet("s", file));
        assert_eq!(out.iter().filter(|output| matches!(output, Output::Tail(_))).count(), tails);
    }
    let ask = |session: &str| event("PermissionRequest", session, "Bash", &json!({"command": "ls"}));
    let out = run.hook(3, &ask("other"));
    assert_eq!(answers(&out)[0].1["hookSpecificOutput"]["decision"]["behavior"], "deny");
    assert_eq!(asks(&run.hook(4, &ask("s"))).len(), 1);
    for bad in [json!({"hook_event_name": "PermissionRequest"}), json!([1]), json!({}), Value::Null] {
        let out = run.hook(5, &bad);
        assert_eq!(answers(&out)[0].1["hookSpecificOutput"]["decision"]["behavior"], "deny", "{bad}");
    }
    let out = run.hear(Input::Hook { id: 6, input: b"\xff" });
    assert_eq!(answers(&out)[0].1["hookSpecificOutput"]["permissionDecision"], "deny");
}

#[test]
fn the_transcript_is_the_chat() {
    let mut run = Run::terminal();
    for line in recorded("transcript-sample.jsonl").lines() {
        run.hear(Input::Tailed(line.as_bytes()));
    }
    let last = json!({"type": "assistant", "message": {"content": [{"type": "text", "text": "Done. Tool said: hello-from-tool"}]}});
    for line in [
        last,
        json!({"type": "system", "subtype": "turn_duration", "durationMs": 7069}),
        json!({"type": "cost-state", "totalCostUSD": 0.0048}),
    ] {
        run.hear(Input::Tailed(line.to_string().as_bytes()));
    }
    assert_eq!(
        told(&run),
        [
            "user run bash -",
            "agent I will run a command.",
            "call toolu_fake_2_0_0 Bash",
            "result toolu_fake_2_0_0 Done hello-from-tool",
            "agent Done. Tool said: hello-from-tool",
            "turn Done None None",
        ]
    );
    let state = run.state();
    assert_eq!((state.last.as_str(), state.cost), ("Done. Tool said: hello-from-tool", Some(4800)));
    // All of it again, as in the file of a conversation that is gone on with.
    let before = run.chats().len();
    for line in recorded("transcript-sample.jsonl").lines() {
        run.hear(Input::Tailed(line.as_bytes()));
    }
    assert_eq!(run.chats().len(), before);
    let text = json!([{"type": "text", "text": "[Request interrupted by user]"}]);
    run.hear(Input::Tailed(json!({"type": "user", "message": {"content": text}}).to_string().as_bytes()));
    assert_eq!(told(&run).pop().unwrap(), "turn Interrupted None None");
    assert_eq!(run.state().doing, Doing::Idle);
}

#[test]
fn where_nobody_can_be_asked_what_waits_is_told_no() {
    let hooks: Vec<Value> = serde_json::from_str(&recorded("hooks-stdin.json")).unwrap();
    for hook in &hooks {
        let said: Value =
            serde_json::from_str(&refusal(hook.to_string().as_bytes(), "why")).unwrap_or_default();
        let output = &said["hookSpecificOutput"];
        match hook["hook_event_name"].as_str().unwrap() {
            "PermissionRequest" => {
                assert_eq!(output["decision"], json!({"behavior": "deny", "message": "why"}));
            }
            "PreToolUse" => {
                assert_eq!(output["permissionDecision"], "deny");
                assert_eq!(output["permissionDecisionReason"], "why");
            }
            _ => assert_eq!(said, Value::Null),
        }
    }
    for input in ["", "{", "[]", "{}", "\u{0}"] {
        let said: Value = serde_json::from_str(&refusal(input.as_bytes(), "why")).unwrap();
        assert_eq!(said["hookSpecificOutput"]["decision"]["behavior"], "deny");
        assert_eq!(said["hookSpecificOutput"]["permissionDecision"], "deny");
    }
}

#[test]
fn a_prompt_is_typed_so_that_claude_takes_it_for_one_and_for_nothing_else() {
    let mut hooks = Run::terminal().adapter;
    let typed = hooks.typed("one\n\ntwo").unwrap();
    assert_eq!(typed, "\x1b[200~one\x1b[201~\n\n\x1b[200~two\x1b[201~\r", "a draft at the desk stays");
    let long = "Grüße ".repeat(1000);
    let typed = hooks.typed(&long).unwrap();
    let pastes: Vec<_> = typed.split("\x1b[200~").skip(1).collect();
    assert!(pastes.iter().all(|paste| paste.len() <= 420));
    let whole: String = pastes.iter().map(|paste| paste.split("\x1b[201~").next().unwrap()).collect();
    assert_eq!(whole, long);
    // The one before it may stand there again, and is as long as that.
    hooks.handle(Input::Interrupt, 0);
    assert!(hooks.typed("x").unwrap().matches('\x15').count() > 2 * 7000 / 100);
    assert!(!hooks.typed("y").unwrap().contains('\x15'));
}

#[test]
fn what_an_interrupted_claude_put_back_is_deleted_wherever_it_was_interrupted() {
    let prompt = json!({"hook_event_name": "UserPromptSubmit", "session_id": "s"}).to_string();
    let stop = json!({"hook_event_name": "Stop", "session_id": "s"}).to_string();
    let status = |doing| Said::Status { doing, app: "claude-code".into(), message: String::new() };
    for stops in [false, true] {
        let mut hooks = Run::terminal().adapter;
        hooks.handle(Input::Hook { id: 1, input: prompt.as_bytes() }, 0);
        hooks.handle(Input::Said(&status(Doing::Working)), 0);
        if stops {
            hooks.handle(Input::Hook { id: 2, input: stop.as_bytes() }, 0);
        }
        hooks.handle(Input::Said(&status(Doing::Idle)), 0);
        assert_eq!(hooks.typed("x").unwrap().contains('\x15'), !stops);
    }
}

#[test]
fn one_that_ends_badly_before_it_was_heard_may_not_know_how_it_was_started() {
    let noted = |run: &mut Run, exit| {
        let out = run.hear(Input::Ended { exit });
        out.iter().any(
            |output| matches!(output, Output::Chat(Chat::Note { text }) if text.contains("--agent none")),
        )
    };
    assert!(noted(&mut Run::terminal(), 1));
    assert!(!noted(&mut Run::terminal(), 0));
    let mut run = Run::terminal();
    let hooks: Vec<Value> = serde_json::from_str(&recorded("hooks-stdin.json")).unwrap();
    run.hook(1, &hooks[0]);
    assert!(!noted(&mut run, 1));
}

#[test]
fn one_that_calls_no_hook_is_said_to_be_in_its_terminal_alone() {
    let look = Looked::default();
    let noted = |out: &[Output]| {
        out.iter().any(|output| matches!(output, Output::Chat(Chat::Note { text }) if text.contains("none of its hooks")))
    };
    let mut run = Run::terminal();
    let out = run.hear(Input::Looked(&look));
    assert!(out.iter().any(|output| matches!(output, Output::Look(_))) && !noted(&out), "{out:?}");
    assert!(!noted(&run.hear_at(Input::Looked(&look), 29_000)), "it may be slow");
    assert!(noted(&run.hear_at(Input::Looked(&look), 30_000)));
    assert!(!noted(&run.hear_at(Input::Looked(&look), 60_000)), "once");
    let mut run = Run::terminal();
    run.hear(Input::Looked(&look));
    let hooks: Vec<Value> = serde_json::from_str(&recorded("hooks-stdin.json")).unwrap();
    run.hook(1, &hooks[0]);
    assert!(!noted(&run.hear_at(Input::Looked(&look), 30_000)));
}

#[test]
fn a_prompt_whose_enter_was_lost_is_sent_off_and_one_that_claude_has_is_not() {
    let rule = "─".repeat(20);
    let screen = [rule.as_str(), "❯ hi there", &rule].map(str::to_owned).to_vec();
    let look = Looked { screen, ..Looked::default() };
    let entered = |out: &[Output]| out.contains(&Output::Send(b"\r".to_vec()));
    for taken in [false, true] {
        let mut run = Run::terminal();
        run.adapter.typed("hi there").unwrap();
        run.hear(Input::Looked(&look));
        if taken {
            let submitted =
                json!({"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt": "hi there"});
            run.hook(1, &submitted);
        }
        assert_eq!(entered(&run.hear(Input::Looked(&look))), !taken);
    }
}
