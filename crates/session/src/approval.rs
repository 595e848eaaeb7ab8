//! Approvals: what waits for a person's decision in one session, and what became of it. Pure.
//!
//! Nothing changes here but by [`Approvals::apply`], with a [`Change`] that the other methods give out: so it can be
//! stored before anybody sees it. What always holds:
//!
//! - The first valid decision wins; every later one is told who was first.
//! - A decision is valid only where it names the digest of the request's bytes, so that nobody decides something else
//!   than was shown to them.
//! - No answer is a no: a request that expires, that cannot be read or shown whole, or for which there is no room, is
//!   denied, and so is one whose decision cannot be stored.

mod check;

use crate::codec::MAX_PAYLOAD;
use crate::id::ApprovalId;
use crate::message::{
    Approval, ApprovalState, Decider, Decision, ErrorKind, Event, Failure, Grant, Request, Risk, Scope, Tool,
};
use bytes::Bytes;
pub use check::offered;
use check::{check, check_answers, written};
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::fmt::Write as _;

/// Bytes of a request. What is larger cannot be shown whole to a person who is to decide, and is denied.
pub const MAX_REQUEST: usize = 1024 * 1024;
/// Approvals that may wait at once; more are denied.
pub const MAX_PENDING: usize = 16;
/// Approvals that are over and still listed; the oldest goes first.
pub const MAX_OVER: usize = 8;
/// Choices of a request.
pub const MAX_CHOICES: usize = 16;
/// Bytes of one choice.
pub const MAX_CHOICE: usize = 200;
/// Questions of a request.
pub const MAX_QUESTIONS: usize = 8;
/// Things that are allowed at once until a session ends.
pub const MAX_GRANTS: usize = 32;
/// Bytes of what somebody writes with a decision.
pub const MAX_TEXT: usize = 4_000;
/// Seconds after which a request that does not say it is denied.
pub const EXPIRES_IN: u32 = 60 * 60;
/// The shortest and the longest of those that may be said.
pub const EXPIRES_WITHIN: (u32, u32) = (10, 7 * 24 * 60 * 60);
/// Characters of a title, and of what somebody wrote where it stands in a list. All of a session's approvals go into one
/// message, with the rest of its summary.
const MAX_TITLE: usize = 120;
/// Characters of a grant in words.
const MAX_WORDS: usize = 200;
/// Characters of whoever asks.
const MAX_SOURCE: usize = 32;

/// Something that becomes so once it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Somebody asks; these are the request's bytes.
    Asked(Approval, Bytes),
    /// One is over.
    Over(ApprovalId, ApprovalState),
    /// What was allowed until the session ends is so no longer.
    Revoked(ApprovalId, Decider),
}

impl Change {
    /// What is to be logged: events, each with its payload, one after the other. The request's bytes are in those that may
    /// be trimmed, so that a log is bounded however much is asked; that it was asked, its digest and what became of it
    /// are in those that may not.
    pub fn events(&self) -> Vec<(Event, Bytes)> {
        match self {
            Self::Asked(approval, request) => {
                let pieces = request.len().div_ceil(MAX_PAYLOAD);
                let event = |part: usize| Event::Asked {
                    approval: Box::new(approval.clone()),
                    part: u32::try_from(part).unwrap_or(u32::MAX),
                    last: part == pieces,
                };
                let piece = |part: usize| {
                    let start = (part - 1) * MAX_PAYLOAD;
                    request.slice(start..request.len().min(start + MAX_PAYLOAD))
                };
                let first = (event(0), Bytes::new());
                std::iter::once(first).chain((1..=pieces).map(|part| (event(part), piece(part)))).collect()
            }
            Self::Over(approval, state) => {
                vec![(
                    Event::Decided { approval: approval.clone(), state: Box::new(state.clone()) },
                    Bytes::new(),
                )]
            }
            Self::Revoked(grant, by) => {
                vec![(Event::Revoked { grant: grant.clone(), by: by.clone() }, Bytes::new())]
            }
        }
    }
}

#[derive(Debug)]
struct Entry {
    approval: Approval,
    request: Bytes,
}

