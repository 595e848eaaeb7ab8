//! Files that people give to the agent: in the session's own folder, each written once, piece by piece.

use crate::session::failure;
use session::message::{ErrorKind, Failure};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

/// Bytes of one file.
const MAX_FILE: u64 = 20 * 1024 * 1024;
/// Bytes of all files of a session.
const MAX_FILES: u64 = 200 * 1024 * 1024;
/// Files of a session.
const MAX_COUNT: usize = 1000;
/// Characters of a name.
const MAX_NAME: usize = 64;

#[derive(Debug)]
struct Upload {
    bytes: u64,
    whole: bool,
}

/// The files of one session, all of them made by this keeper.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    folder: PathBuf,
    files: BTreeMap<String, Upload>,
}

impl Uploads {
    /// They are to lie in this folder, which is made with the first.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, files: BTreeMap::new() }
    }

    /// Whether all of this file has come.
    pub fn has(&self, name: &str) -> bool {
        self.files.get(name).is_some_and(|file| file.whole)
    }

    /// Where a file lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Takes in a piece.
    pub fn handle_piece(&mut self, name: &str, from: u64, last: bool, piece: &[u8]) -> Result<(), Failure> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty()
            || name.len() > MAX_NAME
            || name.starts_with(['.', '-'])
            || !name.chars().all(plain)
        {
            let message = format!("a file's name has at most {MAX_NAME} letters, digits, dots, `-` and `_`");
            return Err(failure(ErrorKind::Invalid, message, ""));
        }
        let (known, whole) = self.files.get(name).map_or((0, false), |file| (file.bytes, file.whole));
        if from != known || whole {
            let message = "this piece of the file does not follow what came before";
            return Err(failure(ErrorKind::Invalid, message, "send the file again, under another name"));
        }
        let (length, all) =
            (from + piece.len() as u64, self.files.values().map(|file| file.bytes).sum::<u64>());
        if length > MAX_FILE {
            let message = format!("a file has at most {} MiB", MAX_FILE >> 20);
            return Err(failure(ErrorKind::Limited, message, "put it into the project's folder instead"));
        }
        if all + piece.len() as u64 > MAX_FILES || (from == 0 && self.files.len() >= MAX_COUNT) {
            let message = "this session has no room for more files";
            return Err(failure(ErrorKind::Limited, message, "put it into the project's folder instead"));
        }
        self.write(name, from == 0, piece).map_err(|error| {
            failure(
                ErrorKind::Environment,
                format!("the file cannot be written: {error}"),
                "make room on the host's disk",
            )
        })?;
        self.files.insert(name.to_owned(), Upload { bytes: length, whole: last });
        Ok(())
    }

    fn write(&self, name: &str, first: bool, piece: &[u8]) -> std::io::Result<()> {
        if first {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        }
        let mut file = OpenOptions::new().append(true).create_new(first).mode(0o600).open(self.path(name))?;
        let before = file.metadata()?.len();
        file.write_all(piece).inspect_err(|_| {
            // So that the same piece can come again when there is room.
            let _ = if first { std::fs::remove_file(self.path(name)) } else { file.set_len(before) };
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_in_pieces_and_is_there_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut uploads = Uploads::new(folder.path().join("files"));
        uploads.handle_piece("a-1.png", 0, false, b"one ").unwrap();
        assert!(!uploads.has("a-1.png"));
        for (from, why) in [(0, "again"), (3, "over"), (9, "behind")] {
            assert!(uploads.handle_piece("a-1.png", from, false, b"x").is_err(), "{why}");
        }
        uploads.handle_piece("a-1.png", 4, true, b"two").unwrap();
        assert!(uploads.has("a-1.png"));
        assert_eq!(std::fs::read(uploads.path("a-1.png")).unwrap(), b"one two");
        assert!(uploads.handle_piece("a-1.png", 7, true, b"more").is_err(), "it is whole");
        assert!(uploads.handle_piece("a-1.png", 0, true, b"other").is_err(), "it is there");
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut uploads = Uploads::new(folder.path().join("files"));
        let long = "x".repeat(MAX_NAME + 1);
        for name in ["", "..", "../a", "a/b", ".hidden", "-rf", "a b", "ä", "a\n", "a\0", &long] {
            assert!(uploads.handle_piece(name, 0, true, b"x").is_err(), "{name:?}");
        }
        std::fs::create_dir(folder.path().join("files")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("files/link")).unwrap();
        assert!(uploads.handle_piece("link", 0, true, b"x").is_err(), "nothing that is there is written to");
    }

    #[test]
    fn files_have_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let mut uploads = Uploads::new(folder.path().to_owned());
        let piece = vec![0; usize::try_from(MAX_FILE).unwrap()];
        uploads.handle_piece("full", 0, false, &piece).unwrap();
        assert_eq!(uploads.handle_piece("full", MAX_FILE, true, b"x").unwrap_err().kind, ErrorKind::Limited);
        for n in 1..MAX_FILES / MAX_FILE {
            uploads.handle_piece(&n.to_string(), 0, true, &piece).unwrap();
        }
        assert_eq!(uploads.handle_piece("last", 0, true, b"x").unwrap_err().kind, ErrorKind::Limited);
    }
}
