//! Conversations, and the turns in them.

use super::NAME;
use super::hear::{Call, Kind, MAX_CALLS, Opencode, Waiting, is_name};
use super::said::Said;
use crate::jsonrpc::{str_at, text_at};
use crate::text;
use serde_json::Value;
use session::message::{Chat, Doing, Outcome};
use std::collections::BTreeMap;

/// Conversations that work at the same time; of more, nothing is known.
const MAX_TURNS: usize = 64;

/// A turn of a conversation.
#[derive(Debug, Default)]
pub(super) struct Turn {
    since: u64,
    /// Cost in dollars and tokens of each message.
    spent: BTreeMap<String, (f64, u64, u64)>,
    error: Option<String>,
    stopped: bool,
}

impl Opencode {
    /// What was said while nobody listened. What was told before is not told again.
    pub(super) fn missed(&mut self, list: &Value, now: u64) {
        let known = self.setup.conversation.is_some();
        let Some(session) = self.current.clone() else { return };
        // Of a conversation that was not followed before, only what it works on now is told.
        let working = self.turns.contains_key(&session);
        let messages: Vec<_> = Said::listed(list).collect();
        let since = messages.iter().rposition(|(info, _)| str_at(info, "role") == "user").unwrap_or(0);
        let messages = if known { &messages[..] } else { &messages[since..] };
        if !known && !working {
            return;
        }
        for (info, parts) in messages {
            self.message(info, now);
            for part in *parts {
                self.part(part);
            }
        }
        if !working {
            self.rest(&session, now);
        }
    }

    /// What is known of a conversation.
    pub(super) fn session(&mut self, info: &Value) {
        let (id, parent) = (str_at(info, "id"), str_at(info, "parentID"));
        if !parent.is_empty() && !self.is_child(id) {
            self.children.push((id.to_owned(), parent.to_owned()));
        }
    }

    pub(super) fn is_child(&self, session: &str) -> bool {
        self.children.iter().any(|(child, _)| child == session)
    }

    /// The chat goes on with this conversation.
    pub(super) fn turn_to(&mut self, session: &str) {
        if !is_name(session) || self.is_child(session) {
            return;
        }
        self.current = Some(session.to_owned());
        if self.setup.conversation != self.current {
            self.setup.conversation.clone_from(&self.current);
            self.out.chat(Chat::Setup(self.setup.clone()));
        }
    }

    pub(super) fn message(&mut self, info: &Value, now: u64) {
        let (id, session) = (str_at(info, "id"), str_at(info, "sessionID"));
        match str_at(info, "role") {
            "user" => {
                if !self.said.of_person(id) || self.is_child(session) {
                    return;
                }
                for name in ["agent", "model"] {
                    if !info[name].is_null() {
                        self.with.insert(name, info[name].clone());
                    }
                }
                let model = &info["model"];
                let model = format!("{}/{}", str_at(model, "providerID"), str_at(model, "modelID"));
                self.setup.model = Some(model).filter(|model| model.len() > 1);
                self.setup.mode = text_at(info, "agent");
                self.turn_to(session);
                self.begin(session, now);
            }
            "assistant" => {
                let tokens = &info["tokens"];
                let count = |value: &Value| value.as_f64().map_or(0, whole_number);
                let read = count(&tokens["input"])
                    .saturating_add(count(&tokens["cache"]["read"]))
                    .saturating_add(count(&tokens["cache"]["write"]));
                let written = count(&tokens["output"]).saturating_add(count(&tokens["reasoning"]));
                // What its own agents spend is spent in the turn that they work in.
                let of = self.root(session);
                if let Some(turn) = self.turns.get_mut(&of) {
                    let cost = info["cost"].as_f64().unwrap_or(0.0);
                    if turn.spent.len() < MAX_CALLS || turn.spent.contains_key(id) {
                        turn.spent.insert(id.to_owned(), (cost, read, written));
                    }
                }
                if !info["error"].is_null() {
                    self.failed(session, &info["error"]);
                }
            }
            _ => {}
        }
    }

