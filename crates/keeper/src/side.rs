//! The agent's side of the session: its adapter hears what the program says, in whichever way, and what it asks for is
//! done. Prompts wait here until the agent takes them, and are in the log as waiting until that has them as said.

use crate::beside::Beside;
use crate::clock;
use crate::follower::Leave;
use crate::judge::Beside as Who;
use crate::session::{ClientId, Session, failure};
use crate::structured::Structured;
use agent::adapter::{Adapter, Input, Looked, Output, Said};
use bytes::Bytes;
use session::id::{ApprovalId, SessionId};
use session::message::{
    AgentState, ApprovalState, Chat, Doing, ErrorKind, Event, Failure, Prompted, Request, RunState, ToClient,
};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::time::sleep_until;

/// Prompts that wait for an agent; more are refused.
pub(crate) const MAX_PROMPTS: usize = 32;
/// Notices of programs in one session; more are refused, since each is kept.
const MAX_NOTICES: u32 = 1000;
/// Characters of an agent's name, and of what it says in lists.
const MAX_NAME: usize = 32;
const MAX_ABOUT: usize = 200;
/// A bell so soon after a key answers it.
const ANSWERS_KEYS: Duration = Duration::from_secs(2);
/// Somebody who typed so long ago may type on, and what was typed may not be shown yet.
const JUST_NOW: Duration = Duration::from_secs(1);
/// Characters of a notice.
const MAX_NOTICE: usize = 1000;

/// A prompt that waits.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    /// As [`Prompted::name`] makes it.
    pub id: String,
    pub text: String,
    pub files: Vec<PathBuf>,
    pub by: String,
    /// The event that says that it waits, where it had to.
    pub queued: Option<u64>,
}

/// Who hears the program.
pub(crate) struct Side {
    adapter: Box<dyn Adapter>,
    /// Where the program has no terminal.
    structured: Option<Rc<Structured>>,
    /// What it shares with us, where it has one.
    beside: Option<Rc<Beside>>,
    prompts: VecDeque<Prompt>,
    /// What the adapter was given and nobody has said to be taken, or not to be. Of more than [`MAX_PROMPTS`] the oldest is
    /// forgotten, and stays in the log as waiting.
    told: VecDeque<Prompt>,
    /// The file that is followed.
    tail: Option<PathBuf>,
}

/// What an adapter asked, and what became of it.
#[derive(Default)]
pub(crate) struct Asked {
    open: BTreeMap<ApprovalId, u64>,
    over: VecDeque<(u64, ApprovalState)>,
}

impl Asked {
    /// Whether something is asked.
    pub fn waits(&self) -> bool {
        !self.open.is_empty()
    }

    /// This is over.
    pub fn handle_over(&mut self, approval: &ApprovalId, state: &ApprovalState) {
        if let Some(key) = self.open.remove(approval) {
            self.over.push_back((key, state.clone()));
        }
    }
}

impl Session {
    pub fn set_side(
        &self,
        adapter: Box<dyn Adapter>,
        structured: Option<Rc<Structured>>,
        beside: Option<Rc<Beside>>,
    ) {
        let mut inner = self.inner.borrow_mut();
        inner.structured = structured.is_some();
        inner.gated = adapter.takes_hooks();
        inner.meant = match &beside {
            Some(_) => Who::Shared,
            None if adapter.serves().is_some() => Who::Itself,
            None if adapter.types_prompts() => Who::Adapter,
            None => Who::Nobody,
        };
        if inner.meant == Who::Adapter {
            inner.beside = Who::Adapter;
        }
        drop(inner);
        let (prompts, told) = (VecDeque::new(), VecDeque::new());
        *self.side.borrow_mut() = Some(Side { adapter, structured, beside, prompts, told, tail: None });
    }

    /// What runs beside the program can be spoken to, or not any more.
    pub fn set_shared(&self, shared: bool) {
        self.inner.borrow_mut().beside = if shared { Who::Shared } else { Who::Nobody };
    }

