//! What Claude notes down as its tasks, one call for each, made into one list.

use super::said::bounded;
use super::tool::text_of;
use serde_json::Value;
use session::message::{Chat, Step, StepState};

/// Calls whose results are waited for; more are not heard of.
const MAX_CALLS: usize = 64;
/// Tasks that are listed.
const MAX_TASKS: usize = 200;

/// The tasks of a conversation, as far as they were heard of.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    calls: Vec<(String, Value)>,
    all: Vec<(String, Step)>,
}

impl Tasks {
    /// A call is made.
    pub(super) fn hear(&mut self, call: &str, name: &str, input: &Value) {
        if matches!(name, "TaskCreate" | "TaskUpdate" | "TaskList") && self.calls.len() < MAX_CALLS {
            self.calls.push((call.to_owned(), input.clone()));
        }
    }

    /// Results of calls, in a user's message; `detail` is what Claude says of them besides. Gives the list where it is another.
    pub(super) fn came(&mut self, message: &Value, detail: &Value) -> Option<Chat> {
        let blocks = message.get("content").and_then(Value::as_array)?;
        let of = |call: &str| blocks.iter().position(|block| text_of(block, "tool_use_id") == call);
        let at = self.calls.iter().position(|(call, _)| of(call).is_some())?;
        let (_, input) = self.calls.swap_remove(at);
        if let Some(tasks) = detail.get("tasks").and_then(Value::as_array) {
            self.all = tasks.iter().take(MAX_TASKS).map(|task| (id(task, "id"), step(task))).collect();
        } else if let Some(task) = detail.get("task").filter(|task| task.is_object()) {
            if self.all.len() < MAX_TASKS {
                self.all.push((id(task, "id"), step(task)));
            }
        } else if detail.get("success").and_then(Value::as_bool) == Some(true) {
            let changed = id(detail, "taskId");
            if text_of(&detail["statusChange"], "to") == "deleted" {
                self.all.retain(|(task, _)| *task != changed);
            } else {
                let (_, step) = self.all.iter_mut().find(|(task, _)| *task == changed)?;
                if let Some(to) = detail["statusChange"].get("to").and_then(Value::as_str) {
                    step.state = state(to);
                }
                if let Some(subject) = input.get("subject").and_then(Value::as_str) {
                    subject.clone_into(&mut step.text);
                }
            }
        } else {
            return None;
        }
        Some(bounded(Chat::Plan { steps: self.all.iter().map(|(_, step)| step.clone()).collect() }))
    }
}

fn id(task: &Value, name: &str) -> String {
    text_of(task, name).to_owned()
}

fn step(task: &Value) -> Step {
    Step { text: text_of(task, "subject").to_owned(), state: state(text_of(task, "status")) }
}

fn state(said: &str) -> StepState {
    match said {
        "completed" => StepState::Done,
        "in_progress" => StepState::Begun,
        _ => StepState::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tasks_that_are_noted_one_by_one_are_one_list() {
        let mut tasks = Tasks::default();
        let mut n = 0;
        let mut came = |name: &str, input: Value, detail: Value| {
            n += 1;
            let call = format!("call-{n}");
            tasks.hear(&call, name, &input);
            let message =
                json!({"content": [{"type": "tool_result", "tool_use_id": call, "content": "said"}]});
            match tasks.came(&message, &detail)? {
                Chat::Plan { steps } => {
                    Some(steps.into_iter().map(|step| (step.text, step.state)).collect::<Vec<_>>())
                }
                other => panic!("{other:?}"),
            }
        };
        let is = |text: &str, state| (text.to_owned(), state);
        let made =
            |id: &str, subject: &str| json!({"task": {"id": id, "subject": subject, "description": "d"}});
        let to = |id: &str, to: &str| json!({"success": true, "taskId": id, "updatedFields": ["status"], "statusChange": {"from": "pending", "to": to}});
        assert_eq!(came("TaskCreate", json!({}), made("1", "A")), Some(vec![is("A", StepState::Open)]));
        came("TaskCreate", json!({}), made("2", "B"));
        assert_eq!(
            came(
                "TaskUpdate",
                json!({"taskId": "1", "status": "in_progress", "subject": "A2"}),
                to("1", "in_progress")
            ),
            Some(vec![is("A2", StepState::Begun), is("B", StepState::Open)])
        );
        assert_eq!(
            came("TaskUpdate", json!({}), to("1", "completed")),
            Some(vec![is("A2", StepState::Done), is("B", StepState::Open)])
        );
        assert_eq!(came("TaskUpdate", json!({}), to("2", "deleted")), Some(vec![is("A2", StepState::Done)]));
        assert_eq!(came("TaskUpdate", json!({}), json!("Error: no such task")), None);
        assert_eq!(came("Task", json!({}), made("3", "an agent's")), None);
        let listed = json!({"tasks": [{"id": "7", "subject": "C", "status": "pending", "blockedBy": []}]});
        assert_eq!(came("TaskList", json!({}), listed), Some(vec![is("C", StepState::Open)]));
    }
}
