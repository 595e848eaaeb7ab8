//! Following one session through everything that happens to its connections.

use crate::keeper::{SIZE, Session, soon};
use bytes::Bytes;
use longrein_client::{AttachOpts, Attachment, DEFAULT_WINDOW, Path, Route, Update};
use session::message::{Act, Cursor, ErrorKind, Event, Failure, Size};
use session::outbox::MAX_WAITING;
use std::sync::Arc;
use store::Paths;
use tempfile::TempDir;
use tokio::sync::mpsc;

pub fn opts(route: Route, session: &Session) -> AttachOpts {
    AttachOpts {
        route,
        session: session.id.clone(),
        client: "test/1".into(),
        size: Some(SIZE),
        window: 0,
        after: None,
    }
}

/// What a person would see, kept as the updates say.
#[derive(Default)]
pub struct Screen {
    pub text: Vec<u8>,
    pub cursor: Cursor,
    pub snapshots: usize,
    pub exit: Option<i32>,
    pub banners: Vec<String>,
    pub ended: bool,
    pub why: Option<Failure>,
    pub paths: Vec<Path>,
    pub settled: Vec<u64>,
    pub refused: Vec<u64>,
    /// What was there when all that had been there before had come.
    pub level: Option<Vec<u8>>,
}

impl Screen {
    pub fn take(&mut self, update: Update) {
        match update {
            Update::Attached { fresh, .. } => {
                if fresh {
                    self.text.clear();
                    self.cursor = Cursor::default();
                }
            }
            Update::Snapshot { cursor, bytes, .. } => {
                self.text = bytes.to_vec();
                self.cursor = cursor;
                self.snapshots += 1;
            }
            Update::Output { cursor, bytes } => {
                assert!(cursor.seq > self.cursor.seq, "{cursor:?} came after {:?}", self.cursor);
                assert!(self.exit.is_none(), "output after the end");
                self.text.extend_from_slice(&bytes);
                self.cursor = cursor;
            }
            Update::Exit { exit } => self.exit = Some(exit),
            Update::Path(path) => self.paths.push(path),
            Update::Settled { n } => self.settled.push(n),
            Update::Refused { n, .. } => self.refused.push(n),
            Update::Ended(why) => {
                self.ended = true;
                self.why = why;
            }
            Update::Banner { text } => self.banners.push(text),
            Update::Level => self.level = Some(self.text.clone()),
            Update::Resized { .. }
            | Update::Title { .. }
            | Update::Ending { .. }
            | Update::Chat { .. }
            | Update::Partial { .. }
            | Update::Asked { .. }
            | Update::Decided { .. }
            | Update::Revoked { .. } => {}
        }
    }

    pub async fn until(&mut self, updates: &mut mpsc::Receiver<Update>, done: impl Fn(&Self) -> bool) {
        soon("the screen that was expected", async {
            while !done(self) {
                let update = updates.recv().await.expect("nothing follows any more");
                self.take(update);
            }
        })
        .await;
    }
}

struct Bench {
    _home: TempDir,
    paths: Paths,
    session: Arc<Session>,
    keeper: tokio::task::JoinSet<()>,
}

impl Bench {
    async fn new() -> Self {
        let home = TempDir::new().unwrap();
        let paths = Paths::under(home.path());
        let session = Session::new();
        let keeper = session.listen(&paths).await;
        Self { _home: home, paths, session, keeper }
    }

    fn attach(&self) -> (Attachment, mpsc::Receiver<Update>) {
        Attachment::start(opts(Route::Keeper(self.paths.clone()), &self.session))
    }
}

#[tokio::test]
async fn every_line_and_every_keystroke_arrive_once_through_cuts() {
    let bench = Bench::new().await;
    bench.session.state.lock().unwrap().cut_after = Some(400);
    let (attachment, mut updates) = bench.attach();
    let mut screen = Screen::default();
    let mut typed = Vec::new();
    for n in 0..1500u32 {
        bench.session.write(format!("line {n}\r\n").as_bytes());
        if n % 5 == 0 {
            let key = format!("{n},");
            typed.extend_from_slice(key.as_bytes());
            attachment.input(Bytes::from(key)).await;
        }
        while let Ok(update) = updates.try_recv() {
            screen.take(update);
        }
        // Lets both ends run, so that cuts fall between and into everything.
        tokio::task::yield_now().await;
    }
    let whole = bench.session.state.lock().unwrap().screen();
    screen.until(&mut updates, |screen| screen.text == whole).await;
    assert_eq!(bench.session.typed(typed.len()).await, typed);
    screen.until(&mut updates, |screen| screen.settled.len() == 300).await;
    assert!(screen.settled.is_sorted() && screen.refused.is_empty());
    assert!(bench.session.state.lock().unwrap().wires > 2, "nothing was cut");
}

