//! What Claude's messages say, the same in what it streams and in its transcript: content blocks become [`Chat`]s.

use super::tool::{self, text_of};
use crate::adapter::MAX_CHAT;
use crate::text;
use serde_json::Value;
use session::message::{Change, Chat, Image, Outcome, Step, StepState, Tool};

/// Bytes of what a tool said: as JSON they are never more than [`MAX_CHAT`].
const MAX_RESULT: usize = 128 * 1024;
/// Bytes of pictures, base64.
const MAX_IMAGES: usize = 512 * 1024;

/// One block of what the model said.
#[derive(Debug)]
pub(super) enum Block<'a> {
    Text(&'a str),
    Thinking(&'a str),
    Call {
        id: &'a str,
        name: &'a str,
        input: &'a Value,
    },
    /// What is not for people.
    Nothing,
    Unknown(&'a Value),
}

/// The blocks of a message, whose content may be a text alone.
pub(super) fn blocks(message: &Value) -> Vec<Block<'_>> {
    match message.get("content") {
        Some(Value::String(text)) => vec![Block::Text(text)],
        Some(Value::Array(blocks)) => blocks.iter().map(block).collect(),
        _ => Vec::new(),
    }
}

fn block(block: &Value) -> Block<'_> {
    match text_of(block, "type") {
        "text" => Block::Text(text_of(block, "text")),
        "thinking" => Block::Thinking(text_of(block, "thinking")),
        "tool_use" | "server_tool_use" | "mcp_tool_use" => Block::Call {
            id: text_of(block, "id"),
            name: text_of(block, "name"),
            input: block.get("input").unwrap_or(&Value::Null),
        },
        "redacted_thinking" | "fallback" | "container_upload" => Block::Nothing,
        kind if kind.ends_with("_tool_result") => Block::Nothing,
        _ => Block::Unknown(block),
    }
}

/// What the model said, for the chat. `item` is what was shown of its text while it was said.
pub(super) fn chat(block: &Block<'_>, item: Option<String>, within: Option<&str>) -> Option<Chat> {
    let within = within.map(str::to_owned);
    let chat = match block {
        Block::Text(text) | Block::Thinking(text) if text.trim().is_empty() => return None,
        Block::Text(text) => Chat::Agent { item, text: (*text).to_owned(), within },
        Block::Thinking(text) => Chat::Thinking { item, text: (*text).to_owned(), within },
        Block::Call { id, name, input } => {
            Chat::Call { call: (*id).to_owned(), tool: Box::new(tool::tool(name, input)), within }
        }
        Block::Nothing => return None,
        Block::Unknown(json) => Chat::Unknown { json: (*json).clone() },
    };
    Some(bounded(chat))
}

/// The plan that a call of the todo list writes.
pub(super) fn plan(name: &str, input: &Value) -> Option<Chat> {
    let todos = input.get("todos").filter(|_| name == "TodoWrite")?.as_array()?;
    let step = |todo: &Value| Step {
        text: text_of(todo, "content").to_owned(),
        state: match text_of(todo, "status") {
            "completed" => StepState::Done,
            "in_progress" => StepState::Begun,
            _ => StepState::Open,
        },
    };
    Some(bounded(Chat::Plan { steps: todos.iter().map(step).collect() }))
}

/// What came of calls: the results in a user's message. `detail` is what Claude Code says about the one in it besides, and
/// `rejected` whether a person did not allow it.
pub(super) fn results(
    message: &Value,
    detail: &Value,
    rejected: &dyn Fn(&str) -> Option<Outcome>,
) -> Vec<Chat> {
    let blocks = message.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let results = blocks.iter().filter(|block| text_of(block, "type") == "tool_result");
    results.map(|block| result(block, detail, rejected)).collect()
}

