//! Codex in its own terminal, with its hooks as the gate.
//!
//! Codex runs the `PermissionRequest` hook before its own dialog, and shows that only where the hook says nothing. So the
//! hook waits for whoever decides, and the terminal says so meanwhile; Esc there stops the turn and the hook with it.
//! Where the hook cannot be run, Codex asks in its terminal as ever.
//!
//! The hooks are given on the command line, with the hashes by which Codex trusts them. It has an option to trust all
//! hooks instead, and that is not used: a folder could bring some of its own.

use super::{NAME, patch};
use crate::adapter::{Adapter, GATE_TIMEOUT, Input, Output, Said};
use crate::jsonrpc::{str_at, text_at};
use crate::out::{Out, Place, Verdict, about_tool, scope, verdict};
use crate::text;
use serde_json::{Value, json};
use session::message::{Chat, Doing, Outcome, Setup, Tool, ToolKind};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Seconds that Codex waits for a hook that asks nobody. The hashes of these were measured.
const TIMEOUT: u32 = 90_000;
/// What Codex shows in its terminal while a hook waits.
const STATUS: &str = "asked on your devices, Esc to stop";
/// Calls without a result that are remembered.
const MAX_OPEN: usize = 64;
/// Codex' own name of each hook that is used, what it is called in hashes, and whether it is about a tool.
const EVENTS: [(&str, &str, bool); 6] = [
    ("SessionStart", "session_start", false),
    ("UserPromptSubmit", "user_prompt_submit", false),
    ("PreToolUse", "pre_tool_use", true),
    ("PermissionRequest", "permission_request", true),
    ("PostToolUse", "post_tool_use", true),
    ("Stop", "stop", false),
];
/// The arguments with the hooks. `hook` is the program and arguments to be run.
pub fn arguments(given: &[String], hook: &[String]) -> Vec<String> {
    let command = hook.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let mut arguments = Vec::new();
    let mut trusted = Vec::new();
    for (event, label, about_tool) in EVENTS {
        let mut handler = json!({ "type": "command", "command": command, "timeout": TIMEOUT });
        if event == "PermissionRequest" {
            handler["statusMessage"] = STATUS.into();
            handler["timeout"] = GATE_TIMEOUT.into();
        }
        let mut group = json!({ "hooks": [handler] });
        if about_tool {
            group["matcher"] = "*".into();
        }
        arguments.extend(["-c".to_owned(), format!("hooks.{event}={}", toml(&json!([group])))]);
        // What the hash is of: this, with its members in order. (`serde_json` sorts them.)
        group["hooks"][0]["async"] = false.into();
        group["event_name"] = label.into();
        let hash = Sha256::digest(group.to_string()).iter().fold(String::new(), |mut hash, byte| {
            let _ = write!(hash, "{byte:02x}");
            hash
        });
        let key = format!("/<session-flags>/config.toml:{label}:0:0");
        trusted.push((key, json!({ "trusted_hash": format!("sha256:{hash}") })));
    }
    arguments.extend(["-c".to_owned(), format!("hooks.state={}", toml(&trusted.into_iter().collect()))]);
    arguments.extend_from_slice(given);
    arguments
}

/// A value as TOML on one line.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(toml).collect::<Vec<_>>().join(",")),
        Value::Object(members) => {
            // A quoted key is a basic string, which is what a JSON string is.
            let member =
                |(name, value): (&String, &Value)| format!("{}={}", Value::from(name.as_str()), toml(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        }
        // In TOML, DEL has to be escaped too.
        other => other.to_string().replace('\u{7f}', "\\u007F"),
    }
}

/// A word for the shell that runs hooks.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What waits for a person.
#[derive(Debug)]
struct Waiting {
    hook: u64,
    /// The call that it is about, where that is known.
    call: Option<String>,
}

/// A call that has no result yet.
#[derive(Debug)]
struct Open {
    call: String,
    name: String,
    command: String,
    denied: bool,
}

