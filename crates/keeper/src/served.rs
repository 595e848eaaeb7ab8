//! A program that answers over HTTP beside its terminal: it is spoken to once it is up, and for as long as it runs.

use crate::lines::{Line, Lines};
use crate::session::Session;
use agent::adapter::{Input, MAX_LINE};
use agent::served::{Ask, Heard, Place};
use bytes::Bytes;
use link::http::{Local, Stream};
use session::message::{Chat, Event};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// It is up after so long, or not at all.
const PATIENCE: Duration = Duration::from_mins(3);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(250);
/// It answers so soon where it does: some swallow what comes while they start.
const ANSWER: Duration = Duration::from_secs(5);
/// It tells of something so often, if only that it is there.
const SILENCE: Duration = Duration::from_secs(45);
/// Requests that wait for their turn; what is asked beyond them has no answer.
const MAX_ASKED: usize = 256;
/// What answers who does not know the password.
const UNAUTHORIZED: u16 = 401;
/// What is told where it answers everybody.
const OPEN: &str = "The agent's server answers programs that do not know its password, so it is not used. Its port is open: \
                    anybody on this machine may tell this agent what to do. End this session.";

/// What is to be asked of it, in order.
#[derive(Default)]
pub(crate) struct Asked(VecDeque<Vec<u8>>);

impl Asked {
    pub fn push(&mut self, line: Vec<u8>) {
        if self.0.len() >= MAX_ASKED {
            tracing::warn!("the agent's server does not answer as fast as it is asked");
            return;
        }
        self.0.push_back(line);
    }
}

enum Failed {
    /// It may be up later.
    NotYet,
    /// It does what anybody on this machine tells it.
    Open,
    /// It is not to be spoken to, and this is why, for people.
    Never(&'static str),
}

/// Speaks to the session's program, where it answers.
pub(crate) async fn watch(session: Rc<Session>) {
    let Some(place) = session.serves() else { return };
    let server = Local::new(place.port, place.authorization.clone());
    let mut since = Some(Instant::now());
    // Behind the end somebody else may listen there.
    while !session.has_ended() {
        match connect(&server, &place).await {
            Ok(events) => {
                since = None;
                session.set_spoken(true);
                session.hear(Input::Started);
                tokio::select! {
                    () = hear(&session, events) => {}
                    () = ask(&session, &server) => {}
                }
                session.set_spoken(false);
                session.hear(Input::Cut);
            }
            Err(Failed::NotYet) if since.is_none_or(|since| since.elapsed() < PATIENCE) => {}
            Err(Failed::NotYet) => return session.hear(Input::Cut),
            Err(Failed::Open) => {
                session.append(Event::Banner { text: OPEN.to_owned() }, Bytes::new());
                session.log_chat(&Chat::Note { text: OPEN.to_owned() });
                return session.hear(Input::Cut);
            }
            Err(Failed::Never(why)) => {
                session.log_chat(&Chat::Note { text: why.to_owned() });
                return session.hear(Input::Cut);
            }
        }
        sleep(LOOK).await;
    }
}

/// Whether somebody else than this user listens on this port, as Linux tells it (`proc_net_tcp`).
fn is_strangers(tables: &str, port: u16, us: u32) -> bool {
    let listens = |line: &&str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [_, local, _, "0A", _, _, _, user, ..] = words[..] else { return false };
        local.ends_with(&format!(":{port:04X}")) && user != us.to_string()
    };
    tables.lines().any(|line| listens(&line))
}

async fn connect(server: &Local, place: &Place) -> Result<Stream, Failed> {
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| std::fs::read_to_string(file).unwrap_or_default());
    if is_strangers(&tables.concat(), place.port, rustix::process::geteuid().as_raw()) {
        return Err(Failed::Never(
            "Somebody else listens where the agent's server is to answer, so it is not used.",
        ));
    }
    let not_yet = |error: link::Error| {
        tracing::debug!(%error, "the agent's server is not up");
        Failed::NotYet
    };
    let late = |_| Failed::NotYet;
    let stranger = timeout(ANSWER, server.stranger(place.health)).await.map_err(late)?.map_err(not_yet)?;
    if stranger != UNAUTHORIZED {
        return Err(Failed::Open);
    }
    let health = server.ask("GET", place.health, None, MAX_LINE);
    let (status, _) = timeout(ANSWER, health).await.map_err(late)?.map_err(not_yet)?;
    if status != 200 {
        return Err(Failed::Never("The agent's server does not know its password, so it is not used."));
    }
    timeout(ANSWER, server.follow(place.events)).await.map_err(late)?.map_err(not_yet)
}

