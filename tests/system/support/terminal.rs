//! A terminal with the program in it, as a person sits before one.

use super::{DEADLINE, Home, home::PROGRAM};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags, open};
use std::io::{Read as _, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

/// Everything shown so far, and whether the other side has hung up.
#[derive(Default)]
struct Shown {
    bytes: Vec<u8>,
    ended: bool,
    /// Nothing more is taken, as by a terminal that hangs.
    stuck: bool,
}

pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    /// What has been looked at already.
    seen: usize,
}

impl Terminal {
    pub fn start(home: &Home, args: &[&str], cols: u16, rows: u16) -> Self {
        let pty = native_pty_system().openpty(PtySize { cols, rows, ..PtySize::default() }).unwrap();
        let mut command = CommandBuilder::new(PROGRAM);
        command.args(args);
        command.cwd(home.path());
        command.env("TERM", "xterm-256color");
        for (name, value) in home.env() {
            command.env(name, value);
        }
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let shown = Arc::new((Mutex::new(Shown::default()), Condvar::new()));
        let mut reader = pty.master.try_clone_reader().unwrap();
        let into = shown.clone();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            let (lock, changed) = &*into;
            loop {
                drop(changed.wait_while(lock.lock().unwrap(), |shown| shown.stuck).unwrap());
                let read = reader.read(&mut buffer).unwrap_or(0);
                let mut shown = lock.lock().unwrap();
                shown.bytes.extend_from_slice(&buffer[..read]);
                shown.ended = read == 0;
                changed.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        let keyboard = pty.master.take_writer().unwrap();
        Self { master: pty.master, keyboard, child, shown, seen: 0 }
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits until the text is shown behind what was waited for before, and gives everything up to it.
    pub fn wait(&mut self, text: &str) -> String {
        let (from, text) = (self.seen, text.as_bytes());
        let end = self.look(&String::from_utf8_lossy(text), |shown| {
            let at = shown.bytes[from..].windows(text.len()).position(|window| window == text)?;
            Some(from + at + text.len())
        });
        self.seen = end;
        self.text(from, end)
    }

    /// Waits for the end of the program in the terminal, and gives its exit status and everything it showed.
    pub fn end(&mut self) -> (u32, String) {
        let end = self.look("the end", |shown| shown.ended.then_some(shown.bytes.len()));
        (self.child.wait().unwrap().exit_code(), self.text(0, end))
    }

    /// Everything shown so far.
    pub fn all(&self) -> String {
        let end = self.shown.0.lock().unwrap().bytes.len();
        self.text(0, end)
    }

    /// All bytes shown so far from this one on.
    pub fn bytes(&self, from: usize) -> Vec<u8> {
        self.shown.0.lock().unwrap().bytes[from..].to_vec()
    }

    pub fn resize(&self, cols: u16, rows: u16) {
        self.master.resize(PtySize { cols, rows, ..PtySize::default() }).unwrap();
    }

    /// Takes no more bytes from now on, or takes them again.
    pub fn set_stuck(&self, stuck: bool) {
        let (lock, changed) = &*self.shown;
        lock.lock().unwrap().stuck = stuck;
        changed.notify_all();
    }

    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Whether the terminal echoes and edits lines, as a shell leaves it.
    pub fn is_cooked(&self) -> bool {
        use rustix::termios::{LocalModes, tcgetattr};
        tcgetattr(self.hold()).unwrap().local_modes.contains(LocalModes::ECHO | LocalModes::ICANON)
    }

    /// The terminal's own end: as long as somebody holds it, the terminal keeps its settings and does not hang up.
    pub fn hold(&self) -> OwnedFd {
        let name = self.master.tty_name().unwrap();
        open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap()
    }

    /// Whether the program has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn look<T>(&self, what: &str, mut find: impl FnMut(&Shown) -> Option<T>) -> T {
        let start = Instant::now();
        let (lock, changed) = &*self.shown;
        let mut shown = lock.lock().unwrap();
        loop {
            if let Some(found) = find(&shown) {
                return found;
            }
            let left = DEADLINE.checked_sub(start.elapsed());
            let Some(left) = left.filter(|_| !shown.ended) else {
                let bytes = shown.bytes.clone();
                drop(shown);
                panic!("{what:?} was never shown; shown was: {:?}", String::from_utf8_lossy(&bytes));
            };
            shown = changed.wait_timeout(shown, left).unwrap().0;
        }
    }

    fn text(&self, from: usize, to: usize) -> String {
        String::from_utf8_lossy(&self.shown.0.lock().unwrap().bytes[from..to]).into_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.set_stuck(false);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
