//! Approvals: who asks waits on a connection of its own, what is asked and decided is in the log before anybody is told.
//!
//! Where the log does not take it, nothing is asked and nothing allowed; a no needs no log.

use crate::clock;
use crate::follower::Leave;
use crate::session::{ClientId, Inner, Session, failure};
use bytes::{Bytes, BytesMut};
use session::approval::{Change, MAX_REQUEST};
use session::id::{ApprovalId, SessionId};
use session::message::{
    ApprovalState, Asked, Decider, Decision, ErrorKind, Failure, Request, RunState, ToClient,
};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Bytes of a request in one answer. As text in a header each may need six, and a message has 64,000.
const PIECE: usize = 8 * 1024;
/// Bytes of what an agent tells its hook.
const MAX_HOOK: usize = 16 * 1024 * 1024;
/// How often the wall clock is looked at while something waits: the timers of the system stand still while the machine
/// sleeps.
const LOOK: Duration = Duration::from_secs(5);
/// Questions of programs that may wait at once, so that the agent can ask as well; more are refused.
const MAX_WAITING: usize = 8;
/// Questions that programs of a session may ask in [`A_MINUTE`]; more are refused, so that nobody is buried by a loop, and
/// the log grows by some kilobytes a minute at most.
const MAX_ASKED: usize = 20;
const A_MINUTE: Duration = Duration::from_mins(1);
/// Bytes that all connections together may have said of what is not whole yet; who goes beyond is not heard, which is a no.
const MAX_COMING: usize = 64 * 1024 * 1024;

/// What a connection asks.
#[derive(Default)]
pub(crate) struct Asker {
    /// A request whose last piece has not come yet.
    coming: BytesMut,
    /// What it waits for.
    waits: Vec<ApprovalId>,
    /// It is an agent's hook.
    pub hook: bool,
}

impl Session {
    /// A piece of a request.
    pub(crate) fn ask(
        &self,
        id: ClientId,
        session: &SessionId,
        last: bool,
        piece: &[u8],
    ) -> Result<(), Leave> {
        let mut inner = self.inner.borrow_mut();
        let ours = inner.about.id == *session;
        let Some(client) = inner.clients.get_mut(&id) else { return Err(Leave::Malformed) };
        // Whoever asks is a program here; the host passes nobody else's questions on.
        if !ours || client.peer.device.is_some() {
            return Err(Leave::Malformed);
        }
        inner.check_coming(piece)?;
        let Some(client) = inner.clients.get_mut(&id) else { return Err(Leave::Malformed) };
        if client.asker.coming.len() <= MAX_REQUEST {
            client.asker.coming.extend_from_slice(piece);
        }
        if !last {
            return Ok(());
        }
        let request = std::mem::take(&mut client.asker.coming).freeze();
        let asked = inner.ask(id, request);
        drop(inner);
        let granted = asked.clone().ok();
        let (approval, why) = match asked {
            Ok(approval) => (self.summary().approvals.into_iter().find(|one| one.id == approval), None),
            Err(why) => (None, Some(why)),
        };
        self.answer(id, ToClient::Asked { approval: approval.map(Box::new), why });
        if let Some(approval) = granted {
            self.inner.borrow_mut().allow_granted(&approval);
        }
        self.approvals_changed();
        Ok(())
    }

    /// A piece of what an agent told its hook.
    pub(crate) fn hook_piece(
        &self,
        id: ClientId,
        session: &SessionId,
        last: bool,
        piece: &[u8],
    ) -> Result<(), Leave> {
        let mut inner = self.inner.borrow_mut();
        let ours = inner.about.id == *session;
        let Some(client) = inner.clients.get_mut(&id) else { return Err(Leave::Malformed) };
        if !ours || client.peer.device.is_some() || client.asker.hook {
            return Err(Leave::Malformed);
        }
        inner.check_coming(piece)?;
        let Some(client) = inner.clients.get_mut(&id) else { return Err(Leave::Malformed) };
        client.asker.coming.extend_from_slice(piece);
        if client.asker.coming.len() > MAX_HOOK {
            return Err(Leave::Limited);
        }
        if last {
            client.asker.hook = true;
            let input = std::mem::take(&mut client.asker.coming);
            drop(inner);
            self.hook(id, &input);
        }
        Ok(())
    }

