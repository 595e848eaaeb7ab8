//! The HTTP API's conversations: who gets which answer, and what is said where none comes.

use crate::api::{api, problem, talk};
use crate::support::{Home, Http, eventually, kill, pid, with_agent};
use serde_json::{Value, json};

/// The session of a conversation that has begun.
fn begun(http: &Http, home: &Home) -> String {
    talk(http, home, "first", "hello").json()["session_id"].as_str().unwrap().to_owned()
}

/// Waits until so many prompts wait for the session's agent.
fn queued(http: &Http, session: &str, count: u32) {
    eventually("the prompts to wait", || {
        let one = http.get(&format!("/api/sessions/{session}")).json();
        (one["agent"]["queued"] == count && one["agent"]["doing"] == "working").then_some(())
    });
}

fn go(home: &Home) {
    std::fs::write(home.path().join("go"), "").unwrap();
}

#[test]
fn each_of_several_requests_that_say_the_same_gets_its_own_answer() {
    let home = with_agent();
    let http = api(&home, "prompt");
    let session = begun(&http, &home);
    // Twice the answer was not waited for, and once nobody ever wanted it.
    let hold = json!({ "message": "hold", "conv_id": "first", "timeout": 1 });
    problem(&http.post("/api/chat", &hold), 504);
    problem(&http.post("/api/chat", &hold), 504);
    assert_eq!(http.post(&format!("/api/sessions/{session}/prompt"), &json!({ "text": "hold" })).status, 204);
    std::thread::scope(|scope| {
        let say = |conversation: Option<&str>| {
            let body =
                json!({ "message": "hold", "conv_id": conversation, "session_id": session, "timeout": 60 });
            http.post("/api/chat", &body).json()["response"].clone()
        };
        let mut asked = Vec::new();
        for (n, conversation) in [Some("first"), Some("other"), None].into_iter().enumerate() {
            asked.push(scope.spawn(move || say(conversation)));
            queued(&http, &session, u32::try_from(n).unwrap() + 3);
        }
        go(&home);
        let answers: Vec<Value> = asked.into_iter().map(|one| one.join().unwrap()).collect();
        assert_eq!(answers, ["answer 5", "answer 6", "answer 7"]);
    });
}

#[test]
fn the_stream_of_a_lost_session_ends_and_nobody_comes_back_to_it() {
    let home = with_agent();
    let http = api(&home, "prompt");
    let session = begun(&http, &home);
    kill(pid(&home.listed(&session)["keeper_pid"]), "KILL");
    eventually("its loss", || (home.listed(&session)["state"] == "lost").then_some(()));
    let path = format!("/api/sessions/{session}/events");
    let known = http.get(&path).json()["events"].as_array().unwrap().len();
    for query in ["", "?output=true"] {
        let mut stream = http.stream(&format!("{path}{query}"), &[]);
        let mut last = String::new();
        for _ in 0..known + usize::from(!query.is_empty()) {
            last = stream.next().id.unwrap_or(last);
        }
        assert!(stream.ended(), "{query}");
        let headers = [("Accept", "text/event-stream"), ("Last-Event-ID", last.as_str())];
        assert_eq!(http.send("GET", &format!("{path}{query}"), &headers, b"").status, 204, "{query}");
    }
}

#[test]
fn whoever_gets_no_answer_is_told_what_waits_already() {
    let home = with_agent();
    let http = api(&home, "prompt");
    begun(&http, &home);
    let ask = json!({ "message": "ask", "conv_id": "first", "timeout": 2 });
    let asked = problem(&http.post("/api/chat", &ask), 504);
    let waits = http.get("/api/approvals").json()["approvals"][0]["id"].clone();
    assert_eq!(asked["approvals"], json!([waits]), "{asked}");
    let behind = json!({ "message": "and then?", "conv_id": "first", "timeout": 1 });
    let late = problem(&http.post("/api/chat", &behind), 504);
    assert_eq!(late["approvals"], json!([waits]), "{late}");
    assert!(late["after"].as_str().is_some_and(|after| after.starts_with("1.")), "{late}");
}

