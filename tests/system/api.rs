//! The HTTP API as scripts use it, with a stand-in for an agent that speaks enough of its protocol.

use crate::support::{Answer, Home, Http, PROGRAM, eventually, kill, pid, with_agent};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

pub fn token(home: &Home, scopes: &str) -> String {
    home.ok(&["token", "create", "--scope", scopes, "--name", &scopes.replace(',', ".")]).trim().to_owned()
}

/// The API of a home's daemon, for whoever has a token with these scopes.
pub fn api(home: &Home, scopes: &str) -> Http {
    Http::new(&address(home), &token(home, scopes))
}

pub fn address(home: &Home) -> String {
    home.json(&["status", "--json"])["address"].as_str().unwrap().to_owned()
}

pub fn problem(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.head.contains("application/problem+json"), "{answer:?}");
    let problem = answer.json();
    assert!(problem["status"] == status && !problem["detail"].as_str().unwrap().is_empty(), "{problem}");
    problem
}

pub fn talk(http: &Http, home: &Home, conversation: &str, message: &str) -> Answer {
    http.post(
        "/api/chat",
        &json!({ "message": message, "conv_id": conversation, "cwd": home.path(), "timeout": 60 }),
    )
}

#[test]
fn a_conversation_goes_on_whatever_becomes_of_daemon_and_agent() {
    let home = with_agent();
    let http = api(&home, "prompt");
    let first = talk(&http, &home, "nightly", "hello").json();
    assert_eq!((first["response"].as_str(), first["turns"].as_u64()), (Some("answer 1"), Some(1)), "{first}");
    assert_eq!(
        (first["cost"].as_f64(), first["conv_id"].as_str()),
        (Some(0.001), Some("nightly")),
        "{first}"
    );
    let second = talk(&http, &home, "nightly", "and again").json();
    assert_eq!(second["session_id"], first["session_id"]);
    assert_eq!((second["response"].as_str(), second["total_cost"].as_f64()), (Some("answer 2"), Some(0.002)));
    // The daemon alone is gone.
    let at = address(&home);
    kill(home.daemon(), "KILL");
    home.ok(&["up", "--bind", &at]);
    let third = talk(&http, &home, "nightly", "still there?").json();
    assert_eq!(
        (third["session_id"].clone(), third["turns"].as_u64()),
        (first["session_id"].clone(), Some(3))
    );
    // The agent itself ends.
    let died = problem(&talk(&http, &home, "nightly", "die"), 502);
    assert_eq!(died["conv_id"], "nightly", "{died}");
    let fourth = talk(&http, &home, "nightly", "go on").json();
    assert_ne!(fourth["session_id"], first["session_id"]);
    assert_eq!(fourth["response"], "again-answer 1", "it knows the conversation");
    let other = talk(&http, &home, "another", "hello").json();
    assert_eq!(other["response"], "answer 1");
    // Forgotten, it begins anew, and its session is over.
    assert_eq!(http.post("/api/reset?conv_id=nightly", &json!({})).json()["conv_id"], "nightly");
    eventually("the session's end", || {
        (home.listed(fourth["session_id"].as_str().unwrap())["state"] == "ended").then_some(())
    });
    problem(&http.post("/api/reset?conv_id=nightly", &json!({})), 404);
    // One that was held in a session of somebody else's goes on by that session's name, wherever it goes on.
    let ended = json!({ "message": "x", "session_id": first["session_id"], "timeout": 60 });
    problem(&http.post("/api/chat", &ended), 409);
    let manager = api(&home, "prompt,manage");
    let taken = manager.post("/api/chat", &ended).json();
    assert_eq!((&taken["response"], &taken["conv_id"]), (&json!("again-answer 1"), &first["session_id"]));
    assert_eq!(http.post("/api/chat", &ended).json()["session_id"], taken["session_id"]);
    assert_eq!(talk(&http, &home, "nightly", "hello").json()["response"], "answer 1");
}

#[test]
fn what_the_agent_says_unasked_is_nobodys_answer() {
    let home = with_agent();
    let http = api(&home, "prompt");
    assert_eq!(talk(&http, &home, "c", "background").json()["response"], "answer 1");
    assert_eq!(talk(&http, &home, "c", "and now?").json()["response"], "answer 2");
}

