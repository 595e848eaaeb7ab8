//! Where everything lies.
//!
//! ```text
//! state/host.db              identity, devices, audit
//! state/host.lock            held by the one daemon of this user
//! state/hosts/<name>.json    hosts this machine is a client of
//! state/sessions/<id>/log.db, log.bulk, log.lock, meta.json
//! state/incoming/<id>/       the same, while it is put together
//! state/removed/<id>/        the same, while it is removed
//! run/host.sock              the daemon
//! run/k/<id>.sock            one keeper each (run/ is state/run, or beside state/ under LONGREIN_HOME)
//! config/
//! ```
//!
//! Sockets lie in the state folder and not in `XDG_RUNTIME_DIR`: that one differs between a login and a `sudo` or a
//! cron job, and is emptied when the user's last login ends, while keepers go on.

use crate::log::{self, log_in_use};
use crate::{Error, crash};
use etcetera::BaseStrategy;
use rustix::fs::{Access, AtFlags, CWD, Mode};
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest path of a unix socket, in bytes: `sun_path` less its final zero.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
/// Names in a session's folder.
const LOG: &str = "log.db";
const META: &str = "meta.json";
/// How long ago a folder was touched last whose maker is taken for dead.
const ABANDONED: Duration = Duration::from_mins(10);

/// The folders of one user's Longrein.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paths {
    /// Databases, logs, known hosts.
    pub state: PathBuf,
    /// What a person may edit.
    pub config: PathBuf,
    /// Sockets.
    pub run: PathBuf,
}

impl Paths {
    /// From `LONGREIN_HOME`, or else the XDG folders.
    pub fn from_env() -> Result<Self, Error> {
        if let Some(home) = std::env::var_os("LONGREIN_HOME").filter(|home| !home.is_empty()) {
            let home = std::path::absolute(&home)
                .map_err(|source| Error::Folder { path: PathBuf::from(&home), source })?;
            return Ok(Self::under(&home));
        }
        let base = etcetera::choose_base_strategy().map_err(|_| Error::NoHome)?;
        let state = base.state_dir().unwrap_or_else(|| base.data_dir()).join("longrein");
        Ok(Self { run: state.join("run"), state, config: base.config_dir().join("longrein") })
    }

    /// Everything under one folder.
    pub fn under(home: &Path) -> Self {
        Self { state: home.join("state"), config: home.join("config"), run: home.join("run") }
    }

    /// Makes the folders, each 0700, and checks that they are ours and can be written to.
    pub fn create(&self) -> Result<(), Error> {
        for folder in [
            &self.state,
            &self.config,
            &self.run,
            &self.keeper_socks(),
            &self.sessions_dir(),
            &self.hosts_dir(),
            &self.removed_dir(),
        ] {
            private_folder(folder)?;
        }
        Ok(())
    }

    /// The daemon's socket.
    pub fn host_sock(&self) -> Result<PathBuf, Error> {
        socket(self.run.join("host.sock"))
    }

    /// A keeper's socket.
    pub fn keeper_sock(&self, session: &str) -> Result<PathBuf, Error> {
        socket(self.keeper_socks().join(format!("{session}.sock")))
    }

    /// The ids of the keepers that have a socket; such a keeper may be dead.
    pub fn keepers(&self) -> Result<Vec<String>, Error> {
        let names = list(&self.keeper_socks())?;
        Ok(names.into_iter().filter_map(|name| name.strip_suffix(".sock").map(str::to_owned)).collect())
    }

    /// The ids of all sessions that have a folder.
    pub fn sessions(&self) -> Result<Vec<String>, Error> {
        list(&self.sessions_dir())
    }

    /// The daemon's database.
    pub fn host_db(&self) -> PathBuf {
        self.state.join("host.db")
    }

    /// The daemon's index of what was decided in all sessions.
    pub fn decisions_db(&self) -> PathBuf {
        self.state.join("decisions.db")
    }

    /// The file whose lock the one daemon holds.
    pub fn host_lock(&self) -> PathBuf {
        self.state.join("host.lock")
    }

    /// The folder of the hosts that this machine is a client of.
    pub fn hosts_dir(&self) -> PathBuf {
        self.state.join("hosts")
    }

    /// One session's folder.
    pub fn session_dir(&self, session: &str) -> PathBuf {
        self.sessions_dir().join(session)
    }

