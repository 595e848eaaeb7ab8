//! What a token of the HTTP API is kept from where its scopes do not say so.

use crate::api::{api, problem};
use crate::support::{Home, eventually, with_agent};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

#[test]
fn a_token_that_may_only_talk_types_nothing_into_a_shell() {
    let home = with_agent();
    let session = home.session(&["bash", "--norc"]);
    let path = format!("/api/sessions/{session}/prompt");
    let file = home.path().join("typed");
    let types = json!({ "text": format!("echo $((6 * 7)) >> {}", file.display()) });
    let refused = problem(&api(&home, "prompt").post(&path, &types), 400);
    assert!(refused["hint"].as_str().unwrap().contains("input"), "{refused}");
    // Whoever may type may, and it came once.
    assert_eq!(api(&home, "input,prompt").post(&path, &types).status, 204);
    eventually("it to be typed", || std::fs::read_to_string(&file).ok().filter(|text| !text.is_empty()));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "42\n");
}

#[test]
fn a_token_that_may_only_talk_starts_no_agent_where_others_may_have_put_something() {
    let home = with_agent();
    let shared = home.path().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777)).unwrap();
    let inside = shared.join("inside");
    std::fs::create_dir(&inside).unwrap();
    let (talks, manages) = (api(&home, "prompt"), api(&home, "manage,prompt"));
    for folder in [&shared, &inside] {
        let say = json!({ "message": "hello", "cwd": folder, "timeout": 60 });
        let refused = problem(&talks.post("/api/chat", &say), 403);
        assert!(refused["detail"].as_str().unwrap().contains("everybody"), "{refused}");
        assert_eq!(manages.post("/api/chat", &say).json()["response"], "answer 1");
    }
    assert_eq!(home.json(&["ls", "--json"]).as_array().unwrap().len(), 2);
    let own = json!({ "message": "hello", "cwd": home.path(), "timeout": 60 });
    assert_eq!(talks.post("/api/chat", &own).json()["response"], "answer 1");
}

/// The audit, a line each.
fn audit(home: &Home) -> String {
    let script = "import glob,sqlite3,sys
db = sqlite3.connect(glob.glob(sys.argv[1] + '/**/host.db', recursive=True)[0])
for row in db.execute('SELECT what, detail FROM audit ORDER BY number'): print(*row)";
    let read = Command::new("python3").args(["-c", script]).arg(home.path()).output().unwrap();
    assert!(read.status.success(), "{read:?}");
    String::from_utf8(read.stdout).unwrap()
}

#[test]
fn what_a_token_says_and_types_is_on_record_and_not_what_it_was() {
    let home = with_agent();
    let http = api(&home, "prompt,input");
    let session = home.session(&["cat"]);
    let at = |what: &str| format!("/api/sessions/{session}/{what}");
    for _ in 0..5 {
        assert_eq!(http.post(&at("input"), &json!({ "text": "sesame" })).status, 204);
    }
    assert_eq!(http.post(&at("prompt"), &json!({ "text": "sesames" })).status, 204);
    assert_eq!(http.post(&at("interrupt"), &json!({})).status, 204);
    let audit = audit(&home);
    assert!(!audit.contains("sesame"), "{audit}");
    for (what, bytes) in [("session.input", 6), ("session.prompt", 7), ("session.interrupt", 0)] {
        let line =
            audit.lines().find(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}: {audit}"));
        for part in ["token prompt.input", &session, &format!("\"bytes\":{bytes}")] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}

#[test]
fn what_is_too_long_or_not_there_is_the_caller_s_mistake() {
    let home = with_agent();
    let http = api(&home, "prompt,decide");
    let long = "x".repeat(100_000);
    for (name, value) in [("cwd", &long), ("agent", &long), ("conv_id", &long)] {
        problem(&http.post("/api/chat", &json!({ "message": "x", name: value })), 413);
    }
    problem(&http.post("/api/chat", &json!({ "message": "x", "cwd": home.path().join("none") })), 400);
}
