//! Codex: sessions without a terminal, over its app server ([`appserver`]), and Codex in its own terminal, with its hooks
//! as the gate ([`hooks`]). Measured with 0.169.

pub mod appserver;
mod asks;
pub mod hooks;
mod items;
mod patch;

use crate::family::{Launch, Launched};
use crate::out::Place;

/// What it is called.
const NAME: &str = "codex";

/// How it is started so that it can be heard; `None` where it shows nothing that could be.
pub(crate) fn launch(launch: &Launch<'_>) -> Option<Launched> {
    let resume = launch.agent.and_then(|agent| agent.resume.clone());
    let place = Place::of(launch);
    if launch.agent.is_some_and(|agent| agent.structured) {
        let command =
            [NAME, "app-server"].map(str::to_owned).into_iter().chain(launch.command.iter().cloned());
        let adapter = Box::new(appserver::AppServer::new(place, resume));
        return Some(Launched { command: command.collect(), env: Vec::new(), structured: true, adapter });
    }
    let (program, given) = launch.command.split_first()?;
    let resume = resume.into_iter().flat_map(|conversation| ["resume".to_owned(), conversation]);
    let given: Vec<_> = resume.chain(given.iter().cloned()).collect();
    let arguments = hooks::arguments(&given, launch.hook)?;
    let command = [program.clone()].into_iter().chain(arguments).collect();
    let adapter = Box::new(hooks::Hooks::new(place));
    Some(Launched { command, env: Vec::new(), structured: false, adapter })
}