    /// A piece of what an approval asks, from this byte on.
    pub(crate) fn request(&self, id: ClientId, approval: &ApprovalId, from: u32) {
        let asked = self.inner.borrow().piece(approval, from).map(Box::new);
        self.answer(id, ToClient::Request { asked });
    }

    /// A connection is gone: nobody waits for what it asked.
    pub(crate) fn withdraw(&self, asker: &Asker) {
        let mut inner = self.inner.borrow_mut();
        for approval in &asker.waits {
            let change = inner.approvals.withdraw(approval, clock::unix_ms());
            inner.put_no(change);
        }
        drop(inner);
        if !asker.waits.is_empty() {
            self.approvals_changed();
        }
    }

    /// The program has ended: what it asked is of no use to anybody.
    pub(crate) fn withdraw_all(&self) {
        let mut inner = self.inner.borrow_mut();
        let pending: Vec<_> = inner.approvals.pending().cloned().collect();
        for approval in &pending {
            let change = inner.approvals.withdraw(approval, clock::unix_ms());
            inner.put_no(change);
        }
        drop(inner);
        if !pending.is_empty() {
            self.approvals_changed();
        }
    }

    /// Says to everybody whom it concerns that something was asked or decided.
    pub(crate) fn approvals_changed(&self) {
        self.model.pass(self.inner.borrow().journal.view().head);
        self.mind_the_log();
        self.wake_followers();
        self.hurry.notify_one();
        self.asked.notify_one();
        self.decided.notify_one();
    }

    fn expire(&self) {
        let mut inner = self.inner.borrow_mut();
        let mut any = false;
        while let Some(change) = inner.approvals.handle_timeout(clock::unix_ms()) {
            inner.put_no(Some(change));
            any = true;
        }
        drop(inner);
        if any {
            self.approvals_changed();
        }
    }
}

impl Inner {
    fn ask(&mut self, id: ClientId, request: Bytes) -> Result<ApprovalId, Failure> {
        self.check_asker(&request)?;
        let name = self.put_asked(request)?;
        self.asks.push_back(Instant::now());
        if let Some(client) = self.clients.get_mut(&id) {
            client.asker.waits.push(name.clone());
        }
        Ok(name)
    }

    /// Whether a program may ask this now.
    fn check_asker(&mut self, request: &[u8]) -> Result<(), Failure> {
        while self.asks.front().is_some_and(|at| at.elapsed() > A_MINUTE) {
            self.asks.pop_front();
        }
        let limited = |message: String, hint: &str| Err(failure(ErrorKind::Limited, message, hint));
        if self.asks.len() >= MAX_ASKED {
            let message = format!("programs in this session have asked {MAX_ASKED} times within a minute");
            return limited(message, "ask again in a minute");
        }
        let waiting: usize = self.clients.values().map(|client| client.asker.waits.len()).sum();
        if waiting >= MAX_WAITING {
            let message = format!("{MAX_WAITING} questions of programs wait in this session already");
            return limited(message, "`longrein approvals` lists them");
        }
        // It could say that it is somebody else. What cannot be read is refused for that.
        if serde_json::from_slice(request).is_ok_and(|request: Request| request.scope.is_some()) {
            let message = "what a program asks is allowed for once only";
            return Err(failure(ErrorKind::Invalid, message, "leave out its scope"));
        }
        Ok(())
    }

    fn check_coming(&self, piece: &[u8]) -> Result<(), Leave> {
        let coming: usize = self.clients.values().map(|client| client.asker.coming.len()).sum();
        if coming + piece.len() > MAX_COMING { Err(Leave::Limited) } else { Ok(()) }
    }

    /// Something waits for a person from here on.
    pub(crate) fn put_asked(&mut self, request: Bytes) -> Result<ApprovalId, Failure> {
        if self.run != RunState::Running {
            return Err(failure(ErrorKind::Ended, "the session has ended", ""));
        }
        let mut random = [0; 42];
        getrandom::fill(&mut random)
            .map_err(|error| failure(ErrorKind::Internal, format!("no randomness: {error}"), ""))?;
        let (name, word) = random.split_at(10);
        let name = ApprovalId::from_random(name.try_into().unwrap_or_default());
        let [word, ..] = seal::words_of(word.try_into().unwrap_or(&[0; 32]));
        let change = self.approvals.ask(name.clone(), request, word, clock::unix_ms())?;
        self.put(change)?;
        Ok(name)
    }

