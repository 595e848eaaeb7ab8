//! Claude's tools: what a call is to do, and how a person is asked about it.

use serde_json::{Map, Value};
use session::message::{ApprovalState, Change, Choice, Question, Request, Risk, Scope, Tool, ToolKind};
use session::risk;

use crate::text;

/// Characters of a title.
const MAX_TITLE: usize = 200;
/// The tools whose call is itself a question to a person.
const ASK: &str = "AskUserQuestion";
const PLAN: &str = "ExitPlanMode";

/// A text of an object; empty where there is none.
pub(super) fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// What a call is to do.
pub(super) fn tool(name: &str, input: &Value) -> Tool {
    let said = |member: &str| text_of(input, member).to_owned();
    let path = ["file_path", "notebook_path", "path"].into_iter().map(said).find(|path| !path.is_empty());
    let kind = match name {
        "Bash" | "PowerShell" | "Monitor" => ToolKind::Run,
        "Write" | "Edit" | "MultiEdit" | "NotebookEdit" => ToolKind::Edit,
        "Read" | "NotebookRead" | "LS" => ToolKind::Read,
        "Grep" | "Glob" | "ToolSearch" => ToolKind::Search,
        "WebFetch" | "WebSearch" => ToolKind::Fetch,
        "Task" | "Agent" => ToolKind::Delegate,
        _ => ToolKind::Other,
    };
    let title = match name {
        "WebFetch" => said("url"),
        "WebSearch" => said("query"),
        "Grep" | "Glob" => said("pattern"),
        "Skill" => said("skill"),
        _ if kind == ToolKind::Edit || kind == ToolKind::Read => path.clone().unwrap_or_default(),
        _ => said("description"),
    };
    Tool {
        name: name.to_owned(),
        kind,
        title: text::line(&title, MAX_TITLE),
        command: input.get("command").and_then(Value::as_str).map(str::to_owned),
        paths: path.clone().into_iter().collect(),
        changes: if kind == ToolKind::Edit {
            changes(name, &path.unwrap_or_default(), input)
        } else {
            Vec::new()
        },
        input: input.clone(),
    }
}

/// What an edit would change.
fn changes(name: &str, path: &str, input: &Value) -> Vec<Change> {
    let change = |old: Option<&Value>, new: Option<&Value>| {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        Change { path: path.to_owned(), old: text(old), new: text(new) }
    };
    match name {
        "Write" => vec![change(None, input.get("content"))],
        "Edit" => vec![change(input.get("old_string"), input.get("new_string"))],
        "MultiEdit" => {
            let edits = input.get("edits").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            edits.iter().map(|edit| change(edit.get("old_string"), edit.get("new_string"))).collect()
        }
        _ => vec![change(None, input.get("new_source"))],
    }
}

/// Where calls are made: the project, and whose it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// The session's folder.
    pub cwd: String,
    /// The folder of the user.
    pub home: String,
}

/// The question to a person about a call. `cwd` is where Claude is now, where it says so; `plan` what is known of the plan
/// that it is about.
pub(super) fn request(name: &str, input: &Value, place: &Place, cwd: &str, plan: Option<&str>) -> Request {
    let tool = tool(name, input);
    let (mut risk, mut reasons) = risk::assess(&tool, &place.cwd, &place.home);
    let cwd = if cwd.is_empty() { &place.cwd } else { cwd };
    if !std::path::Path::new(cwd).starts_with(&place.cwd) {
        risk = risk.max(Risk::Careful);
        reasons.push(format!("works in another folder than the project's: {}", text::line(cwd, MAX_TITLE)));
    }
    let mut request = Request {
        source: "claude".into(),
        question: about(&tool),
        risk,
        reasons,
        cwd: (!cwd.is_empty()).then(|| cwd.to_owned()),
        scope: (risk != Risk::Dangerous).then(|| scope(&tool)),
        ..Request::default()
    };
    match name {
        ASK => {
            request.scope = None;
            if let Some(questions) = questions(input) {
                request.question = match questions.as_slice() {
                    [one] => one.text.clone(),
                    several => format!("{} questions", several.len()),
                };
                request.questions = questions;
            }
        }
        PLAN => {
            request.scope = None;
            let said = text_of(input, "plan");
            let plan = if said.is_empty() { plan.unwrap_or_default() } else { said };
            request.plan =
                Some(if plan.is_empty() { "The plan is in the chat.".into() } else { plan.into() });
        }
        _ => {}
    }
    request.tool = Some(Box::new(tool));
    request
}

