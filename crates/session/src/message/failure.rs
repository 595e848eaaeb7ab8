//! Why something was not done.

use serde::{Deserialize, Serialize};

/// Whose fault a failure is, and so whether trying again helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request is wrong as it stands.
    Invalid,
    /// The role does not allow it.
    Forbidden,
    /// No such session, device or method.
    NotFound,
    /// Too much, too fast, too large.
    Limited,
    /// The session has ended.
    Ended,
    /// The machine would not: disk full, program missing.
    Environment,
    /// Ours.
    Internal,
}

/// A failure, as told to a person: one sentence and a hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[error("{message}")]
pub struct Failure {
    /// Whose fault.
    pub kind: ErrorKind,
    /// One sentence.
    pub message: String,
    /// What to do about it; may be empty.
    #[serde(default)]
    pub hint: String,
}
