//! opencode in its own terminal: a recording of the real one, and what is hard to bring it to.

use crate::replay::{allowed, answers, asked, decide, denied, hear, outline, place, transcript};
use longrein_agent::adapter::{Adapter, Input, Output};
use longrein_agent::opencode::Opencode;
use longrein_agent::served::{Ask, Heard};
use proptest::prelude::*;
use serde_json::{Value, json};
use session::message::{ApprovalState, Chat, Doing, Outcome, Risk};
use std::path::PathBuf;

/// What was asked of the server: path, and body.
fn requests(said: &[Output]) -> Vec<(u64, String, Value)> {
    let asks = said.iter().filter_map(|output| match output {
        Output::Send(line) => {
            let Ask { id, method, path, body } = Ask::read(line).expect("a request");
            assert!(!body.contains('\n') && !path.contains(' '));
            let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
            Some((id, format!("{method} {path}"), body))
        }
        _ => None,
    });
    asks.collect()
}

fn event(adapter: &mut dyn Adapter, event: &Value) -> Vec<Output> {
    let mut said = Vec::new();
    hear(adapter, Input::Line(&Heard::Event(event.to_string().as_bytes()).line()), &mut said);
    said
}

#[expect(clippy::needless_pass_by_value, reason = "it is written where it is passed")]
fn told(adapter: &mut dyn Adapter, kind: &str, about: Value) -> Vec<Output> {
    event(adapter, &json!({ "id": "evt_1", "type": kind, "properties": about }))
}

/// Answers what was asked of the server by its path.
fn answer(adapter: &mut dyn Adapter, said: &[Output], path: &str, status: u16, body: &Value) -> Vec<Output> {
    let (id, ..) = requests(said).into_iter().rfind(|(_, asked, _)| asked == path).expect(path);
    let mut came = Vec::new();
    let body = body.to_string();
    hear(adapter, Input::Line(&Heard::Answer { id, status, body: body.as_bytes() }.line()), &mut came);
    came
}

fn chats(said: &[Output]) -> Vec<Chat> {
    let chats = said.iter().filter_map(|output| match output {
        Output::Chat(chat) => Some(chat.clone()),
        _ => None,
    });
    chats.collect()
}

fn withdrawn(said: &[Output]) -> usize {
    said.iter().filter(|output| matches!(output, Output::Withdraw { .. })).count()
}

fn untaken(said: &[Output]) -> usize {
    said.iter().filter(|output| matches!(output, Output::Untaken { .. })).count()
}

/// One that is spoken to, and follows the conversation `ses_1`.
fn up() -> Opencode {
    let mut adapter = Opencode::new(place("/w"), Some("ses_1".into()), None);
    hear(&mut adapter, Input::Started, &mut Vec::new());
    assert!(adapter.takes_prompt());
    adapter
}

fn permission(id: &str, session: &str) -> Value {
    json!({
        "id": id, "sessionID": session, "permission": "bash", "patterns": ["ls"], "always": ["ls *"],
        "metadata": { "command": "ls" },
    })
}

