//! Which opencode a program is.

use crate::npm;
use crate::pipes::piped;
use crate::pty::SpawnSpec;
use rustix::process::{Pid, Signal, kill_process_group};
use session::message::Size;
use std::io::Read as _;
use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// It says its version so soon, or is not waited for.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often it is looked whether it has said it.
const LOOK: Duration = Duration::from_millis(20);
/// What its packages are called, or how their names begin.
const NAMES: [&str; 3] = ["opencode-ai", "opencode-linux-", "opencode-darwin-"];

/// Whether a server of this version wants the password, and speaks as is known here.
pub(crate) fn is_known(version: &str) -> bool {
    version.starts_with("1.18.")
}

/// The version: as npm wrote it down, or as the program says.
pub(super) fn of(program: &str, cwd: &Path, env: &[(String, String)]) -> Option<String> {
    let is_it = |name: &str| NAMES.iter().any(|it| name.starts_with(it));
    npm::version(program, cwd, env, is_it).or_else(|| {
        let size = Size { cols: 80, rows: 24 };
        let command = vec![program.to_owned(), "--version".to_owned()];
        said(&SpawnSpec { command, cwd: cwd.to_owned(), env: env.to_vec(), size })
    })
}

fn said(spec: &SpawnSpec) -> Option<String> {
    let mut child = piped(spec).ok()?.spawn().ok()?;
    drop(child.stdin.take());
    let ended = ends(&mut child);
    if !ended {
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = child.wait();
        return None;
    }
    let mut text = [0; 64];
    let length = child.stdout.take()?.read(&mut text).ok()?;
    let text = std::str::from_utf8(&text[..length]).ok()?.trim();
    Some(text.strip_prefix('v').unwrap_or(text).to_owned())
}

fn ends(child: &mut Child) -> bool {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match child.try_wait() {
            Ok(None) => sleep(LOOK),
            Ok(Some(status)) => return status.success(),
            Err(_) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_version_is_known_from_npm_or_else_from_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let says = |text: &str| {
            let program = bin.join("opencode");
            std::fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let env = [("PATH".to_owned(), bin.to_string_lossy().into_owned())];
        let version = || of("opencode", folder.path(), &env);
        assert_eq!(version(), None);
        says("[ \"$1\" = --version ] && echo 1.18.3");
        assert_eq!(version().as_deref(), Some("1.18.3"));
        says("exit 1");
        assert_eq!(version(), None);
        let npm = |text| std::fs::write(folder.path().join("package.json"), text).unwrap();
        npm(r#"{"name":"opencode-ai","version":"1.17.0"}"#);
        assert_eq!(version().as_deref(), Some("1.17.0"));
        npm(r#"{"name":"other","version":"1.18.0"}"#);
        assert_eq!(version(), None);
        assert!(is_known("1.18.33") && !is_known("1.17.9") && !is_known("1.180.0") && !is_known(""));
    }
}
