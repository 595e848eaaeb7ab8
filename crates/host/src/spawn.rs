//! Starting keepers: the same program again, which detaches itself and says on one line whether it stands.

use crate::core::{Core, disk, failure, random};
use crate::keepers;
use serde::{Deserialize, Serialize};
use session::ending;
use session::id::SessionId;
use session::message::{Agent, Create, ErrorKind, Failure, RunState, Size};
use std::fs::OpenOptions;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use store::Paths;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::time::{Instant, timeout_at};

/// From the start of the process to its line.
const READY: Duration = Duration::from_secs(10);
/// Longest line a keeper may answer with, in bytes.
const MAX_LINE: u64 = 16 * 1024;
/// Longest command and folder together, as JSON writes them, in bytes: the request for a session is one message, and has
/// the rest of it for all else.
const MAX_COMMAND: usize = 56 * 1024;
/// Characters of what a keeper said last that are told.
const MAX_SAID: usize = 300;
/// Longest name of a session, in characters.
const MAX_NAME: usize = 64;

/// What a keeper reads on its standard input; `keeper::Spec` is the other end.
#[derive(Serialize)]
struct Spec<'a> {
    session: &'a SessionId,
    name: &'a str,
    command: &'a [String],
    cwd: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<&'a [(String, String)]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<&'a SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a Agent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u32>,
    paths: &'a Paths,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    error: Option<Failure>,
}

/// A session that can be started, as far as that can be known before.
pub(crate) struct Checked {
    command: Vec<String>,
    cwd: String,
    name: String,
    size: Option<Size>,
    env: Option<Vec<(String, String)>>,
    ttl: Option<u32>,
    agent: Option<Agent>,
}

/// Looks at what is to be started.
pub(crate) fn check(create: Create, local: bool) -> Result<Checked, Failure> {
    let Create { command, cwd, name, size, env, ttl, agent, asks: _ } = create;
    let invalid = |message: &str, hint: &str| Err(failure(ErrorKind::Invalid, message, hint));
    let structured = agent.as_ref().is_some_and(|agent| agent.structured);
    if !structured && command.first().is_none_or(String::is_empty) {
        return invalid("no program was named", "name one, such as `bash`");
    }
    let nul = |text: &String| text.contains('\0');
    if command.iter().chain(agent.iter().flat_map(said)).any(nul) || cwd.as_ref().is_some_and(nul) {
        return Err(zero_byte());
    }
    if size.is_some_and(|size| !(1..=1000).contains(&size.cols) || !(1..=1000).contains(&size.rows)) {
        return invalid("a terminal has 1 to 1000 columns and rows", "");
    }
    ttl.map_or(Ok(()), ending::check)?;
    let cwd = match cwd {
        Some(cwd) => cwd,
        None => home()?,
    };
    if serde_json::to_vec(&(&command, &cwd)).is_ok_and(|text| text.len() > MAX_COMMAND) {
        return invalid("the program's words are too long", "put what is long into a file");
    }
    if !Path::new(&cwd).is_absolute() {
        return invalid("the folder must be named from the root on", "start it with `/`");
    }
    if !Path::new(&cwd).is_dir() {
        let message = format!("there is no folder {cwd}");
        return Err(failure(ErrorKind::Invalid, message, "make it first, or name another"));
    }
    let program = agent.as_ref().filter(|_| structured).map(|agent| &agent.name).or(command.first());
    let program = program.map(String::as_str).unwrap_or_default();
    let name = name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| default_name(program, &cwd));
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    // A device may not choose the environment: it would be a way around the choice of program.
    Ok(Checked { command, cwd, name, size, env: env.filter(|_| local), ttl, agent })
}

fn said(agent: &Agent) -> impl Iterator<Item = &String> {
    std::iter::once(&agent.name).chain(&agent.resume)
}

fn zero_byte() -> Failure {
    failure(ErrorKind::Invalid, "a program's words cannot hold a zero byte", "")
}

impl Checked {
    /// With this agent in place of the one that was looked at.
    pub fn set_agent(&mut self, agent: Agent) -> Result<(), Failure> {
        if said(&agent).any(|text| text.contains('\0')) {
            return Err(zero_byte());
        }
        self.agent = Some(agent);
        Ok(())
    }

    /// Fails where the keeper would not find the program; asked before something else is ended for it.
    pub fn find_program(&self) -> Result<(), Failure> {
        // Of an agent without a terminal these are the arguments alone.
        let terminal = self.agent.as_ref().is_none_or(|agent| !agent.structured);
        let Some(program) = self.command.first().filter(|_| terminal) else { return Ok(()) };
        let cwd = Path::new(&self.cwd);
        let is_program = |path: PathBuf| {
            path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        };
        let path = match &self.env {
            Some(env) => env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone()),
            None => std::env::var("PATH").ok(),
        };
        let folders = path.as_deref().unwrap_or("/usr/local/bin:/usr/bin:/bin");
        let found = if program.contains('/') {
            is_program(cwd.join(program))
        } else {
            folders.split(':').any(|folder| is_program(cwd.join(folder).join(program)))
        };
        let missing = || failure(ErrorKind::NotFound, format!("no such program: {program}"), "");
        found.then_some(()).ok_or_else(missing)
    }
}