fn words(tool: &Tool) -> String {
    match (tool.name.as_str(), tool.kind) {
        (ASK, _) => "Answer a question".into(),
        (PLAN, _) => "Go on with this plan".into(),
        ("Write", _) => "Write a file".into(),
        ("WebSearch", _) => "Search the web".into(),
        (_, ToolKind::Run) => "Run a command".into(),
        (_, ToolKind::Edit) => "Edit a file".into(),
        (_, ToolKind::Read) => "Read a file".into(),
        (_, ToolKind::Search) => "Search in files".into(),
        (_, ToolKind::Fetch) => "Fetch a page".into(),
        (_, ToolKind::Delegate) => "Start an agent of its own".into(),
        (name, ToolKind::Other) => match name.strip_prefix("mcp__").and_then(|name| name.split_once("__")) {
            Some((server, tool)) => format!("Use {} of {}", text::line(tool, 80), text::line(server, 80)),
            None => format!("Use {}", text::line(name, 80)),
        },
    }
}

/// What is asked, and about what, in a line: lists have no more of it.
fn about(tool: &Tool) -> String {
    let words = words(tool);
    let what = tool.command.as_deref().or(tool.paths.first().map(String::as_str)).unwrap_or(&tool.title);
    if what.is_empty() { words } else { text::line(&format!("{words}: {what}"), MAX_TITLE) }
}

/// What may be allowed until the session ends: exactly this command, this file, this address, and otherwise this input.
fn scope(tool: &Tool) -> Scope {
    let only = |members: &[&str]| {
        tool.input.as_object().is_some_and(|input| input.keys().all(|name| members.contains(&name.as_str())))
    };
    let all = || tool.input.to_string();
    let (pattern, words) = match tool.kind {
        // What else is said of a command may be that it runs without a sandbox.
        ToolKind::Run if only(&["command", "description", "timeout", "run_in_background"]) => {
            (tool.command.clone().unwrap_or_else(all), "exactly this command")
        }
        ToolKind::Edit if tool.paths.len() == 1 => (tool.paths[0].clone(), "any change to this file"),
        ToolKind::Fetch if only(&["url", "prompt"]) => {
            (text_of(&tool.input, "url").to_owned(), "exactly this address")
        }
        _ => (all(), "exactly the same again"),
    };
    let words = format!("{}, {words}: {}", text::line(&tool.name, 80), text::line(&pattern, MAX_TITLE));
    Scope { tool: tool.name.clone(), pattern, words }
}

/// The questions of a call, where they can be shown and answered one by one: each another, with answers to choose from.
fn questions(input: &Value) -> Option<Vec<Question>> {
    use session::approval::{MAX_CHOICE, MAX_CHOICES, MAX_QUESTIONS};
    let list = input.get("questions")?.as_array()?;
    if list.is_empty() || list.len() > MAX_QUESTIONS {
        return None;
    }
    let mut questions: Vec<Question> = Vec::new();
    for question in list {
        let text = text_of(question, "question");
        let options =
            question.get("options").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let choice = |option: &Value| {
            let id = text_of(option, "label").to_owned();
            (!id.trim().is_empty() && id.len() <= MAX_CHOICE)
                .then(|| Choice { id, about: text_of(option, "description").to_owned() })
        };
        let choices: Vec<_> = options.iter().map(choice).collect::<Option<_>>()?;
        let is_new = questions.iter().all(|other| other.text != text);
        if text.trim().is_empty() || !is_new || choices.len() > MAX_CHOICES {
            return None;
        }
        let several = question.get("multiSelect").and_then(Value::as_bool).unwrap_or_default();
        questions.push(Question { text: text.to_owned(), choices, several, free_text: true });
    }
    Some(questions)
}

/// What an allowed call is given: what was shown, and the answers where it asked for some.
pub(super) fn allowed_input(input: &Value, questions: &[Question], answers: &[Vec<String>]) -> Value {
    let mut input = input.clone();
    if !questions.is_empty()
        && let Some(members) = input.as_object_mut()
    {
        let answer = |(question, answers): (&Question, &Vec<String>)| {
            (question.text.clone(), Value::String(answers.join(", ")))
        };
        let answers: Map<_, _> = questions.iter().zip(answers).map(answer).collect();
        members.insert("answers".into(), Value::Object(answers));
    }
    input
}