/// The machine, one per session.
#[derive(Debug, Default)]
pub struct Approvals {
    pending: Vec<Entry>,
    over: VecDeque<Entry>,
    grants: Vec<Granted>,
}

/// What is allowed without being asked: exactly the same of the same asker.
#[derive(Debug)]
struct Granted {
    grant: Grant,
    source: String,
    cwd: Option<String>,
    tool: Option<Box<Tool>>,
    scope: Scope,
}

/// The digest that decisions name.
pub fn digest(request: &[u8]) -> String {
    Sha256::digest(request).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

impl Approvals {
    /// Somebody asks. `word` is what has to be typed where the request is dangerous.
    pub fn ask(&self, id: ApprovalId, request: Bytes, word: &str, now: u64) -> Result<Change, Failure> {
        if request.len() > MAX_REQUEST {
            return Err(invalid(format!(
                "a request has at most {MAX_REQUEST} bytes, since it is shown whole"
            )));
        }
        if self.pending.len() >= MAX_PENDING {
            let message = format!("{MAX_PENDING} approvals wait in this session already");
            return Err(failure(ErrorKind::Limited, message, "`longrein approvals` lists them"));
        }
        // All of it, also what is not read here: it is shown as text.
        let text = std::str::from_utf8(&request).map_err(|_| invalid("a request is UTF-8 text"))?;
        let read: Request = serde_json::from_str(text)
            .map_err(|error| invalid(format!("the request cannot be read: {error}")))?;
        check(&read)?;
        let expires_in = read.expires_in.unwrap_or(EXPIRES_IN);
        let approval = Approval {
            id,
            digest: digest(&request),
            length: u32::try_from(request.len()).unwrap_or(u32::MAX),
            source: line(&read.source, MAX_SOURCE),
            title: line(&read.question, MAX_TITLE),
            risk: read.risk,
            word: (read.risk == Risk::Dangerous).then(|| word.to_owned()),
            asked_at: now,
            expires_at: now.saturating_add(u64::from(expires_in) * 1000),
            state: ApprovalState::Pending,
        };
        Ok(Change::Asked(approval, request))
    }

    /// What becomes of one that was just asked without anybody being asked, because somebody allowed exactly the same until
    /// the session ends.
    pub fn granted(&self, id: &ApprovalId, now: u64) -> Option<Change> {
        let entry = self.pending.iter().find(|entry| entry.approval.id == *id)?;
        let request: Request = serde_json::from_slice(&entry.request).ok()?;
        let scope = offered(&request)?;
        let granted = self.grants.iter().find(|granted| granted.is_for(&request, scope))?;
        let state = ApprovalState::Allowed {
            by: granted.grant.by.clone(),
            decided_at: now,
            choice: None,
            text: None,
            answers: Vec::new(),
            for_session: true,
            granted: Some(granted.grant.id.clone()),
        };
        Some(Change::Over(id.clone(), state))
    }

    /// What is allowed until the session ends, the oldest first.
    pub fn grants(&self) -> Vec<Grant> {
        self.grants.iter().map(|granted| granted.grant.clone()).collect()
    }

    /// Somebody takes one of these back; `None` where it is none of them any more.
    pub fn revoke(&self, grant: &ApprovalId, by: Decider) -> Option<Change> {
        let stands = self.grants.iter().any(|granted| granted.grant.id == *grant);
        stands.then(|| Change::Revoked(grant.clone(), by))
    }

    /// Somebody decides; `None` where they have decided the same already.
    pub fn decide(
        &self,
        id: &ApprovalId,
        digest: &str,
        decision: &Decision,
        by: Decider,
        now: u64,
    ) -> Result<Option<Change>, Failure> {
        let Some(Entry { approval, request }) = self.find(id) else {
            return Err(failure(
                ErrorKind::NotFound,
                "there is no such approval",
                "`longrein approvals` lists them",
            ));
        };
        // Its time is over, whether or not that was told yet.
        let expired = ApprovalState::Expired { decided_at: approval.expires_at };
        match &approval.state {
            ApprovalState::Pending if now >= approval.expires_at => return Err(too_late(&expired)),
            ApprovalState::Pending => {}
            over if digest == approval.digest && is_same(over, decision, &by) => return Ok(None),
            over => return Err(too_late(over)),
        }
        if digest != approval.digest {
            return Err(invalid("this was decided for another request than the one that waits"));
        }
        let request: Request = serde_json::from_slice(request)
            .map_err(|error| invalid(format!("the request cannot be read: {error}")))?;
        let state = match decision {
            Decision::Allow { choice, text, word, answers, for_session } => {
                if approval.word.is_some() && *word != approval.word {
                    return Err(invalid("the word that was typed is not the one that was asked for"));
                }
                match choice {
                    None if !request.choices.is_empty() => {
                        return Err(invalid("one of the choices has to be taken"));
                    }
                    Some(choice) if !request.choices.contains(choice) => {
                        return Err(invalid("this is none of the choices"));
                    }
                    _ => {}
                }
                if text.is_some() && !request.free_text {
                    return Err(invalid("this takes no text"));
                }
                check_answers(&request.questions, answers)?;
                if *for_session {
                    self.check_grant(&request)?;
                }
                ApprovalState::Allowed {
                    by,
                    decided_at: now,
                    choice: choice.clone(),
                    text: written(text.as_ref())?,
                    answers: answers.clone(),
                    for_session: *for_session,
                    granted: None,
                }
            }
            Decision::Deny { text } => {
                ApprovalState::Denied { by, decided_at: now, text: written(text.as_ref())? }
            }
        };
        Ok(Some(Change::Over(id.clone(), state)))
    }

    /// Whoever asked this does not wait any more; `None` where it is over.
    pub fn withdraw(&self, id: &ApprovalId, now: u64) -> Option<Change> {
        let waits = self.pending.iter().any(|entry| entry.approval.id == *id);
        waits.then(|| Change::Over(id.clone(), ApprovalState::Withdrawn { decided_at: now }))
    }

    /// Those that wait.
    pub fn pending(&self) -> impl Iterator<Item = &ApprovalId> {
        self.pending.iter().map(|entry| &entry.approval.id)
    }

    /// When the next one expires, in Unix milliseconds.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.pending.iter().map(|entry| entry.approval.expires_at).min()
    }

    /// One that expired.
    pub fn handle_timeout(&self, now: u64) -> Option<Change> {
        let due = self.pending.iter().find(|entry| now >= entry.approval.expires_at)?;
        Some(Change::Over(due.approval.id.clone(), ApprovalState::Expired { decided_at: now }))
    }

    /// It is so now. What is not known, or over already, stays as it is.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Asked(approval, request) => {
                if self.find(&approval.id).is_none() {
                    self.pending.push(Entry { approval, request });
                }
            }
            Change::Over(id, state) => {
                let Some(place) = self.pending.iter().position(|entry| entry.approval.id == id) else {
                    return;
                };
                let mut entry = self.pending.remove(place);
                self.grants.extend(granted(&entry, &state));
                entry.approval.state = state;
                self.over.push_back(entry);
                if self.over.len() > MAX_OVER {
                    self.over.pop_front();
                }
            }
            Change::Revoked(id, _) => self.grants.retain(|granted| granted.grant.id != id),
        }
    }

    /// For lists: what waits, oldest first, and what is over, oldest first.
    pub fn list(&self) -> Vec<Approval> {
        let brief = |entry: &Entry| {
            let mut approval = entry.approval.clone();
            if let ApprovalState::Allowed { answers, .. } = &mut approval.state {
                answers.clear();
            }
            if let ApprovalState::Allowed { text: Some(text), .. }
            | ApprovalState::Denied { text: Some(text), .. } = &mut approval.state
            {
                *text = line(text, MAX_TITLE);
            }
            approval
        };
        self.pending.iter().chain(&self.over).map(brief).collect()
    }

    /// One of those that are listed, with its request's bytes.
    pub fn get(&self, id: &ApprovalId) -> Option<(&Approval, &Bytes)> {
        self.find(id).map(|entry| (&entry.approval, &entry.request))
    }

    fn check_grant(&self, request: &Request) -> Result<(), Failure> {
        if offered(request).is_none() {
            return Err(invalid("this can be allowed for once only"));
        }
        if self.grants.len() >= MAX_GRANTS {
            let message = format!("{MAX_GRANTS} things are allowed in this session already");
            return Err(failure(ErrorKind::Limited, message, "allow it once, or take one of those back"));
        }
        Ok(())
    }

    fn find(&self, id: &ApprovalId) -> Option<&Entry> {
        self.pending.iter().chain(&self.over).find(|entry| entry.approval.id == *id)
    }
}

