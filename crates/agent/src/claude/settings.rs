//! How Claude is started so that it can be heard and gated: its arguments, and the settings that name our hooks.

use crate::adapter::GATE_TIMEOUT;
use serde_json::{Map, Value, json};
use session::message::{ErrorKind, Failure};
use std::path::Path;

/// Seconds that Claude waits for the hooks that ask nobody, which are answered at once.
const TIMEOUT: u32 = 60;
/// The events that are heard. Those of tools with the tools that are meant.
const EVENTS: &[(&str, &str)] = &[
    ("PermissionRequest", "*"),
    // What it asks then may not say the plan.
    ("PreToolUse", "ExitPlanMode"),
    ("PostToolUse", "*"),
    ("PostToolUseFailure", "*"),
    ("UserPromptSubmit", ""),
    ("SessionStart", ""),
    ("SessionEnd", ""),
    ("Stop", ""),
    ("StopFailure", ""),
    ("Notification", ""),
];
/// First arguments with which Claude does something else than talk to a person in this terminal.
const OTHERS: &[&str] = &[
    "-h",
    "--help",
    "-v",
    "--version",
    "agents",
    "attach",
    "auth",
    "auto-mode",
    "config",
    "doctor",
    "gateway",
    "import",
    "install",
    "kill",
    "logs",
    "mcp",
    "migrate-installer",
    "plugin",
    "plugins",
    "purge",
    "rc",
    "remote-control",
    "respawn",
    "rm",
    "setup-token",
    "stop",
    "ultrareview",
    "update",
    "upgrade",
];
/// Options with which it does, wherever they stand.
const OTHER_OPTIONS: &[&str] = &["-p", "--print", "--bg", "--background", "--cloud", "--desktop"];
/// Options that say how much it asks.
const MODES: &[&str] = &["--permission-mode", "--dangerously-skip-permissions", "--restricted"];
/// Options that a session without a terminal sets itself.
const OURS: &[&str] = &[
    "--input-format",
    "--output-format",
    "--permission-prompt-tool",
    "--permission-prompts",
    "--replay-user-messages",
    "--bg",
    "--background",
];

/// Whether one of these options is among the arguments, alone or with `=`.
fn has(arguments: &[String], options: &[&str]) -> bool {
    arguments.iter().take_while(|word| *word != "--").any(|word| {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        options.contains(&name)
    })
}

/// Whether these arguments have it talk to a person in a terminal.
pub(super) fn is_conversation(arguments: &[String]) -> bool {
    !arguments.first().is_some_and(|first| OTHERS.contains(&first.as_str())) && !has(arguments, OTHER_OPTIONS)
}

/// Whether it goes on with an older conversation.
pub(super) fn resumes(arguments: &[String]) -> bool {
    has(arguments, &["-r", "--resume", "-c", "--continue", "--from-pr", "--teleport"])
}

/// The arguments without those that choose a conversation, where another one is gone on with.
fn without_conversation(arguments: &[String]) -> Vec<String> {
    let mut rest = Vec::new();
    let mut words = arguments.iter().peekable();
    while let Some(word) = words.next() {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        match name {
            "-r" | "--resume" | "--session-id" | "--from-pr" if name == word => {
                words.next_if(|value| !value.starts_with('-'));
            }
            "-c" | "--continue" | "--fork-session" | "-r" | "--resume" | "--session-id" | "--from-pr" => {}
            "--" => {
                rest.push(word.clone());
                rest.extend(words.by_ref().cloned());
            }
            _ => rest.push(word.clone()),
        }
    }
    rest
}

/// The arguments that go on with this conversation, where there is one, and otherwise these.
fn going_on(arguments: &[String], conversation: Option<&str>) -> Vec<String> {
    let Some(conversation) = conversation else { return arguments.to_vec() };
    let mut all = vec!["--resume".to_owned(), conversation.to_owned()];
    all.extend(without_conversation(arguments));
    all
}

