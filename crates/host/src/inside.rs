//! Whether a local program runs inside a session: it descends from the session's keeper, which has adopted its orphans too.
//!
//! So that an agent does not answer its own questions, by accident or by a simple trick. It is no confinement: what runs as
//! the same user can trace other processes and write to other sockets.

use crate::core::{Core, failure};
use session::message::{ErrorKind, Failure};
use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Ancestors that are looked at.
const MAX_ANCESTORS: usize = 1000;

/// Whether a program descends from the keeper of a session. One that is gone, or not told, may. Where the system has no
/// `/proc` nothing is known, and none does.
pub(crate) fn of_a_session(core: &Core, process: Option<i32>) -> bool {
    if !cfg!(target_os = "linux") {
        return false;
    }
    let keepers = core.board.running(|summary| summary.keeper_pid);
    let keepers: HashSet<_> =
        keepers.into_iter().flatten().filter_map(|pid| i32::try_from(pid).ok()).collect();
    descends(process, |process| keepers.contains(&process) || keeps(process, &core.program), parent)
}

/// Whether a process is a keeper by what was started, whoever has heard of it: its program runs before it is listed here, and
/// while this host begins.
fn keeps(process: i32, program: &Path) -> bool {
    let words = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    if words.split(|byte| *byte == 0).nth(1) != Some(b"keeper") {
        return false;
    }
    let Ok(runs) = std::fs::read_link(format!("/proc/{process}/exe")) else { return true };
    // An upgrade has put another file in its place.
    let runs = runs.as_os_str().as_bytes();
    let runs = runs.strip_suffix(b" (deleted)").unwrap_or(runs);
    program.canonicalize().is_ok_and(|program| program.as_os_str().as_bytes() == runs)
        || program.as_os_str().as_bytes() == runs
}

/// Why it is refused.
pub(crate) fn refusal() -> Failure {
    failure(
        ErrorKind::Forbidden,
        "approvals are decided outside of sessions, and tokens made there, so that no program answers its own questions",
        "do it in another terminal, or on a device",
    )
}

fn descends(
    process: Option<i32>,
    is_keeper: impl Fn(i32) -> bool,
    parent: impl Fn(i32) -> Option<i32>,
) -> bool {
    let Some(process) = process else { return true };
    let Some(mut ancestor) = parent(process) else { return true };
    for _ in 0..MAX_ANCESTORS {
        if is_keeper(ancestor) {
            return true;
        }
        // One that cannot be looked at is another user's, or the last.
        match parent(ancestor) {
            Some(next) if ancestor > 1 => ancestor = next,
            _ => return false,
        }
    }
    true
}

/// From `/proc/PID/stat`, in which the parent is the second word behind the name; that may hold anything, but ends with the
/// last `)`.
fn parent(process: i32) -> Option<i32> {
    let stat = std::fs::read(format!("/proc/{process}/stat")).ok()?;
    parent_in(&String::from_utf8_lossy(&stat))
}

fn parent_in(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_among_the_ancestors_is_found_and_what_is_not_known_is_inside() {
        let is_keeper = |process| [10, 20].contains(&process);
        let parents = |of: i32| {
            [(1, 0), (5, 1), (6, 5), (10, 5), (11, 10), (12, 11), (20, 12), (21, 20)]
                .into_iter()
                .find_map(|(child, parent)| (child == of).then_some(parent))
        };
        for (process, inside) in [
            (Some(11), true),
            (Some(12), true),
            (Some(21), true),
            (Some(6), false),
            (Some(5), false),
            // A daemon that was started inside a session is below its keeper, and so is what it starts.
            (Some(20), true),
            (Some(99), true),
            (None, true),
        ] {
            assert_eq!(descends(process, is_keeper, parents), inside, "{process:?}");
        }
        assert!(!descends(Some(6), |_| false, parents));
        assert!(descends(Some(6), |_| false, |_| Some(7)), "a circle has an end");
    }

    #[test]
    fn a_program_s_name_hides_no_parent() {
        assert_eq!(parent_in("12 (a) S 1) (b) S 42 12 12 0"), Some(42));
        assert_eq!(parent_in("12 (a"), None);
    }
}
