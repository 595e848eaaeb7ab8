//! How Codex in its own terminal is started so that its app server is ours as well: the server beside it, and its terminal
//! interface as one client of that.

use std::path::{Path, PathBuf};

/// Options of Codex that have a value of their own, so that it is not taken for a command.
const VALUED: [&str; 20] = [
    "-c",
    "--config",
    "--enable",
    "--disable",
    "--remote",
    "--remote-auth-token-env",
    "-i",
    "--image",
    "-m",
    "--model",
    "--local-provider",
    "-p",
    "--profile",
    "-s",
    "--sandbox",
    "-a",
    "--ask-for-approval",
    "-C",
    "--cd",
    "--add-dir",
];
/// Its commands that show no terminal interface of a conversation: they run by themselves, or are about Codex.
const OTHERS: [&str; 29] = [
    "agents",
    "exec",
    "e",
    "review",
    "login",
    "logout",
    "mcp",
    "mcp-server",
    "plugin",
    "app-server",
    "app",
    "remote-control",
    "completion",
    "update",
    "doctor",
    "sandbox",
    "debug",
    "apply",
    "a",
    "queue",
    "archive",
    "delete",
    "migrate-rollouts",
    "migrate-nfs-db",
    "unarchive",
    "cloud",
    "exec-server",
    "features",
    "help",
];

/// Options of both: what the server reads of the configuration, the terminal interface does not tell it.
const BOTH: [&str; 4] = ["-c", "--config", "--enable", "--disable"];
/// Options that have no effect, or are refused, where the app server is another process.
const ALONE: [&str; 7] =
    ["-p", "--profile", "--add-dir", "--worktree", "--no-daemon", "--oss", "--local-provider"];
/// Room in a socket's address, on any system.
const MAX_SOCKET: usize = 103;
/// Runs the app server until standard input ends or the server does, and leaves nothing of it. It comes up only where the
/// terminal interface can be told of it. It is meant to lead a process group of its own, and has its standard output open
/// until the server has ended.
const GUARD: &str = r#"trap : TERM
"$1" --help </dev/null 2>/dev/null | grep -q -e --remote || exit 1
(trap : TERM; "$@" </dev/null >/dev/null 2>&1; kill -s KILL 0) &
cat >/dev/null
kill -s TERM 0
sleep 2
kill -s KILL 0"#;

/// What a person's arguments to Codex mean for us.
#[derive(Debug, PartialEq)]
pub(super) enum Given {
    /// They show no terminal interface, or one of an app server that is somewhere else.
    Other,
    /// Codex has to run alone, because of this option.
    Alone(String),
    /// Its app server can be ours as well, and has to be given these options.
    Shared(Vec<String>),
}

/// Reads the arguments.
pub(super) fn read(given: &[String]) -> Given {
    let mut rest = given.iter().map(String::as_str);
    let (mut alone, mut server, mut begun) = (None, Vec::new(), false);
    while let Some(argument) = rest.next() {
        let (name, value) = parts(argument);
        match name {
            "-h" | "--help" | "-V" | "--version" | "--remote" => return Given::Other,
            "--" => break,
            _ if ALONE.contains(&name) => alone = Some(name.to_owned()),
            "--strict-config" => server.push(argument.to_owned()),
            _ => {}
        }
        if VALUED.contains(&name) {
            let value = value.or_else(|| rest.next()).unwrap_or_default();
            if BOTH.contains(&name) {
                server.extend([name.to_owned(), value.to_owned()]);
            }
        } else if !name.starts_with('-') && !begun {
            if OTHERS.contains(&name) {
                return Given::Other;
            }
            // Its command, or what is said to it first. Options may still follow.
            begun = true;
        }
    }
    alone.map_or(Given::Shared(server), Given::Alone)
}

/// An option's name and the value that is written with it.
fn parts(argument: &str) -> (&str, Option<&str>) {
    let short = argument.starts_with('-') && !argument.starts_with("--");
    match argument.split_at_checked(2) {
        Some((name, value)) if short && !value.is_empty() && VALUED.contains(&name) => {
            (name, Some(value.strip_prefix('=').unwrap_or(value)))
        }
        _ => match argument.split_once('=') {
            Some((name, value)) if argument.starts_with("--") => (name, Some(value)),
            _ => (argument, None),
        },
    }
}

/// The server, and the arguments of the terminal interface; `None` where the session's folder is too deep for a socket.
pub(super) fn start(
    program: &str,
    given: &[String],
    server: Vec<String>,
    folder: &Path,
) -> Option<(Vec<String>, Vec<String>, PathBuf)> {
    let socket = folder.join("codex.sock");
    let path = socket.to_str().filter(|path| path.len() <= MAX_SOCKET)?;
    let address = format!("unix://{path}");
    let own = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let mut beside = own(&["sh", "-c", GUARD, "sh", program, "app-server"]);
    beside.extend(server);
    beside.extend(own(&["--listen", &address]));
    let mut terminal = own(&[program, "--remote", &address]);
    terminal.extend_from_slice(given);
    Some((beside, terminal, socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_server_is_shared_where_there_is_a_terminal_interface_and_nothing_that_only_codex_alone_can_do() {
        for (given, server) in [
            ("", ""),
            ("hello", ""),
            ("-m gpt -s read-only --yolo fork", ""),
            ("-c model=x hello --enable y", "-c model=x --enable y"),
            ("-cmodel=x --config=z=1 --strict-config", "-c model=x --config z=1 --strict-config"),
            ("resume --last -c a=b", "-c a=b"),
            ("-- exec", ""),
            ("-- -p x", ""),
            ("say exec", ""),
            ("-m exec", ""),
        ] {
            assert_eq!(read(&words(given)), Given::Shared(words(server)), "{given}");
        }
        for (given, option) in [
            ("-p work", "-p"),
            ("-pwork", "-p"),
            ("--profile=work hello", "--profile"),
            ("resume --last --add-dir /x", "--add-dir"),
            ("--worktree", "--worktree"),
            ("--oss", "--oss"),
        ] {
            assert_eq!(read(&words(given)), Given::Alone(option.to_owned()), "{given}");
        }
        for other in [
            "exec hi",
            "-m x e hi",
            "--add-dir /x exec hi",
            "login",
            "mcp list",
            "--help",
            "hi --version",
            "app-server",
            "--remote ws://x",
            "resume --remote=x",
        ] {
            assert_eq!(read(&words(other)), Given::Other, "{other}");
        }
    }

    #[test]
    fn a_folder_that_is_too_deep_has_no_socket() {
        let start = |folder: &str| start("codex", &words("hi"), words("-c a=b"), Path::new(folder));
        let (beside, terminal, socket) = start("/run/s").unwrap();
        assert!(beside.ends_with(&words("codex app-server -c a=b --listen unix:///run/s/codex.sock")));
        assert_eq!(terminal, words("codex --remote unix:///run/s/codex.sock hi"));
        assert_eq!(socket, Path::new("/run/s/codex.sock"));
        assert_eq!(start(&"/deep".repeat(20)), None);
    }
}
