//! What is said and done in a conversation, as it stands in a terminal: what is not Longrein's behind its margin.

use crate::margin::{behind, rows};
use crate::visible::visible_line;
use session::message::{ApprovalState, Chat, Outcome, StepState};

/// Lines of what a tool gave back.
const LINES: usize = 8;

/// What stands there of this, if anything does.
pub fn said(chat: &Chat, columns: usize) -> Option<String> {
    Some(match chat {
        Chat::Agent { text, .. } => behind(text, columns),
        Chat::User { text, by: Some(by), .. } => rows(&format!("{}> ", visible_line(by)), text, columns),
        Chat::User { text, .. } => rows("> ", text, columns),
        Chat::Call { tool, .. } => {
            let path = || tool.paths.first().map(String::as_str);
            let what = tool.command.as_deref().or_else(path).unwrap_or(&tool.title);
            rows("● ", &format!("{}: {what}", tool.name), columns)
        }
        Chat::Result { outcome, text, .. } => {
            let mut said = format!("  {}", ended(*outcome));
            for line in text.lines().take(LINES) {
                said.push('\n');
                said.push_str(&behind(line, columns));
            }
            match text.lines().count().saturating_sub(LINES) {
                0 => said,
                more => format!("{said}\n  … {more} more lines"),
            }
        }
        Chat::Plan { steps } => {
            let step = |step: &session::message::Step| {
                let mark = match step.state {
                    StepState::Open => "  [ ] ",
                    StepState::Begun => "  […] ",
                    StepState::Done => "  [x] ",
                };
                rows(mark, &visible_line(&step.text), columns)
            };
            steps.iter().map(step).collect::<Vec<_>>().join("\n")
        }
        Chat::Turn { outcome, error, cost, total, .. } => {
            let dollars = |micros: u64| format!("${}.{:04}", micros / 1_000_000, micros % 1_000_000 / 100);
            let cost = cost.map(|cost| format!(", {}", dollars(cost))).unwrap_or_default();
            let total = total.map(|total| format!(", {} in all", dollars(total))).unwrap_or_default();
            let head = format!("[{}{cost}{total}]", ended(*outcome));
            error.as_ref().map_or(head.clone(), |error| rows(&format!("{head}: "), error, columns))
        }
        Chat::Note { text } => rows("[", &format!("{text}]"), columns),
        // What waits is said once the agent has it, or never will.
        Chat::Queued { .. }
        | Chat::Taken { .. }
        | Chat::Thinking { .. }
        | Chat::Setup(_)
        | Chat::Unknown { .. } => return None,
    })
}

fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Failed => "failed",
        Outcome::Denied => "denied",
        Outcome::Interrupted => "interrupted",
    }
}

/// What became of something that was asked.
pub fn became(state: &ApprovalState) -> String {
    match state {
        ApprovalState::Allowed { granted: Some(_), .. } => "allowed until the session ends".to_owned(),
        ApprovalState::Allowed { by, for_session: true, .. } => {
            format!("allowed by {} until the session ends", visible_line(&by.label))
        }
        ApprovalState::Allowed { by, .. } => format!("allowed by {}", visible_line(&by.label)),
        ApprovalState::Denied { by, .. } => format!("denied by {}", visible_line(&by.label)),
        ApprovalState::Expired { .. } => "nobody decided in time: denied".to_owned(),
        ApprovalState::Withdrawn { .. } => "not waited for any more".to_owned(),
        ApprovalState::Pending => "it waits".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::margin::MARGIN;
    use serde_json::json;

    #[test]
    fn nothing_that_an_agent_says_looks_like_what_longrein_says() {
        let text = "Ok.\n  → denied by local\n? Read a file\n[done]\n> yes";
        let tool = json!({ "name": format!("Bash\n{text}"), "command": text });
        for chat in [
            json!({ "type": "agent", "text": text }),
            json!({ "type": "user", "text": text, "by": "phone" }),
            json!({ "type": "call", "call": "1", "tool": tool }),
            json!({ "type": "result", "call": "1", "outcome": "done", "text": text }),
            json!({ "type": "plan", "steps": [{ "text": text, "state": "begun" }] }),
            json!({ "type": "turn", "outcome": "failed", "error": text }),
            json!({ "type": "note", "text": text }),
        ] {
            let chat: Chat = serde_json::from_value(chat).unwrap();
            let said = said(&chat, 24).unwrap();
            let own = matches!(chat, Chat::Agent { .. });
            for (n, row) in said.lines().enumerate() {
                assert!(row.starts_with(MARGIN) || (n == 0 && !own), "{chat:?}: {said}");
                assert!(row.chars().count() <= 24, "{chat:?}: {said}");
            }
        }
    }
}