#[test]
fn a_recorded_terminal_is_told_whole_and_answered_as_it_was() {
    let mut adapter = Opencode::new(place("/home/dev/src/oc"), None, None);
    let mut said = Vec::new();
    hear(&mut adapter, Input::Started, &mut said);
    let mut open = Vec::new();
    for line in transcript("opencode/terminal.jsonl").lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let mut came = Vec::new();
        if entry["event"].is_object() {
            came = event(&mut adapter, &entry["event"]);
        } else {
            let (path, body) = (entry[">"][1].as_str().unwrap(), &entry[">"][2]);
            let state = match (body["reply"].as_str(), body["answers"].is_array()) {
                (Some("reject"), _) => Some(denied(body["message"].as_str())),
                (Some(_), _) => Some(allowed()),
                (None, true) => Some(answers(&[&["Blue"]])),
                (None, false) => None,
            };
            if let Some(state) = state {
                came = decide(&mut adapter, open.pop().expect("something was asked"), &state);
            } else if path.ends_with("/abort") {
                hear(&mut adapter, Input::Interrupt, &mut came);
                if requests(&came).is_empty() {
                    continue;
                }
            } else {
                let text = body["parts"][0]["text"].as_str().unwrap();
                hear(&mut adapter, Input::Prompt { id: "p1", text, files: &[], by: "phone" }, &mut came);
            }
            let sent = requests(&came);
            let (_, sent_path, sent_body) = sent.last().unwrap();
            assert_eq!(*sent_path, format!("POST {path}"));
            for name in ["reply", "message", "answers", "parts"] {
                assert_eq!(sent_body[name], body[name], "{name} of {path}");
            }
        }
        open.extend(came.iter().filter_map(|output| match output {
            Output::Ask { key, .. } => Some(*key),
            _ => None,
        }));
        said.extend(came);
    }
    let outline = outline(&chats(&said));
    let outline: Vec<_> = outline.iter().map(String::as_str).collect();
    assert_eq!(outline, EXPECTED, "{outline:#?}");
    let by: Vec<_> = chats(&said)
        .into_iter()
        .filter_map(|chat| match chat {
            Chat::User { by, .. } => Some(by),
            _ => None,
        })
        .collect();
    assert_eq!(by.last(), Some(&Some("phone".to_owned())), "the last was said from there");
    assert!(by[..by.len() - 1].iter().all(Option::is_none));
    let requests: Vec<_> = said
        .iter()
        .filter_map(|output| match output {
            Output::Ask { request, .. } => Some((**request).clone()),
            _ => None,
        })
        .collect();
    let edit = requests[0].tool.as_ref().unwrap();
    assert_eq!(edit.paths, ["/home/dev/src/oc/note.txt"]);
    assert_eq!((edit.changes[0].old.as_deref(), edit.changes[0].new.as_deref()), (None, Some("one\ntwo\n")));
    assert_eq!(requests[1].questions[0].text, "Which colour?");
    let command = requests[2].tool.as_ref().unwrap();
    assert_eq!(command.command.as_deref(), Some("touch made_by_agent.txt && echo hello-from-tool"));
}

const EXPECTED: [&str; 28] = [
    "setup Some(\"fake/fake-model\") in Some(\"build\")",
    "user \"write a file\"",
    "call prt_202c16ab7001NBJI2tulGH9sWO: /home/dev/src/oc/note.txt",
    "agent \"Writing.\"",
    "result prt_202c16ab7001NBJI2tulGH9sWO: Denied \"The user rejected permission to use this specific tool call with the following feedback: use notes.md instead\"",
    "agent \"File written: The user rejected permission to use this specific tool call with the following feedback: use notes.md instead\"",
    "turn Done Some((200, 40)) Some(280) ",
    "user \"ask me\"",
    "call prt_202c181b5001xIRl4C5MpmnYgo: ",
    "result prt_202c181b5001xIRl4C5MpmnYgo: Done \"User has answered your questions: \\\"Which colour?\\\"=\\\"Blue\\\". You can now continue with the user's answers in mind.\"",
    "agent \"You said: User has answered your questions: \\\"Which colour?\\\"=\\\"Blue\\\". You can now continue with the user's answers in mind.\"",
    "turn Done Some((200, 40)) Some(560) ",
    "user \"todo list\"",
    "agent \"Todo result: The todowrite tool was called with invalid arguments: SchemaError(Missing key\\n  at [\\\"todos\\\"][0][\\\"priority\\\"]).\\nPlease rewrite the input so it satisfies the expected schema.\"",
    "turn Done Some((200, 40)) Some(840) ",
    "user \"slow\"",
    "agent \"Slow answer one two three four five six seven eight nine ten.\"",
    "turn Interrupted Some((0, 0)) Some(840) ",
    "user \"run bash\"",
    "call prt_202c215bb00100nnO1hONZfGU9: touch made_by_agent.txt && echo hello-from-tool",
    "agent \"I will run a command.\"",
    "result prt_202c215bb00100nnO1hONZfGU9: Interrupted \"\"",
    "turn Interrupted Some((0, 0)) Some(840) ",
    "user \"run bash please\"",
    "call prt_202c23a4c0010dplL33aIYSWlm: touch made_by_agent.txt && echo hello-from-tool",
    "agent \"I will run a command.\"",
    "result prt_202c23a4c0010dplL33aIYSWlm: Denied \"The user rejected permission to use this specific tool call.\"",
    "turn Done Some((100, 20)) Some(980) ",
];

