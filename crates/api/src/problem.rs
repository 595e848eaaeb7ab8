//! Why a request was not done, as `application/problem+json` (RFC 9457).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use session::message::{ErrorKind, Failure};
use utoipa::ToSchema;

/// Why a request was not done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: `title` and `status` say what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong, in one sentence.
    detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    hint: String,
    /// More about it, by endpoint.
    #[serde(flatten)]
    #[schema(ignore)]
    more: Map<String, Value>,
}

impl Problem {
    /// One with this status.
    pub fn new(status: StatusCode, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            hint: hint.into(),
            more: Map::new(),
        }
    }

    /// Whether it has this status.
    pub fn is(&self, status: StatusCode) -> bool {
        self.status == status.as_u16()
    }

    /// This, with what the other one says more.
    pub fn with_all_of(mut self, other: Self) -> Self {
        self.more = other.more;
        self
    }

    /// Says more about it.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// What was sent is wrong as it stands.
    pub fn invalid(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail, hint)
    }

    /// No such endpoint.
    pub fn nothing_here() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing here", "/api/docs says what there is")
    }

    /// No such thing can be done there.
    pub fn wrong_method() -> Self {
        let detail = "that method does nothing here";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, detail, "/api/docs says which do")
    }

    /// No token, or none that holds.
    pub fn unauthorized(detail: &str) -> Self {
        let hint = "send `Authorization: Bearer TOKEN`, with one that `longrein token create` made";
        Self::new(StatusCode::UNAUTHORIZED, detail, hint)
    }

    /// Too much at once.
    pub fn limited(detail: &str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, detail, "wait a moment")
    }
}

impl From<Failure> for Problem {
    fn from(Failure { kind, message, hint }: Failure) -> Self {
        let status = match kind {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Limited => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Ended => StatusCode::CONFLICT,
            ErrorKind::Environment => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, message, hint)
    }
}

impl From<client::Error> for Problem {
    fn from(error: client::Error) -> Self {
        match error {
            client::Error::Failed(why) => why.into(),
            client::Error::Refused => {
                Self::unauthorized("the token is not known, has expired or was revoked")
            }
            client::Error::Timeout(_) => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, error.to_string(), error.hint())
            }
            error if error.is_too_large() => {
                let detail = "what was sent is too long to be passed on";
                Self::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    detail,
                    "put what is long into a file, and name that",
                )
            }
            error => Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), error.hint()),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            for scheme in ["Bearer realm=\"longrein\"", "Basic realm=\"longrein\", charset=\"UTF-8\""] {
                headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
            }
        }
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
