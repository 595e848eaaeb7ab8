//! How a conversation is begun or gone on with, and a turn of it: whatever the agent answers.

use super::{Acp, Call, Phase, Switch, known};
use crate::jsonrpc::{list_at, str_at, text_at};
use serde_json::{Value, json};
use session::message::{Chat, Choice, Doing, Outcome};

impl Acp {
    /// Does whatever comes next before prompts can be taken, and then says the one that waits.
    pub(super) fn advance(&mut self, now: u64) {
        self.phase = Phase::Busy;
        let Some(session) = self.session.clone() else {
            let can = |hello: &Value| {
                let able = &hello["agentCapabilities"];
                (able["loadSession"] == true, able["sessionCapabilities"]["resume"].is_object())
            };
            let mut params = json!({ "cwd": self.place.cwd, "mcpServers": [] });
            let resume = self.resume.clone().zip(self.hello.as_ref().map(can));
            if let Some((session, (load, resume))) = resume.filter(|(_, (load, resume))| *load || *resume) {
                // Loading tells what was said so far.
                debug_assert!(load || resume);
                self.replaying = load;
                params["sessionId"] = session.into();
                self.call(if load { "session/load" } else { "session/resume" }, params, Call::Load);
            } else {
                if self.resume.take().is_some() {
                    self.out.note(format!(
                        "{} cannot go on with a conversation, and begins a new one.",
                        self.name
                    ));
                }
                self.call("session/new", params, Call::New);
            }
            return;
        };
        if !self.careful && known::careless(&self.setup) {
            if let Some(mode) = known::careful_mode(&self.setup) {
                self.set(
                    self.set_mode.clone(),
                    "session/set_mode",
                    "modeId",
                    &mode,
                    Call::Careful(mode.clone()),
                );
                return;
            }
            self.out.note(format!("{} is in a mode in which it does things without asking.", self.name));
        }
        self.careful = true;
        self.phase = Phase::Ready;
        self.tell_setup();
        if let Some(prompt) = self.held.take() {
            self.phase = Phase::Turn { since: now, cost: self.cost, stopped: false };
            self.out.state().doing = Doing::Working;
            self.call("session/prompt", json!({ "sessionId": session, "prompt": prompt }), Call::Prompt);
        } else {
            self.out.state().doing = Doing::Idle;
        }
    }

    /// Tells the agent to use a mode or a model, in whichever way it takes that.
    pub(super) fn set(&mut self, how: Switch, method: &str, member: &str, value: &str, what: Call) {
        let Some(session) = &self.session else { return };
        match how {
            Switch::Nothing => {}
            Switch::Method => self.call(method, json!({ "sessionId": session, member: value }), what),
            Switch::Option(option) => {
                let params = json!({ "sessionId": session, "configId": option, "value": value });
                self.call("session/set_config_option", params, what);
            }
        }
    }

    pub(super) fn answered(&mut self, to: Call, result: Result<Value, String>, now: u64) {
        match (to, result) {
            (Call::Initialize, Ok(hello)) => {
                if hello["protocolVersion"] != 1 {
                    let version = &hello["protocolVersion"];
                    self.out.note(format!(
                        "{} speaks version {version} of its protocol, and 1 is known.",
                        self.name
                    ));
                }
                self.setup.version = text_at(&hello["agentInfo"], "version");
                self.hello = Some(hello);
                self.advance(now);
            }
            (Call::New, Ok(result)) => {
                self.session = text_at(&result, "sessionId");
                self.began(&result, now);
            }
            (Call::Load, Ok(result)) => {
                self.session = self.resume.take();
                self.began(&result, now);
            }
            (Call::Load, Err(why)) => {
                self.flush();
                self.replaying = false;
                self.resume = None;
                self.out.note(format!(
                    "{} cannot go on with that conversation ({why}), and begins a new one.",
                    self.name
                ));
                self.advance(now);
            }
            (Call::Careful(mode), Ok(_)) => {
                self.setup.mode = Some(mode);
                self.careful = true;
                self.advance(now);
            }
            (Call::Careful(mode), Err(why)) => {
                self.failed(format!(
                    "{} would not ask before it does something (mode {mode}: {why})",
                    self.name
                ));
            }
            (Call::Initialize | Call::New, Err(why)) => {
                let ways = self.hello.as_ref().map(login).unwrap_or_default();
                self.failed(format!("{why}{ways}"));
            }
            (Call::Prompt, result) => self.turn_over(&result, now),
            (Call::Mode(mode), Ok(_)) => {
                self.setup.mode = Some(mode);
                self.tell_setup();
            }
            (Call::Model(model), Ok(_)) => {
                self.setup.model = Some(model);
                self.tell_setup();
            }
            (Call::Mode(what) | Call::Model(what), Err(why)) => {
                self.out.note(format!("{} does not use {what}: {why}", self.name));
            }
        }
    }

