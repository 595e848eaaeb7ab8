//! Codex, over its app server and with its hooks, as it was recorded and as it could be.

use crate::replay::{
    allowed, answers, asked, decide, denied, hear, line, outline, place, replay, sent, transcript,
};
use longrein_agent::adapter::{Adapter, Input, Output};
use longrein_agent::codex::appserver::AppServer;
use longrein_agent::codex::hooks::{Hooks, arguments};
use serde_json::{Value, json};
use session::message::{ApprovalState, Change, Chat, Doing, Outcome, ToolKind};

fn app_server() -> AppServer {
    AppServer::new(place("/home/dev/src/wc"), None)
}

const COMMAND: &str = "/bin/bash -lc 'touch made_by_agent.txt && echo hello-from-tool'";

#[test]
fn a_command_is_asked_about_whole_and_runs_when_it_is_allowed() {
    let came = replay(&mut app_server(), &transcript("codex/command-allowed.jsonl"), &[], |_| allowed());
    let [request] = came.asked.as_slice() else { panic!("{:?}", came.asked) };
    assert_eq!(request.question, format!("Codex wants to run: {COMMAND}"));
    assert_eq!(request.cwd.as_deref(), Some("/home/dev/src/wc"));
    let tool = request.tool.as_ref().unwrap();
    assert_eq!((tool.command.as_deref(), tool.kind), (Some(COMMAND), ToolKind::Run));
    assert_eq!(tool.title, "Do you want to make a file?");
    assert_eq!(request.scope.as_ref().unwrap().pattern, COMMAND);
    assert_eq!(
        outline(&came.chat),
        [
            r#"setup Some("fake-model") in Some("workspace")"#,
            r#"user "run bash""#,
            r#"note "Codex: Model metadata for `fake-model` not found. Defaulting to fallback metadata; this can degrade performance and cause issues.""#,
            r#"agent "I will run a command.""#,
            &format!("call call_4_0_0: {COMMAND}"),
            r#"result call_4_0_0: Done "hello-from-tool\n""#,
            r#"agent "Done. Tool said: Chunk ID: 832a57\nWall time: 0.0000 seconds\nProcess exited with code 0\nOriginal token count: 4\nOutput:\nhello-from-tool\n""#,
            "turn Done Some((200, 40)) None ",
        ]
    );
    let Some(Chat::Agent { item: Some(item), text, .. }) = came.chat.iter().rev().nth(1) else { panic!() };
    assert_eq!(came.partial[item], *text);
    let doing: Vec<_> = came.states.iter().map(|state| state.doing).collect();
    assert!(doing.contains(&Doing::NeedsYou) && doing.contains(&Doing::Working));
    let last = came.states.last().unwrap();
    assert_eq!((last.doing, last.turns, last.structured), (Doing::Idle, 1, true));
    assert!(last.last.starts_with("Done. Tool said"));
}

#[test]
fn a_reason_goes_into_the_turn_before_the_no() {
    let reason = || denied(Some("use mktemp"));
    let came = replay(&mut app_server(), &transcript("codex/command-denied.jsonl"), &[], |_| reason());
    let outline = outline(&came.chat);
    assert!(outline.contains(&"result call_4_0_0: Denied \"\"".to_owned()), "{outline:?}");
    // What we said for the person is not said again as theirs.
    assert_eq!(outline.iter().filter(|line| line.starts_with("user")).count(), 1);
    let steer = came.sent.iter().position(|sent| sent == "turn/steer").unwrap();
    assert_eq!(came.sent[steer + 1], "answer");
}

