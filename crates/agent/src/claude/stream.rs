//! What Claude says just now, before it is said whole.

use super::tool::text_of;
use crate::adapter::Output;
use serde_json::Value;

/// What is being said just now.
#[derive(Debug, Default)]
pub(super) struct Stream {
    message: String,
    /// The block that is open, and whether it is thought.
    block: Option<(String, bool)>,
}

impl Stream {
    /// More of it.
    pub fn hear(&mut self, json: &Value) -> Option<Output> {
        // What an agent of its own says just now is shown once it is said.
        if json.get("parent_tool_use_id").is_some_and(|id| !id.is_null()) {
            return None;
        }
        let event = &json["event"];
        match text_of(event, "type") {
            "message_start" => {
                text_of(&event["message"], "id").clone_into(&mut self.message);
                self.block = None;
            }
            "content_block_start" => {
                let item = format!("{}.{}", self.message, event["index"].as_u64().unwrap_or_default());
                self.block = match text_of(&event["content_block"], "type") {
                    "text" => Some((item, false)),
                    "thinking" => Some((item, true)),
                    _ => None,
                };
            }
            "content_block_delta" => {
                let delta = &event["delta"];
                let text = match text_of(delta, "type") {
                    "text_delta" => text_of(delta, "text"),
                    "thinking_delta" => text_of(delta, "thinking"),
                    _ => return None,
                };
                let (item, thinking) = self.block.clone().filter(|_| !text.is_empty())?;
                return Some(Output::Partial { item, text: text.to_owned(), thinking });
            }
            _ => {}
        }
        None
    }

    /// A block of a message is said whole: the name that what was said of it went under.
    pub fn whole(&mut self, message: &str, thinking: bool) -> Option<String> {
        let is_this = |(_, open): &mut (String, bool)| self.message == message && *open == thinking;
        self.block.take_if(is_this).map(|(item, _)| item)
    }
}