    /// The conversation that this one is a part of, at last.
    fn root(&self, session: &str) -> String {
        let mut session = session;
        for _ in 0..8 {
            let Some((_, parent)) = self.children.iter().find(|(child, _)| child == session) else { break };
            session = parent;
        }
        session.to_owned()
    }

    pub(super) fn begin(&mut self, session: &str, now: u64) {
        if is_name(session) && !self.turns.contains_key(session) && self.turns.len() < MAX_TURNS {
            self.turns.insert(session.to_owned(), Turn { since: now, ..Turn::default() });
            self.out.state().doing = Doing::Working;
        }
    }

    pub(super) fn failed(&mut self, session: &str, error: &Value) {
        let Some(turn) = self.turns.get_mut(session) else { return };
        if str_at(error, "name") == "MessageAbortedError" {
            turn.stopped = true;
        } else {
            turn.error = Some(said(error));
        }
    }

    /// What was said last failed before there was a turn: nothing more will come of it.
    pub(super) fn dropped(&mut self, session: &str, error: &Value) {
        let ours = self.current.as_deref() == Some(session) && !self.turns.contains_key(session);
        if !ours || str_at(error, "name") == "MessageAbortedError" {
            return;
        }
        let why = &said(error);
        let Some(at) = self.ours.iter().position(|ours| !ours.lost) else { return };
        let Some(ours) = self.ours.remove(at) else { return };
        // It may be for what it was said with, which may not be there any more.
        self.with.clear();
        if let Some(call) = self.calls.get_mut(&ours.id) {
            *call = Call::Nothing;
        }
        let (why, text) = (text::line(why, 200), text::cut(&ours.text, 2000).0);
        self.out.untaken(&ours.prompt, format!("{NAME} did not take this ({why}): {text}"));
    }

    /// A conversation does nothing more by itself.
    pub(super) fn rest(&mut self, session: &str, now: u64) {
        let looks = self.calls.values().any(|call| matches!(call, Call::Status | Call::Missed));
        if !looks && !self.is_child(session) {
            // These would have been told of by now: the same words are from the desk.
            self.ours.retain(|ours| !ours.lost);
        }
        let here = self.waiting.iter().filter(|(_, waiting)| waiting.session == session);
        let keys: Vec<_> = here.map(|(key, _)| *key).collect();
        for key in keys {
            let Some(waiting) = self.waiting.remove(&key) else { continue };
            self.out.withdraw(key);
            // It would go on to be asked at the desk, where nobody waits for it either.
            self.no(&waiting, None, Call::Nothing);
        }
        for asked in self.unseen.take(|asked| str_at(asked, "sessionID") == session) {
            let waiting = Waiting {
                id: str_at(&asked, "id").to_owned(),
                session: session.to_owned(),
                kind: Kind::Permission(None),
            };
            self.no(&waiting, None, Call::Nothing);
        }
        for chat in self.said.rest(session) {
            self.out.chat(chat);
        }
        let Some(turn) = self.turns.remove(session) else { return };
        if self.turns.is_empty() {
            self.out.state().doing = Doing::Idle;
        }
        if self.is_child(session) {
            return;
        }
        let sum = |of: fn(&(f64, u64, u64)) -> u64| turn.spent.values().map(of).fold(0, u64::saturating_add);
        let cost = whole_number(turn.spent.values().map(|spent| spent.0).sum::<f64>() * 1e6);
        self.total = Some(self.total.unwrap_or(0).saturating_add(cost));
        let outcome = match (&turn.error, turn.stopped) {
            (_, true) => Outcome::Interrupted,
            (Some(_), false) => Outcome::Failed,
            (None, false) => Outcome::Done,
        };
        self.out.chat(Chat::Turn {
            outcome,
            error: turn.error.filter(|_| outcome == Outcome::Failed),
            cost: Some(cost),
            total: self.total,
            tokens: Some((sum(|spent| spent.1), sum(|spent| spent.2))),
            took: Some(now.saturating_sub(turn.since)),
        });
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "kept in bounds")]
fn whole_number(number: f64) -> u64 {
    number.round().clamp(0.0, 1e15) as u64
}

fn said(error: &Value) -> String {
    let said = text_at(&error["data"], "message").or_else(|| text_at(error, "name"));
    said.unwrap_or_else(|| error.to_string())
}
