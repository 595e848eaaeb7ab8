//! Codex in its own terminal, whose app server we share: as it was recorded, and as it could be.

use crate::replay::{allowed, asked, decide, denied, hear, line, outline, place, replay, sent, transcript};
use longrein_agent::adapter::{Adapter, Input, Looked, Output, Said};
use longrein_agent::codex::appserver::AppServer;
use serde_json::{Value, json};
use session::message::{Chat, Doing};

fn joining() -> AppServer {
    AppServer::joining(place("/home/dev/src/wr"))
}

#[test]
fn desk_and_devices_are_in_one_conversation_and_both_are_asked() {
    let came = replay(&mut joining(), &transcript("codex/joined.jsonl"), &[], |_| allowed());
    // The first was answered here, the second at the desk.
    assert_eq!((came.asked.len(), came.withdrawn.len()), (2, 1));
    let outline = outline(&came.chat);
    let said: Vec<_> = outline.iter().filter(|line| line.starts_with("user")).map(String::as_str).collect();
    assert_eq!(said, [r#"user "run bash""#, r#"user "run bash""#, r#"user "hi""#], "{outline:?}");
    assert_eq!(outline.iter().filter(|line| line.starts_with("turn Done")).count(), 3, "{outline:?}");
    assert_eq!(outline.iter().filter(|line| line.contains(": Done \"hello")).count(), 2, "{outline:?}");
    assert!(outline[1].starts_with("setup Some(\"fake-model\") in None"), "{outline:?}");
    assert!(!outline.iter().any(|line| line.starts_with("unknown")), "{outline:?}");
    // What Codex thinks of for a title is not said.
    assert!(!outline.iter().any(|line| line.contains("title")), "{outline:?}");
    let last = came.states.last().unwrap();
    assert_eq!((last.doing, last.structured), (Doing::Idle, false));
}

#[test]
fn what_was_said_before_a_turn_was_joined_is_there_once() {
    let came = replay(&mut joining(), &transcript("codex/joined-late.jsonl"), &[], |_| allowed());
    let outline = outline(&came.chat);
    for line in [r#"user "run bash""#, r#"agent "I will run a command.""#] {
        assert_eq!(outline.iter().filter(|said| *said == line).count(), 1, "{outline:?}");
    }
    assert_eq!(came.asked.len(), 1);
}

/// A message of it, and what came of that.
fn says(adapter: &mut AppServer, message: &Value) -> Vec<Output> {
    let mut said = Vec::new();
    line(adapter, message, &mut said);
    said
}

fn status(status: &str) -> Value {
    json!({"method": "thread/status/changed", "params": {"threadId": "T", "status": {"type": status}}})
}

fn methods(said: &[Output]) -> Vec<String> {
    sent(said).iter().map(|sent| sent["method"].as_str().unwrap_or("answer").to_owned()).collect()
}

/// One that has introduced itself, and has these conversations. Its next question has the id 2.
fn linked(loaded: &[&str]) -> (AppServer, Vec<Output>) {
    let mut adapter = joining();
    hear(&mut adapter, Input::Started, &mut Vec::new());
    let said = says(&mut adapter, &json!({"id": 0, "result": {"userAgent": "longrein/0.169.0 (x)"}}));
    assert_eq!(methods(&said), ["initialized", "thread/loaded/list"]);
    let said = says(&mut adapter, &json!({"id": 1, "result": {"data": loaded}}));
    (adapter, said)
}

/// One that has joined a conversation whose turn runs. Its next question has the id 4.
fn joined() -> AppServer {
    let (mut adapter, _) = linked(&[]);
    says(&mut adapter, &json!({"method": "thread/started", "params": {"thread": {"id": "T"}}}));
    assert_eq!(methods(&says(&mut adapter, &status("active"))), ["thread/resume"]);
    let thread = json!({"id": "T", "status": {"type": "active"}});
    assert_eq!(
        methods(&says(&mut adapter, &json!({"id": 2, "result": {"thread": thread}}))),
        ["thread/items/list"]
    );
    says(&mut adapter, &json!({"id": 3, "result": {"data": []}}));
    says(&mut adapter, &json!({"method": "turn/started", "params": {"threadId": "T", "turn": {"id": "U"}}}));
    adapter
}

fn ask(id: u64) -> Value {
    json!({"id": id, "method": "item/commandExecution/requestApproval", "params": {
        "threadId": "T", "turnId": "U", "itemId": "i", "command": "make", "cwd": "/home/dev/src/wr"}})
}

#[test]
fn a_conversation_without_a_turn_is_joined_with_its_first_one_and_can_be_spoken_to_before() {
    let (mut adapter, _) = linked(&[]);
    assert!(!adapter.takes_prompt(), "nobody knows what its terminal shows");
    let title = json!({"method": "thread/started", "params": {"thread": {"id": "E", "ephemeral": true}}});
    says(&mut adapter, &title);
    assert!(!adapter.takes_prompt());
    says(&mut adapter, &json!({"method": "thread/started", "params": {"thread": {"id": "T"}}}));
    assert!(adapter.takes_prompt());
    assert_eq!(methods(&says(&mut adapter, &status("active"))), ["thread/resume"]);
    let early = json!({"id": 2, "error": {"message": "no rollout found for thread id T"}});
    assert_eq!(methods(&says(&mut adapter, &early)), [""; 0]);
    assert!(!adapter.takes_prompt(), "a turn runs");
    assert_eq!(methods(&says(&mut adapter, &status("active"))), ["thread/resume"]);
    assert_eq!(methods(&says(&mut adapter, &status("active"))), [""; 0], "it was asked for");
}

#[test]
fn a_conversation_that_began_before_codex_was_heard_is_found() {
    let (mut adapter, said) = linked(&["E", "T", "S", "gone"]);
    assert_eq!(methods(&said), ["thread/read"; 4]);
    // What is told meanwhile is of a conversation that is looked at.
    assert_eq!(methods(&says(&mut adapter, &status("idle"))), [""; 0]);
    let idle = json!({"type": "idle"});
    let title = json!({"id": 2, "result": {"thread": {"id": "E", "ephemeral": true, "status": idle}}});
    assert_eq!(methods(&says(&mut adapter, &title)), [""; 0]);
    assert!(!adapter.takes_prompt(), "no terminal shows that");
    let shown = json!({"id": 3, "result": {"thread": {"id": "T", "status": idle}}});
    assert_eq!(methods(&says(&mut adapter, &shown)), ["thread/resume"]);
    assert!(adapter.takes_prompt());
    let own = json!({"id": 4, "result": {"thread": {"id": "S", "parentThreadId": "T", "status": idle}}});
    assert_eq!(methods(&says(&mut adapter, &own)), ["thread/resume"]);
    let gone = json!({"id": 5, "error": {"message": "thread not found: gone"}});
    assert_eq!(methods(&says(&mut adapter, &gone)), ["thread/resume"]);
    // It has no turn yet.
    says(&mut adapter, &json!({"id": 6, "error": {"message": "no rollout found for thread id T"}}));
    let mut said = Vec::new();
    hear(&mut adapter, Input::Prompt { id: "p1", text: "go", files: &[], by: "phone" }, &mut said);
    assert_eq!(sent(&said)[0]["params"]["threadId"], "T");
}

#[test]
fn a_terminal_that_shows_no_conversation_needs_somebody() {
    let (mut adapter, _) = linked(&[]);
    let doing = |said: &[Output]| {
        let last = said.iter().rev().find_map(|output| match output {
            Output::State(state) => Some((state.doing, state.wants.clone())),
            _ => None,
        });
        last.unwrap_or_else(|| panic!("nothing new is shown: {said:?}"))
    };
    let mut said = Vec::new();
    hear(&mut adapter, Input::Looked(&Looked::default()), &mut said);
    assert_eq!(doing(&said), (Doing::NeedsYou, "its terminal shows no conversation yet".to_owned()));
    // Its title says that nothing runs, which is so.
    let idle = Said::Status { doing: Doing::Idle, app: "codex".to_owned(), message: String::new() };
    let mut said = Vec::new();
    hear(&mut adapter, Input::Said(&idle), &mut said);
    assert_eq!(said, []);
    let said = says(&mut adapter, &json!({"method": "thread/started", "params": {"thread": {"id": "T"}}}));
    assert_eq!(doing(&said), (Doing::Idle, String::new()));
    let mut said = Vec::new();
    hear(&mut adapter, Input::Looked(&Looked::default()), &mut said);
    assert_eq!(said, []);
}

#[test]
fn a_turn_that_runs_already_when_codex_is_heard_is_waited_for() {
    let (mut adapter, _) = linked(&["T"]);
    let active = json!({"id": "T", "status": {"type": "active"}});
    let said = says(&mut adapter, &json!({"id": 2, "result": {"thread": active}}));
    assert_eq!(methods(&said), ["thread/resume"]);
    assert!(!adapter.takes_prompt());
    let said = says(&mut adapter, &json!({"id": 3, "result": {"thread": active}}));
    assert_eq!(methods(&said), ["thread/items/list"]);
    let item = json!({"type": "agentMessage", "id": "m", "text": "I make it."});
    let missed = json!({"id": 4, "result": {"data": [{"turnId": "U", "item": item}]}});
    assert_eq!(outline(&chat(&says(&mut adapter, &missed))), [r#"agent "I make it.""#]);
    let over = json!({"threadId": "T", "turn": {"id": "U"}});
    says(&mut adapter, &json!({"method": "turn/completed", "params": over}));
    assert!(adapter.takes_prompt());
}

#[test]
fn what_was_opened_before_another_is_not_spoken_to() {
    let (mut adapter, _) = linked(&[]);
    let reads = says(&mut adapter, &status("idle"));
    says(&mut adapter, &json!({"method": "thread/started", "params": {"thread": {"id": "N"}}}));
    let thread = json!({"id": "T", "status": {"type": "idle"}});
    says(&mut adapter, &json!({"id": sent(&reads)[0]["id"], "result": {"thread": thread}}));
    let mut said = Vec::new();
    hear(&mut adapter, Input::Prompt { id: "p1", text: "go", files: &[], by: "phone" }, &mut said);
    assert_eq!(sent(&said)[0]["params"]["threadId"], "N");
}

#[test]
fn a_turn_is_stopped_by_its_own_name_whatever_was_missed_before_it() {
    let (mut adapter, _) = linked(&[]);
    says(&mut adapter, &json!({"method": "thread/started", "params": {"thread": {"id": "T"}}}));
    let mut said = Vec::new();
    hear(&mut adapter, Input::Prompt { id: "p1", text: "go", files: &[], by: "phone" }, &mut said);
    let starts = sent(&said)[0]["id"].clone();
    says(&mut adapter, &status("active"));
    says(&mut adapter, &json!({"id": starts, "result": {"turn": {"id": "U"}}}));
    let active = json!({"id": "T", "status": {"type": "active"}});
    says(&mut adapter, &json!({"id": 3, "result": {"thread": active}}));
    let item = json!({"type": "agentMessage", "id": "m", "text": "Before."});
    let said = says(&mut adapter, &json!({"id": 4, "result": {"data": [{"turnId": "P", "item": item}]}}));
    assert_eq!(outline(&chat(&said)), [r#"agent "Before.""#], "its own turn is not over");
    let stops = |adapter: &mut AppServer| {
        let mut said = Vec::new();
        hear(adapter, Input::Interrupt, &mut said);
        sent(&said)[0]["params"]["turnId"].clone()
    };
    assert_eq!(stops(&mut adapter), "U");
    // One that began at the desk is known by what it does.
    let started = json!({"threadId": "T", "turnId": "V", "item": {"type": "reasoning", "id": "r"}});
    says(&mut adapter, &json!({"method": "item/started", "params": started}));
    assert_eq!(stops(&mut adapter), "V");
}

#[test]
fn a_turn_that_could_not_be_joined_ends_when_its_conversation_does_nothing() {
    let (mut adapter, _) = linked(&[]);
    says(&mut adapter, &json!({"method": "thread/started", "params": {"thread": {"id": "T"}}}));
    let mut said = Vec::new();
    hear(&mut adapter, Input::Prompt { id: "p1", text: "go", files: &[], by: "phone" }, &mut said);
    says(&mut adapter, &json!({"id": sent(&said)[0]["id"], "result": {"turn": {"id": "U"}}}));
    let not_yet = json!({"message": "no rollout found for thread id T"});
    let tries = says(&mut adapter, &status("active"));
    says(&mut adapter, &json!({"id": sent(&tries)[0]["id"], "error": not_yet}));
    assert!(!adapter.takes_prompt(), "a turn runs");
    let tries = says(&mut adapter, &status("idle"));
    assert_eq!(methods(&tries), ["thread/resume"], "it may have been told of by now");
    let said = says(&mut adapter, &json!({"id": sent(&tries)[0]["id"], "error": not_yet}));
    assert_eq!(outline(&chat(&said)), ["turn Done None None "]);
    assert!(adapter.takes_prompt());
}

#[test]
fn a_stop_that_came_too_late_stops_nothing_else() {
    let (mut adapter, _) = linked(&[]);
    says(&mut adapter, &json!({"method": "thread/started", "params": {"thread": {"id": "T"}}}));
    says(&mut adapter, &status("active"));
    hear(&mut adapter, Input::Interrupt, &mut Vec::new());
    says(&mut adapter, &status("idle"));
    let next = json!({"threadId": "T", "turn": {"id": "V"}});
    let said = says(&mut adapter, &json!({"method": "turn/started", "params": next}));
    assert!(!methods(&said).contains(&"turn/interrupt".to_owned()), "{said:?}");
}

#[test]
fn a_conversation_whose_beginning_was_not_told_is_looked_at_once_something_is_told_of_it() {
    let (mut adapter, _) = linked(&[]);
    assert_eq!(methods(&says(&mut adapter, &status("notLoaded"))), [""; 0]);
    assert_eq!(methods(&says(&mut adapter, &status("idle"))), ["thread/read"]);
    assert_eq!(methods(&says(&mut adapter, &status("idle"))), [""; 0], "it was asked for");
    // It is cut off before that is answered, and asked for again.
    hear(&mut adapter, Input::Cut, &mut Vec::new());
    let again = linked_again(&mut adapter);
    assert_eq!(again[1]["method"], "thread/loaded/list");
    let said = says(&mut adapter, &json!({"id": again[1]["id"], "result": {"data": ["T"]}}));
    assert_eq!(methods(&said), ["thread/read"]);
    let thread = json!({"id": "T", "status": {"type": "idle"}});
    says(&mut adapter, &json!({"id": sent(&said)[0]["id"], "result": {"thread": thread}}));
    assert!(adapter.takes_prompt());
}

#[test]
fn what_waits_is_withdrawn_when_the_server_is_cut_off_and_asked_anew_when_it_is_joined_again() {
    let mut adapter = joined();
    let (key, _) = asked(&says(&mut adapter, &ask(7)));
    let mut cut = Vec::new();
    hear(&mut adapter, Input::Cut, &mut cut);
    assert!(cut.contains(&Output::Withdraw { key }) && sent(&cut).is_empty(), "{cut:?}");
    assert!(cut.iter().any(|output| matches!(output, Output::Chat(Chat::Note { .. }))));
    assert!(!adapter.takes_prompt());
    assert_eq!(sent(&decide(&mut adapter, key, &allowed())), [Value::Null; 0], "that is over");
    // Its terminal says more than we know.
    let message = "run make?".to_owned();
    let blocked = Said::Status { doing: Doing::NeedsYou, app: "codex".to_owned(), message };
    let mut said = Vec::new();
    hear(&mut adapter, Input::Said(&blocked), &mut said);
    assert!(
        matches!(said.as_slice(), [Output::State(state)] if state.doing == Doing::NeedsYou && state.wants == "run make?")
    );
    let mut again = Vec::new();
    hear(&mut adapter, Input::Started, &mut again);
    let id = sent(&again)[0]["id"].clone();
    assert_eq!(methods(&again), ["initialize"]);
    let again = says(&mut adapter, &json!({"id": id, "result": {}}));
    assert_eq!(methods(&again), ["initialized", "thread/resume"]);
    let (key, _) = asked(&says(&mut adapter, &ask(0)));
    let said = decide(&mut adapter, key, &denied(None));
    assert_eq!(sent(&said), [json!({"id": 0, "result": {"decision": "decline"}})]);
}

#[test]
fn a_turn_that_ended_while_we_were_cut_off_is_over() {
    let mut adapter = joined();
    hear(&mut adapter, Input::Cut, &mut Vec::new());
    let mut said = Vec::new();
    hear(&mut adapter, Input::Started, &mut said);
    let said = says(&mut adapter, &json!({"id": sent(&said)[0]["id"], "result": {}}));
    let thread = json!({"id": "T", "status": {"type": "idle"}});
    let said = says(&mut adapter, &json!({"id": sent(&said)[1]["id"], "result": {"thread": thread}}));
    let item = json!({"type": "agentMessage", "id": "m", "text": "It is made."});
    let missed = json!({"id": sent(&said)[0]["id"], "result": {"data": [{"turnId": "U", "item": item}]}});
    let said = says(&mut adapter, &missed);
    let again = r#"note "Codex can be answered here again.""#;
    assert_eq!(outline(&chat(&said)), [again, r#"agent "It is made.""#, "turn Done None None "]);
    assert!(adapter.takes_prompt());
}

/// It is linked to again, and has introduced itself; what it was asked then.
fn linked_again(adapter: &mut AppServer) -> Vec<Value> {
    let mut said = Vec::new();
    hear(adapter, Input::Started, &mut said);
    sent(&says(adapter, &json!({"id": sent(&said)[0]["id"], "result": {}})))
}

fn chat(said: &[Output]) -> Vec<Chat> {
    let chat = said.iter().filter_map(|output| match output {
        Output::Chat(chat) => Some(chat.clone()),
        _ => None,
    });
    chat.filter(|chat| !matches!(chat, Chat::Setup(_))).collect()
}

fn notes(said: &[Output]) -> Vec<&str> {
    let mut notes = Vec::new();
    for output in said {
        if let Output::Chat(Chat::Note { text }) = output {
            notes.push(text.as_str());
        }
    }
    notes
}

#[test]
fn a_prompt_that_is_lost_with_the_link_is_told_of_and_those_behind_it_are_taken() {
    let idle = json!({"result": {"thread": {"id": "T", "status": {"type": "idle"}}}});
    let unknown = json!({"error": {"message": "no rollout found for thread id T"}});
    for answer in [idle, unknown] {
        let mut adapter = joined();
        let over = json!({"threadId": "T", "turn": {"id": "U"}});
        says(&mut adapter, &json!({"method": "turn/completed", "params": over}));
        let mut said = Vec::new();
        hear(&mut adapter, Input::Prompt { id: "p1", text: "go on", files: &[], by: "phone" }, &mut said);
        assert_eq!(methods(&said), ["turn/start"]);
        let mut cut = Vec::new();
        hear(&mut adapter, Input::Cut, &mut cut);
        assert!(notes(&cut).contains(&"It is not known whether Codex took this: go on"), "{cut:?}");
        let mut again = answer;
        again["id"] = linked_again(&mut adapter)[1]["id"].clone();
        assert!(!adapter.takes_prompt(), "it may run");
        says(&mut adapter, &again);
        assert!(adapter.takes_prompt());
        let mut said = Vec::new();
        hear(&mut adapter, Input::Interrupt, &mut said);
        let next = json!({"threadId": "T", "turn": {"id": "V"}});
        said.extend(says(&mut adapter, &json!({"method": "turn/started", "params": next})));
        assert_eq!(methods(&said), [""; 0], "the desk's next turn is not stopped");
    }
}

#[test]
fn after_a_cut_no_change_is_asked_about_as_it_was_before() {
    let mut adapter = joined();
    let changes = |diff: &str| json!([{"path": "a.rs", "kind": {"type": "add"}, "diff": diff}]);
    let item =
        json!({"type": "fileChange", "id": "f", "status": "inProgress", "changes": changes("before\n")});
    let started = json!({"threadId": "T", "turnId": "U", "item": item});
    says(&mut adapter, &json!({"method": "item/started", "params": started}));
    let about = json!({"threadId": "T", "turnId": "U", "itemId": "f"});
    let ask =
        |id: u64| json!({"id": id, "method": "item/fileChange/requestApproval", "params": about.clone()});
    asked(&says(&mut adapter, &ask(7)));
    hear(&mut adapter, Input::Cut, &mut Vec::new());
    linked_again(&mut adapter);
    let said = says(&mut adapter, &ask(8));
    assert!(!said.iter().any(|output| matches!(output, Output::Ask { .. })), "{said:?}");
    assert_eq!(sent(&said), [Value::Null; 0], "it is left to the desk");
    let patch = json!({"threadId": "T", "turnId": "U", "itemId": "f", "changes": changes("after\n")});
    says(&mut adapter, &json!({"method": "item/fileChange/patchUpdated", "params": patch}));
    let (_, request) = asked(&says(&mut adapter, &ask(9)));
    let shown = format!("{request:?}");
    assert!(shown.contains("after") && !shown.contains("before"), "{shown}");
}

#[test]
fn an_outage_is_told_of_once_however_often_the_link_is_cut_again() {
    let mut adapter = joined();
    let (mut told, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        // Its answer is more than one text may be.
        hear(&mut adapter, Input::Cut, &mut told);
        let mut said = Vec::new();
        hear(&mut adapter, Input::Started, &mut said);
        said.extend(says(&mut adapter, &json!({"id": sent(&said)[0]["id"], "result": {}})));
        let thread = json!({"id": "T", "status": {"type": "active"}});
        let resumed = json!({"id": sent(&said)[2]["id"], "result": {"thread": thread}});
        asked = says(&mut adapter, &resumed);
        assert_eq!(methods(&asked), ["thread/items/list"]);
        told.append(&mut said);
    }
    assert_eq!(notes(&told).len(), 1, "{told:?}");
    let works = says(&mut adapter, &json!({"id": sent(&asked)[0]["id"], "result": {"data": []}}));
    assert_eq!(notes(&works), ["Codex can be answered here again."]);
}

#[test]
fn what_cannot_be_shown_is_left_to_the_desk_and_never_answered_for_it() {
    for (method, params) in [
        ("item/fileChange/requestApproval", json!({"threadId": "T", "turnId": "U", "itemId": "never-seen"})),
        (
            "item/tool/requestUserInput",
            json!({"threadId": "T", "questions": [{"id": "s", "isSecret": true}]}),
        ),
        ("mcpServer/elicitation/request", json!({"mode": "url", "url": "x"})),
        ("item/somethingNew", json!({})),
    ] {
        let said = says(&mut joined(), &json!({"id": 9, "method": method, "params": params}));
        assert_eq!(sent(&said), [Value::Null; 0], "{method}");
        assert!(said.iter().any(|output| matches!(output, Output::Chat(_))), "{method}");
    }
}

/// The terminal opens a conversation; which one is spoken to then.
fn opened(adapter: &mut AppServer, id: &str, more: &Value) -> Value {
    let idle = json!({"threadId": id, "status": {"type": "idle"}});
    let said = says(adapter, &json!({"method": "thread/status/changed", "params": idle}));
    assert_eq!(methods(&said), ["thread/read"]);
    let mut thread = json!({"id": id, "status": {"type": "idle"}});
    thread.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    says(adapter, &json!({"id": sent(&said)[0]["id"], "result": {"thread": thread}}));
    let mut said = Vec::new();
    hear(adapter, Input::Prompt { id: "p1", text: "go", files: &[], by: "phone" }, &mut said);
    sent(&said)[0]["params"]["threadId"].clone()
}

#[test]
fn the_conversation_that_the_terminal_shows_is_the_one_that_is_spoken_to() {
    let mut adapter = joined();
    says(
        &mut adapter,
        &json!({"method": "turn/completed", "params": {"threadId": "T", "turn": {"id": "U"}}}),
    );
    // `/new` at the desk.
    says(&mut adapter, &json!({"method": "thread/started", "params": {"thread": {"id": "N"}}}));
    let mut said = Vec::new();
    hear(&mut adapter, Input::Prompt { id: "p1", text: "go", files: &[], by: "phone" }, &mut said);
    assert_eq!(sent(&said)[0]["params"]["threadId"], "N");
    // `/resume` of an earlier one is told by its status alone.
    let mut opens = |id: &str, more: Value| opened(&mut adapter, id, &more);
    assert_eq!(opens("R", json!({})), "R");
    assert_eq!(opens("Q", json!({})), "Q");
    // Back to one that was shown before.
    let closed = json!({"threadId": "R", "status": {"type": "notLoaded"}});
    says(&mut adapter, &json!({"method": "thread/status/changed", "params": closed}));
    let mut opens = |id: &str, more: Value| opened(&mut adapter, id, &more);
    assert_eq!(opens("R", json!({})), "R");
    assert_eq!(opens("S2", json!({"parentThreadId": "R"})), "R");
    assert_eq!(opens("E", json!({"ephemeral": true})), "R");
    says(&mut adapter, &json!({"method": "thread/started", "params": {"thread": {"id": "N"}}}));
    // An agent of its own is not what it shows.
    let own = json!({"method": "thread/started", "params": {"thread": {"id": "S", "parentThreadId": "N"}}});
    says(&mut adapter, &own);
    let mut said = Vec::new();
    hear(&mut adapter, Input::Prompt { id: "p1", text: "go", files: &[], by: "phone" }, &mut said);
    assert_eq!(sent(&said)[0]["params"]["threadId"], "N");
}