#[test]
fn what_was_answered_at_the_desk_is_withdrawn_and_not_asked_again() {
    let mut adapter = up();
    told(&mut adapter, "session.status", json!({ "sessionID": "ses_1", "status": { "type": "busy" } }));
    let said = told(&mut adapter, "permission.asked", permission("per_1", "ses_1"));
    let (key, request) = asked(&said);
    assert_eq!(request.scope, None, "what opencode did not show whole is allowed once");
    let again = told(&mut adapter, "permission.asked", permission("per_1", "ses_1"));
    assert!(requests(&again).is_empty() && !again.iter().any(|output| matches!(output, Output::Ask { .. })));
    let said =
        told(&mut adapter, "permission.replied", json!({ "sessionID": "ses_1", "requestID": "per_1" }));
    assert_eq!(withdrawn(&said), 1);
    let late = decide(&mut adapter, key, &allowed());
    assert!(requests(&late).is_empty(), "it is over");
    let again = told(&mut adapter, "permission.asked", permission("per_1", "ses_1"));
    assert!(!again.iter().any(|output| matches!(output, Output::Ask { .. })));
}

#[test]
fn what_waits_in_a_conversation_that_rests_is_refused_since_opencode_forgets_to() {
    let mut adapter = up();
    told(&mut adapter, "session.status", json!({ "sessionID": "ses_1", "status": { "type": "busy" } }));
    told(&mut adapter, "permission.asked", permission("per_1", "ses_1"));
    let said = told(&mut adapter, "session.idle", json!({ "sessionID": "ses_1" }));
    assert_eq!(withdrawn(&said), 1);
    let expected = ("POST /permission/per_1/reply".to_owned(), json!({ "reply": "reject" }));
    assert_eq!(
        requests(&said).into_iter().map(|(_, path, body)| (path, body)).collect::<Vec<_>>(),
        [expected]
    );
    assert!(matches!(chats(&said)[..], [Chat::Turn { outcome: Outcome::Done, .. }]));
}

#[test]
fn what_was_missed_is_asked_for_when_it_can_be_spoken_to_again() {
    let mut adapter = up();
    told(&mut adapter, "session.status", json!({ "sessionID": "ses_1", "status": { "type": "busy" } }));
    told(&mut adapter, "permission.asked", permission("per_1", "ses_1"));
    let mut said = Vec::new();
    hear(&mut adapter, Input::Cut, &mut said);
    assert_eq!(withdrawn(&said), 1);
    assert!(!adapter.takes_prompt());
    said.clear();
    hear(&mut adapter, Input::Started, &mut said);
    let busy = json!({ "ses_1": { "type": "busy" } });
    let said = answer(&mut adapter, &said, "GET /session/status", 200, &busy);
    let listed = json!([permission("per_1", "ses_1"), permission("per_2", "ses_2")]);
    let came = answer(&mut adapter, &said, "GET /permission", 200, &listed);
    let (key, _) = asked(&came);
    let others = came.iter().filter(|output| matches!(output, Output::Ask { .. })).count();
    assert_eq!(others, 1, "of a conversation that rests, nothing is waited for");
    let messages = json!([
        { "info": { "id": "msg_u", "role": "user", "sessionID": "ses_1", "agent": "build" },
          "parts": [{ "id": "prt_u", "type": "text", "text": "go", "messageID": "msg_u", "sessionID": "ses_1" }] },
        { "info": { "id": "msg_a", "role": "assistant", "sessionID": "ses_1" },
          "parts": [{ "id": "prt_a", "type": "text", "text": "going", "messageID": "msg_a", "sessionID": "ses_1", "time": { "end": 1 } }] },
    ]);
    let came = answer(&mut adapter, &said, "GET /session/ses_1/message?limit=20", 200, &messages);
    let lines = outline(&chats(&came));
    assert_eq!(lines[1..], ["user \"go\"", "agent \"going\""]);
    let again = told(&mut adapter, "message.part.updated", json!({ "part": messages[1]["parts"][0] }));
    assert!(chats(&again).is_empty(), "it was told");
    let said = decide(&mut adapter, key, &allowed());
    assert_eq!(requests(&said)[0].2, json!({ "reply": "once" }));
}

