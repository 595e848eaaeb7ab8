//! The terminal this program was started in: raw while a session is shown, put right whatever happens.
//!
//! The device is opened anew by its name, so that reading it without blocking does not change the open file that the
//! shell around us shares.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr, ttyname};
use session::message::Size;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, Once, PoisonError};
use tokio::net::unix::pipe::{Receiver, Sender};

/// How long a terminal that takes no bytes may hold up the last ones.
const FAREWELL: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// What has to be put right, where a panic can find it too.
static LEAVING: Mutex<Option<Leaving>> = Mutex::new(None);
static HOOK: Once = Once::new();

struct Leaving {
    fd: Arc<OwnedFd>,
    saved: Termios,
    undo: Vec<u8>,
}

/// The terminal, in raw mode until dropped.
///
/// tokio has no type for a terminal; its pipe is the same to the system: bytes in, bytes out, ready or not.
pub struct Tty {
    fd: Arc<OwnedFd>,
    reader: Receiver,
    writer: Sender,
}

/// Whether a person sits at standard input and output.
pub fn is_interactive() -> bool {
    isatty(rustix::stdio::stdin()) && isatty(rustix::stdio::stdout())
}

/// The size of the terminal on standard output, if it is one.
pub fn size() -> Option<Size> {
    tcgetwinsize(rustix::stdio::stdout()).ok().and_then(|size| as_size(size.ws_col, size.ws_row))
}

/// What to write when leaving.
pub fn set_undo(undo: Vec<u8>) {
    if let Some(leaving) = LEAVING.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        leaving.undo = undo;
    }
}

impl Tty {
    /// Opens standard input's terminal and makes it raw.
    pub fn open() -> io::Result<Self> {
        let stdin = rustix::stdio::stdin();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let named = ttyname(stdin, Vec::new()).and_then(|name| open(name, flags, Mode::empty()));
        // In a container the device may not be there under its name; the controlling terminal is then the same one.
        let fd = Arc::new(named.or_else(|_| open("/dev/tty", flags, Mode::empty()))?);
        let saved = tcgetattr(&fd)?;
        let reader = Receiver::from_owned_fd_unchecked(fd.try_clone()?)?;
        let writer = Sender::from_owned_fd_unchecked(fd.try_clone()?)?;
        let tty = Self { fd: Arc::clone(&fd), reader, writer };
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                leave();
                before(info);
            }));
        });
        *LEAVING.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Leaving { fd, saved, undo: Vec::new() });
        tty.make_raw()?;
        Ok(tty)
    }

    /// Gives it to somebody else for a while: writes these bytes and restores the settings.
    pub fn lend(&self, bytes: &[u8]) -> io::Result<()> {
        write_now(&self.fd, bytes);
        if let Some(leaving) = LEAVING.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            tcsetattr(&self.fd, OptionalActions::Now, &leaving.saved)?;
        }
        Ok(())
    }

    /// Raw again, after somebody else had the terminal (the shell, while we were stopped).
    pub fn make_raw(&self) -> io::Result<()> {
        let mut raw = tcgetattr(&self.fd)?;
        raw.make_raw();
        tcsetattr(&self.fd, OptionalActions::Now, &raw)?;
        Ok(())
    }

    /// Its size now.
    pub fn size(&self) -> Option<Size> {
        tcgetwinsize(&self.fd).ok().and_then(|size| as_size(size.ws_col, size.ws_row))
    }

    /// Some typed bytes; 0 when the terminal is gone.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.reader.readable().await?;
            match self.reader.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }

    /// Some of the bytes, as many as the terminal takes now; waits until it takes any.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.writer.writable().await?;
            match self.writer.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return written,
            }
        }
    }

    /// All of the bytes.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            bytes = &bytes[self.write(bytes).await?..];
        }
        Ok(())
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        leave();
    }
}

/// Writes the farewell and restores the settings; once.
fn leave() {
    let leaving = LEAVING.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(Leaving { fd, saved, undo }) = leaving {
        write_now(&fd, &undo);
        let _ = tcsetattr(&fd, OptionalActions::Now, &saved);
    }
}

/// Writes without a runtime, waiting only as long as is fair to somebody whose terminal hangs.
fn write_now(fd: &OwnedFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(fd, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::AGAIN) => {
                let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::OUT)];
                if !matches!(poll(&mut fds, Some(&FAREWELL)), Ok(1..)) {
                    return;
                }
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// A terminal that does not know its size says 0.
fn as_size(cols: u16, rows: u16) -> Option<Size> {
    (cols > 0 && rows > 0).then(|| Size { cols: cols.min(1000), rows: rows.min(1000) })
}