#[test]
fn a_message_that_was_not_sent_is_told_apart_from_one_that_is_not_answered() {
    let home = with_agent();
    let http = api(&home, "prompt");
    let session = begun(&http, &home);
    let hold = json!({ "message": "hold", "conv_id": "first", "timeout": 60 });
    std::thread::scope(|scope| {
        let first = scope.spawn(|| http.post("/api/chat", &hold));
        queued(&http, &session, 0);
        let unsent = http.post("/api/chat", &json!({ "message": "x", "conv_id": "first", "timeout": 1 }));
        let said = problem(&unsent, 503);
        assert!(said["detail"].as_str().unwrap().contains("not sent"), "{said}");
        assert!(unsent.head.to_lowercase().contains("retry-after: "), "{unsent:?}");
        go(&home);
        assert_eq!(first.join().unwrap().json()["response"], "answer 2");
    });
}

#[test]
fn a_conversation_called_like_a_session_is_held_in_that_one() {
    let home = with_agent();
    let (talks, manages) = (api(&home, "prompt"), api(&home, "manage,prompt"));
    let start = json!({ "agent": "claude", "structured": true, "cwd": home.path() });
    let session = manages.post("/api/sessions", &start).json()["session_id"].as_str().unwrap().to_owned();
    let squat =
        talks.post("/api/chat", &json!({ "message": "squat", "conv_id": session, "timeout": 60 })).json();
    assert_eq!(squat["session_id"], session.as_str());
    let said = talks.post("/api/chat", &json!({ "message": "hello", "session_id": session, "timeout": 60 }));
    assert_eq!(said.json()["session_id"], session.as_str());
    let other = begun(&talks, &home);
    let both = json!({ "message": "x", "conv_id": other, "session_id": session });
    problem(&talks.post("/api/chat", &both), 400);
}

#[test]
fn a_message_goes_on_with_what_the_last_answer_named_whatever_became_of_the_agent() {
    let home = with_agent();
    let http = api(&home, "prompt");
    let session = begun(&http, &home);
    // Sent at once, before anybody else has noticed that the agent is gone.
    problem(&talk(&http, &home, "first", "die"), 502);
    let again = json!({ "message": "hello", "conv_id": "first", "session_id": session, "timeout": 60 });
    let answer = http.post("/api/chat", &again).json();
    assert_eq!(answer["response"], "again-answer 1", "{answer}");
    assert_eq!(answer["turns"], 3, "{answer}");
    // So it is where the keeper is gone with it.
    let next = answer["session_id"].as_str().unwrap();
    kill(pid(&home.listed(next)["keeper_pid"]), "KILL");
    let answer = http.post("/api/chat", &again).json();
    assert_eq!((&answer["response"], &answer["turns"]), (&json!("again-answer 1"), &json!(4)), "{answer}");
}

#[test]
fn a_token_that_is_revoked_in_the_middle_is_told_so() {
    let home = with_agent();
    let http = api(&home, "prompt");
    let session = begun(&http, &home);
    let mut stream = http.stream(&format!("/api/sessions/{session}/events?after=now"), &[]);
    let hold = json!({ "message": "hold", "conv_id": "first", "timeout": 60 });
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| http.post("/api/chat", &hold));
        eventually("the turn to begin", || {
            let one = home.listed(&session);
            (one["agent"]["doing"] == "working").then_some(())
        });
        home.ok(&["token", "revoke", "prompt"]);
        problem(&asked.join().unwrap(), 401);
    });
    let last = loop {
        let event = stream.next();
        if event.kind == "error" {
            break event;
        }
    };
    assert_eq!(last.data["status"], 401, "{last:?}");
    assert!(stream.ended());
}