#[tokio::test]
async fn a_caller_that_takes_nothing_holds_back_its_own_session_only() {
    let bench = Bench::new().await;
    let (_slow, mut updates) = bench.attach();
    let (_quick, mut taken) = bench.attach();
    let (mut slow, mut quick) = (Screen::default(), Screen::default());
    // Only a snapshot may be larger than the window.
    slow.until(&mut updates, |screen| screen.snapshots == 1).await;
    quick.until(&mut taken, |screen| screen.snapshots == 1).await;
    for n in 0..200u32 {
        bench.session.write(&[b'a' + u8::try_from(n % 26).unwrap(); 16 * 1024]);
    }
    let whole = bench.session.state.lock().unwrap().screen();
    quick.until(&mut taken, |screen| screen.text == whole).await;
    let most = bench.session.state.lock().unwrap().most_in_flight;
    assert!(most <= u64::from(DEFAULT_WINDOW) + 17 * 1024, "{most} bytes were under way");
    slow.until(&mut updates, |screen| screen.text == whole).await;
}

#[tokio::test]
async fn another_life_of_the_log_begins_with_an_empty_screen() {
    let bench = Bench::new().await;
    let (_attachment, mut updates) = bench.attach();
    let mut screen = Screen::default();
    bench.session.write(b"before the power cut");
    screen.until(&mut updates, |screen| screen.text == b"before the power cut").await;
    bench.session.lose_log();
    bench.session.write(b"after it");
    screen.until(&mut updates, |screen| screen.text == b"after it").await;
    assert_eq!(screen.cursor, Cursor { epoch: 2, seq: 1 });
}

#[tokio::test]
async fn it_is_told_when_all_that_was_there_has_come() {
    let bench = Bench::new().await;
    bench.session.write(b"one ");
    bench.session.write(b"two ");
    for after in [None, Some(Cursor { epoch: 1, seq: 1 })] {
        let route = Route::Keeper(bench.paths.clone());
        let opts = AttachOpts { after, ..opts(route, &bench.session) };
        let (_attachment, mut updates) = Attachment::start(opts);
        let mut screen = Screen::default();
        screen.until(&mut updates, |screen| screen.level.is_some()).await;
        let whole: &[u8] = if after.is_some() { b"two " } else { b"one two " };
        assert_eq!(screen.level.as_deref(), Some(whole), "behind {after:?}");
    }
}

#[tokio::test]
async fn continues_behind_a_given_place() {
    let bench = Bench::new().await;
    for text in ["one ", "two ", "three "] {
        bench.session.write(text.as_bytes());
    }
    let mut opts = opts(Route::Keeper(bench.paths.clone()), &bench.session);
    opts.after = Some(Cursor { epoch: 1, seq: 2 });
    let (_attachment, mut updates) = Attachment::start(opts);
    let mut screen = Screen::default();
    bench.session.write(b"four");
    screen.until(&mut updates, |screen| screen.text == b"three four").await;
    assert_eq!(screen.snapshots, 0);
}

#[tokio::test]
async fn the_end_is_told_after_all_that_was_written_before_it() {
    let bench = Bench::new().await;
    bench.session.log(Event::Banner { text: "work".into() }, b"");
    bench.session.write(&vec![b'x'; 20_000]);
    bench.session.log(Event::Exit { exit: 3 }, b"");
    let (_attachment, mut updates) = bench.attach();
    let mut screen = Screen::default();
    screen.until(&mut updates, |screen| screen.exit == Some(3)).await;
    assert_eq!((screen.text.len(), screen.banners.as_slice()), (20_000, &["work".to_owned()][..]));
}

#[tokio::test]
async fn leaving_waits_for_what_was_typed() {
    let bench = Bench::new().await;
    let (attachment, mut updates) = bench.attach();
    let mut screen = Screen::default();
    screen.until(&mut updates, |screen| screen.snapshots == 1).await;
    attachment.input(Bytes::from_static(b"make deploy\r")).await;
    soon("leaving", attachment.detach()).await;
    assert_eq!(bench.session.state.lock().unwrap().typed, b"make deploy\r");
    screen.until(&mut updates, |screen| screen.ended).await;
    assert_eq!(screen.why, None);
}

