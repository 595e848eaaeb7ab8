//! The daemon: one for each user of a machine. It holds the host's identity and devices, answers at the relay, and
//! carries messages between sealed channels and the keepers, who own the sessions.
//!
//! What always holds: nothing a caller sends has an effect before the caller has proved to be there; every message
//! of a client is checked against its role; the daemon can die at any time without a session noticing. It runs on
//! whatever tokio runtime it is started on; one thread is enough.

mod approvals;
mod asks;
pub mod awake;
mod board;
mod branch;
mod calls;
mod channel;
mod connections;
mod conversations;
mod core;
mod decisions;
mod devices;
mod door;
mod error;
mod folder;
pub mod history;
mod inside;
mod invite;
mod keepers;
mod local;
mod lock;
mod once;
mod opened;
mod relay_link;
mod restart;
mod said;
mod spawn;
mod streams;
mod tokens;
mod trip;

use crate::core::{Core, Parts};
use crate::devices::Devices;
use crate::lock::Lock;
use crate::tokens::Tokens;
use bytes::Bytes;
use link::unix::Listener;
use seal::StaticSecret;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::{HostDb, Paths};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use wire::{CloseCode, RelaySecret, Rid};
use zeroize::Zeroizing;

pub use crate::error::Error;

/// How long connections have to say goodbye when the daemon stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// Gives the host's end of a link to a relay inside this process: where frames go, and where they come from, the
/// first of which is `REGISTERED`. Asked again where a link ended.
pub type Attach = Box<dyn FnMut() -> Result<(mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>), CloseCode> + Send>;

/// How to reach the relay.
pub enum Relay {
    /// It runs inside this process.
    Embedded(Attach),
    /// It is somewhere else: an `http(s)` or `ws(s)` URL.
    Remote {
        /// Its address.
        url: String,
    },
}

/// How clients reach this host, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayKind {
    /// The relay inside the daemon.
    Embedded,
    /// A relay somewhere else.
    Remote,
    /// The relay inside the daemon, through a tunnel.
    Tunnel,
}

impl fmt::Display for RelayKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Remote => "remote",
            Self::Tunnel => "tunnel",
        })
    }
}

/// How a daemon runs.
pub struct Opts {
    /// What the host calls itself.
    pub name: String,
    /// Program and version, for clients.
    pub version: String,
    /// The executable that is started as `PROGRAM keeper`.
    pub program: PathBuf,
    /// How to reach the relay.
    pub relay: Relay,
    /// For the status.
    pub relay_kind: RelayKind,
    /// The page that invitations open.
    pub public_url: String,
    /// Origin of the relay, where it is not the page's own.
    pub relay_origin: Option<String>,
    /// What the embedded relay is bound to, for the status.
    pub address: Option<String>,
    /// Where programs of this machine find the HTTP API, for the status.
    pub api: Option<String>,
    /// Whether to keep the machine awake.
    pub awake: awake::Settings,
    /// Seconds after which what agents ask is denied, where nobody decides, in sessions that are started from now on; an
    /// hour where absent.
    pub expires_in: Option<u32>,
    /// How long ended sessions are kept.
    pub history: history::Settings,
}

/// A daemon that holds its lock and knows who it is, and does not serve yet.
pub struct Host {
    paths: Paths,
    lock: Lock,
    key: StaticSecret,
    secret: RelaySecret,
    devices: Devices,
    tokens: Tokens,
}

impl Host {
    /// Makes the folders, takes the lock that makes this the user's one daemon, and reads the identity, or makes one.
    pub fn open(paths: &Paths) -> Result<Self, Error> {
        paths.create()?;
        let lock = Lock::take(&paths.host_lock())?;
        if let Err(error) = paths.remove_leftovers() {
            tracing::warn!(%error, "what is left of a removed session stays");
        }
        let db = HostDb::open(&paths.host_db())?;
        let key = StaticSecret::from_bytes(*secret(&db, "key")?);
        let secret = RelaySecret(*secret(&db, "relay")?);
        let tokens = Tokens::load(&db)?;
        let devices = Devices::load(db)?;
        Ok(Self { paths: paths.clone(), lock, key, secret, devices, tokens })
    }