    /// One session's log.
    pub fn session_log(&self, session: &str) -> PathBuf {
        self.session_dir(session).join(LOG)
    }

    /// One session's last summary.
    pub fn session_meta(&self, session: &str) -> PathBuf {
        self.session_dir(session).join(META)
    }

    /// Makes one session's folder, 0700.
    pub fn create_session_dir(&self, session: &str) -> Result<PathBuf, Error> {
        let folder = self.session_dir(session);
        private_folder(&folder)?;
        Ok(folder)
    }

    /// Makes a folder, 0700, for a session that is put together; it is none before [`Paths::place_session`]. What an
    /// earlier attempt left behind is removed.
    pub fn create_incoming(&self, session: &str) -> Result<PathBuf, Error> {
        let all = self.state.join("incoming");
        private_folder(&all)?;
        for name in list(&all)? {
            let left = all.join(name);
            let is_old = fs::metadata(&left)
                .and_then(|found| found.modified())
                .is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > ABANDONED));
            if is_old && !log_in_use(&left.join(LOG)) {
                // Whoever makes the next one tries again.
                let _ = fs::remove_dir_all(&left);
            }
        }
        let folder = all.join(session);
        private_folder(&folder)?;
        Ok(folder)
    }

    /// Makes a session of a folder of [`Paths::create_incoming`], whose log must be closed.
    pub fn place_session(&self, session: &str) -> Result<(), Error> {
        let (from, to) = (self.state.join("incoming").join(session), self.session_dir(session));
        fs::rename(from, &to).map_err(|source| Error::Folder { path: to, source })
    }

    /// Forgets a session: its folder with all that is in it, and a socket that was left behind. The folder is out of the
    /// way at once, so that nobody finds a part of it.
    pub fn remove_session(&self, session: &str) -> Result<(), Error> {
        let (folder, away) = (self.session_dir(session), self.removed_dir().join(session));
        let failed = |source| Error::Folder { path: folder.clone(), source };
        fs::remove_dir_all(&away).or_else(gone).map_err(failed)?;
        fs::rename(&folder, &away).or_else(gone).map_err(failed)?;
        fs::remove_dir_all(&away).or_else(gone).map_err(failed)?;
        let sock = self.keeper_sock(session)?;
        fs::remove_file(&sock).or_else(gone).map_err(|source| Error::File { path: sock, source })
    }

    /// As [`Paths::remove_session`], where no process has its log open, nor opens it meanwhile; [`Error::InUse`] else.
    pub fn remove_unused_session(&self, session: &str) -> Result<(), Error> {
        let _lock = if self.session_dir(session).exists() {
            Some(log::lock(&self.session_log(session))?)
        } else {
            None
        };
        self.remove_session(session)
    }

    /// Removes what was being removed when the process that did it ended.
    pub fn remove_leftovers(&self) -> Result<(), Error> {
        let folder = self.removed_dir();
        for name in list(&folder)? {
            let left = folder.join(name);
            fs::remove_dir_all(&left).map_err(|source| Error::Folder { path: left, source })?;
        }
        Ok(())
    }

    fn removed_dir(&self) -> PathBuf {
        self.state.join("removed")
    }

    fn keeper_socks(&self) -> PathBuf {
        self.run.join("k")
    }

    fn sessions_dir(&self) -> PathBuf {
        self.state.join("sessions")
    }
}

/// Writes a file of mode 0600 so that a reader sees the old bytes or the new ones, never a part; after a power cut too.
/// Waits for the disk.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let write = || {
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        // A rename that reached the disk before the bytes did would leave an empty file.
        file.sync_all()?;
        drop(file);
        crash::reach("file-written");
        fs::rename(&beside, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(|source| {
        // What is left of a failed attempt is of no use; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&beside);
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full,
            _ => Error::File { path: path.to_owned(), source },
        }
    })
}

