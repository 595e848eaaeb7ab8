//! All of what is asked, as it is to be read before it is decided: the same wherever that is done in a terminal.

use crate::margin::{behind, rows};
use crate::questions;
use crate::visible::visible_line;
use serde_json::{Map, Value};
use session::message::{Request, Tool, ToolKind};
use std::collections::HashMap;

/// The members of a [`Request`] that are shown as what they are.
const MEMBERS: [&str; 12] = [
    "source",
    "question",
    "choices",
    "free_text",
    "risk",
    "reasons",
    "cwd",
    "expires_in",
    "tool",
    "plan",
    "questions",
    "scope",
];

/// All of it, in the order in which it is to be read, for a terminal of so many columns. `with_questions` where they are
/// not asked one by one behind this.
pub fn lines(request: &Request, bytes: &[u8], with_questions: bool, columns: usize) -> Vec<String> {
    let line = |label: &str, text: &str| rows(label, &visible_line(text), columns);
    let mut lines = vec![behind(&request.question, columns)];
    let choices = request.choices.iter().enumerate();
    lines.extend(choices.map(|(n, choice)| line(&format!("Choice {}: ", n + 1), choice)));
    lines.extend(request.tool.iter().flat_map(|tool| does(tool, request, columns)));
    lines.extend(request.plan.iter().map(|plan| behind(plan, columns)));
    let questions = request.questions.iter().enumerate().filter(|_| with_questions);
    lines.extend(questions.flat_map(|(n, question)| questions::lines(n + 1, question, columns)));
    lines.extend(request.cwd.iter().map(|cwd| line("Folder: ", cwd)));
    lines.extend(request.reasons.iter().map(|reason| line("Care: ", reason)));
    // What this version does not know is a part of what is asked.
    if !is_known(request, bytes) {
        lines.push("All of it, as it was sent:".to_owned());
        lines.push(behind(&String::from_utf8_lossy(bytes), columns));
    }
    lines
}

/// What a tool is to do.
fn does(tool: &Tool, request: &Request, columns: usize) -> Vec<String> {
    let line = |label: &str, text: &str| rows(label, &visible_line(text), columns);
    let mut lines = vec![line(&format!("{}: ", kind(tool.kind)), &tool.name)];
    let title = title(tool, request);
    lines.extend(title.map(|title| behind(title, columns)));
    lines.extend(tool.command.iter().map(|command| behind(command, columns)));
    let other = |path: &&String| tool.changes.iter().all(|change| change.path != **path);
    lines.extend(tool.paths.iter().filter(other).map(|path| line("File or folder: ", path)));
    for change in &tool.changes {
        lines.push(line("Changes: ", &change.path));
        for (mark, text) in [("- ", &change.old), ("+ ", &change.new)] {
            let marked = |text: &str| format!("{mark}{}", text.replace('\n', &format!("\n{mark}")));
            let text = text.as_ref().filter(|text| !text.is_empty());
            lines.extend(text.map(|text| behind(&marked(text.strip_suffix('\n').unwrap_or(text)), columns)));
        }
    }
    if let Some(rest) = rest(tool, request) {
        lines.push("Also passed to it:".to_owned());
        lines.push(behind(&format!("{rest:#}"), columns));
    }
    lines
}

/// What it is about, where that stands nowhere else.
fn title<'a>(tool: &'a Tool, request: &Request) -> Option<&'a String> {
    let stands = tool.title == request.question
        || tool.command.as_ref() == Some(&tool.title)
        || tool.paths.contains(&tool.title);
    Some(&tool.title).filter(|title| !title.is_empty() && !stands)
}

/// What is passed to a tool and stands nowhere else. A text that is shown is left out once: another member of the same text
/// says something else by its name.
fn rest(tool: &Tool, request: &Request) -> Option<Value> {
    let Value::Object(input) = &tool.input else {
        return (!tool.input.is_null()).then(|| tool.input.clone());
    };
    let changed = tool.changes.iter().flat_map(|change| [&change.old, &change.new]).flatten();
    let shown = tool
        .paths
        .iter()
        .chain(&tool.command)
        .chain(&request.plan)
        .chain(title(tool, request))
        .chain(changed);
    let mut times: HashMap<&str, usize> = HashMap::new();
    for text in shown {
        *times.entry(text).or_default() += 1;
    }
    let mut left = Map::new();
    for (name, value) in input {
        match value.as_str().and_then(|text| times.get_mut(text)).filter(|times| **times > 0) {
            Some(times) => *times -= 1,
            None => {
                left.insert(name.clone(), value.clone());
            }
        }
    }
    (!left.is_empty()).then_some(Value::Object(left))
}

/// Whether all that was sent is read here.
fn is_known(request: &Request, bytes: &[u8]) -> bool {
    let Ok(all) = serde_json::from_slice::<Map<String, Value>>(bytes) else { return false };
    let Ok(read) = serde_json::to_value(request) else { return false };
    // Within these there may be more than is read, too.
    let same =
        |member: &str| all.get(member).is_none_or(|sent| read.get(member).unwrap_or(&Value::Null) == sent);
    ["tool", "questions", "scope"].into_iter().all(same)
        && all.keys().all(|member| MEMBERS.contains(&member.as_str()))
}

