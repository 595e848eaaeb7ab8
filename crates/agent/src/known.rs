//! The agents that Longrein knows, for lists.

use crate::{gemini, opencode};

/// An agent that is known.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// Its program.
    pub program: &'static str,
    /// What there is of it where it runs in its own terminal.
    pub terminal: Terminal,
    /// Whether that is so for a version, where it is not so for all.
    versions: Option<fn(&str) -> bool>,
    /// It can be talked to without a terminal.
    pub chat: bool,
}

impl Known {
    /// What there is of this version in its own terminal; it may stand within other words.
    pub fn terminal_of(&self, version: &str) -> Terminal {
        let known = self.versions.is_none_or(|is_known| {
            version.split_whitespace().any(|word| is_known(word.trim_start_matches('v')))
        });
        if known { self.terminal } else { Terminal::Alone }
    }
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
    /// Nothing: it is of a version that is not known.
    Alone,
}

/// All of them.
pub const KNOWN: &[Known] = &[
    Known { name: "claude", program: "claude", terminal: Terminal::Whole, versions: None, chat: true },
    Known { name: "codex", program: "codex", terminal: Terminal::Whole, versions: None, chat: true },
    Known {
        name: "opencode",
        program: "opencode",
        terminal: Terminal::Whole,
        versions: Some(opencode::version::is_known),
        chat: true,
    },
    Known {
        name: "gemini",
        program: "gemini",
        terminal: Terminal::Whole,
        versions: Some(gemini::hooks::knows),
        chat: true,
    },
    Known { name: "goose", program: "goose", terminal: Terminal::Status, versions: None, chat: true },
    Known { name: "copilot", program: "copilot", terminal: Terminal::Status, versions: None, chat: true },
    Known { name: "qwen", program: "qwen", terminal: Terminal::Status, versions: None, chat: true },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_not_known_has_its_terminal_alone() {
        let terminal = |name: &str, version: &str| {
            KNOWN.iter().find(|known| known.name == name).map(|known| known.terminal_of(version))
        };
        for (name, version, expected) in [
            ("gemini", "0.61.0", Terminal::Whole),
            ("gemini", "gemini v0.61.2 (nightly)", Terminal::Whole),
            ("gemini", "0.6.1", Terminal::Alone),
            ("opencode", "1.18.33", Terminal::Whole),
            ("opencode", "0.1.18.3", Terminal::Alone),
            ("opencode", "", Terminal::Alone),
            ("claude", "2.1.329 (Claude Code)", Terminal::Whole),
            ("goose", "", Terminal::Status),
        ] {
            assert_eq!(terminal(name, version), Some(expected), "{name} {version}");
        }
    }
}
