//! A program that answers over HTTP beside its terminal: it is spoken to once it is up, and for as long as it runs.

use crate::lines::{Line, Lines};
use crate::session::Session;
use agent::adapter::{Input, MAX_LINE};
use agent::served::{Ask, Heard, Place};
use link::http::{Local, Stream};
use session::message::Chat;
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
    /// It is not to be spoken to, and this is why, for people.
    Never(&'static str),
}

/// Speaks to the session's program, where it answers.
pub(crate) async fn watch(session: Rc<Session>) {
    let Some(place) = session.serves() else { return };
    let server = Local::new(place.port, place.authorization.clone());
    let mut since = Some(Instant::now());
    loop {
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
            Err(Failed::Never(why)) => {
                session.log_chat(&Chat::Note { text: why.to_owned() });
                return session.hear(Input::Cut);
            }
        }
        sleep(LOOK).await;
    }
}

async fn connect(server: &Local, place: &Place) -> Result<Stream, Failed> {
    let not_yet = |error: link::Error| {
        tracing::debug!(%error, "the agent's server is not up");
        Failed::NotYet
    };
    let late = |_| Failed::NotYet;
    let stranger = timeout(ANSWER, server.stranger(place.health)).await.map_err(late)?.map_err(not_yet)?;
    if stranger != UNAUTHORIZED {
        return Err(Failed::Never(
            "The agent's server answers programs that do not know its password, so it is not used. Anybody on this machine \
             may tell this agent what to do: end the session if that is not only you.",
        ));
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