/// The arguments with which it speaks the control protocol.
pub(super) fn structured(arguments: &[String], resume: Option<&str>) -> Result<Vec<String>, Failure> {
    if has(arguments, OURS) || arguments.iter().any(|word| word == "--") {
        let message = format!("a session without a terminal sets {} itself", OURS.join(", "));
        return Err(failure(message, "leave these options, and `--`, out"));
    }
    let fixed = "-p --input-format stream-json --output-format stream-json --verbose --permission-prompt-tool stdio \
                 --include-partial-messages";
    let mut all: Vec<String> = fixed.split_whitespace().map(str::to_owned).collect();
    if !has(arguments, MODES) {
        all.extend(["--permission-mode".to_owned(), "default".to_owned()]);
    }
    all.extend(going_on(arguments, resume));
    Ok(all)
}

/// The arguments with which it runs in a terminal with our hooks, which are written to a file in `folder`. What the person
/// set with `--settings` is in that file, too.
pub(super) fn terminal(
    arguments: &[String],
    resume: Option<&str>,
    hook: &[String],
    cwd: &Path,
    folder: &Path,
) -> Result<Vec<String>, Failure> {
    let (theirs, rest) = take_settings(&going_on(arguments, resume))?;
    let theirs = theirs.map(|given| read(&given, cwd)).transpose()?.unwrap_or_default();
    let settings = with_hooks(theirs, hook)?;
    let file = folder.join("claude-settings.json");
    write(&file, &settings.to_string()).map_err(|error| Failure {
        kind: ErrorKind::Environment,
        message: format!("{} cannot be written: {error}", file.display()),
        hint: String::new(),
    })?;
    let mut all = vec!["--settings".to_owned(), file.to_string_lossy().into_owned()];
    if !has(arguments, MODES) {
        all.extend(["--permission-mode".to_owned(), "manual".to_owned()]);
    }
    all.extend(rest);
    Ok(all)
}

/// What was given with the last `--settings`, which is the one that Claude takes, and the arguments without any.
fn take_settings(arguments: &[String]) -> Result<(Option<String>, Vec<String>), Failure> {
    let (mut settings, mut rest) = (None, Vec::new());
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            rest.push(word.clone());
            rest.extend(words.by_ref().cloned());
        } else if let Some(value) = word.strip_prefix("--settings=") {
            settings = Some(value.to_owned());
        } else if word == "--settings" {
            let value = words.next().ok_or_else(|| failure("--settings has no value", ""))?;
            settings = Some(value.clone());
        } else {
            rest.push(word.clone());
        }
    }
    Ok((settings, rest))
}

/// Settings as Claude takes them: JSON, or the name of a file of it. What cannot be read is not passed over: with it, our
/// hooks would be.
fn read(given: &str, cwd: &Path) -> Result<Map<String, Value>, Failure> {
    let given = given.trim();
    let text = if given.starts_with('{') {
        given.to_owned()
    } else {
        std::fs::read_to_string(cwd.join(given))
            .map_err(|error| failure(format!("the settings {given} cannot be read: {error}"), ""))?
    };
    let error = |error| failure(format!("what is given with --settings is no JSON object: {error}"), "");
    serde_json::from_str(&text).map_err(error)
}

/// These settings with our hooks behind theirs.
fn with_hooks(mut settings: Map<String, Value>, hook: &[String]) -> Result<Value, Failure> {
    let command = hook.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let hooks = settings.entry("hooks").or_insert_with(|| json!({}));
    for (event, tools) in EVENTS {
        let timeout = if *event == "PermissionRequest" { GATE_TIMEOUT } else { TIMEOUT };
        let mut ours = json!({"hooks": [{"type": "command", "command": command, "timeout": timeout}]});
        if !tools.is_empty() {
            ours["matcher"] = (*tools).into();
        }
        let list = hooks.as_object_mut().map(|hooks| hooks.entry(*event).or_insert_with(|| json!([])));
        match list {
            Some(Value::Array(list)) => list.push(ours),
            _ => return Err(failure("the hooks that are given with --settings are of no known form", "")),
        }
    }
    Ok(Value::Object(settings))
}

/// One word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    // What is set may hold keys.
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    file.write_all(text.as_bytes())
}