    pub fn structured(&self) -> Option<Rc<Structured>> {
        self.side.borrow().as_ref().and_then(|side| side.structured.clone())
    }

    /// Where the program answers beside its terminal.
    pub fn serves(&self) -> Option<agent::served::Place> {
        self.side.borrow().as_ref().and_then(|side| side.adapter.serves())
    }

    /// Whether it is spoken to there.
    pub fn set_spoken(&self, spoken: bool) {
        let mut inner = self.inner.borrow_mut();
        inner.beside = if spoken { Who::Itself } else { Who::Nobody };
        // What was to be asked of the one before is not what this one is to be asked.
        inner.to_ask = crate::served::Asked::default();
    }

    /// The file that the adapter wants followed.
    pub fn tail(&self) -> Option<PathBuf> {
        self.side.borrow().as_ref().and_then(|side| side.tail.clone())
    }

    /// The adapter hears something, and what it asks for is done.
    pub fn hear(&self, input: Input<'_>) {
        let mut side = self.side.borrow_mut();
        let Some(side) = side.as_mut() else { return };
        side.adapter.handle(input, clock::unix_ms());
        self.obey(side);
    }

    fn obey(&self, side: &mut Side) {
        loop {
            let Some(output) = side.adapter.poll() else {
                if self.pass_prompt(side) {
                    continue;
                }
                return;
            };
            match output {
                Output::Send(bytes) => {
                    if let Some(structured) = &side.structured {
                        structured.send(&bytes);
                    } else if let Some(beside) = &side.beside {
                        beside.send(&bytes);
                    } else if self.inner.borrow().beside == Who::Itself {
                        self.inner.borrow_mut().to_ask.push(bytes);
                        self.to_ask.notify_one();
                    } else if side.adapter.serves().is_none() {
                        self.reply_to_program(bytes);
                    }
                }
                Output::Look(after) => self.put_off_look(after),
                Output::Chat(chat) => {
                    self.log_chat(&chat);
                    if let Chat::User { prompt: Some(prompt), .. } = chat {
                        self.end_wait(side, &prompt);
                    }
                }
                Output::Untaken { prompt } => self.end_wait(side, &prompt),
                Output::Partial { item, text, thinking } => self.log_partial(&item, &text, thinking),
                Output::Ask { key, request } => {
                    if let Err(why) = self.ask_for_agent(key, *request) {
                        self.log_chat(&Chat::Note {
                            text: format!("Denied, because nobody could be asked: {}", why.message),
                        });
                        let why = format!("This could not be asked, so it is not allowed: {}.", why.message);
                        side.adapter.handle(Input::Unasked { key, why: &why }, clock::unix_ms());
                    }
                }
                Output::Withdraw { key } => self.withdraw_for_agent(key),
                Output::Answer { id, output } => self.answer(id, ToClient::Hooked { output }),
                Output::Tail(path) => {
                    if side.tail.as_ref() != Some(&path) {
                        side.tail = Some(path);
                        self.tailed.notify_one();
                    }
                }
                Output::State(state) => self.set_agent(*state),
            }
        }
    }

    fn put_off_look(&self, after: Duration) {
        self.inner.borrow_mut().look_at = Some(tokio::time::Instant::now() + after);
        self.looks.notify_one();
    }

    /// The log has this prompt as said, or why the agent did not take it.
    fn end_wait(&self, side: &mut Side, id: &str) {
        let place = side.told.iter().position(|prompt| prompt.id == id);
        let prompt = place.and_then(|place| side.told.remove(place));
        if let Some(queued) = prompt.and_then(|prompt| prompt.queued) {
            self.log_chat(&Chat::Taken { queued });
        }
    }

