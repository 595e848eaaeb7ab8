//! Gemini's hooks, its titles, and the keys of its dialog.
//!
//! Before Gemini shows a dialog it runs the `Notification` hook with what the dialog is about, and waits for it; the hook
//! `BeforeTool` has told of the call before. So a question is asked on every device while the dialog stands at the desk, and a
//! decision is a key: Allow once, or Esc. What must never be is a key that answers another dialog than the one that was
//! shown:
//!
//! - There is one dialog at a time. The hook of the next one is not answered, so Gemini does not show it, until the
//!   title says that this one is gone.
//! - A key is pressed only while the title says that a dialog stands, and once.
//! - Whoever types in the terminal has the dialog: from then on it is answered there alone.
//! - What is not exactly one call that was told of, or is asked by a version whose keys are not known, is asked at the desk alone.
//!
//! Nothing here can make Gemini skip its dialog: where a hook fails, or Longrein is gone, the desk is asked as ever.

use super::composer::{Composer, Prompt};
use super::{NAME, tool};
use crate::adapter::{Adapter, Input, Looked, Output, Said};
use crate::jsonrpc::{str_at, text_at};
use crate::out::{MAX_RESULT, Out, Place, Verdict, about_tool, verdict};
use crate::text;
use serde_json::Value;
use session::message::{Chat, Doing, Outcome, Setup, Tool};
use std::collections::VecDeque;
use std::time::Duration;

/// The dialog's first answer, "Allow once", and what cancels it.
const ALLOW: &str = "1";
const CANCEL: &str = "\x1b";
/// What interrupts one of which nothing is known.
const INTERRUPT: &str = "\x03";
/// How long after it was told to stop it may be told again.
const STUBBORN: Duration = Duration::from_millis(1500);
/// A dialog that is not seen for so long is not waited for.
const UNSEEN: Duration = Duration::from_secs(10);
/// Calls without a result that are remembered.
const MAX_OPEN: usize = 64;
/// Characters of a reason.
const MAX_REASON: usize = 1300;
/// What is wanted where no device can answer.
const AT_THE_DESK: &str = "an answer in its terminal";
/// And where a prompt cannot be typed.
const IN_THE_WAY: &str = "its terminal: a prompt waits, and something else stands there";

/// Whether the keys of this version's dialog are known.
pub(crate) fn knows(version: &str) -> bool {
    version.starts_with("0.61.")
}

/// A call that has no result yet.
#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    input: Value,
    cwd: String,
    denied: bool,
}

/// The dialog that stands, or is about to.
#[derive(Debug)]
struct Dialog {
    /// What asks about it, while that may be answered here.
    key: Option<u64>,
    call: String,
    /// The title has said that it stands.
    stands: bool,
    /// A key to be pressed once it does.
    press: Option<&'static str>,
    /// Unix milliseconds since which it may.
    since: u64,
    /// It is the desk's: no key is pressed.
    left: bool,
    /// It may be any of several: nobody here knows which one stands, until Gemini does nothing more.
    any: bool,
}

/// The adapter.
#[derive(Debug)]
pub struct Hooks {
    out: Out,
    place: Place,
    setup: Setup,
    /// The dialog's keys are known.
    keys: bool,
    /// Why it is not heard.
    problem: Option<String>,
    open: Vec<Call>,
    calls: u64,
    dialog: Option<Dialog>,
    /// Hooks whose dialogs are to come, and what they are about.
    held: VecDeque<(u64, Value)>,
    /// What is to be said once it is idle.
    reason: Option<String>,
    /// What its title says, once there was one; it is unknown where something else has the terminal.
    titled: Option<Doing>,
    composer: Composer,
    /// What lists say was seen in the composer.
    seen: bool,
    /// When it was told to stop, in Unix milliseconds, where that is not seen yet.
    stopping: Option<u64>,
}

impl Hooks {
    /// Where it works; `keys` where its dialog's keys are known, and otherwise `problem` may say why it is not heard.
    pub fn new(place: Place, keys: bool, problem: Option<String>) -> Self {
        Self {
            out: Out::new(NAME, false),
            place,
            setup: Setup::default(),
            keys,
            problem,
            open: Vec::new(),
            calls: 0,
            dialog: None,
            held: VecDeque::new(),
            reason: None,
            titled: None,
            composer: Composer::default(),
            seen: false,
            stopping: None,
        }
    }

