//! A conversation with an agent that has no terminal, line by line.

mod asked;

use crate::command::attach::exit_code;
use crate::hosts;
use crate::problem::Outcome;
use crate::visible::{visible, visible_line};
use asked::Waiting;
use client::{AttachOpts, Attachment, Route, Update};
use session::id::SessionId;
use session::message::{ApprovalState, Chat, Cursor, ErrorKind, Outcome as End, StepState, Tool};
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

#[derive(Default)]
struct Talk {
    waiting: Vec<Waiting>,
    /// What is being written just now, and how much of it stands here.
    partial: Option<(String, u64)>,
    /// Prompts that were given and not answered yet.
    open: usize,
    /// Commands that were given; they are numbered from 1.
    given: u64,
    /// The last event that was there before.
    known: Option<u64>,
}

/// Talks until the person leaves or the agent ends. Without a terminal: says every line, waits for the answers, and leaves.
pub async fn run(route: Route, session: SessionId) -> Outcome {
    let interactive = std::io::stdin().is_terminal();
    let (after, id) = (Some(Cursor { epoch: 1, seq: 1 }), session.clone());
    let client = hosts::CLIENT.to_owned();
    let opts = AttachOpts { route, session, client, size: None, window: 0, after };
    let (attachment, mut updates) = Attachment::start(opts);
    let mut lines = BufReader::new(stdin()).lines();
    let (mut talk, mut reading) = (Talk::default(), true);
    if interactive {
        note!(
            "Type what the agent is to do. An empty line does nothing; Ctrl-D leaves, and the session goes on."
        );
    }
    loop {
        if !reading && !interactive && talk.open == 0 {
            attachment.detach().await;
            return Ok(ExitCode::SUCCESS);
        }
        tokio::select! {
            line = lines.next_line(), if reading => match line {
                Ok(Some(line)) => talk.typed(&attachment, &line).await,
                _ if interactive => {
                    attachment.detach().await;
                    return Ok(ExitCode::SUCCESS);
                }
                _ => reading = false,
            },
            update = updates.recv() => match update {
                Some(Update::Exit { exit }) => {
                    talk.break_line();
                    note!("The agent has ended. Go on with this conversation: longrein restart {id}");
                    return Ok(exit_code(exit));
                }
                Some(Update::Ended(Some(why))) => return Err(why),
                Some(Update::Ended(None)) | None => return Ok(ExitCode::SUCCESS),
                Some(update) => talk.heard(update),
            },
        }
    }
}

impl Talk {
    async fn typed(&mut self, attachment: &Attachment, line: &str) {
        let text = line.trim();
        if text.is_empty() {
            return;
        }
        let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.decided.is_none()) else {
            match attachment.prompt(text.to_owned()).await {
                Ok(()) => {
                    self.given += 1;
                    self.open += 1;
                }
                Err(why) => note!("{}", why.message),
            }
            return;
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
                let answers = matches!(*chat, Chat::Turn { .. }) && self.known < Some(cursor.seq);
                self.open = self.open.saturating_sub(usize::from(answers));
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
            Update::Refused { n, why } => {
                note!("{}", visible(&why.to_string()));
                let refused = self.waiting.iter_mut().find(|waiting| waiting.decided == Some(n));
                // Otherwise somebody else was first, and that is told.
                if let Some(waiting) = refused.filter(|_| why.kind == ErrorKind::Invalid) {
                    waiting.ask_again();
                }
            }
            _ => {}
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
        ApprovalState::Allowed { by, .. } => format!("allowed by {}", visible_line(&by.label)),
        ApprovalState::Denied { by, .. } => format!("denied by {}", visible_line(&by.label)),
        ApprovalState::Expired { .. } => "nobody decided in time: denied".to_owned(),
        ApprovalState::Withdrawn { .. } => "not waited for any more".to_owned(),
        ApprovalState::Pending => "it waits".to_owned(),
    }
}
