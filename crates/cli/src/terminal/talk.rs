//! A conversation with an agent that has no terminal, line by line.

mod again;
mod asked;
mod input;
mod said;

use crate::command::attach::exit_code;
use crate::hosts;
use crate::margin::{self, Margin, behind};
use crate::problem::{Hint as _, Outcome, problem};
use crate::visible::{visible, visible_line};
use asked::{Stage, Waiting};
use client::{AttachOpts, Attachment, Route, Update};
use input::{Input, Typed};
use session::id::{SessionId, StreamId};
use session::message::{Approval, Chat, Cursor, ErrorKind, Failure, Outcome as End, Prompted};
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// What an agent that ends says last has come after so long, and so has its end: first it is said that its turn failed.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Prompts of a script that are under way at once: fewer than a keeper lets wait.
const AHEAD: usize = 8;

/// A conversation to hold here.
#[derive(Clone)]
pub struct Talking {
    /// How its host is reached.
    pub host: Route,
    /// How the session itself is.
    pub route: Route,
    /// Which.
    pub session: SessionId,
    /// It has ended already.
    pub ended: bool,
    /// It came out of a file: nobody has started its command here.
    pub imported: bool,
    /// The conversation is known, or named.
    pub resumes: Resumes,
}

/// Whether an agent was to go on with a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumes {
    /// It begins one, as far as is known here.
    No,
    /// With the one of this name, which nobody has looked at.
    Named,
    /// With one that it had before.
    Known,
}

impl Talking {
    /// One that runs.
    pub fn new(host: &Route, session: SessionId) -> Self {
        // On this machine its keeper is there to talk to.
        let route = match host {
            Route::Daemon(paths) => Route::Keeper(paths.clone()),
            elsewhere => elsewhere.clone(),
        };
        Self { host: host.clone(), route, session, ended: false, imported: false, resumes: Resumes::No }
    }

    fn command(&self, what: &str) -> String {
        format!("longrein {what} {}", hosts::name(&self.host, &self.session))
    }
}

/// How a session was left.
enum Left {
    /// Whether everything was taken and done.
    Detached(bool),
    /// It has ended, with this status where it had one; the agent was not told this; and whether there is a conversation to
    /// go on with.
    Ended(Option<i32>, Vec<String>, bool),
}

/// What is being said, and how much of it stands here.
struct Partial {
    item: String,
    upto: u64,
    margin: Margin,
}

/// Whose lines are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum By {
    /// A person's, who sees what is asked.
    #[default]
    Person,
    /// A script's: it sees nothing, so that its lines are for the agent, and never decide anything.
    Script,
}

#[derive(Default)]
struct Talk {
    /// Who writes the lines.
    by: By,
    waiting: Vec<Waiting>,
    /// What is being written just now.
    partial: Option<Partial>,
    /// Prompts that were given and not answered yet.
    open: usize,
    /// Commands that were given; they are numbered from 1.
    given: u64,
    /// Prompts that the agent was not told yet, by their commands.
    untold: Vec<(u64, String)>,
    /// Prompts that the agent was told in the turn that is on: it is the turn of somebody else where there is none.
    begun: usize,
    /// What prompts that are given here are named by.
    stream: Option<StreamId>,
    /// What the agent calls the conversation, once it has said it.
    conversation: Option<String>,
    /// The last turn that was for what was said here has failed, perhaps because the agent ends.
    failed: bool,
    /// Something was not taken, or not done.
    wrong: bool,
    /// It was said that the session has ended.
    over: bool,
    /// The last event that was there before.
    known: Option<u64>,
    /// What waits until the agent is done, whoever said it: its event, who, and what.
    queued: Vec<(u64, String, String)>,
}