    fn hook(&mut self, id: u64, input: &[u8], now: u64) {
        let input: Value = serde_json::from_slice(input).unwrap_or_default();
        match str_at(&input, "hook_event_name") {
            "Notification" if str_at(&input, "notification_type") == "ToolPermission" => {
                if self.held.len() < MAX_OPEN {
                    let details = input["details"].clone();
                    let again = self.asks_again(&details);
                    self.held.push_back((id, details));
                    return if again { self.let_go(now) } else { self.next_dialog(now) };
                }
                self.give_up();
            }
            "SessionStart" => {
                self.setup.conversation = text_at(&input, "session_id");
                self.out.chat(Chat::Setup(self.setup.clone()));
            }
            "BeforeAgent" => {
                self.close(Outcome::Interrupted);
                let text = str_at(&input, "prompt").to_owned();
                if let Some(prompt) = self.composer.taken(&text, now, &mut self.out) {
                    self.out.chat(prompt.said(text));
                }
                self.seen = false;
                self.out.state().doing = Doing::Working;
            }
            "BeforeTool" => self.call(&input),
            "AfterTool" => self.result(&input),
            "AfterAgent" => {
                self.close(Outcome::Done);
                if let Some(text) = text_at(&input, "prompt_response") {
                    self.out.chat(Chat::Agent { item: None, text, within: None });
                }
                self.turn(Outcome::Done);
            }
            _ => {}
        }
        self.out.answer(id, String::new());
    }

    fn call(&mut self, input: &Value) {
        let call = Call {
            id: format!("call-{}", self.calls),
            name: str_at(input, "tool_name").to_owned(),
            input: input["tool_input"].clone(),
            cwd: str_at(input, "cwd").to_owned(),
            denied: false,
        };
        self.calls += 1;
        let tool = Box::new(tool::tool(&call.name, &call.input, &call.cwd));
        self.out.chat(Chat::Call { call: call.id.clone(), tool, within: None });
        self.open.push(call);
        if self.open.len() > MAX_OPEN {
            self.open.remove(0);
        }
    }

    fn result(&mut self, input: &Value) {
        let (name, given) = (str_at(input, "tool_name"), &input["tool_input"]);
        let found = self.open.iter().position(|call| call.name == name && call.input == *given);
        let Some(call) = found.map(|place| self.open.remove(place)) else { return };
        let response = &input["tool_response"];
        let said = ["returnDisplay", "llmContent"].into_iter().find_map(|said| text_at(response, said));
        let said = said.unwrap_or_default();
        let outcome = if response["error"].is_null() { Outcome::Done } else { Outcome::Failed };
        self.over(call.id, outcome, &said);
    }

    fn over(&mut self, call: String, outcome: Outcome, said: &str) {
        let (text, left_out) = text::cut(said, MAX_RESULT);
        let (changes, images) = (Vec::new(), Vec::new());
        self.out.chat(Chat::Result { call, outcome, text, left_out, changes, images });
    }

    /// These calls have ended, and nobody said how.
    fn close(&mut self, otherwise: Outcome) {
        for call in std::mem::take(&mut self.open) {
            self.over(call.id, if call.denied { Outcome::Denied } else { otherwise }, "");
        }
    }

    fn turn(&mut self, outcome: Outcome) {
        let (error, cost, total, tokens, took) = (None, None, None, None, None);
        self.out.chat(Chat::Turn { outcome, error, cost, total, tokens, took });
        self.out.state().doing = Doing::Idle;
    }

    /// Whether this is asked by the dialog that stands, once more: the desk has changed what is to be done.
    fn asks_again(&self, details: &Value) -> bool {
        let Some(dialog) = self.dialog.as_ref().filter(|dialog| dialog.left) else { return false };
        dialog.any || self.about(details).is_none_or(|(call, ..)| call == dialog.call)
    }

    /// Nobody here knows which dialog stands: whatever comes is asked at the desk alone, and no key is pressed.
    fn let_go(&mut self, now: u64) {
        self.give_up();
        for (hook, _) in std::mem::take(&mut self.held) {
            self.out.answer(hook, String::new());
        }
        let (key, call, stands, press) = (None, String::new(), self.asks(), None);
        self.dialog = Some(Dialog { key, call, stands, press, since: now, left: true, any: true });
        self.wants();
    }

    /// A dialog may have stood for so short that its title was not seen: those behind it do not wait for that.
    fn look_for_dialog(&mut self, now: u64) {
        let awaited = self.dialog.as_ref().filter(|dialog| !dialog.stands && !self.held.is_empty());
        let Some(since) = awaited.map(|dialog| dialog.since) else { return };
        if u128::from(now.saturating_sub(since)) >= UNSEEN.as_millis() {
            self.let_go(now);
        } else if self.composer.is_free() && self.stopping.is_none() {
            self.out.look(UNSEEN);
        }
    }

