//! Where a path leads, and what it is the name of. By its letters alone: links cannot be seen from here.

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Into the project folder.
    Inside,
    /// Where temporary files of everybody are.
    Temporary,
    /// A device, and so no file.
    Device,
    /// Somewhere to and from which nothing of worth is written.
    Nowhere,
    /// Anywhere else.
    Outside,
}

/// Where a path leads that is said in the folder `cwd`. What has no beginning is inside.
pub(super) fn of(path: &str, cwd: &str, home: &str) -> Place {
    let whole = match path.strip_prefix('~') {
        Some(rest) if (rest.is_empty() || rest.starts_with('/')) && !home.is_empty() => {
            format!("{home}{rest}")
        }
        Some(_) => return Place::Outside,
        None if path.starts_with('/') => path.to_owned(),
        None => format!("{cwd}/{path}"),
    };
    let Some(whole) = parts(&whole) else { return Place::Outside };
    let is_below = |folder: &str| parts(folder).is_some_and(|folder| whole.starts_with(&folder));
    match whole.as_slice() {
        ["dev", "null" | "zero" | "tty" | "stdin" | "stdout" | "stderr" | "full"] | ["dev", "fd", ..] => {
            Place::Nowhere
        }
        _ if (!cwd.is_empty() || !path.starts_with('/')) && is_below(cwd) => Place::Inside,
        ["tmp", ..] | ["dev", "shm", ..] | ["var" | "private", "tmp", ..] => Place::Temporary,
        ["dev", ..] => Place::Device,
        _ => Place::Outside,
    }
}

/// The names on the way; none where it leads above its beginning.
fn parts(path: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts)
}

/// Files that say what an agent may do.
pub(super) fn is_gate(path: &str) -> bool {
    let agent = |part: &str| {
        matches!(
            part,
            ".claude"
                | ".codex"
                | ".gemini"
                | ".opencode"
                | ".qwen"
                | ".copilot"
                | ".agents"
                | ".longrein"
                | ".claude.json"
        )
    };
    let file = path.rsplit('/').next().unwrap_or_default();
    // What it may know and say is not what it may do.
    let words = file.rsplit_once('.').is_some_and(|(_, kind)| kind.eq_ignore_ascii_case("md"));
    let settings = path.contains(".config/opencode/") || path.contains(".config/goose/");
    ((path.split('/').any(agent) || settings) && !words)
        || matches!(file, ".mcp.json" | "opencode.json" | "opencode.jsonc")
}

/// Files that tools obey without being told to.
pub(super) fn is_obeyed(path: &str) -> bool {
    let hidden = |part: &str| part.starts_with('.') && !matches!(part, "." | "..");
    path.split('/')
        .any(|part| hidden(part) || part.starts_with("Jenkinsfile") || part.contains("azure-pipelines"))
}

/// Names of what holds keys, passwords or tokens.
const SECRETS: &[&str] = &[
    ".env",
    ".envrc",
    ".ssh",
    ".aws",
    ".azure",
    ".gnupg",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    ".kube",
    ".docker",
    ".git-credentials",
    ".htpasswd",
    ".bash_history",
    ".zsh_history",
    ".password-store",
    ".vault-token",
    ".credentials",
    ".config/gh",
    ".config/gcloud",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "keychain",
    "keychains",
    "kubeconfig",
    "credentials.json",
    "/run/secrets",
    "secrets.json",
    "secrets.yaml",
    "secrets.yml",
    "secrets.toml",
    "/etc/shadow",
    "/proc/self/environ",
    "authorized_keys",
    "private_key",
    "private.key",
    "auth.json",
];

/// Ends of what only shows how such a file looks.
const EXAMPLES: &[&str] = &[".example", ".sample", ".template", ".dist"];

/// Ends of what holds keys.
const SECRET_KINDS: &[&str] = &[".pem", ".p12", ".pfx", ".keystore", ".jks", ".kdbx", ".ppk"];

/// Ends of the names of variables that hold secrets.
const VARIABLES: &[&str] = &[
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "API_KEY",
    "APIKEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "SECRET_KEY",
    "CREDENTIALS",
];

/// The first name in a text that stands for keys, passwords or tokens.
pub(super) fn secret(text: &str) -> Option<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let bounded = |name: &str, whole: bool| {
        text.match_indices(name).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + name.len()..].chars().next();
            let begins =
                name.starts_with('/') || before.is_none_or(|c| !is_word(c) && !matches!(c, ')' | ']'));
            let is_example = EXAMPLES.iter().any(|end| text[at + name.len()..].starts_with(end));
            (begins || !whole) && after.is_none_or(|c| !is_word(c)) && !is_example
        })
    };
    let names = SECRETS.iter().find(|name| bounded(name, true));
    let kinds = || SECRET_KINDS.iter().find(|kind| bounded(kind, false));
    let variable = || {
        let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        words.into_iter().find(|word| VARIABLES.iter().any(|end| word.ends_with(end)))
    };
    names.or_else(kinds).copied().or_else(variable)
}

/// A character that is not seen, or that changes the order in which others are; `text` where emoji may be.
pub(super) fn is_invisible(c: char, text: bool) -> bool {
    let order =
        matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let control = c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    let tag = matches!(c, '\u{e0000}'..='\u{e0fff}');
    let unseen = matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}'..='\u{200d}'
            | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2064}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
    );
    order || control || tag || (unseen && !text)
}