#[test]
fn an_answer_that_may_not_have_come_to_opencode_leaves_it_to_be_asked_anew() {
    let busy = json!({ "sessionID": "ses_1", "status": { "type": "busy" } });
    let listed = json!([permission("per_1", "ses_1")]);
    let unknown = |said: &[Output]| outline(&chats(said)).iter().any(|line| line.contains("not known"));
    // There was no answer in time.
    let mut adapter = up();
    told(&mut adapter, "session.status", busy.clone());
    let (key, _) = asked(&told(&mut adapter, "permission.asked", permission("per_1", "ses_1")));
    let said = decide(&mut adapter, key, &denied(None));
    let again = told(&mut adapter, "permission.asked", permission("per_1", "ses_1"));
    assert!(!again.iter().any(|output| matches!(output, Output::Ask { .. })), "it is being answered");
    let said = answer(&mut adapter, &said, "POST /permission/per_1/reply", 0, &json!("late"));
    assert!(unknown(&said));
    let said = answer(&mut adapter, &said, "GET /permission", 200, &listed);
    let (key, _) = asked(&said);
    // It was cut off meanwhile.
    decide(&mut adapter, key, &allowed());
    let mut said = Vec::new();
    hear(&mut adapter, Input::Cut, &mut said);
    assert!(unknown(&said));
    hear(&mut adapter, Input::Started, &mut said);
    let said =
        answer(&mut adapter, &said, "GET /session/status", 200, &json!({ "ses_1": { "type": "busy" } }));
    let (key, _) = asked(&answer(&mut adapter, &said, "GET /permission", 200, &listed));
    // It came.
    let came = decide(&mut adapter, key, &allowed());
    answer(&mut adapter, &came, "POST /permission/per_1/reply", 200, &json!(true));
    let again = told(&mut adapter, "permission.asked", permission("per_1", "ses_1"));
    assert!(!again.iter().any(|output| matches!(output, Output::Ask { .. })), "it is over");
}

