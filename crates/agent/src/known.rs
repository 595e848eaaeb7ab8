//! The agents that Longrein knows, for lists.

/// An agent that is known.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// Its program.
    pub program: &'static str,
    /// What there is of it where it runs in its own terminal.
    pub terminal: Terminal,
    /// It can be talked to without a terminal.
    pub chat: bool,
}

/// What there is of an agent that runs in its own terminal, beside the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// What it wants to do waits for a person on any device, and what it says is in the chat as well.
    Whole,
    /// What it wants to do waits for a person on any device.
    Gated,
    /// Whether it needs a person, where it says so.
    Status,
}

/// All of them.
pub const KNOWN: &[Known] = &[
    Known { name: "claude", program: "claude", terminal: Terminal::Whole, chat: true },
    Known { name: "codex", program: "codex", terminal: Terminal::Whole, chat: true },
    Known { name: "opencode", program: "opencode", terminal: Terminal::Whole, chat: true },
    Known { name: "gemini", program: "gemini", terminal: Terminal::Whole, chat: true },
    Known { name: "goose", program: "goose", terminal: Terminal::Status, chat: true },
    Known { name: "copilot", program: "copilot", terminal: Terminal::Status, chat: true },
    Known { name: "qwen", program: "qwen", terminal: Terminal::Status, chat: true },
];
