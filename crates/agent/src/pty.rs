//! A program on its own pseudo-terminal.
//!
//! The master is one non-blocking file descriptor: wrap the [`Pty`] in tokio's `AsyncFd` (it is `AsRawFd`) and call
//! [`Pty::read`] and [`Pty::write`] when it is ready. Nothing here keeps threads or buffers.

use filedescriptor::FileDescriptor;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, WaitOptions, kill_process_group};
use rustix::termios::{InputModes, LocalModes, OptionalActions, Winsize};
use session::message::{ErrorKind, Failure, Size};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

/// What to start.
#[derive(Clone, Debug)]
pub struct SpawnSpec {
    /// Program and arguments. The program is looked up in the `PATH` of `env`.
    pub command: Vec<String>,
    /// The folder it starts in.
    pub cwd: PathBuf,
    /// Its whole environment; see [`crate::clean_env`].
    pub env: Vec<(String, String)>,
    /// The terminal's size.
    pub size: Size,
}

/// Why a program did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no program in the command.
    #[error("the command is empty")]
    Empty,
    /// Not found, neither in `PATH` nor as a file.
    #[error("no such program: {0}")]
    NoProgram(String),
    /// Found, but not a file that may be run.
    #[error("not an executable program: {}", .0.display())]
    NotExecutable(PathBuf),
    /// The folder is missing or is not a folder.
    #[error("no such folder: {}", .0.display())]
    NoFolder(PathBuf),
    /// The system gave no pseudo-terminal.
    #[error("the system gave no terminal: {0}")]
    NoTerminal(String),
    /// The system would not start it.
    #[error("could not start {program}: {why}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        why: String,
    },
}

impl SpawnError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty => "name a program, such as: longrein run -- bash",
            Self::NoProgram(_) => "check the spelling, or give the program's full path",
            Self::NotExecutable(_) => "make it executable with chmod +x, or run it through its interpreter",
            Self::NoFolder(_) => "create the folder, or choose another with --cwd",
            Self::NoTerminal(_) => "close some terminals, or raise the system's limit of pseudo-terminals",
            Self::Start { .. } => "try the same command in a plain terminal",
        }
    }
}

impl From<SpawnError> for Failure {
    fn from(error: SpawnError) -> Self {
        let kind = match error {
            SpawnError::Empty => ErrorKind::Invalid,
            SpawnError::NoProgram(_) => ErrorKind::NotFound,
            SpawnError::NotExecutable(_)
            | SpawnError::NoFolder(_)
            | SpawnError::NoTerminal(_)
            | SpawnError::Start { .. } => ErrorKind::Environment,
        };
        Self { kind, message: error.to_string(), hint: error.hint().to_owned() }
    }
}

/// How to ask a program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its terminal went away. Shells pass this on to what they started.
    Hangup,
    /// At once, without a chance to clean up.
    Kill,
}

/// A running (or just ended) program and the master side of its terminal. Dropping it hangs up the terminal.
#[derive(Debug)]
pub struct Pty {
    master: OwnedFd,
    child: std::process::Child,
    pid: Pid,
    /// Its exit status, where [`Pty::reap`] came upon it.
    exit: Option<i32>,
}