fn result(block: &Value, detail: &Value, rejected: &dyn Fn(&str) -> Option<Outcome>) -> Chat {
    let call = text_of(block, "tool_use_id").to_owned();
    let truth = |value: &Value, name: &str| value.get(name).and_then(Value::as_bool).unwrap_or_default();
    let failed = truth(block, "is_error");
    let outcome = match rejected(&call).filter(|_| failed) {
        Some(outcome) => outcome,
        None if truth(detail, "interrupted") => Outcome::Interrupted,
        None if failed => Outcome::Failed,
        None => Outcome::Done,
    };
    let (out, err) = (text_of(detail, "stdout"), text_of(detail, "stderr"));
    let whole = match block.get("content") {
        _ if !out.is_empty() || !err.is_empty() => {
            let gap = if out.is_empty() || err.is_empty() || out.ends_with('\n') { "" } else { "\n" };
            format!("{out}{gap}{err}")
        }
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts: Vec<_> =
                parts.iter().map(|part| text_of(part, "text")).filter(|t| !t.is_empty()).collect();
            texts.join("\n")
        }
        _ => String::new(),
    };
    let (text, left_out) = text::cut(&whole, MAX_RESULT);
    let images = images(block.get("content").unwrap_or(&Value::Null));
    bounded(Chat::Result { call, outcome, text, left_out, changes: changes(detail), images })
}

/// What was changed otherwise than the call said: somebody has edited it before they allowed it.
fn changes(detail: &Value) -> Vec<Change> {
    if detail.get("userModified").and_then(Value::as_bool) != Some(true) {
        return Vec::new();
    }
    let hunks =
        detail.get("structuredPatch").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let change = |hunk: &Value| {
        let lines = hunk.get("lines").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let lines = || lines.iter().filter_map(Value::as_str);
        let side = |other: char| -> String {
            let of = lines().filter(|line| !line.starts_with(other) && !line.starts_with('\\'));
            of.flat_map(|line| [line.get(1..).unwrap_or_default(), "\n"]).collect()
        };
        Change { path: text_of(detail, "filePath").to_owned(), old: Some(side('+')), new: Some(side('-')) }
    };
    hunks.iter().map(change).collect()
}

fn images(content: &Value) -> Vec<Image> {
    let parts = content.as_array().map(Vec::as_slice).unwrap_or_default();
    let sources =
        parts.iter().filter(|part| text_of(part, "type") == "image").filter_map(|part| part.get("source"));
    let mut room = MAX_IMAGES;
    let image = |source: &Value| {
        let (media, data) = (text_of(source, "media_type"), text_of(source, "data"));
        room = room.checked_sub(data.len())?;
        (media.starts_with("image/") && !data.is_empty())
            .then(|| Image { media: media.to_owned(), data: data.to_owned() })
    };
    sources.filter_map(image).collect()
}

/// As it is, or, where it is longer than the log takes, the beginning and the end of it.
pub(super) fn bounded(chat: Chat) -> Chat {
    let fits = |chat: &Chat| serde_json::to_vec(chat).is_ok_and(|json| json.len() <= MAX_CHAT);
    if fits(&chat) {
        return chat;
    }
    let cut = |text: &str| {
        let (text, left_out) = text::cut(text, MAX_RESULT / 2);
        if left_out == 0 { text } else { format!("{text}\n[{left_out} bytes of this are left out]") }
    };
    let short = match chat {
        Chat::Agent { item, text, within } => Chat::Agent { item, text: cut(&text), within },
        Chat::Thinking { item, text, within } => Chat::Thinking { item, text: cut(&text), within },
        Chat::User { text, by, files, prompt } => Chat::User { text: cut(&text), by, files, prompt },
        Chat::Call { call, tool, within } => {
            let note = "this is longer than the chat takes; what is asked before it is done is whole";
            let tool = Tool {
                command: tool.command.as_deref().map(cut),
                input: Value::String(note.into()),
                changes: Vec::new(),
                ..*tool
            };
            Chat::Call { call, tool: Box::new(tool), within }
        }
        Chat::Result { call, outcome, text, left_out, .. } => {
            Chat::Result { call, outcome, text, left_out, changes: Vec::new(), images: Vec::new() }
        }
        other => other,
    };
    if fits(&short) {
        return short;
    }
    Chat::Note { text: "claude said something that is longer than the chat takes".into() }
}

