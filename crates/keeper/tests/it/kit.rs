//! A keeper to test, and a client to test it with.

use bytes::Bytes;
use link::{MessageReceiver, MessageSender};
use session::codec;
use session::follow::{Follow, Took};
use session::id::{SessionId, StreamId};
use session::message::{Act, Cursor, Event, Failure, Size, Summary, ToClient, ToHost};
use session::outbox::{Outbox, Settled};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use store::Paths;
use tokio::time::timeout;

/// Names what a process of this executable is to be.
pub const ROLE: &str = "LONGREIN_TEST_ROLE";
/// Long enough for any one thing on a slow machine under full load; reached only by what has failed.
pub const PATIENCE: Duration = Duration::from_mins(1);
pub const SIZE: Size = Size { cols: 80, rows: 24 };

fn unique() -> u8 {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    COUNT.fetch_add(1, Ordering::Relaxed)
}

/// A keeper's process and folders. The process is killed with it.
pub struct Keeper {
    pub id: SessionId,
    pub paths: Paths,
    process: Option<Child>,
    home: Option<tempfile::TempDir>,
}

/// A process that says on one line how it went; its last line is returned.
fn start(role: &str, told: &serde_json::Value) -> (Child, serde_json::Value) {
    let mut process = Command::new(std::env::current_exe().expect("tests have a program"))
        .args(["--exact", "keeper_process", "--nocapture"])
        .env(ROLE, role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a keeper starts");
    let mut stdin = process.stdin.take().expect("it was piped");
    stdin.write_all(told.to_string().as_bytes()).expect("a keeper reads");
    drop(stdin);
    let lines = BufReader::new(process.stdout.take().expect("it was piped")).lines();
    let answer = lines.map_while(Result::ok).find(|line| line.starts_with('{')).expect("a keeper answers");
    (process, serde_json::from_str(&answer).expect("the answer is JSON"))
}

impl Keeper {
    /// A session that runs this shell script.
    pub fn shell(script: &str) -> Self {
        Self::start(&["/bin/sh", "-c", script], |_| {})
    }

    pub fn start(command: &[&str], change: impl FnOnce(&mut serde_json::Value)) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let mut keeper = Self::under(home.path(), command, change).expect("the session starts");
        keeper.home = Some(home);
        keeper
    }

    /// As [`Self::start`], in a folder of the caller's, and it may fail.
    pub fn under(
        home: &Path,
        command: &[&str],
        change: impl FnOnce(&mut serde_json::Value),
    ) -> Result<Self, Failure> {
        let paths = Paths::under(home);
        paths.create().expect("folders");
        let id = SessionId::from_random([unique(); 10]);
        let mut spec = serde_json::json!({
            "session": id, "name": "test", "command": command, "cwd": "/", "paths": paths, "size": SIZE,
        });
        change(&mut spec);
        let (process, answer) = start("keep", &spec);
        let keeper = Self { id, paths, process: Some(process), home: None };
        match answer.get("error") {
            Some(why) => Err(serde_json::from_value(why.clone()).expect("a failure")),
            None => Ok(keeper),
        }
    }

    /// A reader of this session, whose keeper is gone.
    pub fn reader(&mut self) {
        let told = serde_json::to_value(&self.paths).expect("paths are JSON");
        let (process, answer) = start(&format!("read {}", self.id), &told);
        assert_eq!(answer["ready"], true, "{answer}");
        self.process = Some(process);
    }

    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("it can be killed");
        process.wait().expect("it ends");
    }

    pub fn terminate(&mut self) -> i32 {
        let pid = rustix::process::Pid::from_child(self.process.as_ref().expect("it runs"));
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it can be signalled");
        let mut process = self.process.take().expect("it runs");
        process.wait().expect("it ends").code().expect("not by a signal")
    }

    pub async fn raw(&self) -> (MessageSender, MessageReceiver) {
        let path = self.paths.keeper_sock(self.id.as_str()).expect("a short path");
        link::unix::connect(&path).await.expect("the keeper answers")
    }

    /// A client that has its snapshot, so that all that follows comes in events.
    pub async fn client(&self) -> Client {
        let mut client = Client::new(self);
        client.connect(self).await;
        client.until("a snapshot", |client| client.is_whole).await;
        client
    }

    /// The process of the program in the session.
    pub fn program(&self) -> u32 {
        let all = std::fs::read_dir("/proc").expect("Linux").flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let parent = |pid: &u32| field(*pid, 1).is_some_and(|parent| parent == u64::from(self.pid()));
        pids.into_iter().find(parent).expect("it has a program")
    }

    /// Processor time that was used, in milliseconds.
    pub fn cpu_ms(&self) -> u64 {
        let ticks = |n| field(self.pid(), n).expect("it runs");
        // A tick is a hundredth of a second, whatever the machine.
        (ticks(11) + ticks(12)) * 10
    }

    /// Resident memory in KiB.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux says");
        line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

