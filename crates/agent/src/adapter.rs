//! What every agent family's file does: it hears what an agent says, in whichever way that agent says it, and turns it
//! into the session's events; and it tells the agent what a person decides.
//!
//! An adapter is a pure machine: the keeper gives it what it heard ([`Adapter::handle`]) and then does what it asks for
//! ([`Adapter::poll`]) until it asks for nothing. It never fails: what it does not understand becomes
//! [`Chat::Unknown`], and an agent that speaks quite differently a [`Chat::Note`].

use crate::Cursor;
use session::approval::EXPIRES_WITHIN;
use session::message::{AgentState, ApprovalState, Chat, Doing, Request};
use std::path::PathBuf;
use std::time::Duration;

/// Bytes of one line, or of one hook's input, that an adapter is given at most.
pub const MAX_LINE: usize = 16 * 1024 * 1024;
/// Bytes of a [`Chat`] as JSON; the keeper logs no more, and an adapter cuts what a tool said ([`crate::text::cut`]).
pub const MAX_CHAT: usize = 1024 * 1024;
/// Seconds that an agent is told to wait for a hook that asks a person: longer than any approval waits, since where a hook
/// does not answer in time, an agent goes on as if there were none.
pub const GATE_TIMEOUT: u32 = EXPIRES_WITHIN.1 + 24 * 60 * 60;

/// Something that an adapter heard.
#[derive(Debug)]
pub enum Input<'a> {
    /// The program was started: the first input of a structured session. Where something runs beside it
    /// ([`crate::family::Beside`]), that can be spoken to, each time that it can.
    Started,
    /// A line of what a structured agent writes, without its end, or a message of what runs beside a program.
    Line(&'a [u8]),
    /// A line longer than [`MAX_LINE`] was thrown away; it had so many bytes.
    Overlong(u64),
    /// What runs beside the program cannot be spoken to any more, until it is started again for the adapter.
    Cut,
    /// A hook of the agent was called with this; `id` names it until it was answered or is gone. Given only where the adapter
    /// [`Adapter::takes_hooks`].
    Hook {
        /// Names it.
        id: u64,
        /// What the agent told it; not checked.
        input: &'a [u8],
    },
    /// The hook's process is gone before it was answered: nobody waits for what it asked.
    HookGone {
        /// Which.
        id: u64,
    },
    /// A line of the file that [`Output::Tail`] named, without its end.
    Tailed(&'a [u8]),
    /// What the program says of itself through its terminal (OSC 7501, titles, bells).
    Said(&'a Said),
    /// What is in its terminal now, as [`Output::Look`] asked.
    Looked(&'a Looked),
    /// Somebody typed into the terminal while the agent needed a person.
    Typed,
    /// A person says something to the agent. Given only while the adapter [`Adapter::takes_prompt`]. It is in the log as
    /// waiting until there is a [`Chat::User`] with its `id`, or an [`Output::Untaken`].
    Prompt {
        /// Which, as [`Chat::User`] has it.
        id: &'a str,
        /// What.
        text: &'a str,
        /// Whole paths of files that come with it.
        files: &'a [PathBuf],
        /// The device it came from.
        by: &'a str,
    },
    /// Stop what you are doing.
    Interrupt,
    /// Use this mode or model from now on.
    Configure {
        /// One of its modes.
        mode: Option<&'a str>,
        /// One of its models.
        model: Option<&'a str>,
    },
    /// What was asked with this key is over.
    Decided {
        /// As in [`Output::Ask`].
        key: u64,
        /// What became of it.
        state: &'a ApprovalState,
    },
    /// What was to be asked with this key could not be, and so is denied.
    Unasked {
        /// As in [`Output::Ask`].
        key: u64,
        /// Why, as the agent is told; no person has said this.
        why: &'a str,
    },
    /// The program has ended.
    Ended {
        /// Its exit status.
        exit: i32,
    },
}

/// What a program says of itself through its terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Its status, by OSC 7501.
    Status {
        /// What it is doing; `Unknown` where it takes back what it said.
        doing: Doing,
        /// What it calls itself.
        app: String,
        /// What it says about it: at most 1,000 characters of plain text.
        message: String,
    },
    /// A new title.
    Title(String),
    /// BEL.
    Bell,
    /// It notifies its person (OSC 9, OSC 99, OSC 777): at most 1,000 characters of plain text.
    Notice(String),
}

/// What is in a program's terminal.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// Where its cursor is.
    pub cursor: Cursor,
    /// All its lines, without the blanks at their ends.
    pub screen: Vec<String>,
    /// Somebody has typed there just now.
    pub typing: bool,
}

/// Something to be done for an adapter.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Write this to the agent's standard input, or to what runs beside it; where it has neither, as if it were typed in its
    /// terminal.
    Send(Vec<u8>),
    /// Look at its terminal, so long from now, and say what is there with [`Input::Looked`]. Takes the place of a look that
    /// has not been taken yet.
    Look(Duration),
    /// Log this, and show it.
    Chat(Chat),
    /// This prompt will not be a [`Chat::User`], or it is not known whether it will: it waits no more, and why was said.
    Untaken {
        /// Its `id`.
        prompt: String,
    },
    /// Show this as what it is saying just now.
    Partial {
        /// As in [`Chat::Agent`].
        item: String,
        /// Text that follows what came before.
        text: String,
        /// It is thought.
        thinking: bool,
    },
    /// Ask a person.
    Ask {
        /// Names it.
        key: u64,
        /// What is asked.
        request: Box<Request>,
    },
    /// Nobody waits for the answer any more.
    Withdraw {
        /// Which.
        key: u64,
    },
    /// Answer a hook.
    Answer {
        /// Which.
        id: u64,
        /// What it tells the agent; where it is empty, nothing.
        output: String,
    },
    /// Give me the lines of this file, those that are there and those that come. Takes the place of any before it.
    Tail(PathBuf),
    /// How the agent looks in lists from now on. The keeper fills in `chat` and `queued`.
    State(Box<AgentState>),
}

/// One agent's side of a session.
pub trait Adapter {
    /// Hears something. `now` is in Unix milliseconds.
    fn handle(&mut self, input: Input<'_>, now: u64);

    /// The next thing to be done, until there is none.
    fn poll(&mut self) -> Option<Output>;

    /// Whether it would pass a prompt on now. Where the keeper types prompts into a terminal, this is not asked.
    fn takes_prompt(&self) -> bool {
        false
    }

    /// Whether it answers hooks. Where it does not, whatever a hook asks is denied at once.
    fn takes_hooks(&self) -> bool {
        false
    }

    /// Whether it types prompts into its terminal itself, at its time: then it is given them as [`Input::Prompt`].
    fn types_prompts(&self) -> bool {
        false
    }

    /// How a prompt is typed into its terminal and sent off otherwise, where that is not pasted whole. The text has no control characters but line ends and tabs.
    fn typed(&mut self, _text: &str) -> Option<String> {
        None
    }

    /// Where the program answers over HTTP beside its terminal, if it does. Then [`Input::Started`] says that it can be
    /// spoken to, each time that it can, and [`Input::Cut`] that it cannot; lines are those of [`crate::served`].
    fn serves(&self) -> Option<crate::served::Place> {
        None
    }
}
