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
