//! The git branch of a folder, read from the files git keeps; no git is started.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest file this reads, in bytes. `HEAD` and a worktree's `.git` are one short line.
const MAX_FILE: u64 = 4096;

/// The branch checked out at `folder` or the nearest folder above it that is a repository or a worktree; the first
/// characters of the commit where no branch is.
pub(crate) fn of(folder: &Path) -> Option<String> {
    let git = folder.ancestors().find_map(|folder| {
        let git = folder.join(".git");
        git.symlink_metadata().is_ok().then_some(git)
    })?;
    let head = small_file(&git_dir(git)?.join("HEAD"))?;
    let head = head.trim();
    if let Some(name) = head.strip_prefix("ref:") {
        let name = name.trim();
        return Some(name.strip_prefix("refs/heads/").unwrap_or(name).chars().take(120).collect());
    }
    let commit = head.len() >= 40 && head.bytes().all(|b| b.is_ascii_hexdigit());
    commit.then(|| head[..10].to_owned())
}

/// The repository's own folder. In a worktree or submodule `.git` is a file that names it.
fn git_dir(git: PathBuf) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git);
    }
    let text = small_file(&git)?;
    let target = text.trim().strip_prefix("gitdir:")?.trim();
    Some(git.parent()?.join(target))
}

fn small_file(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    if found.is_file() && found.len() <= MAX_FILE { fs::read_to_string(path).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(folder: &Path, head: &str) {
        fs::create_dir_all(folder.join(".git")).unwrap();
        fs::write(folder.join(".git/HEAD"), head).unwrap();
    }

    #[test]
    fn found_in_the_folder_and_in_those_above() {
        let top = tempfile::tempdir().unwrap();
        repository(top.path(), "ref: refs/heads/feature/reins\n");
        let inner = top.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        assert_eq!(of(top.path()).as_deref(), Some("feature/reins"));
        assert_eq!(of(&inner).as_deref(), Some("feature/reins"));
    }

    #[test]
    fn a_worktree_has_its_own() {
        let top = tempfile::tempdir().unwrap();
        repository(top.path(), "ref: refs/heads/main\n");
        let own = top.path().join(".git/worktrees/other");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("HEAD"), "ref: refs/heads/other\n").unwrap();
        let tree = top.path().join("other");
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join(".git"), "gitdir: ../.git/worktrees/other\n").unwrap();
        assert_eq!(of(&tree).as_deref(), Some("other"));
    }

    #[test]
    fn a_detached_head_is_named_by_its_commit() {
        let top = tempfile::tempdir().unwrap();
        repository(top.path(), "0123456789abcdef0123456789abcdef01234567\n");
        assert_eq!(of(top.path()).as_deref(), Some("0123456789"));
    }

    #[test]
    fn what_is_no_repository_has_none() {
        let top = tempfile::tempdir().unwrap();
        repository(top.path(), "something else\n");
        assert_eq!(of(top.path()), None);
        fs::write(top.path().join(".git/HEAD"), vec![b'x'; 10_000]).unwrap();
        assert_eq!(of(top.path()), None);
        assert_eq!(of(Path::new("/")), None);
    }
}
