//! A conversation with an agent that has no terminal, line by line.

mod again;
mod asked;

use crate::command::attach::exit_code;
use crate::hosts;
use crate::problem::{Hint as _, Outcome, problem};
use crate::visible::{visible, visible_line};
use asked::Waiting;
use client::{AttachOpts, Attachment, Route, Update};
use session::id::SessionId;
use session::message::{ApprovalState, Chat, Cursor, ErrorKind, Failure, Outcome as End, StepState, Tool};
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin, stdin};
use tokio::time::sleep;

/// What an agent that ends says last has come after so long, and so has its end: first it is said that its turn failed.
const LAST_WORDS: Duration = Duration::from_secs(2);

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
}

impl Talking {
    /// One that runs.
    pub fn new(host: &Route, session: SessionId) -> Self {
        // On this machine its keeper is there to talk to.
        let route = match host {
            Route::Daemon(paths) => Route::Keeper(paths.clone()),
            elsewhere => elsewhere.clone(),
        };
        Self { host: host.clone(), route, session, ended: false, imported: false }
    }

    fn command(&self, what: &str) -> String {
        format!("longrein {what} {}", hosts::name(&self.host, &self.session))
    }
}

/// How a session was left.
enum Left {
    Detached,
    /// It has ended, with this status where it had one; and the agent was not told this.
    Ended(Option<i32>, Vec<String>),
}

#[derive(Default)]
struct Talk {
    waiting: Vec<Waiting>,
    /// What is being written just now, and how much of it stands here.
    partial: Option<(String, u64)>,
    /// Prompts that were given and not answered yet.
    open: usize,
    /// Commands that were given; they are numbered from 1.
    given: u64,
    /// Prompts that the agent was not told yet, by their commands.
    untold: Vec<(u64, String)>,
    /// The last turn has failed, perhaps because the agent ends.
    failed: bool,
    /// It was said that the session has ended.
    over: bool,
    /// The last event that was there before.
    known: Option<u64>,
}

/// Talks until the person leaves, or the agent ends and is not to go on. Without a terminal: says every line, waits for the
/// answers, and leaves.
pub async fn run(mut talking: Talking) -> Outcome {
    let interactive = std::io::stdin().is_terminal();
    let mut lines = BufReader::new(stdin()).lines();
    let mut untold = Vec::new();
    loop {
        let exit = match hold(&talking, untold, &mut lines, interactive).await? {
            Left::Detached => return Ok(ExitCode::SUCCESS),
            Left::Ended(exit, left) => {
                untold = left;
                exit
            }
        };
        let next = if interactive && !talking.imported {
            again::offer(&talking, &mut untold, &mut lines).await
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
    lines: &mut Lines<BufReader<Stdin>>,
    interactive: bool,
) -> Result<Left, Failure> {
    let (after, session) = (Some(Cursor { epoch: 1, seq: 1 }), talking.session.clone());
    let (client, route) = (hosts::CLIENT.to_owned(), talking.route.clone());
    let here = matches!(route, Route::Keeper(_));
    let opts = AttachOpts { route, session, client, size: None, window: 0, after };
    let (attachment, mut updates) = Attachment::start(opts);
    // Nobody hears what is said to what has ended.
    let (mut talk, mut reading) = (Talk::default(), !talking.ended);
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
            return Ok(Left::Detached);
        }
        tokio::select! {
            line = lines.next_line(), if reading => match line {
                Ok(Some(line)) => talk.typed(&attachment, &line).await,
                _ if interactive => {
                    attachment.detach().await;
                    return Ok(Left::Detached);
                }
                _ => reading = false,
            },
            update = updates.recv() => match update {
                Some(Update::Exit { exit }) => return Ok(talk.ended(Some(exit))),
                // Without an exit it was lost, with its keeper or its machine.
                Some(Update::Level) if talking.ended => return Ok(talk.ended(None)),
                // Its keeper was killed.
                Some(Update::Ended(Some(why))) if here && why.kind == ErrorKind::NotFound => {
                    return Ok(talk.ended(None));
                }
                Some(Update::Ended(Some(why))) => return Err(why),
                Some(Update::Ended(None)) | None => return Ok(Left::Detached),
                Some(update) => talk.heard(update),
            },
            () = sleep(LAST_WORDS), if talk.over => return Ok(talk.ended(None)),
            () = sleep(LAST_WORDS), if done => {
                attachment.detach().await;
                return Ok(Left::Detached);
            }
        }
    }
}

