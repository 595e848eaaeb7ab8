//! What a token of the HTTP API is kept from where its scopes do not say so.

use crate::api::{api, problem};
use crate::support::{eventually, with_agent};
use serde_json::json;

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