#[test]
fn changes_to_files_are_shown_before_they_are_made() {
    let came = replay(&mut app_server(), &transcript("codex/file-changed.jsonl"), &[], |_| allowed());
    let tool = came.asked[0].tool.as_ref().unwrap();
    let path = "/home/dev/src/wc/note.txt";
    assert_eq!(
        tool.changes,
        [Change { path: path.into(), old: Some("one\ntwo\n".into()), new: Some("one\nzwei\n".into()) }]
    );
    assert_eq!(came.asked[0].question, format!("Codex wants to change {path}"));
    assert_eq!(came.asked[0].scope.as_ref().unwrap().pattern, path);
    let came = replay(&mut app_server(), &transcript("codex/file-added.jsonl"), &[], |_| allowed());
    let tool = came.asked[0].tool.as_ref().unwrap();
    assert_eq!((tool.kind, tool.paths.as_slice()), (ToolKind::Edit, &[path.to_owned()][..]));
    assert_eq!(tool.changes, [Change { path: path.into(), old: None, new: Some("one\ntwo\n".into()) }]);
    assert!(outline(&came.chat).contains(&"result call_4_0_0: Done \"\"".to_owned()));
}

#[test]
fn an_interrupt_withdraws_what_was_asked_and_ends_what_was_called() {
    let came = replay(&mut app_server(), &transcript("codex/interrupted.jsonl"), &[], |_| allowed());
    assert_eq!((came.asked.len(), came.withdrawn.len()), (1, 1));
    let outline = outline(&came.chat);
    assert!(outline.contains(&"result call_4_0_0: Interrupted \"\"".to_owned()), "{outline:?}");
    assert!(outline.last().unwrap().starts_with("turn Interrupted"));
    assert!(!came.sent.contains(&"answer".to_owned()), "{:?}", came.sent);
}

/// An adapter in the middle of a turn, and what it gave so far.
fn working() -> (AppServer, Vec<Output>) {
    let mut adapter = app_server();
    let mut said = Vec::new();
    hear(&mut adapter, Input::Started, &mut said);
    line(&mut adapter, &json!({"id": 0, "result": {"userAgent": "longrein/0.169.0 (x)"}}), &mut said);
    line(&mut adapter, &json!({"id": 1, "result": {"thread": {"id": "T"}, "model": "m"}}), &mut said);
    hear(&mut adapter, Input::Prompt { id: "p1", text: "go", files: &[], by: "phone" }, &mut said);
    let turn = json!({"method": "turn/started", "params": {"threadId": "T", "turn": {"id": "U"}}});
    line(&mut adapter, &turn, &mut said);
    (adapter, said)
}

/// What it says to this.
fn says(adapter: &mut AppServer, message: &Value) -> Vec<Output> {
    let mut said = Vec::new();
    line(adapter, message, &mut said);
    said
}

#[test]
fn questions_are_answered_by_their_ids_and_secrets_are_not_asked_for() {
    let ask = |secret: bool| {
        json!({"id": "q", "method": "item/tool/requestUserInput", "params": {
        "threadId": "T", "turnId": "U", "itemId": "i", "isBlocking": true, "questions": [
            {"id": "colour", "header": "Colour", "question": "Which?", "isSecret": secret, "options": [
                {"label": "Red", "description": "warm"}]},
            {"id": "name", "header": "Name", "question": "And its name?", "options": null},
        ]}})
    };
    let (mut adapter, _) = working();
    let (key, request) = asked(&says(&mut adapter, &ask(false)));
    assert_eq!(request.questions[0].choices[0].id, "Red");
    assert!(!request.questions[0].free_text && request.questions[1].free_text);
    let said = decide(&mut adapter, key, &answers(&[&["Red"], &["Fox"]]));
    let expected = json!({"answers": {"colour": {"answers": ["Red"]}, "name": {"answers": ["Fox"]}}});
    assert_eq!(sent(&said), [json!({"id": "q", "result": expected})]);
    let said = says(&mut adapter, &ask(true));
    assert_eq!(sent(&said), [json!({"id": "q", "result": {"answers": {}}})]);
    assert!(said.iter().any(|output| matches!(output, Output::Chat(Chat::Note { .. }))));
}