    /// Lets Gemini show the next dialog, where none stands, and asks what it asks.
    fn next_dialog(&mut self, now: u64) {
        if self.dialog.is_some() {
            return self.look_for_dialog(now);
        }
        let Some((hook, details)) = self.held.pop_front() else { return };
        let about = self.about(&details);
        let call = about.as_ref().map(|(call, ..)| call.clone()).unwrap_or_default();
        let key = about.filter(|_| self.keys && !self.asks()).map(|(_, cwd, tool)| {
            let what = match (&tool.command, tool.paths.as_slice()) {
                (Some(command), _) => format!("run: {}", text::line(command, 200)),
                (None, []) => format!("use {}", text::line(&tool.name, 80)),
                (None, paths) => format!("change {}", text::line(&paths.join(", "), 200)),
            };
            self.out.ask(about_tool(NAME, format!("Gemini wants to {what}"), tool, &cwd, &self.place, &[]))
        });
        let left = key.is_none();
        self.dialog = Some(Dialog { key, call, stands: false, press: None, since: now, left, any: false });
        self.out.answer(hook, String::new());
        self.wants();
    }

    /// The call that a dialog is about: its name, where it is made, and what it does.
    fn about(&self, details: &Value) -> Option<(String, String, Tool)> {
        let mut found = self.open.iter().filter(|call| !call.denied).filter_map(|call| {
            let cwd = text_at(&call.input, "dir_path");
            let cwd = cwd.map_or_else(|| call.cwd.clone(), |dir| tool::whole(&call.cwd, &dir));
            let tool = tool::shown(details, tool::tool(&call.name, &call.input, &call.cwd))?;
            Some((call.id.clone(), cwd, tool))
        });
        let first = found.next()?;
        // Several that are the same are one question each; others could be meant.
        found.all(|(_, cwd, tool)| cwd == first.1 && tool == first.2).then_some(first)
    }

    fn wants(&mut self) {
        if self.dialog.is_some() || self.asks() {
            let state = self.out.state();
            state.doing = Doing::NeedsYou;
            AT_THE_DESK.clone_into(&mut state.wants);
        }
    }

    /// This dialog is answered at the desk, or not at all.
    fn give_up(&mut self) {
        if let Some(dialog) = &mut self.dialog {
            dialog.left |= dialog.press.take().is_some() || dialog.key.is_some();
            if let Some(key) = dialog.key.take() {
                self.out.withdraw(key);
            }
        }
    }

    fn decided(&mut self, key: u64, verdict: &Verdict<'_>) {
        self.out.decided(key);
        let Some(dialog) = self.dialog.as_mut().filter(|dialog| dialog.key == Some(key)) else { return };
        dialog.key = None;
        dialog.press = Some(match verdict {
            Verdict::Yes { .. } => ALLOW,
            Verdict::No { reason } => {
                self.reason = reason.map(|reason| text::line(reason, MAX_REASON));
                for call in self.open.iter_mut().filter(|call| call.id == dialog.call) {
                    call.denied = true;
                }
                CANCEL
            }
        });
        self.press();
    }

    /// Ctrl-C would end it where it is pressed twice; Esc where nothing is to be stopped means something else.
    fn interrupt(&mut self, now: u64) {
        self.give_up();
        if self.titled.is_none() && !self.composer.is_sent() {
            self.out.send(INTERRUPT.into());
        } else if self.is_busy() || self.composer.is_sent() {
            self.out.send(CANCEL.into());
            self.stopping = Some(now);
            self.out.look(STUBBORN);
        }
        self.composer.stop(now, &mut self.out);
    }

    /// Where its composer has modes as vim has, the first Esc goes to the composer.
    fn stop_again(&mut self, now: u64) {
        let Some(since) = self.stopping else { return };
        if !self.is_busy() {
            self.stopping = None;
        } else if u128::from(now.saturating_sub(since)) >= STUBBORN.as_millis() {
            self.stopping = None;
            self.out.send(CANCEL.into());
        } else {
            self.out.look(STUBBORN);
        }
    }

    fn press(&mut self) {
        let Some(dialog) = self.dialog.as_mut().filter(|dialog| dialog.stands) else { return };
        if let Some(key) = dialog.press.take() {
            self.out.send(key.into());
        }
    }