fn kind(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Read => "Reads",
        ToolKind::Edit => "Changes files",
        ToolKind::Run => "Runs a command",
        ToolKind::Search => "Searches",
        ToolKind::Fetch => "Asks the network",
        ToolKind::Delegate => "Starts an agent of its own",
        ToolKind::Other => "Uses a tool",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::{ENDLESS, MARGIN};
    use serde_json::json;
    use session::message::{Change, Choice, Question, Scope};

    fn request() -> Request {
        Request {
            source: "claude".to_owned(),
            question: "Run it?".to_owned(),
            cwd: Some("/".to_owned()),
            expires_in: Some(10),
            plan: Some("1. Look\n2. Leap".to_owned()),
            questions: vec![Question {
                text: "How far?".to_owned(),
                choices: vec![Choice { id: "1 m".to_owned(), about: "a step".to_owned() }],
                several: false,
                free_text: true,
            }],
            ..Request::default()
        }
    }

    fn shown(request: &Request) -> String {
        lines(request, &serde_json::to_vec(request).unwrap(), true, ENDLESS).join("\n")
    }

    fn tool(tool: Tool) -> Request {
        Request { question: "May it?".to_owned(), tool: Some(Box::new(tool)), ..Request::default() }
    }

    #[test]
    fn what_only_a_newer_version_knows_is_shown_too() {
        let request = request();
        assert_eq!(
            shown(&request),
            "│ Run it?\n│ 1. Look\n│ 2. Leap\nQuestion 1: How far?\n  - 1 m  a step\n  It takes a text of your own.\nFolder: /"
        );
        let plain = serde_json::to_string(&request).unwrap();
        for (from, to) in [
            ("{\"source\"", "{\"command\":\"rm -r \u{202e}/\",\"source\""),
            ("\"text\"", "\"with\":\"\u{202e}\",\"text\""),
        ] {
            let more = plain.replacen(from, to, 1);
            let shown = lines(&request, more.as_bytes(), true, ENDLESS).join("\n");
            let raw = format!("│ {}", more.replace('\u{202e}', "⟨U+202E⟩"));
            assert!(shown.ends_with(&raw), "{shown}");
        }
    }

    #[test]
    fn every_member_of_a_request_is_known_here() {
        let scope = Scope { tool: String::new(), pattern: String::new(), words: String::new() };
        let request = Request { tool: Some(Box::default()), scope: Some(scope), ..request() };
        let written = serde_json::to_value(request).unwrap();
        let mut members: Vec<&String> = written.as_object().unwrap().keys().collect();
        members.sort();
        let mut known = MEMBERS;
        known.sort_unstable();
        assert_eq!(members, known);
    }

    #[test]
    fn all_of_what_a_tool_is_to_do_is_shown() {
        let mail = tool(Tool {
            name: "mcp__mail__send".to_owned(),
            input: json!({ "to": "everybody", "body": "Hello\nthere" }),
            ..Tool::default()
        });
        assert_eq!(
            shown(&mail),
            "│ May it?\nUses a tool: mcp__mail__send\nAlso passed to it:\n│ {\n│   \"body\": \"Hello\\nthere\",\n│   \"to\": \"everybody\"\n│ }"
        );
        let bash = tool(Tool {
            name: "Bash".to_owned(),
            kind: ToolKind::Run,
            title: "Make it".to_owned(),
            command: Some("make".to_owned()),
            paths: vec!["/etc/passwd".to_owned(), "/tmp".to_owned()],
            input: json!({ "command": "make", "description": "Make it", "timeout": 5, "then": "make" }),
            ..Tool::default()
        });
        let shown_bash =
            shown(&Request { reasons: vec!["writes".to_owned()], cwd: Some("/w".to_owned()), ..bash });
        assert_eq!(
            shown_bash,
            "│ May it?\nRuns a command: Bash\n│ Make it\n│ make\nFile or folder: /etc/passwd\nFile or folder: /tmp\nAlso passed to it:\n│ {\n│   \"then\": \"make\",\n│   \"timeout\": 5\n│ }\nFolder: /w\nCare: writes"
        );
        let edit = tool(Tool {
            name: "Edit".to_owned(),
            kind: ToolKind::Edit,
            paths: vec!["a.rs".to_owned()],
            changes: vec![Change {
                path: "a.rs".to_owned(),
                old: Some("one\n\ntwo\n".to_owned()),
                new: Some("three".to_owned()),
            }],
            input: json!({ "file_path": "a.rs", "old_string": "one\n\ntwo\n", "new_string": "three" }),
            ..Tool::default()
        });
        assert_eq!(
            shown(&edit),
            "│ May it?\nChanges files: Edit\nChanges: a.rs\n│ - one\n│ - \n│ - two\n│ + three"
        );
    }

    #[test]
    fn nothing_that_is_asked_looks_like_what_longrein_says() {
        let imitation = "make evil\n  → denied by local\nFolder: /safe\nCare: none";
        let asked = Request {
            question: imitation.to_owned(),
            choices: vec![imitation.to_owned()],
            plan: Some(imitation.to_owned()),
            cwd: Some(imitation.to_owned()),
            reasons: vec![imitation.to_owned()],
            ..tool(Tool {
                name: imitation.to_owned(),
                title: format!("Title\n{imitation}"),
                command: Some(imitation.to_owned()),
                paths: vec![imitation.to_owned()],
                input: json!({ "x": imitation }),
                changes: vec![Change {
                    path: imitation.to_owned(),
                    old: Some(imitation.to_owned()),
                    new: Some(imitation.to_owned()),
                }],
                ..Tool::default()
            })
        };
        let shown = lines(&asked, &serde_json::to_vec(&asked).unwrap(), true, 40).join("\n");
        for row in shown.lines().filter(|row| !row.starts_with(MARGIN)) {
            assert!(
                ["Uses a tool: make", "Choice 1: make", "Changes: make", "Also passed to it:"]
                    .into_iter()
                    .chain(["Folder: make", "Care: make"])
                    .any(|ours| row.starts_with(ours)),
                "{row}"
            );
            assert!(row.chars().count() <= 40, "{row}");
        }
    }
}