    /// What owns this host's slot on a relay.
    pub fn relay_secret(&self) -> RelaySecret {
        self.secret.clone()
    }

    /// This host's slot on a relay.
    pub fn rid(&self) -> Rid {
        self.secret.rid()
    }

    /// Starts to serve. When this returns, local programs are answered, and every keeper that runs is known.
    pub async fn start(self, opts: Opts) -> Result<Running, Error> {
        let Self { paths, lock, key, secret, devices, tokens } = self;
        if seal::origin(&opts.public_url).is_none() {
            return Err(Error::PublicUrl(opts.public_url));
        }
        let mut opts = opts;
        let relay = std::mem::replace(&mut opts.relay, Relay::Remote { url: String::new() }).try_into()?;
        let stopper = Stopper::new();
        let rid = secret.rid();
        let (awake, history) = (opts.awake, opts.history);
        let core = Arc::new(Core::new(Parts { paths, key, rid, devices, tokens, opts, stopper }));
        let listener = Listener::bind(&core.paths.host_sock()?).await?;
        keepers::adopt(&core).await?;
        let local = tokio::spawn(local::listen(Arc::clone(&core), listener));
        core.tasks.spawn(awake::keep(Arc::clone(&core), awake));
        core.tasks.spawn(history::keep(Arc::clone(&core), history));
        let link = tokio::spawn(relay_link::keep(Arc::clone(&core), relay, secret));
        Ok(Running { core, local, link, _lock: lock })
    }
}

/// A secret of the identity, made where there is none.
fn secret(db: &HostDb, name: &str) -> Result<Zeroizing<[u8; 32]>, Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    match db.secret(name)? {
        Some(kept) if kept.len() == bytes.len() => bytes.copy_from_slice(&kept),
        Some(_) => return Err(store::Error::Corrupt(format!("the host's secret {name:?} is damaged")).into()),
        None => {
            getrandom::fill(&mut *bytes).map_err(|_| Error::Random)?;
            db.set_secret(name, &*bytes)?;
        }
    }
    Ok(bytes)
}

/// A daemon that serves.
pub struct Running {
    core: Arc<Core>,
    local: JoinHandle<()>,
    link: JoinHandle<()>,
    _lock: Lock,
}

impl Running {
    /// Whether the host holds its slot on the relay.
    pub fn online(&self) -> watch::Receiver<bool> {
        self.core.online.subscribe()
    }

    /// A new page for invitations from here on, such as a tunnel's.
    pub fn set_public_url(&self, url: String) -> Result<(), Error> {
        if seal::origin(&url).is_none() {
            return Err(Error::PublicUrl(url));
        }
        self.core.set_public_url(url);
        Ok(())
    }

    /// What stops this daemon.
    pub fn stopper(&self) -> Stopper {
        self.core.stopper.clone()
    }

    /// Until the daemon has stopped: the socket is gone, the connections were told, and the lock is given back.
    pub async fn wait(self) {
        self.core.stopper.stopped().await;
        let Self { core, local, link, _lock } = self;
        core.tasks.close();
        let farewell = async {
            core.tasks.wait().await;
            // What they said last leaves the process through the link.
            link.abort();
            let _ = local.await;
        };
        if timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
    }
}

/// Stops a daemon. Clones stop the same one.
#[derive(Clone, Debug)]
pub struct Stopper {
    stop: Arc<watch::Sender<bool>>,
}

impl Stopper {
    fn new() -> Self {
        Self { stop: Arc::new(watch::Sender::new(false)) }
    }

    /// Stops it. Sessions go on.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Until somebody stopped it.
    pub async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        // The sender is alive: it is ours.
        let _ = stop.wait_for(|stop| *stop).await;
    }

    pub(crate) async fn stopped_and(&self, grace: Duration) {
        self.stopped().await;
        sleep(grace).await;
    }
}
