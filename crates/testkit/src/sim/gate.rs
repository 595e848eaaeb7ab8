//! What waits for a person: the real machine, whoever asks, and the truth about what was allowed.

use crate::Dice;
use bytes::Bytes;
use session::approval::{Approvals, Change, digest};
use session::id::{ApprovalId, DeviceId};
use session::message::{Approval, ApprovalState, Decider, Decision};
use std::collections::BTreeMap;

/// The word that a dangerous request wants.
const WORD: &str = "window";
/// Things that are asked for again and again.
const THINGS: u64 = 4;

/// What a client decides, by what it was shown.
#[derive(Clone, Debug)]
pub struct Decide {
    pub approval: ApprovalId,
    pub digest: String,
    pub decision: Decision,
}

/// What is known of an approval by its log alone, and by whoever asked.
#[derive(Clone, Debug)]
struct Told {
    asked: Approval,
    request: Bytes,
    /// What it is about; the same asked again is the same.
    thing: u64,
    /// Where the log has it.
    seq: u64,
    over: Option<(u64, ApprovalState)>,
}

/// The machine and the truth. What is stored is appended by whoever keeps the log, before it is made so.
#[derive(Debug, Default)]
pub struct Gate {
    approvals: Approvals,
    told: BTreeMap<ApprovalId, Told>,
    /// Grants that were taken back, with the place in the log.
    revoked: BTreeMap<ApprovalId, u64>,
    asked: u64,
    /// The lists as the host has heard of them, one after the other.
    pub lists: Vec<Vec<Approval>>,
    /// What each client's commands decide, by client and command.
    decides: BTreeMap<(usize, u64), Decide>,
    /// What was allowed; so each was done.
    pub done: Vec<ApprovalId>,
    /// How many were decided, allowed without being asked, and decided too late or wrongly.
    pub tally: (u64, u64, u64),
}

impl Gate {
    /// A program asks for one of a few things; none where too many wait.
    pub fn ask(&mut self, dice: &mut Dice, now: u64) -> Option<Change> {
        let thing = dice.below(THINGS);
        self.asked += 1;
        let mut name = [0; 10];
        name[..8].copy_from_slice(&self.asked.to_be_bytes());
        let risk = if thing == 0 { "dangerous" } else { "normal" };
        // Each differs, so that its digest is its own; what it is for does not.
        let request = format!(
            r#"{{"source":"claude","question":"Run {thing}, the {}?","risk":"{risk}","cwd":"/{}","expires_in":{},"tool":{{"name":"Bash","kind":"run","title":"","command":"{thing}"}},"scope":{{"tool":"Bash","pattern":"{thing}","words":"Run {thing}"}}}}"#,
            self.asked,
            thing % 2,
            10 + dice.below(120),
        );
        self.approvals.ask(ApprovalId::from_random(name), request.into(), WORD, now).ok()
    }

    /// What becomes of what was just asked where it is allowed already.
    pub fn granted(&self, change: &Change, now: u64) -> Option<Change> {
        let Change::Asked(approval, _) = change else { return None };
        self.approvals.granted(&approval.id, now)
    }

    /// Something that waits and is listed so, with what a client says to it. Some are mistaken.
    pub fn choose(list: &[Approval], dice: &mut Dice) -> Option<Decide> {
        let pending: Vec<_> = list.iter().filter(|one| one.state == ApprovalState::Pending).collect();
        let one = pending.get(dice.place(pending.len().max(1)))?;
        let other = pending[dice.place(pending.len())];
        let shown = if dice.one_in(10) { other } else { one };
        let decision = if dice.one_in(3) {
            Decision::Deny { text: None }
        } else {
            let word = one.word.clone().filter(|_| !dice.one_in(4));
            let for_session = dice.one_in(3);
            Decision::Allow { choice: None, text: None, word, answers: Vec::new(), for_session }
        };
        Some(Decide { approval: one.id.clone(), digest: shown.digest.clone(), decision })
    }

    /// A client's command is this.
    pub fn give(&mut self, client: usize, what: u64, decide: Decide) {
        self.decides.insert((client, what), decide);
    }

    /// A client's command has its turn. An error is a refusal.
    pub fn decide(&mut self, client: usize, what: u64, now: u64) -> Option<Result<Option<Change>, ()>> {
        let Decide { approval, digest, decision } = self.decides.get(&(client, what))?;
        let by = decider(client);
        let decided = self.approvals.decide(approval, digest, decision, by.clone(), now);
        if let Ok(change) = &decided {
            let told = &self.told[approval];
            assert_eq!(*digest, told.asked.digest, "client {client} decided what it was not shown");
            match (change, &told.over) {
                (Some(_), over) => assert!(over.is_none(), "decided twice: {over:?}"),
                (None, over) => assert!(by_whom(over.as_ref().map(|(_, state)| state)) == Some(&by)),
            }
        }
        self.tally.2 += u64::from(decided.is_err());
        Some(decided.map_err(drop))
    }

