//! What clients want done: each command is taken once, in order, and given to the program as fast as it reads.

use crate::clock;
use crate::follower::Client;
use crate::session::{ClientId, Inner, Session, failure};
use agent::text::plain;
use bytes::Bytes;
use session::approval::too_late as too_late_to_decide;
use session::id::SessionId;
use session::inbox::{self, Receipt};
use session::later::Later;
use session::message::{Act, ApprovalState, EndedBy, ErrorKind, Event, Failure, RunState, Size, ToClient};

/// Bytes of input of one client that may wait for the program; beyond it that client is not read.
pub(crate) const MAX_INPUT: usize = session::outbox::SEND_WINDOW + 64 * 1024;
/// Bytes of input of all clients together.
pub(crate) const MAX_INPUTS: usize = 8 * 1024 * 1024;

/// Bytes of the terminal's own answers that may wait for the program. More are dropped, as a terminal drops what a
/// program that asks and does not read has no room for.
pub(crate) const MAX_REPLIES: usize = 64 * 1024;

/// Whose the terminal's own answers are: no client has this name.
const TERMINAL: ClientId = 0;
/// The key of an interrupt.
const CTRL_C: &[u8] = b"\x03";
/// What a command counts for beside its bytes.
const OVERHEAD: usize = 64;

/// A command that was taken and is not settled.
pub(crate) struct Input {
    /// Nobody's where the terminal itself answers the program, or where the command waits elsewhere.
    from: Option<(inbox::Key, u64)>,
    client: ClientId,
    bytes: Bytes,
    /// Unix milliseconds; and whether the program has read the beginning of it.
    since: u64,
    begun: bool,
    counted: usize,
    /// It is not for the program: it waits for its turn to be refused.
    refusal: Option<Failure>,
}

impl Session {
    /// Whether a client's input has to wait before more of it is read.
    pub fn is_crowded(&self, id: ClientId) -> bool {
        let inner = self.inner.borrow();
        let own = inner.clients.get(&id).map_or(0, |client| client.waiting_input);
        own > MAX_INPUT || (own > 0 && inner.inputs_bytes > MAX_INPUTS)
    }

