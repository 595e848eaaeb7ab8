//! Claude's transcript: the file that it writes down a conversation in, line by line, while it runs in a terminal. Its format
//! is Claude's own, so what is not known is passed over.

use super::said::{self, Block, between};
use super::tasks::Tasks;
use super::tool::text_of;
use crate::text;
use serde_json::Value;
use session::message::{Chat, Outcome};
use std::collections::HashSet;

/// Characters of what is shown in lists.
const MAX_LINE: usize = 200;
/// Lines that are known again when they come in another file, as those of a conversation that was gone on with do.
const MAX_KNOWN: usize = 1 << 20;

/// Reads a transcript.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    known: HashSet<u128>,
    tasks: Tasks,
}

/// What a line says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    /// For the chat.
    pub chats: Vec<Chat>,
    /// What the agent said, for lists.
    pub last: Option<String>,
    /// Somebody has stopped it.
    pub interrupted: bool,
    /// What the conversation cost so far, in millionths of a dollar.
    pub cost: Option<u64>,
}

impl Transcript {
    /// A line, without its end.
    pub(super) fn read(&mut self, line: &[u8]) -> Said {
        let mut said = Said::default();
        let Ok(json) = serde_json::from_slice::<Value>(line) else { return said };
        let truth = |name: &str| json.get(name).and_then(Value::as_bool).unwrap_or_default();
        // What an agent of its own says is in a file of its own; what is told to the model alone is for nobody here.
        if truth("isSidechain") || truth("isMeta") || !self.is_new(text_of(&json, "uuid")) {
            return said;
        }
        if truth("isCompactSummary") {
            let text = "claude has shortened what it remembers of the conversation";
            said.chats.push(Chat::Note { text: text.into() });
            return said;
        }
        match text_of(&json, "type") {
            "user" => user(&json, &mut self.tasks, &mut said),
            "assistant" => assistant(&json, &mut self.tasks, &mut said),
            "system" if text_of(&json, "subtype") == "turn_duration" => {
                let took = json.get("durationMs").and_then(Value::as_u64);
                said.chats.push(said::turn(Outcome::Done, took));
            }
            "cost-state" => said.cost = said::millionths(&json["totalCostUSD"]),
            _ => {}
        }
        said
    }

    fn is_new(&mut self, uuid: &str) -> bool {
        let digits: String = uuid.chars().filter(|c| *c != '-').collect();
        let Ok(uuid) = u128::from_str_radix(&digits, 16) else { return true };
        self.known.len() >= MAX_KNOWN || self.known.insert(uuid)
    }
}

fn assistant(json: &Value, tasks: &mut Tasks, said: &mut Said) {
    for block in said::blocks(&json["message"]) {
        match block {
            // Of blocks that are not known there may be any; the terminal shows them.
            Block::Unknown(_) => continue,
            Block::Text(text) if !text.trim().is_empty() => said.last = Some(text::line(text, MAX_LINE)),
            Block::Call { id, name, input } => {
                tasks.hear(id, name, input);
                said.chats.extend(said::plan(name, input));
            }
            _ => {}
        }
        said.chats.extend(said::chat(&block, None, None));
    }
}

fn user(json: &Value, tasks: &mut Tasks, said: &mut Said) {
    let detail = json.get("toolUseResult").unwrap_or(&Value::Null);
    let rejected = |_: &str| {
        let no = text_of(&json["permissionDecision"], "decision") == "reject";
        (no || detail.as_str() == Some("User rejected tool use")).then_some(Outcome::Denied)
    };
    said.chats.extend(said::results(&json["message"], detail, &rejected));
    said.chats.extend(tasks.came(&json["message"], detail));
    for block in said::blocks(&json["message"]) {
        let Block::Text(text) = block else { continue };
        if text.starts_with("[Request interrupted by user") {
            said.interrupted = true;
            said.chats.push(said::turn(Outcome::Interrupted, None));
        } else if let Some(text) = typed(text) {
            said.chats.push(said::bounded(Chat::User { text, by: None, files: Vec::new(), prompt: None }));
        }
    }
}