#[test]
fn more_rights_are_given_for_one_turn_and_only_those_that_were_shown() {
    let wanted = json!({"network": {"enabled": true}, "fileSystem": {"write": ["/etc"]}});
    let ask = json!({"id": 4, "method": "item/permissions/requestApproval", "params": {
        "threadId": "T", "turnId": "U", "itemId": "i", "cwd": "/w", "reason": "to install", "permissions": wanted}});
    let (mut adapter, _) = working();
    let (key, request) = asked(&says(&mut adapter, &ask));
    let tool = request.tool.unwrap();
    assert_eq!((tool.paths, tool.input), (vec!["/etc".to_owned()], wanted.clone()));
    assert!(request.scope.is_none() && !request.reasons.is_empty());
    let said = decide(&mut adapter, key, &allowed());
    assert_eq!(sent(&said), [json!({"id": 4, "result": {"permissions": wanted, "scope": "turn"}})]);
    let (key, _) = asked(&says(&mut adapter, &ask));
    let said = decide(&mut adapter, key, &ApprovalState::Expired { decided_at: 1 });
    assert_eq!(sent(&said), [json!({"id": 4, "result": {"permissions": {}}})]);
}

#[test]
fn what_cannot_be_shown_is_refused_at_once() {
    let (mut adapter, _) = working();
    let ask = |method: &str, params: Value| json!({"id": 1, "method": method, "params": params});
    let no = json!({"decision": "decline"});
    for (method, params, answer) in [
        ("item/fileChange/requestApproval", json!({"itemId": "never-seen"}), no.clone()),
        ("item/commandExecution/requestApproval", json!({"itemId": "i"}), no),
        ("item/permissions/requestApproval", json!({}), json!({"permissions": {}})),
        ("mcpServer/elicitation/request", json!({"mode": "url", "url": "x"}), json!({"action": "decline"})),
    ] {
        let said = says(&mut adapter, &ask(method, params));
        assert_eq!(sent(&said), [json!({"id": 1, "result": answer})], "{method}");
        assert!(said.iter().any(|output| matches!(output, Output::Chat(Chat::Note { .. }))), "{method}");
        assert!(!said.iter().any(|output| matches!(output, Output::Ask { .. })));
    }
    let said = says(&mut adapter, &ask("item/tool/call", json!({})));
    assert!(sent(&said)[0]["error"].is_object());
}

#[test]
fn a_form_of_a_tool_is_filled_in_by_a_person() {
    let ask = json!({"id": 9, "method": "mcpServer/elicitation/request", "params": {
        "serverName": "deploy", "threadId": "T", "mode": "form", "message": "Where to?",
        "requestedSchema": {"type": "object", "properties": {"to": {"type": "string", "enum": ["a", "b"]}}}}});
    let (mut adapter, _) = working();
    let (key, request) = asked(&says(&mut adapter, &ask));
    assert_eq!(request.question, "deploy: Where to?");
    let said = decide(&mut adapter, key, &answers(&[&["b"]]));
    assert_eq!(sent(&said), [json!({"id": 9, "result": {"action": "accept", "content": {"to": "b"}}})]);
    let (key, _) = asked(&says(&mut adapter, &ask));
    let said = decide(&mut adapter, key, &denied(None));
    assert_eq!(sent(&said), [json!({"id": 9, "result": {"action": "decline"}})]);
}

#[test]
fn a_patch_that_changes_while_it_is_asked_about_is_asked_about_anew() {
    let (mut adapter, _) = working();
    let changes = |text: &str| json!([{"path": "/w/f", "kind": {"type": "add"}, "diff": text}]);
    let item = json!({"type": "fileChange", "id": "i", "changes": changes("a\n")});
    says(&mut adapter, &json!({"method": "item/started", "params": {"threadId": "T", "item": item}}));
    let ask = json!({"id": 1, "method": "item/fileChange/requestApproval",
        "params": {"threadId": "T", "turnId": "U", "itemId": "i"}});
    let (first, _) = asked(&says(&mut adapter, &ask));
    let update = |text: &str| json!({"method": "item/fileChange/patchUpdated", "params": {"threadId": "T", "itemId": "i", "changes": changes(text)}});
    assert_eq!(says(&mut adapter, &update("a\n")), []);
    let said = says(&mut adapter, &update("evil\n"));
    assert!(said.contains(&Output::Withdraw { key: first }));
    let (again, request) = asked(&said);
    assert_eq!(request.tool.unwrap().changes[0].new.as_deref(), Some("evil\n"));
    // What was allowed before says nothing of this.
    assert_eq!(sent(&decide(&mut adapter, first, &allowed())), [] as [Value; 0]);
    assert_eq!(sent(&decide(&mut adapter, again, &allowed())).len(), 1);
}

