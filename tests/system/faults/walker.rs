//! A client that types numbers and checks the numbers that come back: each exactly once, in order.

use super::net::Place;
use crate::support::{DEADLINE, eventually};
use bytes::Bytes;
use client::{AttachOpts, Attachment, Path, Route, Update};
use session::message::Size;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How often it looks whether it has to type or to stop, and types, where nothing else was said.
const LOOKS_EVERY: Duration = Duration::from_millis(10);

/// What a walker saw.
#[derive(Default)]
pub struct Seen {
    /// Of each kind of line, the last number.
    pub last: BTreeMap<String, u64>,
    /// What was wrong.
    pub wrong: Vec<String>,
    /// How often it was attached.
    pub attached: u64,
    /// How often it was skipped ahead.
    pub skipped: u64,
    pub exit: Option<i32>,
    /// Of what was ordered, so many were taken by the session.
    settled: u64,
    /// From each number typed to its echo.
    pub echoes: Vec<Duration>,
    /// How the connection stands.
    pub path: Option<Path>,
    /// The beginning of a line.
    rest: Vec<u8>,
    /// The screen that was shown last may have ended within a line: the first whole one behind it says where it was.
    joins: bool,
}

impl Seen {
    /// The screen instead of what led to it. The first is what was there before there were numbers.
    fn skip(&mut self, screen: &[u8]) {
        self.skipped += u64::from(!self.last.is_empty());
        self.rest.clear();
        self.joins = true;
        let screen = String::from_utf8_lossy(screen);
        for kind in ["o", "s"] {
            let rest = screen.rsplit_once(&format!("{kind}:")).map_or("", |(_, rest)| rest);
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            if let Ok(n) = rest[..end].parse() {
                self.last.insert(kind.to_owned(), n);
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if self.joins && !line.starts_with(|first: char| first.is_ascii_alphabetic()) {
                continue;
            }
            let Some((kind, n)) = line.rsplit_once(':').and_then(|(kind, n)| Some((kind, n.parse().ok()?)))
            else {
                self.wrong.push(format!("a line {line:?}"));
                continue;
            };
            let last = self.last.entry(kind.to_owned()).or_default();
            if !std::mem::take(&mut self.joins) && n != *last + 1 {
                self.wrong.push(format!("{kind}:{n} behind {kind}:{last}"));
            }
            *last = n;
        }
    }
}

/// What a walker does by itself.
#[derive(Default)]
struct Typing {
    on: bool,
    /// The last number. It is counted before it is typed, so that it is the last one as soon as `on` is not set.
    last: u64,
    /// The pause behind each.
    pause: Duration,
    /// When each was typed that has not come back.
    since: VecDeque<(u64, Instant)>,
    /// Everything that was ordered, the numbers among it.
    orders: u64,
}

/// The client, on a thread of its own.
pub struct Walker {
    pub name: &'static str,
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

struct Shared {
    seen: Mutex<Seen>,
    typing: Mutex<Typing>,
    /// An interrupt is to be sent.
    interrupts: AtomicBool,
    /// Bytes a second that it reads at most.
    rate: AtomicU64,
    /// To be typed as it stands.
    words: Mutex<VecDeque<&'static str>>,
    stop: AtomicBool,
}

impl Shared {
    /// Every number up to this one came back.
    fn came_back(&self, upto: u64, echoes: &mut Vec<Duration>) {
        let since = &mut self.typing.lock().unwrap().since;
        while let Some((_, at)) = since.pop_front_if(|(n, _)| *n <= upto) {
            echoes.push(at.elapsed());
        }
    }

    fn next_number(&self) -> Option<(u64, Duration)> {
        let mut typing = self.typing.lock().unwrap();
        let on = typing.on;
        typing.last += u64::from(on);
        typing.orders += u64::from(on);
        let typed = (typing.last, typing.pause);
        typing.since.extend(on.then(|| (typed.0, Instant::now())));
        on.then_some(typed)
    }
}

impl Walker {
    /// Attaches from this place.
    pub fn start(name: &'static str, place: Place, route: Route, session: &str) -> Self {
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            typing: Mutex::default(),
            interrupts: AtomicBool::new(false),
            rate: AtomicU64::new(u64::MAX),
            words: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let opts = AttachOpts {
            route,
            session: session.parse().unwrap(),
            client: "test".into(),
            size: Some(Size { cols: 80, rows: 24 }),
            window: 0,
            after: None,
        };
        let theirs = shared.clone();
        let thread = std::thread::spawn(move || {
            place.enter();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(walk(name, opts, &theirs));
        });
        let this = Self { name, shared, thread: Some(thread) };
        eventually(name, || (this.seen().attached > 0).then_some(()));
        this
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.shared.seen.lock().unwrap()
    }

    /// Begins to type numbers, or stops.
    pub fn types(&self, on: bool) {
        self.shared.typing.lock().unwrap().on = on;
    }