/// What a person typed, where it is that.
fn typed(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some(command) = between(text, "command-name") {
        let arguments = between(text, "command-args").unwrap_or_default();
        return Some(format!("{command} {arguments}").trim().to_owned());
    }
    if let Some(command) = between(text, "bash-input") {
        return Some(format!("! {command}"));
    }
    let is_mark =
        ["<local-command", "<bash-std", "<system-reminder", "<task-notification", "<user-memory-input"]
            .iter()
            .any(|mark| text.starts_with(mark));
    (!is_mark && !text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(json: &Value) -> Said {
        Transcript::default().read(json.to_string().as_bytes())
    }

    fn users(content: &str) -> Vec<String> {
        let said = read(&json!({"type": "user", "message": {"content": content}}));
        let text = |chat| match chat {
            Chat::User { text, by: None, .. } => text,
            other => panic!("{other:?}"),
        };
        said.chats.into_iter().map(text).collect()
    }

    #[test]
    fn what_a_person_typed_is_told_from_what_claude_says_to_its_model() {
        assert_eq!(users("hi"), ["hi"]);
        assert_eq!(
            users(
                "<command-message>x</command-message>\n<command-name>/x</command-name><command-args>y</command-args>"
            ),
            ["/x y"]
        );
        assert_eq!(users("<bash-input>ls</bash-input>"), ["! ls"]);
        for noise in ["<local-command-stdout>x</local-command-stdout>", "<bash-stdout>x</bash-stdout>", " "] {
            assert_eq!(users(noise), [""; 0], "{noise}");
        }
    }

    #[test]
    fn lines_of_other_kinds_and_of_agents_of_its_own_are_passed_over() {
        for line in [
            json!({"type": "file-history-snapshot", "messageId": "x"}),
            json!({"type": "system", "content": "x"}),
            json!({"type": "user", "isMeta": true, "message": {"content": "x"}}),
            json!({"type": "assistant", "isSidechain": true, "message": {"content": [{"type": "text", "text": "x"}]}}),
            json!({"type": "assistant", "message": {"content": [{"type": "new"}]}}),
            json!({"type": "assistant"}),
            json!([]),
        ] {
            assert_eq!(read(&line), Said::default(), "{line}");
        }
        assert_eq!(Transcript::default().read(b"\xff{"), Said::default());
    }

    #[test]
    fn a_line_that_comes_again_in_another_file_is_told_once() {
        let line = json!({
            "type": "user", "uuid": "558a67de-a205-41df-b6e9-5aa27826c1e3", "message": {"content": "hi"},
        });
        let mut transcript = Transcript::default();
        assert_eq!(transcript.read(line.to_string().as_bytes()).chats.len(), 1);
        assert_eq!(transcript.read(line.to_string().as_bytes()).chats.len(), 0);
        let without = json!({"type": "user", "message": {"content": "hi"}}).to_string();
        assert_eq!(transcript.read(without.as_bytes()).chats.len(), 1);
        assert_eq!(transcript.read(without.as_bytes()).chats.len(), 1);
    }

    #[test]
    fn a_no_and_an_interruption_are_seen() {
        let result = json!([{"type": "tool_result", "tool_use_id": "t", "content": "no", "is_error": true}]);
        let line = json!({
            "type": "user", "toolUseResult": "User rejected tool use", "message": {"content": result},
        });
        let said = read(&line);
        assert!(matches!(said.chats[0], Chat::Result { outcome: Outcome::Denied, .. }), "{said:?}");
        let text = json!([{"type": "text", "text": "[Request interrupted by user for tool use]"}]);
        let said = read(&json!({"type": "user", "message": {"content": text}}));
        let chats = vec![said::turn(Outcome::Interrupted, None)];
        assert_eq!(said, Said { chats, interrupted: true, ..Said::default() });
    }

    #[test]
    fn the_end_of_a_turn_and_what_all_of_it_cost_are_seen() {
        let said = read(&json!({"type": "system", "subtype": "turn_duration", "durationMs": 7}));
        assert_eq!(said.chats, [said::turn(Outcome::Done, Some(7))]);
        assert_eq!(read(&json!({"type": "cost-state", "totalCostUSD": 0.0048})).cost, Some(4800));
    }
}