    /// The next one goes to the adapter; whether there was one.
    fn pass_prompt(&self, side: &mut Side) -> bool {
        if !self.inner.borrow().is_told() || !side.adapter.takes_prompt() {
            return false;
        }
        let Some(prompt) = side.prompts.pop_front() else { return false };
        self.inner.borrow_mut().queued = side.prompts.len();
        let Prompt { id, text, files, by, .. } = &prompt;
        side.adapter.handle(Input::Prompt { id, text, files, by }, clock::unix_ms());
        self.hurry.notify_one();
        if side.told.len() == MAX_PROMPTS {
            side.told.pop_front();
        }
        side.told.push_back(prompt);
        true
    }

    /// A prompt was taken. One for a terminal is typed there.
    pub fn prompted(&self, id: ClientId, n: u64, text: &[u8], files: &[String]) {
        let inner = self.inner.borrow();
        let Some(client) = inner.clients.get(&id) else { return };
        let (by, id) = (client.peer.label.clone(), Prompted::name(&client.key.1, n));
        let files = files.iter().map(|file| inner.uploads.path(file)).collect();
        drop(inner);
        let mut side = self.side.borrow_mut();
        let Some(side) = side.as_mut().filter(|_| self.inner.borrow().is_told()) else { return };
        let text = String::from_utf8_lossy(text).into_owned();
        side.prompts.push_back(Prompt { id: id.clone(), text, files, by, queued: None });
        self.inner.borrow_mut().queued = side.prompts.len();
        self.obey(side);
        // One that the agent has not taken is in the log before its sender hears that it was, and so outlives this process.
        let waits = side.prompts.iter_mut().chain(&mut side.told).find(|prompt| prompt.id == id);
        if let Some(Prompt { text, files, by, queued, .. }) = waits {
            let files = files.iter().map(|file| file.to_string_lossy().into_owned()).collect();
            *queued = self.log_chat(&Chat::Queued { text: text.clone(), by: by.clone(), files });
        }
        self.hurry.notify_one();
    }

    /// A plain prompt as it is typed into the terminal: as the agent wants it, whose program may not be up yet; otherwise
    /// pasted, where the program knows what that is, and sent off.
    pub fn type_prompt(&self, plain: &str, pastes: bool) -> Bytes {
        let mut side = self.side.borrow_mut();
        let own = side.as_mut().and_then(|side| {
            let keys = side.adapter.typed(plain);
            self.obey(side);
            keys
        });
        match own {
            Some(keys) => keys.into(),
            None if pastes => format!("\x1b[200~{plain}\x1b[201~\r").into(),
            None => format!("{}\r", plain.replace('\n', " ")).into(),
        }
    }

    fn set_agent(&self, mut state: AgentState) {
        for (text, most) in
            [(&mut state.name, MAX_NAME), (&mut state.wants, MAX_ABOUT), (&mut state.last, MAX_ABOUT)]
        {
            *text = agent::text::line(text, most);
        }
        let mut inner = self.inner.borrow_mut();
        let wants = inner.agent.as_ref().map(|agent| agent.doing) != Some(state.doing);
        inner.agent = Some(state);
        drop(inner);
        // What needs somebody is shown at once, the rest when it suits.
        if wants { self.hurry.notify_one() } else { self.dirty.notify_one() }
    }

    /// The program has ended: nothing is heard behind that. Prompts that nobody took are in the log as waiting, where the
    /// log took them.
    pub fn end_side(&self, exit: i32) {
        self.hear(Input::Ended { exit });
        let side = self.side.borrow_mut().take();
        if let Some(beside) = side.and_then(|side| side.beside) {
            beside.end();
        }
        let mut inner = self.inner.borrow_mut();
        inner.queued = 0;
        if let Some(agent) = &mut inner.agent {
            (agent.doing, agent.wants) = (Doing::Unknown, String::new());
        }
    }

    /// A hook was called. It is answered when the adapter says what.
    pub fn hook(&self, id: ClientId, input: &[u8]) {
        let takes = self.side.borrow().as_ref().is_some_and(|side| side.adapter.takes_hooks());
        if takes {
            return self.hear(Input::Hook { id, input });
        }
        let output = agent::family::refusal(input, "nothing that this session runs has hooks that are known");
        self.answer(id, ToClient::Hooked { output });
    }

