//! Codex: sessions without a terminal, over its app server ([`appserver`]), and Codex in its own terminal. There its app
//! server is shared with us, so that desk and devices are asked at once and whoever answers first counts; where it cannot
//! be, its hooks are the gate ([`hooks`]). Measured with 0.169.

pub mod appserver;
mod asks;
pub mod hooks;
mod items;
mod patch;
mod shared;

use crate::family::{Beside, Launch, Launched};
use crate::out::Place;
use shared::Given;

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
        return Some(Launched {
            command: command.collect(),
            env: Vec::new(),
            structured: true,
            adapter,
            beside: None,
        });
    }
    let (program, given) = launch.command.split_first()?;
    let goes_on = |given: &String| matches!(given.as_str(), "resume" | "fork");
    let resume = resume.filter(|_| !given.iter().any(goes_on));
    let resume = resume.into_iter().flat_map(|conversation| ["resume".to_owned(), conversation]);
    let given: Vec<_> = resume.chain(given.iter().cloned()).collect();
    let gated = |why: &str| {
        let command = [program.clone()].into_iter().chain(hooks::arguments(&given, launch.hook)).collect();
        let why = format!("{why}: what it asks is asked on your devices before it is asked at the desk.");
        let adapter = Box::new(hooks::Hooks::new(place.clone(), Some(why)));
        Launched { command, env: Vec::new(), structured: false, adapter, beside: None }
    };
    let server = match shared::read(&given) {
        Given::Other => return None,
        Given::Alone(option) => return Some(gated(&format!("Codex keeps to itself with {option}"))),
        Given::Shared(server) => server,
    };
    let Some((beside, command, socket)) = shared::start(program, &given, server, launch.folder) else {
        return Some(gated("The session's folder is too deep for a socket of Codex'"));
    };
    let otherwise = Box::new(gated("Codex' app server did not come up"));
    let beside = Some(Beside { command: beside, socket, otherwise });
    let adapter = Box::new(appserver::AppServer::joining(place));
    Some(Launched { command, env: Vec::new(), structured: false, adapter, beside })
}