#[test]
fn a_conversation_that_is_gone_is_begun_anew_and_a_model_and_mode_hold_from_the_next_turn() {
    let mut adapter = AppServer::new(place("/w"), Some("old".into()));
    let mut said = Vec::new();
    hear(&mut adapter, Input::Started, &mut said);
    line(&mut adapter, &json!({"id": 0, "result": {}}), &mut said);
    assert!(!adapter.takes_prompt());
    line(&mut adapter, &json!({"id": 1, "error": {"message": "no rollout found"}}), &mut said);
    line(&mut adapter, &json!({"id": 3, "result": {"thread": {"id": "T"}, "model": "m"}}), &mut said);
    let methods: Vec<_> =
        sent(&said).iter().map(|sent| sent["method"].as_str().unwrap().to_owned()).collect();
    assert_eq!(methods, ["initialize", "initialized", "thread/resume", "model/list", "thread/start"]);
    assert!(adapter.takes_prompt());
    said.clear();
    hear(&mut adapter, Input::Configure { mode: Some("read-only"), model: Some("big") }, &mut said);
    hear(
        &mut adapter,
        Input::Prompt { id: "p1", text: "go", files: &["/w/a.PNG".into(), "/w/b.txt".into()], by: "p" },
        &mut said,
    );
    let turn = &sent(&said)[0]["params"];
    assert_eq!((&turn["model"], &turn["approvalPolicy"]), (&json!("big"), &json!("on-request")));
    assert_eq!(turn["sandboxPolicy"], json!({"type": "readOnly"}));
    assert_eq!(turn["input"][0]["text"], "go\n\nFile: /w/b.txt");
    assert_eq!(turn["input"][1], json!({"type": "localImage", "path": "/w/a.PNG"}));
    // No mode is taken in which it would not ask.
    hear(&mut adapter, Input::Configure { mode: Some("danger-full-access"), model: None }, &mut said);
    assert!(matches!(said.last(), Some(Output::Chat(Chat::Note { .. }))), "{said:?}");
}

#[test]
fn a_conversation_that_could_not_begin_is_tried_again_with_the_next_prompt() {
    let mut adapter = app_server();
    let mut said = Vec::new();
    hear(&mut adapter, Input::Started, &mut said);
    line(&mut adapter, &json!({"id": 0, "result": {}}), &mut said);
    line(&mut adapter, &json!({"id": 1, "error": {"message": "not logged in"}}), &mut said);
    assert!(said.iter().any(|output| {
        matches!(output, Output::Chat(Chat::Turn { error: Some(error), .. }) if error == "not logged in")
    }));
    assert!(adapter.takes_prompt());
    said.clear();
    hear(&mut adapter, Input::Prompt { id: "p1", text: "go", files: &[], by: "p" }, &mut said);
    assert_eq!(sent(&said)[0]["method"], "thread/start");
    assert!(!adapter.takes_prompt());
    said.clear();
    line(&mut adapter, &json!({"id": 3, "result": {"thread": {"id": "T"}}}), &mut said);
    assert_eq!(sent(&said)[0]["params"]["input"][0]["text"], "go");
}

#[test]
fn the_same_warning_is_told_of_once() {
    let (mut adapter, _) = working();
    let warning = json!({"method": "warning", "params": {"threadId": "T", "message": "no metadata"}});
    assert_eq!(says(&mut adapter, &warning).len(), 1);
    assert_eq!(says(&mut adapter, &warning), []);
}