#[test]
fn a_prompt_that_may_not_have_been_taken_is_told_of() {
    let say = |adapter: &mut Opencode, text| {
        let mut said = Vec::new();
        hear(adapter, Input::Prompt { id: "p1", text, files: &[], by: "phone" }, &mut said);
        said
    };
    let is_unknown = |said: &[Output], texts: &[&str]| {
        let lines = outline(&chats(said));
        let unknown = lines.iter().filter(|line| line.contains("not known whether this was taken"));
        assert!(unknown.clone().count() == texts.len(), "{lines:?}");
        assert!(unknown.zip(texts).all(|(line, text)| line.contains(text)), "{lines:?}");
        assert_eq!(untaken(said), texts.len(), "it waits no more");
    };
    let prompt = "POST /session/ses_1/prompt_async";
    for end in [Input::Cut, Input::Ended { exit: 0 }] {
        let mut adapter = up();
        let taken = say(&mut adapter, "taken");
        answer(&mut adapter, &taken, prompt, 204, &Value::Null);
        say(&mut adapter, "told of");
        let user = json!({ "id": "msg_u", "role": "user", "sessionID": "ses_1" });
        told(&mut adapter, "message.updated", json!({ "info": user }));
        let part = json!({ "id": "prt_u", "type": "text", "text": "told of", "messageID": "msg_u", "sessionID": "ses_1" });
        told(&mut adapter, "message.part.updated", json!({ "part": part }));
        say(&mut adapter, "one");
        say(&mut adapter, "two");
        let mut said = Vec::new();
        hear(&mut adapter, end, &mut said);
        is_unknown(&said, &["one", "two"]);
    }
    let mut adapter = Opencode::new(place("/w"), None, None);
    hear(&mut adapter, Input::Started, &mut Vec::new());
    say(&mut adapter, "first");
    let mut said = Vec::new();
    hear(&mut adapter, Input::Cut, &mut said);
    is_unknown(&said, &["first"]);

    let mut adapter = up();
    let (one, two) = (say(&mut adapter, "one"), say(&mut adapter, "two"));
    let said = answer(&mut adapter, &one, prompt, 400, &json!({ "data": { "message": "no" } }));
    let lines = outline(&chats(&said));
    assert!(lines[0].contains("did not take this (400 no): one"), "{lines:?}");
    assert_eq!(untaken(&said), 1);
    is_unknown(&answer(&mut adapter, &two, prompt, 0, &json!("late")), &["two"]);

    // It takes one, and fails before it begins.
    let mut adapter = up();
    let dropped = say(&mut adapter, "dropped");
    answer(&mut adapter, &dropped, prompt, 204, &Value::Null);
    let error = json!({ "name": "UnknownError", "data": { "message": "no such agent" } });
    // What an earlier turn failed for is none of it.
    let info = json!({ "id": "msg_a", "role": "assistant", "sessionID": "ses_1", "error": error });
    assert_eq!(untaken(&told(&mut adapter, "message.updated", json!({ "info": info }))), 0);
    let elsewhere = json!({ "sessionID": "ses_2", "error": error });
    assert_eq!(untaken(&told(&mut adapter, "session.error", elsewhere)), 0);
    let said = told(&mut adapter, "session.error", json!({ "sessionID": "ses_1", "error": error }));
    let lines = outline(&chats(&said));
    assert!(lines[0].contains("did not take this (no such agent): dropped"), "{lines:?}");
    assert_eq!(untaken(&said), 1, "it waits no more");
}

#[test]
fn words_from_the_desk_are_not_taken_for_a_prompt_that_was_lost() {
    let say = |adapter: &mut Opencode, id, by| {
        let mut said = Vec::new();
        hear(adapter, Input::Prompt { id, text: "go on", files: &[], by }, &mut said);
        said
    };
    let lost = |adapter: &mut Opencode| {
        let said = say(adapter, "p1", "phone");
        answer(adapter, &said, "POST /session/ses_1/prompt_async", 0, &json!("late"));
    };
    let user = json!({ "id": "msg_u", "role": "user", "sessionID": "ses_1" });
    let part =
        json!({ "id": "prt_u", "type": "text", "text": "go on", "messageID": "msg_u", "sessionID": "ses_1" });
    let whose = |said: &[Output]| match chats(said).into_iter().find(|chat| matches!(chat, Chat::User { .. }))
    {
        Some(Chat::User { by, prompt, .. }) => (by, prompt),
        _ => panic!("{said:?}"),
    };
    let echo = |adapter: &mut Opencode| {
        told(adapter, "message.updated", json!({ "info": user }));
        whose(&told(adapter, "message.part.updated", json!({ "part": part })))
    };
    let idle = json!({ "sessionID": "ses_1" });
    let (phone, tablet) = (Some("phone".to_owned()), Some("tablet".to_owned()));

    // It may have come, and nobody waits for what is said then.
    let mut adapter = up();
    lost(&mut adapter);
    assert_eq!(echo(&mut adapter), (phone.clone(), None));

    // One that is under way goes first.
    let mut adapter = up();
    lost(&mut adapter);
    say(&mut adapter, "p2", "tablet");
    assert_eq!(echo(&mut adapter), (tablet, Some("p2".into())));

    // It was cut off: it is lost once opencode rests and what was missed is known.
    for missed in [true, false] {
        let mut adapter = up();
        say(&mut adapter, "p1", "phone");
        let mut said = Vec::new();
        hear(&mut adapter, Input::Cut, &mut said);
        said.clear();
        hear(&mut adapter, Input::Started, &mut said);
        let said =
            answer(&mut adapter, &said, "GET /session/status", 200, &json!({ "ses_1": { "type": "busy" } }));
        told(&mut adapter, "session.idle", idle.clone());
        told(&mut adapter, "session.status", json!({ "sessionID": "ses_1", "status": { "type": "busy" } }));
        let messages = if missed { json!([{ "info": user, "parts": [part] }]) } else { json!([]) };
        let came = answer(&mut adapter, &said, "GET /session/ses_1/message?limit=20", 200, &messages);
        if missed {
            assert_eq!(whose(&came), (phone.clone(), None));
        } else {
            told(&mut adapter, "session.idle", idle.clone());
            assert_eq!(echo(&mut adapter), (None, None));
        }
    }
}

