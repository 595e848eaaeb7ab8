//! Real programs on a real terminal, driven with keys, waiting for what they show.

use crate::stream::{Op, Stream};
use longrein_agent::{Pty, Screen, SpawnSpec, Stop, clean_env};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use session::message::Size;
use std::path::Path;
use std::time::{Duration, Instant};

/// What to do next.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Read until the screen shows this.
    Wait(&'static str),
    /// Type.
    Keys(&'static str),
    /// Set the terminal to this size.
    Resize(u16, u16),
    /// Read until the program ends.
    End,
}

/// Long enough for the next thing that a program does, on a slow machine under full load; reached only by what has failed.
const PATIENCE: Duration = Duration::from_mins(2);

/// A program that runs, and everything it wrote.
pub struct Recorder {
    pty: Pty,
    screen: Screen,
    stream: Stream,
    name: String,
}

impl Recorder {
    /// Starts `command` in `cwd` with a small, fixed environment.
    pub fn start(command: &[&str], cwd: &Path, size: (u16, u16)) -> Self {
        let env = [("PATH", env!("PATH")), ("LANG", "C.UTF-8"), ("HOME", cwd.to_str().expect("UTF-8"))];
        let env = env.into_iter().chain([("TMUX_TMPDIR", cwd.to_str().expect("UTF-8")), ("PS1", "\\#$ ")]);
        let spec = SpawnSpec {
            command: command.iter().map(|part| (*part).to_owned()).collect(),
            cwd: cwd.to_owned(),
            env: clean_env(env.map(|(n, v)| (n.to_owned(), v.to_owned()))),
            size: Size { cols: size.0, rows: size.1 },
        };
        let pty =
            Pty::spawn(&spec).unwrap_or_else(|error| panic!("{}: {error}: {}", command[0], error.hint()));
        let screen = Screen::new(size.0, size.1, crate::judge::SCROLLBACK);
        Self { pty, screen, stream: Stream { size, ops: Vec::new() }, name: command[0].to_owned() }
    }

    /// Does the steps; gives back what the program wrote.
    pub fn run(mut self, steps: &[Step]) -> Stream {
        for step in steps {
            match *step {
                Step::Wait(text) => self.wait(text),
                Step::Keys(keys) => self.write(keys.as_bytes()),
                Step::Resize(cols, rows) => {
                    self.pty.resize(Size { cols, rows }).expect("a size that a terminal can have");
                    self.screen.resize(cols, rows);
                    self.stream.ops.push(Op::Resize(cols, rows));
                }
                Step::End => {
                    let deadline = Instant::now() + PATIENCE;
                    while self.read(deadline, "its end") {}
                }
            }
        }
        self.pty.signal(Stop::Kill).expect("our own child");
        self.stream
    }

    /// What is on the screen.
    pub fn shown(&self) -> String {
        self.screen.preview(usize::MAX, usize::MAX).join("\n")
    }

    fn wait(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.shown().contains(text) {
            assert!(self.read(deadline, text), "{} ended without {text:?}:\n{}", self.name, self.shown());
        }
    }

    fn write(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.ready(PollFlags::OUT, Instant::now() + PATIENCE, "room to type");
            bytes = &bytes[self.pty.write(bytes).expect("it takes keys")..];
        }
    }

    /// One read; false at the end.
    fn read(&mut self, deadline: Instant, what: &str) -> bool {
        self.ready(PollFlags::IN, deadline, what);
        let mut buffer = [0; 4096];
        let n = self.pty.read(&mut buffer).expect("ready to read");
        self.screen.feed(&buffer[..n]);
        self.stream.ops.push(Op::Write(buffer[..n].to_vec()));
        let replies = self.screen.replies();
        if !replies.is_empty() {
            self.write(&replies);
        }
        n > 0
    }

    fn ready(&self, flags: PollFlags, deadline: Instant, what: &str) {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        let mut fds = [PollFd::new(&self.pty, flags)];
        let ready = poll(&mut fds, Some(&left)).expect("poll");
        assert!(ready > 0, "{} kept us waiting for {what:?}; it shows:\n{}", self.name, self.shown());
    }
}