#[test]
fn what_an_agent_of_its_own_asks_is_asked_and_what_it_does_is_within_the_call() {
    let (mut adapter, _) = working();
    let item = |item: &Value, thread: &str| json!({"method": "item/started", "params": {"threadId": thread, "item": item}});
    let call = json!({"type": "collabAgentToolCall", "id": "c", "tool": "spawnAgent", "prompt": "look",
        "receiverThreadIds": ["sub"]});
    says(&mut adapter, &item(&call, "T"));
    let run = json!({"type": "commandExecution", "id": "r", "command": "ls"});
    let said = says(&mut adapter, &item(&run, "sub"));
    assert!(said.iter().any(|output| {
        matches!(output, Output::Chat(Chat::Call { within: Some(within), .. }) if within == "c")
    }));
    assert_eq!(says(&mut adapter, &item(&run, "somebody else's")), []);
    let params = json!({"threadId": "another", "itemId": "r", "command": "ls"});
    asked(&says(
        &mut adapter,
        &json!({"id": 1, "method": "item/commandExecution/requestApproval", "params": params}),
    ));
}

#[test]
fn a_turn_that_is_stopped_before_it_has_a_name_is_stopped_then() {
    let mut adapter = app_server();
    let mut said = Vec::new();
    hear(&mut adapter, Input::Started, &mut said);
    line(&mut adapter, &json!({"id": 0, "result": {}}), &mut said);
    line(&mut adapter, &json!({"id": 1, "result": {"thread": {"id": "T"}}}), &mut said);
    hear(&mut adapter, Input::Prompt { id: "p1", text: "go", files: &[], by: "p" }, &mut said);
    said.clear();
    hear(&mut adapter, Input::Interrupt, &mut said);
    assert_eq!(sent(&said), [] as [Value; 0]);
    line(&mut adapter, &json!({"id": 3, "result": {"turn": {"id": "U"}}}), &mut said);
    let stop = sent(&said);
    assert_eq!((&stop[0]["method"], &stop[0]["params"]["turnId"]), (&json!("turn/interrupt"), &json!("U")));
}

/// Gives a hook's input, and what came of it.
fn hook(adapter: &mut Hooks, id: u64, input: &str) -> Vec<Output> {
    let mut said = Vec::new();
    hear(adapter, Input::Hook { id, input: input.as_bytes() }, &mut said);
    said
}

fn answered(said: &[Output]) -> Vec<(u64, Value)> {
    let answer = |output: &Output| match output {
        Output::Answer { id, output } => Some((*id, serde_json::from_str(output).unwrap_or_default())),
        _ => None,
    };
    said.iter().filter_map(answer).collect()
}

#[test]
fn hooks_tell_what_codex_does_and_one_of_them_waits_for_a_person() {
    let mut adapter = Hooks::new(place("/home/dev/src/wc"), None);
    let mut chat = Vec::new();
    for (id, input) in (0..).zip(transcript("codex/hooks.jsonl").lines()) {
        let mut said = hook(&mut adapter, id, input);
        if input.contains("PermissionRequest") {
            assert_eq!(answered(&said), []);
            let (key, request) = asked(&said);
            let command = "touch made_by_agent.txt && echo hello-from-tool";
            assert_eq!(request.question, format!("Codex wants to run: {command}"));
            assert_eq!(request.tool.as_ref().unwrap().command.as_deref(), Some(command));
            assert_eq!(request.cwd.as_deref(), Some("/home/dev/src/wc"));
            said = decide(&mut adapter, key, &allowed());
            let decision = json!({"hookEventName": "PermissionRequest", "decision": {"behavior": "allow"}});
            assert_eq!(answered(&said), [(id, json!({"hookSpecificOutput": decision}))]);
        } else {
            assert_eq!(answered(&said), [(id, Value::Null)], "{input}");
        }
        chat.extend(said.into_iter().filter_map(|output| match output {
            Output::Chat(chat) => Some(chat),
            _ => None,
        }));
    }
    let outline = outline(&chat);
    assert_eq!(
        outline[1..4],
        [
            r#"user "run bash""#,
            "call call_4_0_0: touch made_by_agent.txt && echo hello-from-tool",
            r#"result call_4_0_0: Done "hello-from-tool\n""#,
        ]
    );
    assert!(outline[4].starts_with("agent \"Done.") && outline[5].starts_with("turn Done"), "{outline:?}");
}

