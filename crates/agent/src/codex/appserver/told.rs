//! What the app server tells of: turns and their items.

use super::{AppServer, MAX_OPEN, MAX_WARNED, OURS, Waiting};
use crate::codex::items::{self, Shown};
use crate::jsonrpc::{list_at, str_at, text_at};
use serde_json::{Value, json};
use session::message::{Chat, Doing, Outcome};

impl AppServer {
    pub(super) fn told(&mut self, method: &str, params: &Value) {
        if method == "serverRequest/resolved" {
            self.withdraw(|waiting| waiting.id == params["requestId"]);
            return self.join_resolved(&params["requestId"]);
        }
        self.join_told(method, params);
        let thread = str_at(params, "threadId");
        let ours = thread.is_empty() || self.thread.as_deref().is_none_or(|own| own == thread);
        let within = self.within.get(thread).cloned();
        if !ours && within.is_none() {
            return;
        }
        let item = str_at(params, "itemId");
        match method {
            "turn/started" if ours => {
                self.turn = text_at(&params["turn"], "id");
                self.starting = false;
                self.join_named();
                self.interrupt_late();
                self.tokens_before = self.tokens;
                self.out.state().doing = Doing::Working;
            }
            "turn/completed" if ours => self.turn_over(&params["turn"]),
            "item/started" => self.item_started(&params["item"], within.as_ref()),
            "item/completed" => {
                self.item_completed(&params["item"], str_at(params, "turnId"), within.as_ref());
            }
            "item/fileChange/patchUpdated" => self.patch_updated(item, &params["changes"]),
            "item/agentMessage/delta" | "item/plan/delta" if ours => {
                self.out.partial(item, str_at(params, "delta"), false);
            }
            "item/reasoning/summaryTextDelta" if ours => {
                self.out.partial(item, str_at(params, "delta"), true);
            }
            "turn/plan/updated" if ours => self.out.chat(items::plan(list_at(params, "plan"))),
            "thread/tokenUsage/updated" if ours => {
                let total = &params["tokenUsage"]["total"];
                let of = |name: &str| total[name].as_u64().unwrap_or(0);
                self.tokens = (of("inputTokens"), of("outputTokens"));
            }
            "thread/settings/updated" if ours => {
                self.setup.model = text_at(&params["threadSettings"], "model").or(self.setup.model.take());
                self.tell_setup();
            }
            "model/rerouted" if ours => {
                let (from, to) = (str_at(params, "fromModel"), str_at(params, "toModel"));
                self.out.note(format!("Codex uses {to} in place of {from}."));
                self.setup.model = Some(to.to_owned());
                self.tell_setup();
            }
            "error" if params["willRetry"] == true => {
                self.out.note(format!("Codex tries again: {}", str_at(&params["error"], "message")));
            }
            "warning" | "guardianWarning" => self.warned(str_at(params, "message")),
            "configWarning" => self.warned(str_at(params, "summary")),
            _ if noise(method) => {}
            _ => self.out.chat(Chat::Unknown { json: json!({ "method": method, "params": params }) }),
        }
    }

    /// It warns of the same in every turn.
    fn warned(&mut self, of: &str) {
        let note = format!("Codex: {of}");
        if !self.warned.contains(&note) {
            self.warned.truncate(MAX_WARNED - 1);
            self.warned.insert(0, note.clone());
            self.out.note(note);
        }
    }

    pub(super) fn turn_over(&mut self, turn: &Value) {
        let id = str_at(turn, "id").to_owned();
        self.turn = None;
        self.starting = false;
        self.stop = false;
        self.withdraw(|waiting| waiting.turn == id);
        for (call, _) in std::mem::take(&mut self.open) {
            let outcome = Outcome::Interrupted;
            let (changes, images) = (Vec::new(), Vec::new());
            self.out.chat(Chat::Result { call, outcome, text: String::new(), left_out: 0, changes, images });
        }
        let outcome = match str_at(turn, "status") {
            "interrupted" => Outcome::Interrupted,
            "failed" => Outcome::Failed,
            _ => Outcome::Done,
        };
        let error = text_at(&turn["error"], "message").map(|error| {
            match text_at(&turn["error"], "additionalDetails") {
                Some(details) => format!("{error}: {details}"),
                None => error,
            }
        });
        let since = |now: u64, before: u64| now.saturating_sub(before);
        let tokens = (since(self.tokens.0, self.tokens_before.0), since(self.tokens.1, self.tokens_before.1));
        let state = self.out.state();
        state.doing = Doing::Idle;
        state.wants.clear();
        self.out.chat(Chat::Turn {
            outcome,
            error,
            cost: None,
            total: None,
            tokens: (tokens != (0, 0)).then_some(tokens),
            took: turn["durationMs"].as_u64(),
        });
    }