/// Talks until the person leaves, or the agent ends and is not to go on. Without a terminal: says every line, waits for the
/// answers, and leaves; that fails where something was not taken or not done.
pub async fn run(mut talking: Talking) -> Outcome {
    let interactive = std::io::stdin().is_terminal();
    let mut input = Input::standard();
    let mut untold = Vec::new();
    loop {
        let (exit, begun) = match hold(&talking, untold, &mut input, interactive).await? {
            Left::Detached(done) if done || interactive => return Ok(ExitCode::SUCCESS),
            Left::Detached(_) => {
                let how = format!("It is said above, and in: {}", talking.command("attach"));
                return Err(problem(ErrorKind::Environment, "Not all of it was done").hint(how));
            }
            Left::Ended(exit, left, begun) => {
                untold = left;
                (exit, begun || talking.resumes == Resumes::Known)
            }
        };
        let next = if interactive && !talking.imported && begun {
            again::offer(&talking, &mut untold, &mut input).await
        } else {
            Ok(None)
        };
        if let Ok(Some(next)) = next {
            talking = next;
            continue;
        }
        for text in &untold {
            note!("The agent was not told: {}", visible(text));
        }
        next?;
        if !begun {
            let again = match talking.resumes {
                Resumes::Named => "Without --resume it begins a new conversation.".to_owned(),
                _ => format!("To start it again: {}", talking.command("restart")),
            };
            let message =
                "The agent has ended before there was a conversation; what it said of that is above";
            return Err(problem(ErrorKind::Ended, message).hint(again));
        }
        let how = talking.command(if talking.imported { "restart --imported" } else { "restart" });
        let how = format!("Go on with its conversation: {how}");
        if !interactive {
            return Err(problem(ErrorKind::Ended, "The agent has ended").hint(how));
        }
        note!("{how}");
        return Ok(exit.map_or(ExitCode::SUCCESS, exit_code));
    }
}

/// Shows the session, and says there what is to be said, until it is left or over.
async fn hold(
    talking: &Talking,
    untold: Vec<String>,
    input: &mut Input,
    interactive: bool,
) -> Result<Left, Failure> {
    let (after, session) = (Some(Cursor { epoch: 1, seq: 1 }), talking.session.clone());
    let (client, route) = (hosts::CLIENT.to_owned(), talking.route.clone());
    let here = matches!(route, Route::Keeper(_));
    let opts = AttachOpts { route, session, client, size: None, window: 0, after };
    let (attachment, mut updates) = Attachment::start(opts);
    // Nobody hears what is said to what has ended.
    let by = if interactive { By::Person } else { By::Script };
    let (mut talk, mut reading) = (Talk { by, ..Talk::default() }, !talking.ended);
    if interactive && reading {
        note!(
            "Type what the agent is to do. An empty line does nothing; Ctrl-D leaves, and the session goes on."
        );
    }
    for text in untold {
        talk.prompt(&attachment, text).await;
    }
    loop {
        let done = !reading && !interactive && talk.open == 0 && !talking.ended;
        if done && !talk.failed {
            attachment.detach().await;
            return Ok(Left::Detached(!talk.wrong));
        }
        let readable = talk.waiting.first().and_then(|waiting| match waiting.stage {
            Stage::Shown(at) => Some(at),
            _ => None,
        });
        tokio::select! {
            // A script is read no faster than the agent answers.
            typed = input.next(), if reading && (interactive || talk.open < AHEAD) => match typed {
                Typed::Line(line) => talk.typed(&attachment, line).await,
                Typed::NoText => talk.not_taken("it is not UTF-8 text"),
                Typed::End if interactive => {
                    attachment.detach().await;
                    return Ok(Left::Detached(!talk.wrong));
                }
                Typed::End => reading = false,
            },
            () = sleep_until(readable.unwrap_or_else(Instant::now)), if readable.is_some() => talk.open(),
            update = updates.recv() => match update {
                Some(Update::Exit { exit }) => return Ok(talk.ended(Some(exit))),
                // Without an exit it was lost, with its keeper or its machine.
                Some(Update::Level) => {
                    if talking.ended || again::is_over(talking).await {
                        return Ok(talk.ended(None));
                    }
                }
                // Its keeper was killed.
                Some(Update::Ended(Some(why))) if here && why.kind == ErrorKind::NotFound => {
                    return Ok(talk.ended(None));
                }
                Some(Update::Ended(Some(why))) => return Err(why),
                Some(Update::Ended(None)) | None => return Ok(Left::Detached(!talk.wrong)),
                Some(update) => talk.heard(update),
            },
            () = sleep(LAST_WORDS), if talk.over => return Ok(talk.ended(None)),
            () = sleep(LAST_WORDS), if done => {
                attachment.detach().await;
                return Ok(Left::Detached(!talk.wrong));
            }
        }
    }
}