    /// Whoever asked something does not wait any more.
    pub fn withdraw(&self, dice: &mut Dice, now: u64) -> Option<Change> {
        let pending: Vec<_> = self.approvals.pending().collect();
        let one = pending.get(dice.place(pending.len().max(1)))?;
        self.approvals.withdraw(one, now)
    }

    /// Somebody takes a grant back.
    pub fn revoke(&self, dice: &mut Dice) -> Option<Change> {
        let grants = self.approvals.grants();
        let one = grants.get(dice.place(grants.len().max(1)))?;
        self.approvals.revoke(&one.id, decider(0))
    }

    /// One whose time is over.
    pub fn expire(&self, now: u64) -> Option<Change> {
        self.approvals.handle_timeout(now)
    }

    /// It is stored at this place, and is so from here on: who waits for it hears of it.
    pub fn apply(&mut self, change: Change, seq: u64) {
        match &change {
            Change::Asked(approval, request) => {
                let asked = approval.clone();
                let thing = thing(request);
                let told = Told { asked, request: request.clone(), thing, seq, over: None };
                self.told.insert(approval.id.clone(), told);
            }
            Change::Over(id, state) => {
                let told = self.told.get_mut(id).expect("it was asked");
                assert!(told.over.is_none(), "{id} is over twice");
                told.over = Some((seq, state.clone()));
                self.tally.0 += 1;
                if let ApprovalState::Allowed { granted, .. } = state {
                    self.tally.1 += u64::from(granted.is_some());
                    self.done.push(id.clone());
                }
            }
            Change::Revoked(id, _) => {
                self.revoked.insert(id.clone(), seq);
            }
        }
        self.approvals.apply(change);
        self.lists.push(self.approvals.list());
        self.check();
    }

    /// The log ends there, and its keeper is another one: who asked is gone, and nothing is allowed any more. Gives what is
    /// to be stored.
    pub fn restart(&mut self, head: u64, now: u64) -> Vec<Change> {
        self.told.retain(|_, told| told.seq <= head);
        self.revoked.retain(|_, seq| *seq <= head);
        let mut waits = Vec::new();
        self.approvals = Approvals::default();
        for (id, told) in &mut self.told {
            told.over = told.over.take().filter(|(seq, _)| *seq <= head);
            if told.over.is_none() {
                self.approvals.apply(Change::Asked(told.asked.clone(), told.request.clone()));
                waits.push(Change::Over(id.clone(), ApprovalState::Withdrawn { decided_at: now }));
            }
        }
        // What was done and is not in the log was done before a power cut, and that is all that can be said of it.
        let told = &self.told;
        self.done.retain(|id| told.get(id).is_some_and(|told| told.over.is_some()));
        self.lists.push(self.approvals.list());
        waits
    }

    /// What was done last was allowed by what the log says, for what was shown; and what is listed is the truth. Neither
    /// changes but with the log.
    fn check(&self) {
        if let Some(id) = self.done.last() {
            let told = &self.told[id];
            let Some((seq, ApprovalState::Allowed { granted, .. })) = &told.over else {
                panic!("{id} was done and not allowed: {told:?}");
            };
            assert_eq!(told.asked.digest, digest(&told.request));
            if let Some(grant) = granted {
                let first = &self.told[grant];
                let for_session = matches!(
                    &first.over,
                    Some((at, ApprovalState::Allowed { for_session: true, granted: None, .. })) if at < seq
                );
                assert!(for_session && first.thing == told.thing, "{id} was allowed by {grant}");
                assert!(self.revoked.get(grant).is_none_or(|at| at > seq), "{grant} was taken back");
                assert_ne!(told.thing, 0, "what is dangerous is asked each time");
            }
        }
        for approval in self.lists.last().into_iter().flatten() {
            let told = &self.told[&approval.id];
            let state = told.over.as_ref().map_or(&ApprovalState::Pending, |(_, state)| state);
            assert_eq!(approval.state, *state);
        }
    }
}

fn decider(client: usize) -> Decider {
    let mut name = [7; 10];
    name[0] = u8::try_from(client).unwrap_or(u8::MAX);
    Decider { device: Some(DeviceId::from_random(name)), label: client.to_string() }
}

fn by_whom(state: Option<&ApprovalState>) -> Option<&Decider> {
    match state {
        Some(ApprovalState::Allowed { by, .. } | ApprovalState::Denied { by, .. }) => Some(by),
        _ => None,
    }
}

/// What a request is about.
fn thing(request: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(request);
    let from = text.find("Run ").map_or(0, |at| at + 4);
    text[from..].chars().next().and_then(|c| c.to_digit(10)).map_or(0, u64::from)
}
