//! How Gemini is started so that it can be heard: system settings for this run alone, which name our hooks.

use crate::adapter::GATE_TIMEOUT;
use crate::family::Launch;
use crate::npm;
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Milliseconds that Gemini waits for the hook that goes before a dialog: longer than any approval waits.
const LONG: u32 = GATE_TIMEOUT * 1000;
/// And for the others, which are answered at once.
const SHORT: u32 = 60 * 1000;
/// The events that are heard.
const EVENTS: [(&str, u32); 7] = [
    ("SessionStart", SHORT),
    ("BeforeAgent", SHORT),
    ("BeforeTool", SHORT),
    ("Notification", LONG),
    ("AfterTool", SHORT),
    ("AfterAgent", SHORT),
    ("SessionEnd", SHORT),
];
/// Where Gemini is told to look for the system's settings, and for its defaults.
const SETTINGS: &str = "GEMINI_CLI_SYSTEM_SETTINGS_PATH";
const DEFAULTS: &str = "GEMINI_CLI_SYSTEM_DEFAULTS_PATH";
/// First arguments, and options, with which it does something else than to talk to a person.
const OTHERS: [&str; 8] = ["mcp", "extensions", "extension", "skills", "skill", "hooks", "hook", "gemma"];
const OTHER_OPTIONS: [&str; 13] = [
    "-p",
    "--prompt",
    "-l",
    "--list-extensions",
    "--list-sessions",
    "--delete-session",
    "--acp",
    "--experimental-acp",
    "-h",
    "--help",
    "-v",
    "--version",
    "-o",
];

/// Whether these arguments have it talk to a person in a terminal.
pub(super) fn is_conversation(given: &[String]) -> bool {
    let other = |word: &String| {
        let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
        OTHER_OPTIONS.contains(&name)
    };
    !given.first().is_some_and(|first| OTHERS.contains(&first.as_str()))
        && !given.iter().take_while(|word| *word != "--").any(other)
}

/// Whether they name a conversation that it is to go on with.
pub(super) fn resumes(given: &[String]) -> bool {
    let name = |word: &String| word.split_once('=').map_or(word.as_str(), |(name, _)| name).to_owned();
    given
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| matches!(name(word).as_str(), "-r" | "--resume" | "--session-id"))
}

