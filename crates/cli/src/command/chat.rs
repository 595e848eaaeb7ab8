//! `longrein chat --agent NAME`: an agent without a terminal, and a plain conversation with it in this one.

use crate::args::Chat;
use crate::command::run::{environment, folder};
use crate::hosts;
use crate::problem::{Outcome, invalid};
use crate::terminal::talk::{self, Resumes, Talking};
use session::message::{Agent, Create, Created, Method};
use std::process::ExitCode;

/// Starts the agent, and talks to it.
pub async fn run(args: Chat) -> Outcome {
    if args.agent.trim().is_empty() {
        return Err(invalid("An agent has to be named"));
    }
    let paths = hosts::paths()?;
    let host = hosts::route(&paths, None).await?;
    let resumes = if args.resume.is_some() { Resumes::Named } else { Resumes::No };
    let create = Create {
        command: args.args,
        cwd: Some(folder(args.cwd.as_deref())?),
        name: args.name,
        size: None,
        env: Some(environment()),
        ttl: args.ttl,
        agent: Some(Agent { name: args.agent, structured: true, resume: args.resume }),
        asks: false,
    };
    let created: Created = hosts::ask(&host, Method::SessionCreate(create)).await?;
    if args.detach {
        say!("{}", created.session);
        return Ok(ExitCode::SUCCESS);
    }
    note!("The session is {0}. Come back to it with: longrein attach {0}", created.session);
    talk::run(Talking { resumes, ..Talking::new(&host, created.session) }).await
}
