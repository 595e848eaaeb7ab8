//! Who is spoken to, and why what somebody says is refused.

use crate::session::{ClientId, Inner, failure};
use crate::side::MAX_PROMPTS;
use agent::text::plain;
use session::message::{AgentState, Doing, ErrorKind, Failure};

/// Who is spoken to beside a terminal: prompts are told to them, and not typed by the keeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// Nobody.
    Nobody,
    /// A program that is shared with the terminal, in which a key interrupts as well.
    Shared,
    /// The terminal's own program, which a key might end.
    Itself,
    /// The adapter, which types them into the terminal when that takes them.
    Adapter,
}

impl Inner {
    /// Whether the agent asks something.
    fn waits_for_answer(&self) -> bool {
        let asks = |agent: &AgentState| agent.doing == Doing::NeedsYou && !agent.name.is_empty();
        self.asked.waits() || self.agent.as_ref().is_some_and(asks)
    }

    /// Prompts are told to the agent, and not typed into its terminal.
    pub(crate) fn is_told(&self) -> bool {
        self.structured || self.beside != Beside::Nobody
    }

    /// An interrupt is told to the agent, and no key.
    pub(crate) fn is_told_to_stop(&self) -> bool {
        let doing = self.agent.as_ref().map(|agent| agent.doing);
        let busy = matches!(doing, Some(Doing::Working | Doing::NeedsYou));
        let told = match self.beside {
            Beside::Itself | Beside::Adapter => true,
            Beside::Shared => busy,
            Beside::Nobody => false,
        };
        self.structured || told
    }

    /// Why its agent is neither told anything nor typed to, if that is so: it is to be spoken to beside its terminal and cannot
    /// be now, so that nobody here knows what its terminal asks.
    pub(crate) fn judge_unspoken(&self) -> Result<(), Failure> {
        if self.is_told() {
            return Ok(());
        }
        let hint = match self.meant {
            Beside::Nobody | Beside::Adapter => return Ok(()),
            Beside::Shared => "type it in the terminal, or try again in a moment",
            // It may never be up, and then this stays so.
            Beside::Itself => {
                "type it in the terminal; here, try again in a moment, unless its chat says that it is not used"
            }
        };
        Err(failure(ErrorKind::Environment, "the agent cannot be spoken to just now", hint))
    }

    /// Whether this is somebody who may talk to agents, and not type.
    fn talks_only(&self, id: ClientId) -> bool {
        self.clients.get(&id).is_none_or(|client| client.peer.talks_only)
    }

    /// Why an interrupt is refused, if it is: its key might end a program that is to be spoken to and cannot be now, and in a
    /// shell it ends whatever a person runs there.
    pub(crate) fn judge_interrupt(&self, id: ClientId) -> Result<(), Failure> {
        if self.talks_only(id) && !self.is_told() && !self.gated {
            let message =
                "no agent that asks runs in the session, and its program would take this for Ctrl-C";
            return Err(failure(ErrorKind::Invalid, message, "a token with the scope input may type that"));
        }
        if self.meant != Beside::Itself || self.is_told() {
            return Ok(());
        }
        let message = "the agent cannot be spoken to just now, and Ctrl-C might end it";
        Err(failure(ErrorKind::Environment, message, "press Esc in the terminal, or try again in a moment"))
    }

    /// Why a prompt of somebody who may not type is refused, if it is: typed at a shell it would be a command, and so would
    /// it be at an agent whose terminal takes some texts for its own shell.
    pub(crate) fn judge_talk(&self, id: ClientId, text: &[u8]) -> Result<(), Failure> {
        if !self.talks_only(id) || self.is_told() && self.beside != Beside::Adapter {
            return Ok(());
        }
        // What says in its terminal that it is an agent is not known to be one, nor to be there still.
        if !self.gated {
            let message = "no agent that asks runs in the session, and its program would take this for what a person types";
            return Err(failure(ErrorKind::Invalid, message, "a token with the scope input may type it"));
        }
        let text = String::from_utf8_lossy(text);
        // Whatever a composer passes over, or takes for the mark itself.
        let passed_over = |c: char| {
            c.is_whitespace()
                || c.is_control()
                || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
        };
        if text.trim_start_matches(passed_over).starts_with(['!', '\u{ff01}']) {
            let message =
                "an agent's terminal takes what begins with `!` for a command to run, and asks nobody";
            return Err(failure(ErrorKind::Forbidden, message, "a token with the scope input may type it"));
        }
        Ok(())
    }

    /// Why a prompt is refused, if it is.
    pub(crate) fn judge_prompt(&self, text: &[u8], files: &[String]) -> Result<(), Failure> {
        let invalid = |message: &str| Err(failure(ErrorKind::Invalid, message, ""));
        let Ok(text) = std::str::from_utf8(text) else { return invalid("a prompt is text") };
        if plain(text).trim().is_empty() && files.is_empty() {
            return invalid("a prompt says something");
        }
        if let Some(missing) = files.iter().find(|file| !self.uploads.has(file)) {
            let message = format!("there is no uploaded file {missing}");
            return Err(failure(ErrorKind::NotFound, message, "upload it first"));
        }
        // What is typed into a dialog may be its answer.
        self.judge_unspoken()?;
        let told = self.is_told();
        if !told && self.waits_for_answer() {
            let message = "the agent waits for an answer to what it asks, and would take this for one";
            return Err(failure(ErrorKind::Invalid, message, "answer that first"));
        }
        if told && self.queued >= MAX_PROMPTS {
            let message = format!("{MAX_PROMPTS} prompts wait for the agent already");
            return Err(failure(ErrorKind::Limited, message, "wait until it has taken one, or interrupt it"));
        }
        Ok(())
    }
}