fn set<'a>(env: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = env.iter().rev().find(|(set, _)| set == name);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// Writes the settings, with whatever the system's own say, and gives what is to be added to the environment.
pub(super) fn write(launch: &Launch<'_>) -> Result<Vec<(String, String)>, String> {
    let place = if cfg!(target_os = "macos") {
        "/Library/Application Support/GeminiCli/settings.json"
    } else {
        "/etc/gemini-cli/settings.json"
    };
    let system = launch.cwd.join(set(launch.env, SETTINGS).unwrap_or(place));
    let theirs = match std::fs::read_to_string(&system) {
        Ok(text) => serde_json::from_str(&text)
            .map_err(|error| format!("{} is no JSON that can be read: {error}", system.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Map::new(),
        Err(error) => return Err(format!("{} cannot be read: {error}", system.display())),
    };
    let ours = with_hooks(theirs, launch.hook)?;
    let file = launch.folder.join("gemini-settings.json");
    // What is set may hold keys.
    let open = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file);
    open.and_then(|mut file| file.write_all(ours.to_string().as_bytes()))
        .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    let mut env = vec![(SETTINGS.to_owned(), file.to_string_lossy().into_owned())];
    if set(launch.env, DEFAULTS).is_none() {
        // Gemini looks for them beside the settings.
        let defaults = system.with_file_name("system-defaults.json");
        env.push((DEFAULTS.to_owned(), defaults.to_string_lossy().into_owned()));
    }
    Ok(env)
}

/// These settings with our hooks behind theirs, and with titles that say what Gemini does.
fn with_hooks(mut settings: Map<String, Value>, hook: &[String]) -> Result<Value, String> {
    let strange = || "the system's settings are of no known form".to_owned();
    let command: Vec<_> = hook.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
    let command = command.join(" ");
    let hooks = settings.entry("hooks").or_insert_with(|| json!({}));
    for (event, timeout) in EVENTS {
        let ours = json!({"hooks": [{
            "name": "longrein", "type": "command", "command": command, "timeout": timeout,
        }]});
        let list = hooks.as_object_mut().map(|hooks| hooks.entry(event).or_insert_with(|| json!([])));
        list.and_then(Value::as_array_mut).ok_or_else(strange)?.push(ours);
    }
    let ui = settings.entry("ui").or_insert_with(|| json!({})).as_object_mut().ok_or_else(strange)?;
    ui.insert("dynamicWindowTitle".into(), true.into());
    ui.insert("hideWindowTitle".into(), false.into());
    Ok(Value::Object(settings))
}

/// The version of the Gemini that this program is, where it is one that npm installed.
pub(super) fn version(program: &str, cwd: &Path, env: &[(String, String)]) -> Option<String> {
    npm::version(program, cwd, env, |name| name == "@google/gemini-cli")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn written(env: &[(String, String)], folder: &Path) -> Result<(Value, Vec<(String, String)>), String> {
        let hook = ["/opt/it's/longrein".to_owned(), "hook".to_owned()];
        let command = words("gemini");
        let added = write(&Launch { command: &command, agent: None, cwd: folder, env, hook: &hook, folder })?;
        let settings = std::fs::read(&added[0].1).unwrap();
        Ok((serde_json::from_slice(&settings).unwrap(), added))
    }

    #[test]
    fn our_hooks_are_run_behind_those_of_the_system_whose_settings_stay() {
        let folder = tempfile::tempdir().unwrap();
        let theirs = folder.path().join("theirs.json");
        let text = r#"{"tools":{"exclude":["x"]},"hooks":{"BeforeTool":[{"hooks":[]}]},"ui":{"theme":"t"}}"#;
        std::fs::write(&theirs, text).unwrap();
        let env = vec![(SETTINGS.to_owned(), theirs.to_string_lossy().into_owned())];
        let (settings, added) = written(&env, folder.path()).unwrap();
        assert_eq!(settings["tools"]["exclude"][0], "x");
        assert_eq!(
            (&settings["ui"]["theme"], &settings["ui"]["dynamicWindowTitle"]),
            (&json!("t"), &json!(true))
        );
        let before = &settings["hooks"]["BeforeTool"];
        assert_eq!(before[1]["hooks"][0]["command"], r"'/opt/it'\''s/longrein' 'hook'");
        let gate = settings["hooks"]["Notification"][0]["hooks"][0]["timeout"].as_u64().unwrap();
        assert!(gate > 24 * 60 * 60 * 1000 && gate < 1 << 31, "a longer one is none at all");
        assert_eq!(added[1].1, folder.path().join("system-defaults.json").to_string_lossy());
        for strange in ["{", "[]", r#"{"hooks":[]}"#, r#"{"hooks":{"BeforeTool":{}}}"#, r#"{"ui":1}"#] {
            std::fs::write(&theirs, strange).unwrap();
            assert!(written(&env, folder.path()).is_err(), "{strange}");
        }
    }

    #[test]
    fn what_is_no_conversation_is_left_alone() {
        for arguments in ["mcp list", "--version", "-p hi", "hi --prompt=x", "--list-sessions", "--acp"] {
            assert!(!is_conversation(&words(arguments)), "{arguments}");
        }
        for arguments in ["", "hi", "-m x", "-i hi", "-r latest", "-- -p"] {
            assert!(is_conversation(&words(arguments)), "{arguments}");
        }
    }

    #[test]
    fn a_version_is_known_from_what_npm_installed() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("lib/gemini-cli");
        std::fs::create_dir_all(package.join("bundle")).unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        let file = package.join("bundle/gemini.js");
        std::fs::write(&file, "").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(file, folder.path().join("bin/gemini")).unwrap();
        let env = [("PATH".to_owned(), folder.path().join("bin").to_string_lossy().into_owned())];
        let version = |program: &str| version(program, folder.path(), &env);
        assert_eq!(version("gemini"), None);
        let say = |text| std::fs::write(package.join("package.json"), text).unwrap();
        say(r#"{"name":"@google/gemini-cli","version":"0.61.0"}"#);
        assert_eq!(version("gemini").as_deref(), Some("0.61.0"));
        assert_eq!(version("bin/gemini").as_deref(), Some("0.61.0"), "seen from where it is started");
        say(r#"{"name":"other","version":"0.61.0"}"#);
        assert_eq!(version("gemini"), None);
    }
}