/// The answers that came with a yes; or what Claude is told of a no.
pub(super) fn verdict(state: &ApprovalState) -> Result<&[Vec<String>], &str> {
    match state {
        ApprovalState::Allowed { answers, .. } => Ok(answers),
        ApprovalState::Denied { text: Some(text), .. } => Err(text),
        ApprovalState::Denied { .. } => Err("The user does not allow this."),
        ApprovalState::Expired { .. } => Err("Nobody decided in time, so this is not allowed."),
        ApprovalState::Withdrawn { .. } => Err("This was withdrawn, so it is not allowed."),
        ApprovalState::Pending => Err("Nobody has decided yet, so this is not allowed."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(name: &str, input: &Value) -> Request {
        let place = Place { cwd: "/home/dev/app".into(), home: "/home/dev".into() };
        request(name, input, &place, "", None)
    }

    #[test]
    fn a_command_is_asked_whole_and_allowed_for_exactly_itself() {
        let command = format!("echo {}\necho b", "x".repeat(100_000));
        let request = asked("Bash", &json!({"command": command, "description": "Say it"}));
        assert!(request.question.starts_with("Run a command: echo xxx"), "{}", request.question);
        assert_eq!((request.question.chars().count(), request.source.as_str()), (MAX_TITLE, "claude"));
        let tool = request.tool.unwrap();
        assert_eq!((tool.command.as_deref(), tool.title.as_str()), (Some(command.as_str()), "Say it"));
        let scope = request.scope.unwrap();
        assert_eq!((scope.tool.as_str(), &scope.pattern), ("Bash", &command));
        assert!(scope.words.len() < 400 && !scope.words.contains('\n'));
        assert_eq!(request.expires_in, None);
    }

    #[test]
    fn what_is_dangerous_or_said_besides_widens_no_allowance() {
        assert_eq!(asked("Bash", &json!({"command": "rm -rf x"})).scope, None);
        let plain = asked("Bash", &json!({"command": "ls"})).scope.unwrap();
        let free = asked("Bash", &json!({"command": "ls", "dangerouslyDisableSandbox": true})).scope.unwrap();
        assert_ne!(plain.pattern, free.pattern);
        let fetch = asked("WebFetch", &json!({"url": "https://a.example/x", "prompt": "y"}));
        assert_eq!(fetch.scope.unwrap().pattern, "https://a.example/x");
        let other = asked("mcp__db__query", &json!({"b": 1, "a": 2}));
        assert_eq!(other.question, "Use query of db");
        assert_eq!(other.scope.unwrap().pattern, r#"{"a":2,"b":1}"#);
    }

    #[test]
    fn edits_say_what_they_change() {
        let path = "/home/dev/app/a.rs";
        let change = |old: Option<&str>, new: &str| Change {
            path: path.into(),
            old: old.map(Into::into),
            new: Some(new.into()),
        };
        let changes = |name, input| asked(name, &input).tool.unwrap().changes;
        assert_eq!(changes("Write", json!({"file_path": path, "content": "x"})), [change(None, "x")]);
        let edit = json!({"old_string": "x", "new_string": "y"});
        assert_eq!(
            changes("Edit", json!({"file_path": path, "old_string": "x", "new_string": "y"})),
            [change(Some("x"), "y")]
        );
        assert_eq!(
            changes("MultiEdit", json!({"file_path": path, "edits": [edit, edit]})),
            [change(Some("x"), "y"), change(Some("x"), "y")]
        );
        assert_eq!(
            changes("NotebookEdit", json!({"notebook_path": path, "new_source": "z"})),
            [change(None, "z")]
        );
        let scope = asked("Edit", &json!({"file_path": path})).scope.unwrap();
        assert_eq!((scope.tool.as_str(), scope.pattern.as_str()), ("Edit", path));
    }

    #[test]
    fn questions_are_answered_one_by_one() {
        let input = json!({"questions": [
            {"question": "Which?", "multiSelect": true, "options": [{"label": "A", "description": "first"}, {"label": "B"}]},
            {"question": "How?", "options": []},
        ]});
        let request = asked("AskUserQuestion", &input);
        assert_eq!(request.question, "2 questions");
        assert!(request.questions[0].several && request.questions[1].free_text);
        assert_eq!(request.questions[0].choices[0], Choice { id: "A".into(), about: "first".into() });
        assert_eq!(request.scope, None);
        let answers = [vec!["A".to_owned(), "B".to_owned()], vec!["so".to_owned()]];
        let answered = allowed_input(&input, &request.questions, &answers);
        assert_eq!(answered["answers"], json!({"Which?": "A, B", "How?": "so"}));
        assert_eq!(answered["questions"], input["questions"]);

        let one = &input["questions"][0];
        assert_eq!(asked("AskUserQuestion", &json!({"questions": [one]})).question, "Which?");
        // Two of the same text could not be told apart in the answer.
        assert_eq!(asked("AskUserQuestion", &json!({"questions": [one, one]})).questions, []);
        assert_eq!(asked("AskUserQuestion", &json!({"questions": vec![one; 9]})).questions, []);
    }

    #[test]
    fn a_plan_is_shown_from_wherever_it_is_known() {
        let place = Place::default();
        let plan = |input, known| request(PLAN, &input, &place, "", known).plan.unwrap();
        assert_eq!(plan(json!({"plan": "1. A"}), Some("old")), "1. A");
        assert_eq!(plan(json!({}), Some("2. B")), "2. B");
        assert_eq!(plan(json!({}), None), "The plan is in the chat.");
    }

    #[test]
    fn work_outside_the_project_is_pointed_out() {
        let place = Place { cwd: "/home/dev/app".into(), home: "/home/dev".into() };
        let request = request("Bash", &json!({"command": "touch x"}), &place, "/etc", None);
        assert_eq!((request.risk, request.cwd.as_deref()), (Risk::Careful, Some("/etc")));
    }
}