/// The adapter.
#[derive(Debug)]
pub struct Hooks {
    out: Out,
    place: Place,
    setup: Setup,
    waiting: BTreeMap<u64, Waiting>,
    open: Vec<Open>,
}

impl Hooks {
    /// Where it works, and what is to be said about why Codex has hooks.
    pub fn new(place: Place, why: Option<String>) -> Self {
        let mut out = Out::new(NAME, false);
        if let Some(why) = why {
            out.note(why);
        }
        Self { out, place, setup: Setup::default(), waiting: BTreeMap::new(), open: Vec::new() }
    }

    fn hook(&mut self, id: u64, input: &[u8]) {
        let input: Value = serde_json::from_slice(input).unwrap_or_default();
        match str_at(&input, "hook_event_name") {
            // It alone waits for an answer.
            "PermissionRequest" => return self.permission(id, &input),
            "SessionStart" => {
                self.setup.conversation = text_at(&input, "session_id");
                self.setup.model = text_at(&input, "model");
                self.out.chat(Chat::Setup(self.setup.clone()));
            }
            "UserPromptSubmit" => {
                self.close(Outcome::Interrupted);
                let text = str_at(&input, "prompt").to_owned();
                self.out.chat(Chat::User { text, by: None, files: Vec::new(), prompt: None });
                self.out.state().doing = Doing::Working;
            }
            "PreToolUse" => self.call(&input),
            "PostToolUse" => self.result(&input),
            "Stop" => {
                self.close(Outcome::Done);
                if let Some(text) = text_at(&input, "last_assistant_message") {
                    self.out.chat(Chat::Agent { item: None, text, within: None });
                }
                self.out.chat(Chat::Turn {
                    outcome: Outcome::Done,
                    error: None,
                    cost: None,
                    total: None,
                    tokens: None,
                    took: None,
                });
                self.out.state().doing = Doing::Idle;
            }
            _ => {}
        }
        self.out.answer(id, String::new());
    }

    fn call(&mut self, input: &Value) {
        let tool = tool(input);
        let call = str_at(input, "tool_use_id").to_owned();
        let command = str_at(&input["tool_input"], "command").to_owned();
        self.open.retain(|open| open.call != call);
        self.open.push(Open { call: call.clone(), name: tool.name.clone(), command, denied: false });
        if self.open.len() > MAX_OPEN {
            self.open.remove(0);
        }
        self.out.chat(Chat::Call { call, tool: Box::new(tool), within: None });
    }

