//! Agents that say anything at all: no adapter fails, and none says yes for anybody.

use crate::replay::{allowed, denied, place, transcript};
use longrein_agent::acp::Acp;
use longrein_agent::adapter::{Adapter, Input, MAX_CHAT, Output};
use longrein_agent::codex::appserver::AppServer;
use longrein_agent::codex::hooks::Hooks;
use proptest::prelude::*;
use serde_json::Value;
use session::message::ApprovalState;

/// What is done to an adapter.
#[derive(Clone, Debug)]
enum Step {
    /// A line of a transcript, with these bytes of it changed.
    Recorded(usize, Vec<(usize, u8)>),
    /// Any bytes.
    Bytes(Vec<u8>),
    /// JSON that looks like a message.
    Message(String, String, String),
    Prompt,
    Interrupt,
    /// What was asked with this key is denied, or expires.
    No(u64, bool),
    HookGone(u64),
    /// What runs beside it is cut off, or can be spoken to.
    Linked(bool),
    Ended,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let word = prop_oneof![
        Just("tool_call".to_owned()),
        Just("fileChange".to_owned()),
        Just("commandExecution".to_owned()),
        "[a-z]{0,6}",
    ];
    let method = prop_oneof![
        Just("session/request_permission".to_owned()),
        Just("session/update".to_owned()),
        Just("elicitation/create".to_owned()),
        Just("item/commandExecution/requestApproval".to_owned()),
        Just("item/fileChange/requestApproval".to_owned()),
        Just("item/permissions/requestApproval".to_owned()),
        Just("item/tool/requestUserInput".to_owned()),
        Just("mcpServer/elicitation/request".to_owned()),
        Just("item/started".to_owned()),
        Just("item/completed".to_owned()),
        Just("turn/completed".to_owned()),
        Just("thread/started".to_owned()),
        Just("thread/status/changed".to_owned()),
        "[a-z/]{0,12}",
    ];
    let params = prop_oneof![
        Just("null".to_owned()),
        Just("{}".to_owned()),
        Just("[]".to_owned()),
        word.prop_map(|word| format!(
            r#"{{"item":{{"type":"{word}","id":"i"}},"itemId":"i","command":"{word}","update":{{"sessionUpdate":"{word}"}}}}"#
        )),
    ];
    let id = prop_oneof![Just("null".to_owned()), "[0-9]{1,3}", Just("{}".to_owned())];
    let step = prop_oneof![
        6 => (any::<usize>(), prop::collection::vec(any::<(usize, u8)>(), 0..3)).prop_map(|(n, flips)| Step::Recorded(n, flips)),
        1 => prop::collection::vec(any::<u8>(), 0..64).prop_map(Step::Bytes),
        3 => (id, method, params).prop_map(|(id, method, params)| Step::Message(id, method, params)),
        1 => Just(Step::Prompt),
        1 => Just(Step::Interrupt),
        2 => (0..4u64, any::<bool>()).prop_map(|(key, expires)| Step::No(key, expires)),
        1 => (0..4u64).prop_map(Step::HookGone),
        1 => any::<bool>().prop_map(Step::Linked),
        1 => Just(Step::Ended),
    ];
    prop::collection::vec(step, 0..60)
}

/// The options of a permission that is asked in these bytes that are no refusals.
fn offered(bytes: &[u8]) -> Vec<String> {
    let message: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let options = message["params"]["options"].as_array().cloned().unwrap_or_default();
    let yes = options
        .iter()
        .filter(|option| !option["kind"].as_str().is_some_and(|kind| kind.starts_with("reject")));
    yes.filter_map(|option| option["optionId"].as_str().map(str::to_owned)).collect()
}

/// Whether these bytes, said to an agent, allow anything; of permissions by one of these.
fn says_yes(bytes: &[u8], offered: &[String]) -> bool {
    let Ok(message) = serde_json::from_slice::<Value>(bytes) else { return false };
    let result = &message["result"];
    let accepts = [&result["decision"], &result["action"]]
        .into_iter()
        .any(|said| !(said.is_null() || said == "decline" || said == "cancel"));
    let selected = &result["outcome"]["optionId"];
    let chosen = selected.as_str().is_some_and(|id| offered.iter().any(|yes| yes == id));
    let granted = result["permissions"].as_object().is_some_and(|given| !given.is_empty());
    let answered = result["answers"].as_object().is_some_and(|given| !given.is_empty());
    let hook = message["hookSpecificOutput"]["decision"]["behavior"].as_str();
    accepts || chosen || granted || answered || hook.is_some_and(|said| said != "deny")
}