fn failure(message: impl Into<String>, hint: &str) -> Failure {
    Failure { kind: ErrorKind::Invalid, message: message.into(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session::approval::EXPIRES_WITHIN;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn started(arguments: &[String]) -> Result<(Vec<String>, Value), Failure> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("theirs.json"), r#"{"model":"x","hooks":{"Stop":[{"hooks":[]}]}}"#)
            .unwrap();
        let hook = ["/opt/it's/longrein".to_owned(), "hook".to_owned()];
        let all = terminal(arguments, None, &hook, folder.path(), folder.path())?;
        assert_eq!(all[0], "--settings");
        let settings = serde_json::from_slice(&std::fs::read(&all[1]).unwrap()).unwrap();
        Ok((all[2..].to_vec(), settings))
    }

    #[test]
    fn our_hooks_are_run_and_every_risky_call_is_asked() {
        let (rest, settings) = started(&words("--model x")).unwrap();
        assert_eq!(rest, words("--permission-mode manual --model x"));
        let gate = &settings["hooks"]["PermissionRequest"][0];
        assert_eq!(gate["hooks"][0]["command"], r"'/opt/it'\''s/longrein' 'hook'");
        assert!(gate["hooks"][0]["timeout"].as_u64().unwrap() > EXPIRES_WITHIN.1.into());
        assert_eq!(gate["matcher"], "*");
    }

    #[test]
    fn what_the_person_set_stays_set() {
        for mode in ["--permission-mode plan", "--permission-mode=auto", "--dangerously-skip-permissions"] {
            assert_eq!(started(&words(mode)).unwrap().0, words(mode));
        }
        for given in
            ["--settings theirs.json", "--settings=theirs.json", "--settings {} --settings theirs.json"]
        {
            let (rest, settings) = started(&words(&format!("{given} hello -- --settings"))).unwrap();
            assert_eq!(rest, words("--permission-mode manual hello -- --settings"), "{given}");
            assert_eq!(settings["model"], "x");
            assert_eq!(settings["hooks"]["Stop"].as_array().unwrap().len(), 2);
        }
        assert_eq!(
            started(&[String::from("--settings"), r#" {"model":"y"}"#.into()]).unwrap().1["model"],
            "y"
        );
    }

    #[test]
    fn settings_that_cannot_be_read_start_nothing_without_a_gate() {
        for given in ["none.json", "{", "[]", r#"{"hooks":[]}"#, r#"{"hooks":{"Stop":{}}}"#] {
            let failure = started(&[String::from("--settings"), given.into()]).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Invalid, "{given}");
        }
        assert!(started(&words("--settings")).is_err());
    }

    #[test]
    fn of_two_conversations_the_one_that_is_gone_on_with_counts() {
        for other in
            ["-c", "--resume old", "-r --model x", "--resume=old", "--session-id old --fork-session", "-r"]
        {
            let all = structured(&words(other), Some("new")).unwrap().join(" ");
            assert!(all.contains("--resume new") && !all.contains("old"), "{all}");
            assert_eq!(all.contains("--model x"), other.contains("--model x"), "{all}");
            assert_eq!(all.matches("-r").count(), all.matches("-resume").count(), "{all}");
        }
        assert!(structured(&words("--resume old"), None).unwrap().ends_with(&words("--resume old")));
    }

    #[test]
    fn what_is_no_conversation_is_left_alone() {
        for arguments in ["mcp list", "--version", "-p hi", "hi --print", "update", "--bg x"] {
            assert!(!is_conversation(&words(arguments)), "{arguments}");
        }
        for arguments in ["", "hi", "--model x", "fix mcp", "-c", "-- -p"] {
            assert!(is_conversation(&words(arguments)), "{arguments}");
        }
    }

    #[test]
    fn a_session_without_a_terminal_cannot_lose_its_gate() {
        let all = structured(&words("--model x"), Some("abc")).unwrap().join(" ");
        assert!(
            all.contains("--permission-prompt-tool stdio") && all.contains("--permission-mode default"),
            "{all}"
        );
        assert!(all.ends_with("--resume abc --model x"), "{all}");
        for arguments in
            ["--permission-prompt-tool x", "--permission-prompts=none", "--output-format json", "-- x"]
        {
            assert!(structured(&words(arguments), None).is_err(), "{arguments}");
        }
        assert!(!structured(&words("--permission-mode plan"), None).unwrap().join(" ").contains("default"));
    }
}
