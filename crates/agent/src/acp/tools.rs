//! Calls of tools over the protocol: an agent tells of one piece by piece, and the chat shows it once, when there is
//! something to be seen.

use crate::jsonrpc::{list_at, str_at, text_at};
use crate::text;
use serde_json::{Value, json};
use session::message::{Change, Chat, Image, Outcome, Step, StepState, Tool, ToolKind};
use std::path::Path;

/// Calls without a result that are remembered; of more, the oldest is forgotten.
const MAX_OPEN: usize = 256;
/// What an update may say of a call.
const MEMBERS: [&str; 8] =
    ["name", "title", "kind", "status", "content", "locations", "rawInput", "rawOutput"];

/// The calls that have no result yet, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Tools {
    open: Vec<Open>,
    /// The plan that was written last: its file, and what stands there.
    plan: Option<(String, String)>,
}

#[derive(Debug)]
struct Open {
    id: String,
    /// All that was said of it, the newest of each.
    said: Value,
    /// What its terminal said.
    output: String,
    /// The changes that it was shown with.
    shown: Option<Vec<Change>>,
    denied: bool,
}

impl Tools {
    /// An agent says something of a call.
    pub(super) fn update(&mut self, update: &Value) -> Vec<Chat> {
        let open = self.merge(update);
        if let Some(data) = update["_meta"]["terminal_output_delta"]["data"].as_str() {
            open.output = text::cut(&(std::mem::take(&mut open.output) + data), crate::out::MAX_RESULT).0;
        }
        let mut chats = Vec::new();
        let status = str_at(&open.said, "status").to_owned();
        if matches!(status.as_str(), "completed" | "failed")
            || (status == "in_progress" && open.says_something())
        {
            let steps = open.steps().filter(|_| status == "completed" && open.shown.is_none());
            if let Some(steps) = steps {
                chats.push(Chat::Plan { steps });
            } else {
                chats.extend(open.show());
            }
        }
        if matches!(status.as_str(), "completed" | "failed") {
            if open.shown.is_some() {
                chats.push(open.result(if status == "failed" { Outcome::Failed } else { Outcome::Done }));
            }
            let (id, changes) = (open.id.clone(), open.changes());
            self.open.retain(|open| open.id != id);
            let plan = changes.into_iter().rfind(|change| is_plan(&change.path));
            if let Some(Change { path, new: Some(text), .. }) = plan.filter(|_| status == "completed") {
                self.plan = Some((path, text));
            }
        }
        chats
    }

    /// The plan that a person is asked to allow: what the call says itself, or what was written into the file that it
    /// names, as Gemini does.
    pub(super) fn plan(&self, call: &Value, tool: &Tool) -> Option<String> {
        let said = text_at(&tool.input, "plan").filter(|_| call["kind"] == "switch_mode");
        let named = tool
            .title
            .strip_prefix("Requesting plan approval for: ")
            .filter(|_| leaves_plan(str_at(call, "toolCallId")));
        let written = self.plan.as_ref().filter(|(path, _)| named == Some(path));
        said.or_else(|| written.map(|(_, text)| text.clone()))
    }

    /// The call that a person is asked about is shown.
    pub(super) fn asked(&mut self, call: &Value) -> Option<Chat> {
        self.merge(call).show()
    }

    /// What is known of it.
    pub(super) fn tool(&mut self, call: &Value) -> Tool {
        self.merge(call).tool()
    }

    /// Something else is said than of this call: what was said of the others is all for now.
    pub(super) fn settle(&mut self, but: &str) -> Vec<Chat> {
        let others = self.open.iter_mut().filter(|open| open.id != but && open.says_something());
        others.filter_map(Open::show).collect()
    }

    /// A person did not allow it.
    pub(super) fn denied(&mut self, call: &str) {
        self.open.iter_mut().filter(|open| open.id == call).for_each(|open| open.denied = true);
    }

    /// The turn is over, and these calls with it.
    pub(super) fn close(&mut self) -> Vec<Chat> {
        let open = std::mem::take(&mut self.open);
        open.into_iter()
            .flat_map(|mut open| [open.show(), Some(open.result(Outcome::Interrupted))])
            .flatten()
            .collect()
    }

    fn merge(&mut self, update: &Value) -> &mut Open {
        let id = str_at(update, "toolCallId");
        let at = self.open.iter().position(|open| open.id == id).unwrap_or_else(|| {
            if self.open.len() >= MAX_OPEN {
                self.open.remove(0);
            }
            let (said, output) = (json!({}), String::new());
            self.open.push(Open { id: id.to_owned(), said, output, shown: None, denied: false });
            self.open.len() - 1
        });
        let open = &mut self.open[at];
        for name in MEMBERS.iter().filter(|&&name| !update[name].is_null()) {
            let before = std::mem::replace(&mut open.said[*name], update[*name].clone());
            // Some leave out what they said before, and it is still so.
            if let Some(input) = open.said[*name].as_object_mut().filter(|_| *name == "rawInput") {
                for name in ["cwd", "description"].into_iter().filter(|&name| !before[name].is_null()) {
                    input.entry(name).or_insert_with(|| before[name].clone());
                }
            }
        }
        if let Some(name) = text_at(&update["_meta"]["claudeCode"], "toolName") {
            open.said["name"] = name.into();
        }
        open
    }
}

