//! What opencode asks: a permission for a tool's call, or questions.

use super::NAME;
use super::tools;
use crate::jsonrpc::{list_at, str_at, text_at};
use crate::out::{Place, about_tool, scope};
use crate::text;
use serde_json::{Value, json};
use session::message::{Choice, Question, Request, Tool, ToolKind};

/// Questions, and choices of one, that a request takes at most.
const MAX_QUESTIONS: usize = 8;
const MAX_CHOICES: usize = 16;

/// Whether a permission that names no call says by itself what is to be done.
pub(super) fn is_whole(asked: &Value) -> bool {
    match str_at(asked, "permission") {
        "bash" => text_at(&asked["metadata"], "command").is_some(),
        "edit" => text_at(&asked["metadata"], "diff").is_some(),
        _ => true,
    }
}

/// A permission. `call` is what is known of the call that it is about.
pub(super) fn permission(asked: &Value, call: Option<&Tool>, place: &Place) -> Request {
    let permission = str_at(asked, "permission");
    let metadata = &asked["metadata"];
    let patterns: Vec<_> = list_at(asked, "patterns").iter().filter_map(Value::as_str).collect();
    let short = |text: &str| text::line(text, 200);
    let input = call.map(|call| call.input.clone()).unwrap_or_default();
    // All of it, so that nothing is left out of what is decided on.
    let all = json!({ "patterns": patterns, "metadata": metadata, "input": input });
    let folder = text_at(&input, "workdir").map(|folder| tools::whole(&place.cwd, &folder));
    let mut more: Vec<&str> = Vec::new();
    let mut scoped = folder.as_ref().is_none_or(|folder| *folder == place.cwd);
    let (tool, what) = match permission {
        "bash" => {
            let command = text_at(metadata, "command").or_else(|| text_at(&input, "command"));
            let what = format!("run: {}", short(command.as_deref().unwrap_or(&patterns.join(" && "))));
            let known = ["command", "description", "timeout", "workdir"];
            scoped &= input
                .as_object()
                .is_some_and(|input| input.keys().all(|name| known.contains(&name.as_str())));
            let title = str_at(&input, "description").to_owned();
            (
                Tool {
                    name: "bash".into(),
                    kind: ToolKind::Run,
                    title,
                    command,
                    input: all,
                    ..Tool::default()
                },
                what,
            )
        }
        "edit" => {
            let named = text_at(metadata, "filepath").or_else(|| text_at(&input, "filePath"));
            let named = named.unwrap_or_else(|| patterns.join(", "));
            let path = tools::whole(&place.cwd, &named);
            let read = text_at(metadata, "diff").map(|diff| tools::changes(&diff, &path, &place.cwd));
            let changes = match read {
                Some(Some(changes)) => changes,
                Some(None) => {
                    more.push("its changes could not be read and are shown as they came");
                    Vec::new()
                }
                None => call.map(|call| call.changes.clone()).unwrap_or_default(),
            };
            let mut paths: Vec<_> = changes.iter().map(|change| change.path.clone()).collect();
            paths.dedup();
            if paths.is_empty() {
                paths.push(path);
            }
            let what = format!("change {}", short(&paths.join(", ")));
            (
                Tool {
                    name: "edit".into(),
                    kind: ToolKind::Edit,
                    paths,
                    changes,
                    input: all,
                    ..Tool::default()
                },
                what,
            )
        }
        "webfetch" => {
            let title = text_at(metadata, "url").unwrap_or_else(|| patterns.join(" "));
            let what = format!("fetch {}", short(&title));
            (
                Tool { name: "webfetch".into(), kind: ToolKind::Fetch, title, input: all, ..Tool::default() },
                what,
            )
        }
        "external_directory" => {
            more.push("it is about files outside of the project's folder");
            let command = call.and_then(|call| call.command.clone());
            let what = format!("use files outside of the project: {}", short(&patterns.join(", ")));
            let kind = call.map(|call| call.kind).unwrap_or_default();
            let paths = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
            scoped = false;
            (Tool { name: permission.into(), kind, command, paths, input: all, ..Tool::default() }, what)
        }
        _ => {
            let title = patterns.join(" ");
            let what = format!("use {}: {}", short(permission), short(&title));
            (Tool { name: permission.into(), title, input: all, ..Tool::default() }, what)
        }
    };
    let cwd = folder.unwrap_or_else(|| place.cwd.clone());
    let mut request = about_tool(NAME, format!("{NAME} wants to {what}"), tool, &cwd, place, &more);
    request.scope = scope(&request).filter(|_| scoped);
    request
}

/// Questions; `None` where they cannot be shown whole.
pub(super) fn questions(asked: &Value) -> Option<Request> {
    let list = list_at(asked, "questions");
    let question = |question: &Value| {
        let choice = |option: &Value| {
            Some(Choice { id: text_at(option, "label")?, about: str_at(option, "description").to_owned() })
        };
        let choices: Option<Vec<_>> = list_at(question, "options").iter().map(choice).collect();
        Some(Question {
            text: text_at(question, "question")?,
            choices: choices.filter(|choices| choices.len() <= MAX_CHOICES)?,
            several: question["multiple"] == true,
            free_text: question["custom"] != false,
        })
    };
    let questions: Vec<_> = list.iter().map(question).collect::<Option<_>>()?;
    let first = questions.first().filter(|_| questions.len() <= MAX_QUESTIONS)?;
    let question = if questions.len() == 1 { first.text.clone() } else { format!("{NAME} has questions") };
    Some(Request { source: NAME.to_owned(), question, questions, ..Request::default() })
}
