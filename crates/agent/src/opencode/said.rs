//! What opencode's messages are made of, part by part, as the chat shows them: each thing once, when it is whole.

use super::tools;
use crate::jsonrpc::{list_at, str_at, text_at};
use crate::out::MAX_RESULT;
use crate::text;
use serde_json::Value;
use session::message::{Chat, Outcome, Tool};
use std::collections::VecDeque;

/// Messages, parts and calls that are remembered; of more, the oldest is forgotten.
const MAX_KNOWN: usize = 256;
/// Bytes of what is being said that are kept until it is whole; it is told whole at its end.
const MAX_SAYING: usize = 64 * 1024;

/// A list of at most [`MAX_KNOWN`].
#[derive(Debug)]
pub(super) struct Recent<T>(VecDeque<T>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Recent<T> {
    pub(super) fn push(&mut self, item: T) {
        if self.0.len() >= MAX_KNOWN {
            self.0.pop_front();
        }
        self.0.push_back(item);
    }

    pub(super) fn find(&mut self, is: impl Fn(&T) -> bool) -> Option<&mut T> {
        self.0.iter_mut().rev().find(|item| is(item))
    }

    pub(super) fn take(&mut self, is: impl Fn(&T) -> bool) -> Vec<T> {
        let (taken, left) = std::mem::take(&mut self.0).into_iter().partition(is);
        self.0 = left;
        taken.into()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Ids of messages of a person.
    of_people: Recent<String>,
    /// Ids of parts that were told.
    told: Recent<String>,
    sayings: Recent<Saying>,
    calls: Recent<Call>,
    /// The conversations of agents of the agent's own, and the calls that began them.
    within: Recent<(String, String)>,
}

/// What is being said.
#[derive(Debug)]
struct Saying {
    part: String,
    session: String,
    text: String,
    thinking: bool,
}

/// A call without a result.
#[derive(Debug)]
struct Call {
    part: String,
    session: String,
    message: String,
    /// opencode's name for it, which is good within its message.
    name: String,
    shown: bool,
    tool: Tool,
    denied: bool,
}

impl Said {
    /// A message of a person. True where it is a new one.
    pub(super) fn of_person(&mut self, message: &str) -> bool {
        let known = self.of_people.find(|known| known == message).is_some();
        if !known {
            self.of_people.push(message.to_owned());
        }
        !known
    }

    /// The call that a conversation is a part of.
    pub(super) fn within(&self, session: &str) -> Option<String> {
        self.within.iter().find(|(child, _)| child == session).map(|(_, call)| call.clone())
    }

    /// A part as it is now. A person's text is given by `User` without who said it.
    pub(super) fn part(&mut self, part: &Value, cwd: &str) -> Vec<Chat> {
        let id = str_at(part, "id");
        if id.is_empty() || self.told.find(|told| told == id).is_some() {
            return Vec::new();
        }
        match str_at(part, "type") {
            kind @ ("text" | "reasoning") => self.text(part, kind == "reasoning").into_iter().collect(),
            "tool" => self.call(part, cwd),
            _ => Vec::new(),
        }
    }

    fn text(&mut self, part: &Value, thinking: bool) -> Option<Chat> {
        let (id, session) = (str_at(part, "id").to_owned(), str_at(part, "sessionID").to_owned());
        let (text, message) = (str_at(part, "text").to_owned(), str_at(part, "messageID"));
        if self.of_people.find(|known| known == message).is_some() {
            self.told.push(id);
            // What is added for the model's eyes is none of the person's words.
            let theirs = part["synthetic"] != true && part["ignored"] != true && !text.trim().is_empty();
            return theirs.then_some(Chat::User { text, by: None, files: Vec::new(), prompt: None });
        }
        if part["time"]["end"].is_null() {
            if self.sayings.find(|saying| saying.part == id).is_none() {
                self.sayings.push(Saying { part: id, session, text: String::new(), thinking });
            }
            return None;
        }
        self.sayings.take(|saying| saying.part == id);
        self.told.push(id.clone());
        let within = self.within(&session);
        whole(id, text, thinking, within)
    }

    /// More of a text: what it is, and whether it is thought. Of an agent's own agent nothing is shown before it is whole.
    pub(super) fn more(&mut self, part: &str, delta: &str) -> Option<bool> {
        let saying = self.sayings.find(|saying| saying.part == part)?;
        if saying.text.len() + delta.len() <= MAX_SAYING {
            saying.text.push_str(delta);
        }
        let (session, thinking) = (saying.session.clone(), saying.thinking);
        self.within(&session).is_none().then_some(thinking)
    }

    fn call(&mut self, part: &Value, cwd: &str) -> Vec<Chat> {
        let name = str_at(part, "tool");
        // The plan is told by itself.
        if matches!(name, "todowrite" | "todoread") {
            return Vec::new();
        }
        let state = &part["state"];
        let (id, status) = (str_at(part, "id").to_owned(), str_at(state, "status"));
        let tool = tools::tool(name, &state["input"], cwd);
        if self.calls.find(|call| call.part == id).is_none() {
            self.calls.push(Call {
                part: id.clone(),
                session: str_at(part, "sessionID").to_owned(),
                message: str_at(part, "messageID").to_owned(),
                name: str_at(part, "callID").to_owned(),
                shown: false,
                tool: tool.clone(),
                denied: false,
            });
        }
        if let Some(child) = text_at(&state["metadata"], "sessionId").filter(|_| name == "task")
            && self.within(&child).is_none()
        {
            self.within.push((child, id.clone()));
        }
        let within = self.within(str_at(part, "sessionID"));
        let mut chats = Vec::new();
        let Some(call) = self.calls.find(|call| call.part == id) else { return chats };
        if status != "pending" && !call.shown {
            call.shown = true;
            call.tool = tool.clone();
            chats.push(Chat::Call { call: id.clone(), tool: Box::new(tool), within });
        }
        let (outcome, said) = match status {
            "completed" => (Outcome::Done, str_at(state, "output")),
            "error" if state["metadata"]["interrupted"] == true => {
                (Outcome::Interrupted, str_at(state, "error"))
            }
            "error" => (Outcome::Failed, str_at(state, "error")),
            _ => return chats,
        };
        let refused = call.denied || said.starts_with("The user rejected permission");
        let outcome = if refused { Outcome::Denied } else { outcome };
        chats.push(result(&id, outcome, said));
        self.over(&id);
        chats
    }

    fn over(&mut self, part: &str) {
        self.calls.take(|call| call.part == part);
        self.told.push(part.to_owned());
    }

    /// The call that is asked about, which opencode names so, once it is known what it gets.
    pub(super) fn asked(&mut self, about: &Value) -> Option<(String, &Tool)> {
        let call = self.call_of(about).filter(|call| call.shown)?;
        Some((call.part.clone(), &call.tool))
    }

    /// Whether this call was told of, perhaps without what it gets yet.
    pub(super) fn knows(&mut self, about: &Value) -> bool {
        self.call_of(about).is_some()
    }

    fn call_of(&mut self, about: &Value) -> Option<&mut Call> {
        let (message, call) = (str_at(about, "messageID"), str_at(about, "callID"));
        self.calls.find(|known| known.message == message && known.name == call)
    }

    /// A person did not allow this call, or is to say so again.
    pub(super) fn denied(&mut self, part: &str, denied: bool) {
        if let Some(call) = self.calls.find(|call| call.part == part) {
            call.denied = denied;
        }
    }

    /// A conversation rests: what was being said or done in it is over.
    pub(super) fn rest(&mut self, session: &str) -> Vec<Chat> {
        let mut chats = Vec::new();
        let within = self.within(session);
        for Saying { part, text, thinking, .. } in self.sayings.take(|saying| saying.session == session) {
            self.told.push(part.clone());
            chats.extend(whole(part, text, thinking, within.clone()));
        }
        for call in self.calls.take(|call| call.session == session) {
            self.told.push(call.part.clone());
            let outcome = if call.denied { Outcome::Denied } else { Outcome::Interrupted };
            if call.shown {
                chats.push(result(&call.part, outcome, ""));
            }
        }
        chats
    }

    /// Parts of messages as they are listed, oldest first, each as if it were told just now.
    pub(super) fn listed(list: &Value) -> impl Iterator<Item = (&Value, &[Value])> {
        let messages = list.as_array().map_or(&[][..], Vec::as_slice);
        messages.iter().map(|message| (&message["info"], list_at(message, "parts")))
    }
}

fn whole(part: String, text: String, thinking: bool, within: Option<String>) -> Option<Chat> {
    if text.trim().is_empty() {
        return None;
    }
    let item = Some(part);
    Some(if thinking { Chat::Thinking { item, text, within } } else { Chat::Agent { item, text, within } })
}

fn result(part: &str, outcome: Outcome, said: &str) -> Chat {
    let (text, left_out) = text::cut(said, MAX_RESULT);
    let (changes, images) = (Vec::new(), Vec::new());
    Chat::Result { call: part.to_owned(), outcome, text, left_out, changes, images }
}