impl Granted {
    /// The same command in another folder is another one; and the same scope is for the same command and files.
    fn is_for(&self, request: &Request, scope: &Scope) -> bool {
        self.source == request.source
            && self.cwd == request.cwd
            && self.scope.tool == scope.tool
            && self.scope.pattern == scope.pattern
            && does(self.tool.as_deref()) == does(request.tool.as_deref())
    }
}

/// What grants tell tools apart by, besides their scope.
fn does(tool: Option<&Tool>) -> Option<(Option<&str>, &[String])> {
    tool.map(|tool| (tool.command.as_deref(), tool.paths.as_slice()))
}

/// What this decision allows until the session ends, if it does.
fn granted(entry: &Entry, state: &ApprovalState) -> Option<Granted> {
    let ApprovalState::Allowed { by, decided_at, for_session: true, granted: None, .. } = state else {
        return None;
    };
    let request: Request = serde_json::from_slice(&entry.request).ok()?;
    let scope = request.scope?;
    let words = line(&scope.words, MAX_WORDS);
    let grant = Grant { id: entry.approval.id.clone(), words, by: by.clone(), since: *decided_at };
    Some(Granted { grant, source: request.source, cwd: request.cwd, tool: request.tool, scope })
}

/// The first line, cut where it is too long; without what a terminal would obey.
fn line(text: &str, most: usize) -> String {
    let text = text.trim();
    let first = text.lines().next().unwrap_or_default();
    let mut line: String = first.chars().filter(|c| !c.is_control()).take(most).collect();
    if line.len() < text.len() {
        if line.chars().count() == most {
            line.pop();
        }
        line.push('…');
    }
    line
}

