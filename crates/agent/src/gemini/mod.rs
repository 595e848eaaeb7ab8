//! Gemini CLI in its own terminal. Without one it speaks the Agent Client Protocol ([`crate::acp`]).
//!
//! Gemini's own dialog is the gate, here as elsewhere: a hook of Gemini's can say no and cannot say yes, and one that
//! fails says nothing. ([`hooks`]) hears of the dialog, asks on every device what it asks, and presses its key. What is said
//! to it is typed into its composer ([`composer`]).

mod composer;
pub mod hooks;
mod settings;
mod tool;

use crate::family::{Launch, Launched};
use crate::out::Place;
use hooks::Hooks;

/// Its name, and its program's.
const NAME: &str = "gemini";

/// How Gemini is started in a terminal; none where it is told to do something else than to talk to a person there.
pub(crate) fn launch(launch: &Launch<'_>) -> Option<Launched> {
    if launch.agent.is_some_and(|agent| agent.structured) {
        return None;
    }
    let (program, given) = launch.command.split_first()?;
    if !settings::is_conversation(given) {
        return None;
    }
    let resume = launch.agent.and_then(|agent| agent.resume.clone());
    let resume = resume.filter(|_| !settings::resumes(given));
    let resume = resume.into_iter().flat_map(|conversation| ["--resume".to_owned(), conversation]);
    let command = [program.clone()].into_iter().chain(resume).chain(given.iter().cloned()).collect();
    let (env, problem) = match settings::write(launch) {
        Ok(env) => (env, None),
        Err(why) => (Vec::new(), Some(format!("Gemini asks in its terminal alone: {why}"))),
    };
    let version = settings::version(program, launch.cwd, launch.env);
    let keys = version.as_deref().is_some_and(hooks::knows);
    let problem = problem.or_else(|| {
        let which = version
            .map_or_else(|| "of no known version".to_owned(), |version| format!("{version}, not 0.61"));
        (!keys).then(|| format!("This Gemini is {which}: what it asks is answered in its terminal alone."))
    });
    let adapter = Box::new(Hooks::new(Place::of(launch), keys, problem));
    Some(Launched { command, env, structured: false, beside: None, adapter })
}

/// A text as it is pasted. Gemini takes an Enter that comes right behind it for none.
fn pasted(text: &str) -> String {
    format!("\x1b[200~{text}\x1b[201~")
}