    /// Types a number this often from now on.
    pub fn types_every(&self, pause: Duration) {
        self.shared.typing.lock().unwrap().pause = pause;
    }

    /// Stops to type, until the session has taken all of it.
    pub fn pauses(&self) {
        self.types(false);
        let orders = self.shared.typing.lock().unwrap().orders;
        let what = format!("all that {} typed is taken", self.name);
        eventually(&what, || (self.seen().settled >= orders).then_some(()));
    }

    /// Reads at most so many bytes a second from now on.
    pub fn reads(&self, rate: u64) {
        self.shared.rate.store(rate, Ordering::Relaxed);
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        self.shared.interrupts.store(true, Ordering::Relaxed);
    }

    /// Types this.
    pub fn say(&self, words: &'static str) {
        self.shared.words.lock().unwrap().push_back(words);
    }

    /// The last number typed; it may be on its way to the client still.
    pub fn typed(&self) -> u64 {
        self.shared.typing.lock().unwrap().last
    }

    /// The last number of a kind of line.
    pub fn last(&self, kind: &str) -> u64 {
        self.seen().last.get(kind).copied().unwrap_or(0)
    }

    /// Waits until a line comes that was not there when this was called, and tells how long that took.
    pub fn moves_on(&self, kind: &str) -> Duration {
        let (start, last) = (Instant::now(), self.last(kind));
        eventually(&format!("{} sees more of {kind}", self.name), || (self.last(kind) > last).then_some(()));
        start.elapsed()
    }

    /// Waits until it has attached more often than so.
    pub fn comes_back(&self, before: u64) {
        let start = Instant::now();
        while self.seen().attached <= before {
            let seen = self.seen();
            let (path, wrong) = (&seen.path, &seen.wrong);
            assert!(start.elapsed() < DEADLINE, "{} does not come back: {path:?}, {wrong:?}", self.name);
            drop(seen);
            std::thread::sleep(LOOKS_EVERY);
        }
    }

    /// The connection stands, as far as it knows.
    pub fn is_live(&self) -> bool {
        matches!(self.seen().path, Some(Path::Live { .. }))
    }

    /// Nothing was missing, twice, or skipped.
    pub fn is_sound(&self) {
        let seen = self.seen();
        assert!(
            seen.wrong.is_empty() && seen.skipped == 0,
            "{}: {:?}, {} skips",
            self.name,
            seen.wrong,
            seen.skipped
        );
    }
}

impl Drop for Walker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn walk(name: &'static str, opts: AttachOpts, shared: &Shared) {
    let (attachment, mut updates) = Attachment::start(opts);
    let stopped = async {
        while !shared.stop.load(Ordering::Relaxed) {
            sleep(LOOKS_EVERY).await;
        }
    };
    let typing = async {
        loop {
            sleep(LOOKS_EVERY).await;
            let words = shared.words.lock().unwrap().pop_front();
            if let Some(words) = words {
                shared.typing.lock().unwrap().orders += 1;
                attachment.input(Bytes::from_static(words.as_bytes())).await;
            }
            if shared.interrupts.swap(false, Ordering::Relaxed) {
                shared.typing.lock().unwrap().orders += 1;
                attachment.interrupt().await;
            }
            if let Some((n, pause)) = shared.next_number() {
                attachment.input(Bytes::from(format!("{name}:{n}\n"))).await;
                sleep(pause).await;
            }
        }
    };
    let looking = async {
        while let Some(update) = updates.recv().await {
            if let Update::Output { bytes, .. } | Update::Snapshot { bytes, .. } = &update {
                let micros = bytes.len() as u64 * 1_000_000 / shared.rate.load(Ordering::Relaxed);
                sleep(Duration::from_micros(micros)).await;
            }
            let mut seen = shared.seen.lock().unwrap();
            match update {
                Update::Output { bytes, .. } => {
                    seen.take(&bytes);
                    let upto = seen.last.get(name).copied().unwrap_or(0);
                    shared.came_back(upto, &mut seen.echoes);
                }
                Update::Snapshot { bytes, .. } => seen.skip(&bytes),
                Update::Attached { .. } => seen.attached += 1,
                Update::Path(path) => seen.path = Some(path),
                Update::Exit { exit } => seen.exit = Some(exit),
                Update::Settled { n } => seen.settled = n,
                Update::Refused { n, why } => seen.wrong.push(format!("command {n} was refused: {why}")),
                Update::Ended(why) => seen.wrong.push(format!("it ended: {why:?}")),
                Update::Resized { .. }
                | Update::Title { .. }
                | Update::Banner { .. }
                | Update::Ending { .. }
                | Update::Chat { .. }
                | Update::Partial { .. }
                | Update::Asked { .. }
                | Update::Decided { .. }
                | Update::Level
                | Update::Revoked { .. } => {}
            }
        }
    };
    tokio::select! {
        () = stopped => {}
        () = typing => {}
        () = looking => {}
    }
}