    fn began(&mut self, result: &Value, now: u64) {
        self.flush();
        self.replaying = false;
        if self.session.is_none() {
            self.failed(format!("{} named no conversation", self.name));
            return;
        }
        self.setup.conversation.clone_from(&self.session);
        self.options(&result["configOptions"]);
        if let Some(modes) = result["modes"].as_object() {
            self.set_mode = Switch::Method;
            self.setup.mode = modes.get("currentModeId").and_then(Value::as_str).map(str::to_owned);
            self.setup.modes = choices(&result["modes"], "availableModes", "id");
        }
        if let (Some(models), Switch::Nothing) = (result["models"].as_object(), &self.set_model) {
            self.set_model = Switch::Method;
            self.setup.model = models.get("currentModelId").and_then(Value::as_str).map(str::to_owned);
            self.setup.models = choices(&result["models"], "availableModels", "modelId");
        }
        self.advance(now);
    }

    /// Reads options that can be set; modes and models are two of them.
    pub(super) fn options(&mut self, options: &Value) {
        for option in options.as_array().into_iter().flatten().filter(|option| option["type"] == "select") {
            let (value, id) = (text_at(option, "currentValue"), str_at(option, "id").to_owned());
            let flat =
                list_at(option, "options").iter().flat_map(|choice| match choice["options"].as_array() {
                    // They may be in groups.
                    Some(group) => group.as_slice(),
                    None => std::slice::from_ref(choice),
                });
            let choices: Vec<_> = flat.filter_map(|choice| named(choice, "value")).collect();
            match text_at(option, "category").as_deref().unwrap_or(&id) {
                "mode" => {
                    self.setup.mode = value;
                    self.setup.modes = choices;
                    if !matches!(self.set_mode, Switch::Method) {
                        self.set_mode = Switch::Option(id);
                    }
                }
                "model" => {
                    self.setup.model = value;
                    self.setup.models = choices;
                    self.set_model = Switch::Option(id);
                }
                _ => {}
            }
        }
    }

    pub(super) fn tell_setup(&mut self) {
        if !matches!(self.phase, Phase::Busy) && self.told.as_ref() != Some(&self.setup) {
            self.told = Some(self.setup.clone());
            self.out.chat(Chat::Setup(self.setup.clone()));
        }
    }

    /// It is not in a state to be told anything. The next prompt tries again.
    fn failed(&mut self, why: String) {
        self.phase = Phase::Ready;
        self.held = None;
        self.out.state().doing = Doing::Idle;
        let (outcome, error) = (Outcome::Failed, Some(why));
        self.out.chat(Chat::Turn { outcome, error, cost: None, total: None, tokens: None, took: None });
    }

    fn turn_over(&mut self, result: &Result<Value, String>, now: u64) {
        self.flush();
        self.withdraw_all();
        let (since, before, stopped) = match std::mem::replace(&mut self.phase, Phase::Ready) {
            Phase::Turn { since, cost, stopped } => (since, cost, stopped),
            Phase::Busy | Phase::Ready => (now, self.cost, false),
        };
        let (outcome, error) = match result {
            Err(why) => (Outcome::Failed, Some(why.clone())),
            Ok(result) => match str_at(result, "stopReason") {
                "cancelled" => (Outcome::Interrupted, None),
                "end_turn" => (Outcome::Done, None),
                other => (Outcome::Failed, Some(other.replace('_', " "))),
            },
        };
        for chat in self.tools.close() {
            self.out.chat(chat);
        }
        let tokens = result.as_ref().ok().and_then(tokens);
        let cost = self.cost.map(|cost| cost.saturating_sub(before.unwrap_or(0)));
        let took = Some(now.saturating_sub(since));
        self.out.state().doing = Doing::Idle;
        self.out.chat(Chat::Turn { outcome, error, cost, total: self.cost, tokens, took });
        if outcome == Outcome::Done && !stopped && !self.reasons.is_empty() {
            let text = std::mem::take(&mut self.reasons).join("\n\n");
            self.held = Some(vec![json!({ "type": "text", "text": text })]);
            self.advance(now);
        }
    }
}

/// Things that can be chosen.
pub(super) fn choices(value: &Value, list: &str, id: &str) -> Vec<Choice> {
    list_at(value, list).iter().filter_map(|choice| named(choice, id)).collect()
}

fn named(choice: &Value, member: &str) -> Option<Choice> {
    let id = text_at(choice, member)?;
    let about = [str_at(choice, "name"), str_at(choice, "description")];
    let about =
        about.into_iter().filter(|text| !text.is_empty() && *text != id).collect::<Vec<_>>().join(": ");
    Some(Choice { id, about })
}

/// Tokens read and written in a turn; not every agent says it in the same place.
fn tokens(result: &Value) -> Option<(u64, u64)> {
    let usage = &result["usage"];
    let quota = &result["_meta"]["quota"]["token_count"];
    let read = usage["inputTokens"].as_u64().or(quota["input_tokens"].as_u64())?;
    let written = usage["outputTokens"].as_u64().or(quota["output_tokens"].as_u64())?;
    Some((read, written))
}

/// The ways in which an agent says that one can log in.
fn login(hello: &Value) -> String {
    let ways = list_at(hello, "authMethods")
        .iter()
        .filter_map(|way| text_at(way, "description").or(text_at(way, "name")));
    let ways: Vec<_> = ways.collect();
    if ways.is_empty() { String::new() } else { format!(" ({})", ways.join("; ")) }
}