#[test]
fn what_a_call_gets_is_known_before_anybody_is_asked_to_allow_it() {
    let about = json!({
        "id": "per_1", "sessionID": "ses_1", "permission": "mcp_send", "patterns": ["*"], "metadata": {},
        "tool": { "messageID": "msg_1", "callID": "c" },
    });
    let part = |status, input| {
        json!({
            "id": "prt_1", "type": "tool", "tool": "mcp_send", "messageID": "msg_1", "callID": "c",
            "sessionID": "ses_1", "state": { "status": status, "input": input },
        })
    };
    let (pending, running) = (part("pending", json!({})), part("running", json!({ "to": "you" })));
    let asks = |said: &[Output]| said.iter().any(|output| matches!(output, Output::Ask { .. }));
    let message = "GET /session/ses_1/message/msg_1";
    // It is told right behind.
    let mut adapter = up();
    told(&mut adapter, "message.part.updated", json!({ "part": pending }));
    let said = told(&mut adapter, "permission.asked", about.clone());
    assert!(!asks(&said) && requests(&said).is_empty());
    let (_, request) = asked(&told(&mut adapter, "message.part.updated", json!({ "part": running })));
    assert_eq!(request.tool.unwrap().input["input"]["to"], "you");
    // It was missed, and its message is looked for.
    let mut adapter = up();
    let fetch = told(&mut adapter, "permission.asked", about.clone());
    assert!(!asks(&fetch));
    let (_, request) = asked(&answer(&mut adapter, &fetch, message, 200, &json!({ "parts": [running] })));
    assert_eq!(request.tool.unwrap().input["input"]["to"], "you");
    // There is none, or it says nothing of the call.
    for (status, parts) in [(404, json!([])), (200, json!([]))] {
        let mut adapter = up();
        let fetch = told(&mut adapter, "permission.asked", about.clone());
        let said = answer(&mut adapter, &fetch, message, status, &json!({ "parts": parts }));
        let lines = outline(&chats(&said));
        assert!(!asks(&said) && lines[0].contains("answer it there"), "{lines:?}");
    }
    // It was answered at the desk meanwhile.
    let mut adapter = up();
    let fetch = told(&mut adapter, "permission.asked", about.clone());
    told(&mut adapter, "permission.replied", json!({ "sessionID": "ses_1", "requestID": "per_1" }));
    let said = answer(&mut adapter, &fetch, message, 200, &json!({ "parts": [running] }));
    assert!(!asks(&said) && chats(&said).is_empty());
    let mut bare = permission("per_1", "ses_1");
    bare["metadata"] = json!({});
    assert!(!asks(&told(&mut up(), "permission.asked", bare)), "patterns are no command");
    let mut elsewhere = about;
    elsewhere["tool"]["messageID"] = json!("../x");
    let said = told(&mut up(), "permission.asked", elsewhere);
    assert!(!asks(&said) && requests(&said).is_empty());
}