    fn result(&mut self, input: &Value) {
        let call = str_at(input, "tool_use_id");
        self.open.retain(|open| open.call != call);
        let said = match &input["tool_response"] {
            Value::String(said) => said.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let (said, left_out) = text::cut(&said, crate::out::MAX_RESULT);
        self.over(call.to_owned(), Outcome::Done, said, left_out);
    }

    /// These calls have ended, and nobody said how.
    fn close(&mut self, otherwise: Outcome) {
        for open in std::mem::take(&mut self.open) {
            let outcome = if open.denied { Outcome::Denied } else { otherwise };
            self.over(open.call, outcome, String::new(), 0);
        }
    }

    fn over(&mut self, call: String, outcome: Outcome, text: String, left_out: u64) {
        let (changes, images) = (Vec::new(), Vec::new());
        self.out.chat(Chat::Result { call, outcome, text, left_out, changes, images });
    }

    fn permission(&mut self, id: u64, input: &Value) {
        let tool = tool(input);
        let command = str_at(&input["tool_input"], "command");
        // It does not say which call it is about.
        let open = self.open.iter().rev().find(|open| open.name == tool.name && open.command == command);
        let call = open.map(|open| open.call.clone());
        let what = match (&tool.command, tool.paths.as_slice()) {
            (Some(command), _) => format!("run: {}", text::line(command, 200)),
            (None, []) => format!("use {}", tool.name),
            (None, paths) => format!("change {}", text::line(&paths.join(", "), 200)),
        };
        let cwd = str_at(input, "cwd");
        let mut request = about_tool(NAME, format!("Codex wants to {what}"), tool, cwd, &self.place, &[]);
        // It does not say in which folder a command runs, and the same command somewhere else is another one.
        request.scope = scope(&request).filter(|_| command.is_empty());
        let key = self.out.ask(request);
        self.waiting.insert(key, Waiting { hook: id, call });
    }

    fn decided(&mut self, key: u64, verdict: &Verdict<'_>) {
        self.out.decided(key);
        let Some(waiting) = self.waiting.remove(&key) else { return };
        let decision = match verdict {
            Verdict::Yes { .. } => json!({ "behavior": "allow" }),
            Verdict::No { reason } => {
                if let Some(open) =
                    self.open.iter_mut().find(|open| waiting.call.as_ref() == Some(&open.call))
                {
                    open.denied = true;
                }
                let message = reason.unwrap_or("Nobody allowed it.");
                json!({ "behavior": "deny", "message": message })
            }
        };
        let said =
            json!({ "hookSpecificOutput": { "hookEventName": "PermissionRequest", "decision": decision } });
        self.out.answer(waiting.hook, said.to_string());
    }

    /// Nobody waits for this hook's answer.
    fn gone(&mut self, hook: u64) {
        let key = self.waiting.iter().find(|(_, waiting)| waiting.hook == hook).map(|(key, _)| *key);
        if let Some(key) = key {
            self.waiting.remove(&key);
            self.out.withdraw(key);
        }
    }
}

impl Adapter for Hooks {
    fn handle(&mut self, input: Input<'_>, _now: u64) {
        match input {
            Input::Hook { id, input } => self.hook(id, input),
            Input::HookGone { id } => self.gone(id),
            Input::Decided { key, state } => self.decided(key, &verdict(state)),
            Input::Unasked { key, why } => self.decided(key, &Verdict::No { reason: Some(why) }),
            Input::Said(Said::Status { doing, message, .. }) => {
                let state = self.out.state();
                state.doing = *doing;
                let needs_you = *doing == Doing::NeedsYou;
                state.wants = if needs_you { text::line(message, 200) } else { String::new() };
            }
            Input::Ended { .. } => {
                let hooks: Vec<_> = self.waiting.values().map(|waiting| waiting.hook).collect();
                for hook in hooks {
                    self.gone(hook);
                }
                self.close(Outcome::Interrupted);
            }
            // It has a terminal, and is written to there.
            Input::Started
            | Input::Line(_)
            | Input::Overlong(_)
            | Input::Tailed(_)
            | Input::Looked(_)
            | Input::Said(_)
            | Input::Typed
            | Input::Cut
            | Input::Prompt { .. }
            | Input::Interrupt
            | Input::Configure { .. } => {}
        }
    }

    fn takes_hooks(&self) -> bool {
        true
    }

    fn poll(&mut self) -> Option<Output> {
        self.out.poll()
    }
}

/// A file's whole path: patches name files as they are called from the folder.
fn whole(cwd: &str, path: &str) -> String {
    Path::new(cwd).join(path).to_string_lossy().into_owned()
}

/// The tool that a hook is about.
fn tool(input: &Value) -> Tool {
    let name = str_at(input, "tool_name").to_owned();
    let cwd = str_at(input, "cwd");
    let input = input["tool_input"].clone();
    let title = str_at(&input, "description").to_owned();
    let command = text_at(&input, "command");
    match name.as_str() {
        "apply_patch" => {
            let mut patch = command.as_deref().and_then(patch::read).unwrap_or_default();
            let changed = patch.changes.iter_mut().map(|change| &mut change.path);
            changed.chain(&mut patch.paths).for_each(|path| *path = whole(cwd, path));
            Tool {
                name,
                kind: ToolKind::Edit,
                title,
                paths: patch.paths,
                changes: patch.changes,
                input,
                command: None,
            }
        }
        "Bash" => Tool { name, kind: ToolKind::Run, title, command, input, ..Tool::default() },
        _ => Tool { name, title, input, ..Tool::default() },
    }
}
