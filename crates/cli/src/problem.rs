//! Failures as a person sees them: one sentence, one hint, and an exit status that scripts can rely on.

use crate::out;
use session::message::{ErrorKind, Failure};
use std::process::ExitCode;

/// What every command ends with.
pub type Outcome = Result<ExitCode, Failure>;

/// What agents take for an objection of a hook that says nothing else.
pub const OBJECTION: u8 = 2;
/// `run` and `attach`: Longrein failed, not the program (as `env`, `timeout` and `docker` have it). `ask`: there is no answer.
pub const OURS: u8 = 125;
/// `run`: no such program.
pub const NO_PROGRAM: u8 = 127;
/// `run`: the program is there and cannot be executed.
pub const NOT_EXECUTABLE: u8 = 126;

/// A failure of this kind, with nothing to hint at yet.
pub fn problem(kind: ErrorKind, message: impl Into<String>) -> Failure {
    Failure { kind, message: message.into(), hint: String::new() }
}

/// The machine would not.
pub fn environment(message: impl Into<String>) -> Failure {
    problem(ErrorKind::Environment, message)
}

/// What the person asked for is wrong as it stands.
pub fn invalid(message: impl Into<String>) -> Failure {
    problem(ErrorKind::Invalid, message)
}

/// What to do about a failure.
pub trait Hint {
    /// With this hint, unless it has one.
    #[must_use]
    fn hint(self, hint: impl Into<String>) -> Self;
}

impl Hint for Failure {
    fn hint(mut self, hint: impl Into<String>) -> Self {
        if self.hint.is_empty() {
            self.hint = hint.into();
        }
        self
    }
}

impl<T> Hint for Result<T, Failure> {
    fn hint(self, hint: impl Into<String>) -> Self {
        self.map_err(|failure| failure.hint(hint))
    }
}

/// An error of the system, with what was being done.
pub trait Doing<T> {
    /// `what` completes "could not …".
    fn doing(self, what: &str) -> Result<T, Failure>;
}

impl<T, E: std::fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, what: &str) -> Result<T, Failure> {
        self.map_err(|error| environment(format!("Could not {what}: {error}.")))
    }
}

/// Tells the person, or the script that asked for JSON.
pub fn report(failure: &Failure, json: bool) {
    if json {
        // That nobody reads it does not make it a success.
        out::line_if_read(format_args!("{}", serde_json::json!({ "error": failure })));
        return;
    }
    let message = failure.message.trim_end_matches('.');
    note!("longrein: {message}.");
    if !failure.hint.is_empty() {
        note!("  hint: {}", failure.hint);
    }
}

/// The exit status of a failed command; those that carry a program's status have their own.
pub fn status(command: Status) -> ExitCode {
    match command {
        Status::OfProgram | Status::OfAnswer => ExitCode::from(OURS),
        Status::OfHook => ExitCode::from(OBJECTION),
        Status::Own => ExitCode::FAILURE,
    }
}

/// What a command's exit status speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The command itself.
    Own,
    /// A program in a session.
    OfProgram,
    /// A person's answer.
    OfAnswer,
    /// What an agent is told; it takes any failure but one for a yes.
    OfHook,
}
