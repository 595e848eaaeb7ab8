//! The environment that a program in a session starts with.

/// Variables that speak of the terminal (or the agent) around us, not of the one the program gets. A name that ends in
/// `*` stands for everything that begins with it.
///
/// Why each is here: programs pick escape sequences, colours, integrations and even refuse to start by these, and
/// what they would pick is right for the outer terminal only.
const LEFTOVERS: &[&str] = &[
    // Another session's own variables; the keeper sets its own anew.
    "LONGREIN_*",
    // Claude Code marks its children and then declines to run inside itself.
    "CLAUDECODE*",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SSE_PORT",
    "CLAUDE_CODE_SESSION_ID",
    // Which terminal program: drives notifications, images, keyboard protocols.
    "TERM_PROGRAM*",
    "TERM_SESSION_ID",
    "LC_TERMINAL*",
    "ALACRITTY_*",
    "GHOSTTY_*",
    "GNOME_TERMINAL_*",
    "ITERM_*",
    "KITTY_*",
    "KONSOLE_*",
    "TERMINATOR_UUID",
    "TILIX_ID",
    "VSCODE_*",
    "VTE_VERSION",
    "WEZTERM_*",
    "WT_PROFILE_ID",
    "WT_SESSION",
    "XTERM_*",
    "INSIDE_EMACS",
    // Multiplexers: with these set, tmux refuses to nest and programs wrap their sequences for it.
    "TMUX*",
    "STY",
    "WINDOW",
    "ZELLIJ*",
    // The outer window and its size and colours; curses trusts COLUMNS and LINES over the terminal.
    "COLUMNS",
    "LINES",
    "COLORFGBG",
    "WINDOWID",
    // The outer terminal device.
    "SSH_TTY",
    "GPG_TTY",
];

/// `env` without what speaks of another terminal, and with `TERM` and `COLORTERM` of the one that a session has.
pub fn clean_env(env: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    let ours = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];
    env.into_iter()
        .filter(|(name, _)| !is_leftover(name) && ours.iter().all(|(our, _)| our != name))
        .chain(ours.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
        .collect()
}

fn is_leftover(name: &str) -> bool {
    LEFTOVERS.iter().any(|left| match left.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *left,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        clean_env(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn the_outer_terminal_and_agent_leave_no_trace() {
        let env = cleaned(&[
            ("PATH", "/bin"),
            ("TERM", "xterm-kitty"),
            ("TERM_PROGRAM", "ghostty"),
            ("TERM_PROGRAM_VERSION", "1"),
            ("CLAUDECODE", "1"),
            ("LONGREIN_SESSION", "x"),
            ("TMUX", "/tmp/tmux-0/default,1,0"),
            ("TMUX_PANE", "%0"),
            ("COLUMNS", "80"),
            ("COLORTERM", "no"),
        ]);
        let expected = [("PATH", "/bin"), ("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];
        assert_eq!(env, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn what_a_person_configured_stays() {
        let mine = [
            ("CLAUDE_CODE_USE_BEDROCK", "1"),
            ("NO_COLOR", "1"),
            ("LINES_OF_CODE", "7"),
            ("LANG", "C.UTF-8"),
        ];
        let env = cleaned(&mine);
        assert!(mine.iter().all(|(n, v)| env.contains(&((*n).to_owned(), (*v).to_owned()))));
    }
}