    /// A command from a client; `None` for an act that only a newer version knows.
    pub(crate) fn command(
        &self,
        id: ClientId,
        session: &SessionId,
        n: u64,
        act: Option<&Act>,
        payload: &Bytes,
        allowed: bool,
    ) {
        let mut inner = self.inner.borrow_mut();
        let ours = inner.about.id == *session;
        let Some(key) = inner.clients.get(&id).map(|client| client.key.clone()) else { return };
        let refused = |why| ToClient::Refused { session: session.clone(), n, why };
        if !ours {
            drop(inner);
            return self.answer(id, refused(failure(ErrorKind::NotFound, "no such session", "")));
        }
        // Nothing is taken any more, and so nothing is settled either: however often it comes, and to whichever process,
        // the answer stays the same.
        if let Some(why) = inner.judge_over(&key, n, act) {
            drop(inner);
            return self.answer(id, refused(why));
        }
        match inner.inbox.handle(&key, n, clock::unix_ms()) {
            Receipt::New => {}
            Receipt::Pending => return,
            Receipt::Settled => {
                let again = inner.inbox.refused(&key).find(|(other, _)| *other == n);
                let again = again.map(|(_, why)| refused(why.clone()));
                drop(inner);
                return self.answer(id, again.unwrap_or(ToClient::Applied { session: session.clone(), n }));
            }
            Receipt::Gap { expected } => {
                drop(inner);
                let message = format!("command {n} came where {expected} was next");
                return self.answer(id, refused(failure(ErrorKind::Invalid, message, "")));
            }
            Receipt::Full => {
                drop(inner);
                let message = "too many clients have sent commands to this session today";
                return self
                    .answer(id, refused(failure(ErrorKind::Limited, message, "use a client that did")));
            }
        }
        let (why_not, news) = inner.judge(id, act, allowed, payload);
        let first = inner.inputs.iter().all(|input| input.from.as_ref().is_none_or(|(of, _)| *of != key));
        let (None, Some(act)) = (&why_not, act) else {
            let why = why_not.unwrap_or_else(Later::refusal);
            if first {
                inner.inbox.handle_refused(&key, n, why.clone());
                drop(inner);
                return self.answer(id, refused(why));
            }
            // Refused before its turn, it would say that those before it are settled.
            inner.take_in(id, key, n, Bytes::new(), Some(why));
            return;
        };
        // These do not wait behind input that the program does not read, and neither do their answers, unless it is
        // their own stream's: its commands are settled in order.
        let at_once = match act {
            Act::Interrupt => {
                // Typed into an interface that asks to be left by it, it would end the agent.
                let types = !inner.is_told_to_stop();
                let waits = types && self.program().is_some_and(|program| !program.interrupt());
                if waits && first {
                    inner.take_in_first(id, Some((key, n)));
                    drop(inner);
                    return self.pump();
                }
                if waits {
                    inner.take_in_first(id, None);
                }
                true
            }
            Act::Stop => {
                inner.ended_by(EndedBy::Person);
                self.hang_up();
                true
            }
            Act::Ttl(_)
            | Act::Decide { .. }
            | Act::Revoke { .. }
            | Act::Upload { .. }
            | Act::Configure { .. } => true,
            // A prompt that is typed is input; a size is of no meaning without a terminal, and waits for nothing.
            Act::Prompt { .. } => inner.is_told(),
            Act::Resize { .. } | Act::TakeSize | Act::GiveSize => inner.structured,
            Act::Input | Act::Refused { .. } => false,
        };
        if at_once && first {
            inner.inbox.handle_settled(&key, n);
            drop(inner);
            self.answer(id, ToClient::Applied { session: session.clone(), n });
            return self.changed(id, n, act, news, payload);
        }
        let bytes = match act {
            Act::Input => payload.clone(),
            Act::Prompt { files } if !inner.is_told() => {
                let text = plain(&inner.with_files(payload, files));
                drop(inner);
                let keys = self.type_prompt(&text, self.model.pastes());
                inner = self.inner.borrow_mut();
                keys
            }
            _ => Bytes::new(),
        };
        let size = inner.sized(id, act, !bytes.is_empty());
        inner.take_in(id, key, n, bytes, None);
        drop(inner);
        self.apply_size(size);
        // That somebody looked away is reported like a key, and is none.
        if *act == Act::Input && !matches!(&payload[..], b"\x1b[I" | b"\x1b[O") {
            self.typed();
        }
        self.changed(id, n, act, news, payload);
        self.pump();
    }

    /// What the terminal itself tells the program.
    pub fn reply_to_program(&self, bytes: Vec<u8>) {
        let mut inner = self.inner.borrow_mut();
        if inner.replies_bytes + bytes.len() > MAX_REPLIES {
            tracing::debug!("the program asks and does not read the answers");
            return;
        }
        let counted = bytes.len();
        inner.replies_bytes += counted;
        inner.inputs.push_back(Input::new(None, TERMINAL, bytes.into(), counted, None));
        drop(inner);
        self.pump();
    }

    /// Gives the program as much input as it takes now, and settles what it took.
    pub fn pump(&self) {
        let Some(program) = self.program() else { return };
        let mut inner = self.inner.borrow_mut();
        let (now, patience) = (clock::unix_ms(), inner.patience_ms);
        while let Some(input) = inner.inputs.front_mut() {
            // Its person has been told that it failed, and may have done something else since.
            let late = input.client != TERMINAL && !input.begun && now.saturating_sub(input.since) > patience;
            if late && !input.bytes.is_empty() {
                input.refusal = Some(too_late());
            } else if !input.bytes.is_empty() {
                match program.write(&input.bytes) {
                    0 => {
                        self.input.notify_one();
                        return;
                    }
                    taken => {
                        let _ = input.bytes.split_to(taken);
                        input.begun = true;
                        continue;
                    }
                }
            }
            inner.settle_front();
        }
    }
}

