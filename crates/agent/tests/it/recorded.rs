//! Streams of real programs, cut at many random places: recorded anew by every run, and kept as files.

use crate::judge::Verdict;
use crate::record::{Recorder, Step};
use crate::stream::{Op, Stream};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Places where each stream is cut.
const CUTS: usize = 24;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn seed() -> u64 {
    let given = std::env::var("LONGREIN_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().map_or(0, |t| u64::from(t.subsec_nanos())))
}

fn check(name: &str, stream: &Stream, seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |n: usize| usize::try_from(random.next_u64() % (n as u64 + 1)).expect("fits");
    let cuts: Vec<usize> = (0..CUTS).map(|_| below(stream.len())).collect();
    for some in cuts.chunks(6) {
        if let Verdict::Different(text) = stream.judge(some) {
            panic!("{name} (LONGREIN_SEED={seed}, cut at {some:?}):\n{text}");
        }
    }
}

fn record(name: &str, command: &[&str], cwd: &Path, size: (u16, u16), steps: &[Step]) {
    let stream = Recorder::start(command, cwd, size).run(steps);
    if std::env::var_os("LONGREIN_RECORD").is_some() {
        let bytes: Vec<u8> = stream
            .ops
            .iter()
            .flat_map(|op| match op {
                Op::Write(bytes) => bytes.clone(),
                Op::Resize(..) => Vec::new(),
            })
            .take(100_000)
            .collect();
        std::fs::write(fixtures().join(format!("{name}.raw")), bytes).expect("fixtures are writable");
    }
    check(name, &stream, seed());
}

fn folder_with_text() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut text = String::new();
    for n in 0..300 {
        writeln!(text, "{n}: a line of text, wörter, 日本語 und 👍🏽 {}", "·".repeat(n % 90)).expect("writes");
    }
    std::fs::write(folder.path().join("text.txt"), text).expect("writable");
    std::fs::write(folder.path().join("code.c"), "#include <stdio.h>\nint main(void) { return 0; } // ok\n")
        .expect("writable");
    folder
}

#[test]
fn vim() {
    let folder = folder_with_text();
    record(
        "vim",
        &["vim", "-u", "NONE", "-N", "text.txt"],
        folder.path(),
        (80, 24),
        &[
            Step::Wait("0: a line"),
            Step::Keys(":set number hlsearch incsearch stl=%f\\ %{&columns}\\ wide\r"),
            Step::Wait(" 1 0: a"),
            Step::Keys("/wörter\r"),
            Step::Keys("Gohello world e\u{301}\x1b"),
            Step::Wait("hello world"),
            Step::Keys(":split code.c | syntax on\r"),
            Step::Wait("return 0"),
            Step::Resize(100, 30),
            // Keys that come while it takes in the new size are dropped.
            Step::Wait("100 wide"),
            Step::Keys("\x0cGolarger now\x1b"),
            Step::Wait("larger now"),
            Step::Resize(60, 20),
            Step::Wait("60 wide"),
            Step::Keys("\x0cGosmaller\x1b"),
            Step::Wait("smaller"),
            Step::Keys(":qa!\r"),
            Step::End,
        ],
    );
}

#[test]
fn less() {
    let folder = folder_with_text();
    record(
        "less",
        &["less", "-R", "text.txt"],
        folder.path(),
        (72, 20),
        &[
            Step::Wait("0: a line"),
            Step::Keys(" "),
            Step::Wait("12: a"),
            Step::Keys("/123:\r"),
            Step::Wait("123: a"),
            Step::Keys("kkkjjG"),
            Step::Wait("(END)"),
            Step::Keys("q"),
            Step::End,
        ],
    );
}

#[test]
fn htop() {
    let folder = folder_with_text();
    // Only itself, so that nothing of this machine is in the recording.
    record(
        "htop",
        &["sh", "-c", "exec htop -p $$"],
        folder.path(),
        (100, 30),
        &[
            Step::Wait("F10Quit"),
            Step::Keys("\x1b[B\x1b[B\x1b[B"),
            Step::Keys("\x1bOP"),
            Step::Wait("htop "),
            Step::Keys("q"),
            Step::Wait("F10Quit"),
            Step::Keys("q"),
            Step::End,
        ],
    );
}