/// A number in `/proc/PID/stat`, counted from behind the program's name.
fn field(pid: u32, n: usize) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(n)?.parse().ok()
}

fn occurrences(heap: &[u8], text: &str) -> usize {
    heap.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

pub fn hello(byte: u8) -> ToHost {
    ToHost::Hello {
        client: "test".into(),
        version: 1,
        features: vec![],
        stream: StreamId::from_random([byte; 10]),
        peer: None,
        token: None,
    }
}

/// A client that keeps what it applied, over any number of connections.
pub struct Client {
    session: SessionId,
    stream: u8,
    link: Option<(MessageSender, MessageReceiver)>,
    pub follow: Follow,
    pub outbox: Outbox,
    pub size: Option<Size>,
    pub scrollback: Option<u32>,
    /// Terminal bytes since the last snapshot began, with its own.
    pub screen: Vec<u8>,
    pub snapshots: u32,
    /// The last snapshot that began has come to its end.
    is_whole: bool,
    /// Terminal bytes that ever came.
    pub taken: usize,
    pub sizes: Vec<Size>,
    pub banners: Vec<String>,
    pub endings: Vec<Option<u64>>,
    pub exits: Vec<i32>,
    pub titles: Vec<String>,
    pub settled: Vec<Settled>,
    pub attached: Option<(Cursor, u64)>,
    pub summaries: Vec<Summary>,
}

impl Client {
    pub fn new(keeper: &Keeper) -> Self {
        let stream = unique();
        Self {
            session: keeper.id.clone(),
            stream,
            link: None,
            follow: Follow::new(256 * 1024),
            outbox: Outbox::new(StreamId::from_random([stream; 10])),
            size: Some(SIZE),
            scrollback: None,
            screen: Vec::new(),
            snapshots: 0,
            is_whole: false,
            taken: 0,
            sizes: Vec::new(),
            banners: Vec::new(),
            endings: Vec::new(),
            exits: Vec::new(),
            titles: Vec::new(),
            settled: Vec::new(),
            attached: None,
            summaries: Vec::new(),
        }
    }

    pub fn cut(&mut self) {
        self.link = None;
        self.outbox.handle_disconnected();
    }

    pub async fn connect(&mut self, keeper: &Keeper) {
        self.cut();
        let (mut sender, receiver) = keeper.raw().await;
        sender.feed(&hello(self.stream), b"").await.expect("a hello fits");
        self.link = Some((sender, receiver));
        self.attach(false).await;
    }

    /// Attaches, also where it is attached already.
    pub async fn attach(&mut self, redraw: bool) {
        let (after, window) = self.follow.resume();
        let (size, scrollback) = (self.size, self.scrollback);
        let attach =
            ToHost::Attach { session: self.session.clone(), after, size, window, scrollback, redraw };
        let (sender, _) = self.link.as_mut().expect("connected");
        sender.send(&attach, b"").await.expect("the keeper reads");
        self.attached = None;
        self.until("an answer to attach", |client| client.attached.is_some()).await;
    }

    /// Asks for the summary, and for what changes in it.
    pub async fn watch(&mut self) {
        let (sender, _) = self.link.as_mut().expect("connected");
        sender.send(&ToHost::Watch {}, b"").await.expect("the keeper reads");
    }

    pub fn type_in(&mut self, text: &str) {
        self.act(Act::Input, text.as_bytes());
    }

    pub fn act(&mut self, act: Act, payload: &[u8]) {
        let payload = Bytes::copy_from_slice(payload);
        self.outbox.push(act, payload, Instant::now()).expect("there is room");
    }

    /// Takes messages in until what is waited for is there.
    pub async fn until(&mut self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        self.send_commands().await;
        while !is(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                timeout(left, self.step()).await.is_ok(),
                "no {what} in time; {} settled, exits {:?}, on the screen:\n{}",
                self.settled.len(),
                self.exits,
                self.screen.escape_ascii()
            );
        }
    }

    pub async fn until_shown(&mut self, text: &str) {
        // Of a screen of many megabytes only what is new is searched.
        let (mut snapshots, mut searched) = (self.snapshots, 0);
        let shown = |client: &Self| {
            if client.snapshots != snapshots {
                (snapshots, searched) = (client.snapshots, 0);
            }
            let found = occurrences(&client.screen[searched..], text) > 0;
            searched = client.screen.len().saturating_sub(text.len());
            found
        };
        self.until(text, shown).await;
    }

    /// What was typed, echoed by the terminal and again by the program. A snapshot may have been taken between the two,
    /// and may move the cursor in other ways than a line feed.
    pub async fn until_echoed(&mut self, text: &str) {
        self.until(text, |client| client.times_shown(text) >= 2).await;
    }

    pub fn shows(&self, text: &str) -> bool {
        self.times_shown(text) > 0
    }

    fn times_shown(&self, text: &str) -> usize {
        occurrences(&self.screen, text)
    }

    pub async fn send_commands(&mut self) {
        let Some((sender, _)) = &mut self.link else { return };
        while let Some(command) = self.outbox.poll_send() {
            let message = ToHost::Command { session: self.session.clone(), n: command.n, act: command.act };
            sender.send(&message, &command.payload).await.expect("the keeper reads");
        }
    }

    /// Returns when the keeper has taken in all that was sent, whose answers are lost: whether one was that something was applied.
    pub async fn drop_until_heard(&mut self) -> bool {
        let mut applied = false;
        self.send_commands().await;
        let (sender, receiver) = self.link.as_mut().expect("connected");
        sender.send(&ToHost::Ping { sent: 1, every: None }, b"").await.expect("the keeper reads");
        loop {
            let message = receiver.recv().await.expect("the link holds").expect("the keeper stays");
            let (message, _) = codec::decode::<ToClient>(&message).expect("the keeper speaks properly");
            match message {
                ToClient::Pong { .. } => return applied,
                ToClient::Applied { .. } => applied = true,
                _ => {}
            }
        }
    }

    /// Takes in one message, or sends an ack that is due.
    pub async fn step(&mut self) {
        let (_, receiver) = self.link.as_mut().expect("connected");
        let message = match self.follow.poll_timeout() {
            None => receiver.recv().await,
            Some(at) => match tokio::time::timeout_at(at.into(), receiver.recv()).await {
                Ok(message) => message,
                Err(_) => return self.ack(true).await,
            },
        };
        let message = message.expect("the link holds").expect("the keeper stays");
        let (message, payload) = codec::decode::<ToClient>(&message).expect("the keeper speaks properly");
        self.take(message, &payload);
        self.ack(false).await;
        self.outbox_step().await;
    }

    async fn outbox_step(&mut self) {
        while let Some(settled) = self.outbox.poll_settled() {
            self.settled.push(settled);
        }
        self.send_commands().await;
    }

    async fn ack(&mut self, idle: bool) {
        let Some(ack) = self.follow.poll_ack(Instant::now(), idle) else { return };
        let (sender, _) = self.link.as_mut().expect("connected");
        let message =
            ToHost::Ack { session: self.session.clone(), epoch: ack.epoch, seq: ack.seq, part: ack.part };
        sender.send(&message, b"").await.expect("the keeper reads");
    }

    fn take(&mut self, message: ToClient, payload: &Bytes) {
        let now = Instant::now();
        match message {
            ToClient::Attached { head, applied, .. } => {
                if self.follow.handle_attached(head) {
                    self.screen.clear();
                }
                self.outbox.handle_attached(applied);
                self.attached = Some((head, applied));
            }
            ToClient::Event { epoch, seq, event, .. } => {
                let at = Cursor { epoch, seq };
                let took = self.follow.handle_event(at, &event, payload.len(), now).expect("no gap");
                if took == Took::Apply {
                    self.apply(event, payload);
                }
            }
            ToClient::Snapshot { epoch, seq, size, part, last, .. } => {
                let at = Cursor { epoch, seq };
                let piece = self.follow.handle_piece(at, part, last, payload.len(), now).expect("no gap");
                if piece.first {
                    self.screen.clear();
                    self.sizes.push(size);
                    self.snapshots += 1;
                }
                self.is_whole = last;
                self.taken += payload.len();
                self.screen.extend_from_slice(payload);
            }
            ToClient::Applied { n, .. } => self.outbox.handle_applied(n),
            ToClient::Refused { n, why, .. } => self.outbox.handle_refused(n, why),
            ToClient::Changed { summary } => self.summaries.push(*summary),
            ToClient::Welcome { .. } | ToClient::State { .. } | ToClient::Pong { .. } => {}
            other => panic!("unexpected {other:?}"),
        }
    }

    fn apply(&mut self, event: Event, payload: &Bytes) {
        self.taken += payload.len();
        match event {
            Event::Output => self.screen.extend_from_slice(payload),
            Event::Resize { size } => self.sizes.push(size),
            Event::Title { title } => self.titles.push(title),
            Event::Exit { exit } => self.exits.push(exit),
            Event::Banner { text } => self.banners.push(text),
            Event::Ending { ends_at } => self.endings.push(ends_at),
            Event::Asked { .. }
            | Event::Decided { .. }
            | Event::Revoked { .. }
            | Event::Chat { .. }
            | Event::Partial { .. } => {}
        }
    }
}
