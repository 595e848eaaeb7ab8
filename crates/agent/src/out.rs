//! What an adapter wants done, in order, and how its agent looks in lists meanwhile.

use crate::adapter::{MAX_CHAT, Output};
use crate::family::Launch;
use crate::text;
use serde_json::Value;
use session::message::{AgentState, ApprovalState, Chat, Doing, Request, Risk, Scope, Tool};
use session::risk;
use std::collections::VecDeque;
use std::time::Duration;

/// Characters of what is shown in lists.
const MAX_LINE: usize = 200;
/// Bytes of what a tool said, so that it fits a [`Chat`] even where each byte is escaped.
pub(crate) const MAX_RESULT: usize = MAX_CHAT / 8;

/// The queue of an adapter.
#[derive(Debug)]
pub(crate) struct Out {
    queue: VecDeque<Output>,
    state: AgentState,
    /// The state that was told last.
    told: AgentState,
    next_key: u64,
    /// What waits for a person, the oldest first: its key, and what it wants in a line.
    waiting: Vec<(u64, String)>,
}

impl Out {
    /// Of an agent of this name.
    pub(crate) fn new(name: &str, structured: bool) -> Self {
        let state = AgentState { name: name.to_owned(), structured, ..AgentState::default() };
        Self { queue: VecDeque::new(), state, told: AgentState::default(), next_key: 0, waiting: Vec::new() }
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.queue.pop_front().or_else(|| {
            let mut state = self.state.clone();
            if let Some((_, wants)) = self.waiting.first() {
                state.doing = Doing::NeedsYou;
                state.wants.clone_from(wants);
            }
            (state != self.told).then(|| {
                self.told = state.clone();
                Output::State(Box::new(state))
            })
        })
    }

    pub(crate) fn state(&mut self) -> &mut AgentState {
        &mut self.state
    }

    pub(crate) fn send(&mut self, line: Vec<u8>) {
        self.queue.push_back(Output::Send(line));
    }

    /// Looks at its terminal, so long from now.
    pub(crate) fn look(&mut self, after: Duration) {
        self.queue.push_back(Output::Look(after));
    }

    /// Answers a hook.
    pub(crate) fn answer(&mut self, id: u64, output: String) {
        self.queue.push_back(Output::Answer { id, output });
    }

    /// Shows it, cut where the log does not take it whole, and keeps what lists show of it.
    pub(crate) fn chat(&mut self, chat: Chat) {
        match &chat {
            Chat::Agent { text, .. } if !text.trim().is_empty() => {
                self.state.last = text::line(text, MAX_LINE);
            }
            Chat::Turn { total, .. } => {
                self.state.turns = self.state.turns.saturating_add(1);
                self.state.cost = total.or(self.state.cost);
            }
            _ => {}
        }
        self.queue.push_back(Output::Chat(fitting(chat)));
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.chat(Chat::Note { text: text.into() });
    }

    /// It is not taken, or nobody knows whether it is, for this reason.
    pub(crate) fn untaken(&mut self, prompt: &str, why: String) {
        self.note(why);
        self.queue.push_back(Output::Untaken { prompt: prompt.to_owned() });
    }

    pub(crate) fn partial(&mut self, item: &str, text: &str, thinking: bool) {
        if !text.is_empty() {
            let (item, text) = (item.to_owned(), text.to_owned());
            self.queue.push_back(Output::Partial { item, text, thinking });
        }
    }

    /// Asks a person, and gives the key that names it.
    pub(crate) fn ask(&mut self, request: Request) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        self.waiting.push((key, text::line(&request.question, MAX_LINE)));
        self.queue.push_back(Output::Ask { key, request: Box::new(request) });
        key
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn withdraw(&mut self, key: u64) {
        self.decided(key);
        self.queue.push_back(Output::Withdraw { key });
    }

