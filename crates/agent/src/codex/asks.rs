//! What Codex' app server asks a person, and the answers that it takes.
//!
//! Nothing here is ever allowed for longer than this once: what Codex allows for a session or for good it would not ask
//! about again, and nobody could take it back.

use super::NAME;
use crate::form::Form;
use crate::jsonrpc::{list_at, str_at, text_at};
use crate::out::{Place, Verdict, about_tool, scope};
use serde_json::{Map, Value, json};
use session::message::{Choice, Question, Request, Tool, ToolKind};

/// What was asked, as far as the answer needs it.
#[derive(Debug)]
pub(super) enum Asked {
    /// May it run this, or change these files.
    Decision,
    /// May it do more until the turn ends.
    Permissions(Value),
    /// Questions, by their ids.
    Questions(Vec<String>),
    /// A form of a tool.
    Form(Form),
}

/// What to do with what the app server asks.
pub(super) enum Ask {
    /// A person is asked.
    Person(Box<Request>, Asked),
    /// It is answered with a no at once, and this says why.
    No(Value, String),
    /// It asks for something that is not known here.
    Unknown,
}

/// Reads a request of the app server. `changing` is the tool of the item that it is about, where that changes files.
pub(super) fn read(method: &str, params: &Value, changing: Option<&Tool>, place: &Place) -> Ask {
    match method {
        "item/commandExecution/requestApproval" => command(params, place),
        "item/fileChange/requestApproval" => files(params, changing, place),
        "item/permissions/requestApproval" => permissions(params, place),
        "item/tool/requestUserInput" => questions(params),
        "mcpServer/elicitation/request" => elicitation(params, place),
        _ => Ask::Unknown,
    }
}

fn command(params: &Value, place: &Place) -> Ask {
    let host = str_at(&params["networkApprovalContext"], "host");
    let command = text_at(params, "command");
    let stdin = str_at(params, "kind") == "writeStdin";
    let question = match (&command, host) {
        (None, "") => return Ask::No(denied(), unseen("run something")),
        (Some(command), "") if stdin => format!("Codex wants to type into its terminal: {}", line(command)),
        (Some(command), "") => format!("Codex wants to run: {}", line(command)),
        (_, host) => format!("Codex wants to reach {host} over the network"),
    };
    let cwd = text_at(params, "cwd").unwrap_or_else(|| place.cwd.clone());
    let tool = Tool {
        name: "commandExecution".to_owned(),
        kind: if host.is_empty() { ToolKind::Run } else { ToolKind::Fetch },
        title: str_at(params, "reason").to_owned(),
        command,
        input: without(
            params,
            &["threadId", "turnId", "startedAtMs", "availableDecisions", "proposedExecpolicyAmendment"],
        ),
        ..Tool::default()
    };
    let mut more = Vec::new();
    if !params["additionalPermissions"].is_null() {
        more.push("it asks for more than the sandbox gives");
    }
    let mut request = about_tool(NAME, question, tool, &cwd, place, &more);
    // The same command somewhere else, or with other rights, is another one.
    let plain = host.is_empty() && !stdin && more.is_empty() && cwd == place.cwd;
    request.scope = scope(&request).filter(|_| plain);
    person(request, Asked::Decision)
}

fn files(params: &Value, changing: Option<&Tool>, place: &Place) -> Ask {
    // What it would change was said before; where it was not, nobody could see it.
    let Some(tool) = changing.filter(|tool| !tool.paths.is_empty()) else {
        return Ask::No(denied(), unseen("change files"));
    };
    let root = text_at(params, "grantRoot");
    let question = format!("Codex wants to change {}", line(&tool.paths.join(", ")));
    let mut tool = tool.clone();
    if let Some(reason) = text_at(params, "reason") {
        tool.title = if tool.title.is_empty() { reason } else { format!("{reason} ({})", tool.title) };
    }
    let wider = root.as_ref().map(|root| format!("Codex may take it as a yes to every change in {root}"));
    let more: Vec<_> = wider.as_deref().into_iter().collect();
    let mut request = about_tool(NAME, question, tool, &place.cwd, place, &more);
    request.scope = scope(&request).filter(|_| more.is_empty());
    person(request, Asked::Decision)
}

fn permissions(params: &Value, place: &Place) -> Ask {
    let wanted = &params["permissions"];
    if wanted.as_object().is_none_or(Map::is_empty) {
        return Ask::No(json!({ "permissions": {} }), unseen("have more rights"));
    }
    let question = "Codex wants to do more without asking, until this turn ends".to_owned();
    let files = &wanted["fileSystem"];
    let entries = list_at(files, "entries").iter().filter_map(|entry| text_at(&entry["path"], "path"));
    let listed = ["read", "write"].into_iter().flat_map(|name| list_at(files, name));
    let listed = listed.filter_map(|path| Some(path.as_str()?.to_owned()));
    let tool = Tool {
        name: "permissions".to_owned(),
        title: str_at(params, "reason").to_owned(),
        paths: entries.chain(listed).collect(),
        input: wanted.clone(),
        ..Tool::default()
    };
    let cwd = text_at(params, "cwd").unwrap_or_else(|| place.cwd.clone());
    let more = ["it lets Codex do more, unasked, until this turn ends"];
    let request = about_tool(NAME, question, tool, &cwd, place, &more);
    person(request, Asked::Permissions(wanted.clone()))
}

