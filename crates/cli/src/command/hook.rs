//! `longrein hook`, which agents call: what the agent tells it goes to the keeper of the session that the agent runs in, and
//! what the keeper says is the answer.
//!
//! Whatever goes wrong is a no: an agent takes a hook that fails for one that has no objection.

use crate::hosts;
use crate::out;
use crate::problem::OBJECTION;
use agent::adapter::{GATE_TIMEOUT, MAX_LINE};
use agent::family;
use client::{Connection, Route};
use session::approval::EXPIRES_WITHIN;
use session::id::SessionId;
use session::message::{ErrorKind, Failure};
use std::io::{Read as _, stdin};
use std::process::ExitCode;
use std::time::Duration;
use tokio::time::timeout;

/// Longer than any approval waits, which is denied before, and shorter than any agent waits for its hook: an agent takes
/// one that is over time for one that has no objection.
const PATIENCE: Duration = Duration::from_secs(EXPIRES_WITHIN.1 as u64 + 60 * 60);
const _: () = assert!(PATIENCE.as_secs() < GATE_TIMEOUT as u64);

/// Answers the agent.
pub async fn run() -> ExitCode {
    let mut input = Vec::new();
    let read = stdin().take(MAX_LINE as u64 + 1).read_to_end(&mut input);
    let output = match read {
        Ok(_) if input.len() > MAX_LINE => Err("what the agent asks is too long".to_owned()),
        Ok(_) => match timeout(PATIENCE, ask(&input)).await {
            Ok(output) => output.map_err(|why| why.message),
            Err(_) => Err("nobody answered".to_owned()),
        },
        Err(error) => Err(format!("what the agent asks cannot be read: {error}")),
    };
    let output = output.unwrap_or_else(|why| {
        note!("longrein: {why}; so the answer is no.");
        family::refusal(&input, &why)
    });
    match out::try_bytes(output.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(OBJECTION),
    }
}

async fn ask(input: &[u8]) -> Result<String, Failure> {
    let none = || Failure {
        kind: ErrorKind::Environment,
        message: "this agent does not run in a session".to_owned(),
        hint: String::new(),
    };
    let session = std::env::var("LONGREIN_SESSION").map_err(|_| none())?;
    let session: SessionId = session.parse().map_err(|_| none())?;
    let route = Route::Keeper(hosts::paths()?);
    let connection = Connection::open(&route, Some(&session), hosts::CLIENT, hosts::stream()?).await;
    let mut connection = connection.map_err(hosts::failure)?;
    connection.hook(&session, input).await.map_err(hosts::failure)
}