    /// It waits for nobody any more.
    pub(crate) fn decided(&mut self, key: u64) {
        self.waiting.retain(|(waiting, _)| *waiting != key);
    }
}

/// The chat as the log takes it.
fn fitting(chat: Chat) -> Chat {
    let fits = |chat: &Chat| serde_json::to_vec(chat).is_ok_and(|json| json.len() <= MAX_CHAT);
    if fits(&chat) {
        return chat;
    }
    let short = shortened(chat);
    if fits(&short) {
        short
    } else {
        Chat::Note { text: "The agent said something that is too long.".to_owned() }
    }
}

/// With whatever is long in a sensible agent cut, so that it fits.
fn shortened(mut chat: Chat) -> Chat {
    let cut = |text: &mut String| *text = text::cut(text, MAX_RESULT).0;
    match &mut chat {
        Chat::User { text, files, .. } | Chat::Queued { text, files, .. } => {
            cut(text);
            files.truncate(64);
        }
        Chat::Taken { .. } => {}
        Chat::Agent { text, .. } | Chat::Thinking { text, .. } | Chat::Note { text } => cut(text),
        Chat::Call { tool, .. } => {
            let part = |text: &str| text::cut(text, MAX_RESULT / 4).0;
            tool.input = Value::String(part(&tool.input.to_string()));
            tool.command = tool.command.as_deref().map(part);
            tool.title = part(&tool.title);
            tool.changes = Vec::new();
            tool.paths.truncate(64);
        }
        Chat::Result { text, left_out, changes, images, .. } => {
            let (short, left) = text::cut(text, MAX_RESULT);
            *text = short;
            *left_out += left;
            changes.clear();
            images.clear();
        }
        Chat::Plan { steps } => {
            steps.truncate(64);
            for step in steps {
                step.text = text::cut(&step.text, 1000).0;
            }
        }
        Chat::Turn { error, .. } => error.iter_mut().for_each(cut),
        Chat::Setup(setup) => {
            setup.models.truncate(64);
            setup.commands.truncate(64);
            for choice in setup.models.iter_mut().chain(&mut setup.modes).chain(&mut setup.commands) {
                choice.about = text::cut(&choice.about, 500).0;
            }
        }
        Chat::Unknown { json } => *json = Value::String(text::cut(&json.to_string(), MAX_RESULT / 2).0),
    }
    chat
}

/// Where an agent works.
#[derive(Clone, Debug)]
pub struct Place {
    /// The session's folder.
    pub cwd: String,
    /// Its user's.
    pub home: String,
}

impl Place {
    /// Where this is started.
    pub(crate) fn of(launch: &Launch<'_>) -> Self {
        let home = launch.env.iter().rev().find(|(name, _)| name == "HOME");
        Self {
            cwd: launch.cwd.to_string_lossy().into_owned(),
            home: home.map(|(_, home)| home.clone()).unwrap_or_default(),
        }
    }
}

/// A request about a tool that is used in the folder `cwd`, with its risk. `more` has reasons of the adapter's own to be
/// careful.
pub(crate) fn about_tool(
    source: &str,
    question: String,
    tool: Tool,
    cwd: &str,
    place: &Place,
    more: &[&str],
) -> Request {
    let (mut risk, mut reasons) = risk::assess(&tool, &place.cwd, &place.home);
    reasons.extend(more.iter().map(|&reason| reason.to_owned()));
    let cwd = if cwd.is_empty() { &place.cwd } else { cwd };
    let elsewhere = !std::path::Path::new(cwd).starts_with(&place.cwd);
    if elsewhere {
        reasons.push(format!("works in another folder than the project's: {}", text::line(cwd, MAX_LINE)));
    }
    if elsewhere || !more.is_empty() {
        risk = risk.max(Risk::Careful);
    }
    Request {
        source: source.to_owned(),
        question,
        risk,
        reasons,
        cwd: Some(cwd.to_owned()),
        tool: Some(Box::new(tool)),
        ..Request::default()
    }
}