fn gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn private_folder(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Folder { path: path.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let found = fs::metadata(path).map_err(failed)?;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::NotOurs { path: path.to_owned() });
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    rustix::fs::accessat(CWD, path, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
        .map_err(|error| failed(error.into()))
}

fn socket(path: PathBuf) -> Result<PathBuf, Error> {
    if path.as_os_str().as_bytes().len() > MAX_SOCKET_PATH {
        return Err(Error::SocketPath { path, max: MAX_SOCKET_PATH });
    }
    Ok(path)
}

fn list(folder: &Path) -> Result<Vec<String>, Error> {
    let failed = |source| Error::Folder { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        // A name that is not text was not made by us.
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Makes an empty file of mode 0600 where there is none, so that a library that opens it keeps that mode.
pub(crate) fn private_file(path: &Path) -> Result<(), Error> {
    let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    let failed = |source| Error::File { path: path.to_owned(), source };
    let file = opened.map_err(failed)?;
    rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR).map_err(|error| failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionLog;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn folders_are_private_even_where_they_were_not() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(home.path());
        fs::create_dir_all(&paths.state).unwrap();
        fs::set_permissions(&paths.state, fs::Permissions::from_mode(0o755)).unwrap();
        paths.create().unwrap();
        for folder in [&paths.state, &paths.config, &paths.run, &paths.keeper_socks(), &paths.sessions_dir()]
        {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        paths.create().unwrap();
    }

    #[test]
    fn a_file_where_a_folder_should_be_is_said_with_a_hint() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        fs::write(&path, "").unwrap();
        let error = Paths::under(&path).create().unwrap_err();
        assert!(matches!(error, Error::Folder { .. }), "{error:?}");
        assert!(error.hint().contains("LONGREIN_HOME"));
    }

    #[test]
    fn a_socket_path_over_the_bound_is_refused_with_a_hint() {
        let error = Paths::under(Path::new(&format!("/{}", "x".repeat(100)))).host_sock().unwrap_err();
        assert!(matches!(error, Error::SocketPath { .. }), "{error:?}");
        assert!(error.hint().contains("shorter"));
        Paths::under(Path::new("/short")).keeper_sock("abcdefghijklmnop").unwrap();
    }

    #[test]
    fn written_files_are_private_and_replace_the_old_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("meta.json");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_session_that_is_put_together_is_none_before_it_is_placed() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(home.path());
        paths.create().unwrap();
        let left = paths.create_incoming("left").unwrap();
        let old = fs::File::open(&left).unwrap();
        old.set_modified(std::time::SystemTime::now() - 2 * ABANDONED).unwrap();
        let folder = paths.create_incoming("aaaa").unwrap();
        assert_eq!(mode(&folder), 0o700);
        assert!(!left.exists(), "what an earlier attempt left is gone");
        assert!(paths.sessions().unwrap().is_empty());
        paths.place_session("aaaa").unwrap();
        assert_eq!(paths.sessions().unwrap(), ["aaaa"]);
        assert!(!folder.exists() && paths.place_session("bbbb").is_err());
    }

    #[test]
    fn a_session_whose_log_is_open_is_not_removed_and_nothing_of_one_that_is_stays() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(home.path());
        paths.create().unwrap();
        paths.create_session_dir("aaaa").unwrap();
        let log = SessionLog::open(&paths.session_log("aaaa"), "boot").unwrap();
        let refused = paths.remove_unused_session("aaaa").unwrap_err();
        assert!(matches!(refused, Error::InUse { .. }), "{refused:?}");
        assert!(paths.session_log("aaaa").exists());
        drop(log);
        // What an attempt that was killed left behind is in nobody's way.
        fs::create_dir_all(paths.removed_dir().join("aaaa/left")).unwrap();
        paths.remove_unused_session("aaaa").unwrap();
        assert!(!paths.session_dir("aaaa").exists());
        assert_eq!(list(&paths.removed_dir()).unwrap(), [""; 0]);
        paths.remove_unused_session("aaaa").unwrap();
        fs::create_dir_all(paths.removed_dir().join("bbbb/left")).unwrap();
        paths.remove_leftovers().unwrap();
        assert_eq!(list(&paths.removed_dir()).unwrap(), [""; 0]);
    }

    #[test]
    fn sessions_and_keepers_are_listed_and_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::under(home.path());
        assert!(paths.sessions().unwrap().is_empty());
        paths.create().unwrap();
        paths.create_session_dir("aaaa").unwrap();
        fs::write(paths.session_meta("aaaa"), "{}").unwrap();
        fs::write(paths.keeper_sock("aaaa").unwrap(), "").unwrap();
        assert_eq!(paths.sessions().unwrap(), ["aaaa"]);
        assert_eq!(paths.keepers().unwrap(), ["aaaa"]);
        paths.remove_session("aaaa").unwrap();
        paths.remove_session("aaaa").unwrap();
        assert!(paths.sessions().unwrap().is_empty());
        assert!(paths.keepers().unwrap().is_empty());
    }
}
