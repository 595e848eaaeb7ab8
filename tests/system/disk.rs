//! A disk that is full: what cannot be kept is refused in words, and all goes on once there is room again.

use crate::support::{Home, eventually};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A small disk, on which all of a home's files are.
struct Small(PathBuf);

impl Small {
    /// Only root may mount: without it, there is none.
    fn new(home: &Home) -> Option<Self> {
        let at = home.path().join("lr");
        fs::create_dir(&at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m,mode=700", "longrein-test"]).arg(&at);
        mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success()).then_some(Self(at))
    }

    fn fill(&self) {
        let mut block = 1 << 22;
        let mut content = Vec::new();
        while block > 0 {
            content.resize(content.len() + block, 0);
            if fs::write(self.0.join("fill"), &content).is_err() {
                content.truncate(content.len() - block);
                block /= 2;
            }
        }
    }

    fn free(&self) {
        fs::remove_file(self.0.join("fill")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_program_whose_log_cannot_be_written_runs_on() {
    let home = Home::new();
    let mut daemon = home.command(&["up", "--foreground", "--bind", "127.0.0.1:0"]);
    daemon.env("LONGREIN_LOG", "trace").stdout(Stdio::null());
    daemon.stderr(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let mut daemon = daemon.spawn().unwrap();
    eventually("the daemon", || {
        assert_eq!(daemon.try_wait().unwrap(), None);
        (home.run(&["status"]).status == 0).then_some(())
    });
    home.session(&["sleep", "1000"]);
    home.ok(&["down"]);
    assert!(daemon.wait().unwrap().success());
}

#[test]
fn what_was_asked_before_the_disk_was_full_is_decided_once_there_is_room() {
    let home = Home::new();
    let Some(disk) = Small::new(&home) else { return };
    home.up(&[]);
    let session = home.session(&["/bin/sh", "-c", "while seq 100; do sleep 0.05; done"]);
    let ask = |args: &[&str]| {
        let mut asker = home.command(&[&["ask"], args].concat());
        asker.env("LONGREIN_SESSION", &session).stdout(Stdio::null()).stderr(Stdio::null());
        asker.spawn().unwrap()
    };
    let mut short = ask(&["Short?", "--timeout", "15s"]);
    let mut long = ask(&["Long?"]);
    let list = || home.json(&["approvals", "--json"]).as_array().unwrap().clone();
    let id = eventually("both questions", || {
        let both = list();
        let long = both.iter().find(|approval| approval["title"] == "Long?")?;
        (both.len() == 2).then(|| long["id"].as_str().unwrap().to_owned())
    });
    disk.fill();
    assert_ne!(ask(&["Later?"]).wait().unwrap().code(), Some(0));
    // It is kept where there was room for it by chance, and refused otherwise.
    let denied = home.run(&["deny", &id]).status == 0;
    disk.free();
    assert_eq!(short.wait().unwrap().code(), Some(124), "its time is over");
    if !denied {
        eventually("the answer", || (home.run(&["deny", &id]).status == 0).then_some(()));
    }
    assert_eq!(long.wait().unwrap().code(), Some(1));
    let asker = eventually("another question", || {
        let mut asker = ask(&["And now?", "--timeout", "5m"]);
        eventually("it to wait, or to be refused", || {
            let waits = list().iter().any(|approval| approval["title"] == "And now?");
            (waits || asker.try_wait().unwrap().is_some()).then_some(())
        });
        asker.try_wait().unwrap().is_none().then_some(asker)
    });
    drop(Killed(asker));
    home.ok(&["kill", &session]);
}

struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