#[tokio::test]
async fn a_paste_of_many_megabytes_arrives_whole() {
    let bench = Bench::new().await;
    let (attachment, mut updates) = bench.attach();
    let paste: Vec<u8> = (0..6_000_000u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let all = Bytes::from(paste.clone());
    let pasting = async {
        attachment.input(all).await;
        bench.session.typed(paste.len()).await
    };
    let taking = async { while updates.recv().await.is_some() {} };
    let typed = tokio::select! {
        typed = pasting => typed,
        () = taking => panic!("it ended"),
    };
    assert!(typed == paste);
}

#[tokio::test]
async fn orders_keep_their_order() {
    let bench = Bench::new().await;
    let (attachment, mut updates) = bench.attach();
    let mut screen = Screen::default();
    screen.until(&mut updates, |screen| screen.snapshots == 1).await;
    let size = Size { cols: 132, rows: 50 };
    attachment.resize(size).await;
    attachment.take_size().await;
    attachment.interrupt().await;
    attachment.give_size().await;
    attachment.stop().await;
    screen.until(&mut updates, |screen| screen.settled == [1, 2, 3, 4, 5]).await;
    let acts = bench.session.state.lock().unwrap().acts.clone();
    assert_eq!(acts, [Act::Resize { size }, Act::TakeSize, Act::Interrupt, Act::GiveSize, Act::Stop]);
}

#[tokio::test]
async fn an_old_size_that_is_sent_again_does_not_override_a_newer_one() {
    let mut bench = Bench::new().await;
    let (attachment, mut updates) = bench.attach();
    let mut screen = Screen::default();
    screen.until(&mut updates, |screen| screen.snapshots == 1).await;
    bench.session.state.lock().unwrap().loses = Some(0);
    let [old, new] = [100, 132].map(|cols| Size { cols, rows: 50 });
    attachment.resize(old).await;
    bench.session.until(|state| state.loses == Some(1)).await;
    bench.keeper.shutdown().await;
    screen.until(&mut updates, |screen| matches!(screen.paths.last(), Some(Path::Waiting { .. }))).await;
    attachment.resize(new).await;
    bench.session.state.lock().unwrap().loses = None;
    bench.keeper = bench.session.listen(&bench.paths).await;
    bench.session.until(|state| state.acts.len() == 2).await;
    let acts = bench.session.state.lock().unwrap().acts.clone();
    assert_eq!(acts, [Act::Resize { size: old }, Act::Resize { size: new }]);
}

#[tokio::test]
async fn leaving_takes_all_that_was_ordered_before_it() {
    let bench = Bench::new().await;
    let (attachment, mut updates) = bench.attach();
    let mut screen = Screen::default();
    screen.until(&mut updates, |screen| screen.snapshots == 1).await;
    let paste = Bytes::from(vec![b'p'; MAX_WAITING + 100_000]);
    attachment.input(paste.clone()).await;
    attachment.input(Bytes::from_static(b"and this")).await;
    attachment.interrupt().await;
    soon("leaving", attachment.detach()).await;
    let state = bench.session.state.lock().unwrap();
    assert_eq!((state.typed.len(), state.acts.as_slice()), (paste.len() + 8, &[Act::Interrupt][..]));
    assert!(state.typed.ends_with(b"and this"));
}

#[tokio::test]
async fn a_keeper_that_is_gone_ends_it_with_a_reason() {
    let home = TempDir::new().unwrap();
    let session = Session::new();
    let route = Route::Keeper(Paths::under(home.path()));
    let (attachment, mut updates) = Attachment::start(opts(route, &session));
    let mut screen = Screen::default();
    screen.until(&mut updates, |screen| matches!(screen.paths.last(), Some(Path::Waiting { .. }))).await;
    while !screen.ended {
        attachment.reconnect_now();
        let update = soon("the end", updates.recv()).await.unwrap();
        screen.take(update);
    }
    assert_eq!(screen.why.unwrap().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_daemon_that_is_away_is_waited_for_and_leaving_is_possible_meanwhile() {
    let home = TempDir::new().unwrap();
    let session = Session::new();
    let route = Route::Daemon(Paths::under(home.path()));
    let (attachment, mut updates) = Attachment::start(opts(route, &session));
    let mut screen = Screen::default();
    screen.until(&mut updates, |screen| matches!(screen.paths.last(), Some(Path::Waiting { .. }))).await;
    attachment.input(Bytes::from_static(b"x")).await;
    soon("leaving", attachment.detach()).await;
    screen.until(&mut updates, |screen| screen.ended).await;
}