#[test]
fn what_somebody_else_started_is_not_started_again_by_whoever_may_only_talk() {
    let home = with_agent();
    let (talks, manages) = (api(&home, "prompt"), api(&home, "manage,prompt"));
    let start = json!({ "agent": "claude", "structured": true, "cwd": home.path() });
    let session = manages.post("/api/sessions", &start).json()["session_id"].as_str().unwrap().to_owned();
    for conversation in [None, Some("borrowed")] {
        let say = json!({ "message": "hi", "conv_id": conversation, "session_id": session, "timeout": 60 });
        let say = |http: &Http| http.post("/api/chat", &say);
        assert_eq!(say(&talks).json()["session_id"], session.as_str(), "it may be talked to");
    }
    home.ok(&["kill", &session]);
    eventually("its end", || (home.listed(&session)["state"] == "ended").then_some(()));
    for body in [
        json!({ "message": "hi", "session_id": session }),
        json!({ "message": "hi", "conv_id": session }),
        json!({ "message": "hi", "conv_id": "borrowed" }),
    ] {
        problem(&talks.post("/api/chat", &body), 409);
    }
    assert_eq!(home.json(&["ls", "--json"]).as_array().unwrap().len(), 1, "nothing was started");
    let taken = json!({ "message": "hi", "conv_id": "borrowed", "timeout": 60 });
    assert_eq!(manages.post("/api/chat", &taken).json()["response"], "again-answer 1");
}

