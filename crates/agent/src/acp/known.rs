//! The agents that are known to speak the protocol, and how each is made to ask before it does something.

use session::message::Setup;

/// Modes in which agents do things without asking, by what they call them.
const CARELESS: [&str; 13] = [
    "acceptEdits",
    "agent",
    "agent-full-access",
    "auto",
    "auto-edit",
    "autoEdit",
    "auto_edit",
    "bypassPermissions",
    "dontAsk",
    "full-access",
    "smart_approve",
    "yolo",
    "bypass",
];
/// Modes in which they ask, the one to be taken first.
const CAREFUL: [&str; 5] = ["default", "manual", "approve", "workspace-write", "read-only"];

/// The program and arguments of an agent; none of `acp`, which is whatever the person gives.
pub(super) fn program(name: &str) -> Option<Vec<String>> {
    let program: &[&str] = match name {
        "acp" => &[],
        "copilot" => &["copilot", "--acp"],
        "gemini" => &["gemini", "--acp"],
        "goose" => &["goose", "acp"],
        "opencode" => &["opencode", "acp"],
        "qwen" => &["qwen", "--acp"],
        _ => return None,
    };
    Some(program.iter().map(|&word| word.to_owned()).collect())
}

/// What is added to its environment. `given` is what it has.
pub(crate) fn environment(name: &str, given: &[(String, String)]) -> Vec<(String, String)> {
    let added = match name {
        // Its modes say nothing of asking, and by itself it asks for next to nothing.
        "opencode" => ("OPENCODE_PERMISSION", r#"{"bash":"ask","edit":"ask","webfetch":"ask"}"#),
        _ => return Vec::new(),
    };
    let has = given.iter().any(|(name, _)| name == added.0);
    if has { Vec::new() } else { vec![(added.0.to_owned(), added.1.to_owned())] }
}

/// Whether it is in a mode in which it does things without asking.
pub(super) fn careless(setup: &Setup) -> bool {
    setup.mode.as_deref().is_some_and(|mode| CARELESS.contains(&mode))
}

/// The mode that it is to be put into so that it asks; `None` where it has none that is known.
pub(super) fn careful_mode(setup: &Setup) -> Option<String> {
    let offered = |id: &&&str| setup.modes.iter().any(|mode| mode.id == **id);
    CAREFUL.iter().find(offered).map(|&id| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opencode_is_told_to_ask_unless_somebody_has_told_it_what_to_do() {
        let added = environment("opencode", &[]);
        assert!(added[0].0 == "OPENCODE_PERMISSION" && added[0].1.contains(r#""bash":"ask","edit":"ask""#));
        assert_eq!(environment("opencode", &added), []);
        assert_eq!(environment("gemini", &[]), []);
    }
}
