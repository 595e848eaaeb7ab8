//! Session messages over a unix socket: `u32be total | message`, between programs of one user.
//!
//! What always holds: a socket's file has mode 0600, and whoever is on the other end runs as our own user; everybody
//! else is dropped before a byte is read.

use crate::{Error, MessageReceiver, MessageSender, watch};
use bytes::{Buf, Bytes, BytesMut};
use session::codec::MAX_MESSAGE;
use std::cell::RefCell;
use std::fs;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream as Socket;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

/// Bytes collected before [`MessageSender::feed`] writes by itself.
const MAX_BATCH: usize = 256 * 1024;
/// Most that one read brings.
const READ_ROOM: usize = 64 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const WRITE_TIMEOUT: Duration = wire::limits::WRITE_TIMEOUT;

/// Connects to the program that listens on `path`.
pub async fn connect(path: &Path) -> Result<(MessageSender, MessageReceiver), Error> {
    halves(stream(path).await?).map_err(Error::io("watching a local socket"))
}

/// The bare connection.
pub(crate) async fn stream(path: &Path) -> Result<UnixStream, Error> {
    check_length(path)?;
    let stream = timeout(CONNECT_TIMEOUT, UnixStream::connect(path))
        .await
        .map_err(|_| Error::Timeout("connecting to a local socket"))?
        .map_err(Error::io("connecting to a local socket"))?;
    let uid = stream.peer_cred().map_err(Error::io("asking who is on a local socket"))?.uid();
    if uid != rustix::process::geteuid().as_raw() {
        return Err(Error::ForeignPeer);
    }
    Ok(stream)
}

/// The socket is watched for reading only. Watched for both, as tokio's own streams are, it would wake us each time that
/// the other side reads: once more for every keystroke.
fn halves(stream: UnixStream) -> io::Result<(MessageSender, MessageReceiver)> {
    let socket = Arc::new(watch(stream.into_std()?, Interest::READABLE)?);
    let writer = Writer { socket: Arc::clone(&socket), batch: BytesMut::new() };
    Ok((writer.into(), Reader { socket, buffer: BytesMut::new() }.into()))
}

/// The system's limit on a socket path is in `sockaddr_un`: 108 bytes on Linux, 104 on macOS, with the final zero.
fn check_length(path: &Path) -> Result<(), Error> {
    let room = if cfg!(target_os = "linux") { 108 } else { 104 };
    if path.as_os_str().len() < room { Ok(()) } else { Err(Error::PathTooLong(path.to_owned())) }
}

