//! What is read of a request, with a problem in one sentence where it cannot be.

use crate::problem::Problem;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use session::codec::MAX_PAYLOAD;
use session::id::SessionId;
use std::time::Duration;
use tokio::time::timeout;

/// How long a body may be under way.
const ARRIVES: Duration = Duration::from_secs(30);
/// Bytes of a text as JSON writes it; the rest of a message has room beside it.
const MAX_JSON: usize = 60_000;

/// Whether a text fits into one message to the daemon.
pub(crate) fn check_text(text: &str) -> Result<(), Problem> {
    let json = serde_json::to_string(text).map_or(0, |json| json.len());
    if text.len() > MAX_PAYLOAD || json > MAX_JSON {
        let hint = "put what is long into a file, and name that";
        return Err(Problem::invalid(
            format!("a text has at most {MAX_PAYLOAD} bytes, and fewer where many are control characters"),
            hint,
        ));
    }
    Ok(())
}

/// A body of JSON.
pub(crate) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match timeout(ARRIVES, axum::Json::<T>::from_request(request, state)).await {
            Ok(Ok(axum::Json(body))) => Ok(Self(body)),
            Ok(Err(why)) => Err(wrong_body(&why)),
            Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come", "")),
        }
    }
}

fn wrong_body(why: &JsonRejection) -> Problem {
    const HINT: &str = "/api/docs says what belongs there";
    match why {
        JsonRejection::MissingJsonContentType(_) => {
            let detail = "the body is not said to be JSON";
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail, "send `Content-Type: application/json`")
        }
        why if why.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("a body has at most {} bytes", crate::MAX_BODY);
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail, "put what is long into a file, and name that")
        }
        why => Problem::invalid(why.body_text(), HINT),
    }
}

/// A query.
pub(crate) struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(why) => Err(wrong_query(&why)),
        }
    }
}

fn wrong_query(why: &QueryRejection) -> Problem {
    Problem::invalid(why.body_text(), "/api/docs says what may be asked there")
}

/// A session's id in a path.
pub(crate) struct Session(pub SessionId);

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let id = path.ok().and_then(|Path(id)| id.parse().ok());
        id.map(Self).ok_or_else(no_such_session)
    }
}

/// Nothing is known by that name.
pub(crate) fn no_such_session() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such session", "GET /api/sessions lists them")
}
