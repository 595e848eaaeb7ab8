//! One terminal at the far end of something: the floor, OpenSSH, or Longrein. All are driven alike.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// No single wait of a measurement may take longer.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The far end.
pub enum Remote {
    /// The floor.
    Floor {
        /// The connection.
        socket: TcpStream,
        /// The process with the PTY; ends when this is dropped.
        server: Child,
    },
    /// OpenSSH's own client, its terminal joined to pipes.
    Ssh {
        /// To the far terminal.
        stdin: ChildStdin,
        /// From it.
        stdout: ChildStdout,
        /// The client; ends when this is dropped.
        _client: Child,
    },
    /// Longrein, through a relay or locally.
    Longrein(Box<crate::longrein::Terminal>),
}

impl Remote {
    /// Types these bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Floor { socket, .. } => socket.write_all(bytes).await?,
            Self::Ssh { stdin, .. } => {
                stdin.write_all(bytes).await?;
                stdin.flush().await?;
            }
            Self::Longrein(terminal) => terminal.send(bytes).await?,
        }
        Ok(())
    }

    /// The pids of what stands between the two ends, for counting their CPU time.
    pub fn server_pids(&self, others: &[u32]) -> Vec<u32> {
        match self {
            Self::Floor { server, .. } => server.id().into_iter().collect(),
            Self::Ssh { .. } | Self::Longrein(_) => others.to_vec(),
        }
    }

    /// How often the far end left output out and sent a snapshot for it.
    pub fn snapshots(&self) -> u32 {
        match self {
            Self::Floor { .. } | Self::Ssh { .. } => 0,
            Self::Longrein(terminal) => terminal.snapshots,
        }
    }

    /// Waits for output and appends it; at least one byte.
    pub async fn recv(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let n = match self {
            Self::Floor { socket, .. } => timeout(PATIENCE, socket.read_buf(out)).await??,
            Self::Ssh { stdout, .. } => timeout(PATIENCE, stdout.read_buf(out)).await??,
            Self::Longrein(terminal) => timeout(PATIENCE, terminal.recv(out)).await??,
        };
        if n == 0 {
            bail!("the far end closed");
        }
        Ok(())
    }

    /// Reads until this has come; what came is returned.
    pub async fn wait_for(&mut self, needle: &[u8]) -> Result<Vec<u8>> {
        let mut seen = Vec::new();
        while !contains(&seen, needle) {
            self.recv(&mut seen).await?;
        }
        Ok(seen)
    }
}

/// Whether `needle` is somewhere in `haystack`.
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// This program, to be run inside the terminals.
pub fn own_program(args: &[&str]) -> Result<Vec<String>> {
    let exe = std::env::current_exe()?.to_str().context("the path of this program is not text")?.to_owned();
    Ok([exe.as_str(), "program"].iter().chain(args).map(|&s| s.to_owned()).collect())
}

/// A terminal at the floor. Its server's pid is that of the child.
pub async fn floor(args: &[&str]) -> Result<Remote> {
    let mut server = Command::new(std::env::current_exe()?)
        .arg("floor")
        .args(own_program(args)?)
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut port = String::new();
    let stdout = server.stdout.take().context("no output")?;
    timeout(PATIENCE, BufReader::new(stdout).read_line(&mut port)).await??;
    let socket = TcpStream::connect(("127.0.0.1", port.trim().parse()?)).await?;
    socket.set_nodelay(true)?;
    Ok(Remote::Floor { socket, server })
}

/// An OpenSSH server on loopback with keys of its own, for one bench run.
pub struct Sshd {
    folder: tempfile::TempDir,
    port: u16,
    server: Child,
}

impl Sshd {
    /// Starts it; `None` where OpenSSH is not installed.
    pub async fn start() -> Result<Option<Self>> {
        let sshd = Path::new("/usr/sbin/sshd");
        if !sshd.exists() {
            return Ok(None);
        }
        std::fs::create_dir_all("/run/sshd").ok();
        let folder = tempfile::tempdir()?;
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(folder.path().join(key))
                .status()
                .await?;
            anyhow::ensure!(made.success(), "ssh-keygen failed");
        }
        std::fs::copy(folder.path().join("user.pub"), folder.path().join("authorized"))?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let server = Command::new(sshd)
            .args(["-D", "-e", "-f", "/dev/null", "-h", &at("host")])
            .args(["-o", &format!("Port={port}"), "-o", "ListenAddress=127.0.0.1"])
            .args(["-o", &format!("AuthorizedKeysFile={}", at("authorized"))])
            .args(["-o", "PermitRootLogin=yes", "-o", "StrictModes=no", "-o", "UsePAM=no"])
            .args(["-o", &format!("PidFile={}", at("pid"))])
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Ok(Some(Self { folder, port, server }));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("sshd did not start listening")
    }

    /// A terminal on it.
    pub fn terminal(&self, args: &[&str]) -> Result<Remote> {
        let key: PathBuf = self.folder.path().join("user");
        let mut client = Command::new("ssh")
            .args(["-tt", "-q", "-F", "/dev/null", "-e", "none", "-p", &self.port.to_string(), "-i"])
            .arg(key)
            .args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "127.0.0.1"])
            .args(own_program(args)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = client.stdin.take().context("no input")?;
        let stdout = client.stdout.take().context("no output")?;
        Ok(Remote::Ssh { stdin, stdout, _client: client })
    }

    /// The pids of the server and of all it started.
    pub fn pids(&self) -> Vec<u32> {
        self.server.id().map(crate::proc::tree).unwrap_or_default()
    }
}
