//! The app server of a Codex that runs in its own terminal: its terminal interface began the conversation, and we are one
//! more client of it. Codex tells both of everything and asks both; the first answer counts, and the other is told.
//!
//! A conversation can be joined once its first turn has begun. What was said of that turn before, or while we were cut
//! off, is asked for. What cannot be shown here is left to the desk, and is never answered for it.

use super::{AppServer, Call, MAX_OPEN};
use crate::adapter::Said;
use crate::jsonrpc::{list_at, str_at, text_at};
use crate::text;
use serde_json::{Value, json};
use session::message::Doing;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Items that are remembered as shown.
const MAX_SHOWN: usize = 512;
/// Items of a turn that are asked for; of those that were missed, the newest.
const MAX_MISSED: u32 = 100;

/// A terminal that shows no conversation for so long asks something itself: whether to trust the folder, or to log in.
const BEGINS: Duration = Duration::from_secs(10);

/// What is known of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Not kept by Codex, as the one in which it thinks of a title.
    Ephemeral,
    /// What kind it is was asked.
    Read,
    /// It can be joined when it does something.
    Seen,
    /// It was asked for.
    Asked,
    /// Codex tells us of it.
    Joined,
}

/// Whether the app server can be spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Link {
    #[default]
    Down,
    Up,
    /// It can, and its terminal has shown no conversation for long.
    Late,
}

/// How far we are.
#[derive(Debug, Default)]
pub(super) struct Join {
    link: Link,
    /// It was cut off, and whoever reads the chat was told so.
    cut: bool,
    /// Whether a turn of the conversation runs, as it was told since.
    active: Option<bool>,
    /// The turn that runs was told of since.
    named: bool,
    threads: BTreeMap<String, (Known, bool)>,
    /// Items that were shown, as turn and item.
    shown: VecDeque<String>,
    /// Asked of the desk alone.
    desk: Vec<Value>,
}

impl Join {
    fn know(&mut self, thread: &str, known: Known, top: bool) {
        self.threads.insert(thread.to_owned(), (known, top));
        if self.threads.len() > MAX_OPEN {
            self.threads.pop_first();
        }
    }

    fn is(&self, thread: &str, known: Known) -> bool {
        self.threads.get(thread).is_some_and(|(is, _)| *is == known)
    }
}

impl AppServer {
    /// It can be spoken to, for the first time or again.
    pub(super) fn join_linked(&mut self) {
        let Some(join) = &mut self.join else { return };
        join.link = Link::Up;
        join.active = None;
        join.threads.retain(|_, (known, _)| *known != Known::Read);
        for (known, _) in join.threads.values_mut() {
            if *known != Known::Ephemeral {
                *known = Known::Seen;
            }
        }
        if self.thread.is_none() {
            self.out.look(BEGINS);
        }
    }

    /// Some time has passed since it could be spoken to.
    pub(super) fn join_looked(&mut self) {
        let Some(join) = self.join.as_mut().filter(|join| join.link != Link::Down && self.thread.is_none())
        else {
            return;
        };
        join.link = Link::Late;
        let state = self.out.state();
        state.doing = Doing::NeedsYou;
        "its terminal shows no conversation yet".clone_into(&mut state.wants);
    }

    /// It has answered what it is asked first. What it says there may be what it was cut off for, time and again, and that is
    /// one outage.
    fn join_works(&mut self) {
        if self.join.as_mut().is_some_and(|join| std::mem::take(&mut join.cut)) {
            self.out.note("Codex can be answered here again.");
        }
    }

    /// It introduced itself.
    pub(super) fn join_begin(&mut self) {
        // After a cut, the conversation is known already.
        if let Some(thread) = self.thread.clone() {
            return self.join_thread(&thread);
        }
        self.join_works();
        // What it told before we were heard, it tells nobody again.
        self.call("thread/loaded/list", json!({}), Call::Loaded);
    }

    /// What it had loaded when we were heard.
    pub(super) fn join_loaded(&mut self, result: &Value) {
        for thread in list_at(result, "data").iter().filter_map(Value::as_str).take(MAX_OPEN) {
            self.join_look(thread, false);
        }
    }

    /// A conversation whose beginning was not told: what it is comes before it is joined.
    fn join_look(&mut self, thread: &str, opened: bool) {
        let Some(join) = &mut self.join else { return };
        if !thread.is_empty() && !join.threads.contains_key(thread) {
            join.know(thread, Known::Read, true);
            let (thread, before) = (thread.to_owned(), self.thread.clone());
            self.call("thread/read", json!({ "threadId": thread }), Call::Read { thread, opened, before });
        }
    }

    /// What such a conversation is, as `thread/started` would have told.
    pub(super) fn join_read(&mut self, id: &str, result: &Value, opened: bool) {
        let Some(join) = self.join.as_mut().filter(|join| join.is(id, Known::Read)) else { return };
        let thread = &result["thread"];
        if str_at(thread, "id") != id {
            // It is gone, or this version cannot read it: what comes of joining it says more.
            join.know(id, Known::Seen, true);
            return self.join_thread(id);
        }
        self.join_started(thread, opened);
        let status = str_at(&thread["status"], "type");
        if self.thread.as_deref() == Some(id)
            && self.turn.is_none()
            && let Some(join) = &mut self.join
        {
            join.active = Some(status == "active");
            self.starting = status == "active";
        }
        if ["active", "idle"].contains(&status) {
            self.join_thread(id);
        }
    }

