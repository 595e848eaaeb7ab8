//! The hosts that this machine is a client of: one private file each, with the key of this device for that host.
//!
//! Every host gets a device key of its own, so that two hosts cannot tell that they know the same machine.

use crate::Error;
use seal::{Psk, PublicKey, StaticSecret};
use serde::{Deserialize, Serialize};
use session::id::DeviceId;
use session::role::Role;
use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use store::Paths;
use wire::Rid;
use zeroize::Zeroizing;

/// Longest name of a host as a file, in bytes.
const MAX_NAME: usize = 64;

/// A host this machine is enrolled at, and all that is needed to come back.
pub struct KnownHost {
    /// What people call it; the name of its file.
    pub name: String,
    /// Origin of the relay it is reached through, `http(s)://host[:port]`.
    pub relay: String,
    /// Its slot there.
    pub rid: Rid,
    /// Its key, pinned.
    pub host: PublicKey,
    /// What it calls this device.
    pub device: DeviceId,
    /// What this device may do there, as of the pairing.
    pub role: Role,
    /// This device's key, for this host alone.
    pub(crate) key: StaticSecret,
    /// The pre-shared key of every handshake.
    pub(crate) secret: Psk,
}

impl fmt::Debug for KnownHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownHost")
            .field("name", &self.name)
            .field("relay", &self.relay)
            .finish_non_exhaustive()
    }
}

impl Clone for KnownHost {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            relay: self.relay.clone(),
            rid: self.rid,
            host: self.host,
            device: self.device.clone(),
            role: self.role,
            key: StaticSecret::from_bytes(*self.key.as_bytes()),
            secret: self.secret.clone(),
        }
    }
}

/// The file's form.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    relay: String,
    rid: String,
    host: PublicKey,
    device: DeviceId,
    role: Role,
    key: Zeroizing<[u8; 32]>,
    secret: Zeroizing<[u8; 32]>,
}

/// The folder of known hosts.
#[derive(Clone, Debug)]
pub struct KnownHosts {
    folder: PathBuf,
}

impl KnownHosts {
    /// Those of this user.
    pub fn new(paths: &Paths) -> Self {
        Self { folder: paths.hosts_dir() }
    }

    /// All of them, by name.
    pub fn list(&self) -> Result<Vec<KnownHost>, Error> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|source| self.file(self.folder.clone(), source))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| self.file(self.folder.clone(), source))?;
            let name = entry.file_name().into_string().ok();
            names.extend(name.as_deref().and_then(|name| name.strip_suffix(".json")).map(str::to_owned));
        }
        names.sort();
        names.iter().filter_map(|name| self.find(name).transpose()).collect()
    }

    /// The host of that name.
    pub fn find(&self, name: &str) -> Result<Option<KnownHost>, Error> {
        if file_name(name) != name {
            return Ok(None);
        }
        let path = self.path(name);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => Zeroizing::new(text.map_err(|source| self.file(path.clone(), source))?),
        };
        let stored: Stored =
            serde_json::from_slice(&text).map_err(|_| Error::DamagedHost { path: path.clone() })?;
        let rid = stored.rid.parse().map_err(|_| Error::DamagedHost { path })?;
        Ok(Some(KnownHost {
            name: name.to_owned(),
            relay: stored.relay,
            rid,
            host: stored.host,
            device: stored.device,
            role: stored.role,
            key: StaticSecret::from_bytes(*stored.key),
            secret: Psk::from_bytes(*stored.secret),
        }))
    }

    /// Keeps a host; replaces the one of that name.
    pub fn save(&self, host: &KnownHost) -> Result<(), Error> {
        let stored = Stored {
            version: 1,
            relay: host.relay.clone(),
            rid: host.rid.to_string(),
            host: host.host,
            device: host.device.clone(),
            role: host.role,
            key: Zeroizing::new(*host.key.as_bytes()),
            secret: Zeroizing::new(*host.secret.as_bytes()),
        };
        let text = serde_json::to_vec(&stored).map_err(|_| Error::Internal("a host's file"))?;
        Ok(store::write_private(&self.path(&host.name), &Zeroizing::new(text))?)
    }

    /// Forgets a host; false where there is none of that name.
    pub fn remove(&self, name: &str) -> Result<bool, Error> {
        if file_name(name) != name {
            return Ok(false);
        }
        let path = self.path(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(self.file(path, source)),
        }
    }

    /// That a host with this key can be kept under the name: it is a file's, and no other host's.
    pub(crate) fn check_name(&self, name: &str, key: &PublicKey) -> Result<(), Error> {
        if file_name(name) != name {
            return Err(Error::Unusable { name: name.to_owned() });
        }
        match self.find(name)? {
            Some(known) if known.host != *key => Err(Error::Taken { name: name.to_owned() }),
            _ => Ok(()),
        }
    }

    /// A name for a host that calls itself `wanted`: that, unless another host has it already.
    pub(crate) fn free_name(&self, wanted: &str, key: &PublicKey) -> Result<String, Error> {
        let wanted = file_name(wanted);
        let mut name = wanted.clone();
        for n in 2..1000 {
            match self.find(&name) {
                Ok(None) => return Ok(name),
                // The same host, paired again: the new enrolment replaces the old one.
                Ok(Some(known)) if known.host == *key => return Ok(name),
                Ok(Some(_)) | Err(Error::DamagedHost { .. }) => name = format!("{wanted}-{n}"),
                Err(error) => return Err(error),
            }
        }
        Err(Error::Internal("a name for the host"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }

    #[expect(clippy::unused_self, reason = "reads like the other lookups")]
    fn file(&self, path: PathBuf, source: io::Error) -> Error {
        Error::Store(store::Error::File { path, source })
    }
}

/// What a host calls itself, as a file name that cannot leave the folder.
fn file_name(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' };
    let mut name: String = name.trim().trim_start_matches('.').chars().map(safe).collect();
    name.truncate(name.floor_char_boundary(MAX_NAME));
    if name.is_empty() { "host".to_owned() } else { name }
}