#[test]
fn a_prompt_begins_a_conversation_where_there_is_none_and_the_desk_sees_it() {
    let mut adapter = Opencode::new(place("/w"), None, None);
    let mut said = Vec::new();
    hear(&mut adapter, Input::Started, &mut said);
    said.clear();
    let files = [PathBuf::from("/up/a b.png")];
    hear(&mut adapter, Input::Prompt { id: "p1", text: "look", files: &files, by: "phone" }, &mut said);
    assert!(!adapter.takes_prompt(), "the next one waits for the conversation");
    let said = answer(&mut adapter, &said, "POST /session", 200, &json!({ "id": "ses_9" }));
    let sent = requests(&said);
    assert_eq!(sent[0].1, "POST /tui/select-session");
    assert_eq!(sent[1].1, "POST /session/ses_9/prompt_async");
    assert_eq!(sent[1].2["parts"][1]["url"], "file:///up/a%20b.png");
    // What is told the desk before its interface listens is told it again.
    let busy = json!({ "sessionID": "ses_9", "status": { "type": "busy" } });
    assert_eq!(requests(&told(&mut adapter, "session.status", busy))[0].1, "POST /tui/select-session");
    let said = answer(&mut adapter, &said, &sent[1].1, 400, &json!({ "data": { "message": "no model" } }));
    let lines = outline(&chats(&said));
    assert!(lines[0].contains("no model") && lines[0].contains("look"), "{lines:?}");
}

#[test]
fn a_failed_turn_says_why_in_opencodes_words() {
    let mut adapter = up();
    told(&mut adapter, "session.status", json!({ "sessionID": "ses_1", "status": { "type": "busy" } }));
    let error = json!({ "name": "APIError", "data": { "message": "Overloaded" } });
    told(&mut adapter, "session.error", json!({ "sessionID": "ses_1", "error": error }));
    let said = told(&mut adapter, "session.idle", json!({ "sessionID": "ses_1" }));
    assert!(
        matches!(&chats(&said)[..], [Chat::Turn { outcome: Outcome::Failed, error: Some(why), .. }] if why == "Overloaded")
    );
}

#[test]
fn a_plan_is_a_plan_noise_is_nothing_and_what_is_new_is_kept() {
    let mut adapter = up();
    let todos = json!([{ "content": "A", "status": "in_progress" }, { "content": "B", "status": "pending" }]);
    let said = told(&mut adapter, "todo.updated", json!({ "sessionID": "ses_1", "todos": todos }));
    assert_eq!(outline(&chats(&said)), ["plan of 2"]);
    assert!(chats(&told(&mut adapter, "plugin.added", json!({}))).is_empty());
    assert!(matches!(
        chats(&told(&mut adapter, "permission.v9.asked", json!({})))[..],
        [Chat::Unknown { .. }]
    ));
}

#[test]
fn a_server_that_does_not_come_up_leaves_a_terminal_and_a_note() {
    let mut adapter = Opencode::new(place("/w"), None, None);
    let mut said = Vec::new();
    hear(&mut adapter, Input::Cut, &mut said);
    assert!(matches!(&chats(&said)[..], [Chat::Note { text }] if text.contains("terminal alone")));
    let bell = longrein_agent::adapter::Said::Bell;
    said.clear();
    hear(&mut adapter, Input::Said(&bell), &mut said);
    assert!(matches!(&said[..], [Output::State(state)] if state.doing == Doing::NeedsYou), "{said:?}");
}