    /// There is a conversation. What was just opened is what the terminal shows.
    fn join_started(&mut self, thread: &Value, opened: bool) {
        let Some(join) = &mut self.join else { return };
        let id = str_at(thread, "id").to_owned();
        let top = thread["parentThreadId"].is_null();
        if thread["ephemeral"] == true {
            join.know(&id, Known::Ephemeral, top);
        } else if !id.is_empty() {
            join.know(&id, Known::Seen, top);
            if top && (opened || self.thread.is_none()) {
                self.setup.model = text_at(thread, "model").or(self.setup.model.take());
                self.join_switch(id);
            }
        }
    }

    /// It cannot be spoken to.
    pub(super) fn join_cut(&mut self) {
        self.withdraw(|_| true);
        self.stop = false;
        for call in self.rpc.forget() {
            if let Call::Turn(said) = call {
                self.out.note(format!("It is not known whether Codex took this: {said}"));
            }
        }
        // What these would change may be something else by then.
        for (_, files) in &mut self.open {
            *files = None;
        }
        let Some(join) = &mut self.join else { return };
        join.link = Link::Down;
        join.named = false;
        join.desk.clear();
        if !std::mem::replace(&mut join.cut, true) {
            self.out
                .note("Codex cannot be answered here for now. It goes on in its terminal, and asks there.");
        }
        let state = self.out.state();
        state.doing = Doing::Unknown;
        state.wants.clear();
    }

    /// Whether it would take a prompt, as far as that depends on the terminal.
    pub(super) fn join_ready(&self) -> bool {
        self.join.as_ref().is_none_or(|join| join.link != Link::Down && self.thread.is_some())
    }

    /// What its terminal says, where the app server does not tell us more.
    pub(super) fn join_said(&mut self, said: &Said) {
        let (Some(join), Said::Status { doing, message, .. }) = (&self.join, said) else { return };
        let joined = self.thread.as_ref().is_some_and(|thread| join.is(thread, Known::Joined));
        let asks = join.link == Link::Late && self.thread.is_none() && *doing != Doing::NeedsYou;
        if !(join.link != Link::Down && joined || asks) {
            let needs_you = *doing == Doing::NeedsYou;
            let state = self.out.state();
            state.doing = *doing;
            state.wants = if needs_you { text::line(message, 200) } else { String::new() };
        }
    }

    /// Something is told that says which conversation the terminal shows, and whether it can be joined.
    pub(super) fn join_told(&mut self, method: &str, params: &Value) {
        let Some(join) = &mut self.join else { return };
        let about = str_at(params, "threadId").to_owned();
        match method {
            "thread/started" => self.join_started(&params["thread"], true),
            "thread/status/changed" => {
                let status = str_at(&params["status"], "type");
                let (active, ours) = (status == "active", self.thread.as_ref() == Some(&about));
                if !join.threads.contains_key(&about) {
                    // Where it ends, there is nothing to be looked at. One that does nothing was opened just now, as by `/resume`.
                    if active || status == "idle" {
                        self.join_look(&about, !active);
                    }
                } else if active || status == "idle" && (self.thread.is_none() || ours && self.turn.is_some())
                {
                    // The end of a turn is told only where it was joined.
                    self.join_thread(&about);
                } else if status == "notLoaded" && !ours {
                    // Where it is opened again, that is news.
                    join.threads.remove(&about);
                } else if status == "notLoaded" && join.is(&about, Known::Joined) {
                    join.know(&about, Known::Seen, true);
                }
                if ours && let Some(join) = &mut self.join {
                    join.active = Some(active);
                }
                if ours && self.turn.is_none() {
                    self.starting = active;
                    self.stop &= active;
                }
            }
            "turn/started" => {
                let top =
                    join.threads.get(&about).is_some_and(|(known, top)| *known == Known::Joined && *top);
                if top && self.thread.as_ref() != Some(&about) {
                    self.join_switch(about);
                }
            }
            _ => {}
        }
        // The beginning of a turn may have been told before we were there.
        let ours = |thread: &Value| thread.as_str().is_some() && thread.as_str() == self.thread.as_deref();
        let turn = text_at(params, "turnId").filter(|_| ours(&params["threadId"]));
        // What was missed may have been of a turn before.
        let begun = method == "item/started" && self.turn.is_some() && turn.is_some() && turn != self.turn;
        if begun || method.starts_with("item/") && self.starting && self.turn.is_none() && turn.is_some() {
            self.turn = turn;
            self.starting = false;
            self.join_named();
            self.interrupt_late();
        }
    }

    /// The turn that runs is known.
    pub(super) fn join_named(&mut self) {
        if let Some(join) = &mut self.join {
            join.named = true;
        }
    }