/// Whether this is what they have decided themselves: said again, since its answer was lost.
fn is_same(over: &ApprovalState, decision: &Decision, who: &Decider) -> bool {
    match (over, decision) {
        (
            ApprovalState::Allowed { by, choice, text, answers, for_session, granted: None, .. },
            Decision::Allow { choice: again, text: other, answers: answered, for_session: lasts, .. },
        ) => {
            let is_text = written(other.as_ref()).is_ok_and(|other| other == *text);
            is_who(by, who) && choice == again && is_text && answers == answered && for_session == lasts
        }
        (ApprovalState::Denied { by, text, .. }, Decision::Deny { text: other }) => {
            is_who(by, who) && written(other.as_ref()).is_ok_and(|other| other == *text)
        }
        _ => false,
    }
}

/// Programs of the host's machine have no device, and among them tokens a name of their own each. A device may have been
/// renamed meanwhile.
fn is_who(by: &Decider, who: &Decider) -> bool {
    by.device == who.device && (by.device.is_some() || by.label == who.label)
}

/// What whoever decides is told where this was over before, of whichever session.
pub fn too_late(over: &ApprovalState) -> Failure {
    let message = match over {
        ApprovalState::Pending => "it waits still".to_owned(),
        ApprovalState::Allowed { by, .. } => format!("{} has allowed it already", by.label),
        ApprovalState::Denied { by, .. } => format!("{} has denied it already", by.label),
        ApprovalState::Expired { .. } => "nobody decided in time, so it was denied".to_owned(),
        ApprovalState::Withdrawn { .. } => "whoever asked does not wait for the answer any more".to_owned(),
    };
    failure(ErrorKind::Ended, message, "")
}

fn invalid(message: impl Into<String>) -> Failure {
    failure(ErrorKind::Invalid, message, "")
}

fn failure(kind: ErrorKind, message: impl Into<String>, hint: &str) -> Failure {
    Failure { kind, message: message.into(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests;