/// Starts a session, `by` then at the latest; it is on the board when this returns. `continues` is the one that it is
/// started again from.
pub(crate) async fn session(
    core: &Arc<Core>,
    checked: Checked,
    continues: Option<&SessionId>,
    by: Instant,
) -> Result<SessionId, Failure> {
    let Checked { command, cwd, name, size, env, ttl, agent } = checked;
    let id = SessionId::from_random(random()?);
    core.paths.create_session_dir(id.as_str()).map_err(|error| disk(&error))?;
    let spec = Spec {
        session: &id,
        name: &name,
        command: &command,
        cwd: &cwd,
        env: env.as_deref(),
        size,
        ttl,
        continues,
        agent: agent.as_ref(),
        expires_in: core.expires_in,
        paths: &core.paths,
    };
    let spec = serde_json::to_vec(&spec)
        .map_err(|error| failure(ErrorKind::Internal, format!("a session's description: {error}"), ""))?;
    if let Err(why) = start(core, &id, &[], &spec, by.min(Instant::now() + READY)).await {
        if let Err(error) = core.paths.remove_session(id.as_str()) {
            tracing::warn!(session = %id, %error, "could not remove what is left of a failed start");
        }
        return Err(why);
    }
    if let Some(heard) = keepers::follow(core, id.clone()) {
        // The session stands; that its summary takes long is no reason to say otherwise.
        let _ = timeout_at(by, heard).await;
    }
    Ok(id)
}

/// Starts a keeper that only reads, for a session whose program is gone.
pub(crate) async fn reader(core: &Core, id: &SessionId) -> Result<(), Failure> {
    debug_assert!(core.board.summary(id).is_none_or(|summary| summary.run != RunState::Running));
    let spec = serde_json::to_vec(&core.paths)
        .map_err(|error| failure(ErrorKind::Internal, format!("the folders: {error}"), ""))?;
    start(core, id, &["--read", id.as_str()], &spec, Instant::now() + READY).await
}

async fn start(core: &Core, id: &SessionId, args: &[&str], spec: &[u8], by: Instant) -> Result<(), Failure> {
    let environment =
        |what: &str, error: &std::io::Error| failure(ErrorKind::Environment, format!("{what}: {error}"), "");
    let log_path = core.paths.session_dir(id.as_str()).join("keeper.log");
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&log_path);
    let log = log.map_err(|error| environment("the session's folder cannot be written to", &error))?;
    // It makes a session (setsid) of its own as its first act; it must not lead a process group before.
    let mut child = Command::new(&core.program)
        .arg("keeper")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .current_dir("/")
        .kill_on_drop(false)
        .spawn()
        .map_err(|error| environment("the keeper cannot be started", &error))?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failure(ErrorKind::Internal, "the keeper has no standard input or output", ""));
    };
    let mut line = String::new();
    let asked = async {
        stdin.write_all(spec).await?;
        drop(stdin);
        BufReader::new(stdout.take(MAX_LINE)).read_line(&mut line).await
    };
    let asked = timeout_at(by, asked).await;
    if asked.is_err() {
        // Whatever it is doing, nobody will ever know of it.
        let _ = child.start_kill();
    }
    let failed = |what: String| {
        let said = last_line(&log_path).map(|line| format!(": {line}")).unwrap_or_default();
        let hint = "is the disk full, or the machine out of memory?";
        failure(ErrorKind::Environment, format!("{what}{said}"), hint)
    };
    match asked {
        Err(_) => Err(failed("the keeper did not start in time".to_owned())),
        Ok(Err(error)) => Err(failed(format!("the keeper did not start ({error})"))),
        Ok(Ok(_)) => match serde_json::from_str::<Line>(&line) {
            Ok(Line { error: None }) => Ok(()),
            Ok(Line { error: Some(why) }) => Err(why),
            Err(_) => Err(failed("the keeper ended before it was ready".to_owned())),
        },
    }
}

/// What a keeper that failed said last. With its session's folder its log goes, too.
fn last_line(log: &Path) -> Option<String> {
    let text = std::fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(line.chars().filter(|c| !c.is_control()).take(MAX_SAID).collect())
}

fn home() -> Result<String, Failure> {
    let home = std::env::var("HOME").ok().filter(|home| Path::new(home).is_absolute());
    home.ok_or_else(|| failure(ErrorKind::Environment, "no home folder is known", "name a folder"))
}

/// `bash in longrein`.
fn default_name(program: &str, cwd: &str) -> String {
    let last = |path: &str| Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    let program = last(program).unwrap_or_else(|| program.to_owned());
    match last(cwd) {
        Some(folder) => format!("{program} in {folder}"),
        None => program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_program_and_folder() {
        assert_eq!(default_name("/usr/bin/bash", "/home/me/longrein"), "bash in longrein");
        assert_eq!(default_name("claude", "/"), "claude");
    }

    #[test]
    fn what_a_keeper_said_last_is_told_before_its_log_goes() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("keeper.log");
        assert_eq!(last_line(&log), None);
        std::fs::write(&log, "begins\nNo space left\x1b[0m on device\n\n").unwrap();
        assert_eq!(last_line(&log).as_deref(), Some("No space left[0m on device"));
    }
}
