//! Agents that speak the Agent Client Protocol, as they were recorded and as they could be.

use crate::replay::{
    Replayed, allowed, answers, asked, decide, denied, hear, line, outline, place, replay, sent, transcript,
};
use longrein_agent::acp::Acp;
use longrein_agent::adapter::{Adapter, Input, Output};
use serde_json::{Value, json};
use session::message::{ApprovalState, Change, Chat, Doing, Outcome, StepState, ToolKind};

const COMMAND: &str = "touch made_by_agent.txt && echo hello-from-tool";

fn played(name: &str, folder: &str, not_ours: &[&str]) -> Replayed {
    let mut adapter = Acp::new(name, place(folder), None);
    replay(&mut adapter, &transcript(&format!("acp/{name}.jsonl")), not_ours, |_| allowed())
}

/// The lines that are about calls.
fn calls(came: &Replayed) -> Vec<String> {
    let outline = outline(&came.chat).into_iter();
    outline.filter(|line| line.starts_with("call") || line.starts_with("result")).collect()
}

#[test]
fn opencode_asks_before_it_runs_and_writes() {
    // It would let a client write files for it; we say that we do not.
    let came = played("opencode", "/home/dev/src/woc", &["fs/write_text_file", "session/list"]);
    let [run, write] = came.asked.as_slice() else { panic!("{:?}", came.asked) };
    assert_eq!(run.question, format!("opencode wants to run: {COMMAND}"));
    let tool = run.tool.as_ref().unwrap();
    assert_eq!((tool.command.as_deref(), tool.kind), (Some(COMMAND), ToolKind::Run));
    assert_eq!(run.scope.as_ref().unwrap().pattern, COMMAND);
    let path = "/home/dev/src/woc/note.txt";
    let tool = write.tool.as_ref().unwrap();
    assert_eq!((tool.kind, tool.paths.as_slice()), (ToolKind::Edit, &[path.to_owned()][..]));
    let change = Change { path: path.into(), old: Some(String::new()), new: Some("one\ntwo\n".into()) };
    assert_eq!(tool.changes, [change]);
    assert_eq!(
        calls(&came),
        [
            &format!("call call_2_0_0: {COMMAND}"),
            r#"result call_2_0_0: Done "hello-from-tool\n""#,
            "call call_6_0_0: ./note.txt",
            r#"result call_6_0_0: Done "Wrote file successfully.""#,
        ]
    );
    let outline = outline(&came.chat);
    assert_eq!(outline[0], r#"setup Some("fake/fake-model") in Some("build")"#);
    let turns = outline.iter().filter(|line| *line == "turn Done Some((100, 20)) None ").count();
    assert_eq!(turns, 2);
    assert!(
        !outline.iter().any(|line| line.starts_with("unknown") && !line.contains("fs/write")),
        "{outline:?}"
    );
    // What was being said is said whole at the end, under the same name.
    for chat in &came.chat {
        if let Chat::Agent { item: Some(item), text, .. } = chat {
            assert_eq!(came.partial[item], *text);
        }
    }
    let last = came.states.last().unwrap();
    assert_eq!((last.doing, last.turns, last.structured), (Doing::Idle, 2, true));
}

#[test]
fn claude_shows_each_call_once_with_all_of_it_and_says_what_it_cost() {
    let text = transcript("acp/claude.jsonl");
    let (before, after) = text
        .split_once("{\"dir\": \"agent->client\", \"msg\": {\"id\": 2, \"method\": \"elicitation/create\"")
        .unwrap();
    let mut adapter = Acp::new("acp", place("/home/dev/src/wacp"), None);
    let came = replay(&mut adapter, before, &["session/set_mode"], |_| allowed());
    assert_eq!(
        calls(&came)[..4],
        [
            format!("call toolu_fake_2_0_0: {COMMAND}"),
            "result toolu_fake_2_0_0: Done \"```console\\nhello-from-tool\\n```\"".to_owned(),
            "call toolu_fake_6_0_0: ./note.txt".to_owned(),
            "result toolu_fake_6_0_0: Done \"File created successfully at: ./note.txt (file state is current in your context — no need to Read it back)\"".to_owned(),
        ]
    );
    let written = came.asked[1].tool.as_ref().unwrap();
    assert_eq!((written.name.as_str(), written.changes[0].new.as_deref()), ("Write", Some("one\ntwo\n")));
    assert_eq!(written.changes[0].old, None);
    let costs = came.chat.iter().filter_map(|chat| match chat {
        Chat::Turn { cost, total, .. } => Some((cost.unwrap(), total.unwrap())),
        _ => None,
    });
    assert_eq!(costs.collect::<Vec<_>>(), [(1600, 1600), (2400, 4000)]);
    // A question is a form.
    let message = format!(
        "{{\"id\": 2, \"method\": \"elicitation/create\"{}",
        after.lines().next().unwrap().strip_suffix('}').unwrap()
    );
    let mut said = Vec::new();
    line(&mut adapter, &serde_json::from_str(&message).unwrap(), &mut said);
    let (key, request) = asked(&said);
    assert_eq!((request.question.as_str(), request.questions.len()), ("Which colour?", 1));
    assert!(request.questions[0].free_text && request.questions[0].choices.len() == 2);
    let said = decide(&mut adapter, key, &answers(&[&["Green"]]));
    let content = json!({"question_0_custom": "Green"});
    assert_eq!(sent(&said)[0]["result"], json!({"action": "accept", "content": content}));
}

#[test]
fn an_agent_that_would_not_ask_is_put_into_a_mode_in_which_it_does() {
    let came = played("codex", "/home/dev/src/wacpx", &["session/list"]);
    let sent: Vec<_> = came.sent.iter().map(String::as_str).collect();
    assert_eq!(sent[..4], ["initialize", "session/new", "session/set_mode", "session/prompt"]);
    assert!(outline(&came.chat)[0].ends_with("in Some(\"workspace-write\")"), "{:?}", came.chat);
    assert_eq!(
        calls(&came),
        [format!("call call_4_0_0: {COMMAND}"), r#"result call_4_0_0: Done "hello-from-tool\n""#.to_owned()]
    );
}

#[test]
fn gemini_is_asked_about_although_it_told_of_no_call() {
    let came = played("gemini", "/home/dev/src/wg", &[]);
    let [request] = came.asked.as_slice() else { panic!("{:?}", came.asked) };
    let tool = request.tool.as_ref().unwrap();
    assert_eq!(tool.command.as_deref(), Some(COMMAND));
    assert!(tool.input.to_string().contains("Make a file"));
    // It shows the command as a heading alone, so this is not allowed for longer.
    assert!(request.scope.is_none() && !request.reasons.is_empty());
    assert!(calls(&came)[0].starts_with("call run_shell_command"));
    assert!(outline(&came.chat).contains(&"turn Done Some((200, 40)) None ".to_owned()));
}

/// An agent in the middle of a turn. Its conversation is `S`.
fn working(modes: &Value) -> Acp {
    let mut adapter = Acp::new("goose", place("/w"), None);
    let mut said = Vec::new();
    hear(&mut adapter, Input::Started, &mut said);
    line(&mut adapter, &json!({"id": 0, "result": {"protocolVersion": 1}}), &mut said);
    line(&mut adapter, &json!({"id": 1, "result": {"sessionId": "S", "modes": modes}}), &mut said);
    hear(&mut adapter, Input::Prompt { id: "p1", text: "go", files: &[], by: "phone" }, &mut said);
    adapter
}

fn permission(options: &Value) -> Value {
    let call =
        json!({"toolCallId": "c", "title": "rm", "kind": "execute", "rawInput": {"command": ["rm", "a b"]}});
    json!({"id": 7, "method": "session/request_permission",
        "params": {"sessionId": "S", "toolCall": call, "options": options}})
}

fn option(id: &str, kind: &str) -> Value {
    json!({"optionId": id, "name": format!("name of {id}"), "kind": kind})
}

fn says(adapter: &mut Acp, message: &Value) -> Vec<Output> {
    let mut said = Vec::new();
    line(adapter, message, &mut said);
    said
}

#[test]
fn where_a_command_runs_is_known_also_where_the_question_does_not_repeat_it() {
    let mut adapter = working(&Value::Null);
    let call = json!({"sessionUpdate": "tool_call", "toolCallId": "c", "kind": "execute", "status": "pending",
        "rawInput": {"command": ["rm", "a b"], "cwd": "/elsewhere"}});
    let update = json!({"sessionId": "S", "update": call});
    says(&mut adapter, &json!({"method": "session/update", "params": update}));
    let (_, request) = asked(&says(&mut adapter, &permission(&json!([option("o", "allow_once")]))));
    assert_eq!(request.cwd.as_deref(), Some("/elsewhere"));
    // The same command elsewhere is another one.
    assert!(request.scope.is_none() && !request.reasons.is_empty());
}

#[test]
fn what_is_allowed_is_allowed_once() {
    let mut adapter = working(&Value::Null);
    let always = option("a", "allow_always");
    let said = says(
        &mut adapter,
        &permission(&json!([always, option("o", "allow_once"), option("r", "reject_once")])),
    );
    let (key, request) = asked(&said);
    assert_eq!(request.tool.unwrap().command.as_deref(), Some("rm 'a b'"));
    let said = decide(&mut adapter, key, &allowed());
    assert_eq!(sent(&said)[0]["result"]["outcome"], json!({"outcome": "selected", "optionId": "o"}));
    // Where it could be allowed for good alone, it is not.
    let said = says(&mut adapter, &permission(&json!([always, option("r", "reject_once")])));
    assert_eq!(sent(&said)[0]["result"]["outcome"], json!({"outcome": "selected", "optionId": "r"}));
    let said = says(&mut adapter, &permission(&json!([always])));
    assert_eq!(sent(&said)[0]["result"]["outcome"], json!({"outcome": "cancelled"}));
    assert!(matches!(said[1], Output::Chat(Chat::Note { .. })), "{said:?}");
}

fn update(update: &Value) -> Value {
    json!({"method": "session/update", "params": {"sessionId": "S", "update": update}})
}

/// As opencode 1.18 says it.
#[test]
fn a_list_of_what_is_to_be_done_is_a_plan_also_where_a_call_alone_says_it() {
    let mut adapter = working(&Value::Null);
    let call = |status: &str, todos: &Value| {
        update(&json!({"sessionUpdate": "tool_call_update", "toolCallId": "c", "title": "todowrite",
            "kind": "other", "status": status, "rawInput": {"todos": todos}}))
    };
    let todos = json!([{"content": "A", "status": "in_progress"}, {"content": "B", "status": "cancelled"}]);
    let began =
        json!({"sessionUpdate": "tool_call", "toolCallId": "c", "title": "todowrite", "rawInput": {}});
    assert_eq!(says(&mut adapter, &update(&began)), []);
    assert_eq!(says(&mut adapter, &call("in_progress", &todos)), []);
    let content = json!([{"type": "content", "content": {"type": "text", "text": "[…]"}}]);
    let over = json!({"sessionUpdate": "tool_call_update", "toolCallId": "c", "title": "2 todos",
        "status": "completed", "content": content});
    let said = says(&mut adapter, &update(&over));
    let [Output::Chat(Chat::Plan { steps })] = said.as_slice() else { panic!("{said:?}") };
    let states: Vec<_> = steps.iter().map(|step| (step.text.as_str(), step.state)).collect();
    assert_eq!(states, [("A", StepState::Begun), ("B", StepState::Done)]);
    // One that is not taken is no plan.
    let said = says(&mut adapter, &call("failed", &todos));
    assert!(
        matches!(
            said.as_slice(),
            [Output::Chat(Chat::Call { .. }), Output::Chat(Chat::Result { outcome: Outcome::Failed, .. })]
        ),
        "{said:?}"
    );
}

/// As Gemini 0.61 asks: it names the file alone.
#[test]
fn a_plan_that_was_written_down_is_shown_where_it_is_asked_about_and_its_mode_is_left_with_a_yes() {
    const PLAN: &str = "/home/dev/.gemini/tmp/app/S/plans/plan.md";
    let mode = |id: &str| json!({"id": id, "name": id});
    let modes =
        json!({"currentModeId": "default", "availableModes": [mode("yolo"), mode("default"), mode("plan")]});
    let mut adapter = working(&modes);
    let planning = json!({"sessionUpdate": "current_mode_update", "currentModeId": "plan"});
    says(&mut adapter, &update(&planning));
    let write = |path: &str, text: &str| {
        let diff = json!({"type": "diff", "path": path, "oldText": "", "newText": text});
        update(&json!({"sessionUpdate": "tool_call_update", "toolCallId": "write_file__1", "kind": "edit",
            "status": "completed", "content": [diff]}))
    };
    says(&mut adapter, &write(PLAN, "1. Do A"));
    says(&mut adapter, &write("/home/dev/app/plan.md", "other"));
    let question = |id: &str, path: &str| {
        let title = format!("Requesting plan approval for: {path}");
        let options = json!([option("o", "allow_once"), option("r", "reject_once")]);
        json!({"id": 7, "method": "session/request_permission", "params": {"sessionId": "S", "options": options,
            "toolCall": {"toolCallId": id, "kind": "other", "title": title, "status": "pending"}}})
    };
    let (_, request) = asked(&says(&mut adapter, &question("mcp_tool__1", PLAN)));
    assert_eq!(request.plan, None);
    let (_, request) = asked(&says(&mut adapter, &question("exit_plan_mode__1", "/p/plans/other.md")));
    assert_eq!(request.plan, None);
    let (key, request) = asked(&says(&mut adapter, &question("exit_plan_mode__2", PLAN)));
    assert_eq!((request.plan.as_deref(), request.scope), (Some("1. Do A"), None));
    let modes = |said: &[Output]| {
        let mode = |output: &Output| match output {
            Output::Chat(Chat::Setup(setup)) => setup.mode.clone(),
            _ => None,
        };
        said.iter().filter_map(mode).collect::<Vec<_>>()
    };
    assert!(modes(&decide(&mut adapter, key, &denied(Some("B first")))).is_empty());
    let (key, _) = asked(&says(&mut adapter, &question("exit_plan_mode__3", PLAN)));
    assert_eq!(modes(&decide(&mut adapter, key, &allowed())), ["default"]);
}

#[test]
fn of_several_ways_to_allow_it_a_person_takes_one() {
    let mut adapter = working(&Value::Null);
    let options = json!([option("a", "allow_once"), option("b", "allow_once"), option("r", "reject_once")]);
    let (key, request) = asked(&says(&mut adapter, &permission(&options)));
    assert_eq!(request.choices, ["name of a", "name of b"]);
    let mut state = allowed();
    let ApprovalState::Allowed { choice, .. } = &mut state else { unreachable!() };
    *choice = Some("name of b".into());
    let said = decide(&mut adapter, key, &state);
    assert_eq!(sent(&said)[0]["result"]["outcome"]["optionId"], "b");
    // Without one it is no yes.
    let (key, _) = asked(&says(&mut adapter, &permission(&options)));
    let said = decide(&mut adapter, key, &allowed());
    assert_eq!(sent(&said)[0]["result"]["outcome"], json!({"outcome": "cancelled"}));
}

#[test]
fn a_reason_is_told_after_the_turn_unless_it_was_stopped() {
    for stopped in [false, true] {
        let mut adapter = working(&Value::Null);
        let options = json!([option("o", "allow_once"), option("r", "reject_once")]);
        let (key, _) = asked(&says(&mut adapter, &permission(&options)));
        let said = decide(&mut adapter, key, &denied(Some("use mktemp")));
        assert_eq!(sent(&said)[0]["result"]["outcome"]["optionId"], "r");
        assert!(said.iter().any(|output| matches!(output, Output::Chat(Chat::Note { .. }))));
        if stopped {
            let mut said = Vec::new();
            hear(&mut adapter, Input::Interrupt, &mut said);
        }
        let over = json!({"id": 2, "result": {"stopReason": if stopped { "cancelled" } else { "end_turn" }}});
        let said = says(&mut adapter, &over);
        assert!(
            said.iter().any(|output| {
                matches!(output, Output::Chat(Chat::Result { outcome: Outcome::Denied, .. }))
            })
        );
        let prompts = sent(&said);
        if stopped {
            assert_eq!(prompts, [] as [Value; 0]);
            let mut said = Vec::new();
            hear(
                &mut adapter,
                Input::Prompt { id: "p1", text: "go on", files: &["/w/a.txt".into()], by: "p" },
                &mut said,
            );
            let prompt = &sent(&said)[0]["params"]["prompt"];
            assert!(prompt[0]["text"].as_str().unwrap().ends_with("use mktemp\n\ngo on"), "{prompt}");
            assert_eq!(
                prompt[1],
                json!({"type": "resource_link", "name": "a.txt", "uri": "file:///w/a.txt"})
            );
        } else {
            assert_eq!(prompts[0]["method"], "session/prompt");
            assert!(
                prompts[0]["params"]["prompt"][0]["text"].as_str().unwrap().ends_with("because: use mktemp")
            );
            assert!(!adapter.takes_prompt());
        }
    }
}

#[test]
fn a_stop_withdraws_what_was_asked_and_tells_the_agent_so() {
    let mut adapter = working(&Value::Null);
    let (key, _) = asked(&says(&mut adapter, &permission(&json!([option("o", "allow_once")]))));
    let mut said = Vec::new();
    hear(&mut adapter, Input::Interrupt, &mut said);
    let told = sent(&said);
    assert_eq!(
        (&told[0]["method"], &told[0]["params"]),
        (&json!("session/cancel"), &json!({"sessionId": "S"}))
    );
    assert_eq!(told[1], json!({"jsonrpc": "2.0", "id": 7, "result": {"outcome": {"outcome": "cancelled"}}}));
    assert!(said.contains(&Output::Withdraw { key }));
    assert_eq!(sent(&decide(&mut adapter, key, &allowed())), [] as [Value; 0]);
    let (key, _) = asked(&says(&mut adapter, &permission(&json!([option("o", "allow_once")]))));
    let said = says(&mut adapter, &json!({"method": "$/cancel_request", "params": {"requestId": 7}}));
    assert!(said.contains(&Output::Withdraw { key }));
}

#[test]
fn nothing_is_said_to_an_agent_that_will_not_ask() {
    let modes = json!({"currentModeId": "auto", "availableModes": [{"id": "auto"}, {"id": "approve", "name": "Ask"}]});
    let mut adapter = working(&modes);
    let said = says(&mut adapter, &json!({"id": 2, "error": {"message": "no such mode"}}));
    assert_eq!(sent(&said), [] as [Value; 0]);
    let failed =
        |output: &Output| matches!(output, Output::Chat(Chat::Turn { outcome: Outcome::Failed, .. }));
    assert!(said.iter().any(failed), "{said:?}");
    // The next prompt tries again, and only then says something.
    let mut said = Vec::new();
    hear(&mut adapter, Input::Prompt { id: "p1", text: "again", files: &[], by: "p" }, &mut said);
    assert_eq!(sent(&said)[0]["method"], "session/set_mode");
    assert_eq!(sent(&said).len(), 1);
    let said = says(&mut adapter, &json!({"id": 3, "result": {}}));
    assert_eq!(sent(&said)[0]["params"]["prompt"][0]["text"], "again");
}

#[test]
fn an_agent_that_wants_a_login_says_how_in_its_own_words() {
    let mut adapter = Acp::new("gemini", place("/w"), None);
    let mut said = Vec::new();
    hear(&mut adapter, Input::Started, &mut said);
    let ways = json!([{"id": "l", "name": "Log in", "description": "Run `gemini` once"}]);
    line(&mut adapter, &json!({"id": 0, "result": {"protocolVersion": 1, "authMethods": ways}}), &mut said);
    line(
        &mut adapter,
        &json!({"id": 1, "error": {"code": -32000, "message": "Authentication required"}}),
        &mut said,
    );
    let error = said.iter().find_map(|output| match output {
        Output::Chat(Chat::Turn { error, .. }) => error.clone(),
        _ => None,
    });
    assert_eq!(error.as_deref(), Some("Authentication required (Run `gemini` once)"));
    // It can be tried again once that was done.
    assert!(adapter.takes_prompt());
    said.clear();
    hear(&mut adapter, Input::Prompt { id: "p1", text: "hi", files: &[], by: "p" }, &mut said);
    assert_eq!(sent(&said)[0]["method"], "session/new");
}

#[test]
fn an_earlier_conversation_is_told_again_and_goes_on() {
    let mut adapter = Acp::new("opencode", place("/w"), Some("S".into()));
    let mut said = Vec::new();
    hear(&mut adapter, Input::Started, &mut said);
    let able = json!({"loadSession": true});
    line(
        &mut adapter,
        &json!({"id": 0, "result": {"protocolVersion": 1, "agentCapabilities": able}}),
        &mut said,
    );
    assert_eq!(sent(&said)[1]["method"], "session/load");
    said.clear();
    let mut update = |mut update: Value, kind: &str| {
        update["sessionUpdate"] = kind.into();
        let params = json!({"sessionId": "S", "update": update});
        line(&mut adapter, &json!({"method": "session/update", "params": params}), &mut said);
    };
    let text = |text: &str| json!({"content": {"type": "text", "text": text}});
    update(text("hel"), "user_message_chunk");
    update(text("lo"), "user_message_chunk");
    update(text("hm"), "agent_thought_chunk");
    update(text("hi"), "agent_message_chunk");
    update(
        json!({"toolCallId": "c", "title": "ls", "kind": "execute", "status": "completed", "rawInput": {"command": "ls"}}),
        "tool_call",
    );
    update(json!({"entries": [{"content": "a", "status": "in_progress"}]}), "plan");
    line(&mut adapter, &json!({"id": 1, "result": {}}), &mut said);
    let chat: Vec<_> = said
        .iter()
        .filter_map(|output| match output {
            Output::Chat(chat) => Some(chat.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(
        outline(&chat),
        [
            "user \"hello\"",
            "thinking \"hm\"",
            "agent \"hi\"",
            "call c: ls",
            "result c: Done \"\"",
            "plan of 1",
            "setup None in None"
        ]
    );
    assert!(matches!(&chat[5], Chat::Plan { steps } if steps[0].state == StepState::Begun));
    assert!(!said.iter().any(|output| matches!(output, Output::Partial { .. })));
    assert!(adapter.takes_prompt());
}