#[test]
fn a_name_that_would_lead_elsewhere_is_asked_nothing_about() {
    let mut adapter = up();
    for id in ["../session/x", "per 1", "", "a/b"] {
        let said = told(&mut adapter, "permission.asked", permission(id, "ses_1"));
        assert!(said.is_empty(), "{id}: {said:?}");
    }
    let outside = json!({
        "id": "per_1", "sessionID": "ses_1", "permission": "external_directory", "patterns": ["/etc/*"], "metadata": {},
    });
    let (_, request) = asked(&told(&mut adapter, "permission.asked", outside));
    assert!(request.risk >= Risk::Careful && request.scope.is_none());
}

#[derive(Clone, Debug)]
enum Done {
    Recorded(usize, Vec<(usize, u8)>),
    Bytes(Vec<u8>),
    Answer(u64, u16, Vec<u8>),
    No(u64, bool),
    Prompt,
    Interrupt,
    Cut,
    Started,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_opencode_tells_nobody_says_yes_but_a_person(steps in prop::collection::vec(prop_oneof![
        8 => (any::<usize>(), prop::collection::vec(any::<(usize, u8)>(), 0..3)).prop_map(|(n, flips)| Done::Recorded(n, flips)),
        1 => prop::collection::vec(any::<u8>(), 0..64).prop_map(Done::Bytes),
        2 => (0..12u64, prop_oneof![Just(200u16), Just(404), Just(0)], prop::collection::vec(any::<u8>(), 0..16)).prop_map(|(id, status, body)| Done::Answer(id, status, body)),
        2 => (0..4u64, any::<bool>()).prop_map(|(key, expires)| Done::No(key, expires)),
        1 => Just(Done::Prompt),
        1 => Just(Done::Interrupt),
        1 => Just(Done::Cut),
        1 => Just(Done::Started),
    ], 0..60)) {
        let text = transcript("opencode/terminal.jsonl");
        let events: Vec<_> = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].clone())
            .filter(Value::is_object).map(|event| event.to_string().into_bytes()).collect();
        let mut adapter = Opencode::new(place("/home/dev/src/oc"), None, None);
        hear(&mut adapter, Input::Started, &mut Vec::new());
        for step in &steps {
            match step {
                Done::Recorded(n, flips) => {
                    let mut event = events[n % events.len()].clone();
                    for (at, byte) in flips {
                        let length = event.len();
                        event[at % length] = *byte;
                    }
                    adapter.handle(Input::Line(&Heard::Event(&event).line()), 1);
                }
                Done::Bytes(bytes) => adapter.handle(Input::Line(bytes), 1),
                Done::Answer(id, status, body) => {
                    adapter.handle(Input::Line(&Heard::Answer { id: *id, status: *status, body }.line()), 1);
                }
                Done::No(key, expires) => {
                    let state = if *expires { ApprovalState::Expired { decided_at: 0 } } else { denied(Some("no")) };
                    adapter.handle(Input::Decided { key: *key, state: &state }, 1);
                }
                Done::Prompt => adapter.handle(Input::Prompt { id: "p1", text: "go", files: &[], by: "p" }, 1),
                Done::Interrupt => adapter.handle(Input::Interrupt, 1),
                Done::Cut => adapter.handle(Input::Cut, 1),
                Done::Started => adapter.handle(Input::Started, 1),
            }
            while let Some(output) = adapter.poll() {
                if let Output::Send(line) = &output {
                    let Ask { path, body, .. } = Ask::read(line).unwrap();
                    prop_assert!(!path.starts_with("/permission/") || body.contains(r#""reply":"reject""#), "{path} {body}");
                    prop_assert!(!path.starts_with("/question/") || path.ends_with("/reject"), "{path}");
                    prop_assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-?=".contains(&byte)), "{path}");
                }
            }
        }
        adapter.handle(Input::Decided { key: u64::MAX, state: &allowed() }, 1);
        prop_assert!(!std::iter::from_fn(|| adapter.poll()).any(|output| matches!(output, Output::Send(_))));
    }
}