    /// The program says something of itself. A bell that answers a key, as a shell's does, is no news.
    pub fn heard_of(&self, said: &Said) {
        let typed = self.inner.borrow().typed_at;
        if *said == Said::Bell && typed.is_some_and(|at| at.elapsed() < ANSWERS_KEYS) {
            return;
        }
        self.hear(Input::Said(said));
    }

    /// Somebody types.
    pub fn typed(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.typed_at = Some(Instant::now());
        let needed = inner.agent.as_ref().is_some_and(|agent| agent.doing == Doing::NeedsYou);
        drop(inner);
        if needed {
            self.hear(Input::Typed);
        }
    }

    /// A program in the session says something that people should know.
    pub fn notify(&self, id: ClientId, session: &SessionId, text: &[u8]) -> Result<(), Leave> {
        let mut inner = self.inner.borrow_mut();
        let local = inner.clients.get(&id).is_some_and(|client| client.peer.device.is_none());
        let ours = inner.about.id == *session;
        inner.notices += 1;
        let over = inner.run != RunState::Running || inner.notices > MAX_NOTICES;
        drop(inner);
        if over {
            return Err(Leave::Limited);
        }
        let text = std::str::from_utf8(text).map(|text| agent::text::line(text, MAX_NOTICE));
        let Some(text) = text.ok().filter(|text| ours && local && !text.is_empty()) else {
            return Err(Leave::Malformed);
        };
        self.append(Event::Banner { text: text.clone() }, Bytes::new());
        self.hear(Input::Said(&Said::Notice(text)));
        self.hurry.notify_one();
        Ok(())
    }

    /// Tells the adapter what became of what it asked.
    fn tell_decided(&self) {
        loop {
            let over = self.inner.borrow_mut().asked.over.pop_front();
            let Some((key, state)) = over else { return };
            self.hear(Input::Decided { key, state: &state });
        }
    }

    fn ask_for_agent(&self, key: u64, mut request: Request) -> Result<(), Failure> {
        let mut inner = self.inner.borrow_mut();
        request.cwd.get_or_insert_with(|| inner.about.cwd.clone());
        request.expires_in = request.expires_in.or(inner.expires_in);
        let request = serde_json::to_vec(&request)
            .map_err(|error| failure(ErrorKind::Internal, error.to_string(), ""))?;
        let approval = inner.put_asked(request.into())?;
        inner.asked.open.insert(approval.clone(), key);
        inner.allow_granted(&approval);
        drop(inner);
        self.approvals_changed();
        Ok(())
    }

    fn withdraw_for_agent(&self, key: u64) {
        let mut inner = self.inner.borrow_mut();
        let found = inner.asked.open.iter().find(|(_, other)| **other == key);
        let Some(approval) = found.map(|(approval, _)| approval.clone()) else { return };
        // The adapter knows.
        inner.asked.open.remove(&approval);
        inner.put_withdrawn(&approval);
        drop(inner);
        self.approvals_changed();
    }
}

/// Passes decisions on to the adapter, outside of whatever decided.
pub(crate) async fn watch(session: Rc<Session>) {
    loop {
        session.decided.notified().await;
        session.tell_decided();
    }
}

/// Tells the adapter what is in the terminal, when it wants to know.
pub(crate) async fn look(session: Rc<Session>) {
    loop {
        let at = session.inner.borrow().look_at;
        let due = async {
            match at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = session.looks.notified() => continue,
            () = due => session.inner.borrow_mut().look_at = None,
        }
        let Ok((cursor, screen)) = session.model.look().await else { return };
        let typing = session.inner.borrow().typed_at.is_some_and(|at| at.elapsed() < JUST_NOW);
        session.hear(Input::Looked(&Looked { cursor, screen, typing }));
    }
}

#[cfg(test)]
mod tests;