impl Talk {
    fn ended(mut self, exit: Option<i32>) -> Left {
        self.break_line();
        Left::Ended(exit, self.untold.into_iter().map(|(_, text)| text).collect())
    }

    async fn prompt(&mut self, attachment: &Attachment, text: String) {
        match attachment.prompt(text.clone()).await {
            Ok(()) => {
                self.given += 1;
                self.open += 1;
                self.untold.push((self.given, text));
            }
            Err(why) => note!("{}", why.message),
        }
    }

    async fn typed(&mut self, attachment: &Attachment, line: &str) {
        let text = line.trim();
        if text.is_empty() {
            return;
        }
        let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.decided.is_none()) else {
            return self.prompt(attachment, text.to_owned()).await;
        };
        match waiting.hear(text) {
            Ok(Some(decision)) => {
                self.given += 1;
                waiting.decided = Some(self.given);
                let (id, digest) = (waiting.approval.id.clone(), waiting.approval.digest.clone());
                attachment.decide(id, digest, decision).await;
            }
            Ok(None) => {}
            Err(how) => note!("{how}"),
        }
    }

    fn heard(&mut self, update: Update) {
        match update {
            Update::Attached { head, .. } => {
                self.known.get_or_insert(head.seq);
            }
            Update::Chat { cursor, chat, .. } => {
                if self.known < Some(cursor.seq) {
                    self.heard_now(&chat);
                }
                self.said(&chat);
            }
            Update::Partial { item, from, thinking: false, text } => self.partial(item, from, &text),
            Update::Output { bytes, .. } => {
                self.break_line();
                say!("{}", visible(String::from_utf8_lossy(&bytes).replace('\r', "").trim_end()));
            }
            Update::Asked { approval, request } => {
                let Ok(request) = serde_json::from_slice(&request) else { return };
                self.break_line();
                self.waiting.push(Waiting::ask(*approval, request));
            }
            Update::Decided { approval, state } => {
                let before = self.waiting.len();
                self.waiting.retain(|waiting| waiting.approval.id != approval);
                if self.waiting.len() < before {
                    self.break_line();
                    say!("  → {}", became(&state));
                }
            }
            Update::Refused { n, why } => self.refused(n, &why),
            _ => {}
        }
    }

    /// Something that happens, rather than what had happened before.
    fn heard_now(&mut self, chat: &Chat) {
        match chat {
            Chat::User { text, .. } => {
                if let Some(at) = self.untold.iter().position(|(_, untold)| untold == text.trim()) {
                    self.untold.remove(at);
                }
            }
            Chat::Turn { outcome, .. } => {
                self.open = self.open.saturating_sub(1);
                self.failed = *outcome == End::Failed;
            }
            _ => {}
        }
    }

    fn refused(&mut self, n: u64, why: &Failure) {
        let prompt = self.untold.iter().position(|(given, _)| *given == n);
        if prompt.is_some() && why.kind == ErrorKind::Ended {
            self.over = true;
            return;
        }
        note!("{}", visible(&why.to_string()));
        if let Some(at) = prompt {
            self.untold.remove(at);
            self.open = self.open.saturating_sub(1);
        }
        let decided = self.waiting.iter_mut().find(|waiting| waiting.decided == Some(n));
        // Otherwise somebody else was first, and that is told.
        if let Some(waiting) = decided.filter(|_| why.kind == ErrorKind::Invalid) {
            waiting.ask_again();
        }
    }

    fn partial(&mut self, item: String, from: u64, text: &str) {
        let known = self.partial.as_ref().is_some_and(|(known, upto)| *known == item && *upto == from);
        if !known {
            self.break_line();
        }
        let upto = from + text.len() as u64;
        crate::out::bytes(visible(text).as_bytes());
        self.partial = Some((item, upto));
    }

    fn break_line(&mut self) {
        if self.partial.take().is_some() {
            say!("");
        }
    }

    fn said(&mut self, chat: &Chat) {
        // What stands here already is not said twice.
        let stands = matches!((chat, &self.partial), (Chat::Agent { item: Some(item), text, .. }, Some((known, upto)))
            if item == known && *upto == text.len() as u64);
        self.break_line();
        match chat {
            Chat::Agent { .. } if stands => {}
            Chat::Agent { text, .. } => say!("{}", visible(text)),
            Chat::User { text, by: Some(by), .. } => say!("{}> {}", visible_line(by), visible(text)),
            Chat::User { text, .. } => say!("> {}", visible(text)),
            Chat::Call { tool, .. } => say!("● {}", about(tool)),
            Chat::Result { outcome, text, .. } => {
                let word = ended(*outcome);
                say!("  {word}{}", first_lines(text));
            }
            Chat::Plan { steps } => {
                for step in steps {
                    let mark = match step.state {
                        StepState::Open => "[ ]",
                        StepState::Begun => "[…]",
                        StepState::Done => "[x]",
                    };
                    say!("  {mark} {}", visible_line(&step.text));
                }
            }
            Chat::Turn { outcome, error, cost, total, .. } => {
                let dollars =
                    |micros: &u64| format!("${}.{:04}", micros / 1_000_000, micros % 1_000_000 / 100);
                let cost = cost.as_ref().map(|cost| format!(", {}", dollars(cost))).unwrap_or_default();
                let total =
                    total.as_ref().map(|total| format!(", {} in all", dollars(total))).unwrap_or_default();
                let error = error.as_ref().map(|error| format!(": {}", visible(error))).unwrap_or_default();
                say!("[{}{cost}{total}]{error}", ended(*outcome));
            }
            Chat::Note { text } => say!("[{}]", visible(text)),
            Chat::Thinking { .. } | Chat::Setup(_) | Chat::Unknown { .. } => {}
        }
    }
}

