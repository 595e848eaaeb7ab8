//! Finds the host and the session that a person names, and talks to them.

use crate::daemon;
use crate::problem::{Doing as _, Hint as _, invalid, problem};
use crate::table::clean;
use client::{Connection, KnownHosts, Route};
use serde::de::DeserializeOwned;
use session::id::{SessionId, StreamId};
use session::message::{ErrorKind, Failure, Method, RunState, Summary};
use store::Paths;

/// How this program calls itself.
pub const CLIENT: &str = concat!("longrein/", env!("CARGO_PKG_VERSION"));

/// A session somewhere.
pub struct Found {
    /// How its host is reached.
    pub host: Route,
    /// How the session itself is reached: its keeper, where that is on this machine and runs.
    pub route: Route,
    /// What the host says of it.
    pub summary: Summary,
}

/// The folders, made where they are missing.
pub fn paths() -> Result<Paths, Failure> {
    let paths = Paths::from_env().map_err(stored)?;
    paths.create().map_err(stored)?;
    Ok(paths)
}

/// A folder or file of ours failed.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub fn stored(error: store::Error) -> Failure {
    problem(ErrorKind::Environment, error.to_string()).hint(error.hint())
}

/// A connection failed, or the other side said no.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub fn failure(error: client::Error) -> Failure {
    match error.failure() {
        Some(failure) => failure.clone(),
        None => problem(ErrorKind::Environment, error.to_string()).hint(error.hint()),
    }
}

/// This machine's daemon, which is started where it is not up; or a host this machine has joined.
pub async fn route(paths: &Paths, host: Option<&str>) -> Result<Route, Failure> {
    let Some(name) = host else {
        daemon::ensure(paths).await?;
        return Ok(Route::Daemon(paths.clone()));
    };
    let hosts = KnownHosts::new(paths);
    match hosts.find(name).map_err(failure)? {
        Some(host) => Ok(Route::Host(Box::new(host))),
        None => Err(problem(ErrorKind::NotFound, format!("No host is called {name:?}"))
            .hint("`longrein join` makes this machine a client of a host.")),
    }
}

/// A connection, greeted.
pub async fn open(route: &Route) -> Result<Connection, Failure> {
    Connection::open(route, None, CLIENT, stream()?).await.map_err(failure)
}

/// A request to the host.
pub async fn call<T: DeserializeOwned>(connection: &mut Connection, method: Method) -> Result<T, Failure> {
    connection.call(method).await.map_err(failure)
}

/// One request on a connection of its own.
pub async fn ask<T: DeserializeOwned>(route: &Route, method: Method) -> Result<T, Failure> {
    call(&mut open(route).await?, method).await
}

/// Every session of a host.
pub async fn sessions(route: &Route) -> Result<Vec<Summary>, Failure> {
    open(route).await?.sessions().await.map_err(failure)
}

/// The host in `HOST/REST`, or this machine, and the rest.
pub async fn split<'a>(paths: &Paths, name: &'a str) -> Result<(Route, &'a str), Failure> {
    let (host, rest) = match name.split_once('/') {
        Some((host, rest)) if KnownHosts::new(paths).find(host).map_err(failure)?.is_some() => {
            (Some(host), rest)
        }
        _ => (None, name),
    };
    Ok((route(paths, host).await?, rest))
}

/// The session a person means by `SESSION` or `HOST/SESSION`; without a name, the latest that runs. A session's name may
/// have a slash too: where no host has the name before it, all of it is looked for on this machine.
pub async fn find(paths: &Paths, name: Option<&str>) -> Result<Found, Failure> {
    let (host, name) = match name {
        Some(name) => split(paths, name).await.map(|(host, rest)| (host, Some(rest)))?,
        None => (route(paths, None).await?, None),
    };
    let sessions = sessions(&host).await?;
    let summary = choose(sessions, name)?;
    let route = match &host {
        Route::Daemon(paths) if matches!(summary.run, RunState::Running) => Route::Keeper(paths.clone()),
        other => other.clone(),
    };
    Ok(Found { host, route, summary })
}

/// By id, by the start of an id, or by name; among equals the one that runs, and of those the latest.
fn choose(mut sessions: Vec<Summary>, name: Option<&str>) -> Result<Summary, Failure> {
    const LIST: &str = "`longrein ls` lists them.";
    sessions.sort_by_key(|s| (matches!(s.run, RunState::Running), s.started_at));
    let Some(name) = name else {
        let running = sessions.into_iter().rfind(|s| matches!(s.run, RunState::Running));
        return running.ok_or_else(|| {
            problem(ErrorKind::NotFound, "No session is running").hint("`longrein run -- CMD` starts one.")
        });
    };
    if let Ok(id) = name.parse::<SessionId>()
        && let Some(found) = sessions.iter().find(|s| s.id == id)
    {
        return Ok(found.clone());
    }
    if let Some(found) = sessions.iter().rfind(|s| s.name == name) {
        return Ok(found.clone());
    }
    let mut starting = sessions.into_iter().filter(|s| name.len() >= 3 && s.id.as_str().starts_with(name));
    match (starting.next(), starting.next()) {
        (Some(found), None) => Ok(found),
        (Some(_), Some(_)) => Err(invalid(format!("Several sessions' ids begin with {name:?}")).hint(LIST)),
        (None, _) => Err(missing(name).hint(LIST)),
    }
}

/// Neither this machine nor, where the name may begin with one, a host has it.
fn missing(name: &str) -> Failure {
    let message = match name.split_once('/') {
        Some((host, _)) => format!("No session is called {name:?}, and no host is called {host:?}"),
        None => format!("No session is called {name:?}"),
    };
    problem(ErrorKind::NotFound, message)
}

/// A session as a person names it here, wherever it is.
pub fn name(host: &Route, session: &SessionId) -> String {
    match host {
        Route::Host(host) => format!("{}/{session}", clean(&host.name)),
        Route::Daemon(_) | Route::Keeper(_) => session.to_string(),
    }
}

/// A new numbering of commands.
pub fn stream() -> Result<StreamId, Failure> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).doing("get random bytes")?;
    Ok(StreamId::from_random(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(byte: u8, name: &str, run: &str, started_at: u64) -> Summary {
        let id = SessionId::from_random([byte; 10]);
        let mut value = serde_json::json!({
            "id": id, "name": name, "command": ["sh"], "cwd": "/", "started_at": started_at, "last_activity": 0,
            "size": { "cols": 80, "rows": 24 }, "head": { "epoch": 1, "seq": 0 }, "attached": 0, "state": run,
        });
        if run == "ended" {
            value["exit"] = 0.into();
            value["at"] = 0.into();
        }
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_name_means_the_latest_that_runs() {
        let sessions = vec![
            session(1, "a", "running", 1),
            session(2, "a", "running", 2),
            session(3, "a", "ended", 3),
            session(4, "b", "running", 4),
        ];
        assert_eq!(choose(sessions.clone(), Some("a")).unwrap().started_at, 2);
        assert_eq!(choose(sessions.clone(), None).unwrap().started_at, 4);
        let third = sessions[2].clone();
        assert_eq!(choose(sessions.clone(), Some(third.id.as_str())).unwrap(), third);
        assert_eq!(choose(sessions.clone(), Some(&third.id.as_str()[..6])).unwrap(), third);
        assert_eq!(choose(sessions, Some("zzz")).unwrap_err().kind, ErrorKind::NotFound);
        assert_eq!(choose(Vec::new(), None).unwrap_err().kind, ErrorKind::NotFound);
    }
}