fn questions(params: &Value) -> Ask {
    let no = |why: &str| Ask::No(json!({ "answers": {} }), why.to_owned());
    let asked = list_at(params, "questions");
    if asked.iter().any(|question| question["isSecret"] == true) {
        return no(
            "Codex asks for a secret. Everything that is answered here stays in the session's log, so it was not asked.",
        );
    }
    let question = |question: &Value| {
        let choice = |option: &Value| Choice {
            id: str_at(option, "label").to_owned(),
            about: str_at(option, "description").to_owned(),
        };
        let choices: Vec<_> = list_at(question, "options").iter().map(choice).collect();
        let free_text = choices.is_empty() || question["isOther"] == true;
        Question { text: str_at(question, "question").to_owned(), choices, several: false, free_text }
    };
    let questions: Vec<_> = asked.iter().map(question).collect();
    if questions.is_empty() {
        return no("Codex asks, and does not say what.");
    }
    let question = match questions.as_slice() {
        [only] => only.text.clone(),
        _ => "Codex has some questions.".to_owned(),
    };
    let ids = asked.iter().map(|question| str_at(question, "id").to_owned()).collect();
    let request = Request { source: NAME.to_owned(), question, questions, ..Request::default() };
    person(request, Asked::Questions(ids))
}

fn elicitation(params: &Value, place: &Place) -> Ask {
    let server = str_at(params, "serverName");
    let no =
        |why: &str| Ask::No(json!({ "action": "decline" }), format!("{server} {why}, so it was refused."));
    if str_at(params, "mode") != "form" {
        return no("wants something that can be done at the terminal alone");
    }
    let Some(form) = Form::read(&params["requestedSchema"]) else {
        return no("wants a form filled in that cannot be shown here");
    };
    let message = str_at(params, "message");
    let question =
        if message.is_empty() { format!("{server} asks.") } else { format!("{server}: {message}") };
    let tool = Tool {
        name: server.to_owned(),
        title: message.to_owned(),
        input: without(params, &["threadId", "turnId", "requestedSchema"]),
        ..Tool::default()
    };
    let mut request = about_tool(NAME, question, tool, &place.cwd, place, &[]);
    request.questions = form.questions();
    person(request, Asked::Form(form))
}

/// What is to be done, in a line; the tool has it whole.
fn line(text: &str) -> String {
    crate::text::line(text, 200)
}

fn person(request: Request, asked: Asked) -> Ask {
    Ask::Person(Box::new(request), asked)
}

fn unseen(what: &str) -> String {
    format!("Codex asked to {what} without saying what, so that nobody could see it. It was refused.")
}

fn denied() -> Value {
    json!({ "decision": "decline" })
}

impl Asked {
    /// The answer. Only a yes allows anything, and only what was asked.
    pub(super) fn answer(&self, verdict: &Verdict<'_>) -> Value {
        match (self, verdict) {
            (Self::Decision, Verdict::Yes { .. }) => json!({ "decision": "accept" }),
            (Self::Decision, Verdict::No { .. }) => denied(),
            (Self::Permissions(wanted), Verdict::Yes { .. }) => {
                json!({ "permissions": wanted, "scope": "turn" })
            }
            (Self::Permissions(_), Verdict::No { .. }) => json!({ "permissions": {} }),
            (Self::Questions(ids), Verdict::Yes { answers, .. }) => {
                let answer =
                    |(id, answers): (&String, &Vec<String>)| (id.clone(), json!({ "answers": answers }));
                let answers: Map<_, _> = ids.iter().zip(*answers).map(answer).collect();
                json!({ "answers": answers })
            }
            (Self::Questions(_), Verdict::No { .. }) => json!({ "answers": {} }),
            (Self::Form(form), Verdict::Yes { answers, .. }) => match form.content(answers) {
                Some(content) => json!({ "action": "accept", "content": content }),
                None => json!({ "action": "decline" }),
            },
            (Self::Form(_), Verdict::No { .. }) => json!({ "action": "decline" }),
        }
    }
}

/// All of it but these members.
fn without(params: &Value, names: &[&str]) -> Value {
    let mut params = params.clone();
    if let Some(members) = params.as_object_mut() {
        members.retain(|name, value| !names.contains(&name.as_str()) && !value.is_null());
    }
    params
}