fn about(tool: &Tool) -> String {
    let what = tool.command.as_deref().or(tool.paths.first().map(String::as_str)).unwrap_or(&tool.title);
    visible(&format!("{}: {what}", tool.name))
}

fn ended(outcome: End) -> &'static str {
    match outcome {
        End::Done => "done",
        End::Failed => "failed",
        End::Denied => "denied",
        End::Interrupted => "interrupted",
    }
}

fn first_lines(text: &str) -> String {
    const LINES: usize = 8;
    let mut shown = String::new();
    for line in text.lines().take(LINES) {
        shown.push_str("\n    ");
        shown.push_str(&visible(line));
    }
    let more = text.lines().count().saturating_sub(LINES);
    if more > 0 {
        let _ = write!(shown, "\n    … {more} more lines");
    }
    shown
}

fn became(state: &ApprovalState) -> String {
    match state {
        ApprovalState::Allowed { granted: Some(_), .. } => "allowed until the session ends".to_owned(),
        ApprovalState::Allowed { by, for_session: true, .. } => {
            format!("allowed by {} until the session ends", visible_line(&by.label))
        }
        ApprovalState::Allowed { by, .. } => format!("allowed by {}", visible_line(&by.label)),
        ApprovalState::Denied { by, .. } => format!("denied by {}", visible_line(&by.label)),
        ApprovalState::Expired { .. } => "nobody decided in time: denied".to_owned(),
        ApprovalState::Withdrawn { .. } => "not waited for any more".to_owned(),
        ApprovalState::Pending => "it waits".to_owned(),
    }
}