/// A listening socket; its file goes when this is dropped, unless another program has put its own there since.
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl Listener {
    /// Binds `path` with mode 0600. A socket left behind by a program that is gone is replaced; one that answers is
    /// [`Error::InUse`]; anything that is not a socket is left alone.
    pub async fn bind(path: &Path) -> Result<Self, Error> {
        check_length(path)?;
        match fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => {
                match timeout(CONNECT_TIMEOUT, UnixStream::connect(path)).await {
                    Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                        fs::remove_file(path).map_err(Error::io("removing a stale socket"))?;
                    }
                    Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {}
                    _ => return Err(Error::InUse(path.to_owned())),
                }
            }
            Ok(_) => return Err(Error::InUse(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("looking at a socket's path")(error)),
        }
        let socket = UnixListener::bind(path).map_err(Error::io("binding a local socket"))?;
        let own = || -> io::Result<u64> {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
            Ok(fs::symlink_metadata(path)?.ino())
        };
        let inode = own().map_err(Error::io("closing a local socket to others"))?;
        Ok(Self { socket, path: path.to_owned(), inode })
    }

    /// The next program of our own user. Others are dropped without an answer. Dropping the future loses nothing.
    pub async fn accept(&self) -> Result<(MessageSender, MessageReceiver), Error> {
        let (sender, receiver, _) = self.accept_process().await?;
        Ok((sender, receiver))
    }

    /// As [`Listener::accept`], with the process that connected, where the system tells.
    pub async fn accept_process(&self) -> Result<(MessageSender, MessageReceiver, Option<i32>), Error> {
        let us = rustix::process::geteuid().as_raw();
        loop {
            let (stream, _) = self.socket.accept().await.map_err(Error::io("accepting on a local socket"))?;
            match stream.peer_cred() {
                Ok(peer) if peer.uid() == us => {
                    let (sender, receiver) = halves(stream).map_err(Error::io("watching a local socket"))?;
                    return Ok((sender, receiver, peer.pid()));
                }
                Ok(peer) => {
                    tracing::warn!(uid = peer.uid(), "dropped another user's connection to a local socket");
                }
                Err(error) => tracing::debug!(%error, "dropped a local connection that is gone already"),
            }
        }
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The writing end of one connection. Dropping it tells the other side that nothing more comes.
pub struct Writer {
    socket: Arc<AsyncFd<Socket>>,
    batch: BytesMut,
}

impl Drop for Writer {
    fn drop(&mut self) {
        // One that is closed already says it as well.
        let _ = self.socket.get_ref().shutdown(Shutdown::Write);
    }
}

impl Writer {
    /// The parts of one message, `length` bytes together.
    pub(crate) async fn feed(&mut self, parts: &[&[u8]], length: usize) -> Result<(), Error> {
        let prefix = u32::try_from(length).map_err(|_| Error::TooLarge(length))?;
        if !self.batch.is_empty() && self.batch.len() + length > MAX_BATCH {
            self.flush().await?;
        }
        self.batch.extend_from_slice(&prefix.to_be_bytes());
        for part in parts {
            self.batch.extend_from_slice(part);
        }
        Ok(())
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        let writing = Error::io("writing to a local socket");
        while self.batch.has_remaining() {
            match self.socket.get_ref().write(&self.batch) {
                Ok(0) => return Err(writing(ErrorKind::WriteZero.into())),
                // Each write that moves anything at all is progress and has the whole deadline again.
                Ok(written) => self.batch.advance(written),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    timeout(WRITE_TIMEOUT, self.room())
                        .await
                        .map_err(|_| Error::Timeout("writing to a local socket"))?
                        .map_err(Error::io("writing to a local socket"))?;
                }
                Err(error) => return Err(writing(error)),
            }
        }
        if self.batch.capacity() > MAX_BATCH / 4 {
            self.batch = BytesMut::new();
        }
        Ok(())
    }

    /// Waits until the socket takes something again.
    async fn room(&self) -> io::Result<()> {
        let socket = watch(self.socket.get_ref().try_clone()?, Interest::WRITABLE)?;
        socket.writable().await?.retain_ready();
        Ok(())
    }
}

/// The reading end of one connection.
pub struct Reader {
    socket: Arc<AsyncFd<Socket>>,
    buffer: BytesMut,
}

thread_local! {
    /// What a read fills before it is known whose it is: one for all connections, most of which are silent.
    static ROOM: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_ROOM].into());
}

impl Reader {
    pub(crate) async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let mut missing = 4;
            if let Some(length) = self.buffer.first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if length > MAX_MESSAGE {
                    return Err(Error::TooLarge(length));
                }
                if self.buffer.len() >= 4 + length {
                    self.buffer.advance(4);
                    return Ok(Some(self.buffer.split_to(length).freeze()));
                }
                missing = 4 + length - self.buffer.len();
            }
            self.buffer.reserve(missing);
            if self.read().await.map_err(Error::io("reading from a local socket"))? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(Error::Cut) };
            }
        }
    }

    /// Adds what has arrived to the buffer; 0 at the end. Dropping the future loses nothing.
    async fn read(&mut self) -> io::Result<usize> {
        loop {
            // Polled, not awaited: so who waits is remembered also where the future is made anew for each poll.
            let mut guard = poll_fn(|context| self.socket.poll_read_ready(context)).await?;
            let read: io::Result<usize> = ROOM.with_borrow_mut(|room| {
                let read = guard.get_inner().read(room)?;
                self.buffer.extend_from_slice(&room[..read]);
                Ok(read)
            });
            match read {
                Ok(read) => {
                    // A socket that gave less than it was asked for has no more.
                    if read > 0 && read < READ_ROOM {
                        guard.clear_ready();
                    }
                    return Ok(read);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => guard.clear_ready(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