/// What may be allowed until the session ends: exactly this command, or edits of exactly this one file. Nothing where
/// the request is about more than that, or dangerous.
pub(crate) fn scope(request: &Request) -> Option<Scope> {
    let tool = request.tool.as_ref().filter(|_| request.risk != Risk::Dangerous)?;
    let (pattern, words) = match (&tool.command, tool.paths.as_slice(), tool.changes.is_empty()) {
        (Some(command), _, true) => (command, format!("run exactly `{command}`")),
        (None, [path], false) => (path, format!("change {path}")),
        _ => return None,
    };
    Some(Scope { tool: tool.name.clone(), pattern: pattern.clone(), words })
}

/// Whether this is a yes, and what is to be told of a no.
pub(crate) fn verdict(state: &ApprovalState) -> Verdict<'_> {
    match state {
        ApprovalState::Allowed { answers, choice, .. } => Verdict::Yes { answers, choice: choice.as_deref() },
        ApprovalState::Denied { text, .. } => {
            Verdict::No { reason: text.as_deref().map(str::trim).filter(|text| !text.is_empty()) }
        }
        ApprovalState::Expired { .. } | ApprovalState::Pending | ApprovalState::Withdrawn { .. } => {
            Verdict::No { reason: None }
        }
    }
}

/// What a person said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<'a> {
    Yes { answers: &'a [Vec<String>], choice: Option<&'a str> },
    No { reason: Option<&'a str> },
}

#[cfg(test)]
mod tests {
    use super::*;
    use session::message::{Choice, Outcome, Setup};

    #[test]
    fn whatever_is_too_long_for_the_log_is_cut_to_fit_it() {
        let long = "\u{1}".repeat(2 * MAX_CHAT);
        let tool = Tool { title: long.clone(), command: Some(long.clone()), ..Tool::default() };
        let about = Choice { id: "id".into(), about: long.clone() };
        let chats = [
            Chat::Agent { item: None, text: long.clone(), within: None },
            Chat::Call { call: "1".into(), tool: Box::new(tool), within: None },
            Chat::Result {
                call: "1".into(),
                outcome: Outcome::Done,
                text: long.clone(),
                left_out: 0,
                changes: Vec::new(),
                images: Vec::new(),
            },
            Chat::Setup(Setup { models: vec![about; 100], ..Setup::default() }),
            Chat::Unknown { json: Value::String(long.clone()) },
        ];
        let mut out = Out::new("codex", true);
        for chat in chats {
            out.chat(chat);
            let Some(Output::Chat(chat)) = out.poll() else { panic!("nothing came") };
            let length = serde_json::to_vec(&chat).unwrap().len();
            assert!(length <= MAX_CHAT, "{length}");
            if let Chat::Result { left_out, .. } = chat {
                assert!(left_out > 0);
            }
        }
    }

    #[test]
    fn lists_say_what_is_asked_first_until_it_is_decided() {
        let mut out = Out::new("codex", true);
        out.state().doing = Doing::Working;
        let keys = ["one?", "two?"]
            .map(|question| out.ask(Request { question: question.into(), ..Request::default() }));
        let mut wants = || loop {
            if let Some(Output::State(state)) = out.poll() {
                return (state.doing, state.wants);
            }
        };
        assert_eq!(wants(), (Doing::NeedsYou, "one?".into()));
        out.decided(keys[0]);
        let mut wants = || loop {
            if let Some(Output::State(state)) = out.poll() {
                return (state.doing, state.wants);
            }
        };
        assert_eq!(wants(), (Doing::NeedsYou, "two?".into()));
        out.withdraw(keys[1]);
        assert_eq!(out.poll(), Some(Output::Withdraw { key: keys[1] }));
        assert!(matches!(out.poll(), Some(Output::State(state)) if state.doing == Doing::Working));
        assert_eq!(out.poll(), None);
    }
}