#[test]
fn a_turn_that_takes_too_long_goes_on_and_can_be_interrupted() {
    let home = with_agent();
    let http = api(&home, "prompt");
    let say = json!({ "message": "slow", "conv_id": "c", "cwd": home.path(), "timeout": 1 });
    let late = problem(&http.post("/api/chat", &say), 504);
    let session = late["session_id"].as_str().unwrap();
    assert_eq!(late["conv_id"], "c");
    let one = http.get(&format!("/api/sessions/{session}")).json();
    assert_eq!(
        (one["state"].as_str(), one["agent"]["doing"].as_str()),
        (Some("running"), Some("working")),
        "{one}"
    );
    // What was asked meanwhile is not answered by another's turn.
    std::thread::scope(|scope| {
        let next = scope.spawn(|| talk(&http, &home, "c", "hello").json());
        eventually("the message to wait", || {
            let one = http.get(&format!("/api/sessions/{session}")).json();
            (one["agent"]["queued"] == 1).then_some(())
        });
        assert_eq!(http.post(&format!("/api/sessions/{session}/interrupt"), &json!({})).status, 204);
        assert_eq!(next.join().unwrap()["response"], "answer 1");
    });
    let after = late["after"].as_str().unwrap();
    let page = http.get(&format!("/api/sessions/{session}/events?after={after}")).json();
    let turns = page["events"].as_array().unwrap().iter().filter(|event| event["data"]["type"] == "turn");
    let outcomes: Vec<_> = turns.map(|event| event["data"]["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["interrupted", "done"], "{page}");
}

#[test]
fn events_come_once_and_in_order_behind_any_of_them() {
    let home = with_agent();
    let http = api(&home, "prompt,manage");
    let session = talk(&http, &home, "c", "one").json()["session_id"].as_str().unwrap().to_owned();
    talk(&http, &home, "c", "two");
    let path = format!("/api/sessions/{session}/events");
    let all = http.get(&path).json();
    let ids = |page: &Value| -> Vec<String> {
        page["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let everything = ids(&all);
    assert!(everything.len() >= 6 && all["more"] == false, "{all}");
    assert_eq!(all["next"], everything.last().unwrap().as_str());
    for (n, id) in everything.iter().enumerate() {
        assert_eq!(ids(&http.get(&format!("{path}?after={id}")).json()), everything[n + 1..]);
    }
    // As a stream, each from where the one before was cut.
    let mut streamed = Vec::new();
    let mut stream = http.stream(&path, &[]);
    streamed.extend((0..3).map(|_| stream.next().id.unwrap()));
    drop(stream);
    let mut stream = http.stream(&path, &[("Last-Event-ID", &streamed[2])]);
    streamed.extend((3..everything.len()).map(|_| stream.next().id.unwrap()));
    assert_eq!(streamed, everything);
    // And what happens from now on.
    assert_eq!(
        http.post(&format!("/api/sessions/{session}/prompt"), &json!({ "text": "three" })).status,
        204
    );
    let said = loop {
        let event = stream.next();
        if event.data["data"]["type"] == "agent" {
            break event;
        }
    };
    assert_eq!(said.data["data"]["text"], "answer 3");
    assert_eq!(http.post(&format!("/api/sessions/{session}/stop"), &json!({})).status, 204);
    let last = loop {
        let event = stream.next();
        if event.kind == "exit" {
            break event;
        }
    };
    assert!(stream.ended());
    // Whoever comes after the end is told that there is nothing more.
    let id = last.id.unwrap();
    let headers = [("Accept", "text/event-stream"), ("Last-Event-ID", id.as_str())];
    assert_eq!(http.send("GET", &path, &headers, b"").status, 204);
    assert_eq!(http.stream(&format!("{path}?output=true"), &[("Last-Event-ID", "1.1")]).until("exit"), id);
    let told = http.post(&format!("/api/sessions/{session}/prompt"), &json!({ "text": "four" }));
    assert!(problem(&told, 409)["hint"].as_str().unwrap().contains("restart"), "it can be gone on with");
    for (after, why) in [("after=1.99999", 400), ("after=x", 400), ("nonsense=1", 400), ("output=true", 400)]
    {
        problem(&http.get(&format!("{path}?{after}")), why);
    }
}

#[test]
fn a_slow_reader_of_a_flood_gets_a_screen_and_every_line_of_what_is_kept() {
    let home = with_agent();
    let http = api(&home, "manage,input");
    let script =
        format!("{PROGRAM} notify begun; read go; seq 1 3000000; {PROGRAM} notify ended; exec sleep 1000");
    let start = json!({ "command": ["/bin/sh", "-c", script], "cwd": home.path() });
    let session = http.post("/api/sessions", &start).json()["session_id"].as_str().unwrap().to_owned();
    let path = format!("/api/sessions/{session}/events");
    let mut stream = http.stream(&format!("{path}?output=true"), &[]);
    let wait = |stream: &mut crate::support::Events, text: &str| {
        let mut kinds = Vec::new();
        loop {
            let event = stream.next();
            if event.kind == "banner" {
                assert_eq!(event.data["data"]["text"], text);
                return kinds;
            }
            kinds.push(event.kind);
        }
    };
    wait(&mut stream, "begun");
    assert_eq!(http.post(&format!("/api/sessions/{session}/input"), &json!({ "text": "go\r" })).status, 204);
    // Nothing is read until all of it was written.
    eventually("the end of the flood", || {
        let page = http.get(&path).json();
        page["events"].as_array().unwrap().iter().any(|event| event["data"]["text"] == "ended").then_some(())
    });
    let kinds = wait(&mut stream, "ended");
    assert!(kinds.iter().any(|kind| kind == "screen"), "it was skipped ahead: {} events", kinds.len());
}

#[test]
fn a_token_may_do_what_its_scopes_say_until_it_is_revoked() {
    let home = with_agent();
    let all = ["read", "prompt", "decide", "input", "manage"];
    let https: Vec<_> = all.iter().map(|scope| api(&home, scope)).collect();
    let session = home.session(&["sleep", "1000"]);
    let at = |what: &str| format!("/api/sessions/{session}/{what}");
    let text = json!({ "text": "x" });
    let asked = [
        ("prompt", at("prompt"), text.clone()),
        ("input", at("input"), text),
        ("prompt", "/api/reset?conv_id=none".to_owned(), json!({})),
        ("manage", "/api/sessions".to_owned(), json!({ "command": ["true"] })),
        ("manage", at("stop"), json!({})),
    ];
    for (scope, http) in all.iter().zip(&https) {
        assert_eq!(http.get("/api/sessions").status, 200, "{scope} reads");
        for (needs, path, body) in &asked {
            let status = http.post(path, body).status;
            assert_eq!(status == 403, scope != needs, "{scope} {path}: {status}");
        }
    }
    for (wrong, status) in [("lr_wrong", 401), ("", 401)] {
        let answer = Http::new(&address(&home), wrong).get("/api/sessions");
        problem(&answer, status);
        assert!(answer.head.to_lowercase().contains("www-authenticate: bearer"), "{answer:?}");
    }
    let running = home.session(&["sleep", "1000"]);
    let mut stream = https[0].stream(&format!("/api/sessions/{running}/events?after=now"), &[]);
    home.ok(&["token", "revoke", "read"]);
    while !stream.ended() {
        assert_ne!(stream.next().kind, "chat");
    }
    problem(&https[0].get("/api/sessions"), 401);
    let left = home.json(&["token", "list", "--json"]);
    assert_eq!(left.as_array().unwrap().len(), 4, "{left}");
    for args in [
        &["token", "revoke", "read"][..],
        &["token", "create", "--name", "input"],
        &["token", "create", "--ttl", "5s"],
    ] {
        let ran = home.run(args);
        assert!(ran.status != 0 && !ran.err.is_empty(), "{ran:?}");
    }
    // Nobody who could be asked makes a token to answer with.
    let inside =
        home.session(&["/bin/sh", "-c", &format!("{PROGRAM} token create; echo made-$?.; exec sleep 1000")]);
    eventually("it to be refused", || home.ok(&["logs", &inside]).contains("made-1.").then_some(()));
}

#[test]
fn an_approval_is_decided_once_by_a_token_that_names_what_it_saw() {
    let home = with_agent();
    let http = api(&home, "decide");
    let ask = |question: &str| {
        let mut asker = home.command(&["ask", question, "--choices", "red,blue"]);
        asker.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    };
    let asker = ask("Which colour?");
    let waits = eventually("the question", || {
        http.get("/api/approvals").json()["approvals"].as_array().unwrap().first().cloned()
    });
    let path = format!("/api/approvals/{}", waits["id"].as_str().unwrap());
    let whole = http.get(&path).json();
    assert_eq!(whole["request"]["question"], "Which colour?", "{whole}");
    let decide = |digest: &Value, choice: &str| {
        http.post(&path, &json!({ "decision": "allow", "digest": digest, "choice": choice }))
    };
    let prompts = api(&home, "prompt");
    let body = json!({ "decision": "allow", "digest": whole["digest"], "choice": "red" });
    problem(&prompts.post(&path, &body), 403);
    problem(&decide(&json!("00"), "red"), 400);
    problem(&decide(&whole["digest"], "green"), 400);
    assert_eq!(decide(&whole["digest"], "red").status, 200);
    problem(&decide(&whole["digest"], "blue"), 409);
    let said = asker.wait_with_output().unwrap();
    assert_eq!((said.stdout.as_slice(), said.status.code()), (&b"red\n"[..], Some(0)));
    let all = home.json(&["approvals", "--all", "--json"]);
    assert_eq!(all[0]["by"]["label"], "token decide", "{all}");
    problem(&http.get("/api/approvals/aaaaaaaaaaaaaaaa"), 404);
}

#[test]
fn what_is_wrong_gets_one_sentence_and_nothing_from_elsewhere_an_answer() {
    let home = with_agent();
    let http = api(&home, "prompt,manage");
    let chat = |body: &Value| http.post("/api/chat", body);
    problem(&chat(&json!({ "mesage": "x" })), 400);
    problem(&chat(&json!({ "message": " " })), 400);
    problem(&chat(&json!({ "message": "x", "timeout": 0 })), 400);
    problem(&chat(&json!({ "message": "x", "conv_id": "../x" })), 400);
    problem(&chat(&json!({ "message": "x", "session_id": "aaaaaaaaaaaaaaaa" })), 404);
    problem(&chat(&json!({ "message": "x", "cwd": "nowhere" })), 400);
    problem(&chat(&json!({ "message": "x".repeat(300_000) })), 413);
    problem(&chat(&json!({ "message": "x".repeat(40_000), "cwd": home.path() })), 400);
    assert_eq!(home.json(&["ls", "--json"]), json!([]), "no agent is started for what it cannot be told");
    problem(&chat(&json!({ "message": "x", "agent": "nobody-has-this", "cwd": home.path() })), 404);
    problem(&http.send("POST", "/api/chat", &[("Content-Type", "application/json")], b"{"), 400);
    problem(&http.send("POST", "/api/chat", &[], b"message=x"), 415);
    problem(&http.send("PUT", "/api/chat", &[], b""), 405);
    problem(&http.get("/api/nothing"), 404);
    problem(&http.get("/api/sessions/x/events"), 404);
    problem(&http.get("/api/sessions?token=x"), 400);
    let terminal = home.session(&["sleep", "1000"]);
    problem(&chat(&json!({ "message": "x", "session_id": terminal })), 400);
    for header in
        [("Host", "evil.example"), ("Origin", "http://evil.example"), ("X-Forwarded-For", "203.0.113.1")]
    {
        problem(&http.send("GET", "/api/sessions", &[header], b""), 403);
        problem(&http.send("GET", "/api/docs", &[header], b""), 403);
    }
    let nobody = Http::new(&address(&home), "");
    assert!(nobody.get("/health").text().contains("ok"));
    assert!(nobody.get("/api/docs").text().contains("POST /api/chat"));
    assert!(nobody.get("/api/openapi.json").json()["paths"]["/api/chat"]["post"].is_object());
    let basic = Http::basic(&address(&home), "anybody", &token(&home, "read"));
    assert_eq!(basic.get("/api/sessions").status, 200);
    let many: Vec<_> = (0..100).map(|_| basic.get("/api/sessions").status).collect();
    assert!(many.contains(&429) || many.iter().all(|status| *status == 200), "{many:?}");
    std::fs::write(home.path().join("lr/config/config.toml"), "[api]\nenabled = false\n").unwrap();
    let at = address(&home);
    home.ok(&["down"]);
    home.ok(&["up", "--bind", &at]);
    assert_eq!(http.get("/api/sessions").status, 404, "it is turned off");
}

#[test]
fn an_export_is_what_the_program_itself_writes() {
    let home = with_agent();
    let http = api(&home, "read");
    let session = home.session(&["/bin/sh", "-c", "echo hello"]);
    eventually("its end", || (home.listed(&session)["state"] == "ended").then_some(()));
    let written = home.ok(&["export", &session]);
    assert_eq!(http.get(&format!("/api/sessions/{session}/export")).text(), written);
    let cast = http.get(&format!("/api/sessions/{session}/export?format=asciicast")).text();
    assert!(cast.starts_with('{') && cast.contains("hello"), "{cast}");
    problem(&http.get("/api/sessions/aaaaaaaaaaaaaaaa/export"), 404);
    problem(&http.get(&format!("/api/sessions/{session}/export?format=pdf")), 400);
}

#[test]
fn the_example_in_python_holds_a_conversation() {
    let home = with_agent();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/chat.py");
    let talk = |message: &str, token: &str| {
        let mut python = Command::new("python3");
        python.args([example, message, "--conv", "py", "--cwd"]).arg(home.path()).stdin(Stdio::null());
        python.env("LONGREIN_URL", format!("http://{}", address(&home))).env("LONGREIN_TOKEN", token);
        // Nobody is there, and nobody is to see the token.
        python.env("http_proxy", "http://127.0.0.1:9").env_remove("no_proxy");
        python.output().unwrap()
    };
    let prompt = token(&home, "prompt");
    for answer in ["answer 1\n", "answer 2\n"] {
        let said = talk("hello", &prompt);
        assert_eq!(String::from_utf8_lossy(&said.stdout), answer, "{said:?}");
    }
    let refused = talk("hello", &token(&home, "read"));
    assert!(
        !refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("403"),
        "{refused:?}"
    );
    let keeper = pid(&home.json(&["ls", "--json"])[0]["keeper_pid"]);
    kill(keeper, "KILL");
    eventually("its loss to be known", || (home.json(&["ls", "--json"])[0]["state"] == "lost").then_some(()));
    let lost = talk("hello", &prompt);
    assert_eq!(String::from_utf8_lossy(&lost.stdout), "again-answer 1\n", "a killed keeper: {lost:?}");
}

#[test]
fn the_example_in_python_shows_what_it_could_not_fetch_once_it_can_and_then_no_more() {
    let check = r#"
import chat
class Rounds:
    left = 5
    def wait(self, seconds):
        self.left -= 1
        return self.left < 0
asked = []
def ask(method, path, body=None):
    asked.append(path)
    if path == "/api/approvals":
        return {"approvals": [{"id": "broken"}, {"id": "one"}]}
    if path.endswith("broken") or asked.count(path) < 3:
        raise chat.Problem({"detail": "too much was asked"})
    return {"id": "one"}
shown = []
chat.ask, chat.put = ask, shown.append
chat.watch(Rounds())
assert shown == [{"id": "one"}], (shown, asked)
"#;
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples");
    let ran = Command::new("python3").args(["-B", "-c", check]).env("PYTHONPATH", examples).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let told = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(told.lines().count(), 2, "of each once: {told}");
}