/// A turn of which nothing else is known.
pub(super) fn turn(outcome: Outcome, took: Option<u64>) -> Chat {
    Chat::Turn { outcome, error: None, cost: None, total: None, tokens: None, took }
}

/// Dollars in millionths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
pub(super) fn millionths(dollars: &Value) -> Option<u64> {
    let millionths = (dollars.as_f64()? * 1e6).round();
    (0.0..1e15).contains(&millionths).then_some(millionths as u64)
}

/// What stands in an element of Claude's own marks.
pub(super) fn between<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(content: &Value, detail: &Value) -> Chat {
        let block = json!({"type": "tool_result", "tool_use_id": "t", "content": content});
        results(&json!({"content": [block]}), detail, &|_| None).remove(0)
    }

    #[test]
    fn a_results_text_is_what_the_tool_wrote() {
        let text = |chat| match chat {
            Chat::Result { text, .. } => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(text(one(&json!("short"), &json!({"stdout": "a", "stderr": "b"}))), "a\nb");
        assert_eq!(text(one(&json!("short"), &json!("Error: x"))), "short");
        assert_eq!(text(one(&json!([{"type": "text", "text": "a"}, {"text": "b"}]), &Value::Null)), "a\nb");
        assert_eq!(text(one(&json!(5), &Value::Null)), "");
    }

    #[test]
    fn nothing_is_longer_than_the_log_takes() {
        let long = "\u{1}".repeat(3 * 1024 * 1024);
        for chat in [
            one(&json!(long), &Value::Null),
            one(&json!("x"), &json!({"stdout": long})),
            chat(&Block::Text(&long), None, None).unwrap(),
            chat(&Block::Thinking(&long), None, None).unwrap(),
            chat(&Block::Call { id: "t", name: "Bash", input: &json!({"command": long}) }, None, None)
                .unwrap(),
            chat(&Block::Call { id: &long, name: "Bash", input: &json!({}) }, None, None).unwrap(),
            chat(&Block::Unknown(&json!({"x": long})), None, None).unwrap(),
        ] {
            assert!(serde_json::to_vec(&chat).unwrap().len() <= MAX_CHAT, "{:.100}", format!("{chat:?}"));
        }
        let left_out = match one(&json!(long), &Value::Null) {
            Chat::Result { left_out, .. } => left_out,
            other => panic!("{other:?}"),
        };
        assert!(left_out > 2 * 1024 * 1024);
    }

    #[test]
    fn what_a_person_changed_before_allowing_it_is_shown() {
        let lines = json!([" a", "-b", "+c", "\\ No newline at end of file"]);
        let mut detail =
            json!({"filePath": "/x", "userModified": true, "structuredPatch": [{"lines": lines}]});
        let changed = Change { path: "/x".into(), old: Some("a\nb\n".into()), new: Some("a\nc\n".into()) };
        assert_eq!(changes(&detail), [changed]);
        detail["userModified"] = json!(false);
        assert_eq!(changes(&detail), []);
    }

    #[test]
    fn pictures_come_within_bounds() {
        let image =
            |data: &str| json!({"type": "image", "source": {"media_type": "image/png", "data": data}});
        let big = "A".repeat(MAX_IMAGES);
        assert_eq!(images(&json!([image("AAAA"), image(&big), image("BBBB"), {"type": "image"}])).len(), 2);
    }

    #[test]
    fn a_todo_list_is_a_plan() {
        let todos = json!({"todos": [{"content": "A", "status": "completed"}, {"content": "B"}]});
        let step = |text: &str, state| Step { text: text.into(), state };
        assert_eq!(
            plan("TodoWrite", &todos),
            Some(Chat::Plan { steps: vec![step("A", StepState::Done), step("B", StepState::Open)] })
        );
        assert_eq!(plan("Bash", &todos), None);
    }
}
