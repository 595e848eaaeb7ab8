//! What a keeper is told when it starts, and what it answers.

use serde::Deserialize;
use session::id::SessionId;
use session::message::{Agent, Size};
use session::outbox::PATIENCE;
use store::Paths;

/// A session to keep; one JSON object on standard input.
#[derive(Debug, Deserialize)]
pub struct Spec {
    /// Its id; its folder exists.
    pub session: SessionId,
    /// Its name.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Where to start it.
    pub cwd: String,
    /// The environment to start from; the keeper's own where absent.
    #[serde(default)]
    pub env: Option<Vec<(String, String)>>,
    /// The terminal's first size.
    #[serde(default)]
    pub size: Option<Size>,
    /// End it by itself after so many seconds.
    #[serde(default)]
    pub ttl: Option<u32>,
    /// The session that this one is started again from.
    #[serde(default)]
    pub continues: Option<SessionId>,
    /// Which agent the program is, where that was said.
    #[serde(default)]
    pub agent: Option<Agent>,
    /// Seconds after which what the agent asks is denied, where nobody decides; an hour where absent.
    #[serde(default)]
    pub expires_in: Option<u32>,
    /// Where everything lies.
    pub paths: Paths,
    /// Bytes of terminal output to keep.
    #[serde(default = "log_limit")]
    pub log_limit: u64,
    /// Milliseconds that input may wait for the program to read it.
    #[serde(default = "patience")]
    pub patience_ms: u64,
}

/// As long as a client waits before it tells its person that the input has failed.
fn patience() -> u64 {
    u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX)
}

fn log_limit() -> u64 {
    64 * 1024 * 1024
}
