//! The signals that mean something while a session is shown.

use crate::problem::Doing as _;
use session::message::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What one of them says.
pub enum Caught {
    /// The terminal has another size.
    Resized,
    /// The shell has given the terminal back.
    Continued,
}

/// Signals that change what is shown.
pub struct Signals {
    resized: Signal,
    continued: Signal,
}

impl Signals {
    /// From now on.
    pub fn listen() -> Result<Self, Failure> {
        Ok(Self {
            resized: listen(SignalKind::window_change())?,
            continued: listen(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    /// The next of them.
    pub async fn next(&mut self) -> Caught {
        tokio::select! {
            _ = self.resized.recv() => Caught::Resized,
            _ = self.continued.recv() => Caught::Continued,
        }
    }
}

/// Signals that end us.
pub struct Ending {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Ending {
    /// From now on.
    pub fn listen() -> Result<Self, Failure> {
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next of them.
    pub async fn next(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.hangup.recv() => SignalKind::hangup(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        };
        kind.as_raw_value()
    }
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).doing("listen for signals")
}
