//! A program without a terminal, that speaks on its standard input and output.

use crate::pty::{SpawnError, SpawnSpec, find};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// How to start it, with all three streams as pipes, and in a process group of its own. Everything in it that can be
/// checked is: what is left is whether the system starts it.
pub fn piped(spec: &SpawnSpec) -> Result<Command, SpawnError> {
    let program = spec.command.first().filter(|program| !program.is_empty()).ok_or(SpawnError::Empty)?;
    if !spec.cwd.is_dir() {
        return Err(SpawnError::NoFolder(spec.cwd.clone()));
    }
    let path = find(program, &spec.cwd, &spec.env)?;
    let mut command = Command::new(path);
    command
        .arg0(program)
        .args(&spec.command[1..])
        .env_clear()
        .envs(spec.env.iter().map(|(name, value)| (name, value)));
    command.current_dir(&spec.cwd).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}
