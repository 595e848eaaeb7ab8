//! The HTTP API for scripts and other tools, described by `OpenAPI`.
//!
//! It is a client of this user's daemon like any other: each request opens a connection to it as the API token that it
//! shows, and the daemon decides for every message whether that token may do it. So nothing is decided here but who may
//! speak at all: programs of this machine, and others only where a person has said so and TLS carries it.

mod approvals;
mod auth;
mod chat;
mod docs;
mod events;
mod gate;
mod input;
mod limits;
mod problem;
mod sessions;
mod view;

pub use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use std::path::PathBuf;
use std::sync::Arc;
use store::Paths;

use crate::limits::Limits;
use crate::problem::Problem;

/// Bytes of a request's body.
const MAX_BODY: usize = 256 * 1024;

/// How the API works.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folders of this user's daemon.
    pub paths: Paths,
    /// The executable that is started as `PROGRAM export`.
    pub program: PathBuf,
    /// Whether requests from elsewhere are answered, where a tunnel or a web server before this one says that they came
    /// over TLS.
    pub remote: bool,
}

/// What all requests share.
struct Shared {
    config: Config,
    limits: Limits,
    turns: chat::Turns,
}

/// Everything below `/api`. Each request is to have an [`axum::extract::ConnectInfo`] with the caller's
/// [`std::net::IpAddr`] among its extensions, and may have an `Arc<tokio::sync::Notify>`, which is notified when the
/// caller has shown a token that holds.
pub fn router(config: Config) -> Router {
    let shared = Arc::new(Shared { config, limits: Limits::default(), turns: chat::Turns::default() });
    Router::new()
        .route("/api", get(docs::page))
        .route("/api/docs", get(docs::page))
        .route("/api/openapi.json", get(docs::openapi))
        .route("/api/sessions", get(sessions::list).post(sessions::create))
        .route("/api/sessions/{id}", get(sessions::one))
        .route("/api/sessions/{id}/events", get(events::events))
        .route("/api/sessions/{id}/export", get(sessions::export))
        .route("/api/sessions/{id}/prompt", post(sessions::prompt))
        .route("/api/sessions/{id}/input", post(sessions::input))
        .route("/api/sessions/{id}/interrupt", post(sessions::interrupt))
        .route("/api/sessions/{id}/stop", post(sessions::stop))
        .route("/api/sessions/{id}/restart", post(sessions::restart))
        .route("/api/chat", post(chat::chat))
        .route("/api/reset", post(chat::reset))
        .route("/api/approvals", get(approvals::list))
        .route("/api/approvals/{id}", get(approvals::one).post(approvals::decide))
        .fallback(async || Problem::nothing_here())
        .method_not_allowed_fallback(async || Problem::wrong_method())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&shared), gate::gate))
        .with_state(shared)
}