/// Server-Sent Events (HTML Living Standard, section 9.2), of which each is told in one line of data.
async fn hear(session: &Session, mut events: Stream) {
    let mut lines = Lines::new(MAX_LINE);
    while let Ok(Some(bytes)) = timeout(SILENCE, events.next()).await {
        lines.feed(&bytes, |line| match line {
            Line::Whole(line) => {
                if let Some(data) = line.strip_prefix(b"data:") {
                    let event = Heard::Event(data.strip_prefix(b" ").unwrap_or(data)).line();
                    session.hear(Input::Line(&event));
                }
            }
            Line::Overlong(bytes) => session.hear(Input::Overlong(bytes)),
        });
    }
}

/// One request after another, in the order in which they were made.
async fn ask(session: &Session, server: &Local) {
    loop {
        let next = session.inner.borrow_mut().to_ask.0.pop_front();
        let Some(line) = next else {
            session.to_ask.notified().await;
            continue;
        };
        let Some(Ask { id, method, path, body }) = Ask::read(&line) else { continue };
        let body = (!body.is_empty()).then(|| body.as_bytes().to_vec().into());
        let answer = match server.ask(method, path, body, MAX_LINE).await {
            Ok((status, body)) => Heard::Answer { id, status, body: &body }.line(),
            Err(error) => Heard::Answer { id, status: 0, body: error.to_string().as_bytes() }.line(),
        };
        session.hear(Input::Line(&answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use session::id::StreamId;
    use session::message::{ToClient, ToHost};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::task::{LocalSet, spawn_local};

    struct Serves(u16);

    impl agent::adapter::Adapter for Serves {
        fn handle(&mut self, _: Input<'_>, _: u64) {}

        fn poll(&mut self) -> Option<agent::adapter::Output> {
            None
        }

        fn serves(&self) -> Option<Place> {
            let authorization = "Basic x".to_owned();
            Some(Place { port: self.0, authorization, health: "/health", events: "/event" })
        }
    }

    #[tokio::test]
    async fn nobody_is_told_the_password_behind_the_end_of_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let session = Rc::new(crate::start::tests::session(folder.path()));
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = free.local_addr().unwrap();
        drop(free);
        session.set_side(Box::new(Serves(place.port())), None, None);
        let local = LocalSet::new();
        let later = local.run_until(async {
            let watching = spawn_local(watch(Rc::clone(&session)));
            sleep(LOOK / 2).await;
            session.end(0);
            let later = TcpListener::bind(place).await.unwrap();
            timeout(LOOK * 4, watching).await.expect("it ends").unwrap();
            later
        });
        let later = later.await;
        assert!(timeout(LOOK, later.accept()).await.is_err(), "nobody speaks to it");
    }

    #[tokio::test]
    async fn a_port_that_is_open_to_everybody_is_told_of_in_the_chat_and_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let session = Rc::new(crate::start::tests::session(folder.path()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        session.set_side(Box::new(Serves(listener.local_addr().unwrap().port())), None, None);
        let answers = async {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut asked = [0; 4096];
            let length = client.read(&mut asked).await.unwrap();
            assert!(!String::from_utf8_lossy(&asked[..length]).to_lowercase().contains("authorization"));
            client.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        };
        let watching = timeout(ANSWER * 2, watch(Rc::clone(&session)));
        tokio::join!(answers, async { watching.await.expect("it is not spoken to") });
        let (id, ..) = session.join(StreamId::from_random([1; 10]), None);
        let message =
            ToHost::Past { session: session.summary().id, before: u64::MAX, room: u32::MAX, after: Some(0) };
        session.handle(id, message, &Bytes::new()).expect("it may");
        let (mut banners, mut chats) = (Vec::new(), 0);
        for (header, payload) in session.poll(id).expect("it stays") {
            match header {
                ToClient::Past { event: Event::Banner { text }, .. } => banners.push(text),
                ToClient::Past { event: Event::Chat { .. }, .. } => {
                    chats += usize::from(String::from_utf8_lossy(&payload).contains("port is open"));
                }
                _ => {}
            }
        }
        assert_eq!((banners, chats), (vec![OPEN.to_owned()], 1));
    }

    #[tokio::test]
    async fn a_listener_of_this_user_is_none_of_somebody_else() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tables = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        assert!(!is_strangers(&tables, port, rustix::process::geteuid().as_raw()));
        let line = |state, user| {
            format!(
                "   0: 0100007F:1F90 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 {user} 0 1 1\n"
            )
        };
        assert!(is_strangers(&line("0A", 1001), 8080, 1000));
        for mine in [line("0A", 1000), line("01", 1001), String::new(), "sl local".to_owned()] {
            assert!(!is_strangers(&mine, 8080, 1000), "{mine}");
        }
        assert!(!is_strangers(&line("0A", 1001), 8081, 1000));
    }
}