#[test]
fn a_no_tells_codex_why_and_a_hook_that_is_gone_waits_for_nobody() {
    let mut adapter = Hooks::new(place("/home/dev/src/wc"), None);
    let text = transcript("codex/hooks.jsonl");
    let find = |name: &str| text.lines().find(|line| line.contains(name)).unwrap();
    hook(&mut adapter, 1, find("PreToolUse"));
    let (key, _) = asked(&hook(&mut adapter, 2, find("PermissionRequest")));
    let said = decide(&mut adapter, key, &denied(Some("use mktemp")));
    let decision = &answered(&said)[0].1["hookSpecificOutput"]["decision"];
    assert_eq!(*decision, json!({"behavior": "deny", "message": "use mktemp"}));
    let said = hook(&mut adapter, 3, find("\"Stop\""));
    assert!(
        said.iter()
            .any(|output| matches!(output, Output::Chat(Chat::Result { outcome: Outcome::Denied, .. })))
    );
    let (key, _) = asked(&hook(&mut adapter, 4, find("PermissionRequest")));
    let mut said = Vec::new();
    hear(&mut adapter, Input::HookGone { id: 4 }, &mut said);
    assert!(said.contains(&Output::Withdraw { key }));
    assert_eq!(answered(&decide(&mut adapter, key, &allowed())), []);
    let (key, _) = asked(&hook(&mut adapter, 5, find("PermissionRequest")));
    let said = decide(&mut adapter, key, &ApprovalState::Expired { decided_at: 1 });
    assert_eq!(answered(&said)[0].1["hookSpecificOutput"]["decision"]["behavior"], "deny");
}

#[test]
fn a_patch_is_shown_as_what_it_changes() {
    let input = json!({"hook_event_name": "PermissionRequest", "cwd": "/w", "tool_name": "apply_patch", "tool_input": {
        "command": "*** Begin Patch\n*** Update File: a/b.txt\n@@\n-one\n+two\n*** End Patch\n"}});
    let (_, request) = asked(&hook(&mut Hooks::new(place("/home/dev/src/wc"), None), 0, &input.to_string()));
    let tool = request.tool.unwrap();
    assert_eq!((tool.kind, tool.paths.as_slice()), (ToolKind::Edit, &["/w/a/b.txt".to_owned()][..]));
    assert_eq!(tool.changes[0].new.as_deref(), Some("two\n"));
    assert_eq!(request.question, "Codex wants to change /w/a/b.txt");
}

#[test]
fn hooks_are_given_and_trusted_one_by_one() {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let hook = ["/opt/long rein".to_owned(), "hook".to_owned()];
    let given = arguments(&words("-m gpt resume --last"), &hook);
    assert!(given.ends_with(&words("-m gpt resume --last")));
    let hooks: Vec<_> = given.iter().filter(|argument| argument.starts_with("hooks.")).collect();
    assert_eq!(hooks.len(), 7);
    assert!(!given.iter().any(|argument| argument.contains("dangerously")));
    assert!(hooks[3].contains(r#""command"="'/opt/long rein' 'hook'""#), "{}", hooks[3]);
}

#[test]
fn hooks_are_trusted_by_the_hash_that_codex_makes_of_them() {
    // As `hooks/list` of Codex 0.169 gives it for exactly this hook.
    let given = arguments(&[], &["/bin/true".to_owned(), "x".to_owned()]);
    let state = given.iter().find(|argument| argument.starts_with("hooks.state=")).unwrap();
    let expected = r#""/<session-flags>/config.toml:pre_tool_use:0:0"={"trusted_hash"="sha256:0e5e24d2a304ec86709b1eee9f6ca51962769f1fabf8ec3d6a27fbc0a1c1d17f"}"#;
    assert!(state.contains(expected), "{state}");
}