impl Input {
    fn new(
        from: Option<(inbox::Key, u64)>,
        client: ClientId,
        bytes: Bytes,
        counted: usize,
        refusal: Option<Failure>,
    ) -> Self {
        Self { from, client, bytes, since: clock::unix_ms(), begun: false, counted, refusal }
    }
}

fn too_late() -> Failure {
    let message = "the program has not read its input for too long";
    failure(ErrorKind::Limited, message, "do it again if it is still wanted")
}

fn has_ended() -> Failure {
    failure(ErrorKind::Ended, "the session has ended", "start a new one")
}

impl Inner {
    /// Why a command that is not settled comes too late, where the session has ended: of a decision, what became of that.
    fn judge_over(&self, key: &inbox::Key, n: u64, act: Option<&Act>) -> Option<Failure> {
        if self.run == RunState::Running || n <= self.inbox.settled(key) {
            return None;
        }
        let Some(Act::Decide { approval, .. }) = act else { return Some(has_ended()) };
        let over = self.approvals.get(approval).map(|(approval, _)| &approval.state);
        let over = over.filter(|state| **state != ApprovalState::Pending);
        Some(over.map_or_else(has_ended, too_late_to_decide))
    }

    /// Why a command is refused, if it is; and what is to be logged where it changes when the session ends by itself.
    fn judge(
        &mut self,
        id: ClientId,
        act: Option<&Act>,
        allowed: bool,
        payload: &[u8],
    ) -> (Option<Failure>, Option<Event>) {
        let why = match act {
            Some(Act::Refused { why }) => Some(why.clone()),
            _ if !allowed => {
                Some(failure(ErrorKind::Forbidden, "this device may not do that", "ask an owner of the host"))
            }
            Some(Act::Ttl(ttl)) => match self.ending.handle_ttl(*ttl, clock::unix_ms()) {
                Ok(news) => return (None, news),
                Err(why) => Some(why),
            },
            Some(Act::Decide { approval, digest, decision }) => {
                self.decide(id, approval, digest, decision).err()
            }
            Some(Act::Revoke { grant }) => self.revoke(id, grant).err(),
            Some(Act::Prompt { files }) => {
                self.judge_prompt(payload, files).and_then(|()| self.judge_talk(id, payload)).err()
            }
            Some(Act::Interrupt) => self.judge_interrupt(id).err(),
            Some(Act::Upload { file, from, last }) => {
                self.uploads.handle_piece(file, *from, *last, payload).err()
            }
            Some(Act::Input) if self.structured => {
                Some(failure(ErrorKind::Invalid, "this session has no terminal", "send a prompt instead"))
            }
            Some(Act::Configure { .. }) if !self.structured => {
                Some(failure(ErrorKind::Invalid, "this agent has a terminal", "change it there"))
            }
            _ => None,
        };
        (why, None)
    }

    /// The size that the terminal gets by this.
    fn sized(&mut self, id: ClientId, act: &Act, typed: bool) -> Option<Size> {
        match *act {
            Act::Input | Act::Prompt { .. } if typed => self.sizing.handle_typed(&id),
            Act::Input
            | Act::Interrupt
            | Act::Stop
            | Act::Ttl(_)
            | Act::Decide { .. }
            | Act::Revoke { .. }
            | Act::Prompt { .. }
            | Act::Upload { .. }
            | Act::Configure { .. }
            | Act::Refused { .. } => None,
            Act::Resize { size } => {
                let attached = self.clients.get(&id).is_some_and(|client| client.replay.is_some());
                if attached { self.sizing.handle_screen(id, size) } else { None }
            }
            Act::TakeSize => self.sizing.handle_take(&id),
            Act::GiveSize => self.sizing.handle_give(&id),
        }
    }

