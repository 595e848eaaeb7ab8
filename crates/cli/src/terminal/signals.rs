//! The signals that mean something while a session is shown.

use crate::problem::Doing as _;
use rustix::process;
use session::message::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What one of them says.
pub enum Caught {
    /// The terminal has another size.
    Resized,
    /// The shell wants the terminal back.
    Stopped,
    /// The shell has given the terminal back.
    Continued,
}

/// Signals that change what is shown.
pub struct Signals {
    resized: Signal,
    stopped: Signal,
    continued: Signal,
}

impl Signals {
    /// From now on.
    pub fn listen() -> Result<Self, Failure> {
        Ok(Self {
            resized: listen(SignalKind::window_change())?,
            stopped: listen(kind(process::Signal::TSTP))?,
            continued: listen(kind(process::Signal::CONT))?,
        })
    }

    /// The next of them.
    pub async fn next(&mut self) -> Caught {
        tokio::select! {
            _ = self.resized.recv() => Caught::Resized,
            _ = self.stopped.recv() => Caught::Stopped,
            _ = self.continued.recv() => Caught::Continued,
        }
    }
}

/// Signals that end us.
pub struct Ending {
    hangup: Signal,
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
}

impl Ending {
    /// From now on.
    pub fn listen() -> Result<Self, Failure> {
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            quit: listen(SignalKind::quit())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next of them.
    pub async fn next(&mut self) -> i32 {
        let kind = tokio::select! {
            _ = self.hangup.recv() => SignalKind::hangup(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.quit.recv() => SignalKind::quit(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        };
        kind.as_raw_value()
    }
}

/// Stops this process, as the signal would have that asked for it. Returns when somebody has it go on.
pub fn stop() -> Result<(), Failure> {
    process::kill_process(process::getpid(), process::Signal::STOP).doing("stop")
}

fn kind(signal: process::Signal) -> SignalKind {
    SignalKind::from_raw(signal.as_raw())
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).doing("listen for signals")
}