impl Pty {
    /// Starts the program as leader of a new session that this terminal controls.
    pub fn spawn(spec: &SpawnSpec) -> Result<Self, SpawnError> {
        let program = spec.command.first().filter(|p| !p.is_empty()).ok_or(SpawnError::Empty)?;
        if !spec.cwd.is_dir() {
            return Err(SpawnError::NoFolder(spec.cwd.clone()));
        }
        find(program, &spec.cwd, &spec.env)?;
        let no_terminal = |why: &dyn std::fmt::Display| SpawnError::NoTerminal(why.to_string());
        let size = PtySize { rows: spec.size.rows, cols: spec.size.cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).map_err(|e| no_terminal(&e))?;
        let raw = pair.master.as_raw_fd().ok_or_else(|| no_terminal(&"it has no descriptor"))?;
        // A copy that we own, because portable-pty's own handles block.
        let copy = FileDescriptor::dup(&raw).map_err(|e| no_terminal(&e))?;
        let master = rustix::io::fcntl_dupfd_cloexec(copy.as_fd(), 3).map_err(|e| no_terminal(&e))?;
        drop(copy);
        let nonblocking = |fd: &OwnedFd| -> rustix::io::Result<()> {
            fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?;
            // So that the kernel's own line editing erases whole characters. macOS does without.
            if let Ok(mut modes) = rustix::termios::tcgetattr(fd) {
                modes.input_modes |= InputModes::IUTF8;
                let _unsupported = rustix::termios::tcsetattr(fd, OptionalActions::Now, &modes);
            }
            Ok(())
        };
        nonblocking(&master).map_err(|e| no_terminal(&e))?;

        let mut builder = CommandBuilder::new(program);
        builder.args(&spec.command[1..]);
        builder.env_clear();
        for (name, value) in &spec.env {
            builder.env(name, value);
        }
        builder.cwd(&spec.cwd);
        let start = |why: String| SpawnError::Start { program: program.clone(), why };
        let child = pair.slave.spawn_command(builder).map_err(|e| start(format!("{e:#}")))?;
        let child: Box<dyn portable_pty::Child> = child;
        let child = child
            .downcast::<std::process::Child>()
            .map_err(|_| start("unexpected kind of child".to_owned()))?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| start("it has no process id".to_owned()))?;
        Ok(Self { master, child: *child, pid, exit: None })
    }

    /// Reads what the program wrote. `WouldBlock` when there is nothing; 0 when every process has closed the terminal.
    pub fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        match rustix::io::read(&self.master, buf) {
            // How Linux says that nobody has the other side open any more.
            Err(rustix::io::Errno::IO) => Ok(0),
            other => Ok(other?),
        }
    }

    /// Types to the program. May take less than all; `WouldBlock` while it does not read.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.master, bytes)?)
    }

    /// Sets the terminal's size; the program is told by SIGWINCH.
    pub fn resize(&self, size: Size) -> io::Result<()> {
        let size = Winsize { ws_row: size.rows, ws_col: size.cols, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(rustix::termios::tcsetwinsize(&self.master, size)?)
    }

    /// The program's process id, which is also its session and first process group.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The exit status if the program has ended; 128 + n where signal n ended it. Call it on SIGCHLD, and once after
    /// [`Pty::read`] gave 0.
    pub fn try_wait(&mut self) -> io::Result<Option<i32>> {
        if self.exit.is_some() {
            return Ok(self.exit);
        }
        Ok(self.child.try_wait()?.map(exit_code))
    }

    /// Lets go of every child of this process that has ended, and keeps the program's exit status for [`Pty::try_wait`]. For
    /// a process that has no other children of its own.
    pub fn reap(&mut self) {
        reap(|pid, exit| {
            if pid == self.pid {
                self.exit = Some(exit);
            }
        });
    }

    /// Waits, blocking this thread, until the program has ended.
    pub fn wait(&mut self) -> io::Result<i32> {
        if let Some(exit) = self.exit {
            return Ok(exit);
        }
        self.child.wait().map(exit_code)
    }

    /// Ctrl-C, whatever the terminal's mode: where the terminal would make a signal of it, the foreground gets that
    /// signal even if its input queue is full; where the program reads keys raw, it gets the key.
    pub fn interrupt(&self) -> io::Result<()> {
        let modes = rustix::termios::tcgetattr(&self.master)?;
        if modes.local_modes.contains(LocalModes::ISIG)
            && let Some(group) = self.foreground()
        {
            return Ok(kill_process_group(group, rustix::process::Signal::INT)?);
        }
        self.write(&[0x03]).map(|_| ())
    }

    /// Signals the program's own process group and whatever is in the terminal's foreground.
    pub fn signal(&self, stop: Stop) -> io::Result<()> {
        let signal = match stop {
            Stop::Hangup => rustix::process::Signal::HUP,
            Stop::Kill => rustix::process::Signal::KILL,
        };
        let foreground = self.foreground().filter(|group| *group != self.pid);
        for group in foreground.into_iter().chain([self.pid]) {
            match kill_process_group(group, signal) {
                // Gone already is what was wanted.
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn foreground(&self) -> Option<Pid> {
        rustix::termios::tcgetpgrp(&self.master).ok()
    }
}

impl AsFd for Pty {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }
}

impl AsRawFd for Pty {
    fn as_raw_fd(&self) -> RawFd {
        self.master.as_raw_fd()
    }
}

/// Lets go of every child of this process that has ended, and tells of each with its exit status.
pub fn reap(mut ended: impl FnMut(Pid, i32)) {
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if let Some(exit) = status.exit_status().or_else(|| Some(128 + status.terminating_signal()?)) {
            ended(pid, exit);
        }
    }
}

fn exit_code(status: std::process::ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// Looks the program up as `execvp` would, so that a mistake is told in words: after the fork nobody could tell.
pub(crate) fn find(program: &str, cwd: &Path, env: &[(String, String)]) -> Result<PathBuf, SpawnError> {
    let runnable =
        |path: &Path| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if program.contains('/') {
        let path = cwd.join(program);
        return match path.exists() {
            true if runnable(&path) => Ok(path),
            true => Err(SpawnError::NotExecutable(path)),
            false => Err(SpawnError::NoProgram(program.to_owned())),
        };
    }
    let path =
        env.iter().rev().find(|(name, _)| name == "PATH").map_or("/usr/local/bin:/usr/bin:/bin", |(_, v)| v);
    let mut found =
        path.split(':').map(|folder| cwd.join(folder).join(program)).filter(|p| p.exists()).peekable();
    let Some(first) = found.peek().cloned() else { return Err(SpawnError::NoProgram(program.to_owned())) };
    found.find(|p| runnable(p)).ok_or(SpawnError::NotExecutable(first))
}