impl Talk {
    fn ended(mut self, exit: Option<i32>) -> Left {
        self.break_line();
        // What was said here goes on, or is told of, when that is decided.
        let ours = |text: &str| self.untold.iter().any(|(_, untold)| untold == text.trim());
        for (_, by, text) in self.queued.iter().filter(|(.., text)| !ours(text)) {
            let head = format!("[the agent was not told] {}> ", visible_line(by));
            say!("{}", margin::rows(&head, text, margin::columns()));
        }
        Left::Ended(
            exit,
            self.untold.into_iter().map(|(_, text)| text).collect(),
            self.conversation.is_some(),
        )
    }

    async fn prompt(&mut self, attachment: &Attachment, text: String) {
        match attachment.prompt(text.clone()).await {
            Ok(()) => {
                self.given += 1;
                self.open += 1;
                self.untold.push((self.given, text));
            }
            Err(why) => self.not_taken(&format!("{}; {}", why.message, why.hint)),
        }
    }

    fn not_taken(&mut self, why: &str) {
        self.wrong = true;
        note!("Not taken: {why}.");
    }

    async fn typed(&mut self, attachment: &Attachment, text: String) {
        if text.is_empty() {
            return;
        }
        let more = self.waiting.len() > 1;
        let Some(waiting) = self.waiting.first_mut() else { return self.prompt(attachment, text).await };
        match waiting.stage {
            Stage::Elsewhere => self.prompt(attachment, text).await,
            Stage::Decided(_) if !more => self.prompt(attachment, text).await,
            Stage::Behind | Stage::Shown(_) | Stage::Decided(_) => {
                self.not_taken(&format!(
                    "it was typed before what is asked could be read: {}",
                    visible(&text)
                ));
            }
            Stage::Open => match waiting.hear(&text) {
                Ok(Some(decision)) => {
                    self.given += 1;
                    waiting.stage = Stage::Decided(self.given);
                    let (id, digest) = (waiting.approval.id.clone(), waiting.approval.digest.clone());
                    attachment.decide(id, digest, decision).await;
                }
                Ok(None) => waiting.ask_next(),
                Err(how) => {
                    self.wrong = true;
                    note!("{how}");
                }
            },
        }
    }

    /// What is shown can be answered now.
    fn open(&mut self) {
        self.break_line();
        if let Some(waiting) = self.waiting.first_mut() {
            waiting.open();
        }
    }

    /// The next one is shown once the one before it is decided, so that an answer can be for one alone.
    fn show_next(&mut self) {
        if self.waiting.first().is_some_and(|waiting| waiting.stage == Stage::Behind) {
            self.break_line();
            self.waiting[0].show(self.by == By::Person);
        }
    }

    fn heard(&mut self, update: Update) {
        match update {
            Update::Attached { head, stream, .. } => {
                self.stream = Some(stream);
                self.known.get_or_insert(head.seq);
            }
            Update::Chat { cursor, chat, .. } => {
                if self.known < Some(cursor.seq) {
                    self.heard_now(&chat);
                }
                match *chat {
                    Chat::Queued { text, by, .. } => self.queued.push((cursor.seq, by, text)),
                    Chat::Taken { queued } => self.queued.retain(|(seq, ..)| *seq != queued),
                    chat => self.said(&chat),
                }
            }
            Update::Partial { item, from, thinking: false, text } => self.partial(item, from, &text),
            Update::Output { bytes, .. } => {
                self.break_line();
                let text = String::from_utf8_lossy(&bytes).replace('\r', "");
                say!("{}", behind(text.trim_end(), margin::columns()));
            }
            Update::Asked { approval, request } => self.asked(*approval, &request),
            Update::Decided { approval, state } => {
                let of_it = |waiting: &Waiting| waiting.approval.id == approval;
                if let Some(at) = self.waiting.iter().position(of_it) {
                    let decided = self.waiting.remove(at);
                    self.break_line();
                    say!("  → {}:", said::became(&state));
                    say!("{}", behind(&decided.approval.title, margin::columns()));
                    self.show_next();
                }
            }
            Update::Refused { n, why } => self.refused(n, &why),
            _ => {}
        }
    }

