//! Items of Codex's app server (what it says, runs and changes) as the chat shows them.

use super::patch;
use crate::jsonrpc::{list_at, str_at, text_at};
use serde_json::Value;
use session::message::{Chat, Image, Outcome, Step, StepState, Tool, ToolKind};

/// What becomes of an item.
pub(super) enum Shown {
    /// It is a call of a tool.
    Call(Box<Tool>),
    /// It is said at once, when it is complete.
    Said(Box<Chat>),
    /// It is not shown.
    Nothing,
    /// It is not understood.
    Unknown,
}

/// What an item is. `ours` says of a client's id for a message whether we gave it.
pub(super) fn shown(item: &Value, within: Option<&String>, ours: impl Fn(&str) -> bool) -> Shown {
    let within = within.cloned();
    let id = text_at(item, "id");
    let said = |chat| Shown::Said(Box::new(chat));
    match str_at(item, "type") {
        "userMessage" if ours(str_at(item, "clientId")) || within.is_some() => Shown::Nothing,
        "userMessage" => {
            let (text, files) = user(item);
            said(Chat::User { text, by: None, files, prompt: None })
        }
        "agentMessage" | "plan" if str_at(item, "text").trim().is_empty() => Shown::Nothing,
        "agentMessage" | "plan" => {
            said(Chat::Agent { item: id, text: str_at(item, "text").to_owned(), within })
        }
        "exitedReviewMode" => said(Chat::Agent { item: id, text: str_at(item, "review").to_owned(), within }),
        "reasoning" => {
            // The summary is what is meant for people; some models give their thoughts themselves.
            let parts = [list_at(item, "summary"), list_at(item, "content")];
            let parts = parts.into_iter().find(|list| !list.is_empty()).unwrap_or(&[]);
            let text = parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n\n");
            if text.trim().is_empty() {
                Shown::Nothing
            } else {
                said(Chat::Thinking { item: id, text, within })
            }
        }
        "contextCompaction" => said(Chat::Note {
            text: "Codex made a summary of what was said so far, to have room for more.".to_owned(),
        }),
        "hookPrompt" | "sleep" | "enteredReviewMode" | "subAgentActivity" => Shown::Nothing,
        _ => tool(item).map_or(Shown::Unknown, |tool| Shown::Call(Box::new(tool))),
    }
}

/// The tool of an item that is a call.
pub(super) fn tool(item: &Value) -> Option<Tool> {
    let name = str_at(item, "type").to_owned();
    let input = |names: &[&str]| {
        names
            .iter()
            .filter(|&&name| !item[name].is_null())
            .map(|&name| (name.to_owned(), item[name].clone()))
            .collect()
    };
    let tool = match name.as_str() {
        "commandExecution" => Tool {
            kind: ToolKind::Run,
            title: title_of(list_at(item, "commandActions")),
            command: text_at(item, "command"),
            input: input(&["command", "cwd"]),
            name,
            ..Tool::default()
        },
        "fileChange" => edit(name, &item["changes"]),
        "mcpToolCall" | "dynamicToolCall" => {
            let of = ["server", "namespace"].map(|name| str_at(item, name)).concat();
            Tool {
                name: [of.as_str(), str_at(item, "tool")]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join("."),
                input: item["arguments"].clone(),
                ..Tool::default()
            }
        }
        "collabAgentToolCall" => Tool {
            name: str_at(item, "tool").to_owned(),
            kind: ToolKind::Delegate,
            title: str_at(item, "prompt").to_owned(),
            input: input(&["prompt", "model", "receiverThreadIds"]),
            ..Tool::default()
        },
        "webSearch" => Tool {
            kind: ToolKind::Fetch,
            title: str_at(item, "query").to_owned(),
            input: input(&["query", "action"]),
            name,
            ..Tool::default()
        },
        "imageView" => Tool {
            kind: ToolKind::Read,
            paths: text_at(item, "path").into_iter().collect(),
            input: input(&["path"]),
            name,
            ..Tool::default()
        },
        _ => return None,
    };
    Some(tool)
}

/// A tool that changes files.
pub(super) fn edit(name: String, changes: &Value) -> Tool {
    let mut tool = Tool { name, kind: ToolKind::Edit, input: changes.clone(), ..Tool::default() };
    for change in changes.as_array().into_iter().flatten() {
        let path = str_at(change, "path");
        tool.paths.push(path.to_owned());
        if let Some(to) = text_at(&change["kind"], "move_path") {
            let moved = format!("move {path} to {to}");
            tool.title = if tool.title.is_empty() { moved } else { format!("{}, {moved}", tool.title) };
            tool.paths.push(to);
        }
        tool.changes.extend(patch::change(path, str_at(&change["kind"], "type"), str_at(change, "diff")));
    }
    tool
}

/// What came of a call.
pub(super) fn result(item: &Value) -> Chat {
    let outcome = match str_at(item, "status") {
        "failed" => Outcome::Failed,
        "declined" => Outcome::Denied,
        "interrupted" => Outcome::Interrupted,
        _ if item["success"] == false => Outcome::Failed,
        _ => Outcome::Done,
    };
    let mut text = str_at(item, "aggregatedOutput").to_owned();
    let mut images = Vec::new();
    for part in list_at(&item["result"], "content").iter().chain(list_at(item, "contentItems")) {
        if let Some(said) = part["text"].as_str() {
            line(&mut text, said);
        } else if let (Some(media), Some(data)) = (text_at(part, "mimeType"), text_at(part, "data")) {
            images.push(Image { media, data });
        }
    }
    line(&mut text, str_at(&item["error"], "message"));
    if let Some(code) = item["exitCode"].as_i64().filter(|code| *code != 0) {
        line(&mut text, &format!("exit status {code}"));
    }
    let (text, left_out) = crate::text::cut(&text, crate::out::MAX_RESULT);
    Chat::Result { call: str_at(item, "id").to_owned(), outcome, text, left_out, changes: Vec::new(), images }
}

fn line(text: &mut String, more: &str) {
    if !text.is_empty() && !text.ends_with('\n') && !more.is_empty() {
        text.push('\n');
    }
    text.push_str(more);
}

/// The steps of a plan.
pub(super) fn plan(plan: &[Value]) -> Chat {
    let step = |step: &Value| Step {
        text: str_at(step, "step").to_owned(),
        state: match str_at(step, "status") {
            "completed" => StepState::Done,
            "inProgress" => StepState::Begun,
            _ => StepState::Open,
        },
    };
    Chat::Plan { steps: plan.iter().map(step).collect() }
}

/// What a person said, and the files that came with it.
fn user(item: &Value) -> (String, Vec<String>) {
    let content = list_at(item, "content");
    let text = content.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n");
    (text, content.iter().filter_map(|part| text_at(part, "path")).collect())
}

/// The command without the shell around it.
pub(super) fn title_of(actions: &[Value]) -> String {
    match actions {
        [action] => str_at(action, "command").to_owned(),
        _ => String::new(),
    }
}
