//! What a token of the HTTP API is kept from where its scopes do not say so.

use crate::api::{api, problem};
use crate::support::{eventually, with_agent};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;

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