    /// Allows what was just asked where somebody has allowed exactly that until the session ends.
    pub(crate) fn allow_granted(&mut self, approval: &ApprovalId) {
        let Some(change) = self.approvals.granted(approval, clock::unix_ms()) else { return };
        // What cannot be stored is not allowed: it waits for a person.
        if let Err(why) = self.put(change) {
            tracing::warn!(why = %why.message, "a grant is of no use now");
        }
    }

    /// Nobody waits for it any more.
    pub(crate) fn put_withdrawn(&mut self, approval: &ApprovalId) {
        let change = self.approvals.withdraw(approval, clock::unix_ms());
        self.put_no(change);
    }

    /// Somebody takes a grant back.
    pub(crate) fn revoke(&mut self, client: ClientId, grant: &ApprovalId) -> Result<(), Failure> {
        let Some(by) = self.decider(client) else { return Ok(()) };
        match self.approvals.revoke(grant, by) {
            // Whether or not it can be stored: it is a no.
            Some(change) => self.put_no(Some(change)),
            None => return Err(failure(ErrorKind::NotFound, "that is not allowed any more already", "")),
        }
        Ok(())
    }

    fn decider(&self, client: ClientId) -> Option<Decider> {
        let peer = &self.clients.get(&client)?.peer;
        Some(Decider { device: peer.device.clone(), label: peer.label.clone() })
    }

    /// Somebody decides.
    pub(crate) fn decide(
        &mut self,
        client: ClientId,
        approval: &ApprovalId,
        digest: &str,
        decision: &Decision,
    ) -> Result<(), Failure> {
        let Some(by) = self.decider(client) else { return Ok(()) };
        match self.approvals.decide(approval, digest, decision, by, clock::unix_ms())? {
            Some(change @ Change::Over(_, ApprovalState::Denied { .. })) => self.put_no(Some(change)),
            Some(change) => self.put(change)?,
            None => {}
        }
        Ok(())
    }

    /// Makes it so once it is in the log, or not at all.
    fn put(&mut self, change: Change) -> Result<(), Failure> {
        let at = clock::unix_ms();
        self.journal.append_all(at, change.events()).map_err(|error| {
            let message = format!("the log does not take it, so nothing was asked or allowed: {error}");
            failure(ErrorKind::Environment, message, "make room on the host's disk")
        })?;
        self.last_activity = at;
        self.make_so(change);
        Ok(())
    }

    /// Makes it so, whether or not it can be stored: it is a no.
    fn put_no(&mut self, change: Option<Change>) {
        let Some(change) = change else { return };
        if let Err(error) = self.journal.append_all(clock::unix_ms(), change.events()) {
            tracing::warn!(%error, "that an approval is over is not in the log");
        }
        self.make_so(change);
    }

    fn make_so(&mut self, change: Change) {
        if let Change::Over(approval, state) = &change {
            let asker = self.clients.values_mut().find(|client| client.asker.waits.contains(approval));
            if let Some(asker) = asker {
                asker.asker.waits.retain(|waits| waits != approval);
                asker
                    .answer(ToClient::Decided { approval: approval.clone(), state: Box::new(state.clone()) });
            }
            self.asked.handle_over(approval, state);
        }
        self.approvals.apply(change);
    }

    fn piece(&self, approval: &ApprovalId, from: u32) -> Option<Asked> {
        let (approval, request) = self.approvals.get(approval)?;
        // What was read as JSON is text.
        let rest = std::str::from_utf8(request).ok()?.get(from as usize..)?;
        let text = &rest[..rest.floor_char_boundary(PIECE)];
        let next = (text.len() < rest.len())
            .then(|| from.saturating_add(u32::try_from(text.len()).unwrap_or(u32::MAX)));
        Some(Asked { approval: approval.clone(), text: text.to_owned(), next })
    }
}

/// Denies what nobody decided in time.
pub(crate) async fn watch(session: Rc<Session>) {
    loop {
        let due = session.inner.borrow().approvals.poll_timeout();
        let Some(due) = due else {
            session.asked.notified().await;
            continue;
        };
        let left = Duration::from_millis(due.saturating_sub(clock::unix_ms()));
        tokio::select! {
            () = sleep(left.min(LOOK)) => session.expire(),
            () = session.asked.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests;
