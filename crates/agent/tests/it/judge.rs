//! xterm.js in a node process: says whether terminals look the same.

use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// Lines that every terminal keeps above its screen.
pub const SCROLLBACK: usize = 200;

struct Judge {
    _child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u64,
}

static JUDGE: OnceLock<Mutex<Judge>> = OnceLock::new();

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge")
}

/// Installs what the judge needs, once, however many test processes ask.
fn install(folder: &Path) {
    let lock = File::create(folder.join(".install.log")).expect("the judge's folder is writable");
    flock(&lock, FlockOperation::LockExclusive).expect("a lock on the judge's folder");
    let modified = |path: &str| std::fs::metadata(folder.join(path)).and_then(|found| found.modified());
    let wanted = modified("package-lock.json").expect("package-lock.json");
    // What npm writes last.
    if modified("node_modules/.package-lock.json").is_ok_and(|found| found >= wanted) {
        return;
    }
    let npm = Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder).output();
    let npm = npm.expect("these tests need npm: install nodejs and npm");
    assert!(
        npm.status.success(),
        "npm ci failed in {}: {}",
        folder.display(),
        String::from_utf8_lossy(&npm.stderr)
    );
}

fn start() -> Judge {
    let folder = folder();
    install(&folder);
    let mut child = Command::new("node")
        .arg("judge.js")
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("these tests need node: install nodejs");
    let input = child.stdin.take().expect("piped");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    Judge { _child: child, input, output, next: 0 }
}

/// What the judge says of `runs`, all of which should show the same; the first is right by definition.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All show the same.
    Same,
    /// xterm.js itself fails on the first.
    Unjudged,
    /// What is different.
    Different(String),
}

/// Asks the judge.
pub fn compare(runs: &[Value]) -> Verdict {
    let mut judge =
        JUDGE.get_or_init(|| Mutex::new(start())).lock().expect("no test failed inside the judge");
    judge.next += 1;
    let question = json!({ "id": judge.next, "scrollback": SCROLLBACK, "runs": runs });
    writeln!(judge.input, "{question}").expect("the judge listens");
    let mut answer = String::new();
    judge.output.read_line(&mut answer).expect("the judge answers");
    let answer: Value = serde_json::from_str(&answer).expect("the judge answers in JSON");
    assert_eq!(answer["id"], judge.next);
    match answer["diff"].as_str() {
        None => Verdict::Same,
        Some("unjudged") => Verdict::Unjudged,
        Some(text) => Verdict::Different(text.to_owned()),
    }
}
