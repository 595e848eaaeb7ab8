//! Who asks: a connection to the daemon as the token that a request shows.

use crate::Shared;
use crate::limits::Room;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header;
use axum::http::request::Parts;
use client::Connection;
use data_encoding::BASE64;
use serde::de::DeserializeOwned;
use session::id::StreamId;
use session::message::{Bearer, Method, Summary};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::timeout;

/// How this program calls itself.
const CLIENT: &str = concat!("longrein-api/", env!("CARGO_PKG_VERSION"));
/// How long a secret may wait to be looked at, while many are shown.
const KNOCKS: Duration = Duration::from_secs(5);
/// Longest secret that is looked at.
const MAX_SECRET: usize = 256;

/// Somebody who has shown a token that holds.
pub(crate) struct Caller {
    pub connection: Connection,
    pub token: Bearer,
    pub shared: Arc<Shared>,
    pub room: Room,
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Problem> {
        let secret = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let secret = secret.and_then(secret_in).filter(|secret| secret.len() <= MAX_SECRET);
        let Some(secret) = secret else { return Err(Problem::unauthorized("this needs a token")) };
        if !shared.limits.take(&secret, Instant::now()) {
            return Err(Problem::limited("this token asks too often"));
        }
        let busy = || Problem::limited("too many requests are being answered already");
        let token = Bearer(secret);
        let door = timeout(KNOCKS, shared.limits.door.acquire()).await.map_err(|_| busy())?;
        let connection = connect(shared, &token).await?;
        drop(door);
        let room = shared.limits.enter(&token.0).ok_or_else(busy)?;
        if let Some(proved) = parts.extensions.get::<Arc<Notify>>() {
            proved.notify_one();
        }
        Ok(Self { connection, token, shared: Arc::clone(shared), room })
    }
}

async fn connect(shared: &Shared, token: &Bearer) -> Result<Connection, Problem> {
    let mut stream = [0; 10];
    getrandom::fill(&mut stream).map_err(|_| client::Error::Internal("the system gives no random bytes"))?;
    let stream = StreamId::from_random(stream);
    Ok(Connection::open_as(&shared.config.paths, token.clone(), CLIENT, stream).await?)
}

/// As [`Caller::judge`].
pub(crate) async fn judge(shared: &Shared, token: &Bearer, problem: Problem) -> Problem {
    if !problem.is(StatusCode::SERVICE_UNAVAILABLE) {
        return problem;
    }
    match connect(shared, token).await {
        Err(refused) if refused.is(StatusCode::UNAUTHORIZED) => refused.with_all_of(problem),
        _ => problem,
    }
}

impl Caller {
    /// Asks the daemon for something.
    pub async fn call<T: DeserializeOwned>(&mut self, method: Method) -> Result<T, Problem> {
        match self.connection.call(method).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.judge(error.into()).await),
        }
    }

    /// What a problem really is: a token that does not hold any more has its connections cut.
    pub async fn judge(&self, problem: Problem) -> Problem {
        judge(&self.shared, &self.token, problem).await
    }

    /// Another connection of the same token.
    pub async fn another(&self) -> Result<Connection, Problem> {
        connect(&self.shared, &self.token).await
    }

    /// What the daemon says of a session.
    pub async fn session(&mut self, id: &session::id::SessionId) -> Result<Summary, Problem> {
        let sessions = self.connection.sessions().await?;
        let found = sessions.into_iter().find(|summary| summary.id == *id);
        found.ok_or_else(crate::input::no_such_session)
    }
}

/// The secret in an `Authorization`: that of `Bearer` (RFC 6750), or of `Basic` (RFC 7617) the password, or the user where
/// that is empty.
fn secret_in(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return (!rest.is_empty()).then(|| rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let both = String::from_utf8(BASE64.decode(rest.as_bytes()).ok()?).ok()?;
    let (user, password) = both.split_once(':')?;
    [password, user].into_iter().find(|part| !part.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_bearer_s_or_a_password() {
        let basic = |text: &str| secret_in(&format!("Basic {}", BASE64.encode(text.as_bytes())));
        assert_eq!(secret_in("Bearer lr_x").as_deref(), Some("lr_x"));
        assert_eq!(secret_in("bearer  lr_x ").as_deref(), Some("lr_x"));
        assert_eq!(basic("ada:lr_x").as_deref(), Some("lr_x"));
        assert_eq!(basic("lr_x:").as_deref(), Some("lr_x"));
        for wrong in ["", "Bearer", "Bearer ", "Basic lr_x", "Digest lr_x", "lr_x", "Basic //8="] {
            assert_eq!(secret_in(wrong), None, "{wrong:?}");
        }
        assert_eq!(basic(":"), None);
        assert_eq!(basic("nothing"), None);
    }
}
