//! One user's Longrein, in a folder of its own; everything it started ends with it.

use super::{DEADLINE, Terminal};
use serde_json::Value;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The built program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_longrein");

/// A home for one host or client.
pub struct Home {
    folder: tempfile::TempDir,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// The JSON it printed, which it must have done in good order.
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Home {
    /// An empty one.
    pub fn new() -> Self {
        // Short, because a socket's path may have hardly more than a hundred bytes.
        Self { folder: tempfile::Builder::new().prefix("lr").tempdir_in("/tmp").unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The environment variables that make the program live here and nowhere else.
    pub fn env(&self) -> [(&'static str, PathBuf); 4] {
        // What a test puts there is installed, for it alone.
        let path =
            format!("{}:{}", self.path().join("bin").display(), std::env::var("PATH").unwrap_or_default());
        [
            ("LONGREIN_HOME", self.path().join("lr")),
            ("HOME", self.path().into()),
            ("PS1", "$ ".into()),
            ("PATH", path.into()),
        ]
    }

    /// A command of the program, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).envs(self.env()).current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Ran {
        let mut child = self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let read = |from: &mut dyn std::io::Read| {
            let mut text = Vec::new();
            from.read_to_end(&mut text).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        };
        let err = std::thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        });
        let out = read(&mut stdout);
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < DEADLINE, "{args:?} does not end");
            std::thread::yield_now();
        };
        Ran { status: status.code().unwrap_or(-1), out, err: err.join().unwrap() }
    }

    /// Runs a command that must go well, and gives what it printed.
    pub fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.status, 0, "{args:?}: {ran:?}");
        ran.out
    }

    /// Runs a command and reads the JSON it printed.
    pub fn json(&self, args: &[&str]) -> Value {
        self.run(args).json()
    }

    /// A command in a terminal of 80 by 24.
    pub fn terminal(&self, args: &[&str]) -> Terminal {
        Terminal::start(self, args, 80, 24)
    }

    /// Starts the daemon with these further arguments.
    pub fn up(&self, args: &[&str]) {
        self.ok(&[&["up", "--bind", "127.0.0.1:0"], args].concat());
    }

    /// Starts a session in the background and gives its id.
    pub fn session(&self, command: &[&str]) -> String {
        let id = self.ok(&[&["run", "--detach", "--"], command].concat());
        id.trim().to_owned()
    }

    /// The entry of `ls --json` for a session.
    pub fn listed(&self, session: &str) -> Value {
        let list = self.json(&["ls", "--json"]);
        let found = list.as_array().unwrap().iter().find(|entry| entry["id"] == session);
        found.unwrap_or_else(|| panic!("{session} is not listed: {list}")).clone()
    }

    /// The daemon's process.
    pub fn daemon(&self) -> u32 {
        pid(&self.json(&["status", "--json"])["pid"])
    }

    /// A link that pairs one device.
    pub fn link(&self) -> String {
        self.json(&["pair", "--json"])["url"].as_str().unwrap().to_owned()
    }

    /// Every log, database and setting, as one heap of bytes, for looking for what must not be there.
    pub fn logs(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if entry.path().extension().is_some_and(|extension| extension == "log") {
                    found.push((entry.path(), fs::read(entry.path()).unwrap()));
                }
            }
        }
        found
    }

    /// Processes that live in this home.
    fn processes(&self) -> Vec<u32> {
        let home = format!("LONGREIN_HOME={}", self.path().join("lr").display());
        let is_ours = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == home.as_bytes())
        };
        let names = fs::read_dir("/proc").into_iter().flatten().flatten();
        names.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Twice: a daemon may have been about to start a keeper.
        for _ in 0..2 {
            for pid in self.processes() {
                kill(pid, "KILL");
            }
        }
    }
}

/// A process id in JSON.
pub fn pid(value: &Value) -> u32 {
    value.as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap_or_else(|| panic!("no process id: {value}"))
}

/// Sends a signal by name.
pub fn kill(pid: u32, signal: &str) {
    let _ =
        Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).stderr(Stdio::null()).status();
}

/// Whether the process is there and not merely waiting to be collected.
pub fn is_alive(pid: u32) -> bool {
    !matches!(process_state(pid), 'Z' | ' ')
}

/// The letter that the system has for a process's state; a space where there is none.
pub fn process_state(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or(' ')
}
