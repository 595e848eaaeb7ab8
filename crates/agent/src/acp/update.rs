//! What an agent tells of while it works.

use super::begin::choices;
use super::tools::step;
use super::{Acp, Kind, MAX_SAID, Speech};
use crate::jsonrpc::{list_at, str_at, text_at};
use serde_json::{Value, json};
use session::message::Chat;

impl Acp {
    pub(super) fn told(&mut self, method: &str, params: &Value) {
        match method {
            "session/update" => {
                let session = str_at(params, "sessionId");
                let own = self.session.as_deref().or(self.resume.as_deref());
                // Before it is named, whatever comes is about it.
                if own.is_none_or(|own| own == session) {
                    self.update(&params["update"]);
                }
            }
            "$/cancel_request" => {
                let id = &params["requestId"];
                let key = self.waiting.iter().find(|(_, waiting)| waiting.id == *id).map(|(key, _)| *key);
                if let Some(key) = key {
                    self.waiting.remove(&key);
                    self.out.withdraw(key);
                }
            }
            // What an agent adds for clients that know it.
            _ if method.starts_with('_') || method.starts_with("$/") || method == "elicitation/complete" => {}
            _ => self.out.chat(Chat::Unknown { json: json!({ "method": method, "params": params }) }),
        }
    }

    fn update(&mut self, update: &Value) {
        let kind = str_at(update, "sessionUpdate");
        let call = str_at(update, "toolCallId");
        for chat in self.tools.settle(call) {
            self.out.chat(chat);
        }
        match kind {
            "agent_message_chunk" => self.said(Kind::Agent, update),
            "agent_thought_chunk" => self.said(Kind::Thinking, update),
            "user_message_chunk" if self.replaying => self.said(Kind::User, update),
            "tool_call" | "tool_call_update" => {
                self.flush();
                for chat in self.tools.update(update) {
                    self.out.chat(chat);
                }
            }
            "plan" => self.plan(list_at(update, "entries")),
            "plan_update" => self.plan(list_at(&update["plan"], "entries")),
            "available_commands_update" => {
                self.setup.commands = choices(update, "availableCommands", "name");
                self.tell_setup();
            }
            "current_mode_update" => {
                self.setup.mode = text_at(update, "currentModeId");
                self.tell_setup();
            }
            "config_option_update" => {
                self.options(&update["configOptions"]);
                self.tell_setup();
            }
            "usage_update" => {
                let cost = &update["cost"];
                if let (Some(dollars), "USD") = (cost["amount"].as_f64(), str_at(cost, "currency")) {
                    // Whole millionths are enough, and no session costs what these do not hold.
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "kept in bounds"
                    )]
                    let millionths = (dollars * 1e6).round().clamp(0.0, 1e15) as u64;
                    self.cost = Some(millionths);
                }
            }
            "notice" => {
                let said = [str_at(update, "title"), str_at(update, "description")].join(" ");
                self.out.note(format!("{}: {}", self.name, said.trim()));
            }
            // What was said to it just now, and what is of no interest.
            "user_message_chunk"
            | "session_info_update"
            | "compaction_update"
            | "compaction_summary_chunk"
            | "plan_removed" => {}
            _ => self.out.chat(Chat::Unknown { json: update.clone() }),
        }
    }

    fn plan(&mut self, entries: &[Value]) {
        self.flush();
        self.out.chat(Chat::Plan { steps: entries.iter().map(step).collect() });
    }

    fn said(&mut self, kind: Kind, update: &Value) {
        let content = &update["content"];
        let text = match str_at(content, "type") {
            "text" => str_at(content, "text").to_owned(),
            "resource_link" => format!("[{}]({})", str_at(content, "name"), str_at(content, "uri")),
            other => format!("[{other}]"),
        };
        let message = str_at(update, "messageId");
        let goes_on = |speech: &Speech| {
            speech.kind == kind && speech.message == message && speech.text.len() + text.len() <= MAX_SAID
        };
        if !self.speech.as_ref().is_some_and(goes_on) {
            self.flush();
        }
        let items = &mut self.items;
        let speech = self.speech.get_or_insert_with(|| {
            *items += 1;
            Speech { kind, message: message.to_owned(), item: format!("said-{items}"), text: String::new() }
        });
        speech.text.push_str(&text);
        if kind != Kind::User && !self.replaying {
            self.out.partial(&speech.item, &text, kind == Kind::Thinking);
        }
    }

    /// What was being said is complete.
    pub(super) fn flush(&mut self) {
        let Some(Speech { kind, item, text, .. }) = self.speech.take() else { return };
        // What Gemini tells its model first is said by nobody.
        if text.trim().is_empty() || (kind == Kind::User && text.starts_with("<session_context>")) {
            return;
        }
        let item = Some(item);
        self.out.chat(match kind {
            Kind::User => Chat::User { text, by: None, files: Vec::new(), prompt: None },
            Kind::Agent => Chat::Agent { item, text, within: None },
            Kind::Thinking => Chat::Thinking { item, text, within: None },
        });
    }
}