    fn titled(&mut self, title: &str, now: u64) {
        let (asking, doing) = match title.chars().next() {
            Some('✋') => (true, Doing::NeedsYou),
            Some('◇') => (false, Doing::Idle),
            Some('✦' | '⏲') => (false, Doing::Working),
            // Something else has the terminal, such as an editor that a dialog has opened.
            _ => {
                self.titled = Some(Doing::Unknown);
                if let Some(dialog) = &mut self.dialog {
                    dialog.stands = false;
                }
                return self.give_up();
            }
        };
        let was = self.asks();
        (self.titled, self.seen) = (Some(doing), false);
        if doing == Doing::Idle {
            // What it does next is nothing that was to be stopped.
            self.stopping = None;
        }
        if asking {
            if let Some(dialog) = &mut self.dialog {
                dialog.stands = true;
            }
            self.press();
            return self.wants();
        }
        let gone = |dialog: &Dialog| doing == Doing::Idle || dialog.stands && !dialog.any;
        if self.dialog.as_ref().is_some_and(gone) {
            self.give_up();
            self.dialog = None;
        }
        let state = self.out.state();
        let worked = was || state.doing == Doing::Working;
        state.doing = doing;
        state.wants.clear();
        if doing == Doing::Idle && worked && !self.open.is_empty() {
            self.close(Outcome::Interrupted);
            self.turn(Outcome::Interrupted);
        }
        self.next_dialog(now);
    }

    /// Nothing stands in its terminal, as far as is known.
    fn is_ready(&self) -> bool {
        matches!(self.titled, None | Some(Doing::Idle)) && self.dialog.is_none()
    }

    /// Its title says that it asks something.
    fn asks(&self) -> bool {
        self.titled == Some(Doing::NeedsYou)
    }

    fn is_busy(&self) -> bool {
        matches!(self.titled, Some(Doing::Working | Doing::NeedsYou))
    }

    /// Says why it was denied.
    fn explain(&mut self, now: u64) {
        if !self.is_ready() || !self.composer.is_free() && !self.composer.waits() {
            return;
        }
        if let Some(reason) = self.reason.take() {
            // So that it is no command of Gemini's, and none of the shell's.
            let text = format!("Not allowed: {reason}");
            self.composer.begin(Prompt { text, ..Prompt::default() }, now, &mut self.out);
        }
    }

    fn looked(&mut self, looked: &Looked, now: u64) {
        self.stop_again(now);
        self.look_for_dialog(now);
        if self.composer.is_free() {
            return;
        }
        let (ready, tells) = (self.is_ready(), self.setup.conversation.is_some());
        let wanted = self.composer.looked(looked, ready, tells, now, &mut self.out);
        if !ready {
            return;
        }
        let state = self.out.state();
        if wanted {
            (state.doing, self.seen) = (Doing::NeedsYou, true);
            IN_THE_WAY.clone_into(&mut state.wants);
        } else if self.composer.is_sent() {
            (state.doing, self.seen) = (Doing::Working, true);
            state.wants.clear();
        } else if std::mem::take(&mut self.seen) {
            state.doing = Doing::Idle;
            state.wants.clear();
        }
    }
}

impl Adapter for Hooks {
    fn handle(&mut self, input: Input<'_>, now: u64) {
        if let Some(problem) = self.problem.take() {
            self.out.note(problem);
        }
        match input {
            Input::Hook { id, input } => self.hook(id, input, now),
            Input::HookGone { id } => {
                let before = self.held.len();
                self.held.retain(|(held, _)| *held != id);
                if self.held.len() < before {
                    // Its dialog may come now.
                    self.give_up();
                }
            }
            Input::Decided { key, state } => self.decided(key, &verdict(state)),
            Input::Unasked { key, .. } => self.decided(key, &Verdict::No { reason: None }),
            Input::Typed => self.give_up(),
            Input::Said(Said::Title(title)) => self.titled(title, now),
            Input::Ended { .. } => {
                self.give_up();
                self.dialog = None;
                self.close(Outcome::Interrupted);
            }
            Input::Prompt { id, text, files, by } => {
                let (id, by, text) = (Some(id.to_owned()), Some(by.to_owned()), text.to_owned());
                self.composer.begin(Prompt { id, by, text, files: files.to_vec() }, now, &mut self.out);
            }
            Input::Looked(looked) => self.looked(looked, now),
            Input::Interrupt => self.interrupt(now),
            // It has a terminal, and is written to there.
            Input::Started
            | Input::Line(_)
            | Input::Overlong(_)
            | Input::Cut
            | Input::Tailed(_)
            | Input::Said(_)
            | Input::Configure { .. } => {}
        }
        self.explain(now);
    }

    fn takes_hooks(&self) -> bool {
        true
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.poll()
    }

    fn types_prompts(&self) -> bool {
        true
    }

    fn takes_prompt(&self) -> bool {
        self.is_ready() && self.composer.is_free() && self.reason.is_none()
    }
}