    /// The terminal shows another conversation.
    fn join_switch(&mut self, thread: String) {
        self.turn = None;
        self.starting = false;
        self.stop = false;
        self.begun = true;
        self.setup.conversation = Some(thread.clone());
        self.thread = Some(thread);
        let state = self.out.state();
        state.doing = Doing::Idle;
        state.wants.clear();
        self.tell_setup();
        if let Some(input) = self.held.take() {
            self.start_turn(input);
        }
    }

    fn join_thread(&mut self, thread: &str) {
        let Some(join) = &mut self.join else { return };
        let known = join.threads.get(thread).copied();
        if thread.is_empty() || known.is_some_and(|(known, _)| known != Known::Seen) {
            return;
        }
        join.know(thread, Known::Asked, known.is_none_or(|(_, top)| top));
        let params = json!({ "threadId": thread, "excludeTurns": true });
        self.call("thread/resume", params, Call::Join(thread.to_owned()));
    }

    /// A conversation was joined, or cannot be yet.
    pub(super) fn join_answered(&mut self, thread: &str, result: Result<Value, String>) {
        let Some(join) = &mut self.join else { return };
        let Ok(result) = result else {
            // It has not begun. It is tried again when its status changes.
            join.know(thread, Known::Seen, join.threads.get(thread).is_none_or(|(_, top)| *top));
            if self.thread.as_deref() == Some(thread) {
                let active = join.active;
                if let (Some(false), Some(turn)) = (active, self.turn.clone()) {
                    // It is over, and how cannot be known.
                    self.turn_over(&json!({ "id": turn }));
                }
                if active != Some(true) {
                    self.join_idle();
                }
                self.join_works();
            }
            return;
        };
        let top = result["thread"]["parentThreadId"].is_null();
        join.know(thread, Known::Joined, top);
        let model = text_at(&result, "model");
        if top && self.thread.is_none() {
            self.setup.model.clone_from(&model);
            self.join_switch(thread.to_owned());
        }
        if self.thread.as_deref() != Some(thread) {
            return;
        }
        self.setup.model = model;
        self.tell_setup();
        let active = str_at(&result["thread"]["status"], "type") == "active";
        self.out.state().doing = if active { Doing::Working } else { Doing::Idle };
        if active || self.turn.is_some() {
            self.starting = active && self.turn.is_none();
            let params = json!({ "threadId": thread, "sortDirection": "desc", "limit": MAX_MISSED });
            self.call("thread/items/list", params, Call::Missed { active });
        } else {
            self.join_idle();
            self.join_works();
        }
    }

    /// No turn of the conversation runs: what was asked for before a cut did not begin, or is over.
    fn join_idle(&mut self) {
        let asked = self.rpc.waiting().any(|call| matches!(call, Call::Turn(_)));
        if self.turn.is_none() && !asked {
            self.starting = false;
            self.stop = false;
        }
    }

    /// What was said of the last turn before we were there.
    pub(super) fn join_missed(&mut self, result: &Value, active: bool) {
        self.join_works();
        let entries = list_at(result, "data");
        let turn = entries.first().map(|entry| str_at(entry, "turnId").to_owned()).unwrap_or_default();
        if turn.is_empty() && active {
            return;
        }
        for entry in entries.iter().rev().filter(|entry| str_at(entry, "turnId") == turn) {
            self.item_completed(&entry["item"], &turn, None);
        }
        let named = self.join.as_ref().is_some_and(|join| join.named);
        if self.turn.as_ref().is_some_and(|own| *own != turn && !named || !active) {
            // It ended, and how was not told.
            let ended = json!({ "id": self.turn });
            self.turn_over(&ended);
            self.starting = active;
        }
        if self.starting && !turn.is_empty() {
            self.turn = Some(turn);
            self.starting = false;
            self.out.state().doing = Doing::Working;
            self.interrupt_late();
        }
    }

    /// Whether this was shown already; if not, it is now.
    pub(super) fn join_shown(&mut self, turn: &str, item: &Value) -> bool {
        let Some(join) = &mut self.join else { return false };
        let name = format!("{turn}/{}", str_at(item, "id"));
        if join.shown.contains(&name) {
            return true;
        }
        if join.shown.len() == MAX_SHOWN {
            join.shown.pop_front();
        }
        join.shown.push_back(name);
        false
    }

    /// What cannot be shown here is for the desk alone. False where there is no desk.
    pub(super) fn join_leaves(&mut self, id: &Value) -> bool {
        let Some(join) = &mut self.join else { return false };
        join.desk.push(id.clone());
        if join.desk.len() > MAX_OPEN {
            join.desk.remove(0);
        }
        let state = self.out.state();
        state.doing = Doing::NeedsYou;
        "it asks something that can be answered in its terminal alone".clone_into(&mut state.wants);
        self.out.note("Codex asks something that can be answered in its terminal alone.");
        true
    }

    /// The desk answered what was left to it.
    pub(super) fn join_resolved(&mut self, id: &Value) {
        let Some(join) = &mut self.join else { return };
        let before = join.desk.len();
        join.desk.retain(|left| left != id);
        if before > 0 && join.desk.is_empty() {
            let state = self.out.state();
            state.doing = Doing::Working;
            state.wants.clear();
        }
    }
}
