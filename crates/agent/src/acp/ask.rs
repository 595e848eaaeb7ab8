//! What an agent asks a person over the protocol, and the answers that it takes. Only what allows once is ever chosen.

use crate::form::Form;
use crate::jsonrpc::{list_at, str_at, text_at};
use crate::out::{Place, Verdict, about_tool, scope};
use crate::text;
use serde_json::{Value, json};
use session::message::{Request, Tool, ToolKind};

/// What was asked, as far as the answer needs it.
#[derive(Debug)]
pub(super) enum Asked {
    Permission {
        call: String,
        /// What allows it once: the option's name and id.
        allow: Vec<(String, String)>,
        deny: Option<String>,
    },
    Form(Form),
}

/// What to do with what the agent asks.
pub(super) enum Ask {
    /// A person is asked.
    Person(Box<Request>, Asked),
    /// It is answered with a no at once, and this says why.
    No(Value, String),
}

/// `session/request_permission`. `tool` is what is known of the call that it is about, `plan` the plan that it is to be
/// gone on with.
pub(super) fn permission(name: &str, params: &Value, tool: Tool, plan: Option<String>, place: &Place) -> Ask {
    let options = |kind: &str| {
        let options = list_at(params, "options").iter().filter(|option| option["kind"] == kind);
        options
            .filter_map(|option| {
                let id = text_at(option, "optionId")?;
                Some((text_at(option, "name").unwrap_or_else(|| id.clone()), id))
            })
            .collect::<Vec<_>>()
    };
    let deny = options("reject_once").into_iter().next().map(|(_, id)| id);
    let allow = options("allow_once");
    let call = str_at(&params["toolCall"], "toolCallId").to_owned();
    if allow.is_empty() {
        let asked = Asked::Permission { call, allow, deny };
        let why = format!("{name} asked for something that can only be allowed for good. It was refused.");
        return Ask::No(asked.answer(&Verdict::No { reason: None }), why);
    }
    let short = |text: &str| text::line(text, 200);
    let question = match (&tool.command, tool.paths.as_slice(), tool.kind) {
        (Some(command), ..) => format!("{name} wants to run: {}", short(command)),
        (None, paths @ [_, ..], ToolKind::Edit) => {
            format!("{name} wants to change {}", short(&paths.join(", ")))
        }
        _ if tool.title.is_empty() => format!("{name} wants to use {}", short(&tool.name)),
        _ => format!("{name}: {}", short(&tool.title)),
    };
    // Where the agent shows a command as a heading alone, it may show less of it than there is.
    let whole = tool.command.is_none() || !tool.input["command"].is_null();
    let more: &[&str] =
        if whole { &[] } else { &["the agent does not show the command itself, only this heading"] };
    let cwd = text_at(&tool.input, "cwd").unwrap_or_else(|| place.cwd.clone());
    let mut request = about_tool(name, question, tool, &cwd, place, more);
    // The same command somewhere else is another one, and so is one that runs, say, without a sandbox.
    let known = ["command", "description", "timeout", "cwd"];
    let input = request.tool.as_ref().and_then(|tool| tool.input.as_object());
    let is_known = input.is_none_or(|input| input.keys().all(|name| known.contains(&name.as_str())));
    let is_command = request.tool.as_ref().is_some_and(|tool| tool.command.is_some());
    let here = cwd == place.cwd;
    request.scope = scope(&request).filter(|_| whole && here && (is_known || !is_command) && plan.is_none());
    request.plan = plan;
    if let [_, _, ..] = allow.as_slice() {
        request.choices = allow.iter().map(|(name, _)| short(name)).collect();
    }
    Ask::Person(Box::new(request), Asked::Permission { call, allow, deny })
}

/// `elicitation/create`.
pub(super) fn elicitation(name: &str, params: &Value) -> Ask {
    let form = (str_at(params, "mode") == "form").then(|| Form::read(&params["requestedSchema"])).flatten();
    let Some(form) = form else {
        let why = format!("{name} wants to know something that cannot be asked here, so it was refused.");
        return Ask::No(json!({ "action": "decline" }), why);
    };
    let message = str_at(params, "message");
    let question = if message.is_empty() { format!("{name} asks") } else { message.to_owned() };
    let questions = form.questions();
    let request = Request { source: name.to_owned(), question, questions, ..Request::default() };
    Ask::Person(Box::new(request), Asked::Form(form))
}

impl Asked {
    /// The answer.
    pub(super) fn answer(&self, verdict: &Verdict<'_>) -> Value {
        let selected = |id: &String| json!({ "outcome": { "outcome": "selected", "optionId": id } });
        match (self, verdict) {
            (Self::Permission { allow, .. }, Verdict::Yes { choice, .. }) => {
                let chosen = |(name, _): &&(String, String)| *choice == Some(text::line(name, 200).as_str());
                let only = allow.first().filter(|_| allow.len() == 1);
                match allow.iter().find(chosen).or(only) {
                    Some((_, id)) => selected(id),
                    None => self.cancelled(),
                }
            }
            (Self::Permission { deny: Some(id), .. }, Verdict::No { .. }) => selected(id),
            (Self::Form(form), Verdict::Yes { answers, .. }) => match form.content(answers) {
                Some(content) => json!({ "action": "accept", "content": content }),
                None => json!({ "action": "decline" }),
            },
            (Self::Form(_), Verdict::No { .. }) => json!({ "action": "decline" }),
            (Self::Permission { deny: None, .. }, Verdict::No { .. }) => self.cancelled(),
        }
    }

    /// The answer where nobody will decide.
    pub(super) fn cancelled(&self) -> Value {
        match self {
            Self::Permission { .. } => json!({ "outcome": { "outcome": "cancelled" } }),
            Self::Form(_) => json!({ "action": "cancel" }),
        }
    }
}