impl Open {
    /// Whether there is more to it than its name.
    fn says_something(&self) -> bool {
        let input =
            self.said["rawInput"].as_object().is_some_and(|input| input.keys().any(|name| name != "cwd"));
        (input && self.steps().is_none()) || !list_at(&self.said, "content").is_empty()
    }

    /// What it means to do, where that is all that the call says, as opencode's does.
    fn steps(&self) -> Option<Vec<Step>> {
        let steps = self.said["rawInput"]["todos"].as_array()?;
        let is_step = |step: &Value| step["content"].is_string() && step["status"].is_string();
        steps.iter().all(is_step).then(|| steps.iter().map(step).collect())
    }

    fn show(&mut self) -> Option<Chat> {
        if self.shown.is_some() {
            return None;
        }
        let tool = Box::new(self.tool());
        self.shown = Some(tool.changes.clone());
        Some(Chat::Call { call: self.id.clone(), tool, within: None })
    }

    fn tool(&self) -> Tool {
        let said = &self.said;
        let kind = match str_at(said, "kind") {
            "read" => ToolKind::Read,
            "edit" | "delete" | "move" => ToolKind::Edit,
            "search" => ToolKind::Search,
            "execute" => ToolKind::Run,
            "fetch" => ToolKind::Fetch,
            _ => ToolKind::Other,
        };
        let title = str_at(said, "title");
        let command = match &said["rawInput"]["command"] {
            Value::String(command) => Some(command.clone()),
            Value::Array(words) => {
                Some(words.iter().filter_map(Value::as_str).map(quoted).collect::<Vec<_>>().join(" "))
            }
            _ if kind == ToolKind::Run && !title.is_empty() => Some(title.to_owned()),
            _ => None,
        };
        // Some say it in the content alone; whoever decides sees all of it.
        let input = match &said["rawInput"] {
            Value::Null => json!({ "content": said["content"] }),
            input => input.clone(),
        };
        let description = str_at(&input, "description");
        let title = if command.as_deref() == Some(title) { description } else { title }.to_owned();
        let name =
            [str_at(said, "name"), str_at(said, "kind"), "tool"].into_iter().find(|name| !name.is_empty());
        let paths =
            list_at(said, "locations").iter().filter_map(|location| text_at(location, "path")).collect();
        Tool {
            name: name.unwrap_or_default().to_owned(),
            kind,
            title,
            command,
            paths,
            changes: self.changes(),
            input,
        }
    }

    fn changes(&self) -> Vec<Change> {
        let diffs = list_at(&self.said, "content").iter().filter(|part| part["type"] == "diff");
        let text = |value: &Value| value.as_str().map(str::to_owned);
        diffs
            .map(|diff| Change {
                path: str_at(diff, "path").to_owned(),
                old: text(&diff["oldText"]),
                new: text(&diff["newText"]),
            })
            .collect()
    }

    fn result(&self, outcome: Outcome) -> Chat {
        let outcome = if self.denied { Outcome::Denied } else { outcome };
        let mut said = Vec::new();
        let mut images = Vec::new();
        for part in list_at(&self.said, "content").iter().map(|part| &part["content"]) {
            match str_at(part, "type") {
                "text" => said.push(str_at(part, "text")),
                "image" => {
                    let of = |name| str_at(part, name).to_owned();
                    images.push(Image { media: of("mimeType"), data: of("data") });
                }
                _ => {}
            }
        }
        let output = &self.said["rawOutput"];
        let said =
            match (said.join("\n"), self.output.as_str(), output.as_str().or(output["output"].as_str())) {
                (_, output, _) if !output.is_empty() => output.to_owned(),
                (said, _, _) if !said.is_empty() => said,
                (_, _, output) => output.unwrap_or_default().to_owned(),
            };
        let (text, left_out) = text::cut(&said, crate::out::MAX_RESULT);
        let changes = Some(self.changes()).filter(|changes| self.shown.as_ref() != Some(changes));
        Chat::Result {
            call: self.id.clone(),
            outcome,
            text,
            left_out,
            changes: changes.unwrap_or_default(),
            images,
        }
    }
}

/// A step of a plan.
pub(super) fn step(step: &Value) -> Step {
    Step {
        text: str_at(step, "content").to_owned(),
        state: match str_at(step, "status") {
            "completed" | "cancelled" => StepState::Done,
            "in_progress" => StepState::Begun,
            _ => StepState::Open,
        },
    }
}

/// Whether a call is the one with which Gemini goes on from its plan.
pub(super) fn leaves_plan(call: &str) -> bool {
    call.starts_with("exit_plan_mode")
}

fn is_plan(path: &str) -> bool {
    path.contains("/plans/") && Path::new(path).extension().is_some_and(|kind| kind == "md")
}

/// A word of a command, as a shell would take it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
