//! `longrein agents`: which agents there are on this machine, and what works with each.

use crate::args::Json;
use crate::problem::{Doing as _, Outcome};
use crate::visible::visible_line;
use agent::known::{KNOWN, Known, Terminal};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// How long a program may take to say its version.
const PATIENCE: Duration = Duration::from_secs(10);
/// Characters of a version.
const MAX_VERSION: usize = 60;

#[derive(Serialize)]
struct Listed {
    name: &'static str,
    /// Where its program is; none where it is not installed.
    path: Option<PathBuf>,
    version: Option<String>,
    terminal: &'static str,
    chat: bool,
}

/// Lists them.
pub async fn run(args: &Json) -> Outcome {
    let mut listed = Vec::new();
    for known in KNOWN {
        listed.push(look(known).await);
    }
    if args.json {
        say!("{}", serde_json::to_string_pretty(&listed).doing("write JSON")?);
        return Ok(ExitCode::SUCCESS);
    }
    for Listed { name, path, version, terminal, chat } in &listed {
        let there = match (path, version) {
            (None, _) => "not installed".to_owned(),
            (Some(_), Some(version)) => version.clone(),
            (Some(path), None) => {
                format!("{} does not say its version", visible_line(&path.to_string_lossy()))
            }
        };
        let chat = if *chat { "chat" } else { "no chat" };
        say!("{name:10} {there}");
        if path.is_none() {
            continue;
        }
        say!("{:10} in a terminal: {terminal}; alone: {chat}", "");
    }
    Ok(ExitCode::SUCCESS)
}

async fn look(known: &Known) -> Listed {
    let path = find(known.program);
    let version = match &path {
        Some(path) => version(path).await,
        None => None,
    };
    let terminal = match known.terminal_of(version.as_deref().unwrap_or_default()) {
        Terminal::Whole => "approvals, chat, status",
        Terminal::Gated => "approvals, status",
        Terminal::Status => "status where it says so",
        Terminal::Alone => "the terminal alone, since this version is not known",
    };
    Listed { name: known.name, path, version, terminal, chat: known.chat }
}

fn find(program: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

async fn version(path: &Path) -> Option<String> {
    let asked = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, asked).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| !line.trim().is_empty())?;
    Some(visible_line(line.trim()).chars().take(MAX_VERSION).collect())
}
