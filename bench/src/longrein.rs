//! Longrein as it is used: its own daemon under a home of its own, and a native client on the same machine.

use crate::remote::{PATIENCE, contains};
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use client::{Connection, KnownHosts, Route};
use session::codec::MAX_PAYLOAD;
use session::follow::{Follow, Took};
use session::id::{SessionId, StreamId};
use session::message::{Act, Create, Created, Cursor, Event, Method, Size, Status, ToClient, ToHost};
use std::cell::RefCell;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use store::Paths;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How this client calls itself.
const CLIENT: &str = concat!("longrein-bench/", env!("CARGO_PKG_VERSION"));
/// The size every terminal here has.
pub const SIZE: Size = Size { cols: 80, rows: 24 };

/// A daemon, perhaps a relay beside it, and this machine enrolled as its client.
pub struct Host {
    program: PathBuf,
    folder: TempDir,
    relay: Option<Child>,
    relay_url: Option<String>,
    sessions: RefCell<Vec<SessionId>>,
    /// As the host's own user.
    pub paths: Paths,
}

impl Host {
    /// Starts a daemon; with a relay in a process of its own where `standalone` is set.
    pub async fn start(program: &Path, standalone: bool) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let paths = Paths::under(folder.path());
        let mut host = Self {
            program: program.to_owned(),
            folder,
            relay: None,
            relay_url: None,
            sessions: RefCell::default(),
            paths,
        };
        if standalone {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let relay = Command::new(program)
                .args(["relay", "--bind", &format!("127.0.0.1:{port}")])
                .env("LONGREIN_HOME", host.folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .spawn()?;
            host.relay = Some(relay);
            host.relay_url = Some(format!("ws://127.0.0.1:{port}"));
            until("the relay to listen", async || {
                Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok())
            })
            .await?;
        }
        host.up().await?;
        Ok(host)
    }

    /// `longrein ARGS…`, which must succeed; its standard output.
    pub async fn command(&self, args: &[&str]) -> Result<String> {
        let output = Command::new(&self.program)
            .args(args)
            .env("LONGREIN_HOME", self.folder.path())
            .stdin(Stdio::null())
            .output();
        let output = timeout(PATIENCE, output).await??;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "longrein {}: {error}", args.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// `longrein up`.
    pub async fn up(&self) -> Result<()> {
        let relay = self.relay_url.as_deref();
        let args: Vec<&str> =
            ["up"].into_iter().chain(relay.into_iter().flat_map(|url| ["--relay", url])).collect();
        self.command(&args).await?;
        Ok(())
    }

    /// What the daemon says of itself.
    pub async fn status(&self) -> Result<Status> {
        self.call(Method::HostStatus {}).await
    }

    /// The relay's own process, where it has one.
    pub fn relay_pid(&self) -> Option<u32> {
        self.relay.as_ref().and_then(Child::id)
    }

    async fn call<T: serde::de::DeserializeOwned>(&self, method: Method) -> Result<T> {
        let route = Route::Daemon(self.paths.clone());
        let mut connection = Connection::open(&route, None, CLIENT, stream()?).await?;
        Ok(connection.call(method).await?)
    }

    /// Starts a session.
    pub async fn session(&self, command: Vec<String>) -> Result<SessionId> {
        let env = std::env::vars().collect();
        let create = Create {
            command,
            cwd: None,
            name: None,
            size: Some(SIZE),
            env: Some(env),
            ttl: None,
            agent: None,
            asks: false,
        };
        let created: Created = self.call(Method::SessionCreate(create)).await?;
        self.sessions.borrow_mut().push(created.session.clone());
        Ok(created.session)
    }

    /// Its keeper's process.
    pub async fn keeper_pid(&self, session: &SessionId) -> Result<u32> {
        let route = Route::Daemon(self.paths.clone());
        let all = Connection::open(&route, None, CLIENT, stream()?).await?.sessions().await?;
        all.iter().find(|one| one.id == *session).and_then(|one| one.keeper_pid).context("no keeper")
    }

    /// Enrols this machine as a device, once.
    pub async fn join(&self) -> Result<Route> {
        let known = KnownHosts::new(&self.paths);
        if let Some(host) = known.list()?.into_iter().next() {
            return Ok(Route::Host(Box::new(host)));
        }
        let invited: serde_json::Value = serde_json::from_str(&self.command(&["pair", "--json"]).await?)?;
        let url = invited["url"].as_str().context("no url")?;
        let paired = client::pair(&known, url, "bench", None, |_| {}).await?;
        Ok(Route::Host(Box::new(paired.host)))
    }

    /// Straight to the keepers.
    pub fn local(&self) -> Route {
        Route::Keeper(self.paths.clone())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Sessions outlive a daemon, so they are ended first; one that has ended already says so and no more.
        let sessions = self.sessions.take();
        let kills = sessions.iter().map(|session| vec!["kill", session.as_str()]);
        for args in kills.chain([vec!["down"]]) {
            let _ = std::process::Command::new(&self.program)
                .args(&args)
                .env("LONGREIN_HOME", self.folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

fn stream() -> Result<StreamId> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).context("no randomness")?;
    Ok(StreamId::from_random(bytes))
}

/// Tries until it gives something.
pub async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(found) = probe().await? {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    bail!("waited in vain for {what}")
}

/// One attached client that takes in everything and keeps nothing.
pub struct Terminal {
    connection: Connection,
    session: SessionId,
    follow: Follow,
    commands: u64,
    /// Snapshots that came among output.
    pub snapshots: u32,
    /// Bytes of the last snapshot.
    pub snapshot: Vec<u8>,
}

impl Terminal {
    /// Attaches from the beginning.
    pub async fn attach(route: &Route, session: &SessionId, window: u32) -> Result<Self> {
        Self::follow(Self::connect(route, session).await?, session, window).await
    }

    /// Connects, with all that takes: ticket, socket, handshake, greeting.
    pub async fn connect(route: &Route, session: &SessionId) -> Result<Connection> {
        Ok(Connection::open(route, Some(session), CLIENT, stream()?).await?)
    }

    /// Attaches over a connection that stands.
    pub async fn follow(mut connection: Connection, session: &SessionId, window: u32) -> Result<Self> {
        let follow = Follow::new(window);
        let (after, window) = follow.resume();
        let attach = ToHost::Attach {
            session: session.clone(),
            after,
            size: Some(SIZE),
            window,
            scrollback: None,
            redraw: false,
        };
        connection.send(&attach, &[]).await?;
        let session = session.clone();
        Ok(Self { connection, session, follow, commands: 0, snapshots: 0, snapshot: Vec::new() })
    }

    /// Types these bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(MAX_PAYLOAD) {
            self.commands += 1;
            let command =
                ToHost::Command { session: self.session.clone(), n: self.commands, act: Act::Input };
            self.connection.send(&command, piece).await?;
        }
        Ok(())
    }

    /// Takes in one message, and acks where that is due.
    pub async fn next(&mut self) -> Result<Came> {
        let (message, payload) = self.connection.recv().await?;
        let now = Instant::now();
        let mut came = Came::Other;
        match message {
            ToClient::Attached { head, .. } => {
                self.follow.handle_attached(head);
            }
            ToClient::Event { epoch, seq, event, .. } => {
                let took = self.follow.handle_event(Cursor { epoch, seq }, &event, payload.len(), now)?;
                if took == Took::Apply && event == Event::Output {
                    came = Came::Output(payload);
                }
            }
            ToClient::Snapshot { epoch, seq, part, last, .. } => {
                let at = Cursor { epoch, seq };
                let piece = self.follow.handle_piece(at, part, last, payload.len(), now)?;
                if piece.first {
                    self.snapshot.clear();
                }
                self.snapshot.extend_from_slice(&payload);
                if last {
                    came = Came::Snapshot;
                }
            }
            ToClient::Detached { why, .. } => bail!("detached: {why:?}"),
            ToClient::Refused { why, .. } => bail!("refused: {why}"),
            _ => {}
        }
        if let Some(ack) = self.follow.poll_ack(now, true) {
            let (session, epoch, seq, part) = (self.session.clone(), ack.epoch, ack.seq, ack.part);
            self.connection.send(&ToHost::Ack { session, epoch, seq, part }, &[]).await?;
        }
        Ok(came)
    }

    /// Waits until these bytes were put out, or are on the screen that a snapshot brings: typed while one is made, they
    /// may be in it.
    pub async fn until_shown(&mut self, bytes: &[u8]) -> Result<()> {
        let mut out = Vec::new();
        while !contains(&out, bytes) {
            match self.next().await? {
                Came::Output(more) => out.extend_from_slice(&more),
                Came::Snapshot => out.clone_from(&self.snapshot),
                Came::Other => {}
            }
        }
        Ok(())
    }

    /// Waits for output and appends it. A snapshot is no output; it only shows that something was skipped.
    pub async fn recv(&mut self, out: &mut Vec<u8>) -> Result<usize> {
        loop {
            match self.next().await? {
                Came::Output(bytes) => {
                    out.extend_from_slice(&bytes);
                    return Ok(bytes.len());
                }
                Came::Snapshot => self.snapshots += 1,
                Came::Other => {}
            }
        }
    }
}

/// What one message was.
pub enum Came {
    /// Terminal output.
    Output(Bytes),
    /// The last piece of a snapshot.
    Snapshot,
    /// Something else.
    Other,
}
