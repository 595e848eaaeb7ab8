//! Programs that start, end, are missing, or do not listen.

use longrein_agent::{Pty, SpawnError, SpawnSpec, Stop, clean_env};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use session::message::{ErrorKind, Failure, Size};
use std::path::{Path, PathBuf};

fn spec(command: &[&str]) -> SpawnSpec {
    SpawnSpec {
        command: command.iter().map(|part| (*part).to_owned()).collect(),
        cwd: std::env::temp_dir(),
        env: clean_env([("PATH".to_owned(), env!("PATH").to_owned())]),
        size: Size { cols: 80, rows: 24 },
    }
}

fn shell(script: &str) -> Pty {
    Pty::spawn(&spec(&["sh", "-c", script])).expect("there is a shell")
}

/// Everything the program writes until it ends, or until `stop` says so.
fn read(pty: &Pty, mut stop: impl FnMut(&str) -> bool) -> String {
    let mut all = String::new();
    let mut buffer = [0; 1024];
    let patience = Timespec { tv_sec: 60, tv_nsec: 0 };
    while !stop(&all) {
        assert!(
            poll(&mut [PollFd::new(pty, PollFlags::IN)], Some(&patience)).expect("poll") > 0,
            "only {all:?}"
        );
        match pty.read(&mut buffer).expect("ready to read") {
            0 => break,
            n => all.push_str(&String::from_utf8_lossy(&buffer[..n])),
        }
    }
    all
}

fn output(script: &str) -> (String, i32) {
    let mut pty = shell(script);
    let text = read(&pty, |_| false);
    (text, pty.wait().expect("our child"))
}

#[test]
fn exit_statuses_are_those_of_shells() {
    assert_eq!(output("exit 0").1, 0);
    assert_eq!(output("exit 7").1, 7);
    assert_eq!(output("kill -TERM $$").1, 128 + 15);
    assert_eq!(output("kill -KILL $$").1, 128 + 9);
}

#[test]
fn a_program_that_ends_at_once_has_said_everything() {
    let (text, exit) = output("echo hello; stty size; echo $TERM $COLORTERM; exit 3");
    assert_eq!((text.as_str(), exit), ("hello\r\n24 80\r\nxterm-256color truecolor\r\n", 3));
}

#[test]
fn it_has_a_terminal_of_its_own_to_control() {
    let (text, exit) = output(
        "test -t 0 && test -t 1 && test -t 2 && tty </dev/tty && ps -o tpgid= -p $$ | grep -qw $$ && echo yes",
    );
    assert!(exit == 0 && text.ends_with("yes\r\n"), "{text}");
}

#[test]
fn what_cannot_start_says_why() {
    let error = |command: &[&str]| Pty::spawn(&spec(command)).expect_err("it cannot start");
    assert!(matches!(error(&[]), SpawnError::Empty));
    assert!(matches!(error(&[""]), SpawnError::Empty));
    let missing = error(&["no-such-program-anywhere"]);
    assert_eq!(missing.to_string(), "no such program: no-such-program-anywhere");
    assert!(matches!(error(&["./not/here"]), SpawnError::NoProgram(_)));
    assert!(matches!(error(&["/etc/passwd"]), SpawnError::NotExecutable(_)));
    assert!(matches!(error(&["/tmp"]), SpawnError::NotExecutable(_)));
    let nowhere = SpawnSpec { cwd: PathBuf::from("/no/such/folder"), ..spec(&["sh"]) };
    let nowhere = Pty::spawn(&nowhere).expect_err("no folder");
    assert_eq!(nowhere.to_string(), "no such folder: /no/such/folder");
    let failure = Failure::from(nowhere);
    assert_eq!(failure.kind, ErrorKind::Environment);
    assert!(!failure.hint.is_empty());
}

#[test]
fn a_program_is_found_as_a_shell_would() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("hello");
    std::fs::write(&path, "#!/bin/sh\necho from $PWD\n").expect("writable");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, mode).expect("our file");
    let cwd = folder.path().canonicalize().expect("it exists");
    let in_folder = |command: &str, path: &Path| SpawnSpec {
        cwd: cwd.clone(),
        env: vec![("PATH".to_owned(), format!("/nowhere:{}:/bin:/usr/bin", path.display()))],
        ..spec(&[command])
    };
    for spec in [in_folder("hello", &cwd), in_folder("./hello", Path::new("/"))] {
        let pty = Pty::spawn(&spec).expect("it is there");
        assert_eq!(read(&pty, |_| false), format!("from {}\r\n", cwd.display()));
    }
}

#[test]
fn a_new_size_reaches_the_program() {
    let pty = shell("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done");
    read(&pty, |text| text.contains("ready"));
    pty.resize(Size { cols: 1000, rows: 500 }).expect("any size");
    assert!(read(&pty, |text| text.contains("500 1000")).contains("500 1000"));
}

#[test]
fn interrupt_is_a_signal_or_a_key_as_the_terminal_has_it() {
    let mut pty = shell("echo ready; exec sleep 100");
    read(&pty, |text| text.contains("ready"));
    pty.interrupt().expect("it runs");
    assert_eq!(pty.wait().expect("our child"), 128 + 2);

    let pty = shell("stty raw -echo; echo ready; head -c 1 | od -An -tx1");
    read(&pty, |text| text.contains("ready"));
    pty.interrupt().expect("it runs");
    assert!(read(&pty, |text| text.contains("03")).contains("03"));
}

#[test]
fn hangup_ends_what_listens_and_kill_ends_everything() {
    let mut pty = shell("echo ready; exec sleep 100");
    read(&pty, |text| text.contains("ready"));
    assert_eq!(pty.try_wait().expect("our child"), None);
    pty.signal(Stop::Hangup).expect("it runs");
    assert_eq!(pty.wait().expect("our child"), 128 + 1);
    pty.signal(Stop::Kill).expect("gone already is fine");

    let mut pty = shell("trap '' HUP INT TERM; echo ready; while :; do sleep 0.05; done");
    read(&pty, |text| text.contains("ready"));
    pty.signal(Stop::Hangup).expect("it runs");
    pty.signal(Stop::Kill).expect("it runs");
    assert_eq!(pty.wait().expect("our child"), 128 + 9);
}

#[test]
fn dropping_the_terminal_hangs_up() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let flag = folder.path().join("hung-up");
    rustix::fs::mknodat(rustix::fs::CWD, &flag, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe");
    let script =
        format!("trap 'echo gone > {}; exit' HUP; echo ready; while :; do sleep 0.05; done", flag.display());
    let pty = shell(&script);
    read(&pty, |text| text.contains("ready"));
    drop(pty);
    // Opening the pipe waits for the program to write.
    assert_eq!(std::fs::read_to_string(&flag).expect("it writes"), "gone\n");
}