#[test]
fn tmux() {
    let folder = folder_with_text();
    record(
        "tmux",
        &["tmux", "-L", "it", "-f", "/dev/null", "new-session", "bash --norc"],
        folder.path(),
        (90, 28),
        &[
            Step::Wait("[0]"),
            Step::Keys("seq 200; echo do''ne\r"),
            Step::Wait("done"),
            Step::Keys("\x02%"),
            Step::Keys("cat text.txt; echo ri''ght\r"),
            Step::Wait("right"),
            Step::Keys("\x02\"echo be''low\r"),
            Step::Wait("below"),
            Step::Resize(70, 22),
            Step::Keys("echo sma''ller\r"),
            Step::Wait("smaller"),
            Step::Keys("tmux -L it kill-server\r"),
            Step::End,
        ],
    );
}

#[test]
fn mc() {
    let folder = folder_with_text();
    record(
        "mc",
        &["mc", "-u", "-d"],
        folder.path(),
        (80, 24),
        &[
            Step::Wait("10Quit"),
            Step::Keys("\x1bOB\x1bOB\x1bOB\x1bOB"),
            Step::Wait("code.c"),
            Step::Resize(70, 20),
            Step::Keys("\x1b[21~"),
            Step::End,
        ],
    );
}

#[test]
fn bash_with_readline() {
    let folder = folder_with_text();
    record(
        "bash",
        &["bash", "--norc", "--noprofile", "-i"],
        folder.path(),
        (40, 12),
        &[
            // The prompts are numbered: keys that come before one is there are not readline's.
            Step::Wait("1$"),
            Step::Keys(
                "echo a long line that wraps around the edge of this terminal, twice or more, 日本語 👍 o''ne\r",
            ),
            Step::Wait("2$"),
            Step::Keys("\x1b[A\x01\x1b[C\x1b[C\x1b[C\x1b[C\x1b[CXYZ \x05 t''wo\r"),
            Step::Wait("3$"),
            Step::Keys("cat te\t\r"),
            Step::Wait("4$"),
            Step::Resize(60, 15),
            Step::Keys("\x12long\x07printf '\\033[31mred\\033[0m %s\\n' th''ree\r"),
            Step::Wait("5$"),
            Step::Keys("exit\r"),
            Step::End,
        ],
    );
}

#[test]
fn git_log() {
    let folder = folder_with_text();
    let script = "git init -q . && git config user.email a@b && git config user.name Someone && \
        for i in $(seq 120); do echo \"$i wörter $RANDOM\" >> text.txt; git add -A; \
        git commit -q -m \"change $i: $(printf 'x%.0s' $(seq $((i % 90))))\"; done; \
        git --no-pager log --color --graph --stat -p -60; git --no-pager log --color --graph --stat";
    record("git-log", &["bash", "-c", script], folder.path(), (80, 24), &[Step::End]);
}

#[test]
fn kept_recordings() {
    let mut names: Vec<PathBuf> = std::fs::read_dir(fixtures())
        .expect("fixtures")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "raw"))
        .collect();
    names.sort();
    assert!(names.len() >= 9, "recordings are missing: {names:?}");
    for path in names {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).expect("readable");
        for (seed, size) in [(1, (80, 24)), (2, (120, 40)), (3, (41, 13))] {
            check(&name, &Stream { size, ops: vec![Op::Write(bytes.clone())] }, seed);
        }
        // The program does not know of these sizes, so it draws over edges and through what was rewrapped.
        let mut ops = Vec::new();
        for (n, piece) in bytes.chunks(bytes.len() / 7 + 1).enumerate() {
            ops.push(Op::Write(piece.to_vec()));
            let n = u16::try_from(n).expect("seven");
            ops.push(Op::Resize(60 + n * 37 % 50, 15 + n * 11 % 20));
        }
        check(&format!("{name} through resizes"), &Stream { size: (80, 24), ops }, 4);
    }
}