    /// A prompt that names its files.
    fn with_files(&self, text: &[u8], files: &[String]) -> String {
        let mut text = String::from_utf8_lossy(text).into_owned();
        for file in files {
            text.push('\n');
            text.push_str(&self.uploads.path(file).to_string_lossy());
        }
        text
    }

    /// Puts a command behind those that wait.
    fn take_in(&mut self, client: ClientId, key: inbox::Key, n: u64, bytes: Bytes, refusal: Option<Failure>) {
        let counted = bytes.len() + OVERHEAD;
        self.inputs_bytes += counted;
        if let Some(client) = self.clients.get_mut(&client) {
            client.waiting_input += counted;
        }
        self.inputs.push_back(Input::new(Some((key, n)), client, bytes, counted, refusal));
    }

    /// Puts a Ctrl-C that the program had no room for before all that waits. It is a command of its own, or the key alone
    /// where the command waits for its turn to be settled. The latter are bounded with the terminal's answers.
    fn take_in_first(&mut self, client: ClientId, from: Option<(inbox::Key, u64)>) {
        let counted = CTRL_C.len() + OVERHEAD;
        if from.is_some() {
            self.inputs_bytes += counted;
            if let Some(client) = self.clients.get_mut(&client) {
                client.waiting_input += counted;
            }
        } else if self.replies_bytes + counted > MAX_REPLIES {
            tracing::debug!("the program is interrupted and does not read it");
            return;
        } else {
            self.replies_bytes += counted;
        }
        let bytes = Bytes::from_static(CTRL_C);
        self.inputs.push_front(Input::new(from, client, bytes, counted, None));
    }

    /// The program has ended: whoever waits for it to take something is told.
    pub(crate) fn refuse_inputs(&mut self) {
        while let Some(input) = self.inputs.pop_front() {
            if let Some((key, n)) = self.counted_out(&input) {
                let why = input.refusal.unwrap_or_else(has_ended);
                self.tell(&key, input.client, ToClient::Refused { session: self.about.id.clone(), n, why });
            }
        }
    }

    /// Takes the first input out and answers whoever holds its stream now.
    fn settle_front(&mut self) {
        let Some(input) = self.inputs.pop_front() else { return };
        let Some((key, n)) = self.counted_out(&input) else { return };
        let session = self.about.id.clone();
        let message = if let Some(why) = input.refusal {
            self.inbox.handle_refused(&key, n, why.clone());
            ToClient::Refused { session, n, why }
        } else {
            self.inbox.handle_settled(&key, n);
            ToClient::Applied { session, n }
        };
        self.tell(&key, input.client, message);
    }

    /// What waits no longer is not counted any more. Returns whose it was, if it was a client's.
    fn counted_out(&mut self, input: &Input) -> Option<(inbox::Key, u64)> {
        let Some(from) = input.from.clone() else {
            self.replies_bytes -= input.counted;
            return None;
        };
        self.inputs_bytes -= input.counted;
        if let Some(client) = self.clients.get_mut(&input.client) {
            client.waiting_input -= input.counted;
            client.room.notify_one();
        }
        Some(from)
    }

    /// Tells whoever holds a stream now what became of a command that `sender` brought.
    fn tell(&mut self, key: &inbox::Key, sender: ClientId, message: ToClient) {
        // The connection that attached last is the one that is still there. One that is about to attach is told then, with
        // what was refused first; one that never does is told where it asked.
        let of_stream = |client: &&mut Client| client.key == *key && client.replay.is_some();
        if let Some(client) = self.clients.values_mut().rev().find(of_stream) {
            client.answer(message);
        } else if let Some(client) = self.clients.get_mut(&sender) {
            client.answer(message);
        }
    }
}