    fn item_started(&mut self, item: &Value, within: Option<&String>) {
        if let Shown::Call(tool) = items::shown(item, within, ours) {
            let call = str_at(item, "id").to_owned();
            self.begins(item);
            let files = (str_at(item, "type") == "fileChange").then(|| (*tool).clone());
            self.open.retain(|(open, _)| *open != call);
            self.open.push((call.clone(), files));
            if self.open.len() > MAX_OPEN {
                self.open.remove(0);
            }
            self.out.chat(Chat::Call { call, tool, within: within.cloned() });
        }
    }

    /// Threads of agents of its own that a call begins.
    fn begins(&mut self, item: &Value) {
        for thread in list_at(item, "receiverThreadIds").iter().filter_map(Value::as_str) {
            self.within.insert(thread.to_owned(), str_at(item, "id").to_owned());
            if self.within.len() > MAX_OPEN {
                self.within.pop_first();
            }
        }
    }

    pub(super) fn item_completed(&mut self, item: &Value, turn: &str, within: Option<&String>) {
        if self.join_shown(turn, item) {
            return;
        }
        match items::shown(item, within, ours) {
            Shown::Call(_) => {
                let call = str_at(item, "id");
                if !self.open.iter().any(|(open, _)| open == call) {
                    self.item_started(item, within);
                }
                self.open.retain(|(open, _)| open != call);
                // Whose threads these are may be known only now.
                self.begins(item);
                self.out.chat(items::result(item));
            }
            Shown::Said(chat) => self.out.chat(*chat),
            Shown::Nothing => {}
            Shown::Unknown => self.out.chat(Chat::Unknown { json: item.clone() }),
        }
    }

    /// What an item would change is something else now: what was asked about it is asked anew.
    fn patch_updated(&mut self, item: &str, changes: &Value) {
        let tool = items::edit("fileChange".to_owned(), changes);
        match self.open.iter_mut().find(|(open, _)| open == item) {
            Some((_, files)) if files.as_ref() != Some(&tool) => *files = Some(tool),
            _ => return,
        }
        let asked =
            |waiting: &Waiting| waiting.item == item && waiting.method == "item/fileChange/requestApproval";
        for again in self.withdraw(asked) {
            self.asks(again.id, again.method, again.params);
        }
    }
}

fn ours(client: &str) -> bool {
    client.starts_with(OURS)
}

/// What says nothing to a person, or says it again.
fn noise(method: &str) -> bool {
    const SUBJECTS: [&str; 17] = [
        "account",
        "app",
        "command",
        "externalAgentConfig",
        "fs",
        "fuzzyFileSearch",
        "hook",
        "mcpServer",
        "process",
        "project",
        "remoteControl",
        "skills",
        "thread",
        "turn",
        "windows",
        "windowsSandbox",
        "autoApprovalReview",
    ];
    const METHODS: [&str; 15] = [
        "error",
        "deprecationNotice",
        "item/autoApprovalReview/completed",
        "item/autoApprovalReview/started",
        "item/commandExecution/outputDelta",
        "item/commandExecution/terminalInteraction",
        "item/fileChange/outputDelta",
        "item/mcpToolCall/progress",
        "item/agentMessage/delta",
        "item/plan/delta",
        "item/reasoning/summaryPartAdded",
        "item/reasoning/summaryTextDelta",
        "item/reasoning/textDelta",
        "model/safetyBuffering/updated",
        "model/verification",
    ];
    let subject = method.split('/').next().unwrap_or_default();
    METHODS.contains(&method) || method.contains('/') && SUBJECTS.contains(&subject)
}