    fn asked(&mut self, approval: Approval, bytes: &[u8]) {
        if let Ok(request) = serde_json::from_slice(bytes) {
            self.waiting.push(Waiting::new(approval, request, bytes.to_vec()));
            return self.show_next();
        }
        self.break_line();
        say!("? Something is asked that cannot be shown here. To deny it: longrein deny {}", approval.id);
    }

    /// Something that happens, rather than what had happened before.
    fn heard_now(&mut self, chat: &Chat) {
        match chat {
            Chat::User { text, by, prompt, .. } => {
                if let Some(at) = self.ours(text, by.is_some(), prompt.as_deref()) {
                    self.untold.remove(at);
                    self.begun += 1;
                }
            }
            Chat::Turn { outcome, .. } if self.begun > 0 => {
                self.open = self.open.saturating_sub(std::mem::take(&mut self.begun));
                self.failed = *outcome == End::Failed;
                self.wrong |= *outcome != End::Done;
            }
            _ => {}
        }
    }

    /// Which of the prompts that were given here the agent was told with this.
    fn ours(&self, text: &str, sent: bool, prompt: Option<&str>) -> Option<usize> {
        let same = self.untold.iter().position(|(_, untold)| untold == text.trim());
        match (prompt, &self.stream) {
            (Some(prompt), Some(stream)) if Prompted::is_of(prompt, stream) => {
                // One that is very long is said in part.
                same.or_else(|| (!self.untold.is_empty()).then_some(0))
            }
            (Some(_), _) => None,
            // An older keeper names none; nor has one that was typed at the agent itself a name.
            (None, _) => same.filter(|_| sent),
        }
    }

    fn refused(&mut self, n: u64, why: &Failure) {
        let prompt = self.untold.iter().position(|(given, _)| *given == n);
        if prompt.is_some() && why.kind == ErrorKind::Ended {
            self.over = true;
            return;
        }
        note!("{}", visible(&why.to_string()));
        self.wrong = true;
        if let Some(at) = prompt {
            self.untold.remove(at);
            self.open = self.open.saturating_sub(1);
        }
        let Some(waiting) = self.waiting.first_mut().filter(|waiting| waiting.stage == Stage::Decided(n))
        else {
            return;
        };
        match why.kind {
            // Somebody else was first, and that is told.
            ErrorKind::Ended => {}
            ErrorKind::NotFound => {
                self.waiting.remove(0);
                self.show_next();
            }
            _ => waiting.open(),
        }
    }

    fn partial(&mut self, item: String, from: u64, text: &str) {
        if self.partial.as_ref().is_none_or(|known| known.item != item || known.upto != from) {
            self.break_line();
        }
        let begun = || Partial { item, upto: from, margin: Margin::new(margin::columns()) };
        let partial = self.partial.get_or_insert_with(begun);
        partial.upto += text.len() as u64;
        crate::out::bytes(partial.margin.write(text).as_bytes());
    }

    fn break_line(&mut self) {
        if self.partial.take().is_some() {
            say!("");
        }
    }

    fn said(&mut self, chat: &Chat) {
        if let Chat::Setup(setup) = chat {
            self.conversation = setup.conversation.clone().or(self.conversation.take());
        }
        // What stands here already is not said twice.
        let stands = matches!((chat, &self.partial), (Chat::Agent { item: Some(item), text, .. }, Some(known))
            if *item == known.item && known.upto == text.len() as u64);
        self.break_line();
        if let Some(said) = said::said(chat, margin::columns()).filter(|_| !stands) {
            say!("{said}");
        }
    }
}
