//! Claude Code.
//!
//! In a terminal ([`hooks`]) it is started with settings that name our hooks: what it asks at the desk is asked on every
//! device at the same time, and the first answer wins; what it says is read from its transcript. Without a terminal
//! ([`control`]) it speaks JSON lines both ways.

mod composer;
pub mod control;
pub mod hooks;
mod plan;
mod said;
mod settings;
mod stream;
mod tasks;
mod tool;
mod transcript;
mod turn;

use crate::family::{Launch, Launched};
use control::Control;
use hooks::Hooks;
use session::message::Failure;
use tool::Place;

/// How Claude is started; none where it is told to do something else than to talk to a person.
pub(crate) fn launch(launch: &Launch<'_>) -> Result<Option<Launched>, Failure> {
    let set =
        |name: &str| launch.env.iter().rev().find(|(set, _)| set == name).map(|(_, value)| value.clone());
    let place =
        Place { cwd: launch.cwd.to_string_lossy().into_owned(), home: set("HOME").unwrap_or_default() };
    let resume = launch.agent.and_then(|agent| agent.resume.as_deref());
    if launch.agent.is_some_and(|agent| agent.structured) {
        let mut command = vec!["claude".to_owned()];
        command.extend(settings::structured(launch.command, resume)?);
        let resumed = resume.is_some() || settings::resumes(launch.command);
        let adapter = Box::new(Control::new(place, resumed));
        return Ok(Some(Launched { command, env: Vec::new(), structured: true, adapter, beside: None }));
    }
    let Some((program, arguments)) = launch.command.split_first() else { return Ok(None) };
    if !settings::is_conversation(arguments) {
        return Ok(None);
    }
    let mut command = vec![program.clone()];
    command.extend(settings::terminal(arguments, resume, launch.hook, launch.cwd, launch.folder)?);
    let home = set("CLAUDE_CONFIG_DIR").unwrap_or_else(|| format!("{}/.claude", place.home));
    let adapter = Box::new(Hooks::new(place, &home));
    Ok(Some(Launched { command, env: Vec::new(), structured: false, adapter, beside: None }))
}