fn play(adapter: &mut dyn Adapter, lines: &[Vec<u8>], hooks: bool, steps: &[Step]) {
    adapter.handle(Input::Started, 0);
    while adapter.poll().is_some() {}
    let mut yes = Vec::new();
    for (id, step) in (0..).zip(steps) {
        let mut said = |bytes: &[u8], adapter: &mut dyn Adapter| {
            yes.extend(offered(bytes));
            let input = if hooks { Input::Hook { id, input: bytes } } else { Input::Line(bytes) };
            adapter.handle(input, id);
        };
        match step {
            Step::Recorded(n, flips) => {
                let mut line = lines[n % lines.len()].clone();
                for (at, byte) in flips {
                    let length = line.len();
                    line[at % length] = *byte;
                }
                said(&line, adapter);
            }
            Step::Bytes(bytes) => said(bytes, adapter),
            Step::Message(id, method, params) => {
                let line = format!(
                    r#"{{"id":{id},"method":"{method}","params":{params},"hook_event_name":"{method}"}}"#
                );
                said(line.as_bytes(), adapter);
            }
            Step::Prompt => adapter.handle(Input::Prompt { id: "p1", text: "go", files: &[], by: "p" }, id),
            Step::Interrupt => adapter.handle(Input::Interrupt, id),
            Step::No(key, expires) => {
                let state =
                    if *expires { ApprovalState::Expired { decided_at: 0 } } else { denied(Some("no")) };
                adapter.handle(Input::Decided { key: *key, state: &state }, id);
            }
            Step::HookGone(id) => adapter.handle(Input::HookGone { id: *id }, 0),
            Step::Linked(true) => adapter.handle(Input::Started, id),
            Step::Linked(false) => adapter.handle(Input::Cut, id),
            Step::Ended => adapter.handle(Input::Ended { exit: 0 }, id),
        }
        while let Some(output) = adapter.poll() {
            match output {
                Output::Send(line) => {
                    assert!(
                        line.ends_with(b"\n") && !says_yes(&line, &yes),
                        "{}",
                        String::from_utf8_lossy(&line)
                    );
                }
                Output::Answer { output, .. } => assert!(!says_yes(output.as_bytes(), &yes), "{output}"),
                Output::Chat(chat) => assert!(serde_json::to_vec(&chat).unwrap().len() <= MAX_CHAT),
                _ => {}
            }
        }
    }
    // What was never asked cannot be allowed.
    adapter.handle(Input::Decided { key: u64::MAX, state: &allowed() }, 0);
    assert!(
        !std::iter::from_fn(|| adapter.poll())
            .any(|output| matches!(output, Output::Send(_) | Output::Answer { .. }))
    );
}

/// What agents say in these transcripts.
fn lines(names: &[&str]) -> Vec<Vec<u8>> {
    let texts: Vec<_> = names.iter().map(|name| transcript(name)).collect();
    let entries = texts.iter().flat_map(|text| text.lines());
    entries
        .filter_map(|line| {
            let entry: Value = serde_json::from_str(line).unwrap();
            match entry["dir"].as_str() {
                Some(dir) => {
                    (!dir.starts_with("host") && !dir.starts_with("client")).then(|| entry["msg"].to_string())
                }
                None => Some(line.to_owned()),
            }
        })
        .map(String::into_bytes)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_codex_says_nobody_says_yes_but_a_person(steps in steps()) {
        let lines = lines(&["codex/command-allowed.jsonl", "codex/file-added.jsonl", "codex/interrupted.jsonl"]);
        play(&mut AppServer::new(place("/w"), None), &lines, false, &steps);
    }

    #[test]
    fn whatever_a_shared_codex_says_nobody_says_yes_but_a_person(steps in steps()) {
        let lines = lines(&["codex/joined.jsonl", "codex/joined-late.jsonl", "codex/file-added.jsonl"]);
        play(&mut AppServer::joining(place("/w")), &lines, false, &steps);
    }

    #[test]
    fn whatever_an_agent_says_over_the_protocol_nobody_says_yes_but_a_person(steps in steps()) {
        let lines = lines(&["acp/claude.jsonl", "acp/codex.jsonl", "acp/gemini.jsonl", "acp/opencode.jsonl"]);
        play(&mut Acp::new("agent", place("/w"), Some("S".into())), &lines, false, &steps);
    }

    #[test]
    fn whatever_a_hook_is_told_nobody_says_yes_but_a_person(steps in steps()) {
        play(&mut Hooks::new(place("/home/dev/src/wc"), None), &lines(&["codex/hooks.jsonl"]), true, &steps);
    }
}

#[test]
fn a_yes_is_known_when_it_is_seen() {
    for yes in [
        r#"{"id":0,"result":{"decision":"accept"}}"#,
        r#"{"id":0,"result":{"outcome":{"outcome":"selected","optionId":"once"}}}"#,
        r#"{"id":0,"result":{"permissions":{"network":{}}}}"#,
        r#"{"id":0,"result":{"action":"accept"}}"#,
        r#"{"hookSpecificOutput":{"decision":{"behavior":"allow"}}}"#,
    ] {
        assert!(says_yes(yes.as_bytes(), &["allow".to_owned(), "once".to_owned()]), "{yes}");
    }
}
